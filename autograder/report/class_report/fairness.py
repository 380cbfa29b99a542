"""Was the grader fair? What it could not check, what ran into limits, and under what conditions each was graded."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from autograder.model import CellStatus, Isolation, Outcome, SubmissionResult
from autograder.report.class_report.clusters import ran_out_of_time
from autograder.report.text import one_line

LIMITS = ("limit", "memory", "disk", "processes")  # words of a note about a limit that was met
_TYPE = re.compile(r"^(?:[\w.]+\.)?(\w+)(?::|$)")


@dataclass(frozen=True)
class Conditions:
    """How one submission was graded."""

    student: str
    status: str
    reason: str
    broken: int
    not_checked: int
    timeouts: int  # cells and checks
    ended: int  # cells that ended the process
    limits: tuple[str, ...]  # notes of limits that were met
    notes: tuple[str, ...]  # all others, for staff
    isolation: str
    device: str
    seconds: float

    @property
    def is_remarkable(self) -> bool:
        """True when staff should see it."""
        return bool(
            self.status != "graded" or self.broken or self.timeouts or self.ended or self.limits or self.notes
            or self.isolation == Isolation.NONE
        )  # fmt: skip


@dataclass(frozen=True)
class BrokenCheck:
    """A check of ours that did not work."""

    exercise: str
    title: str
    count: int
    errors: tuple[str, ...]  # the types of what it raised; the traceback stays in the gradebook


@dataclass(frozen=True)
class Fairness:
    """The conditions of the whole class."""

    submissions: tuple[Conditions, ...]
    isolation: tuple[tuple[str, int], ...]
    devices: tuple[tuple[str, int], ...]
    not_checked: tuple[tuple[str, int], ...]  # why, in how many checks
    broken: tuple[BrokenCheck, ...]
    seconds: float  # median of a submission
    longest: float
    total: float


def judge_fairness(results: Sequence[SubmissionResult]) -> Fairness:
    """Sum up how the submissions of one assignment were graded."""
    submissions = tuple(map(_conditions, results))
    checks = [(e.name, c) for result in results for e in result.exercises for c in e.checks]
    reasons = Counter(one_line(c.message) for _, c in checks if c.outcome is Outcome.NOT_CHECKED)
    seconds = [result.seconds for result in results] or [0.0]
    return Fairness(
        submissions=submissions,
        isolation=tuple(Counter(str(r.isolation) for r in results if r.status == "graded").most_common()),
        devices=tuple(Counter(r.device for r in results if r.status == "graded").most_common()),
        not_checked=tuple(reasons.most_common(10)),
        broken=_broken(results),
        seconds=median(seconds),
        longest=max(seconds),
        total=sum(seconds),
    )


def _conditions(result: SubmissionResult) -> Conditions:
    checks = [check for exercise in result.exercises for check in exercise.checks]
    limits = tuple(note for note in result.notes if any(word in note.lower() for word in LIMITS))
    return Conditions(
        student=result.student,
        status=result.status,
        reason=result.reason,
        broken=sum(check.outcome is Outcome.BROKEN for check in checks)
        + sum(bool(question.staff_note) for question in result.questions),
        not_checked=sum(check.outcome is Outcome.NOT_CHECKED for check in checks),
        timeouts=sum(map(ran_out_of_time, checks)) + sum(c.status is CellStatus.TIMEOUT for c in result.cells),
        ended=sum(cell.status is CellStatus.DIED for cell in result.cells),
        limits=limits,
        notes=tuple(note for note in result.notes if note not in limits and "Traceback" not in note),
        isolation=str(result.isolation),
        device=result.device,
        seconds=result.seconds,
    )


def _broken(results: Sequence[SubmissionResult]) -> tuple[BrokenCheck, ...]:
    found: dict[tuple[str, str], list[str]] = {}
    for result in results:
        for exercise in result.exercises:
            for check in exercise.checks:
                if check.outcome is Outcome.BROKEN:
                    found.setdefault((exercise.name, check.title), []).append(_error_type(check.staff_note))
    return tuple(
        BrokenCheck(exercise, title, len(errors), tuple(sorted(set(errors) - {""})))
        for (exercise, title), errors in found.items()
    )


def _error_type(traceback: str) -> str:
    """The name of the exception at the end of a traceback, and nothing else of it."""
    lines = [line for line in traceback.strip().splitlines() if line and not line[0].isspace()]
    found = _TYPE.match(lines[-1]) if lines else None
    return found.group(1)[:60] if found else ""
