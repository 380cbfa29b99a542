"""Answers are read from the source of cells: which statement counts, and what is told apart."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autograder.quiz.answers import AnswerCell, Given, find_answer, read_literal


def found(*sources: str, own: int = 0) -> Given:
    return find_answer("q", [AnswerCell(n, source, n == own) for n, source in enumerate(sources)])


@pytest.mark.parametrize("source", ["q = ...", "", "q = None", "# q = 3", "q == 3", "p = q", "def f():\n    q = 3"])
def test_a_cell_without_an_answer_is_unanswered(source: str) -> None:
    assert not found(source).is_answered
    assert found(source).trouble == ""


@pytest.mark.parametrize(
    "source", ["q = (2, 4", "q = 3 3", "q = " + "(" * 5000, "q = " + "-" * 40_000 + "1", "q = '\0'"]
)
def test_a_cell_that_is_no_python_is_neither_unanswered_nor_read(source: str) -> None:
    answer = found(source)
    try:
        read_literal(answer.node)
    except ValueError:
        return
    pytest.fail("it was read")


def test_a_number_of_more_digits_than_python_writes_is_an_answer_all_the_same() -> None:
    assert found("q = 0x" + "f" * 6000).is_answered


def test_a_cell_that_is_no_python_says_so() -> None:
    assert found("q = (2, 4").trouble == "the cell is not Python"


@pytest.mark.parametrize(
    ("source", "value"),
    [
        ("q = (2, 4)", (2, 4)),
        ("q: tuple = (2, 4)", (2, 4)),
        ("p = q = -3", -3),
        ("%matplotlib inline\nq = {'a', 'c'}", {"a", "c"}),
        ("!ls\nq = set()", set()),
        ("q = 'b'  # I think", "b"),
        ("q = torch.float32", "torch.float32"),
        ("q = {'a': 3}; print(q)", {"a": 3}),
        ("1 / 0\nq = 1", 1),
    ],
)
def test_a_literal_is_read(source: str, value: object) -> None:
    assert read_literal(found(source).node) == value


@pytest.mark.parametrize(
    "source", ["q = 3 * 4", "q = x.shape", "q = lambda x: x", "def q(x): return x", "for q in [1]: pass", "q, p = 1, 2"]
)
def test_what_is_no_literal_was_computed(source: str) -> None:
    answer = found(source)
    assert answer.is_answered
    with pytest.raises(ValueError):
        read_literal(answer.node)


def test_of_several_answers_the_last_counts_and_the_others_are_told() -> None:
    answer = found("q = 1\nq = 2\nq = 3")
    assert (answer.text, answer.others) == ("3", ("1", "2"))


def test_the_same_answer_twice_is_one_answer() -> None:
    assert found("q = (1,2)\nq = (1, 2)").others == ()


def test_the_answer_s_own_cell_counts_before_all_others() -> None:
    answer = found("q = 1", "q = 2")
    assert (answer.text, answer.others) == ("1", ("2",))


def test_an_answer_elsewhere_counts_where_the_own_cell_has_none() -> None:
    assert found("q = ...", "q = 2").text == "2"


def test_a_broken_cell_elsewhere_does_no_harm() -> None:
    assert found("q = 1", "q = (").text == "1"
    assert found("q = ...", "q = (").trouble == ""


def test_a_long_answer_is_cut_where_it_is_shown() -> None:
    assert len(found(f"q = '{'x' * 10_000}'").text) < 600


@given(source=st.text())
def test_no_source_at_all_makes_it_fail(source: str) -> None:
    assert isinstance(found(f"q = {source}"), Given)
