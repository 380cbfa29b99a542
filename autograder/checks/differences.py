"""What is wrong with a value, in the order that helps: kind, shape, dtype, device, and only then the numbers.

Tensors are judged as `torch.testing.assert_close` judges them, by `torch.isclose` and its default tolerances (the
function itself imports 500 modules at its first call); nothing is ever broadcast or converted.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from torch import Tensor

from autograder.checks.failure import BrokenCheckError, CheckFailedError
from autograder.checks.kinds import kind_of, shape_of
from autograder.checks.numbers import count_of, place_of, written
from autograder.model import Entries

MOST_ENTRIES = 400  # of a tensor whose entries are kept
MOST_AXES = 3

DETACHED = "`.item()`, `float()` and `.tolist()` leave PyTorch: return the tensor itself"
NUMBER = "`.item()` turns a tensor that holds one number into a Python number"


def see_close(got: Any, expected: Any, name: str, rtol: float | None, atol: float | None, look_at: str = "") -> None:
    """Raise CheckFailedError unless `got` is of the kind of `expected` and equal within the tolerances.

    Tolerances default to those of torch.testing for the dtype. Raises BrokenCheckError for an `expected` of no use.
    """
    if isinstance(expected, Tensor):
        _see_tensor_close(got, expected, name, rtol, atol, look_at)
    elif isinstance(expected, bool) or expected is None or isinstance(expected, str):
        see_equal(got, expected, name, look_at)
    elif isinstance(expected, int | float):
        _see_number_close(got, expected, name, rtol, atol, look_at)
    elif isinstance(expected, list | tuple):
        if not isinstance(got, list | tuple):
            raise wrong_kind(got, kind_of(expected), name)
        see_length(got, expected, name)
        for index, (one, other) in enumerate(zip(got, expected, strict=True)):
            see_close(one, other, f"{name}[{index}]", rtol, atol, look_at)
    elif isinstance(expected, dict):
        if not isinstance(got, dict):
            raise wrong_kind(got, "a dict", name)
        _see_keys(got, expected, name)
        for key, other in expected.items():
            see_close(got[key], other, f"{name}[{key!r}]", rtol, atol, look_at)
    else:
        raise BrokenCheckError(f"is_close_to: {kind_of(expected)} is nothing to compare with")


def see_equal(got: Any, expected: Any, name: str, look_at: str = "") -> None:
    """Raise CheckFailedError unless `got` is exactly `expected`: the same type and value, bit for bit in tensors."""
    if isinstance(expected, Tensor):
        _see_like(got, expected, name)
        if not torch.equal(got, expected):
            _raise_entries(got, expected, got != expected, name, look_at)
        return
    wanted = float if isinstance(expected, float) else type(expected)
    if not (isinstance(got, float) if wanted is float else type(got) is wanted):
        raise wrong_kind(got, kind_of(expected), name)
    if got != expected:
        raise CheckFailedError(
            f"{name} is wrong", expected=f"{name} = {expected!r}", got=_cut(repr(got)), look_at=look_at
        )


def wrong_kind(got: Any, wanted: str, name: str = "the result") -> CheckFailedError:
    """The failure of a value that is not even of the right kind. wanted: "a tensor", "a float"."""
    kind = kind_of(got)
    if got is None:
        message, look_at = "your function returned None: is a `return` missing?", ""
    else:
        message, look_at = f"{name} is {kind}, not {wanted}", ""
        if isinstance(got, Tensor) and wanted in ("a float", "an int", "a bool"):
            message, look_at = f"{name} is a tensor, not a Python {wanted.partition(' ')[2]}", NUMBER
        elif wanted == "a tensor" and isinstance(got, float | int | list):
            look_at = DETACHED
        elif wanted == "a tensor" and isinstance(got, np.ndarray):
            look_at = "NumPy is not needed here: stay in PyTorch, or `torch.from_numpy` leads back"
        elif isinstance(got, np.generic):
            look_at = "`float(...)` turns a NumPy number into a Python number"
        elif isinstance(got, bool) and wanted == "a float":
            message = f"{name} is True or False, not a float"
    return CheckFailedError(message, expected=wanted, got=kind, look_at=look_at)


def _see_like(got: Any, expected: Tensor, name: str) -> None:
    """Kind, shape, dtype, device of a tensor."""
    if not isinstance(got, Tensor):
        raise wrong_kind(got, "a tensor", name)
    if got.shape != expected.shape:
        raise CheckFailedError(f"{name} has the wrong shape", expected=shape_of(expected), got=shape_of(got))
    if got.dtype != expected.dtype:
        raise CheckFailedError(f"{name} has the wrong dtype", expected=str(expected.dtype), got=str(got.dtype))
    if got.device != expected.device:
        message = f"{name} is on the wrong device"
        raise CheckFailedError(message, expected=str(expected.device), got=str(got.device))
    if got.layout != expected.layout:
        raise CheckFailedError(f"{name} has the wrong layout", expected=str(expected.layout), got=str(got.layout))


def _see_tensor_close(
    got: Any, expected: Tensor, name: str, rtol: float | None, atol: float | None, look_at: str
) -> None:
    _see_like(got, expected, name)
    got, expected = got.detach(), expected.detach()
    if torch.equal(got, expected):  # much faster than what follows, and often so
        return
    if rtol is None or atol is None:
        rtol, atol = torch.testing._comparison.default_tolerances(expected.dtype)
    wrong = ~torch.isclose(got, expected, rtol=rtol, atol=atol)
    if wrong.any():
        _raise_entries(got, expected, wrong, name, look_at)


def _raise_entries(got: Tensor, expected: Tensor, wrong: Tensor, name: str, look_at: str) -> None:
    """Raise the failure that names the worst of the entries where `wrong` is true."""
    count = int(wrong.sum())
    if expected.dtype.is_floating_point or expected.dtype.is_complex:
        distance = (got - expected).abs().to(torch.float64)
        distance = torch.where(got.isnan() | distance.isnan(), torch.inf, distance)
    else:
        distance = (got.to(torch.float64) - expected.to(torch.float64)).abs()
    flat = int(torch.where(wrong, distance, -1.0).flatten().argmax())
    right, seen = expected.flatten()[flat].item(), got.flatten()[flat].item()
    raise CheckFailedError(
        count_of(count, expected.numel()),
        expected=f"{name}{place_of(expected, flat)} = {written(right, seen)}",
        got=written(seen, right),
        look_at=look_at,
        entries=_entries(got, expected, wrong, name),
    )


def _entries(got: Tensor, expected: Tensor, wrong: Tensor, name: str) -> Entries | None:
    """Which entries are off and by how much, for a picture; None where there are too many to see, or only one."""
    if not 1 < wrong.numel() <= MOST_ENTRIES or wrong.dim() > MOST_AXES or expected.dtype.is_complex:
        return None
    off = "".join("1" if each else "0" for each in wrong.flatten().tolist())
    errors = (got.to(torch.float64) - expected.to(torch.float64)).flatten().tolist()
    rounded = tuple(float(f"{error:.3g}") if math.isfinite(error) else None for error in errors)
    return Entries(name, tuple(wrong.shape), off, rounded)


def _see_number_close(
    got: Any, expected: float, name: str, rtol: float | None, atol: float | None, look_at: str
) -> None:
    wanted = kind_of(expected)
    fits = isinstance(got, int | float) if isinstance(expected, float) else type(got) is int
    if isinstance(got, bool) or not fits:
        raise wrong_kind(got, wanted, name)
    right, seen = float(expected), _float(got)
    try:
        torch.testing.assert_close(seen, right, rtol=rtol, atol=atol)
    except AssertionError:
        raise CheckFailedError(
            "the value is wrong", expected=f"{name} = {written(right, seen)}", got=written(seen, right), look_at=look_at
        ) from None


def _float(number: float) -> float:
    try:
        return float(number)
    except OverflowError:  # an int beyond every float
        return float("inf")


def see_length(got: Any, expected: Any, name: str) -> None:
    """Raise CheckFailedError unless both have as many items."""
    if len(got) != len(expected):
        message = f"{name} has the wrong length"
        raise CheckFailedError(message, expected=f"length {len(expected)}", got=f"length {len(got)}")


def _see_keys(got: Any, expected: Any, name: str) -> None:
    if got.keys() != expected.keys():
        keys = [_cut(", ".join(sorted(map(repr, mapping)))) for mapping in (expected, got)]
        raise CheckFailedError(f"{name} has the wrong keys", expected=keys[0], got=keys[1])


def _cut(text: str, limit: int = 200) -> str:
    return text if len(text) <= limit else text[:limit] + " ..."
