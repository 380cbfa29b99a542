"""What every exercise of every assignment keeps: the parts of its text on one screen, pitfalls, an honest example."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from reading import run, solved, text_of

from autograder.checks.modules import load_module
from autograder.course import Assignment, load_course

PARTS = ("Goal", "Shapes", "Formula", "Worked example", "Pitfalls", "What is checked", "Not allowed")
LINES_OF_A_SCREEN = 30

ASSIGNMENTS = [assignment for assignment in load_course(Path(__file__)).assignments if assignment.exercises]
EXERCISES = [
    pytest.param(assignment, exercise.name, id=f"{assignment.name}.{exercise.name}")
    for assignment in ASSIGNMENTS
    for exercise in assignment.exercises
]


@pytest.mark.parametrize(("assignment", "exercise"), EXERCISES)
def test_a_text_has_its_parts_in_order_on_one_screen(assignment: Assignment, exercise: str) -> None:
    text = text_of(assignment, exercise)
    assert re.match(rf"## Exercise \d: `{exercise}`$", text.splitlines()[0])
    assert tuple(re.findall(r"^\*\*([^*]+)\.\*\*", text, flags=re.MULTILINE)) == PARTS
    assert len(text.splitlines()) <= LINES_OF_A_SCREEN


@pytest.mark.parametrize(("assignment", "exercise"), EXERCISES)
def test_pitfalls_are_questions_that_do_not_answer_themselves(assignment: Assignment, exercise: str) -> None:
    pitfalls = text_of(assignment, exercise).partition("**Pitfalls.**")[2].partition("**What is checked.**")[0]
    sentences = re.split(r"(?<=[.?!])\s+", " ".join(pitfalls.split()))
    assert sentences
    assert all(sentence.endswith("?") for sentence in sentences)


@pytest.mark.parametrize(("assignment", "exercise"), EXERCISES)
def test_an_exercise_has_points_and_an_example_that_fails_on_the_stub_and_passes_on_the_reference(
    assignment: Assignment, exercise: str, capsys: pytest.CaptureFixture[str]
) -> None:
    def stub(*args: object, **kwargs: object) -> None:
        raise NotImplementedError

    asked = assignment.exercise(exercise)
    assert asked.points > 0
    names = solved(load_module(assignment.solutions), assignment)
    run([next(cell for cell in assignment.cells if cell.kind == "code")], names)
    with pytest.raises(NotImplementedError):
        exec(asked.example, {**names, exercise: stub})
    exec(asked.example, names)
    assert capsys.readouterr().out == f"{exercise}: the example passes.\n"
