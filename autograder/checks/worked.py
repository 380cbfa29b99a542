"""A mistake at work: a tiny call on which two functions differ, with what each of them makes of it.

One of the two is the reference, of which nothing is shown but its numbers. The other is a mistake of the catalogue,
which does what the student's function does, or the student's function itself, asked through the sandbox.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

from autograder.checks.kinds import kind_of
from autograder.checks.student import Step
from autograder.checks.tiny import tiny_calls
from autograder.engine.arguments import Net
from autograder.engine.calls import AsGenerator, Call, CallError, CallFailed, CallReport
from autograder.model import Example, Numbers

MOST_NUMBERS = 24  # of a tensor that is shown
WIDEST = 6
CLEAR = 0.02  # of the largest right number: a difference that nobody takes for rounding
LARGEST_INT = 10**15  # that is written out
LONGEST_CODE = 1400  # characters
MOST_TEMPLATES = 4  # calls of a check that are imitated

Ask = Callable[[Call], CallReport]
Part = tuple[str, Any]  # how the part is written in Python, and the part


def find_example(
    steps: Sequence[Step], ours: Ask, theirs: Ask, function: Callable[..., Any], most: int
) -> Example | None:
    """A tiny call in the manner of `steps` on which the two differ: the first where they differ clearly, else visibly.

    ours: the reference. function: its signature names the arguments. most: calls of `theirs`.
    """
    asked = 0
    faint: Example | None = None
    for template in _templates(steps):
        names = _parameters(function, len(template.args))
        for call in tiny_calls(template):
            right = None if len(_code(call, names)) > LONGEST_CODE else _answer(ours, call)
            if right is None or right.error is not None or right.gradient_error is not None:
                continue
            if asked >= most:
                return faint
            asked += 1
            wrong = _answer(theirs, call)
            if wrong is None:
                return faint
            found = _difference(call, names, wrong, right)
            if found is not None:
                what, got, expected = found
                example = Example(_code(call, names, what), what, got, expected)
                if _is_clear(got, expected):
                    return example
                faint = faint or example
    return faint


def _is_clear(got: Numbers, expected: Numbers) -> bool:
    """Would nobody take the difference for rounding?"""
    if got.text != expected.text or len(got.rows) != len(expected.rows):
        return True
    pairs = [
        pair for ours, theirs in zip(expected.rows, got.rows, strict=True) for pair in zip(ours, theirs, strict=True)
    ]
    largest = max((abs(float(right)) for right, _ in pairs), default=0.0)
    return not all(abs(float(right) - float(wrong)) <= CLEAR * largest for right, wrong in pairs)


def _templates(steps: Sequence[Step]) -> list[Call]:
    """Calls that differ in more than their numbers."""
    found: dict[str, Call] = {}
    for step in steps:
        shape = repr([_look(arg) for arg in step.call.args]) + repr((step.call.wrt, step.call.grad_enabled))
        found.setdefault(shape, step.call)
    return list(found.values())[:MOST_TEMPLATES]


def _look(value: Any) -> Any:
    if isinstance(value, Tensor):
        return str(value.dtype), [min(size, 2) for size in value.shape]
    return type(value).__name__


def _answer(ask: Ask, call: Call) -> CallReport | None:
    try:
        return ask(call)
    except CallFailed:
        return None


def _difference(
    call: Call, names: Sequence[str], wrong: CallReport, right: CallReport
) -> tuple[str, Numbers, Numbers] | None:
    """What differs, written in Python, and both sides of it."""
    written = _written_call(call, names)
    error = wrong.error or (wrong.gradient_error if call.wrt else None)
    if error is not None:
        expected = _numbers(right.value)
        return None if expected is None else (written, Numbers(text=_said(error)), expected)
    for (what, got), (_, expected) in zip(
        _parts(call, names, written, wrong), _parts(call, names, written, right), strict=False
    ):
        sides = _numbers(got), _numbers(expected)
        if sides[1] is None:
            return None
        if sides[0] != sides[1]:
            return what, sides[0] or Numbers(text=kind_of(got)), sides[1]
    return None


def _parts(call: Call, names: Sequence[str], written: str, report: CallReport) -> Iterator[Part]:
    """What can be compared of a report: the value item by item, gradients, arguments afterwards."""
    if not call.wrt:
        yield from _items(written if isinstance(report.value, Tensor | float) else "result", report.value)
    for position, gradient in zip(call.wrt, report.gradients, strict=False):
        yield f"{names[position]}.grad", gradient
    for name, after in zip(names, report.inputs, strict=False):
        yield from _items(name, after)


def _items(name: str, value: Any) -> Iterator[Part]:
    if isinstance(value, list | tuple) and value:
        for position, item in enumerate(value):
            yield from _items(f"{name}[{position}]", item)
        return
    if isinstance(value, Net):
        yield from ((f"{name}.state_dict()[{key!r}]", tensor) for key, tensor in value.state.items())
        yield f"{name}.training", value.training
        return
    yield name, value
    if isinstance(value, Tensor) and value.grad is not None:
        yield f"{name}.grad", value.grad


def _numbers(value: Any) -> Numbers | None:
    """A value to look at; None where it is too large, or not to be shown."""
    if isinstance(value, Tensor):
        return _tensor_numbers(value.detach())
    if isinstance(value, bool | str) or value is None:
        return Numbers(text=repr(value)[:100])
    if isinstance(value, int | float):
        return Numbers(((_number(value),),), kind_of(value))
    return Numbers(text=kind_of(value))


def _tensor_numbers(tensor: Tensor) -> Numbers | None:
    if tensor.numel() > MOST_NUMBERS or tensor.is_complex():
        return None
    kind = f"shape {tuple(tensor.shape)}" + (f", {tensor.dtype}" if tensor.dtype != torch.float32 else "")
    if tensor.dim() > 2 or (tensor.dim() and tensor.shape[-1] > WIDEST) or not tensor.numel():
        return Numbers(text=f"{tensor.tolist()}; {kind}")
    rows = tensor.reshape(1, -1) if tensor.dim() < 2 else tensor
    return Numbers(tuple(tuple(map(_number, row)) for row in rows.tolist()), kind)


def _number(value: float) -> str:
    if isinstance(value, bool | int):
        return str(value) if abs(value) < LARGEST_INT else "a very large int"
    return f"{value + 0.0:.4g}"


def _said(error: CallError) -> str:
    first = error.message.strip().partition("\n")[0]
    return f"{error.type_name}: {first[:160]}" if first else error.type_name


def _parameters(function: Callable[..., Any], count: int) -> list[str]:
    names = [parameter.name for parameter in inspect.signature(function).parameters.values()]
    return (names + [f"argument_{position}" for position in range(len(names), count)])[:count]


def _code(call: Call, names: Sequence[str], what: str = "") -> str:
    """The call as lines of a notebook cell, which ends with `what`."""
    lines = []
    for position, (name, value) in enumerate(zip(names, call.args, strict=True)):
        lines.append(f"{name} = {_written(value, needs_grad=position in call.wrt)}")
        lines += _settings_of(name, value) if isinstance(value, Net) else []
        lines += [f"{place}.grad = {_written(tensor.grad)}" for place, tensor in _with_gradient(name, value)]
    written = _written_call(call, names)
    if call.wrt and call.cotangent is not None:
        lines.append(f"weights = {_written(call.cotangent)}")
    if call.wrt and what != written:
        factor = f"({written} * weights)" if call.cotangent is not None else written
        lines.append(f"{factor}.sum().backward()")
    else:
        lines.append(f"result = {written}" if what.startswith("result") else written)
    return "\n".join([*lines, what] if what not in ("", written) else lines)


def _settings_of(name: str, net: Net) -> list[str]:
    """The parameters and the mode of a network."""
    return [f"{name}.load_state_dict({_written(net.state)})", *([] if net.training else [f"{name}.eval()"])]


def _written_call(call: Call, names: Sequence[str]) -> str:
    arguments = [*names, *(f"{name}={_written(value)}" for name, value in call.kwargs.items())]
    return f"{call.name}({', '.join(arguments)})"


def _with_gradient(name: str, value: Any) -> list[tuple[str, Tensor]]:
    """The tensors in an argument that come with a gradient."""
    if isinstance(value, Tensor):
        return [(name, value)] if value.grad is not None else []
    if isinstance(value, list | tuple):
        return [found for number, item in enumerate(value) for found in _with_gradient(f"{name}[{number}]", item)]
    return []


def _written(value: Any, needs_grad: bool = False) -> str:
    """A value as Python that makes it again."""
    if isinstance(value, Tensor):
        options = "" if value.dtype in (torch.float32, torch.int64, torch.bool) else f", dtype={value.dtype}"
        options += ", requires_grad=True" if needs_grad or value.requires_grad else ""
        return f"torch.tensor({value.tolist()}{options})" if value.numel() else f"torch.zeros({tuple(value.shape)})"
    if isinstance(value, Net):
        layers = (f"torch.nn.{name}({', '.join(map(_written, arguments))})" for name, *arguments in value.layers)
        return f"torch.nn.Sequential({', '.join(layers)})"
    if isinstance(value, AsGenerator):
        return f"iter({_written(list(value.items))})"
    if isinstance(value, list | tuple):
        items = ", ".join(map(_written, value))
        return f"[{items}]" if isinstance(value, list) else f"({items}{',' * (len(value) == 1)})"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key!r}: {_written(item)}" for key, item in value.items()) + "}"
    return repr(value)
