"""One process for all checks of placement, as a real GPU needs it, comes to the same verdicts as a fork for each."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest
from test_placement_class import MISTAKES, NAME, REPOSITORY, write_submission

from autograder import simgpu
from autograder.checks.suite import Suite
from autograder.config import Limits
from autograder.course import load_course
from autograder.engine.side import StudentSide
from autograder.model import Device, DeviceKind, Outcome

Sides = tuple[StudentSide, StudentSide]


@pytest.fixture(scope="module")
def sides() -> Iterator[Sides]:
    """With a fork for each check, and with one process for all."""
    ready, reason = simgpu.is_available()
    if not ready:
        pytest.skip(reason)
    simulated = Device(DeviceKind.SIMULATED)
    with StudentSide(Limits(), device=simulated) as forks, StudentSide(Limits(), device=simulated, serial=True) as one:
        yield forks, one


def verdicts(side: StudentSide, suite: Suite, cells: list[tuple[int, str]]) -> dict[str, tuple[Outcome, str]]:
    """Outcome and message of every check, by its name."""
    names = [exercise.name for exercise in suite.assignment.exercises]
    with side.run_notebook(cells, files={}, exercises=names) as run:
        results = suite.grade(run.open_check, lambda check: hashlib.sha256(check.encode()).hexdigest())
    return {f"{each.name}.{check.name}": (check.outcome, check.message) for each in results for check in each.checks}


def cells_of(notebook: Path) -> list[tuple[int, str]]:
    cells = enumerate(nbformat.read(notebook, as_version=4).cells)
    return [(index, cell.source) for index, cell in cells if cell.cell_type == "code"]


def test_mistakes_of_placement_are_found_in_the_same_words(sides: Sides, tmp_path: Path) -> None:
    wrong = {exercise: source for exercise, source, _ in MISTAKES.values()}
    notebook = cells_of(write_submission(tmp_path / "ann.ipynb", wrong))
    with Suite(load_course(REPOSITORY).assignment(NAME)) as suite:
        with_forks, with_one = (verdicts(side, suite, notebook) for side in sides)
    failed = {check for check, (outcome, _) in with_one.items() if outcome is Outcome.FAILED}
    assert failed == {f"{exercise}.test_placement" for exercise in wrong}
    assert with_one == with_forks


@pytest.mark.parametrize(
    ("way", "name"), [(0, "training_on_device"), (1, "softmax_regression"), (1, "mlp"), (1, "training_on_device")]
)
def test_references_pass(sides: Sides, way: int, name: str) -> None:
    assignment = load_course(REPOSITORY).assignment(name)
    with Suite(assignment) as suite:
        found = verdicts(sides[way], suite, [(0, assignment.solutions.read_text())])
    assert {outcome for outcome, _ in found.values()} == {Outcome.PASSED}
