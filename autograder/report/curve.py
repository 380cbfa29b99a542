"""The loss curve of a student's page as plain geometry, which the template draws: theirs, the right one, a band.

It is made of values, so it is drawn only where the course shows them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from autograder.model import Curves
from autograder.report import words
from autograder.report.text import one_line

LEFT, RIGHT, TOP, BOTTOM = 44, 410, 14, 172  # of the area that is drawn on
MOST_PLACES = 60  # of a curve
MOST_LABELS = 10  # below the axis
HEADROOM = 3.0  # times the right curve's height: what is larger is drawn at the upper edge
TICKS = 4


@dataclass(frozen=True)
class Dot:
    """One loss as drawn. is_above: it is larger than the picture is high, or no number."""

    x: float
    y: float
    is_above: bool = False


@dataclass(frozen=True)
class Row:
    """One place of the curves, for the table."""

    place: int
    got: str
    expected: str
    low: str
    high: str


@dataclass(frozen=True)
class LossCurve:
    """Two curves and a band. `lines` are the points of polylines; the student's has several where it has gaps."""

    name: str
    per: str
    summary: str
    got: tuple[Dot, ...]
    got_lines: tuple[str, ...]
    expected: tuple[Dot, ...]
    expected_line: str
    band: str  # the points of a polygon; empty where there is none
    places: tuple[tuple[float, int], ...]  # below the axis: x, number
    levels: tuple[tuple[float, str], ...]  # beside the axis: y, loss
    rows: tuple[Row, ...]


def loss_curve(curves: Curves | None, revealed: bool) -> LossCurve | None:
    """The picture; None where values are hidden, or there is nothing to draw."""
    if curves is None or not revealed or not 2 <= len(curves.got) <= MOST_PLACES:
        return None
    right = [loss for loss in curves.expected if loss is not None]
    if len(right) != len(curves.got):
        return None
    has_band = len(curves.low) == len(curves.high) == len(right)
    top = _top(right, curves.high if has_band else (), [loss for loss in curves.got if loss is not None])
    scale = _Scale(len(right), top)
    got = [scale.dot(at, loss) for at, loss in enumerate(curves.got)]
    expected = [scale.dot(at, loss) for at, loss in enumerate(right)]
    edge = [*enumerate(curves.low), *reversed(list(enumerate(curves.high)))] if has_band else []
    every = max(1, math.ceil(len(right) / MOST_LABELS))
    return LossCurve(
        name=one_line(curves.name),
        per=one_line(curves.per),
        summary=words.curve_in_words(*map(_written, (curves.got[0], curves.got[-1], right[0], right[-1]))),
        got=tuple(got),
        got_lines=_lines(got, curves.got),
        expected=tuple(expected),
        expected_line=_points(expected),
        band=_points([scale.dot(at, loss) for at, loss in edge]),
        places=tuple((scale.x(at), at + 1) for at in range(0, len(right), every)),
        levels=tuple((scale.dot(0, level).y, f"{level:.3g}") for level in _levels(top)),
        rows=tuple(_row(curves, at, has_band) for at in range(len(right))),
    )


def _top(right: Sequence[float], high: Sequence[float], got: Sequence[float]) -> float:
    """The loss at the upper edge."""
    ordinary = max([*right, *high, 1e-9])
    return min(max([ordinary, *got]), HEADROOM * ordinary)


class _Scale:
    """From places and losses to points."""

    def __init__(self, count: int, top: float) -> None:
        self._count = count
        self._top = top

    def x(self, at: int) -> float:
        return round(LEFT + (RIGHT - LEFT) * (at + 0.5) / self._count, 1)

    def dot(self, at: int, loss: float | None) -> Dot:
        is_above = loss is None or loss > self._top
        share = 1.0 if loss is None else min(1.0, max(0.0, loss / self._top))
        return Dot(self.x(at), round(BOTTOM - (BOTTOM - TOP) * share, 1), is_above)


def _lines(dots: Sequence[Dot], losses: Sequence[float | None]) -> tuple[str, ...]:
    """The pieces of a curve between losses that are no numbers."""
    pieces: list[list[Dot]] = [[]]
    for dot, loss in zip(dots, losses, strict=True):
        pieces[-1].append(dot) if loss is not None else pieces.append([])
    return tuple(_points(piece) for piece in pieces if len(piece) > 1)


def _points(dots: Sequence[Dot]) -> str:
    return " ".join(f"{dot.x:g},{dot.y:g}" for dot in dots)


def _levels(top: float) -> list[float]:
    """Round numbers from zero to `top`."""
    size = 10.0 ** math.floor(math.log10(top / TICKS))
    step = next(size * factor for factor in (1, 2, 5, 10) if size * factor * TICKS >= top * 0.8)
    return [step * number for number in range(int(top / step) + 1)]


def _row(curves: Curves, at: int, has_band: bool) -> Row:
    low, high = (curves.low[at], curves.high[at]) if has_band else (None, None)
    edges = [_written(edge) if edge is not None else "" for edge in (low, high)]
    return Row(at + 1, _written(curves.got[at]), _written(curves.expected[at]), *edges)


def _written(loss: float | None) -> str:
    return words.NO_NUMBER if loss is None else f"{loss:.4g}"
