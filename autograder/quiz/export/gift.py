r"""GIFT, Moodle's text format: a bank written, every text on one line.

The rules are those of Moodle's own reader: `~ = # { } :` and the backslash are escaped by a backslash, a line end is
`\n`, questions are parted by empty lines, `####` begins what is told after any answer. GIFT knows no points.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from autograder.quiz.export.bank import Bank
from autograder.quiz.export.items import Form, Item, Numeric, Pairs, Pick, Truth, Typed
from autograder.quiz.export.markup import moodle_formula, to_html, to_inline_html

SPECIAL = "\\~=#{}:"
FORMATS = ("[html]", "[plain]", "[markdown]", "[moodle]")


def gift_text(bank: Bank) -> str:
    """The whole file: a category for each question, in it the variants."""
    blocks = [f"// {bank.title}: this file holds the answers".replace("\n", " ")]
    for question in bank.questions:
        blocks.append(f"$CATEGORY: $course$/top/{bank.name}/{question.name}")
        blocks += [item_text(item) for item in question.items]
    return "\n\n".join(blocks) + "\n"


def item_text(item: Item) -> str:
    """One question."""
    lines = [*_WRITERS[type(item.form)](item.form)]
    if item.explanation:
        lines.append(f"####{_rich(item.explanation)}")
    start = f"::{escaped(item.name)}::[html]{_rich(item.prompt)}"
    return f"{start}{{{lines[0]}\n" + "".join(f"\t{line}\n" for line in lines[1:]) + "}"


def escaped(text: str) -> str:
    """A text that GIFT reads as it is, but for white space around it."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    return "".join("\\n" if char == "\n" else f"\\{char}" if char in SPECIAL else char for char in text)


def _rich(markdown: str) -> str:
    return escaped(to_html(markdown, moodle_formula))


def _hint(hint: str) -> str:
    return f"#{escaped(to_inline_html(hint, moodle_formula))}" if hint else ""


def _pick(form: Pick) -> Iterator[str]:
    share = 100 / max(sum(option.is_right for option in form.options), 1)
    yield ""
    for option in form.options:
        weight = "=" if option.is_right else "~"
        if not form.is_single:
            weight = f"~%{share if option.is_right else -share:.5f}".rstrip("0").rstrip(".") + "%"
        yield f"{weight}{escaped(to_inline_html(option.text, moodle_formula))}{_hint(option.hint)}"


def _truth(form: Truth) -> Iterator[str]:
    yield f"{'TRUE' if form.answer else 'FALSE'}{_hint(form.hint)}"


def _numeric(form: Numeric) -> Iterator[str]:
    yield "#"
    for weight, near in (("=", form.right), *(("=%0%", near) for near in form.wrong)):
        yield f"{weight}{number(near.value)}:{number(near.tolerance)}{_hint(near.hint)}"


def number(value: float) -> str:
    """A number as PHP and Python read it, without an exponent where that is short."""
    return str(int(value)) if float(value).is_integer() and abs(value) < 1e15 else repr(float(value))


def _typed(form: Typed) -> Iterator[str]:
    yield ""
    yield from (f"={typed_text(text)}" for text in form.right)
    for texts, hint in form.wrong:
        yield from (f"=%0%{typed_text(text)}{_hint(hint)}" for text in texts)


def typed_text(text: str) -> str:
    """An answer to be typed. To Moodle a star stands for anything, unless it is escaped."""
    text = text.replace("*", "\\*")
    return escaped(f"[plain]{text}" if text.lstrip().startswith(("%", *FORMATS)) else text)


def _pairs(form: Pairs) -> Iterator[str]:
    yield ""
    for left, right in form.pairs:
        yield f"={escaped(to_inline_html(left, moodle_formula))} -> {escaped(right)}"
    yield from (f"= -> {escaped(right)}" for right in form.others)


_WRITERS: dict[type[Form], Callable[[Any], Iterator[str]]] = {
    Pick: _pick,
    Truth: _truth,
    Numeric: _numeric,
    Typed: _typed,
    Pairs: _pairs,
}
