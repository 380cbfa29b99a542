"""What formgrader looks for on the disk: autograded/STUDENT/NAME/NAME.ipynb, source/NAME, timestamp.txt."""

from __future__ import annotations

import os
import tempfile
import warnings
from datetime import UTC, datetime
from pathlib import Path

import nbformat
from nbgrader.utils import parse_utc

from autograder.course import Course
from autograder.errors import CourseError, SubmissionError
from autograder.grading.reading import read_bytes
from autograder.grading.submission import find_notebook

LONGEST_TIMESTAMP = 200  # bytes


def autograded_path(course: Course, assignment: str, student: str) -> Path:
    """Where the executed notebook of a submission lies."""
    return course.root / "autograded" / student / assignment / f"{assignment}.ipynb"


def list_in_formgrader(course: Course, assignment: str) -> None:
    """Make the folder source/NAME: formgrader lists an assignment only where there is one, be it empty."""
    path = course.root / "source" / assignment
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CourseError(f"{path}: cannot be made ({error.strerror}); see to space and permissions") from None


def write_autograded(course: Course, assignment: str, student: str, notebook: nbformat.NotebookNode) -> Path:
    """Write an executed notebook, whole or not at all. Raises CourseError."""
    path = autograded_path(course, assignment, student)
    text = nbformat.writes(notebook, version=nbformat.NO_CONVERT)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile("w", encoding="utf-8", dir=path.parent, prefix=".new-", delete=False) as file:
            file.write(text)
        try:
            Path(file.name).chmod(0o644)
            Path(file.name).replace(path)
        except OSError:
            Path(file.name).unlink()
            raise
    except OSError as error:
        raise CourseError(f"{path}: cannot be written ({error.strerror}); see to space and permissions") from None
    return path


def read_timestamp(folder: Path, assignment: str) -> tuple[datetime, bool]:
    """When the submission in `folder` was handed in, in UTC, and whether nbgrader's timestamp.txt says so.

    Without a readable timestamp.txt it is the time of the notebook file.
    """
    try:
        text = read_bytes(folder / "timestamp.txt", LONGEST_TIMESTAMP, folder).decode("utf-8").strip()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return parse_utc(text).replace(tzinfo=UTC), True
    except (SubmissionError, ValueError, OverflowError, AttributeError):
        pass
    try:
        path, _ = find_notebook(folder, assignment)
    except SubmissionError:
        path = folder
    return datetime.fromtimestamp(os.lstat(path).st_mtime, UTC), False
