"""Are the checks right? The references, the catalogue of mistakes and systematic mutants answer. DESIGN.md, section 5.

Every candidate is graded with several seeds, so that a check that depends on luck shows. Candidates run in worker
processes of this machine or, through `sandbox`, as notebooks on the real student side.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from autograder.checks.attempts import PRELOADED, Comparing, Grading, OpenNotebook, grade_in_sandbox, preload
from autograder.checks.candidates import Candidate, Origin
from autograder.checks.modules import load_module
from autograder.checks.mutate import Mutant, functions_behind, mutants
from autograder.checks.suite import Suite
from autograder.checks.trials import Lost, answer_all
from autograder.checks.verdicts import (
    Files,
    Tried,
    problems_of,
    problems_of_broken,
    problems_of_equivalent,
    problems_of_explanation,
    problems_of_mutant,
)
from autograder.checks.verify_report import ExerciseProof, VerifyReport
from autograder.course import Assignment, Exercise
from autograder.errors import CourseError

OnProgress = Callable[[int, int], None]


def verify(
    assignment: Assignment,
    *,
    seeds: int = 3,
    jobs: int | None = None,
    seconds: float = 120.0,
    sandbox: OpenNotebook | None = None,
    on_progress: OnProgress = lambda done, total: None,
) -> VerifyReport:
    """Grade every candidate of the assignment and report what the checks miss, reject, mistake or break on.

    seeds: how many times each candidate is graded, with other inputs. jobs: processes, one per core by default.
    seconds: limit of one candidate with all its seeds; a mutant that takes longer counts as killed.
    sandbox: grade references, mistakes and right styles through it, one after the other, and leave out the mutants.
    on_progress: called with (done, total) candidates. Raises CourseError where a file of the assignment does not run.
    """
    start = time.perf_counter()
    jobs = jobs or len(os.sched_getaffinity(0))
    with Suite(assignment) as suite:
        plan = _plan(suite, with_mutants=sandbox is None)
        if sandbox is not None:
            preload()
            answers: list[Any] = []
            for candidate in plan.candidates:
                answers.append(grade_in_sandbox(suite, candidate, sandbox, seeds))
                on_progress(len(answers), len(plan.candidates))
    if sandbox is None:
        grading = Grading(assignment, seeds, min(seconds / 10, 3.0))
        answers = answer_all(
            grading, plan.candidates, jobs=jobs, seconds=seconds, preloaded=PRELOADED, on_progress=on_progress
        )
    tried = {
        candidate: Tried(candidate, (), answer.reason) if isinstance(answer, Lost) else Tried(candidate, answer)
        for candidate, answer in zip(plan.candidates, answers, strict=True)
    }
    found = _Findings(plan, tried, _duplicates(assignment, tried, seeds, jobs, seconds))
    return VerifyReport(
        assignment=assignment.name,
        exercises=tuple(found.proof(exercise) for exercise in assignment.exercises),
        problems=tuple(found.problems()),
        seeds=seeds,
        seconds=time.perf_counter() - start,
    )


@dataclass(frozen=True)
class _Plan:
    """What is to be graded. lines: of each mutant, by its candidate. equivalent: mutant's key or id -> reason."""

    assignment: Assignment
    checks: Mapping[str, int]  # exercise -> number of its checks
    candidates: tuple[Candidate, ...]
    lines: Mapping[Candidate, int]
    keys: Mapping[str, Candidate]
    equivalent: Mapping[str, object]


def _plan(suite: Suite, with_mutants: bool) -> _Plan:
    assignment = suite.assignment
    source = assignment.solutions.read_text("utf-8")
    candidates: list[Candidate] = []
    lines: dict[Candidate, int] = {}
    keys: dict[str, Candidate] = {}
    names = [exercise.name for exercise in assignment.exercises]
    for exercise in names:
        candidates += [Candidate(Origin.REFERENCE, exercise), Candidate(Origin.EMPTY, exercise)]
        candidates += [Candidate(Origin.MISTAKE, exercise, one.name) for one in suite.catalogue.mistakes_of(exercise)]
        styles = suite.catalogue.right_styles_of(exercise)
        candidates += [Candidate(Origin.RIGHT_STYLE, exercise, style.name) for style in styles]
        for mutant in _mutants(source, exercise, names, keys) if with_mutants else ():
            candidate = Candidate(Origin.MUTANT, exercise, mutant.key, mutant.source)
            candidates.append(candidate)
            lines[candidate] = mutant.line
            keys |= {mutant.key: candidate, mutant.id: candidate}
    numbers = {name: sum(check.exercise == name for check in suite.checks) for name in names}
    equivalent = _equivalent(assignment) if with_mutants else {}
    return _Plan(assignment, numbers, tuple(candidates), lines, keys, equivalent)


def _mutants(source: str, exercise: str, exercises: Collection[str], known: Collection[str]) -> Iterator[Mutant]:
    """Of the reference, and of the functions that it alone uses or is the first to use."""
    for function in functions_behind(source, exercise, exercises):
        yield from (mutant for mutant in mutants(source, function) if mutant.key not in known)


def _equivalent(assignment: Assignment) -> Mapping[str, object]:
    """EQUIVALENT of mistakes.py: {"softmax: keepdim=True -> keepdim=False in ...": "why it makes no difference"}."""
    if not assignment.mistakes.exists():
        return {}
    listed = getattr(load_module(assignment.mistakes), "EQUIVALENT", {})
    if not isinstance(listed, dict):
        raise CourseError(f"{assignment.mistakes}: EQUIVALENT is not a dict; write {{mutant: reason}}")
    return listed


def _duplicates(
    assignment: Assignment, tried: Mapping[Candidate, Tried], seeds: int, jobs: int, seconds: float
) -> dict[tuple[str, str, str], bool]:
    """(exercise, mistake, the one it is explained as) -> do the two do the same in every check?"""
    pairs = [
        (one.candidate, Candidate(Origin.MISTAKE, one.candidate.exercise, other))
        for one in tried.values()
        if one.candidate.origin is Origin.MISTAKE and one.is_caught
        for other in one.others
        if other is not None
    ]
    comparing = Comparing(assignment, seeds, min(seconds / 10, 3.0))
    answers = answer_all(comparing, pairs, jobs=jobs, seconds=2 * seconds)
    return {
        (one.exercise, one.name, other.name): answer is True
        for (one, other), answer in zip(pairs, answers, strict=True)
    }


@dataclass(frozen=True)
class _Findings:
    """All results of one assignment."""

    plan: _Plan
    tried: Mapping[Candidate, Tried]
    duplicates: Mapping[tuple[str, str, str], bool]

    def proof(self, exercise: Exercise) -> ExerciseProof:
        """The numbers of one exercise."""
        of = {origin: self._of(exercise.name, origin) for origin in Origin}
        caught = [one for one in of[Origin.MISTAKE] if one.is_caught]
        listed = self._listed()
        mutant, right = of[Origin.MUTANT], of[Origin.RIGHT_STYLE]
        return ExerciseProof(
            exercise=exercise.name,
            checks=self.plan.checks[exercise.name],
            mistakes=len(of[Origin.MISTAKE]),
            caught=len(caught),
            distinct=sum(not any(self._same_as(one).values()) for one in of[Origin.MISTAKE]),
            explained=sum(not one.others for one in caught),
            right_styles=len(right),
            accepted=sum(one.is_accepted for one in right),
            mutants=len(mutant),
            killed=sum(one.is_caught for one in mutant),
            equivalent=sum(not one.is_caught and one.candidate in listed for one in mutant),
        )

    def problems(self) -> Iterator[str]:
        """One line each, in the order of the exercises, then those of the list of equivalent mutants."""
        files, listed = Files.of(self.plan.assignment), self._listed()
        broken: set[str] = set()
        for candidate, one in self.tried.items():
            if candidate.origin is Origin.MUTANT and candidate not in listed:
                yield from problems_of_mutant(one, self.plan.lines[candidate], files)
            yield from problems_of(one, files)
            if candidate.origin is Origin.MISTAKE and one.is_caught:
                yield from problems_of_explanation(one, self._same_as(one), files)
            for check, problem in problems_of_broken(one, files):
                if check not in broken:
                    yield problem
                broken.add(check)
        for key, reason in self.plan.equivalent.items():
            mutant = self.plan.keys.get(key)
            yield from problems_of_equivalent(key, reason, self.tried[mutant] if mutant else None, files)

    def _of(self, exercise: str, origin: Origin) -> list[Tried]:
        return [one for key, one in self.tried.items() if key.exercise == exercise and key.origin is origin]

    def _listed(self) -> set[Candidate]:
        return {self.plan.keys[key] for key in self.plan.equivalent if key in self.plan.keys}

    def _same_as(self, mistake: Tried) -> dict[str, bool]:
        key = mistake.candidate
        return {
            other: self.duplicates.get((key.exercise, key.name, other), False)
            for other in mistake.others
            if other is not None
        }
