"""Calls as the lines of a notebook cell that make them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from autograder.checks.chains import Chain, Earlier
from autograder.engine.arguments import Named, Net, Opaque
from autograder.engine.calls import AsGenerator, Call

MODULE = "net"  # what a module is called


def code_of(chain: Chain, names: Sequence[Sequence[str]], what: str = "") -> str:
    """The calls as lines of a notebook cell, which ends with `what`. names: of the arguments of each call."""
    lines = dict.fromkeys(["# on a machine with a GPU"] if chain[-1].device else [])  # each once: calls share arguments
    for call, given in zip(chain, names, strict=True):
        lines |= dict.fromkeys(_given(chain, names, call, given))
        if call is not chain[-1] and call.target is not None:
            lines.setdefault(written_call(call, _inline(call)))
    lines |= dict.fromkeys(_ending(chain[-1], names[-1], what))
    return "\n".join(lines)


def written_call(call: Call, names: Sequence[str]) -> str:
    """`softmax(logits)`, `net(x)`, `net.load_state_dict(state)`."""
    arguments = [*names, *(f"{name}={_written(value)}" for name, value in call.kwargs.items())]
    function = call.name if call.target is None else MODULE + ("" if call.name == "__call__" else f".{call.name}")
    return f"{function}({', '.join(arguments)})"


def _inline(call: Call) -> list[str]:
    """The arguments of a call as they are written between its brackets."""
    return [_written(value) for value in call.args]


def _given(chain: Chain, names: Sequence[Sequence[str]], call: Call, given: Sequence[str]) -> Iterator[str]:
    """The lines that make the module and the arguments of a call."""
    if isinstance(call.target, Earlier):
        yield f"{MODULE} = {_source(chain, names, call.target)}"
    if call.set_parameters:
        yield f"values = {_written(list(call.set_parameters))}"
        yield f"with torch.no_grad():\n    for p, value in zip({MODULE}.parameters(), values):\n        p.copy_(value)"
    if (
        call.keep is True
    ):  # a constructor, or a method that changes the module: its arguments stand between its brackets
        return
    for position, (name, value) in enumerate(zip(given, call.args, strict=True)):
        yield from (f'{one.type_name} = namedtuple("{one.type_name}", {list(one.fields)})' for one in _named_in(value))
        if isinstance(value, Earlier):
            yield f"{name} = {_source(chain, names, value)}"
            continue
        device = call.device if call.device and call.move else ""
        yield f"{name} = {_written(value, device, needs_grad=position in call.wrt)}"
        yield from _settings_of(name, value) if isinstance(value, Net) else ()
        yield from (f"{place}.grad = {_written(tensor.grad, device)}" for place, tensor in _with_gradient(name, value))


def _source(chain: Chain, names: Sequence[Sequence[str]], earlier: Earlier) -> str:
    call = chain[earlier.call]
    arguments = _inline(call) if call.keep is True else names[earlier.call]
    return written_call(call, arguments) + "".join(f"[{position}]" for position in earlier.path)


def _ending(call: Call, names: Sequence[str], what: str) -> Iterator[str]:
    """The call itself, and the backward pass where a gradient is looked at."""
    written = written_call(call, _inline(call) if call.keep is True else names)
    has_backward = bool(call.wrt) or what.endswith("].grad")
    if has_backward and call.cotangent is not None:
        yield f"weights = {_written(call.cotangent, call.device if call.move else '')}"
    if has_backward and what != written:
        factor = f"({written} * weights)" if call.cotangent is not None else written
        yield f"{factor}.sum().backward()"
    elif what.startswith("result"):
        yield f"result = {written}"
    elif f"{MODULE}." in what and call.target is None:
        yield f"{MODULE} = {written}"
    elif not what.startswith(written):
        yield written
    if what and "<" not in what:  # it is code
        yield what


def _settings_of(name: str, net: Net) -> list[str]:
    """The parameters and the mode of a network."""
    return [f"{name}.load_state_dict({_written(net.state)})", *([] if net.training else [f"{name}.eval()"])]


def _named_in(value: Any) -> Iterator[Named]:
    """The named tuples in a value, the inner ones first."""
    if isinstance(value, list | tuple):
        for item in value:
            yield from _named_in(item)
    elif isinstance(value, dict):
        yield from _named_in(tuple(value.values()))
    elif isinstance(value, Named):
        yield from _named_in(value.items)
        yield value


def _with_gradient(name: str, value: Any) -> list[tuple[str, Tensor]]:
    """The tensors in an argument that come with a gradient."""
    if isinstance(value, Tensor):
        return [(name, value)] if value.grad is not None else []
    if isinstance(value, list | tuple):
        return [found for number, item in enumerate(value) for found in _with_gradient(f"{name}[{number}]", item)]
    return []


def _written(value: Any, device: str = "", needs_grad: bool = False) -> str:
    """A value as Python that makes it again."""
    if isinstance(value, Tensor):
        return _written_tensor(value, device, needs_grad)
    if isinstance(value, Net):
        layers = (f"torch.nn.{name}({', '.join(map(_written, arguments))})" for name, *arguments in value.layers)
        return f"torch.nn.Sequential({', '.join(layers)})"
    if isinstance(value, AsGenerator):
        return f"iter({_written(list(value.items), device)})"
    if isinstance(value, Named):
        return f"{value.type_name}({', '.join(_written(item, device) for item in value.items)})"
    if isinstance(value, list | tuple):
        items = ", ".join(_written(item, device) for item in value)
        return f"[{items}]" if isinstance(value, list) else f"({items}{',' * (len(value) == 1)})"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key!r}: {_written(item, device)}" for key, item in value.items()) + "}"
    if isinstance(value, Opaque):
        return "object()"
    if isinstance(value, np.ndarray):
        return f"np.array({value.tolist()})"
    return f'torch.device("{value}")' if isinstance(value, torch.device) else repr(value)


def _written_tensor(tensor: Tensor, device: str, needs_grad: bool) -> str:
    options = "" if tensor.dtype in (torch.float32, torch.int64, torch.bool) else f", dtype={tensor.dtype}"
    options += f', device="{device}"' if device else ""
    options += ", requires_grad=True" if needs_grad or tensor.requires_grad else ""
    return f"torch.tensor({tensor.tolist()}{options})" if tensor.numel() else f"torch.zeros({tuple(tensor.shape)})"
