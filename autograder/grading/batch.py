"""A whole class: what was handed in, graded by several processes, written down by this one as results arrive."""

from __future__ import annotations

import fnmatch
import os
import re
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
import nbformat

from autograder.course import Assignment, Course
from autograder.errors import CourseError, TorchmarkError
from autograder.gradebook import Gradebook
from autograder.grading.autograded import autograded_path, list_in_formgrader, read_timestamp, write_autograded
from autograder.grading.display import show_failed
from autograder.grading.fingerprint import fingerprint, suite_fingerprint
from autograder.grading.late import notes_on_time
from autograder.grading.outcome import failed_result, printable
from autograder.grading.pool import Finished, grade_jobs, guard_seconds, worker_count
from autograder.grading.released import Released, load_released
from autograder.grading.worker import Job
from autograder.model import SubmissionResult, Try

LONGEST_STUDENT_ID = 128  # characters, in nbgrader's tables
NO_STUDENT_ID = re.compile(r'[<>"\x00-\x1f\x7f]')  # formgrader writes names into its pages as they are

Progress = Callable[[int, int], None]  # done, total


class GradingStoppedError(TorchmarkError):
    """Someone pressed Ctrl-C. What was graded until then is kept."""


@dataclass(frozen=True)
class ClassRun:
    """What grading a class came to. `results` has every submission, the unchanged ones too, by assignment and student.

    seconds: wall time. notes: for staff, about the gradebook.
    """

    results: tuple[SubmissionResult, ...]
    unchanged: int
    seconds: float
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Task:
    """One student's folder, to be graded."""

    assignment: Assignment
    released: Released
    folder: Path
    student: str
    fingerprint: str
    tries: tuple[Try, ...]

    @property
    def job(self) -> Job:
        return Job(self.assignment.name, os.fsencode(self.folder), self.student, self.tries)


@dataclass
class _Plan:
    """What there is to do, and what there is to say."""

    tasks: list[_Task] = field(default_factory=list)
    unchanged: list[tuple[str, str]] = field(default_factory=list)  # (assignment, student)
    notes: list[str] = field(default_factory=list)


def grade_class(
    course: Course,
    names: Sequence[str] = (),
    students: str = "*",
    workers: int = 0,
    again: bool = False,
    isolation: str = "",
    on_progress: Progress | None = None,
) -> ClassRun:
    """Grade what lies in submitted/STUDENT/NAME/ into the gradebook and autograded/.

    names: the assignments, all by default. students: a pattern for their ids. workers: 0 for what grader.toml says.
    again: grade unchanged submissions too. Raises CourseError, GradebookError, IsolationError as TorchmarkError, and
    GradingStoppedError.
    """
    start = time.monotonic()
    assignments = [course.assignment(name) for name in names] or list(course.assignments)
    with Gradebook(course) as gradebook:
        plan = _plan(course, assignments, students, again, gradebook)
        total = len(plan.tasks)
        if on_progress is not None and total:
            on_progress(0, total)
        fresh: dict[tuple[str, str], SubmissionResult] = {}
        try:
            with closing(_grade(course, plan.tasks, workers, isolation, gradebook)) as results:
                for result in results:
                    fresh[result.assignment, result.student] = result
                    if on_progress is not None:
                        on_progress(len(fresh), total)
        except KeyboardInterrupt:
            raise GradingStoppedError(
                f"stopped; {len(fresh)} of {total} submissions were graded and are kept; run again to go on"
            ) from None
        kept = {key: gradebook.load_result(*key) for key in plan.unchanged}
    everything = fresh | {key: result for key, result in kept.items() if result is not None}
    return ClassRun(
        results=tuple(everything[key] for key in sorted(everything)),
        unchanged=len(plan.unchanged),
        seconds=time.monotonic() - start,
        notes=tuple(plan.notes),
    )


def _plan(course: Course, assignments: Sequence[Assignment], students: str, again: bool, gradebook: Gradebook) -> _Plan:
    """Find the submissions and tell those that are as they were when they were graded last."""
    plan = _Plan()
    limit = course.settings.limits.notebook_size
    for assignment in assignments:
        folders = list(_submitted(course, assignment.name, students, plan.notes))
        if not folders:
            continue
        released = load_released(assignment)
        plan.notes += gradebook.prepare(assignment, released)
        list_in_formgrader(course, assignment.name)
        known = gradebook.fingerprints(assignment.name)
        tries = gradebook.tries(assignment.name)
        shared = suite_fingerprint(course, assignment, released)
        for student, folder in folders:
            print_of_it = fingerprint(shared, folder, student, assignment.name, limit)
            task = _Task(assignment, released, folder, student, print_of_it, tries.get(student, ()))
            is_there = autograded_path(course, assignment.name, student).is_file()
            if not again and is_there and known.get(student) == task.fingerprint:
                plan.unchanged.append((assignment.name, student))
            else:
                plan.tasks.append(task)
    if not plan.tasks and not plan.unchanged:
        wanted = " or ".join(assignment.name for assignment in assignments)
        raise CourseError(
            f"{course.root / 'submitted'}: no submission of {wanted} by {students}; "
            + "; ".join(["they belong in submitted/STUDENT/ASSIGNMENT/", *plan.notes])
        )
    return plan


def _submitted(course: Course, name: str, students: str, notes: list[str]) -> Iterator[tuple[str, Path]]:
    """(student, folder) of each submission of an assignment, by student."""
    home = course.root / "submitted"
    if not home.is_dir():
        return
    for entry in sorted(home.iterdir()):
        student = printable(entry.name)
        folder = entry / name
        if not fnmatch.fnmatchcase(student, students) or not os.path.lexists(folder):
            continue
        if entry.name.startswith("."):  # nbgrader would not see it either
            notes.append(f"submitted/{student}: is left out, since its name starts with a dot; rename the folder")
            continue
        if NO_STUDENT_ID.search(student) or len(student) > LONGEST_STUDENT_ID:
            notes.append(
                f"submitted/{student}: is left out; use no <, > or quotes and at most 128 characters in a name"
            )
            continue
        yield student, folder


def _grade(
    course: Course, tasks: Sequence[_Task], workers: int, isolation: str, gradebook: Gradebook
) -> Generator[SubmissionResult]:
    """Grade, and write down each result before it is given on."""
    by_job = {task.job: task for task in tasks}
    grading = grade_jobs(
        list(by_job),
        course.root,
        workers=worker_count(course, workers, len(tasks)),
        isolation=isolation,
        guard_seconds=guard_seconds(course.settings.limits),
    )
    with closing(grading) as finished_jobs:
        for finished in finished_jobs:
            task = by_job[finished.job]
            result, notebook = _outcome(finished, task)
            write_autograded(course, result.assignment, result.student, notebook)
            submitted_at, has_file = read_timestamp(task.folder, result.assignment)
            notes = (*result.notes, *notes_on_time(task.assignment, submitted_at, has_file))
            result = msgspec.structs.replace(result, notes=notes)
            gradebook.record(task.assignment, task.released, result, submitted_at, has_file)
            yield result


def _outcome(finished: Finished, task: _Task) -> tuple[SubmissionResult, nbformat.NotebookNode]:
    """The result with its fingerprint. One that is our fault has none, so that it is graded anew next time."""
    if finished.result is None:
        reason = f"{finished.reason}; staff should look"
        result = failed_result(task.assignment, task.folder, task.student, reason)
        return result, show_failed(task.released, reason)
    notebook = nbformat.v4.reads(finished.notebook)
    if finished.is_our_fault:
        return finished.result, notebook
    return msgspec.structs.replace(finished.result, fingerprint=task.fingerprint), notebook
