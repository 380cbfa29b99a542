"""A class of made-up students in a folder of its own: a real course, real submissions, and the truth about them."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from autograder.config import FILE_NAME
from autograder.course import Assignment, Course, load_course
from autograder.demo.answers import replies, sources
from autograder.demo.notebooks import names_at_hand, read_released, sources_of, stub_docstrings, write_submission
from autograder.demo.plan import Planted, Trouble, make_plan, uncovered
from autograder.demo.variants import Variant, coupled_exercises, read_references, read_variants
from autograder.errors import CourseError
from autograder.gradebook import load_remarks
from autograder.grading.batch import ClassRun, grade_class
from autograder.quiz.bank import load_quiz
from autograder.report.feedback import write_class_feedback

__all__ = ["Demo", "DemoRun", "Planted", "Trouble", "make_demo", "run_demo"]

MARKER = ".made-by-grader-demo"
FOLDERS = ("assignments", "solutions", "release")
FILES = (FILE_NAME, "nbgrader_config.py")
LIMITS = {"cell_seconds": "8", "notebook_seconds": "60", "check_seconds": "4"}  # one student's cell loops for ever


@dataclass(frozen=True)
class Demo:
    """A demo's course, what was planted in it, and the mistakes for which there were too few students."""

    course: Course
    planted: tuple[Planted, ...]
    uncovered: tuple[str, ...]


@dataclass(frozen=True)
class DemoRun:
    """A demo that was graded: what was planted, what was found, and the students' pages."""

    demo: Demo
    graded: ClassRun
    pages: tuple[Path, ...]


def run_demo(
    course: Course,
    folder: Path,
    students: int,
    names: Sequence[str] = (),
    workers: int = 0,
    on_progress: Callable[[int, int], None] | None = None,
) -> DemoRun:
    """Make a demo in `folder`, grade it into its own gradebook and write all feedback. Raises TorchmarkError.

    names: the assignments that are handed in; none named: all. Run again it grades nothing anew, since the submissions
    are the same.
    """
    demo = make_demo(course, folder, students, names)
    graded = grade_class(demo.course, names, workers=workers, on_progress=on_progress)
    remarks = load_remarks(demo.course, {result.assignment for result in graded.results})
    pages = write_class_feedback(demo.course, graded.results, datetime.now(UTC), remarks=remarks)
    return DemoRun(demo, graded, pages)


def make_demo(course: Course, folder: Path, students: int, names: Sequence[str] = ()) -> Demo:
    """Copy the course into `folder` and write what `students` made-up students hand in of the named assignments.

    Made again, it writes the same bytes, and leaves the gradebook alone. Raises CourseError where the folder holds
    something else.
    """
    if folder.exists() and not (folder / MARKER).is_file() and (not folder.is_dir() or any(folder.iterdir())):
        raise CourseError(f"{folder}: is not empty and was not made by grader demo; name another folder")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / MARKER).touch()
    copy_course(course.root, folder)
    demo = load_course(folder)
    chosen = [demo.assignment(name) for name in names] or list(demo.assignments)
    made = [_hand_in(assignment, students, folder / "submitted") for assignment in chosen]
    planted = tuple(one for plan, _ in made for one in plan)
    _remove_strangers(folder / "submitted", {(one.student, one.assignment) for one in planted})
    return Demo(demo, planted, tuple(name for _, left_out in made for name in left_out))


def _hand_in(assignment: Assignment, students: int, submitted: Path) -> tuple[tuple[Planted, ...], tuple[str, ...]]:
    """Write the submissions of one assignment. Returns what was planted, and the mistakes that found no place."""
    notebook = read_released(assignment)
    names = tuple(exercise.name for exercise in assignment.exercises)
    variants: tuple[Variant, ...] = ()
    coupled: tuple[str, ...] = ()
    if names:
        coupled = coupled_exercises(assignment)
        docstrings, at_hand = stub_docstrings(notebook, names), names_at_hand(notebook)
        variants = read_variants(assignment, docstrings, at_hand) + read_references(assignment, docstrings, at_hand)
    questions = load_quiz(assignment)
    plan = tuple(
        planted if planted.is_blank else replace(planted, answers=replies(questions, assignment.name, planted.student))
        for planted in make_plan(assignment.name, names, variants, students, coupled)
    )
    for planted in plan:
        answers = sources(questions, assignment, planted.student, planted.answers)
        write_submission(planted, notebook, assignment, sources_of(variants), answers, submitted)
    return plan, uncovered(plan, variants)


def _remove_strangers(submitted: Path, known: set[tuple[str, str]]) -> None:
    """Remove what a demo of another size or of other assignments handed in."""
    for folder in submitted.glob("*/*"):
        if (folder.parent.name, folder.name) not in known:
            shutil.rmtree(folder)
            if not any(folder.parent.iterdir()):
                folder.parent.rmdir()


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
