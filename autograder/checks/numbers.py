"""Numbers in messages: short, and long enough to see the difference."""

from __future__ import annotations

import math

import torch
from torch import Tensor


def written(number: complex | bool, other: complex | bool | None = None) -> str:
    """The number with four digits after the point, or with as many as tell it from `other`."""
    if isinstance(number, bool | int | complex):
        return str(number)
    if math.isnan(number) or math.isinf(number):
        return str(number)
    texts = _spellings(number)
    if not isinstance(other, float) or not math.isfinite(other) or number == other:
        return texts[0]
    for text, rival in zip(texts, _spellings(other), strict=True):
        if text != rival:
            return text
    return repr(number)


def _spellings(number: float) -> list[str]:
    plain = number == 0 or 1e-3 <= abs(number) < 1e5
    return [f"{number:.{digits}f}" if plain else f"{number:.{digits}e}" for digits in (4, 7, 10, 13, 16)]


def place_of(tensor: Tensor, flat: int) -> str:
    """The index of entry number `flat` as it is written after a name: "[0, 2]", or "" for a 0-dim tensor."""
    if tensor.dim() == 0:
        return ""
    return str([int(index) for index in torch.unravel_index(torch.tensor(flat), tensor.shape)])


def count_of(wrong: int, total: int, what: str = "wrong") -> str:
    """ "3 of 35 entries are wrong"."""
    if total == 1:
        return f"the value is {what}"
    return f"{wrong} of {total} entries {'is' if wrong == 1 else 'are'} {what}"
