"""A quiz handed in again after feedback, through the gradebook: every try is kept, and counts as grader.toml says."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from nbgrader import api
from quiz_course import NOTEBOOK, SETTINGS, hand_in, notebook_of, questions, variant_of, write_quiz

from autograder.course import Course, load_course
from autograder.gradebook import Gradebook
from autograder.grading.batch import grade_class
from autograder.model import QuestionResult, QuestionState, SubmissionResult
from autograder.release.build import release

RULES = "[quiz]\nattempts = 3\npenalty = 0.25\n"
NOW = datetime(2027, 1, 1, tzinfo=UTC)


@pytest.fixture
def course(tmp_path: Path) -> Course:
    """A quiz with one question, "integer", of one point."""
    head = NOTEBOOK.partition("\n# %% [markdown]\n# ## About")[0]
    write_quiz(tmp_path, notebook=f'{head}\n# %% question="integer"\n', settings=SETTINGS + RULES)
    course = load_course(tmp_path)
    release(course)
    return course


def graded(course: Course, right: bool, more: int = 0) -> QuestionResult:
    """Hand in a right or a wrong answer, grade the class, and read what the gradebook holds."""
    value = variant_of(questions(course)["integer"], "ada").right + (0 if right else 1 + more)
    hand_in(course, "ada", notebook_of(course, {"integer": f"integer = {value}"}))
    grade_class(course)
    return recorded(course).questions[0]


def recorded(course: Course) -> SubmissionResult:
    with Gradebook(course) as book:
        found = book.load_result("kinds", "ada")
    assert found is not None
    return found


def give_feedback(course: Course) -> None:
    with Gradebook(course) as book:
        book.note_feedback([recorded(course)], NOW)


def test_changing_an_answer_costs_nothing_until_feedback_is_given(course: Course) -> None:
    assert graded(course, right=False).score == 0
    found = graded(course, right=True)
    assert (found.attempt, found.score, found.state) == (1, 1.0, QuestionState.RIGHT)


def test_each_try_after_feedback_is_kept_and_costs_the_penalty(course: Course) -> None:
    for more in range(2):
        assert graded(course, right=False, more=more).attempt == more + 1
        give_feedback(course)
    found = graded(course, right=True)
    assert (found.attempt, found.score) == (3, 0.5)
    with Gradebook(course) as book:
        tries = book.tries("kinds")["ada"]
    assert [(one.number, one.share, one.has_feedback) for one in tries] == [
        (1, 0.0, True),
        (2, 0.0, True),
        (3, 1.0, False),
    ]
    url = f"sqlite:///{course.root}/gradebook.db"
    with api.Gradebook(url, course_id="small") as theirs:
        assert theirs.find_submission("kinds", "ada").score == 0.5


def test_grading_again_without_a_change_uses_up_no_try(course: Course) -> None:
    graded(course, right=False)
    give_feedback(course)
    grade_class(course, again=True)
    found = recorded(course).questions[0]
    assert found.attempt == 1
    assert graded(course, right=True).score == 0.75
