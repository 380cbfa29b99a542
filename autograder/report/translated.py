"""A result in another language: the texts of ours and of the course in it. What a student wrote stays as it is."""

from __future__ import annotations

from msgspec.structs import replace

from autograder.model import CellResult, CheckResult, ExerciseResult, QuestionResult, SubmissionResult
from autograder.report.language import Language


def translated(result: SubmissionResult, language: Language) -> SubmissionResult:
    """The result with its texts in `language`."""
    return replace(
        result,
        reason=language.say(result.reason),
        exercises=tuple(_exercise(exercise, language) for exercise in result.exercises),
        questions=tuple(_question(question, language) for question in result.questions),
        cells=tuple(_cell(cell, language) for cell in result.cells),
    )


def _exercise(exercise: ExerciseResult, language: Language) -> ExerciseResult:
    return replace(
        exercise,
        title=language.say(exercise.title),
        note=language.say(exercise.note),
        checks=tuple(_check(check, language) for check in exercise.checks),
    )


def _check(check: CheckResult, language: Language) -> CheckResult:
    return replace(
        check,
        title=language.say(check.title),
        message=language.say(check.message),
        hint=language.say(check.hint),
        look_at=language.say(check.look_at),
        expected=language.say(check.expected),
        got=language.say(check.got),
    )


def _question(question: QuestionResult, language: Language) -> QuestionResult:
    is_state = question.message == question.state.value  # the page shows it once
    return replace(
        question,
        title=language.say(question.title),
        message=question.message if is_state else language.say(question.message),
        hint=language.say_markdown(question.hint),
        prompt=language.say_markdown(question.prompt),
        explanation=language.say_markdown(question.explanation),
    )


def _cell(cell: CellResult, language: Language) -> CellResult:
    return replace(cell, note=language.say(cell.note))
