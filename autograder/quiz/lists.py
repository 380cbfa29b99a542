"""Questions that list what there is to choose from: choices, lines to order, things to match.

What is listed is sorted and then shuffled by the variant's seed, so that its order does not depend on what is right.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from autograder.checks.draw import Draw
from autograder.quiz import released
from autograder.quiz.variant import LETTERS, Variant, Wrong, pairs, permutation


@dataclass(frozen=True, kw_only=True)
class _Lettered(Variant):
    """`items` are what is listed, in the order in which it is shown, and so with the letters a, b, c, ..."""

    items: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        texts = self.texts()
        if not 2 <= len(texts) <= len(LETTERS):
            raise ValueError(f"lists {len(texts)} things; give 2 to {len(LETTERS)}")
        if not all(isinstance(text, str) and text.strip() for text in texts):
            raise ValueError("lists something that is no text")
        if not self.items:
            object.__setattr__(self, "items", tuple(sorted(texts)))
        super().__post_init__()

    def texts(self) -> tuple[str, ...]:
        """All that is listed, in any order."""
        raise NotImplementedError

    def arranged(self, draw: Draw) -> Variant:
        """Shuffled."""
        return replace(self, items=permutation(draw, self.texts()))

    @property
    def letters(self) -> str:
        """The letters of what is listed."""
        return LETTERS[: len(self.items)]

    @property
    def details(self) -> tuple[Any, ...]:
        """The form check knows the letters."""
        return (self.letters,)

    def letter(self, text: str) -> str:
        """The letter of one thing."""
        return LETTERS[self.items.index(text)]

    def listed(self) -> str:
        """A list with letters."""
        return "\n".join(f"- **{letter}**: {text}" for letter, text in zip(self.letters, self.items, strict=True))


@dataclass(frozen=True, kw_only=True)
class Choice(_Lettered):
    """`answer = "b"`. One of several; the author gives their texts: `answer` is right, `wrong` are the others."""

    form: ClassVar[Callable[..., str]] = staticmethod(released.form_letter)
    how: ClassVar[str] = 'one letter, such as `{name} = "a"`'
    is_telling: ClassVar[bool] = False
    misshapen: ClassVar[tuple[Any, ...]] = ("", "ab", "?", 1, {"a"}, ["a"])

    def texts(self) -> tuple[str, ...]:
        """The right one and the wrong ones."""
        return (self.answer, *(text for text, _ in pairs(self.wrong)))

    @property
    def right(self) -> Any:
        """Its letter."""
        return self.letter(self.answer)

    @property
    def wrongs(self) -> tuple[Wrong, ...]:
        """The letters of the others."""
        return tuple(Wrong(self.letter(text), hint) for text, hint in pairs(self.wrong))

    def read(self, given: Any) -> Any:
        """In lower case."""
        return given.lower()


@dataclass(frozen=True, kw_only=True)
class Choices(_Lettered):
    """`answer = {"a", "c"}`. Several of several: each right letter earns its share, each wrong one takes one away.

    answer: the right texts, possibly none; wrong: the others, with their hints.
    """

    answer: Sequence[str] = ()

    form: ClassVar[Callable[..., str]] = staticmethod(released.form_letters)
    how: ClassVar[str] = (
        'the set of all letters that are right, such as `{name} = {{"a", "b"}}`, or `set()` for none; each right '
        "letter earns its share of the points, each wrong one takes a share away"
    )
    is_telling: ClassVar[bool] = False
    misshapen: ClassVar[tuple[Any, ...]] = ("ac", {"?"}, {"ab"}, 3, {"a": 1}, [1])

    def texts(self) -> tuple[str, ...]:
        """The right ones and the wrong ones."""
        return (*self.answer, *(text for text, _ in pairs(self.wrong)))

    @property
    def right(self) -> Any:
        """Their letters."""
        return {self.letter(text) for text in self.answer}

    @property
    def wrongs(self) -> tuple[Wrong, ...]:
        """The right letters, and one of the others."""
        return tuple(Wrong(self.right | {self.letter(text)}, hint) for text, hint in pairs(self.wrong))

    def read(self, given: Any) -> Any:
        """As a set of lower case letters."""
        return frozenset(letter.lower() for letter in given)

    def share(self, answer: Any) -> float:
        """Right letters less wrong ones, over how many are right; never below 0."""
        if not self.right:
            return float(not answer)
        return max(0.0, (len(answer & self.right) - len(answer - self.right)) / len(self.right))

    def hint(self, answer: Any) -> str:
        """The hints of all that was chosen wrongly."""
        chosen = (hint for text, hint in pairs(self.wrong) if self.letter(text) in answer)
        return "\n\n".join(dict.fromkeys(chosen))

    def remark(self, answer: Any, share: float) -> str:
        """How many of each."""
        if share == 1:
            return "right"
        wrong, missing = len(answer - self.right), len(self.right - answer)
        return f"{'partly' if share else 'not'} right: {wrong} too many, {missing} missing"

    def typed(self, given: Any) -> str:
        """With the letters in order."""
        return "{" + ", ".join(f'"{letter}"' for letter in sorted(given)) + "}" if given else "set()"


@dataclass(frozen=True, kw_only=True)
class Order(_Lettered):
    """`answer = "dacb"`. Lines of code to be put in order (a Parsons problem).

    answer: the lines in the right order; lines of equal text are interchangeable. also: other right orders.
    extra: {line: hint} that belong nowhere. wrong: pairs of an order of lines and its hint.
    Partial credit: of all pairs of neighbours, first and last line included, those that are right.
    """

    answer: Sequence[str] = ()
    also: Sequence[Sequence[str]] = ()
    extra: Mapping[str, str] | None = None

    form: ClassVar[Callable[..., str]] = staticmethod(released.form_order)
    how: ClassVar[str] = (
        'the letters in the right order, such as `{name} = "ba"`; points are shared by the pairs of neighbours{rest}'
    )
    misshapen: ClassVar[tuple[Any, ...]] = ("", "aa", "a?", 12, {"a": 1}, [0, 1])

    def texts(self) -> tuple[str, ...]:
        """The lines, and those that belong nowhere."""
        return (*self.answer, *(self.extra or ()))

    def how_to_answer(self, name: str) -> str:
        """Say when lines may be left over."""
        return self.how.format(name=name, rest="; not every line is needed" if self.extra else "")

    @property
    def right(self) -> Any:
        """The letters of the lines."""
        return self._letters_of(self.answer)

    @property
    def wrongs(self) -> tuple[Wrong, ...]:
        """The wrong orders, and the right one with a line too many."""
        listed = [Wrong(self._letters_of(lines), hint) for lines, hint in pairs(self.wrong)]
        for line, hint in (self.extra or {}).items():
            listed.append(Wrong(self._letters_of([*self.answer, line]), hint))
        return tuple(listed)

    @property
    def also_right(self) -> tuple[Any, ...]:
        """The letters of the other right orders."""
        return tuple(self._letters_of(order) for order in self.also)

    def _letters_of(self, lines: Sequence[str]) -> str:
        """The first letters that show these lines; of equal lines each is used once."""
        free = dict(zip(self.letters, self.items, strict=True))
        found = ""
        for line in lines:
            letter = next((letter for letter, text in free.items() if text == line), None)
            if letter is None:
                raise ValueError(f"orders a line that is not listed: {line!r}")
            found += letter
            del free[letter]
        return found

    def read(self, given: Any) -> Any:
        """The lines that the letters stand for."""
        return tuple(self.items[LETTERS.index(letter.lower())] for letter in given)

    def share(self, answer: Any) -> float:
        """Right neighbours, of the right order that fits best."""
        return max(self._neighbours(answer, tuple(order)) for order in (self.answer, *self.also))

    def _neighbours(self, answer: tuple[str, ...], order: tuple[str, ...]) -> float:
        ours, theirs = (list(zip(("", *lines), (*lines, ""), strict=True)) for lines in (order, answer))
        found = 0
        for pair in ours:
            if pair in theirs:
                theirs.remove(pair)
                found += 1
        return found / max(len(ours), len(answer) + 1)

    def hint(self, answer: Any) -> str:
        """Of the wrong order, else of the lines that belong nowhere."""
        hint = next((hint for lines, hint in pairs(self.wrong) if tuple(lines) == answer), "")
        return hint or "\n\n".join(hint for line, hint in (self.extra or {}).items() if line in answer)

    def listed(self) -> str:
        """Code, with letters in front."""
        lines = "\n".join(f"{letter}   {line}" for letter, line in zip(self.letters, self.items, strict=True))
        return f"```text\n{lines}\n```"


@dataclass(frozen=True, kw_only=True)
class Match(_Lettered):
    """`answer = {"a": 3, "b": 1}`. What belongs to what; each right pair earns its share.

    answer: {left: right}, several left may have one right; others: further rights, which belong nowhere.
    wrong: {(left, right): hint}.
    """

    answer: Mapping[str, str] | None = None
    others: Sequence[str] = ()
    rights: tuple[str, ...] = ()

    form: ClassVar[Callable[..., str]] = staticmethod(released.form_match)
    how: ClassVar[str] = (
        'a number for each letter, such as `{name} = {{"a": 1, "b": 1}}`; each right one earns its share'
    )
    is_telling: ClassVar[bool] = False
    misshapen: ClassVar[tuple[Any, ...]] = ("a1", {"a": 0}, {"a": "1"}, {"?": 1}, {1: "a"}, {}, {"a": 99})

    def __post_init__(self) -> None:
        if not self.rights:
            object.__setattr__(self, "rights", tuple(sorted(self._right_texts())))
        super().__post_init__()

    def texts(self) -> tuple[str, ...]:
        """What stands on the left."""
        return tuple(self.answer or ())

    def _right_texts(self) -> list[str]:
        return list(dict.fromkeys([*(self.answer or {}).values(), *self.others]))

    def arranged(self, draw: Draw) -> Variant:
        """Both sides shuffled."""
        return replace(self, items=permutation(draw, self.texts()), rights=permutation(draw, self._right_texts()))

    @property
    def details(self) -> tuple[Any, ...]:
        """The form check knows the letters, and how many numbers there are."""
        return (self.letters, len(self.rights))

    @property
    def right(self) -> Any:
        """The numbers of what belongs to each letter."""
        answer = self.answer or {}
        return {letter: self._number(answer[text]) for letter, text in zip(self.letters, self.items, strict=True)}

    @property
    def wrongs(self) -> tuple[Wrong, ...]:
        """The right answer with one pair changed."""
        return tuple(
            Wrong(self.right | {self.letter(left): self._number(right)}, hint)
            for (left, right), hint in pairs(self.wrong)
        )

    def _number(self, right: str) -> int:
        return self.rights.index(right) + 1

    def read(self, given: Any) -> Any:
        """With letters in lower case."""
        return {letter.lower(): number for letter, number in given.items()}

    def share(self, answer: Any) -> float:
        """Right pairs."""
        return float(sum(answer.get(letter) == number for letter, number in self.right.items()) / len(self.items))

    def hint(self, answer: Any) -> str:
        """The hints of all wrong pairs."""
        found = (
            hint for (left, right), hint in pairs(self.wrong) if answer.get(self.letter(left)) == self._number(right)
        )
        return "\n\n".join(dict.fromkeys(found))

    def remark(self, answer: Any, share: float) -> str:
        """How many are right."""
        return "right" if share == 1 else f"{round(share * len(self.items))} of {len(self.items)} are right"

    def listed(self) -> str:
        """Two lists."""
        numbers = "\n".join(f"{number}. {text}" for number, text in enumerate(self.rights, 1))
        return f"{super().listed()}\n\n{numbers}"
