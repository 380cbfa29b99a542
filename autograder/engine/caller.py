"""The grader's handle of one check: calls go to a fork of the student's notebook, reports come back.

Whatever the student side does, a call returns a report or raises CallFailed with a sentence for the student.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from types import TracebackType
from typing import Protocol

from autograder.engine import wire
from autograder.engine.calls import NO_DEVICE, Call, CallFailed, CallReport
from autograder.engine.conversation import Conversation, new_id
from autograder.engine.exits import describe_exit
from autograder.engine.messages import Perform, Performed, call_tree, read_report
from autograder.engine.values import Reader, Writer

GRACE = 1.0  # seconds between the alarm in a call and the end of its process


class Host(Protocol):
    """Who has the process that serves a check."""

    def end_check(self, number: int) -> int | None:
        """End the process; its exit code, or minus a signal; None where it cannot be known."""

    def reason_gone(self, patience: float = 0.0) -> str:
        """Why nothing is left of the session, within `patience` seconds; "" while it goes on."""


@dataclass(frozen=True)
class Place:
    """Where the calls of a check are carried out: a process, by its host and number, and the way to it."""

    host: Host
    number: int
    conversation: Conversation


class Check(AbstractContextManager["Check"]):
    """The calls of one check. Without a place every call fails with `hopeless`, a clause.

    no_device: why calls that ask for a GPU cannot be made; empty where they can.
    place_with_device: where the check goes on from its first such call, if not in its own fork. Raises CallFailed.
    """

    def __init__(
        self,
        hopeless: str,
        place: Place | None = None,
        seconds: float = 0.0,
        no_device: str = "",
        place_with_device: Callable[[], Place] | None = None,
    ) -> None:
        self._hopeless = hopeless
        self._place = place
        self._seconds = seconds
        self._no_device = no_device
        self._place_with_device = place_with_device

    def call(self, call: Call) -> CallReport:
        """Carry out one call, within the smaller of `call.seconds` and the limit of the settings.

        Raises CallFailed; and TypeError when `call` holds what cannot be sent, which is the author's mistake.
        """
        if call.device and self._no_device:
            raise CallFailed(self._no_device, NO_DEVICE)
        if call.device and self._place_with_device is not None:
            self._move(call, self._place_with_device)
        if self._place is None:
            raise CallFailed(f"`{call.name}` could not be called: {self._hopeless}", "died")
        conversation = self._place.conversation
        seconds = min(call.seconds, self._seconds)
        writer = Writer()
        tree = call_tree(call, writer)
        request = Perform(new_id(), seconds, [buffer.nbytes for buffer in writer.buffers], tree)
        late = f"`{call.name}` did not return within {seconds:g} s"
        try:
            reply = conversation.ask(request, Performed, seconds + GRACE, writer.buffers, max_tree=wire.MAX_REPORT)
            if reply.report is None:
                raise CallFailed(late, "timeout")
            return read_report(reply.report, Reader(wire.split(conversation.memory, reply.lengths)))
        except wire.DeadlinePassed:
            self._give_up("it was stopped in an earlier call")
            raise CallFailed(late, "timeout") from None
        except wire.Closed:
            how = self._how_it_ended()
            raise CallFailed(f"`{call.name}` {how}", "died") from None
        except wire.WireError as error:
            self._give_up("it broke the connection to the grader in an earlier call")
            raise CallFailed(f"`{call.name}` broke the connection to the grader: it sent {error}", "protocol") from None

    def close(self) -> None:
        """Let the process go."""
        if self._place is not None:
            self._place.conversation.close()
            self._place = None
            self._hopeless = "the check is over"

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def _move(self, call: Call, place_with_device: Callable[[], Place]) -> None:
        """Go on where there is a GPU, for the rest of the check. What earlier calls made stays behind."""
        if call.target is not None:
            raise TypeError(
                f"{call.name}: an object that plain calls made cannot follow to a GPU; new(..., placed=True)"
            )
        self.close()
        self._place_with_device = None
        self._hopeless = "there is no process with a GPU"
        self._place = place_with_device()

    def _how_it_ended(self) -> str:
        place = self._place
        code = self._give_up("it ended in an earlier call")
        limit = place.host.reason_gone(patience=1.0) if place is not None and code is None else ""
        if limit in ("memory", "disk", "processes"):
            return f"used more {limit} than it may"
        return "ended the Python process" + ("" if code is None else f" ({describe_exit(code)})")

    def _give_up(self, why: str) -> int | None:
        """End the process; how it ended."""
        place = self._place
        self.close()
        self._hopeless = why
        return place.host.end_check(place.number) if place is not None else None
