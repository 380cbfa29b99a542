"""Small limits, and how the tests of the engine run cells and read what they printed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from autograder.config import Limits
from autograder.engine.run import NotebookRun
from autograder.engine.side import StudentSide

LIMITS = Limits(
    cell_seconds=2,
    notebook_seconds=20,
    check_seconds=2,
    memory=1 * 1024**3,
    processes=16,
    disk=8 * 1024**2,
    output=10_000,
)
Run = Callable[..., NotebookRun]


def run_on(side: StudentSide, *sources: str, exercises: tuple[str, ...] = (), **options: Any) -> NotebookRun:
    """Run cells on a student side. The caller closes the run."""
    options = {"files": {}, **options}
    return side.run_notebook(list(enumerate(sources)), exercises=exercises, **options)


def printed(made: NotebookRun, cell: int = -1) -> str:
    """All text that a cell printed, and the errors it ended with."""
    return "".join(
        output.get("text") or output.get("evalue") or output.get("data", {}).get("text/plain", "")
        for output in made.cells[cell].outputs
    )
