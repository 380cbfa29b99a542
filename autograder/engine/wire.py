"""Messages between the two sides: a header, a MessagePack tree, the raw memory that belongs to it; never a pickle.

    4 bytes: length of the tree | 8 bytes: length of the memory | tree | memory

`receive` keeps one absolute deadline over the whole message, however slowly its bytes drip in.
"""

from __future__ import annotations

import array
import gc
import os
import socket
import struct
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

import msgspec

from autograder.engine.values import MAX_BYTES, WireError

__all__ = ["MAX_REPORT", "MAX_TREE", "Closed", "DeadlinePassed", "WireError", "receive", "send"]

MAX_TREE = 32 * 1024**2  # bytes
MAX_REPORT = 4 * 1024**2  # bytes of the tree that a check's fork sends: what decoding makes of it is fifty times that
MAX_FILES = 4  # file descriptors that may come with one message
_HEADER = struct.Struct("<IQ")
_CHUNK = 1 << 20

Message = TypeVar("Message")
_encoder = msgspec.msgpack.Encoder()


class Closed(Exception):  # noqa: N818 (an end, not an error)
    """The other side is gone."""


class DeadlinePassed(Exception):  # noqa: N818
    """The message did not arrive in time."""


def send(channel: socket.socket, message: Any, buffers: Sequence[memoryview] = (), files: Sequence[int] = ()) -> None:
    """Send one message, with raw memory and open files. Raises Closed; after the socket's timeout, DeadlinePassed."""
    tree = _encoder.encode(message)
    start = _HEADER.pack(len(tree), sum(buffer.nbytes for buffer in buffers)) + tree
    try:
        if files:
            sent = socket.send_fds(channel, [start], list(files))
            channel.sendall(memoryview(start)[sent:])
        else:
            channel.sendall(start)
        for buffer in buffers:
            if buffer.nbytes:
                channel.sendall(buffer)
    except TimeoutError:
        raise DeadlinePassed from None
    except OSError:
        raise Closed from None


def receive(
    channel: socket.socket,
    decoder: msgspec.msgpack.Decoder[Message],
    deadline: float | None = None,
    max_tree: int = MAX_TREE,
    max_bytes: int = MAX_BYTES,
    takes_files: bool = False,
) -> tuple[Message, bytearray, list[int]]:
    """The next message, its raw memory, and the files that came with it.

    deadline: in seconds of time.monotonic(); None waits for ever. takes_files: False where the sender is not trusted;
    files that it sends all the same never arrive.
    Raises Closed, DeadlinePassed, and WireError when what arrives is no message of `decoder`'s type.
    """
    header, files = _receive_header(channel, deadline, takes_files)
    try:
        tree_length, memory_length = _HEADER.unpack(header)
        if tree_length > max_tree or memory_length > max_bytes:
            raise WireError(f"a message of {tree_length + memory_length} bytes")
        tree = _receive_exactly(channel, tree_length, deadline)
        memory = _receive_exactly(channel, memory_length, deadline)
        return _decode(decoder, tree), memory, files
    except BaseException:
        for file in files:
            os.close(file)
        raise


def _decode(decoder: msgspec.msgpack.Decoder[Message], tree: bytearray) -> Message:
    with _without_collecting():  # millions of small lists would be gone through again and again
        try:
            return decoder.decode(tree)
        except Exception as error:  # msgspec's own errors, RecursionError, MemoryError: all of them the sender's doing
            raise WireError(f"a malformed message ({type(error).__name__})") from None


@contextmanager
def _without_collecting() -> Iterator[None]:
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def split(memory: bytearray, lengths: Sequence[int]) -> list[bytearray]:
    """The buffers in the memory of a message, by their lengths. Raises WireError when they do not add up."""
    if any(length < 0 for length in lengths) or sum(lengths) != len(memory):
        raise WireError("buffers that do not add up")
    if len(lengths) == 1:
        return [memory]
    whole, start, parts = memoryview(memory), 0, []
    for length in lengths:
        parts.append(bytearray(whole[start : start + length]))
        start += length
    return parts


def _receive_header(
    channel: socket.socket, deadline: float | None, takes_files: bool
) -> tuple[bytes | bytearray, list[int]]:
    """The header; files ride on its first byte. Where none are taken, the kernel lets them go."""
    if not takes_files:
        return _receive_exactly(channel, _HEADER.size, deadline), []
    _set_timeout(channel, deadline)
    try:
        start, ancillary, _, _ = channel.recvmsg(
            _HEADER.size, socket.CMSG_SPACE(MAX_FILES * 4), socket.MSG_CMSG_CLOEXEC
        )
    except TimeoutError:
        raise DeadlinePassed from None
    except OSError:
        raise Closed from None
    if not start:
        raise Closed
    numbers = array.array("i")
    for level, kind, data in ancillary:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            numbers.frombytes(data[: len(data) - len(data) % numbers.itemsize])
    rest = _receive_exactly(channel, _HEADER.size - len(start), deadline)
    return start + rest, list(numbers)


def _receive_exactly(channel: socket.socket, length: int, deadline: float | None) -> bytearray:
    data = bytearray(length)
    view, got = memoryview(data), 0
    while got < length:
        _set_timeout(channel, deadline)
        try:
            count = channel.recv_into(view[got : got + _CHUNK])
        except TimeoutError:
            raise DeadlinePassed from None
        except OSError:
            raise Closed from None
        if not count:
            raise Closed
        got += count
    return data


def _set_timeout(channel: socket.socket, deadline: float | None) -> None:
    if deadline is None:
        return
    left = deadline - time.monotonic()
    if left <= 0:
        raise DeadlinePassed
    channel.settimeout(left)
