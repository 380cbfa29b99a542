"""Questions that are answered in words and graded by hand in formgrader: the answers, apart from what was asked."""

from __future__ import annotations

from collections.abc import Iterable

from autograder.course import ByHand
from autograder.grading.submission import Submission
from autograder.model import QuestionResult, QuestionState
from autograder.release.notebook import placeholder

TO_COME = "a person will read your answer and give its points"


def answers_by_hand(asked: Iterable[ByHand], submission: Submission) -> tuple[QuestionResult, ...]:
    """What the submission answers, with no points yet."""
    sources = {
        cell.metadata.get("nbgrader", {}).get("grade_id"): (cell.cell_type, cell.source)
        for cell in submission.notebook.cells
    }
    return tuple(_result(one, *sources.get(one.name, ("markdown", ""))) for one in asked)


def _result(asked: ByHand, kind: str, source: str) -> QuestionResult:
    answer = _without(_without(source, asked.text), placeholder(kind))
    return QuestionResult(
        name=asked.name,
        title=asked.title,
        variant=0,
        score=0.0,
        max_score=asked.points,
        prompt=asked.text,
        answer=answer,
        state=QuestionState.BY_HAND if answer else QuestionState.UNANSWERED,
        message=TO_COME if answer else QuestionState.UNANSWERED.value,
    )


def _without(source: str, ours: str) -> str:
    """What is left of a cell's source without a text of ours."""
    return source.replace(ours.strip(), "", 1).strip()
