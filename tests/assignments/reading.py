"""The notebook of an assignment, as tests read and run it."""

from __future__ import annotations

from collections.abc import Iterable
from types import ModuleType

import torch

from autograder.cells import Role, SourceCell
from autograder.course import Assignment


def text_of(assignment: Assignment, exercise: str) -> str:
    """The markdown cell that stands right above the cell of an exercise."""
    cells = assignment.cells
    place = next(at for at, cell in enumerate(cells) if cell.role is Role.EXERCISE and cell.name == exercise)
    return cells[place - 1].source


def solved(references: ModuleType, assignment: Assignment) -> dict[str, object]:
    """The names of the exercises, with the references behind them."""
    return {exercise.name: getattr(references, exercise.name) for exercise in assignment.exercises}


def run(cells: Iterable[SourceCell], names: dict[str, object]) -> None:
    """Run code cells, with random numbers of their own."""
    with torch.random.fork_rng():
        for cell in cells:
            exec(compile(cell.source, cell.place, "exec"), names)


def run_with(references: ModuleType, assignment: Assignment) -> dict[str, object]:
    """Run the whole notebook with the references in it, and return the names that it leaves."""
    names = solved(references, assignment)
    run((cell for cell in assignment.cells if cell.kind == "code" and cell.role is not Role.EXERCISE), names)
    return names
