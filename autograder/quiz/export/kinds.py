"""From our kinds of question to the forms that a target has: the nearest that grades as we do.

What is typed in Python here is typed as text there, so every usual way to write an answer is listed. What has no
faithful form raises CannotHoldError.
"""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from autograder.quiz.export.items import (
    CannotHoldError,
    Form,
    Near,
    Numeric,
    Option,
    Pairs,
    Pick,
    Sequence,
    Target,
    Truth,
    Typed,
)
from autograder.quiz.lists import Choice, Choices, Match, Order
from autograder.quiz.texts import Expression, Printed, ShortText
from autograder.quiz.values import ALIASES, Device, Dtype, Integer, Number, Shape, TensorValue, TrueFalse
from autograder.quiz.variant import Variant, pairs

SMALLEST = 1e-4  # of text2qti: nearer to zero no number can be right, and it keeps four digits after the point
MANY_ORDERS = 24  # right orders of lines of which some are equal
SHARES = 10  # right choices: Moodle knows the fractions 1/1 to 1/10
Made = tuple[str, Form]  # prompt and form


def made_for(target: Target, variant: Variant) -> Made:
    """The prompt and the form of a variant. Raises CannotHoldError."""
    if type(variant) not in _MAKERS:
        raise CannotHoldError("questions of this kind")
    return _MAKERS[type(variant)](variant, target)


def _choice(variant: Choice, target: Target) -> Made:
    hints = dict(pairs(variant.wrong))
    options = tuple(Option(text, text not in hints, hints.get(text, "")) for text in variant.items)
    return variant.prompt, Pick(options, is_single=True)


def _choices(variant: Choices, target: Target) -> Made:
    if not variant.answer:
        raise CannotHoldError("several choices of which none is right")
    if len(variant.answer) > SHARES:
        raise CannotHoldError(f"more than {SHARES} right choices")
    hints = dict(pairs(variant.wrong))
    options = tuple(Option(text, text not in hints, hints.get(text, "")) for text in variant.items)
    return f"{variant.prompt.strip()}\n\n*Choose all that are right.*", Pick(options, is_single=False)


def _truth(variant: TrueFalse, target: Target) -> Made:
    hints = dict(pairs(variant.wrong))
    return variant.prompt, Truth(bool(variant.answer), hints.get(not variant.answer, ""))


def _number(variant: Number, target: Target) -> Made:
    return variant.prompt, _checked(_near(variant, lambda value: max(variant.rel * abs(value), variant.abs)), target)


def _near(variant: Variant, tolerance: Callable[[float], float]) -> Numeric:
    """The right number and the wrong ones, each with a tolerance."""
    right = float(variant.right)
    wrong = ((float(one.answer), one.hint) for one in variant.wrongs if not isinstance(one.answer, list))
    return Numeric(Near(right, tolerance(right)), tuple(Near(value, tolerance(value), hint) for value, hint in wrong))


def _checked(form: Numeric, target: Target) -> Numeric:
    """The form, if the target tells the right number from the wrong ones."""
    if target is Target.QTI:
        low, high = canvas_bounds(form.right)
        if min(abs(low), abs(high)) < SMALLEST or low < 0 < high:
            raise CannotHoldError(f"a number as near to zero as {form.right.value:g}")
        if any(low <= near.value <= high for near in form.wrong):
            raise CannotHoldError(f"{form.right.value:g}, of which four digits after the point tell too little")
    return form


def canvas_bounds(near: Near) -> tuple[float, float]:
    """The least and the largest right number, with four digits after the point, outwards."""
    low, high = near.value - near.tolerance, near.value + near.tolerance
    return math.floor(low * 1e4) / 1e4, math.ceil(high * 1e4) / 1e4


def _integer(variant: Integer, target: Target) -> Made:
    form = _near(variant, lambda value: 0.0)
    if target is Target.QTI and form.right.value == 0:  # which its numbers cannot be
        wrong = tuple(((f"{near.value:g}",), near.hint) for near in form.wrong)
        return _asking(variant, "Write a whole number."), Typed(("0", "+0", "-0"), wrong)
    return variant.prompt, form


def _shape(variant: Shape, target: Target) -> Made:
    how = "Write a tuple of whole numbers, such as `(9, 9)`; one axis is `(9,)`, no axis is `()`."
    return _asking(variant, how), _typed(variant, _shape_texts)


def _shape_texts(sizes: tuple[int, ...]) -> Iterator[str]:
    for comma in (", ", ","):
        inner = comma.join(map(str, sizes)) + ("," if len(sizes) == 1 else "")
        yield f"({inner})"
        if sizes:
            yield inner
        listed = comma.join(map(str, sizes))
        yield from (f"[{listed}]", f"torch.Size([{listed}])")


def _tensor(variant: TensorValue, target: Target) -> Made:
    if not isinstance(variant.right, list):
        return variant.prompt, _checked(_near(variant, lambda x: variant.rel * abs(x) + variant.abs), target)
    if not all(map(_is_short, _entries(variant.right))):
        raise CannotHoldError("lists of numbers that are right within a tolerance")
    how = "Write its entries in nested lists, such as `[[9, 9], [9, 9]]`."
    return _asking(variant, how), _typed(variant, _tensor_texts)


def _entries(value: Any) -> Iterator[Any]:
    if isinstance(value, list | tuple):
        for part in value:
            yield from _entries(part)
    else:
        yield value


def _is_short(entry: float) -> bool:
    """Has it at most two digits after the point, so that there is one way to write it?"""
    return math.isclose(entry, round(entry, 2), rel_tol=1e-6)


def _tensor_texts(value: Any) -> Iterator[str]:
    if all(map(_is_short, _entries(value))):
        for entry, comma in itertools.product((_as_whole, _as_float, _as_torch, repr), (", ", ",")):
            yield _nested(value, entry, comma)


def _nested(value: Any, entry: Callable[[Any], str], comma: str) -> str:
    if isinstance(value, list | tuple):
        return "[" + comma.join(_nested(part, entry, comma) for part in value) + "]"
    return entry(value if isinstance(value, bool) else round(value, 2))


def _as_whole(entry: float) -> str:
    return f"{entry + 0.0:g}"


def _as_float(entry: float) -> str:
    return str(float(entry) + 0.0)


def _as_torch(entry: float) -> str:
    return _as_float(entry).removesuffix("0") if float(entry).is_integer() else _as_float(entry)


def _dtype(variant: Dtype, target: Target) -> Made:
    return _asking(variant, "Write the name of the dtype, such as `int8`."), _typed(variant, _dtype_texts)


def _dtype_texts(name: str) -> Iterator[str]:
    short = name.removeprefix("torch.")
    full = ALIASES.get(short, short)
    for one in (full, *(alias for alias, meant in ALIASES.items() if meant == full)):
        yield from (one, f"torch.{one}")


def _device(variant: Device, target: Target) -> Made:
    return _asking(variant, "Write the name of the device, such as `cuda:9`."), _typed(variant, _device_texts)


def _device_texts(name: str) -> tuple[str, ...]:
    kind, _, number = name.partition(":")
    return (f"cuda:{int(number or 0)}", *(("cuda",) if not int(number or 0) else ())) if kind == "cuda" else (kind,)


def _short_text(variant: ShortText, target: Target) -> Made:
    return _asking(variant, "Answer in a word or two."), _typed(variant, _word_texts)


def _word_texts(text: str) -> tuple[str, ...]:
    words = " ".join(text.split())
    return (words, words.replace("-", " "), words.replace(" ", "-"))


def _printed(variant: Printed, target: Target) -> Made:
    is_long = "\n" in variant.right.strip()
    how = "Write what is printed; where a new line begins, write `|`." if is_long else "Write exactly what is printed."
    prompt = f"{variant.prompt.strip()}\n\n{variant.listed()}\n\n*{how}*"
    form = _typed(variant, _printed_texts)
    return prompt, Typed(form.right, form.wrong, is_case_told=True)


def _printed_texts(text: str) -> tuple[str, ...]:
    lines = [" ".join(line.split()) for line in text.strip().splitlines()]
    return ("|".join(lines), " | ".join(lines))


def _order(variant: Order, target: Target) -> Made:
    has_one_order = not (variant.also or variant.extra) and len(set(variant.answer)) == len(variant.answer)
    if target is Target.MOODLE_XML and has_one_order:
        return variant.prompt, Sequence(tuple(variant.answer), tuple(hint for _, hint in pairs(variant.wrong)))
    orders = [letters for lines in (variant.answer, *variant.also) for letters in _letterings(variant, lines)]
    if len(orders) > MANY_ORDERS:
        raise CannotHoldError("lines of which so many are equal")
    wrong = tuple((tuple(_letter_texts(one.answer)), one.hint) for one in variant.wrongs)
    form = Typed(_unique(text for order in orders for text in _letter_texts(order)), wrong)
    how = "Write the letters in the right order, such as `ba`" + (
        "; not every line is needed." if variant.extra else "."
    )
    return f"{variant.prompt.strip()}\n\n{variant.listed()}\n\n*{how}*", _told_apart(form)


def _letterings(variant: Order, lines: Iterable[str]) -> Iterator[str]:
    """The letters of an order of lines; of equal lines every one may stand for each."""
    listed = list(zip(variant.letters, variant.items, strict=True))
    choices = [[letter for letter, text in listed if text == line] for line in lines]
    if math.prod(map(len, choices)) > MANY_ORDERS**2:
        raise CannotHoldError("lines of which so many are equal")
    return ("".join(letters) for letters in itertools.product(*choices) if len(set(letters)) == len(letters))


def _letter_texts(letters: str) -> tuple[str, ...]:
    return tuple(between.join(letters) for between in ("", " ", ", ", ","))


def _match(variant: Match, target: Target) -> Made:
    answer = variant.answer or {}
    hints = tuple(dict.fromkeys(hint for _, hint in pairs(variant.wrong)))
    plain = [_plain(text) for text in variant.rights]
    if target is Target.QTI:
        return _match_as_text(variant)
    if all(plain) and len(set(plain)) == len(plain):
        rights, prompt = dict(zip(variant.rights, map(str, plain), strict=True)), variant.prompt
    else:  # a drop-down list shows neither formulas nor code: it lists the numbers
        rights = {text: str(number) for number, text in enumerate(variant.rights, 1)}
        numbered = "\n".join(f"{number}. {text}" for text, number in rights.items())
        prompt = f"{variant.prompt.strip()}\n\n{numbered}"
    matched = tuple((left, rights[answer[left]]) for left in variant.items)
    used = {right for _, right in matched}
    return prompt, Pairs(matched, tuple(right for right in rights.values() if right not in used), hints)


def _match_as_text(variant: Match) -> Made:
    """Numbers in the order of the letters, where nothing can be matched."""
    how = "For each letter write its number, in the order of the letters, such as `" + " ".join(
        "1" * len(variant.items)
    )
    prompt = f"{variant.prompt.strip()}\n\n{variant.listed()}\n\n*{how}`.*"
    return prompt, _typed(variant, lambda numbers: _number_texts(variant, numbers))


def _number_texts(variant: Match, numbers: dict[str, int]) -> Iterator[str]:
    listed = [str(numbers[letter]) for letter in variant.letters]
    betweens = (" ", ", ", ",", "") if len(variant.rights) < 10 else (" ", ", ", ",")
    yield from (between.join(listed) for between in betweens)
    yield " ".join(f"{letter}{number}" for letter, number in zip(variant.letters, listed, strict=True))


def _plain(text: str) -> str:
    """A Markdown text as it is read, "" where it needs more than letters."""
    bare = re.sub(r"`([^`]+)`|\$(-?[\w.,() =+-]+)\$", lambda found: found[1] or found[2], text)
    return "" if re.search(r"[$`\\\n]|\*\*", bare) else bare.strip()


def _expression(variant: Expression, target: Target) -> Made:
    raise CannotHoldError("a formula that is compared at random points")


def _asking(variant: Variant, how: str) -> str:
    """The prompt, and how to type the answer."""
    return f"{variant.prompt.strip()}\n\n*{how}*"


def _typed(variant: Variant, texts: Callable[[Any], Iterable[str]]) -> Typed:
    """The right answers and the wrong ones, in all usual ways to write them."""
    right = _unique(text for answer in (variant.right, *variant.also_right) for text in texts(answer))
    return _told_apart(Typed(right, tuple((_unique(texts(one.answer)), one.hint) for one in variant.wrongs)))


def _told_apart(form: Typed) -> Typed:
    """Without wrong texts that are right ones, or others' too, where capitals are not told from small letters."""
    seen = {text.casefold() for text in form.right}
    kept = []
    for texts, hint in form.wrong:
        own = tuple(text for text in texts if text.casefold() not in seen and text)
        seen |= {text.casefold() for text in own}
        if own:
            kept.append((own, hint))
    return Typed(form.right, tuple(kept), form.is_case_told)


def _unique(texts: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(texts))


_MAKERS: dict[type[Variant], Callable[[Any, Target], Made]] = {
    Choice: _choice,
    Choices: _choices,
    TrueFalse: _truth,
    Number: _number,
    Integer: _integer,
    Shape: _shape,
    TensorValue: _tensor,
    Dtype: _dtype,
    Device: _device,
    ShortText: _short_text,
    Printed: _printed,
    Expression: _expression,
    Order: _order,
    Match: _match,
}
