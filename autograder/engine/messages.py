"""What the two sides say to each other, as typed values. Replies come from student code: every field has its bound.

A request carries an `id`, its reply bears the same one. `Any` stands for trees of `values.py`, which `Reader` checks.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct
from torch import Tensor

from autograder.engine.calls import Call, CallError, CallReport
from autograder.engine.values import Reader, WireError, Writer
from autograder.simgpu.transfers import LineTransfers

Id = Annotated[int, Meta(ge=0, lt=2**62)]
Seconds = Annotated[float, Meta(ge=0, le=1e9)]
Short = Annotated[str, Meta(max_length=1_000)]
Text = Annotated[str, Meta(max_length=100_000)]
Long = Annotated[str, Meta(max_length=16 * 1024**2)]
MAX_TRANSFERS = 1_000
Lengths = Annotated[list[Annotated[int, Meta(ge=0, le=2**40)]], Meta(max_length=100_000)]


class Prepare(Struct, tag="prepare", array_like=True, frozen=True):
    """First of all: files for the working folder, what will be graded, the released stubs, the cap on printed text."""

    id: int
    files: dict[str, bytes]
    exercises: list[str]
    stubs: dict[str, str]
    output: int  # characters of stream text per cell


class RunCell(Struct, tag="cell", array_like=True, frozen=True):
    """Run one code cell; after `seconds` an exception ends it."""

    id: int
    index: int
    source: str
    seconds: float


class Park(Struct, tag="park", array_like=True, frozen=True):
    """Go on in a copy; stay behind as a checkpoint that serves on the socket which comes with this message."""

    id: int


class Resume(Struct, tag="resume", array_like=True, frozen=True):
    """To a checkpoint: end the copy that went on, and be the notebook again."""

    id: int


class Settle(Struct, tag="settle", array_like=True, frozen=True):
    """The cells are done: put the objects to be graded in their places, and say which cell defined each."""

    id: int


class Unshare(Struct, tag="unshare", array_like=True, frozen=True):
    """Make these areas of memory, from where to where, private: a fork must not write into what others read."""

    id: int
    areas: list[tuple[int, int]]


class OpenCheck(Struct, tag="open", array_like=True, frozen=True):
    """Fork the notebook for one check, which serves on the socket that comes with this message. No reply."""

    number: int


class ServeCheck(Struct, tag="serve", array_like=True, frozen=True):
    """Serve one check in the notebook's own process, which has the GPU, on the socket that comes with this message."""

    id: int


class EndCheck(Struct, tag="end", array_like=True, frozen=True):
    """End the fork of a check and say how it ended."""

    id: int
    number: int


class Perform(Struct, tag="perform", array_like=True, frozen=True):
    """To the fork of a check: one call of a student's function. `call` is the tree of `call_tree`."""

    id: int
    seconds: float
    lengths: list[int]
    call: Any


Request = Prepare | RunCell | Park | Resume | Settle | Unshare | OpenCheck | ServeCheck | EndCheck | Perform


class Stream(Struct, tag_field="output_type", tag="stream"):
    """Text that was printed."""

    name: Literal["stdout", "stderr"]
    text: Long


class Bundle(Struct, tag_field="output_type", tag="display_data"):
    """Something shown: the same in several formats."""

    data: Annotated[dict[Short, Long], Meta(max_length=50)]


class Result(Struct, tag_field="output_type", tag="execute_result"):
    """The value of the cell's last expression."""

    execution_count: Annotated[int, Meta(ge=0, le=10**9)]
    data: Annotated[dict[Short, Long], Meta(max_length=50)]


class Raised(Struct, tag_field="output_type", tag="error"):
    """The exception that ended the cell."""

    ename: Short
    evalue: Text
    traceback: Annotated[list[Text], Meta(max_length=500)]


Output = Stream | Bundle | Result | Raised
Outputs = Annotated[list[Output], Meta(max_length=2_000)]


class Done(Struct, tag="done", array_like=True, frozen=True):
    """A request was carried out."""

    id: Id


class CellDone(Struct, tag="cell", array_like=True, frozen=True):
    """One cell ran to its end, to an exception, or to its soft time limit."""

    id: Id
    status: Literal["ok", "error", "timeout"]
    seconds: Seconds
    outputs: Outputs


class Settled(Struct, tag="settled", array_like=True, frozen=True):
    """Which cell defined the object that is graded, by exercise; None where the name was never bound."""

    id: Id
    defined: Annotated[dict[Short, Annotated[int, Meta(ge=0, lt=10**6)] | None], Meta(max_length=10_000)]


class Ended(Struct, tag="ended", array_like=True, frozen=True):
    """How a process ended: `code` is its exit status, or minus the number of a signal; None if unknown."""

    id: Id
    code: Annotated[int, Meta(ge=-256, le=256)] | None


class Serving(Struct, tag="serving", array_like=True, frozen=True):
    """The check is served now; or, where there is `trouble` with the GPU, the process has ended."""

    id: Id
    trouble: Short


class Performed(Struct, tag="performed", array_like=True, frozen=True):
    """What a call came to. `report` is the tree of `report_tree`, None where the call went over its time."""

    id: Id
    lengths: Lengths
    report: Any


Reply = Done | CellDone | Settled | Ended | Serving | Performed

REQUESTS: msgspec.msgpack.Decoder[Request] = msgspec.msgpack.Decoder(Request)
REPLIES: msgspec.msgpack.Decoder[Reply] = msgspec.msgpack.Decoder(Reply)


class _Report(Struct, array_like=True, forbid_unknown_fields=True):
    value: Any
    requires_grad: bool
    error: CallError | None
    gradients: Annotated[list[Any], Meta(max_length=1_000)]
    gradient_error: CallError | None
    inputs: Any
    same_tensors: bool
    aliases: Annotated[list[Annotated[int, Meta(ge=0, lt=10_000)]], Meta(max_length=1_000)]
    state_changes: Annotated[list[Short], Meta(max_length=100)]
    functions: Annotated[list[Short], Meta(max_length=10_000)]
    parameters: Any
    devices: Annotated[list[Short], Meta(max_length=10_000)]
    transfers: Annotated[list[LineTransfers], Meta(max_length=MAX_TRANSFERS)]
    printed: Text
    warnings: Annotated[list[Short], Meta(max_length=100)]
    seconds: Seconds


def call_tree(call: Call, writer: Writer) -> Any:
    """A call as a tree; its tensors go to the writer's buffers. Raises TypeError for what cannot be sent."""
    return [
        call.name,
        writer.tree(call.args),
        writer.tree(call.kwargs),
        writer.tree(call.target),
        list(call.wrt),
        writer.tree(call.cotangent),
        call.grad_enabled,
        call.default_dtype,
        call.seed,
        call.record,
        call.seconds,
        call.keep,
        call.parameters,
        writer.tree(call.set_parameters),
        call.device,
        call.move,
    ]


def read_call(tree: Any, reader: Reader) -> Call:
    """The call of a tree made by `call_tree`."""
    name, args, kwargs, target, wrt, cotangent, *plain, keep, parameters, set_parameters, device, move = tree
    grad_enabled, default_dtype, seed, record, seconds = plain
    return Call(
        name,
        reader.value(args),
        reader.value(kwargs),
        reader.value(target),
        tuple(wrt),
        reader.tensor(cotangent),
        grad_enabled,
        default_dtype,
        seed,
        record,
        seconds,
        keep if isinstance(keep, bool) else tuple(keep),
        parameters,
        reader.value(set_parameters),
        device,
        move,
    )


def report_tree(report: CallReport, writer: Writer) -> Any:
    """A report as a tree."""
    return [
        writer.tree(report.value),
        report.requires_grad,
        report.error,
        [writer.tree(gradient) for gradient in report.gradients],
        report.gradient_error,
        writer.tree(report.inputs),
        report.same_tensors,
        report.aliases,
        report.state_changes,
        sorted(report.functions),
        writer.tree(report.parameters),
        report.devices,
        report.transfers[:MAX_TRANSFERS],
        report.printed,
        report.warnings,
        report.seconds,
    ]


def read_report(tree: Any, reader: Reader) -> CallReport:
    """The report of a tree, whoever made it. Raises WireError, and nothing else."""
    try:
        told = msgspec.convert(tree, _Report)
    except Exception as error:  # a forged report
        raise WireError(f"a malformed report ({type(error).__name__})") from None
    inputs = reader.value(told.inputs)
    if not isinstance(inputs, tuple):
        raise WireError("inputs that are no tuple")
    for raised in (told.error, told.gradient_error):
        _check_error(raised)
    return CallReport(
        value=reader.value(told.value),
        requires_grad=told.requires_grad,
        error=told.error,
        gradients=tuple(reader.tensor(gradient) for gradient in told.gradients),
        gradient_error=told.gradient_error,
        inputs=inputs,
        same_tensors=told.same_tensors,
        aliases=tuple(told.aliases),
        state_changes=tuple(told.state_changes),
        functions=frozenset(told.functions),
        parameters=_parameters(reader.value(told.parameters)),
        devices=tuple(told.devices),
        transfers=tuple(map(_checked_transfers, told.transfers)),
        printed=told.printed,
        warnings=tuple(told.warnings),
        seconds=told.seconds,
    )


def _parameters(value: Any) -> tuple[tuple[str, Tensor], ...] | None:
    if value is None:
        return None
    if not isinstance(value, tuple) or not all(
        type(pair) is tuple and len(pair) == 2 and isinstance(pair[0], str) and isinstance(pair[1], Tensor)
        for pair in value
    ):
        raise WireError("parameters that are none")
    return value


def _checked_transfers(told: LineTransfers) -> LineTransfers:
    texts = (told.place.file, told.place.function, told.place.source, told.source, told.target, *told.dtypes)
    numbers = (told.place.line, told.times, told.bytes, *(size for shape in told.shapes for size in shape))
    if max(map(len, texts)) > 10_000 or len(texts) > 100 or len(numbers) > 1_000:
        raise WireError("transfers of endless text")
    if not all(0 <= number < 2**63 for number in numbers):
        raise WireError("transfers of impossible size")
    return told


def _check_error(error: CallError | None) -> None:
    if error is None:
        return
    if len(error.type_name) > 1_000 or len(error.message) > 100_000 or len(error.source_line) > 10_000:
        raise WireError("an exception of endless text")
    for number in (error.cell, error.line):
        if number is not None and not 0 <= number < 2**31:
            raise WireError("an exception from nowhere")
