"""What a check demands, and what a student reads when it is not so: kind, shape, dtype, device, then numbers."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from torch import nn

from autograder import AsGenerator, expect
from autograder.checks.failure import BrokenCheckError, CheckFailedError
from autograder.checks.library import forbidden_calls
from autograder.checks.modules import load_module
from autograder.checks.student import Report
from autograder.engine.calls import Call, CallReport, Handle


def failure_of(demand) -> CheckFailedError:
    with pytest.raises(CheckFailedError) as caught:
        demand()
    return caught.value


# --- a kind of value that cannot be right -----------------------------------------------------------------------------

KINDS = {
    "None for a tensor": (None, torch.ones(2), "your function returned None: is a `return` missing?"),
    "list for a tensor": ([1.0, 1.0], torch.ones(2), "the value is a list, not a tensor"),
    "array for a tensor": (np.ones(2), torch.ones(2), "the value is a numpy array, not a tensor"),
    "float for a tensor": (1.0, torch.tensor(1.0), "the value is a float, not a tensor"),
    "tensor for a float": (torch.tensor(0.5), 0.5, "the value is a tensor, not a Python float"),
    "bool for a float": (True, 1.0, "the value is True or False, not a float"),
    "numpy number for a float": (np.float32(0.5), 0.5, "the value is a numpy float32, not a float"),
    "text for a float": ("0.5", 0.5, "the value is a string, not a float"),
    "object for a tensor": (
        Handle(3, "Softmax"),
        torch.ones(2),
        "the value is an object of type Softmax, not a tensor",
    ),
    "bool for an int": (True, 1, "the value is a bool, not an int"),
    "float for an int": (1.0, 1, "the value is a float, not an int"),
    "tensor for a list": (torch.ones(2), [1.0, 1.0], "the value is a tensor, not a list"),
    "list for a dict": ([], {"a": 1}, "the value is a list, not a dict"),
    "None for a float": (None, 0.5, "your function returned None: is a `return` missing?"),
    "tensor for None": (torch.ones(1), None, "the value is a tensor, not None"),
}


@pytest.mark.parametrize("name", KINDS)
def test_a_value_of_the_wrong_kind_gets_a_sentence_of_its_own(name):
    value, expected, message = KINDS[name]
    assert failure_of(lambda: expect(value, "the value").is_close_to(expected)).message == message


WRONG = {
    "shape": (torch.ones(3, 1), torch.ones(3), "has the wrong shape", "shape (3,)", "shape (3, 1)"),
    "0-dim": (torch.ones(1), torch.tensor(1.0), "has the wrong shape", "shape () (a 0-dim tensor)", "shape (1,)"),
    "dtype": (torch.ones(2), torch.ones(2).double(), "has the wrong dtype", "torch.float64", "torch.float32"),
    "device": (torch.ones(2), torch.ones(2, device="meta"), "is on the wrong device", "meta", "cpu"),
    "length": ([1, 2], [1, 2, 3], "has the wrong length", "length 3", "length 2"),
    "keys": ({"a": 1}, {"b": 1}, "has the wrong keys", "'b'", "'a'"),
}


@pytest.mark.parametrize("name", WRONG)
def test_shape_dtype_and_device_come_before_numbers(name):
    value, expected, message, right, got = WRONG[name]
    failure = failure_of(lambda: expect(value, "it").is_close_to(expected))
    assert (failure.message, failure.expected, failure.got) == (f"it {message}", right, got)


def test_the_worst_entry_is_named_with_the_number_of_wrong_ones():
    right = torch.tensor([[0.1, 0.2, 0.1234], [0.3, 0.4, 0.5]])
    value = right.clone()
    value[0, 2], value[1, 0] = 0.5678, 0.3001
    failure = failure_of(lambda: expect(value, "probs").is_close_to(right, look_at="dim"))
    assert str(failure).splitlines() == [
        "2 of 6 entries are wrong",
        "expected  probs[0, 2] = 0.1234",
        "got       0.5678",
        "look at   dim",
    ]


def test_a_nan_is_the_worst_entry_and_equals_nothing():
    value, right = torch.tensor([9.0, torch.nan]), torch.tensor([1.0, torch.nan])
    failure = failure_of(lambda: expect(value, "it").is_close_to(right))
    assert (failure.message, failure.expected, failure.got) == ("2 of 2 entries are wrong", "it[1] = nan", "nan")


def test_numbers_show_as_many_digits_as_tell_them_apart():
    right = torch.tensor(0.123456789012, dtype=torch.float64)
    failure = failure_of(lambda: expect(right + 1e-9, "it").is_close_to(right, rtol=1e-12, atol=1e-13))
    assert (failure.expected, failure.got) == ("it = 0.1234567890", "0.1234567900")
    tiny = failure_of(lambda: expect(3e-8, "it").is_close_to(2e-8, rtol=0.0, atol=0.0))
    assert (tiny.expected, tiny.got) == ("it = 2.0000e-08", "3.0000e-08")


def test_whole_numbers_and_truth_values_are_compared_exactly():
    expect(torch.tensor([1, 2])).is_close_to(torch.tensor([1, 2]))
    failure = failure_of(lambda: expect(torch.tensor([1, 5, 2]), "it").is_close_to(torch.tensor([1, 2, 3])))
    assert (failure.message, failure.expected, failure.got) == ("2 of 3 entries are wrong", "it[1] = 2", "5")
    failure = failure_of(lambda: expect(torch.tensor([True]), "it").is_close_to(torch.tensor([False])))
    assert (failure.expected, failure.got) == ("it[0] = False", "True")


def test_complex_and_huge_numbers_do_not_break_the_comparison():
    failure_of(lambda: expect(torch.tensor([1j])).is_close_to(torch.tensor([2j])))
    failure_of(lambda: expect(10**400).is_close_to(1.0))
    failure_of(lambda: expect(torch.tensor([torch.inf])).is_close_to(torch.tensor([-torch.inf])))
    failure_of(lambda: expect(torch.tensor([1], dtype=torch.uint8)).is_close_to(torch.tensor([2], dtype=torch.uint8)))


def test_right_values_of_every_kind_pass():
    for value, expected in [
        (0.5, 0.5),
        (1, 1.0),
        (np.float64(0.5), 0.5),
        (nn.Parameter(torch.ones(2)), torch.ones(2)),
        (torch.ones(2), torch.ones(2, requires_grad=True)),
        ((torch.ones(2), 3), [torch.ones(2), 3]),
        ({"a": [None, True]}, {"a": [None, True]}),
        ("same", "same"),
        (torch.empty(0, 3), torch.empty(0, 3)),
        (torch.tensor(1.0) + 1e-7, torch.tensor(1.0)),
    ]:
        expect(value).is_close_to(expected)


def test_an_expectation_of_ours_that_makes_no_sense_is_our_fault():
    with pytest.raises(BrokenCheckError, match="both"):
        expect(1.0).is_close_to(1.0, rtol=1e-3)
    with pytest.raises(BrokenCheckError, match="nothing to compare"):
        expect(1.0).is_close_to(object())
    with pytest.raises(BrokenCheckError, match="for reports"):
        expect(1.0).changes_no_state()
    with pytest.raises(BrokenCheckError, match="record=True"):
        expect(Report(Call("f"), CallReport())).calls_none_of("softmax")


SHAPES = st.lists(st.integers(0, 3), max_size=3).map(tuple)


@settings(max_examples=150, deadline=None)
@given(SHAPES, SHAPES)
def test_nothing_is_ever_broadcast(one, other):
    assume(one != other)
    with pytest.raises(CheckFailedError, match="wrong shape"):
        expect(torch.ones(one)).is_close_to(torch.ones(other))
    with pytest.raises(CheckFailedError, match="wrong shape"):
        expect(torch.ones(one)).equals(torch.ones(other))
    with pytest.raises(CheckFailedError, match="wrong shape"):
        expect(torch.ones(one)).has_shape(*other)
    expect(torch.ones(one)).has_shape(one).is_close_to(torch.ones(one))


@settings(max_examples=150, deadline=None)
@given(
    st.floats(allow_nan=True, allow_infinity=True, width=32), st.floats(allow_nan=True, allow_infinity=True, width=32)
)
def test_values_are_close_exactly_when_torch_testing_says_so(one, other):
    value, right = torch.tensor([one]), torch.tensor([other])
    try:
        torch.testing.assert_close(value, right)
    except AssertionError:
        assert failure_of(lambda: expect(value).is_close_to(right)).got
    else:
        expect(value).is_close_to(right)


# --- other demands on values ------------------------------------------------------------------------------------------


def test_equals_is_exact_in_type_and_value():
    expect(torch.ones(2)).equals(torch.ones(2))
    expect(True).equals(True)
    expect(np.float64(1.5)).equals(1.5)
    assert "an int" in failure_of(lambda: expect(1, "it").equals(True)).message
    assert failure_of(lambda: expect(2, "it").equals(3)).expected == "it = 3"
    assert "1 of 2" in failure_of(lambda: expect(torch.tensor([1.0, 2.0])).equals(torch.tensor([1.0, 2.0001]))).message


def test_is_finite_names_the_first_entry_that_is_not():
    expect(torch.ones(2)).is_finite()
    expect(1.0).is_finite()
    failure = failure_of(lambda: expect(torch.tensor([[1.0, torch.inf]]), "probs").is_finite())
    assert (failure.message, failure.got) == ("1 of 2 entries is not finite", "probs[0, 1] = inf")
    assert failure_of(lambda: expect(float("nan"), "it").is_finite()).message == "the value is not finite"
    assert "None" in failure_of(lambda: expect(None).is_finite()).message
    assert "a list" in failure_of(lambda: expect([1.0]).is_finite()).message


def test_is_between_includes_both_ends_and_no_nan():
    expect(torch.tensor([0.0, 1.0])).is_between(0, 1)
    expect(0.5).is_between(0, 1)
    failure = failure_of(lambda: expect(torch.tensor([0.5, 1.5]), "it").is_between(0, 1))
    assert (failure.message, failure.expected, failure.got) == (
        "1 of 2 entries is out of range",
        "0 <= it[1] <= 1",
        "1.5000",
    )
    failure_of(lambda: expect(torch.tensor([torch.nan])).is_between(0, 1))


def test_floats_ints_and_none_are_told_apart():
    expect(0.5).is_float()
    expect(np.float64(0.5)).is_float()
    expect(3).is_int()
    expect(None).is_none()
    expect(torch.ones(1)).is_tensor().has_dtype(torch.float32).is_on("cpu")
    for value in (1, True, torch.tensor(1.0), np.float32(1), None, "1.0"):
        failure_of(lambda value=value: expect(value).is_float())
    for value in (1.0, True, torch.tensor(1)):
        failure_of(lambda value=value: expect(value).is_int())
    assert "this function returns nothing" in failure_of(lambda: expect(torch.ones(1)).is_none()).message
    assert "wrong dtype" in failure_of(lambda: expect(torch.ones(1)).has_dtype(torch.float64)).message
    assert "wrong device" in failure_of(lambda: expect(torch.ones(1)).is_on("meta")).message


def test_demands_are_chained_and_the_first_that_fails_counts():
    failure = failure_of(
        lambda: expect(torch.tensor([torch.nan]), "it").has_shape(1).is_finite().is_close_to(torch.ones(1))
    )
    assert failure.message == "the value is not finite"


# --- names ------------------------------------------------------------------------------------------------------------


def test_messages_use_the_words_of_the_check_but_nothing_that_is_drawn(tmp_path: Path):
    source = """
from autograder import expect
import torch

def checks(student, draw, reference):
    x, probs, gradient = 1, torch.zeros(2, 2), torch.zeros(2)
    yield lambda: expect(probs).is_close_to(torch.ones(2, 2))
    yield lambda: expect(
        probs.sum(dim=1),
    ).is_finite().is_close_to(torch.ones(2), look_at="dim")
    yield lambda: expect(student.softmax(x)).is_close_to(0.0)
    yield lambda: expect(student.softmax(draw.logits(5, 7))).is_close_to(0.0)
    yield lambda: expect((gradient * gradient).sum()).is_close_to(torch.tensor(1.0))
    yield lambda: expect(student.report.value).is_close_to(0.0)
"""
    (tmp_path / "named.py").write_text(source)
    checks = load_module(tmp_path / "named.py").checks
    student = SimpleNamespace(softmax=lambda x: 1.0, report=SimpleNamespace(value=1.0))
    draw = SimpleNamespace(logits=lambda n, c: 1)
    names = [failure_of(demand).expected.partition(" = ")[0] for demand in checks(student, draw, None)]
    assert names == ["probs[0, 0]", "probs.sum(dim=1)[0]", "softmax(x)", "the result", "the result", "the result"]


# --- reports ----------------------------------------------------------------------------------------------------------


def report(*args, **fields) -> Report:
    return Report(Call("f", args, record=True), CallReport(**{"inputs": args, **fields}))


def test_inputs_that_changed_are_named_by_their_place():
    x, y = torch.ones(2), torch.ones(2)
    expect(report(x, [y, 3], "text", None, float("nan"))).leaves_inputs_unchanged()
    failure = failure_of(lambda: expect(report(x, y, inputs=(x, y + 1))).leaves_inputs_unchanged())
    assert failure.message == "your function changes its second argument: its values"
    expect(report(x, y, inputs=(x, y + 1))).leaves_inputs_unchanged(except_for=[1])


@pytest.mark.parametrize(
    ("after", "change"),
    [
        (torch.tensor([1.0, 2.0]), "its values"),
        (torch.ones(2).double(), "its dtype or device"),
        (torch.ones(2, 1), "its shape"),
        (torch.ones(2, requires_grad=True), "whether it requires grad"),
        (None, "it is no tensor any more"),
        ([], "it is no tensor any more"),
    ],
)
def test_every_kind_of_change_of_a_tensor_is_seen(after, change):
    assert (
        change in failure_of(lambda: expect(report(torch.ones(2), inputs=(after,))).leaves_inputs_unchanged()).message
    )


def test_gradients_lists_and_generators_are_inputs_too():
    with_grad, reset = torch.ones(1, requires_grad=True), torch.ones(1, requires_grad=True)
    with_grad.grad, reset.grad = torch.ones(1), torch.zeros(1)
    for before, after, change in [
        ([with_grad], [reset], "its gradient"),
        ([1, 2], [1], "its length"),
        ({"a": 1}, {"b": 1}, "its keys"),
        ({"a": 1}, {"a": 2}, "its value"),
        (AsGenerator((with_grad,)), (reset,), "its gradient"),
        (np.ones(2), np.zeros(2), "its values"),
        (1, True, "its value"),
    ]:
        failure = failure_of(lambda b=before, a=after: expect(report(b, inputs=(a,))).leaves_inputs_unchanged())
        assert change in failure.message
    expect(report(AsGenerator((with_grad,)), inputs=((with_grad,),))).leaves_inputs_unchanged()
    expect(report(torch.tensor([torch.nan]), inputs=(torch.tensor([torch.nan]),))).leaves_inputs_unchanged()


def test_claims_of_the_wrong_form_are_failures_and_no_crash():
    failure_of(lambda: expect(report(torch.ones(2), inputs=())).leaves_inputs_unchanged())
    failure_of(lambda: expect(report([torch.ones(2)], inputs=(5,))).leaves_inputs_unchanged())


def test_replaced_tensors_shared_memory_state_and_printing_are_seen():
    expect(report()).keeps_tensors().changes_no_state().shares_no_memory().prints_nothing()
    assert "in place" in failure_of(lambda: expect(report(same_tensors=False)).keeps_tensors()).message
    failure_of(lambda: expect(report(same_tensors=False)).leaves_inputs_unchanged())
    assert "first argument" in failure_of(lambda: expect(report(aliases=(0,))).shares_no_memory()).message
    failure = failure_of(lambda: expect(report(state_changes=("gradient mode: on -> off",))).changes_no_state())
    assert failure.message == "your function changes global state: gradient mode: on -> off"
    failure_of(lambda: expect(report(printed="x")).prints_nothing())


def test_a_forbidden_function_is_named_as_the_student_called_it():
    functions = frozenset({"aten::_softmax", "torch.nn.functional.softmax", "Tensor.exp"})
    failure = failure_of(lambda: expect(report(functions=functions)).calls_none_of("softmax", "log_softmax"))
    assert failure.message == "your function uses torch.nn.functional.softmax, which is not allowed here"
    expect(report(functions=frozenset({"Tensor.exp", "aten::logsumexp"}))).calls_none_of("softmax", "log_softmax")


def test_a_function_that_hides_from_the_rule_breaks_it():
    functions = frozenset({"sys.setprofile"})
    assert "recording" in failure_of(lambda: expect(report(functions=functions)).calls_none_of("softmax")).message


@pytest.mark.parametrize(
    ("function", "name", "is_forbidden"),
    [
        ("aten::_softmax", "softmax", True),
        ("aten::_safe_softmax", "softmax", True),
        ("aten::special_softmax", "softmax", True),
        ("torch._C._special.special_softmax", "softmax", True),
        ("scipy.special._logsumexp.softmax", "softmax", True),
        ("aten::_log_softmax", "softmax", False),
        ("aten::_log_softmax", "log_softmax", True),
        ("aten::logsumexp", "softmax", False),
        ("Tensor.add_", "add", True),
        ("aten::nll_loss_forward", "nll_loss", True),
        ("aten::nll_loss2d", "nll_loss", True),
        ("aten::cross_entropy_loss", "cross_entropy", True),
        ("aten::binary_cross_entropy", "cross_entropy", False),
        ("torch.optim.sgd.SGD.step", "torch.optim", True),
        ("torch.optimizers.x", "torch.optim", False),
        ("autograd", "autograd", True),
        ("torch.autograd.function.apply", "autograd", False),
        ("sys.getprofile", "softmax", True),
    ],
)
def test_names_of_forbidden_functions_are_matched_as_people_mean_them(function, name, is_forbidden):
    assert bool(forbidden_calls([function], [name])) is is_forbidden
