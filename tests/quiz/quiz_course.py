"""A course of one quiz with a question of every kind, three variants each, and students who answer it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import nbformat

from autograder.course import Assignment, Course, load_course
from autograder.quiz import BuiltQuestion, Variant, load_quiz
from autograder.release.build import release

SETTINGS = """\
[course]
title = "Small quiz"
id = "small"
[limits]
cell_seconds = 5
notebook_seconds = 30
check_seconds = 3
"""

QUIZ = """\
import torch

from autograder import question
from autograder.quiz import *


@question("choice", points=1, variants=3)
def choice(draw):
    n = draw.integer(2, 99)
    wrong = {f"{n} + 1": "That is one more.", f"{n} - 1": "That is one less."}
    return Choice(prompt=f"Which of these equals {n}?", answer=f"{n} + 0", wrong=wrong, explanation="Zero adds none.")


@question("choices", points=2, variants=3)
def choices(draw):
    n = draw.integer(2, 99)
    return Choices(
        prompt=f"Which of these equal {n}?",
        answer=[f"{n} + 0", f"{n} * 1"],
        wrong={f"{n} * 0": "Zero takes all.", f"{n} + 1": "That is one more."},
        explanation="Adding zero and multiplying by one change nothing.",
    )


@question("truth", points=1, variants=3)
def truth(draw):
    n = draw.integer(2, 99)
    return TrueFalse(
        prompt=f"{n} is even.",
        answer=n % 2 == 0,
        wrong={n % 2 != 0: "Divide it by two."},
        explanation="By its last digit.",
    )


@question("number", points=1, variants=3)
def number(draw):
    n = draw.integer(2, 99)
    return Number(
        prompt=f"What is the natural logarithm of {n}, to three digits?",
        answer=torch.tensor(float(n)).log(),
        wrong={n / 2.718281828: "You divided by $e$."},
        explanation="By a calculator.",
    )


@question("integer", points=1, variants=3)
def integer(draw):
    n, m = draw.distinct(2, 3, 90)
    return Integer(
        prompt=f"How many numbers has a matrix of {n} rows and {m} columns?",
        answer=torch.empty(n, m).numel(),
        wrong={n + m: "You added the sizes up."},
        explanation="Rows times columns.",
    )


@question("shape", points=1, variants=3)
def shape(draw):
    x = torch.empty(draw.distinct(3, 2, 9))
    return Shape(
        prompt=f"`x` has shape `{tuple(x.shape)}`; what is the shape of `x.sum(dim=1)`?",
        answer=x.sum(dim=1).shape,
        wrong={x.sum(dim=1, keepdim=True).shape: "Nobody said keepdim."},
        explanation="The axis that is summed over goes.",
    )


@question("tensor", points=1, variants=3)
def tensor(draw):
    x = torch.tensor([list(draw.sample(range(2, 20), 2)), list(draw.sample(range(20, 40), 2))])
    return TensorValue(
        prompt=f"What is the transpose of `{x.tolist()}`?",
        answer=x.T,
        wrong=[(x.flip(0).tolist(), "You turned it upside down.")],
        explanation="Rows become columns.",
    )


@question("dtype", points=1, variants=3)
def dtype(draw):
    n = draw.integer(2, 99)
    return Dtype(
        prompt=f"Of what dtype is `torch.tensor([{n}, 1.0])`?",
        answer=torch.tensor([n, 1.0]).dtype,
        wrong={"int64": "One entry has a point."},
        explanation="One float makes all of them floats.",
    )


@question("device", points=1, variants=3)
def device(draw):
    n = draw.integer(2, 99)
    return Device(
        prompt=f"Where does `torch.ones({n})` live by default?",
        answer=torch.ones(n).device,
        wrong={"cuda:0": "Nothing moves there by itself."},
        explanation="Tensors are made on the processor unless one says so.",
    )


@question("text", points=1, variants=3)
def text(draw):
    n = draw.integer(90, 99)
    return ShortText(
        prompt=f"{n} % of the training set right, half of the test set: what is this called?",
        answer="overfitting",
        accepted=["over-fitting", "overfit"],
        wrong={"underfitting": "It fits the training set well."},
        explanation="It learned the training set by heart.",
    )


@question("printed", points=1, variants=3)
def printed(draw):
    n, m = draw.distinct(2, 3, 90)
    return Printed(
        prompt="What is printed?",
        code=f"x = torch.tensor([{n}, {m}])\\nprint(x + 1)\\nprint(tuple(x.shape))",
        wrong={f"tensor([{n}, {m}])\\n(2,)": "One is added to each."},
        explanation="One is added to every entry.",
    )


@question("formula", points=1, variants=3)
def formula(draw):
    n = draw.integer(2, 9)
    return Expression(
        prompt=f"What is the derivative of $e^{{{n}x}}$?",
        answer=f"{n} * exp({n} * x)",
        wrong={f"exp({n} * x)": "The inner derivative is missing."},
        explanation="The chain rule.",
    )


@question("order", points=1, variants=3)
def order(draw):
    n = draw.integer(2, 99)
    lines = [f"a = {n}", "b = a + 1", "c = b + a", "print(c)"]
    return Order(
        prompt="Put these lines in order.",
        answer=lines,
        wrong=[(lines[::-1], "Nothing is there to be printed.")],
        explanation="A name must be bound before it is used.",
    )


@question("match", points=1, variants=3)
def match(draw):
    n = draw.integer(2, 99)
    return Match(
        prompt="Which value belongs to which expression?",
        answer={f"{n} * 0": "zero", f"{n} / {n}": "one", f"{n} + {n} - {n}": str(n)},
        others=["two"],
        wrong={(f"{n} * 0", str(n)): "Zero takes all."},
        explanation="Work them out.",
    )
"""
NAMES = ("choice", "choices", "truth", "number", "integer", "shape", "tensor", "dtype", "device", "text", "printed")
NAMES += ("formula", "order", "match")
CELLS_OF_A_QUESTION = ("{}-question", "{}", "test_{}")
NOTEBOOK = "# %% [markdown]\n# # Small quiz\n\n# %%\nimport torch\n" + "".join(
    f'\n# %% [markdown]\n# ## About {name}\n\n# %% question="{name}"\n' for name in NAMES
)


def write_quiz(root: Path, quiz: str = QUIZ, notebook: str = NOTEBOOK, settings: str = SETTINGS) -> Assignment:
    """Write the course without its release and read it."""
    folder = root / "assignments" / "kinds"
    folder.mkdir(parents=True, exist_ok=True)
    (root / "grader.toml").write_text(settings)
    (folder / "notebook.py").write_text(notebook)
    (folder / "quiz.py").write_text(quiz)
    return load_course(root).assignment("kinds")


def write_course(root: Path) -> Course:
    """Write and release the course."""
    write_quiz(root)
    course = load_course(root)
    release(course)
    return course


def questions(course: Course) -> dict[str, BuiltQuestion]:
    return {question.name: question for question in load_quiz(course.assignment("kinds"))}


def variant_of(question: BuiltQuestion, student: str) -> Variant:
    return question.variants[question.number_for("kinds", student, is_personal=True)]


def notebook_of(course: Course, sources: Mapping[str, str], *more: Any, named: str = "") -> nbformat.NotebookNode:
    """The released notebook with the cells of these questions replaced, and with cells more at its end."""
    notebook = nbformat.read(course.root / "release/kinds/kinds.ipynb", as_version=4)
    for cell in notebook.cells:
        grade_id = cell.metadata.get("nbgrader", {}).get("grade_id")
        cell.source = sources.get(grade_id, cell.source)
        if cell.id == "student" and named:
            cell.source = f'STUDENT = "{named}"'
    notebook.cells += more
    return notebook


def hand_in(course: Course, student: str, notebook: nbformat.NotebookNode) -> Path:
    path = course.root / "submitted" / student / "kinds" / "kinds.ipynb"
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(notebook, path)
    return path
