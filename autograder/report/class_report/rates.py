"""How the class did: the distribution of scores, and per exercise and per check who got how far."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from autograder.model import CheckResult, ExerciseResult, Kind, Outcome, QuestionResult, QuestionState, SubmissionResult

BINS = 10
JUDGED = (Outcome.PASSED, Outcome.FAILED, Outcome.SKIPPED)


@dataclass(frozen=True)
class Distribution:
    """Scores in five numbers and a histogram. Quartiles interpolate linearly, as NumPy's and pandas' do."""

    count: int
    mean: float
    lowest: float
    first: float
    median: float
    third: float
    highest: float
    max_score: float
    bins: tuple[tuple[float, float, int], ...]  # from, to, how many; the last includes its upper end


@dataclass(frozen=True)
class CheckRate:
    """One check over the class. `rate` is of those whom it judged; None where it judged nobody."""

    exercise: str
    name: str
    title: str
    is_rule: bool
    passed: int
    failed: int
    skipped: int
    not_checked: int
    broken: int

    @property
    def judged(self) -> int:
        """How many it could judge."""
        return self.passed + self.failed + self.skipped

    @property
    def rate(self) -> float | None:
        """The share of those that pass."""
        return self.passed / self.judged if self.judged else None


@dataclass(frozen=True)
class ExerciseRate:
    """One exercise (or question) over the class: points and completion."""

    name: str
    title: str
    max_score: float
    count: int
    mean: float
    full: int  # all points
    partial: int
    none: int  # no points
    checks: tuple[CheckRate, ...] = ()

    @property
    def rate(self) -> float:
        """The share with all points."""
        return self.full / self.count if self.count else 0.0


@dataclass(frozen=True)
class QuestionRate:
    """One question over the class: how many answers of each kind, and the wrong ones that were recognised."""

    name: str
    title: str
    states: tuple[tuple[QuestionState, int], ...]
    hints: tuple[tuple[str, int], ...]  # of recognised wrong answers, the most frequent first


def distribution_of(scores: Sequence[float], max_score: float) -> Distribution | None:
    """The distribution of `scores`, None of none."""
    if not scores:
        return None
    first, median, third = statistics.quantiles(scores, n=4, method="inclusive") if len(scores) > 1 else [scores[0]] * 3
    return Distribution(
        len(scores), statistics.fmean(scores), min(scores), first, median, third, max(scores), max_score,
        _bins(scores, max_score),
    )  # fmt: skip


def exercise_rates(results: Sequence[SubmissionResult]) -> tuple[ExerciseRate, ...]:
    """Every exercise and then every question, in the order of the notebook."""
    by_name: dict[str, list[ExerciseResult]] = {}
    for result in results:
        for exercise in result.exercises:
            by_name.setdefault(exercise.name, []).append(exercise)
    exercises = [_exercise_rate(found) for found in by_name.values()]
    questions = [
        _rate(name, found[0].title, [(one.score, one.max_score) for one in found])
        for name, found in _questions(results).items()
    ]
    return (*exercises, *questions)


def question_rates(results: Sequence[SubmissionResult]) -> tuple[QuestionRate, ...]:
    """Every question, in the order of the notebook."""
    rates = []
    for name, found in _questions(results).items():
        states = Counter(one.state for one in found)
        hints = Counter(one.hint for one in found if one.hint and one.state is QuestionState.WRONG)
        counts = tuple((state, states[state]) for state in QuestionState)
        rates.append(QuestionRate(name, found[0].title, counts, tuple(hints.most_common())))
    return tuple(rates)


def _questions(results: Sequence[SubmissionResult]) -> dict[str, list[QuestionResult]]:
    found: dict[str, list[QuestionResult]] = {}
    for result in results:
        for question in result.questions:
            found.setdefault(question.name, []).append(question)
    return found


def _exercise_rate(found: Sequence[ExerciseResult]) -> ExerciseRate:
    checks: dict[str, list[CheckResult]] = {}
    for exercise in found:
        for check in exercise.checks:
            checks.setdefault(check.name, []).append(check)
    rates = tuple(_check_rate(found[0].name, each) for each in checks.values())
    return _rate(found[0].name, found[0].title, [(e.score, e.max_score) for e in found], rates)


def _rate(
    name: str, title: str, found: Sequence[tuple[float, float]], checks: tuple[CheckRate, ...] = ()
) -> ExerciseRate:
    full = sum(score >= worth for score, worth in found)
    none = sum(score <= 0 < worth for score, worth in found)
    mean = statistics.fmean(score for score, _ in found)
    worth = max(worth for _, worth in found)
    return ExerciseRate(name, title, worth, len(found), mean, full, len(found) - full - none, none, checks)


def _check_rate(exercise: str, found: Sequence[CheckResult]) -> CheckRate:
    counts = [
        sum(check.outcome is outcome for check in found)
        for outcome in (*JUDGED, Outcome.NOT_CHECKED, Outcome.BROKEN)
    ]  # fmt: skip
    return CheckRate(exercise, found[0].name, found[0].title, found[0].kind is Kind.RULE, *counts)


def _bins(scores: Sequence[float], max_score: float) -> tuple[tuple[float, float, int], ...]:
    top = max(max_score, *scores)
    if top <= 0:
        return ((0.0, 1.0, len(scores)),)
    counts = [0] * BINS
    for score in scores:
        counts[min(int(BINS * max(score, 0.0) / top + 1e-9), BINS - 1)] += 1
    return tuple((top * n / BINS, top * (n + 1) / BINS, count) for n, count in enumerate(counts))
