"""An answer that is changed after feedback is a further try: the best counts, at its points less the penalty."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autograder.config import QuizSettings
from autograder.model import QuestionResult, QuestionState, Try
from autograder.quiz.tries import settle

SHARES = st.sampled_from([0.0, 0.25, 0.5, 1.0])
RULES = st.builds(QuizSettings, attempts=st.integers(0, 4), penalty=st.sampled_from([0.0, 0.1, 0.5, 1.0]))


def answered(answer: str, share: float) -> QuestionResult:
    state = QuestionState.RIGHT if share == 1 else QuestionState.PARTLY if share else QuestionState.WRONG
    score = 2 * share
    return QuestionResult(
        name="q", variant=0, score=score, max_score=2.0, answer=answer, share=share, state=state, message=state.value
    )


def history(*shares: float) -> list[Try]:
    """Tries at the question, each with feedback; the answers are named by their numbers."""
    return [
        Try("q", number, str(number), QuestionState.PARTLY, share, has_feedback=True)
        for number, share in enumerate(shares, 1)
    ]


def test_what_cannot_be_read_is_no_try() -> None:
    result = msgspec.structs.replace(answered("4", 0.0), state=QuestionState.WRONG_FORM)
    found = settle(result, history(0.5), QuizSettings())
    assert (found.attempt, found.score) == (0, 1.0)
    assert found.message == "not right; your try 1 was better, and counts"


def test_a_first_answer_is_worth_its_points_and_nothing_is_said_of_tries() -> None:
    found = settle(answered("1", 0.5), [], QuizSettings(attempts=2, penalty=0.5))
    assert (found.attempt, found.score, found.message) == (1, 1.0, "partly right")


def test_an_answer_changed_after_feedback_costs_the_penalty() -> None:
    found = settle(answered("2", 1.0), history(0.0), QuizSettings(attempts=3, penalty=0.25))
    assert (found.attempt, found.score) == (2, 1.5)
    assert found.message == "right; this is try 2 of 3, worth 75% of the points"


def test_an_answer_changed_before_feedback_is_the_same_try() -> None:
    pending = [Try("q", 1, "1", QuestionState.WRONG, 0.0)]
    found = settle(answered("2", 1.0), pending, QuizSettings(penalty=0.25))
    assert (found.attempt, found.score, found.message) == (1, 2.0, "right")


def test_the_same_answer_handed_in_again_is_the_same_try() -> None:
    found = settle(answered("1", 1.0), history(1.0), QuizSettings(attempts=1, penalty=0.5))
    assert (found.attempt, found.score, found.message) == (1, 2.0, "right")


def test_a_try_too_many_counts_no_more() -> None:
    found = settle(answered("3", 1.0), history(0.0, 0.5), QuizSettings(attempts=2, penalty=0.1))
    assert (found.attempt, found.score) == (3, 0.9)
    assert found.message == "right; this is try 3 of 2, which counts no more; your try 2 was better, and counts"


def test_tries_at_another_question_do_not_matter() -> None:
    other = [msgspec.structs.replace(one, question="other") for one in history(0.0, 0.0)]
    assert settle(answered("1", 1.0), other, QuizSettings(penalty=0.5)).score == 2.0


@given(st.lists(SHARES, max_size=5), SHARES, RULES)
def test_the_points_are_those_of_the_best_try_and_never_more_than_without_a_penalty(
    before: list[float], now: float, rules: QuizSettings
) -> None:
    found = settle(answered("new", now), history(*before), rules)
    assert 0 <= found.score <= 2 * max([now, *before])
    assert found.score >= settle(answered("new", 0.0), history(*before), rules).score
    assert found.attempt == len(before) + 1


@given(st.lists(SHARES, max_size=5), SHARES)
def test_without_rules_the_best_answer_counts_in_full(before: list[float], now: float) -> None:
    assert settle(answered("new", now), history(*before), QuizSettings()).score == pytest.approx(
        2 * max([now, *before])
    )
