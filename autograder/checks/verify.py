"""Are the checks right? The references, the catalogue of mistakes and systematic mutants answer. DESIGN.md, section 5.

Every candidate is graded with several seeds, so that a check that depends on luck shows. Candidates run in worker
processes of this machine, or, through `sandbox`, as notebooks on the real student side.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, NoReturn

from autograder.checks.candidates import Candidate, Origin, cells_of
from autograder.checks.local import local_caller
from autograder.checks.mistakes import Catalogue, load_catalogue
from autograder.checks.modules import load_module
from autograder.checks.mutate import Mutant, mutants
from autograder.checks.suite import Suite
from autograder.checks.trials import Lost, answer_all
from autograder.checks.verdicts import Files, Tried, mutant_problem, problems_of, problems_of_broken
from autograder.checks.verify_report import ExerciseProof, VerifyReport
from autograder.course import Assignment
from autograder.model import ExerciseResult

OpenCheck = Callable[[], AbstractContextManager[Any]]
OpenNotebook = Callable[[Sequence[str]], AbstractContextManager[OpenCheck]]
"""Runs code cells as a submission; gives what opens one check of it."""


def verify(
    assignment: Assignment,
    *,
    seeds: int = 3,
    jobs: int | None = None,
    seconds: float = 20.0,
    sandbox: OpenNotebook | None = None,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> VerifyReport:
    """Grade every candidate of the assignment and report what the checks miss, mistake or break on.

    seeds: how many times each candidate is graded, with other inputs. jobs: processes, one per core by default.
    seconds: limit of one candidate with all its seeds; a mutant that takes longer counts as killed.
    sandbox: grade references, mistakes and right styles through it, and leave out the mutants.
    on_progress: called with (done, total) candidates. Raises CourseError where a file of the assignment does not run.
    """
    start = time.perf_counter()
    plan = _Plan.of(assignment, with_mutants=sandbox is None)
    candidates = plan.candidates()
    grading = _Grading(assignment, seeds)
    if sandbox is None:
        jobs = jobs or len(os.sched_getaffinity(0))
        answers = answer_all(grading, candidates, jobs=jobs, seconds=seconds, on_progress=on_progress)
    else:
        answers = list(_through(sandbox, grading, candidates, on_progress))
    tried = {
        candidate: Tried(candidate, (), answer.reason) if isinstance(answer, Lost) else Tried(candidate, answer)
        for candidate, answer in zip(candidates, answers, strict=True)
    }
    ...
