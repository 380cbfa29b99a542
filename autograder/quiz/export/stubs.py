"""Stubs of quiz.py from questions that were read: functions with @question that load.

Every text of the other file goes through `repr`, so it can only ever be a string in the code that is written.
"""

from __future__ import annotations

import builtins
import keyword
import re
import unicodedata
from collections.abc import Callable, Iterable
from typing import Any

from autograder.quiz.export.items import Form, Near, Numeric, Pairs, Pick, Truth, Typed
from autograder.quiz.export.read_gift import Found

TO_WRITE = "TODO"
EXPLAIN = f"{TO_WRITE}: say why the answer is right."
ADVISE = f"{TO_WRITE}: say what to think about, without the right answer."
WIDTH = 100  # characters of a line of text
LONGEST_NAME = 40
NOTEBOOK = ("torch", "os", "hashlib", "display", "question", "draw", "plain", "check_form", "show_question")
TAKEN = frozenset([*keyword.kwlist, *keyword.softkwlist, *dir(builtins), *NOTEBOOK])  # a name that means something else
Call = tuple[str, list[tuple[str, str]]]  # name of the kind; arguments and their source


def stub_source(questions: Iterable[Found], source_name: str) -> str:
    """The source of quiz.py. source_name: the file that was read."""
    listed = list(questions)
    calls = [_call(found) for found in listed]
    names = _names(found.name for found in listed)
    kinds = ", ".join(sorted({kind for kind, _ in calls}))
    head = f"{_docstring(source_name)}\n\nfrom autograder import question\nfrom autograder.quiz import {kinds}\n"
    return head + "".join(f"\n\n{_function(name, *call)}" for name, call in zip(names, calls, strict=True))


def notebook_cells(questions: Iterable[Found]) -> str:
    """The cells for notebook.py in which the questions are asked."""
    names = _names(found.name for found in questions)
    return "".join(f'# %% [markdown]\n# ## {name}\n\n# %% question="{name}"\n\n' for name in names)


def _docstring(source_name: str) -> str:
    name = "".join(char for char in source_name if char.isprintable() and char not in '"\\')
    return (
        f'"""Questions that were read from {name}. Search for {TO_WRITE}: hints and explanations are yours to write."""'
    )


def _names(names: Iterable[str]) -> list[str]:
    """A Python name for each question, no two alike."""
    found: list[str] = []
    for name in names:
        plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
        stem = re.sub(r"[^a-z0-9]+", "_", plain).strip("_")[:LONGEST_NAME].strip("_")
        stem = stem or "unnamed"
        stem = stem if stem.isidentifier() and stem not in TAKEN else f"question_{stem}"
        unique, number = stem, 2
        while unique in found:
            unique, number = f"{stem}_{number}", number + 1
        found.append(unique)
    return found


def _function(name: str, kind: str, arguments: list[tuple[str, str]]) -> str:
    lines = "".join(f"        {argument}={source},\n" for argument, source in arguments)
    return f"@question({name!r}, points=1, variants=1)\ndef {name}(draw):\n    return {kind}(\n{lines}    )\n"


def _call(found: Found) -> Call:
    kind, arguments = _KINDS[type(found.form)](found.form)
    prompt = ("prompt", text_source(found.prompt or found.name or TO_WRITE, 8))
    return kind, [prompt, *arguments, ("explanation", text_source(found.explanation or EXPLAIN, 8))]


def text_source(text: str, indent: int) -> str:
    """A text as source, in pieces of a line each where it is long."""
    pieces = _pieces(text)
    if len(pieces) == 1:
        return repr(text)
    inner = "".join(f"{' ' * (indent + 4)}{piece!r}\n" for piece in pieces)
    return f"(\n{inner}{' ' * indent})"


def _pieces(text: str) -> list[str]:
    """The text cut after line ends and, where a line is long, after spaces."""
    pieces = [""]
    for word in re.findall(r"[^ \n]*[ \n]|[^ \n]+$", text):
        if pieces[-1].endswith("\n") or (pieces[-1] and len(pieces[-1]) + len(word) > WIDTH):
            pieces.append("")
        pieces[-1] += word
    return pieces


def _pairs_source(pairs: Iterable[tuple[str, str]]) -> str:
    """A dict of things and their hints, as source."""
    lines = "".join(f"            {key}: {text_source(hint or ADVISE, 12)},\n" for key, hint in pairs)
    return f"{{\n{lines}        }}" if lines else "{}"


def _pick(form: Pick) -> Call:
    right = [option.text for option in form.options if option.is_right]
    wrong = [(text_source(option.text, 12), option.hint) for option in form.options if not option.is_right]
    answer = text_source(right[0], 8) if form.is_single else repr(right)
    return ("Choice" if form.is_single else "Choices"), [("answer", answer), ("wrong", _pairs_source(wrong))]


def _truth(form: Truth) -> Call:
    return "TrueFalse", [("answer", repr(form.answer)), ("wrong", _pairs_source([(repr(not form.answer), form.hint)]))]


def _numeric(form: Numeric) -> Call:
    wrong = {near.value: near.hint for near in form.wrong if abs(near.value - form.right.value) > form.right.tolerance}
    listed = _pairs_source((_number(value), hint) for value, hint in wrong.items())
    if _is_whole(form.right) and all(value.is_integer() for value in wrong):
        return "Integer", [("answer", _number(form.right.value)), ("wrong", listed)]
    tolerances = [("rel", "0.0"), ("abs", repr(form.right.tolerance))]
    return "Number", [("answer", repr(form.right.value)), *tolerances, ("wrong", listed)]


def _is_whole(near: Near) -> bool:
    return near.tolerance == 0 and near.value.is_integer() and abs(near.value) < 1e15


def _number(value: float) -> str:
    return repr(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)


def _typed(form: Typed) -> Call:
    wrong = [(repr(text), hint) for texts, hint in form.wrong for text in texts]
    arguments = [("answer", text_source(form.right[0], 8))]
    if form.right[1:]:
        arguments.append(("accepted", repr(list(form.right[1:]))))
    return "ShortText", [*arguments, ("wrong", _pairs_source(wrong))]


def _match(form: Pairs) -> Call:
    lines = "".join(f"            {left!r}: {right!r},\n" for left, right in form.pairs)
    arguments = [("answer", f"{{\n{lines}        }}")]
    if form.others:
        arguments.append(("others", repr(list(form.others))))
    (left, right), *rest = form.pairs
    other = next((text for text in (*form.others, *(pair[1] for pair in rest)) if text != right), None)
    wrong = [] if other is None else [(repr((left, other)), "")]
    return "Match", [*arguments, ("wrong", _pairs_source(wrong))]


_KINDS: dict[type[Form], Callable[[Any], Call]] = {
    Pick: _pick,
    Truth: _truth,
    Numeric: _numeric,
    Typed: _typed,
    Pairs: _match,
}
