"""What staff wrote in formgrader, in the results that pages and tables show: a mark by hand counts instead of ours."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import msgspec

from autograder.model import ExerciseResult, QuestionResult, QuestionState, SubmissionResult

BY_A_PERSON = "graded by hand"


@dataclass(frozen=True)
class HandMark:
    """Points for one cell: those that count instead of ours (None: ours count), and extra credit."""

    points: float | None
    extra: float = 0.0


def with_hand_marks(result: SubmissionResult, marks: Mapping[str, HandMark]) -> SubmissionResult:
    """The result with the points that count. `marks`: by grade cell, "test_softmax" or "explain"."""
    if not marks:
        return result
    exercises = tuple(_exercise(one, marks.get(f"test_{one.name}")) for one in result.exercises)
    questions = tuple(_question(one, marks.get(f"test_{one.name}") or marks.get(one.name)) for one in result.questions)
    score = math.fsum([*(one.score for one in exercises), *(one.score for one in questions)])
    return msgspec.structs.replace(result, exercises=exercises, questions=questions, score=score)


def _exercise(exercise: ExerciseResult, mark: HandMark | None) -> ExerciseResult:
    if mark is None:
        return exercise
    note = " ".join(part for part in (exercise.note, f"{BY_A_PERSON}.".capitalize()) if part)
    return msgspec.structs.replace(exercise, score=_points(mark, exercise.score), note=note)


def _question(question: QuestionResult, mark: HandMark | None) -> QuestionResult:
    if mark is None:
        return question
    score = _points(mark, question.score)
    if question.state is not QuestionState.BY_HAND:
        return msgspec.structs.replace(question, score=score, message=f"{question.message}; {BY_A_PERSON}")
    state = question.state if mark.points is None else QuestionState.GRADED
    message = question.message if mark.points is None else BY_A_PERSON
    return msgspec.structs.replace(question, score=score, state=state, message=message)


def _points(mark: HandMark, ours: float) -> float:
    return (ours if mark.points is None else mark.points) + mark.extra
