"""Values as they cross the wire: a tree of plain MessagePack types, and the raw memory of tensors and arrays beside it.

What MessagePack has (None, bool, int of 64 bits, float, str) stands for itself; everything else is an array whose first
item is a tag. Tuples and lists, NumPy scalars and Python numbers stay apart; tensors keep strides, sharing,
requires_grad and .grad. `Reader` trusts nothing: whatever it is given, it returns a value or raises `WireError`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import fields
from typing import Any

import numpy as np
import torch
from torch import Tensor

from autograder.engine.arguments import Forward, Named, Net, Opaque
from autograder.engine.calls import AsGenerator, Handle
from autograder.engine.copies import attribute_of
from autograder.engine.frames import FRAMES, pack_frame, unpack_frame

LIST, TUPLE, DICT, GENERATOR, HANDLE, TENSOR, ARRAY, SCALAR, BIG_INT, FRAME, DEVICE, NAMED, OPAQUE, NET, FORWARD = (
    range(15)
)

MAX_DEPTH = 20  # of nested containers
MAX_NODES = 200_000  # values in one message, all containers together
MAX_BYTES = 64 * 1024**2  # raw memory in one message, and the logical size of any tensor or array
MAX_SEEN = 4 * MAX_BYTES  # logical size of all tensors in one message: a single byte can be a tensor of any size
MAX_SLOW = 1_000  # huge integers, and tuples that are keys, in one message: ones that collide can be made at will
MAX_TEXT = 1024**2  # characters of one string
MAX_INT_DIGITS = 4_000  # hexadecimal digits of an integer that MessagePack has no room for
MAX_DIMENSIONS = 32

DTYPES: dict[str, torch.dtype] = {
    name: getattr(torch, name)
    for name in (
        *("bool", "uint8", "int8", "uint16", "int16", "uint32", "int32", "uint64", "int64"),
        *("float16", "bfloat16", "float32", "float64", "complex64", "complex128"),
    )
}
NAMES = {dtype: name for name, dtype in DTYPES.items()}
ARRAY_DTYPES = frozenset(("b1", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4", "f8", "c8", "c16"))

PLAIN_KEYS = frozenset((type(None), bool, int, float, str))

RECORDS: dict[type, int] = {Named: NAMED, Opaque: OPAQUE, Net: NET, Forward: FORWARD}
MAKERS = {tag: kind for kind, tag in RECORDS.items()}
_FIELDS: dict[type, dict[str, type]] = {
    Named: {"type_name": str, "fields": tuple, "items": tuple},
    Opaque: {"name": str, "is_copy": bool},
    Net: {"layers": tuple, "state": dict, "training": bool, "gradients": dict, "modes": tuple, "devices": dict}
    | {"forwards": tuple},
    Forward: {"rows": int, "training": bool, "requires_grad": bool, "device": str},
}


class WireError(Exception):
    """What arrived is not what was agreed: a protocol violation of the sender."""


class Writer:
    """Turns values into a tree, and collects the raw memory that belongs to it in `buffers`.

    hold: gives the number under which an object that cannot cross stays behind; without it such an object is a
    TypeError, which is right on the grader's side.
    """

    def __init__(self, hold: Callable[[Any], int] | None = None) -> None:
        self.buffers: list[memoryview] = []
        self._hold = hold
        self._storages: dict[int, tuple[torch.UntypedStorage, int]] = {}
        self._room = MAX_BYTES

    def tree(self, value: Any, depth: int = 0) -> Any:
        """The tree of one value. Types are looked at by `type`, never by `__class__`, which a student may change."""
        kind = type(value)
        if value is None or kind in (bool, float):
            return value
        if kind is int:
            return value if -(2**63) <= value < 2**64 else self._big_int(value)
        if kind is str:
            return (
                value.encode("utf-8", "replace").decode() if len(value) <= MAX_TEXT else self._held(value, "long str")
            )
        if depth > MAX_DEPTH:
            return self._held(value, f"deeply nested {kind.__name__}")
        if kind in (list, tuple):
            return [LIST if kind is list else TUPLE, *[self.tree(item, depth + 1) for item in value]]
        if kind is dict:
            pairs = (part for pair in value.items() for part in pair)
            return [DICT, *[self.tree(part, depth + 1) for part in pairs]]
        if kind is AsGenerator:
            return [GENERATOR, *[self.tree(item, depth + 1) for item in value.items]]
        if kind is Handle:
            return [HANDLE, value.number, value.type_name]
        if kind is torch.device:
            return [DEVICE, str(value)]
        if kind in RECORDS:
            return [RECORDS[kind], *[self.tree(getattr(value, each.name), depth + 1) for each in fields(kind)]]
        if issubclass(kind, Tensor):
            return self._tensor(value)
        if issubclass(kind, np.ndarray):
            return self._array(value)
        if issubclass(kind, np.generic):
            return self._scalar(value)
        if kind in FRAMES:
            packed = pack_frame(value)
            if packed is not None:
                return [FRAME, *[self.tree(part, depth + 1) for part in packed]]
        return self._held(value, _type_name(kind))

    def _held(self, value: Any, description: str) -> Any:
        if self._hold is None:
            raise TypeError(f"{description} cannot be given to a student's function")
        return [HANDLE, self._hold(value), description[:200]]

    def _big_int(self, value: int) -> Any:
        if value.bit_length() > 4 * MAX_INT_DIGITS:
            return self._held(value, "int of thousands of digits")
        return [BIG_INT, f"{value:x}"]

    def _tensor(self, tensor: Tensor) -> Any:
        with torch._C.DisableTorchFunctionSubclass(), torch.no_grad():
            plain, problem = _plain(tensor)
            if plain is None:
                return self._held(tensor, f"Tensor ({problem})")
            nbytes = plain.numel() * plain.element_size()
            storage = plain.untyped_storage()
            if storage.nbytes() > 4 * nbytes + 4096:
                plain = plain.clone(memory_format=torch.contiguous_format)
                storage = plain.untyped_storage()
            if nbytes > MAX_BYTES or (storage._cdata not in self._storages and storage.nbytes() > self._room):
                return self._held(tensor, f"Tensor of shape {tuple(plain.shape)}, {nbytes / 1e6:.0f} MB: too large")
            keeps_grad = attribute_of(tensor, "is_leaf") or attribute_of(tensor, "retains_grad")
            grad = attribute_of(tensor, "grad") if keeps_grad else None
            return [
                TENSOR,
                NAMES[plain.dtype],
                list(plain.shape),
                list(plain.stride()),
                plain.storage_offset(),
                self._storage(storage),
                bool(attribute_of(tensor, "requires_grad")),
                None if grad is None else self._tensor(grad),
            ]

    def _storage(self, storage: torch.UntypedStorage) -> int:
        known = self._storages.get(storage._cdata)
        if known is None:
            raw = torch.empty(0, dtype=torch.uint8).set_(storage).numpy()
            known = self._storages[storage._cdata] = storage, self._buffer(memoryview(raw.data))
        return known[1]

    def _buffer(self, raw: memoryview) -> int:
        self._room -= raw.nbytes
        self.buffers.append(raw)
        return len(self.buffers) - 1

    def _array(self, array: np.ndarray[Any, Any]) -> Any:
        plain = array.view(np.ndarray) if type(array) is not np.ndarray else array
        if plain.dtype.kind in "US" or plain.dtype == object:
            if plain.size > 10_000:
                return self._held(array, f"ndarray of {plain.dtype} with {plain.size} elements")
            return [ARRAY, plain.dtype.kind, list(plain.shape), self.tree(plain.ravel().tolist())]
        if plain.dtype.str[1:] not in ARRAY_DTYPES or not plain.dtype.isnative:
            return self._held(array, f"ndarray of {plain.dtype}")
        if plain.nbytes > self._room:
            return self._held(array, f"ndarray of shape {plain.shape}, {plain.nbytes / 1e6:.0f} MB: too large")
        raw = np.ascontiguousarray(plain).reshape(-1).view(np.uint8)
        return [ARRAY, plain.dtype.str[1:], list(plain.shape), self._buffer(memoryview(raw.data))]

    def _scalar(self, value: np.generic) -> Any:
        if isinstance(value, np.float64):
            return float(value)
        if value.dtype.str[1:] not in ARRAY_DTYPES:
            return self._held(value, _type_name(type(value)))
        return [SCALAR, value.dtype.str[1:], value.tobytes()]


def _plain(tensor: Tensor) -> tuple[Tensor | None, str]:
    """The values of a tensor of any subclass as a plain tensor; None, and why, where it cannot cross."""
    try:
        plain = Tensor.detach(tensor)
        plain = plain if type(plain) is Tensor else Tensor.as_subclass(plain, Tensor)
        problem = _obstacle(plain)
        return (None, problem) if problem else (plain.resolve_conj().resolve_neg(), "")
    except Exception:  # a subclass that answers operations itself, perhaps a student's
        return None, _type_name(type(tensor))


def _obstacle(tensor: Tensor) -> str:
    """Why a plain tensor cannot cross, "" where it can. Raises whatever a strange one makes torch raise."""
    if tensor.is_nested:
        return "nested"
    if tensor.layout is not torch.strided:
        return str(tensor.layout).removeprefix("torch.")
    if tensor.device.type != "cpu":
        return f"on {tensor.device}"
    if tensor.is_quantized or tensor.dtype not in NAMES:
        return str(tensor.dtype).removeprefix("torch.")
    if tensor.dim() > MAX_DIMENSIONS:
        return f"{tensor.dim()} dimensions"
    tensor.untyped_storage()  # raises where there is none
    return ""


def _type_name(kind: type) -> str:
    return str(type.__dict__["__name__"].__get__(kind))


class Reader:
    """Turns a tree and its buffers back into values. Raises WireError, and nothing else, whatever it is given."""

    def __init__(self, buffers: list[bytearray]) -> None:
        self._buffers = buffers
        self._nodes = MAX_NODES
        self._seen = 0
        self._slow = 0

    def value(self, tree: Any) -> Any:
        """The value of a tree."""
        try:
            return self._value(tree, 0)
        except WireError:
            raise
        except Exception as error:  # whatever a forged tree makes Python, torch, numpy or pandas raise
            raise WireError(f"a malformed value ({type(error).__name__})") from None

    def tensor(self, tree: Any) -> Tensor | None:
        """The value of a tree that must be a tensor or None."""
        value = self.value(tree)
        if value is not None and not isinstance(value, Tensor):
            raise WireError("a tensor was expected")
        return value

    def _value(self, tree: Any, depth: int) -> Any:
        self._nodes -= 1
        if self._nodes < 0 or depth > MAX_DEPTH + 2:
            raise WireError("a value nests too deeply, or holds too many things")
        kind = type(tree)
        if tree is None or kind in (bool, int, float):
            return tree
        if kind is str:
            return self._text(tree)
        if kind is not list or not tree or type(tree[0]) is not int:
            raise WireError("not a value")
        tag, rest = tree[0], tree[1:]
        if tag == LIST:
            return [self._value(item, depth + 1) for item in rest]
        if tag == TUPLE:
            return tuple(self._value(item, depth + 1) for item in rest)
        if tag == GENERATOR:
            return AsGenerator(tuple(self._value(item, depth + 1) for item in rest))
        if tag == DICT:
            parts = [self._value(part, depth + 1) for part in rest]
            self._count_slow(sum(type(key) not in PLAIN_KEYS for key in parts[::2]))
            return dict(zip(parts[::2], parts[1::2], strict=True))
        if tag in MAKERS:
            return _record(MAKERS[tag], [self._value(part, depth + 1) for part in rest])
        if tag == FRAME:
            return unpack_frame([self._value(part, depth + 1) for part in rest])
        return self._leaf(tag, rest)

    def _leaf(self, tag: int, rest: list[Any]) -> Any:
        if tag == TENSOR:
            return self._tensor(*rest)
        if tag == HANDLE:
            number, name = rest
            return Handle(_natural(number), self._text(name)[:200])
        if tag == DEVICE:
            (name,) = rest
            return torch.device(self._text(name))
        if tag == BIG_INT:
            (digits,) = rest
            self._count_slow(1)
            if len(self._text(digits)) > MAX_INT_DIGITS + 1:
                raise WireError("an integer of too many digits")
            return int(digits, 16)
        if tag == SCALAR:
            name, raw = rest
            return np.frombuffer(raw, dtype=_array_dtype(name), count=1)[0]
        if tag == ARRAY:
            return self._array(*rest)
        raise WireError("an unknown tag")

    def _count_slow(self, count: int) -> None:
        self._slow += count
        if self._slow > MAX_SLOW:
            raise WireError("too many values that are slow to look up")

    def _text(self, text: Any) -> str:
        if type(text) is not str or len(text) > MAX_TEXT:
            raise WireError("not a text")
        return text

    def _buffer(self, index: Any) -> bytearray:
        return self._buffers[_natural(index)]

    def _tensor(
        self, name: Any, shape: Any, stride: Any, offset: Any, buffer: Any, needs_grad: Any, grad: Any
    ) -> Tensor:
        dtype = DTYPES[name]
        sizes, steps = _naturals(shape), _naturals(stride)
        start, raw = _natural(offset), self._buffer(buffer)
        items = len(raw) // dtype.itemsize
        if len(sizes) != len(steps) or len(sizes) > MAX_DIMENSIONS or math.prod(sizes) * dtype.itemsize > MAX_BYTES:
            raise WireError("a tensor of impossible shape")
        self._seen += math.prod(sizes) * dtype.itemsize
        if self._seen > MAX_SEEN:
            raise WireError("tensors of more than it may hold")
        if not math.prod(sizes):
            tensor = torch.empty_strided(sizes, steps, dtype=dtype) if 0 in sizes else torch.empty(sizes, dtype=dtype)
        elif start + sum((size - 1) * step for size, step in zip(sizes, steps, strict=True)) >= items:
            raise WireError("a tensor that reaches beyond its memory")
        elif dtype is torch.bool:  # a byte of a bool must be 0 or 1
            tensor = torch.frombuffer(raw, dtype=torch.uint8).as_strided(sizes, steps, start) != 0
        else:
            tensor = torch.frombuffer(raw, dtype=dtype, count=items).as_strided(sizes, steps, start)
        if grad is not None:
            if type(grad) is not list or grad[0] != TENSOR or grad[7] is not None or grad[1] != name:
                raise WireError("not a gradient")
            tensor.grad = self._tensor(*grad[1:])
        return tensor.requires_grad_() if needs_grad is True else tensor

    def _array(self, name: Any, shape: Any, content: Any) -> np.ndarray[Any, Any]:
        sizes = _naturals(shape)
        if len(sizes) > MAX_DIMENSIONS:
            raise WireError("an array of too many dimensions")
        if name in ("U", "S", "O"):
            return _object_array(self._value(content, 1), name).reshape(sizes)
        dtype = _array_dtype(name)
        raw = self._buffer(content)
        if math.prod(sizes) * dtype.itemsize != len(raw):
            raise WireError("an array whose memory has another size")
        if dtype == np.bool_:
            return np.not_equal(np.frombuffer(raw, dtype=np.uint8), 0).reshape(sizes)
        return np.frombuffer(raw, dtype=dtype).reshape(sizes)


def _record(kind: type, parts: list[Any]) -> Any:
    """One of the values of `arguments.py`, when its fields are of the right types."""
    record = kind(*parts)
    wanted: dict[str, type] = _FIELDS[kind]
    if any(type(getattr(record, name)) is not of for name, of in wanted.items()):
        raise WireError(f"a malformed {kind.__name__}")
    if kind is Named and (len(record.fields) != len(record.items) or not all(type(f) is str for f in record.fields)):
        raise WireError("a named tuple whose names and items do not agree")
    if kind is Net and not all(type(tensor) is Tensor for tensor in record.state.values()):
        raise WireError("a network whose state is no tensors")
    return record


def _object_array(items: list[Any], name: str) -> np.ndarray[Any, Any]:
    array = np.empty(len(items), dtype=object)
    array[:] = items
    if name == "O":
        return array
    if 4 * len(items) * max((len(item) for item in items), default=0) > MAX_BYTES:  # each gets the longest one's room
        raise WireError("an array of too long texts")
    texts: np.ndarray[Any, Any] = array.astype(name)
    return texts


def _array_dtype(name: Any) -> np.dtype[Any]:
    if type(name) is not str or name not in ARRAY_DTYPES:
        raise WireError("an unknown dtype")
    return np.dtype(name)


def _natural(number: Any) -> int:
    if type(number) is not int or not 0 <= number < 2**48:
        raise WireError("not a natural number")
    return number


def _naturals(numbers: Any) -> tuple[int, ...]:
    if type(numbers) is not list or len(numbers) > MAX_DIMENSIONS:
        raise WireError("not a shape")
    return tuple(_natural(number) for number in numbers)
