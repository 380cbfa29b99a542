"""Moodle XML: a bank written. A category for each question, in it the variants.

Names of elements and their order are those of Moodle's own export; `ordering` comes with Moodle 4.4 and later.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from autograder.quiz.export.bank import Bank
from autograder.quiz.export.gift import number
from autograder.quiz.export.items import Form, Item, Numeric, Pairs, Pick, Sequence, Truth, Typed
from autograder.quiz.export.markup import moodle_formula, to_html, to_inline_html, xml_text


def moodle_xml(bank: Bank) -> bytes:
    """The whole file."""
    quiz = Element("quiz")
    for question in bank.questions:
        category = SubElement(quiz, "question", type="category")
        _text(SubElement(category, "category"), f"$course$/top/{bank.name}/{question.name}")
        quiz.extend(_question(item) for item in question.items)
    indent(quiz)
    return bytes(tostring(quiz, encoding="utf-8", xml_declaration=True)) + b"\n"


def _question(item: Item) -> Element:
    kind, write = _WRITERS[type(item.form)]
    question = Element("question", type=kind)
    _text(SubElement(question, "name"), item.name)
    _html(question, "questiontext", to_html(item.prompt, moodle_formula))
    _html(question, "generalfeedback", to_html(item.explanation, moodle_formula))
    SubElement(question, "defaultgrade").text = f"{item.points:g}"
    SubElement(question, "penalty").text = "1" if kind == "truefalse" else "0.3333333"
    SubElement(question, "hidden").text = "0"
    write(question, item.form)
    return question


def _text(parent: Element, text: str) -> None:
    SubElement(parent, "text").text = xml_text(text)


def _html(parent: Element, tag: str, text: str) -> None:
    _text(SubElement(parent, tag, format="html"), text)


def _answer(question: Element, text: str, percent: float, hint: str, text_format: str) -> Element:
    fraction = f"{percent:.5f}".rstrip("0").rstrip(".")
    answer = SubElement(question, "answer", fraction=fraction, format=text_format)
    _text(answer, text)
    _html(answer, "feedback", to_inline_html(hint, moodle_formula))
    return answer


def _pick(question: Element, form: Pick) -> None:
    SubElement(question, "single").text = "true" if form.is_single else "false"
    SubElement(question, "shuffleanswers").text = "true"
    SubElement(question, "answernumbering").text = "abc"
    share = 100 / max(sum(option.is_right for option in form.options), 1)
    for option in form.options:
        percent = share if option.is_right else 0 if form.is_single else -share
        _answer(question, to_inline_html(option.text, moodle_formula), percent, option.hint, "html")


def _truth(question: Element, form: Truth) -> None:
    for value in (True, False):
        is_right = value is form.answer
        _answer(question, str(value).lower(), 100 * is_right, "" if is_right else form.hint, "moodle_auto_format")


def _numeric(question: Element, form: Numeric) -> None:
    for percent, near in ((100, form.right), *((0, near) for near in form.wrong)):
        answer = _answer(question, number(near.value), percent, near.hint, "moodle_auto_format")
        SubElement(answer, "tolerance").text = number(near.tolerance)


def _typed(question: Element, form: Typed) -> None:
    SubElement(question, "usecase").text = "1" if form.is_case_told else "0"
    for text in form.right:
        _answer(question, text.replace("*", "\\*"), 100, "", "moodle_auto_format")
    for texts, hint in form.wrong:
        for text in texts:
            _answer(question, text.replace("*", "\\*"), 0, hint, "moodle_auto_format")


def _pairs(question: Element, form: Pairs) -> None:
    SubElement(question, "shuffleanswers").text = "true"
    _combined_feedback(question, form.hints)
    for left, right in (*form.pairs, *(("", right) for right in form.others)):
        part = SubElement(question, "subquestion", format="html")
        _text(part, to_inline_html(left, moodle_formula))
        _text(SubElement(part, "answer"), right)


def _sequence(question: Element, form: Sequence) -> None:
    settings = {"layouttype": "VERTICAL", "selecttype": "ALL", "selectcount": str(len(form.lines))}
    settings |= {"gradingtype": "RELATIVE_NEXT_INCLUDE_LAST", "showgrading": "SHOW", "numberingstyle": "none"}
    for tag, value in settings.items():
        SubElement(question, tag).text = value
    _combined_feedback(question, form.hints)
    for place, line in enumerate(form.lines, 1):
        answer = SubElement(question, "answer", fraction=f"{place}.0000000", format="html")
        _text(answer, to_html(f"```\n{line}\n```", moodle_formula))


def _combined_feedback(question: Element, hints: tuple[str, ...]) -> None:
    """What to tell who is wrong or partly wrong: the hints, in one list."""
    text = to_html("\n".join(f"- {' '.join(hint.split())}" for hint in hints), moodle_formula)
    for tag, told in (("correctfeedback", ""), ("partiallycorrectfeedback", text), ("incorrectfeedback", text)):
        _html(question, tag, told)
    SubElement(question, "shownumcorrect")


_WRITERS: dict[type[Form], tuple[str, Callable[[Element, Any], None]]] = {
    Pick: ("multichoice", _pick),
    Truth: ("truefalse", _truth),
    Numeric: ("numerical", _numeric),
    Typed: ("shortanswer", _typed),
    Pairs: ("matching", _pairs),
    Sequence: ("ordering", _sequence),
}
