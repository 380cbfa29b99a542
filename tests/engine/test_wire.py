"""Messages keep to their form and their time, or end the conversation with one of three exceptions."""

from __future__ import annotations

import contextlib
import os
import socket
import struct
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autograder.engine import wire
from autograder.engine.calls import Call, CallError, CallReport
from autograder.engine.messages import (
    REPLIES,
    REQUESTS,
    CellDone,
    Done,
    Perform,
    Performed,
    Raised,
    Result,
    Stream,
    call_tree,
    read_call,
    read_report,
    report_tree,
)
from autograder.engine.values import Reader, WireError, Writer

Pair = tuple[socket.socket, socket.socket]


@pytest.fixture
def pair() -> Iterator[Pair]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield ours, theirs


def soon() -> float:
    return time.monotonic() + 0.2


def message(tree: bytes, memory: bytes = b"") -> bytes:
    return struct.pack("<IQ", len(tree), len(memory)) + tree + memory


# ---- what a forger may send


@pytest.mark.parametrize(
    "raw",
    [
        struct.pack("<IQ", 2**32 - 1, 0),
        struct.pack("<IQ", 0, 2**63),
        message(b""),
        message(b"\xc1"),
        message(b"\x93\x01"),
        message(msgspec.msgpack.encode({"done": 1})),
        message(msgspec.msgpack.encode(["nobody", 1])),
        message(msgspec.msgpack.encode(["done", -1])),
        message(msgspec.msgpack.encode(["done", 2**62])),
        message(msgspec.msgpack.encode(["cell", 1, "passed", 0.0, []])),
        message(msgspec.msgpack.encode(["cell", 1, "ok", float("nan"), []])),
        message(msgspec.msgpack.encode(["cell", 1, "ok", 0.0, [{"output_type": "script"}]])),
        message(msgspec.msgpack.encode(["cell", 1, "ok", 0.0, [Stream("stdout", "x" * 17_000_000)]])),
        message(msgspec.msgpack.encode(["settled", 1, {"softmax": -5}])),
        message(b"\x91" * 100_000 + b"\x01"),
    ],
    ids=range(15),
)
def test_a_forged_message_is_a_wire_error(pair: Pair, raw: bytes) -> None:
    ours, theirs = pair
    sender = threading.Thread(target=lambda: contextlib.suppress(OSError) and theirs.sendall(raw))
    sender.start()
    with pytest.raises(WireError):
        wire.receive(ours, REPLIES, time.monotonic() + 5)
    ours.close()
    sender.join()


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=200))
def test_random_bytes_end_in_one_of_three_exceptions(raw: bytes) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(raw)
        theirs.shutdown(socket.SHUT_WR)
        with pytest.raises((WireError, wire.Closed, wire.DeadlinePassed)):
            wire.receive(ours, REPLIES, soon())


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=200))
def test_a_random_tree_is_a_reply_or_a_wire_error(tree: bytes) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(message(tree))
        with contextlib.suppress(WireError):
            wire.receive(ours, REPLIES, soon())


def test_a_message_that_drips_in_meets_one_deadline(pair: Pair) -> None:
    ours, theirs = pair
    is_over = threading.Event()

    def drip() -> None:
        for byte in message(b"x" * 100):
            if is_over.wait(0.05):
                return
            theirs.send(bytes([byte]))

    dripping = threading.Thread(target=drip)
    dripping.start()
    start = time.monotonic()
    with pytest.raises(wire.DeadlinePassed):
        wire.receive(ours, REPLIES, time.monotonic() + 0.3)
    assert time.monotonic() - start < 2
    is_over.set()
    dripping.join()


def test_silence_meets_the_deadline(pair: Pair) -> None:
    with pytest.raises(wire.DeadlinePassed):
        wire.receive(pair[0], REPLIES, soon())


def test_a_deadline_in_the_past_is_passed_at_once(pair: Pair) -> None:
    pair[1].sendall(message(msgspec.msgpack.encode(Done(1))))
    with pytest.raises(wire.DeadlinePassed):
        wire.receive(pair[0], REPLIES, time.monotonic() - 1)


@pytest.mark.parametrize("sent", [b"", b"\x05", message(b"abc")[:-1]])
def test_a_hang_up_is_told_apart_from_nonsense(pair: Pair, sent: bytes) -> None:
    ours, theirs = pair
    theirs.sendall(sent)
    theirs.close()
    with pytest.raises(wire.Closed):
        wire.receive(ours, REPLIES, soon())


def test_sending_to_nobody_is_closed(pair: Pair) -> None:
    ours, theirs = pair
    theirs.close()
    with pytest.raises(wire.Closed):
        wire.send(ours, Done(1))


def test_sending_to_one_who_does_not_read_meets_the_timeout(pair: Pair) -> None:
    ours, _ = pair
    ours.settimeout(0.2)
    with pytest.raises(wire.DeadlinePassed):
        wire.send(ours, Done(1), [memoryview(bytes(50_000_000))])


@pytest.mark.parametrize("lengths", [[5, 6], [-1, 11], [11], []])
def test_buffers_that_do_not_add_up_are_a_wire_error(lengths: list[int]) -> None:
    with pytest.raises(WireError):
        wire.split(bytearray(10), lengths)


# ---- forged reports

GOOD = report_tree(CallReport(value=1, inputs=(2,)), Writer())


@pytest.mark.parametrize("position", range(len(GOOD)))
@pytest.mark.parametrize("forged", ["no", -1, 2.5, ["list"], {"type_name": 5}], ids=repr)
def test_a_report_with_a_forged_field_is_a_report_or_a_wire_error(position: int, forged: object) -> None:
    tree = msgspec.msgpack.decode(msgspec.msgpack.encode(GOOD))
    tree[position] = forged
    with contextlib.suppress(WireError):
        assert isinstance(read_report(tree, Reader([])), CallReport)


@pytest.mark.parametrize("tree", [None, [], GOOD[:-1], [*GOOD, 1], "text"], ids=range(5))
def test_a_report_of_another_form_is_a_wire_error(tree: object) -> None:
    with pytest.raises(WireError):
        read_report(msgspec.msgpack.decode(msgspec.msgpack.encode(tree)), Reader([]))


@pytest.mark.parametrize(
    "error", [CallError("E", "x" * 200_000), CallError("E", "", cell=-1), CallError("E" * 2_000, "")], ids=range(3)
)
def test_an_endless_exception_is_a_wire_error(error: CallError) -> None:
    tree = msgspec.msgpack.decode(msgspec.msgpack.encode(report_tree(CallReport(error=error), Writer())))
    with pytest.raises(WireError):
        read_report(tree, Reader([]))


def test_files_from_one_who_is_not_trusted_never_arrive(pair: Pair) -> None:
    ours, theirs = pair
    before = len(list(Path("/proc/self/fd").iterdir()))
    for length in (0, 2**31):
        socket.send_fds(theirs, [length.to_bytes(4, "little") + bytes(8)], [0, 1, 2])
        with pytest.raises(WireError):
            wire.receive(ours, REPLIES, soon())
    assert len(list(Path("/proc/self/fd").iterdir())) == before


# ---- what goes well


def test_a_message_crosses_with_its_memory_and_its_files(pair: Pair) -> None:
    ours, theirs = pair
    reader, writer = os.pipe()
    wire.send(theirs, Performed(7, [3, 2], None), [memoryview(b"abc"), memoryview(b"de")], [writer])
    os.close(writer)
    reply, memory, files = wire.receive(ours, REPLIES, soon(), takes_files=True)
    assert reply == Performed(7, [3, 2], None)
    assert [bytes(part) for part in wire.split(memory, [3, 2])] == [b"abc", b"de"]
    os.write(files[0], b"!")
    assert os.read(reader, 1) == b"!"
    os.close(reader)
    os.close(files[0])


def test_outputs_cross_as_typed_values(pair: Pair) -> None:
    outputs = [Stream("stderr", "a"), Result(3, {"text/plain": "1"}), Raised("E", "m", ["t"])]
    wire.send(pair[1], CellDone(1, "error", 0.5, outputs))
    assert wire.receive(pair[0], REPLIES, soon())[0] == CellDone(1, "error", 0.5, outputs)


def test_a_call_and_its_report_cross(pair: Pair) -> None:
    call = Call("softmax", ([1, (2, "x")],), {"dim": 1}, wrt=(0,), default_dtype="float64", seed=3, record=True)
    wire.send(pair[0], Perform(1, 2.0, [], call_tree(call, Writer())))
    request = wire.receive(pair[1], REQUESTS, soon())[0]
    assert isinstance(request, Perform)
    assert read_call(request.call, Reader([])) == call

    report = CallReport(
        value={"a": (1, None)},
        error=CallError("ValueError", "bad", 2, 3, "x = 1"),
        inputs=([1],),
        aliases=(0,),
        functions=frozenset({"torch.softmax"}),
        printed="p",
        warnings=("w",),
    )
    wire.send(pair[1], Performed(1, [], report_tree(report, Writer())))
    reply = wire.receive(pair[0], REPLIES, soon())[0]
    assert isinstance(reply, Performed)
    assert read_report(reply.report, Reader([])) == report
