"""Maps of errors: the pattern in words, and what is drawn."""

from __future__ import annotations

import pytest

from autograder.model import Entries
from autograder.report.pictures import error_map, timeline


@pytest.mark.parametrize(
    ("shape", "off", "words"),
    [
        ((2, 3), "111000", "Row 0 is off as a whole"),
        ((2, 3), "010010", "Column 1 is off as a whole"),
        ((3, 3), "011101110", "All but the diagonal is off: is something transposed?"),
        ((2, 2), "1001", "The diagonal is off, and nothing else."),
        ((5,), "01100", "Entries 1, 2 are off."),
        ((2, 3), "100010", "2 of 6 entries are off."),
    ],
)
def test_the_pattern_is_said(shape: tuple[int, ...], off: str, words: str) -> None:
    found = error_map(Entries("x", shape, off), revealed=False)
    assert found is not None
    assert found.summary.startswith(words)


def test_nothing_is_drawn_where_it_would_say_nothing() -> None:
    assert error_map(None, revealed=True) is None
    assert error_map(Entries("x", (2, 2), "1111", (1.0,) * 4), revealed=False) is None
    assert error_map(Entries("x", (2,), "10"), revealed=False) is None
    assert error_map(Entries("x", (3, 3), "10"), revealed=False) is None
    assert timeline((), ()) is None


def test_the_sign_and_the_size_of_errors_are_drawn_where_values_are_shown() -> None:
    found = error_map(Entries("x", (2, 2), "1111", (0.01, -1.0, None, 0.3)), revealed=True)
    assert found is not None
    squares = [square for row in found.slices[0].rows for square in row]
    assert [(square.level, square.sign) for square in squares] == [(1, "+"), (3, "−"), (3, "×"), (2, "+")]


def test_a_tensor_of_three_axes_is_drawn_slice_by_slice() -> None:
    found = error_map(Entries("x", (2, 2, 2), "10001000"), revealed=False)
    assert found is not None
    assert [one.title for one in found.slices] == ["[0, :, :]", "[1, :, :]"]
