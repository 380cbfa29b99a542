"""The loss curve of a student's page: when it is drawn, and where its points lie."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from itertools import pairwise

import pytest
from made_results import check, course, exercise, result
from msgspec.structs import replace

from autograder.model import Curves, Outcome
from autograder.report.curve import BOTTOM, TOP, LossCurve, loss_curve
from autograder.report.feedback import render_feedback

CURVES = Curves(
    "the loss of each epoch",
    "epoch",
    got=(1.0, 1.2, 1.5, 1.9),
    expected=(1.0, 0.8, 0.65, 0.55),
    low=(0.9, 0.7, 0.5, 0.4),
    high=(1.3, 0.9, 0.7, 0.6),
)
NOW = datetime(2026, 11, 22, tzinfo=UTC)


def drawn(**changes: object) -> LossCurve:
    found = loss_curve(replace(CURVES, **changes), revealed=True)
    assert found is not None
    return found


def page(reveal: str) -> str:
    failed = check(Outcome.FAILED, message="the loss rises, and it should fall", curves=CURVES, got="1, 1.2, 1.5, 1.9")
    return render_feedback(course(reveal=reveal), result(exercise(failed)), NOW)


def test_no_curve_is_drawn_where_values_are_hidden() -> None:
    assert loss_curve(CURVES, revealed=False) is None
    assert "Loss curve" not in page("title")
    assert "1.5, 1.9" not in page("title")


@pytest.mark.parametrize(
    "changes", [{"got": (1.0,), "expected": (1.0,)}, {"expected": (1.0, 0.8)}, {"expected": (1.0, 0.8, None, 0.5)}]
)
def test_no_curve_is_drawn_of_what_is_none(changes: dict[str, object]) -> None:
    assert loss_curve(replace(CURVES, **changes), revealed=True) is None
    assert loss_curve(None, revealed=True) is None


def test_a_page_has_the_curve_with_its_words_and_its_table() -> None:
    html = page("values")
    assert 'aria-label="Loss curve: yours goes from 1 to 1.9, the right one from 1 to 0.55.' in html
    assert "<td>1.9</td><td>0.55</td><td>0.4</td><td>0.6</td>" in html
    assert "right, from other starts" in html


def test_a_larger_loss_stands_higher() -> None:
    dots = drawn().got
    assert all(TOP <= dot.y <= BOTTOM for dot in dots)
    assert all(first.y > second.y and first.x < second.x for first, second in pairwise(dots))


def test_without_other_starts_there_is_no_band() -> None:
    found = drawn(low=(), high=())
    assert found.band == ""
    assert found.rows[0].low == ""


def test_a_loss_far_above_the_right_ones_is_drawn_at_the_upper_edge() -> None:
    found = drawn(got=(1.0, 50.0, 1e30, None))
    assert [dot.is_above for dot in found.got] == [False, True, True, True]
    assert min(dot.y for dot in found.expected) > TOP + (BOTTOM - TOP) / 2
    assert found.rows[3].got == "no number"


def test_a_curve_with_gaps_is_drawn_in_pieces() -> None:
    assert len(drawn(got=(1.0, 0.9, None, 0.8)).got_lines) == 1
    assert len(drawn(got=(1.0, 0.9, 0.85, 0.8)).got_lines) == 1


@pytest.mark.parametrize("largest", [1e-7, 0.013, 0.7, 2.0, 34.5, 9e5])
def test_the_levels_beside_the_axis_are_few_and_round(largest: float) -> None:
    losses = (largest, largest / 2, largest / 3, largest / 4)
    levels = [float(text) for _, text in drawn(got=losses, expected=losses, low=(), high=()).levels]
    assert 3 <= len(levels) <= 6
    assert levels[0] == 0
    assert levels[-1] <= largest * (1 + 1e-9)
    digits = levels[1] / 10 ** math.floor(math.log10(levels[1]))
    assert min(abs(digits - one) for one in (1, 2, 5, 10)) < 1e-6


def test_a_long_curve_has_few_numbers_below_it() -> None:
    losses = tuple(1.0 - at / 100 for at in range(48))
    found = drawn(got=losses, expected=losses, low=(), high=())
    assert len(found.places) <= 10
    assert found.places[0][1] == 1
