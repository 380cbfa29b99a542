r"""GIFT read: true/false, choices, short answers, numbers, matching, each also with the gap inside the sentence.

A text is cut into characters and escapes first, so an escaped mark is never taken for one. Nothing that is read is run.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass

from autograder.quiz.export.items import Form, Near, Numeric, Option, Pairs, Pick, Truth, Typed
from autograder.quiz.export.markup import to_markdown

GAP = "_____"
TRUTHS = {"T": True, "TRUE": True, "F": False, "FALSE": False}
_TOKEN = re.compile(r"\\.|.", re.DOTALL)
_WEIGHT = re.compile(r"%(-?\d+(?:\.\d*)?)%")
_FORMAT = re.compile(r"\s*\[(html|plain|markdown|moodle)\]")
_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?")
Tokens = list[str]


@dataclass(frozen=True)
class Found:
    """A question of a GIFT file. notes: what was lost on the way."""

    line: int
    name: str
    prompt: str
    explanation: str
    form: Form
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Left:
    """A question that was not taken over, and why."""

    line: int
    name: str
    reason: str

    def __str__(self) -> str:
        """One line, after the name of the file."""
        return f'line {self.line}: question "{self.name}" is left out: {self.reason}'


class _CannotReadError(Exception):
    """Why a question is left out."""


def read_gift(text: str) -> list[Found | Left]:
    """Every question of a GIFT file, in its order."""
    found: list[Found | Left] = []
    for line, block in _blocks(text):
        name, rest = _named(_TOKEN.findall(block))
        try:
            found.append(_question(line, name, rest))
        except _CannotReadError as error:
            found.append(Left(line, name or _shown(rest), str(error)))
    return found


def _blocks(text: str) -> Iterator[tuple[int, str]]:
    """The questions with the numbers of their first lines; comments and categories are left out."""
    block: list[str] = []
    start = 0
    for number, line in enumerate([*text.removeprefix("\ufeff").replace("\r\n", "\n").split("\n"), ""], 1):
        kept = "" if line.strip().startswith("//") else line.strip()
        kept = "" if not block and kept.startswith("$CATEGORY:") else kept
        if line.strip() and kept:
            start = start if block else number
            block.append(kept)
        elif not line.strip() and block:
            yield start, "\n".join(block)
            block = []


def _named(tokens: Tokens) -> tuple[str, Tokens]:
    """The name before the text, "" where there is none."""
    if tokens[:2] != [":", ":"]:
        return "", tokens
    end = next((at for at in range(2, len(tokens) - 1) if tokens[at : at + 2] == [":", ":"]), 0)
    return (" ".join(_text(tokens[2:end]).split()), tokens[end + 2 :]) if end else ("", tokens)


def _question(line: int, name: str, tokens: Tokens) -> Found:
    before, answer, after = _parts(tokens)
    markup = _FORMAT.match("".join(before))
    style = markup[1] if markup else "moodle"
    prompt = before + ([*GAP, *after] if "".join(after).strip() else [])
    answer, general = _cut_general(answer)
    form, notes = _form(answer, style)
    return Found(line, name or _shown(before), _rich(prompt, style), _rich(general, style), form, tuple(notes))


def _parts(tokens: Tokens) -> tuple[Tokens, Tokens, Tokens]:
    """Before, within and after the braces."""
    if "{" not in tokens and "}" not in tokens:
        raise _CannotReadError("a description asks nothing; write it as Markdown in notebook.py")
    start = tokens.index("{") if "{" in tokens else len(tokens)
    if "}" not in tokens[start:]:
        raise _CannotReadError('its braces do not match; write "\\{" for a brace in a text')
    end = tokens.index("}", start)
    return tokens[:start], tokens[start + 1 : end], tokens[end + 1 :]


def _cut_general(tokens: Tokens) -> tuple[Tokens, Tokens]:
    """The answers, and what is told after any of them: behind the last ####."""
    at = next((at for at in range(len(tokens) - 4, -1, -1) if tokens[at : at + 4] == ["#"] * 4), None)
    return (tokens, []) if at is None else (tokens[:at], tokens[at + 4 :])


def _form(answer: Tokens, style: str) -> tuple[Form, list[str]]:
    """The answers. Raises _CannotReadError."""
    answer = list(_TOKEN.findall("".join(answer).strip()))
    text = "".join(answer)
    if not answer:
        raise _CannotReadError(
            'an essay is graded by hand; write it in notebook.py as # %% [markdown] manual="NAME" points=N'
        )
    if answer[0] == "#":
        return _numeric(answer[1:], style)
    if "".join(_before_hash(answer)[0]).strip() in TRUTHS:
        return _truth(answer, style), []
    if "~" in answer:
        return _pick(answer, style)
    if "=" not in answer and text.startswith(">"):
        raise _CannotReadError("an ordering question; write it as Order(...) in quiz.py")
    if "=" in answer and "->" in text:
        return _pairs(answer, style), []
    return _typed(answer, style)


def _truth(answer: Tokens, style: str) -> Truth:
    value, hint = _before_hash(answer)
    wrong, _ = _before_hash(hint)
    return Truth(TRUTHS["".join(value).strip()], _rich(wrong, style))


def _pick(answer: Tokens, style: str) -> tuple[Pick, list[str]]:
    marked = list(_answers(answer, "~=", style))
    weights = [1.0 if mark == "=" else (weight or 0.0) for mark, weight, _, _ in marked]
    is_single = any(mark == "=" for mark, *_ in marked)
    right = [weight > 0.999 if is_single else weight > 0 for weight in weights]
    options = tuple(
        Option(_rich(text, style), is_right, _rich(hint, style))
        for (_, _, text, hint), is_right in zip(marked, right, strict=True)
    )
    if len(options) < 2 or not any(right):
        raise _CannotReadError("it needs two choices or more, of which one is right")
    if is_single and sum(right) > 1:
        raise _CannotReadError("two of its choices are right, and one can be chosen; weigh them with ~%50%")
    if len({" ".join(option.text.split()).casefold() for option in options}) < len(options):
        raise _CannotReadError("two of its choices are equal")
    if any(not option.text for option in options):
        raise _CannotReadError("one of its choices is empty")
    return Pick(options, is_single), _lost_weights(weights, right, is_single)


def _lost_weights(weights: list[float], right: list[bool], is_single: bool) -> list[str]:
    share = 1.0 if is_single else 1 / max(sum(right), 1)
    fair = (share if one else 0.0 if is_single else -share for one in right)
    differ = any(abs(weight - wanted) > 0.01 for weight, wanted in zip(weights, fair, strict=True))
    return ["the weights of its choices are not kept: each right one earns its share"] if differ else []


def _typed(answer: Tokens, style: str) -> tuple[Form, list[str]]:
    right, wrong, notes = [], [], []
    for _, weight, tokens, hint in _answers(answer, "=", style):
        text = _plain(tokens)
        if re.search(r"(?<!\\)\*", text):
            raise _CannotReadError(
                f'its answer "{text}" holds a star, which stands for any text; list the words instead'
            )
        text = text.replace("\\*", "*")
        if weight is None or weight >= 1:
            right.append(text)
        elif _rich(hint, style):
            wrong.append(((text,), _rich(hint, style)))
        if weight is not None and 0 < weight < 1:
            notes.append(f'the answer "{text}" is no longer half right')
    right = [text for text in dict.fromkeys(right) if text]
    if not right:
        raise _CannotReadError("it has no right answer")
    return Typed(tuple(right), tuple(wrong)), notes


def _numeric(answer: Tokens, style: str) -> tuple[Form, list[str]]:
    right, wrong, notes = [], [], []
    rest = answer[: answer.index("~")] if "~" in answer else answer
    for _, weight, tokens, hint in _answers(rest, "=", style):
        near = _near(_plain(tokens), _rich(hint, style))
        if weight is None or weight >= 1:
            right.append(near)
        elif near.hint:
            wrong.append(near)
        if weight is not None and 0 < weight < 1:
            notes.append(f"the answer {near.value:g} is no longer partly right")
    if len(right) != 1:
        raise _CannotReadError(f"it has {len(right)} right numbers; a question of quiz.py has one")
    if "~" in answer:
        notes.append("what it says to any other number is not kept")
    return Numeric(right[0], tuple(wrong)), notes


def _near(text: str, hint: str) -> Near:
    low, dots, high = text.partition("..")
    value, _, tolerance = text.partition(":")
    numbers = [part.strip() for part in ((low, high) if dots else (value, tolerance or "0"))]
    if not all(_NUMBER.fullmatch(part) and math.isfinite(float(part)) for part in numbers):
        raise _CannotReadError(f'its answer "{text}" is no number; write 3.14:0.01 or 3..4')
    first, second = map(float, numbers)
    return Near((first + second) / 2, abs(second - first) / 2, hint) if dots else Near(first, abs(second), hint)


def _pairs(answer: Tokens, style: str) -> Pairs:
    pairs, others = [], []
    for _, _, tokens, _ in _answers(answer, "=", style, has_hints=False):
        at = next((at for at in range(len(tokens) - 1) if tokens[at : at + 2] == ["-", ">"]), None)
        if at is None:
            raise _CannotReadError(f'its pair "{_shown(tokens)}" has no ->')
        left, right = _rich(tokens[:at], style), _text(tokens[at + 2 :])
        if left:
            pairs.append((left, right))
        else:
            others.append(right)
    if len({left for left, _ in pairs}) < len(pairs):
        raise _CannotReadError("the same thing is matched twice")
    if len(pairs) < 2 or not all(right for _, right in pairs):
        raise _CannotReadError("it needs two pairs or more, whole ones")
    return Pairs(tuple(pairs), tuple(dict.fromkeys(other for other in others if other)))


def _answers(
    tokens: Tokens, marks: str, style: str, *, has_hints: bool = True
) -> Iterator[tuple[str, float | None, Tokens, Tokens]]:
    """Mark, weight (None where there is none), text and hint of each answer."""
    starts = [at for at, token in enumerate(tokens) if token in marks]
    if "".join(tokens[: starts[0]] if starts else tokens).strip():
        starts = [-1, *starts]
    if not starts:
        return
    for start, end in zip(starts, [*starts[1:], len(tokens)], strict=True):
        answer = list(_TOKEN.findall("".join(tokens[start + 1 : end]).strip()))
        weight = _WEIGHT.match("".join(answer))
        answer = answer[len(weight[0]) :] if weight else answer
        text, hint = _before_hash(answer) if has_hints else (answer, [])
        yield tokens[start] if start >= 0 else "=", float(weight[1]) / 100 if weight else None, text, hint


def _before_hash(tokens: Tokens) -> tuple[Tokens, Tokens]:
    """The answer, and what is told about it."""
    at = tokens.index("#") if "#" in tokens else len(tokens)
    return tokens[:at], tokens[at + 1 :]


def _text(tokens: Tokens) -> str:
    """The text that tokens stand for."""
    marks = {f"\\{char}": char for char in "\\~=#{}:"} | {"\\n": "\n"}
    return "".join(marks.get(token, token) for token in tokens).strip()


def _without_format(tokens: Tokens) -> tuple[Tokens, str]:
    """Tokens without the format that may stand before them."""
    found = _FORMAT.match("".join(tokens))
    return (tokens[len(found[0]) :], found[1]) if found else (tokens, "")


def _plain(tokens: Tokens) -> str:
    return " ".join(_text(_without_format(tokens)[0]).split())


def _rich(tokens: Tokens, style: str) -> str:
    """A text as Markdown. Moodle's own format is HTML too, with line ends kept."""
    tokens, own = _without_format(tokens)
    text = _text(tokens)
    return to_markdown(text) if (own or style) in ("html", "moodle") else text


def _shown(tokens: Tokens) -> str:
    """The beginning of a text, to name a question without a name."""
    text = " ".join(_text(_without_format(tokens)[0]).split())
    return text if len(text) <= 40 else f"{text[:39]}…"
