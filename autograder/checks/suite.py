"""The hidden checks of one assignment: collected once, run for each submission, scored, explained.

    with Suite(assignment) as suite:
        results = suite.grade(run.open_check, seed_for)

Nothing that a student wrote makes `grade` raise. A check whose own code breaks over a student's odd value (a list where
it adds tensors) is tried once more with the reference in the student's place: if that works, the value was at fault.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from types import CodeType, TracebackType
from typing import Any

import msgspec

from autograder.checks.chains import Chain, ask_in_order, chains_of
from autograder.checks.collection import CheckSession
from autograder.checks.described import CheckInfo, described
from autograder.checks.explain import Explanation, explain
from autograder.checks.failure import CheckFailedError, StudentSideError
from autograder.checks.local import local_caller
from autograder.checks.mistakes import Catalogue, load_catalogue
from autograder.checks.modules import functions_of, load_module
from autograder.checks.running import CALL_SECONDS, Run, Runner, Watch
from autograder.checks.scoring import score_exercise
from autograder.checks.sketch import can_be_sketched, sketch_of
from autograder.checks.student import OpenCheck
from autograder.checks.told import result_of, told_apart
from autograder.checks.worked import Ask, find_example
from autograder.course import Assignment, Exercise
from autograder.engine.calls import CallReport
from autograder.errors import CourseError
from autograder.model import CheckResult, Example, ExerciseResult, Kind, Outcome

__all__ = ["CheckInfo", "Suite", "local_caller"]

MAX_EXAMPLE_CHECKS = 3  # checks whose calls are imitated for one example
MAX_LOCAL_CALLS = 40
MAX_STUDENT_CALLS = 8  # through the sandbox, each in a fork of its own
MAX_SKETCHES = 6  # of one exercise
MAX_TIMEOUTS = 2  # of one exercise; after that its other checks are not run
TIMED_OUT = "not run: your function ran out of time in the checks before"

SeedFor = Callable[[str], str]


class Suite(AbstractContextManager["Suite"]):
    """The checks of `assignment`, open for grading.

    checks: in the order of the exercises, as written. uses_device: some of them are about placement.
    source_digest: changes when checks, mistakes or references do.
    device: where drawn tensors live. seconds: time limit of one call. Raises CourseError when the course is at fault.
    """

    def __init__(self, assignment: Assignment, device: str = "cpu", *, seconds: float = CALL_SECONDS) -> None:
        self.assignment = assignment
        if not assignment.checks.is_file():
            raise CourseError(f"{assignment.checks}: no such file; write the hidden checks in it")
        names = [exercise.name for exercise in assignment.exercises]
        self.references: dict[str, Callable[..., Any]] = functions_of(load_module(assignment.solutions))
        for name in names:
            if name not in self.references:
                raise CourseError(f"{assignment.solutions}: no reference for exercise {name}")
        self.catalogue: Catalogue = load_catalogue(assignment.mistakes, names)
        self.source_digest = _digest(assignment)
        self._runner = Runner(self.references, device, seconds)
        root = assignment.folder.parent.parent
        self._session = CheckSession(assignment.checks, root, self._runner.fixtures)
        try:
            self._items = described(self._session.items, assignment)
        except CourseError:
            self._session.close()
            raise
        self.checks: tuple[CheckInfo, ...] = tuple(self._items)
        self._worked: dict[tuple[str, str], Example | None] = {}
        self.uses_device = any(_asks_for_device(item.function.__code__) for item in self._items.values())

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the pytest session behind the checks."""
        self._session.close()

    def grade(
        self,
        open_check: OpenCheck,
        seed_for: SeedFor,
        *,
        explain_failures: bool = True,
        shared_seed_for: SeedFor | None = None,
        shows: bool = False,
        afresh: Callable[[str], OpenCheck | None] = lambda exercise: None,
    ) -> tuple[ExerciseResult, ...]:
        """Run every check, each in what one call of `open_check` opens, and score the exercises.

        seed_for: the hexadecimal seed of a check ("softmax.test_value"). explain_failures: ask the catalogue.
        shared_seed_for: a seed that is the same for the whole class; failures that no mistake explains are run with it
        once more and sketched, so that equal ones can be found. shows: work out a small example of what went wrong.
        afresh: opens the student's functions with the one of an exercise as it was before its first call, where it can.
        """
        return tuple(
            self._grade(exercise, open_check, seed_for, explain_failures, shared_seed_for, shows, afresh)
            for exercise in self.assignment.exercises
        )

    def _grade(
        self,
        exercise: Exercise,
        open_check: OpenCheck,
        seed_for: SeedFor,
        explains: bool,
        shared_seed_for: SeedFor | None,
        shows: bool,
        afresh: Callable[[str], OpenCheck | None],
    ) -> ExerciseResult:
        checks = [check for check in self.checks if check.exercise == exercise.name]
        seeds = {check: seed_for(check.id) for check in checks}
        runs: dict[CheckInfo, Run] = {}
        skipped: dict[CheckInfo, str] = {}
        for check in checks:
            missing = _missing_need(check, runs, skipped)
            if missing is not None:
                skipped[check] = f"needs: {missing.title}"
            elif sum(run.timed_out for run in runs.values()) >= MAX_TIMEOUTS:
                runs[check] = Run(Outcome.FAILED, failure=CheckFailedError(TIMED_OUT))
            else:
                runs[check] = self._run(check, seeds[check], open_check)
        _settle_rules(runs, skipped)
        explanation = self._explain(exercise.name, runs, seeds) if explains else None
        if explains and (open_afresh := afresh(exercise.name)) is not None:
            explanation = self._explain_afresh(exercise.name, runs, seeds, open_afresh, explanation) or explanation
        results = [self._result(check, runs.get(check), skipped, seeds[check], explanation) for check in checks]
        if explanation is None and shared_seed_for is not None:
            sketches = self._sketch(runs, skipped, open_check, shared_seed_for)
            results = [msgspec.structs.replace(result, trace=sketches.get(result.name, "")) for result in results]
        weights = [check.points for check in checks]
        scored = score_exercise(exercise.name, exercise.title, exercise.points, results, weights)
        if not shows:
            return scored
        if explanation is not None:
            return msgspec.structs.replace(scored, worked=self._worked_example(explanation))
        return msgspec.structs.replace(scored, failing=self._failing_call(exercise.name, runs, open_check))

    def _worked_example(self, explanation: Explanation) -> Example | None:
        """The mistake at work. It is the same for every student who makes it."""
        mistake = explanation.mistake
        key = mistake.exercise, mistake.name
        if key not in self._worked:
            functions = {**self.references, **mistake.beside, mistake.exercise: mistake.function}
            self._worked[key] = None
            for check in sorted(explanation.checks, key=self.checks.index)[:MAX_EXAMPLE_CHECKS]:
                steps = self._replay(check, _example_seed(check), self.references).steps
                chains = chains_of(steps, mistake.exercise)
                found = self._find_example(chains, _asking_afresh(functions), MAX_LOCAL_CALLS)
                if found is not None:
                    self._worked[key] = found
                    break
        return self._worked[key]

    def _failing_call(self, exercise: str, runs: Mapping[CheckInfo, Run], open_check: OpenCheck) -> Example | None:
        """The first failed check as a tiny call of the student's function that fails, too."""
        run = next((run for run in runs.values() if run.outcome is Outcome.FAILED and can_be_sketched(run)), None)
        if run is None:
            return None
        try:
            chains = chains_of(run.steps, exercise)[-1:]
            return self._find_example(chains, self._runner.asking(open_check), MAX_STUDENT_CALLS)
        except StudentSideError:
            return None

    def _find_example(self, chains: Sequence[Chain], theirs: Ask, most: int) -> Example | None:
        return find_example(chains, _asking_afresh(self.references), theirs, self.references, most)

    def _run(self, check: CheckInfo, seed: str, open_check: OpenCheck) -> Run:
        run = self._runner.run(self._session, self._items[check], seed, open_check)
        if run.outcome is not Outcome.BROKEN or not run.steps or isinstance(run.fault, StudentSideError):
            return run
        right = self._replay(check, seed, self.references)
        if right.outcome is not Outcome.PASSED:
            return run
        failure = told_apart(run.steps, right.steps)
        return Run(Outcome.FAILED, run.steps, failure, run.fault, seconds=run.seconds)

    def _sketch(
        self,
        runs: Mapping[CheckInfo, Run],
        skipped: Mapping[CheckInfo, str],
        open_check: OpenCheck,
        shared_seed_for: SeedFor,
    ) -> dict[str, str]:
        """The sketches of failed checks, by name. An exception says the same whatever the inputs were."""
        failed = [check for check, run in runs.items() if run.outcome is Outcome.FAILED and check not in skipped]
        sketches = {}
        for check in failed[:MAX_SKETCHES]:
            run = runs[check]
            if not can_be_sketched(run):
                continue
            if not run.gave_no_value:
                run = self._runner.run(self._session, self._items[check], shared_seed_for(check.id), open_check)
            if can_be_sketched(run):
                sketches[check.name] = sketch_of(run)
        return sketches

    def _replay(
        self, check: CheckInfo, seed: str, functions: Mapping[str, Callable[..., Any]], watch: Watch | None = None
    ) -> Run:
        return self._runner.replay(self._session, self._items[check], seed, functions, watch)

    def _explain(
        self, exercise: str, runs: Mapping[CheckInfo, Run], seeds: Mapping[CheckInfo, str]
    ) -> Explanation | None:
        return explain(
            runs,
            self.catalogue.mistakes_of(exercise),
            self.references,
            lambda check, functions, watch: self._replay(check, seeds[check], functions, watch),
        )

    def _explain_afresh(
        self,
        exercise: str,
        runs: Mapping[CheckInfo, Run],
        seeds: Mapping[CheckInfo, str],
        open_afresh: OpenCheck,
        known: Explanation | None,
    ) -> Explanation | None:
        """The explanation of what failed, once the function has forgotten the calls of the notebook.

        A mistake that keeps something from call to call does the same as ours only from the same start, and may look
        like another one before. What fails no more is its doing, too. None: it keeps nothing, as far as can be seen.
        """
        failed = [check for check, run in runs.items() if run.outcome is Outcome.FAILED and not run.timed_out]
        if known is not None and not any(
            self._run(check, seeds[check], open_afresh).outcome is Outcome.PASSED for check in failed[:1]
        ):
            return None
        again = {check: self._run(check, seeds[check], open_afresh) for check in failed}
        found = self._explain(exercise, {**runs, **again}, seeds)
        if found is None:
            return None
        forgotten = {check for check, run in again.items() if run.outcome is Outcome.PASSED}
        return Explanation(found.mistake, found.checks | forgotten)

    def _result(
        self,
        check: CheckInfo,
        run: Run | None,
        skipped: Mapping[CheckInfo, str],
        seed: str,
        explanation: Explanation | None,
    ) -> CheckResult:
        if run is None or check in skipped:
            return CheckResult(
                name=check.name,
                title=check.title,
                kind=check.kind,
                outcome=Outcome.SKIPPED,
                message=skipped[check],
                seed=seed,
                seconds=run.seconds if run else 0.0,
            )
        mistake = explanation.mistake if explanation is not None and check in explanation.checks else None
        return result_of(check, run, seed, mistake, self.references)


def _example_seed(check: CheckInfo) -> str:
    return hashlib.sha256(f"example {check.id}".encode()).hexdigest()


def _asking_afresh(functions: Mapping[str, Callable[..., Any]]) -> Ask:
    """Asks functions of ours, which remember no earlier call."""

    def ask(chain: Chain) -> CallReport:
        with local_caller(functions)() as caller:
            return ask_in_order(caller, chain)

    return ask


def _missing_need(
    check: CheckInfo, runs: Mapping[CheckInfo, Run], skipped: Mapping[CheckInfo, str]
) -> CheckInfo | None:
    """The first check that `check` needs and that the student's answer did not pass."""
    for name in check.needs:
        for other in (*runs, *skipped):
            if other.name == name or other.name.partition("[")[0] == name:
                failed = other in skipped or runs[other].outcome is Outcome.FAILED
                if failed:
                    return other
    return None


def _settle_rules(runs: Mapping[CheckInfo, Run], skipped: dict[CheckInfo, str]) -> None:
    """A rule that could not be looked at, since the function gave no value, is not broken.

    Unless most checks pass: then the function gives values, only not where it is watched.
    """
    points = [check.points for check in runs if check.kind is Kind.CHECK]
    passed = [check.points for check, run in runs.items() if run.outcome is Outcome.PASSED and check.kind is Kind.CHECK]
    if points and sum(passed) > 0.5 * sum(points):
        return
    for check, run in runs.items():
        unseen = run.gave_no_value or (run.failure is not None and run.failure.message == TIMED_OUT)
        if check.kind is Kind.RULE and run.outcome is Outcome.FAILED and unseen:
            skipped[check] = f"could not be looked at: {run.failure.message if run.failure else ''}"


def _digest(assignment: Assignment) -> str:
    """Over the bytes of the checks, the mistakes and the references."""
    digest = hashlib.sha256()
    for path in (assignment.checks, assignment.mistakes, assignment.solutions):
        content = path.read_bytes() if path.exists() else b""
        digest.update(len(content).to_bytes(8, "big") + content)
    return digest.hexdigest()


def _asks_for_device(code: CodeType) -> bool:
    """True when a check calls `placed`, by the names in it."""
    inner = (constant for constant in code.co_consts if isinstance(constant, CodeType))
    return "placed" in code.co_names or any(map(_asks_for_device, inner))
