"""The result of a submission that could not be graded, and text that can be stored."""

from __future__ import annotations

import math
from pathlib import Path

from autograder.course import Assignment, ByHand, Question
from autograder.model import ExerciseResult, QuestionResult, SubmissionResult

OUR_FAULT = "the grader could not finish with this submission; staff should look"


def failed_result(
    assignment: Assignment, path: Path, student: str, reason: str, notes: tuple[str, ...] = ()
) -> SubmissionResult:
    """The result of a submission that could not be graded: no points, and the line that says why."""
    exercises = tuple(
        ExerciseResult(name=exercise.name, title=exercise.title, score=0.0, max_score=exercise.points)
        for exercise in assignment.exercises
    )
    asked: tuple[Question | ByHand, ...] = (*assignment.questions, *assignment.by_hand)
    questions = tuple(
        QuestionResult(name=question.name, title=question.title, variant=0, score=0.0, max_score=question.points)
        for question in asked
    )
    return SubmissionResult(
        file=printable(path),
        assignment=assignment.name,
        student=student,
        status="failed",
        reason=printable(" ".join(reason.split())),
        max_score=math.fsum([*(one.max_score for one in exercises), *(one.max_score for one in questions)]),
        exercises=exercises,
        questions=questions,
        notes=notes,
    )


def printable(text: Path | str) -> str:
    """Text that can be stored and printed: the bytes of a file name that are not UTF-8 as backslash escapes."""
    return str(text).encode("utf-8", "backslashreplace").decode("utf-8")
