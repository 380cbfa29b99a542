"""The checks of an assignment as values, read from the pytest items: names, titles, kinds, needs, points."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pytest

from autograder.checks.marks import EXERCISE, NEEDS, POINTS, RULE
from autograder.checks.scoring import weights_of
from autograder.course import Assignment
from autograder.errors import CourseError
from autograder.model import Kind


@dataclass(frozen=True)
class CheckInfo:
    """One check. `needs` are names of checks of the same exercise; `points` what it is worth when all are counted."""

    name: str
    exercise: str
    title: str
    kind: Kind
    needs: tuple[str, ...]
    points: float

    @property
    def id(self) -> str:
        """The name under which its inputs are drawn: "softmax.test_value"."""
        return f"{self.exercise}.{self.name}"


def described(items: Sequence[pytest.Function], assignment: Assignment) -> dict[CheckInfo, pytest.Function]:
    """The checks in the order of the exercises, each with its item. Raises CourseError for what cannot be right."""
    file = assignment.checks
    by_exercise: dict[str, list[pytest.Function]] = {exercise.name: [] for exercise in assignment.exercises}
    for item in items:
        name = _mark(item, EXERCISE)
        if name is None:
            raise CourseError(f'{file}: {_place(item)} belongs to no exercise; write @exercise("NAME") above its class')
        if name not in by_exercise:
            known = ", ".join(by_exercise)
            raise CourseError(f'{file}: {_place(item)}: no exercise "{name}" in the notebook; there is: {known}')
        by_exercise[name].append(item)
    checks: dict[CheckInfo, pytest.Function] = {}
    for exercise in assignment.exercises:
        found = by_exercise[exercise.name]
        if not found:
            raise CourseError(f"{file}: exercise {exercise.name} has no check; write a class with @exercise above it")
        checks |= _of_exercise(exercise.name, exercise.points, found, str(file))
    return checks


def _of_exercise(
    exercise: str, total: float, items: list[pytest.Function], file: str
) -> dict[CheckInfo, pytest.Function]:
    kinds = [Kind.RULE if _mark(item, RULE) else Kind.CHECK for item in items]
    counted = [item for item, kind in zip(items, kinds, strict=True) if kind is Kind.CHECK]
    if not counted:
        raise CourseError(f"{file}: exercise {exercise} has rules only; write a check that gives its points")
    points = dict(
        zip(
            (item.nodeid for item in counted),
            weights_of([_mark(item, POINTS) for item in counted], total, f"{file}: {exercise}"),
            strict=True,
        )
    )
    above: set[str] = set()
    checks: dict[CheckInfo, pytest.Function] = {}
    for item, kind in zip(items, kinds, strict=True):
        needs = tuple(_mark(item, NEEDS) or ())
        for name in needs:
            if name not in above:
                raise CourseError(f'{file}: {_place(item)} needs "{name}", and no check of that name stands above it')
        check = CheckInfo(item.name, exercise, _title(item, file), kind, needs, points.get(item.nodeid, 0.0))
        if check in checks or any(check.name == other.name for other in checks):
            raise CourseError(f"{file}: {_place(item)}: the name stands twice for exercise {exercise}; rename one")
        checks[check] = item
        above |= {item.name, item.originalname}
    return checks


def _mark(item: pytest.Function, attribute: str) -> Any:
    own = getattr(item.function, attribute, None)
    return own if own is not None else getattr(item.cls, attribute, None)


def _title(item: pytest.Function, file: str) -> str:
    """The first paragraph of the docstring, as one line; of a parametrised check with its parameters filled in."""
    text = inspect.cleandoc(item.function.__doc__ or "").partition("\n\n")[0]
    title = " ".join(text.split())
    if not title:
        raise CourseError(f"{file}: {_place(item)} has no docstring; write one: it is the sentence that students read")
    callspec = getattr(item, "callspec", None)
    if callspec is None or "{" not in title:
        return title
    try:
        return title.format(**callspec.params)
    except (KeyError, IndexError, ValueError, AttributeError) as error:
        raise CourseError(f"{file}: {_place(item)}: its docstring cannot be filled in: {error!r}") from None


def _place(item: pytest.Function) -> str:
    return f"{item.cls.__name__}.{item.name}" if item.cls else item.name
