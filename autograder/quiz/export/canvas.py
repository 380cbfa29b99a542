"""Canvas: a bank as a QTI package, by text2qti. Each question is a group of its variants, of which one is picked.

text2qti reads a text of one line a part; what it is given is HTML already, in which nothing is left that it would read
as Markdown, LaTeX or code to run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from autograder.quiz.export.bank import Bank, Exported
from autograder.quiz.export.items import (
    ExportError,
    Form,
    Numeric,
    Pick,
    Truth,
    Typed,
)
from autograder.quiz.export.kinds import canvas_bounds
from autograder.quiz.export.markup import canvas_formula, to_html, to_inline_html, xml_text

MISSING = "the export to Canvas needs text2qti; install it: pip install 'torchmark[lms]'"


def qti_package(bank: Bank) -> bytes:
    """The zip file. Raises ExportError."""
    try:
        from text2qti.config import Config
        from text2qti.err import Text2qtiError
        from text2qti.qti import QTI
        from text2qti.quiz import Quiz
    except ImportError:
        raise ExportError(MISSING) from None
    try:
        return bytes(QTI(Quiz(quiz_text(bank), config=Config())).zip_bytes())
    except Text2qtiError as error:
        raise ExportError(f"{bank.name}: text2qti: {' '.join(str(error).split())}") from None


def quiz_text(bank: Bank) -> str:
    """The bank as text2qti reads it."""
    head = [f"Quiz title: {' '.join(bank.title.split())}", "shuffle answers: true", "show correct answers: false", ""]
    return xml_text("\n".join([*head, *(line for question in bank.questions for line in _group(question))]))


def _group(question: Exported) -> Iterator[str]:
    yield from ("GROUP", "pick: 1", f"points per question: {question.points:.0f}", "")
    for item in question.items:
        yield from (f"Title: {item.name}", f"Points: {item.points:.0f}")
        yield f"1.  {_block(item.prompt, item.name)}"
        if item.explanation:
            yield f"... {_block(item.explanation)}"
        yield from (*_WRITERS[type(item.form)](item.form), "")
    yield from ("END_GROUP", "")


def _block(markdown: str, name: str = "") -> str:
    """HTML on one line that text2qti leaves alone. name: tells variants apart that have one prompt."""
    mark = f' data-question="{name}"' if name else ""
    return f"<div{mark}>{_untouched(to_html(markdown, canvas_formula))}</div>"


def _inline(markdown: str) -> str:
    return f"<div>{_untouched(to_inline_html(markdown, canvas_formula))}</div>"


def _untouched(text: str) -> str:
    for char in "\n$`\\":
        text = text.replace(char, f"&#{ord(char)};")
    return text


def _pick(form: Pick) -> Iterator[str]:
    right, wrong = ("*a)", "a)") if form.is_single else ("[*]", "[ ]")
    for option in form.options:
        yield f"{right if option.is_right else wrong} {_inline(option.text)}"
        if option.hint:
            yield f"... {_inline(option.hint)}"


def _truth(form: Truth) -> Iterator[str]:
    for value in (True, False):
        yield f"{'*a)' if value is form.answer else 'a)'} {value}"
        if value is not form.answer and form.hint:
            yield f"... {_inline(form.hint)}"


def _numeric(form: Numeric) -> Iterator[str]:
    yield from _wrong_answers((f"{near.value:.6g}", near.hint) for near in form.wrong)
    right = form.right
    if right.value.is_integer() and right.tolerance == 0 and abs(right.value) < 1e15:
        yield f"=   {right.value:.0f}"
        return
    low, high = canvas_bounds(right)
    yield f"=   [{low:.4f}, {high:.4f}]"


def _typed(form: Typed) -> Iterator[str]:
    yield from _wrong_answers((texts[0], hint) for texts, hint in form.wrong)
    yield from (f"*   {text}" for text in dict.fromkeys(text.strip() for text in form.right))


def _wrong_answers(wrong: Iterator[tuple[str, str]]) -> Iterator[str]:
    """The hints, all in what is told after any wrong answer: Canvas cannot tell them apart here."""
    lines = [f"- If you answered `{answer}`: {' '.join(hint.split())}" for answer, hint in wrong if "`" not in answer]
    if lines:
        yield f"-   {_block(chr(10).join(lines))}"


_WRITERS: dict[type[Form], Callable[[Any], Iterator[str]]] = {
    Pick: _pick,
    Truth: _truth,
    Numeric: _numeric,
    Typed: _typed,
}
