"""Cells of our own, run on the real student side as a submission's would be: for `grader verify --sandbox`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from autograder.course import Assignment, Course
from autograder.engine.devices import choose_device
from autograder.engine.side import StudentSide
from autograder.grading.released import load_data

OpenCheck = Callable[[], AbstractContextManager[Any]]
OpenNotebook = Callable[[Sequence[str]], AbstractContextManager[OpenCheck]]


@contextmanager
def open_notebooks(course: Course, assignment: Assignment) -> Iterator[OpenNotebook]:
    """Start a student side and give what runs code cells in it, with the assignment's data. Raises IsolationError."""
    names = [exercise.name for exercise in assignment.exercises]
    data = load_data(assignment)
    device = choose_device(course.settings.grading.device)
    with StudentSide(course.settings.limits, isolation=course.settings.isolation.level, device=device) as side:

        @contextmanager
        def open_notebook(cells: Sequence[str]) -> Iterator[OpenCheck]:
            with side.run_notebook(list(enumerate(cells)), files=data, exercises=names) as run:
                yield run.open_check

        yield open_notebook
