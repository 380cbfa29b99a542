"""One watched call: whatever a student's function does, the report says it, and this process stays as it was."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import warnings
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from autograder.engine.calls import AsGenerator, Call, CallReport
from autograder.engine.perform import CallTimeout, copy_arguments, perform
from autograder.engine.surroundings import Surroundings


def report_of(function: Any, *args: Any, **options: Any) -> CallReport:
    return perform(Call("f", args, **options), function)


def error_of(function: Any, *args: Any, **options: Any) -> Any:
    report = report_of(function, *args, **options)
    assert report.error is not None
    return report.error


# --- exceptions -------------------------------------------------------------------------------------------------------


def raises_index_error(x):
    probs = x + 1
    return probs[7]


@pytest.mark.parametrize("kind", [SystemExit, KeyboardInterrupt, GeneratorExit, MemoryError, StopIteration])
def test_no_exception_of_a_student_gets_out(kind):
    def f(x):
        raise kind("enough")

    error = error_of(f, torch.ones(2))
    assert (error.type_name, error.message) == (kind.__name__, "enough")


def test_an_exception_that_cannot_be_printed_is_still_reported():
    class Nasty(BaseException):
        def __str__(self):
            raise SystemExit

        __repr__ = __str__

    def f(x):
        raise Nasty

    assert error_of(f, 1).type_name == "Nasty"
    assert error_of(f, 1).message == "(its text cannot be shown)"


def test_an_exception_whose_class_lies_about_its_name_is_reported_with_a_name_that_is_text():
    class Lying(type):
        @property
        def __name__(cls):
            raise ValueError

    class Error(Exception, metaclass=Lying):
        pass

    def f(x):
        raise Error("x")

    assert error_of(f, 1).type_name == "Error"


def test_the_message_is_cut_and_can_always_be_encoded():
    def f(x):
        raise ValueError("\ud800" + "x" * 100_000)

    message = error_of(f, 1).message
    assert len(message) <= 2000
    assert message.encode().startswith(b"?")


def test_the_line_is_the_innermost_one_that_the_student_wrote():
    error = error_of(raises_index_error, torch.ones(3))
    assert error.type_name == "IndexError"
    assert error.source_line == "return probs[7]"
    assert error.line == raises_index_error.__code__.co_firstlineno + 2


def test_the_cell_is_found_by_the_name_of_its_code():
    namespace: dict[str, Any] = {}
    exec(compile("def helper(x):\n    return 1 / x\n", "cell-3", "exec"), namespace)
    exec(compile("\ndef f(x):\n    return helper(x)\n", "cell-5", "exec"), namespace)
    report = perform(Call("f", (0,)), namespace["f"], {"cell-3": 3, "cell-5": 5})
    assert report.error is not None
    assert (report.error.cell, report.error.line) == (3, 2)


def test_endless_recursion_is_an_exception_like_any_other():
    def f(x):
        return f(x)

    assert error_of(f, 1).type_name == "RecursionError"


def test_the_alarm_of_the_caller_gets_out_and_leaves_the_surroundings_as_they_were():
    def f(x):
        torch.set_grad_enabled(False)
        raise CallTimeout

    with pytest.raises(CallTimeout):
        report_of(f, 1)
    assert torch.is_grad_enabled()


def test_a_value_that_nests_without_end_is_an_error_of_the_student():
    def f(x):
        nested: list[Any] = []
        nested.append(nested)
        return nested

    assert error_of(f, 1).type_name == "TooLargeError"


def test_a_call_that_asks_for_the_gradient_of_whole_numbers_is_our_error():
    with pytest.raises(ValueError, match="argument 0"):
        report_of(lambda x: x, torch.arange(3), wrt=(0,))


# --- arguments --------------------------------------------------------------------------------------------------------


def test_the_callers_tensors_stay_untouched():
    x = torch.ones(3)
    report = report_of(lambda x: x.add_(1), x)
    assert torch.equal(x, torch.ones(3))
    assert torch.equal(report.inputs[0], torch.full((3,), 2.0))


def test_strides_offsets_and_gaps_are_kept():
    base = torch.arange(24.0).reshape(4, 6)
    for x in (base.t(), base[:, ::2], base[1:, 1:], base[0].expand(5, 6), torch.empty(0, 3), base[2, 3]):
        (copied,), _ = copy_arguments((x,))
        assert (copied.stride(), copied.storage_offset()) == (x.stride(), x.storage_offset())
        assert torch.equal(copied, x)
        assert copied.data_ptr() != x.data_ptr() or x.numel() == 0
        seen = []
        report_of(lambda x, seen=seen: seen.append(x.stride()) or x * 1.0, x, wrt=(0,))
        assert seen == [x.stride()]


def test_tensors_that_share_memory_still_share_it():
    base = torch.zeros(4)
    (one, two, again), _ = copy_arguments((base, base[1:], base))
    one[1] = 7.0
    assert two[0] == 7.0
    assert again is one


def test_parameters_come_as_leaves_with_their_gradients():
    p = nn.Parameter(torch.ones(2))
    p.grad = torch.full((2,), 3.0)
    bare = torch.ones(2, requires_grad=True)

    def f(params):
        return [(q.is_leaf, q.requires_grad, q.grad is None) for q in params]

    assert report_of(f, [p, bare]).value == [(True, True, False), (True, True, True)]


def test_a_generator_is_a_generator_and_can_be_read_once():
    def f(items):
        return [next(items), list(items), list(items), type(items).__name__]

    assert report_of(f, AsGenerator((1, 2, 3))).value == [1, [2, 3], [], "generator"]


def test_keyword_arguments_are_passed():
    assert report_of(lambda x, lr: x * lr, 2, kwargs={"lr": 3}).value == 6


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.integers(1, 4), min_size=1, max_size=3),
    st.sampled_from([torch.float32, torch.float64, torch.int64, torch.bool]),
    st.booleans(),
)
def test_whatever_a_function_does_to_its_inputs_the_callers_are_as_before(shape, dtype, transposed):
    x = torch.ones(shape).to(dtype)
    x = x.transpose(0, -1) if transposed else x
    before = x.clone()

    def f(x, items):
        x.zero_()
        items.clear()
        x.resize_(1)

    report_of(f, x, [x])
    assert torch.equal(x, before)
    assert x.shape == before.shape


# --- what came of it --------------------------------------------------------------------------------------------------


def test_the_value_is_a_picture_that_nothing_changes_later():
    buffer = torch.zeros(3)

    def f(x):
        buffer.add_(x)
        return buffer

    first = report_of(f, 1.0)
    report_of(f, 1.0)
    assert torch.equal(first.value, torch.ones(3))


def test_subclasses_come_back_as_the_plain_thing():
    class Liar(float):
        def __eq__(self, other):
            return True

        __hash__ = float.__hash__

    class Mine(Tensor):
        @classmethod
        def __torch_function__(cls, func, types, args=(), kwargs=None):
            raise RuntimeError("mine")

    def f(x):
        return [nn.Parameter(x), x.as_subclass(Mine), Liar(0.5), np.float64(2.0), x.max(0)]

    parameter, mine, liar, number, pair = report_of(f, torch.ones(2)).value
    assert type(parameter) is type(mine) is Tensor
    assert (type(liar), type(number), type(pair)) == (float, float, tuple)
    assert liar != 3.0


def test_a_changed_class_of_a_tensor_fools_nobody():
    class Liar(Tensor):
        requires_grad = property(lambda self: True)
        grad = property(lambda self: 1 / 0)

    def f(x):
        x.__class__ = Liar
        return x

    report = report_of(f, torch.ones(2))
    assert report.requires_grad is False
    assert type(report.value) is type(report.inputs[0]) is Tensor


def test_views_and_the_argument_itself_are_aliases():
    x, y = torch.ones(4), torch.ones(4)
    assert report_of(lambda x, y: y[1:], x, y).aliases == (1,)
    assert report_of(lambda x, y: [x, y.clone()], x, y).aliases == (0,)
    assert report_of(lambda x, y: y.numpy(), x, y).aliases == (1,)
    assert report_of(lambda x, y: torch.from_numpy(x.numpy()), x, y).aliases == (0,)
    assert report_of(lambda x, y: x + y, x, y).aliases == ()


def test_a_subclass_cannot_hide_that_it_shares_memory():
    class Hidden(Tensor):
        @classmethod
        def __torch_function__(cls, func, types, args=(), kwargs=None):
            raise RuntimeError("nothing to see here")

    report = report_of(lambda x: x.as_subclass(Hidden), torch.ones(2), wrt=(0,))
    assert (report.error, report.aliases, report.requires_grad, type(report.value)) == (None, (0,), True, Tensor)
    assert torch.equal(report.gradients[0], torch.ones(2))


def test_a_step_in_place_keeps_the_tensors_and_any_other_does_not():
    def swap(params):
        params[0] = params[0] - 1

    def by_data(params):
        for p in params:
            p.data = p.data - 1

    def in_place(params):
        with torch.no_grad():
            for p in params:
                p -= 1

    params = [torch.ones(2, requires_grad=True)]
    assert report_of(in_place, params).same_tensors
    assert not report_of(swap, params).same_tensors
    assert not report_of(by_data, params).same_tensors
    assert not report_of(by_data, AsGenerator(tuple(params))).same_tensors


def test_what_is_left_in_the_inputs_is_reported_with_gradients():
    def f(params):
        for p in params:
            p.grad = None if p.numel() == 1 else torch.zeros_like(p)

    one, two = torch.ones(1, requires_grad=True), torch.ones(2, requires_grad=True)
    one.grad, two.grad = torch.ones(1), torch.ones(2)
    after = report_of(f, [one, two]).inputs[0]
    assert after[0].grad is None
    assert torch.equal(after[1].grad, torch.zeros(2))
    assert all(p.requires_grad for p in after)


def test_printed_text_and_warnings_are_kept_and_bounded():
    def f(x):
        print("hello", "x" * 1_000_000)
        sys.stderr.write("not this")
        for number in range(100):
            warnings.warn(f"careful {number}", stacklevel=1)

    report = report_of(f, 1)
    assert report.printed.startswith("hello xxx")
    assert len(report.printed) == 64 * 1024
    assert report.warnings[0] == "careful 0"
    assert len(report.warnings) == 20


def test_a_function_that_closes_standard_output_harms_only_its_own_text():
    def f(x):
        print("before")
        sys.stdout.close()
        return 1

    report = report_of(f, 1)
    assert (report.value, report.printed) == (1, "")
    print("still open")


# --- global state -----------------------------------------------------------------------------------------------------


def spoil_everything(x):
    torch.set_grad_enabled(False)
    torch.set_default_dtype(torch.float64)
    torch.autograd.set_detect_anomaly(True)
    torch._C._set_deterministic_algorithms(True, warn_only=True)  # torch's own function imports its compiler: seconds
    torch.set_num_threads(torch.get_num_threads() + 1)
    torch.set_float32_matmul_precision("medium")
    torch.rand(1), np.random.rand(), random.random()
    np.seterr(all="raise")
    sys.setrecursionlimit(500)


def test_every_change_of_global_state_is_reported_and_undone():
    before = Surroundings.read()
    limit = sys.getrecursionlimit()
    changes = report_of(spoil_everything, 1, seed=3).state_changes
    assert not before.changes_to(Surroundings.read())
    assert sys.getrecursionlimit() == limit
    assert "gradient mode: on -> off" in changes
    assert "default dtype: torch.float32 -> torch.float64" in changes
    assert {"random state of torch", "random state of numpy", "random state of Python"} <= set(changes)
    assert len(changes) == 10


def test_inference_mode_that_was_left_on_is_left_again():
    kept = []

    def f(x):
        kept.append(torch.inference_mode())
        kept[0].__enter__()

    assert "inference mode: off -> on" in report_of(f, 1).state_changes
    assert not torch.is_inference_mode_enabled()
    assert torch.ones(1, requires_grad=True).mul(2).requires_grad


def test_a_default_device_that_was_set_is_unset():
    changes = report_of(lambda x: torch.set_default_device("meta"), 1).state_changes
    assert changes == ("default device: cpu -> meta",)
    assert torch.ones(1).device.type == "cpu"


def test_the_settings_of_the_call_are_no_changes_of_the_students():
    report = report_of(lambda x: (torch.ones(1), x * 1), torch.ones(1), default_dtype="float64", grad_enabled=False)
    assert report.value[0].dtype == torch.float64
    assert report.state_changes == ()
    assert torch.get_default_dtype() == torch.float32
    assert torch.is_grad_enabled()


def test_a_seed_gives_the_same_random_numbers_and_disturbs_nobody():
    torch.manual_seed(0)
    expected = torch.rand(2)
    torch.manual_seed(0)
    one = report_of(lambda: (torch.rand(3), np.random.rand(), random.random()), seed=5).value
    two = report_of(lambda: (torch.rand(3), np.random.rand(), random.random()), seed=5).value
    assert torch.equal(one[0], two[0])
    assert one[1:] == two[1:]
    assert torch.equal(torch.rand(2), expected)


# --- gradients --------------------------------------------------------------------------------------------------------


def test_the_gradient_is_that_of_the_weighted_sum():
    x, weights = torch.randn(3, 4), torch.randn(3, 4)
    report = report_of(lambda x: x**3, x, wrt=(0,), cotangent=weights)
    assert report.requires_grad
    torch.testing.assert_close(report.gradients[0], 3 * x**2 * weights)


def test_a_function_that_works_in_place_on_its_input_has_a_gradient_and_a_changed_input():
    def f(x):
        x -= 1
        return x * x

    report = report_of(f, torch.full((2,), 4.0), wrt=(0,))
    assert report.error is None
    assert torch.equal(report.gradients[0], torch.full((2,), 6.0))
    assert torch.equal(report.inputs[0], torch.full((2,), 3.0))
    assert not report.inputs[0].requires_grad


def test_right_solutions_of_every_style_have_gradients():
    class Square(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x * x

        @staticmethod
        def backward(ctx, grad):
            return 2 * ctx.saved_tensors[0] * grad

    styles = [
        lambda x: Square.apply(x),
        lambda x: x.clone().mul_(x),
        lambda x: torch.einsum("ij,ij->ij", x, x),
        lambda x: torch.vmap(lambda row: row * row)(x),
        lambda x: (x.double() ** 2).to(x.dtype),
        lambda x: torch.stack([row * row for row in x]),
        lambda x: x.requires_grad_() ** 2,
    ]
    x = torch.randn(4, 3).t()
    for style in styles:
        for record in (False, True):
            report = report_of(style, x, wrt=(0,), record=record)
            assert report.error is None
            torch.testing.assert_close(report.gradients[0], 2 * x)


def test_several_gradients_come_in_the_order_asked_for_and_none_where_there_is_none():
    x, y, z = torch.tensor(2.0), torch.tensor(3.0), torch.tensor(1.0)
    report = report_of(lambda x, y, z: x * y, x, y, z, wrt=(2, 1, 0))
    assert report.gradients == (None, torch.tensor(2.0), torch.tensor(3.0))


def test_a_tensor_given_twice_gets_the_whole_gradient():
    x = torch.tensor(3.0)
    assert report_of(lambda x, y: x * y, x, x, wrt=(0,)).gradients[0] == 6.0


def test_a_value_off_the_graph_or_of_another_shape_has_no_gradient():
    x = torch.ones(3)
    assert not report_of(lambda x: x.detach(), x, wrt=(0,)).requires_grad
    assert report_of(lambda x: x.sum().item(), x, wrt=(0,)).gradients == ()
    report = report_of(lambda x: x, x, wrt=(0,), cotangent=torch.ones(2))
    assert report.gradients == ()
    assert report.gradient_error is None


def test_a_backward_that_raises_is_an_error_of_its_own():
    class Bad(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x * 1

        @staticmethod
        def backward(ctx, grad):
            raise KeyError("oops")

    report = report_of(lambda x: Bad.apply(x), torch.ones(2), wrt=(0,))
    assert report.error is None
    assert report.gradient_error is not None
    assert report.gradient_error.type_name == "KeyError"


# --- recording --------------------------------------------------------------------------------------------------------


def softmax(x):
    shifted = x - x.logsumexp(1, keepdim=True)
    return shifted.exp()


def ready_made(x):
    return torch.softmax(x, 1)


with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # TorchScript is deprecated, and students find it all the same
    scripted = torch.jit.script(ready_made)


READY_MADE = {
    "torch.softmax": lambda x: torch.softmax(x, 1),
    "torch.nn.functional.softmax": lambda x: nn.functional.softmax(x, 1),
    "Tensor.softmax": lambda x: x.softmax(1),
    "torch.nn.modules.activation.Softmax.forward": lambda x: nn.Softmax(1)(x),
    "aten::_softmax": lambda x: next(map(torch.softmax, [x], [1])),
    "aten::_softmax ": lambda x: scripted(x),
    "aten::_softmax  ": lambda x: torch.ops.aten.softmax(x, 1),
    "aten::_softmax   ": lambda x: nn.functional.softmin(-x, 1),
    "aten::_softmax    ": lambda x: torch.distributions.Categorical(logits=x).probs,
    "aten::softmax": lambda x: torch.inference_mode()(torch.softmax)(x, 1),
}


@pytest.mark.parametrize("name", READY_MADE)
def test_a_ready_made_function_is_seen_however_it_is_reached(name):
    x = torch.randn(2, 3)
    assert name.strip() in report_of(READY_MADE[name], x, record=True).functions


def test_functions_that_the_student_wrote_are_never_reported():
    def cross_entropy(x):
        return -softmax(x).log().mean()

    functions = report_of(cross_entropy, torch.randn(2, 3), record=True).functions
    assert "aten::logsumexp" in functions
    assert not [name for name in functions if name.endswith(("softmax", "cross_entropy"))]


AUTOGRAD = {
    "grad": lambda x: torch.autograd.grad(x.requires_grad_().sum(), x)[0],
    "backward": lambda x: x.requires_grad_().sum().backward(),
    "torch.autograd.backward": lambda x: torch.autograd.backward(x.requires_grad_().sum()),
    "func.grad": lambda x: torch.func.grad(lambda z: z.sum())(x),
    "func.vjp": lambda x: torch.func.vjp(lambda z: z * 2, x)[1](x),
    "func.jvp": lambda x: torch.func.jvp(lambda z: z * 2, (x,), (x,)),
    "jacrev": lambda x: torch.func.jacrev(lambda z: z * 2)(x),
    "jacfwd": lambda x: torch.func.jacfwd(lambda z: z * 2)(x),
    "functional": lambda x: torch.autograd.functional.jacobian(lambda z: z * 2, x),
    "through map": lambda x: list(map(torch.autograd.grad, [x.requires_grad_().sum()], [x])),
    "forward mode": lambda x: [
        torch.autograd.forward_ad.enter_dual_level(),
        torch.autograd.forward_ad.make_dual(x, x),
        torch.autograd.forward_ad.exit_dual_level(),
    ],
}


@pytest.mark.parametrize("name", AUTOGRAD)
def test_every_way_to_differentiate_is_seen(name):
    assert "autograd" in report_of(AUTOGRAD[name], torch.randn(2, 3), record=True).functions


NOT_AUTOGRAD = {
    "vmap": lambda x: torch.vmap(lambda row: row - row.mean())(x),
    "no_grad": torch.no_grad()(lambda x: x - x.mean()),
    "detach": lambda x: x.detach().clone().requires_grad_() * 2,
    "numpy": lambda x: torch.from_numpy(np.exp(x.numpy())),
    "one_hot": lambda x: nn.functional.one_hot(x.argmax(1), 3) - x,
}


@pytest.mark.parametrize("name", NOT_AUTOGRAD)
def test_what_does_not_differentiate_is_not_taken_for_it(name):
    report = report_of(NOT_AUTOGRAD[name], torch.randn(2, 3), record=True)
    assert report.error is None
    assert "autograd" not in report.functions


def test_our_own_gradient_is_not_the_students():
    assert "autograd" not in report_of(lambda x: x * 2, torch.ones(2), wrt=(0,), record=True).functions


def test_a_function_that_recording_would_break_is_called_once_more_without():
    def f(x):
        if torch.overrides._get_current_function_mode() is not None:
            raise RuntimeError("I do not work under modes")
        return x + 1

    report = report_of(f, torch.ones(1), record=True)
    assert (report.error, report.value) == (None, torch.tensor([2.0]))


def test_a_function_that_switches_the_recording_off_is_seen_doing_it():
    def f(x):
        sys.setprofile(None)
        return torch.softmax(x, 1)

    functions = report_of(f, torch.ones(1, 2), record=True).functions
    assert {"sys.setprofile", "aten::_softmax"} <= functions


def test_recording_ends_with_the_call_even_when_it_raises():
    def f(x):
        raise KeyError

    before = sys.getprofile()
    report_of(f, 1, record=True)
    assert sys.getprofile() is before
    assert torch.overrides._get_current_function_mode() is None


def test_the_student_side_needs_nothing_of_the_grader():
    code = (
        "import sys, autograder.engine.perform as p; p.warm_up();"
        "print([m for m in sys.modules if m.startswith('autograder')], 'pytest' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )
    names, _, has_pytest = done.stdout.strip().rpartition(" ")
    assert "checks" not in names
    assert has_pytest == "False"
