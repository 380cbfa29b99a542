"""Names for what a student's function returned: "a list", "a tensor of shape (3, 4)", "a numpy array"."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from autograder.engine.arguments import Named
from autograder.engine.calls import Handle

_PLAIN = {
    type(None): "None",
    bool: "a bool",
    int: "an int",
    str: "a string",
    list: "a list",
    tuple: "a tuple",
    dict: "a dict",
}


def kind_of(value: Any) -> str:
    """What a value is, with its article, without what it holds."""
    if isinstance(value, Tensor):
        return "a tensor"
    if isinstance(value, np.ndarray):
        return "a numpy array"
    if isinstance(value, float):  # np.float64 is one
        return "a float"
    if isinstance(value, np.generic):
        return f"a numpy {type(value).__name__}"
    if isinstance(value, torch.device):
        return "a torch.device"
    if isinstance(value, Named):
        return f"a named tuple {value.type_name}"
    if isinstance(value, Handle):
        return f"an object of type {value.type_name}"
    return _PLAIN.get(type(value), f"an object of type {type(value).__name__}")


def shape_of(tensor: Tensor) -> str:
    """A tensor's shape as PyTorch writes it: "shape (3, 4)", "shape () (a single number)"."""
    return "shape () (a 0-dim tensor)" if tensor.dim() == 0 else f"shape {tuple(tensor.shape)}"
