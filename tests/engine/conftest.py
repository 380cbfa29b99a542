"""One warm student side per isolation level, shared by the tests of the engine."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

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


@pytest.fixture(scope="session")
def side() -> Iterator[StudentSide]:
    with StudentSide(LIMITS) as made:
        yield made


@pytest.fixture(scope="session")
def side_b() -> Iterator[StudentSide]:
    with StudentSide(LIMITS, isolation="B") as made:
        yield made


@pytest.fixture(params=["best level", "B"])
def any_side(request: pytest.FixtureRequest) -> StudentSide:
    """The student side at the best level that this machine has, and at level B."""
    made: StudentSide = request.getfixturevalue("side" if request.param == "best level" else "side_b")
    return made


@pytest.fixture
def run(side: StudentSide) -> Iterator[Run]:
    """Run cells given as sources; what is run is closed at the end of the test."""
    runs: list[NotebookRun] = []

    def run_cells(*sources: str, **options: Any) -> NotebookRun:
        runs.append(run_on(side, *sources, **options))
        return runs[-1]

    yield run_cells
    for each in runs:
        each.close()


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
