"""What a running cell shows, collected as nbformat outputs and cut where it grows out of hand."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping
from typing import Any

from autograder.engine.messages import Bundle, Output, Raised, Result, Stream

MAX_RICH = 8 * 1024**2  # characters of pictures, tables and the like per cell
MAX_OUTPUTS = 1_000
MAX_FORMATS = 20
TRUNCATED = "\n[the rest of the output was cut off]\n"


class Outputs:
    """The outputs of one cell, in order. `room` is how many characters of printed text are kept."""

    def __init__(self, room: int) -> None:
        self._items: list[Output] = []
        self._parts: list[str] = []  # of the stream that stands last in `_items`
        self._room = room
        self._rich_room = MAX_RICH

    def print(self, name: str, text: str) -> None:
        """Append printed text to the stream `name`, "stdout" or "stderr"."""
        if self._room <= 0 or not text:
            return
        text = text[: self._room].encode("utf-8", "replace").decode()
        self._room -= len(text)
        last = self._items[-1] if self._items else None
        if not (isinstance(last, Stream) and last.name == name):
            if not self._has_place():
                return
            self._close_stream()
            self._items.append(Stream("stdout" if name == "stdout" else "stderr", ""))
        self._parts.append(text if self._room > 0 else text + TRUNCATED)

    def show(self, data: Mapping[str, Any], execution_count: int | None = None) -> None:
        """Add something rich: the value of a cell where `execution_count` is given, else something displayed."""
        formats = {str(kind)[:200]: text for kind, raw in list(data.items())[:MAX_FORMATS] if (text := _text(raw))}
        self._rich_room -= sum(len(text) for text in formats.values())
        if self._rich_room < 0:
            self.print("stderr", "[an output was too large to be kept]\n")
            return
        self._add(Bundle(formats) if execution_count is None else Result(execution_count, formats))

    def fail(self, name: str, message: str, traceback: list[str]) -> None:
        """Add an exception."""
        lines = [_plain(line)[:20_000] for line in traceback[-100:]]
        self._add(Raised(_plain(name)[:200], _plain(message)[:10_000], lines))

    def clear(self) -> None:
        """Forget what was shown so far."""
        self._items.clear()
        self._parts.clear()

    def take(self) -> list[Output]:
        """All outputs."""
        self._close_stream()
        return self._items

    def _add(self, output: Output) -> None:
        if self._has_place() or isinstance(output, Raised):
            self._close_stream()
            self._items.append(output)

    def _has_place(self) -> bool:
        return len(self._items) < MAX_OUTPUTS

    def _close_stream(self) -> None:
        if self._parts and isinstance(self._items[-1], Stream):
            self._items[-1].text += "".join(self._parts)
        self._parts.clear()


class Printer(io.TextIOBase):
    """sys.stdout or sys.stderr of a cell."""

    encoding = "utf-8"

    def __init__(self, name: str, outputs: Outputs) -> None:
        self._stream = name
        self._outputs = outputs

    def writable(self) -> bool:
        """True, as print() asks."""
        return True

    def write(self, text: str) -> int:
        """Collect `text`."""
        if not isinstance(text, str):
            raise TypeError(f"write() argument must be str, not {type(text).__name__}")
        self._outputs.print(self._stream, text)
        return len(text)


def _text(raw: Any) -> str:
    """One format of an output as text: bytes as base64, anything else that is no string left out."""
    if isinstance(raw, bytes):
        return base64.b64encode(raw).decode()
    return _plain(raw) if isinstance(raw, str) else ""


def _plain(text: Any) -> str:
    return str(text).encode("utf-8", "replace").decode()
