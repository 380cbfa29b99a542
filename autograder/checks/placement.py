"""Did a call keep its tensors where they were? Told by the line that moved one, as the tracer saw it."""

from __future__ import annotations

import math
from collections.abc import Sequence

from autograder.checks.failure import BrokenCheckError, CheckFailedError
from autograder.checks.student import DEVICE, Report
from autograder.model import Spot
from autograder.simgpu.transfers import LineTransfers, TransferKind

HANDFUL = 8  # numbers that may go through Python's lists
STAY = "work where the data is: `device=x.device` for new tensors, and neither `.cpu()` nor `.numpy()` on the way"
RETURNED = "new tensors are on the CPU unless you say `device=x.device`"


def see_placement(report: Report, copies_in: int, copies_out: int, reads: int | None, look_at: str) -> None:
    """Raise CheckFailedError unless the value is on the GPU and no more was moved than is allowed."""
    if not report.call.device:
        raise BrokenCheckError("stays_on_device is for reports by `placed`: expect(student.NAME.placed(...))")
    allowed = ((TransferKind.TO_HOST, copies_out), (TransferKind.TO_DEVICE, copies_in), (TransferKind.READ, reads))
    for kind, most in allowed:
        found = [each for each in report.transfers if each.kind is kind and each.place.line and not _is_number(each)]
        times = sum(each.times for each in found)
        if most is not None and times > most:
            raise _moved(kind, found, times, most, look_at)
    if not copies_out:
        _see_no_trip_through_python(report.transfers, look_at)
    elsewhere = [device for device in report.devices if device != DEVICE]
    if elsewhere:
        where = "the result is" if len(report.devices) == 1 else "a tensor of the result is"
        raise CheckFailedError(
            f"{where} on {_name(elsewhere[0])}, and should be on the GPU",
            expected=f"device {DEVICE}",
            got=f"device {elsewhere[0]}",
            look_at=look_at or RETURNED,
        )


def _see_no_trip_through_python(transfers: Sequence[LineTransfers], look_at: str) -> None:
    """Raise CheckFailedError for `.tolist()` of a tensor together with `torch.tensor(numbers, device=...)`.

    Either alone is fine, and so are both for a handful of numbers, for integers (labels, indices), and `.item()`.
    """
    read = next((each for each in transfers if each.kind is TransferKind.READ and _is_many(each)), None)
    made = next((each for each in transfers if each.kind is TransferKind.FROM_PYTHON and _is_many(each)), None)
    if read is None or made is None:
        return
    raise CheckFailedError(
        f"line {read.place.line} takes the numbers of a tensor from the GPU to the CPU: `{read.place.source}`, and "
        f"line {made.place.line} makes a tensor of numbers on the GPU: `{made.place.source}`",
        expected="no tensor that leaves the device",
        got=f"{read}; {made}",
        look_at=look_at or "a list is on the CPU, too: work with tensors, `device=x.device` for new ones",
    )


def _is_many(found: LineTransfers) -> bool:
    """Whether a line of the student's moved a tensor of more than a handful of floating point numbers."""
    is_floating = any(dtype.startswith(("float", "bfloat", "complex")) for dtype in found.dtypes)
    return bool(found.place.line) and is_floating and any(math.prod(shape) > HANDFUL for shape in found.shapes)


def _is_number(found: LineTransfers) -> bool:
    """Whether nothing but single numbers came in: `out[i] = 0` makes PyTorch copy the 0 to the GPU."""
    return found.kind is TransferKind.TO_DEVICE and found.shapes == ((),)


def _moved(kind: TransferKind, found: Sequence[LineTransfers], times: int, most: int, look_at: str) -> CheckFailedError:
    first = max(found, key=lambda each: each.times) if most else found[0]
    what = " and ".join(f"{shape} {dtype}" for shape, dtype in zip(first.shapes[:1], first.dtypes[:1], strict=False))
    act = {
        TransferKind.TO_HOST: f"moves a tensor {what} from the GPU to the CPU",
        TransferKind.TO_DEVICE: f"moves a tensor {what} from the CPU to the GPU",
        TransferKind.READ: "waits for the GPU to read a number",
    }[kind]
    during = " in the backward pass" if first.phase == "backward" else ""
    message = f"line {first.place.line} {act}{during}: `{first.place.source}`"
    words = {TransferKind.READ: "numbers read from the GPU"}.get(kind, "tensors copied that way")
    return CheckFailedError(
        message if not most else f"{words}: {times}, and {most} are enough; {message}",
        expected=f"at most {most} {words}" if most else "no tensor that leaves the device",
        got="; ".join(map(str, found[:5])),
        look_at=look_at or STAY,
        spot=Spot(first.place.line, first.place.source),
    )


def _name(device: str) -> str:
    return "the CPU" if device == "cpu" else device
