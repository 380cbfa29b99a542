"""Loose notebooks: results in the order given, as JSON with exactly the keys that other programs rely on."""

from __future__ import annotations

import json
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell
from small_course import RIGHT, filled, made_result, write_course

from autograder.grading.loose import full_message, grade_files, results_to_json
from autograder.model import CheckResult, Kind, Outcome, QuestionResult, SubmissionResult

KEYS = ["file", "assignment", "student", "status", "reason", "score", "max_score", "isolation", "device", "seconds"]
KEYS += ["cells", "exercises", "questions"]
CHECK_KEYS = ["name", "title", "kind", "outcome", "points", "max_points", "message", "mistake", "seed", "seconds"]


@pytest.fixture(scope="module")
def graded(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[SubmissionResult]]:
    """Five files: with a bad cell, not there, with a mistake, no notebook, and another by the first one's author."""
    folder = tmp_path_factory.mktemp("loose")
    course = write_course(folder / "course")
    (folder / "mean of 李.ipynb").write_text(
        nbformat.writes(filled(RIGHT | {"total": "def total(x):\n    return x.mean()"}))
    )
    odd = filled()
    odd.cells += [new_code_cell("1 / 0"), new_code_cell(odd.cells[3].source, metadata=odd.cells[3].metadata)]
    (folder / "odd.ipynb").write_text(nbformat.writes(odd))
    (folder / "bad.ipynb").write_text("no")
    (folder / "later").mkdir()
    (folder / "later/odd.ipynb").write_text(nbformat.writes(filled()))
    names = ["odd.ipynb", "gone.ipynb", "mean of 李.ipynb", "bad.ipynb", "later/odd.ipynb"]
    return folder, grade_files(course, "tiny", [folder / name for name in names], workers=1)


def test_results_stand_in_the_order_of_the_files(graded: tuple[Path, list[SubmissionResult]]) -> None:
    assert [result.student for result in graded[1]] == ["odd", "gone", "mean of 李", "bad", "odd"]
    assert [result.status for result in graded[1]] == ["graded", "failed", "graded", "failed", "graded"]
    assert [result.score for result in graded[1]] == [5.0, 0.0, 2.0, 0.0, 5.0]


def test_no_gradebook_is_made(graded: tuple[Path, list[SubmissionResult]]) -> None:
    assert not (graded[0] / "course/gradebook.db").exists()
    assert not (graded[0] / "course/autograded").exists()


def test_the_json_has_the_keys_of_the_design_in_order(graded: tuple[Path, list[SubmissionResult]]) -> None:
    parsed = json.loads(results_to_json(graded[1]))
    assert [list(entry) for entry in parsed] == [KEYS] * 5
    entry = parsed[2]
    assert list(entry["cells"][0]) == ["index", "status", "seconds"]
    assert list(entry["exercises"][0]) == ["name", "score", "max_score", "checks"]
    assert list(entry["exercises"][0]["checks"][0]) == CHECK_KEYS
    assert entry["file"].endswith("mean of 李.ipynb")
    assert entry["isolation"] in ("A", "B")
    assert entry["device"] == "cpu"


def test_cells_are_numbered_as_in_the_students_file(graded: tuple[Path, list[SubmissionResult]]) -> None:
    cells = [(cell.index, cell.status.value) for cell in graded[1][0].cells]
    assert cells == [(1, "ok"), (2, "ok"), (3, "ok"), (4, "ok"), (5, "ok"), (7, "error"), (8, "not run")]


def test_the_same_student_gets_the_same_inputs_again(graded: tuple[Path, list[SubmissionResult]]) -> None:
    results = graded[1]

    def seeds(result: SubmissionResult) -> list[str]:
        return [check.seed for exercise in result.exercises for check in exercise.checks]

    assert seeds(results[4]) == seeds(results[0])
    assert len(set(seeds(results[0]))) == 4
    assert set(seeds(results[0])).isdisjoint(seeds(results[2]))


def test_staff_read_all_of_what_failed() -> None:
    check = CheckResult(
        name="test_value",
        title="t",
        kind=Kind.CHECK,
        outcome=Outcome.FAILED,
        message="2 entries differ",
        expected="probs[0] = 1.0",
        got="1.88",
        hint="wrong dim",
        look_at="dim",
    )
    assert full_message(check).splitlines() == [
        "2 entries differ",
        "expected  probs[0] = 1.0",
        "got       1.88",
        "likely    wrong dim",
        "look at   dim",
    ]


def test_numbers_that_json_does_not_know_never_appear() -> None:
    question = QuestionResult(name="q", variant=1, score=float("inf"), max_score=1.0)
    result = made_result("ann", (float("nan"), 1.0), seconds=float("-inf"), questions=(question,))
    parsed = json.loads(results_to_json([result]), parse_constant=lambda name: pytest.fail(name))
    assert parsed[0]["exercises"][0]["score"] == 0.0
    assert list(parsed[0]["questions"][0]) == ["name", "variant", "score", "max_score", "answer", "message"]
