"""Does training go as it should? A loss curve held against the reference's, and what its shape tells."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

from autograder.checks.differences import see_length, wrong_kind
from autograder.checks.failure import BrokenCheckError, CheckFailedError
from autograder.model import Curves

SHORTEST = 3  # a curve whose shape says something
SAME = 1e-6  # of a loss: two losses that are one
NEAR = 0.05  # of a loss: two curves that begin alike, though the first loss may hold a few steps already
APART = 2.0  # times the distance at the start: two curves that part
SLOW = 0.5  # of the way that the loss should go
DOWNHILL = "each step goes against the gradient: `p -= lr * p.grad`"
STEP_SIZE = "the step is lr times the gradient of the mean loss"
STALE = "is each gradient cleared before the next one is computed?"
UPDATES = "which tensors does the step change: the parameters themselves, or copies?"
MEASURE = "the steps are right; what is returned for each epoch is not: a mean or a sum, of what?"


def see_follows(
    got: Any,
    expected: Sequence[float],
    others: Iterable[Sequence[float]],
    name: str,
    per: str,
    look_at: str,
    rtol: float,
    atol: float,
) -> None:
    """Raise CheckFailedError unless each loss of `got` is near that of `expected`. Raises BrokenCheckError."""
    right = _losses(expected)
    if len(right) < SHORTEST or not all(map(math.isfinite, right)):
        raise BrokenCheckError(
            f"follows: the curve of the reference is {list(expected)}; give {SHORTEST} finite losses"
        )
    if not isinstance(got, list | tuple) or not all(isinstance(loss, float) for loss in got):
        raise wrong_kind(got, "a list of floats", name)
    see_length(got, right, name)
    seen = _losses(got)
    off = [not abs(one - other) <= atol + rtol * abs(other) for one, other in zip(seen, right, strict=True)]
    if any(off):
        message, where = _shape(seen, right, off, per)
        raise CheckFailedError(
            message,
            expected=_written(right),
            got=_written(seen),
            look_at=look_at or where,
            curves=_curves(name, per, seen, right, others),
        )


def _losses(values: Sequence[float]) -> list[float]:
    return [float(value) for value in values]


def _shape(got: Sequence[float], expected: Sequence[float], off: Sequence[bool], per: str) -> tuple[str, str]:
    """What is wrong with the curve as a whole, where that is sure, and where to look; else which losses are wrong."""
    strange = next((at for at, loss in enumerate(got, 1) if not math.isfinite(loss)), None)
    if strange is not None:
        return f"training diverges: from {per} {strange} on the loss is no finite number", STEP_SIZE
    if _is_multiple(got, expected):
        return "every loss is the same multiple of the right one", MEASURE
    still = _still_from(got)
    if still == 0:
        return "nothing is learned: the loss stays where it was at first", UPDATES
    if still is not None and not _is_same(expected[still], expected[-1]):
        return f"from {per} {still + 1} on nothing more is learned: the loss stays as it is", UPDATES
    way, right_way = got[0] - got[-1], expected[0] - expected[-1]
    if right_way > 0 and way < 0:
        return "the loss rises, and it should fall", DOWNHILL
    if right_way > 0 and way < SLOW * right_way and _leaves_upwards(got, expected):
        return "the loss falls too slowly", STEP_SIZE
    if right_way > 0 and _leaves_upwards(expected, got):
        return "the loss falls faster than it should", STALE
    first = off.index(True)
    if first and all(off[first:]):
        return f"from {per} {first + 1} on the loss is wrong", f"what does one {per} leave behind for the next?"
    return f"{sum(off)} of {len(off)} losses are wrong", ""


def _still_from(got: Sequence[float]) -> int | None:
    """From where on the loss does not change any more, if that is long enough to be seen."""
    moving = [at for at in range(1, len(got)) if not _is_same(got[at], got[at - 1])]
    start = moving[-1] if moving else 0
    return start if len(got) - start >= SHORTEST else None


def _is_multiple(got: Sequence[float], expected: Sequence[float]) -> bool:
    """Is it the right curve times a number?"""
    if not all(expected) or max(expected) < 1.01 * min(expected):
        return False
    factors = [one / other for one, other in zip(got, expected, strict=True)]
    return factors[0] != 0 and all(_is_same(factor, factors[0]) for factor in factors)


def _is_same(one: float, other: float, within: float = SAME) -> bool:
    return abs(one - other) <= within * max(abs(one), abs(other))


def _leaves_upwards(one: Sequence[float], other: Sequence[float]) -> bool:
    """Do both begin alike, and is `one` above `other` from then on, further and further?"""
    gaps = [ours - theirs for ours, theirs in zip(one, other, strict=True)]
    tiny = SAME * abs(other[0])
    return _is_same(one[0], other[0], NEAR) and min(gaps) >= -tiny and gaps[-1] > APART * gaps[0] + tiny


def _written(losses: Sequence[float]) -> str:
    return ", ".join(f"{loss:.4g}" for loss in losses)


def _curves(
    name: str, per: str, got: Sequence[float], expected: Sequence[float], others: Iterable[Sequence[float]]
) -> Curves:
    runs = [run for run in map(_losses, others) if len(run) == len(expected) and all(map(math.isfinite, run))]
    by_step = list(zip(*runs, strict=True)) if runs else []
    return Curves(
        name,
        per,
        got=tuple(map(_kept, got)),
        expected=tuple(map(_kept, expected)),
        low=tuple(_rounded(min(losses)) for losses in by_step),
        high=tuple(_rounded(max(losses)) for losses in by_step),
    )


def _kept(loss: float) -> float | None:
    return _rounded(loss) if math.isfinite(loss) else None


def _rounded(loss: float) -> float:
    return float(f"{loss:.5g}")
