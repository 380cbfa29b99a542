"""A CUDA device over host memory for CPU builds of PyTorch: real values, real `device='cuda:0'`, PyTorch's own errors.

    is_available() -> (True, "ready") or (False, why not)      grader side: patches nothing
    build() -> Path                                            compiles once into the user's cache; patches nothing
    self_test() -> what is wrong, or ()                        in a process of its own, for `grader doctor`
    enable(devices=1, library=build())                         student side only: for the life of the process
    prepare(library)                                           before: load and read all that `enable` needs
    trust_this_fork()                                          in a child that the grader forked on purpose

`enable` comes before student code is imported. It starts no thread, so that the process can be forked afterwards, also
after a backward pass. A forked child may not touch the device if its parent did ("Cannot re-initialize CUDA in forked
subprocess", as on a real GPU); a child that the grader forks itself calls `trust_this_fork` first.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from autograder.simgpu.build import SimulatedGpuError, build, is_available, rules_beside
from autograder.simgpu.gaps import NotSimulatedError, gap_of
from autograder.simgpu.selftest import self_test

if TYPE_CHECKING:
    from autograder.simgpu.cuda_library import ForkGuard
    from autograder.simgpu.device_rules import DeviceRules

__all__ = [
    "NotSimulatedError",
    "SimulatedGpuError",
    "build",
    "enable",
    "gap_of",
    "is_available",
    "is_enabled",
    "prepare",
    "self_test",
    "trust_this_fork",
]

MEMORY = 8 << 30  # bytes of each device

_guard: ForkGuard | None = None
_prepared: tuple[Any, DeviceRules] | None = None  # the loaded library, and the rules beside it


def enable(devices: int = 1, memory: int = MEMORY, library: Path | None = None) -> None:
    """Give this process `devices` simulated GPUs of `memory` bytes each, for good. A second call changes nothing.

    `library` is what `build()` returned, for a process that may not write to the cache. Raises SimulatedGpuError, also
    when a real GPU is there.
    """
    global _guard
    if _guard is not None:
        return
    import torch

    if torch.cuda.is_available():
        raise SimulatedGpuError("simulated GPU: this machine has a real one")
    from autograder.simgpu.install import install  # imports what build() alone does not need

    if _prepared is None:
        prepare(library or build())
    assert _prepared is not None
    _guard = install(*_prepared, devices, memory)


def prepare(library: Path) -> None:
    """Read all that `enable` will read, so that a fork of this process can have the device without any file.

    `library` is what `build()` returned. Patches nothing: this process sees no device.
    """
    global _prepared
    from autograder.simgpu.install import load_library  # as above

    _prepared = load_library(library), rules_beside(library)


def is_enabled() -> bool:
    """Whether this process has the simulated device."""
    return _guard is not None


def trust_this_fork() -> None:
    """Let this forked child go on with the device and the tensors it inherited. Without the device, does nothing."""
    if _guard is not None:
        _guard.trust_this_fork()
