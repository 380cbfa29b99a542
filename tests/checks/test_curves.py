"""Loss curves: what is said of their shape, and what is kept to be drawn."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from autograder.checks.expect import expect
from autograder.checks.failure import BrokenCheckError, CheckFailedError

RIGHT = [1.0, 0.8, 0.65, 0.55, 0.5]


def failure_of(got: Any, expected: list[float] = RIGHT, **options: Any) -> CheckFailedError:
    with pytest.raises(CheckFailedError) as caught:
        expect(got, "the loss of each epoch").follows(expected, **options)
    return caught.value


@pytest.mark.parametrize("expected", [[], [1.0, 0.5], [1.0, float("nan"), 0.5]])
def test_a_reference_without_a_curve_is_our_fault(expected: list[float]) -> None:
    with pytest.raises(BrokenCheckError, match="follows: the curve of the reference"):
        expect(RIGHT, "losses").follows(expected)


@pytest.mark.parametrize("got", [None, 0.5, "1.0", [1.0, None, 0.5, 0.4, 0.3], [True] * 5])
def test_what_is_no_list_of_floats_is_no_curve(got: Any) -> None:
    failure = failure_of(got)
    assert failure.expected == "a list of floats"
    assert failure.curves is None


def test_a_curve_of_another_length_is_told_so() -> None:
    assert failure_of(RIGHT[:3]).message == "the loss of each epoch has the wrong length"


@pytest.mark.parametrize(
    ("got", "message"),
    [
        (
            [1.0, 3.0, 80.0, float("inf"), float("nan")],
            "training diverges: from epoch 4 on the loss is no finite number",
        ),
        ([3 * loss for loss in RIGHT], "every loss is the same multiple of the right one"),
        ([1.0] * 5, "nothing is learned: the loss stays where it was at first"),
        ([1.0, 0.8, 0.8, 0.8, 0.8], "from epoch 2 on nothing more is learned: the loss stays as it is"),
        ([1.0, 1.2, 1.4, 1.7, 2.1], "the loss rises, and it should fall"),
        ([1.0, 0.98, 0.96, 0.95, 0.93], "the loss falls too slowly"),
        ([1.0, 0.7, 0.5, 0.3, 0.2], "the loss falls faster than it should"),
        ([1.0, 0.8, 0.7, 0.5, 0.55], "from epoch 3 on the loss is wrong"),
        ([0.7, 0.6, 0.5, 0.4, 0.35], "5 of 5 losses are wrong"),
        ([1.1, 0.8, 0.6, 0.55, 0.5], "2 of 5 losses are wrong"),
    ],
)
def test_the_shape_of_a_wrong_curve_is_named(got: list[float], message: str) -> None:
    assert failure_of(got).message == message


def test_a_message_holds_no_loss() -> None:
    assert failure_of([1.0, 0.8, 0.7, 0.5, 0.55]).look_at == "what does one epoch leave behind for the next?"
    assert failure_of([1.0, 0.8, 0.7, 0.5, 0.55], per="step").message == "from step 3 on the loss is wrong"


def test_both_curves_and_the_spread_of_other_starts_are_kept() -> None:
    others = [[1.2, 0.9, 0.7, 0.6, 0.55], [0.9, 0.7, 0.6, 0.45, 0.4]]
    curves = failure_of([1.0, 3.0, float("inf"), 4.0, 5.0], others=others).curves
    assert curves is not None
    assert curves.got == (1.0, 3.0, None, 4.0, 5.0)
    assert curves.expected == tuple(RIGHT)
    assert (curves.low, curves.high) == ((0.9, 0.7, 0.6, 0.45, 0.4), (1.2, 0.9, 0.7, 0.6, 0.55))


def test_other_starts_are_run_for_a_curve_that_is_wrong_only() -> None:
    runs = []

    def others() -> Iterator[list[float]]:
        runs.append(1)
        yield RIGHT

    expect(RIGHT, "losses").follows(RIGHT, others())
    assert not runs
    failure_of([1.0] * 5, others=others())
    assert runs


def test_rounding_that_grows_from_epoch_to_epoch_is_no_fault() -> None:
    expect([loss * (1 + 10.0 ** (at - 9)) for at, loss in enumerate(RIGHT)], "losses").follows(RIGHT)
