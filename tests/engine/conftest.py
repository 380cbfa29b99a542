"""One warm student side per isolation level, shared by the tests of the engine."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from small_runs import LIMITS, Run, run_on

from autograder.engine.run import NotebookRun
from autograder.engine.side import StudentSide


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
