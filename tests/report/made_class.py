"""A class to report on, made by hand: so many students, each with so many checks passed."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from made_results import ROOT, check, exercise, result

from autograder.config import load_settings
from autograder.course import Course, load_assignment
from autograder.model import Outcome, SubmissionResult


def two_assignments() -> Course:
    """Our own course with two of its assignments."""
    settings = load_settings(ROOT)
    names = ("mlp", "softmax_regression")
    chosen = tuple(load_assignment(ROOT, name, settings.assignments[name]) for name in names)
    return Course(root=ROOT, settings=settings, assignments=chosen)


def made_class(table: Sequence[Sequence[int]], name: str = "softmax") -> list[SubmissionResult]:
    """One submission a row, one check a column: 1 for passed, 0 for failed, -1 for a check of ours that broke."""
    outcomes = {1: Outcome.PASSED, 0: Outcome.FAILED, -1: Outcome.BROKEN}
    return [
        result(
            exercise(
                *(
                    check(outcomes[cell], name=f"test_{column}", title=f"property {column}", message=f"no {column}")
                    for column, cell in enumerate(row)
                ),
                name=name,
            ),
            student=f"student_{number}",
        )
        for number, row in enumerate(table)
    ]


def wrong(
    student: str, message: str, trace: str = "", code: str = "", mistake: str | None = None, title: str = "it is right"
) -> SubmissionResult:
    """A submission whose only check fails so."""
    failed = check(Outcome.FAILED, message=message, title=title, mistake=mistake, hint="Look." if mistake else "")
    failed = msgspec.structs.replace(failed, trace=trace)
    return result(exercise(failed, code=code), student=student)
