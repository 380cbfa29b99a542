"""An answer held against the variants of others: what is reported, and what is no sign of anything."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from autograder.model import QuestionResult, QuestionState
from autograder.quiz import BuiltQuestion, Choice, Integer
from autograder.quiz.answers import AnswerCell
from autograder.quiz.scoring import grade_questions

ASKED: dict[str, Any] = {"explanation": "So it is."}
NUMBERS = BuiltQuestion(
    name="q",
    title="Q",
    points=2.0,
    line=1,
    variants=(
        Integer(prompt="1 * 6?", answer=6, wrong={7: "You added."}, **ASKED),
        Integer(prompt="7 * 1?", answer=7, wrong={8: "You added."}, **ASKED),
        Integer(prompt="9 * 1?", answer=9, wrong={10: "You added."}, **ASKED),
    ),
)
LETTERS = BuiltQuestion(
    name="q",
    title="Q",
    points=1.0,
    line=1,
    variants=(
        Choice(prompt="1?", answer="a", wrong={"b": "no", "c": "no"}, **ASKED),
        Choice(prompt="2?", answer="b", wrong={"a": "no", "c": "no"}, **ASKED),
    ),
)


def no_fork() -> Any:
    raise AssertionError("a literal needs no fork")


def result(
    question: BuiltQuestion, source: str, named: str = "", whose: Callable[[BuiltQuestion], int] | None = None
) -> QuestionResult:
    cells = [AnswerCell(0, source, True)]
    (found,) = grade_questions([question], lambda _: cells, no_fork, lambda _: 0, lambda name: name, named, whose)
    return found


def test_the_answer_to_another_variant_scores_nothing_and_is_reported() -> None:
    found = result(NUMBERS, "q = 9")
    assert (found.score, found.state) == (0.0, QuestionState.WRONG)
    assert found.staff_note == 'question "q": answered the variant of another student (variant 2, not 0)'


def test_a_typical_mistake_that_is_right_elsewhere_is_not_taken_for_a_copy() -> None:
    found = result(NUMBERS, "q = 7")
    assert (found.hint, found.staff_note) == ("You added.", "")


def test_a_letter_that_is_right_elsewhere_is_chance() -> None:
    assert result(LETTERS, 'q = "b"').staff_note == ""


def test_a_letter_that_is_right_for_the_student_who_is_named_is_reported() -> None:
    found = result(LETTERS, 'q = "b"', "bob", lambda _: 1)
    assert found.staff_note == (
        'question "q": answered the variant of "bob", who is named in the notebook (variant 1, not 0)'
    )


def test_a_right_answer_is_nobody_else_s() -> None:
    found = result(NUMBERS, "q = 6", "bob", lambda _: 0)
    assert (found.score, found.message, found.staff_note) == (2.0, "right", "")
