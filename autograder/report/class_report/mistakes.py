"""Which mistakes of the catalogue the class made, and how many made each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from autograder.model import ExerciseResult, SubmissionResult
from autograder.report.class_report.code import anonymous, read_code
from autograder.report.class_report.names import Mask
from autograder.report.text import printable

LONGEST_EXAMPLE = 3000  # characters


@dataclass(frozen=True)
class Made:
    """A mistake that somebody made."""

    exercise: str
    mistake: str
    hint: str
    students: tuple[str, ...]
    example: str  # code of one of them, without comments and names
    share: float  # of those who handed the exercise in

    @property
    def count(self) -> int:
        """How many made it."""
        return len(self.students)


def mistake_of(exercise: ExerciseResult) -> str | None:
    """The mistake that explains most of an exercise's checks."""
    known = [check.mistake for check in exercise.checks if check.mistake]
    return Counter(known).most_common(1)[0][0] if known else None


def mistakes_made(results: Sequence[SubmissionResult]) -> tuple[Made, ...]:
    """The mistakes of a class, the most frequent first."""
    found: dict[tuple[str, str], list[tuple[str, ExerciseResult]]] = {}
    handed: Counter[str] = Counter()
    mask = Mask(result.student for result in results)
    for result in results:
        for exercise in result.exercises:
            handed[exercise.name] += 1
            mistake = mistake_of(exercise)
            if mistake is not None:
                found.setdefault((exercise.name, mistake), []).append((result.student, exercise))
    made = [
        Made(
            exercise=exercise,
            mistake=mistake,
            hint=next((c.hint for _, e in who for c in e.checks if c.mistake == mistake and c.hint), ""),
            students=tuple(student for student, _ in who),
            example=example_of([e.code for _, e in who], exercise, mask),
            share=len(who) / handed[exercise],
        )
        for (exercise, mistake), who in found.items()
    ]
    return tuple(sorted(made, key=lambda one: (-one.count, one.exercise, one.mistake)))


def example_of(codes: Sequence[str], exercise: str, mask: Mask) -> str:
    """The shortest code of several students, without comments, docstrings and names; "" where none is Python."""
    read = [written for code in codes if (written := read_code(code, exercise)) is not None]
    shown = [anonymous(written, mask).text for written in read]
    return printable(min(shown, key=len), LONGEST_EXAMPLE) if shown else ""
