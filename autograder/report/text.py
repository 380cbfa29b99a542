"""Strings that students wrote, made safe to look at: no terminal escapes, nothing invisible, no broken Unicode."""

from __future__ import annotations

import re
import unicodedata

_COLOUR = re.compile(r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]")  # ECMA-48 control sequences, as in a coloured traceback
_NEWLINE = re.compile(r"\r\n?|[\x0b\x0c\x85\u2028\u2029]")
# marks that turn the reading direction (UAX 9): with them a line can show other code than it holds
_DIRECTION = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_INVISIBLE = frozenset("\u00ad\u200b\u2060\ufeff")


def printable(text: str, limit: int = 20_000) -> str:
    """Return `text` with every control character gone or visible; line ends and tabs stay.

    Colour sequences vanish; other control characters appear as their picture (U+241B for escape), direction marks and
    invisible characters as `[U+202E]`; lone surrogates, which no file can hold, become U+FFFD. Longer than `limit`
    characters, the text loses its middle, and says so.
    """
    return "".join(map(_visible, _NEWLINE.sub("\n", _COLOUR.sub("", shortened(text, limit)))))


def one_line(text: str, limit: int = 200) -> str:
    """Return `text` as one printable line: white space of any kind becomes one space."""
    line = " ".join(printable(text, 4 * limit).split())
    return line if len(line) <= limit else line[: limit - 1] + "…"


def shortened(text: str, limit: int) -> str:
    """Return `text`, or its two ends with a line between them that says how much is left out."""
    if len(text) <= limit:
        return text
    kept = max(limit // 2, 1)
    return f"{text[:kept]}\n[{len(text) - 2 * kept} characters left out]\n{text[-kept:]}"


def points(value: float) -> str:
    """Return points as people write them: 4, 2.5, 3.33; never -0 and never 1e-16."""
    return f"{round(value, 2) + 0.0:.2f}".rstrip("0").rstrip(".")


def plural(count: int, one: str, many: str = "") -> str:
    """Return `1 check`, `3 checks`."""
    return f"{count} {one if count == 1 else many or one + 's'}"


def duration(seconds: float) -> str:
    """Return a time as people read it: 0.42 s, 37 s, 3 min 05 s, 1 h 12 min."""
    if seconds < 10:
        return f"{seconds:.2f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes == 0:
        return f"{rest} s"
    return f"{minutes} min {rest:02d} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02d} min"


def size(count: float) -> str:
    """Return a number of bytes as people read it: 3.8 GiB."""
    for unit in ("bytes", "KiB", "MiB", "GiB"):
        if abs(count) < 1024:
            return f"{count:.0f} bytes" if unit == "bytes" else f"{count:.1f} {unit}"
        count /= 1024
    return f"{count:.1f} TiB"


def _visible(char: str) -> str:
    if char in "\n\t":
        return char
    category = unicodedata.category(char)
    if category == "Cs":
        return "\ufffd"
    if category == "Cc":
        return chr(0x2400 + ord(char)) if ord(char) < 0x20 else "\ufffd"
    return f"[U+{ord(char):04X}]" if char in _DIRECTION or char in _INVISIBLE else char
