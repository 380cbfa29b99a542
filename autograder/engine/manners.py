"""Small changes to libraries in the student side, each with its reason: what would hang or fail there is put right."""

from __future__ import annotations

import os
import socket
import subprocess
import warnings
from collections.abc import Callable
from typing import Any

import torch
from torch.utils.data import DataLoader

from autograder.model import Isolation

NO_PROGRAMS = "a graded notebook cannot start programs"
NO_NETWORK = "a graded notebook has no network"
NOT_COMPILED = "torch.compile does nothing while the notebook is graded: the function runs as it is written"


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
    os.system = _refuse_program
    socket.getaddrinfo = _refuse_network
    if level is not Isolation.A:  # no /dev/shm of its own, which worker processes send batches through
        load_in_process()


def _one_thread(number: int) -> None:
    """torch.set_num_threads while grading: there is one core per submission."""


def _as_written(model: Callable[..., Any] | None = None, **_: Any) -> Any:
    """torch.compile while grading: the function itself."""
    warnings.warn(NOT_COMPILED, stacklevel=2)
    return model if model is not None else lambda given: given


def _stay_as_written(self: torch.nn.Module, *_: Any, **__: Any) -> None:
    """Module.compile while grading."""


def _refuse_program(*args: Any, **_: Any) -> Any:
    raise PermissionError(f"{NO_PROGRAMS}: {args[min(1, len(args) - 1)]!r}"[:500])


def _refuse_network(*_: Any, **__: Any) -> Any:
    raise socket.gaierror(socket.EAI_FAIL, NO_NETWORK)


def load_in_process() -> None:
    """From now on every DataLoader reads its batches in this process, with however many workers it was made."""
    original = DataLoader.__iter__
    if original.__module__ == __name__:
        return

    def __iter__(self: Any) -> Any:  # noqa: N807
        vars(self).update(num_workers=0, timeout=0, _iterator=None)
        return original(self)

    DataLoader.__iter__ = __iter__  # type: ignore[method-assign]
