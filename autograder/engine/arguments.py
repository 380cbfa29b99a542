"""Arguments that are more than tensors and containers: a network, a named tuple, an object of no known kind.

On the wire, and in a check, they are the frozen values of this module. A student's function gets a plain
`torch.nn.Sequential`, a `collections.namedtuple`, and the `Opaque` itself.
"""

from __future__ import annotations

from collections import namedtuple
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

import torch
from torch import Tensor


@dataclass(frozen=True)
class Forward:
    """One call of a network."""

    rows: int  # of its first argument
    training: bool  # the network's mode then
    requires_grad: bool  # of its output
    device: str  # of its output


@dataclass(frozen=True, eq=False)
class Net:
    """A torch.nn.Sequential as an argument, and in `report.inputs` what became of it.

    layers: ("Linear", 5, 8), ("ReLU",), ...: classes of torch.nn and their arguments. state: complete, as in
    `state_dict()`; where an entry is float64, the whole network is. It arrives on the CPU, without gradients, whatever
    the device of the call. After the call, `state` and `gradients` are copies on the CPU, `modes` tells `training` of
    the network and all its parts in the order of `modules()`, `devices` where each entry of the state was.
    """

    layers: tuple[tuple[Any, ...], ...]
    state: dict[str, Tensor]
    training: bool = True
    gradients: dict[str, Tensor | None] = field(default_factory=dict)
    modes: tuple[bool, ...] = ()
    devices: dict[str, str] = field(default_factory=dict)
    forwards: tuple[Forward, ...] = ()

    def __repr__(self) -> str:
        parts = (f"{name}({', '.join(map(repr, arguments))})" for name, *arguments in self.layers)
        return f"Sequential({', '.join(parts)}) in {'training' if self.training else 'evaluation'} mode"


@dataclass(frozen=True, eq=False)
class Named:
    """A named tuple. The student's function gets an instance of a class of this name and these fields."""

    type_name: str
    fields: tuple[str, ...]
    items: tuple[Any, ...]

    def __repr__(self) -> str:
        parts = (f"{name}={item!r}" for name, item in zip(self.fields, self.items, strict=True))
        return f"{self.type_name}({', '.join(parts)})"


@dataclass(frozen=True)
class Opaque:
    """A leaf that is no tensor, number or text. A copy of it says so."""

    name: str
    is_copy: bool = False

    def __copy__(self) -> Opaque:
        return replace(self, is_copy=True)

    def __deepcopy__(self, memo: Any) -> Opaque:
        return replace(self, is_copy=True)

    def __reduce__(self) -> Any:
        return Opaque, (self.name, True)


def tuple_class(type_name: str, fields: tuple[str, ...]) -> Any:
    """The class of a `Named`: the same one each time."""
    made = _tuple_class(type_name, fields)
    _tuple_classes[made] = (type_name, fields)
    return made


@cache
def _tuple_class(type_name: str, fields: tuple[str, ...]) -> Any:
    return namedtuple(type_name, fields)


_tuple_classes: dict[type, tuple[str, tuple[str, ...]]] = {}


def name_and_fields(kind: type) -> tuple[str, tuple[str, ...]] | None:
    """Of a class that `tuple_class` made; None of any other."""
    return _tuple_classes.get(kind)


class BuiltNet:
    """The network that a student's function gets for a `Net`, and what it was seen to do."""

    def __init__(self, net: Net) -> None:
        self._net = net
        self.module = torch.nn.Sequential(*(getattr(torch.nn, name)(*arguments) for name, *arguments in net.layers))
        if any(tensor.dtype == torch.float64 for tensor in net.state.values()):
            self.module.double()
        self.module.load_state_dict(net.state)
        self.module.train(net.training)
        forwards = self._forwards = []  # type: list[Forward]

        def note(module: Any, arguments: Any, output: Any) -> None:  # a closure: a deep copy notes in the same list
            rows = len(arguments[0]) if arguments and isinstance(arguments[0], Tensor) and arguments[0].dim() else 0
            is_tensor = isinstance(output, Tensor)
            device = str(output.device) if is_tensor else ""
            forwards.append(Forward(rows, bool(module.training), is_tensor and output.requires_grad, device))

        self.module.register_forward_hook(note)

    def after(self) -> Net:
        """The network as it is now."""
        state = self.module.state_dict()
        parameters = dict(self.module.named_parameters())
        return replace(
            self._net,
            state={name: tensor.detach().cpu().clone() for name, tensor in state.items()},
            training=bool(self.module.training),
            gradients={name: None if p.grad is None else p.grad.detach().cpu() for name, p in parameters.items()},
            modes=tuple(bool(part.training) for part in self.module.modules()),
            devices={name: str(tensor.device) for name, tensor in state.items()},
            forwards=tuple(self._forwards[:10_000]),
        )
