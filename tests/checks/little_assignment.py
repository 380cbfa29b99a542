"""Made-up assignments on disk, for the tests of checks/: one or two exercises, a few lines each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from textwrap import dedent
from typing import Any

from autograder.checks.local import local_caller
from autograder.checks.suite import Suite
from autograder.course import Assignment, Exercise
from autograder.model import CheckResult, ExerciseResult

SOLUTIONS = """
    def double(x):
        return 2 * x

    def shift(x, by):
        return x + by
"""

CHECKS = """
    import pytest
    import torch
    from autograder import exercise, expect, needs, points, rule

    @exercise("double")
    class TestDouble:
        def test_value(self, student, reference, draw):
            \"\"\"it is twice the input\"\"\"
            x = draw.logits(3, 4)
            expect(student.double(x)).is_close_to(reference.double(x), look_at="the factor")

        @needs("test_value")
        def test_gradient(self, student, reference, draw):
            \"\"\"the gradient is two\"\"\"
            x, weights = draw.logits(3, 4), draw.logits(3, 4)
            expect(student.double.vjp(weights, x)).is_close_to(reference.double.vjp(weights, x))

        def test_pure(self, student, draw):
            \"\"\"the input stays as it was\"\"\"
            expect(student.double.report(draw.logits(2, 2))).leaves_inputs_unchanged()

        @rule
        def test_no_add(self, student, draw):
            \"\"\"written without add\"\"\"
            expect(student.double.report(draw.logits(3, 4), record=True)).calls_none_of("add")
"""

MISTAKES = """
    from autograder import also_right, mistake

    @mistake("double", hint="You squared it.")
    def squares(x):
        return x * x

    @mistake("double", hint="You changed the input.")
    def doubles_in_place(x):
        x *= 2
        return x

    @mistake("double", hint="No gradient comes through.")
    def detaches(x):
        return 2 * x.detach()

    @mistake("double", hint="Do not add.")
    def adds(x):
        return x.add(x)

    @also_right("double")
    def times_two(x):
        return x.mul(2)
"""


def make_assignment(
    root: Path,
    checks: str = CHECKS,
    solutions: str = SOLUTIONS,
    mistakes: str | None = MISTAKES,
    points: Mapping[str, float] | None = None,
    name: str = "little",
) -> Assignment:
    """An assignment under `root` with exercise "double" (4 points), or with those of `points`."""
    folder = root / "assignments" / name
    folder.mkdir(parents=True, exist_ok=True)
    (root / "solutions").mkdir(exist_ok=True)
    (folder / "checks.py").write_text(dedent(checks))
    if mistakes is not None:
        (folder / "mistakes.py").write_text(dedent(mistakes))
    (root / "solutions" / f"{name}.py").write_text(dedent(solutions))
    exercises = {"double": 4.0} if points is None else points
    return Assignment(
        name=name,
        title=name,
        folder=folder,
        notebook=folder / "notebook.py",
        checks=folder / "checks.py",
        mistakes=folder / "mistakes.py",
        solutions=root / "solutions" / f"{name}.py",
        release_folder=root / "release" / name,
        data=(),
        due=None,
        exercises=tuple(Exercise(name=key, title=key, points=value) for key, value in exercises.items()),
        cells=(),
    )


def grade(
    assignment: Assignment, functions: Mapping[str, Callable[..., Any]], seed: str = "a1", **options: Any
) -> tuple[ExerciseResult, ...]:
    """Grade functions of this process in the student's place."""
    with Suite(assignment, **options) as suite:
        return suite.grade(local_caller(functions), lambda check: f"{seed}:{check}")


def grade_double(assignment: Assignment, function: Callable[..., Any], **options: Any) -> dict[str, CheckResult]:
    """The results of the first exercise, by the names of its checks."""
    (result, *_) = grade(assignment, {"double": function}, **options)
    return {check.name: check for check in result.checks}
