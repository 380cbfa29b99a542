"""What every kind promises: its form check never fails, scores are shares, the order of a list tells nothing."""

from __future__ import annotations

import ast
import itertools
import math
from dataclasses import replace
from typing import Any

import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st

from autograder.checks.draw import Draw
from autograder.quiz import (
    Choice,
    Choices,
    Device,
    Dtype,
    Expression,
    Integer,
    Match,
    Number,
    Order,
    Printed,
    Shape,
    ShortText,
    TensorValue,
    TrueFalse,
    Variant,
)
from autograder.quiz.released import check_form

ASKED = {"prompt": "What?", "explanation": "So it is."}
ONE_OF_EACH: tuple[Variant, ...] = (
    Choice(answer="red", wrong={"green": "no", "blue": "nor that"}, **ASKED),
    Choices(answer=["red", "blue"], wrong={"green": "no", "grey": "nor that"}, **ASKED),
    TrueFalse(answer=True, wrong={False: "no"}, **ASKED),
    Number(answer=torch.tensor(0.6931), wrong={1.0: "no"}, **ASKED),
    Integer(answer=torch.tensor(12), wrong={7: "no"}, **ASKED),
    Shape(answer=torch.Size([2, 4]), wrong={(2, 1, 4): "no"}, **ASKED),
    TensorValue(answer=torch.tensor([[1, 2], [3, 4]]), wrong=[([[1, 3], [2, 4]], "no")], **ASKED),
    Dtype(answer=torch.float32, wrong={"int64": "no"}, **ASKED),
    Device(answer=torch.device("cuda", 0), wrong={"cpu": "no"}, **ASKED),
    ShortText(answer="overfitting", accepted=["over-fit"], wrong={"underfitting": "no"}, **ASKED),
    Printed(code="print(torch.tensor([1, 2]))\nprint(3)", wrong={"tensor([1, 2])": "no"}, **ASKED),
    Expression(answer="2 * x * exp(x**2)", wrong={"exp(x**2)": "no"}, **ASKED),
    Order(answer=["a = 1", "b = a", "print(b)"], extra={"del a": "no"}, **ASKED),
    Match(answer={"sum": "plus", "product": "times"}, others=["minus"], wrong={("sum", "times"): "no"}, **ASKED),
)
EACH_KIND = pytest.mark.parametrize("variant", ONE_OF_EACH, ids=lambda variant: type(variant).__name__)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.complex_numbers()
ANYTHING = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.tuples(inner, inner)
        | st.sets(SCALARS, max_size=3)
        | st.dictionaries(SCALARS, inner, max_size=3)
    ),
    max_leaves=8,
)


@EACH_KIND
def test_a_question_without_an_explanation_or_a_prompt_is_refused(variant: Variant) -> None:
    for name in ("explanation", "prompt"):
        with pytest.raises(ValueError, match=name):
            replace(variant, **{name: " "})


@EACH_KIND
def test_the_form_check_refuses_what_is_no_answer(variant: Variant) -> None:
    for misshapen in variant.misshapen:
        assert variant.form_problem(misshapen), misshapen
        assert not variant.grade(misshapen).is_read


@EACH_KIND
def test_the_form_check_says_the_same_of_right_and_wrong(variant: Variant, capsys: pytest.CaptureFixture[str]) -> None:
    answers = [variant.right, *(wrong.answer for wrong in variant.wrongs)]
    said = set()
    for answer in answers:
        check_form("q", answer, type(variant).form, *variant.details)
        said.add(capsys.readouterr().out)
    assert len(answers) > 1
    assert said == {"q: this answer can be read. Whether it is right, your feedback will say.\n"}


@EACH_KIND
@settings(max_examples=60, deadline=None)
@given(answer=ANYTHING)
@example(answer="A")
@example(answer="1 / 0")
def test_any_answer_at_all_gets_a_share_of_the_points(variant: Variant, answer: Any) -> None:
    scored = variant.grade(answer)
    assert 0 <= scored.share <= 1
    assert scored.is_read or scored.share == 0


@EACH_KIND
def test_the_right_answer_scores_all_and_a_wrong_one_less_with_its_hint(variant: Variant) -> None:
    assert variant.grade(variant.right).share == 1
    assert variant.wrongs
    for wrong in variant.wrongs:
        scored = variant.grade(wrong.answer)
        assert (scored.share < 1, scored.hint) == (True, wrong.hint)


@EACH_KIND
def test_what_is_typed_reads_back_as_the_answer(variant: Variant) -> None:
    assert variant.grade(ast.literal_eval(variant.typed(variant.right))).share == 1


@EACH_KIND
def test_the_text_says_how_to_answer_with_a_line_that_passes_the_form_check(variant: Variant) -> None:
    asked = variant.asked("q")
    assert "q = " in asked
    sample = asked.rpartition("`q = ")[2].partition("`")[0]
    if "..." not in sample:
        assert variant.form_problem(ast.literal_eval(sample)) == ""


@given(chosen=st.sets(st.sampled_from("abcd")))
def test_of_several_choices_each_right_one_adds_and_each_wrong_one_takes_away(chosen: set[str]) -> None:
    variant = ONE_OF_EACH[1]
    right, wrong = len(chosen & variant.right), len(chosen - variant.right)
    assert variant.grade(chosen).share == max(0.0, (right - wrong) / 2)


def test_choosing_all_of_several_choices_pays_nothing() -> None:
    assert ONE_OF_EACH[1].grade(set("abcd")).share == 0


def test_none_of_several_choices_can_be_right() -> None:
    variant = Choices(answer=[], wrong={"red": "no", "blue": "nor that"}, **ASKED)
    assert [variant.grade(given).share for given in (set(), {}, {"a"})] == [1, 1, 0]


def test_letters_may_be_capitals() -> None:
    assert ONE_OF_EACH[0].grade(ONE_OF_EACH[0].right.upper()).share == 1


@pytest.mark.parametrize(
    ("given", "share"), [(0.6931, 1), (0.69317, 1), (0.6937, 1), (0.6939, 0), (math.log(2), 1), (-0.6931, 0), (1, 0)]
)
def test_a_number_is_right_within_a_thousandth(given: float, share: float) -> None:
    assert Number(answer=0.6931, **ASKED).grade(given).share == share


@pytest.mark.parametrize(("given", "share"), [(0.0, 1), (1e-7, 1), (1e-5, 0)])
def test_a_number_of_zero_is_right_within_its_absolute_tolerance(given: float, share: float) -> None:
    assert Number(answer=0.0, **ASKED).grade(given).share == share


def test_a_tensor_is_judged_by_its_shape_before_its_entries() -> None:
    variant = ONE_OF_EACH[6]
    assert variant.grade([[1, 2, 3], [3, 4, 5]]).remark == "not right: the shape differs"
    assert variant.grade([[1, 2], [3, 5]]).remark == "not right: the shape is right, 1 of 4 entries are not"


@pytest.mark.parametrize("given", ["float32", "torch.float32", "float", torch.float32])
def test_a_dtype_has_several_names(given: Any) -> None:
    assert Dtype(answer="float32", **ASKED).grade(given).share == 1


@pytest.mark.parametrize(("given", "share"), [("cuda", 1), ("cuda:0", 1), ("cuda:1", 0), ("cpu", 0)])
def test_cuda_is_its_first_device(given: str, share: float) -> None:
    assert Device(answer="cuda:0", **ASKED).grade(given).share == share


@pytest.mark.parametrize("given", ["Overfitting", " over-fit ", "OVER FIT.", "“overfitting”".strip("“”")])
def test_a_text_is_compared_without_case_hyphens_and_spaces(given: str) -> None:
    assert ONE_OF_EACH[9].grade(given).share == 1


def test_printed_lines_are_compared_whatever_white_space_they_have() -> None:
    assert ONE_OF_EACH[10].grade("\ntensor([1,  2])  \n3\n\n").share == 1
    assert ONE_OF_EACH[10].grade("tensor([1, 2]) 3").remark == "not right: the number of lines differs"


@pytest.mark.parametrize(
    ("formula", "share"),
    [("exp(x**2) * x * 2", 1), ("lambda x: 2 * x * torch.exp(x * x)", 1), ("2 * x * exp(x)", 0), ("x", 0)],
)
def test_formulas_are_compared_by_their_values(formula: str, share: float) -> None:
    assert ONE_OF_EACH[11].grade(formula).share == share


@given(order=st.permutations("abc"))
def test_an_order_is_worth_its_right_neighbours(order: list[str]) -> None:
    variant = Order(answer=["1", "2", "3"], **ASKED)  # a, b, c
    pairs = set(itertools.pairwise(["^", *order, "$"])) & set(itertools.pairwise("^abc$"))
    assert variant.grade("".join(order)).share == len(pairs) / 4


def test_lines_of_equal_text_are_interchangeable() -> None:
    variant = Order(answer=["f()", "g()", "f()"], **ASKED)  # listed as f(), f(), g()
    assert [variant.grade(order).share for order in ("acb", "bca")] == [1, 1]


def test_another_right_order_is_right() -> None:
    variant = Order(answer=["1", "2", "3"], also=[["2", "1", "3"]], **ASKED)
    assert variant.grade("bac").share == 1


@given(numbers=st.tuples(st.integers(1, 3), st.integers(1, 3)))
def test_a_match_is_worth_its_right_pairs(numbers: tuple[int, int]) -> None:
    variant = ONE_OF_EACH[13]
    answer = dict(zip("ab", numbers, strict=True))
    assert variant.grade(answer).share == sum(variant.right[letter] == answer[letter] for letter in "ab") / 2


@given(texts=st.lists(st.text("abcxyz", min_size=1), min_size=3, max_size=6, unique=True), seed=st.text(max_size=5))
@settings(max_examples=40, deadline=None)
def test_the_order_of_choices_does_not_depend_on_which_is_right(texts: list[str], seed: str) -> None:
    shown = set()
    for right in texts:
        wrong = {text: "no" for text in texts if text != right}
        shown.add(Choice(answer=right, wrong=wrong, **ASKED).arranged(Draw(seed)).listed())
    assert len(shown) == 1


def test_the_order_of_lines_does_not_depend_on_the_right_order() -> None:
    shown = {Order(answer=lines, **ASKED).arranged(Draw("s")).listed() for lines in itertools.permutations("1234")}
    assert len(shown) == 1
