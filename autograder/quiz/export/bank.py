"""Which questions of an assignment go to a target, and which stay, with the reason."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from autograder.course import Assignment
from autograder.quiz.bank import BuiltQuestion
from autograder.quiz.export.items import CannotHoldError, Item, Target
from autograder.quiz.export.kinds import made_for

PICTURE = re.compile(r"!\[[^\]]*\]\((?!https?:|data:)|<img\b(?![^>]*src=.(?:https?|data):)")
NAMES = {Target.QTI: "Canvas", Target.MOODLE_XML: "Moodle", Target.GIFT: "GIFT"}


@dataclass(frozen=True)
class Exported:
    """A question and those of its variants that go."""

    name: str
    title: str
    points: float
    items: tuple[Item, ...]


@dataclass(frozen=True)
class Refused:
    """A question that the target cannot hold."""

    name: str
    kind: str
    target: Target
    reason: str

    def __str__(self) -> str:
        """One line."""
        return f'left out: question "{self.name}" ({self.kind}): {NAMES[self.target]} cannot hold {self.reason}'


@dataclass(frozen=True)
class Bank:
    """What goes to a target: the name and title of the assignment, its questions, and those that stay."""

    name: str
    title: str
    target: Target
    questions: tuple[Exported, ...]
    refused: tuple[Refused, ...] = ()

    @property
    def items(self) -> tuple[Item, ...]:
        """Every variant that goes."""
        return tuple(item for question in self.questions for item in question.items)


def bank_of(assignment: Assignment, questions: Iterable[BuiltQuestion], target: Target, variants: int) -> Bank:
    """The bank of an assignment, with the first `variants` variants of each question, or all where there are fewer."""
    kept, refused = [], []
    for question in questions:
        try:
            kept.append(_exported(question, target, variants))
        except CannotHoldError as error:
            kind = type(question.variants[0]).__name__
            refused.append(Refused(question.name, kind, target, str(error)))
    return Bank(assignment.name, assignment.title, target, tuple(kept), tuple(refused))


def _exported(question: BuiltQuestion, target: Target, variants: int) -> Exported:
    if target is Target.QTI and (question.points <= 0 or not float(question.points).is_integer()):
        raise CannotHoldError(f"groups of questions worth {question.points:g} points; give whole points")
    if any(PICTURE.search(f"{variant.asked('')}{variant.explanation}") for variant in question.variants):
        raise CannotHoldError("a picture that lies in a file")
    items = []
    for number, variant in enumerate(question.variants[:variants], 1):
        prompt, form = made_for(target, variant)
        name = f"{question.name} {number}"
        items.append(Item(name, question.points, prompt.strip(), variant.explanation.strip(), form))
    return Exported(question.name, question.title, question.points, tuple(items))
