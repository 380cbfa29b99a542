"""The grader's end of one socket to the student side: a request, one reply, one deadline."""

from __future__ import annotations

import secrets
import socket
import time
from typing import TypeVar

from autograder.engine import wire
from autograder.engine.messages import REPLIES, Reply, Request
from autograder.engine.wire import WireError

Kind = TypeVar("Kind", bound=Reply)


def new_id() -> int:
    """A number that a reply can only bear when its sender saw the request."""
    return secrets.randbits(61)


class Conversation:
    """Asks one process of the student side. Every end but a proper reply is an exception, and ends the conversation.

    Raises wire.Closed, wire.DeadlinePassed and wire.WireError.
    """

    def __init__(self, channel: socket.socket) -> None:
        self._channel = channel
        self.memory = bytearray()  # that came with the last reply

    def ask(
        self,
        request: Request,
        kind: type[Kind],
        seconds: float,
        buffers: list[memoryview] | None = None,
        files: tuple[int, ...] = (),
        max_tree: int = wire.MAX_TREE,
    ) -> Kind:
        """Send a request, and wait for its reply of type `kind`."""
        deadline = time.monotonic() + seconds
        self.tell(request, seconds, buffers, files)
        reply, self.memory, _ = wire.receive(self._channel, REPLIES, deadline, max_tree)
        if not isinstance(reply, kind) or reply.id != getattr(request, "id", None):
            raise WireError("a reply to something that was not asked")
        return reply

    def tell(
        self,
        request: Request,
        seconds: float,
        buffers: list[memoryview] | None = None,
        files: tuple[int, ...] = (),
    ) -> None:
        """Send a request that has no reply."""
        self._channel.settimeout(seconds)
        wire.send(self._channel, request, buffers or (), files)

    def close(self) -> None:
        """Hang up."""
        self._channel.close()


def new_pair() -> tuple[socket.socket, socket.socket]:
    """Two connected sockets: ours, and the one that is given away."""
    return socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
