"""What a cell shows is kept in order and cut where it grows out of hand."""

from __future__ import annotations

import pytest

from autograder.engine.messages import Bundle, Raised, Result, Stream
from autograder.engine.outputs import MAX_OUTPUTS, TRUNCATED, Outputs, Printer


def test_printed_text_beyond_the_cap_is_cut_and_says_so() -> None:
    outputs = Outputs(10)
    for _ in range(1_000):
        outputs.print("stdout", "abcd")
    (stream,) = outputs.take()
    assert isinstance(stream, Stream)
    assert stream.text == "abcdabcdab" + TRUNCATED


def test_a_huge_picture_is_replaced_by_a_note() -> None:
    outputs = Outputs(100)
    outputs.show({"image/png": b"x" * 10_000_000})
    assert outputs.take() == [Stream("stderr", "[an output was too large to be kept]\n")]


def test_outputs_without_number_are_cut() -> None:
    outputs = Outputs(1_000_000)
    for _ in range(MAX_OUTPUTS + 10):
        outputs.show({"text/plain": "x"})
    outputs.fail("E", "still shown", [])
    assert len(outputs.take()) == MAX_OUTPUTS + 1


def test_an_exception_of_endless_text_is_cut() -> None:
    outputs = Outputs(10)
    outputs.fail("E" * 10_000, "m" * 1_000_000, ["t" * 1_000_000] * 1_000)
    (raised,) = outputs.take()
    assert isinstance(raised, Raised)
    assert (len(raised.ename), len(raised.evalue), len(raised.traceback)) == (200, 10_000, 100)
    assert len(raised.traceback[0]) == 20_000


def test_a_printer_takes_text_only() -> None:
    with pytest.raises(TypeError, match="must be str, not bytes"):
        Printer("stdout", Outputs(10)).write(b"raw")  # type: ignore[arg-type]


def test_lone_surrogates_are_replaced() -> None:
    outputs = Outputs(10)
    outputs.print("stdout", "a\ud800")
    assert outputs.take() == [Stream("stdout", "a?")]


def test_streams_are_joined_and_kept_in_order() -> None:
    outputs = Outputs(100)
    outputs.print("stdout", "a")
    outputs.print("stdout", "b")
    outputs.print("stderr", "c")
    outputs.show({"text/plain": "d"})
    outputs.print("stdout", "e")
    shown = outputs.take()
    assert shown == [Stream("stdout", "ab"), Stream("stderr", "c"), Bundle({"text/plain": "d"}), Stream("stdout", "e")]


def test_raw_pictures_become_base64_and_other_data_is_left_out() -> None:
    outputs = Outputs(10)
    outputs.show({"image/png": b"\x89PNG", "application/json": {"a": 1}, "text/plain": "p"}, 4)
    assert outputs.take() == [Result(4, {"image/png": "iVBORw==", "text/plain": "p"})]


def test_clear_forgets_what_was_shown() -> None:
    outputs = Outputs(10)
    outputs.print("stdout", "a")
    outputs.clear()
    outputs.print("stdout", "b")
    assert outputs.take() == [Stream("stdout", "b")]
