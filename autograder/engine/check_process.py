"""One check in a fork of the loaded notebook: it calls the student's functions as the grader asks.

Where there is a real GPU, the notebook's own process does the same for one check after the other.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
from types import FrameType
from typing import Any

import msgspec
import torch

from autograder.engine import wire
from autograder.engine.calls import AsGenerator, Call, CallError, CallReport, Handle, Kept
from autograder.engine.limits import OPEN_FILES
from autograder.engine.manners import load_in_process
from autograder.engine.messages import REQUESTS, Perform, Performed, call_tree, read_call, report_tree
from autograder.engine.perform import CallTimeout, perform
from autograder.engine.shell import Shell
from autograder.engine.values import Reader, Writer

_set_timer, _set_handler = signal.setitimer, signal.signal


def close_other_files(channel: socket.socket) -> None:
    """Close what cells opened: a check could write through it."""
    os.closerange(3, channel.fileno())
    os.closerange(channel.fileno() + 1, OPEN_FILES)


def serve_check(channel: socket.socket, shell: Shell) -> None:
    """Perform calls until the grader hangs up."""
    load_in_process()  # workers would need to share memory, which the fork of a check must not
    _rehearse()
    held: list[Any] = []
    while True:
        try:
            request, memory, _ = wire.receive(channel, REQUESTS, max_tree=1 << 32, max_bytes=1 << 40)
        except wire.Closed:
            return
        if not isinstance(request, Perform):
            return
        call = read_call(request.call, Reader(wire.split(memory, request.lengths)))
        report = _timed(call, request.seconds, shell, held)
        try:
            _reply(channel, request.id, report, held)
        except wire.Closed:
            return


def _rehearse() -> None:
    """One call of our own: a fresh fork is slow where it first sets foot, and the grader is still busy elsewhere."""
    sent = Writer()
    tree = msgspec.msgpack.decode(msgspec.msgpack.encode(call_tree(Call("rehearsal", (torch.ones(2, 2),)), sent)))
    call = read_call(tree, Reader([bytearray(buffer) for buffer in sent.buffers]))
    msgspec.msgpack.encode(report_tree(perform(call, lambda tensor: tensor), Writer()))


def _reply(channel: socket.socket, id: int, report: CallReport | None, held: list[Any]) -> None:
    def hold(value: Any) -> int:
        held.append(value)
        return len(held) - 1

    writer = Writer(hold)
    try:
        tree = None if report is None else report_tree(report, writer)
    except Exception as error:  # a value of the student's that resists being looked at
        writer = Writer(hold)
        said = CallError(type(error).__name__, "what the function returned cannot be read")
        tree = report_tree(CallReport(error=said), writer)
    wire.send(channel, Performed(id, [buffer.nbytes for buffer in writer.buffers], tree), writer.buffers)


def _timed(call: Call, seconds: float, shell: Shell, held: list[Any]) -> CallReport | None:
    """The report of a call, None when it took longer than `seconds`."""

    def on_alarm(number: int, frame: FrameType | None) -> None:
        _set_timer(signal.ITIMER_REAL, 0.1)  # again, should the student's code swallow it
        raise CallTimeout

    try:
        _set_handler(signal.SIGALRM, on_alarm)
        _set_timer(signal.ITIMER_REAL, seconds)
        try:
            return _perform(call, shell, held)
        finally:
            _set_timer(signal.ITIMER_REAL, 0)
    except CallTimeout:
        _set_timer(signal.ITIMER_REAL, 0)
        return None


def _perform(call: Call, shell: Shell, held: list[Any]) -> CallReport:
    owner = None if call.target is None else held[call.target.number]
    owner = owner.value if isinstance(owner, Kept) else owner
    try:
        function = _function_of(call.name, shell, owner)
    except (AttributeError, KeyError) as error:
        return CallReport(error=_missing(call, error))
    args = tuple(_with_objects(arg, held) for arg in call.args)
    kwargs = {name: _with_objects(arg, held) for name, arg in call.kwargs.items()}
    resolved = Call(**{**call.__dict__, "args": args, "kwargs": kwargs, "target": None})
    return perform(resolved, function, shell.cells, owner)


def _function_of(dotted: str, shell: Shell, owner: Any) -> Any:
    """What is called: a name of the notebook, or an attribute of an object that was held back. Names may have dots."""
    first, *rest = dotted.split(".")
    value = shell.namespace[first] if owner is None else getattr(owner, first)
    for name in rest:
        value = getattr(value, name)
    return value


def _missing(call: Call, error: Exception) -> CallError:
    if isinstance(error, KeyError):
        return CallError("NameError", f"`{call.name.split('.')[0]}` is not defined in your notebook")
    text = ""
    with contextlib.suppress(Exception):
        text = str(error)[:1000]
    return CallError("AttributeError", text)


def _with_objects(value: Any, held: list[Any]) -> Any:
    """`value` with the objects that its handles stand for."""
    if isinstance(value, Handle):
        return held[value.number]
    if type(value) in (list, tuple):
        return type(value)(_with_objects(item, held) for item in value)
    if type(value) is dict:
        return {key: _with_objects(item, held) for key, item in value.items()}
    if isinstance(value, AsGenerator):
        return AsGenerator(tuple(_with_objects(item, held) for item in value.items))
    return value
