"""How far long work has come: a bar in a terminal, a line about every ten percent elsewhere."""

from __future__ import annotations

import time
from types import TracebackType

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from autograder.report.text import duration


class ProgressLines:
    """A context in which `advance(done, total)` is told how far work has come. Prints nothing for no work at all."""

    def __init__(self, console: Console, verb: str) -> None:
        self._console = console
        self._verb = verb
        self._start = time.monotonic()
        self._tenth = 0
        self._bar: Progress | None = None
        self._task: TaskID | None = None
        if console.is_terminal:
            columns = (
                TextColumn("{task.description}"),
                BarColumn(),
                MofNCompleteColumn(),
                _Rate(),
                TimeRemainingColumn(),
            )
            self._bar = Progress(*columns, console=console, transient=True)

    def __enter__(self) -> ProgressLines:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    def advance(self, done: int, total: int) -> None:
        """Show that `done` of `total` are done."""
        if self._bar is None:
            self._line(done, total)
        elif self._task is None:
            self._bar.start()
            self._task = self._bar.add_task(self._verb, total=total, completed=done)
        else:
            self._bar.update(self._task, total=total, completed=done)

    def _line(self, done: int, total: int) -> None:
        tenth = 10 * done // total if total else 0
        if tenth <= self._tenth:
            return
        self._tenth = tenth
        seconds = max(time.monotonic() - self._start, 1e-9)
        left = (
            f", {duration(seconds / done * (total - done))} left" if done < total else f", {duration(seconds)} in all"
        )
        self._console.print(
            f"{self._verb} {done}/{total} ({100 * done // total} %), {done / seconds:.1f}/s{left}", style=None
        )


class _Rate(ProgressColumn):
    def render(self, task: Task) -> Text:
        return Text(f"{task.speed:.1f}/s" if task.speed else "", style="progress.data.speed")
