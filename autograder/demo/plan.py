"""Who hands in what in a demo: which mistake stands in which exercise of which student, and what else goes wrong."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from autograder.demo.answers import Reply
from autograder.demo.people import student_ids
from autograder.demo.variants import REFERENCE, Variant
from autograder.errors import CourseError

SEED = 20261


class Trouble(StrEnum):
    """What goes wrong with a notebook apart from the functions in it."""

    NONE = ""
    UNTOUCHED = "untouched"  # as released
    UNFINISHED = "unfinished"  # the last two exercises are still stubs
    SYNTAX_ERROR = "syntax error"  # in the exercise in the middle
    LOOPS = "loops for ever"  # in a cell of the student's own
    ENDS_PROCESS = "ends its process"
    DELETED_CELL = "deleted test cell"
    NOT_A_NOTEBOOK = "not a notebook"


@dataclass(frozen=True)
class Planted:
    """The truth about one submission. `mistakes`, `styles` and `stubs` name the exercises; all others are spoilt."""

    assignment: str
    student: str
    trouble: Trouble
    mistakes: dict[str, str]  # exercise -> name of the mistake
    styles: dict[str, str]  # exercise -> name of the right style
    stubs: tuple[str, ...] = ()
    spoilt: tuple[str, ...] = ()  # exercises whose cell holds a syntax error
    answers: dict[str, Reply] = field(default_factory=dict)  # question -> what was answered

    @property
    def is_blank(self) -> bool:
        """Is nothing filled in?"""
        return self.trouble in (Trouble.UNTOUCHED, Trouble.NOT_A_NOTEBOOK)


def make_plan(
    assignment: str,
    exercises: Sequence[str],
    variants: Sequence[Variant],
    count: int,
    coupled: Sequence[str] = (),
) -> tuple[Planted, ...]:
    """Plan `count` submissions: every trouble once, some wholly right, and every mistake once if they suffice.

    A notebook has at most one mistake per exercise, so as many notebooks are needed as one exercise has mistakes.
    coupled: exercises that are right or wrong together only; one of them at most has a mistake, the others are as the
    reference. The same arguments give the same plan. Raises CourseError where an exercise has no right style.
    """
    rng = random.Random(f"{SEED}/{assignment}")
    wrong = {e: [v.name for v in variants if v.exercise == e and not v.is_right] for e in exercises}
    right = {
        e: [v.name for v in variants if v.exercise == e and v.is_right and (e not in coupled or v.name == REFERENCE)]
        for e in exercises
    }
    for exercise in exercises:
        if not right[exercise]:
            raise CourseError(f'mistakes.py: exercise "{exercise}" has no right style; write one, marked @also_right')
    troubles = _troubles(exercises, wrong, count)
    open_to = {e: [n for n, t in enumerate(troubles) if _is_open(e, t, exercises)] for e in exercises}
    taken: dict[str, dict[int, str]] = {}
    for exercise in exercises:
        elsewhere = {n for e in coupled if exercise in coupled and e in taken for n in taken[e]}
        taken[exercise] = _spread(wrong[exercise], [n for n in open_to[exercise] if n not in elsewhere], rng)
    students = list(student_ids(count))
    rng.shuffle(students)
    plan = []
    for number, (student, trouble) in enumerate(zip(students, troubles, strict=True)):
        mistakes = {e: taken[e][number] for e in exercises if number in taken[e]}
        written = [e for e in exercises if _is_written(e, trouble, exercises) and e not in mistakes]
        plan.append(
            Planted(
                assignment=assignment,
                student=student,
                trouble=trouble or Trouble.NONE,
                mistakes=mistakes,
                styles={e: right[e][number % len(right[e])] for e in written},
                stubs=_stubs(exercises, trouble),
                spoilt=_spoilt(exercises) if trouble is Trouble.SYNTAX_ERROR else (),
            )
        )
    return tuple(sorted(plan, key=lambda planted: planted.student.lower()))


def uncovered(plan: Sequence[Planted], variants: Sequence[Variant]) -> tuple[str, ...]:
    """Return the mistakes that no notebook of the plan carries, as `exercise.mistake`."""
    planted = {(exercise, name) for one in plan for exercise, name in one.mistakes.items()}
    return tuple(f"{v.exercise}.{v.name}" for v in variants if not v.is_right and (v.exercise, v.name) not in planted)


def _troubles(exercises: Sequence[str], wrong: dict[str, list[str]], count: int) -> list[Trouble | None]:
    """One entry a student: None for a wholly right notebook. Those make room for mistakes."""
    special = [trouble for trouble in Trouble if trouble is not Trouble.NONE]
    needed = max(
        (len(names) + sum(not _is_open(e, t, exercises) for t in special) for e, names in wrong.items()), default=0
    )
    right = min(max(2, count - needed), max(1, count // 5))
    rest = max(0, count - right - len(special))
    return ([None] * right + [*special] + [Trouble.NONE] * rest)[:count]


def _is_written(exercise: str, trouble: Trouble | None, exercises: Sequence[str]) -> bool:
    """True when the exercise is filled in at all."""
    if trouble is Trouble.NOT_A_NOTEBOOK:
        return False
    if exercise in _stubs(exercises, trouble):
        return False
    return not (trouble is Trouble.SYNTAX_ERROR and exercise in _spoilt(exercises))


def _is_open(exercise: str, trouble: Trouble | None, exercises: Sequence[str]) -> bool:
    """True when a mistake may stand in the exercise."""
    return trouble is not None and _is_written(exercise, trouble, exercises)


def _spread(names: Sequence[str], places: Sequence[int], rng: random.Random) -> dict[int, str]:
    """Put each name at a place of its own, as far as there are places, in an order that differs for every exercise."""
    shuffled = list(places)
    rng.shuffle(shuffled)
    return dict(zip(shuffled, names, strict=False))


def _stubs(exercises: Sequence[str], trouble: Trouble | None) -> tuple[str, ...]:
    if trouble is Trouble.UNTOUCHED:
        return tuple(exercises)
    return tuple(exercises[-2:] if len(exercises) > 2 else exercises[-1:]) if trouble is Trouble.UNFINISHED else ()


def _spoilt(exercises: Sequence[str]) -> tuple[str, ...]:
    return tuple(exercises[len(exercises) // 2 :][:1])
