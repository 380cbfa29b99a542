"""A class is graded once, and what was written is kept whatever happens next. Workers here follow a script."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import psutil
import pytest
from scripted_worker import scripted_work
from small_course import RIGHT, filled, hand_in

from autograder.course import Course, load_course
from autograder.errors import CourseError
from autograder.gradebook import Gradebook, GradebookError, load_results
from autograder.grading import pool
from autograder.grading.autograded import autograded_path, read_timestamp
from autograder.grading.batch import ClassRun, grade_class
from autograder.grading.fingerprint import fingerprint, suite_fingerprint
from autograder.grading.released import load_released

STUDENTS = ("ann", "bob", "zoe")


@pytest.fixture(autouse=True)
def scripted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool, "work", scripted_work)


@pytest.fixture
def course(small_course: Course, empty_database: bytes) -> Course:
    """Three students have handed in."""
    (small_course.root / "gradebook.db").write_bytes(empty_database)
    for student in STUDENTS:
        hand_in(small_course.root, student, filled())
    return small_course


def scores(run: ClassRun) -> dict[str, float]:
    return {result.student: result.score for result in run.results}


def test_nothing_handed_in_is_one_clear_line(small_course: Course, empty_database: bytes) -> None:
    (small_course.root / "gradebook.db").write_bytes(empty_database)
    with pytest.raises(CourseError, match=r"submitted: no submission of tiny by \*; they belong in submitted/STUDENT"):
        grade_class(small_course)


def test_an_unknown_student_is_one_clear_line(course: Course) -> None:
    with pytest.raises(CourseError, match="no submission of tiny by yan"):
        grade_class(course, ["tiny"], "yan")


def test_a_name_that_is_no_student_id_is_left_out_with_a_note(course: Course) -> None:
    hand_in(course.root, "<script>", filled())
    hand_in(course.root, "x" * 200, filled())
    run = grade_class(course)
    assert set(scores(run)) == set(STUDENTS)
    assert [note.split(":")[0] for note in run.notes] == ["submitted/<script>", f"submitted/{'x' * 200}"]


def test_a_folder_whose_name_starts_with_a_dot_is_left_out_with_a_note(course: Course) -> None:
    hand_in(course.root, ".ann", filled())
    (course.root / "submitted" / ".DS_Store").write_bytes(b"")
    run = grade_class(course)
    assert set(scores(run)) == set(STUDENTS)
    (note,) = run.notes
    assert note == "submitted/.ann: is left out, since its name starts with a dot; rename the folder"


def test_where_all_was_left_out_the_error_says_why(small_course: Course, empty_database: bytes) -> None:
    (small_course.root / "gradebook.db").write_bytes(empty_database)
    hand_in(small_course.root, ".ann", filled())
    with pytest.raises(CourseError, match=r"no submission of tiny.*; submitted/\.ann: is left out, since"):
        grade_class(small_course)


def test_a_failing_gradebook_ends_the_run_with_one_clear_line(course: Course, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise GradebookError("gradebook.db: is locked by another program")

    monkeypatch.setattr(Gradebook, "record", refuse)
    with pytest.raises(GradebookError, match="is locked"):
        grade_class(course)


def test_a_submission_whose_worker_dies_fails_and_is_tried_anew_next_time(course: Course) -> None:
    hand_in(course.root, "dies", filled())
    for _ in range(2):
        run = grade_class(course)
        (failed,) = [result for result in run.results if result.student == "dies"]
        assert (failed.status, failed.reason) == ("failed", "the process that graded it died; staff should look")
    assert run.unchanged == 3


def test_every_submission_is_graded_and_progress_is_told(course: Course) -> None:
    progress: list[tuple[int, int]] = []
    run = grade_class(course, workers=2, on_progress=lambda done, total: progress.append((done, total)))
    assert scores(run) == {"ann": 5.0, "bob": 5.0, "zoe": 0.0}
    assert list(scores(run)) == sorted(STUDENTS)
    assert progress == [(0, 3), (1, 3), (2, 3), (3, 3)]
    assert run.unchanged == 0


def test_unchanged_submissions_are_not_graded_again(course: Course) -> None:
    first = grade_class(course)
    again = grade_class(course)
    assert (again.unchanged, again.results) == (3, first.results)


def test_only_what_changed_is_graded_again(course: Course) -> None:
    grade_class(course)
    hand_in(course.root, "ann", filled({}))
    autograded_path(course, "tiny", "bob").unlink()
    assert grade_class(course).unchanged == 1


def test_again_grades_everything(course: Course) -> None:
    grade_class(course)
    run = grade_class(course, again=True)
    assert (run.unchanged, len(run.results)) == (0, 3)


def test_a_pattern_chooses_students(course: Course) -> None:
    assert list(scores(grade_class(course, ["tiny"], "[ab]*"))) == ["ann", "bob"]


def test_formgrader_will_list_the_assignment(course: Course) -> None:
    grade_class(course)
    assert (course.root / "source/tiny").is_dir()


def test_any_part_of_what_a_result_depends_on_changes_its_fingerprint(course: Course) -> None:
    def current() -> str:
        here = load_course(course.root)
        tiny = here.assignment("tiny")
        shared = suite_fingerprint(here, tiny, load_released(tiny))
        return fingerprint(shared, course.root / "submitted/ann/tiny", "ann", "tiny", 10**6)

    seen = {current()}
    assert current() in seen
    edits = {
        "assignments/tiny/checks.py": ("three", "3"),
        "assignments/tiny/mistakes.py": ("squared", "multiplied"),
        "solutions/tiny.py": ("x + x", "2 * x"),
        "release/tiny/data/numbers.txt": ("1", "2"),
        "release/tiny/tiny.ipynb": ("# Tiny", "# Small"),
        "submitted/ann/tiny/tiny.ipynb": ("2 * x", "x * 2"),
        "grader.toml": ("cell_seconds = 5", "cell_seconds = 6"),
        ".grader-secret": ("", "x"),
    }
    for name, (old, new) in edits.items():
        path = course.root / name
        text = path.read_text()
        path.write_text(text.replace(old, new) if old in text else text + "# three")
        assert current() not in seen, name
        seen.add(current())


def test_an_unreadable_submission_is_looked_at_again_when_its_folder_changes(course: Course) -> None:
    folder = course.root / "submitted/ann/tiny"

    def current() -> str:
        return fingerprint(b"", folder, "ann", "tiny", 10)

    before = current()
    assert current() == before
    (folder / "tiny.ipynb").write_text("x" * 100)
    assert current() != before


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2027-02-01 12:30:00 UTC", datetime(2027, 2, 1, 12, 30, tzinfo=UTC)),
        ("2027-02-01 12:30:00.5 Europe/Berlin", datetime(2027, 2, 1, 11, 30, 0, 500_000, tzinfo=UTC)),
        ("2027-02-01T12:30:00+02:00", datetime(2027, 2, 1, 10, 30, tzinfo=UTC)),
    ],
)
def test_the_time_in_timestamp_txt_is_read_as_nbgrader_reads_it(course: Course, text: str, expected: datetime) -> None:
    folder = course.root / "submitted/ann/tiny"
    (folder / "timestamp.txt").write_text(f"{text}\n")
    assert read_timestamp(folder, "tiny") == (expected, True)


@pytest.mark.parametrize("text", [None, "", "yesterday", "2027-99-99 UTC", "x" * 1000, "\x00"])
def test_without_a_time_in_timestamp_txt_it_is_that_of_the_file(course: Course, text: str | None) -> None:
    folder = course.root / "submitted/ann/tiny"
    os.utime(folder / "tiny.ipynb", (10**9, 10**9))
    if text is not None:
        (folder / "timestamp.txt").write_text(text)
    assert read_timestamp(folder, "tiny") == (datetime.fromtimestamp(10**9, UTC), False)


def test_a_killed_run_keeps_what_was_written_and_the_next_goes_on(course: Course) -> None:
    hand_in(course.root, "very slow", filled(RIGHT))
    with grading(course, workers=1) as process:
        wait_for(lambda: len(load_results(course)) == 2, process)
        process.kill()
        process.wait()
    assert len(load_results(course)) == 2
    run = grade_class(course, ["tiny"], "[a-z]*")
    assert (run.unchanged, len(run.results)) == (2, 4)


def test_ctrl_c_ends_with_one_clear_line_and_leaves_no_process(course: Course) -> None:
    hand_in(course.root, "very slow", filled())
    with grading(course, workers=1) as process:
        wait_for(lambda: len(load_results(course)) == 2, process)
        children = psutil.Process(process.pid).children(recursive=True)
        assert children
        os.killpg(process.pid, signal.SIGINT)
        _, errors = process.communicate(timeout=20)
    assert errors == "stopped; 2 of 4 submissions were graded and are kept; run again to go on\n"
    assert not psutil.wait_procs(children, timeout=5)[1]


SCRIPT = """\
import sys
from pathlib import Path
sys.path.insert(0, {tests!r})
from autograder.course import load_course
from autograder.errors import TorchmarkError
from autograder.grading import pool
from autograder.grading.batch import grade_class
from scripted_worker import scripted_work

if __name__ == "__main__":
    pool.work = scripted_work
    try:
        grade_class(load_course(Path({root!r})), workers={workers})
    except TorchmarkError as error:
        sys.exit(str(error))
"""


@contextmanager
def grading(course: Course, workers: int) -> Iterator[subprocess.Popen[str]]:
    """A process that grades the class, in a process group of its own."""
    script = course.root.parent / "grade.py"
    script.write_text(SCRIPT.format(tests=str(Path(__file__).parent), root=str(course.root), workers=workers))
    with subprocess.Popen(
        [sys.executable, str(script)], stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def wait_for(is_so: Callable[[], bool], process: subprocess.Popen[str]) -> None:
    for _ in range(600):
        if is_so():
            return
        assert process.poll() is None
        time.sleep(0.1)
    raise AssertionError("it took too long")
