"""A class of made-up students in a folder of its own: a real course, real submissions, and the truth about them."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from autograder.config import FILE_NAME
from autograder.course import Assignment, Course, load_course
from autograder.demo.notebooks import names_at_hand, read_released, sources_of, stub_docstrings, write_submission
from autograder.demo.plan import Planted, Trouble, make_plan, uncovered
from autograder.demo.variants import read_references, read_variants
from autograder.errors import CourseError
from autograder.grading.batch import ClassRun, grade_class
from autograder.report.feedback import write_class_feedback

__all__ = ["ASSIGNMENT", "Demo", "DemoRun", "Planted", "Trouble", "make_demo", "run_demo"]

ASSIGNMENT = "softmax_regression"
MARKER = ".made-by-grader-demo"
FOLDERS = ("assignments", "solutions", "release")
FILES = (FILE_NAME, "nbgrader_config.py")
LIMITS = {"cell_seconds": "8", "notebook_seconds": "60", "check_seconds": "4"}  # one student's cell loops for ever


@dataclass(frozen=True)
class Demo:
    """A demo's course, what was planted in it, and the mistakes for which there were too few students."""

    course: Course
    assignment: Assignment
    planted: tuple[Planted, ...]
    uncovered: tuple[str, ...]


@dataclass(frozen=True)
class DemoRun:
    """A demo that was graded: what was planted, what was found, and the students' pages."""

    demo: Demo
    graded: ClassRun
    pages: tuple[Path, ...]


def run_demo(
    course: Course, folder: Path, students: int, workers: int = 0, on_progress: Callable[[int, int], None] | None = None
) -> DemoRun:
    """Make a demo in `folder`, grade it into its own gradebook and write all feedback. Raises TorchmarkError.

    Run again it grades nothing anew, since the submissions are the same.
    """
    demo = make_demo(course, folder, students)
    graded = grade_class(demo.course, [ASSIGNMENT], workers=workers, on_progress=on_progress)
    pages = write_class_feedback(demo.course, graded.results, datetime.now(UTC))
    return DemoRun(demo, graded, pages)


def make_demo(course: Course, folder: Path, students: int) -> Demo:
    """Copy the course into `folder` and write the submissions of `students` made-up students.

    Made again, it writes the same bytes, and leaves the gradebook alone. Raises CourseError where the folder holds
    something else.
    """
    if folder.exists() and not (folder / MARKER).is_file() and (not folder.is_dir() or any(folder.iterdir())):
        raise CourseError(f"{folder}: is not empty and was not made by grader demo; name another folder")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / MARKER).touch()
    copy_course(course.root, folder)
    demo = load_course(folder)
    assignment = demo.assignment(ASSIGNMENT)
    names = tuple(exercise.name for exercise in assignment.exercises)
    notebook = read_released(assignment)
    docstrings, at_hand = stub_docstrings(notebook, names), names_at_hand(notebook)
    variants = read_variants(assignment, docstrings, at_hand) + read_references(assignment, docstrings, at_hand)
    plan = make_plan(names, variants, students)
    submitted = folder / "submitted"
    for stranger in {path.name for path in submitted.glob("*")} - {planted.student for planted in plan}:
        shutil.rmtree(submitted / stranger)
    for planted in plan:
        write_submission(planted, notebook, assignment, sources_of(variants), submitted)
    return Demo(demo, assignment, plan, uncovered(plan, variants))


def copy_course(root: Path, folder: Path) -> None:
    """Copy what makes a course, and set short limits. Students' work, the secret and the gradebook stay behind."""
    for name in FOLDERS:
        shutil.rmtree(folder / name, ignore_errors=True)
        if (root / name).is_dir():
            shutil.copytree(root / name, folder / name, ignore=shutil.ignore_patterns("__pycache__", ".*"))
    for name in FILES:
        if (root / name).is_file():
            shutil.copyfile(root / name, folder / name)
    settings = folder / FILE_NAME
    settings.write_text(with_limits(settings.read_text(encoding="utf-8"), LIMITS), encoding="utf-8")


def with_limits(toml: str, limits: dict[str, str]) -> str:
    """Return the text of a grader.toml with these keys of [limits] set, whether it had them or not."""
    settings = [f"{key} = {value}" for key, value in limits.items()]
    section, lines = "", []
    for line in toml.splitlines():
        if line.startswith("["):
            section = line.partition("]")[0].strip("[] ")
            lines += [line, *settings] if section == "limits" else [line]
        elif section != "limits" or line.partition("=")[0].strip() not in limits:
            lines.append(line)
    if not re.search(r"^\[ *limits *\]", toml, re.MULTILINE):
        lines += ["", "[limits]", *settings]
    return "\n".join(lines) + "\n"
