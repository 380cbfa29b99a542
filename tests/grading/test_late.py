"""Late submissions lose what nbgrader's own plugin says; extensions count; late loses all where time is set."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from nbgrader.api import Gradebook as NbgraderGradebook
from small_course import made_result

from autograder.course import Course, load_course
from autograder.errors import CourseError
from autograder.gradebook import Gradebook
from autograder.grading.late import notes_on_time
from autograder.grading.released import load_released

DUE = datetime(2027, 2, 1, 12, 0, tzinfo=UTC)
ZERO = 'c = get_config()\nc.LateSubmissionPlugin.penalty_method = "zero"\n'
PER_HOUR = """\
from nbgrader.plugins import LateSubmissionPlugin

class PerHour(LateSubmissionPlugin):
    def late_submission_penalty(self, student_id, score, total_seconds_late):
        return total_seconds_late / 3600

c = get_config()
c.AssignLatePenalties.plugin_class = PerHour
"""
DUE_LINE = "[assignments.tiny]\ndue = 2027-02-01T12:00:00Z\n"
TIMED = "[assignments.tiny]\nopens = 2027-02-01T11:00:00Z\nminutes = 60\n"

pytestmark = pytest.mark.filterwarnings("ignore::sqlalchemy.exc.SAWarning")  # nbgrader's own


@pytest.fixture
def root(small_course: Course, empty_database: bytes) -> Iterator[Path]:
    (small_course.root / "gradebook.db").write_bytes(empty_database)
    return small_course.root


def with_settings(root: Path, times: str, config: str = "") -> Course:
    with (root / "grader.toml").open("a") as file:
        file.write(times)
    if config:
        (root / "nbgrader_config.py").write_text(config)
    return load_course(root)


def record(course: Course, when: datetime, *, has_timestamp_file: bool = True) -> None:
    assignment = course.assignment("tiny")
    released = load_released(assignment)
    with Gradebook(course) as book:
        book.prepare(assignment, released)
        book.record(assignment, released, made_result("ann"), when, has_timestamp_file)


def penalty(course: Course) -> float | None:
    with NbgraderGradebook(f"sqlite:///{course.root}/gradebook.db", "small") as theirs:
        found: float | None = theirs.find_submission_notebook("tiny", "tiny", "ann").late_submission_penalty
        return found


def extend(course: Course, by: timedelta) -> None:
    with NbgraderGradebook(f"sqlite:///{course.root}/gradebook.db", "small") as theirs:
        theirs.find_submission("tiny", "ann").extension = by
        theirs.db.commit()


def test_a_broken_nbgrader_config_is_one_clear_line(root: Path) -> None:
    course = with_settings(root, DUE_LINE, "import nothing_of_that_name\n")
    with pytest.raises(
        CourseError, match=r"nbgrader_config\.py: cannot be run \(ModuleNotFoundError: No module"
    ) as caught:
        record(course, DUE + timedelta(hours=1))
    assert "\n" not in str(caught.value)


def test_late_costs_nothing_unless_nbgrader_is_told_so(root: Path) -> None:
    course = with_settings(root, DUE_LINE)
    record(course, DUE + timedelta(hours=1))
    assert penalty(course) is None


def test_the_penalty_method_of_nbgrader_counts(root: Path) -> None:
    course = with_settings(root, DUE_LINE, ZERO)
    record(course, DUE + timedelta(seconds=1))
    assert penalty(course) == 5.0


def test_in_time_costs_nothing(root: Path) -> None:
    course = with_settings(root, DUE_LINE, ZERO)
    record(course, DUE)
    assert penalty(course) is None


def test_a_plugin_of_the_course_counts_and_never_takes_more_than_there_is(root: Path) -> None:
    course = with_settings(root, DUE_LINE, PER_HOUR)
    record(course, DUE + timedelta(hours=2))
    assert penalty(course) == 2.0
    record(course, DUE + timedelta(hours=9))
    assert penalty(course) == 5.0


def test_an_extension_moves_the_due_date_of_one_student(root: Path) -> None:
    course = with_settings(root, DUE_LINE, ZERO)
    record(course, DUE + timedelta(hours=1))
    extend(course, timedelta(hours=2))
    with Gradebook(course) as book:
        book.prepare(course.assignment("tiny"), load_released(course.assignment("tiny")))
        assert book.last_due("tiny") == DUE + timedelta(hours=2)
    assert penalty(course) is None


def test_a_timed_assignment_is_due_when_its_minutes_are_over_and_late_is_nothing(root: Path) -> None:
    course = with_settings(root, TIMED)
    assert course.assignment("tiny").due == DUE
    record(course, DUE + timedelta(seconds=1))
    assert penalty(course) == 5.0


def test_what_nbgrader_config_says_holds_for_timed_assignments_too(root: Path) -> None:
    course = with_settings(root, TIMED, PER_HOUR)
    record(course, DUE + timedelta(hours=1))
    assert penalty(course) == 1.0


def test_without_a_receipt_nobody_is_late_and_staff_are_told(root: Path) -> None:
    course = with_settings(root, TIMED)
    record(course, DUE + timedelta(hours=1), has_timestamp_file=False)
    assert penalty(course) is None
    (note,) = notes_on_time(course.assignment("tiny"), DUE, is_received=False)
    assert "nothing says when it was received" in note


def test_a_submission_from_before_the_opening_is_told_to_staff(root: Path) -> None:
    course = with_settings(root, TIMED)
    (note,) = notes_on_time(course.assignment("tiny"), DUE - timedelta(hours=2), is_received=True)
    assert note == "handed in before the assignment opened (2027-02-01 11:00 +0000)"
