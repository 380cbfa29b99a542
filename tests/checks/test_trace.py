"""When two functions count as having done the same."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from autograder.checks.student import Step
from autograder.checks.trace import is_same_step, is_same_value
from autograder.engine.calls import Call, CallError, CallReport, Handle

X = torch.tensor([1.0, 2.0, 3.0])
DIFFERENT = {
    "shape": (X, X[:2]),
    "dtype": (X, X.double()),
    "numbers": (X, X + 1e-3),
    "nan": (X, torch.tensor([1.0, torch.nan, 3.0])),
    "sign of infinity": (torch.tensor([torch.inf]), torch.tensor([-torch.inf])),
    "whole numbers": (torch.tensor([1]), torch.tensor([2])),
    "requires grad": (X, X.clone().requires_grad_()),
    "kind": (X, [1.0, 2.0, 3.0]),
    "bool and int": (True, 1),
    "int and float": (1, 1.0),
    "list and tuple": ([1], (1,)),
    "length": ([1], [1, 1]),
    "keys": ({"a": 1}, {"b": 1}),
    "arrays": (np.ones(2), np.zeros(2)),
    "array types": (np.ones(2), np.ones(2, dtype=np.float32)),
    "objects": (Handle(1, "A"), Handle(1, "B")),
    "text": ("a", "b"),
    "None": (None, 0),
}


@pytest.mark.parametrize("name", DIFFERENT)
def test_different_values_are_told_apart_in_both_directions(name):
    one, other = DIFFERENT[name]
    assert not is_same_value(one, other, None)
    assert not is_same_value(other, one, None)


@pytest.mark.parametrize("name", DIFFERENT)
def test_every_value_is_the_same_as_itself_and_as_a_copy(name):
    for value in DIFFERENT[name]:
        copy = value.clone() if isinstance(value, torch.Tensor) else value
        if isinstance(copy, torch.Tensor) and value.requires_grad:
            copy = value.detach().clone().requires_grad_()
        assert is_same_value(value, copy, None)


def test_gradients_of_inputs_count():
    one, other = X.clone().requires_grad_(), X.clone().requires_grad_()
    one.grad = torch.ones(3)
    assert not is_same_value([one], [other], None)
    other.grad = torch.ones(3)
    assert is_same_value([one], [other], None)
    other.grad = torch.zeros(3)
    assert not is_same_value([one], [other], None)


def test_gradients_reset_to_zero_and_to_none_are_the_same():
    one, other = X.clone().requires_grad_(), X.clone().requires_grad_()
    one.grad = torch.zeros(3)
    assert is_same_value([one], [other], None)
    assert is_same_value([other], [one], [one])


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.floats(-1e4, 1e4, width=32), min_size=1, max_size=6), st.sampled_from([torch.float32, torch.float64])
)
def test_rounding_is_forgiven(numbers, dtype):
    value = torch.tensor(numbers, dtype=dtype)
    assert is_same_value(value, value * (1 + torch.finfo(dtype).eps), None)
    assert is_same_value(value, (value / 3) * 3, None)


def test_a_long_way_from_the_right_value_rounding_may_be_larger():
    right, far = torch.zeros(2), torch.tensor([1e-3, 5.0])
    assert not is_same_value(far[:1], far[:1] + 1e-8, right[:1])
    assert is_same_value(far, far + 3e-5, right)
    assert not is_same_value(far, far + 3e-5, far)


def test_python_numbers_may_have_gone_through_float32():
    third = torch.tensor(1 / 3).item()
    assert is_same_value(third, 1 / 3, 0.5)
    assert not is_same_value(third, 0.3334, 0.5)


def test_the_dtype_of_a_tensor_counts_only_where_a_tensor_is_right():
    single, double = torch.tensor(1 / 3), torch.tensor(1 / 3, dtype=torch.float64)
    assert is_same_value(single, double, 0.5)
    assert not is_same_value(single, double, torch.tensor(0.5))
    assert not is_same_value(single, double, None)
    assert not is_same_value(torch.tensor(1), torch.tensor(1.0), 0.5)


REPORT = CallReport(value=X)
REPORTS = {
    "error": CallReport(error=CallError("ValueError", "a")),
    "other message": CallReport(error=CallError("ValueError", "b")),
    "value": CallReport(value=X + 1),
    "requires grad": CallReport(value=X, requires_grad=True),
    "gradients": CallReport(value=X, gradients=(X,)),
    "backward": CallReport(value=X, gradient_error=CallError("ValueError", "a")),
    "inputs": CallReport(value=X, inputs=(X,)),
    "tensors": CallReport(value=X, same_tensors=False),
    "state": CallReport(value=X, state_changes=("gradient mode: on -> off",)),
    "nothing": None,
}


@pytest.mark.parametrize("name", REPORTS)
def test_every_part_of_a_report_counts(name):
    step, other = Step(Call("f"), REPORT), Step(Call("f"), REPORTS[name])
    assert not is_same_step(step, other, None)
    assert not is_same_step(other, step, step)
    assert is_same_step(other, other, step)


def test_lines_printed_text_and_time_do_not_count():
    one = CallReport(error=CallError("ValueError", "a", line=1), printed="x", seconds=1.0)
    other = CallReport(error=CallError("ValueError", "a", line=7), functions=frozenset({"f"}))
    assert is_same_step(Step(Call("f"), one), Step(Call("f"), other), None)
    assert not is_same_step(Step(Call("f"), one), Step(Call("g"), other), None)
    assert not is_same_step(Step(Call("f"), None, "died"), Step(Call("f"), None, "timeout"), None)
