"""One student's notebook, made ready to run: read, held against what was released, and put right where we may.

The student's cells stay where the student put them. Locked cells are ours again, deleted ones are put back, and of a
cell that occurs twice the one that counts is told apart. Whatever was done is noted for staff.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_raw_cell

from autograder.config import Limits
from autograder.course import Assignment
from autograder.errors import SubmissionError
from autograder.grading.reading import RawCell, parse_cells, read_bytes
from autograder.grading.released import Released, ReleasedCell, load_released

NEW_CELL = {"code": new_code_cell, "markdown": new_markdown_cell, "raw": new_raw_cell}


@dataclass(frozen=True)
class Submission:
    """A notebook that can be run.

    notebook: what formgrader will show, without outputs, not yet sanitised. numbers[i] is the number of its cell i:
    the index in the student's own file, from 0; cells that we put back are numbered after the student's last.
    cells: (number, source) of the code cells to run. unused: numbers of the student's code cells that are not run.
    """

    student: str
    assignment: str
    path: Path
    notebook: nbformat.NotebookNode
    numbers: tuple[int, ...]
    cells: tuple[tuple[int, str], ...]
    unused: tuple[int, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Placed:
    """A cell at its place. `released` is ours that it stands for; `is_run` tells whether its code is run."""

    number: int
    kind: str
    source: str
    released: ReleasedCell | None = None
    is_run: bool = True
    is_copy: bool = False  # of a locked cell: neither run nor shown
    raw: RawCell | None = None


def find_notebook(folder: Path, name: str) -> tuple[Path, list[str]]:
    """The notebook to grade in a student's folder: NAME.ipynb, else the only one; notes. Raises SubmissionError."""
    if folder.is_symlink() or folder.parent.is_symlink():
        raise SubmissionError("the folder is a symbolic link; hand in the files themselves")
    try:
        everything = sorted(folder.iterdir())
    except OSError as error:
        raise SubmissionError(f"{folder.name} cannot be read ({error.strerror})") from None
    entries = [path for path in everything if not path.name.startswith(".")]
    notebooks = [path for path in entries if path.suffix.lower() == ".ipynb"]
    if not notebooks:
        hidden = [path for path in everything if path not in entries and path.suffix.lower() == ".ipynb"]
        seen = ", ".join(path.name for path in (*hidden, *entries)[:5]) or "nothing"
        why = "; a name that starts with a dot is not read" if hidden else ""
        raise SubmissionError(f"no notebook was handed in (found {seen}{why}); hand in {name}.ipynb"[:300])
    wanted = f"{name}.ipynb"
    named = [path for path in notebooks if path.name == wanted] or (
        [path for path in notebooks if path.stem.startswith(name)] if len(notebooks) > 1 else notebooks
    )
    if len(named) != 1:
        raise SubmissionError(
            f"{len(notebooks)} notebooks were handed in and it is not clear which counts; keep {wanted} alone"
        )
    notes = [] if named[0].name == wanted else [f"the notebook is called {named[0].name}, not {wanted}"]
    if len(notebooks) > 1:
        notes.append(f"{len(notebooks)} notebooks were handed in; {named[0].name} was graded")
    return named[0], notes


def read_submission(
    path: Path, assignment: Assignment, limits: Limits, student: str = "", released: Released | None = None
) -> Submission:
    """Read `path`: a notebook, or a student's folder that holds one. Raises SubmissionError with one clear line.

    `student` defaults to the file's stem, `released` to the notebook in release/.
    """
    released = released or load_released(assignment)
    notes: list[str] = []
    folder = path if path.is_dir() and path.suffix.lower() != ".ipynb" else path.parent
    if folder == path:
        path, notes = find_notebook(folder, assignment.name)
    raw_cells, read_notes = parse_cells(read_bytes(path, limits.notebook_size, folder), path.name)
    if not any(cell.kind == "code" and cell.source.strip() for cell in raw_cells):
        raise SubmissionError(f"{path.name} has no code cells; hand in the notebook that you worked in")
    notes += read_notes
    placed = _place(raw_cells, released, notes)
    unused = tuple(cell.number for cell in placed if cell.is_copy and cell.kind == "code")
    placed = [cell for cell in placed if not cell.is_copy]
    return Submission(
        student=student or path.stem,
        assignment=assignment.name,
        path=path,
        notebook=_build_notebook(placed, released),
        numbers=tuple(cell.number for cell in placed),
        cells=tuple((cell.number, cell.source) for cell in placed if cell.is_run and cell.kind == "code"),
        unused=unused,
        notes=tuple(notes),
    )


def _place(raw_cells: list[RawCell], released: Released, notes: list[str]) -> list[_Placed]:
    """The student's cells in the student's order, each tied to the released cell that it stands for."""
    placed = [_Placed(number, raw.kind, raw.source, raw=raw) for number, raw in enumerate(raw_cells)]
    claims: dict[str, list[int]] = {}
    for number, raw in enumerate(raw_cells):
        if raw.grade_id in released.by_id:
            claims.setdefault(raw.grade_id, []).append(number)
        elif raw.grade_id:
            notes.append(f'cell {number} bears the id "{raw.grade_id}", which was not released; it was read as new')
    free = [number for number, raw in enumerate(raw_cells) if raw.grade_id not in released.by_id]
    for cell in released.cells:
        numbers = claims.get(cell.grade_id) or _adopt(cell, raw_cells, free, notes)
        if len(numbers) > 1:
            numbers = _choose(cell, numbers, placed, notes)
        for number in numbers:
            placed[number] = _put_right(placed[number], cell, notes)
    _note_order(placed, released, notes)
    return _put_back(placed, released, notes)


def _adopt(cell: ReleasedCell, raw_cells: list[RawCell], free: list[int], notes: list[str]) -> list[int]:
    """The cell that lost its id (VS Code, Colab, copy and paste) and yet is this one: same text, or same function."""
    same = [number for number in free if _is_same(raw_cells[number].source, cell.source)]
    if not same and cell.is_solution and cell.kind == "code":
        name = re.escape(cell.grade_id)
        pattern = rf"^{name}\s*(:[^=\n]*)?=(?!=)" if cell.is_answer else rf"^(async\s+)?(def|class)\s+{name}\b"
        definition = re.compile(pattern, re.MULTILINE)
        defining = [n for n in free if raw_cells[n].kind == "code" and definition.search(raw_cells[n].source)]
        same = defining[-1:]
    for number in same[:1]:
        free.remove(number)
        notes.append(f'cell {number} had lost its id and was taken for "{cell.grade_id}"')
    return same[:1]


def _choose(cell: ReleasedCell, numbers: list[int], placed: list[_Placed], notes: list[str]) -> list[int]:
    """Of several cells with one id, the one that counts.

    For an exercise: the last that is filled in, as when all cells are run from top to bottom. The others stay, as cells
    of the student's own, and run. For a locked cell: the first; copies of it that were not edited are dropped.
    """
    if cell.is_locked:
        same = [number for number in numbers if _is_same(placed[number].source, cell.source)]
        chosen = (same or numbers)[0]
        for number in same:
            if number != chosen:
                placed[number] = replace(placed[number], is_copy=True, is_run=False)
    else:
        filled = [number for number in numbers if not _is_same(placed[number].source, cell.source)]
        chosen = (filled or numbers)[-1]
        for number in numbers:
            if number != chosen and number not in filled:
                placed[number] = replace(placed[number], is_copy=True, is_run=False)
    where = ", ".join(str(number) for number in numbers)
    notes.append(f'"{cell.grade_id}" occurs {len(numbers)} times (cells {where}); cell {chosen} was taken')
    return [chosen]


def _put_right(found: _Placed, cell: ReleasedCell, notes: list[str]) -> _Placed:
    """The student's cell with what is ours put back: its kind, and its text where it is locked."""
    if found.kind != cell.kind:
        notes.append(f'"{cell.grade_id}" had become a {found.kind} cell; it was read as {cell.kind}')
    if cell.is_locked:
        if not _is_same(found.source, cell.source):
            notes.append(f'"{cell.grade_id}" is locked and was edited; ours was put back')
        return replace(found, kind=cell.kind, source=cell.source, released=cell)
    return replace(found, kind=cell.kind, released=cell)


def _note_order(placed: list[_Placed], released: Released, notes: list[str]) -> None:
    found = [cell.released.grade_id for cell in placed if cell.released]
    if found != [cell.grade_id for cell in released.cells if cell.grade_id in found]:
        notes.append("the cells are not in the order in which they were released; they were run as they stand")


def _put_back(placed: list[_Placed], released: Released, notes: list[str]) -> list[_Placed]:
    """The notebook with deleted cells of ours after the one that they followed. A deleted stub is shown, not run."""
    result = list(placed)
    after = -1
    number = len(placed)
    for cell in released.cells:
        where = next((i for i, other in enumerate(result) if other.released is cell), None)
        if where is None:
            where = after + 1
            result.insert(where, _Placed(number, cell.kind, cell.source, cell, is_run=cell.is_locked))
            notes.append(f'"{cell.grade_id}" was deleted; it was put back')
            number += 1
        after = where
    return result


def _build_notebook(placed: list[_Placed], released: Released) -> nbformat.NotebookNode:
    metadata = {
        key: released.notebook.metadata[key]
        for key in ("kernelspec", "language_info")
        if key in released.notebook.metadata
    }
    cells = []
    for cell in placed:
        new = NEW_CELL[cell.kind](cell.source, id=f"cell-{cell.number}")
        if cell.released is not None:
            new.metadata = nbformat.from_dict(dict(cell.released.metadata))
        if (
            cell.kind == "markdown"
            and cell.raw
            and cell.raw.attachments
            and not (cell.released and cell.released.is_locked)
        ):
            new.attachments = nbformat.from_dict(dict(cell.raw.attachments))
        cells.append(new)
    return new_notebook(cells=cells, metadata=nbformat.from_dict(metadata))


def _is_same(one: str, other: str) -> bool:
    """True when two texts differ in nothing but line ends and white space at the ends of lines."""
    return [line.rstrip() for line in one.strip().splitlines()] == [
        line.rstrip() for line in other.strip().splitlines()
    ]
