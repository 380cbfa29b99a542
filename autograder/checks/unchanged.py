"""Is an argument after the call what it was before? Bit for bit, nan included, with gradients and settings."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from autograder.engine.arguments import Named, Net
from autograder.engine.calls import AsGenerator, Handle


def change_of(before: Any, after: Any) -> str:
    """What changed, in a few words without numbers; "" when nothing did."""
    if isinstance(before, AsGenerator):
        before = before.items
    if isinstance(before, Net):
        return ""
    if isinstance(before, Named):
        before, after = before.items, getattr(after, "items", None)
    if isinstance(before, Tensor):
        return _change_of_tensor(before, after)
    if isinstance(before, np.ndarray):
        same = isinstance(after, np.ndarray) and before.dtype == after.dtype and np.array_equal(before, after)
        return "" if same else "its values"
    if isinstance(before, list | tuple):
        if not isinstance(after, list | tuple) or len(before) != len(after):
            return "its length"
        changes = (change_of(one, other) for one, other in zip(before, after, strict=True))
        return next((change for change in changes if change), "")
    if isinstance(before, dict):
        if not isinstance(after, dict) or before.keys() != after.keys():
            return "its keys"
        changes = (change_of(item, after[key]) for key, item in before.items())
        return next((change for change in changes if change), "")
    if isinstance(before, Handle):
        return ""
    return "" if type(before) is type(after) and (before == after or before != before) else "its value"


def _change_of_tensor(before: Tensor, after: Any) -> str:
    if not isinstance(after, Tensor):
        return "it is no tensor any more"
    if before.shape != after.shape:
        return "its shape"
    if before.dtype != after.dtype or before.device != after.device:
        return "its dtype or device"
    if not _same_bits(before.detach(), after.detach()):
        return "its values"
    if before.requires_grad != after.requires_grad:
        return "whether it requires grad"
    if (before.grad is None) != (after.grad is None):
        return "its gradient"
    if before.grad is not None and after.grad is not None and not _same_bits(before.grad, after.grad):
        return "its gradient"
    return ""


def _same_bits(one: Tensor, other: Tensor) -> bool:
    if one.shape != other.shape or one.dtype != other.dtype:
        return False
    if torch.equal(one, other):
        return True
    return bool(((one == other) | ((one != one) & (other != other))).all())
