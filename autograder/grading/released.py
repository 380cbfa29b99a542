"""The released notebook of an assignment: what students got, and what their notebooks are held against."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import nbformat

from autograder.course import Assignment
from autograder.errors import CourseError


@dataclass(frozen=True)
class ReleasedCell:
    """A cell of ours that bears an nbgrader id. `metadata` is the cell's own, nbgrader's under "nbgrader"."""

    grade_id: str
    kind: str  # "code" | "markdown" | "raw"
    source: str
    metadata: Mapping[str, Any]

    @property
    def is_grade(self) -> bool:
        """True for a cell that has points (a task cell has its own flag)."""
        return bool(self.metadata["nbgrader"].get("grade"))

    @property
    def is_solution(self) -> bool:
        """True for a cell that students fill in."""
        return bool(self.metadata["nbgrader"].get("solution"))

    @property
    def is_task(self) -> bool:
        """True for a task: points for work that lies in cells of the student's own."""
        return bool(self.metadata["nbgrader"].get("task"))

    @property
    def is_locked(self) -> bool:
        """True when students may not edit it, by nbgrader's own rule."""
        return not self.is_solution and (self.is_grade or bool(self.metadata["nbgrader"].get("locked")))

    @property
    def is_answer(self) -> bool:
        """True for the place of an answer to a question: `axis_sum = ...`."""
        return self.is_solution and self.source.strip() == f"{self.grade_id} = ..."

    @property
    def points(self) -> float:
        """What a grade or task cell is worth."""
        return float(self.metadata["nbgrader"].get("points") or 0.0)


@dataclass(frozen=True)
class Released:
    """A released notebook. `content` is the file as it lies on the disk."""

    content: bytes
    notebook: nbformat.NotebookNode
    cells: tuple[ReleasedCell, ...]

    @cached_property
    def by_id(self) -> dict[str, ReleasedCell]:
        """The cells by their nbgrader id."""
        return {cell.grade_id: cell for cell in self.cells}

    @cached_property
    def stubs(self) -> dict[str, str]:
        """The source of each code cell that students fill in, by its id, which is the exercise's name."""
        return {cell.grade_id: cell.source for cell in self.cells if cell.is_solution and cell.kind == "code"}


def load_released(assignment: Assignment) -> Released:
    """Read release/NAME/NAME.ipynb. Raises CourseError."""
    path = assignment.release_folder / f"{assignment.name}.ipynb"
    try:
        content = path.read_bytes()
        notebook = nbformat.reads(content.decode("utf-8"), as_version=4)
    except FileNotFoundError:
        raise CourseError(f"{path}: not found; run: grader release {assignment.name}") from None
    except (OSError, ValueError, nbformat.reader.NotJSONError) as error:
        raise CourseError(f"{path}: cannot be read ({error}); run: grader release {assignment.name}") from None
    cells = tuple(
        ReleasedCell(cell.metadata.nbgrader["grade_id"], cell.cell_type, cell.source, cell.metadata)
        for cell in notebook.cells
        if cell.metadata.get("nbgrader", {}).get("grade_id")
    )
    return Released(content, notebook, cells)


def load_data(assignment: Assignment) -> dict[str, bytes]:
    """The files that the notebook works with, by their path in its folder: "data/digits.npz" -> bytes."""
    folder = assignment.release_folder
    files = sorted(path for path in (folder / "data").rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}
