"""Torchmark grades notebooks of a first course in deep learning: the API for authors of checks and mistakes.

In `checks.py`: `exercise`, `rule`, `needs`, `points`, `expect`, and the arguments `AsGenerator`, `Net`, `Named` and
`Opaque`; in `mistakes.py`: `mistake` and `also_right`; in `quiz.py`: `question` (its kinds come from
`autograder.quiz`). Importing the package imports nothing else; each
name is fetched when it is first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from autograder.checks.expect import expect as expect
    from autograder.checks.marks import exercise as exercise
    from autograder.checks.marks import needs as needs
    from autograder.checks.marks import points as points
    from autograder.checks.marks import rule as rule
    from autograder.checks.mistakes import also_right as also_right
    from autograder.checks.mistakes import mistake as mistake
    from autograder.engine.arguments import Named as Named
    from autograder.engine.arguments import Net as Net
    from autograder.engine.arguments import Opaque as Opaque
    from autograder.engine.calls import AsGenerator as AsGenerator
    from autograder.quiz.bank import question as question

_HOMES = {
    "AsGenerator": "autograder.engine.calls",
    "Named": "autograder.engine.arguments",
    "Net": "autograder.engine.arguments",
    "Opaque": "autograder.engine.arguments",
    "also_right": "autograder.checks.mistakes",
    "exercise": "autograder.checks.marks",
    "expect": "autograder.checks.expect",
    "mistake": "autograder.checks.mistakes",
    "needs": "autograder.checks.marks",
    "points": "autograder.checks.marks",
    "question": "autograder.quiz.bank",
    "rule": "autograder.checks.marks",
}
__all__ = sorted(_HOMES)


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module  # saves the second that torch takes to import, where torch is not needed

    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})
