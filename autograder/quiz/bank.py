"""quiz.py, read: every question of an assignment with all its variants.

    @question("axis_sum", points=1, variants=8)
    def axis_sum(draw):
        x = torch.empty(draw.distinct(3, 2, 9))
        return Shape(prompt=f"... `x` has the shape `{tuple(x.shape)}` ...", answer=x.sum(dim=1).shape, ...)

A variant is drawn from the question's name and the variant's number alone; when it asks what an earlier one asks, it is
drawn again.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import torch

from autograder.checks.draw import Draw, Item
from autograder.checks.modules import load_module
from autograder.course import Assignment
from autograder.errors import CourseError
from autograder.quiz.released import variant_number
from autograder.quiz.variant import Variant

Written = TypeVar("Written", bound=Callable[..., Any])
_REGISTER = "__torchmark_questions__"
REDRAWS = 60  # tries for a variant that asks something new


class QuizDraw(Draw):
    """What a question is made of: `Draw`, and things that a question needs."""

    def distinct(self, count: int, low: int, high: int) -> tuple[int, ...]:
        """`count` whole numbers from `low` to `high`, no two equal: the sizes of axes, for instance."""
        return self.sample(range(low, high + 1), count)

    def sample(self, items: Any, count: int) -> tuple[Any, ...]:
        """`count` of `items`, none twice, in random order."""
        chosen = torch.randperm(len(items), generator=self.generator)[:count]
        if len(chosen) < count:
            raise ValueError(f"sample: {count} of {len(items)} things")
        return tuple(items[position] for position in chosen.tolist())

    def shuffled(self, items: list[Item]) -> list[Item]:
        """The items in random order."""
        return list(self.sample(items, len(items)))


@dataclass(frozen=True)
class _Entry:
    """A function marked with @question."""

    name: str
    points: float
    variants: int
    function: Callable[[QuizDraw], Variant]
    line: int


@dataclass(frozen=True)
class BuiltQuestion:
    """A question with all its variants, which are of one kind and one form."""

    name: str
    title: str
    points: float
    line: int
    variants: tuple[Variant, ...]

    def number_for(self, assignment: str, student: str, *, is_personal: bool) -> int:
        """Which variant a student gets."""
        return variant_number(assignment, self.name, student, len(self.variants)) if is_personal else 0


def question(name: str, *, points: float = 1, variants: int = 1) -> Callable[[Written], Written]:
    """The function makes the variants of question `name`: it takes `draw` and returns a kind, such as `Shape`.

    Write `name`, `points` and `variants` as plain literals: they are read without running the file.
    """
    if not isinstance(name, str) or isinstance(variants, bool) or not isinstance(variants, int) or variants < 1:
        raise TypeError('@question takes a name and a number of variants: @question("axis_sum", points=1, variants=8)')

    def register(function: Written) -> Written:
        entry = _Entry(name, float(points), variants, function, function.__code__.co_firstlineno)
        sys._getframe(1).f_globals.setdefault(_REGISTER, []).append(entry)
        return function

    return register


def load_quiz(assignment: Assignment) -> tuple[BuiltQuestion, ...]:
    """The questions of the notebook, in its order, with their variants. Raises CourseError."""
    entries = _entries(assignment) if assignment.questions else {}
    built = []
    for asked in assignment.questions:
        if asked.name not in entries:
            raise CourseError(f'{assignment.quiz}: no @question("{asked.name}") was met when it was run; write it')
        entry = entries[asked.name]
        variants = _variants(entry, assignment.quiz)
        built.append(BuiltQuestion(asked.name, asked.title, asked.points, entry.line, variants))
    return tuple(built)


def unasked(assignment: Assignment) -> tuple[str, ...]:
    """The questions of quiz.py that no cell of the notebook asks. Raises CourseError."""
    asked = {question.name for question in assignment.questions}
    return tuple(name for name in (_entries(assignment) if assignment.quiz.is_file() else ()) if name not in asked)


def _entries(assignment: Assignment) -> dict[str, _Entry]:
    entries: dict[str, _Entry] = {}
    for entry in vars(load_module(assignment.quiz)).get(_REGISTER, []):
        if entry.name in entries:
            raise CourseError(
                f'{assignment.quiz}: line {entry.line}: question "{entry.name}" stands in line '
                f"{entries[entry.name].line} too; rename one"
            )
        entries[entry.name] = entry
    return entries


def _variants(entry: _Entry, path: Path) -> tuple[Variant, ...]:
    found: list[Variant] = []
    asked: set[str] = set()
    for number in range(entry.variants):
        for attempt in range(REDRAWS):
            variant = _variant(entry, number, attempt, path)
            if variant.asked(entry.name) not in asked:
                break
        asked.add(variant.asked(entry.name))
        if found and (type(variant) is not type(found[0]) or variant.details != found[0].details):
            raise CourseError(
                f'{path}: line {entry.line}: question "{entry.name}": variant {number} has another form than variant 0 '
                "(kind, number of choices or names of variables); give all variants one form"
            )
        found.append(variant)
    return tuple(found)


def _variant(entry: _Entry, number: int, attempt: int, path: Path) -> Variant:
    seed = f"question/{entry.name}/{number}/{attempt}"
    try:
        variant = entry.function(QuizDraw(seed))
        if not isinstance(variant, Variant):
            raise TypeError(f"it returns {type(variant).__name__}, not a kind of question such as Shape(...)")
        return variant.arranged(Draw(f"{seed}/order"))
    except Exception as error:  # whatever an author's function raises is told with its place
        raise CourseError(
            f'{path}: line {entry.line}: question "{entry.name}", variant {number}: '
            f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"
        ) from error
