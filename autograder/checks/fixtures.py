"""The fixtures of `checks.py`: `student`, `reference`, `draw`, `device`, for the check that runs now."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from autograder.checks.draw import Draw
from autograder.checks.student import Functions


@dataclass(frozen=True)
class Sides:
    """What one run of one check works with."""

    student: Functions
    reference: Functions
    draw: Draw
    device: str


class Fixtures:
    """A pytest plugin. sides_of: the sides for an item; asked once for each fixture that the item uses."""

    def __init__(self, sides_of: Callable[[pytest.Item], Sides]) -> None:
        self._sides_of = sides_of

    @pytest.fixture
    def student(self, request: pytest.FixtureRequest) -> Functions:
        """The functions that the student wrote."""
        return self._sides_of(request.node).student

    @pytest.fixture
    def reference(self, request: pytest.FixtureRequest) -> Functions:
        """The references of the assignment."""
        return self._sides_of(request.node).reference

    @pytest.fixture
    def draw(self, request: pytest.FixtureRequest) -> Draw:
        """Inputs from the seed of this check and submission."""
        return self._sides_of(request.node).draw

    @pytest.fixture
    def device(self, request: pytest.FixtureRequest) -> str:
        """Where tensors live: "cpu" or "cuda"."""
        return self._sides_of(request.node).device
