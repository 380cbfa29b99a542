"""An assignment of exercises and questions: both are released, graded and scored together."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest
from small_course import RIGHT, write_course

from autograder.course import load_course
from autograder.errors import CourseError
from autograder.grading.one import Grader
from autograder.model import QuestionState
from autograder.release.build import release

QUIZ = """\
from autograder import question
from autograder.quiz import Integer


@question("entries", points=2)
def entries(draw):
    return Integer(prompt="How many entries has a matrix of two rows and three columns?", answer=6,
        wrong={5: "You added the sizes."}, explanation="Rows times columns.")
"""


@pytest.fixture(scope="module")
def grader(tmp_path_factory: pytest.TempPathFactory):  # type: ignore[no-untyped-def]
    root = tmp_path_factory.mktemp("mixed") / "course"
    folder = write_course(root).assignment("tiny").folder
    (folder / "quiz.py").write_text(QUIZ)
    (folder / "notebook.py").write_text((folder / "notebook.py").read_text() + '\n# %% question="entries"\n')
    course = load_course(root)
    release(course)
    with Grader(course, course.assignment("tiny")) as grader:
        yield grader


def graded(grader: Grader, folder: Path, answers: dict[str, str]):  # type: ignore[no-untyped-def]
    notebook = nbformat.read(grader._assignment.release_folder / "tiny.ipynb", as_version=4)
    for cell in notebook.cells:
        cell.source = answers.get(cell.metadata.get("nbgrader", {}).get("grade_id"), cell.source)
    nbformat.write(notebook, folder / "ann.ipynb")
    return grader.grade(folder / "ann.ipynb").result


def test_points_of_exercises_and_questions_add_up(grader: Grader, tmp_path: Path) -> None:
    result = graded(grader, tmp_path, RIGHT | {"entries": "entries = 6"})
    assert (result.score, result.max_score) == (7.0, 9.0)


def test_a_wrong_answer_costs_no_exercise_anything(grader: Grader, tmp_path: Path) -> None:
    result = graded(grader, tmp_path, RIGHT | {"entries": "entries = 5"})
    assert [exercise.score for exercise in result.exercises] == [2.0, 3.0]
    question, _ = result.questions
    assert (question.state, question.hint, result.score) == (QuestionState.WRONG, "You added the sizes.", 5.0)


def test_a_question_of_one_variant_is_plain_text_and_needs_no_name(grader: Grader) -> None:
    notebook = nbformat.read(grader._assignment.release_folder / "tiny.ipynb", as_version=4)
    cells = {cell.id: cell for cell in notebook.cells}
    assert cells["entries-question"].cell_type == "markdown"
    assert "student" not in cells


def test_a_quiz_that_does_not_run_is_told_before_anything_is_graded(grader: Grader) -> None:
    course = grader._course
    quiz = course.assignment("tiny").quiz
    text = quiz.read_text()
    quiz.write_text(text.replace("answer=6", "answer=1 / 0"))
    with pytest.raises(CourseError, match="ZeroDivisionError"):
        Grader(course, course.assignment("tiny"))
    quiz.write_text(text)
