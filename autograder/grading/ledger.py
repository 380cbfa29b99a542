"""What we keep of every result in tables of our own, in nbgrader's database: outcomes, seeds, times, fingerprints.

`torchmark_submission` has a row for each submission, with the whole result as JSON; `torchmark_check` has one for each
of its checks; `torchmark_try` keeps every try at a question.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec
import sqlalchemy as sa

from autograder.model import QuestionResult, QuestionState, SubmissionResult, Try

TABLES = sa.MetaData()

SUBMISSIONS = sa.Table(
    "torchmark_submission",
    TABLES,
    sa.Column("assignment", sa.String(128), primary_key=True),
    sa.Column("student", sa.String(128), primary_key=True),
    sa.Column("fingerprint", sa.String(64), nullable=False),
    sa.Column("status", sa.String(16), nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("score", sa.Float, nullable=False),
    sa.Column("max_score", sa.Float, nullable=False),
    sa.Column("isolation", sa.String(8), nullable=False),
    sa.Column("device", sa.String(32), nullable=False),
    sa.Column("seconds", sa.Float, nullable=False),
    sa.Column("submitted_at", sa.DateTime),  # UTC
    sa.Column("graded_at", sa.DateTime, nullable=False),  # UTC
    sa.Column("result", sa.Text, nullable=False),  # SubmissionResult as JSON
)

CHECKS = sa.Table(
    "torchmark_check",
    TABLES,
    sa.Column("assignment", sa.String(128), primary_key=True),
    sa.Column("student", sa.String(128), primary_key=True),
    sa.Column("exercise", sa.String(128), primary_key=True),
    sa.Column("name", sa.String(128), primary_key=True),
    sa.Column("kind", sa.String(16), nullable=False),
    sa.Column("outcome", sa.String(16), nullable=False),
    sa.Column("points", sa.Float, nullable=False),
    sa.Column("max_points", sa.Float, nullable=False),
    sa.Column("mistake", sa.String(128)),
    sa.Column("seed", sa.String(64), nullable=False),
    sa.Column("seconds", sa.Float, nullable=False),
)

TRIES = sa.Table(
    "torchmark_try",
    TABLES,
    sa.Column("assignment", sa.String(128), primary_key=True),
    sa.Column("student", sa.String(128), primary_key=True),
    sa.Column("question", sa.String(128), primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True),  # from 1
    sa.Column("answer", sa.Text, nullable=False),
    sa.Column("state", sa.String(32), nullable=False),
    sa.Column("share", sa.Float, nullable=False),
    sa.Column("submitted_at", sa.DateTime),  # UTC
    sa.Column("graded_at", sa.DateTime, nullable=False),  # UTC
    sa.Column("feedback_at", sa.DateTime),  # UTC; what is answered after it is a further try
)


class Ledger:
    """Reads and writes our tables through a session of SQLAlchemy; who owns the session commits."""

    def __init__(self, session: Any) -> None:
        self._session = session

    def write(self, result: SubmissionResult, submitted_at: datetime | None) -> None:
        """Put a result in place of an earlier one of the same submission. submitted_at: UTC, naive."""
        key = {"assignment": result.assignment, "student": result.student}
        for table in (SUBMISSIONS, CHECKS):
            self._session.execute(sa.delete(table).where(*_is(table, result.assignment, result.student)))
        row = {
            name: getattr(result, name) for name in ("fingerprint", "status", "score", "max_score", "device", "seconds")
        }
        self._session.execute(
            sa.insert(SUBMISSIONS).values(
                **key,
                **row,
                reason=_storable(result.reason),
                isolation=result.isolation.value,
                submitted_at=submitted_at,
                graded_at=datetime.now(UTC).replace(tzinfo=None),
                result=_storable(msgspec.json.encode(result).decode()),
            )
        )
        checks = [
            {
                **key,
                "exercise": exercise.name,
                "name": check.name,
                "kind": check.kind.value,
                "outcome": check.outcome.value,
                "points": check.points,
                "max_points": check.max_points,
                "mistake": check.mistake,
                "seed": check.seed,
                "seconds": check.seconds,
            }
            for exercise in result.exercises
            for check in exercise.checks
        ]
        if checks:
            self._session.execute(sa.insert(CHECKS), checks)
        for question in result.questions:
            if question.attempt:
                self._write_try(key, question, submitted_at)

    def _write_try(self, key: dict[str, str], this: QuestionResult, submitted_at: datetime | None) -> None:
        """Put a try in place of the one of its number; what comes after that was never given feedback on."""
        stored = _storable(this.answer)
        where = (*_is(TRIES, key["assignment"], key["student"]), TRIES.c.question == this.name)
        row = self._session.execute(sa.select(TRIES).where(*where, TRIES.c.number == this.attempt)).one_or_none()
        self._session.execute(sa.delete(TRIES).where(*where, TRIES.c.number >= this.attempt))
        is_same = row is not None and row.answer == stored
        self._session.execute(
            sa.insert(TRIES).values(
                **key,
                question=this.name,
                number=this.attempt,
                answer=stored,
                state=this.state.value,
                share=this.share,
                submitted_at=row.submitted_at if is_same else submitted_at,
                graded_at=datetime.now(UTC).replace(tzinfo=None),
                feedback_at=row.feedback_at if is_same else None,
            )
        )

    def tries(self, assignment: str) -> dict[str, tuple[Try, ...]]:
        """student -> every try at the questions of an assignment, by question and number."""
        query = sa.select(TRIES).where(TRIES.c.assignment == assignment)
        found: dict[str, list[Try]] = {}
        for row in self._session.execute(query.order_by(TRIES.c.student, TRIES.c.question, TRIES.c.number)):
            state, has_feedback = QuestionState(row.state), row.feedback_at is not None
            one = Try(row.question, row.number, row.answer, state, row.share, has_feedback)
            found.setdefault(row.student, []).append(one)
        return {student: tuple(tries) for student, tries in found.items()}

    def note_feedback(self, assignment: str, student: str, at: datetime) -> None:
        """Feedback on what is recorded was written. at: UTC, naive."""
        where = (*_is(TRIES, assignment, student), TRIES.c.feedback_at.is_(None))
        self._session.execute(sa.update(TRIES).where(*where).values(feedback_at=at))

    def fingerprints(self, assignment: str) -> dict[str, str]:
        """student -> fingerprint of what was graded last."""
        query = sa.select(SUBMISSIONS.c.student, SUBMISSIONS.c.fingerprint)
        rows = self._session.execute(query.where(SUBMISSIONS.c.assignment == assignment))
        return {row.student: row.fingerprint for row in rows}

    def fingerprint(self, assignment: str, student: str) -> str:
        """The fingerprint of one submission, "" where there is none."""
        return (
            self._session.scalar(sa.select(SUBMISSIONS.c.fingerprint).where(*_is(SUBMISSIONS, assignment, student)))
            or ""
        )

    def read(self, assignment: str | None, student: str | None) -> list[SubmissionResult]:
        """The results of one submission, of an assignment or of the course, in order. Raises msgspec.DecodeError."""
        query = sa.select(SUBMISSIONS.c.result).order_by(SUBMISSIONS.c.assignment, SUBMISSIONS.c.student)
        texts = self._session.scalars(query.where(*_is(SUBMISSIONS, assignment, student))).all()
        return [msgspec.json.decode(text, type=SubmissionResult) for text in texts]

    def times(self) -> dict[tuple[str, str], datetime]:
        """(assignment, student) -> when it was handed in, in UTC, where that is known."""
        columns = SUBMISSIONS.c.assignment, SUBMISSIONS.c.student, SUBMISSIONS.c.submitted_at
        rows = self._session.execute(sa.select(*columns).where(SUBMISSIONS.c.submitted_at.is_not(None)))
        return {(row.assignment, row.student): row.submitted_at.replace(tzinfo=UTC) for row in rows}


def _is(table: sa.Table, assignment: str | None, student: str | None) -> list[sa.ColumnElement[bool]]:
    wanted = {"assignment": assignment, "student": student}
    return [table.c[name] == value for name, value in wanted.items() if value is not None]


def _storable(text: str) -> str:
    """PostgreSQL stores no NUL."""
    return text.replace("\x00", "\ufffd")
