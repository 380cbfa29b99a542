"""The catalogue of an assignment: wrong solutions, each with the hint it earns, and right ones in other styles.

    @mistake("softmax", hint="You normalised over the batch (dim=0). Each row is one example.")
    def sums_over_the_batch(logits):
        return logits.softmax(dim=0)

    @also_right("softmax")
    def with_logsumexp(logits):
        return (logits - logits.logsumexp(dim=1, keepdim=True)).exp()

The name of the function is the name of the mistake. The catalogue registers itself in the module that is being run.

Functions of one student may belong together. A backward pass that reads what another forward pass left for it:

    @also_right("mlp_backward", beside={"mlp_forward": keeps_named_tuples})
    def reads_named_tuples(params, cache, grad_logits): ...
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import FunctionType
from typing import Any, TypeVar

from autograder.checks.modules import load_module
from autograder.errors import CourseError

Written = TypeVar("Written", bound=Callable[..., Any])
_REGISTER = "__torchmark_catalogue__"


@dataclass(frozen=True)
class Mistake:
    """A wrong solution that students write, and what to tell them."""

    name: str
    exercise: str
    hint: str
    function: Callable[..., Any]
    line: int
    beside: Mapping[str, Callable[..., Any]] = field(default_factory=dict)  # what the same student wrote elsewhere


@dataclass(frozen=True)
class RightStyle:
    """A right solution that looks different from the reference."""

    name: str
    exercise: str
    function: Callable[..., Any]
    line: int
    beside: Mapping[str, Callable[..., Any]] = field(default_factory=dict)


@dataclass(frozen=True)
class Catalogue:
    """What `mistakes.py` holds, in the order in which it is written."""

    mistakes: tuple[Mistake, ...] = ()
    right_styles: tuple[RightStyle, ...] = ()

    def mistakes_of(self, exercise: str) -> tuple[Mistake, ...]:
        """The mistakes of one exercise."""
        return tuple(mistake for mistake in self.mistakes if mistake.exercise == exercise)

    def right_styles_of(self, exercise: str) -> tuple[RightStyle, ...]:
        """The right styles of one exercise."""
        return tuple(style for style in self.right_styles if style.exercise == exercise)


def mistake(
    exercise: str, *, hint: str, beside: Mapping[str, Callable[..., Any]] | None = None
) -> Callable[[Written], Written]:
    """The function is a wrong solution of `exercise`; whoever wrote the same reads `hint`.

    beside: the student's functions for other exercises, where they are not the references; a dict written out here.
    """
    if not isinstance(hint, str) or not hint.strip():
        raise TypeError('@mistake needs a hint: @mistake("softmax", hint="...")')

    def register(function: Written) -> Written:
        entry = Mistake(_name(function), exercise, hint.strip(), function, _line(function), beside or {})
        _register(entry, function)
        return function

    return register


def also_right(
    exercise: str, *, beside: Mapping[str, Callable[..., Any]] | None = None
) -> Callable[[Written], Written]:
    """The function is a right solution of `exercise`, in another style than the reference. beside: as for `mistake`."""

    def register(function: Written) -> Written:
        _register(RightStyle(_name(function), exercise, function, _line(function), beside or {}), function)
        return function

    return register


def load_catalogue(path: Path, exercises: Collection[str]) -> Catalogue:
    """The catalogue in `path`; an empty one where there is no such file.

    Raises CourseError: the file does not run, an exercise is unknown, or a name stands twice for one exercise.
    """
    if not path.exists():
        return Catalogue()
    entries: list[Mistake | RightStyle] = vars(load_module(path)).get(_REGISTER, [])
    seen: dict[tuple[str, str], int] = {}
    for entry in entries:
        place = f"{path}: {entry.name} (line {entry.line})"
        for exercise in (entry.exercise, *entry.beside):
            if exercise not in exercises:
                raise CourseError(f'{place}: no exercise "{exercise}"; there is: {", ".join(exercises)}')
        first = seen.setdefault((entry.exercise, entry.name), entry.line)
        if first != entry.line:
            raise CourseError(f"{place}: the name stands in line {first} for the same exercise too; rename one")
    for entry in entries:
        _name_as_students_do(entry)
    return Catalogue(
        tuple(entry for entry in entries if isinstance(entry, Mistake)),
        tuple(entry for entry in entries if isinstance(entry, RightStyle)),
    )


def _register(entry: Mistake | RightStyle, function: Any) -> None:
    if not isinstance(function, FunctionType | type):
        raise TypeError("@mistake and @also_right stand above functions and classes, nearest to the def")
    namespace = sys._getframe(2).f_globals  # of the module that is being run; a class does not know it
    namespace.setdefault(_REGISTER, []).append(entry)


def _name_as_students_do(entry: Mistake | RightStyle) -> None:
    """Messages of Python such as "softmax() missing 1 required ..." name the exercise, as for a student's function."""
    if isinstance(entry.function, FunctionType):
        entry.function.__qualname__ = entry.exercise
    elif isinstance(entry.function, type):
        for method in vars(entry.function).values():
            if isinstance(method, FunctionType):
                method.__qualname__ = f"{entry.exercise}.{method.__name__}"


def _name(function: Any) -> str:
    return str(getattr(function, "__name__", function))


def _line(function: Any) -> int:
    methods = vars(function).values() if isinstance(function, type) else [function]
    return min((int(one.__code__.co_firstlineno) for one in methods if isinstance(one, FunctionType)), default=0)
