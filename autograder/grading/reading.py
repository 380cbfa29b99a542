"""A student's file, read without trusting it: bytes from the disk, then the cells that those bytes hold."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from autograder.errors import SubmissionError

MOST_CELLS = 5000  # an honest notebook has fewer than 200
MOST_DIGITS = 18  # of an integer; Python itself refuses some thousands with a ValueError

FILE_KINDS = {
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a named pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}

OTHER_FORMATS = (
    (b"PK\x03\x04", "a ZIP archive"),
    (b"%PDF", "a PDF file"),
    (b"<", "a web page"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"\x89PNG", "a picture"),
)


@dataclass(frozen=True)
class RawCell:
    """One cell of a student's notebook: all that we take from it. Outputs and other metadata are left behind."""

    kind: str  # "code" | "markdown" | "raw"
    source: str
    grade_id: str = ""
    attachments: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


def read_bytes(path: Path, limit: int, inside: Path) -> bytes:
    """The content of a regular file of at most `limit` bytes that lies in the folder `inside`.

    A symbolic link is followed within that folder only. Raises SubmissionError.
    """
    try:
        real = path.resolve(strict=True)
        if not real.is_relative_to(inside.resolve(strict=True)):
            raise SubmissionError(f"{path.name} is a symbolic link out of its folder; hand in the file itself")
        _require_regular(path.name, os.lstat(real).st_mode)
        descriptor = os.open(real, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
        with os.fdopen(descriptor, "rb") as file:
            status = os.fstat(descriptor)
            _require_regular(path.name, status.st_mode)
            data = file.read(limit + 1) if status.st_size <= limit else b""
    except (OSError, RuntimeError, ValueError) as error:  # RuntimeError: a loop of links; ValueError: a NUL in the name
        reason = getattr(error, "strerror", None) or "its links go in a circle"
        raise SubmissionError(f"{path.name} cannot be read ({reason})") from None
    if status.st_size > limit or len(data) > limit:
        raise SubmissionError(
            f"{path.name} has {_size(max(status.st_size, len(data)))}, more than the {_size(limit)} of "
            "limits.notebook_size; clear all outputs and hand it in again"
        )
    return data


def _require_regular(name: str, mode: int) -> None:
    if not stat.S_ISREG(mode):
        raise SubmissionError(f"{name} is {FILE_KINDS.get(stat.S_IFMT(mode), 'not a file')}, not a notebook")


def _size(count: int) -> str:
    return f"{count / 2**20:.1f} MiB" if count >= 2**20 else f"{count} bytes"


def parse_cells(data: bytes, name: str) -> tuple[list[RawCell], list[str]]:
    """The cells of the notebook `name` that `data` holds, and notes for staff. Raises SubmissionError."""
    notes: list[str] = []
    raw = _parse_json(data, name, notes)
    if not isinstance(raw, dict):
        raise SubmissionError(f"{name} is JSON but not a notebook; hand in the .ipynb file that Jupyter saves")
    version = raw.get("nbformat")
    if version in (1, 2, 3) and version is not True:
        raw = {"cells": _old_cells(raw)}
        notes.append(f"the notebook was in the old format {version} and was read as format 4")
    elif version != 4:
        notes.append(f"the notebook says nbformat {version!r}; it was read as format 4"[:200])
    cells = raw.get("cells")
    if not isinstance(cells, list):
        raise SubmissionError(f"{name} is JSON but not a notebook (it has no list of cells); hand in the .ipynb file")
    if len(cells) > MOST_CELLS:
        raise SubmissionError(f"{name} has {len(cells)} cells; at most {MOST_CELLS} are read")
    return [_read_cell(cell, number, notes) for number, cell in enumerate(cells)], notes


def _parse_json(data: bytes, name: str, notes: list[str]) -> Any:
    if not data.strip():
        raise SubmissionError(f"{name} is empty")
    encoding = json.detect_encoding(data[:4])
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        text = data.decode(encoding, errors="replace")
        notes.append(f"byte {error.start} of the notebook is not {encoding}; such bytes were replaced")
    try:
        return json.loads(text, parse_int=_integer)
    except RecursionError:
        raise SubmissionError(f"{name} is nested too deeply to be a notebook") from None
    except ValueError as error:
        format_name = next((label for start, label in OTHER_FORMATS if data.lstrip().startswith(start)), "")
        what = format_name or f"not JSON ({_short(str(error))})"
        raise SubmissionError(f"{name} is {what}, not a notebook; hand in the .ipynb file that Jupyter saves") from None


def _integer(digits: str) -> int | None:
    return int(digits) if len(digits) <= MOST_DIGITS else None


def _short(text: str) -> str:
    return " ".join(text.split())[:100]


def _old_cells(raw: dict[str, Any]) -> list[Any]:
    """The cells of a notebook of format 1 to 3, as format 4 has them.

    nbformat.convert does more, and on a malformed notebook raises what it likes; here only kind and text are wanted.
    """
    sheets = raw.get("worksheets")
    lists = [sheet.get("cells") for sheet in sheets if isinstance(sheet, dict)] if isinstance(sheets, list) else []
    cells = [cell for found in [raw.get("cells"), *lists] if isinstance(found, list) for cell in found]
    return [_old_cell(cell) if isinstance(cell, dict) else cell for cell in cells]


def _old_cell(cell: dict[str, Any]) -> dict[str, Any]:
    source = cell.get("source", cell.get("input", cell.get("code")))
    kind = cell.get("cell_type")
    if kind == "heading":
        level = cell.get("level")
        marks = "#" * level if isinstance(level, int) and 1 <= level <= 6 else "#"
        return {"cell_type": "markdown", "source": f"{marks} {_read_source(source) or ''}"}
    return cell | {"source": source}


def _read_cell(raw: object, number: int, notes: list[str]) -> RawCell:
    """What a cell holds; whatever is missing or malformed is left out, with a note."""
    if not isinstance(raw, dict):
        notes.append(f"cell {number} is not a cell and was left empty")
        return RawCell("markdown", "")
    kind = raw.get("cell_type")
    if kind not in ("code", "markdown", "raw"):
        kind = "code" if "outputs" in raw or "execution_count" in raw else "markdown"
        notes.append(f"cell {number} does not say what it is and was read as {kind}")
    source = _read_source(raw.get("source"))
    if source is None:
        notes.append(f"cell {number} has no text")
    text = source or ""
    clean = _without_surrogates(text)
    if clean != text:
        notes.append(f"cell {number} holds half characters (lone surrogates); they were replaced")
    return RawCell(kind, clean, _read_grade_id(raw.get("metadata")), _read_attachments(raw.get("attachments")))


def _read_source(raw: object) -> str | None:
    if isinstance(raw, list):
        return "".join(line for line in raw if isinstance(line, str))
    return raw if isinstance(raw, str) else None


def _without_surrogates(text: str) -> str:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


def _read_grade_id(metadata: object) -> str:
    nbgrader = metadata.get("nbgrader") if isinstance(metadata, dict) else None
    grade_id = nbgrader.get("grade_id") if isinstance(nbgrader, dict) else None
    return _without_surrogates(grade_id)[:128] if isinstance(grade_id, str) else ""


def _read_attachments(raw: object) -> dict[str, dict[str, str]]:
    """File name -> media type -> base64 text; `sanitise.py` decides what of it is kept."""
    if not isinstance(raw, dict):
        return {}
    return {
        name: {kind: content for kind, content in bundle.items() if isinstance(content, str)}
        for name, bundle in raw.items()
        if isinstance(bundle, dict)
    }
