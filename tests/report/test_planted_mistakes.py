"""What the demo's generator planted is what the class report counts, in every assignment with exercises."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner

from autograder.cli import app
from autograder.course import load_course
from autograder.demo import Planted, Trouble, make_demo
from autograder.grading.batch import grade_class

ROOT = Path(__file__).parents[2]
STUDENTS = 60  # of the plan from which a few are taken
FEW = 4
HARD = {  # to tell from others: they raise or move the same, keep something between calls, or say their own name
    "softmax_regression": {
        "forgets_keepdim_in_the_shift", "counts_in_a_new_tensor_on_the_cpu", "keeps_counting",
    },
    "mlp": {"keeps_layers_of_earlier_networks"},
    "training_on_device": {"needs_an_index", "remembers_the_first_answer", "walks_through_strings"},
}  # fmt: skip


def chosen(planted: Sequence[Planted], hard: set[str]) -> list[Planted]:
    """A few students in whose notebooks nothing else went wrong, those with the hard mistakes first."""
    plain = [one for one in planted if one.trouble is Trouble.NONE and one.mistakes]
    return sorted(plain, key=lambda one: -len(hard & set(one.mistakes.values())))[: max(FEW, len(hard))]


@pytest.mark.parametrize("name", HARD)
def test_the_counts_of_a_report_are_those_that_were_planted(name: str, tmp_path: Path) -> None:
    demo = make_demo(load_course(ROOT), tmp_path, STUDENTS, [name])
    few = chosen(demo.planted, HARD[name])
    truth = Counter(pair for one in few for pair in one.mistakes.items())
    assert HARD[name] <= {mistake for _, mistake in truth}
    for student in {one.student for one in demo.planted} - {one.student for one in few}:
        shutil.rmtree(tmp_path / "submitted" / student)
    grade_class(demo.course, [name])
    reported = CliRunner().invoke(app, ["-C", str(tmp_path), "report", name])
    assert reported.exit_code == 0, reported.output
    table = pd.read_parquet(tmp_path / "report" / name / "mistakes.parquet")
    assert Counter(zip(table["exercise"], table["mistake"], strict=True)) == truth
