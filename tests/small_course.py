"""A course of one small assignment, made in a temporary folder: two exercises, a set-up cell, an answer in words."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from nbgrader.utils import compute_checksum

from autograder.course import Course, load_course
from autograder.model import (
    CheckResult,
    ExerciseResult,
    Isolation,
    Kind,
    Outcome,
    QuestionResult,
    QuestionState,
    SubmissionResult,
)

SETTINGS = """\
[course]
title = "Small course"
id = "small"
[limits]
cell_seconds = 5
notebook_seconds = 20
check_seconds = 2
notebook_size = "1 MiB"
memory = "2 GiB"
"""

NOTEBOOK = """\
# %% [markdown]
# # Tiny

# %%
import torch

# %% exercise="double" points=2

# %% example="double"
assert double(torch.tensor(2.0)) == 4, "double(2) must be 4"

# %% exercise="total" points=3

# %% example="total"
assert total(torch.ones(3)) == 3, "three ones make 3"

# %% [markdown] manual="explain" points=2
# Why is it so?
"""

SOLUTIONS = '''\
"""References of the small course."""

import torch


def double(x):
    """Twice x, elementwise."""
    return x + x


def total(x):
    """The sum of all entries, 0-dim."""
    return x.sum()
'''

CHECKS = '''\
from autograder import exercise, expect, needs


@exercise("double")
class TestDouble:
    def test_value(self, student, reference, draw):
        """it is twice the input"""
        x = draw.logits(3, 4)
        expect(student.double(x)).is_close_to(reference.double(x))

    def test_other_size(self, student, reference, draw):
        """it takes other sizes"""
        x = draw.logits(1, 2)
        expect(student.double(x)).is_close_to(reference.double(x))


@exercise("total")
class TestTotal:
    def test_value(self, student, reference, draw):
        """it is the sum of all entries"""
        x = draw.logits(3, 4)
        expect(student.total(x)).is_close_to(reference.total(x), look_at="over which axes you sum")

    @needs("test_value")
    def test_one_entry(self, student, reference, draw):
        """it takes a single entry"""
        x = draw.logits(1, 1)
        expect(student.total(x)).is_close_to(reference.total(x))
'''

MISTAKES = """\
from autograder import also_right, mistake


@mistake("total", hint="You took the mean. The sum is not divided by anything.")
def takes_the_mean(x):
    return x.mean()


@mistake("double", hint="You squared it. Twice x is x + x.")
def squares(x):
    return x * x


@also_right("double")
def multiplies(x):
    return 2 * x
"""

UNWRITTEN = "    # YOUR CODE HERE\n    raise NotImplementedError()"
STUBS = {
    "double": f'def double(x):\n    """Twice x, elementwise."""\n{UNWRITTEN}',
    "total": f'def total(x):\n    """The sum of all entries, 0-dim."""\n{UNWRITTEN}',
}
RIGHT = {"double": "def double(x):\n    return 2 * x", "total": "def total(x):\n    return x.sum()"}
POINTS = {"double": 2.0, "total": 3.0}


def marked(cell: Any, grade_id: str, **marks: Any) -> Any:
    """A cell with nbgrader's metadata, as nbgrader releases it."""
    flags = {"grade": False, "solution": False, "locked": False, "task": False, "schema_version": 3} | marks
    cell.metadata["nbgrader"] = {"grade_id": grade_id, "cell_type": cell.cell_type, **flags}
    cell.metadata["nbgrader"]["checksum"] = compute_checksum(cell)
    return cell


def released_notebook(points: dict[str, float] | None = None) -> nbformat.NotebookNode:
    """What students of the small course get."""
    points = points or POINTS
    cells = [
        new_markdown_cell("# Tiny", id="title"),
        marked(new_code_cell("import torch", id="s"), "setup", locked=True),
    ]
    examples = {"double": "assert double(torch.tensor(2.0)) == 4", "total": "assert total(torch.ones(3)) == 3"}
    for name, worth in points.items():
        cells.append(marked(new_code_cell(STUBS[name], id=name), name, solution=True))
        example = new_code_cell(examples[name], id=f"test-{name}")
        cells.append(marked(example, f"test_{name}", grade=True, locked=True, points=worth))
    answer = new_markdown_cell("YOUR ANSWER HERE", id="explain")
    cells.append(marked(answer, "explain", grade=True, solution=True, points=2.0))
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    return new_notebook(cells=cells, metadata={"kernelspec": kernel, "language_info": {"name": "python"}})


def filled(answers: dict[str, str] | None = None) -> nbformat.NotebookNode:
    """A submission: the released notebook with answers by grade_id; all of them right by default."""
    notebook = released_notebook()
    for cell in notebook.cells:
        grade_id = cell.metadata.get("nbgrader", {}).get("grade_id")
        cell.source = (RIGHT if answers is None else answers).get(grade_id, cell.source)
    return notebook


def write_course(root: Path) -> Course:
    """Write all files of the small course and read it."""
    files = {
        "grader.toml": SETTINGS,
        "assignments/tiny/notebook.py": NOTEBOOK,
        "assignments/tiny/checks.py": CHECKS,
        "assignments/tiny/mistakes.py": MISTAKES,
        "solutions/tiny.py": SOLUTIONS,
        "release/tiny/tiny.ipynb": nbformat.writes(released_notebook()),
        "release/tiny/data/numbers.txt": "1 2 3\n",
    }
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return load_course(root)


def hand_in(root: Path, student: str, notebook: Any, name: str = "tiny.ipynb") -> Path:
    """Put a notebook (a node, a JSON value, text or bytes) into a student's folder."""
    path = root / "submitted" / student / "tiny" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(notebook, nbformat.NotebookNode):
        notebook = nbformat.writes(notebook)
    elif isinstance(notebook, dict | list):
        notebook = json.dumps(notebook)
    path.write_bytes(notebook if isinstance(notebook, bytes) else notebook.encode())
    return path


def made_result(
    student: str,
    scores: Sequence[float] = (2.0, 3.0),
    fingerprint: str = "f" * 64,
    outcome: Callable[[str], Outcome] = lambda _: Outcome.PASSED,
    explained: str = "",
    **changes: Any,
) -> SubmissionResult:
    """A result made by hand. explained: the answer in words."""
    exercises = tuple(
        ExerciseResult(
            name=name,
            title=name.title(),
            score=score,
            max_score=POINTS[name],
            checks=(
                CheckResult(
                    name="test_value",
                    title=f"{name} is right",
                    kind=Kind.CHECK,
                    outcome=outcome(name),
                    points=score,
                    max_points=POINTS[name],
                    seed="ab" * 32,
                ),
            ),
        )
        for name, score in zip(POINTS, scores, strict=True)
    )
    state = QuestionState.BY_HAND if explained else QuestionState.UNANSWERED
    explain = QuestionResult(
        name="explain", variant=0, score=0.0, max_score=2.0, answer=explained, state=state, message=state.value
    )
    values = {
        "score": sum(scores),
        "max_score": 7.0,
        "status": "graded",
        "exercises": exercises,
        "questions": (explain,),
    } | changes
    return SubmissionResult(
        file="tiny.ipynb",
        assignment="tiny",
        student=student,
        isolation=Isolation.A,
        fingerprint=fingerprint,
        **values,
    )
