"""Calls on a GPU: the simulated device enters a process when the first such call asks for it, and never leaves it.

On the student side that is the fork of one check: cells run where there is no GPU, and 30 ms are paid by checks of
placement alone. The grader's own processes that put mistakes in a student's place get the device in the same way.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

import torch
from torch import Tensor

from autograder import simgpu
from autograder.engine.arguments import name_and_fields
from autograder.engine.calls import AsGenerator
from autograder.engine.copies import attribute_of, tensors_in
from autograder.simgpu.trace import TransferTrace

DEVICES = 1


def enter() -> None:
    """Have the device in this process from now on. Raises SimulatedGpuError where it cannot be had."""
    simgpu.enable(DEVICES)


@contextmanager
def hidden() -> Iterator[None]:
    """In a process that has the device: torch.cuda says that there is none, as on the student side in plain calls.

    Making a tensor on the GPU still works there.
    """
    cuda: Any = torch.cuda
    answers = {"is_available": lambda: False, "device_count": lambda: 0, "is_initialized": lambda: False}
    known = {name: getattr(cuda, name) for name in answers}
    vars(cuda).update(answers)
    try:
        yield
    finally:
        vars(cuda).update(known)


def tracing(trace: TransferTrace | None) -> AbstractContextManager[Any]:
    """The trace, or nothing."""
    return nullcontext() if trace is None else trace


def devices_of(value: Any) -> tuple[str, ...]:
    """The device of each tensor in a value, in order."""
    return tuple(str(attribute_of(tensor, "device")) for _, tensor in tensors_in(value))


def moved(value: Any, device: str, known: dict[int, Any] | None = None) -> Any:
    """Private copies on their way to a function, moved to `device`: leaves stay leaves, with their gradients."""
    known = {} if known is None else known
    if id(value) in known:
        return known[id(value)]
    if isinstance(value, Tensor):
        with torch.no_grad():
            there = value.detach().to(device)
            if value.grad is not None:
                there.grad = value.grad.to(device)
        known[id(value)] = there.requires_grad_(value.requires_grad)
        return there
    if isinstance(value, AsGenerator):
        return AsGenerator(tuple(moved(item, device, known) for item in value.items))
    if name_and_fields(type(value)) is not None:
        return type(value)(*(moved(item, device, known) for item in value))
    if type(value) in (list, tuple):
        return type(value)(moved(item, device, known) for item in value)
    if type(value) is dict:
        return {key: moved(item, device, known) for key, item in value.items()}
    return value
