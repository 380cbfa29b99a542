"""quiz.py is read with clear errors, and its variants are the same every time and differ from each other."""

from __future__ import annotations

from pathlib import Path

import pytest
from quiz_course import write_quiz

from autograder.course import load_course
from autograder.errors import CourseError
from autograder.quiz import load_quiz

HEAD = "from autograder import question\nfrom autograder.quiz import *\n"
CELL = '# %%\nimport torch\n\n# %% question="q"\n'
EVEN = """
@question("q", points=2, variants=3)
def q(draw):
    n = draw.integer(1, 5)
    return TrueFalse(prompt=f"{n} is even", answer=n % 2 == 0, wrong={n % 2 != 0: "Look."}, explanation="Count.")
"""


def refusal(root: Path, quiz: str, notebook: str = CELL) -> str:
    with pytest.raises(CourseError) as caught:
        load_quiz(write_quiz(root, HEAD + quiz, notebook))
    assert "\n" not in str(caught.value)
    return str(caught.value).removeprefix(str(root) + "/")


def test_a_question_without_quiz_py_is_one_clear_line(tmp_path: Path) -> None:
    write_quiz(tmp_path, HEAD + EVEN, CELL)
    (tmp_path / "assignments/kinds/quiz.py").unlink()
    with pytest.raises(CourseError, match=r"quiz\.py: no such file; write the questions in it"):
        load_course(tmp_path)


def test_a_question_that_quiz_py_lacks_is_named_with_its_neighbour(tmp_path: Path) -> None:
    said = refusal(tmp_path, EVEN.replace('"q"', '"qq"'))
    assert said == 'assignments/kinds/quiz.py: no @question("q"); did you mean "qq"?'


@pytest.mark.parametrize("mark", ["variants=N", "variants=0", "points=-1", "points='2'", "weight=3", "variants=2.5"])
def test_a_mark_that_cannot_be_read_without_running_it_is_refused(tmp_path: Path, mark: str) -> None:
    said = refusal(tmp_path, EVEN.replace("points=2, variants=3", mark))
    assert "quiz.py: line 4: cannot read the mark of `q`; write plain literals" in said


@pytest.mark.parametrize(
    ("cell", "what"),
    [
        ('# %% question="q" points=2\n', "its points stand in quiz.py; remove points"),
        ('# %% question="q"\nq = 3\n', "must be empty (its text comes from quiz.py)"),
    ],
)
def test_a_question_cell_has_neither_points_nor_text(tmp_path: Path, cell: str, what: str) -> None:
    assert what in refusal(tmp_path, EVEN, cell)


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        ("return TrueFalse", "return 3, ", "SyntaxError"),
        ('explanation="Count."', 'explanation=""', "ValueError: the explanation is missing"),
        ("answer=n % 2 == 0", "answer=n", "has not the form of the kind: write True or False"),
        ('"Look."', '""', "has no hint"),
        ("draw.integer(1, 5)", "1 / 0", "ZeroDivisionError: division by zero"),
        ("draw.integer(1, 5)", "draw.distinct(3, 1, 2)", "ValueError: sample: 3 of 2 things"),
    ],
)
def test_an_error_of_the_author_s_names_file_line_question_and_variant(
    tmp_path: Path, old: str, new: str, what: str
) -> None:
    said = refusal(tmp_path, EVEN.replace(old, new))
    assert what in said or "is not Python" in said
    assert said.startswith("assignments/kinds/quiz.py: line ")


def test_a_function_that_returns_no_question_is_refused(tmp_path: Path) -> None:
    said = refusal(tmp_path, '@question("q")\ndef q(draw):\n    return 3\n')
    assert 'question "q", variant 0: TypeError: it returns int, not a kind of question such as Shape(...)' in said


def test_variants_of_two_forms_are_refused(tmp_path: Path) -> None:
    quiz = EVEN.replace("return", 'if n > 2: return Integer(prompt=f"{n}", answer=n, explanation="So.")\n    return')
    assert "has another form than variant 0" in refusal(tmp_path, quiz)


def test_a_name_that_stands_twice_is_refused(tmp_path: Path) -> None:
    assert 'question "q" stands in line 4 too; rename one' in refusal(tmp_path, EVEN + EVEN)


def test_variants_differ_and_are_the_same_every_time(tmp_path: Path) -> None:
    assignment = write_quiz(tmp_path, HEAD + EVEN.replace("variants=3", "variants=5"), CELL)
    (first,), (again,) = load_quiz(assignment), load_quiz(assignment)
    prompts = [variant.prompt for variant in first.variants]
    assert sorted(prompts) == [f"{n} is even" for n in range(1, 6)]
    assert prompts == [variant.prompt for variant in again.variants]


def test_points_and_variants_are_known_without_running_quiz_py(tmp_path: Path) -> None:
    assignment = write_quiz(tmp_path, "raise RuntimeError\n" + HEAD + EVEN, "# %% [markdown]\n# ## Even?\n\n" + CELL)
    (question,) = assignment.questions
    assert (question.name, question.title, question.points, question.variants) == ("q", "Even?", 2.0, 3)


def test_every_variant_is_somebody_s(tmp_path: Path) -> None:
    (question,) = load_quiz(write_quiz(tmp_path, HEAD + EVEN, CELL))
    numbers = [question.number_for("kinds", f"student{n}", is_personal=True) for n in range(300)]
    assert {numbers.count(number) > 60 for number in range(3)} == {True}
    assert question.number_for("kinds", " Student1 ", is_personal=True) == numbers[1]
    assert {question.number_for("kinds", f"student{n}", is_personal=False) for n in range(9)} == {0}
