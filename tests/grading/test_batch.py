"""A class is graded once, in any number of processes, and what was written is kept whatever happens next."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import msgspec
import pytest
from nbformat.v4 import new_code_cell
from small_course import RIGHT, filled, hand_in, write_course

from autograder.course import Course, load_course
from autograder.errors import CourseError
from autograder.gradebook import load_results
from autograder.grading.autograded import autograded_path
from autograder.grading.batch import grade_class
from autograder.grading.fingerprint import fingerprint, suite_fingerprint
from autograder.grading.released import load_released
from autograder.model import SubmissionResult

SCORES = {"ann": 5.0, "bob": 3.0, "cat": 2.0}
MEAN = "def total(x):\n    return x.mean()"


@pytest.fixture(scope="module")
def graded_course(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three students, graded by two workers."""
    root = tmp_path_factory.mktemp("batch") / "course"
    course = write_course(root)
    hand_in(root, "ann", filled())
    hand_in(root, "bob", filled(RIGHT | {"double": "def double(x):\n    return x * x"}))
    hand_in(root, "cat", filled(RIGHT | {"total": MEAN}))
    (root / "submitted/dan").mkdir()
    progress: list[tuple[int, int]] = []
    run = grade_class(course, workers=2, on_progress=lambda done, total: progress.append((done, total)))
    assert {result.student: result.score for result in run.results} == SCORES
    assert progress == [(0, 3), (1, 3), (2, 3), (3, 3)]
    return root


@pytest.fixture
def course(graded_course: Path, tmp_path: Path) -> Course:
    """A copy of the graded class, to change."""
    shutil.copytree(graded_course, tmp_path / "course")
    return load_course(tmp_path / "course")


def without_times(result: SubmissionResult) -> SubmissionResult:
    cells = tuple(msgspec.structs.replace(cell, seconds=0.0) for cell in result.cells)
    exercises = tuple(
        msgspec.structs.replace(
            exercise, checks=tuple(msgspec.structs.replace(check, seconds=0.0) for check in exercise.checks)
        )
        for exercise in result.exercises
    )
    return msgspec.structs.replace(result, seconds=0.0, cells=cells, exercises=exercises, file="")


def test_nothing_handed_in_is_one_clear_line(small_course: Course) -> None:
    with pytest.raises(CourseError, match=r"submitted: no submission of tiny by \*; they belong in submitted/STUDENT"):
        grade_class(small_course)


def test_an_unknown_student_is_one_clear_line(course: Course) -> None:
    with pytest.raises(CourseError, match="no submission of tiny by zoe"):
        grade_class(course, ["tiny"], "zoe")


def test_checks_that_cannot_be_imported_end_the_run_with_one_clear_line(course: Course) -> None:
    (course.assignment("tiny").checks).write_text("import nothing_of_that_name\n")
    with pytest.raises(Exception, match="nothing_of_that_name") as caught:
        grade_class(course)
    assert "\n" not in str(caught.value)


def test_the_likely_mistake_is_named(graded_course: Path) -> None:
    (result,) = [found for found in load_results(load_course(graded_course)) if found.student == "cat"]
    assert result.exercises[1].checks[0].mistake == "takes_the_mean"


def test_unchanged_submissions_are_not_graded_again(course: Course) -> None:
    run = grade_class(course)
    assert (run.unchanged, {found.student: found.score for found in run.results}) == (3, SCORES)
    assert run.seconds < 5


def test_only_what_changed_is_graded_again(course: Course) -> None:
    hand_in(course.root, "cat", filled())
    autograded_path(course, "tiny", "bob").unlink()
    run = grade_class(course, workers=1)
    assert run.unchanged == 1
    assert {found.student: found.score for found in run.results} == SCORES | {"cat": 5.0}


def test_again_grades_everything_and_comes_to_the_same_by_one_worker(course: Course) -> None:
    before = [without_times(result) for result in load_results(course)]
    run = grade_class(course, again=True, workers=1)
    assert run.unchanged == 0
    assert [without_times(result) for result in run.results] == before


def test_a_pattern_chooses_students(course: Course) -> None:
    assert [found.student for found in grade_class(course, ["tiny"], "[ab]*").results] == ["ann", "bob"]


def test_any_part_of_what_a_result_depends_on_changes_its_fingerprint(course: Course) -> None:
    def current() -> str:
        here = load_course(course.root)
        tiny = here.assignment("tiny")
        shared = suite_fingerprint(here, tiny, load_released(tiny))
        return fingerprint(shared, course.root / "submitted/ann/tiny", "ann", "tiny", 10**6)

    seen = {current()}
    changed = (
        "assignments/tiny/checks.py",
        "assignments/tiny/mistakes.py",
        "solutions/tiny.py",
        "release/tiny/data/numbers.txt",
        "release/tiny/tiny.ipynb",
        "submitted/ann/tiny/tiny.ipynb",
        "grader.toml",
        ".grader-secret",
    )
    for name in changed:
        path = course.root / name
        text = path.read_text()
        path.write_text(text.replace("cell_seconds = 5", "cell_seconds = 6") if name == "grader.toml" else text + "\n ")
        if name == ".grader-secret":
            path.write_text("x" * 64)
        fresh = current()
        assert fresh not in seen, name
        seen.add(fresh)


def test_a_killed_run_keeps_what_was_written_and_the_next_goes_on(small_course: Course) -> None:
    root = small_course.root
    for number in range(3):
        hand_in(root, f"quick{number}", filled())
    slow = filled()
    slow.cells.append(new_code_cell("import time; time.sleep(4)"))
    hand_in(root, "zzz slow", slow)
    process = start_grading(root)
    wait_for(lambda: autograded_path(small_course, "tiny", "quick2").exists(), process)
    time.sleep(1.0)
    process.kill()
    process.wait()
    kept = {found.student for found in load_results(small_course)}
    assert {"quick0", "quick1"} <= kept < {"quick0", "quick1", "quick2", "zzz slow"}
    run = grade_class(small_course)
    assert run.unchanged == len(kept)
    assert len(run.results) == 4


def test_ctrl_c_ends_with_one_clear_line_and_leaves_no_process(small_course: Course) -> None:
    slow = filled()
    slow.cells.append(new_code_cell("import time; time.sleep(4)"))
    hand_in(small_course.root, "aaa", filled())
    hand_in(small_course.root, "slow", slow)
    process = start_grading(small_course.root)
    wait_for(lambda: autograded_path(small_course, "tiny", "aaa").exists(), process)
    time.sleep(1.0)
    os.killpg(process.pid, signal.SIGINT)
    _, errors = process.communicate(timeout=20)
    assert errors.strip().splitlines()[-1].endswith("1 of 2 submissions were graded and are kept; run again to go on")


def start_grading(root: Path) -> subprocess.Popen[str]:
    code = f"""
import sys
from pathlib import Path
from autograder.course import load_course
from autograder.errors import TorchmarkError
from autograder.grading.batch import grade_class
if __name__ == "__main__":
    try:
        grade_class(load_course(Path({str(root)!r})), workers=1)
    except TorchmarkError as error:
        sys.exit(str(error))
"""
    script = root.parent / "grade.py"
    script.write_text(code)
    command = [sys.executable, str(script)]
    return subprocess.Popen(command, stderr=subprocess.PIPE, text=True, start_new_session=True)


def wait_for(is_so: object, process: subprocess.Popen[str]) -> None:
    for _ in range(600):
        if is_so():  # type: ignore[operator]
            return
        assert process.poll() is None, process.stderr and process.stderr.read()
        time.sleep(0.05)
    raise AssertionError("it took too long")
