"""An author's notebook (notebook.py in jupytext's percent format, or notebook.ipynb), read into source cells.

A cell's metadata says what it is: `# %% exercise="softmax" points=4`, `# %% example="softmax"`, `# %% free="true"`,
`# %% question="axis_sum"`, `# %% [markdown] manual="explain" points=2`. A cell without any is plain: prose or code that
students read and run as it is.
"""

from __future__ import annotations

import difflib
import json
import keyword
import math
from enum import StrEnum
from pathlib import Path
from typing import Any

import msgspec

from autograder.errors import CourseError


class Role(StrEnum):
    """What a cell is for. The value is its metadata key."""

    PLAIN = "plain"
    EXERCISE = "exercise"  # students write the function here
    EXAMPLE = "example"  # the visible check of an exercise
    QUESTION = "question"
    MANUAL = "manual"  # answered in words or code, scored by hand
    FREE = "free"  # students may do here what they like


NAMED_ROLES = (Role.EXERCISE, Role.EXAMPLE, Role.QUESTION, Role.MANUAL)
SCORED_ROLES = (Role.EXERCISE, Role.QUESTION, Role.MANUAL)
KEPT_KEYS = ("tags", "slideshow", "title")
IGNORED_KEYS = ("lines_to_next_cell", "cell_marker", "collapsed", "scrolled", "jupyter", "id", "vscode", "execution")


class SourceCell(msgspec.Struct, frozen=True, kw_only=True):
    """One cell as its author wrote it. `number` counts all cells from 1; `points` is None where none are given."""

    number: int
    kind: str  # "code" | "markdown" | "raw"
    source: str
    role: Role = Role.PLAIN
    name: str = ""
    points: float | None = None

    @property
    def place(self) -> str:
        """The cell as a message names it: cell 7 (exercise "softmax")."""
        return f"cell {self.number}" + (f' ({self.role} "{self.name}")' if self.name else "")

    @property
    def headings(self) -> tuple[str, ...]:
        """The headings in a markdown cell, in order, without their marks."""
        return tuple(_headings(self.source)) if self.kind == "markdown" else ()


def read_cells(path: Path) -> tuple[SourceCell, ...]:
    """Read the cells of notebook.py or notebook.ipynb. Raises CourseError naming the file, the cell and the remedy."""
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise CourseError(f"{path}: is not UTF-8; save the file as UTF-8") from None
    except OSError as error:
        raise CourseError(f"{path}: cannot be read ({error.strerror}); see to the file and its permissions") from None
    raw_cells = _read_ipynb(text, path) if path.suffix == ".ipynb" else _read_percent(text)
    cells = tuple(_source_cell(number, raw, path) for number, raw in enumerate(raw_cells, start=1))
    if not cells:
        raise CourseError(f'{path}: has no cells; start one with a line "# %%"')
    return cells


def _read_percent(text: str) -> list[Any]:
    import jupytext  # 1.3 s: only who reads an author's notebook waits for it

    return list(jupytext.reads(text, fmt="py:percent").cells)


def _read_ipynb(text: str, path: Path) -> list[Any]:
    import nbformat

    try:
        raw = json.loads(text)
        if not isinstance(raw, dict) or raw.get("nbformat") != 4:
            raise CourseError(f"{path}: is not a notebook of format 4; open it in JupyterLab and save it again")
        notebook = nbformat.from_dict(raw)
        nbformat.validate(notebook)
    except (ValueError, RecursionError, nbformat.ValidationError) as error:
        reason = " ".join(str(error).split())[:200]
        raise CourseError(f"{path}: is not a notebook: {reason}; open it in JupyterLab and save it again") from None
    return list(notebook.cells)


def _source_cell(number: int, raw: Any, path: Path) -> SourceCell:
    metadata = {str(key): value for key, value in raw.metadata.items()}
    place = f"{path}: cell {number}"
    if "incorrectly_encoded_metadata" in metadata:
        wrong = metadata["incorrectly_encoded_metadata"]
        raise CourseError(f'{place}: cannot read the metadata {wrong!r}; write key="value" pairs')
    known = [*(role.value for role in Role if role is not Role.PLAIN), "points", *KEPT_KEYS, *IGNORED_KEYS]
    for key in metadata:
        if key not in known:
            close = difflib.get_close_matches(key, known, n=1)
            remedy = f'did you mean "{close[0]}"?' if close else f"known here: {', '.join(known[:6])}"
            raise CourseError(f'{place}: unknown metadata "{key}"; {remedy}')
    roles = [role for role in Role if role.value in metadata]
    if len(roles) > 1:
        raise CourseError(f"{place}: is both {roles[0]} and {roles[1]}; make two cells")
    role = roles[0] if roles else Role.PLAIN
    name = _name(metadata[role.value], role, place) if role in NAMED_ROLES else ""
    if role is Role.FREE and metadata["free"] not in (True, "true"):
        raise CourseError(f'{place}: free is {metadata["free"]!r}; write free="true"')
    cell = SourceCell(
        number=number,
        kind=raw.cell_type,
        source="".join(raw.source),  # an .ipynb may keep it as a list of lines
        role=role,
        name=name,
        points=_points(metadata, place),
    )
    _check(cell, path)
    return cell


def _name(value: object, role: Role, place: str) -> str:
    if not isinstance(value, str) or not value.isascii() or not value.isidentifier() or keyword.iskeyword(value):
        raise CourseError(f'{place}: {role}={value!r} is not a Python name; write {role}="softmax", for example')
    if value.startswith("test_"):
        raise CourseError(f'{place}: {role}="{value}": names that start with "test_" are taken; choose another')
    return value


def _points(metadata: dict[str, Any], place: str) -> float | None:
    if "points" not in metadata:
        return None
    points = metadata["points"]
    if isinstance(points, bool) or not isinstance(points, int | float) or not 0 <= points < math.inf:
        raise CourseError(f"{place}: points is {points!r}; write a number of at least 0, such as points=4")
    return float(points)


def _check(cell: SourceCell, path: Path) -> None:
    place = f"{path}: {cell.place}"
    if cell.role in SCORED_ROLES and cell.role is not Role.QUESTION and cell.points is None:
        raise CourseError(f"{place}: points are missing; write points=4, for example")
    if cell.role not in SCORED_ROLES and cell.points is not None:
        raise CourseError(f"{place}: only exercise, question and manual cells have points; remove points")
    if cell.role in (Role.EXERCISE, Role.EXAMPLE, Role.QUESTION) and cell.kind != "code":
        raise CourseError(f"{place}: is a {cell.kind} cell; make it a code cell")
    if cell.role is Role.EXERCISE and cell.source.strip():
        raise CourseError(f"{place}: must be empty (its stub comes from solutions/); move its code to another cell")
    if cell.role is Role.EXAMPLE and not cell.source.strip():
        raise CourseError(f"{place}: is empty; write the visible check, or remove the cell")


def _headings(markdown: str) -> list[str]:
    """The headings of a markdown text, in order, without their marks; lines inside code fences do not count."""
    found, in_fence = [], False
    for line in markdown.splitlines():
        if line.lstrip().startswith(("```", "~~~")):
            in_fence = not in_fence
        elif not in_fence and line.startswith("#") and line.lstrip("#")[:1] in (" ", "\t"):
            found.append(line.strip("# \t").replace("`", ""))
    return found
