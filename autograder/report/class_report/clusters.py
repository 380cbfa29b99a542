"""Equal wrong answers that no mistake explains yet: the next entries of mistakes.py, largest first.

Two students' answers to an exercise are equal when the same checks fail and, in each, the function did the same on
inputs that the whole class shares (`CheckResult.trace`: the same exceptions, or the same shapes and, but for rounding,
numbers). Where a check has no trace, its message with the numbers taken out stands in for it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import msgspec

from autograder.model import CheckResult, ExerciseResult, Outcome, SubmissionResult
from autograder.report.class_report.code import anonymous, draft_mistake, normalised, read_code
from autograder.report.class_report.mistakes import LONGEST_EXAMPLE, example_of, mistake_of
from autograder.report.class_report.names import Mask
from autograder.report.text import one_line, printable
from autograder.report.words import is_unfinished

SMALLEST = 2  # students in a cluster
CLOSE = 1e-3  # of the length of what came back
OUT_OF_TIME = ("ran longer than", "out of time", "took longer")
_NUMBER = re.compile(r"-?\d+(?:\.\d*)?(?:e[+-]?\d+)?", re.IGNORECASE)

Trace = tuple[tuple[str, tuple[float, ...]], ...]
_TRACE = msgspec.json.Decoder(Trace)


@dataclass(frozen=True)
class Cluster:
    """Students whose answers to one exercise are wrong in the same way."""

    exercise: str
    students: tuple[str, ...]
    checks: tuple[str, ...]  # titles of those that fail
    said: tuple[str, ...]  # their messages, numbers taken out
    ways: int  # in how many ways they wrote it, names apart
    example: str
    draft: str  # the beginning of an entry of mistakes.py

    @property
    def size(self) -> int:
        """How many students."""
        return len(self.students)


@dataclass(frozen=True)
class Unexplained:
    """The clusters, and how many answers are wrong in a way of their own."""

    clusters: tuple[Cluster, ...]
    alone: int


@dataclass(frozen=True)
class _Answer:
    student: str
    exercise: ExerciseResult
    failed: Mapping[str, CheckResult]
    traces: Mapping[str, Trace]


def unexplained(results: Sequence[SubmissionResult]) -> Unexplained:
    """Cluster the wrong answers of a class that no mistake explains."""
    by_pattern: dict[tuple[str, frozenset[str]], list[list[_Answer]]] = {}
    for result in results:
        for exercise in result.exercises:
            answer = _answer(result.student, exercise)
            if answer is not None:
                groups = by_pattern.setdefault((exercise.name, frozenset(answer.failed)), [])
                group = next((g for g in groups if _is_same(g[0], answer)), None)
                if group is None:
                    groups.append([answer])
                else:
                    group.append(answer)
    found = [group for groups in by_pattern.values() for group in groups]
    mask = Mask(result.student for result in results)
    clusters = [_cluster(group, mask) for group in found if len(group) >= SMALLEST]
    return Unexplained(
        tuple(sorted(clusters, key=lambda one: (-one.size, one.exercise, one.checks))),
        sum(len(group) < SMALLEST for group in found),
    )


def ran_out_of_time(check: CheckResult) -> bool:
    """True when a call of the check did not end in time, by its message."""
    return check.outcome is Outcome.FAILED and any(sign in check.message for sign in OUT_OF_TIME)


def _answer(student: str, exercise: ExerciseResult) -> _Answer | None:
    """A wrong answer that nothing explains: no mistake, no stub, no loop."""
    failed = {check.name: check for check in exercise.checks if check.outcome is Outcome.FAILED}
    if not failed or mistake_of(exercise) is not None or is_unfinished(exercise):
        return None
    if any(map(ran_out_of_time, failed.values())):
        return None
    return _Answer(student, exercise, failed, {name: _trace(check) for name, check in failed.items() if check.trace})


def _trace(check: CheckResult) -> Trace:
    try:
        return _TRACE.decode(check.trace)
    except msgspec.DecodeError:
        return ((check.trace, ()),)


def _is_same(one: _Answer, other: _Answer) -> bool:
    for name, check in one.failed.items():
        first, second = one.traces.get(name), other.traces.get(name)
        if first is None or second is None:
            if _said(check) != _said(other.failed[name]):
                return False
        elif len(first) != len(second) or not all(map(_is_same_entry, first, second)):
            return False
    return True


def _is_same_entry(one: tuple[str, tuple[float, ...]], other: tuple[str, tuple[float, ...]]) -> bool:
    if one[0] != other[0] or len(one[1]) != len(other[1]):
        return False
    allowed = CLOSE * max((abs(number) for number in one[1]), default=0.0) + 1e-9
    return all(math.isclose(a, b, rel_tol=0, abs_tol=allowed) for a, b in zip(one[1], other[1], strict=True))


def _said(check: CheckResult) -> str:
    return one_line(_NUMBER.sub("#", check.message.partition(" (line ")[0]))


def _cluster(group: Sequence[_Answer], mask: Mask) -> Cluster:
    first = group[0]
    name = first.exercise.name
    codes = [answer.exercise.code for answer in group]
    read = [written for code in codes if (written := read_code(code, name)) is not None]
    drafts = [draft_mistake(anonymous(written, mask), len(group)) for written in read]
    return Cluster(
        exercise=name,
        students=tuple(answer.student for answer in group),
        checks=tuple(one_line(check.title) for check in first.failed.values()),
        said=tuple(dict.fromkeys(mask(_said(check)) for check in first.failed.values())),
        ways=len(set(map(normalised, read))),
        example=example_of(codes, name, mask),
        draft=printable(min(drafts, key=len), LONGEST_EXAMPLE) if drafts else "",
    )
