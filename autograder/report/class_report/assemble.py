"""From the results of a class to what its pages and tables say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import msgspec
import pandas as pd

from autograder.cells import Role
from autograder.course import Assignment
from autograder.model import SubmissionResult
from autograder.report.class_report.clusters import Unexplained, unexplained
from autograder.report.class_report.fairness import Fairness, judge_fairness
from autograder.report.class_report.items import Analysis, analyse
from autograder.report.class_report.mistakes import Made, mistakes_made
from autograder.report.class_report.names import Names
from autograder.report.class_report.progress import Progress
from autograder.report.class_report.rates import (
    Distribution,
    ExerciseRate,
    QuestionRate,
    distribution_of,
    exercise_rates,
    question_rates,
)
from autograder.report.class_report.similarity import Pair, similar_pairs
from autograder.report.class_report.tables import frame

SPREAD = timedelta(minutes=10)  # hand-in times closer than this come from a copy of the files
Times = Mapping[tuple[str, str], datetime]  # (assignment, student) -> when it was handed in, in UTC


@dataclass(frozen=True)
class AssignmentReport:
    """All that the page of one assignment says."""

    assignment: Assignment
    results: tuple[SubmissionResult, ...]
    graded: tuple[SubmissionResult, ...]
    names: Names
    scores: Distribution | None
    exercises: tuple[ExerciseRate, ...]
    questions: tuple[QuestionRate, ...]
    mistakes: tuple[Made, ...]
    unexplained: Unexplained
    analysis: Analysis
    fairness: Fairness
    pairs: tuple[Pair, ...]
    handed_in: Mapping[str, datetime]  # by student

    @property
    def times_are_known(self) -> bool:
        """True when hand-in times tell something: they are spread."""
        times = self.handed_in.values()
        return len(times) > 1 and max(times) - min(times) > SPREAD


def report_on(
    assignment: Assignment, results: Sequence[SubmissionResult], times: Times, names: Names
) -> AssignmentReport:
    """Work out the report on one assignment. results: of this assignment alone."""
    graded = tuple(result for result in results if result.status == "graded")
    found = unexplained(graded)
    return AssignmentReport(
        assignment=assignment,
        results=tuple(results),
        graded=graded,
        names=names,
        scores=distribution_of([r.score for r in graded], max((r.max_score for r in graded), default=0.0)),
        exercises=exercise_rates(graded),
        questions=question_rates(graded),
        mistakes=mistakes_made(graded),
        unexplained=found,
        analysis=analyse(graded),
        fairness=judge_fairness(results),
        pairs=similar_pairs(graded, given_sources(assignment), found.clusters),
        handed_in={r.student: times[r.assignment, r.student] for r in graded if (r.assignment, r.student) in times},
    )


def given_sources(assignment: Assignment) -> list[str]:
    """The code that all students have, and the references, definition by definition and as a whole."""
    sources = [cell.source for cell in assignment.cells if cell.role is not Role.EXERCISE]
    released = assignment.release_folder / f"{assignment.name}.ipynb"
    try:
        notebook = msgspec.json.decode(released.read_bytes())
        code = [cell["source"] for cell in notebook["cells"] if cell["cell_type"] == "code"]
        sources += [source if isinstance(source, str) else "".join(source) for source in code]
    except (OSError, msgspec.DecodeError, KeyError, TypeError):
        pass  # not released yet, or under another name: the stubs are then not taken away
    if assignment.solutions.is_file():
        sources.append(assignment.solutions.read_text(encoding="utf-8"))
    return sources


def assignment_tables(report: AssignmentReport) -> dict[str, pd.DataFrame]:
    """The tables of one assignment. Students are named as on the page."""
    who = report.names.of
    conditions = {one.student: one for one in report.fairness.submissions}
    return {
        "submissions": frame([
            {
                "student": who(r.student), "status": r.status, "score": r.score, "max_score": r.max_score,
                "handed_in": report.handed_in.get(r.student), "isolation": str(r.isolation), "device": r.device,
                "seconds": r.seconds, "broken": conditions[r.student].broken,
                "not_checked": conditions[r.student].not_checked, "timeouts": conditions[r.student].timeouts,
                "ended_process": conditions[r.student].ended, "limits_met": len(conditions[r.student].limits),
                "reason": report.names.masked(r.reason),
            }
            for r in report.results
        ]),
        "checks": frame([
            {
                "exercise": e.name, "check": c.name, "title": c.title, "kind": "rule" if c.is_rule else "check",
                "passed": c.passed, "failed": c.failed, "skipped": c.skipped, "not_checked": c.not_checked,
                "broken": c.broken, "pass_rate": c.rate,
            }
            for e in report.exercises for c in e.checks
        ], ("exercise", "check", "title", "kind", "passed", "failed", "skipped", "not_checked", "broken", "pass_rate")),
        "exercises": frame([
            {
                "exercise": e.name, "title": e.title, "max_score": e.max_score, "submissions": e.count, "mean": e.mean,
                "all_points": e.full, "some_points": e.partial, "no_points": e.none,
            }
            for e in report.exercises
        ], ("exercise", "title", "max_score", "submissions", "mean", "all_points", "some_points", "no_points")),
        "answers": frame([
            {
                "student": who(r.student), "question": q.name, "variant": q.variant, "state": str(q.state),
                "score": q.score, "max_score": q.max_score, "answer": report.names.masked(q.answer), "hint": q.hint,
            }
            for r in report.graded for q in r.questions
        ], ("student", "question", "variant", "state", "score", "max_score", "answer", "hint")),
        "outcomes": frame([
            {
                "student": who(r.student), "exercise": e.name, "check": c.name, "outcome": str(c.outcome),
                "points": c.points, "max_points": c.max_points, "mistake": c.mistake, "seconds": c.seconds,
            }
            for r in report.graded for e in r.exercises for c in e.checks
        ], ("student", "exercise", "check", "outcome", "points", "max_points", "mistake", "seconds")),
        "mistakes": frame([
            {"student": who(student), "exercise": one.exercise, "mistake": one.mistake}
            for one in report.mistakes for student in one.students
        ], ("student", "exercise", "mistake")),
        "unexplained": frame([
            {"cluster": number, "student": who(student), "exercise": one.exercise, "said": " / ".join(one.said)}
            for number, one in enumerate(report.unexplained.clusters, 1) for student in one.students
        ], ("cluster", "student", "exercise", "said")),
        "items": frame([
            {
                "exercise": item.exercise, "check": item.name, "n": item.count, "difficulty": item.difficulty,
                "discrimination": item.discrimination, "remark": item.remark,
            }
            for item in report.analysis.items
        ], ("exercise", "check", "n", "difficulty", "discrimination", "remark")),
        "similar": frame([
            {
                "student": who(pair.students[0]), "other": who(pair.students[1]), "fragments": pair.fragments,
                "share": pair.share, "exercises": " ".join(pair.exercises), "wrong_alike": " ".join(pair.wrong_outputs),
            }
            for pair in report.pairs
        ], ("student", "other", "fragments", "share", "exercises", "wrong_alike")),
    }  # fmt: skip


def course_tables(progress: Progress, names: Names) -> dict[str, pd.DataFrame]:
    """The tables of the course."""
    matrix = [
        {
            "student": names.of(row.student),
            **{name: place.share for name, place in zip(progress.assignments, row.places, strict=True)},
            "mean": row.mean,
            "needs_help": row.needs,
        }
        for row in progress.rows
    ]
    return {"progress": frame(matrix, ("student", "mean", "needs_help"))}
