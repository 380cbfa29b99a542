"""The two large quizzes: every variant holds, and PyTorch does what their texts say about it."""

from __future__ import annotations

import builtins
from pathlib import Path

import pytest
import torch
from torch import nn
from torch.nn import functional

from autograder import quiz
from autograder.course import load_course
from autograder.quiz import BuiltQuestion, Order, Variant, load_quiz
from autograder.quiz.verify import verify_quiz

ROOT = Path(__file__).parents[2]
QUIZZES = ("foundations_quiz", "training_quiz")


@pytest.fixture(scope="module")
def questions() -> dict[str, tuple[BuiltQuestion, ...]]:
    return {name: load_quiz(load_course(ROOT).assignment(name)) for name in QUIZZES}


def variants_of(questions: dict[str, tuple[BuiltQuestion, ...]], name: str) -> tuple[Variant, ...]:
    return next(one.variants for quiz_ in questions.values() for one in quiz_ if one.name == name)


def kinds_of(built: tuple[BuiltQuestion, ...]) -> set[str]:
    return {type(question.variants[0]).__name__ for question in built}


@pytest.mark.parametrize("name", QUIZZES)
def test_every_variant_holds(name: str) -> None:
    assert verify_quiz(load_course(ROOT).assignment(name)).problems == ()


@pytest.mark.parametrize("name", QUIZZES)
def test_a_quiz_has_many_questions_of_many_kinds(questions: dict[str, tuple[BuiltQuestion, ...]], name: str) -> None:
    assert len(questions[name]) >= 28
    assert len(kinds_of(questions[name])) >= 5


def test_together_they_use_every_kind(questions: dict[str, tuple[BuiltQuestion, ...]]) -> None:
    every = {name for name in quiz.__all__ if isinstance(getattr(quiz, name), type)}
    every = {name for name in every if issubclass(getattr(quiz, name), Variant)} - {"Variant"}
    assert set().union(*map(kinds_of, questions.values())) == every


def test_no_name_of_a_question_hides_one_that_python_or_pytorch_needs(
    questions: dict[str, tuple[BuiltQuestion, ...]],
) -> None:
    names = {one.name for built in questions.values() for one in built}
    assert not names & ({*dir(builtins)} | {"torch", "nn", "F", "os"})


def test_every_question_has_four_to_twelve_variants_and_a_true_statement_is_not_always_true(
    questions: dict[str, tuple[BuiltQuestion, ...]],
) -> None:
    for built in questions.values():
        for question in built:
            assert 4 <= len(question.variants) <= 12, question.name
            answers = {question.variants[0].typed(variant.right) for variant in question.variants}
            assert len(answers) > 1 or isinstance(question.variants[0], Order), question.name


def test_the_lines_of_the_gradient_run_in_the_order_that_is_right(
    questions: dict[str, tuple[BuiltQuestion, ...]], capsys: pytest.CaptureFixture[str]
) -> None:
    for variant in variants_of(questions, "in_order"):
        exec("\n".join(variant.answer), {"torch": torch})
        assert capsys.readouterr().out.startswith("tensor(")


def test_the_lines_of_the_network_run_in_the_order_that_is_right_and_not_without_flattening(
    questions: dict[str, tuple[BuiltQuestion, ...]],
) -> None:
    images = torch.randn(64, 8, 8)
    names = dict.fromkeys(("images", "pixels", "pictures"), images)
    names |= dict.fromkeys(("hidden", "first", "inner"), nn.Linear(64, 32))
    names |= {"output": nn.Linear(32, 10), "labels": torch.zeros(64, dtype=torch.int64), "F": functional}
    for variant in variants_of(questions, "forward_lines"):
        exec("\n".join(variant.answer), dict(names))
    with pytest.raises(RuntimeError, match="shapes cannot be multiplied"):
        names["hidden"](images)


def test_the_four_updates_do_what_their_hints_say() -> None:
    def leaf() -> torch.Tensor:
        w = torch.tensor(3.0, requires_grad=True)
        (w**2).backward()
        return w

    names = {"torch": torch, "w": leaf()}
    exec("with torch.no_grad(): w -= 0.1 * w.grad", names)
    assert names["w"].is_leaf
    assert names["w"].requires_grad
    assert names["w"].item() == pytest.approx(2.4)
    w = leaf()
    w = w - 0.1 * w.grad
    assert not w.is_leaf
    w = leaf()
    with pytest.raises(RuntimeError, match="a leaf Variable that requires grad"):
        w -= 0.1 * w.grad


def test_exponentials_overflow_and_underflow_where_the_text_says() -> None:
    assert torch.tensor([88.0]).exp().isfinite().all()
    assert torch.tensor([89.0]).exp().isinf().all()
    assert torch.tensor([-104.0]).exp().item() == 0


def test_a_column_minus_a_row_is_repaired_as_the_text_says() -> None:
    assert (torch.zeros(5, 1).squeeze(1) - torch.zeros(5)).shape == (5,)


def test_what_holds_about_entropy_holds_for_random_distributions() -> None:
    p, q = torch.randn(2, 1000, 5, dtype=torch.float64).softmax(-1)
    entropy, cross, back = -(p * p.log()).sum(1), -(p * q.log()).sum(1), -(q * p.log()).sum(1)
    assert (cross >= entropy).all()
    assert not torch.allclose(cross, back)
    assert (entropy >= 0).all()
    assert (entropy <= torch.tensor(5.0).log() + 1e-9).all()
    assert (cross > torch.tensor(5.0).log()).any()
