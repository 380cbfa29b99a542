"""torch without its compiler, where nothing is ever compiled: 800 modules fewer, and forks that cost a quarter less.

torch marks functions that its compiler must leave alone; the first call of one imports the compiler (torch._dynamo,
sympy, a second and a half, 70 MB) only to say so. The optimizers' steps and dispatch modes do.
"""

from __future__ import annotations

import gc
import importlib
import sys
from collections.abc import Callable
from contextlib import nullcontext
from types import FunctionType, ModuleType, SimpleNamespace
from typing import Any

import torch
import torch._compile

COMPILER = "torch._dynamo"


def leave_out_compiler() -> None:
    """From now on, marked functions run as they are, and torch._dynamo is imported when something of it is used."""
    marked = torch._compile._disable_dynamo(lambda: None).__code__
    for function in gc.get_objects():
        if type(function) is FunctionType and function.__code__ is marked:
            plain = function.__wrapped__  # type: ignore[attr-defined]
            plain.__dynamo_disable = plain  # where torch keeps what it made of the function
    torch._compile._disable_dynamo = _as_it_is  # type: ignore[assignment]
    torch._disable_dynamo = _as_it_is  # type: ignore[attr-defined, assignment]
    if COMPILER not in sys.modules:
        sys.modules[COMPILER] = torch._dynamo = _Later(COMPILER)


def _as_it_is(function: Callable[..., Any] | None = None, recursive: bool = True) -> Any:
    """In place of torch._disable_dynamo, as a decorator with or without arguments."""
    return function if function is not None else _as_it_is


class _Later(ModuleType):
    """Stands for torch._dynamo until something is wanted of it that matters where nothing is compiled."""

    compiled_autograd = SimpleNamespace(_disable=nullcontext)  # entered by torch.func.grad and its like

    @staticmethod
    def graph_break(msg: str = "") -> None:
        """Called by optimizers at each step; it does nothing outside of compiled code."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") and name != "__path__":  # __path__ is asked for when a submodule is imported
            raise AttributeError(name)
        if sys.modules.get(COMPILER) is self:
            del sys.modules[COMPILER]
        return getattr(importlib.import_module(COMPILER), name)
