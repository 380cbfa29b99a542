"""The notebooks of a demo: the released one, filled in as planned."""

from __future__ import annotations

import ast
import copy
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from autograder.course import Assignment
from autograder.demo.plan import Planted, Trouble
from autograder.demo.variants import Variant, imported_names
from autograder.errors import CourseError

LOOP = """# how many steps until it is small enough?
steps, size = 0, 1.0
while size > 0.01:
    steps += 1"""
END = """import os

print("finished")
os._exit(0)"""
PDF = b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj\n<< /Type /Catalog >>\nendobj\ntrailer << /Root 1 0 R >>\n%%EOF\n"

Notebook = dict[str, Any]


def read_released(assignment: Assignment) -> Notebook:
    """Return the notebook that students get, as parsed JSON. Raises CourseError."""
    path = assignment.release_folder / f"{assignment.name}.ipynb"
    try:
        notebook: Notebook = json.loads(path.read_bytes())
    except FileNotFoundError:
        raise CourseError(f"{path}: not found; run: grader release {assignment.name}") from None
    except (OSError, ValueError) as error:
        raise CourseError(f"{path}: cannot be read ({error}); run: grader release {assignment.name}") from None
    return notebook


def stub_docstrings(notebook: Notebook, exercises: tuple[str, ...]) -> dict[str, str]:
    """Return the docstring of each exercise's stub, by exercise."""
    found = {}
    for name in exercises:
        node = ast.parse(_source(_cell(notebook, name))).body[-1]
        assert isinstance(node, ast.FunctionDef | ast.ClassDef)
        found[name] = ast.get_docstring(node, clean=False) or ""
    return found


def names_at_hand(notebook: Notebook) -> frozenset[str]:
    """Return the names that the notebook's own cells import."""
    codes = [_source(cell) for cell in notebook["cells"] if cell["cell_type"] == "code"]
    return frozenset[str]().union(*map(imported_names, codes))


def write_submission(
    planted: Planted,
    notebook: Notebook,
    assignment: Assignment,
    sources: Mapping[tuple[str, str], str],
    answers: Mapping[str, str],
    into: Path,
) -> None:
    """Write into/STUDENT/ASSIGNMENT/ASSIGNMENT.ipynb, unless that very file lies there already.

    sources: the source of each variant by (exercise, name of the variant). answers: that of each answer's cell.
    """
    path = into / planted.student / assignment.name / f"{assignment.name}.ipynb"
    data = PDF if planted.trouble is Trouble.NOT_A_NOTEBOOK else _filled(planted, notebook, sources, answers)
    if path.is_file() and path.read_bytes() == data:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def sources_of(variants: tuple[Variant, ...]) -> dict[tuple[str, str], str]:
    """Return the sources by exercise and name of the variant."""
    return {(variant.exercise, variant.name): variant.source for variant in variants}


def _filled(
    planted: Planted, notebook: Notebook, sources: Mapping[tuple[str, str], str], answers: Mapping[str, str]
) -> bytes:
    filled = copy.deepcopy(notebook)
    for name, source in answers.items():
        _write(_cell(filled, name), source)
    for exercise, name in {**planted.styles, **planted.mistakes}.items():
        _write(_cell(filled, exercise), sources[exercise, name])
    for exercise in planted.spoilt:
        _write(_cell(filled, exercise), _without_colon(_source(_cell(filled, exercise))))
    cells = filled["cells"]
    if planted.trouble is Trouble.LOOPS:
        first = next(n for n, cell in enumerate(cells) if _grade_id(cell).startswith("test_"))
        cells.insert(first + 1, _own_cell("my-own-test", LOOP))
    elif planted.trouble is Trouble.ENDS_PROCESS:
        cells.append(_own_cell("the-end", END))
    elif planted.trouble is Trouble.DELETED_CELL:
        graded = [cell for cell in cells if _grade_id(cell).startswith("test_")]
        cells.remove(graded[len(graded) // 2])
    return json.dumps(filled, ensure_ascii=False, indent=1).encode() + b"\n"


def _without_colon(stub: str) -> str:
    """The stub with its first line spoilt, as when a colon is forgotten."""
    head, _, rest = stub.partition(":\n")
    return f"{head}\n{rest.replace('raise NotImplementedError()', 'pass')}"


def _own_cell(name: str, source: str) -> Notebook:
    return {"cell_type": "code", "execution_count": None, "id": name, "metadata": {}, "outputs": [], "source": source}


def _cell(notebook: Notebook, name: str) -> Notebook:
    """The cell of that nbgrader id, or that id of its own where it is the student's."""
    cells: list[Notebook] = notebook["cells"]
    for cell in cells:
        if name in (_grade_id(cell), cell["id"]):
            return cell
    raise CourseError(f'the released notebook has no cell "{name}"; run: grader release')


def _grade_id(cell: Notebook) -> str:
    return str(cell["metadata"].get("nbgrader", {}).get("grade_id", ""))


def _source(cell: Notebook) -> str:
    source = cell["source"]
    return source if isinstance(source, str) else "".join(source)


def _write(cell: Notebook, source: str) -> None:
    cell["source"] = source.splitlines(keepends=True)
