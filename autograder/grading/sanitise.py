"""What a student wrote, made harmless before it lies in autograded/: nbgrader's pages run whatever HTML they are given.

A cell is rebuilt from what is known to be harmless; nothing dangerous is looked for.
"""

from __future__ import annotations

import base64
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from nbformat.v4 import new_code_cell, new_markdown_cell, new_output

from autograder.grading.harmless import clean_html
from autograder.grading.images import STARTS, Room, decode
from autograder.grading.markdown import Attachments, as_code, clean_markdown

LONGEST_TEXT = 200_000  # characters of one output
PATIENCE = 10.0  # seconds of processor time for the cells of one notebook

KEPT_METADATA = ("nbgrader", "deletable", "editable")


def clean_attachments(attachments: Attachments, room: Room | None = None) -> dict[str, dict[str, str]]:
    """The pictures among the files that a student put into a cell, as far as there is room."""
    kept = {name: _clean_images(bundle, room or Room()) for name, bundle in attachments.items()}
    return {name: images for name, images in kept.items() if images}


def _clean_images(bundle: Mapping[str, Any], room: Room) -> dict[str, str]:
    """Those entries, media type -> base64 text, that really are such pictures."""
    found = {kind: bundle.get(kind) for kind in STARTS}
    images = {kind: decode(kind, text, room) for kind, text in found.items() if isinstance(text, str)}
    return {kind: base64.b64encode(image).decode("ascii") for kind, image in images.items() if image is not None}


def clean_outputs(outputs: Sequence[Mapping[str, Any]], room: Room | None = None) -> list[Any]:
    """Outputs of a code cell, in nbformat: text, errors, pictures and harmless HTML; no script, widget or SVG.

    room: for their pictures; by default that of a page of their own.
    """
    room = room or Room()
    return [kept for output in outputs if (kept := _clean_output(output, room)) is not None]


def _clean_output(output: Mapping[str, Any], room: Room) -> Any | None:
    kind = output.get("output_type")
    if kind == "stream":
        name = "stderr" if output.get("name") == "stderr" else "stdout"
        return new_output("stream", name=name, text=_text(output.get("text")))
    if kind == "error":
        lines = output.get("traceback")
        return new_output(
            "error",
            ename=_text(output.get("ename")),
            evalue=_text(output.get("evalue")),
            traceback=[_text(line) for line in lines] if isinstance(lines, list | tuple) else [],
        )
    data = output.get("data")
    if kind not in ("execute_result", "display_data") or not isinstance(data, Mapping):
        return None
    kept = _clean_bundle(data, room)
    if not kept:
        return None
    extra = {"execution_count": _count(output.get("execution_count"))} if kind == "execute_result" else {}
    return new_output(kind, data=kept, **extra)


def _clean_bundle(data: Mapping[str, Any], room: Room) -> dict[str, str]:
    kept = _clean_images({kind: _joined(content) for kind, content in data.items()}, room)
    if "text/html" in data:
        kept["text/html"] = clean_html(_text(data["text/html"]), room)
    if "text/plain" in data or not kept:
        plain = data.get("text/plain", data.get("text/markdown", data.get("text/latex", "")))
        kept["text/plain"] = _text(plain)
    return kept if any(kept.values()) else {}


def _joined(content: object) -> object:
    return "".join(map(str, content)) if isinstance(content, list | tuple) else content


def _text(content: object) -> str:
    text = str(_joined(content)) if content is not None else ""
    text = text.encode("utf-8", "replace").decode("utf-8").replace("\x00", "\ufffd")
    return text if len(text) <= LONGEST_TEXT else text[:LONGEST_TEXT] + "\n(cut)"


def clean_cells(cells: Iterable[Any]) -> Iterator[Any]:
    """Cells, rebuilt. Once their markdown has taken longer than any honest one, the rest is shown as plain text."""
    start, room = time.process_time(), Room()
    for cell in cells:
        yield clean_cell(cell, is_plain=time.process_time() - start > PATIENCE, room=room)


def clean_cell(cell: Any, is_plain: bool = False, room: Room | None = None) -> Any:
    """A cell, rebuilt. A raw cell, which nbconvert passes on as HTML, becomes a code fence; with is_plain any text.

    room: for its pictures; by default that of a page of its own.
    """
    room = room or Room()
    kept: dict[str, Any] = {"metadata": {key: cell.metadata[key] for key in KEPT_METADATA if key in cell.metadata}}
    if isinstance(cell.get("id"), str):
        kept["id"] = cell.id
    source = _text(cell.get("source"))
    if cell.cell_type == "code":
        count = cell.get("execution_count")
        kept |= {"outputs": clean_outputs(cell.get("outputs", ()), room), "execution_count": _count(count)}
        return new_code_cell(source, **kept)
    if cell.cell_type == "raw" or is_plain:
        return new_markdown_cell(as_code(source), **kept)
    attachments = clean_attachments(cell.get("attachments", {}), room)
    kept |= {"attachments": attachments} if attachments else {}
    return new_markdown_cell(clean_markdown(source, attachments, room), **kept)


def _count(content: object) -> int | None:
    return content if isinstance(content, int) else None
