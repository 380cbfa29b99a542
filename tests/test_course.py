"""The folders of a course: what is refused, in which words, and what is read."""

from __future__ import annotations

import json
import os
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from autograder.course import Course, load_course
from autograder.errors import CourseError, SettingsError

NOTEBOOK = """\
# %% [markdown]
# # Tiny steps

# %%
import math

# %% [markdown]
# ## Exercise 1: `double`

# %% exercise="double" points=4

# %% example="double"
assert double(2) == 4

# %% free="true"

# %% [markdown] manual="explain" points=2
# Why?
"""
SOLUTIONS = "def double(x):\n    return x + x\n"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A course of one right assignment called ps1."""
    (tmp_path / "grader.toml").write_text('[course]\ntitle = "Tiny"\nid = "t1"\n')
    (tmp_path / "assignments" / "ps1" / "data").mkdir(parents=True)
    (tmp_path / "solutions").mkdir()
    (tmp_path / "solutions" / "ps1.py").write_text(SOLUTIONS)
    (tmp_path / "assignments" / "ps1" / "notebook.py").write_text(NOTEBOOK)
    return tmp_path


REFUSED_NOTEBOOKS = {
    "points missing": (
        NOTEBOOK.replace(' exercise="double" points=4', ' exercise="double"'),
        'notebook.py: cell 4 (exercise "double"): points are missing; write points=4, for example',
    ),
    "points negative": (
        NOTEBOOK.replace("points=4", "points=-4"),
        "notebook.py: cell 4: points is -4; write a number of at least 0, such as points=4",
    ),
    "points in quotes": (
        NOTEBOOK.replace("points=4", 'points="4"'),
        "notebook.py: cell 4: points is '4'; write a number of at least 0, such as points=4",
    ),
    "points of an example": (
        NOTEBOOK.replace('example="double"', 'example="double" points=1'),
        'cell 5 (example "double"): only exercise, question and manual cells have points; remove points',
    ),
    "example for an unknown exercise": (
        NOTEBOOK.replace('example="double"', 'example="duoble"'),
        'cell 5 (example "duoble"): there is no such exercise; did you mean "double"?',
    ),
    "example before its exercise": (
        '# %% example="double"\nx = 1\n\n# %% exercise="double" points=4\n',
        'cell 1 (example "double"): stands before its exercise; move it below',
    ),
    "example without text": (
        NOTEBOOK.replace("assert double(2) == 4", ""),
        'cell 5 (example "double"): is empty; write the visible check, or remove the cell',
    ),
    "a name twice": (
        NOTEBOOK + '\n# %% exercise="double" points=1\n',
        'cell 8 (exercise "double"): the name stands in cell 4 too; rename one',
    ),
    "one name for an exercise and a manual answer": (
        NOTEBOOK.replace('manual="explain"', 'manual="double"'),
        'cell 7 (manual "double"): the name stands in cell 4 too; rename one',
    ),
    "a name that is no name": (
        NOTEBOOK.replace('exercise="double"', 'exercise="dou ble"'),
        "cell 4: exercise='dou ble' is not a Python name; write exercise=\"softmax\", for example",
    ),
    "a name of a grade cell": (
        NOTEBOOK.replace('exercise="double"', 'exercise="test_double"'),
        'cell 4: exercise="test_double": names that start with "test_" are taken; choose another',
    ),
    "a misspelled mark": (
        NOTEBOOK.replace("exercise=", "exercize="),
        'cell 4: unknown metadata "exercize"; did you mean "exercise"?',
    ),
    "metadata that is none": (
        NOTEBOOK.replace('exercise="double"', "exercise=double"),
        "cell 4: cannot read the metadata 'exercise=double'; write key=\"value\" pairs",
    ),
    "two marks": (
        NOTEBOOK.replace('exercise="double"', 'exercise="double" free="true"'),
        "cell 4: is both exercise and free; make two cells",
    ),
    "an exercise in markdown": (
        '# %% [markdown] exercise="double" points=4\n',
        'cell 1 (exercise "double"): is a markdown cell; make it a code cell',
    ),
    "code in an exercise cell": (
        NOTEBOOK.replace("points=4", "points=4\ndef double(x): return x + x\n"),
        'cell 4 (exercise "double"): must be empty (its stub comes from solutions/); move its code to another cell',
    ),
    "a free cell that is not": (
        NOTEBOOK.replace('free="true"', 'free="no"'),
        "cell 6: free is 'no'; write free=\"true\"",
    ),
    "no cells": ("", 'has no cells; start one with a line "# %%"'),
}


@pytest.mark.parametrize("case", REFUSED_NOTEBOOKS)
def test_a_malformed_notebook_is_refused_in_one_line_with_its_cell(root: Path, case: str) -> None:
    text, message = REFUSED_NOTEBOOKS[case]
    (root / "assignments" / "ps1" / "notebook.py").write_text(text)
    with pytest.raises(CourseError) as caught:
        load_course(root)
    assert str(caught.value).endswith(message)
    assert "notebook.py" in str(caught.value)
    assert "\n" not in str(caught.value)


def refusal(root: Path) -> str:
    with pytest.raises(CourseError) as caught:
        load_course(root)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_folder_without_a_course_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"grader.toml: not found in"):
        load_course(tmp_path)


def test_a_course_without_assignments_folder_is_refused(root: Path) -> None:
    (root / "assignments").rename(root / "elsewhere")
    assert refusal(root).endswith("assignments: no such folder; make it, with one folder per assignment in it")


def test_an_assignment_without_a_notebook_is_refused(root: Path) -> None:
    (root / "assignments" / "ps1" / "notebook.py").unlink()
    assert "ps1: has no notebook; write notebook.py (jupytext percent format) or notebook.ipynb" in refusal(root)


def test_an_assignment_with_two_notebooks_is_refused(root: Path) -> None:
    (root / "assignments" / "ps1" / "notebook.ipynb").write_text("{}")
    assert refusal(root).endswith("has both notebook.py and notebook.ipynb; keep one of them")


def test_an_nbgrader_source_notebook_is_not_taken_yet(root: Path) -> None:
    folder = root / "assignments" / "ps1"
    (folder / "notebook.py").rename(folder / "ps1.ipynb")
    assert "ps1.ipynb: nbgrader's own source notebooks are not graded yet" in refusal(root)


def test_settings_for_an_assignment_that_does_not_exist_are_refused(root: Path) -> None:
    with (root / "grader.toml").open("a") as file:
        file.write("[assignments.ps2]\n")
    assert refusal(root) == 'grader.toml: assignments.ps2: there is no folder assignments/ps2; did you mean "ps1"?'


def test_a_folder_with_blanks_in_its_name_is_refused(root: Path) -> None:
    (root / "assignments" / "my homework").mkdir()
    assert 'use letters, digits and "_" in the name of an assignment; rename it' in refusal(root)


def test_an_exercise_without_a_reference_is_refused(root: Path) -> None:
    (root / "solutions" / "ps1.py").write_text("def dubble(x):\n    return x + x\n")
    assert refusal(root).endswith(
        'no function or class "double", the reference of that exercise; did you mean "dubble"?'
    )


def test_exercises_without_a_module_of_references_are_refused(root: Path) -> None:
    (root / "solutions" / "ps1.py").unlink()
    assert refusal(root).endswith("ps1.py: no such file; write the references in it: double")


@pytest.mark.parametrize("text", ["def double(x)\n", "x = 1\0"])
def test_a_module_of_references_that_is_not_python_is_refused(root: Path, text: str) -> None:
    (root / "solutions" / "ps1.py").write_text(text)
    assert "is not Python (" in refusal(root)


@pytest.mark.parametrize(
    "text", ["", "[]", "3", '{"nbformat": 3}', '{"nbformat": 4, "cells": [3]}', '{"nbformat": 4}', "[" * 9999]
)
def test_an_ipynb_that_is_no_notebook_is_refused(root: Path, text: str) -> None:
    folder = root / "assignments" / "ps1"
    (folder / "notebook.py").unlink()
    (folder / "notebook.ipynb").write_text(text)
    assert "open it in JupyterLab and save it again" in refusal(root)


def test_a_notebook_that_is_not_utf8_is_refused(root: Path) -> None:
    (root / "assignments" / "ps1" / "notebook.py").write_bytes(b"# %%\n# \xff\n")
    assert refusal(root).endswith("notebook.py: is not UTF-8; save the file as UTF-8")


def test_a_link_among_the_data_files_is_refused(root: Path) -> None:
    (root / "assignments" / "ps1" / "data" / "x.txt").symlink_to(root / "solutions" / "ps1.py")
    assert refusal(root).endswith("x.txt: is a symbolic link; put the file itself there")


def test_asking_for_an_unknown_assignment_or_exercise_names_those_there_are(root: Path) -> None:
    course = load_course(root)
    with pytest.raises(CourseError, match=r'no assignment "sp1"; did you mean "ps1"\?'):
        course.assignment("sp1")
    with pytest.raises(CourseError, match='no exercise "half"; there is: double'):
        course.assignment("ps1").exercise("half")


def test_a_course_is_read_from_any_folder_in_it(root: Path) -> None:
    assignment = load_course(root / "assignments" / "ps1").assignment("ps1")
    assert assignment.title == "Tiny steps"
    assert assignment.release_folder == root / "release" / "ps1"
    (exercise,) = assignment.exercises
    assert (exercise.name, exercise.title, exercise.points) == ("double", "Exercise 1: double", 4.0)
    assert exercise.example == "assert double(2) == 4"


def test_title_and_due_date_come_from_the_settings(root: Path) -> None:
    with (root / "grader.toml").open("a") as file:
        file.write('[assignments.ps1]\ntitle = "Steps"\ndue = 2027-01-01T00:00:00Z\n')
    assignment = load_course(root).assignment("ps1")
    assert assignment.title == "Steps"
    assert assignment.due is not None
    assert assignment.due.year == 2027


def test_data_files_are_found_in_order_without_hidden_ones(root: Path) -> None:
    data = root / "assignments" / "ps1" / "data"
    (data / "deep").mkdir()
    for name in ("b.txt", "a.txt", "deep/c.txt", ".DS_Store"):
        (data / name).write_text("x")
    found = [path.relative_to(data).as_posix() for path in load_course(root).assignment("ps1").data]
    assert found == ["a.txt", "b.txt", "deep/c.txt"]


def test_an_ipynb_with_the_same_metadata_is_the_same_assignment(root: Path) -> None:
    folder = root / "assignments" / "ps1"
    before = load_course(root).assignment("ps1")
    (folder / "notebook.py").unlink()
    cells = [
        new_markdown_cell("# Tiny steps"),
        new_code_cell("import math"),
        new_markdown_cell("## Exercise 1: `double`"),
        new_code_cell("", metadata={"exercise": "double", "points": 4}),
        new_code_cell("assert double(2) == 4", metadata={"example": "double"}),
        new_code_cell("", metadata={"free": "true"}),
        new_markdown_cell("Why?", metadata={"manual": "explain", "points": 2}),
    ]
    nbformat.write(new_notebook(cells=cells), folder / "notebook.ipynb")
    after = load_course(root).assignment("ps1")
    assert after.exercises == before.exercises
    assert after.cells == before.cells


def test_a_heading_inside_a_code_fence_is_no_title(root: Path) -> None:
    text = "# %% [markdown]\n# ```\n# # not me\n# ```\n# # me\n# ## nor me\n"
    (root / "assignments" / "ps1" / "notebook.py").write_text(text)
    assert load_course(root).assignment("ps1").title == "me"


def test_the_secret_is_made_once_and_only_its_owner_can_read_it(root: Path) -> None:
    course = load_course(root)
    secret = course.secret()
    assert len(secret) >= 32
    assert course.secret() == secret
    if os.name == "posix":
        assert stat.S_IMODE((root / ".grader-secret").stat().st_mode) == 0o600
    assert not list(root.glob(".secret-*"))


def test_processes_that_make_the_secret_at_once_get_the_same_one(root: Path) -> None:
    course = load_course(root)
    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(lambda _: course.secret(), range(40)))) == 1


def test_a_secret_file_that_is_too_short_is_refused(root: Path) -> None:
    (root / ".grader-secret").write_text("")
    with pytest.raises(CourseError, match="is too short for a secret; delete it, and a new one is made"):
        load_course(root).secret()


def test_a_secret_that_cannot_be_made_is_refused(root: Path) -> None:
    (root / "grader.toml").write_text('[course]\ntitle = "Tiny"\nid = "t1"\nsecret_file = "no/such/folder/s"\n')
    with pytest.raises(CourseError, match=r"cannot be read or made .*; check course.secret_file in grader.toml"):
        load_course(root).secret()


def test_a_course_is_a_value_that_survives_a_process_border(root: Path) -> None:
    import pickle

    course = load_course(root)
    copy = pickle.loads(pickle.dumps(course))
    assert isinstance(copy, Course)
    assert copy == course
    assert json.dumps([exercise.name for exercise in copy.assignments[0].exercises]) == '["double"]'
