"""Inputs drawn anew for every submission, from the check's seed alone, and never trivially special.

No two numbers that a function might compare are equal, no batch has one label only where it can have two, no gradient
is zero. The same seed gives the same inputs on every machine.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Sequence
from typing import Any, TypeVar

import torch
from torch import Tensor

from autograder.checks.failure import BrokenCheckError
from autograder.engine.calls import AsGenerator

LARGEST = 3.0  # standard deviations; no entry is further out
GAP = 1e-3  # standard deviations between any two entries of a row, as long as the row is short enough
ATTEMPTS = 1000

Item = TypeVar("Item")


class Draw:
    """The inputs of one check. seed: any text; device: where tensors are put."""

    def __init__(self, seed: str, device: str = "cpu") -> None:
        self.seed = seed
        self.device = torch.device(device)
        number = int.from_bytes(hashlib.sha256(seed.encode()).digest()[:8], "big") >> 1
        self.generator = torch.Generator().manual_seed(number)

    def logits(self, n: int, c: int, scale: float = 1.0, dtype: torch.dtype = torch.float32) -> Tensor:
        """Scores (n, c): normal with standard deviation `scale`, none beyond 3 * scale, no ties in a row."""
        return self.tensor(n, c, scale=scale, dtype=dtype)

    def tensor(self, *shape: int, scale: float = 1.0, dtype: torch.dtype = torch.float32) -> Tensor:
        """Normal with standard deviation `scale`, none beyond 3 * scale, none zero; no ties along the last axis."""
        width = shape[-1] if shape else 1
        rows = self._rows(math.prod(shape[:-1]), width)
        return (rows.reshape(shape) * scale).to(dtype=dtype, device=self.device)

    def like(self, tensor: Tensor) -> Tensor:
        """A tensor of the shape and dtype of `tensor`, for instance the weights of a gradient."""
        return self.tensor(*tensor.shape, dtype=tensor.dtype)

    def labels(self, n: int, c: int, missing: Sequence[int] = ()) -> Tensor:
        """Classes (n,), int64 in 0..c-1, none of `missing`; every other class where n is large enough.

        Where they can, they are not all the same and not in order.
        """
        classes = [number for number in range(c) if number not in set(missing)]
        if not classes:
            raise BrokenCheckError(f"labels: all {c} classes are missing")

        for _ in range(ATTEMPTS):
            drawn = self._labels(n, classes)
            if n < 3 or len(classes) < 2 or bool((drawn.diff() < 0).any()):
                return drawn.to(self.device)
        raise BrokenCheckError(f"labels: no fitting {n} labels of {c} classes were found")

    def _labels(self, n: int, classes: list[int]) -> Tensor:
        known = torch.tensor(classes)
        fill = torch.randint(len(classes), (max(0, n - len(classes)),), generator=self.generator)
        chosen = torch.cat([torch.randperm(len(classes), generator=self.generator), fill])[:n]
        return known[chosen[torch.randperm(n, generator=self.generator)]]

    def params(
        self, *shapes: Sequence[int], dtype: torch.dtype = torch.float32, without_grad: Iterable[int] = ()
    ) -> list[Tensor]:
        """Leaf tensors that require grad, one of each shape, each with a `.grad`; None at positions `without_grad`."""
        bare = set(without_grad)
        params = []
        for position, shape in enumerate(shapes):
            param = self.tensor(*shape, dtype=dtype).requires_grad_()
            grad = self.tensor(*shape, dtype=dtype)
            param.grad = None if position in bare else grad
            params.append(param)
        return params

    def as_generator(self, items: Iterable[Any]) -> AsGenerator:
        """An argument that reaches the function as a generator over `items`, which can be read once."""
        return AsGenerator(tuple(items))

    def noncontiguous(self, tensor: Tensor) -> Tensor:
        """The same values in memory that is not contiguous: a transposed storage, or every second entry of one."""
        if tensor.numel() < 2:
            return tensor
        if tensor.dim() >= 2 and min(tensor.shape[-2:]) > 1 and self.integer(0, 1):
            return tensor.detach().transpose(-1, -2).contiguous().transpose(-1, -2)
        wide = tensor.detach().repeat_interleave(2, dim=-1)
        between = wide[..., 1::2]  # what a function reads that ignores strides: wrong values
        between.copy_(~between if tensor.dtype is torch.bool else -between - 1)
        return wide[..., ::2]

    def number(self, low: float, high: float) -> float:
        """A float, uniform between `low` and `high`."""
        return low + (high - low) * float(torch.rand((), generator=self.generator, dtype=torch.float64))

    def integer(self, low: int, high: int) -> int:
        """An int from `low` to `high`, both included."""
        return int(torch.randint(low, high + 1, (), generator=self.generator))

    def choice(self, items: Sequence[Item]) -> Item:
        """One of `items`."""
        return items[self.integer(0, len(items) - 1)]

    def _rows(self, n: int, width: int) -> Tensor:
        """(n, width) float64: in each row no number is within the gap of another or of zero, none beyond LARGEST."""
        gap = min(GAP, 0.1 / max(1, width) ** 2)
        rows = self._truncated(n, width)
        for _ in range(ATTEMPTS):
            with_zero = torch.cat([rows, rows.new_zeros(n, 1)], dim=1)
            wrong = (with_zero.sort(dim=1)[0].diff(dim=1) <= gap).any(dim=1)
            if not bool(wrong.any()):
                return rows
            rows[wrong] = self._truncated(int(wrong.sum()), width)
        raise BrokenCheckError(f"no {n} rows of {width} numbers without ties were found: is the shape too large?")

    def _truncated(self, n: int, width: int) -> Tensor:
        """(n, width) standard normal, cut off at LARGEST (by the inverse of its distribution function).

        Rounded to 40 binary places: the last bits of erfinv differ between machines.
        """
        cut = math.erf(LARGEST / math.sqrt(2))
        uniform = torch.rand(n, width, generator=self.generator, dtype=torch.float64)
        values = math.sqrt(2) * torch.erfinv((2 * uniform - 1) * cut)
        return (values * 2**40).round() / 2**40
