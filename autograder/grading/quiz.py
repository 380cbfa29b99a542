"""The quiz of a submission: which cells hold answers, which variants are the student's, whom the notebook names."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from autograder.config import QuizSettings
from autograder.grading.submission import Submission
from autograder.model import QuestionResult, Try
from autograder.quiz.answers import AnswerCell, find_answer, read_literal
from autograder.quiz.bank import BuiltQuestion
from autograder.quiz.scoring import OpenFork, grade_questions
from autograder.quiz.tries import settle
from autograder.release.questions import prompt_id

NOT_RUN = "pass  # a question is shown as it was asked; it need not run"


def grade_quiz(
    questions: Sequence[BuiltQuestion],
    submission: Submission,
    open_fork: OpenFork,
    seed_for: Callable[[str], str],
    rules: QuizSettings,
    tries: Sequence[Try] = (),
) -> tuple[QuestionResult, ...]:
    """Grade the answers of a submission by the variants of the student who handed it in.

    tries: the student's earlier answers to questions of this assignment.
    """
    if not questions:
        return ()
    ids = _grade_ids(submission)
    cells = [(number, source) for number, source in submission.cells if not _is_locked(submission, number)]

    def cells_for(name: str) -> Iterable[AnswerCell]:
        return [AnswerCell(number, source, ids.get(number) == name) for number, source in cells]

    named = _named(cells_for("STUDENT")) if rules.personal else ""
    is_another = named.strip().lower() not in ("", submission.student.strip().lower())
    name = submission.assignment
    results = grade_questions(
        questions,
        cells_for,
        open_fork,
        lambda question: question.number_for(name, submission.student, is_personal=rules.personal),
        seed_for,
        named,
        (lambda question: question.number_for(name, named, is_personal=True)) if is_another else None,
    )
    return tuple(settle(result, tries, rules) for result in results)


def without_prompts(
    cells: Sequence[tuple[int, str]], submission: Submission, questions: Sequence[BuiltQuestion]
) -> tuple[tuple[int, str], ...]:
    """The cells to run: those that show a question do nothing, since the grader knows whose variant it is."""
    shown = {prompt_id(question.name) for question in questions}
    ids = _grade_ids(submission)
    return tuple((number, NOT_RUN if ids.get(number) in shown else source) for number, source in cells)


def _named(cells: Iterable[AnswerCell]) -> str:
    """The student whom the notebook names, "" where it names none."""
    try:
        value = read_literal(find_answer("STUDENT", cells).node)
    except ValueError:
        return ""
    return value if isinstance(value, str) else ""


def _grade_ids(submission: Submission) -> dict[int, str]:
    """number of a cell -> the id under which it was released."""
    pairs = zip(submission.numbers, submission.notebook.cells, strict=True)
    return {number: str(cell.metadata.get("nbgrader", {}).get("grade_id", "")) for number, cell in pairs}


def _is_locked(submission: Submission, number: int) -> bool:
    cell = submission.notebook.cells[submission.numbers.index(number)]
    nbgrader = cell.metadata.get("nbgrader", {})
    return bool(nbgrader.get("locked"))
