"""Students as the report names them: by their id, or by a number that says nothing."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Iterable
from dataclasses import dataclass

from autograder.report.text import one_line

SOMEONE = "someone"
SHORTEST_MASKED = 3  # characters: a shorter id would be found in half of all words


class Mask:
    """Takes the students of a class out of a text: their ids, and the words that those are made of."""

    def __init__(self, students: Iterable[str]) -> None:
        words = {
            word
            for student in students
            for word in (student, student.replace("_", " "), *re.split(r"[\s._@-]+", student))
            if len(word) >= SHORTEST_MASKED or (word and not word.isascii())
        }
        longest_first = sorted(words, key=lambda word: (-len(word), word))
        self._pattern = re.compile("|".join(map(_alone, longest_first)) or "(?!)", re.IGNORECASE)

    def __call__(self, text: str) -> str:
        """`text` with "someone" for each name."""
        return self._pattern.sub(SOMEONE, text)


@dataclass(frozen=True)
class Names:
    """student -> name on the page."""

    shown: dict[str, str]
    is_anonymous: bool
    mask: Mask

    def of(self, student: str) -> str:
        """The name of a student on the page."""
        return self.shown.get(student, "student ?")

    def masked(self, text: str) -> str:
        """`text` without anybody's name where names are hidden."""
        return self.mask(text) if self.is_anonymous else text


def names_of(students: Iterable[str], secret: bytes, anonymous: bool) -> Names:
    """Name all students of a course. Anonymous names are numbered in an order that only the course's secret gives."""
    students = sorted(set(students))
    if not anonymous:
        return Names({student: one_line(student, 60) for student in students}, False, Mask(students))
    digits = len(str(len(students)))
    ordered = sorted(students, key=lambda student: _order(secret, student))
    return Names(
        {student: f"student {number:0{digits}}" for number, student in enumerate(ordered, 1)}, True, Mask(students)
    )


def _alone(word: str) -> str:
    """The pattern of a word that stands alone; Chinese is written without spaces."""
    return rf"(?<!\w){re.escape(word)}(?!\w)" if word.isascii() else re.escape(word)


def _order(secret: bytes, student: str) -> bytes:
    return hmac.new(secret, b"report\0" + student.encode("utf-8", "surrogatepass"), hashlib.sha256).digest()
