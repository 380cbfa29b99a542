"""A student's notebook as it ran, cell by cell, for the student's page: from autograded/, and made harmless once more.

Pictures and text are kept while there is room on the page; what does not fit is said to be left out.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nh3
from markupsafe import Markup

from autograder.errors import SubmissionError
from autograder.grading.reading import read_bytes
from autograder.grading.sanitise import clean_outputs
from autograder.report import words
from autograder.report.markup import code_lines, markdown
from autograder.report.text import printable

LARGEST_FILE = 32 * 2**20  # bytes
MOST_LINES = 60  # of one output
LONGEST_OUTPUT = 4_000  # characters of one output
TABLE_TAGS = {
    "table",
    "thead",
    "tbody",
    "tr",
    "th",
    "td",
    "caption",
    "p",
    "br",
    "em",
    "strong",
    "b",
    "i",
    "code",
    "pre",
}
HIDDEN = "source_hidden"
Say = Callable[[str], str]
_LIBRARIES = re.compile(r"(?<=File )/\S*/(?:site-packages|lib/python[\d.]+)/")  # where they lie is nobody's business


@dataclass(frozen=True)
class ShownOutput:
    """What a cell put out: one of the three."""

    text: str = ""
    html: Markup | str = ""
    picture: str = ""  # a data: address
    is_error: bool = False


@dataclass(frozen=True)
class ShownCell:
    """One cell. `number` counts all cells from 1, as the page does."""

    number: int
    prose: Markup | str = ""
    lines: tuple[Markup, ...] = ()
    outputs: tuple[ShownOutput, ...] = ()
    is_written: bool = False  # by the student, not by the course
    note: str = ""


@dataclass(frozen=True)
class ShownNotebook:
    """The cells that have room, and a line on those that have none."""

    cells: tuple[ShownCell, ...] = ()
    cut: str = ""

    def find_line(self, line: int, source: str, cell: int | None) -> str:
        """The anchor of a line of code, "" where it is not on the page."""
        for shown in self.cells:
            if cell not in (None, shown.number - 1) or not 0 < line <= len(shown.lines):
                continue
            if source and shown.lines[line - 1].striptags() == " ".join(source.split()):
                return f"cell-{shown.number}-{line}"
        return ""


def read_notebook(path: Path, root: Path) -> Sequence[Mapping[str, Any]]:
    """The cells of an executed notebook; none where there is no such file, or it cannot be read."""
    try:
        cells = json.loads(read_bytes(path, LARGEST_FILE, root))["cells"]
    except (SubmissionError, ValueError, KeyError, TypeError, RecursionError):
        return ()
    return [cell for cell in cells if isinstance(cell, dict)] if isinstance(cells, list) else ()


def show_notebook(cells: Iterable[Mapping[str, Any]], room: int, say: Say = str) -> ShownNotebook:
    """The cells as far as `room`, a number of characters, allows. Pictures that are too large leave a line behind.

    say: our words in the language of the page.
    """
    shown: list[ShownCell] = []
    cells = list(cells)
    for number, cell in enumerate(cells, 1):
        one, size = _fitting(_shown(number, cell, say), room, say)
        room -= size
        if room < 0:
            return ShownNotebook(tuple(shown), say(words.cells_left_out(len(cells) - len(shown))))
        shown.append(one)
    return ShownNotebook(tuple(shown))


def _shown(number: int, cell: Mapping[str, Any], say: Say) -> ShownCell:
    metadata = _mapping(cell.get("metadata"))
    source = _joined(cell.get("source"))
    is_written = not _mapping(metadata.get("nbgrader")).get("locked")
    if cell.get("cell_type") != "code":
        return ShownCell(number, prose=markdown(source, top=3), is_written=is_written)
    is_hidden = bool(_mapping(metadata.get("jupyter")).get(HIDDEN)) and not is_written
    outputs = cell.get("outputs")
    kept = clean_outputs([one for one in outputs if isinstance(one, dict)] if isinstance(outputs, list) else [])
    return ShownCell(
        number,
        lines=() if is_hidden else code_lines(source),
        outputs=tuple(_output(one, say) for one in kept),
        is_written=is_written,
        note=say(words.COURSE_CELL) if is_hidden else "",
    )


def _output(output: Mapping[str, Any], say: Say) -> ShownOutput:
    if output["output_type"] == "stream":
        return ShownOutput(text=_short(output["text"], say), is_error=output["name"] == "stderr")
    if output["output_type"] == "error":
        told = "\n".join(map(str, output["traceback"])) or f"{output['ename']}: {output['evalue']}"
        return ShownOutput(text=_LIBRARIES.sub("", _short(told, say, keeps_end=True)), is_error=True)
    data = output["data"]
    for kind in ("image/png", "image/jpeg", "image/gif"):
        if kind in data:
            return ShownOutput(picture=f"data:{kind};base64,{data[kind]}", text=_short(data.get("text/plain", ""), say))
    if "text/html" in data:
        return ShownOutput(html=Markup(nh3.clean(printable(data["text/html"]), tags=TABLE_TAGS, attributes={})))
    return ShownOutput(text=_short(data.get("text/plain", ""), say))


def _fitting(cell: ShownCell, room: int, say: Say) -> tuple[ShownCell, int]:
    """The cell without the pictures for which there is no room, and its size."""
    left = room - sum(map(len, cell.lines)) - len(cell.prose) - 300 - 60 * len(cell.lines)
    outputs = []
    for output in cell.outputs:
        size = len(output.picture) or len(output.html) or len(output.text)
        if size > max(left, 0) and (output.picture or output.html):
            output = ShownOutput(text=say(words.picture_left_out(size)))
            size = len(output.text)
        left -= size + 80
        outputs.append(output)
    fitted = ShownCell(cell.number, cell.prose, cell.lines, tuple(outputs), cell.is_written, cell.note)
    return fitted, room - left


def _short(text: str, say: Say, keeps_end: bool = False) -> str:
    text = printable(text, LONGEST_OUTPUT)
    lines = text.rstrip("\n").split("\n")
    if len(lines) <= MOST_LINES:
        return "\n".join(lines)
    cut = say(words.lines_left_out(len(lines) - MOST_LINES))
    return "\n".join([cut, *lines[-MOST_LINES:]] if keeps_end else [*lines[:MOST_LINES], cut])


def _mapping(found: object) -> Mapping[str, Any]:
    return found if isinstance(found, dict) else {}


def _joined(source: object) -> str:
    return "".join(map(str, source)) if isinstance(source, list) else str(source or "")
