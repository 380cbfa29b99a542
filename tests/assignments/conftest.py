"""What the tests of the assignments share. A module says which one it is about: `ASSIGNMENT = "mlp"`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import matplotlib.pyplot as plt
import pytest

from autograder.checks.modules import load_module
from autograder.course import Assignment, load_course


@pytest.fixture(scope="module")
def assignment(request: pytest.FixtureRequest) -> Assignment:
    return load_course(Path(__file__)).assignment(request.module.ASSIGNMENT)


@pytest.fixture(scope="module")
def references(assignment: Assignment) -> ModuleType:
    return load_module(assignment.solutions)


@pytest.fixture
def shown_plots(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """The numbers of the figures that a notebook shows, in a run without a screen."""
    plt.switch_backend("agg")
    shown: list[int] = []
    monkeypatch.setattr(plt, "show", lambda: shown.extend(plt.get_fignums()) or plt.close("all"))
    yield shown
    plt.close("all")
