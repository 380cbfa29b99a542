"""`grader verify` runs every variant of every question, and says what is off in one line each."""

from __future__ import annotations

from pathlib import Path

import pytest
from quiz_course import NAMES, NOTEBOOK, QUIZ, write_quiz
from typer.testing import CliRunner

from autograder.cli import app
from autograder.quiz.verify import QuizReport, verify_quiz


def verified(root: Path, old: str = "", new: str = "") -> QuizReport:
    assert old in QUIZ
    return verify_quiz(write_quiz(root, QUIZ.replace(old, new, 1) if old else QUIZ))


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("wrong={n + m: ", "wrong={n * m: ", "scores 100 %; draw other values"),
        ('wrong={n + m: "You added the sizes up."}', "wrong={}", "has no wrong answer"),
        ("wrong={n + m: ", 'wrong={str(n): "No quotes.", n + m: ', "has a form that students cannot give"),
        ("`x` has shape `", "It is {tuple(x.sum(dim=1).shape)}. `x` has shape `", "the prompt holds the answer ("),
        ('"Nobody said keepdim."', 'f"It is {tuple(x.sum(dim=1).shape)}."', "holds the answer ("),
        ('f"{n} - 1": "That is one less."', 'f"{n}  + 1": "Still more."', "two choices are equal"),
        ("answer=torch.empty(n, m).numel()", "answer=99", "the answer 99 is the sample in the form text"),
        ('What is the transpose of `{x.tolist()}`?",\n', 'What?",\n', "ask the same"),
        ('accepted=["over-fitting", "overfit"]', 'accepted=[" "]', "does not score 100 %"),
        ('answer="overfitting",', 'answer="half",', "the prompt holds the answer half"),
    ],
)
def test_what_is_off_is_told(tmp_path: Path, old: str, new: str, problem: str) -> None:
    report = verified(tmp_path, old, new)
    assert any(problem in line for line in report.problems), report.problems
    assert all(line.startswith("assignments/kinds/quiz.py: line ") for line in report.problems)


def test_two_wrong_answers_that_are_the_same_are_told(tmp_path: Path) -> None:
    report = verified(tmp_path, "wrong={n / 2.718281828: ", 'wrong={n / 2.71828182: "First.", n / 2.718281828: ')
    assert sum("gets the hint 'First.'; draw other values, or leave one out" in line for line in report.problems) == 3


def test_a_question_that_no_cell_asks_is_told(tmp_path: Path) -> None:
    report = verify_quiz(write_quiz(tmp_path, notebook=NOTEBOOK.replace('# %% question="match"\n', "")))
    assert report.problems == (
        'assignments/kinds/quiz.py: question "match" is asked nowhere; add a cell `# %% question="match"` to the '
        "notebook, or remove it",
    )


def test_a_sound_quiz_has_no_problem_and_a_row_for_each_question(tmp_path: Path) -> None:
    report = verified(tmp_path)
    assert report.problems == ()
    assert [proof.question for proof in report.questions] == list(NAMES)
    assert {(proof.variants, proof.right) for proof in report.questions} == {(3, 3)}
    assert all(proof.hinted == proof.wrongs > 0 and proof.refused == proof.forms > 0 for proof in report.questions)


def test_the_command_lists_every_question_with_its_variants_and_ends_with_1_when_one_is_wrong(tmp_path: Path) -> None:
    write_quiz(tmp_path)
    done = CliRunner().invoke(app, ["-C", str(tmp_path), "verify"])
    assert done.exit_code == 0, done.output
    assert all(name in done.output for name in NAMES)
    assert "14 questions, 42 variants" in done.output
    write_quiz(tmp_path, QUIZ.replace("answer=x.sum(dim=1).shape", "answer=x.sum(dim=1, keepdim=True).shape"))
    assert CliRunner().invoke(app, ["-C", str(tmp_path), "verify"]).exit_code == 1
