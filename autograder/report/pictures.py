"""The pictures of a student's page as plain geometry, which the template draws: a map of errors, a line of transfers.

Drawn by hand rather than by Vega-Lite: a page has many of them and 0.15 s. What a map shows is ruled here: where the
course hides values it tells which entries are off, and nothing of how far or which way. That says less than the
number of wrong entries and the shape of the student's own result, which the sentence of the check says anyway.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

from autograder.model import Entries, Move
from autograder.report import words
from autograder.report.text import one_line, size

Item = TypeVar("Item")

MOST_SLICES = 4  # of a tensor of three axes
LEAST_ENTRIES = 4  # fewer are said, not drawn


@dataclass(frozen=True)
class Square:
    """One entry. level: 0 right, 1 to 3 off by little or much; sign: "+", "-" or "x", " " where it is right."""

    level: int
    sign: str
    text: str  # for the table


@dataclass(frozen=True)
class Slice:
    """A matrix of entries, with a title where there are several."""

    title: str
    rows: tuple[tuple[Square, ...], ...]


@dataclass(frozen=True)
class ErrorMap:
    """Which entries of a tensor are off."""

    name: str
    summary: str
    slices: tuple[Slice, ...]
    has_errors: bool  # the squares say how far off they are


@dataclass(frozen=True)
class Trip:
    """What one line moved. `lane`: "down" from the GPU to the CPU, "up" to the GPU, "read" for a number."""

    line: int
    anchor: str
    source: str
    lane: str
    what: str
    phase: str
    times: str
    size: str


@dataclass(frozen=True)
class Timeline:
    """All trips, in the order of their first time."""

    summary: str
    trips: tuple[Trip, ...]


def error_map(entries: Entries | None, revealed: bool) -> ErrorMap | None:
    """The map of a tensor's errors; None where it would say no more than the sentence beside it."""
    if entries is None or len(entries.off) < LEAST_ENTRIES or (not revealed and "0" not in entries.off):
        return None
    shape = (1,) * (2 - len(entries.shape)) + entries.shape
    height, width = shape[-2:]
    if len(entries.off) != _product(shape) or not width:
        return None
    errors = entries.errors if revealed and len(entries.errors) == len(entries.off) else ()
    largest = max((abs(error) for error in errors if error is not None), default=0.0)
    squares = [
        _square(off == "1", errors[at] if errors else None, bool(errors), largest)
        for at, off in enumerate(entries.off)
    ]  # fmt: skip
    slices = _batches(_batches(squares, width), height)
    titles = [words.slice_title(number) if len(slices) > 1 else "" for number in range(len(slices))]
    kept = tuple(Slice(title, part) for title, part in list(zip(titles, slices, strict=True))[:MOST_SLICES])
    return ErrorMap(one_line(entries.name), _pattern(entries, height, width), kept, bool(errors))


def _square(is_off: bool, error: float | None, knows: bool, largest: float) -> Square:
    if not is_off:
        return Square(0, "", words.RIGHT_ENTRY)
    if not knows:
        return Square(2, "×", words.OFF_ENTRY)
    if error is None:
        return Square(3, "×", words.NO_NUMBER)
    level = 1 + sum(abs(error) > share * largest for share in (0.1, 0.5))
    return Square(level, "+" if error > 0 else "−", f"{error:+.3g}")


def _pattern(entries: Entries, height: int, width: int) -> str:
    """Whole rows, whole columns, the diagonal, or just how many."""
    off = [flag == "1" for flag in entries.off]
    grid = [any(off[at :: height * width]) for at in range(height * width)]  # of any slice
    by_row = [grid[row * width : (row + 1) * width] for row in range(height)]
    rows = [number for number, row in enumerate(by_row) if all(row)]
    columns = [number for number in range(width) if all(row[number] for row in by_row)]
    count = sum(grid)
    if all(off):
        return words.EVERY_ENTRY_IS_OFF
    if len(entries.shape) < 2:
        return words.entries_are_off([at for at, flag in enumerate(off) if flag])
    if rows and count == len(rows) * width:
        return words.rows_are_off(rows)
    if columns and count == len(columns) * height:
        return words.columns_are_off(columns)
    diagonal = [grid[at * width + at] for at in range(min(height, width))]
    if height == width > 1 and not any(diagonal) and count == height * width - height:
        return words.ALL_BUT_THE_DIAGONAL
    if height == width > 1 and all(diagonal) and count == height:
        return words.THE_DIAGONAL_IS_OFF
    return words.some_are_off(sum(off), len(off))


def timeline(moves: Sequence[Move], anchors: Sequence[str]) -> Timeline | None:
    """The trips between GPU and CPU; None where there were none. anchors: of their lines, "" where not on the page."""
    if not moves:
        return None
    trips = tuple(_trip(move, anchor) for move, anchor in zip(moves, anchors, strict=True))
    return Timeline(
        words.trips_in_all(sum(move.times for move in moves), len({move.spot.line for move in moves})), trips
    )


def _trip(move: Move, anchor: str) -> Trip:
    lane = "read" if move.kind in ("read", "wait") else "up" if move.start == "cpu" else "down"
    return Trip(
        line=move.spot.line,
        anchor=anchor,
        source=one_line(move.spot.source),
        lane=lane,
        what=words.LANES[lane],
        phase=words.PHASES.get(move.phase, ""),
        times=words.times(move.times),
        size=size(move.bytes),
    )


def _batches(items: Sequence[Item], count: int) -> list[tuple[Item, ...]]:
    return [tuple(items[start : start + count]) for start in range(0, len(items), count)]


def _product(shape: Sequence[int]) -> int:
    product = 1
    for each in shape:
        product *= each
    return product
