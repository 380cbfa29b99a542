"""The transfer tracer: which line of the student's moved what between host and GPU, how often, how many bytes.

    with TransferTrace() as trace:
        train(net, batches)
    trace.transfers          every single one, in order
    trace.by_line()          the same, summed by line
    trace.created            tensors that the student's lines made from nothing, and where

It reads only `tensor.device`, so that it works alike on a simulated GPU, on a real one, and where there is none. While
it is on, autograd runs every backward in the calling thread, so that a transfer there has a line too: the line inside a
custom backward or hook, else the line of the forward operation whose gradient it is, else the call of backward().
"""

from __future__ import annotations

import linecache
import sys
import sysconfig
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from types import FrameType
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from autograder.simgpu.transfers import Created, LineTransfers, Place, Transfer, TransferKind, sum_by_line

__all__ = ["Created", "LineTransfers", "Place", "Transfer", "TransferKind", "TransferTrace", "is_student_file"]


_COPIES = frozenset({"aten::_to_copy", "aten::copy_", "aten::copy", "aten::_copy_from"})
_READS = frozenset({"aten::_local_scalar_dense", "aten::equal", "aten::is_nonzero"})
_WAITS = frozenset({"aten::nonzero", "aten::masked_select", "aten::_unique", "aten::_unique2", "aten::unique_dim"})
_INDEXING = frozenset({"aten::index", "aten::index_put_", "aten::index_put", "aten::_index_put_impl_"})
_LIFTS = frozenset({"aten::lift_fresh", "aten::lift_fresh_copy"})  # the last step of torch.tensor(...)
_NUMPY: frozenset[Any] = frozenset((Tensor.numpy, Tensor.__array__))

_HERE = str(Path(__file__).parent)
_LIBRARIES = (
    sysconfig.get_paths()["stdlib"],
    sysconfig.get_paths()["purelib"],
    str(Path(torch.__file__).parent),
    _HERE,
)
_TORCH = Path(torch.__file__).parent
_CALL_PATH = (_HERE, *(str(_TORCH / name) for name in ("_ops.py", "overrides.py", "utils/_device.py")))
_ENGINE = "_engine_run_backward"  # in torch/autograd/graph.py, below every backward pass


def is_student_file(file: str) -> bool:
    """Whether a code object's file is neither a library's nor Python's nor ours."""
    return not file.startswith(_LIBRARIES) and not file.startswith("<frozen ")


class TransferTrace:
    """Records transfers from `__enter__` to `__exit__`, in this thread. Can be used once."""

    def __init__(self, is_student: Callable[[str], bool] = is_student_file) -> None:
        self._recorder = _Recorder(is_student)
        self._exits = ExitStack()

    def __enter__(self) -> TransferTrace:
        self._exits.enter_context(torch.autograd.set_multithreading_enabled(False))
        self._exits.enter_context(_NumpyWatch(self._recorder))
        self._exits.enter_context(_DispatchWatch(self._recorder))
        return self

    def __exit__(self, *error: object) -> None:
        self._exits.close()

    @property
    def transfers(self) -> tuple[Transfer, ...]:
        """Every transfer so far, in order."""
        return tuple(self._recorder.transfers)

    @property
    def created(self) -> tuple[Created, ...]:
        """Every tensor that a student's line made from nothing."""
        return tuple(self._recorder.created)

    def by_line(self) -> tuple[LineTransfers, ...]:
        """The transfers summed by line and direction, in the order of their first."""
        return sum_by_line(self.transfers)


class _Recorder:
    """Finds the line and keeps the records. Does not call PyTorch operations."""

    def __init__(self, is_student: Callable[[str], bool]) -> None:
        self.transfers: list[Transfer] = []
        self.created: list[Created] = []
        self.is_listing = False  # inside Tensor.tolist, which copies the tensor to read its numbers
        self._is_student = is_student
        self._forward_places: dict[int, Place] = {}  # by the sequence number of the autograd node

    def note(self, kind: TransferKind, operation: str, tensor: Tensor, source: str, target: str, nbytes: int) -> Place:
        """Keep one transfer of `tensor`, caused by the line now running."""
        place, phase = self._place_and_phase()
        dtype = str(tensor.dtype).removeprefix("torch.")
        record = Transfer(place, phase, kind, operation, tuple(tensor.shape), dtype, source, target, nbytes)
        self.transfers.append(record)
        return place

    def note_node(self, place: Place) -> None:
        """Remember that the autograd node made last belongs to `place`."""
        self._forward_places[torch._C._autograd._get_sequence_nr() - 1] = place

    def note_created(self, operation: str, tensor: Tensor) -> None:
        """Keep one new tensor, if the student's own line made it and no library on its behalf."""
        frame = next(self._frames_outside_torch_calls(), None)
        if frame is None or not self._is_student(frame.f_code.co_filename):
            return
        dtype = str(tensor.dtype).removeprefix("torch.")
        record = Created(_place(frame), operation, tuple(tensor.shape), dtype, str(tensor.device), _bytes(tensor))
        self.created.append(record)
        if operation in _LIFTS and tensor.device.type != "cpu":
            self.note(TransferKind.FROM_PYTHON, operation, tensor, "Python", record.device, record.bytes)

    def _place_and_phase(self) -> tuple[Place, str]:
        below_engine = None  # the student's innermost frame that the backward pass called
        in_backward = False
        for frame in _frames():
            if frame.f_code.co_name == _ENGINE and not in_backward:
                in_backward = True
                if below_engine is not None:
                    return below_engine, "backward"
                if (place := self._place_of_node()) is not None:
                    return place, "backward"
            elif below_engine is None and self._is_student(frame.f_code.co_filename):
                below_engine = _place(frame)
                if in_backward:
                    return below_engine, "backward"
        return below_engine or Place("", 0, "", ""), "backward" if in_backward else "forward"

    def _place_of_node(self) -> Place | None:
        node: Any = torch._C._current_autograd_node()
        return None if node is None else self._forward_places.get(node._sequence_nr())

    def _frames_outside_torch_calls(self) -> Iterator[FrameType]:
        return (frame for frame in _frames() if not frame.f_code.co_filename.startswith(_CALL_PATH))


class _DispatchWatch(TorchDispatchMode):  # type: ignore[no-untyped-call]  # PyTorch's is untyped
    """Sees every operation below autograd, in forward and backward."""

    def __init__(self, recorder: _Recorder) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._recorder = recorder
        self._handlers: dict[Any, Callable[..., None] | None] = {}

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False  # else the first operation imports the compiler, which takes a second

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        if func not in self._handlers:
            self._handlers[func] = self._handler_of(func._schema)
        handler = self._handlers[func]
        if handler is not None:
            handler(func._schema.name, args, kwargs or {}, result)
        return result

    def _handler_of(self, schema: Any) -> Callable[..., None] | None:
        if schema.name in _COPIES:
            return self._copied
        if schema.name in _READS:
            return self._read
        if schema.name in _WAITS:
            return self._waited
        if schema.name in _INDEXING:
            return self._indexed
        makes_tensor = any(str(value.type) == "Tensor" for value in schema.returns)
        takes_none = not any("Tensor" in str(argument.type) for argument in schema.arguments)
        return self._created if schema.name in _LIFTS or (makes_tensor and takes_none) else None

    def _copied(self, name: str, args: Any, kwargs: Any, result: Tensor) -> None:
        source, target = (args[0], result) if name == "aten::_to_copy" else (args[1], args[0])
        if source.device == target.device:
            return
        kind = TransferKind.READ if self._recorder.is_listing else _direction(source.device, target.device)
        place = self._recorder.note(kind, name, target, str(source.device), str(target.device), _bytes(target))
        if torch.is_grad_enabled() and (source.requires_grad or target.requires_grad):
            self._recorder.note_node(place)

    def _read(self, name: str, args: Any, kwargs: Any, result: Any) -> None:
        tensor = args[0]
        if tensor.device.type != "cpu":
            self._recorder.note(TransferKind.READ, name, tensor, str(tensor.device), "cpu", tensor.element_size())

    def _waited(self, name: str, args: Any, kwargs: Any, result: Any) -> None:
        tensor = args[0]
        if tensor.device.type != "cpu":
            self._recorder.note(TransferKind.WAIT, name, tensor, str(tensor.device), "cpu", 0)

    def _indexed(self, name: str, args: Any, kwargs: Any, result: Any) -> None:
        target = args[0]
        if target.device.type == "cpu":
            return
        for index in tree_leaves(args[1]):
            if isinstance(index, Tensor) and index.device != target.device:
                kind = TransferKind.INDEX
                self._recorder.note(kind, name, index, str(index.device), str(target.device), _bytes(index))
            elif isinstance(index, Tensor) and index.dtype in (torch.bool, torch.uint8):
                self._recorder.note(TransferKind.WAIT, name, index, str(index.device), "cpu", 0)

    def _created(self, name: str, args: Any, kwargs: Any, result: Any) -> None:
        if isinstance(result, Tensor):
            self._recorder.note_created(name, result)


class _NumpyWatch(TorchFunctionMode):
    """Sees tensors that leave PyTorch as NumPy arrays, which no operation shows."""

    def __init__(self, recorder: _Recorder) -> None:
        super().__init__()
        self._recorder = recorder

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func is Tensor.tolist:
            self._recorder.is_listing = True
            try:
                return func(*args)
            finally:
                self._recorder.is_listing = False
        result = func(*args, **(kwargs or {}))
        if func in _NUMPY and args[0].device.type == "cpu":
            self._recorder.note(TransferKind.NUMPY, func.__name__, args[0], "cpu", "numpy", 0)
        return result


def _direction(source: torch.device, target: torch.device) -> TransferKind:
    if source.type == "cpu":
        return TransferKind.TO_DEVICE
    return TransferKind.TO_HOST if target.type == "cpu" else TransferKind.BETWEEN


def _bytes(tensor: Tensor) -> int:
    return tensor.numel() * tensor.element_size()


def _frames() -> Iterator[FrameType]:
    frame: FrameType | None = sys._getframe(2)
    while frame is not None:
        yield frame
        frame = frame.f_back


def _place(frame: FrameType) -> Place:
    code = frame.f_code
    source = linecache.getline(code.co_filename, frame.f_lineno, frame.f_globals).strip()
    return Place(code.co_filename, frame.f_lineno, code.co_name, source)
