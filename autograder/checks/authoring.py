"""The fixtures when an author runs `checks.py` with plain pytest: the references stand in the student's place."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from autograder.checks.draw import Draw
from autograder.checks.fixtures import Fixtures, Sides
from autograder.checks.local import LocalCaller
from autograder.checks.marks import EXERCISE, NEEDS
from autograder.checks.modules import functions_of, load_module
from autograder.checks.plugin import solutions_of
from autograder.checks.student import reference, student

_SIDES = pytest.StashKey[Sides]()


class AuthoringPlugin(Fixtures):
    """Registered when the first `checks.py` is collected. Inputs are the same at every run."""

    def __init__(self, config: pytest.Config) -> None:
        super().__init__(self._sides_of_item)
        self._config = config
        self._references: dict[Path, dict[str, Callable[..., Any]]] = {}
        self._missed: set[tuple[str, str]] = set()  # class and name of the checks that did not pass

    def _sides_of_item(self, item: pytest.Item) -> Sides:
        if _SIDES not in item.stash:
            functions = self._functions(item.path)
            seed = f"author:{item.nodeid.rpartition('/')[2]}"
            sides = Sides(student(LocalCaller(functions), seed), reference(functions, seed), Draw(seed), "cpu")
            item.stash[_SIDES] = sides
        return item.stash[_SIDES]

    def _functions(self, file: Path) -> dict[str, Callable[..., Any]]:
        if file not in self._references:
            solutions = solutions_of(file)
            if solutions is None:
                raise pytest.UsageError(f"{file}: no solutions/{file.parent.name}.py beside assignments/")
            self._references[file] = functions_of(load_module(solutions))
        return self._references[file]

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        """Skip a check when one that it needs did not pass."""
        needed = getattr(getattr(item, "function", None), NEEDS, ())
        for name in needed:
            if (_class_of(item), name) in self._missed:
                pytest.skip(f"needs: {name}")

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Remember what did not pass."""
        if not report.passed:
            place, _, name = report.nodeid.rpartition("::")
            self._missed.add((place, name.partition("[")[0]))

    def pytest_itemcollected(self, item: pytest.Item) -> None:
        """Say at once when a check belongs to no exercise."""
        if solutions_of(item.path) is None or not isinstance(item, pytest.Function):
            return
        if not hasattr(item.function, EXERCISE) and not hasattr(item.cls, EXERCISE):
            raise pytest.UsageError(f'{item.nodeid} belongs to no exercise; write @exercise("NAME") above its class')


def _class_of(item: pytest.Item) -> str:
    return item.nodeid.rpartition("::")[0]
