"""What the tracer records: frozen values that need no torch and cross the wire."""

from __future__ import annotations

from enum import StrEnum

import msgspec


class TransferKind(StrEnum):
    """What crossed between host and GPU."""

    TO_DEVICE = "to device"
    INDEX = "index to device"  # a CPU tensor that an indexing took: allowed by PyTorch, and copied each time
    TO_HOST = "to host"
    BETWEEN = "between devices"
    READ = "read"  # one number that the host waited for: .item(), bool(), float(), print
    WAIT = "wait"  # nothing but a size, which the host waited for: nonzero, x[mask], unique
    FROM_PYTHON = "from Python"  # torch.tensor(numbers, device=...): made of Python's numbers there
    NUMPY = "to numpy"  # a CPU tensor left PyTorch as an array; no bytes are copied


class Place(msgspec.Struct, frozen=True):
    """A line of student code. `line` counts from 1 in `file`; 0 where no line of the student's is known."""

    file: str
    line: int
    function: str
    source: str


class Transfer(msgspec.Struct, frozen=True):
    """One transfer. `phase` is "forward" or "backward"; devices read like "cuda:0" and "cpu"."""

    place: Place
    phase: str
    kind: TransferKind
    operation: str
    shape: tuple[int, ...]
    dtype: str
    source: str
    target: str
    bytes: int


class Created(msgspec.Struct, frozen=True):
    """One tensor that a student's line made from nothing (torch.zeros, torch.arange, torch.tensor, ...)."""

    place: Place
    operation: str
    shape: tuple[int, ...]
    dtype: str
    device: str
    bytes: int


class LineTransfers(msgspec.Struct, frozen=True):
    """What one line moved in one direction, summed. `shapes` holds each shape once."""

    place: Place
    phase: str
    kind: TransferKind
    source: str
    target: str
    times: int
    bytes: int
    shapes: tuple[tuple[int, ...], ...]
    dtypes: tuple[str, ...]

    def __str__(self) -> str:
        often = "once" if self.times == 1 else f"{self.times} times"
        what = ", ".join(str(shape) for shape in self.shapes[:3]) + (", ..." if len(self.shapes) > 3 else "")
        match self.kind:
            case TransferKind.READ:
                act = f"read a number from {self.source} {often}"
            case TransferKind.WAIT:
                act = f"waited for {self.source} {often}"
            case TransferKind.FROM_PYTHON:
                act = f"made {what} {'/'.join(self.dtypes)} of Python's numbers on {self.target} {often}"
            case TransferKind.NUMPY:
                act = f"turned a tensor {what} into a NumPy array {often}"
            case _:
                moved = f"moved {what} {'/'.join(self.dtypes)}"
                act = f"{moved} from {self.source} to {self.target} {often}, {self.bytes} bytes"
        is_backward = self.phase == "backward"
        return f"line {self.place.line}{' (backward)' if is_backward else ''} {act}: `{self.place.source}`"


def sum_by_line(transfers: tuple[Transfer, ...]) -> tuple[LineTransfers, ...]:
    """Sum transfers of the same line, phase, kind and direction."""
    groups: dict[tuple[object, ...], list[Transfer]] = {}
    for one in transfers:
        groups.setdefault((one.place, one.phase, one.kind, one.source, one.target), []).append(one)
    return tuple(
        LineTransfers(
            place=group[0].place,
            phase=group[0].phase,
            kind=group[0].kind,
            source=group[0].source,
            target=group[0].target,
            times=len(group),
            bytes=sum(one.bytes for one in group),
            shapes=tuple(dict.fromkeys(one.shape for one in group)),
            dtypes=tuple(dict.fromkeys(one.dtype for one in group)),
        )
        for group in groups.values()
    )
