"""What tests of several parts share."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest
from small_course import write_course

from autograder.course import Course
from autograder.gradebook import Gradebook

# A suite that a script starts in the background ignores Ctrl-C, and so would every grader that a test starts and stops.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture
def small_course(tmp_path: Path) -> Course:
    """A fresh course with one small assignment, "tiny", released and with nothing handed in."""
    return write_course(tmp_path / "course")


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """An empty gradebook file: making one costs two seconds, for nbgrader runs alembic."""
    course = write_course(tmp_path_factory.mktemp("empty"))
    Gradebook(course).close()
    return (course.root / "gradebook.db").read_bytes()
