"""The notebook once more, where there is a GPU: one process that runs the cells, then serves one check after the other.

A real GPU cannot be used in a fork of a process that used it, and after a backward pass that saw one no fork can run
another, so there is no fork per check here. A check that ends that process, hangs it, or loses the GPU's context costs
itself alone: the next one gets a process of its own, for which the cells are run again.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from autograder.config import Limits
from autograder.engine.caller import Place
from autograder.engine.calls import NO_DEVICE, CallFailed
from autograder.engine.session import Session, SessionLost
from autograder.engine.starting import Report, Start

DEADLY = 3  # cells that may bring the process down, and are then left out
FOR_CHECKS = 3600.0  # seconds that a session may go on after its cells

Prepared = tuple[dict[str, bytes], list[str], dict[str, str], int]  # as Session.prepare takes it


class SerialRun:
    """The sessions with a GPU of one submission, one at a time. All of them together have `notebook_seconds` for cells.

    notes: for staff.
    """

    def __init__(
        self,
        start_session: Callable[[Start], Session],
        limits: Limits,
        cells: Sequence[tuple[int, str]],
        prepared: Prepared,
    ) -> None:
        self._start_session = start_session
        self._limits = limits
        self._cells = list(cells)
        self._prepared = prepared
        self._left = limits.notebook_seconds
        self._session: Session | None = None
        self._report = Report("lost")  # of the last session, once it is over
        self.notes: tuple[str, ...] = ()

    def open_check(self) -> Place:
        """A place for one check, when the one before is over. Raises CallFailed; with NO_DEVICE where the GPU fails."""
        is_new = self._session is None or bool(self._session.reason_gone())
        session = self._new_session() if is_new else self._session
        assert session is not None
        try:
            conversation, trouble = session.serve_check()
        except SessionLost as lost:
            self.close()
            if is_new:
                raise CallFailed(f"the notebook's process {lost.reason}", "died") from None
            return self.open_check()
        if not trouble:
            return Place(self, 0, conversation)
        conversation.close()
        self.close()
        if is_new:
            raise CallFailed(f"the GPU cannot be used: {trouble}", NO_DEVICE)
        return self.open_check()

    def end_check(self, number: int) -> int | None:
        """End the process; its exit code, or minus a signal; None where it did not end by itself."""
        if self._session is not None:
            self._report = self._session.close(patience=0.5)
            self._session = None
        return self._report.code

    def reason_gone(self, patience: float = 0.0) -> str:
        """Why the process of the last check is gone; "" while it goes on."""
        return "" if self._session is not None else self._report.reason

    def close(self) -> None:
        """End every process."""
        self.end_check(0)

    def _new_session(self) -> Session:
        """A session that has run the cells. Those that bring it down are left out, up to DEADLY of them."""
        self.close()
        cells = list(self._cells)
        while True:
            session = self._session = self._start_session(Start(self._limits, self._left + FOR_CHECKS))
            session.prepare(*self._prepared)
            index = self._run(session, cells)
            if index is None:
                return session
            self.close()
            cells = [cell for cell in cells if cell[0] != index]
            if len(self._cells) - len(cells) > DEADLY or self._left <= 0:
                raise CallFailed("the cells of the notebook could not be run where there is a GPU", "died")

    def _run(self, session: Session, cells: Sequence[tuple[int, str]]) -> int | None:
        """Run the cells; the index of the one that brought the session down, if one did."""
        index = -1
        for index, source in cells:
            start = time.monotonic()
            try:
                session.run_cell(index, source, max(0.1, min(self._limits.cell_seconds, self._left)))
            except SessionLost as lost:
                self.notes += (f"cell {index}, run again where there is a GPU, {lost.reason}: it was left out there",)
                return index
            finally:
                self._left -= time.monotonic() - start
        try:
            session.settle()
        except SessionLost:
            return index
        return None
