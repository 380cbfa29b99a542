"""Did two functions do the same in one check? Call by call: values, gradients, inputs afterwards, errors, state.

"The same" is the same kind, shape and dtype, and numbers that differ by rounding only, or by a tiny share of what the
student's differ from the right ones by: a long computation rounds more, but two mistakes of a small effect stay apart.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from autograder.checks.student import Step
from autograder.engine.arguments import Named, Net
from autograder.engine.calls import CallError, CallReport, Handle

ROUNDINGS = 16  # machine epsilons, of the largest number in the tensor
SINGLE = torch.float32
SHARE = 1e-5  # of the distance to the right value


def is_same_step(one: Step, other: Step, right: Step | None) -> bool:
    """True when `one` and `other` did the same. right: the reference's step at this place, if it has one."""
    if one.call.name != other.call.name or one.lost != other.lost:
        return False
    if one.report is None or other.report is None:
        return one.report is other.report
    return _are_same_parameters(one, other, right) and _is_same_report(
        one.report, other.report, None if right is None else right.report
    )


def _is_same_report(one: CallReport, other: CallReport, right: CallReport | None) -> bool:
    return (
        _is_same_error(one.error, other.error)
        and one.requires_grad == other.requires_grad
        and one.same_tensors == other.same_tensors
        and one.state_changes == other.state_changes
        and one.devices == other.devices
        and _trips(one) == _trips(other)
        and _is_same_error(one.gradient_error, other.gradient_error)
        and is_same_value(one.value, other.value, None if right is None else right.value)
        and is_same_value(one.gradients, other.gradients, None if right is None else right.gradients)
        and is_same_value(one.inputs, other.inputs, None if right is None else right.inputs)
    )


def _are_same_parameters(one: Step, other: Step, right: Step | None) -> bool:
    """True when two modules have the same parameters. Names never count, values only where the check has set them."""
    ours, others, wanted = (
        None
        if step is None or step.report is None or step.report.parameters is None
        else [tensor for _, tensor in step.report.parameters]
        for step in (one, other, right)
    )
    if ours is None or others is None:
        return ours is others
    if one.call.set_parameters:
        return is_same_value(ours, others, wanted)
    return [_look(tensor) for tensor in ours] == [_look(tensor) for tensor in others]


def _look(tensor: Tensor) -> tuple[Any, ...]:
    """All that can be said of a parameter whose value was drawn by the student's side."""
    is_constant = tensor.numel() > 1 and bool((tensor == tensor.flatten()[0]).all())
    return tensor.shape, tensor.dtype, tensor.device, tensor.requires_grad, tensor.grad is None, is_constant


def _trips(report: CallReport) -> frozenset[tuple[str, str]]:
    """What kinds of transfers there were, in forward and backward."""
    return frozenset((each.kind.value, each.phase) for each in report.transfers)


def _is_same_error(one: CallError | None, other: CallError | None) -> bool:
    if one is None or other is None:
        return one is other
    if one.type_name == other.type_name == "RecursionError":
        return True  # what it says depends on where the stack was full
    return one.type_name == other.type_name and one.message == other.message


def is_same_value(one: Any, other: Any, right: Any) -> bool:
    """True when the two are of one kind and equal but for rounding. right: what would have been right there."""
    if isinstance(one, np.ndarray) and isinstance(other, np.ndarray):
        if one.dtype != other.dtype or one.dtype.kind not in "biufc":
            return one.dtype == other.dtype and one.shape == other.shape and bool((one == other).all())
        return is_same_value(torch.from_numpy(one), torch.from_numpy(other), None)
    if isinstance(one, Tensor):
        return isinstance(other, Tensor) and _is_same_tensor(one, other, right)
    if isinstance(one, float) and isinstance(other, float):
        wanted = torch.tensor(right, dtype=torch.float64) if isinstance(right, float) else None
        pair = torch.tensor(one, dtype=torch.float64), torch.tensor(other, dtype=torch.float64)
        return _is_near(*pair, wanted, SINGLE)  # numbers out of tensors, most of them float32
    if type(one) is not type(other):
        return False
    if isinstance(one, list | tuple):
        rights = right if isinstance(right, list | tuple) and len(right) == len(one) else [None] * len(one)
        return len(one) == len(other) and all(map(is_same_value, one, other, rights))
    if isinstance(one, dict):
        known = right if isinstance(right, dict) else {}
        return one.keys() == other.keys() and all(is_same_value(one[key], other[key], known.get(key)) for key in one)
    if isinstance(one, Named):
        same = (one.type_name, one.fields) == (other.type_name, other.fields)
        return same and is_same_value(one.items, other.items, getattr(right, "items", None))
    if isinstance(one, Net):
        same = (one.modes, one.devices, one.forwards) == (other.modes, other.devices, other.forwards)
        return same and is_same_value(one.state, other.state, right.state if isinstance(right, Net) else None)
    if isinstance(one, Handle):
        return bool(one.type_name == other.type_name)
    return bool(one == other)


def _is_same_tensor(one: Tensor, other: Tensor, right: Any) -> bool:
    if one.shape != other.shape or one.device != other.device:
        return False
    if one.dtype != other.dtype:
        # where a tensor is wrong anyway, its dtype says nothing: `.float().mean()` or `.double().mean()` for a float
        if isinstance(right, Tensor) or right is None or not (one.is_floating_point() and other.is_floating_point()):
            return False
        return _is_near(one.detach().double(), other.detach().double(), None, SINGLE)
    if one.requires_grad != other.requires_grad:
        return False
    wanted = right if isinstance(right, Tensor) and right.shape == one.shape else None
    if one.grad is not None or other.grad is not None:  # a gradient reset to zero is as good as none
        first, second = (torch.zeros_like(one) if tensor.grad is None else tensor.grad for tensor in (one, other))
        if not is_same_value(first, second, None if wanted is None else wanted.grad):
            return False
    return _is_near(one.detach(), other.detach(), None if wanted is None else wanted.detach())


def _is_near(one: Tensor, other: Tensor, right: Tensor | None, precision: torch.dtype | None = None) -> bool:
    if torch.equal(one, other):
        return True
    if not (one.is_floating_point() or one.is_complex()):
        return False
    finite = torch.isfinite(one)
    if not torch.equal(finite, torch.isfinite(other)):
        return False
    strange = ~finite
    if bool((strange & (one != other) & ~(one.isnan() & other.isnan())).any()):
        return False
    if not bool(finite.any()):
        return True
    distance = float((one - other)[finite].abs().max())
    size = float(torch.maximum(one[finite].abs(), other[finite].abs()).max())
    spacing = torch.finfo(precision or one.dtype)
    allowed = ROUNDINGS * max(spacing.eps * size, spacing.tiny)  # tiny: where numbers run out of digits
    if right is not None:
        both = finite & torch.isfinite(right)
        if bool(both.any()):
            allowed = max(allowed, SHARE * float((one - right)[both].abs().max()))
    return distance <= allowed
