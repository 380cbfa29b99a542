"""The global state around a call: what a student's function must leave as it found it.

Read before and after a call, compared, and put back: one call must not be able to change the next.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor


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
                "default device": str(torch.get_default_device()),
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
            numpy_random=np.random.get_state(),
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
        if not _same_numpy_random(self.numpy_random, after.numpy_random):
            changes.append("random state of numpy")
        if self.python_random != after.python_random:
            changes.append("random state of Python")
        return tuple(changes)

    def restore(self) -> None:
        """Make the surroundings what they were."""
        now = {name: value for name, value in Surroundings.read().switches.items() if value != self.switches[name]}
        if now:
            self._restore_switches(set(now))
        torch.default_generator.set_state(self.torch_random)
        np.random.set_state(self.numpy_random)
        random.setstate(self.python_random)

    def _restore_switches(self, changed: set[str]) -> None:
        was = self.switches
        if "inference mode" in changed:  # the guard stays open on purpose: closing it would undo what it sets
            torch._C._InferenceMode(was["inference mode"]).__enter__()  # type: ignore[no-untyped-call]
        torch.set_grad_enabled(was["gradient mode"])
        torch.set_default_dtype(was["default dtype"])
        if "default device" in changed:
            torch.set_default_device(None if was["default device"] == "cpu" else was["default device"])
        torch.set_anomaly_enabled(was["anomaly mode"])
        enabled, warn_only = was["deterministic algorithms"]
        torch.use_deterministic_algorithms(enabled, warn_only=warn_only)
        if "number of threads" in changed:
            torch.set_num_threads(was["number of threads"])
        torch.set_float32_matmul_precision(was["matmul precision"])
        torch.set_autocast_enabled("cpu", was["autocast"])
        np.seterr(**was["numpy's floating point errors"])


def seed_everything(seed: int) -> None:
    """Seed torch, numpy and `random`, so that a function that draws gives the same wherever it runs."""
    torch.default_generator.manual_seed(seed % 2**63)
    if torch.cuda.is_initialized():  # type: ignore[no-untyped-call]
        torch.cuda.manual_seed_all(seed % 2**63)
    np.random.seed(seed % 2**32)
    random.seed(seed)


def _same_numpy_random(one: Any, other: Any) -> bool:
    return one[0] == other[0] and one[2:] == other[2:] and np.array_equal(one[1], other[1])


def _word(value: Any) -> str:
    return {True: "on", False: "off"}[value] if isinstance(value, bool) else str(value)
