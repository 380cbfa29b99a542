"""Grading one candidate with several seeds, in this process or through the sandbox, and comparing two mistakes."""

from __future__ import annotations

import copy
import importlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, NoReturn

import msgspec

from autograder.checks.candidates import Candidate, Origin, cells_of
from autograder.checks.local import local_caller
from autograder.checks.mistakes import Mistake, RightStyle
from autograder.checks.student import Caller, OpenCheck, Step
from autograder.checks.suite import Suite
from autograder.checks.trace import is_same_step
from autograder.checks.trials import Lost
from autograder.course import Assignment
from autograder.engine.calls import Call, CallFailed, CallReport
from autograder.model import ExerciseResult

EXPLAINED_SEEDS = 1  # asking the catalogue takes many times as long as grading
PRELOADED = (
    "torch._dynamo",
    "torch.distributed.tensor",
    "torch.fx.experimental.symbolic_shapes",
    "numpy.random",
    "_pytest.helpconfig",
    __name__,
)
"""What torch imports only when it first needs it, which takes a second: an alarm must never cut that import short."""

Results = tuple[ExerciseResult, ...]  # one per seed
OpenNotebook = Callable[[Sequence[str]], AbstractContextManager[OpenCheck]]  # code cells of a submission, run


@dataclass(frozen=True)
class Grading:
    """Makes, in a worker process, what grades candidates there.

    call_seconds: time limit of one call; a third of it for mutants, which may well loop for ever.
    """

    assignment: Assignment
    seeds: int
    call_seconds: float

    def __call__(self) -> Callable[[Candidate], Results | Lost]:
        """The suite stays open as long as the process lives."""
        suite = _open_suite(self.assignment, self.call_seconds)

        def grade(candidate: Candidate) -> Results | Lost:
            try:
                functions = _functions(candidate, suite)
            except Exception as error:  # a mutant of a class may fail when the module runs
                return Lost(f"raised {type(error).__name__} when its module ran")
            seconds = self.call_seconds / (3 if candidate.origin is Origin.MUTANT else 1)
            return grade_candidate(suite, candidate, local_caller(functions, seconds), self.seeds)

        return grade


@dataclass(frozen=True)
class Comparing:
    """Makes, in a worker process, what tells whether two mistakes do the same in every check."""

    assignment: Assignment
    seeds: int
    call_seconds: float

    def __call__(self) -> Callable[[tuple[Candidate, Candidate]], bool]:
        """The suite stays open as long as the process lives."""
        suite = _open_suite(self.assignment, self.call_seconds)

        def steps_of(candidate: Candidate) -> list[list[Step]]:
            recording = _Recording(local_caller(_functions(candidate, suite)))
            grade_candidate(suite, candidate, recording.open_check, self.seeds, explained_seeds=0)
            return recording.checks

        def do_the_same(pair: tuple[Candidate, Candidate]) -> bool:
            one, other = map(steps_of, pair)
            return len(one) == len(other) and all(map(_is_same_check, one, other))

        return do_the_same


def grade_in_sandbox(suite: Suite, candidate: Candidate, open_notebook: OpenNotebook, seeds: int) -> Results:
    """Grade the candidate as a notebook whose cells `open_notebook` runs."""
    with open_notebook(cells_of(candidate, suite.assignment)) as open_check:
        return grade_candidate(suite, candidate, open_check, seeds)


def grade_candidate(
    suite: Suite, candidate: Candidate, open_check: OpenCheck, seeds: int, *, explained_seeds: int = EXPLAINED_SEEDS
) -> Results:
    """The results of the candidate's exercise, one per seed. Only mistakes are explained, with the first seeds."""
    exercise = suite.assignment.exercise(candidate.exercise)
    only = copy.copy(suite)
    only.assignment = msgspec.structs.replace(suite.assignment, exercises=(exercise,))
    explained = explained_seeds if candidate.origin is Origin.MISTAKE else 0
    return tuple(
        only.grade(open_check, seed_for(number), explain_failures=number <= explained)[0]
        for number in range(1, seeds + 1)
    )


def _open_suite(assignment: Assignment, call_seconds: float) -> Suite:
    preload()
    return Suite(assignment, seconds=call_seconds)


def preload() -> None:
    """Import what torch would import while a call is being timed."""
    for name in PRELOADED:
        importlib.import_module(name)


def seed_for(number: int) -> Callable[[str], str]:
    """The seeds of the checks in the `number`-th round."""
    return lambda check: sha256(f"verify {number} {check}".encode()).hexdigest()


def _functions(candidate: Candidate, suite: Suite) -> Mapping[str, Callable[..., Any]]:
    """What stands in the student's place: the candidate, and references around it."""
    name, catalogue = candidate.exercise, suite.catalogue
    match candidate.origin:
        case Origin.REFERENCE:
            return suite.references
        case Origin.EMPTY:
            return {**suite.references, name: _not_written}
        case Origin.MUTANT:
            namespace: dict[str, Any] = {"__name__": "mutant"}
            exec(compile(candidate.source, "<mutant>", "exec", dont_inherit=True), namespace)
            return {**suite.references, name: namespace[name]}
    entries: tuple[Mistake | RightStyle, ...] = (*catalogue.mistakes_of(name), *catalogue.right_styles_of(name))
    written = next(entry for entry in entries if entry.name == candidate.name)
    return {**suite.references, **written.beside, name: written.function}


def _not_written(*args: object, **kwargs: object) -> NoReturn:
    raise NotImplementedError


class _Recording:
    """Callers that keep every step, check by check."""

    def __init__(self, open_check: OpenCheck) -> None:
        self._open_check = open_check
        self.checks: list[list[Step]] = []

    @contextmanager
    def open_check(self) -> Iterator[Caller]:
        self.checks.append([])
        with self._open_check() as caller:
            yield _RecordingCaller(caller, self.checks[-1])


@dataclass(frozen=True)
class _RecordingCaller:
    caller: Caller
    steps: list[Step]

    def call(self, call: Call) -> CallReport:
        try:
            report = self.caller.call(call)
        except CallFailed as failed:
            self.steps.append(Step(call, None, failed.kind))
            raise
        self.steps.append(Step(call, report))
        return report

    def close(self) -> None:
        self.caller.close()


def _is_same_check(one: Sequence[Step], other: Sequence[Step]) -> bool:
    return len(one) == len(other) and all(is_same_step(a, b, None) for a, b in zip(one, other, strict=True))
