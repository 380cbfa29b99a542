"""nbgrader's gradebook: the only module that touches its database.

Points go in as `auto_score` and summaries as `auto_comment`, through nbgrader's API; `manual_score` is never written,
and `needs_manual_grade` is set as nbgrader's own SaveAutoGrades sets it. Tables of ours (`grading/ledger.py`) lie in
the same database and are written in the same transaction.
"""

from __future__ import annotations

import json
import logging
import os
import sys
import warnings
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import nbformat
import sqlalchemy
from nbgrader import api
from nbgrader.utils import compute_checksum
from sqlalchemy import exc as sa_errors

from autograder.course import Assignment, Course
from autograder.errors import TorchmarkError
from autograder.grading.hand_marks import HandMark, with_hand_marks
from autograder.grading.late import LateRule, late_rule
from autograder.grading.ledger import TABLES, Ledger
from autograder.grading.released import Released
from autograder.grading.summary import summarise
from autograder.model import (
    Comment,
    ExerciseResult,
    HandGrade,
    QuestionResult,
    QuestionState,
    Remarks,
    SubmissionResult,
    Try,
)

LOCK_SECONDS = 15  # how long to wait while another program writes into an SQLite file


class GradebookError(TorchmarkError):
    """The gradebook cannot be opened, read or written."""


class Gradebook(AbstractContextManager["Gradebook"]):
    """The gradebook of a course. One process writes: the one that grades a class. Raises GradebookError."""

    def __init__(self, course: Course) -> None:
        self._course = course
        self._late_rules: dict[str, LateRule] = {}
        self._url = course.settings.gradebook.url_from(course.root)
        with self._speaking_plainly(), _alembic_on_path():
            self._api = api.Gradebook(_patient(self._url), course_id=course.settings.course.id)
            TABLES.create_all(self._api.engine)
            self._ledger = Ledger(self._api.db)

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Give the connection back."""
        self._api.close()

    def prepare(self, assignment: Assignment, released: Released) -> list[str]:
        """Bring the rows of an assignment in line with what is released now; notes for staff.

        Rows of cells that are no longer released go, with their automatic points, unless a teaching assistant has
        graded or commented on them by hand. What late submissions lose is counted anew, since due dates and
        extensions change.
        """
        with self._speaking_plainly():
            notes = _Rows(self._api, assignment, released).write()
            for rows in self._api.find_notebook(assignment.name, assignment.name).submissions:
                self._write_late_penalty(assignment, rows)
            self._api.db.commit()
            return notes

    def record(
        self,
        assignment: Assignment,
        released: Released,
        result: SubmissionResult,
        submitted_at: datetime | None = None,
        has_timestamp_file: bool = False,
    ) -> None:
        """Write one result, all of it or nothing.

        submitted_at is in UTC. nbgrader is told only what it finds in timestamp.txt itself: with any other time,
        formgrader takes the submission for one that was not graded yet.
        """
        with self._speaking_plainly():
            self._api.update_or_create_student(result.student)
            stamp = submitted_at.replace(tzinfo=None) if submitted_at else None
            self._api.update_or_create_submission(
                assignment.name, result.student, timestamp=stamp if has_timestamp_file else None
            )
            rows = self._api.find_submission_notebook(assignment.name, assignment.name, result.student)
            scores = _auto_scores(result, released)
            is_new = (
                self._ledger.fingerprint(assignment.name, result.student) != result.fingerprint
                or not result.fingerprint
            )
            for grade in rows.grades:
                if grade.name in scores:
                    _write_grade(grade, scores[grade.name], _must_look(grade.name, result), is_new)
            comments = _auto_comments(result, released)
            for comment in rows.comments:
                comment.auto_comment = comments.get(comment.name)
            self._write_late_penalty(assignment, rows)
            self._ledger.write(result, stamp)
            self._api.db.commit()

    def _write_late_penalty(self, assignment: Assignment, rows: Any) -> None:
        """What a late submission loses, by the points that it has now; as nbgrader's own autograding writes it."""
        rows.late_submission_penalty = None
        submission = rows.assignment
        late = submission.total_seconds_late if submission.assignment.duedate is not None else 0
        if late > 0:
            self._api.db.flush()
            self._api.db.expire(rows, ["score"])
            if assignment.name not in self._late_rules:  # nbgrader_config.py is run once, and only where it matters
                self._late_rules[assignment.name] = late_rule(self._course, assignment)
            rule = self._late_rules[assignment.name]
            rows.late_submission_penalty = rule(submission.student.id, rows.score, late) or None

    def fingerprints(self, assignment: str) -> dict[str, str]:
        """student -> fingerprint of what was graded last."""
        with self._speaking_plainly():
            found = self._ledger.fingerprints(assignment)
            known = {row.student_id for row in self._api.find_assignment(assignment).submissions} if found else set()
        return {student: fingerprint for student, fingerprint in found.items() if student in known}

    def tries(self, assignment: str) -> dict[str, tuple[Try, ...]]:
        """student -> every answer to the questions of an assignment that feedback was written on, and the last."""
        with self._speaking_plainly():
            return self._ledger.tries(assignment)

    def note_feedback(self, results: Iterable[SubmissionResult], at: datetime) -> None:
        """Feedback on these results was written: an answer to a question that changes from now on is a further try."""
        with self._speaking_plainly():
            for result in results:
                self._ledger.note_feedback(result.assignment, result.student, at.astimezone(UTC).replace(tzinfo=None))
            self._api.db.commit()

    def load_result(self, assignment: str, student: str) -> SubmissionResult | None:
        """What was recorded for one student, or None. The outputs of cells are in autograded/, not in it."""
        found = self._load(assignment, student)
        return found[0] if found else None

    def load_results(self, assignment: str | None = None) -> list[SubmissionResult]:
        """All that was recorded, for one assignment or for the course, by assignment and student."""
        return self._load(assignment, None)

    def load_remarks(self, assignment: str) -> dict[str, Remarks]:
        """student -> the points that count, the late penalty, and what teachers wrote and graded by hand."""
        closes = self.last_due(assignment)
        with self._speaking_plainly():
            comments: dict[str, list[Comment]] = {}
            by_hand: dict[str, list[HandGrade]] = {}
            for found in self._of_assignment(api.Comment, assignment):
                if found.manual_comment:
                    comments.setdefault(found.student.id, []).append(Comment(_plain(found.name), found.manual_comment))
            for grade in self._of_assignment(api.Grade, assignment):
                if grade.manual_score is not None or grade.extra_credit or grade.auto_score is None:
                    score = None if grade.auto_score is None and grade.manual_score is None else grade.score
                    one = HandGrade(_plain(grade.name), score, grade.max_score)
                    by_hand.setdefault(grade.student.id, []).append(one)
            return {
                row.student_id: Remarks(
                    score=row.score,
                    max_score=row.max_score,
                    late_penalty=row.late_submission_penalty or 0.0,
                    seconds_late=row.total_seconds_late if row.assignment.duedate is not None else 0.0,
                    comments=tuple(comments.get(row.student_id, ())),
                    by_hand=tuple(by_hand.get(row.student_id, ())),
                    closes=closes,
                )
                for row in self._api.find_assignment(assignment).submissions
            }

    def _of_assignment(self, kind: Any, assignment: str) -> Any:
        """The rows of one kind, Grade or Comment, of all submissions of an assignment."""
        query = self._api.db.query(kind).join(api.SubmittedNotebook).join(api.SubmittedAssignment)
        return query.join(api.Assignment).filter(api.Assignment.name == assignment)

    def last_due(self, assignment: str) -> datetime | None:
        """When nobody can hand in any more without being late: the due date with the longest extension, in UTC."""
        with self._speaking_plainly():
            rows = self._api.find_assignment(assignment)
            if rows.duedate is None:
                return None
            extensions = [one.extension for one in rows.submissions if one.extension is not None]
            due: datetime = max([rows.duedate, *(rows.duedate + one for one in extensions)])
            return due.replace(tzinfo=UTC)

    def load_times(self) -> dict[tuple[str, str], datetime]:
        """(assignment, student) -> when it was handed in, in UTC, where that is known."""
        with self._speaking_plainly():
            return self._ledger.times()

    def _load(self, assignment: str | None, student: str | None) -> list[SubmissionResult]:
        try:
            with self._speaking_plainly():
                marks = self._hand_marks()
                return [
                    with_hand_marks(result, marks.get((result.assignment, result.student), {}))
                    for result in self._ledger.read(assignment, student)
                ]
        except msgspec.DecodeError as error:
            raise GradebookError(
                f"{self._shown_url}: a result of another version of this program ({error}); run: grader grade --again"
            ) from None

    def _hand_marks(self) -> dict[tuple[str, str], dict[str, HandMark]]:
        """(assignment, student) -> grade cell -> what a person wrote in formgrader."""
        columns = (
            api.Assignment.name.label("assignment"),
            api.SubmittedAssignment.student_id.label("student"),
            api.BaseCell.name.label("cell"),
            api.Grade.manual_score,
            api.Grade.extra_credit,
        )
        rows = (
            self._api.db.query(*columns)
            .select_from(api.Grade)
            .join(api.BaseCell, api.Grade.cell_id == api.BaseCell.id)
            .join(api.SubmittedNotebook, api.Grade.notebook_id == api.SubmittedNotebook.id)
            .join(api.SubmittedAssignment, api.SubmittedNotebook.assignment_id == api.SubmittedAssignment.id)
            .join(api.Assignment, api.SubmittedAssignment.assignment_id == api.Assignment.id)
            .filter(api.Grade.manual_score.is_not(None) | api.Grade.extra_credit.is_not(None))
        )
        marks: dict[tuple[str, str], dict[str, HandMark]] = {}
        for row in rows:
            mark = HandMark(row.manual_score, row.extra_credit or 0.0)
            marks.setdefault((row.assignment, row.student), {})[row.cell] = mark
        return marks

    @property
    def _shown_url(self) -> str:
        try:
            return sqlalchemy.make_url(self._url).render_as_string(hide_password=True)
        except sa_errors.ArgumentError:
            return "gradebook.url in grader.toml"

    @contextmanager
    def _speaking_plainly(self) -> Iterator[None]:
        """Any database error as one line; nbgrader's own log of it and SQLAlchemy's warnings about nbgrader unsaid."""
        log = logging.getLogger("tornado.application")
        was_disabled, log.disabled = log.disabled, True
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", sa_errors.SAWarning)
                yield
        except (sa_errors.SQLAlchemyError, api.InvalidEntry, ImportError) as error:
            if hasattr(self, "_api"):
                self._api.db.rollback()
            raise GradebookError(f"{self._shown_url}: {_explain(error)}") from None
        finally:
            log.disabled = was_disabled


def load_remarks(course: Course, names: Iterable[str]) -> dict[tuple[str, str], Remarks]:
    """(assignment, student) -> what the gradebook knows beside our results. Raises GradebookError."""
    with Gradebook(course) as gradebook:
        return {(name, student): one for name in names for student, one in gradebook.load_remarks(name).items()}


def load_results(course: Course, assignment: str | None = None) -> list[SubmissionResult]:
    """All results that a course's gradebook holds, by assignment and student. Raises GradebookError."""
    with Gradebook(course) as gradebook:
        return gradebook.load_results(assignment)


def _explain(error: Exception) -> str:
    text = " ".join(str(error).split())
    lowered = text.lower()
    if "database is locked" in lowered or "locknotavailable" in lowered:
        return "is locked by another program; close what has it open and run again (what was written so far is kept)"
    if isinstance(error, ImportError):
        return f"its database driver is missing ({text}); install it with pip"
    if isinstance(error, sa_errors.NoSuchModuleError | sa_errors.ArgumentError):
        return "is no database URL that SQLAlchemy knows; correct gradebook.url in grader.toml"
    if "no such column" in lowered or "undefinedcolumn" in lowered:
        return "was made by an older nbgrader; run: nbgrader db upgrade"
    return text.split("[SQL:")[0].strip()[:300]


def _patient(url: str) -> str:
    """The URL with a longer wait for SQLite's lock."""
    return f"{url}?timeout={LOCK_SECONDS}" if url.startswith("sqlite") and "?" not in url else url


@contextmanager
def _alembic_on_path() -> Iterator[None]:
    """nbgrader runs `alembic` by name when it makes a new database; it lies beside our own interpreter."""
    before = os.environ.get("PATH", "")
    os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), before])
    try:
        yield
    finally:
        os.environ["PATH"] = before


class _Rows:
    """The rows of one assignment, brought in line with its released notebook."""

    def __init__(self, gradebook: Any, assignment: Assignment, released: Released) -> None:
        self._gradebook = gradebook
        self._name = assignment.name
        self._assignment = assignment
        self._released = released
        self._notes: list[str] = []

    def write(self) -> list[str]:
        dates = {} if self._assignment.due is None else {"duedate": self._assignment.due}
        self._gradebook.update_or_create_assignment(self._name, **dates)
        kernel = json.dumps(self._released.notebook.metadata.get("kernelspec", {}))
        row = self._gradebook.update_or_create_notebook(self._name, self._name, kernelspec=kernel)
        self._write_cells()
        db = self._gradebook.db
        db.expire_all()
        self._remove_stale(row)
        db.commit()
        db.expire_all()
        for submission in row.submissions:
            self._complete(submission, row)
        db.commit()
        return self._notes

    def _write_cells(self) -> None:
        book, place = self._gradebook, (self._name, self._name)
        nodes = {node.metadata.nbgrader["grade_id"]: node for node in _nbgrader_cells(self._released.notebook)}
        for cell in self._released.cells:
            worth = {"max_score": cell.points, "cell_type": cell.kind}
            if cell.is_grade:
                book.update_or_create_grade_cell(cell.grade_id, *place, **worth)
            if cell.is_solution:
                book.update_or_create_solution_cell(cell.grade_id, *place)
            if cell.is_task:
                book.update_or_create_task_cell(cell.grade_id, *place, **worth)
            if cell.is_grade or cell.is_solution or cell.is_task or cell.is_locked:
                book.update_or_create_source_cell(
                    cell.grade_id,
                    *place,
                    cell_type=cell.kind,
                    locked=cell.is_locked,
                    source=cell.source,
                    checksum=compute_checksum(nodes[cell.grade_id]),
                )

    def _remove_stale(self, row: Any) -> None:
        """Rows of cells that are released no more, or no more as what they were."""
        cells = self._released.cells
        self._remove(row.grade_cells, {cell.grade_id for cell in cells if cell.is_grade})
        self._remove(row.solution_cells, {cell.grade_id for cell in cells if cell.is_solution})
        self._remove(row.task_cells, {cell.grade_id for cell in cells if cell.is_task})
        for source in row.source_cells:
            if source.name not in self._released.by_id:
                self._gradebook.db.delete(source)

    def _remove(self, rows: Iterable[Any], wanted: set[str]) -> None:
        for row in list(rows):
            if row.name in wanted:
                continue
            kept = [*(row.grades or ()), *(row.comments or ())]
            if any(_is_by_hand(item) for item in kept):
                self._notes.append(
                    f'"{row.name}" is released no more, but was graded by hand; it stays, with its points'
                )
                continue
            for item in kept:
                self._gradebook.db.delete(item)
            self._gradebook.db.delete(row)

    def _complete(self, submission: Any, row: Any) -> None:
        """Add what a submission that was recorded earlier lacks for cells that are new."""
        graded = {grade.cell_id for grade in submission.grades}
        commented = {comment.cell_id for comment in submission.comments}
        for cell in [*row.grade_cells, *row.task_cells]:
            if cell.id not in graded:
                self._gradebook.db.add(api.Grade(cell_id=cell.id, notebook_id=submission.id))
        for cell in [*row.solution_cells, *row.task_cells]:
            if cell.id not in commented:
                self._gradebook.db.add(api.Comment(cell_id=cell.id, notebook_id=submission.id))


def _nbgrader_cells(notebook: nbformat.NotebookNode | None) -> Sequence[Any]:
    cells = notebook.cells if notebook is not None else ()
    return [cell for cell in cells if cell.metadata.get("nbgrader", {}).get("grade_id")]


def _is_by_hand(item: Any) -> bool:
    """True for a Grade or Comment that a teaching assistant has touched."""
    return any(getattr(item, name, None) is not None for name in ("manual_score", "extra_credit", "manual_comment"))


def _exercise_of(grade_id: str, result: SubmissionResult) -> ExerciseResult | QuestionResult | None:
    """The exercise or question that a grade cell ("test_softmax") or a solution cell ("softmax") belongs to."""
    scored: tuple[ExerciseResult | QuestionResult, ...] = (*result.exercises, *result.questions)
    return next((found for found in scored if grade_id in (found.name, f"test_{found.name}")), None)


def _auto_scores(result: SubmissionResult, released: Released) -> dict[str, float | None]:
    """Grade cell -> its points; None where a person must grade: an answer in words that was given."""
    scores: dict[str, float | None] = {}
    for cell in released.cells:
        if cell.is_grade:
            scored = _exercise_of(cell.grade_id, result)
            scores[cell.grade_id] = None if scored is None or _waits_for_a_person(scored) else scored.score
    return scores


def _waits_for_a_person(scored: ExerciseResult | QuestionResult) -> bool:
    return isinstance(scored, QuestionResult) and scored.state is QuestionState.BY_HAND


def _plain(cell: str) -> str:
    """The exercise or question behind the name of a cell."""
    return cell.removeprefix("test_")


def _must_look(grade_id: str, result: SubmissionResult) -> bool:
    """True when staff must look for our sake: the submission could not be graded, or a check of ours broke."""
    exercise = _exercise_of(grade_id, result)
    return result.status == "failed" or (isinstance(exercise, ExerciseResult) and exercise.needs_staff)


def _write_grade(grade: Any, score: float | None, must_look: bool, is_new: bool) -> None:
    """Set the automatic points. A manual score stays and counts instead; on a change it is to be looked at again."""
    has_changed = is_new or grade.auto_score != score
    grade.auto_score = score
    if grade.manual_score is not None:
        grade.needs_manual_grade = grade.needs_manual_grade or has_changed
    else:
        grade.needs_manual_grade = score is None or must_look


def _auto_comments(result: SubmissionResult, released: Released) -> dict[str, str | None]:
    """Solution cell -> what it came to. What a person will grade has no comment of ours."""
    comments: dict[str, str | None] = {}
    for cell in released.cells:
        scored = _exercise_of(cell.grade_id, result)
        if cell.is_solution and scored is not None:
            comments[cell.grade_id] = None if _waits_for_a_person(scored) else summarise(scored, result)
    return comments
