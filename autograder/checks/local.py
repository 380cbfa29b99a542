"""Functions of our own in the student's place, in this process: for `grader verify`, for explanations, for authors.

Everything a check sees is as in a sandboxed session: values are copies, objects are handles, and what one check leaves
behind in a module is gone at the next.
"""

from __future__ import annotations

import copy
import signal
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from types import FrameType, FunctionType
from typing import Any

import numpy as np
import torch
from torch import Tensor

from autograder.engine import placement
from autograder.engine.arguments import Named, Net, Opaque
from autograder.engine.calls import NO_DEVICE, AsGenerator, Call, CallError, CallFailed, CallReport, Handle, Kept
from autograder.engine.perform import CallTimeout, perform
from autograder.engine.values import Writer
from autograder.errors import DeviceError

_CROSS = (bool, int, float, str, Tensor, np.ndarray, Handle, Net, Opaque, torch.device)  # as the wire takes them


class LocalCaller:
    """A `Caller` over functions of this process."""

    def __init__(self, functions: Mapping[str, Callable[..., Any]], seconds: float | None = None) -> None:
        self._functions = functions
        self._seconds = seconds
        self._objects: list[Any] = []

    def call(self, call: Call) -> CallReport:
        """Perform `call` here. Raises CallFailed when it takes longer than its time limit."""
        owner = None if call.target is None else self._objects[call.target.number]
        owner = owner.value if isinstance(owner, Kept) else owner
        try:
            function = self._functions[call.name] if call.target is None else getattr(owner, call.name)
        except KeyError:
            return CallReport(error=CallError("NameError", f"`{call.name}` is not defined in your notebook"))
        except AttributeError as error:
            return CallReport(error=CallError("AttributeError", str(error)[:1000]))
        args = self._with_objects(call.args)
        resolved = Call(**{**vars(call), "args": args, "kwargs": self._with_objects(call.kwargs)})
        seconds = call.seconds if self._seconds is None else min(call.seconds, self._seconds)
        try:
            if call.device:
                placement.enter()
            hidden = placement.hidden() if placement.is_here() and not call.device else nullcontext()
            with hidden, _alarm_after(seconds):
                report = perform(resolved, function, owner=owner)
        except DeviceError as error:
            raise CallFailed(str(error), NO_DEVICE) from None
        except CallTimeout:
            raise CallFailed(f"your function ran longer than {seconds:g} seconds", "timeout") from None
        fields = {
            **vars(report),
            "value": self._with_handles(report.value),
            "inputs": self._with_handles(report.inputs),
        }
        return CallReport(**fields)

    def close(self) -> None:
        """Forget the objects behind handles."""
        self._objects.clear()

    def _with_handles(self, value: Any) -> Any:
        """The value as it would cross the wire."""
        kind = type(value)
        if value is None or kind in _CROSS or isinstance(value, np.generic):
            return value
        if kind is Named:
            return Named(value.type_name, value.fields, self._with_handles(value.items))
        if kind in (list, tuple):
            return kind(self._with_handles(item) for item in value)
        if kind is dict:
            return {self._with_handles(key): self._with_handles(item) for key, item in value.items()}
        self._objects.append(value)
        return Handle(len(self._objects) - 1, kind.__name__)

    def _with_objects(self, value: Any) -> Any:
        kind = type(value)
        if kind is Handle:
            return self._objects[value.number]
        if kind in (list, tuple):
            return kind(self._with_objects(item) for item in value)
        if kind is dict:
            return {key: self._with_objects(item) for key, item in value.items()}
        if kind is AsGenerator:
            return AsGenerator(self._with_objects(value.items))
        if value is not None and kind not in _CROSS:
            Writer().tree(value)  # a TypeError where the wire would refuse it
        return value


def local_caller(
    functions: Mapping[str, Callable[..., Any]], seconds: float | None = None
) -> Callable[[], AbstractContextManager[LocalCaller]]:
    """What `Suite.grade` takes as `open_check`, for functions of this process, by the names of their exercises.

    seconds: the most that one call may take, where that is less than the call's own limit (main thread only).
    """

    @contextmanager
    def open_check() -> Iterator[LocalCaller]:
        caller = LocalCaller(functions, seconds)
        remembered = [_Remembered(function) for function in functions.values() if type(function) is FunctionType]
        try:
            yield caller
        finally:
            caller.close()
            for state in remembered:
                state.restore()

    return open_check


class _Remembered:
    """What a function could leave behind for its next call: its module's names, its defaults, its attributes."""

    def __init__(self, function: FunctionType) -> None:
        self._function = function
        self._names = dict(function.__globals__)
        self._contents = {
            name: copy.deepcopy(value)
            for name, value in self._names.items()
            if type(value) in (list, dict, set) and not name.startswith("__")
        }
        self._defaults = copy.deepcopy(function.__defaults__)
        self._attributes = dict(vars(function))

    def restore(self) -> None:
        namespace = self._function.__globals__
        for name in namespace.keys() - self._names.keys():
            del namespace[name]
        namespace.update(self._names)
        for name, content in self._contents.items():
            held: Any = self._names[name]
            held.clear()
            held.extend(content) if isinstance(held, list) else held.update(content)
        self._function.__defaults__ = self._defaults
        vars(self._function).clear()
        vars(self._function).update(self._attributes)


@contextmanager
def _alarm_after(seconds: float) -> Iterator[None]:
    """Raise CallTimeout in the body after `seconds`, and again each second, since a body may swallow it."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def ring(number: int, frame: FrameType | None) -> None:
        raise CallTimeout

    import torch._dynamo  # noqa: F401 - an optimizer does at its first step; stopped halfway, it is broken for good

    handler = signal.signal(signal.SIGALRM, ring)
    waiting, interval = signal.setitimer(signal.ITIMER_REAL, seconds, 1.0)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, waiting, interval)
        signal.signal(signal.SIGALRM, handler)
