"""Questions whose answer is a text: a word, what a program prints, a formula."""

from __future__ import annotations

import ast
import contextlib
import io
import math
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import torch

from autograder.checks.draw import Draw
from autograder.quiz import released
from autograder.quiz.variant import Scored, Variant

POINTS = 6
FUNCTIONS = ("exp", "log", "sqrt", "sin", "cos", "tanh", "pi")  # what a formula may use as it is
LONGEST_FORMULA = 2000


@dataclass(frozen=True, kw_only=True)
class ShortText(Variant):
    """`answer = "overfitting"`. A word or two; case, spaces, hyphens and a full stop make no difference.

    accepted: further right answers.
    """

    accepted: Sequence[str] = ()

    form: ClassVar[Callable[..., str]] = staticmethod(released.form_text)
    how: ClassVar[str] = 'a word or two in quotes: `{name} = "..."`'
    misshapen: ClassVar[tuple[Any, ...]] = ("", "  ", 3, ["word"], True)

    @property
    def also_right(self) -> tuple[Any, ...]:
        """The further right answers."""
        return tuple(self.accepted)

    def read(self, given: Any) -> str:
        """In lower case, with single spaces."""
        text = unicodedata.normalize("NFKC", given).casefold()
        for mark in "-_‐‑–":
            text = text.replace(mark, " ")
        return " ".join(text.split()).strip(" .!?\"'`")

    def share(self, answer: str) -> float:
        """All or nothing."""
        return float(answer in {self.read(text) for text in (self.right, *self.accepted)})

    def secrets(self) -> tuple[str, ...]:
        """The words, unless they are short."""
        return () if self.shows_answer else tuple(text for text in (self.right, *self.accepted) if len(text) >= 12)

    def given_away(self) -> str:
        """The word."""
        return str(self.right)


@dataclass(frozen=True, kw_only=True)
class Printed(Variant):
    """`answer = "tensor([1, 2])"`. What does this print? The answer is what `code` prints when it is run here."""

    code: str

    form: ClassVar[Callable[..., str]] = staticmethod(released.form_printed)
    how: ClassVar[str] = 'what is printed, in quotes: `{name} = "..."`; several lines in triple quotes'
    misshapen: ClassVar[tuple[Any, ...]] = (3, ["3"], True, (1, 2))

    def __post_init__(self) -> None:
        if self.answer is None:
            object.__setattr__(self, "answer", output_of(self.code).strip("\n"))
        super().__post_init__()
        if not self.read(self.right):
            raise ValueError("the code prints nothing")

    def listed(self) -> str:
        """The code."""
        return f"```python\n{self.code.strip()}\n```"

    def read(self, given: Any) -> Any:
        """Lines without empty ones around them; how much white space stands between two words makes no difference."""
        return tuple(" ".join(line.split()) for line in given.strip().splitlines())

    def remark(self, answer: Any, share: float) -> str:
        """How many lines differ."""
        right = self.read(self.right)
        if share == 1:
            return "right"
        if len(answer) != len(right):
            return "not right: the number of lines differs"
        wrong = sum(one != other for one, other in zip(answer, right, strict=True))
        return f"not right: {wrong} of {len(right)} lines" if len(right) > 1 else "not right"

    def secrets(self) -> tuple[str, ...]:
        """A long output."""
        text = str(self.right).strip()
        return (text,) if len(text) >= 12 and not self.shows_answer else ()

    def given_away(self) -> str:
        """A line of output that is long enough to tell something."""
        text = str(self.right).strip()
        return text if len(text) >= 5 else ""


def output_of(code: str) -> str:
    """What a program of ours prints. Raises whatever it raises."""
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed), torch.random.fork_rng(devices=[]):
        exec(compile(code, "<code of a question>", "exec", dont_inherit=True), {"__name__": "__main__", "torch": torch})
    return printed.getvalue()


@dataclass(frozen=True, kw_only=True)
class Expression(Variant):
    """`answer = lambda x: 2 * x` or `answer = "2 * x"`. Compared with the right formula at random points.

    answer, wrong: formulas as texts: "2 * x * exp(x)"; exp, log, sqrt, sin, cos, tanh and pi are known, torch is too.
    variables: their names, "x" or "w x b". low, high: where the points lie. The student's is evaluated where student
    code runs.
    """

    variables: str = "x"
    low: float = 0.2
    high: float = 2.0
    rel: float = 1e-4

    form: ClassVar[Callable[..., str]] = staticmethod(released.form_formula)
    how: ClassVar[str] = 'a function or a formula in Python: `{name} = lambda {arguments}: ...` or `{name} = "..."`'
    misshapen: ClassVar[tuple[Any, ...]] = (3, "2 x", "x^2", "", [1], None)

    def how_to_answer(self, name: str) -> str:
        """With the names of the variables."""
        return self.how.format(name=name, arguments=", ".join(self.names))

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the variables."""
        return tuple(self.variables.split())

    @property
    def details(self) -> tuple[Any, ...]:
        """The form check knows the variables."""
        return self.names

    def points(self, seed: str) -> tuple[tuple[float, ...], ...]:
        """Where the formulas are compared."""
        draw = Draw(seed)
        return tuple(tuple(draw.number(self.low, self.high) for _ in self.names) for _ in range(POINTS))

    def program(self, given: str, seed: str, *, is_function: bool) -> str:
        """One Python expression: the values at the points. given: a formula, or what a function is called or is.

        Raises SyntaxError, ValueError, RecursionError or MemoryError where it is none.
        """
        if len(given) > LONGEST_FORMULA:
            raise ValueError("it is too long")
        text = ast.unparse(ast.parse(given.strip(), mode="eval"))
        arguments = ", ".join(self.names)
        known = ", ".join(f"__import__('math').{name}" for name in FUNCTIONS)
        if not is_function:
            text = f"(lambda {', '.join(FUNCTIONS)}: (lambda {arguments}: ({text})))({known})"
        values = "float(f(*(__import__('torch').tensor(v, dtype=__import__('torch').float64) for v in p)))"
        return f"(lambda f: [{values} for p in {self.points(seed)!r}])({text})"

    def values(self, formula: str, seed: str) -> list[float]:
        """The values of a formula of ours at the points."""
        program = self.program(formula, seed, is_function=formula.lstrip().startswith("lambda"))
        found: list[float] = eval(program, {"torch": torch, "math": math})
        return found

    def share_of(self, values: Sequence[float], seed: str) -> float:
        """Are these the right values?"""
        return float(self._close(values, self.values(self.right, seed)))

    def grade_values(self, values: Any, seed: str) -> Scored:
        """What the values of a student's formula are worth."""
        is_read = isinstance(values, list) and len(values) == POINTS and all(type(v) is float for v in values)
        if not is_read:
            return Scored(0.0, "it does not give a number for a number", is_read=False)
        if self.share_of(values, seed):
            return Scored(1.0, "right")
        hints = (wrong.hint for wrong in self.wrongs if self._close(values, self.values(wrong.answer, seed)))
        return Scored(0.0, "not right", next(hints, ""))

    def _close(self, values: Sequence[float], others: Sequence[float]) -> bool:
        return all(
            math.isclose(one, other, rel_tol=self.rel, abs_tol=1e-8) for one, other in zip(values, others, strict=True)
        )

    def grade(self, given: Any) -> Scored:
        """A formula of ours, or a text: evaluated here, so never what a student wrote."""
        problem = self.form_problem(given)
        if problem:
            return Scored(0.0, problem, is_read=False)
        try:
            values = self.values(given, "verify")
        except Exception as error:  # a name that nobody knows, a division by zero: whatever a formula can do
            return Scored(0.0, f"it cannot be read as a formula: {error}", is_read=False)
        return self.grade_values(values, "verify")

    def secrets(self) -> tuple[str, ...]:
        """The formula, unless it is short."""
        return (str(self.right),) if len(self.right) >= 8 and not self.shows_answer else ()

    def given_away(self) -> str:
        """The formula."""
        return str(self.right) if len(self.right) >= 3 else ""
