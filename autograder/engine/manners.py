"""Small changes to libraries in the student side, each with its reason: what would hang or fail there is put right."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from typing import Any

import torch
from torch.utils.data import DataLoader

from autograder.model import Isolation

NO_PROGRAMS = "a graded notebook cannot start programs"


def teach_manners(level: Isolation) -> None:
    """Change this process, and with it every session forked from it."""
    # A forked child of a process with several OpenMP threads hangs in its first parallel loop.
    torch.set_num_threads = _one_thread  # type: ignore[assignment]
    torch.set_num_interop_threads = _one_thread  # type: ignore[assignment]
    # Compilation needs a C++ compiler, which cannot be started; the function as written gives the same values.
    torch.compile = _as_written
    torch.nn.Module.compile = _stay_as_written  # type: ignore[method-assign]
    # torch.testing.assert_close would import 500 modules to ask whether a tensor is a distributed one. None is here.
    torch.testing._comparison._HAS_DTENSOR = False
    subprocess.Popen._execute_child = _refuse_program  # type: ignore[attr-defined]
    if level is not Isolation.A:  # no /dev/shm of its own, which worker processes send batches through
        _load_in_process()


def _one_thread(number: int) -> None:
    """torch.set_num_threads while grading: there is one core per submission."""


def _as_written(model: Callable[..., Any] | None = None, **_: Any) -> Any:
    """torch.compile while grading: the function itself."""
    return model if model is not None else _as_written


def _stay_as_written(self: torch.nn.Module, *_: Any, **__: Any) -> None:
    """Module.compile while grading."""


def _refuse_program(self: Any, args: Any, *_: Any, **__: Any) -> None:
    raise PermissionError(f"{NO_PROGRAMS}: {args!r}"[:500])


def _load_in_process() -> None:
    original = DataLoader.__init__

    def __init__(self: Any, *args: Any, **options: Any) -> None:  # noqa: N807
        if options.get("num_workers"):
            options.update(num_workers=0, timeout=0, prefetch_factor=None, persistent_workers=False)
            options.pop("multiprocessing_context", None)
        original(self, *args, **options)

    DataLoader.__init__ = __init__  # type: ignore[method-assign]
