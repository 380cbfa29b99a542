"""A course of one small assignment, ps1, whose files a test can change before it is read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from autograder.course import Assignment, Course, load_course

NOTEBOOK = """\
# %% [markdown]
# # Tiny steps

# %%
import math
from collections.abc import Iterable

# %% [markdown]
# ## Exercise 1: `rescale`
# The result of `rescale([1, 3])` is `[0.25, 0.75]`.

# %% exercise="rescale" points=4

# %% example="rescale"
assert rescale([1, 3]) == [0.25, 0.75]

# %% free="true"
# Try your own numbers here.

# %% [markdown] manual="explain" points=2
# Why?

# %%
print(rescale([1, 2, 3]))
"""
SOLUTIONS = '''\
from __future__ import annotations

from collections.abc import Iterable


def rescale(numbers: Iterable[float]) -> list[float]:
    """Divide every number by their sum.

    numbers: any iterable. Returns a list.
    """
    values = list(numbers)
    total = math.fsum(abs(value) for value in values)  # never zero
    return [value / total for value in values]
'''
CHECKS = '''\
from autograder import exercise, expect


@exercise("rescale")
class TestRescale:
    def test_value(self, student, reference, draw):
        """every number is divided by the sum"""
        numbers = draw.numbers(5)
        expect(student.rescale(numbers)).is_close_to(reference.rescale(numbers))
'''
MISTAKES = """\
from autograder import also_right, mistake


@mistake("rescale", hint="You divided by the largest number.")
def divides_by_the_largest(numbers):
    return [number / max(numbers) for number in numbers]


@also_right("rescale")
def with_map(numbers):
    numbers = list(numbers)
    return list(map(lambda number: number / sum(numbers), numbers))
"""


class Tiny:
    """The course on disk. `course` reads it anew."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.folder = root / "assignments" / "ps1"
        self.notebook = self.folder / "notebook.py"
        self.solutions = root / "solutions" / "ps1.py"
        self.released = root / "release" / "ps1"
        self.data = self.folder / "data"
        self.data.mkdir(parents=True)
        self.solutions.parent.mkdir()
        (root / "grader.toml").write_text('[course]\ntitle = "Tiny"\nid = "t1"\n')
        (self.folder / "checks.py").write_text(CHECKS)
        (self.folder / "mistakes.py").write_text(MISTAKES)
        self.notebook.write_text(NOTEBOOK)
        self.solutions.write_text(SOLUTIONS)

    @property
    def course(self) -> Course:
        return load_course(self.root)

    @property
    def assignment(self) -> Assignment:
        return self.course.assignment("ps1")

    def add(self, cell: str) -> None:
        """Append a cell to the author's notebook."""
        self.notebook.write_text(f"{self.notebook.read_text()}\n{cell}\n")

    def change(self, path: Path, old: str, new: str) -> None:
        assert old in path.read_text()
        path.write_text(path.read_text().replace(old, new))

    def cells(self) -> dict[str, Any]:
        """The cells of the released notebook by their ids."""
        notebook = json.loads((self.released / "ps1.ipynb").read_text())
        return {cell["id"]: cell for cell in notebook["cells"]}
