"""What tests of several parts share."""

from __future__ import annotations

from pathlib import Path

import pytest
from small_course import write_course

from autograder.course import Course


@pytest.fixture
def small_course(tmp_path: Path) -> Course:
    """A fresh course with one small assignment, "tiny", released and with nothing handed in."""
    return write_course(tmp_path / "course")
