"""Which library functions a call used: for rules such as "not a ready-made softmax".

Three nets, since each has holes: a profile hook sees calls from Python code, a torch function mode sees torch's API
however it is reached (`map(torch.softmax, ...)`), a dispatch mode sees the operations themselves ("aten::_softmax",
through TorchScript and `torch.ops` too). Functions that the student wrote are never reported.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from contextlib import ExitStack, suppress
from functools import cache
from inspect import CO_OPTIMIZED
from types import FrameType, TracebackType
from typing import Any, Self

import torch
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

MAX_FUNCTIONS = 4096
AUTOGRAD = "autograd"  # reported when the autograd engine, or forward-mode differentiation, was used
_TRANSFORMS = frozenset(
    """grad grad_and_value grad_impl grad_and_value_impl vjp _vjp_with_argnums jvp _jvp_with_argnums jacrev jacfwd
    jacobian hessian linearize vhp hvp make_dual enter_dual_level""".split()  # noqa: SIM905
)
_TRANSFORM_MODULES = (
    "torch._functorch.eager_transforms",
    "torch._functorch.apis",
    "torch.autograd.forward_ad",
    "torch.autograd.functional",
)


class Recorder:
    """Records the library functions called while it is open, by qualified name, into `functions`.

    Names look like "torch.softmax", "torch.nn.functional.softmax", "Tensor.softmax", "aten::_softmax",
    "scipy.special._logsumexp.softmax"; `AUTOGRAD` stands for any use of automatic differentiation.
    """

    def __init__(self, is_students: Callable[[FrameType], bool]) -> None:
        self.functions: set[str] = set()
        self._is_students = is_students
        self._modes = ExitStack()
        self._profile: Any = None

    def __enter__(self) -> Self:
        _import_all_that_modes_need()
        self._profile = sys.getprofile()
        self._modes.enter_context(_ApiMode(self))
        self._modes.enter_context(_OperationMode(self))
        threading.setprofile(self._on_event)
        sys.setprofile(self._on_event)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if sys.getprofile() != self._on_event:
            self.functions.add("sys.setprofile")
        sys.setprofile(self._profile)
        threading.setprofile(None)
        with suppress(Exception):  # a student may have left modes of his own on torch's stack
            self._modes.close()

    def add(self, name: str) -> None:
        """Record one name, as long as there is room."""
        if len(self.functions) < MAX_FUNCTIONS and not name.startswith(_MACHINERY):
            self.functions.add(name[:200])

    def add_function(self, function: Any) -> None:
        """Record a function of torch's API that is not a student's."""
        module = getattr(function, "__module__", None)
        qualname = getattr(function, "__qualname__", None)
        if not isinstance(qualname, str) or qualname.endswith("__get__"):
            return
        self.add(_full_name(module, qualname))
        if qualname in ("_make_dual", "_unpack_dual"):
            self.add(AUTOGRAD)

    def _on_event(self, frame: FrameType, event: str, argument: Any) -> None:
        try:
            if event == "c_call":
                self._on_builtin(frame, argument)
            elif event == "call":
                self._on_python(frame)
        except Exception:  # an odd object of the student's must not stop the student's code
            pass

    def _on_builtin(self, frame: FrameType, function: Any) -> None:
        if frame.f_globals is globals():
            return
        qualname = str(function.__qualname__)
        module = function.__module__
        if qualname.endswith(".run_backward"):
            self.add(AUTOGRAD)
        if function in _EVASIONS:
            self.functions.add(f"sys.{qualname}")
        if module is None:  # a method of a built-in type: of interest when it is a library's
            owner = type(function.__self__)
            if issubclass(owner, torch.Tensor):
                self.add("Tensor." + qualname.rpartition(".")[2])
            elif owner.__module__ not in ("builtins", "__main__"):
                self.add(f"{owner.__module__}.{qualname}")
        elif module != "builtins":
            self.add(_full_name(module, qualname))

    def _on_python(self, frame: FrameType) -> None:
        module = frame.f_globals.get("__name__")
        if not isinstance(module, str) or module in _OWN or self._is_students(frame):
            return
        if not frame.f_code.co_flags & CO_OPTIMIZED:  # the body of a module or class: it runs when it is imported
            return
        qualname = frame.f_code.co_qualname
        if module in _TRANSFORM_MODULES and qualname.partition(".")[0] in _TRANSFORMS:
            self.add(AUTOGRAD)
        self.add(_full_name(module, qualname))


_EVASIONS = (sys.setprofile, sys.getprofile)  # a function that asks whether it is watched
_OWN = (__name__, "torch.overrides", "autograder.engine.perform")
_MACHINERY = (  # what torch does on its own around each operation
    "torch._C.pybind11",
    "torch._C._dynamo",
    "importlib.",
    "torch._compile.",
    "torch._dynamo.",
    "torch._library.",
    "torch._ops.",
    "torch.compiler.",
    "torch.ops.aten._",
    "torch.utils._python_dispatch.",
    "sys.",
    "threading.",
    "torch._logging.",
)


def _full_name(module: str | None, qualname: str) -> str:
    """One spelling for each function: "torch.softmax", "Tensor.softmax", "torch.ops.aten.softmax"."""
    owner, _, name = qualname.rpartition(".")
    if owner == "_VariableFunctionsClass":
        return f"torch.{name}"
    if owner in ("TensorBase", "Tensor") and module in (None, "torch._tensor", "torch._C"):
        return f"Tensor.{name}"
    if module is not None and module.startswith("torch._ops."):
        return f"torch.ops.{module.removeprefix('torch._ops.')}.{name}"
    return f"{module}.{qualname}" if module else qualname


@cache
def _import_all_that_modes_need() -> None:
    """torch imports hundreds of modules when a mode sees its first operation: not while we watch."""
    nobody = Recorder(lambda frame: False)
    with _ApiMode(nobody), _OperationMode(nobody):
        torch.ones(2).softmax(0)


class _ApiMode(TorchFunctionMode):
    """Sees each call of torch's Python API."""

    def __init__(self, recorder: Recorder) -> None:
        super().__init__()
        self._recorder = recorder

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self._recorder.add_function(func)
        return func(*args, **(kwargs or {}))


class _OperationMode(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Sees each operation that torch runs."""

    def __init__(self, recorder: Recorder) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._recorder = recorder

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self._recorder.add(func._schema.name)
        return func(*args, **(kwargs or {}))
