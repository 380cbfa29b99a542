"""What authors compute answers with: expressions and code as they stand in a prompt, run by torch for the answer.

What is run is the author's own text, on the grader side; nothing of a student's comes here.
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable
from typing import Any, TypeVar

import torch

Found = TypeVar("Found")


def value_of(expression: str, **names: Any) -> Any:
    """The value of an expression; `torch` is known in it."""
    return eval(expression, {"torch": torch} | names)


def names_after(code: str) -> dict[str, Any]:
    """What the names stand for after these lines; `torch` is known in them."""
    names: dict[str, Any] = {"torch": torch}
    exec(code, names)
    return names


def runs(expression: str, **names: Any) -> bool:
    """Does an expression end without PyTorch's complaint (a RuntimeError)?"""
    with contextlib.suppress(RuntimeError):
        value_of(expression, **names)
        return True
    return False


def printed(*values: Any) -> str:
    """What `print` makes of each, line by line."""
    text = io.StringIO()
    for value in values:
        print(value, file=text)
    return text.getvalue()


def first(make: Callable[[], Found], fits: Callable[[Found], bool]) -> Found:
    """The first that fits of what is drawn. Never ends where nothing does."""
    while not fits(found := make()):
        pass
    return found
