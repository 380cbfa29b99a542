"""Results to show, made by hand: one submission with every kind of end."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from autograder.course import Course, load_course
from autograder.model import CellResult, CellStatus, CheckResult, ExerciseResult, Kind, Outcome, SubmissionResult

ROOT = Path(__file__).parents[2]
SHOWN_STRINGS = (
    "student",
    "code",
    "message",
    "hint",
    "look_at",
    "expected",
    "got",
    "inputs",
    "reason",
    "note",
    "cell_note",
)


def course(**grading: Any) -> Course:
    """Our own course, with these keys of [grading] set."""
    found = load_course(ROOT)
    settings = msgspec.structs.replace(
        found.settings, grading=msgspec.structs.replace(found.settings.grading, **grading)
    )
    return msgspec.structs.replace(found, settings=settings)


def check(outcome: Outcome = Outcome.PASSED, **fields: Any) -> CheckResult:
    """One check worth 2 points."""
    earned = 2.0 if outcome is Outcome.PASSED else 0.0
    defaults = {
        "name": "test_rows",
        "title": "every row sums to one",
        "kind": Kind.CHECK,
        "points": earned,
        "max_points": 2.0,
    }
    return CheckResult(**(defaults | {"outcome": outcome} | fields))


def exercise(*checks: CheckResult, **fields: Any) -> ExerciseResult:
    """`softmax` with these checks."""
    score, worth = sum(c.points for c in checks), sum(c.max_points for c in checks)
    defaults = {"name": "softmax", "title": "From scores to probabilities", "score": score, "max_score": worth}
    return ExerciseResult(**(defaults | {"checks": checks} | fields))


def result(*exercises: ExerciseResult, **fields: Any) -> SubmissionResult:
    """A graded submission with these exercises."""
    score, worth = sum(e.score for e in exercises), sum(e.max_score for e in exercises)
    defaults = {"file": "x.ipynb", "assignment": "softmax_regression", "student": "amina", "status": "graded"}
    return SubmissionResult(**(defaults | {"score": score, "max_score": worth, "exercises": exercises} | fields))


def full_result(strings: dict[str, str]) -> SubmissionResult:
    """A result in which each of SHOWN_STRINGS appears where a student's string may stand."""
    said = {key: strings[key] for key in ("message", "hint", "look_at", "expected", "got", "inputs")}
    checks = (
        check(),
        check(Outcome.FAILED, **said),
        check(Outcome.SKIPPED),
        check(Outcome.FAILED, kind=Kind.RULE, max_points=0.0, message=strings["message"]),
    )
    cells = (CellResult(index=3, status=CellStatus.ERROR, note=strings["cell_note"]),)
    return result(
        exercise(*checks, code=strings["code"]),
        exercise(check(), name="accuracy", note=strings["note"]),
        student=strings["student"],
        reason=strings["reason"],
        cells=cells,
    )
