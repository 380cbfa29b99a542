"""What a student reads, in the language of the course. Results are kept in English; pages are translated as written.

A catalogue of gettext gives for each English text one in its language. A text may have places, `{wrong} of {total}
entries are wrong`: what stands in a place is translated in turn where it is words of ours, and kept where it is a
value, or stands in code or a formula; `{{` and `}}` are braces. A text that begins with a space or a comma is the end
of another, ` (line {line})`; one without words holds others together, `{first}; {second}`. What no catalogue knows
stays English. Of Markdown each paragraph and each entry of a list is a text; blocks of code stay.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache, cached_property, lru_cache
from itertools import accumulate
from pathlib import Path

from markupsafe import Markup, escape

from autograder.course import Assignment

LONGEST = 2_000  # characters of a text; what is longer is no message of ours
DEEPEST = 8  # texts within texts
LEAST_LETTERS = 4  # of a text with places; one of fewer, `{score} of {max_score}`, has numbers in its places
NUMBERS = {"index", "line", "number", "attempts"}  # places that hold nothing else
AS_THEY_ARE = {"type_name", "error", "source", "source_line", "others"}  # places of what Python or the student says
DATE = "{0.day} {0:%B} {0.year}, {0:%H:%M}"
PROGRAM = Path(__file__).with_name("locale")
_PLACE = re.compile(r"\{\{|\}\}|\{([A-Za-z_]\w*)\}")
_WORD = re.compile(r"[^\W\d_]{2}")
_NUMBER = re.compile(r"[\d.,+-]+%?")
_PYTHON_SAYS = re.compile(  # an exception with its text, up to its line where we name that
    r"[A-Za-z_][\w.]*(Error|Exception|Interrupt|Exit|Iteration|Warning): .*?(?= \(line \d+(: `.*`)?\)$|$)", re.DOTALL
)
_KEPT = "\ue000"  # stands for it meanwhile
_CODE = re.compile(r"`[^`]*`|\$[^$]*\$")  # and formulas
_BLOCKS = re.compile(r"(```.*?```|\n{2,})", re.DOTALL)
_ENTRY = re.compile(r"- \*\*[a-z]\*\*: |\d+\. ")  # of a list
_HAN = re.compile(r"[\u3400-\u9fff]")
_KANA_OR_HANGUL = re.compile(r"[\u3040-\u30ff\uac00-\ud7af]")
_ENGLISH = re.compile(r"[A-Za-z]{2,}(?:[ ,.:;]+[A-Za-z]+){2}")
_NO_PROSE = re.compile(r"<(code|pre|math)\b.*?</\1>|<[^>]*>|`[^`]*`", re.DOTALL)
_FULL_WIDTH = re.compile(r"[\u3000-\u303f\uff00-\uffef“”‘’…]")
_APART = re.compile(r"[\ue000A-Za-z0-9`_(\[{<>)\]}+\-*/=%\"']")  # what Chinese text keeps a space from


@dataclass(frozen=True)
class Pattern:
    """A text with places, taken apart: `literals` stand before, between and after the `places`."""

    literals: tuple[str, ...]
    places: tuple[str, ...]

    @classmethod
    def of(cls, text: str, is_end: bool = False) -> Pattern:
        """Take a text apart. One that is the end of another gets a place in front for what it ends."""
        literals, places, start = [""], [], 0
        for found in _PLACE.finditer(text):
            literals[-1] += text[start : found.start()]
            start = found.end()
            if found[1]:
                places.append(found[1])
                literals.append("")
            else:
                literals[-1] += found[0][0]
        literals[-1] += text[start:]
        return cls(("", *literals), ("", *places)) if is_end else cls(tuple(literals), tuple(places))

    @cached_property
    def has_words(self) -> bool:
        """False where the text only holds others together."""
        return any(map(_WORD.search, self.literals))

    @cached_property
    def are_code(self) -> tuple[bool, ...]:
        """Which places stand in code or in a formula."""
        before = accumulate(self.literals[:-1])
        return tuple(text.count("`") % 2 == 1 or text.count("$") % 2 == 1 for text in before)

    @cached_property
    def letters(self) -> int:
        """How many letters stand outside of the places."""
        return sum(letter.isalpha() for literal in self.literals for letter in literal)

    @property
    def weight(self) -> tuple[bool, int, int]:
        """Of two patterns that fit, the heavier says more."""
        return self.has_words, sum(map(len, self.literals)), -len(self.places)

    def values(self, text: str) -> tuple[str, ...] | None:
        """What stands in the places, each literal as far left as it goes; None where the text does not fit."""
        if not self.places:
            return () if text == self.literals[0] else None
        first, *between, last = self.literals
        if not (text.startswith(first) and text.endswith(last)) or len(text) < len(first) + len(last):
            return None
        start, end = len(first), len(text) - len(last)
        values = []
        for literal in between:
            at = text.find(literal, start, end)
            if at < 0:
                return None
            values.append(text[start:at])
            start = at + len(literal)
        values.append(text[start:end])
        if any(
            is_code and ("`" in value or "$" in value) for is_code, value in zip(self.are_code, values, strict=True)
        ):
            return None
        is_telling = self.letters >= LEAST_LETTERS or not self.has_words or all(self.are_code)
        numbers = [value for name, value in zip(self.places, values, strict=True) if name in NUMBERS or not is_telling]
        return tuple(values) if all(map(_NUMBER.fullmatch, numbers)) else None


def each_paragraph(text: str, change: Callable[[str], str]) -> str:
    """Markdown with its paragraphs and the entries of its lists changed, each by itself; blocks of code stay."""
    parts = _BLOCKS.split(text)
    parts[::2] = [_paragraph(part, change) for part in parts[::2]]
    return "".join(parts)


def _paragraph(text: str, change: Callable[[str], str]) -> str:
    lines = text.split("\n")
    marks = [_ENTRY.match(line) for line in lines]
    if not all(marks):
        return change(text) if text.strip() else text
    return "\n".join(mark[0] + change(line[mark.end() :]) for mark, line in zip(marks, lines, strict=True) if mark)


def is_end(text: str) -> bool:
    """Is it the end of another text, ` (line 3)`?"""
    return text[:1] in (" ", ",", ";")


@dataclass(frozen=True)
class _Entry:
    """One text with places, and what it is in the other language."""

    pattern: Pattern
    target: Pattern

    def filled(self, values: Sequence[str]) -> str:
        """The target with these values in the places of the pattern."""
        return _fill(self.target, dict(zip(self.pattern.places, values, strict=True)))


def _entries(catalogue: Mapping[str, str]) -> list[_Entry]:
    """The texts with places, the heaviest first."""
    entries = (
        _Entry(Pattern.of(text, is_end(text)), Pattern.of(said, is_end(text))) for text, said in catalogue.items()
    )
    return sorted((e for e in entries if e.pattern.places), key=lambda entry: entry.pattern.weight, reverse=True)


class Language:
    """One language with what its catalogues know."""

    def __init__(self, tag: str = "en", *catalogues: Mapping[str, str]) -> None:
        """tag: as HTML wants it. catalogues: English text -> text in this language; none for English.

        Where a text can be read in two ways, the earlier catalogue has the outer words: "{name} is wrong" of the
        program stands around "the type of {name}" of a course.
        """
        self.tag = tag
        self._messages = {
            _plain(text): _plain(said) for catalogue in reversed(catalogues) for text, said in catalogue.items()
        }
        self._entries = [entry for catalogue in catalogues for entry in _entries(catalogue)]
        self._said = lru_cache(maxsize=20_000)(self._translated)

    def say(self, text: str, **places: object) -> str:
        """The text in this language; with `places` it is a text with places, filled in; HTML if one is."""
        if not places:
            return self._say(text) if self._messages and len(text) <= LONGEST else text
        target = Pattern.of(self._messages.get(text, text))
        if not any(isinstance(value, Markup) for value in places.values()):
            return _fill(target, {name: self.say(str(value)) for name, value in places.items()})
        escaped = Pattern(tuple(str(escape(literal)) for literal in target.literals), target.places)
        return Markup(_fill(escaped, {name: str(self._as_markup(value)) for name, value in places.items()}))

    def say_markdown(self, text: str) -> str:
        """Markdown in this language: its paragraphs and the entries of its lists."""
        return each_paragraph(text, self._say) if self._messages else text

    def _say(self, text: str) -> str:
        """The text in this language, but for what Python says in it."""
        found = _PYTHON_SAYS.search(text) if _KEPT not in text else None
        if found is None:
            return self._said(text, 0)
        return self._said(text.replace(found[0], _KEPT, 1), 0).replace(_KEPT, found[0])

    def _as_markup(self, value: object) -> Markup:
        return value if isinstance(value, Markup) else escape(self.say(str(value)))

    def date(self, moment: datetime) -> str:
        """A moment in words: `1 December 2026, 23:59 (UTC+01:00)`."""
        zone = moment.tzname()
        return self._messages.get(DATE, DATE).format(moment) + (f" ({zone})" if zone else "")

    def _translated(self, text: str, depth: int) -> str:
        if text in self._messages:
            return self._messages[text]
        if depth > DEEPEST or not _WORD.search(text):
            return text
        return min(self._readings(text, depth), key=_left_in_english, default=text)

    def _readings(self, text: str, depth: int) -> Iterator[str]:
        """The text as each of the patterns that it fits reads it."""
        for entry in self._entries:
            values = entry.pattern.values(text)
            if values is None:
                continue
            said = [
                value if place in AS_THEY_ARE or is_code else self._said(value, depth + 1)
                for place, is_code, value in zip(entry.pattern.places, entry.pattern.are_code, values, strict=True)
            ]
            if entry.pattern.has_words or said != list(values):
                yield entry.filled(said)


def language_of(tag: str, assignment: Assignment) -> Language:
    """The language `tag` of grader.toml, with the catalogues of the program and of an assignment."""
    name = tag.partition("-")[0].lower()
    course = assignment.folder / "locale" / f"{name}.po"
    return _language(tag, (PROGRAM / name / "torchmark.po", course) if name != "en" else ())


@cache
def _language(tag: str, catalogues: tuple[Path, ...]) -> Language:
    return Language(tag, *(read_catalogue(path) for path in catalogues if path.is_file()))


def read_catalogue(path: Path) -> dict[str, str]:
    """What a .po file translates; entries that are empty or marked as fuzzy are left out."""
    from babel.messages.pofile import read_po  # only pages that are not in English need it, and it takes 0.1 s

    with path.open("rb") as file:
        entries = list(read_po(file))
    return {
        entry.id: entry.string
        for entry in entries
        if isinstance(entry.id, str) and isinstance(entry.string, str) and entry.id and entry.string and not entry.fuzzy
    }


def language_of_part(text: str, page: str) -> str:
    """The tag of the language of a text on a page in the language `page`, "" where it is that of the page or not known.

    Told by its letters: on a Chinese page a text in Latin letters is English, on another one a text in Chinese
    characters is Chinese. Code and formulas tell nothing.
    """
    prose = _NO_PROSE.sub(" ", text)
    is_chinese = _HAN.search(prose) is not None and not _KANA_OR_HANGUL.search(prose)
    if page.partition("-")[0].lower() == "zh":
        return "en" if not is_chinese and _ENGLISH.search(prose) else ""
    return "zh-CN" if is_chinese else ""


def _plain(text: str) -> str:
    """A text without places as it is said; others stay."""
    pattern = Pattern.of(text)
    return text if pattern.places else pattern.literals[0]


def _fill(pattern: Pattern, values: Mapping[str, str]) -> str:
    text = pattern.literals[0]
    for place, literal in zip(pattern.places, pattern.literals[1:], strict=True):
        text = _joined(_joined(text, values[place]), literal)
    return text


def _left_in_english(text: str) -> int:
    """How many letters outside of code were not translated."""
    return sum(letter.isascii() and letter.isalpha() for letter in _CODE.sub("", text))


def _joined(left: str, right: str) -> str:
    """Two texts side by side. Chinese keeps a space from Latin letters and digits, and none from Chinese."""
    if not left or not right:
        return left + right
    last, first = left.rstrip(" ")[-1:], right.lstrip(" ")[:1]
    if _FULL_WIDTH.match(last) or _FULL_WIDTH.match(first) or (_HAN.match(last) and _HAN.match(first)):
        return left.rstrip(" ") + right.lstrip(" ")
    if (_HAN.match(last) and _APART.match(first)) or (_APART.match(last) and _HAN.match(first)):
        return left.rstrip(" ") + " " + right.lstrip(" ")
    return left + right
