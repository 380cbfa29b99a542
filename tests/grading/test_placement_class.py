"""Placement is graded without a GPU: each mistake is caught, with its line; without any device nobody is blamed."""

from __future__ import annotations

import ast
import html
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import nbformat
import pytest

from autograder.course import Course, load_course
from autograder.engine.devices import real_gpu
from autograder.errors import DeviceError
from autograder.grading.fingerprint import suite_fingerprint
from autograder.grading.one import Grader
from autograder.grading.released import load_released
from autograder.model import CheckResult, DeviceKind, Outcome, SubmissionResult
from autograder.report.feedback import render_feedback

REPOSITORY = Path(__file__).parents[2]
NAME = "softmax_regression"

MISTAKES = {
    "a trip through the CPU": (
        "softmax",
        """def softmax(logits):
    exps = (logits - logits.amax(dim=1, keepdim=True)).cpu().exp()
    return (exps / exps.sum(dim=1, keepdim=True)).to(logits.device)""",
        "line 2 moves a tensor (5, 7) float32 from the GPU to the CPU",
    ),
    "a trip in the backward pass only": (
        "softmax",
        """class Softmax(torch.autograd.Function):
    @staticmethod
    def forward(ctx, logits):
        exps = (logits - logits.amax(dim=1, keepdim=True)).exp()
        probs = exps / exps.sum(dim=1, keepdim=True)
        ctx.save_for_backward(probs)
        return probs

    @staticmethod
    def backward(ctx, weights):
        p, g = (tensor.cpu() for tensor in (*ctx.saved_tensors, weights))
        return (p * (g - (g * p).sum(dim=1, keepdim=True))).to(weights.device)


def softmax(logits):
    return Softmax.apply(logits)""",
        "line 11 moves a tensor (5, 7) float32 from the GPU to the CPU in the backward pass",
    ),
    "a new tensor on the CPU": (
        "cross_entropy",
        """def cross_entropy(logits, labels):
    one_hot = torch.zeros(logits.shape, dtype=logits.dtype)
    one_hot[torch.arange(len(labels)), labels] = 1
    return (logits.logsumexp(dim=1) - (logits * one_hot).sum(dim=1)).mean()""",
        "(line 3: `one_hot[torch.arange(len(labels)), labels] = 1`)",
    ),
    "a result on the CPU": (
        "cross_entropy_backward",
        """def cross_entropy_backward(logits, labels):
    probs = torch.softmax(logits, dim=1)
    probs[torch.arange(len(labels)), labels] -= 1
    return (probs / len(labels)).cpu()""",
        "line 4 moves a tensor (6, 4) float32 from the GPU to the CPU",
    ),
    "NumPy": (
        "accuracy",
        """def accuracy(logits, labels):
    return float((logits.numpy().argmax(axis=1) == labels.numpy()).mean())""",
        "can't convert cuda:0 device type tensor to numpy",
    ),
    "an update on the CPU": (
        "sgd_step",
        """def sgd_step(params, lr):
    with torch.no_grad():
        for p in params:
            if p.grad is not None:
                p.copy_(p.cpu() - lr * p.grad.cpu())
                p.grad = None""",
        "line 5 moves a tensor (3, 4) float32 from the GPU to the CPU",
    ),
}


def write_submission(path: Path, answers: dict[str, str]) -> Path:
    """A submission with the references, but for `answers`."""
    text = (REPOSITORY / "solutions" / f"{NAME}.py").read_text()
    references = {
        node.name: ast.get_source_segment(text, node)
        for node in ast.parse(text).body
        if isinstance(node, ast.FunctionDef)
    }
    notebook = nbformat.read(REPOSITORY / "release" / NAME / f"{NAME}.ipynb", as_version=4)
    for cell in notebook.cells:
        nbgrader = cell.metadata.get("nbgrader", {})
        if nbgrader.get("solution"):
            cell.source = (references | answers)[nbgrader["grade_id"]]
    nbformat.write(notebook, path)
    return path


def copy_of_course(root: Path) -> Course:
    for name in ("assignments", "solutions", "release"):
        shutil.copytree(REPOSITORY / name, root / name)
    shutil.copy(REPOSITORY / "grader.toml", root)
    return load_course(root)


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory) -> Course:
    return copy_of_course(tmp_path_factory.mktemp("placement"))


@pytest.fixture(scope="module")
def grader(course: Course) -> Iterator[Grader]:
    with Grader(course, course.assignment(NAME)) as grader:
        yield grader


def placement_of(result: SubmissionResult, exercise: str) -> CheckResult:
    (found,) = (each for each in result.exercises if each.name == exercise)
    return next(check for check in found.checks if check.name == "test_placement")


def test_without_a_compiler_placement_is_not_checked_and_costs_nothing(tmp_path: Path) -> None:
    copy_of_course(tmp_path / "course")
    wrong = {exercise: source for exercise, source, _ in MISTAKES.values() if exercise != "softmax"}
    path, out = write_submission(tmp_path / "ann.ipynb", wrong), tmp_path / "out.json"
    environment = os.environ | {"TORCHMARK_CACHE": str(tmp_path / "empty"), "PATH": "/nonexistent"}
    command = [Path(sys.executable).with_name("grader"), "-C", str(tmp_path / "course"), "grade", str(path)]
    done = subprocess.run(
        [*command, "--assignment", NAME, "--json", str(out)], env=environment, capture_output=True, text=True
    )
    (result,) = json.loads(out.read_text())
    assert result["device"] == "cpu"
    assert result["score"] == result["max_score"]
    outcomes = {check["name"]: check for exercise in result["exercises"] for check in exercise["checks"]}
    assert outcomes["test_placement"]["outcome"] == "not checked"
    assert "compiler" in outcomes["test_placement"]["message"]
    assert "placement: not checked: " in done.stderr


def with_device(course: Course, wanted: str) -> Course:
    settings = course.root / "grader.toml"
    settings.write_text(settings.read_text().replace('device = "auto"', f'device = "{wanted}"'))
    return load_course(course.root)


def test_a_real_gpu_that_is_asked_for_and_is_not_there_is_refused(tmp_path: Path) -> None:
    course = with_device(copy_of_course(tmp_path / "course"), "cuda")
    if real_gpu().kind is DeviceKind.CUDA:
        pytest.skip("there is one")
    with pytest.raises(DeviceError, match=r'^grader\.toml: grading\.device is "cuda", which is not to be had here \('):
        Grader(course, course.assignment(NAME))


def test_without_a_device_by_choice_placement_is_not_checked_and_fingerprints_differ(tmp_path: Path) -> None:
    course = copy_of_course(tmp_path / "course")
    assignment = course.assignment(NAME)
    with_one = suite_fingerprint(course, assignment, load_released(assignment))
    course = with_device(course, "none")
    assert suite_fingerprint(course, assignment, load_released(assignment)) != with_one
    with Grader(course, course.assignment(NAME)) as grader:
        result = grader.grade(write_submission(tmp_path / "ann.ipynb", {}), "ann").result
    assert result.device == "cpu"
    assert result.score == result.max_score
    assert placement_of(result, "softmax").outcome is Outcome.NOT_CHECKED
    assert 'grading.device is "none"' in placement_of(result, "softmax").message


@pytest.mark.parametrize("what", MISTAKES)
def test_a_placement_mistake_is_caught_and_its_line_is_named(
    course: Course, grader: Grader, tmp_path: Path, what: str
) -> None:
    exercise, source, words = MISTAKES[what]
    result = grader.grade(write_submission(tmp_path / "ann.ipynb", {exercise: source}), "ann").result
    check = placement_of(result, exercise)
    assert check.outcome is Outcome.FAILED
    assert words in check.message
    (graded,) = (each for each in result.exercises if each.name == exercise)
    assert [check.name for check in graded.checks if check.outcome is not Outcome.PASSED] == ["test_placement"]
    page = html.unescape(re.sub(r"<[^>]+>", "", render_feedback(course, result, datetime.now(UTC))))
    assert words.split(" (")[0].replace("`", "") in page
    assert "checked on a simulated one" in page


def test_right_solutions_stay_on_the_device(grader: Grader, tmp_path: Path) -> None:
    result = grader.grade(write_submission(tmp_path / "ann.ipynb", {}), "ann").result
    assert result.device == "simulated cuda"
    assert {placement_of(result, each.name).outcome for each in result.exercises} == {Outcome.PASSED}
