"""What a wrong answer did, in a few numbers, so that equal wrong answers of a class can be found.

Inputs are drawn for each student, so equal mistakes give different numbers. A failed check that no mistake explains is
run once more on inputs that the whole class shares, and this is what is kept of it: call by call, what came back and
three numbers for each tensor. Two sketches are compared with `autograder.report.class_report.clusters`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import msgspec
import torch
from torch import Tensor

from autograder.checks.kinds import kind_of
from autograder.checks.running import Run
from autograder.checks.student import Step
from autograder.engine.calls import CallError

MAX_STEPS = 6  # of a check
MAX_LEAVES = 8  # of one value
MAX_TEXT = 200  # of an exception's message
_NUMBER = re.compile(r"-?\d+(?:\.\d*)?(?:e[+-]?\d+)?", re.IGNORECASE)
Entry = tuple[str, tuple[float, ...]]


def can_be_sketched(run: Run) -> bool:
    """True when the function was there and gave values, or raised something: neither hung nor a stub."""
    if not run.steps or any(step.lost for step in run.steps):
        return False
    error = run.steps[-1].report.error if run.steps[-1].report else None
    return error is None or error.type_name != "NotImplementedError"


def sketch_of(run: Run) -> str:
    """The sketch of a run, as JSON: a list of [words, [numbers]]."""
    entries: list[Entry] = []
    for step in run.steps[:MAX_STEPS]:
        entries += _entries(step)
    if run.failure is not None:
        entries.append((without_numbers(run.failure.message), ()))
    return msgspec.json.encode(entries).decode()


def without_numbers(text: str) -> str:
    """The first line of a message with "#" for each number in it."""
    return _NUMBER.sub("#", text.strip().partition("\n")[0][:MAX_TEXT])


def _entries(step: Step) -> Iterator[Entry]:
    report = step.report
    if report is None:
        yield f"{step.call.name}: {step.lost}", ()
        return
    for what, error in (("", report.error), ("backward pass: ", report.gradient_error)):
        if error is not None:
            yield f"{step.call.name}: {what}{_said(error)}", ()
    yield from _leaves(report.value, f"{step.call.name}")
    for position, gradient in enumerate(report.gradients):
        yield from _leaves(gradient, f"{step.call.name}: gradient {position}")


def _said(error: CallError) -> str:
    return f"{error.type_name}: {without_numbers(error.message)}"


def _leaves(value: Any, name: str) -> Iterator[Entry]:
    """The entry of a value, or those of its first items."""
    if isinstance(value, list | tuple):
        yield f"{name}: {type(value).__name__} of {len(value)}", ()
        for item in value[:MAX_LEAVES]:
            yield from _leaves(item, name)
    elif isinstance(value, Tensor):
        kind = f"{value.dtype} {tuple(value.shape)}{' with grad' * value.requires_grad}"
        yield f"{name}: {kind}{_strange(value)}", _numbers(value)
    elif isinstance(value, bool | str) or value is None:
        yield f"{name}: {str(value)[:MAX_TEXT]}", ()
    elif isinstance(value, int | float):
        number = torch.tensor(float(value), dtype=torch.float64)
        yield f"{name}: {type(value).__name__}{_strange(number)}", _numbers(number)
    else:
        yield f"{name}: {kind_of(value)}", ()


def _strange(tensor: Tensor) -> str:
    """How many entries are no numbers."""
    if not tensor.is_floating_point():
        return ""
    counts = {"nan": int(tensor.isnan().sum()), "inf": int(tensor.isinf().sum())}
    return "".join(f", {count} {word}" for word, count in counts.items() if count)


def _numbers(tensor: Tensor) -> tuple[float, ...]:
    """The length of the entries as a vector, and its parts along two fixed directions."""
    if tensor.is_complex() or tensor.numel() == 0:
        return ()
    flat = tensor.detach().to("cpu", torch.float64).flatten().nan_to_num(0.0, 0.0, 0.0)
    place = torch.arange(1, flat.numel() + 1, dtype=torch.float64)
    found = (flat.norm(), flat @ place.cos(), flat @ (place * 1.7).sin())
    return tuple(float(f"{float(number):.6g}") for number in found)
