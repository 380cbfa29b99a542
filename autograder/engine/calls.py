"""What the grader asks of the student side, and what it gets back: plain values, never a verdict.

A `Call` names a function of the student's and gives its inputs; a `CallReport` tells what came of it. The same two
values serve the sandboxed session (over the wire) and the in-process one (`perform` in `engine/perform.py`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from torch import Tensor

from autograder.simgpu.transfers import LineTransfers

NO_DEVICE = "no device"  # the kind of a CallFailed: there is no GPU here, not even a simulated one


@dataclass(frozen=True)
class AsGenerator:
    """An argument that reaches the student's function as a one-pass generator over `items`."""

    items: tuple[Any, ...]


@dataclass(frozen=True)
class Handle:
    """A value that cannot cross the wire and stays on the student side: an object, a module, a function."""

    number: int
    type_name: str


@dataclass(frozen=True, eq=False)
class Kept:
    """On the student side: a value that is never copied or looked at, so that only its `Handle` crosses the wire."""

    value: Any


@dataclass(frozen=True)
class Call:
    """One call of a student's function.

    `args` and `kwargs` hold tensors (with their strides, requires_grad and grad), Python scalars, strings, None,
    lists, tuples, dicts, `AsGenerator` and `Handle`. The callee gets private copies.
    """

    name: str  # of the exercise, or of an attribute of `target`
    args: tuple[Any, ...] = ()
    kwargs: dict[str, Any] = field(default_factory=dict)
    target: Handle | None = None
    wrt: tuple[int, ...] = ()  # positions in `args` whose gradient is asked for
    cotangent: Tensor | None = None  # of the value; None stands for ones
    grad_enabled: bool = True
    default_dtype: str | None = None  # "float64": torch.set_default_dtype for the time of the call
    seed: int | None = None  # torch, numpy and random are seeded with it just before the call
    record: bool = False  # report which library functions were called
    seconds: float = 10.0  # time limit; the grader keeps its own, a little later
    keep: tuple[int, ...] | bool = ()  # items of a list or tuple value that stay behind as they are; True: all of it
    parameters: bool = False  # report the parameters of the module that is called, or that is the value
    set_parameters: tuple[Tensor, ...] = ()  # written into the parameters of the target before the call, in their order
    device: str = ""  # "cuda:0": the call runs where there is a GPU, and what it moves is traced
    move: bool = True  # with `device`: tensors in `args` and `kwargs` are moved there before the call


@dataclass(frozen=True)
class CallError:
    """An exception of the student's code. `line` is a line of `source_line`'s cell, 1-based, where it is known."""

    type_name: str
    message: str
    cell: int | None = None
    line: int | None = None
    source_line: str = ""


@dataclass(frozen=True)
class CallReport:
    """What one call came to. Every field is a claim of the student side."""

    value: Any = None
    requires_grad: bool = False  # of a tensor value
    error: CallError | None = None
    gradients: tuple[Tensor | None, ...] = ()  # in the order of `wrt`
    gradient_error: CallError | None = None  # the backward pass raised
    inputs: tuple[Any, ...] = ()  # `args` after the call, same structure (AsGenerator as a tuple); tensors carry .grad
    same_tensors: bool = True  # every input tensor still occupies the storage it came with
    aliases: tuple[int, ...] = ()  # positions in `args` whose storage the value shares
    state_changes: tuple[str, ...] = ()  # "gradient mode: on -> off", "default dtype: ...", "random state of torch"
    functions: frozenset[str] = frozenset()  # with `record`: "torch.nn.functional.softmax", "aten::_softmax", ...
    parameters: tuple[tuple[str, Tensor], ...] | None = None  # with names and .grad; None: no nn.Module, or not asked
    devices: tuple[str, ...] = ()  # with `device`: where each tensor in the value was; its copy here is on the CPU
    transfers: tuple[LineTransfers, ...] = ()  # with `device`: what lines of the student's moved, by line
    printed: str = ""
    warnings: tuple[str, ...] = ()
    seconds: float = 0.0


class CallFailed(Exception):  # noqa: N818 (an outcome, not an error of ours)
    """The student side gave no report: it hung, died, or broke the protocol. `reason` is a sentence for the student."""

    def __init__(self, reason: str, kind: str) -> None:
        super().__init__(reason)
        self.reason = reason
        self.kind = kind  # "timeout" | "died" | "protocol" | NO_DEVICE
