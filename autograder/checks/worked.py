"""A mistake at work: a tiny call on which two functions differ, with what each of them makes of it.

One of the two is the reference, of which nothing is shown but its numbers. The other is a mistake of the catalogue,
which does what the student's function does, or the student's function itself, asked through the sandbox. How it is
written in Python stands in `written.py`.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from autograder.checks.chains import Chain, Earlier
from autograder.checks.kinds import kind_of
from autograder.checks.tiny import tiny_chains
from autograder.checks.written import code_of, written_call
from autograder.engine.arguments import Named, Net, Opaque
from autograder.engine.calls import Call, CallError, CallFailed, CallReport, Handle
from autograder.model import Example, Numbers
from autograder.simgpu.transfers import LineTransfers, TransferKind

MOST_NUMBERS = 24  # of a tensor that is shown
WIDEST = 6
CLEAR = 0.02  # of the largest right number: a difference that nobody takes for rounding
LARGEST_INT = 10**15  # that is written out
LONGEST_CODE = 1400  # characters
LONGEST_TEXT = 300
MOST_TEMPLATES = 4  # calls of a check that are imitated
CROSSINGS = "CPU <-> GPU"

Ask = Callable[[Chain], CallReport]
Part = tuple[str, Any]  # how the part is written in Python, and the part


class Said(str):
    """A part that is words already."""


def find_example(
    chains: Sequence[Chain], ours: Ask, theirs: Ask, functions: Mapping[str, Callable[..., Any]], most: int
) -> Example | None:
    """A tiny call in the manner of `chains` on which the two differ: the first where they differ clearly, else visibly.

    ours: the reference. functions: their signatures name the arguments. most: calls of `theirs`.
    """
    asked = 0
    faint: Example | None = None
    for template in _templates(chains):
        names = [_parameters(functions, template, call) for call in template]
        for chain in tiny_chains(template):
            right = None if len(code_of(chain, names)) > LONGEST_CODE else _answer(ours, chain)
            if right is None or right.error is not None or right.gradient_error is not None:
                continue
            if asked >= most:
                return faint
            asked += 1
            wrong = _answer(theirs, chain)
            if wrong is None:
                return faint
            found = _difference(chain[-1], names[-1], wrong, right)
            if found is not None:
                what, got, expected = found
                example = Example(code_of(chain, names, what), what, got, expected)
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


def _templates(chains: Sequence[Chain]) -> list[Chain]:
    """Those that differ in more than their numbers."""
    found: dict[str, Chain] = {}
    for chain in chains:
        shape = repr([(_look(call.args), call.wrt, call.grad_enabled, call.device) for call in chain])
        found.setdefault(shape, chain)
    return list(found.values())[:MOST_TEMPLATES]


def _look(value: Any) -> Any:
    if isinstance(value, Tensor):
        return str(value.dtype), [min(size, 2) for size in value.shape]
    if type(value) in (tuple, dict):
        return type(value).__name__, [_look(item) for item in (value.values() if type(value) is dict else value)]
    return type(value).__name__


def _answer(ask: Ask, chain: Chain) -> CallReport | None:
    try:
        return ask(chain)
    except CallFailed:
        return None


def _difference(
    call: Call, names: Sequence[str], wrong: CallReport, right: CallReport
) -> tuple[str, Numbers, Numbers] | None:
    """What differs, written in Python, and both sides of it."""
    written = written_call(call, names)
    error = wrong.error or (wrong.gradient_error if call.wrt else None)
    if error is not None:
        expected = _numbers(_outline(right.value) if _is_container(right.value) else right.value)
        if expected is None or _is_other_layout(call, error):
            return None
        return written, Numbers(text=_said(error)), expected
    for (_, got), (what, expected) in zip(
        _parts(call, names, written, wrong), _parts(call, names, written, right), strict=False
    ):
        sides = _numbers(got), _numbers(expected)
        if sides[1] is None:
            return None
        if sides[0] != sides[1]:
            return what, sides[0] or Numbers(text=kind_of(got)), sides[1]
    return None


def _is_other_layout(call: Call, error: CallError) -> bool:
    """The parameters of the two modules cannot be given the same numbers: that is no mistake."""
    return bool(call.set_parameters) and error.type_name == "ValueError" and error.line is None


def _parts(call: Call, names: Sequence[str], written: str, report: CallReport) -> Iterator[Part]:
    """What can be compared of a report: where it is, the value item by item, gradients, arguments afterwards."""
    if call.device:
        yield from _devices(written, report)
    if not call.wrt:
        yield from _values("result" if _is_container(report.value) else written, report.value)
    for position, gradient in zip(call.wrt, report.gradients, strict=False):
        yield f"{names[position]}.grad", gradient
    yield from _parameters_after(call, report)
    for name, after in zip(names, report.inputs, strict=False):
        yield from _items(name, after)
    if call.device:
        yield CROSSINGS, _crossings(report.transfers)


def _devices(written: str, report: CallReport) -> Iterator[Part]:
    if isinstance(report.value, Tensor):
        yield f"{written}.device", Said(", ".join(report.devices))
    elif _is_container(report.value):
        yield "result", _outline(report.value, iter(report.devices))


def _values(name: str, value: Any) -> Iterator[Part]:
    """The structure of a value first, then what is in it."""
    if _is_container(value):
        yield name, _outline(value)
    elif isinstance(value, Handle):
        yield name, Said(kind_of(value))
    yield from _items(name, value)


def _parameters_after(call: Call, report: CallReport) -> Iterator[Part]:
    """Of a new module the sizes of its parameters, whatever their order and layout; of a call their gradients."""
    parameters = [tensor for _, tensor in report.parameters or ()]
    if call.keep is True and report.parameters is not None:
        sizes = sorted(sorted(tensor.shape) for tensor in parameters)
        yield "sorted(sorted(p.shape) for p in net.parameters())", Said(sizes)
    elif call.cotangent is not None:
        for at, tensor in enumerate(parameters):
            yield f"list(net.parameters())[{at}].grad", tensor.grad


def _crossings(transfers: Sequence[LineTransfers]) -> Said:
    """What the lines of the function moved, but for single numbers on their way to the GPU."""
    words = {
        TransferKind.TO_HOST: "GPU to CPU",
        TransferKind.TO_DEVICE: "CPU to GPU",
        TransferKind.READ: "the CPU waits for a number",
    }
    counts: dict[str, int] = {}
    for each in transfers:
        if each.place.line and each.kind in words and each.shapes != ((),):
            counts[words[each.kind]] = counts.get(words[each.kind], 0) + each.times
    said = (f"{what}: {'once' if count == 1 else f'{count} times'}" for what, count in counts.items())
    return Said("; ".join(said) or "nothing")


def _is_container(value: Any) -> bool:
    return isinstance(value, list | tuple | dict | Named)


def _outline(value: Any, devices: Iterator[str] | None = None) -> Said:
    """The structure of a value as one would write it, without its numbers; with the devices of its tensors if given."""
    return Said(_structure(value, devices)[:LONGEST_TEXT])


def _structure(value: Any, devices: Iterator[str] | None) -> str:
    if isinstance(value, Tensor):
        return "tensor" if devices is None else f"tensor on {next(devices, 'cpu')}"
    if isinstance(value, Named):
        parts = zip(value.fields, value.items, strict=True)
        return f"{value.type_name}({', '.join(f'{name}={_structure(item, devices)}' for name, item in parts)})"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key!r}: {_structure(item, devices)}" for key, item in value.items()) + "}"
    if isinstance(value, list | tuple):
        items = ", ".join(_structure(item, devices) for item in value)
        return f"[{items}]" if isinstance(value, list) else f"({items}{',' * (len(value) == 1)})"
    if isinstance(value, Opaque):
        return "a copy of the object" if value.is_copy else "object"
    if isinstance(value, bool | int | float | str) or value is None:
        return repr(value)[:40]
    return "array" if isinstance(value, np.ndarray) else "object"


def _items(name: str, value: Any) -> Iterator[Part]:
    if isinstance(value, list | tuple) and value:
        for position, item in enumerate(value):
            yield from _items(f"{name}[{position}]", item)
    elif isinstance(value, dict) and value:
        for key, item in value.items():
            yield from _items(f"{name}[{key!r}]", item)
    elif isinstance(value, Named):
        for field, item in zip(value.fields, value.items, strict=True):
            yield from _items(f"{name}.{field}", item)
    elif isinstance(value, Net):
        yield from ((f"{name}.state_dict()[{key!r}]", tensor) for key, tensor in value.state.items())
        yield f"{name}.training", value.training
    elif not isinstance(value, Handle):
        yield name, value
        if isinstance(value, Tensor) and value.grad is not None:
            yield f"{name}.grad", value.grad


def _numbers(value: Any) -> Numbers | None:
    """A value to look at; None where it is too large, or not to be shown."""
    if isinstance(value, Said):
        return Numbers(text=str(value))
    if isinstance(value, Tensor):
        return _tensor_numbers(value.detach())
    if isinstance(value, bool | str) or value is None:
        return Numbers(text=repr(value)[:100])
    if isinstance(value, int | float):
        return Numbers(((_number(value),),), kind_of(value))
    return Numbers(text=f'torch.device("{value}")' if isinstance(value, torch.device) else kind_of(value))


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


def _parameters(functions: Mapping[str, Callable[..., Any]], chain: Chain, call: Call) -> list[str]:
    """Names for the arguments of a call of a function, or of a method of the module that a class made."""
    if isinstance(call.target, Earlier):
        owner = functions.get(chain[call.target.call].name)
        method = getattr(owner, "forward" if call.name == "__call__" else call.name, None)
        names = list(inspect.signature(method).parameters)[1:] if method is not None else []
    else:
        names = list(inspect.signature(functions[call.name]).parameters) if call.name in functions else []
    return (names + [f"argument_{position}" for position in range(len(names), len(call.args))])[: len(call.args)]
