"""Private copies of what goes into a student's function, and still pictures of what comes out.

Student code may change its inputs, keep them, return them, or return one buffer again and again. So it gets copies that
it may do anything with, and what we report is a copy that nothing changes later. Tensors are copied by their storage:
strides, gaps and sharing between tensors stay as they were.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

from autograder.engine.arguments import BuiltNet, Named, Net, name_and_fields, tuple_class
from autograder.engine.calls import AsGenerator

MAX_NODES = 100_000  # values in one report, counted through all its containers
MAX_DEPTH = 12
ROOMY = 1 << 20  # bytes: a small view of a storage larger than this is copied without the rest of the storage


class TooLargeError(Exception):
    """A value nests too deeply, or holds too many things, to be looked at."""


@dataclass
class _Memo:
    """What was copied already, so that what was shared stays shared. The originals are kept: ids must stay theirs."""

    tensors: dict[int, tuple[Tensor, Tensor]] = field(default_factory=dict)
    storages: dict[int, tuple[torch.UntypedStorage, torch.UntypedStorage]] = field(default_factory=dict)
    nodes: int = 0

    def count(self, depth: int) -> None:
        self.nodes += 1
        if self.nodes > MAX_NODES or depth > MAX_DEPTH:
            raise TooLargeError("the value nests too deeply, or holds too many things")


def copy_arguments(
    args: tuple[Any, ...], kwargs: dict[str, Any] | None = None
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Copies of `args` and `kwargs` that share nothing with them, and among themselves exactly what those share.

    Tensors keep strides, requires_grad and .grad, and become leaves. `AsGenerator` stays one, over copies. A `Net`
    becomes a `BuiltNet`, a `Named` a named tuple. What is no tensor, array or container is passed on as it is.
    """
    memo = _Memo()
    copied = tuple(_copy(arg, memo, 0) for arg in args)
    return copied, {name: _copy(arg, memo, 0) for name, arg in (kwargs or {}).items()}


def _copy(value: Any, memo: _Memo, depth: int) -> Any:
    memo.count(depth)
    if isinstance(value, Tensor):
        return _copy_tensor(value, memo, with_grad=True)
    if isinstance(value, AsGenerator):
        return AsGenerator(tuple(_copy(item, memo, depth + 1) for item in value.items))
    if isinstance(value, np.ndarray):
        return value.copy(order="K")
    if isinstance(value, Net):
        return BuiltNet(value)
    if isinstance(value, Named):
        made = tuple_class(value.type_name, value.fields)
        return made(*(_copy(item, memo, depth + 1) for item in value.items))
    if type(value) in (list, tuple):
        return type(value)(_copy(item, memo, depth + 1) for item in value)
    if type(value) is dict:
        return {key: _copy(item, memo, depth + 1) for key, item in value.items()}
    return value


def picture(value: Any, *, with_grad: bool = False) -> Any:
    """A copy of what a student's function returned or left behind, in exact built-in types.

    Tensors become plain detached tensors (`with_grad`: with requires_grad and .grad as they are), subclasses of list,
    tuple, dict, str, int and float the type itself. Anything else is handed back as the object it is.

    Raises TooLargeError.
    """
    return _picture(value, _Memo(), 0, with_grad)


def _picture(value: Any, memo: _Memo, depth: int, with_grad: bool) -> Any:
    memo.count(depth)
    kind = type(value)
    if value is None or kind in (bool, int, float, str):
        return value
    if issubclass(kind, Tensor):
        try:
            return _copy_tensor(value, memo, with_grad)
        except RuntimeError:  # a tensor without a storage, of a student's making
            return value
    if issubclass(kind, np.ndarray):
        return np.array(value, order="K", copy=True, subok=False)
    named = name_and_fields(kind)
    if named is not None:
        return Named(*named, tuple(_picture(item, memo, depth + 1, with_grad) for item in tuple.__iter__(value)))
    if kind is BuiltNet:
        return value.after()
    if issubclass(kind, list | tuple):
        iterate = list.__iter__ if issubclass(kind, list) else tuple.__iter__
        items = [_picture(item, memo, depth + 1, with_grad) for item in iterate(value)]
        return items if issubclass(kind, list) else tuple(items)
    if issubclass(kind, dict):
        pairs = dict.items(value)
        return {
            _picture(key, memo, depth + 1, with_grad): _picture(item, memo, depth + 1, with_grad) for key, item in pairs
        }
    if issubclass(kind, float):
        return float.__pos__(value)
    if issubclass(kind, int):
        return int.__pos__(value)
    if issubclass(kind, str):
        return str.__getitem__(value, slice(None))
    return value


def _copy_tensor(tensor: Tensor, memo: _Memo, with_grad: bool) -> Tensor:
    known = memo.tensors.get(id(tensor))
    if known is not None:
        return known[1]
    with torch._C.DisableTorchFunctionSubclass(), torch.no_grad():
        plain = Tensor.detach(tensor)
        if type(plain) is not Tensor:
            plain = Tensor.as_subclass(plain, Tensor)
        copied = _copy_values(plain, memo)
        memo.tensors[id(tensor)] = (tensor, copied)
        if with_grad:
            if attribute_of(tensor, "is_leaf") or attribute_of(tensor, "retains_grad"):
                grad = attribute_of(tensor, "grad")
                copied.grad = None if grad is None else _copy_tensor(grad, memo, with_grad=False)
            if attribute_of(tensor, "requires_grad"):
                copied.requires_grad_()
    return copied


def _copy_values(plain: Tensor, memo: _Memo) -> Tensor:
    if plain.device.type not in ("cpu", "meta"):
        plain = plain.cpu()
    if plain.layout is not torch.strided or plain.is_quantized or plain.is_nested or plain.device.type == "meta":
        return plain.clone()
    plain = plain.resolve_conj().resolve_neg()
    storage = plain.untyped_storage()
    if storage.nbytes() > ROOMY and storage.nbytes() > 4 * plain.numel() * plain.element_size():
        return plain.clone()
    known = memo.storages.get(storage._cdata)
    if known is None:
        if plain.is_contiguous() and storage.nbytes() == plain.numel() * plain.element_size():
            copied = plain.clone()  # the common case: it fills its storage
            memo.storages[storage._cdata] = (storage, copied.untyped_storage())
            return copied
        known = memo.storages[storage._cdata] = (storage, storage.clone())  # type: ignore[no-untyped-call]
    empty = torch.empty(0, dtype=plain.dtype, device=plain.device)
    return empty.set_(known[1], plain.storage_offset(), plain.size(), plain.stride())


def tensors_in(value: Any, depth: int = 0, path: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], Tensor]]:
    """Every tensor in nested lists, tuples, dicts and `AsGenerator`s, with the path that leads to it."""
    if depth > MAX_DEPTH:
        return
    kind = type(value)
    if issubclass(kind, Tensor):
        yield path, value
    elif kind is AsGenerator:
        yield from tensors_in(value.items, depth + 1, path)
    elif kind in (list, tuple) or name_and_fields(kind) is not None:
        for index, item in enumerate(value):
            yield from tensors_in(item, depth + 1, (*path, index))
    elif issubclass(kind, dict):  # a state_dict is an OrderedDict
        for key, item in dict.items(value):
            yield from tensors_in(item, depth + 1, (*path, key))


def attribute_of(tensor: Tensor, name: str) -> Any:
    """An attribute as torch's own Tensor has it, whatever a subclass or a changed `__class__` says."""
    with torch._C.DisableTorchFunctionSubclass():
        return getattr(Tensor, name).__get__(tensor)


def storage_of(tensor: Tensor) -> torch.UntypedStorage | None:
    """The storage of a tensor, None where it has none of its own (sparse tensors, subclasses that wrap others)."""
    try:
        with torch._C.DisableTorchFunctionSubclass():
            return Tensor.untyped_storage(tensor)
    except (RuntimeError, NotImplementedError):
        return None


def memory_of(value: Any) -> tuple[int, int]:
    """The addresses [start, end) of the memory behind a tensor or array; (0, 0) where there is none."""
    if issubclass(type(value), Tensor):
        storage = storage_of(value)
        if storage is None:
            return 0, 0
        return storage.data_ptr(), storage.data_ptr() + storage.nbytes()
    if issubclass(type(value), np.ndarray):
        return np.lib.array_utils.byte_bounds(value) if value.size else (0, 0)
    return 0, 0
