"""The global state around a call: what a student's function must leave as it found it.

Read before and after a call, compared, and put back: one call must not be able to change the next.
"""

from __future__ import annotations

import ctypes
import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

_MT19937_BYTES = 625 * 4  # uint32 key[624]; int position


@dataclass(frozen=True)
class Surroundings:
    """Global switches and random states of torch, numpy and Python at one moment."""

    switches: dict[str, Any]
    torch_random: Tensor
    numpy_random: Any
    python_random: Any

    @classmethod
    def read(cls) -> Surroundings:
        """The surroundings as they are now."""
        return cls(
            switches={
                "gradient mode": torch.is_grad_enabled(),
                "inference mode": torch.is_inference_mode_enabled(),
                "default dtype": torch.get_default_dtype(),
                "default device": torch.empty(0).device,  # asking for it by name takes longer
                "anomaly mode": torch.is_anomaly_enabled(),
                "deterministic algorithms": (
                    torch.are_deterministic_algorithms_enabled(),
                    torch.is_deterministic_algorithms_warn_only_enabled(),
                ),
                "number of threads": torch.get_num_threads(),
                "matmul precision": torch.get_float32_matmul_precision(),
                "autocast": torch.is_autocast_enabled("cpu"),
                "numpy's floating point errors": np.geterr(),
            },
            torch_random=torch.default_generator.get_state(),
            numpy_random=_numpy_random(),
            python_random=random.getstate(),
        )

    def changes_to(self, after: Surroundings) -> tuple[str, ...]:
        """What differs, in words: "gradient mode: on -> off", "random state of torch"."""
        changes = [
            f"{name}: {_word(was)} -> {_word(after.switches[name])}"
            for name, was in self.switches.items()
            if after.switches[name] != was
        ]
        if not torch.equal(self.torch_random, after.torch_random):
            changes.append("random state of torch")
        if self.numpy_random != after.numpy_random:
            changes.append("random state of numpy")
        if self.python_random != after.python_random:
            changes.append("random state of Python")
        return tuple(changes)

    def restore(self, now: Surroundings | None = None) -> None:
        """Make the surroundings what they were; `now` saves reading them once more."""
        now = now or Surroundings.read()
        for name, value in self.switches.items():
            if now.switches[name] != value:
                _RESTORE[name](value)
        torch.default_generator.set_state(self.torch_random)
        if self.numpy_random != now.numpy_random:
            _restore_numpy_random(self.numpy_random)
        if self.python_random != now.python_random:
            random.setstate(self.python_random)


_open_guards: list[Any] = []  # kept for ever: closing one would undo what it sets


def _restore_inference_mode(enabled: bool) -> None:
    guard = torch._C._InferenceMode(enabled)
    guard.__enter__()  # type: ignore[no-untyped-call]
    _open_guards.append(guard)


# torch's own functions for these import half of its compiler, or more than they need
_RESTORE: dict[str, Callable[[Any], object]] = {
    "inference mode": _restore_inference_mode,
    "gradient mode": torch.set_grad_enabled,
    "default dtype": torch.set_default_dtype,
    "default device": lambda device: torch.set_default_device(None if device.type == "cpu" else device),
    "anomaly mode": torch.set_anomaly_enabled,
    "deterministic algorithms": lambda pair: torch._C._set_deterministic_algorithms(pair[0], warn_only=pair[1]),
    "number of threads": torch.set_num_threads,
    "matmul precision": torch.set_float32_matmul_precision,
    "autocast": lambda enabled: torch.set_autocast_enabled("cpu", enabled),
    "numpy's floating point errors": lambda kinds: np.seterr(**kinds),
}


def seed_everything(seed: int) -> None:
    """Seed torch, numpy and `random`, so that a function that draws gives the same wherever it runs."""
    torch.default_generator.manual_seed(seed % 2**63)
    if torch.cuda.is_initialized():  # type: ignore[no-untyped-call]
        torch.cuda.manual_seed_all(seed % 2**63)
    np.random.seed(seed % 2**32)
    random.seed(seed)


def _numpy_random() -> tuple[Any, bytes]:
    """The global bit generator and its state as raw memory: numpy's own `get_state` takes thirty times as long.

    Leaves out the second number of a pair of normal ones, which seeding forgets anyway.
    """
    generator = np.random.get_bit_generator()  # type: ignore[attr-defined]
    if type(generator) is not np.random.MT19937:
        return generator, b""
    return generator, ctypes.string_at(generator.ctypes.state_address, _MT19937_BYTES)


def _restore_numpy_random(state: tuple[Any, bytes]) -> None:
    generator, memory = state
    np.random.set_bit_generator(generator)  # type: ignore[attr-defined]
    if memory:
        ctypes.memmove(generator.ctypes.state_address, memory, len(memory))


def _word(value: Any) -> str:
    return {True: "on", False: "off"}[value] if isinstance(value, bool) else str(value)
