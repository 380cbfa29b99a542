"""The leak scan: does any telling line of an answer stand in what students get, plainly, in base64 or in rot13?

Looked through: every string in the notebook (text, outputs, metadata) and every data file, also inside zip (npz, pt)
and gzip files and JSON strings. Layout, comments and the kind of quotes do not hide a line.
"""

from __future__ import annotations

import base64
import binascii
import codecs
import gzip
import io
import json
import re
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import msgspec

from autograder.errors import ReleaseError
from autograder.release.answers import Answer, code_forms, squeezed

BASE64_RUN = re.compile(rb"[A-Za-z0-9+/_-]{16,}")
UNPACKED_BYTES = 512 * 1024**2  # of one packed file; what is larger is refused, not trusted
SHOWN_LEAKS = 20


class Leak(msgspec.Struct, frozen=True, kw_only=True):
    """An answer found where students would read it. `disguise` is "", " in base64" or " in rot13"."""

    file: str
    place: str
    answer: Answer
    disguise: str = ""

    def __str__(self) -> str:
        """One line: file, cell, the line, where it comes from, and the remedy."""
        where = f"{self.file}: {self.place}: " if self.place else f"{self.file}: "
        return f'{where}gives away "{self.answer.line}"{self.disguise} ({self.answer.origin}); take it out or reword it'


class _Text(msgspec.Struct, frozen=True, kw_only=True):
    """Something to look through. `is_prose`: the text of a markdown cell."""

    place: str
    data: bytes
    is_prose: bool = False


def refuse_leaks(folder: Path, answers: Iterable[Answer], name: str) -> None:
    """Raise ReleaseError with a line for each leak in the files built for the assignment `name`."""
    leaks = find_leaks(folder, answers)
    if leaks:
        lines = [f"release/{name}/{leak}" for leak in leaks[:SHOWN_LEAKS]]
        more = len(leaks) - len(lines)
        raise ReleaseError("\n".join([*lines, f"... and {more} more"] if more else lines))


def find_leaks(folder: Path, answers: Iterable[Answer]) -> tuple[Leak, ...]:
    """Every answer in the files of `folder`, once per file, place and disguise."""
    answers = tuple(answers)
    leaks: dict[tuple[str, str, str], Leak] = {}
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        file = path.relative_to(folder).as_posix()
        for text in _texts(path):
            for answer, disguise in _found(text, answers):
                leak = Leak(file=file, place=text.place, answer=answer, disguise=disguise)
                leaks.setdefault((file, text.place, answer.line), leak)
    return tuple(leaks.values())


def _found(text: _Text, answers: tuple[Answer, ...]) -> Iterator[tuple[Answer, str]]:
    plain = squeezed(text.data)
    decoded = squeezed(b"\n".join(_base64_decoded(plain)))
    for answer in answers:
        if not (text.is_prose and answer.in_prose) and _holds(plain, answer):
            yield answer, ""
        elif _holds(decoded, answer):
            yield answer, " in base64"
        elif any(_rot13(form) in plain for form in answer.forms):
            yield answer, " in rot13"


def _holds(data: bytes, answer: Answer) -> bool:
    return any(form in data for form in answer.forms)


def _texts(path: Path) -> Iterator[_Text]:
    data = path.read_bytes()
    if path.suffix == ".ipynb":
        try:
            yield from _notebook_texts(json.loads(data))
            return
        except (ValueError, TypeError, AttributeError, KeyError, RecursionError):
            pass  # not a notebook: looked through as any file
    yield from (_Text(place="", data=part) for part in _unpacked(data, path.name))


def _notebook_texts(notebook: dict[str, Any]) -> Iterator[_Text]:
    for number, cell in enumerate(notebook["cells"]):
        place = f"cell `{cell.get('id', number)}`"
        source = "".join(cell["source"])
        is_code = cell["cell_type"] == "code"
        yield _Text(
            place=place,
            data="\n".join(code_forms(source) if is_code else [source]).encode(),
            is_prose=cell["cell_type"] == "markdown",
        )
        rest = [text for key, value in cell.items() if key != "source" for text in _strings(value)]
        yield _Text(place=f"{place} (outputs, metadata)", data="\n".join(rest).encode())
    rest = list(_strings({key: value for key, value in notebook.items() if key != "cells"}))
    yield _Text(place="metadata", data="\n".join(rest).encode())


def _strings(value: Any) -> Iterator[str]:
    """All strings in a JSON value; a list of strings also joined, as notebooks keep the lines of a text."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from (str(key), *_strings(item))
    elif isinstance(value, list):
        if value and all(isinstance(item, str) for item in value):
            yield "".join(value)
        for item in value:
            yield from _strings(item)


def _unpacked(data: bytes, name: str, depth: int = 0) -> Iterator[bytes]:
    """The bytes of a file, and of the files packed in it."""
    yield data
    if name.endswith((".json", ".ipynb")):
        try:
            yield "\n".join(_strings(json.loads(data))).encode("utf-8", "surrogatepass")
        except (ValueError, RecursionError):
            return
    if depth == 3:
        return
    try:
        if data.startswith(b"\x1f\x8b"):
            yield from _unpacked(_read(gzip.GzipFile(fileobj=io.BytesIO(data)), name), name[:-3], depth + 1)
        elif zipfile.is_zipfile(io.BytesIO(data)):
            with zipfile.ZipFile(io.BytesIO(data)) as packed:
                for member in packed.namelist():
                    with packed.open(member) as file:
                        yield from _unpacked(_read(file, name), member, depth + 1)
    except (OSError, EOFError, zlib.error, zipfile.BadZipFile, RuntimeError, NotImplementedError):
        return  # damaged or encrypted: nothing more can be read out of it


def _read(file: Any, name: str) -> bytes:
    data: bytes = file.read(UNPACKED_BYTES + 1)
    if len(data) > UNPACKED_BYTES:
        raise ReleaseError(
            f"{name}: unpacks to more than {UNPACKED_BYTES // 1024**2} MiB; give students a smaller file"
        )
    return data


def _base64_decoded(data: bytes) -> list[bytes]:
    """What the long runs of base64 letters stand for, read from each of four starting points."""
    runs = [run.translate(bytes.maketrans(b"-_", b"+/")) for run in BASE64_RUN.findall(data)]
    decoded = []
    for run in runs:
        for start in range(4):
            part = run[start:]
            try:
                decoded.append(binascii.a2b_base64(part[: len(part) // 4 * 4]))
                decoded.append(base64.b64decode(part + b"=" * (-len(part) % 4)))
            except (binascii.Error, ValueError):
                continue
    return decoded


def _rot13(form: bytes) -> bytes:
    return codecs.encode(form.decode("utf-8", "surrogatepass"), "rot13").encode("utf-8", "surrogatepass")
