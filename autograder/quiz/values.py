"""Questions whose answer is a value: a number, a shape, a tensor, the name of a dtype or of a device."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import torch

from autograder.quiz import released
from autograder.quiz.variant import Variant

NESTED = 50  # axes; deeper lists are no tensor
ALIASES = {
    "half": "float16",
    "float": "float32",
    "double": "float64",
    "short": "int16",
    "int": "int32",
    "long": "int64",
}


@dataclass(frozen=True, kw_only=True)
class TrueFalse(Variant):
    """`answer = True`. A statement that holds or does not."""

    form: ClassVar[Callable[..., str]] = staticmethod(released.form_truth)
    how: ClassVar[str] = "`True` or `False`: `{name} = ...`"
    is_telling: ClassVar[bool] = False
    misshapen: ClassVar[tuple[Any, ...]] = ("True", 1, 0, "yes", [True])


@dataclass(frozen=True, kw_only=True)
class Number(Variant):
    """`answer = 0.693`. Right within `rel` of the answer, or within `abs` of it. The prompt names the unit."""

    rel: float = 1e-3
    abs: float = 1e-6

    form: ClassVar[Callable[..., str]] = staticmethod(released.form_number)
    how: ClassVar[str] = "a number, such as `{name} = 12.5`"
    misshapen: ClassVar[tuple[Any, ...]] = ("12.5", True, (1.0,), math.nan, math.inf, 1j)

    @property
    def right(self) -> Any:
        """The answer as a Python number: torch may have computed it."""
        return released.plain(self.answer)

    def read(self, given: Any) -> float:
        """As a float."""
        return float(released.plain(given))

    def share(self, answer: float) -> float:
        """All or nothing."""
        return float(self.is_same(answer, self.read(self.right)))

    def is_same(self, one: float, other: float) -> bool:
        """Within the tolerances."""
        return math.isclose(one, other, rel_tol=self.rel, abs_tol=self.abs)

    def given_away(self) -> str:
        """Only a number of four digits or more tells something."""
        text = f"{self.right:.4g}" if isinstance(self.right, float) else str(self.right)
        return text if sum(char.isdigit() for char in text.lstrip("-0.")) >= 4 else ""


@dataclass(frozen=True, kw_only=True)
class Integer(Variant):
    """`answer = 7`. A whole number."""

    form: ClassVar[Callable[..., str]] = staticmethod(released.form_integer)
    how: ClassVar[str] = "a whole number, such as `{name} = 99`"
    misshapen: ClassVar[tuple[Any, ...]] = ("7", 7.5, True, (7,))

    @property
    def right(self) -> Any:
        """The answer as a Python int: torch may have computed it."""
        return released.plain(self.answer)

    def given_away(self) -> str:
        """Only a number of four digits or more tells something."""
        return str(self.right) if len(str(abs(self.right))) >= 4 else ""


@dataclass(frozen=True, kw_only=True)
class Shape(Variant):
    """`answer = (2, 4)`. The shape of a tensor."""

    form: ClassVar[Callable[..., str]] = staticmethod(released.form_shape)
    how: ClassVar[str] = "a tuple of whole numbers, such as `{name} = (9, 9)`; one axis is `(9,)`, no axis is `()`"
    misshapen: ClassVar[tuple[Any, ...]] = ("(2, 4)", [2, 4], 2, (2.5,), (True,), (-1,), {2})

    @property
    def right(self) -> Any:
        """The answer as a tuple: it may be a torch.Size."""
        return released.plain(self.answer)

    def remark(self, answer: Any, share: float) -> str:
        """Say where the number of axes already differs."""
        if share < 1 and len(answer) != len(self.right):
            return "not right: the number of axes differs"
        return super().remark(answer, share)

    def given_away(self) -> str:
        """The shape as it is written."""
        return str(self.right) if len(self.right) > 1 else ""


@dataclass(frozen=True, kw_only=True)
class TensorValue(Variant):
    """`answer = [[1, 2], [3, 4]]`. The entries of a tensor: first its shape must be right, then every entry."""

    rel: float = 1e-3
    abs: float = 1e-6

    form: ClassVar[Callable[..., str]] = staticmethod(released.form_tensor)
    how: ClassVar[str] = "its entries in nested lists, such as `{name} = [[9, 9], [9, 9]]`"
    misshapen: ClassVar[tuple[Any, ...]] = ("[1, 2]", [[1, 2], [3]], [1, "2"], {"a": 1}, [None])

    @property
    def right(self) -> Any:
        """The answer as nested lists."""
        return released.plain(self.answer)

    def read(self, given: Any) -> Any:
        """As a tensor of doubles."""
        return torch.tensor(released.plain(given), dtype=torch.float64)

    def share(self, answer: Any) -> float:
        """All or nothing."""
        return float(self.is_same(answer, self.read(self.right)))

    def is_same(self, one: Any, other: Any) -> bool:
        """Of one shape, and within the tolerances."""
        return bool(one.shape == other.shape and torch.allclose(one, other, rtol=self.rel, atol=self.abs))

    def form_problem(self, given: Any) -> str:
        """Lists nested too deep for a tensor are no answer either."""
        problem = super().form_problem(given)
        depth, part = 0, released.plain(given)
        while isinstance(part, list | tuple) and part and not problem:
            depth, part = depth + 1, part[0]
        return problem or ("write lists that are not nested so deep" if depth > NESTED else "")

    def remark(self, answer: Any, share: float) -> str:
        """Shape before values."""
        right = self.read(self.right)
        if answer.shape != right.shape:
            return "not right: the shape differs"
        if share < 1:
            wrong = int((~torch.isclose(answer, right, rtol=self.rel, atol=self.abs)).sum())
            return f"not right: the shape is right, {wrong} of {right.numel()} entries are not"
        return "right"

    def given_away(self) -> str:
        """The list as it is written."""
        return str(self.right) if isinstance(self.right, list) else ""


@dataclass(frozen=True, kw_only=True)
class Dtype(Variant):
    """`answer = "float32"` or `answer = torch.float32`."""

    form: ClassVar[Callable[..., str]] = staticmethod(released.form_dtype)
    how: ClassVar[str] = 'the name of the dtype, such as `{name} = "int8"`'
    is_telling: ClassVar[bool] = False
    misshapen: ClassVar[tuple[Any, ...]] = ("flaot32", "tensor", 32, ("float32",), "")

    @property
    def right(self) -> Any:
        """The name, without "torch."."""
        return str(released.plain(self.answer)).removeprefix("torch.")

    def read(self, given: Any) -> str:
        """By the name that torch prints."""
        name = str(released.plain(given)).strip().removeprefix("torch.")
        return ALIASES.get(name, name)

    def given_away(self) -> str:
        """The name."""
        return str(self.right)


@dataclass(frozen=True, kw_only=True)
class Device(Variant):
    """`answer = "cuda:0"`. "cuda" stands for "cuda:0"."""

    form: ClassVar[Callable[..., str]] = staticmethod(released.form_device)
    how: ClassVar[str] = 'the name of the device, such as `{name} = "cuda:9"`'
    is_telling: ClassVar[bool] = False
    misshapen: ClassVar[tuple[Any, ...]] = ("gpu", 0, "cuda:", "cuda:x", "", ("cpu",))

    @property
    def right(self) -> Any:
        """The name."""
        return str(released.plain(self.answer))

    def read(self, given: Any) -> str:
        """With its number."""
        kind, _, number = str(released.plain(given)).strip().partition(":")
        return f"{kind}:{int(number or 0)}" if kind == "cuda" else kind
