"""Traces each function of placement_mistakes.py on the GPU at hand and prints the records as JSON, by scenario."""

from __future__ import annotations

import sys
from collections.abc import Callable

import msgspec
import placement_mistakes as mistakes
import torch
from run_behaviours import choose_device

DEVICE = "cuda" if choose_device() else "cpu"

from autograder.simgpu.trace import TransferTrace  # noqa: E402  (after the device is there)

FILE = mistakes.__file__


def gpu(*shape: int, requires_grad: bool = False) -> torch.Tensor:
    return torch.linspace(-1, 1, torch.Size(shape).numel()).view(shape).to(DEVICE).requires_grad_(requires_grad)


def backward_of(act: Callable[[torch.Tensor], torch.Tensor]) -> None:
    act(gpu(2, 3, requires_grad=True)).sum().backward()


def train() -> None:
    net = torch.nn.Linear(4, 3)
    net.to(DEVICE)
    with TransferTrace(FILE.__eq__):
        pass  # a trace that ended leaves nothing behind
    batches = [(torch.ones(5, 4), torch.zeros(5).long()), (torch.ones(2, 4), torch.zeros(2).long())]
    mistakes.train_epoch(net, batches, DEVICE)


SCENARIOS: dict[str, Callable[[], object]] = {
    "softmax": lambda: mistakes.softmax_by_way_of_the_host(gpu(2, 3)),
    "softmax backward": lambda: backward_of(mistakes.softmax_by_way_of_the_host),
    "numpy": lambda: mistakes.relu_in_numpy(gpu(2, 3)),
    "created": lambda: mistakes.bias_made_on_the_host(gpu(2, 3)),
    "item": lambda: mistakes.asks_for_every_value(gpu(2, 3)),
    "lists": lambda: mistakes.relu_backward_in_lists(gpu(4, 5), gpu(4, 5)),
    "bool": lambda: mistakes.branches_on_a_value(gpu(2, 3)),
    "host index": lambda: mistakes.picks_with_a_host_index(gpu(2, 3)),
    "mask": lambda: mistakes.keeps_the_positive(gpu(2, 3)),
    "custom backward": lambda: backward_of(mistakes.HostBackward.apply),
    "training": train,
    "clean": lambda: backward_of(lambda x: torch.softmax(x, 1)),
}


def trace(act: Callable[[], object]) -> dict[str, object]:
    with TransferTrace(FILE.__eq__) as records:
        act()
    return {
        "transfers": [one for one in records.transfers if one.place.line],
        "lines": [[str(line), line.times, line.bytes] for line in records.by_line() if line.place.line],
        "created": records.created,
    }


if __name__ == "__main__":
    sys.stdout.buffer.write(msgspec.json.encode({name: trace(act) for name, act in SCENARIOS.items()}))
