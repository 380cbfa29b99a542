"""From the outcomes of an exercise's checks to its points."""

from __future__ import annotations

import math
from collections.abc import Sequence

import msgspec

from autograder.errors import CourseError
from autograder.model import CheckResult, ExerciseResult, Kind, Outcome

NOT_COUNTED = (Outcome.BROKEN, Outcome.NOT_CHECKED)
BROKEN_NOTE = "a check of ours did not work here; it costs you nothing, and staff will look at it"


def weights_of(own: Sequence[float | None], total: float, place: str) -> tuple[float, ...]:
    """The points of each check: its own where it has some, else an even share of what the others leave.

    total: points of the exercise; place: file and exercise, for the message of the CourseError when they do not add up.
    """
    given = math.fsum(points for points in own if points is not None)
    unmarked = sum(points is None for points in own)
    if given > total + 1e-9 or (not unmarked and own and abs(given - total) > 1e-9):
        raise CourseError(
            f"{place}: @points add up to {given:g}, but the exercise has {total:g} points; change one of them"
        )
    share = (total - given) / unmarked if unmarked else 0.0
    return tuple(share if points is None else points for points in own)


def score_exercise(
    name: str, title: str, max_score: float, checks: Sequence[CheckResult], weights: Sequence[float]
) -> ExerciseResult:
    """Points for each check and for the exercise.

    Checks that broke or could not be run are not counted: the others share all points. A broken rule takes them all.
    """
    counted = [
        weight if check.kind is Kind.CHECK and check.outcome not in NOT_COUNTED else 0.0
        for check, weight in zip(checks, weights, strict=True)
    ]
    whole = math.fsum(counted)
    scale = max_score / whole if whole else 0.0
    broken_rules = [check for check in checks if check.kind is Kind.RULE and check.outcome is Outcome.FAILED]
    scored = []
    for check, weight in zip(checks, counted, strict=True):
        earned = weight * scale if check.outcome is Outcome.PASSED and not broken_rules else 0.0
        scored.append(msgspec.structs.replace(check, points=round(earned, 6), max_points=round(weight * scale, 6)))
    score = math.fsum(
        weight * scale for check, weight in zip(checks, counted, strict=True) if check.outcome is Outcome.PASSED
    )
    if not whole:  # nothing could be judged, and that is not the student's fault
        score = max_score
    notes = []
    if broken_rules:
        score = 0.0
        notes.append(f"no points: a rule of this exercise is broken ({broken_rules[0].title})")
    if any(check.outcome is Outcome.BROKEN for check in checks):
        notes.append(BROKEN_NOTE)
    return ExerciseResult(
        name=name, title=title, score=round(score, 6), max_score=max_score, checks=tuple(scored), note="; ".join(notes)
    )
