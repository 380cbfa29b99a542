"""The real assignment, graded for real: references have all points, the empty release none, a mistake is named."""

from __future__ import annotations

import ast
import shutil
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest

from autograder.course import load_course
from autograder.grading.one import Graded, Grader
from autograder.model import CellStatus

REPOSITORY = Path(__file__).parents[2]
NAME = "softmax_regression"
ORDER = ("softmax", "cross_entropy", "accuracy", "cross_entropy_backward", "sgd_step")
SUMS_OVER_THE_BATCH = "def softmax(logits):\n    exps = logits.exp()\n    return exps / exps.sum(dim=0, keepdim=True)"


@pytest.fixture(scope="module")
def grader(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Grader]:
    root = tmp_path_factory.mktemp("real")
    for name in ("assignments", "solutions", "release"):
        shutil.copytree(REPOSITORY / name, root / name)
    shutil.copy(REPOSITORY / "grader.toml", root)
    course = load_course(root)
    with Grader(course, course.assignment(NAME)) as grader:
        yield grader


def references() -> dict[str, str]:
    """Exercise -> the source of its reference, with the imports that it needs."""
    text = (REPOSITORY / "solutions" / f"{NAME}.py").read_text()
    tree = ast.parse(text)
    imports = "\n".join(ast.unparse(node) for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom))
    functions = [node for node in tree.body if isinstance(node, ast.FunctionDef)]
    return {node.name: f"{imports}\n{ast.get_source_segment(text, node)}" for node in functions}


def grade(grader: Grader, folder: Path, answers: dict[str, str]) -> Graded:
    notebook = nbformat.read(REPOSITORY / "release" / NAME / f"{NAME}.ipynb", as_version=4)
    for cell in notebook.cells:
        nbgrader = cell.metadata.get("nbgrader", {})
        if nbgrader.get("solution"):
            cell.source = answers.get(nbgrader["grade_id"], cell.source)
    path = folder / f"{NAME}.ipynb"
    nbformat.write(notebook, path)
    return grader.grade(path, "ann")


def test_the_references_have_all_points_and_every_cell_runs(grader: Grader, tmp_path: Path) -> None:
    result = grade(grader, tmp_path, references()).result
    assert result.score == result.max_score > 0
    assert {cell.status for cell in result.cells} == {CellStatus.OK}
    assert result.notes == ()


def test_the_empty_release_has_no_points(grader: Grader, tmp_path: Path) -> None:
    result = grade(grader, tmp_path, {}).result
    assert result.score == 0
    assert len(result.exercises) == 5


def test_a_mistake_costs_its_exercise_and_is_named(grader: Grader, tmp_path: Path) -> None:
    result = grade(grader, tmp_path, references() | {"softmax": SUMS_OVER_THE_BATCH}).result
    first, _, accuracy, *_ = sorted(result.exercises, key=lambda found: ORDER.index(found.name))
    assert first.score < first.max_score
    assert "sums_over_the_batch" in {check.mistake for check in first.checks}
    assert accuracy.score == accuracy.max_score


def test_no_line_of_the_hidden_checks_is_shown(grader: Grader, tmp_path: Path) -> None:
    shown = nbformat.writes(grade(grader, tmp_path, {"softmax": SUMS_OVER_THE_BATCH}).notebook)
    checks = (REPOSITORY / "assignments" / NAME / "checks.py").read_text()
    titles = {node.value for node in ast.walk(ast.parse(checks)) if isinstance(node, ast.Constant)}
    for line in map(str.strip, checks.splitlines()):
        if (
            len(line) > 25
            and not line.startswith(("import", "#"))
            and not any(line.strip('"') in str(t) for t in titles)
        ):
            assert line not in shown
