"""One call of a function that a student wrote, watched from the inside.

This runs on the student side, and in the grader's own process for references and mistakes. It imports torch, numpy and
its neighbours in `engine/`, nothing of the grader's. Whatever the function does ends as a `CallReport`.
"""

from __future__ import annotations

import io
import linecache
import sys
import time
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import FrameType, FunctionType, MethodType
from typing import Any

import torch
from torch import Tensor

from autograder.engine import placement
from autograder.engine.arguments import BuiltNet
from autograder.engine.calls import AsGenerator, Call, CallError, CallReport, Kept
from autograder.engine.copies import attribute_of, copy_arguments, memory_of, picture, storage_of, tensors_in
from autograder.engine.recorder import Recorder
from autograder.engine.surroundings import Surroundings, seed_everything
from autograder.simgpu.trace import TransferTrace

__all__ = ["CallTimeout", "copy_arguments", "perform", "warm_up"]

MAX_TEXT = 64 * 1024  # characters of printed text
MAX_MESSAGE = 2_000
MAX_WARNINGS = 20


class CallTimeout(BaseException):
    """Raised into the function by an alarm of the caller's, to end it. The one exception that `perform` lets out."""


def perform(
    call: Call, function: Callable[..., Any], cells: Mapping[str, int] | None = None, owner: Any = None
) -> CallReport:
    """Call `function` as `call` says, on private copies, and report what came of it.

    `call.args` and `call.kwargs` hold no `Handle` any more. `cells` maps the file names that compiled notebook cells
    bear to the index of the cell; besides them, the file that `function` stands in counts as student code.
    `owner` is the object that `call.target` stood for: `function` is one of its attributes.
    A tensor argument of `call.wrt` reaches the function as the output of an operation (not a leaf), as logits do in
    training: the function may change it in place, which the report then shows, and gradients are still right.
    Global state is what it was before, whatever the function did to it.

    Raises CallTimeout only, and ValueError when `call` itself makes no sense; DeviceError when it asks for a device
    that cannot be had.
    """
    if call.device:
        placement.enter()
    origin = _Origin.of(function, cells or {})
    if not call.record:
        return _perform(call, function, owner, origin, None)
    recorder = Recorder(origin.is_students)
    report = _perform(call, function, owner, origin, recorder)
    if report.error is not None:  # was it the recording that broke it? Then the bare call counts
        bare = _perform(call, function, owner, origin, None)
        if bare.error is None:
            report = bare
    return replace(report, functions=frozenset(recorder.functions))


def warm_up() -> None:
    """Import now what torch imports at the first call: a zygote does this once, for all its children."""
    logits = torch.zeros(2, 3)
    call = Call("exp", (logits,), wrt=(0,), cotangent=torch.ones(2, 3), seed=0)
    perform(call, torch.exp)
    perform(replace(call, record=True), lambda x: torch.softmax(x, 1))


def _perform(
    call: Call, function: Callable[..., Any], owner: Any, origin: _Origin, recorder: Recorder | None
) -> CallReport:
    outer = Surroundings.read()
    printed = _Printed()
    streams = sys.stdout, sys.stderr
    recursion_limit = sys.getrecursionlimit()
    now = None
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            sys.stdout = sys.stderr = printed
            report, now = _watched(call, function, owner, origin, recorder)
        finally:
            sys.stdout, sys.stderr = streams
            sys.setrecursionlimit(recursion_limit)
            outer.restore(now)
        texts = tuple(_text_of(warning.message, 500) for warning in caught[:MAX_WARNINGS])
    return replace(report, printed=printed.text(), warnings=texts)


def _watched(
    call: Call, function: Callable[..., Any], owner: Any, origin: _Origin, recorder: Recorder | None
) -> tuple[CallReport, Surroundings | None]:
    """The report, and the surroundings as they are now where that is known."""
    torch.set_grad_enabled(call.grad_enabled)
    if call.default_dtype is not None:
        torch.set_default_dtype(getattr(torch, call.default_dtype))
    held, kwargs, leaves = _arguments(call)
    trace = TransferTrace(origin.is_students_file) if call.device else None
    places = [(path, tensor, storage_of(tensor)) for path, tensor in tensors_in(held)]
    memories = [[memory_of(tensor) for _, tensor in tensors_in(arg)] for arg in held]
    passed = tuple(_as_passed(arg) for arg in held)
    keywords = {name: _as_passed(arg) for name, arg in kwargs.items()}
    if call.seed is not None:
        seed_everything(call.seed)
    before = Surroundings.read()
    value, error = None, None
    start = time.perf_counter()
    try:
        if call.set_parameters:
            _set_parameters(owner, call.set_parameters)
        with recorder or placement.tracing(trace):
            value = function(*passed, **keywords)
    except CallTimeout:
        raise
    except BaseException as raised:  # whatever a student raises is an outcome
        error = origin.error_of(raised)
    seconds = time.perf_counter() - start
    after = Surroundings.read()
    changes = before.changes_to(after)
    if changes:
        before.restore(after)
    try:
        report = CallReport(
            value=picture(_kept(value, call.keep)),
            requires_grad=_requires_grad(value),
            error=error,
            inputs=_inputs_after(held, call),
            same_tensors=_same(places, held),
            aliases=_aliases(value, memories),
            state_changes=changes,
            devices=placement.devices_of(_kept(value, call.keep)) if call.device else (),
            seconds=seconds,
        )
    except CallTimeout:
        raise
    except BaseException as raised:  # a value that cannot be looked at: too large, or one that resists
        return CallReport(error=error or origin.error_of(raised), state_changes=changes, seconds=seconds), None
    named: list[tuple[str, Tensor]] | None = None
    try:
        if error is None and call.parameters:
            named = _parameters_of(owner if isinstance(owner, torch.nn.Module) else value)
    except CallTimeout:
        raise
    except (
        BaseException
    ) as raised:  # `super().__init__()` was never called, lazy layers, or an error of a student's own
        return replace(report, error=origin.error_of(raised)), None
    trained = [tensor for _, tensor in named or () if tensor.requires_grad]
    gradients: tuple[Tensor | None, ...] = ()
    if error is None and (leaves or trained) and value is not None and report.requires_grad:
        raw, gradient_error = _gradients(value, [*leaves, *trained], call.cotangent, origin, trace)
        gradients = tuple(picture(gradient) for gradient in raw)
        seconds, asked = time.perf_counter() - start, gradients[: len(leaves)]
        report = replace(report, gradients=asked, gradient_error=gradient_error, seconds=seconds)
    if named is not None:
        reached = dict(zip(map(id, trained), gradients[len(leaves) :], strict=False))
        copies = tuple((name, _parameter(tensor, reached.get(id(tensor)))) for name, tensor in named)
        report = replace(report, parameters=copies)
    if trace is not None:
        report = replace(report, transfers=trace.by_line())
    return report, before if not gradients else None


def _parameters_of(module: Any) -> list[tuple[str, Tensor]] | None:
    """The parameters of a module with their names, None of anything else. Raises whatever the module raises."""
    if not isinstance(module, torch.nn.Module):
        return None
    named: list[tuple[str, Tensor]] = [(str(name), tensor) for name, tensor in module.named_parameters()]
    for _, tensor in named:
        tensor.shape  # noqa: B018 - parameters of a lazy layer have no shape yet, and say so
    return named


def _kept(value: Any, keep: tuple[int, ...] | bool) -> Any:
    """The value with what is to stay behind wrapped."""
    if isinstance(keep, bool):
        return Kept(value) if keep else value
    if not keep or not issubclass(type(value), list | tuple):
        return value
    iterate = list.__iter__ if issubclass(type(value), list) else tuple.__iter__
    items = [Kept(item) if position in keep else item for position, item in enumerate(iterate(value))]
    return items if issubclass(type(value), list) else tuple(items)


def _set_parameters(owner: Any, values: tuple[Tensor, ...]) -> None:
    """Write `values` into the parameters of a module, in their order."""
    parameters = list(owner.parameters())
    if [p.shape for p in parameters] != [value.shape for value in values]:
        raise ValueError("its parameters are not the ones that it was made with")
    with torch.no_grad():
        for parameter, value in zip(parameters, values, strict=True):
            parameter.copy_(value)


def _parameter(tensor: Tensor, gradient: Tensor | None) -> Tensor:
    """A copy of a parameter that carries the gradient of this call."""
    copied: Tensor = picture(tensor)
    copied.grad = None if gradient is None else gradient.to(copied.dtype)
    return copied.requires_grad_(bool(attribute_of(tensor, "requires_grad")))


class _Enter(torch.autograd.Function):
    """From a leaf to the tensor that the function gets: same values and strides, and not a leaf."""

    @staticmethod
    def forward(ctx: Any, leaf: Tensor, copied: Tensor) -> Tensor:
        empty = torch.empty(0, dtype=copied.dtype, device=copied.device)
        return empty.set_(copied.untyped_storage(), copied.storage_offset(), copied.size(), copied.stride())

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Any:
        return gradients[0], None


def _arguments(call: Call) -> tuple[tuple[Any, ...], dict[str, Any], list[Tensor]]:
    """Private copies of the arguments, and the leaves behind those of `wrt`, in its order."""
    copied, kwargs = copy_arguments(call.args, call.kwargs)
    if call.device and call.move:
        known: dict[int, Any] = {}
        copied = tuple(placement.moved(arg, call.device, known) for arg in copied)
        kwargs = {name: placement.moved(arg, call.device, known) for name, arg in kwargs.items()}
    entered: dict[int, tuple[Tensor, Tensor]] = {}  # one tensor given twice stays one
    leaves = []
    for position in call.wrt:
        tensor = copied[position]
        if not isinstance(tensor, Tensor) or not (tensor.is_floating_point() or tensor.is_complex()):
            raise ValueError(f"argument {position} is not a floating point tensor: it has no gradient")
        if id(tensor) not in entered:
            plain = tensor.detach()
            leaf = tensor.detach().requires_grad_()
            with torch.enable_grad():
                entered[id(tensor)] = (leaf, _Enter.apply(leaf, plain))  # type: ignore[no-untyped-call]
        leaves.append(entered[id(tensor)][0])
    held = [entered[id(arg)][1] if id(arg) in entered else arg for arg in copied]
    return tuple(held), kwargs, leaves


def _as_passed(arg: Any) -> Any:
    if isinstance(arg, AsGenerator):
        return (item for item in arg.items)
    if isinstance(arg, BuiltNet):
        return arg.module
    return arg.value if isinstance(arg, Kept) else arg


def _inputs_after(held: tuple[Any, ...], call: Call) -> tuple[Any, ...]:
    after = []
    for position, (arg, given) in enumerate(zip(held, call.args, strict=True)):
        seen = picture(arg.items if isinstance(arg, AsGenerator) else arg, with_grad=True)
        if position in call.wrt and isinstance(seen, Tensor):
            seen = seen.detach().requires_grad_(given.requires_grad)
        after.append(seen)
    return tuple(after)


def _same(places: list[tuple[tuple[Any, ...], Tensor, torch.UntypedStorage | None]], held: tuple[Any, ...]) -> bool:
    """True when each tensor is where it was, the same object, in the same storage."""
    now = dict(tensors_in(held))
    for path, tensor, storage in places:
        if now.get(path) is not tensor:
            return False
        after = storage_of(tensor)
        if (storage is None) != (after is None):
            return False
        if storage is not None and after is not None and storage._cdata != after._cdata:
            return False
    return True


def _aliases(value: Any, memories: list[list[tuple[int, int]]]) -> tuple[int, ...]:
    """Positions of the arguments that share memory with the value."""
    parts = [memory_of(tensor) for _, tensor in tensors_in(value)] or [memory_of(value)]
    return tuple(
        position
        for position, spans in enumerate(memories)
        if any(start < last and first < end for start, end in spans for first, last in parts)
    )


def _requires_grad(value: Any) -> bool:
    return issubclass(type(value), Tensor) and bool(attribute_of(value, "requires_grad"))


def _gradients(
    value: Tensor, leaves: list[Tensor], cotangent: Tensor | None, origin: _Origin, trace: TransferTrace | None
) -> tuple[tuple[Tensor | None, ...], CallError | None]:
    """The gradient of (cotangent * value).sum() for each leaf; none when the shapes do not fit."""
    with torch._C.DisableTorchFunctionSubclass():
        if cotangent is None:
            weights = torch.ones_like(value.detach())
        elif cotangent.shape != value.shape:
            return (), None
        else:
            weights = cotangent.detach().to(dtype=value.dtype, device=value.device, copy=True)
        try:
            with placement.tracing(trace):
                return torch.autograd.grad(value, leaves, weights, allow_unused=True), None
        except CallTimeout:
            raise
        except BaseException as raised:  # a student's own backward may raise anything
            return (), origin.error_of(raised)


@dataclass(frozen=True)
class _Origin:
    """Where student code stands: the files of notebook cells, the function's own file and namespace."""

    cells: Mapping[str, int]
    file: str
    namespace: dict[str, Any] | None

    @classmethod
    def of(cls, function: Any, cells: Mapping[str, int]) -> _Origin:
        if type(function) is MethodType:
            function = function.__func__
        if type(function) is FunctionType:
            return cls(cells, function.__code__.co_filename, function.__globals__)
        return cls(cells, "", None)

    def is_students(self, frame: FrameType) -> bool:
        """True for a frame of code that the student wrote."""
        return self.is_students_file(frame.f_code.co_filename) or frame.f_globals is self.namespace

    def is_students_file(self, file: str) -> bool:
        return file == self.file or file in self.cells or file.startswith("<ipython-input")

    def error_of(self, error: BaseException) -> CallError:
        """The exception in plain words: type, message, and the innermost line that the student wrote."""
        file, line = "", None
        step = error.__traceback__
        while step is not None:
            if self.is_students_file(step.tb_frame.f_code.co_filename):
                file, line = step.tb_frame.f_code.co_filename, step.tb_lineno
            step = step.tb_next
        return CallError(
            type_name=_plain(type.__dict__["__name__"].__get__(type(error)), 100),
            message=_text_of(error, MAX_MESSAGE),
            cell=self.cells.get(file),
            line=line,
            source_line=_plain(linecache.getline(file, line).strip(), 200) if line is not None else "",
        )


def _text_of(thing: Any, limit: int) -> str:
    """str(thing), cut, even where its __str__ is a student's and raises."""
    try:
        return _plain(str(thing), limit)
    except CallTimeout:
        raise
    except BaseException:  # the student's __str__
        return "(its text cannot be shown)"


def _plain(text: str, limit: int) -> str:
    """Exactly a str, no longer than `limit`, that any encoder takes."""
    exact = str.__getitem__(text, slice(0, limit))
    return exact.encode("utf-8", "replace").decode("utf-8")


class _Printed(io.StringIO):
    """Standard output during a call: keeps the first MAX_TEXT characters."""

    def write(self, text: str) -> int:
        room = MAX_TEXT - self.tell()
        if room > 0:
            super().write(text[:room])
        return len(text)

    def text(self) -> str:
        """What was printed."""
        try:
            return _plain(self.getvalue(), MAX_TEXT)
        except ValueError:  # the student closed it
            return ""
