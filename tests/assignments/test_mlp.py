"""The second assignment: its text keeps its promises, its checks take every cache and every network that is right."""

from __future__ import annotations

import copy
import re
from collections import namedtuple
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from itertools import pairwise
from typing import Any

import msgspec
import pytest
import torch
from reading import run_with
from torch import Tensor, nn

from autograder.checks.suite import Suite, local_caller
from autograder.checks.verify import verify
from autograder.course import Assignment
from autograder.model import CheckResult, Outcome

ASSIGNMENT = "mlp"
EXERCISES = ("relu", "relu_backward", "linear_forward", "linear_backward", "mlp_forward", "mlp_backward", "MLP")


@pytest.fixture(scope="module")
def grade(assignment: Assignment) -> Iterator[Callable[..., dict[str, CheckResult]]]:
    """Grades functions in the students' place, references around them: the checks of one exercise by name."""
    with Suite(assignment) as suite:

        def graded(exercise: str, **functions: Callable[..., Any]) -> dict[str, CheckResult]:
            only = copy.copy(suite)
            only.assignment = msgspec.structs.replace(assignment, exercises=(assignment.exercise(exercise),))
            (result,) = only.grade(local_caller({**suite.references, **functions}), seed_of)
            return {check.name: check for check in result.checks}

        yield graded


def seed_of(check: str) -> str:
    return sha256(check.encode()).hexdigest()


def failed(checks: dict[str, CheckResult]) -> dict[str, str]:
    return {name: check.message for name, check in checks.items() if check.outcome is not Outcome.PASSED}


# --- text and data ----------------------------------------------------------------------------------------------------


def test_the_worked_numbers_of_the_layers_are_true(references):
    x = torch.tensor([-2.0, 0.0, 3.0, -0.5], requires_grad=True)
    assert references.relu(x).tolist() == [0, 0, 3, 0]
    assert torch.autograd.grad(references.relu(x).sum(), x)[0].tolist() == [0, 0, 1, 0]
    grad_out, x = torch.tensor([5.0, 7.0, -1.0, 4.0]), torch.tensor([-2.0, 0.0, 3.0, 0.5])
    assert references.relu_backward(grad_out, x).tolist() == [0, 0, -1, 4]
    x, W = torch.tensor([[1.0, 2.0], [0.0, -1.0]]), torch.tensor([[1.0, 0.0, 2.0], [-1.0, 3.0, 1.0]])
    out = references.linear_forward(x, W, torch.tensor([0.5, 0.0, -1.0]))
    assert out.tolist() == [[-0.5, 6, 3], [1.5, -3, -2]]
    dx, dW, db = references.linear_backward(torch.tensor([[1.0, 0.0, 2.0], [0.0, 1.0, -1.0]]), x, W)
    assert (dx.tolist(), dW.tolist(), db.tolist()) == ([[5, 1], [-2, 2]], [[1, 0, 2], [2, -1, 5]], [1, 1, 1])


def test_the_worked_numbers_of_the_network_are_true(references):
    params = [torch.ones(2, 2), torch.tensor([0.0, -1.0]), torch.tensor([[1.0], [-2.0]]), torch.zeros(1)]
    corners = torch.tensor([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
    assert references.relu(corners @ params[0] + params[1]).tolist() == [[0, 0], [1, 0], [1, 0], [2, 1]]
    assert references.mlp_forward(params, corners)[0].tolist() == [[0], [1], [1], [0]]
    _, cache = references.mlp_forward(params, corners[2:])
    grads = references.mlp_backward(params, cache, torch.tensor([[1.0], [0.5]]))
    assert [grad.tolist() for grad in grads] == [[[1.5, -1], [0.5, -1]], [1.5, -1], [[2], [0.5]], [1.5]]
    counts = [sum(p.numel() for p in layer.parameters()) for layer in references.MLP(64, [32, 16], 10).layers]
    assert (counts, sum(counts)) == ([2080, 528, 170], 2778)
    assert sum(p.numel() for p in references.MLP(4, [], 3).parameters()) == 15


def test_the_ways_to_write_max_with_zero_have_the_gradients_at_zero_that_the_hints_say():
    def slope_at_zero(function: Callable[[Tensor], Tensor]) -> float:
        x = torch.zeros((), requires_grad=True)
        return torch.autograd.grad(function(x), x)[0].item()

    assert slope_at_zero(torch.relu) == 0
    assert slope_at_zero(lambda x: x.clamp(min=0)) == 1
    assert slope_at_zero(lambda x: torch.maximum(x, torch.zeros(()))) == 0.5
    assert slope_at_zero(lambda x: (x + x.abs()) / 2) == 0.5


def test_the_whole_notebook_runs_with_the_references_and_both_networks_learn(
    assignment, references, shown_plots, monkeypatch, capsys
):
    monkeypatch.chdir(assignment.folder)
    run_with(references, assignment)
    assert len(shown_plots) == 3
    printed = capsys.readouterr().out
    accuracies = [float(number) for number in re.findall(r"accuracy: ([\d.]+)% on images", printed)]
    assert len(accuracies) == 2
    assert min(accuracies) > 90
    difference = re.search(r"largest difference between autograd and your backward pass: (.+)", printed)
    assert difference is not None
    assert float(difference[1]) < 1e-12


def test_the_data_is_that_of_the_first_assignment(assignment):
    assert [path.name for path in assignment.data] == ["digits.npz"]
    first = assignment.folder.parent / "softmax_regression" / "data" / "digits.npz"
    assert not first.exists() or assignment.data[0].read_bytes() == first.read_bytes()


# --- every cache that is right ----------------------------------------------------------------------------------------


def layers_of(params: list[Tensor]) -> list[tuple[Tensor, Tensor]]:
    return list(zip(params[0::2], params[1::2], strict=True))


def passes_of(params: list[Tensor], x: Tensor) -> list[tuple[Tensor, Tensor]]:
    """Input and output of every affine map."""
    passes = []
    for W, b in layers_of(params):
        passes.append((x, x @ W + b))
        x = torch.relu(passes[-1][1])
    return passes


def gradients_of(params: list[Tensor], passes: list[tuple[Tensor, Tensor]], grad: Tensor) -> list[Tensor]:
    grads: list[Tensor] = []
    for at in reversed(range(len(passes))):
        grads = [passes[at][0].T @ grad, grad.sum(dim=0), *grads]
        if at:
            grad = grad @ params[2 * at].T * (passes[at - 1][1] > 0)
    return grads


Pass = namedtuple("Pass", ["before", "after"])


class Steps(list):
    """A list that knows more than a list."""

    def newest_first(self) -> list[Any]:
        return self[::-1]


@dataclass
class Memory:
    passes: dict[str, Tensor] = field(default_factory=dict)
    older: Memory | None = None


def in_named_tuples(params, x):
    passes = [Pass(*one) for one in passes_of(params, x)]
    return passes[-1].after, passes


def from_named_tuples(params, cache, grad_logits):
    return gradients_of(params, [(one.before, one.after) for one in cache], grad_logits)


def in_a_list_of_its_own_class(params, x):
    steps = Steps(passes_of(params, x))
    return steps[-1][1], steps


def from_a_list_of_its_own_class(params, cache, grad_logits):
    return gradients_of(params, cache.newest_first()[::-1], grad_logits)


def in_a_chain_of_objects(params, x):
    memory = None
    for before, after in passes_of(params, x):
        memory = Memory({"before": before, "after": after}, memory)
    return memory.passes["after"], memory


def from_a_chain_of_objects(params, cache, grad_logits):
    passes = []
    while cache is not None:
        passes.insert(0, (cache.passes["before"], cache.passes["after"]))
        cache = cache.older
    return gradients_of(params, passes, grad_logits)


def in_a_function(params, x):
    passes = passes_of(params, x)
    return passes[-1][1], lambda grad: gradients_of(params, passes, grad)


def from_a_function(params, cache, grad_logits):
    return cache(grad_logits)


def in_one_flat_tensor(params, x):
    passes = passes_of(params, x)
    return passes[-1][1], torch.cat([tensor.flatten() for one in passes for tensor in one])


def from_one_flat_tensor(params, cache, grad_logits):
    shapes = [(len(grad_logits), size) for W in params[0::2] for size in W.shape]
    parts = cache.split([rows * size for rows, size in shapes])
    tensors = [part.view(shape) for part, shape in zip(parts, shapes, strict=True)]
    return gradients_of(params, list(zip(tensors[0::2], tensors[1::2], strict=True)), grad_logits)


_remembered: dict[int, Any] = {}


def in_a_dict_behind_a_ticket(params, x):
    passes = passes_of(params, x)
    ticket = len(_remembered)
    _remembered[ticket] = passes
    return passes[-1][1], ticket


def from_a_dict_behind_a_ticket(params, cache, grad_logits):
    return gradients_of(params, _remembered[cache], grad_logits)


def by_identity(params, x):
    passes = passes_of(params, x)
    return passes[-1][1], {id(x): x, "passes": passes, "first": id(x)}


def from_identity(params, cache, grad_logits):
    first = cache[cache["first"]]
    assert id(first) == cache["first"]  # the very tensor, not a copy
    return gradients_of(params, [(first, cache["passes"][0][1]), *cache["passes"][1:]], grad_logits)


PAIRS = (
    (in_named_tuples, from_named_tuples),
    (in_a_list_of_its_own_class, from_a_list_of_its_own_class),
    (in_a_chain_of_objects, from_a_chain_of_objects),
    (in_a_function, from_a_function),
    (in_one_flat_tensor, from_one_flat_tensor),
    (in_a_dict_behind_a_ticket, from_a_dict_behind_a_ticket),
    (by_identity, from_identity),
)


@pytest.mark.parametrize(("forward", "backward"), PAIRS)
def test_any_cache_goes_from_forward_to_backward_as_the_object_it_is(grade, forward, backward):
    assert failed(grade("mlp_forward", mlp_forward=forward)) == {}
    assert failed(grade("mlp_backward", mlp_forward=forward, mlp_backward=backward)) == {}


_last: list[Any] = []


def into_a_global(params, x):
    _last[:] = passes_of(params, x)
    return _last[-1][1], None


def from_a_global(params, cache, grad_logits):
    return gradients_of(params, _last, grad_logits)


def into_a_global_that_is_the_cache(params, x):
    _last[:] = passes_of(params, x)
    return _last[-1][1], _last


def from_the_global_that_is_the_cache(params, cache, grad_logits):
    return gradients_of(params, cache, grad_logits)


@pytest.mark.parametrize(
    ("forward", "backward"),
    [(into_a_global, from_a_global), (into_a_global_that_is_the_cache, from_the_global_that_is_the_cache)],
)
def test_state_in_a_global_fails_where_several_forwards_come_first(grade, forward, backward):
    assert set(failed(grade("mlp_backward", mlp_forward=forward, mlp_backward=backward))) == {"test_several_forwards"}


def in_an_iterator(params, x):
    passes = passes_of(params, x)
    return passes[-1][1], iter(passes)


def from_an_iterator(params, cache, grad_logits):
    return gradients_of(params, list(cache), grad_logits)


def test_a_cache_that_is_used_up_fails_the_second_backward_only(grade):
    checks = grade("mlp_backward", mlp_forward=in_an_iterator, mlp_backward=from_an_iterator)
    assert set(failed(checks)) == {"test_inputs_unchanged"}


def test_a_mistake_is_explained_whatever_the_cache_looks_like(grade):
    def forgets_the_bends(params, cache, grad_logits):
        passes = [(one.before, torch.ones_like(one.after)) for one in cache]
        return gradients_of(params, passes, grad_logits)

    checks = grade("mlp_backward", mlp_forward=in_named_tuples, mlp_backward=forgets_the_bends)
    assert {check.mistake for check in checks.values() if check.outcome is Outcome.FAILED} == {"forgets_the_bends"}


def test_gradients_that_forward_took_from_autograd_break_the_rule(grade):
    def forward(params, x):
        leaves = [p.clone().requires_grad_() for p in params]
        logits = passes_of(leaves, x)[-1][1]
        ways = [
            [torch.autograd.grad(logits[n, c], leaves, retain_graph=True) for c in range(logits.shape[1])]
            for n in range(len(x))
        ]
        return logits.detach(), ways

    def backward(params, cache, grad_logits):
        return [
            sum(grad_logits[n, c] * cache[n][c][at] for n in range(len(cache)) for c in range(len(cache[n])))
            for at in range(len(params))
        ]

    checks = grade("mlp_backward", mlp_forward=forward, mlp_backward=backward)
    assert checks["test_value"].outcome is Outcome.PASSED
    assert checks["test_no_autograd"].outcome is Outcome.FAILED


# --- every network that is right, and one that is not -----------------------------------------------------------------


def test_a_student_with_other_names_and_another_start_gets_the_same_explanation(grade):
    class MLP(nn.Module):
        def __init__(self, n_in: int, widths: Any, n_out: int) -> None:
            super().__init__()
            parts: list[nn.Module] = []
            for d, m in pairwise([n_in, *widths, n_out]):
                parts += [nn.Linear(d, m), nn.ReLU()]
                nn.init.orthogonal_(parts[-2].weight)
            self.stack = nn.Sequential(*parts)

        def forward(self, images: Tensor) -> Tensor:
            return self.stack(images)

    checks = grade("MLP", MLP=MLP)
    assert checks["test_value"].mistake == "BendsTheLogits"


def test_a_network_whose_biases_are_rows_is_not_checked_where_layers_must_be_known_but_its_bends_are(grade):
    class MLP(nn.Module):
        def __init__(self, in_features: int, hidden_sizes: Any, out_features: int) -> None:
            super().__init__()
            sizes = pairwise([in_features, *hidden_sizes, out_features])
            self.weights = nn.ParameterList(torch.randn(d + 1, m) for d, m in sizes)

        def forward(self, x: Tensor) -> Tensor:
            for at, W in enumerate(self.weights):
                x = torch.tanh(x) if at else x
                x = torch.cat([x, torch.ones_like(x[:, :1])], dim=1) @ W
            return x

    checks = grade("MLP", MLP=MLP)
    assert checks["test_value"].outcome is Outcome.NOT_CHECKED
    assert set(failed(checks)) == {"test_value", "test_magnitude", "test_gradients", "test_equal_widths", "test_bends"}


def test_a_network_whose_biases_are_rows_must_bend_after_every_hidden_layer_too(grade):
    class MLP(nn.Module):
        def __init__(self, in_features: int, hidden_sizes: Any, out_features: int) -> None:
            super().__init__()
            sizes = pairwise([in_features, *hidden_sizes, out_features])
            self.weights = nn.ParameterList(torch.randn(d + 1, m) for d, m in sizes)

        def forward(self, x: Tensor) -> Tensor:
            for at, W in enumerate(self.weights):
                x = torch.relu(x) if at == 1 else x  # and not after the second
                x = torch.cat([x, torch.ones_like(x[:, :1])], dim=1) @ W
            return x

    checks = grade("MLP", MLP=MLP)
    assert checks["test_value"].outcome is Outcome.NOT_CHECKED
    assert set(failed(checks)) == {"test_value", "test_magnitude", "test_gradients", "test_equal_widths", "test_bends"}


def test_networks_that_share_the_layers_of_the_newest_are_not_independent(grade):
    class MLP(nn.Module):
        newest: nn.ModuleList

        def __init__(self, in_features: int, hidden_sizes: Any, out_features: int) -> None:
            super().__init__()
            sizes = pairwise([in_features, *hidden_sizes, out_features])
            self.layers = MLP.newest = nn.ModuleList(nn.Linear(d, m) for d, m in sizes)

        def forward(self, x: Tensor) -> Tensor:
            for layer in MLP.newest[:-1]:
                x = torch.relu(layer(x))
            return MLP.newest[-1](x)

    assert "test_independent_networks" in failed(grade("MLP", MLP=MLP))


# --- tiny numbers, random numbers, single numbers ---------------------------------------------------------------------


def test_an_epsilon_however_small_is_noticed(grade):
    checks = grade("relu", relu=lambda x: torch.where(x > 1e-12, x, 0.0))
    assert set(failed(checks)) == {"test_tiny_and_huge"}


def test_a_forward_pass_may_make_layers_of_its_own_which_draws_random_numbers(grade):
    def forward(params, x):
        layers: list[nn.Module] = []
        for W, b in layers_of(params):
            layer = nn.Linear(*W.shape, dtype=W.dtype, device=W.device)
            layer.load_state_dict({"weight": W.T, "bias": b})
            layers += [layer, nn.ReLU()]
        return nn.Sequential(*layers[:-1])(x), x

    assert failed(grade("mlp_forward", mlp_forward=forward)) == {}


def test_numbers_may_be_written_one_by_one_on_a_gpu_and_kept_on_the_cpu_in_a_cache(grade):
    def relu_backward(grad_out, x):
        out = grad_out.clone().reshape(-1)
        for at, number in enumerate(x.reshape(-1)):
            if number <= 0:
                out[at] = 0.0
        return out.reshape(x.shape)

    def forward(params, x):
        passes = passes_of(params, x)
        return passes[-1][1], [torch.tensor(len(passes)), passes]

    assert failed(grade("relu_backward", relu_backward=relu_backward)) == {}
    assert failed(grade("mlp_forward", mlp_forward=forward)) == {}


# --- all that mistakes.py holds ---------------------------------------------------------------------------------------


@pytest.mark.long  # `make verify` does the same
def test_the_checks_know_every_mistake_and_accept_every_right_style(assignment):
    report = verify(assignment, seeds=1)
    assert report.problems == ()
    assert [proof.exercise for proof in report.exercises] == list(EXERCISES)
    for proof in report.exercises:
        assert proof.mistakes >= 20
        assert proof.caught == proof.explained == proof.distinct == proof.mistakes
        assert proof.accepted == proof.right_styles >= 3
        assert proof.survived == 0
    assert sum(proof.equivalent for proof in report.exercises) <= 2
