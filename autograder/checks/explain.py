"""Which mistake of the catalogue did the student make? The one that did the same in the checks that failed.

Each failed check is replayed with every mistake of the exercise in the student's place, on the same inputs. A mistake
explains the check when it fails there too and its trace equals the student's. Of the mistakes that explain at least
half of the failed checks, the best agrees with the student on the checks that passed, and explains most.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from autograder.checks.described import CheckInfo
from autograder.checks.mistakes import Mistake
from autograder.checks.running import Run, Watch
from autograder.checks.student import Step
from autograder.checks.trace import is_same_step
from autograder.model import Kind, Outcome

_LINE = re.compile(r"\bline \d+")
MISSES = 2  # failed checks that a mistake may leave unexplained before it has explained one

Replay = Callable[[CheckInfo, Mapping[str, Callable[..., Any]], Watch | None], Run]


@dataclass(frozen=True)
class Explanation:
    """The likely mistake, and the checks that it explains."""

    mistake: Mistake
    checks: frozenset[CheckInfo]


def explain(
    runs: Mapping[CheckInfo, Run],
    mistakes: Sequence[Mistake],
    references: Mapping[str, Callable[..., Any]],
    replay: Replay,
) -> Explanation | None:
    """The best explanation of one exercise's failed checks, None when no mistake of the catalogue has done the same."""
    failed = {check: run for check, run in runs.items() if run.outcome is Outcome.FAILED and _can_be_replayed(run)}
    if not failed or not mistakes:
        return None
    passed = [check for check, run in runs.items() if run.outcome is Outcome.PASSED]
    rights: dict[CheckInfo, Run] = {}
    candidates = []
    for mistake in mistakes:
        functions = {**references, **mistake.beside, mistake.exercise: mistake.function}
        explained: dict[CheckInfo, bool] = {}
        for number, (check, run) in enumerate(failed.items()):
            if not explained and number >= MISSES:
                break
            if check not in rights:
                rights[check] = replay(check, references, None)
            other = replay(check, functions, _watch(run.steps, rights[check].steps))
            if other.timed_out:
                break
            found = _explains(run, other)
            if found is not None:
                explained[check] = found
        if 2 * len(explained) >= len(failed) and _is_about_values(explained, failed):
            candidates.append((mistake, functions, explained))
    best: tuple[tuple[bool, int, int], Explanation] | None = None
    for mistake, functions, explained in sorted(candidates, key=lambda found: -len(found[2])):
        if best is not None and best[0] > (True, len(explained), len(explained)):
            break
        agrees = all(replay(check, functions, None).outcome is Outcome.PASSED for check in passed)
        rank = (agrees, len(explained), sum(explained.values()))
        if best is None or rank > best[0]:
            best = rank, Explanation(mistake, frozenset(explained))
    return None if best is None else best[1]


def _is_about_values(explained: Collection[CheckInfo], failed: Collection[CheckInfo]) -> bool:
    """A mistake that only broke the same rule, while other checks failed differently, is another mistake."""
    return any(check.kind is Kind.CHECK for check in explained) or all(check.kind is Kind.RULE for check in failed)


def _can_be_replayed(run: Run) -> bool:
    """A call that hung is not tried again here; a function that is not there made no mistake."""
    if any(step.lost for step in run.steps) or not run.steps:
        return False
    error = run.steps[-1].report.error if run.steps[-1].report else None
    return error is None or error.type_name != "NotImplementedError"


def _explains(run: Run, other: Run) -> bool | None:
    """None: it did something else. False: the same, with another message. True: the same in every respect.

    The message may hold a line of code. Two mistakes that raise the same, or move as much, are told apart by it where
    the student wrote it as we did.
    """
    if other.outcome is not Outcome.FAILED or len(other.steps) != len(run.steps):
        return None
    messages = [_LINE.sub("line", failure.message) if failure else "" for failure in (run.failure, other.failure)]
    return messages[0] == messages[1]


def _watch(steps: Sequence[Step], right: Sequence[Step]) -> Watch:
    """Follow a replay for as long as it does what the student's function did."""

    def is_same(number: int, step: Step) -> bool:
        if number >= len(steps):
            return False
        return is_same_step(steps[number], step, right[number] if number < len(right) else None)

    return is_same
