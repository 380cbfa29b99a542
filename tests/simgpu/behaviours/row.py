"""One row of the behaviour table: a sentence about CUDA tensors, and a function that shows it on the device at hand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

SAME_DEVICE = "Expected all tensors to be on the same device"


@dataclass(frozen=True)
class Row:
    """`check` raises when the device does not behave so."""

    name: str
    sentence: str
    check: Callable[[], None]
    own_process: bool = False  # it ends the CUDA context, or needs a fresh one
    devices: int = 1  # how many it needs


ENTERED: list[Row] = []


Check = Callable[[], None]


def row(sentence: str, *, own_process: bool = False, devices: int = 1) -> Callable[[Check], Check]:
    """Enter the function below into the table."""

    def enter(check: Check) -> Check:
        ENTERED.append(Row(check.__name__, sentence, check, own_process, devices))
        return check

    return enter


def gpu(*values: float) -> Tensor:
    """A float32 tensor on the current GPU."""
    return torch.tensor(values, dtype=torch.float32).to("cuda")


def on_gpu(tensor: Tensor) -> Tensor:
    """The tensor, which must be on a GPU."""
    assert tensor.device.type == "cuda", f"it is on {tensor.device}"
    return tensor


def on_cpu(tensor: Tensor) -> Tensor:
    """The tensor, which must be on the CPU."""
    assert tensor.device.type == "cpu", f"it is on {tensor.device}"
    return tensor


def holds(tensor: Tensor, values: Any) -> None:
    """The tensor must hold `values`, up to rounding."""
    got = tensor.detach().cpu().tolist()
    assert np.allclose(got, values, rtol=1e-4, atol=1e-5), f"it holds {got}, not {values}"


def same_values(tensor: Tensor, other: Tensor) -> None:
    """A tensor on the GPU must hold what one on the CPU holds, up to the rounding of another kernel."""
    torch.testing.assert_close(on_gpu(tensor).detach().cpu(), on_cpu(other).detach(), rtol=1e-3, atol=1e-4)


def raises(kind: type[Exception], text: str, act: Callable[[], Any]) -> None:
    """`act` must raise `kind` with `text` in its message."""
    error = error_of(act)
    assert error is not None, "it raises nothing"
    assert isinstance(error, kind), f"it raises {type(error).__name__}, not {kind.__name__}: {str(error)[:150]}"
    assert text in str(error), f"it says {str(error)[:200]!r}, not {text!r}"


def works_or_is_refused(act: Callable[[], Any]) -> None:
    """On a GPU `act` must work; the simulation may refuse it, by name and as a gap of its own."""
    error = error_of(act)
    if error is None:
        return
    if not torch.cuda.get_device_name().startswith("Simulated"):
        raise error
    from autograder.simgpu import gap_of  # where the device is real, this project need not be installed

    assert gap_of(type(error).__name__, str(error)), f"{type(error).__name__}: {str(error)[:200]}"


def error_of(act: Callable[[], Any]) -> Exception | None:
    """What `act` raises, if anything."""
    try:
        act()
    except Exception as error:
        return error
    return None
