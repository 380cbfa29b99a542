"""Building release/: what students get, made anew from the assignment and the references. DESIGN.md, section 3."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterable
from pathlib import Path

import nbformat

from autograder.course import Assignment, Course
from autograder.errors import ReleaseError
from autograder.quiz.bank import load_quiz
from autograder.release.answers import answers, quiz_answers
from autograder.release.compare import differences
from autograder.release.convert import check_result, generate_assignment
from autograder.release.leaks import refuse_leaks
from autograder.release.notebook import plan_cells, source_notebook
from autograder.release.stubs import read_templates


def build_release(course: Course, assignment: Assignment, into: Path) -> Path:
    """Write what students get into the new folder `into`: NAME.ipynb and data/. The same input gives the same bytes.

    Raises ReleaseError when it cannot be built or would give an answer away; `into` is not to be used then.
    """
    names = [exercise.name for exercise in assignment.exercises]
    templates = read_templates(assignment.solutions, names) if names else {}
    questions = load_quiz(assignment)
    planned = plan_cells(assignment, templates, questions, is_personal=course.settings.quiz.personal)
    places = {cell.id: cell.released for cell in planned if cell.is_answer}
    notebook = generate_assignment(source_notebook(planned), assignment.name, places)
    check_result(notebook, planned, assignment.name)
    into.mkdir(parents=True)
    text = nbformat.writes(notebook, version=nbformat.NO_CONVERT)
    (into / f"{assignment.name}.ipynb").write_text(text + "\n", encoding="utf-8", newline="\n")
    for path in assignment.data:
        copy = into / path.relative_to(assignment.folder)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, copy)
    hidden = (*answers(assignment, course.root), *quiz_answers(assignment, questions, course.root))
    refuse_leaks(into, hidden, assignment.name)
    return into


def release(course: Course, names: Iterable[str] = ()) -> tuple[Path, ...]:
    """Build release/NAME for the named assignments (none named: all), each whole or not at all.

    Nothing is replaced before all are built. Returns the folders. Raises CourseError, ReleaseError.
    """
    chosen = _chosen(course, names)
    home = course.root / "release"
    try:
        home.mkdir(exist_ok=True)
        with tempfile.TemporaryDirectory(dir=home, prefix=".building-") as scratch:
            built = [build_release(course, assignment, Path(scratch) / assignment.name) for assignment in chosen]
            for assignment, folder in zip(chosen, built, strict=True):
                _replace(assignment.release_folder, folder, Path(scratch) / f"{assignment.name}.old")
    except OSError as error:
        raise ReleaseError(f"{error.filename or home}: cannot be written ({error.strerror})") from None
    return tuple(assignment.release_folder for assignment in chosen)


def check_release(course: Course, names: Iterable[str] = ()) -> tuple[str, ...]:
    """How release/NAME of the named assignments (none named: all) differs from what would be built, one line each."""
    found = []
    with tempfile.TemporaryDirectory(prefix="release-") as scratch:
        for assignment in _chosen(course, names):
            built = build_release(course, assignment, Path(scratch) / assignment.name)
            lines = differences(assignment.release_folder, built)
            found += [f"release/{assignment.name}: {line}" for line in lines]
    return tuple(found)


def _chosen(course: Course, names: Iterable[str]) -> tuple[Assignment, ...]:
    names = dict.fromkeys(names)
    return tuple(course.assignment(name) for name in names) if names else course.assignments


def _replace(target: Path, new: Path, aside: Path) -> None:
    """Put `new` in the place of `target`; when that fails, what was there stays."""
    if target.exists() or target.is_symlink():
        target.rename(aside)
    try:
        new.rename(target)
    except OSError:
        if aside.exists() or aside.is_symlink():
            aside.rename(target)
        raise
