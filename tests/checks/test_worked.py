"""A mistake at work: a tiny call of our own on which it differs from the reference, with the numbers of both."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from autograder.checks.chains import Chain, ask_in_order, chains_of
from autograder.checks.local import local_caller
from autograder.checks.student import Functions, Step, reference
from autograder.checks.tiny import tiny_chains
from autograder.checks.worked import find_example
from autograder.engine.arguments import Named, Net
from autograder.engine.calls import Call, CallReport
from autograder.model import Example

DRAWN = torch.randn(5, 7, generator=torch.Generator().manual_seed(7))


def double(x: Tensor) -> Tensor:
    return 2 * x


def asking(function: Callable[..., Any]) -> Callable[[Chain], CallReport]:
    def ask(chain: Chain) -> CallReport:
        with local_caller({"double": function})() as caller:
            return ask_in_order(caller, chain)

    return ask


def example_of(
    function: Callable[..., Any], *calls: Call, most: int = 20, right: Callable[..., Any] = double
) -> Example | None:
    chains = [(call,) for call in calls or [Call("double", (DRAWN,))]]
    return find_example(chains, asking(right), asking(function), {"double": right}, most)


def test_a_function_that_is_right_gives_no_example() -> None:
    assert example_of(lambda x: x + x) is None


def test_an_argument_that_cannot_be_imitated_gives_no_example() -> None:
    odd = Net((("LSTM", 2, 2),), {})
    assert list(tiny_chains((Call("double", (odd,)),))) == []


def test_a_network_is_imitated_with_all_that_belongs_to_it() -> None:
    built = torch.nn.Sequential(torch.nn.Linear(5, 8), torch.nn.BatchNorm1d(8), torch.nn.Linear(8, 4))
    net = Net((("Linear", 5, 8), ("BatchNorm1d", 8), ("Linear", 8, 4)), built.state_dict(), training=False)
    found = example_of(
        lambda net, x: net.train()(x), Call("double", (net, torch.ones(6, 5))), right=lambda net, x: net(x)
    )
    assert found is not None
    space: dict[str, Any] = {"torch": torch, "double": lambda net, x: net(x)}
    *setting, last = found.code.splitlines()
    exec("\n".join(setting), space)
    rows = eval(last, space).tolist()
    assert tuple(tuple(f"{number:.4g}" for number in row) for row in rows) == found.expected.rows


def test_no_more_calls_are_made_than_allowed() -> None:
    asked = []

    def right(x: Tensor) -> Tensor:
        asked.append(x)
        return 2 * x

    assert example_of(right, most=3) is None
    assert len(asked) == 3


def test_a_wrong_value_is_shown_beside_the_right_one() -> None:
    found = example_of(lambda x: 2 * x + 1)
    assert found is not None
    assert found.what == "double(x)"
    assert found.code == "x = torch.tensor([[1.0, 2.0, -1.0], [3.0, 0.5, -2.0]])\ndouble(x)"
    assert found.expected.rows == (("2", "4", "-2"), ("6", "1", "-4"))
    assert found.got.rows == (("3", "5", "-1"), ("7", "2", "-3"))


def test_none_of_the_numbers_that_were_drawn_are_left() -> None:
    calls = [call for (call,) in tiny_chains((Call("double", (DRAWN,), {"lr": 0.4321}),))]
    drawn = {round(number, 4) for number in DRAWN.flatten().tolist()}
    assert calls
    for call in calls:
        assert not {round(number, 4) for number in call.args[0].flatten().tolist()} & drawn
        assert call.kwargs == {"lr": 0.1}


def test_sizes_that_were_equal_stay_equal() -> None:
    (call,) = next(tiny_chains((Call("double", (torch.ones(5, 7), torch.ones(7, 9), torch.ones(9, 1))),)))
    assert [tuple(arg.shape) for arg in call.args] == [(2, 3), (3, 4), (4, 1)]


def test_a_mistake_that_shows_at_large_numbers_only_is_found() -> None:
    found = example_of(lambda x: x.exp().log() + x)
    assert found is not None
    assert "100" in found.code
    assert "inf" in str(found.got.rows)


def test_a_wrong_gradient_is_shown_with_the_code_that_makes_it() -> None:
    found = example_of(lambda x: x + x.detach(), Call("double", (DRAWN,), wrt=(0,), cotangent=DRAWN))
    assert found is not None
    assert found.code.endswith("(double(x) * weights).sum().backward()\nx.grad")
    assert found.got != found.expected
    space: dict[str, Any] = {"torch": torch, "double": double}
    exec(found.code, space)
    expected = tuple(tuple(f"{number:.4g}" for number in row) for row in space["x"].grad.tolist())
    assert expected == found.expected.rows


def test_an_argument_that_is_changed_is_shown_as_it_is_afterwards() -> None:
    found = example_of(lambda x: x.mul_(2))
    assert found is not None
    assert found.what == "x"
    assert found.expected.rows[0] == ("1", "2", "-1")


def test_another_dtype_or_shape_is_seen() -> None:
    for function in (lambda x: (2 * x).double(), lambda x: (2 * x).unsqueeze(0)):
        found = example_of(function)
        assert found is not None
        assert found.got != found.expected


def test_an_exception_is_what_it_gave() -> None:
    found = example_of(lambda x: x[9])
    assert found is not None
    assert found.got.text.startswith("IndexError: index 9 is out of bounds")


def test_what_an_earlier_call_left_behind_makes_no_example() -> None:
    calls = []

    def counting(x: Tensor, seen: list[int] = calls) -> Tensor:
        seen.append(1)
        return 2 * x if len(seen) == 1 else x

    assert example_of(counting) is None


@pytest.mark.parametrize("value", [{"a": torch.zeros(2)}, object(), 10**400, "text", None])
def test_odd_values_are_named(value: Any) -> None:
    found = example_of(lambda x: value)
    assert found is not None
    assert found.got.text


class Scales(torch.nn.Module):
    """Times a factor that is learned."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.factor = torch.nn.Parameter(torch.ones(width))

    def forward(self, x: Tensor) -> Tensor:
        return x * self.factor


class Forgets(Scales):
    def forward(self, x: Tensor) -> Tensor:
        return x


class Freezes(torch.nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.factor = torch.ones(width)


def made_by(steps: list[Step], ours: dict[str, Any], theirs: dict[str, Any], exercise: str) -> Example | None:
    def asks(functions: dict[str, Any]) -> Callable[[Chain], CallReport]:
        def ask(chain: Chain) -> CallReport:
            with local_caller(functions)() as caller:
                return ask_in_order(caller, chain)

        return ask

    return find_example(chains_of(steps, exercise), asks(ours), asks(theirs), ours, 20)


def steps_of(functions: dict[str, Any], calls: Callable[[Functions], Any]) -> list[Step]:
    made = reference(functions, "seed")
    calls(made)
    return made.steps


def use(side: Functions) -> None:
    net = side.Scales.new(7)
    net.report(DRAWN, set_parameters=[DRAWN[0]])


def test_a_class_is_shown_by_its_constructor_and_a_call_of_its_module() -> None:
    found = made_by(steps_of({"Scales": Scales}, use), {"Scales": Scales}, {"Scales": Forgets}, "Scales")
    assert found is not None
    assert found.what == "net(x)"
    space: dict[str, Any] = {"torch": torch, "Scales": Scales}
    *setting, last = found.code.splitlines()
    exec("\n".join(setting), space)
    rows = eval(last, space).tolist()
    assert tuple(tuple(f"{number:.4g}" for number in row) for row in rows) == found.expected.rows


def test_a_class_with_other_parameters_is_shown_by_their_sizes() -> None:
    found = made_by(steps_of({"Scales": Scales}, use), {"Scales": Scales}, {"Scales": Freezes}, "Scales")
    assert found is not None
    assert found.code.splitlines()[0] == "net = Scales(7)"
    assert (found.got.text, found.expected.text) == ("[]", "[[7]]")


def backward(cache: Any, weights: Tensor) -> list[Tensor]:
    return [weights * cache[0], weights + 1]


def test_what_one_function_leaves_for_another_is_made_anew() -> None:
    ours = {"forward": lambda x: (x.sum(), [x]), "backward": backward}
    theirs = ours | {"backward": lambda cache, weights: [weights * cache[0], weights]}
    steps = steps_of(ours, lambda s: s.backward.report(s.forward.report(DRAWN, keep=(1,)).value[1], DRAWN))
    found = made_by(steps, ours, theirs, "backward")
    assert found is not None
    assert "cache = forward(x)[1]\n" in found.code
    assert found.what == "result[1]"
    assert found.got.rows != found.expected.rows


def test_a_value_that_later_calls_need_and_that_is_missing_gives_no_example() -> None:
    ours = {"forward": lambda x: (x.sum(), [x]), "backward": backward}
    steps = steps_of(ours, lambda s: s.backward.report(s.forward.report(DRAWN, keep=(1,)).value[1], DRAWN))
    assert made_by(steps, ours, ours | {"forward": lambda x: x.sum()}, "backward") is None


def test_another_structure_is_shown_as_such() -> None:
    pair = Named("Pair", ("x", "y"), (DRAWN, DRAWN[0]))
    found = example_of(lambda batch: tuple(batch), Call("double", ({"one": pair},)), right=lambda batch: batch)
    assert found is not None
    assert (found.got.text, found.expected.text) == ("('one',)", "{'one': Pair(x=tensor, y=tensor)}")
    assert found.code.startswith("Pair = namedtuple(\"Pair\", ['x', 'y'])\nbatch = {")


def test_a_placement_mistake_is_shown_by_the_device() -> None:
    found = example_of(lambda x: (2 * x).cpu(), Call("double", (DRAWN,), device="cuda:0"))
    assert found is not None
    assert found.what == "double(x).device"
    assert (found.got.text, found.expected.text) == ("cpu", "cuda:0")
    assert 'device="cuda:0")' in found.code


def test_a_trip_through_the_cpu_is_shown_by_what_crossed() -> None:
    found = example_of(lambda x: (2 * x.cpu()).to("cuda:0"), Call("double", (DRAWN,), device="cuda:0"))
    assert found is not None
    assert (found.got.text, found.expected.text) == ("GPU to CPU: once; CPU to GPU: once", "nothing")
