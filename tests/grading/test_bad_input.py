"""One class that hands in every bad input at once, graded for real: the batch goes on, and each says what is wrong."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook
from small_course import RIGHT, filled, hand_in, marked, write_course

from autograder.gradebook import Gradebook
from autograder.grading.autograded import autograded_path
from autograder.grading.batch import ClassRun, grade_class
from autograder.model import CellStatus, SubmissionResult

HandIn = Callable[[Path, str], object]


def handing_in(content: Any, name: str = "tiny.ipynb") -> HandIn:
    return lambda root, student: hand_in(root, student, content, name)


def without(*grade_ids: str) -> nbformat.NotebookNode:
    notebook = filled()
    notebook.cells = [c for c in notebook.cells if c.metadata.get("nbgrader", {}).get("grade_id") not in grade_ids]
    return notebook


def with_cell(*cells: Any) -> nbformat.NotebookNode:
    notebook = filled()
    notebook.cells += cells
    return notebook


def reordered() -> nbformat.NotebookNode:
    notebook = filled()
    notebook.cells = [*notebook.cells[2:], *notebook.cells[:2]]
    return notebook


def link_out(root: Path, student: str) -> None:
    target = root / "elsewhere.ipynb"
    target.write_text(nbformat.writes(filled()))
    path = hand_in(root, student, "")
    path.unlink()
    path.symlink_to(target)


def make_pipe(root: Path, student: str) -> None:
    path = hand_in(root, student, "")
    path.unlink()
    os.mkfifo(path)


def make_folder(root: Path, student: str) -> None:
    path = hand_in(root, student, "")
    path.unlink()
    path.mkdir()


def link_folder(root: Path, student: str) -> None:
    (root / "submitted" / student).symlink_to(root / "submitted" / "right one", target_is_directory=True)


def file_for_a_folder(root: Path, student: str) -> None:
    (root / "submitted" / student).mkdir(parents=True)
    (root / "submitted" / student / "tiny").write_text("not a folder")


FORMAT_3 = {
    "nbformat": 3,
    "nbformat_minor": 0,
    "metadata": {"name": "tiny"},
    "worksheets": [
        {
            "metadata": {},
            "cells": [
                {"cell_type": "heading", "level": 1, "source": ["Tiny"], "metadata": {}},
                *(
                    {"cell_type": "code", "input": text, "language": "python", "outputs": [], "metadata": {}}
                    for text in ("import torch", *RIGHT.values())
                ),
            ],
        }
    ],
}
NO_IDS = new_notebook(cells=[new_code_cell(text) for text in ("import torch", *RIGHT.values())])
HALF = RIGHT["double"] + "\n# "

# student -> how it is handed in, points, what is noted or given as the reason
READABLE: dict[str, tuple[HandIn, float, str]] = {
    "right one": (handing_in(filled()), 5.0, ""),
    "李雷 学生": (handing_in(filled(), "作业 一.ipynb"), 5.0, "is called 作业 一.ipynb"),
    "format three": (handing_in(FORMAT_3), 5.0, "old format 3"),
    "no ids": (handing_in(NO_IDS), 5.0, "had lost its id"),
    "twice": (
        handing_in(with_cell(marked(new_code_cell(RIGHT["total"]), "total", solution=True))),
        5.0,
        "occurs 2 times",
    ),
    "deleted tests": (handing_in(without("test_double", "test_total")), 5.0, '"test_total" was deleted'),
    "deleted exercise": (handing_in(without("double")), 3.0, '"double" was deleted'),
    "reordered": (handing_in(reordered()), 5.0, "not in the order"),
    "edited tests": (handing_in(filled(RIGHT | {"test_double": "double = 3"})), 5.0, "locked and was edited"),
    "byte order mark": (handing_in(nbformat.writes(filled()).encode("utf-8-sig")), 5.0, ""),
    "not utf-8": (
        handing_in(nbformat.writes(filled(RIGHT | {"explain": "caf@"})).encode().replace(b"f@", b"f\xe9")),
        5.0,
        "not utf-8",
    ),
    "surrogates": (
        handing_in(nbformat.writes(filled(RIGHT | {"double": HALF + "@"})).replace("# @", "# \\ud800")),
        5.0,
        "half characters",
    ),
    "null characters": (handing_in(filled(RIGHT | {"total": "x = '\x00'"})), 2.0, ""),
    "syntax error": (handing_in(filled(RIGHT | {"double": "def double(x:"})), 3.0, ""),
    "loops for ever": (handing_in(with_cell(new_code_cell("while True: pass"))), 5.0, ""),
    "ends the process": (handing_in(with_cell(new_code_cell("import os; os._exit(0)"))), 5.0, ""),
    "scratch": (handing_in(with_cell(new_code_cell("double = double(torch.ones(2))"))), 5.0, ""),
    "mad fields": (
        handing_in(json.loads(nbformat.writes(filled())) | {"metadata": [float("nan")], "nbformat_minor": 10**30}),
        5.0,
        "",
    ),
}
UNREADABLE: dict[str, tuple[HandIn, str]] = {
    "not json": (handing_in("import torch"), "tiny.ipynb is not JSON"),
    "not a notebook": (handing_in([1, 2]), "JSON but not a notebook"),
    "empty": (handing_in(""), "tiny.ipynb is empty"),
    "no code": (handing_in(new_notebook()), "no code cells"),
    "deep": (handing_in("[" * 200_000), "nested too deeply"),
    "too large": (handing_in(b" " * (60 * 2**20)), "tiny.ipynb has 60.0 MiB, more than the 1.0 MiB"),
    "link out": (link_out, "symbolic link out of its folder"),
    "link folder": (link_folder, "symbolic link"),
    "pipe": (make_pipe, "is a named pipe"),
    "folder": (make_folder, "is a folder"),
    "file": (file_for_a_folder, "tiny is not JSON"),
    "nothing": (handing_in("", "notes.txt"), "no notebook was handed in"),
    "dot": (handing_in(filled(), ".tiny.ipynb"), "(found .tiny.ipynb; a name that starts with a dot is not read)"),
}


@pytest.fixture(scope="module")
def graded(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, ClassRun]:
    root = tmp_path_factory.mktemp("bad") / "course"
    course = write_course(root)
    for student, (act, *_) in (READABLE | UNREADABLE).items():  # type: ignore[operator]
        act(root, student)
    return root, grade_class(course, workers=2)


def result(graded: tuple[Path, ClassRun], student: str) -> SubmissionResult:
    return next(found for found in graded[1].results if found.student == student)


@pytest.mark.parametrize("student", READABLE)
def test_what_can_be_graded_is_graded_with_a_note(graded: tuple[Path, ClassRun], student: str) -> None:
    _, points, note = READABLE[student]
    found = result(graded, student)
    assert (found.status, found.reason, found.score) == ("graded", "", points)
    assert note in "\n".join(found.notes)


@pytest.mark.parametrize("student", UNREADABLE)
def test_what_cannot_be_graded_fails_with_one_clear_line(graded: tuple[Path, ClassRun], student: str) -> None:
    found = result(graded, student)
    assert (found.status, found.score, found.max_score) == ("failed", 0.0, 7.0)
    assert UNREADABLE[student][1] in found.reason
    assert "\n" not in found.reason
    assert "Traceback" not in found.reason
    assert [(exercise.score, exercise.max_score) for exercise in found.exercises] == [(0.0, 2.0), (0.0, 3.0)]


def test_the_whole_class_has_results(graded: tuple[Path, ClassRun]) -> None:
    assert {found.student for found in graded[1].results} == set(READABLE) | set(UNREADABLE)


def test_a_loop_and_a_crash_are_told_per_cell(graded: tuple[Path, ClassRun]) -> None:
    assert result(graded, "loops for ever").cells[-1].status is CellStatus.TIMEOUT
    assert result(graded, "ends the process").cells[-1].status is CellStatus.DIED


def test_staff_are_asked_to_look_at_what_failed(graded: tuple[Path, ClassRun]) -> None:
    root, _ = graded
    from autograder.course import load_course

    with Gradebook(load_course(root)) as book:
        waiting = {row.student_id for row in book._api.find_assignment("tiny").submissions if row.needs_manual_grade}
    assert waiting >= set(UNREADABLE)
    assert "right one" not in waiting


def test_every_submission_has_a_notebook_that_can_be_shown(graded: tuple[Path, ClassRun]) -> None:
    root, run = graded
    from autograder.course import load_course

    course = load_course(root)
    for found in run.results:
        notebook = nbformat.read(autograded_path(course, "tiny", found.student), as_version=4)
        nbformat.validate(notebook)
        ids = [cell.metadata.nbgrader.grade_id for cell in notebook.cells if "nbgrader" in cell.metadata]
        assert sorted(ids) == ["double", "explain", "setup", "test_double", "test_total", "total"], found.student


def test_run_again_nothing_is_graded_anew(graded: tuple[Path, ClassRun]) -> None:
    from autograder.course import load_course

    root, first = graded
    again = grade_class(load_course(root), workers=2)
    assert again.unchanged == len(first.results)
    assert again.results == first.results
