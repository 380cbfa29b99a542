"""One submission, run and checked for real, in this process: whatever stands in it, the answer is a result."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from nbformat.v4 import new_code_cell
from small_course import RIGHT, filled, hand_in, made_result, write_course

from autograder.course import load_course
from autograder.errors import CourseError
from autograder.grading.one import Graded, Grader
from autograder.grading.outcome import OUR_FAULT
from autograder.model import CellStatus, FailedExample, Outcome, SubmissionResult


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_course(tmp_path_factory.mktemp("one") / "course").root


@pytest.fixture(scope="module")
def grader(root: Path) -> Iterator[Grader]:
    course = load_course(root)
    with Grader(course, course.assignment("tiny")) as grader:
        yield grader


def grade(
    grader: Grader, root: Path, answers: dict[str, str] | None = None, *cells: Any, student: str = "ann"
) -> Graded:
    notebook = filled(answers)
    notebook.cells += cells
    return grader.grade(hand_in(root, student, notebook).parent, student)


def output(graded: Graded, grade_id: str) -> str:
    """The text below a cell of the notebook that formgrader shows."""
    for cell in graded.notebook.cells:
        if cell.metadata.get("nbgrader", {}).get("grade_id") == grade_id:
            return "".join(str(found.get("text", found.get("data"))) for found in cell.outputs)
    raise AssertionError(grade_id)


def without_times(result: SubmissionResult) -> Any:
    plain = msgspec.to_builtins(result) | {"seconds": 0, "file": ""}
    for entry in [*plain["cells"], *(check for exercise in plain["exercises"] for check in exercise["checks"])]:
        entry["seconds"] = 0
    return plain


def test_checks_that_cannot_be_imported_are_one_clear_line(small_course: Any) -> None:
    small_course.assignment("tiny").checks.write_text("import nothing_of_that_name\n")
    with pytest.raises(CourseError, match="nothing_of_that_name") as caught:
        Grader(small_course, small_course.assignment("tiny"))
    assert "\n" not in str(caught.value)


def test_an_assignment_that_was_not_released_is_one_clear_line(small_course: Any) -> None:
    (small_course.root / "release/tiny/tiny.ipynb").unlink()
    with pytest.raises(CourseError, match=r"tiny\.ipynb: not found; run: grader release tiny"):
        Grader(small_course, small_course.assignment("tiny"))


def test_a_fault_of_ours_costs_one_submission(grader: Grader, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stumble(*_: object, **__: object) -> None:
        raise ZeroDivisionError("in the suite")

    with monkeypatch.context() as patch:
        patch.setattr(grader._suite, "grade", stumble)
        graded = grade(grader, root)
    assert graded.is_our_fault
    assert (graded.result.status, graded.result.reason) == ("failed", OUR_FAULT)
    assert "ZeroDivisionError: in the suite" in graded.result.notes[-1]
    assert grade(grader, root).result.score == 5.0


def test_an_example_that_fails_in_the_notebook_is_kept_to_be_reproduced(grader: Grader, root: Path) -> None:
    wrong = grade(grader, root, {"double": "def double(x):\n    return x\n"}).result.exercises
    assert wrong[0].example == FailedExample("assert double(torch.tensor(2.0)) == 4", "AssertionError")
    assert wrong[1].example is None


def test_a_score_that_is_no_number_is_a_fault_of_ours(
    grader: Grader, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    exercises = made_result("ann", (float("nan"), 3.0)).exercises
    monkeypatch.setattr(grader._suite, "grade", lambda *_, **__: exercises)
    assert grade(grader, root).is_our_fault


def test_a_student_side_that_was_killed_is_started_anew(grader: Grader, root: Path) -> None:
    grade(grader, root)
    zygote = grader._side._plain._process
    assert zygote is not None
    os.kill(zygote.pid, signal.SIGKILL)
    zygote.wait()
    assert grade(grader, root).result.score == 5.0


def test_right_answers_have_all_points(grader: Grader, root: Path) -> None:
    result = grade(grader, root).result
    assert (result.status, result.score, result.max_score, result.notes) == ("graded", 5.0, 7.0, ())
    assert [cell.status for cell in result.cells] == [CellStatus.OK] * 5
    assert result.exercises[0].code == RIGHT["double"]


def test_a_mistake_is_named_and_shown_below_the_example(grader: Grader, root: Path) -> None:
    graded = grade(grader, root, RIGHT | {"total": "def total(x):\n    return x.mean()"})
    assert graded.result.score == 2.0
    assert graded.result.exercises[1].checks[0].mistake == "takes_the_mean"
    assert "FAIL  it is the sum of all entries" in output(graded, "test_total")
    assert "You took the mean." in output(graded, "test_total")


def test_what_is_shown_holds_no_hidden_values_and_no_source_of_ours(grader: Grader, root: Path) -> None:
    graded = grade(grader, root, RIGHT | {"total": "def total(x):\n    return x.mean()"})
    (check,) = [found for found in graded.result.exercises[1].checks if found.outcome is Outcome.FAILED]
    shown = output(graded, "test_total")
    for hidden in (check.expected, check.got, check.inputs, check.seed, "reference", "takes_the_mean"):
        assert hidden
        assert hidden not in shown


def test_the_same_submission_comes_to_the_same_again(grader: Grader, root: Path) -> None:
    answers = RIGHT | {"total": "def total(x):\n    return x.mean()"}
    assert without_times(grade(grader, root, answers).result) == without_times(grade(grader, root, answers).result)


def test_other_students_get_other_inputs(grader: Grader, root: Path) -> None:
    one, two = (grade(grader, root, student=student).result.exercises[0].checks[0].seed for student in ("ann", "bob"))
    assert one != two
    assert len(one) == 64


def test_data_comes_from_the_release_and_not_from_the_student(grader: Grader, root: Path) -> None:
    (root / "submitted/ann/tiny/data").mkdir(parents=True, exist_ok=True)
    (root / "submitted/ann/tiny/data/numbers.txt").write_text("mine")
    graded = grade(grader, root, RIGHT, new_code_cell("print(open('data/numbers.txt').read())"))
    assert graded.notebook.cells[-1].outputs[0].text.strip() == "1 2 3"


def test_scripts_in_outputs_are_not_shown(grader: Grader, root: Path) -> None:
    source = "from IPython.display import HTML, display\ndisplay(HTML('<b>x</b><script>alert(1)</script>'))"
    (shown,) = grade(grader, root, RIGHT, new_code_cell(source)).notebook.cells[-1].outputs
    assert shown.data["text/html"] == "<b>x</b>"


def test_the_error_of_a_cell_is_its_note(grader: Grader, root: Path) -> None:
    result = grade(grader, root, RIGHT, new_code_cell("1 / 0")).result
    assert result.cells[-1].status is CellStatus.ERROR
    assert result.cells[-1].note.startswith("ZeroDivisionError")
    assert not any(cell.outputs for cell in result.cells)


def test_an_unreadable_file_is_a_failed_result(grader: Grader, root: Path) -> None:
    graded = grader.grade(hand_in(root, "bad", "x").parent, "bad")
    assert (graded.result.status, graded.is_our_fault) == ("failed", False)
    assert "tiny.ipynb is not JSON" in graded.notebook.cells[0].source
