"""A variant in the words that question banks share: choices, truth, a number, a typed text, pairs, a sequence.

Texts are Markdown with LaTeX, except what a student types and what a drop-down list shows, which are plain.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from autograder.errors import TorchmarkError


class Target(StrEnum):
    """Where a bank goes."""

    QTI = "qti"
    MOODLE_XML = "moodle-xml"
    GIFT = "gift"


class CannotHoldError(Exception):
    """The target has no faithful form for a variant. The text says why, after "cannot hold"."""


class ExportError(TorchmarkError):
    """A bank cannot be written or read: file, place, remedy."""


@dataclass(frozen=True)
class Option:
    """One of several things to choose. hint: shown to who chooses it wrongly."""

    text: str
    is_right: bool
    hint: str = ""


@dataclass(frozen=True)
class Pick:
    """Choose one, or all that are right: then each right one earns its share and each wrong one takes one away."""

    options: tuple[Option, ...]
    is_single: bool


@dataclass(frozen=True)
class Truth:
    """True or false. hint: to who answers wrongly."""

    answer: bool
    hint: str = ""


@dataclass(frozen=True)
class Near:
    """All numbers within `tolerance` of `value`."""

    value: float
    tolerance: float
    hint: str = ""


@dataclass(frozen=True)
class Numeric:
    """A number, and typical wrong ones."""

    right: Near
    wrong: tuple[Near, ...] = ()


@dataclass(frozen=True)
class Typed:
    """A text of one line. right: its accepted forms; wrong: forms of a wrong answer and its hint."""

    right: tuple[str, ...]
    wrong: tuple[tuple[tuple[str, ...], str], ...] = ()
    is_case_told: bool = False  # does it matter whether letters are large or small?


@dataclass(frozen=True)
class Pairs:
    """What belongs to what. others: rights that belong to nothing. hints: what to tell about a wrong pair."""

    pairs: tuple[tuple[str, str], ...]
    others: tuple[str, ...] = ()
    hints: tuple[str, ...] = ()


@dataclass(frozen=True)
class Sequence:
    """Lines of code in their one right order. hints: what to tell about wrong ones."""

    lines: tuple[str, ...]
    hints: tuple[str, ...] = ()


Form = Pick | Truth | Numeric | Typed | Pairs | Sequence


@dataclass(frozen=True)
class Item:
    """One variant of a question, to be written."""

    name: str
    points: float
    prompt: str
    explanation: str
    form: Form
