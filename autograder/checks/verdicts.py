"""From the results of one candidate to what is wrong with the checks: one line a problem."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from autograder.checks.attempts import EXPLAINED_SEEDS
from autograder.checks.candidates import Candidate, Origin
from autograder.course import Assignment
from autograder.model import CheckResult, ExerciseResult, Outcome

_TINY = 1e-9  # of a point


@dataclass(frozen=True)
class Tried:
    """A candidate and its results, one per seed; none, and why, when it hung or ended its process."""

    candidate: Candidate
    results: tuple[ExerciseResult, ...]
    lost: str = ""

    @property
    def caught(self) -> tuple[bool, ...]:
        """Per seed: does a check fail it, and cost points?"""
        return tuple(
            result.score < result.max_score - _TINY and any(_is_failed(check) for check in result.checks)
            for result in self.results
        )

    @property
    def is_caught(self) -> bool:
        """With every seed, or because it never ends."""
        return bool(self.lost) or all(self.caught)

    @property
    def is_accepted(self) -> bool:
        """Full marks with every seed, and no check that fails or breaks."""
        return not self.lost and not list(_by_check(self.results, Outcome.FAILED, Outcome.BROKEN, Outcome.SKIPPED))

    @property
    def others(self) -> frozenset[str | None]:
        """What else than itself its failed checks are explained as, None for nothing; in the seeds that explain."""
        found: set[str | None] = set()
        for result in self.results[:EXPLAINED_SEEDS]:
            found |= {check.mistake for check in result.checks if _is_failed(check) and check.mistake} or {None}
        return frozenset(found - {self.candidate.name})


@dataclass(frozen=True)
class Files:
    """The files of an assignment as messages name them."""

    checks: str
    mistakes: str
    solutions: str

    @classmethod
    def of(cls, assignment: Assignment) -> Files:
        """Relative to the root of the course, where they stand in it."""
        root = assignment.folder.parent.parent
        paths = (assignment.checks, assignment.mistakes, assignment.solutions)
        return cls(*(str(path.relative_to(root)) if path.is_relative_to(root) else str(path) for path in paths))


def problems_of(tried: Tried, files: Files) -> Iterator[str]:
    """What the results of any candidate but a mutant show to be wrong, in one line each."""
    exercise, name = tried.candidate.exercise, tried.candidate.name
    match tried.candidate.origin:
        case Origin.REFERENCE:
            what, remedy = f"{files.solutions}: {exercise}: the reference", "correct one of them"
            yield from _of_right(tried, what, remedy, files)
        case Origin.RIGHT_STYLE:
            what = f"{files.mistakes}: {exercise}: the right style {name}"
            yield from _of_right(tried, what, "loosen the check, or make it a mistake", files)
        case Origin.EMPTY:
            yield from _of_empty(tried, files)
        case Origin.MISTAKE:
            yield from _of_mistake(tried, files)


def _of_right(tried: Tried, what: str, remedy: str, files: Files) -> Iterator[str]:
    if tried.lost:
        yield f"{what} {tried.lost}; {remedy}"
    for check, seeds in _by_check(tried.results, Outcome.FAILED):
        yield f'{what} fails {check.name}{_seeds(seeds, tried)} ("{check.title}": {_line(check.message)}); {remedy}'


def _of_empty(tried: Tried, files: Files) -> Iterator[str]:
    for result in tried.results:
        if result.score > _TINY:
            passed = [check.name for check in result.checks if check.outcome is Outcome.PASSED]
            yield (
                f"{files.checks}: {tried.candidate.exercise}: the empty release scores {result.score:g} of "
                f"{result.max_score:g} ({', '.join(passed)}); let these checks call the function"
            )
            return


def _of_mistake(tried: Tried, files: Files) -> Iterator[str]:
    what = f"{files.mistakes}: {tried.candidate.exercise}: the mistake {tried.candidate.name}"
    if tried.lost:
        yield f"{what} {tried.lost}; let it end"
    elif not any(tried.caught):
        yield f"{what} scores full marks; write a check in {files.checks} that fails it"
    elif not tried.is_caught:
        missed = [at for at, caught in enumerate(tried.caught, 1) if not caught]
        yield f"{what} is not caught{_seeds(missed, tried)}; sharpen the check that fails it with other seeds"


def problems_of_broken(tried: Tried, files: Files) -> Iterator[tuple[str, str]]:
    """The checks that break on this candidate: (check, problem)."""
    for check, seeds in _by_check(tried.results, Outcome.BROKEN):
        who = f"the {tried.candidate.origin} {tried.candidate.name}".strip()
        why = _line(check.staff_note.strip().split("\n")[-1] or check.message)
        name = f"{tried.candidate.exercise}.{check.name}"
        yield name, f"{files.checks}: {name} breaks on {who}{_seeds(seeds, tried)} ({why}); correct the check"


def problems_of_mutant(tried: Tried, line: int, files: Files) -> Iterator[str]:
    """A mutant that scores full marks with some seed, and is not listed as equivalent."""
    if not tried.is_caught:
        missed = [at for at, caught in enumerate(tried.caught, 1) if not caught]
        yield (
            f"{files.solutions}: line {line}: a mutant survives{_seeds(missed, tried)}: {tried.candidate.name}; write "
            f"a check in {files.checks} that fails it, or list it with a reason in EQUIVALENT in {files.mistakes}"
        )


def problems_of_equivalent(key: str, reason: object, tried: Tried | None, files: Files) -> Iterator[str]:
    """An entry of EQUIVALENT without a reason, of a mutant that does not exist, or of one that is killed."""
    what = f'{files.mistakes}: EQUIVALENT: "{key}"'
    if not isinstance(reason, str) or not reason.strip():
        yield f"{what} has no reason; say why the change makes no difference"
    if tried is None:
        yield f"{what} is no mutant of {files.solutions} any more; remove it"
    elif tried.lost:
        yield f"{what} {tried.lost}; remove it"
    elif any(tried.caught):
        by = ", ".join(check.name for check, _ in _by_check(tried.results, Outcome.FAILED))
        yield f"{what} is killed (by {by}); remove it"


def problems_of_explanation(tried: Tried, duplicates: Mapping[str, bool], files: Files) -> Iterator[str]:
    """A caught mistake that is not explained as itself. duplicates: other mistake -> does it do the same everywhere?"""
    exercise, name = tried.candidate.exercise, tried.candidate.name
    what = f"{files.mistakes}: {exercise}: the mistake {name}"
    for other in sorted(tried.others, key=str):
        if other is None:
            yield f"{what} is not explained as itself: nothing does the same twice; let it do the same each time"
        elif duplicates[other]:
            yield f"{what} does the same as {other} in every check; keep one, or write a check where they differ"
        else:
            yield f"{what} is explained as {other}; write a check in {files.checks} where they differ"


def _by_check(results: tuple[ExerciseResult, ...], *outcomes: Outcome) -> Iterator[tuple[CheckResult, list[int]]]:
    """Each check that ended so, as it first did, with the seeds (from 1) with which it did."""
    seeds: dict[str, list[int]] = {}
    first: dict[str, CheckResult] = {}
    for at, result in enumerate(results, 1):
        for check in result.checks:
            if check.outcome in outcomes:
                first.setdefault(check.name, check)
                seeds.setdefault(check.name, []).append(at)
    for name, check in first.items():
        yield check, seeds[name]


def _is_failed(check: CheckResult) -> bool:
    return check.outcome is Outcome.FAILED


def _seeds(which: list[int], tried: Tried) -> str:
    if len(which) == len(tried.results):
        return ""
    return f" with seed{'s' if len(which) > 1 else ''} {', '.join(map(str, which))} of {len(tried.results)}"


def _line(text: str) -> str:
    """The text on one line, cut."""
    joined = " ".join(text.split())
    return joined if len(joined) <= 200 else joined[:200] + " ..."
