"""A small class that the demo's generator made and the grader graded, for the tests of its pages."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest
from typer.testing import CliRunner

from autograder.cli import app
from autograder.course import Course, load_course
from autograder.demo import make_demo
from autograder.demo.plan import Planted
from autograder.grading.batch import grade_class
from autograder.model import SubmissionResult

ROOT = Path(__file__).parents[2]
ASSIGNMENT = "softmax_regression"
STUDENTS, TOGETHER = 6, 4
# These do the same as another mistake of the catalogue, or nothing twice, in what the checks see.
AMBIGUOUS = {
    "forgets_keepdim_in_the_shift", "fills_a_new_tensor_on_the_cpu", "collects_losses_on_the_cpu",
    "counts_in_a_new_tensor_on_the_cpu", "predicts_the_smallest_score", "keeps_counting",
}  # fmt: skip
# Nobody planted it: one row too many in the denominator. Four students write it in four ways.
UNPLANTED = (
    "def accuracy(logits, labels):\n    return (logits.argmax(1) == labels).sum().item() / (len(labels) + 1)\n",
    "def accuracy(logits, labels):\n    hits = (logits.argmax(dim=-1) == labels).float().sum()\n"
    "    return float(hits) / (labels.shape[0] + 1)\n",
    "def accuracy(scores, y):\n    right = torch.eq(scores.max(dim=1).indices, y).sum()\n"
    "    return (right.double() / (y.numel() + 1)).item()\n",
    "def accuracy(logits, labels):\n    n = 1 + logits.size(0)\n    found = logits.argmax(dim=1)\n"
    "    return torch.where(found == labels, 1.0, 0.0).double().sum().item() / n\n",
)


@dataclass(frozen=True)
class Class:
    """A graded class: its course, the truth about it, and what was found."""

    course: Course
    planted: tuple[Planted, ...]
    together: tuple[str, ...]  # who wrote UNPLANTED
    results: tuple[SubmissionResult, ...]
    report: Path


def copy_two_assignments(into: Path) -> Course:
    """Our own course with two of its assignments: the others are not what is tested here."""
    names = (ASSIGNMENT, "mlp")
    for name in names:
        shutil.copytree(ROOT / "assignments" / name, into / "assignments" / name)
        if (ROOT / "release" / name).is_dir():
            shutil.copytree(ROOT / "release" / name, into / "release" / name)
        (into / "solutions").mkdir(exist_ok=True)
        shutil.copyfile(ROOT / "solutions" / f"{name}.py", into / "solutions" / f"{name}.py")
    sections = re.split(r"(?m)^(?=\[)", (ROOT / "grader.toml").read_text())
    others = [
        s
        for s in sections
        if s.startswith("[assignments.") and not s.startswith(tuple(f"[assignments.{n}]" for n in names))
    ]
    (into / "grader.toml").write_text("".join(section for section in sections if section not in others))
    return load_course(into)


@pytest.fixture(scope="session")
def graded(tmp_path_factory: pytest.TempPathFactory) -> Class:
    """Six students of the demo with one mistake an exercise, four of whom make another one, all alike."""
    folder = tmp_path_factory.mktemp("class")
    demo = make_demo(copy_two_assignments(tmp_path_factory.mktemp("course")), folder, 60, [ASSIGNMENT])
    (folder / ".grader-secret").write_text("5e" * 32)
    chosen = [p for p in demo.planted if p.mistakes and not p.trouble and not AMBIGUOUS & set(p.mistakes.values())]
    chosen = chosen[:STUDENTS]
    for left_out in {p.student for p in demo.planted} - {p.student for p in chosen}:
        shutil.rmtree(folder / "submitted" / left_out)
    together = tuple(planted.student for planted in chosen[:TOGETHER])
    for student, source in zip(together, UNPLANTED, strict=True):
        path = folder / "submitted" / student / ASSIGNMENT / f"{ASSIGNMENT}.ipynb"
        notebook = json.loads(path.read_bytes())
        cell = next(c for c in notebook["cells"] if c["metadata"].get("nbgrader", {}).get("grade_id") == "accuracy")
        cell["source"] = source
        path.write_text(json.dumps(notebook))
    run = grade_class(demo.course, [ASSIGNMENT])
    done = CliRunner().invoke(app, ["-C", str(folder), "report"])
    assert done.exit_code == 0, done.output
    assert f"report: {folder / 'report' / 'index.html'}" in done.stdout
    return Class(demo.course, tuple(chosen), together, run.results, folder / "report")
