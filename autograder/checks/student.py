"""`student` and `reference` as a check sees them: functions to call, whose failures are outcomes.

`student.softmax(x)` gives the value, `student.softmax.vjp(weights, x)` a gradient, `student.softmax.report(x)` all that
is known about the call. Behind them stands a `Caller`: the sandboxed session, or this process (`local_caller`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any, Protocol

from torch import Tensor

from autograder.checks.failure import BrokenCheckError, CheckFailedError, NotCheckedError
from autograder.checks.kinds import kind_of, shape_of
from autograder.checks.local import LocalCaller, local_caller
from autograder.checks.raised import failure_of_error, failure_of_no_report
from autograder.engine.calls import NO_DEVICE, Call, CallError, CallFailed, CallReport, Handle
from autograder.simgpu.gaps import gap_of

__all__ = ["Caller", "Function", "Functions", "OpenCheck", "Report", "Step", "local_caller", "reference", "student"]


class Caller(Protocol):
    """Who performs calls of a student's functions: one fork of a session, or this process."""

    def call(self, call: Call) -> CallReport:
        """Perform `call`. Raises CallFailed when no report can be had, and nothing else."""

    def close(self) -> None:
        """Nothing will be called any more."""


NOT_SEEN = "so this could not be checked, and gives no points until staff have looked at it"
DEVICE = "cuda:0"  # where `placed` calls run
OpenCheck = Callable[[], AbstractContextManager[Caller]]


@dataclass(frozen=True)
class Step:
    """One call that a check made, and what came of it: the steps of a check are its trace."""

    call: Call
    report: CallReport | None  # None: the call gave no report
    lost: str = ""  # "timeout", "died", "protocol": why there is none


@dataclass(frozen=True)
class Report:
    """A `CallReport` together with the call it answers. Its fields can be read from here: `report.value`, ..."""

    call: Call
    report: CallReport

    def __getattr__(self, name: str) -> Any:
        return getattr(self.report, name)


class Functions:
    """The functions of one side, by name, during one check. `steps` are the calls made so far."""

    def __init__(self, answer: Callable[[Call], CallReport], *, whose: Whose, seed: str, seconds: float = 10.0) -> None:
        self._answer = answer
        self._whose = whose
        self._seed = seed
        self._seconds = seconds
        self.steps: list[Step] = []

    def __getattr__(self, name: str) -> Function:
        if name.startswith("_"):
            raise AttributeError(name)
        return Function(self, name)

    def _perform(
        self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any], options: dict[str, Any], label: str = ""
    ) -> Report:
        options.setdefault("seed", _call_seed(self._seed, len(self.steps)))
        given = tuple(_handle_of(arg) for arg in args)
        call = Call(name, given, kwargs, seconds=self._seconds, **options)
        try:
            report = self._answer(call)
        except CallFailed as failed:
            self.steps.append(Step(call, None, failed.kind))
            if failed.kind == NO_DEVICE:
                raise NotCheckedError(failed.reason) from failed
            raise self._whose.no_report(failed) from failed
        self.steps.append(Step(call, report))
        for error in (report.error, report.gradient_error):
            gap = gap_of(error.type_name, error.message) if error is not None and call.device else None
            if gap is not None:
                raise self._whose.gap(gap)
        if report.error is not None:
            raise self._whose.error(report.error, label or name)
        return Report(call, report)


class Function:
    """One function of a side: call it, or ask for a gradient or a report."""

    def __init__(self, functions: Functions, name: str, target: Handle | None = None, label: str = "") -> None:
        self._functions = functions
        self._name = name
        self._target = target
        self._label = label or name  # what messages call it

    def _perform(self, args: tuple[Any, ...], kwargs: dict[str, Any], options: dict[str, Any]) -> Report:
        if self._target is not None:
            options["target"] = self._target
        return self._functions._perform(self._name, args, kwargs, options, self._label)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """What the function returns for `args`: tensors detached, in copies of their own."""
        return self._perform(args, kwargs, {}).value

    def new(self, *args: Any, placed: bool = False, **kwargs: Any) -> Module:
        """The nn.Module that the class (or function) makes; it stays where it is and can be called.

        placed: make it where there is a GPU, for calls of its methods by `placed`; it is on the CPU until it is moved.
        """
        options: dict[str, Any] = {"keep": True, "parameters": True}
        if placed:
            options |= {"device": DEVICE, "move": False}
        report = self._perform(args, kwargs, options)
        if report.parameters is None:
            raise self._functions._whose.failure(
                f"`{self._label}(...)` does not give an nn.Module", look_at=f"`class {self._label}(nn.Module):`"
            )
        return Module(self._functions, report.value, self._label, [tensor for _, tensor in report.parameters])

    def report(
        self,
        *args: Any,
        record: bool = False,
        grad_enabled: bool = True,
        default_dtype: str | None = None,
        wrt: tuple[int, ...] = (),
        cotangent: Tensor | None = None,
        seed: int | None = None,
        keep: tuple[int, ...] = (),
        parameters: bool = False,
        set_parameters: Sequence[Tensor] = (),
        kwargs: Mapping[str, Any] | None = None,
        device: str = "",
        move: bool = True,
    ) -> Report:
        """All that is known about one call: value, inputs afterwards, changed state, functions called, ...

        record: see which library functions are called. default_dtype: "float64", for the time of the call.
        wrt: positions of the arguments whose gradients of (cotangent * value).sum() are asked for.
        keep: items of the value that are handed back as they are in a later call of this check, never looked at.
        parameters: report those of the module that is called, with the gradients of (cotangent * value).sum().
        set_parameters: written into them before the call, in their order.
        kwargs: the function's own. device, move: see `placed`.
        """
        options: dict[str, Any] = {"record": record, "grad_enabled": grad_enabled, "default_dtype": default_dtype}
        options |= {"wrt": wrt, "cotangent": cotangent, "keep": keep}
        options |= {"parameters": parameters, "set_parameters": tuple(set_parameters)}
        options |= {"device": device, "move": move}
        if seed is not None:
            options["seed"] = seed
        return self._perform(args, dict(kwargs or {}), options)

    def placed(self, *args: Any, move: bool = True, **asked: Any) -> Report:
        """A report of the call where there is a GPU, with the devices of its value and all that was moved.

        move: tensors in the arguments are moved to the GPU before the call; else they arrive on the CPU. Other keywords
        are those of `report`. Values come back in copies on the CPU. The check is "not checked" where there is no GPU.
        """
        return self.report(*args, device=DEVICE, move=move, **asked)

    def vjp(self, cotangent: Tensor | None, *args: Any, wrt: int | tuple[int, ...] = (0,), **kwargs: Any) -> Any:
        """The gradient of (cotangent * value).sum() with respect to the arguments at `wrt`.

        cotangent: shape of the value; None stands for ones. One tensor for one position, else a tuple of them.
        """
        positions = (wrt,) if isinstance(wrt, int) else tuple(wrt)
        for position in positions:
            if not isinstance(args[position], Tensor) or not args[position].is_floating_point():
                raise BrokenCheckError(f"vjp: argument {position} of {self._name} is not a floating point tensor")
        asked = {"wrt": positions, "cotangent": cotangent}
        report = self._perform(args, kwargs, asked).report
        _see_that_value_has_gradient(report, cotangent, self._functions._whose)
        for position, gradient in zip(positions, report.gradients, strict=False):
            if not isinstance(gradient, Tensor):
                raise self._functions._whose.failure(
                    f"no gradient reaches argument {position + 1}: the result does not depend on it through the graph",
                    look_at="`.detach()`, `.data`, `.item()`, `torch.no_grad()`, a new tensor made of numbers",
                )
        if len(report.gradients) != len(positions):
            raise self._functions._whose.failure("no gradient came back from the result")
        return report.gradients if len(positions) > 1 else report.gradients[0]


class Module(Function):
    """An nn.Module of a side: calling it is its forward pass, its methods are functions. Made by `Function.new`."""

    def __init__(self, functions: Functions, handle: Handle, label: str, parameters: list[Tensor]) -> None:
        super().__init__(functions, "__call__", handle, f"{label}.forward")
        self._class = label
        self.parameters = parameters  # as they were when it was made; copies

    @property
    def handle(self) -> Handle:
        """What stands for it in a call."""
        assert self._target is not None
        return self._target

    def __getattr__(self, name: str) -> Function:
        if name.startswith("_"):
            raise AttributeError(name)
        return Function(self._functions, name, self.handle, f"{self._class}.{name}")


def _handle_of(arg: Any) -> Any:
    return arg.handle if isinstance(arg, Module) else arg


def _see_that_value_has_gradient(report: CallReport, cotangent: Tensor | None, whose: Whose) -> None:
    value = report.value
    if not isinstance(value, Tensor):
        raise whose.failure(f"the result is {kind_of(value)}, and only a tensor has a gradient", got=kind_of(value))
    if cotangent is not None and value.shape != cotangent.shape:
        raise whose.failure("the result has the wrong shape", expected=shape_of(cotangent), got=shape_of(value))
    if not report.requires_grad:
        raise whose.failure(
            "no gradient flows: the result is cut off from the graph",
            expected="a result that requires grad",
            got="a result that does not",
            look_at="`.detach()`, `.data`, `.item()`, `torch.no_grad()`, a new tensor made of numbers",
        )
    if report.gradient_error is not None:
        raise whose.error(report.gradient_error, "", "the backward pass of your result")


@dataclass(frozen=True)
class Whose:
    """Turns what goes wrong in a function into the right exception: a student's failure, or a fault of ours."""

    is_students: bool = field(default=True)

    def failure(self, message: str, **details: Any) -> Exception:
        """The failure that `message` says."""
        return CheckFailedError(message, **details) if self.is_students else BrokenCheckError(f"reference: {message}")

    def error(self, error: CallError, name: str, doing: str = "your function") -> Exception:
        """An exception that the function raised."""
        if self.is_students:
            return failure_of_error(error, name, doing)
        line = f" (line {error.line}: {error.source_line})" if error.line else ""
        return BrokenCheckError(f"the reference of {name or 'it'} raised {error.type_name}: {error.message}{line}")

    def gap(self, gap: str) -> Exception:
        """An exception that says what the simulated GPU lacks. A student's own function can say so too, at will."""
        return CheckFailedError(f"{gap}; {NOT_SEEN}") if self.is_students else NotCheckedError(gap)

    def no_report(self, failed: CallFailed) -> Exception:
        """A call that gave no report."""
        return failure_of_no_report(failed) if self.is_students else BrokenCheckError(f"reference: {failed.reason}")


def student(caller: Caller, seed: str, seconds: float = 10.0) -> Functions:
    """The student's functions behind `caller`. seed: of the check, hexadecimal; seconds: time limit of one call."""
    return Functions(caller.call, whose=Whose(True), seed=seed, seconds=seconds)


def reference(functions: Mapping[str, Callable[..., Any]], seed: str) -> Functions:
    """The same over functions of ours; whatever goes wrong in them is our fault."""
    return Functions(LocalCaller(functions).call, whose=Whose(False), seed=seed)


def _call_seed(seed: str, number: int) -> int:
    """The seed of torch, numpy and random before call `number` of a check: the same for both sides."""
    digest = hashlib.sha256(f"{seed}:{number}".encode()).digest()
    return int.from_bytes(digest[:7], "big")
