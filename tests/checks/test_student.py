"""`student` and `reference` as a check sees them, and functions of this process in the student's place."""

from __future__ import annotations

import subprocess
import sys

import pytest
import torch
from torch import nn

from autograder.checks.failure import BrokenCheckError, CheckFailedError, StudentError
from autograder.checks.local import local_caller
from autograder.checks.raised import failure_of_error
from autograder.checks.student import Functions, reference, student
from autograder.engine.calls import AsGenerator, CallError, Handle


def side(seed: str = "5eed", **functions) -> Functions:
    with local_caller(functions)() as caller:
        return student(caller, seed)


# --- failures ---------------------------------------------------------------------------------------------------------


def test_a_function_that_is_missing_or_not_written_is_said_to_be_so():
    def stub(x):
        raise NotImplementedError

    functions = side(stub=stub)
    with pytest.raises(StudentError, match=r"^`softmax` is not defined"):
        functions.softmax(1)
    with pytest.raises(StudentError, match=r"^`stub` is not written yet$"):
        functions.stub(1)


def test_an_undefined_name_inside_the_function_is_an_exception_like_any_other():
    error = CallError("NameError", "name 'helper' is not defined", cell=3, line=2, source_line="return helper(x)")
    message = failure_of_error(error, "softmax").message
    assert message == "your function raised NameError: name 'helper' is not defined (line 2: `return helper(x)`)"


def test_the_message_of_an_exception_gives_no_drawn_number_away():
    error = CallError("ValueError", "tensor([0.1234, -5e-05, 1.])\nand more 0.5", line=1, source_line="int(str(x))")
    failure = failure_of_error(error, "f")
    assert failure.message == "your function raised ValueError: tensor([#, #, #]) (line 1: `int(str(x))`)"
    assert "0.1234" in failure.got


def test_a_failure_of_a_reference_is_ours():
    ours = reference({"f": lambda x: x[5], "cut": lambda x: x.detach()}, "a")
    with pytest.raises(BrokenCheckError, match="IndexError"):
        ours.f(torch.ones(2))
    with pytest.raises(BrokenCheckError, match="not defined"):
        ours.g(1)
    with pytest.raises(BrokenCheckError, match="no gradient flows"):
        ours.cut.vjp(None, torch.ones(2))


NO_GRADIENT = {
    "cut off": (lambda x: x.detach() * 2, "no gradient flows"),
    "rebuilt": (lambda x: torch.tensor(x.tolist()), "no gradient flows"),
    "no grad": (torch.no_grad()(lambda x: x * 2), "no gradient flows"),
    "unused": (lambda x: torch.ones(2, requires_grad=True) * 2, "no gradient reaches argument 1"),
    "a float": (lambda x: x.sum().item(), "the result is a float, and only a tensor has a gradient"),
    "None": (lambda x: None, "the result is None, and only a tensor has a gradient"),
    "shape": (lambda x: x.sum(), "the result has the wrong shape"),
    "raises": (lambda x: [][0], "your function raised IndexError"),
    "spoilt": (lambda x: spoil(x), "the backward pass of your result raised RuntimeError"),
}


def spoil(x):
    y = x.exp()
    z = y * y
    y.add_(1)
    return z


@pytest.mark.parametrize("name", NO_GRADIENT)
def test_a_gradient_that_does_not_exist_is_a_failure_that_says_why(name):
    function, message = NO_GRADIENT[name]
    with pytest.raises(CheckFailedError) as caught:
        side(f=function).f.vjp(torch.ones(2), torch.ones(2))
    assert caught.value.message.startswith(message)


def test_a_gradient_of_whole_numbers_is_our_fault():
    with pytest.raises(BrokenCheckError, match="argument 1 of f"):
        side(f=lambda x, y: x).f.vjp(None, torch.ones(2), torch.arange(2), wrt=1)


# --- calls ------------------------------------------------------------------------------------------------------------


def test_a_call_gives_the_value_and_a_vjp_the_gradients():
    f = side(f=lambda x, y: x * y).f
    x, y, weights = torch.randn(3), torch.randn(3), torch.randn(3)
    assert torch.equal(f(x, y), x * y)
    assert torch.equal(f(x, y=y), x * y)
    torch.testing.assert_close(f.vjp(weights, x, y), weights * y)
    torch.testing.assert_close(f.vjp(weights, x, y, wrt=1), weights * x)
    both = f.vjp(None, x, y, wrt=(0, 1))
    torch.testing.assert_close(both, (y, x))
    torch.testing.assert_close(f.vjp(weights, x, y=y), weights * y)


def test_a_report_tells_all_that_is_known():
    def f(x):
        print("hi")
        x.add_(1)
        return torch.softmax(x, 0)

    report = side(f=f).f.report(torch.zeros(2), record=True, wrt=(0,), cotangent=torch.ones(2), default_dtype="float64")
    assert torch.equal(report.inputs[0], torch.ones(2))
    assert "torch.softmax" in report.functions
    assert report.printed == "hi\n"
    assert len(report.gradients) == 1
    assert report.call.default_dtype == "float64"
    with pytest.raises(AttributeError):
        _ = report.nonsense


def test_generators_pass_and_objects_stay_behind_as_handles():
    functions = side(total=lambda items: sum(items), make=lambda: nn.Linear(2, 3), use=lambda layer, x: layer(x))
    assert functions.total(AsGenerator((1, 2))) == 3
    layer = functions.make()
    assert (type(layer), layer.type_name) == (Handle, "Linear")
    with local_caller({"make": lambda: nn.Linear(2, 3), "use": lambda layer, x: layer(x)})() as caller:
        both = student(caller, "a")
        assert both.use(both.make(), torch.ones(1, 2)).shape == (1, 3)


def test_both_sides_are_seeded_alike_call_by_call_and_the_process_is_not():
    state = torch.get_rng_state()
    mine = side(f=lambda: torch.rand(2))
    ours = reference({"f": lambda: torch.rand(2)}, "5eed")
    first, second = mine.f(), mine.f()
    assert not torch.equal(first, second)
    assert torch.equal(ours.f(), first)
    assert torch.equal(ours.f(), second)
    assert not torch.equal(side("0ther", f=lambda: torch.rand(2)).f(), first)
    assert torch.equal(torch.get_rng_state(), state)


def test_the_steps_of_a_side_are_kept():
    functions = side(f=lambda x: x)
    functions.f(1)
    with pytest.raises(StudentError):
        functions.g(2)
    assert [(step.call.name, step.call.args) for step in functions.steps] == [("f", (1,)), ("g", (2,))]


# --- in this process --------------------------------------------------------------------------------------------------

CALLS: list[int] = []


def remembers(x, seen=[]):  # noqa: B006 - students do this
    CALLS.append(1)
    seen.append(x)
    remembers.calls = getattr(remembers, "calls", 0) + 1
    global NEW
    NEW = 1
    return len(CALLS), len(seen), remembers.calls


def test_what_a_function_remembers_is_forgotten_with_the_check():
    open_check = local_caller({"f": remembers})
    for _ in range(2):
        with open_check() as caller:
            f = student(caller, "a").f
            assert [f(1), f(1)] == [(1, 1, 1), (2, 2, 2)]
    assert CALLS == []
    assert "NEW" not in globals()


def test_a_call_that_is_stopped_while_torch_imports_a_part_of_itself_does_not_break_that_part() -> None:
    program = """
import torch
from autograder.checks.local import local_caller
from autograder.engine.calls import Call, CallFailed

def step():
    torch.optim.SGD([torch.nn.Parameter(torch.ones(1))], lr=0.1).step()  # the first one imports torch._dynamo

for seconds in (0.2, 0.5, 1, 1.5, 2):
    with local_caller({"step": step}, seconds)() as caller:
        try:
            caller.call(Call("step"))
        except CallFailed:
            pass
step()
"""
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
