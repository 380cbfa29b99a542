from __future__ import annotations

from collections.abc import Iterator

import pytest
from quiz_course import write_course

from autograder.course import Course
from autograder.grading.one import Grader


@pytest.fixture(scope="session")
def course(tmp_path_factory: pytest.TempPathFactory) -> Course:
    return write_course(tmp_path_factory.mktemp("quiz") / "course")


@pytest.fixture(scope="session")
def grader(course: Course) -> Iterator[Grader]:
    with Grader(course, course.assignment("kinds")) as grader:
        yield grader
