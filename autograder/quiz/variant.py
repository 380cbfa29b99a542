"""One variant of a question, as every kind has it: what is asked, what is right, what is wrong and why.

A kind (`Shape`, `Choice`, ...) says how an answer is typed, whether it can be read, and how much of it is right.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from autograder.checks.draw import Draw
from autograder.quiz import released

LETTERS = "abcdefghijklmnopqrstuvwxyz"
Wrongs = Mapping[Any, str] | Iterable[tuple[Any, str]]


@dataclass(frozen=True)
class Wrong:
    """A typical wrong answer, as a student would give it, and what to tell who gave it."""

    answer: Any
    hint: str


@dataclass(frozen=True)
class Scored:
    """What an answer is worth: the share of the points, a remark that may be shown at any time, and a hint."""

    share: float
    remark: str
    hint: str = ""
    is_read: bool = True  # False: the form is wrong


@dataclass(frozen=True, kw_only=True)
class Variant:
    """What every kind of question has.

    prompt: Markdown, with LaTeX and code. wrong: {answer: hint}, or pairs where an answer is no key of a dict.
    explanation: Markdown, shown with the right answer. shows_answer: the prompt holds the answer on purpose.
    """

    prompt: str
    answer: Any = None
    wrong: Wrongs = ()
    explanation: str = ""
    shows_answer: bool = False

    form: ClassVar[Callable[..., str]] = staticmethod(released.form_text)
    how: ClassVar[str] = ""  # how an answer is typed, after "Answer with"
    is_telling: ClassVar[bool] = True  # is a right answer to another variant hardly ever given by chance?
    misshapen: ClassVar[tuple[Any, ...]] = ()  # answers that the form check must refuse

    def __post_init__(self) -> None:
        if not isinstance(self.prompt, str) or not self.prompt.strip():
            raise ValueError("the prompt is empty")
        if not isinstance(self.explanation, str) or not self.explanation.strip():
            raise ValueError("the explanation is missing; say why the answer is right")
        for wrong in self.wrongs:
            if not isinstance(wrong.hint, str) or not wrong.hint.strip():
                raise ValueError(f"the wrong answer {wrong.answer!r} has no hint")
        problem = self.form_problem(self.right)
        if problem:
            raise ValueError(f"the answer {self.right!r} has not the form of the kind: {problem}")

    @property
    def right(self) -> Any:
        """The right answer, as a student would give it."""
        return self.answer

    @property
    def wrongs(self) -> tuple[Wrong, ...]:
        """The typical wrong answers, as students would give them."""
        return tuple(Wrong(released.plain(answer), hint) for answer, hint in pairs(self.wrong))

    @property
    def also_right(self) -> tuple[Any, ...]:
        """Further answers that are wholly right, as students would give them."""
        return ()

    @property
    def details(self) -> tuple[Any, ...]:
        """What the form check takes beside the answer."""
        return ()

    def arranged(self, draw: Draw) -> Variant:
        """The variant with what it lists in an order that tells nothing."""
        return self

    def asked(self, name: str) -> str:
        """What students read: the prompt, what they choose from, and how to type the answer."""
        parts = [self.prompt.strip(), self.listed(), f"*Answer with {self.how_to_answer(name)}.*"]
        return "\n\n".join(part for part in parts if part)

    def listed(self) -> str:
        """What there is to choose from, as Markdown."""
        return ""

    def how_to_answer(self, name: str) -> str:
        """How an answer is typed, after "Answer with"."""
        return self.how.format(name=name)

    def form_problem(self, given: Any) -> str:
        """What is wanted instead of an answer of this form; "" when it can be read."""
        return type(self).form(released.plain(given), *self.details)

    def read(self, given: Any) -> Any:
        """An answer whose form is right, in the one form that is compared."""
        return given

    def share(self, answer: Any) -> float:
        """How much of an answer, as read, is right: 0 to 1."""
        return float(answer == self.read(self.right))

    def remark(self, answer: Any, share: float) -> str:
        """A sentence about an answer that gives nothing away."""
        return "right" if share == 1 else "not right" if share == 0 else "partly right"

    def hint(self, answer: Any) -> str:
        """What to tell who gave a typical wrong answer."""
        return next((wrong.hint for wrong in self.wrongs if self.is_same(answer, self.read(wrong.answer))), "")

    def is_same(self, one: Any, other: Any) -> bool:
        """Do two answers, as read, come to the same?"""
        return bool(one == other)

    def grade(self, given: Any) -> Scored:
        """What an answer of any form is worth."""
        given = released.plain(given)
        problem = self.form_problem(given)
        if problem:
            return Scored(0.0, problem, is_read=False)
        answer = self.read(given)
        share = self.share(answer)
        return Scored(share, self.remark(answer, share), self.hint(answer) if share < 1 else "")

    def typed(self, given: Any) -> str:
        """An answer as it stands in the notebook, right of the equals sign."""
        return repr(given)

    def secrets(self) -> tuple[str, ...]:
        """Texts that give the answer away wherever they stand."""
        return ()

    def given_away(self) -> str:
        """The text of the answer for which the prompt is searched; "" for kinds where that tells nothing."""
        return ""


def pairs(wrong: Wrongs) -> tuple[tuple[Any, str], ...]:
    """The wrong answers and their hints, however they were written."""
    return tuple(wrong.items()) if isinstance(wrong, Mapping) else tuple((answer, hint) for answer, hint in wrong)


def permutation(draw: Draw, texts: Iterable[str]) -> tuple[str, ...]:
    """The texts in an order that depends on nothing but the draw: not on the order in which an author wrote them."""
    rest = sorted(texts)
    return tuple(rest.pop(draw.integer(0, len(rest) - 1)) for _ in range(len(rest)))
