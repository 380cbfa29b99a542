"""Calls on a GPU: the device enters a process when the first such call asks for it, and never leaves it.

The simulated one enters the fork of one check: cells run where there is no GPU, and 30 ms are paid by checks of
placement alone. A real one, which no fork may use after its parent, is in sight of a session of its own from its start
(`serial.py`). The grader's own processes that put mistakes in a student's place get the device at their first call.
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
from autograder.errors import DeviceError
from autograder.simgpu.trace import TransferTrace

DEVICES = 1


_only_real = False


def take_only_a_real_one() -> None:
    """Never let the simulated device stand in for a real one in this process and its forks."""
    global _only_real
    _only_real = True


def enter() -> None:
    """Have the device in this process from now on: a real one that is in sight, else the simulated one.

    Raises DeviceError where it cannot be had.
    """
    if torch.cuda.is_available():
        return
    if _only_real:
        raise DeviceError(_why_cuda_does_not_start())
    simgpu.enable(DEVICES)


def is_here() -> bool:
    """Whether this process has a device."""
    return torch.cuda.is_available()


def _why_cuda_does_not_start() -> str:
    try:
        torch.cuda.init()  # type: ignore[no-untyped-call]
    except (RuntimeError, AssertionError) as error:
        return str(error)
    return "PyTorch sees no GPU"


def trouble() -> str:
    """What is wrong with the device of this process, in a line: empty when a product on it comes out right.

    Its first use takes a real GPU some seconds. A context that was lost stays so for the life of the process.
    """
    try:
        enter()
        with torch.no_grad():
            ones = torch.ones(2, 2, device="cuda", dtype=torch.float32)
            found = (ones @ ones).sum().item()
        torch.cuda.synchronize()
    except (DeviceError, RuntimeError, AssertionError) as error:
        return " ".join(str(error).split())[:300] or type(error).__name__
    return "" if found == 8 else f"it says that 2 x 2 ones, squared, add up to {found}"


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
