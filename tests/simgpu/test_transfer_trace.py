"""The tracer names the line that moved a tensor, in forward and backward, and changes nothing."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import placement_mistakes as mistakes
import pytest
import torch
from own_process import run_script

from autograder.simgpu.trace import LineTransfers, Place, TransferKind, TransferTrace

FILE = mistakes.__file__


@pytest.fixture(scope="module")
def traced(library: Any) -> Any:
    """The records of every scenario on a GPU, run once."""
    return json.loads(run_script("trace_placement_mistakes.py"))


def moves(scenario: Any) -> list[tuple[str, str, str]]:
    return [(one["phase"], one["kind"], one["place"]["source"]) for one in scenario["transfers"]]


def test_a_trip_through_the_host_names_both_lines(traced: Any) -> None:
    assert moves(traced["softmax"]) == [
        ("forward", "to host", "host = logits.cpu()"),
        ("forward", "to device", "return (exps / exps.sum(1, keepdim=True)).to(logits.device)"),
    ]


def test_its_backward_is_billed_to_the_lines_of_the_forward(traced: Any) -> None:
    assert moves(traced["softmax backward"])[2:] == [
        ("backward", "to host", "return (exps / exps.sum(1, keepdim=True)).to(logits.device)"),
        ("backward", "to device", "host = logits.cpu()"),
    ]


def test_a_transfer_inside_a_custom_backward_names_its_line(traced: Any) -> None:
    assert moves(traced["custom backward"]) == [
        ("backward", "to host", "mask = (x.cpu() > 0).float()"),
        ("backward", "to device", "return grad * mask.to(grad.device)"),
    ]


def test_numpy_and_back_names_every_step(traced: Any) -> None:
    assert [kind for _, kind, _ in moves(traced["numpy"])] == ["to host", "to numpy", "to device"]


def test_reading_numbers_is_counted_by_line(traced: Any) -> None:
    assert traced["item"]["lines"] == [
        ["line 30 read a number from cuda:0 2 times: `return [row.sum().item() for row in x]`", 2, 8]
    ]
    assert moves(traced["bool"]) == [("forward", "read", "if (x > 0).any():")]


def test_a_trip_through_python_lists_is_two_reads_and_a_tensor_made_of_numbers(traced: Any) -> None:
    assert [(one["kind"], one["shape"], one["dtype"]) for one in traced["lists"]["transfers"]] == [
        ("read", [20], "float32"),
        ("read", [20], "float32"),
        ("from Python", [20], "float32"),
    ]
    (made,) = [line for line, _, _ in traced["lists"]["lines"] if "Python" in line]
    assert made.startswith("line 80 made (20,) float32 of Python's numbers on cuda:0 once: `return torch.tensor(")


def test_a_host_index_is_a_transfer_and_a_mask_is_a_wait(traced: Any) -> None:
    assert [one["kind"] for one in traced["host index"]["transfers"]] == ["index to device"]
    assert traced["host index"]["transfers"][0]["bytes"] == 16
    assert [one["kind"] for one in traced["mask"]["transfers"]] == ["wait"]


def test_a_tensor_made_on_the_host_is_known(traced: Any) -> None:
    (made,) = traced["created"]["created"]
    assert (made["operation"], made["device"], made["shape"]) == ("aten::zeros", "cpu", [3])
    assert made["place"]["source"] == "bias = torch.zeros(x.shape[1])"


def test_an_epoch_costs_one_copy_a_tensor_and_one_number_a_batch(traced: Any) -> None:
    assert traced["training"]["lines"] == [
        ["line 67 moved (5, 4), (2, 4) float32 from cpu to cuda:0 2 times, 112 bytes: `x = x.to(device)`", 2, 112],
        ["line 68 moved (5,), (2,) int64 from cpu to cuda:0 2 times, 56 bytes: `y = y.to(device)`", 2, 56],
        ["line 73 read a number from cuda:0 2 times: `total += loss.item()`", 2, 8],
    ]


def test_work_that_stays_on_the_device_leaves_no_record(traced: Any) -> None:
    assert traced["clean"]["transfers"] == []


def test_on_the_cpu_alone_nothing_is_a_transfer_and_values_and_gradients_are_the_same() -> None:
    x = torch.linspace(-1, 1, 6).view(2, 3).requires_grad_()
    with TransferTrace(FILE.__eq__) as trace:
        out = mistakes.softmax_by_way_of_the_host(x)
        torch.autograd.backward(out[:, 0].sum())
    traced_gradient, x.grad = x.grad, None
    expected = mistakes.softmax_by_way_of_the_host(x)
    torch.autograd.backward(expected[:, 0].sum())
    assert trace.transfers == ()
    assert torch.equal(out, expected)
    assert traced_gradient is not None
    assert torch.equal(traced_gradient, x.grad)


def test_on_the_cpu_arrays_are_still_seen() -> None:
    with TransferTrace(FILE.__eq__) as trace:
        mistakes.relu_in_numpy(torch.ones(2, 3))
    assert [one.kind for one in trace.transfers] == [TransferKind.NUMPY]


def test_an_exception_passes_through_and_ends_the_trace() -> None:
    with pytest.raises(RuntimeError, match="shapes cannot be multiplied"), TransferTrace() as trace:
        torch.ones(2, 3) @ torch.ones(2, 3)
    before = trace.created
    torch.zeros(1)
    assert trace.created == before
    assert torch.autograd.is_multithreading_enabled()


def test_the_tracer_does_not_import_the_compiler() -> None:
    code = (
        "import sys, torch; from autograder.simgpu.trace import TransferTrace\n"
        "with TransferTrace():\n    torch.ones(2) + 1\n"
        "print('torch._dynamo' in sys.modules)"
    )
    assert run_script("-c", code).strip() == "False"


def test_records_are_frozen_and_cross_the_wire() -> None:
    place = Place("cell 3", 12, "softmax", "z = z.cpu()")
    line = LineTransfers(place, "forward", TransferKind.TO_HOST, "cuda:0", "cpu", 3, 72, ((2, 3),), ("float32",))
    assert str(line) == "line 12 moved (2, 3) float32 from cuda:0 to cpu 3 times, 72 bytes: `z = z.cpu()`"
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(line), type=LineTransfers) == line
    with pytest.raises(AttributeError):
        line.times = 4  # type: ignore[misc]
