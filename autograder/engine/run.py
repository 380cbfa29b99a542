"""One run of a student's notebook: its cells from top to bottom, then as many checks as the grader likes.

Cells run straight through in one process. When that process dies, or hangs and must be killed, the run goes back to
the last checkpoint (or to the start, in a new session), replays the cells since, leaves out the deadly one, and goes
on. A checkpoint is one fork, taken when the cells since the last one took half a second, so a replay costs little.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from types import TracebackType
from typing import Self

from autograder.config import Limits
from autograder.engine import cell_results
from autograder.engine.caller import Check, Place
from autograder.engine.conversation import Conversation
from autograder.engine.serial import SerialRun
from autograder.engine.session import Session, SessionLost
from autograder.engine.starting import Report, Start
from autograder.errors import IsolationError
from autograder.model import CellResult, CellStatus

REVIVALS = 2  # times that the notebook is run again because a check brought it down
REPLAY = 0.5  # seconds of cells that may have to run again
FOR_CHECKS = 3600.0  # seconds that a session may go on after its cells: the guardian is only the last resort
SPARE = 2  # checks forked ahead, while the grader is busy with the one before


class NotebookRun(AbstractContextManager["NotebookRun"]):
    """A notebook that has run: what its cells showed, and a loaded process that checks are forked from.

    cells: one result per code cell, in order. notes: for staff. defined: by exercise, the index of the cell that
    bound the graded object, None where the name was never bound.
    """

    def __init__(
        self,
        start_session: Callable[[Start], Session],
        limits: Limits,
        cells: Sequence[tuple[int, str]],
        *,
        files: Mapping[str, bytes],
        exercises: Sequence[str],
        stubs: Mapping[str, str],
        no_device: str = "",
        start_with_device: Callable[[Start], Session] | None = None,
    ) -> None:
        self._start_session = start_session
        self._no_device = no_device
        self._start_with_device = start_with_device
        self._with_device: SerialRun | None = None
        self._limits = limits
        self._sources = list(cells)
        self._prepared = dict(files), list(exercises), dict(stubs), limits.output
        self._deadline = time.monotonic() + limits.notebook_seconds
        self._results: list[CellResult | None] = [None] * len(self._sources)
        self._notes: list[str] = []
        self._spare: deque[tuple[int, Conversation]] = deque()
        self._session: Session | None = None
        self._revivals = 0
        self._lost = ""  # why there is no session any more: a clause
        self.defined: dict[str, int | None] = dict.fromkeys(exercises)
        try:
            self._run()
        except BaseException:
            self.close()
            raise

    @property
    def cells(self) -> tuple[CellResult, ...]:
        """One result per code cell."""
        return tuple(result for result in self._results if result is not None)

    @property
    def notes(self) -> tuple[str, ...]:
        """What staff should know of this run."""
        return (*self._notes, *(self._with_device.notes if self._with_device is not None else ()))

    def open_check(self) -> Check:
        """One fork of the loaded notebook. A context manager; a hopeless one raises CallFailed at its first call."""
        if self._session is not None and self._session.reason_gone():
            self._revive()
        if self._session is None:
            return Check(self._lost)
        try:
            number, conversation = self._spare.popleft() if self._spare else self._session.open_check()
        except SessionLost as lost:
            return Check(f"the notebook's process {lost.reason}")
        self._fork_ahead()
        elsewhere = self._open_with_device if self._start_with_device is not None else None
        place = Place(self._session, number, conversation)
        return Check("", place, self._limits.check_seconds, self._no_device, elsewhere)

    def close(self) -> None:
        """End every process of this run."""
        self._drop_spare()
        if self._session is not None:
            self._session.close()
            self._session = None
            self._lost = "the run is closed"
        if self._with_device is not None:
            self._with_device.close()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def __enter__(self) -> Self:
        return self

    def _open_with_device(self) -> Place:
        """A place with a GPU for the check that asks now, in the one session that has it."""
        assert self._start_with_device is not None
        if self._with_device is None:
            cells = [self._sources[position] for position in self._harmless()]
            self._with_device = SerialRun(self._start_with_device, self._limits, cells, self._prepared)
        return self._with_device.open_check()

    def _run(self) -> None:
        try:
            self._session = self._new_session()
            self._deadline = time.monotonic() + self._limits.notebook_seconds  # starting is not the student's time
            self._run_cells()
        except SessionLost as lost:
            self._give_up(lost)
            return
        try:
            self.defined.update(self._session_or_lost().settle())
        except SessionLost as lost:
            self._session_or_lost().reason_gone(patience=0.5)
            self._revive("what the cells left behind", str(lost))
        self._fork_ahead()

    def _revive(self, culprit: str = "a check", how: str = "") -> None:
        """The whole session was brought down: run the notebook again, unless that happens all the time."""
        reason = self._session_or_lost().reason_gone() or how
        self._drop_spare()
        self._notes.append(f"{culprit} brought the notebook's processes down ({reason})")
        self._session_or_lost().close()
        self._session = None
        self._lost = f"the notebook's processes were brought down by {culprit.replace('a check', 'an earlier check')}"
        self._revivals += 1
        if self._revivals > REVIVALS:
            return
        self._deadline = time.monotonic() + self._limits.notebook_seconds
        try:
            self._session = self._new_session()
            self._replay(0, len(self._sources))
            self.defined.update(self._session_or_lost().settle())
        except SessionLost as lost:
            self._give_up(lost)

    def _run_cells(self) -> None:
        kept = 0  # the position of the checkpoint, or of the start
        since = 0.0  # seconds that the cells after it took
        is_careful = False  # after a death: a checkpoint before each cell
        for position in range(len(self._sources)):
            if self._left() <= 0:
                self._skip_from(position, f"the notebook used up its {self._limits.notebook_seconds:g} s")
                return
            if since > REPLAY or is_careful:
                self._session_or_lost().checkpoint()
                kept, since = position, 0.0
            start = time.monotonic()
            try:
                self._keep(position, self._run_cell(position))
            except SessionLost as lost:
                took = time.monotonic() - start
                kept, how = self._go_back(kept, lost)
                index, is_timeout = self._sources[position][0], lost.kind == "timeout"
                self._keep(position, cell_results.lost(index, f"the cell {how}", took, is_timeout=is_timeout))
                self._replay(kept, position)
                is_careful = True
            since += time.monotonic() - start

    def _run_cell(self, position: int) -> CellResult:
        index, source = self._sources[position]
        limit = min(self._limits.cell_seconds, max(self._left(), 0.1))
        done = self._session_or_lost().run_cell(index, source, limit)
        return cell_results.finished(index, done, limit, self._limits)

    def _go_back(self, kept: int, lost: SessionLost) -> tuple[int, str]:
        """Take the last checkpoint, or a new session, in place of the lost process.

        The position of the first cell that it has not run, and a clause that says what became of the lost one.
        """
        session = self._session_or_lost()
        try:
            report = Report("ended", session.go_back())
        except SessionLost:  # no checkpoint, or none any more
            report = session.close(patience=0.5)
            self._session = None
            self._session = self._new_session()
            kept = 0
        how = cell_results.describe_end(report, self._limits) if lost.kind == "died" else ""
        return kept, how or lost.reason

    def _replay(self, first: int, end: int) -> None:
        """Run the cells of these positions again that left the process alive. What they show this time is not kept."""
        for position in self._harmless():
            if first <= position < end:
                self._run_cell(position)

    def _harmless(self) -> list[int]:
        """The positions of the cells that left the process alive."""
        harmless = (CellStatus.OK, CellStatus.ERROR)
        return [place for place, result in enumerate(self._results) if result is not None and result.status in harmless]

    def _new_session(self) -> Session:
        """A session with the files in place. A second try is for a zygote that was killed from outside."""
        try:
            return self._prepared_session()
        except IsolationError:
            return self._prepared_session()

    def _prepared_session(self) -> Session:
        seconds = max(self._left(), 60.0) + FOR_CHECKS
        session = self._start_session(Start(self._limits, seconds))
        try:
            session.prepare(*self._prepared)
        except BaseException:
            session.close()
            raise
        return session

    def _session_or_lost(self) -> Session:
        if self._session is None:
            raise SessionLost("is gone")
        return self._session

    def _left(self) -> float:
        return self._deadline - time.monotonic()

    def _keep(self, position: int, result: CellResult) -> None:
        self._results[position] = result
        if result.note:
            self._notes.append(f"cell {result.index}: {result.note}")

    def _give_up(self, lost: SessionLost) -> None:
        """The notebook could not be brought back to life."""
        report = self._session.close() if self._session is not None else None
        self._session = None
        self._lost = f"the notebook's process {lost.reason}"
        if report is not None and report.reason not in ("closed", "ended"):
            self._lost += f" ({report.reason})"
        self._notes.append(self._lost)
        first = next((place for place, result in enumerate(self._results) if result is None), len(self._results))
        self._skip_from(first, self._lost)

    def _skip_from(self, position: int, why: str) -> None:
        for later in range(position, len(self._sources)):
            self._results[later] = cell_results.not_run(self._sources[later][0], why)
        if position < len(self._sources):
            self._notes.append(f"cells from {self._sources[position][0]} on: not run: {why}")

    def _drop_spare(self) -> None:
        for _, conversation in self._spare:
            conversation.close()
        self._spare.clear()

    def _fork_ahead(self) -> None:
        while self._session is not None and len(self._spare) < SPARE:
            try:
                self._spare.append(self._session.open_check())
            except SessionLost:
                return
