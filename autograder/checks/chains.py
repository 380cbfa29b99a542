"""A call together with the calls that it builds on: the one that made its module, or the cache that it is given.

A check keeps such values on the student side and names them by handles. To make the calls again, with other numbers or
of another function, a handle becomes the place where it came from.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from autograder.checks.student import Caller, Step
from autograder.engine.calls import Call, CallFailed, CallReport, Handle

Chain = tuple[Call, ...]


@dataclass(frozen=True)
class Earlier:
    """In a call of a chain: what call number `call` gave, or the item of it at `path`."""

    call: int
    path: tuple[int, ...] = ()


def chains_of(steps: Sequence[Step], exercise: str) -> list[Chain]:
    """The calls of an exercise's function, or of the modules that its class made, each with what it builds on."""
    return [_chain(steps, at) for at in range(len(steps)) if _root(steps, at) == exercise]


def ask_in_order(caller: Caller, chain: Chain) -> CallReport:
    """The report of the last call, or of the first that raised. Raises CallFailed, also where a value is missing."""
    reports: list[CallReport] = []
    for call in chain:
        report = caller.call(_resolved(call, reports))
        reports.append(report)
        if report.error is not None:
            break
    return reports[-1]


def _root(steps: Sequence[Step], at: int) -> str:
    """The name of the function or class that the call is of, through the module that it is a method of."""
    target = steps[at].call.target
    source = None if target is None else _source(steps[:at], target)
    if target is None or source is None:
        return steps[at].call.name if target is None else ""
    return "" if steps[at].call.keep is True else _root(steps, source[0])


def _chain(steps: Sequence[Step], at: int) -> Chain:
    places: dict[int, int] = {}  # step -> its place in the chain
    for needed in sorted({*_needed(steps, at), at}):
        places[needed] = len(places)

    def told(handle: Handle, before: int) -> Any:
        source = _source(steps[:before], handle)
        return handle if source is None else Earlier(places[source[0]], source[1])

    return tuple(_mapped(steps[step].call, lambda handle, step=step: told(handle, step)) for step in places)  # type: ignore[misc]


def _needed(steps: Sequence[Step], at: int) -> set[int]:
    """The earlier steps that made what the call is given, and those that changed the module that it is a method of."""
    found: set[int] = set()
    call = steps[at].call
    for handle in _handles((call.target, call.args, call.kwargs)):
        source = _source(steps[:at], handle)
        if source is not None:
            found |= {source[0], *_needed(steps, source[0])}
    if call.target is None:
        return found
    return found | {n for n in range(at) if steps[n].call.target == call.target and steps[n].call.keep is True}


def _source(steps: Sequence[Step], handle: Handle) -> tuple[int, tuple[int, ...]] | None:
    """Which step gave the handle, and where in its value it stands."""
    for at, step in enumerate(steps):
        value = None if step.report is None else step.report.value
        if value == handle and isinstance(value, Handle):
            return at, ()
        if isinstance(value, list | tuple):
            for position, item in enumerate(value):
                if isinstance(item, Handle) and item == handle:
                    return at, (position,)
    return None


def _handles(value: Any) -> Iterator[Handle]:
    if isinstance(value, Handle):
        yield value
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _handles(item)
    elif isinstance(value, dict):
        yield from _handles(tuple(value.values()))


def _resolved(call: Call, reports: Sequence[CallReport]) -> Call:
    def found(earlier: Earlier) -> Any:
        value = reports[earlier.call].value
        for position in earlier.path:
            if not isinstance(value, list | tuple) or position >= len(value):
                raise CallFailed("an earlier call did not give what this one needs", "protocol")
            value = value[position]
        return value

    return _mapped(call, found, Earlier)


def _mapped(call: Call, change: Callable[[Any], Any], kind: type = Handle) -> Call:
    """The call with each value of a kind changed, among its arguments and as its target."""

    def of(value: Any) -> Any:
        if isinstance(value, kind):
            return change(value)
        if type(value) in (list, tuple):
            return type(value)(of(item) for item in value)
        return {key: of(item) for key, item in value.items()} if type(value) is dict else value

    return replace(call, target=of(call.target), args=of(call.args), kwargs=of(call.kwargs))
