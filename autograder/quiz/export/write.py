"""The files of a bank. They hold answers, so none is written where students get files from."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from autograder.course import Course
from autograder.quiz.export.bank import Bank
from autograder.quiz.export.canvas import qti_package
from autograder.quiz.export.gift import gift_text
from autograder.quiz.export.items import ExportError, Target
from autograder.quiz.export.moodle import moodle_xml
from autograder.quiz.export.read_gift import Found, Left, read_gift
from autograder.quiz.export.stubs import notebook_cells, stub_source

FOLDER = "exports"  # .gitignore knows it
ENDINGS = {Target.QTI: "qti.zip", Target.MOODLE_XML: "moodle.xml", Target.GIFT: "gift.txt"}
LARGEST = 20_000_000  # bytes of a GIFT file
HANDED_OUT = ("release", "feedback")  # folders that students read


def default_path(course: Course, name: str, target: Target) -> Path:
    """exports/NAME.ending, which is written anew each time."""
    return course.root / FOLDER / f"{name}.{ENDINGS[target]}"


def write_bank(course: Course, bank: Bank, path: Path | None = None) -> Path:
    """Write the bank and return where. Raises ExportError, before anything is written."""
    target = path or default_path(course, bank.name, bank.target)
    if not bank.questions and not bank.refused:
        raise ExportError(f"{bank.name}: asks no questions; name an assignment with a quiz.py")
    if not bank.questions:
        raise ExportError(f"{bank.name}: no question can go; nothing is written")
    _refuse_where_students_read(course, target)
    data = _data(bank)
    if path is None:
        target.parent.mkdir(exist_ok=True)
    _write(target, data, is_new=path is not None)
    return target


def _data(bank: Bank) -> bytes:
    if bank.target is Target.QTI:
        return qti_package(bank)
    if bank.target is Target.MOODLE_XML:
        return moodle_xml(bank)
    return gift_text(bank).encode("utf-8", "replace")


def _refuse_where_students_read(course: Course, path: Path) -> None:
    real = path.resolve()
    folders = [course.root / name for name in HANDED_OUT]
    folders += [assignment.folder / "data" for assignment in course.assignments]
    for folder in folders:
        if real.is_relative_to(folder.resolve()):
            raise ExportError(
                f"{path}: is in {folder}, which students get, and the file holds the answers; name another"
            )


def _write(path: Path, data: bytes, *, is_new: bool) -> None:
    """Write a file. is_new: refuse to replace one."""
    if is_new and path.exists():
        raise ExportError(f"{path}: exists; remove it or name another")
    if not path.parent.is_dir():
        raise ExportError(f"{path}: there is no folder {path.parent}; make it")
    path.write_bytes(data)


def read_questions(path: Path) -> tuple[list[Found], list[Left]]:
    """The questions of a GIFT file, and those that are left out. Raises ExportError."""
    try:
        data = path.read_bytes() if path.stat().st_size <= LARGEST else None
    except OSError as error:
        raise ExportError(f"{path}: cannot be read ({error.strerror})") from None
    if data is None:
        raise ExportError(f"{path}: is larger than {LARGEST} bytes; it is no GIFT file")
    try:
        found = read_gift(data.decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise ExportError(f"{path}: is not UTF-8 text; export it as GIFT format") from None
    return [one for one in found if isinstance(one, Found)], [one for one in found if isinstance(one, Left)]


def write_stubs(questions: Sequence[Found], source: Path, target: Path) -> str:
    """Write quiz.py; return the cells for notebook.py. Raises ExportError."""
    if not questions:
        raise ExportError(f"{source}: holds no question that can be taken over")
    text = stub_source(questions, source.name)
    _write(target, text.encode("utf-8", "backslashreplace"), is_new=True)
    return notebook_cells(questions)
