"""What a result depends on, as one number: equal fingerprints need no second grading."""

from __future__ import annotations

import hashlib
import platform
import stat
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import msgspec

from autograder.course import Assignment, Course
from autograder.engine.devices import choose_device
from autograder.errors import SubmissionError
from autograder.grading.reading import read_bytes
from autograder.grading.released import Released, load_data
from autograder.grading.submission import find_notebook
from autograder.model import RESULT_FORMAT

PACKAGES = ("torch", "numpy", "torchmark")


def suite_fingerprint(course: Course, assignment: Assignment, released: Released) -> bytes:
    """Of all that the submissions of one assignment share: checks, mistakes, references, release, limits, versions."""
    digest = hashlib.sha256()
    sources = [*sorted(assignment.folder.rglob("*.py")), assignment.solutions]
    for path in sources:
        _add(digest, path.name, path.read_bytes() if path.is_file() else b"")
    _add(digest, "release", released.content)
    for name, content in load_data(assignment).items():
        _add(digest, name, content)
    _add(digest, "limits", msgspec.json.encode(course.settings.limits))
    _add(digest, "quiz", msgspec.json.encode(course.settings.quiz))
    _add(digest, "secret", hashlib.sha256(b"id" + course.secret()).digest())
    _add(digest, "device", msgspec.json.encode(choose_device(course.settings.grading.device)))
    _add(digest, "result", str(RESULT_FORMAT).encode())
    _add(digest, "python", platform.python_version().encode())
    for name in PACKAGES:
        _add(digest, name, _version(name).encode())
    return digest.digest()


def fingerprint(shared: bytes, folder: Path, student: str, assignment: str, limit: int) -> str:
    """Of one submission, 64 hexadecimal digits. `shared` is the suite's, `limit` the bytes that are read at most.

    A submission that cannot be read has one too: it fails in the same way until something in its folder changes.
    """
    digest = hashlib.sha256(shared)
    _add(digest, "student", student.encode("utf-8", "surrogatepass"))
    try:
        path, notes = find_notebook(folder, assignment)
        _add(digest, "names", "\n".join([path.name, *notes]).encode("utf-8", "surrogatepass"))
        _add(digest, "notebook", read_bytes(path, limit, folder))
    except SubmissionError as error:
        _add(digest, "unread", str(error).encode("utf-8", "surrogatepass"))
        _add(digest, "files", "\n".join(_seen(folder)).encode("utf-8", "surrogatepass"))
    return digest.hexdigest()


def _add(digest: hashlib._Hash, name: str, content: bytes) -> None:
    """Names and lengths go in as well, so that no two inputs run together."""
    digest.update(f"{name}\0{len(content)}\0".encode("utf-8", "surrogatepass"))
    digest.update(content)


def _seen(folder: Path) -> Iterable[str]:
    """Name, kind, size and time of a folder and of what lies in it; it may be no folder at all."""
    try:
        for path in [folder, *(sorted(folder.iterdir()) if folder.is_dir() else ())]:
            status = path.lstat()
            yield f"{path.name} {stat.S_IFMT(status.st_mode)} {status.st_size} {status.st_mtime_ns}"
    except OSError as error:
        yield str(error.errno)


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""
