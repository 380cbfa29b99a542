"""The grader's handle of one check: calls go to a fork of the student's notebook, reports come back.

Whatever the student side does, a call returns a report or raises CallFailed with a sentence for the student.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from types import TracebackType

from autograder.engine import wire
from autograder.engine.calls import NO_DEVICE, Call, CallFailed, CallReport
from autograder.engine.conversation import Conversation, new_id
from autograder.engine.exits import describe_exit
from autograder.engine.messages import Perform, Performed, call_tree, read_report
from autograder.engine.session import Session
from autograder.engine.values import Reader, Writer

GRACE = 1.0  # seconds between the alarm in a call and the end of its process


class Check(AbstractContextManager["Check"]):
    """One fork of a notebook. Without a session every call fails with `hopeless`, a clause.

    no_device: why calls that ask for a GPU cannot be made; empty where they can.
    """

    def __init__(
        self,
        hopeless: str,
        session: Session | None = None,
        number: int = 0,
        conversation: Conversation | None = None,
        seconds: float = 0.0,
        no_device: str = "",
    ) -> None:
        self._hopeless = hopeless
        self._session = session
        self._number = number
        self._conversation = conversation
        self._seconds = seconds
        self._no_device = no_device

    def call(self, call: Call) -> CallReport:
        """Carry out one call, within the smaller of `call.seconds` and the limit of the settings.

        Raises CallFailed; and TypeError when `call` holds what cannot be sent, which is the author's mistake.
        """
        if call.device and self._no_device:
            raise CallFailed(self._no_device, NO_DEVICE)
        if self._conversation is None:
            raise CallFailed(f"`{call.name}` could not be called: {self._hopeless}", "died")
        seconds = min(call.seconds, self._seconds)
        writer = Writer()
        tree = call_tree(call, writer)
        request = Perform(new_id(), seconds, [buffer.nbytes for buffer in writer.buffers], tree)
        late = f"`{call.name}` did not return within {seconds:g} s"
        try:
            reply = self._conversation.ask(
                request, Performed, seconds + GRACE, writer.buffers, max_tree=wire.MAX_REPORT
            )
            if reply.report is None:
                raise CallFailed(late, "timeout")
            return read_report(reply.report, Reader(wire.split(self._conversation.memory, reply.lengths)))
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
        """Let the fork go."""
        if self._conversation is not None:
            self._conversation.close()
            self._conversation = None
            self._hopeless = "the check is over"

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def _how_it_ended(self) -> str:
        code = self._give_up("it ended in an earlier call")
        limit = self._session.reason_gone(patience=1.0) if self._session is not None and code is None else ""
        if limit in ("memory", "disk", "processes"):
            return f"used more {limit} than it may"
        return "ended the Python process" + ("" if code is None else f" ({describe_exit(code)})")

    def _give_up(self, why: str) -> int | None:
        """End the fork; how it ended."""
        self.close()
        self._hopeless = why
        return self._session.end_check(self._number) if self._session is not None else None
