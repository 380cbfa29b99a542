"""nbgrader's formgrader, run for real in a Jupyter server on this machine, shows what we graded."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest
from formgrader_server import Formgrader, formgrader
from nbformat.v4 import new_markdown_cell
from small_course import RIGHT, filled, hand_in, write_course

from autograder.grading.batch import grade_class
from autograder.model import SubmissionResult

TOTALS = {"ann": 5.0, "bob bär": 3.0, "李雷": 0.0, "dan": 0.0}

Get = Callable[[str], str]


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, SubmissionResult]]:
    """A class of four, graded: right, one exercise wrong, nothing done with a script in its markdown, no notebook."""
    root = tmp_path_factory.mktemp("lab") / "course"
    course = write_course(root)
    hand_in(root, "ann", filled()).with_name("timestamp.txt").write_text("2027-02-01 12:30:00 UTC\n")
    hand_in(root, "bob bär", filled(RIGHT | {"double": "def double(x):\n    return x * x"}))
    lazy = filled({})
    lazy.cells.append(new_markdown_cell("<script>alert('planted')</script>"))
    hand_in(root, "李雷", lazy)
    hand_in(root, "dan", "this is not a notebook")
    run = grade_class(course)
    return root, {result.student: result for result in run.results}


@pytest.fixture(scope="module")
def served(results: tuple[Path, Any]) -> Iterator[Formgrader]:
    with formgrader(results[0]) as found:
        yield found


@pytest.fixture(scope="module")
def get(served: Formgrader) -> Get:
    return served.get


def submissions(get: Get) -> dict[str, dict[str, Any]]:
    return {found["student"]: found for found in json.loads(get("/formgrader/api/submissions/tiny"))}


def test_the_list_of_submissions_has_our_totals(get: Get) -> None:
    found = submissions(get)
    assert {student: row["score"] for student, row in found.items()} == TOTALS
    assert {row["max_score"] for row in found.values()} == {7.0}
    assert all(row["autograded"] for row in found.values()), "formgrader must not ask to grade them again"


def test_only_what_failed_waits_for_a_person(get: Get) -> None:
    waiting = {student for student, row in submissions(get).items() if row["needs_manual_grade"]}
    assert waiting == {"dan"}


def test_the_scores_of_a_notebook_are_ours_cell_by_cell(get: Get, served: Formgrader, results: Any) -> None:
    grades = json.loads(get(f"/formgrader/api/grades?submission_id={served.notebook_ids()['bob bär']}"))
    expected = {f"test_{exercise.name}": exercise.score for exercise in results[1]["bob bär"].exercises}
    assert {grade["name"]: grade["auto_score"] for grade in grades} == expected | {"explain": 0.0}
    assert all(grade["manual_score"] is None for grade in grades)


def test_the_page_of_a_submission_shows_the_verdict_on_each_check(get: Get, served: Formgrader) -> None:
    page = get(f"/formgrader/submissions/{served.notebook_ids()['bob bär']}/")
    assert "FAIL  it is twice the input" in page
    assert "You squared it. Twice x is x + x." in page
    assert "PASS  it is the sum of all entries" in page


def test_the_comment_of_a_solution_is_the_summary(get: Get, served: Formgrader) -> None:
    comments = json.loads(get(f"/formgrader/api/comments?submission_id={served.notebook_ids()['bob bär']}"))
    (comment,) = [found["auto_comment"] for found in comments if found["name"] == "double"]
    assert comment.startswith("0 of 2 points; 0 of 2 checks passed")


def test_no_script_of_a_student_is_on_the_page(get: Get, served: Formgrader) -> None:
    page = get(f"/formgrader/submissions/{served.notebook_ids()['李雷']}/")
    assert not re.search(r"<script[^>]*>alert", page)
    assert "alert('planted')" in page.replace("&#39;", "'")


def test_a_submission_that_is_no_notebook_says_why(get: Get, served: Formgrader) -> None:
    page = get(f"/formgrader/submissions/{served.notebook_ids()['dan']}/")
    assert "tiny.ipynb is not JSON" in page


def test_formgraders_overview_counts_the_class(get: Get) -> None:
    (assignment,) = json.loads(get("/formgrader/api/assignments"))
    assert (assignment["name"], assignment["num_submissions"], assignment["max_score"]) == ("tiny", 4, 7.0)


def test_nothing_hidden_lies_in_autograded(results: Any) -> None:
    root, _ = results
    for path in (root / "autograded").rglob("*.ipynb"):
        text = path.read_text()
        nbformat.validate(nbformat.reads(text, as_version=4))
        assert "reference." not in text
        assert "takes_the_mean" not in text
