"""What an author writes above a check: which exercise it belongs to, what it needs, what it is worth.

The marks are attributes of the function or class, so that `checks.py` stays an ordinary pytest file. Imports no torch.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

Marked = TypeVar("Marked", bound=Callable[..., Any])

EXERCISE = "__torchmark_exercise__"
RULE = "__torchmark_rule__"
NEEDS = "__torchmark_needs__"
POINTS = "__torchmark_points__"


def exercise(name: str) -> Callable[[Marked], Marked]:
    """The checks of this class (or this one check) belong to exercise `name`."""
    return _marker(EXERCISE, name)


def rule(check: Marked) -> Marked:
    """This check is a rule: when the submission breaks it, the exercise scores 0. A rule is worth no points itself."""
    return _marker(RULE, True)(check)


def needs(*names: str) -> Callable[[Marked], Marked]:
    """This check is skipped unless the checks `names`, which stand above it in the same class, have passed."""
    if not names or not all(isinstance(name, str) for name in names):
        raise TypeError('@needs takes the names of checks: @needs("test_value")')
    return _marker(NEEDS, names)


def points(value: float) -> Callable[[Marked], Marked]:
    """This check is worth `value` of its exercise's points; the checks without the mark share the others evenly."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < float("inf"):
        raise TypeError("@points takes a number of points: @points(1.5)")
    return _marker(POINTS, float(value))


def _marker(attribute: str, value: Any) -> Callable[[Marked], Marked]:
    def mark(thing: Marked) -> Marked:
        setattr(thing, attribute, value)
        return thing

    return mark
