"""Item analysis, in the terms of classical test theory: how hard each item is, and whether the items measure together.

Difficulty is the share of an item's points that the class got; discrimination is the corrected item-total correlation:
between an item and the sum of all others. Cronbach's alpha has the interval of Feldt (1965).
Source: Allen and Yen: Introduction to Measurement Theory (1979), chapters 4 and 6; Feldt, Psychometrika 30 (1965).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from autograder.model import Kind, Outcome, SubmissionResult

TOO_FEW, FEW = 10, 30  # below the first no correlation is shown; below the second it is said to be unsteady
CONFIDENCE = 0.95
LEAST_TOGETHER = 3  # failures that make "always fail together" worth saying
MOST_MISSING = 0.5  # of an item's values; beyond that it is left out
Table = NDArray[np.float64]


@dataclass(frozen=True)
class Item:
    """One item. `discrimination` is None where all got the same, and in a class that is too small."""

    exercise: str
    name: str
    title: str
    count: int
    difficulty: float
    discrimination: float | None

    @property
    def remark(self) -> str:
        """What an instructor should know of it."""
        if self.difficulty >= 1:
            return "nobody fails it"
        if self.difficulty <= 0:
            return "everybody fails it"
        if self.discrimination is None:
            return ""
        if self.discrimination < 0:
            return "the better fail it: look at the check"
        return "says little about the rest" if self.discrimination < 0.2 else ""


@dataclass(frozen=True)
class Alpha:
    """Cronbach's alpha of `items` items over `count` students, with its interval."""

    value: float
    low: float
    high: float
    items: int
    count: int


@dataclass(frozen=True)
class Analysis:
    """The items of one assignment. Both alphas are None where they cannot be had."""

    count: int  # students
    items: tuple[Item, ...]
    alpha_of_exercises: Alpha | None
    alpha_of_checks: Alpha | None
    floor: float  # share of students without a point
    ceiling: float  # share with all points
    together: tuple[tuple[str, ...], ...]  # checks that always fail together, as "exercise: title"

    @property
    def is_too_small(self) -> bool:
        """True when no correlation is shown."""
        return self.count < TOO_FEW

    @property
    def is_small(self) -> bool:
        """True when one student moves every figure."""
        return self.count < FEW

    @property
    def passed_by_all(self) -> tuple[Item, ...]:
        """Checks that nobody fails."""
        return tuple(item for item in self.items if item.difficulty >= 1)

    @property
    def failed_by_all(self) -> tuple[Item, ...]:
        """Checks that everybody fails."""
        return tuple(item for item in self.items if item.difficulty <= 0)


def analyse(results: Sequence[SubmissionResult]) -> Analysis:
    """Analyse the checks, exercises and questions of the submissions that were graded."""
    keys, titles, table = _check_table(results)
    usable = [column for column in range(len(keys)) if np.isnan(table[:, column]).mean() <= MOST_MISSING]
    complete = table[~np.isnan(table[:, usable]).any(axis=1)][:, usable]
    correlations = discriminations(complete) if len(complete) >= TOO_FEW else [None] * len(usable)
    items = tuple(
        Item(
            *keys[column],
            title=titles[keys[column]],
            count=int((~np.isnan(table[:, column])).sum()),
            difficulty=float(np.nanmean(table[:, column])),
            discrimination=correlation,
        )
        for column, correlation in zip(usable, correlations, strict=True)
    )
    shares = [result.score / result.max_score for result in results if result.max_score > 0]
    exercises = _exercise_table(results)
    return Analysis(
        count=len(results),
        items=items,
        alpha_of_exercises=_alpha_if_large(exercises[~np.isnan(exercises).any(axis=1)]),
        alpha_of_checks=_alpha_if_large(complete),
        floor=sum(share <= 0 for share in shares) / len(shares) if shares else 0.0,
        ceiling=sum(share >= 1 for share in shares) / len(shares) if shares else 0.0,
        together=_fail_together(results, titles),
    )


def discriminations(table: Table) -> list[float | None]:
    """The corrected item-total correlation of each column of (students, items); None where a part does not vary."""
    total = table.sum(axis=1)
    return [_correlation(column, total - column) for column in table.T]


def cronbach_alpha(table: Table) -> Alpha | None:
    """Cronbach's alpha of (students, items) with Feldt's interval; None for too few, or where the totals are equal."""
    count, items = table.shape
    if count < 2 or items < 2:
        return None
    total_variance = table.sum(axis=1).var(ddof=1)
    if total_variance <= 1e-12:
        return None
    value = items / (items - 1) * (1 - table.var(axis=0, ddof=1).sum() / total_variance)
    from scipy.stats import f  # half a second

    of_students, of_rest = count - 1, (count - 1) * (items - 1)
    tail = (1 - CONFIDENCE) / 2
    low = 1 - (1 - value) * f.isf(tail, of_students, of_rest)
    high = 1 - (1 - value) * f.isf(1 - tail, of_students, of_rest)
    return Alpha(float(value), float(low), float(high), items, count)


def _alpha_if_large(table: Table) -> Alpha | None:
    return cronbach_alpha(table) if len(table) >= TOO_FEW else None


def _correlation(one: Table, other: Table) -> float | None:
    if one.std() < 1e-12 or other.std() < 1e-12:
        return None
    return float(np.corrcoef(one, other)[0, 1])


def _check_table(
    results: Sequence[SubmissionResult],
) -> tuple[list[tuple[str, str]], dict[tuple[str, str], str], Table]:
    """(exercise, check) of each column, their titles, and 1 for passed, 0 for not, nan where it could not be judged."""
    titles = {
        (exercise.name, check.name): check.title
        for result in results
        for exercise in result.exercises
        for check in exercise.checks
        if check.kind is Kind.CHECK
    }
    keys = list(titles)
    places = {key: column for column, key in enumerate(keys)}
    table = np.full((len(results), len(keys)), np.nan)
    for row, result in enumerate(results):
        for exercise in result.exercises:
            for check in exercise.checks:
                if check.kind is Kind.CHECK and check.outcome not in (Outcome.BROKEN, Outcome.NOT_CHECKED):
                    table[row, places[exercise.name, check.name]] = float(check.outcome is Outcome.PASSED)
    return keys, titles, table


def _exercise_table(results: Sequence[SubmissionResult]) -> Table:
    """The points of each exercise and question, (students, items); nan where there are none."""
    rows = [
        {e.name: e.score for e in result.exercises} | {f"question {q.name}": q.score for q in result.questions}
        for result in results
    ]
    names = list(dict.fromkeys(name for row in rows for name in row))
    return np.array([[row.get(name, np.nan) for name in names] for row in rows], dtype=np.float64).reshape(
        len(rows), len(names)
    )


def _fail_together(
    results: Sequence[SubmissionResult], titles: dict[tuple[str, str], str]
) -> tuple[tuple[str, ...], ...]:
    """Groups of checks of one exercise that the same students fail, those apart who did not write it at all."""
    failed_by: dict[tuple[str, str], set[str]] = {key: set() for key in titles}
    was_skipped: set[tuple[str, str]] = set()
    for result in results:
        for exercise in result.exercises:
            if not any(check.outcome is Outcome.PASSED for check in exercise.checks):
                continue  # a stub fails everything
            for check in exercise.checks:
                key = exercise.name, check.name
                if check.outcome is Outcome.SKIPPED:
                    was_skipped.add(key)
                elif check.outcome is Outcome.FAILED and key in failed_by:
                    failed_by[key].add(result.student)
    groups: dict[tuple[str, frozenset[str]], list[str]] = {}
    for key, students in failed_by.items():
        if len(students) >= LEAST_TOGETHER and key not in was_skipped:
            groups.setdefault((key[0], frozenset(students)), []).append(f"{key[0]}: {titles[key]}")
    return tuple(tuple(group) for group in groups.values() if len(group) > 1)
