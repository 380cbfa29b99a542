"""A quiz handed in again after feedback, through the gradebook: every try is kept, and counts as grader.toml says."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from nbgrader import api
from quiz_course import NOTEBOOK, SETTINGS, hand_in, notebook_of, questions, variant_of, write_quiz

from autograder.course import Course, load_course
from autograder.gradebook import Gradebook
from autograder.grading.batch import grade_class
from autograder.grading.one import Grader
from autograder.grading.released import load_released
from autograder.model import QuestionResult, QuestionState, SubmissionResult
from autograder.release.build import release

RULES = "[quiz]\nattempts = 3\npenalty = 0.25\n"
NOW = datetime(2027, 1, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def grader(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Grader]:
    """Of a quiz with one question, "integer", of one point."""
    root = tmp_path_factory.mktemp("tries")
    head = NOTEBOOK.partition("\n# %% [markdown]\n# ## About")[0]
    write_quiz(root, notebook=f'{head}\n# %% question="integer"\n', settings=SETTINGS + RULES)
    course = load_course(root)
    release(course)
    Gradebook(course).close()
    (root / "empty.db").write_bytes((root / "gradebook.db").read_bytes())
    with Grader(course, course.assignment("kinds")) as grader:
        yield grader


@pytest.fixture
def course(grader: Grader) -> Course:
    root = grader._course.root
    (root / "gradebook.db").write_bytes((root / "empty.db").read_bytes())
    return grader._course


def graded(grader: Grader, right: bool, more: int = 0) -> QuestionResult:
    """Hand in a right or a wrong answer, grade it as a class is graded, and read what the gradebook holds."""
    course, assignment = grader._course, grader._assignment
    value = variant_of(questions(course)["integer"], "ada").right + (0 if right else 1 + more)
    path = hand_in(course, "ada", notebook_of(course, {"integer": f"integer = {value}"}))
    with Gradebook(course) as book:
        book.prepare(assignment, load_released(assignment))
        tries = book.tries(assignment.name).get("ada", ())
        book.record(assignment, load_released(assignment), grader.grade(path, "ada", tries).result)
    return recorded(course).questions[0]


def recorded(course: Course) -> SubmissionResult:
    with Gradebook(course) as book:
        found = book.load_result("kinds", "ada")
    assert found is not None
    return found


def give_feedback(course: Course) -> None:
    with Gradebook(course) as book:
        book.note_feedback([recorded(course)], NOW)


def test_changing_an_answer_costs_nothing_until_feedback_is_given(grader: Grader, course: Course) -> None:
    assert graded(grader, right=False).score == 0
    found = graded(grader, right=True)
    assert (found.attempt, found.score, found.state) == (1, 1.0, QuestionState.RIGHT)


def test_each_try_after_feedback_is_kept_and_costs_the_penalty(grader: Grader, course: Course) -> None:
    for more in range(2):
        assert graded(grader, right=False, more=more).attempt == more + 1
        give_feedback(course)
    found = graded(grader, right=True)
    assert (found.attempt, found.score) == (3, 0.5)
    with Gradebook(course) as book:
        tries = book.tries("kinds")["ada"]
    assert [(one.number, one.share, one.has_feedback) for one in tries] == [
        (1, 0.0, True),
        (2, 0.0, True),
        (3, 1.0, False),
    ]
    with api.Gradebook(f"sqlite:///{course.root}/gradebook.db", course_id="small") as theirs:
        assert theirs.find_submission("kinds", "ada").score == 0.5


def test_grading_a_class_again_without_a_change_uses_up_no_try(grader: Grader, course: Course) -> None:
    graded(grader, right=False)
    give_feedback(course)
    grade_class(course, again=True)
    assert recorded(course).questions[0].attempt == 1
    assert graded(grader, right=True).score == 0.75
