"""Tiny calls in the manner of another one: as many arguments of the same kinds, but small, with plain numbers of ours.

Nothing of the inputs that a check draws or writes down is left in them but their structure, so that they can be shown
to anybody at any time.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from autograder.checks.chains import Chain, Earlier
from autograder.engine.arguments import Named, Net, Opaque
from autograder.engine.calls import AsGenerator, Handle

SMALL = (2, 3, 4, 5)  # the sizes that the sizes of a call become, in the order in which they appear
NUMBERS = (1.0, 2.0, -1.0, 3.0, 0.5, -2.0, 4.0, -0.5, 1.5, -3.0, 2.5)
LAYERS = {"Linear", "ReLU", "Tanh", "Flatten", "BatchNorm1d"}  # of networks that are imitated
SECONDS = 5.0  # that one call may take; the first one may import a second of PyTorch
RATE = 0.1  # in place of any number that is not whole
Fill = Callable[[int, int], list[float]]  # how many numbers, and which tensor of the call it is


def _plain(count: int, which: int) -> list[float]:
    return [NUMBERS[(position + 2 * which) % len(NUMBERS)] for position in range(count)]


def _with_zeros(count: int, which: int) -> list[float]:
    return [0.0 if position % 2 else number for position, number in enumerate(_plain(count, which))]


def _alike(count: int, which: int) -> list[float]:
    return [1.0 + which] * count


def _wide(count: int, which: int) -> list[float]:
    return [100.0 * number for number in _plain(count, which)]


def _large(count: int, which: int) -> list[float]:
    return [1000.0 + number for number in _plain(count, which)]


def _far_apart(count: int, which: int) -> list[float]:
    return [number + (1000.0 if 2 * position >= count else -1000.0) for position, number in enumerate(_plain(count, 0))]


FILLS: tuple[Fill, ...] = (_plain, _with_zeros, _alike, _wide, _large, _far_apart)


def tiny_chains(chain: Chain) -> Iterator[Chain]:
    """Calls like those of `chain`, the simplest first. None where an argument is no number, tensor or container."""
    given = tuple((call.args, call.kwargs, call.cotangent, call.set_parameters) for call in chain)
    if not _is_plain((given, tuple(call.target for call in chain))):
        return
    sizes = _Sizes()
    sizes.see(given)
    for fill in FILLS:
        for classes in (3, 2):  # as many as labels may name
            small = _Small(sizes, fill, classes)
            yield tuple(
                replace(
                    call,
                    args=small.of(call.args),
                    kwargs=small.of(call.kwargs),
                    cotangent=small.of(call.cotangent),
                    set_parameters=small.of(call.set_parameters),
                    record=False,
                    seconds=SECONDS,
                    default_dtype=None,
                )
                for call in chain
            )
            if not small.has_labels:
                break


def _is_plain(value: Any) -> bool:
    if isinstance(value, Tensor):
        return not value.is_complex() and value.dim() <= 3
    if isinstance(value, AsGenerator | Named):
        return _is_plain(value.items)
    if isinstance(value, dict):
        return all(map(_is_plain, value.values()))
    if type(value) in (list, tuple):
        return all(map(_is_plain, value))
    if isinstance(value, Net):
        return {name for name, *_ in value.layers} <= LAYERS
    kinds = bool | int | float | str | Opaque | Earlier | np.ndarray | torch.device | None
    return not isinstance(value, Handle) and isinstance(value, kinds)


class _Sizes:
    """The sizes in a call, and what becomes of each: equal ones stay equal."""

    def __init__(self) -> None:
        self._small: dict[int, int] = {}

    def see(self, value: Any) -> None:
        if isinstance(value, Tensor):
            for size in value.shape:
                if size > 1 and size not in self._small:
                    self._small[size] = min(size, SMALL[min(len(self._small), len(SMALL) - 1)])
        elif isinstance(value, Net):
            self.see(value.state)
        elif isinstance(value, AsGenerator | Named):
            self.see(value.items)
        elif isinstance(value, dict):
            self.see(tuple(value.values()))
        elif isinstance(value, list | tuple):
            for item in value:
                self.see(item)

    def small(self, size: int) -> int:
        return self._small.get(size, size)


class _Small:
    """Makes the arguments of one tiny call."""

    def __init__(self, sizes: _Sizes, fill: Fill, classes: int) -> None:
        self._sizes = sizes
        self._fill = fill
        self._classes = classes
        self._count = 0
        self._made: dict[int, Tensor] = {}  # one tensor in several places stays one
        self.has_labels = False

    def of(self, value: Any) -> Any:
        if isinstance(value, Tensor):
            return self._tensor(value)
        if isinstance(value, Net):
            return self._net(value)
        if isinstance(value, AsGenerator):
            return AsGenerator(self.of(value.items))
        if isinstance(value, Named):
            return replace(value, items=self.of(value.items))
        if isinstance(value, dict):
            return {key: self.of(item) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return type(value)(self.of(item) for item in value)
        if isinstance(value, np.ndarray):
            return np.arange(value.size).reshape(value.shape).astype(value.dtype)
        if isinstance(value, float):
            return RATE
        if isinstance(value, int) and not isinstance(value, bool):
            return self._sizes.small(value)
        return value

    def _net(self, net: Net) -> Net:
        layers = tuple((name, *map(self.of, arguments)) for name, *arguments in net.layers)
        state = {name: self._state(name, tensor) for name, tensor in net.state.items()}
        return replace(net, layers=layers, state=state)

    def _state(self, name: str, tensor: Tensor) -> Tensor:
        """A parameter, or a buffer of batch normalisation."""
        if not tensor.is_floating_point():
            return torch.zeros_like(tensor)
        small = self._tensor(tensor)
        return torch.ones_like(small) if name.endswith("running_var") else small

    def _tensor(self, tensor: Tensor) -> Tensor:
        if id(tensor) not in self._made:
            self._made[id(tensor)] = self._new(tensor)
        return self._made[id(tensor)]

    def _new(self, tensor: Tensor) -> Tensor:
        shape = tuple(self._sizes.small(size) for size in tensor.shape)
        count = math.prod(shape)
        if tensor.is_floating_point():
            numbers = torch.tensor(self._fill(count, self._count), dtype=tensor.dtype)
        else:
            self.has_labels = True
            numbers = torch.tensor([(self._classes - 1 - n) % self._classes for n in range(count)]).to(tensor.dtype)
        self._count += 1
        made = numbers.reshape(shape).requires_grad_(tensor.requires_grad)
        if tensor.grad is not None:
            made.grad = self._new(tensor.grad)
        return made
