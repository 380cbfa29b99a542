"""Are the questions right? Every variant of every question answers.

The answer scores 100 %, each wrong one less and earns its own hint; variants differ; nothing that is asked, and no
hint, holds the answer; the form check takes what it should and nothing else.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from autograder.course import Assignment
from autograder.quiz.bank import BuiltQuestion, load_quiz, unasked
from autograder.quiz.lists import Choice, Choices, Match
from autograder.quiz.variant import Variant, Wrong

COLUMNS = ("question", "kind", "points", "variants", "answers right", "hints earned", "forms refused")


@dataclass(frozen=True)
class QuestionProof:
    """How the variants of one question did. wrongs, forms: over all variants."""

    question: str
    kind: str
    points: float
    variants: int
    right: int
    wrongs: int
    hinted: int
    forms: int
    refused: int

    def row(self) -> tuple[str, ...]:
        """The question under `COLUMNS`."""
        return (
            self.question,
            self.kind,
            f"{self.points:g}",
            str(self.variants),
            f"{self.right}/{self.variants}",
            f"{self.hinted}/{self.wrongs}",
            f"{self.refused}/{self.forms}",
        )


@dataclass(frozen=True)
class QuizReport:
    """One assignment. Each problem is one line: file, question, variant, what is wrong and what to do."""

    assignment: str
    questions: tuple[QuestionProof, ...]
    problems: tuple[str, ...]
    seconds: float

    @property
    def is_ok(self) -> bool:
        """True when nothing has to be done."""
        return not self.problems


def verify_quiz(assignment: Assignment) -> QuizReport:
    """Try every variant of every question of the assignment. Raises CourseError where quiz.py does not run."""
    start = time.perf_counter()
    root = assignment.folder.parent.parent
    file = str(assignment.quiz.relative_to(root) if assignment.quiz.is_relative_to(root) else assignment.quiz)
    built = load_quiz(assignment)
    problems = [f"{file}: {line}" for question in built for line in _problems(question)]
    problems += [
        f'{file}: question "{name}" is asked nowhere; add a cell `# %% question="{name}"` to the notebook, or remove it'
        for name in unasked(assignment)
    ]
    return QuizReport(assignment.name, tuple(map(_proof, built)), tuple(problems), time.perf_counter() - start)


def render_quiz(report: QuizReport) -> RenderableType:
    """The table, the problems and one closing line, for `rich.print`."""
    table = Table(title=f"{report.assignment}: questions", title_justify="left", box=SIMPLE_HEAD, pad_edge=False)
    for at, name in enumerate(COLUMNS):
        table.add_column(name.replace(" ", "\n"), justify="right" if at > 1 else "left", no_wrap=True)
    for proof in report.questions:
        table.add_row(*proof.row())
    problems = [Text(f"problem: {line}", style="red") for line in report.problems]
    variants = sum(proof.variants for proof in report.questions)
    found = f"{len(report.problems)} problem" + ("s" if len(report.problems) != 1 else "")
    summary = (
        f"{report.assignment}: {found if report.problems else 'all is well'}; {len(report.questions)} questions, "
        f"{variants} variants, {report.seconds:.1f} s"
    )
    return Group(table, *problems, Text(summary, style="green" if report.is_ok else "bold red"))


def _proof(question: BuiltQuestion) -> QuestionProof:
    variants = question.variants
    return QuestionProof(
        question=question.name,
        kind=type(variants[0]).__name__,
        points=question.points,
        variants=len(variants),
        right=sum(_is_right(variant, variant.right) for variant in variants),
        wrongs=sum(len(variant.wrongs) for variant in variants),
        hinted=sum(_earns_its_hint(variant, wrong) for variant in variants for wrong in variant.wrongs),
        forms=sum(len(variant.misshapen) for variant in variants),
        refused=sum(bool(variant.form_problem(given)) for variant in variants for given in variant.misshapen),
    )


def _problems(question: BuiltQuestion) -> Iterator[str]:
    """One line each, the variants in order."""
    where = f'line {question.line}: question "{question.name}"'
    asked: dict[str, int] = {}
    for number, variant in enumerate(question.variants):
        yield from (f"{where}, variant {number}: {line}" for line in _of_variant(question.name, variant))
        first = asked.setdefault(variant.asked(question.name), number)
        if first != number:
            yield f"{where}: variants {first} and {number} ask the same; draw from more, or make fewer variants"


def _of_variant(name: str, variant: Variant) -> Iterator[str]:
    right = variant.typed(variant.right)
    for answer in (variant.right, *variant.also_right):
        if not _is_right(variant, answer):
            yield f"the right answer {variant.typed(answer)} does not score 100 %; correct it, or the tolerances"
    if not variant.wrongs:
        yield "has no wrong answer; list at least one typical mistake with its hint"
    for wrong in variant.wrongs:
        yield from _of_wrong(variant, wrong)
    for given in variant.misshapen:
        if not variant.form_problem(given):
            yield f"the form check takes {given!r}; sharpen it in autograder/quiz/released.py"
    yield from _of_lists(variant)
    key = variant.given_away()
    if key and not variant.shows_answer:
        if _holds(f"{variant.prompt}\n{variant.listed()}", key):
            yield f"the prompt holds the answer {key}; reword it, or write shows_answer=True where that tells nothing"
        for wrong in variant.wrongs:
            if _holds(wrong.hint, key):
                yield f"the hint of {variant.typed(wrong.answer)} holds the answer {key}; hints are read early"
    if not isinstance(variant, Choice | Choices) and f"{name} = {right}`" in variant.how_to_answer(name):
        yield f"the answer {right} is the sample in the form text; draw another"


def _of_wrong(variant: Variant, wrong: Wrong) -> Iterator[str]:
    scored, typed = variant.grade(wrong.answer), variant.typed(wrong.answer)
    if not scored.is_read:
        yield f"the wrong answer {typed} has a form that students cannot give ({scored.remark}); correct it"
    elif scored.share >= 1:
        yield f"the wrong answer {typed} scores 100 %; draw other values, or leave it out here"
    elif scored.hint != wrong.hint.strip() and scored.hint != wrong.hint:
        yield f"the wrong answer {typed} gets the hint {scored.hint[:80]!r}; draw other values, or leave one out"


def _of_lists(variant: Variant) -> Iterator[str]:
    lists: tuple[Iterable[str], ...] = ()
    if isinstance(variant, Choice | Choices):
        lists = (variant.items,)
    elif isinstance(variant, Match):
        lists = (variant.items, variant.rights)
    for texts in lists:
        seen: dict[str, str] = {}
        for text in texts:
            first = seen.setdefault(" ".join(text.split()).casefold(), text)
            if first is not text:
                yield f"two choices are equal: {text!r}; draw other values"


def _is_right(variant: Variant, given: Any) -> bool:
    return variant.grade(given).share == 1


def _earns_its_hint(variant: Variant, wrong: Wrong) -> bool:
    return not list(_of_wrong(variant, wrong))


def _holds(text: str, key: str) -> bool:
    """Does a text hold these words or this value, not as part of a longer one? Spaces make no difference."""
    text, key = (" ".join(re.sub(r"\s*([^\w\s])\s*", r"\1", part).split()).casefold() for part in (text, key))
    start = text.find(key)
    while start >= 0:
        before, after = text[start - 1 : start], text[start + len(key) : start + len(key) + 1]
        if not (_is_word(before) and _is_word(key[0])) and not (_is_word(after) and _is_word(key[-1])):
            return True
        start = text.find(key, start + 1)
    return False


def _is_word(char: str) -> bool:
    return char.isalnum() or char == "_"
