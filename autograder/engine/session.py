"""One session as the grader sees it: a notebook's process, its guardian, and perhaps a checkpoint to go back to."""

from __future__ import annotations

import contextlib
import select
import socket
import time

from autograder.engine import wire
from autograder.engine.conversation import Conversation, new_id, new_pair
from autograder.engine.messages import (
    CellDone,
    Done,
    EndCheck,
    Ended,
    OpenCheck,
    Park,
    Prepare,
    Resume,
    RunCell,
    ServeCheck,
    Serving,
    Settle,
    Settled,
    Unshare,
)
from autograder.engine.starting import GUARDIAN, Look, Report, Shared, Start
from autograder.errors import IsolationError

STARTING = 20.0  # seconds that a session may take to start, a fork to be made, a process to end
FIRST_USE = 120.0  # seconds until a real GPU has answered for the first time
GRACE = 2.0  # seconds between the alarm in a cell and the end of its process


class SessionLost(Exception):  # noqa: N818 (an outcome of student code)
    """The notebook's process is gone, or hangs, or talks nonsense.

    `reason` is a clause: "ended the Python process"; `kind` is "died", "timeout" or "protocol".
    """

    def __init__(self, reason: str, kind: str = "died") -> None:
        super().__init__(reason)
        self.reason = reason
        self.kind = kind


class Session:
    """Runs cells and opens checks in one notebook process. Every trouble is a SessionLost."""

    def __init__(self, zygote: socket.socket, start: Start) -> None:
        ours, theirs = new_pair()
        self._lifeline, their_lifeline = new_pair()
        try:
            wire.send(zygote, start, files=[theirs.fileno(), their_lifeline.fileno()])
        except wire.Closed:
            ours.close()
            self._lifeline.close()
            raise
        finally:
            theirs.close()
            their_lifeline.close()
        self._notebook = Conversation(ours)
        self._checkpoint: Conversation | None = None
        self._report: Report | None = None
        self._checks = 0

    def prepare(self, files: dict[str, bytes], exercises: list[str], stubs: dict[str, str], output: int) -> None:
        """Give the notebook what it needs before its first cell. Raises IsolationError."""
        try:
            self._notebook.ask(Prepare(new_id(), files, exercises, stubs, output), Done, STARTING)
        except (wire.Closed, wire.DeadlinePassed, wire.WireError):
            report = self.close()  # no student code has run yet: the fault is ours
            why = report.detail or f"the guardian says {report.reason!r}"
            raise IsolationError(f"the student side could not start a session: {why}") from None

    def run_cell(self, index: int, source: str, seconds: float) -> CellDone:
        """Run one cell: after `seconds` by an exception in it, a little later by ending its process."""
        try:
            return self._notebook.ask(RunCell(new_id(), index, source, seconds), CellDone, seconds + GRACE)
        except wire.DeadlinePassed:
            raise SessionLost(f"ran longer than {seconds:g} s and could not be interrupted", "timeout") from None
        except wire.Closed:
            raise SessionLost("ended the Python process") from None
        except wire.WireError as error:
            raise SessionLost(f"broke the connection to the grader ({error})", "protocol") from None

    def checkpoint(self) -> None:
        """Keep the notebook as it is now, to come back to; an earlier checkpoint goes."""
        ours, theirs = new_pair()
        try:
            self._notebook.ask(Park(new_id()), Done, STARTING, files=(theirs.fileno(),))
        except (wire.Closed, wire.DeadlinePassed, wire.WireError) as error:
            ours.close()
            raise SessionLost("could not be copied any more") from error
        finally:
            theirs.close()
        if self._checkpoint is not None:
            self._checkpoint.close()
        self._checkpoint = Conversation(ours)

    def go_back(self) -> int | None:
        """Make the checkpoint the notebook; how the process that it replaces had ended."""
        if self._checkpoint is None:
            raise SessionLost("left no checkpoint")
        self._notebook.close()
        self._notebook, self._checkpoint = self._checkpoint, None
        try:
            return self._notebook.ask(Resume(new_id()), Ended, STARTING).code
        except (wire.Closed, wire.DeadlinePassed, wire.WireError) as error:
            raise SessionLost("lost its checkpoint") from error

    def settle(self) -> dict[str, int | None]:
        """The cells are done: put the graded objects in place; which cell defined each. Drops the checkpoint."""
        if self._checkpoint is not None:
            self._checkpoint.close()
            self._checkpoint = None
        try:
            defined = self._notebook.ask(Settle(new_id()), Settled, STARTING).defined
            areas = self._shared_memory()
            if areas:
                self._notebook.ask(Unshare(new_id(), areas), Done, STARTING)
                if self._shared_memory():
                    raise SessionLost("keeps memory that its checks would share")
            return defined
        except (wire.Closed, wire.DeadlinePassed, wire.WireError) as error:
            raise SessionLost("was gone before it could be checked") from error

    def open_check(self) -> tuple[int, Conversation]:
        """Ask for a fork of the notebook; it may be used at once, or later."""
        ours, theirs = new_pair()
        self._checks += 1
        try:
            self._notebook.tell(OpenCheck(self._checks), STARTING, files=(theirs.fileno(),))
        except (wire.Closed, wire.DeadlinePassed):
            ours.close()
            raise SessionLost("is gone") from None
        finally:
            theirs.close()
        return self._checks, Conversation(ours)

    def serve_check(self) -> tuple[Conversation, str]:
        """Have this session's own process serve the next check; what is wrong with its GPU, if it cannot."""
        ours, theirs = new_pair()
        try:
            reply = self._notebook.ask(ServeCheck(new_id()), Serving, FIRST_USE, files=(theirs.fileno(),))
        except (wire.Closed, wire.DeadlinePassed, wire.WireError):
            ours.close()
            raise SessionLost("is gone") from None
        finally:
            theirs.close()
        return Conversation(ours), reply.trouble

    def end_check(self, number: int) -> int | None:
        """End the fork of a check; its exit code, or minus a signal; None where it cannot be known."""
        try:
            return self._notebook.ask(EndCheck(new_id(), number), Ended, 2.0).code
        except (wire.Closed, wire.DeadlinePassed, wire.WireError):
            return None

    def close(self, patience: float = 0.0) -> Report:
        """End every process of the session; returns when nothing is left of it.

        patience: seconds to wait before, so that a session which is ending by itself can say how it ended.
        """
        if self._report is None and patience:
            select.select([self._lifeline], [], [], patience)
        self._notebook.close()
        if self._checkpoint is not None:
            self._checkpoint.close()
        if self._report is None:
            self._report = self._last_word()
            self._lifeline.close()
        return self._report

    def reason_gone(self, patience: float = 0.0) -> str:
        """Why nothing is left of the session, as the guardian says within `patience` seconds; "" while it goes on."""
        if self._report is None and select.select([self._lifeline], [], [], patience)[0]:
            self.close()
        return self._report.reason if self._report is not None else ""

    def _shared_memory(self) -> list[tuple[int, int]]:
        """What the guardian sees from outside; the notebook's own word would be the student's."""
        wire.send(self._lifeline, Look())
        answer = wire.receive(self._lifeline, GUARDIAN, time.monotonic() + STARTING)[0]
        if isinstance(answer, Shared):
            return answer.areas
        self._report = answer
        raise wire.Closed

    def _last_word(self) -> Report:
        try:
            with contextlib.suppress(OSError):
                self._lifeline.shutdown(socket.SHUT_WR)
            deadline = time.monotonic() + STARTING
            while True:
                word = wire.receive(self._lifeline, GUARDIAN, deadline)[0]
                if isinstance(word, Report):
                    return word
        except (OSError, wire.Closed, wire.DeadlinePassed, wire.WireError):
            return Report("lost")
