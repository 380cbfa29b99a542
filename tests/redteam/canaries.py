"""Marks in all that a student must not read, and the search for them in all that a batch wrote."""

from __future__ import annotations

import base64
import secrets
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Canary:
    """A secret of one kind. `home`: the files that hold it by right, and everything below such folders."""

    kind: str
    home: tuple[Path, ...] = ()
    text: str = field(default_factory=lambda: f"canary{secrets.token_hex(12)}")

    def spellings(self) -> tuple[bytes, ...]:
        """How it looks in files: plain, backwards, in hexadecimal and UTF-16, in base64 at any offset."""
        plain = self.text.encode()
        padded = (base64.b64encode(b"\0" * shift + plain) for shift in range(3))
        middles = (text[4:-4] for text in padded)
        return plain, plain[::-1], plain.hex().encode(), plain.decode().encode("utf-16-le"), *middles


def leaks(canaries: Iterable[Canary], texts: Mapping[Path, bytes]) -> list[str]:
    """Which canaries stand where they have no right to be, as "solutions in autograded/x/tiny.ipynb"."""
    found = []
    for canary in canaries:
        spellings = canary.spellings()
        for path, content in texts.items():
            if any(home == path or home in path.parents for home in canary.home):
                continue
            if any(spelling in content for spelling in spellings):
                found.append(f"{canary.kind} in {path}")
    return found


def files_below(*folders: Path) -> dict[Path, bytes]:
    """The content of every file below, and what zlib makes of those that it compressed."""
    found = {}
    for folder in folders:
        for path in folder.rglob("*"):
            if path.is_file() and not path.is_symlink():
                found[path] = _inflated(path.read_bytes())
    return found


def _inflated(content: bytes) -> bytes:
    try:
        return content + zlib.decompress(content)
    except zlib.error:
        return content
