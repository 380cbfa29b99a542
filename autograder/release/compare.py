"""How a committed release folder differs from a freshly built one, cell by cell, one line each."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

SHOWN_BEFORE, SHOWN = 20, 70  # characters of a line: before the first difference, in all
NEVER_COMMITTED = (".ipynb_checkpoints", "__pycache__")


def differences(committed: Path, built: Path) -> tuple[str, ...]:
    """One line per difference, empty when the folders hold the same bytes. Paths are relative to `committed`."""
    if not committed.is_dir():
        return ("is not there yet",)
    have, want = _files(committed), _files(built)
    return tuple(
        [f"{file}: is missing" for file in sorted(want - have)]
        + [f"{file}: would not be built; delete it or add it to the assignment's data/" for file in sorted(have - want)]
        + [line for file in sorted(want & have) for line in _file_differences(committed / file, built / file, file)]
    )


def _files(folder: Path) -> set[str]:
    relative = (path.relative_to(folder) for path in folder.rglob("*") if path.is_file() or path.is_symlink())
    return {path.as_posix() for path in relative if not set(path.parts) & set(NEVER_COMMITTED)}


def _file_differences(have: Path, want: Path, file: str) -> Iterator[str]:
    if have.is_symlink():
        yield f"{file}: is a symbolic link"
    elif have.read_bytes() != want.read_bytes():
        lines = list(_notebook_differences(have, want)) if file.endswith(".ipynb") else ["differs"]
        yield from (f"{file}: {line}" for line in lines)


def _notebook_differences(have_path: Path, want_path: Path) -> Iterator[str]:
    want = json.loads(want_path.read_bytes())
    try:
        have = json.loads(have_path.read_bytes())
        old = {str(cell["id"]): cell for cell in have["cells"]}
        lines = list(_cell_differences(old, {cell["id"]: cell for cell in want["cells"]}))
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        yield "is not a released notebook"
        return
    yield from lines
    if have.get("metadata") != want["metadata"]:
        yield "the metadata of the notebook differ"
    elif not lines:
        yield "is written in another form"


def _cell_differences(old: dict[str, Any], new: dict[str, Any]) -> Iterator[str]:
    for name in new:
        if name not in old:
            yield f"cell `{name}`: is missing"
        elif what := _what_differs(old[name], new[name]):
            yield f"cell `{name}`: {what}"
    for name in old:
        if name not in new:
            yield f"cell `{name}`: would not be built"
    common = [name for name in new if name in old]
    if common != [name for name in old if name in new]:
        yield "the cells stand in another order"


def _what_differs(old: dict[str, Any], new: dict[str, Any]) -> str:
    """The first thing that differs in a cell: its source, its points, its other metadata, its outputs."""
    before, after = "".join(old["source"]), "".join(new["source"])
    if before != after:
        is_stub = new["metadata"].get("nbgrader", {}).get("solution", False)
        part, before, after = _part_of_stub(before, after) if is_stub else ("text", before, after)
        return f"the {part} differs: {_first_difference(before, after)}"
    grading, new_grading = old["metadata"].get("nbgrader", {}), new["metadata"].get("nbgrader", {})
    if grading.get("points") != new_grading.get("points"):
        return f"the points differ: {grading.get('points')} is released, {new_grading.get('points')} would be built"
    if old["metadata"] != new["metadata"]:
        return "the metadata differ"
    return "it has been run or otherwise changed" if old != new else ""


def _part_of_stub(before: str, after: str) -> tuple[str, str, str]:
    """Which part of a stub differs, and that part of both: the docstring, or else the signature."""
    try:
        old, new = ast.parse(before).body[-1], ast.parse(after).body[-1]
    except (SyntaxError, IndexError):
        return "text", before, after
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    if not isinstance(old, kinds) or not isinstance(new, kinds):
        return "text", before, after
    old_doc, new_doc = ast.get_docstring(old) or "", ast.get_docstring(new) or ""
    if old_doc != new_doc:
        return "docstring", old_doc, new_doc
    old.body, new.body = old.body[:1], new.body[:1]
    if isinstance(old, ast.ClassDef) or ast.dump(old) == ast.dump(new):
        return "text", before, after
    return "signature", before, after


def _first_difference(before: str, after: str) -> str:
    """The first line that is not the same: "old line" is released, "new line" would be built."""
    old, new = before.splitlines(), after.splitlines()
    position = _common_length(old, new)
    have, want = (lines[position].strip() if position < len(lines) else "" for lines in (old, new))
    start = max(0, _common_length(have, want) - SHOWN_BEFORE)
    return f"{_shown(have, start)} is released, {_shown(want, start)} would be built"


def _common_length(first: Sequence[str], second: Sequence[str]) -> int:
    """How many items the beginnings of both share."""
    shortest = min(len(first), len(second))
    return next((i for i in range(shortest) if first[i] != second[i]), shortest)


def _shown(line: str, start: int) -> str:
    """A line from about where it begins to differ."""
    if not line:
        return "nothing"
    part = ("..." if start else "") + line[start : start + SHOWN]
    return f'"{part}..."' if start + SHOWN < len(line) else f'"{part}"'
