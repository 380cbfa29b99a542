"""The nbgrader source notebook of an assignment, and what its release must look like.

Exercise cells hold stubs with solution regions; a question is a prompt, a place for its answer and a check of its form
(`questions.py`); each grade cell holds the visible example; manual cells are answered by
hand; free cells are the student's; all else is locked. The same input gives the same bytes: cell ids come from the
headings, never from a clock or a random number.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec
import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_raw_cell

from autograder.cells import Role, SourceCell
from autograder.course import Assignment
from autograder.errors import ReleaseError
from autograder.quiz.bank import BuiltQuestion
from autograder.release import questions as quiz
from autograder.release.stubs import BEGIN, END, Template, import_line, missing_names

NBGRADER_SCHEMA = 3
KERNEL = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
NO_EXAMPLE = "# `{name}` is checked after you hand in."
ANSWER_HERE = "YOUR ANSWER HERE"  # nbgrader's own placeholder in text
NEW_CELL = {"code": new_code_cell, "markdown": new_markdown_cell, "raw": new_raw_cell}


class PlannedCell(msgspec.Struct, frozen=True, kw_only=True):
    """One cell to be: `full` as its source notebook has it, `released` as students get it."""

    id: str
    kind: str
    full: str
    released: str
    grade: bool = False
    solution: bool = False
    locked: bool = False
    points: float | None = None
    hidden: bool = False  # JupyterLab folds its source away

    @property
    def metadata(self) -> dict[str, Any]:
        """Its nbgrader metadata; empty for a free cell."""
        if not (self.grade or self.solution or self.locked):
            return {}
        folded: dict[str, Any] = {"jupyter": {"source_hidden": True}} if self.hidden else {}
        state: dict[str, Any] = {
            "schema_version": NBGRADER_SCHEMA,
            "grade_id": self.id,
            "grade": self.grade,
            "solution": self.solution,
            "locked": self.locked,
            "task": False,
        }
        return folded | {"nbgrader": state | ({} if self.points is None else {"points": self.points})}

    @property
    def is_answer(self) -> bool:
        """Does it hold `name = ...`, the place for the answer to a question?"""
        return self.released == f"{self.id} = ..."


def plan_cells(
    assignment: Assignment,
    templates: Mapping[str, Template],
    questions: Sequence[BuiltQuestion] = (),
    *,
    is_personal: bool = True,
) -> tuple[PlannedCell, ...]:
    """The cells of an assignment's notebook, in order. Raises ReleaseError.

    is_personal: each student gets a variant of each question; otherwise all get the first.
    """
    built = {question.name: question for question in questions}
    with_example = {cell.name for cell in assignment.cells if cell.role is Role.EXAMPLE}
    ids = _CellIds()
    planned: list[PlannedCell] = []
    for cell in assignment.cells:
        ids.heading = cell.headings[-1] if cell.headings else ids.heading
        if cell.role is Role.EXERCISE:
            planned.append(_solution_cell(cell, templates[cell.name]))
            if cell.name not in with_example:
                planned.append(_grade_cell(assignment, cell.name, NO_EXAMPLE.format(name=cell.name)))
        elif cell.role is Role.EXAMPLE:
            planned.append(_grade_cell(assignment, cell.name, cell.source))
        elif cell.role is Role.MANUAL:
            planned.append(_manual_cell(cell))
        elif cell.role is Role.QUESTION:
            planned += _question_cells(built[cell.name], is_personal)
        else:
            locked = cell.role is Role.PLAIN
            name = ids.next("scratch" if not locked else "code" if cell.kind == "code" else "text")
            planned.append(PlannedCell(id=name, kind=cell.kind, full=cell.source, released=cell.source, locked=locked))
    if questions:
        first = next(position for position, cell in enumerate(planned) if cell.kind == "code")
        planned[first:first] = _start_cells(assignment, questions, is_personal)
    _check_code(assignment, planned)
    return tuple(planned)


def source_notebook(planned: tuple[PlannedCell, ...]) -> Any:
    """The nbgrader source notebook (nbformat 4.5) of the planned cells."""
    cells = [NEW_CELL[cell.kind](source=cell.full, id=cell.id, metadata=cell.metadata) for cell in planned]
    notebook = new_notebook(cells=cells, metadata={"kernelspec": KERNEL, "language_info": {"name": "python"}})
    nbformat.validate(notebook)
    return notebook


def _solution_cell(cell: SourceCell, template: Template) -> PlannedCell:
    return PlannedCell(id=cell.name, kind="code", full=template.full, released=template.stub, solution=True)


def _grade_cell(assignment: Assignment, name: str, source: str) -> PlannedCell:
    points = assignment.exercise(name).points
    return PlannedCell(
        id=f"test_{name}", kind="code", full=source, released=source, grade=True, locked=True, points=points
    )


def _start_cells(
    assignment: Assignment, questions: Sequence[BuiltQuestion], is_personal: bool
) -> Iterator[PlannedCell]:
    """Who answers, and what the cells of the questions call: before all other code."""
    is_personal = is_personal and any(len(question.variants) > 1 for question in questions)
    if is_personal:
        source = quiz.student_source()
        yield PlannedCell(id="student", kind="code", full=source, released=source)
    source = quiz.start_source(assignment, questions, is_personal=is_personal)
    yield PlannedCell(id="start-of-the-quiz", kind="code", full=source, released=source, locked=True, hidden=True)


def _question_cells(question: BuiltQuestion, is_personal: bool) -> Iterator[PlannedCell]:
    """The prompt, the place for the answer, the check of its form."""
    name, shown = question.name, quiz.prompt_id(question.name)
    if is_personal and len(question.variants) > 1:
        source = quiz.prompts_source(question)
        yield PlannedCell(id=shown, kind="code", full=source, released=source, locked=True, hidden=True)
    else:
        source = question.variants[0].asked(name)
        yield PlannedCell(id=shown, kind="markdown", full=source, released=source, locked=True)
    answer = quiz.answer_source(question)
    yield PlannedCell(id=name, kind="code", full=f"{answer}\n{BEGIN}\n{END}", released=answer, solution=True)
    source = quiz.form_source(question)
    yield PlannedCell(
        id=f"test_{name}", kind="code", full=source, released=source, grade=True, locked=True, points=question.points
    )


def placeholder(kind: str) -> str:
    """What stands in a cell that is answered in words or code and scored by hand, until it is."""
    return ANSWER_HERE if kind == "markdown" else "# YOUR CODE HERE\nraise NotImplementedError()"


def _manual_cell(cell: SourceCell) -> PlannedCell:
    """The author's text, then the place for the answer, in one cell that is scored by hand."""
    text = f"{cell.source}\n\n" if cell.source else ""
    return PlannedCell(
        id=cell.name,
        kind=cell.kind,
        full=f"{text}{BEGIN}\n{END}",
        released=text + placeholder(cell.kind),
        grade=True,
        solution=True,
        points=cell.points,
    )


def _check_code(assignment: Assignment, planned: list[PlannedCell]) -> None:
    """Every code cell compiles, and every name that a stub uses is defined above it."""
    earlier: list[str] = []
    for cell in planned:
        if cell.kind != "code":
            continue
        try:
            missing = missing_names(cell.released, earlier) if cell.solution and not cell.grade else []
            missing_names("", [cell.released])
        except SyntaxError as error:
            raise ReleaseError(
                f"{assignment.notebook}: cell `{cell.id}`: line {error.lineno}: is not Python ({error.msg}); correct it"
            ) from None
        if missing:
            lines = [import_line(assignment.solutions, name) or f"a definition of {name}" for name in missing]
            raise ReleaseError(
                f"{assignment.notebook}: the stub of `{cell.id}` uses {', '.join(missing)}, which no code cell above "
                f"it defines; add to the first code cell: {'; '.join(lines)}"
            )
        earlier.append(cell.released)


class _CellIds:
    """Names for cells without one: the last heading, what the cell is, and a number. An edited cell keeps its name."""

    def __init__(self) -> None:
        self.heading = ""
        self._used: Counter[str] = Counter()

    def next(self, what: str) -> str:
        words = re.findall(r"[a-z0-9]+", self.heading.lower())
        stem = "-".join([*(words[:4] or ["start"]), what])[-48:].strip("-")
        self._used[stem] += 1
        return f"{stem}-{self._used[stem]}"
