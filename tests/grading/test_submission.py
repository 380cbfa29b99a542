"""A student's notebook is read as far as it can be; what cannot be read is one clear line."""

from __future__ import annotations

import json
import os
import socket
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_raw_cell
from small_course import RIGHT, STUBS, filled, hand_in, marked, released_notebook

from autograder.config import Limits
from autograder.course import Course
from autograder.errors import SubmissionError
from autograder.grading.submission import Submission, read_submission

LIMITS = Limits(notebook_size=100_000)


def read(course: Course, path: Path) -> Submission:
    return read_submission(path, course.assignment("tiny"), LIMITS, "ann")


def read_handed_in(course: Course, notebook: Any, name: str = "tiny.ipynb") -> Submission:
    return read(course, hand_in(course.root, "ann", notebook, name).parent)


def ids(submission: Submission) -> list[str]:
    return [cell.metadata.get("nbgrader", {}).get("grade_id", "-") for cell in submission.notebook.cells]


def source(submission: Submission, grade_id: str) -> str:
    (found,) = [
        c.source for c in submission.notebook.cells if c.metadata.get("nbgrader", {}).get("grade_id") == grade_id
    ]
    return str(found)


def noted(submission: Submission, text: str) -> bool:
    return any(text in note for note in submission.notes)


def find(notebook: nbformat.NotebookNode, grade_id: str) -> Any:
    return next(cell for cell in notebook.cells if cell.metadata.get("nbgrader", {}).get("grade_id") == grade_id)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "tiny.ipynb is empty"),
        (b" \n", "tiny.ipynb is empty"),
        (b"import torch\n", "tiny.ipynb is not JSON"),
        (b"<!DOCTYPE html><html>", "tiny.ipynb is a web page"),
        (b"PK\x03\x04rest", "tiny.ipynb is a ZIP archive"),
        (b"[1, 2]", "JSON but not a notebook"),
        (b'{"nbformat": 4}', "it has no list of cells"),
        (b'{"nbformat": 4, "cells": 3}', "it has no list of cells"),
        (b'{"nbformat": 3, "worksheets": 3}', "no code cells"),
        (b'{"nbformat": 2, "worksheets": [{"cells": [1]}]}', "no code cells"),
        (b"[" * 90_000, "nested too deeply"),
        (b'{"nbformat": 4, "cells": ' + b"[" * 40_000 + b"]" * 40_000 + b"}", "nested too deeply"),
        (b'{"nbformat": 4, "cells": []}', "no code cells"),
        (
            b'{"nbformat": 4, "cells": [{"cell_type": "markdown", "source": "x"}, {"cell_type": "code"}]}',
            "no code cells",
        ),
        (b'{"nbformat": 4, "cells": [' + b",".join([b"{}"] * 6000) + b"]}", "6000 cells"),
        (b" " * 100_001, r"tiny.ipynb has 100001 bytes, more than .* clear all outputs"),
        (b"\x00\x01\x02\xff\xfe", "not JSON"),
        (b'{"nbformat": 1' + b"0" * 5000 + b"}", "no list of cells"),
    ],
)
def test_what_is_no_notebook_is_one_clear_line(small_course: Course, content: bytes, said: str) -> None:
    with pytest.raises(SubmissionError, match=said) as caught:
        read_handed_in(small_course, content)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 300


def test_a_link_out_of_the_folder_is_refused(small_course: Course, tmp_path: Path) -> None:
    secret = tmp_path / "secret.ipynb"
    secret.write_text(nbformat.writes(filled()))
    path = hand_in(small_course.root, "ann", "")
    path.unlink()
    path.symlink_to(secret)
    for handed_in in (path, path.parent):
        with pytest.raises(SubmissionError, match="symbolic link out of its folder"):
            read(small_course, handed_in)


def test_a_link_within_the_folder_is_followed(small_course: Course) -> None:
    path = hand_in(small_course.root, "ann", filled(), "mine.txt")
    path.with_name("tiny.ipynb").symlink_to("mine.txt")
    assert source(read(small_course, path.parent), "double") == RIGHT["double"]


def test_links_in_a_circle_are_one_clear_line(small_course: Course) -> None:
    path = hand_in(small_course.root, "ann", "")
    path.unlink()
    path.symlink_to("tiny.ipynb")
    with pytest.raises(SubmissionError, match="cannot be read"):
        read(small_course, path.parent)


@pytest.mark.parametrize("which", ["student", "assignment"])
def test_a_linked_folder_is_refused(small_course: Course, which: str) -> None:
    theirs = hand_in(small_course.root, "bob", filled()).parent
    mine = small_course.root / "submitted/ann/tiny"
    link, target = (mine.parent, theirs.parent) if which == "student" else (mine, theirs)
    link.parent.mkdir(parents=True, exist_ok=True)
    link.symlink_to(target)
    with pytest.raises(SubmissionError, match="symbolic link"):
        read(small_course, mine)


def make_folder(path: Path) -> None:
    path.mkdir()


def make_pipe(path: Path) -> None:
    os.mkfifo(path)


def make_socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as unix:
        here = Path.cwd()
        os.chdir(path.parent)  # the name of a socket is at most 107 bytes long
        try:
            unix.bind(path.name)
        finally:
            os.chdir(here)


@pytest.mark.parametrize(
    ("make", "said"), [(make_folder, "is a folder"), (make_pipe, "is a named pipe"), (make_socket, "is a socket")]
)
def test_what_is_no_file_is_one_clear_line(small_course: Course, make: Any, said: str) -> None:
    path = hand_in(small_course.root, "ann", "")
    path.unlink()
    make(path)
    with pytest.raises(SubmissionError, match=said):
        read(small_course, path.parent)


def test_a_link_to_a_device_is_refused(small_course: Course) -> None:
    path = hand_in(small_course.root, "ann", "")
    path.unlink()
    path.symlink_to("/dev/zero")
    with pytest.raises(SubmissionError, match="out of its folder"):
        read(small_course, path.parent)


def test_an_empty_folder_is_one_clear_line(small_course: Course) -> None:
    hand_in(small_course.root, "ann", "", "notes.txt")
    with pytest.raises(SubmissionError, match=r"no notebook was handed in \(found notes.txt\); hand in tiny.ipynb"):
        read(small_course, small_course.root / "submitted/ann/tiny")


def test_several_notebooks_of_which_none_is_named_right_are_refused(small_course: Course) -> None:
    hand_in(small_course.root, "ann", filled(), "a.ipynb")
    with pytest.raises(SubmissionError, match="not clear which counts"):
        read_handed_in(small_course, filled(), "b.ipynb")


def test_of_several_notebooks_the_one_of_the_assignments_name_counts(small_course: Course) -> None:
    hand_in(small_course.root, "ann", released_notebook(), "scratch.ipynb")
    submission = read_handed_in(small_course, filled())
    assert source(submission, "double") == RIGHT["double"]
    assert noted(submission, "2 notebooks were handed in; tiny.ipynb was graded")


@pytest.mark.parametrize("name", ["my work.ipynb", "作业 一.ipynb", "Tiny (1).IPYNB"])
def test_the_only_notebook_counts_whatever_its_name(small_course: Course, name: str) -> None:
    submission = read_handed_in(small_course, filled(), name)
    assert source(submission, "double") == RIGHT["double"]
    assert noted(submission, f"the notebook is called {name}")


def test_a_right_submission_is_read_without_a_note(small_course: Course) -> None:
    submission = read_handed_in(small_course, filled())
    assert submission.notes == ()
    assert [number for number, _ in submission.cells] == [1, 2, 3, 4, 5]
    assert submission.cells[1][1] == RIGHT["double"]


def test_outputs_that_the_student_brought_are_left_behind(small_course: Course) -> None:
    notebook = filled()
    notebook.cells[2].outputs = [nbformat.v4.new_output("stream", text="full marks")]
    submission = read_handed_in(small_course, notebook)
    assert all(not cell.outputs for cell in submission.notebook.cells if cell.cell_type == "code")


def test_metadata_that_the_student_brought_is_left_behind(small_course: Course) -> None:
    notebook = filled()
    notebook.metadata["widgets"] = {"application/vnd.jupyter.widget-state+json": {}}
    notebook.cells[0].metadata["tags"] = ["x"]
    find(notebook, "test_double").metadata["nbgrader"]["points"] = 1000
    submission = read_handed_in(small_course, notebook)
    assert set(submission.notebook.metadata) == {"kernelspec", "language_info"}
    assert "tags" not in submission.notebook.cells[0].metadata
    assert find(submission.notebook, "test_double").metadata["nbgrader"]["points"] == 2.0


@pytest.mark.parametrize("change", ["{}", "source as lines", "no metadata", "odd kinds", "extra keys"])
def test_cells_with_missing_fields_are_read(small_course: Course, change: str) -> None:
    raw = json.loads(nbformat.writes(filled()))
    cells = raw["cells"]
    if change == "{}":
        cells.insert(0, {})
    elif change == "source as lines":
        cells[2]["source"] = [line + "\n" for line in RIGHT["double"].split("\n")]
    elif change == "no metadata":
        del cells[0]["metadata"], cells[0]["id"]
    elif change == "odd kinds":
        cells[0:1] = [{"cell_type": 7, "source": 3}, "text", None, {"cell_type": "heading", "source": "x"}]
    else:
        cells[2]["extra"] = {"a": [1e999, float("nan"), -float("inf")]}
    submission = read_handed_in(small_course, raw)
    assert RIGHT["double"] in [text.strip() for _, text in submission.cells]


def test_huge_and_impossible_numbers_are_read(small_course: Course) -> None:
    text = nbformat.writes(filled()).replace(
        '"nbformat_minor": 5', f'"nbformat_minor": {"9" * 5000}, "a": NaN, "b": 1e999'
    )
    assert read_handed_in(small_course, text).notes == ()


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_other_encodings_of_unicode_are_read(small_course: Course, encoding: str) -> None:
    submission = read_handed_in(small_course, nbformat.writes(filled({"double": "# 双"})).encode(encoding))
    assert source(submission, "double") == "# 双"


def test_bytes_that_are_not_utf8_are_replaced_with_a_note(small_course: Course) -> None:
    content = nbformat.writes(filled({"double": "# caf@"})).encode().replace(b"caf@", b"caf\xe9")
    submission = read_handed_in(small_course, content)
    assert source(submission, "double") == "# caf\ufffd"
    assert noted(submission, "is not utf-8")


def test_half_characters_are_replaced_with_a_note(small_course: Course) -> None:
    submission = read_handed_in(small_course, nbformat.writes(filled({"double": "# @"})).replace("# @", "# \\ud800"))
    assert source(submission, "double") == "# \ufffd"
    assert noted(submission, "half characters")
    nbformat.writes(submission.notebook).encode()


def test_format_3_is_upgraded_with_a_note(small_course: Course) -> None:
    cell = {"cell_type": "code", "input": [RIGHT["double"]], "language": "python", "outputs": [], "metadata": {}}
    old = {"nbformat": 3, "nbformat_minor": 0, "metadata": {"name": ""}, "worksheets": [{"cells": [cell]}]}
    submission = read_handed_in(small_course, old)
    assert source(submission, "double") == RIGHT["double"]
    assert noted(submission, "old format 3")


def test_a_newer_format_is_read_as_ours_with_a_note(small_course: Course) -> None:
    submission = read_handed_in(small_course, json.loads(nbformat.writes(filled())) | {"nbformat": 5})
    assert source(submission, "double") == RIGHT["double"]
    assert noted(submission, "nbformat 5")


def test_an_edited_locked_cell_is_ours_again_with_a_note(small_course: Course) -> None:
    submission = read_handed_in(small_course, filled(RIGHT | {"test_double": "pass", "setup": "torch = None"}))
    assert source(submission, "test_double") == "assert double(torch.tensor(2.0)) == 4"
    assert dict(submission.cells)[1] == "import torch"
    assert noted(submission, '"test_double" is locked and was edited')


def test_white_space_at_the_ends_of_lines_is_no_edit(small_course: Course) -> None:
    assert read_handed_in(small_course, filled(RIGHT | {"setup": "import torch \r\n\n"})).notes == ()


def test_a_deleted_locked_cell_is_put_back_in_its_place(small_course: Course) -> None:
    notebook = filled()
    notebook.cells = [cell for cell in notebook.cells if cell not in (find(notebook, "test_double"), notebook.cells[1])]
    submission = read_handed_in(small_course, notebook)
    assert ids(submission) == ["setup", "-", "double", "test_double", "total", "test_total", "explain"]
    assert noted(submission, '"test_double" was deleted')
    assert [number for number, _ in submission.cells] == [5, 1, 6, 2, 3]  # those put back come after the student's last


def test_a_deleted_exercise_is_shown_but_its_stub_is_not_run(small_course: Course) -> None:
    notebook = filled()
    notebook.cells.remove(find(notebook, "double"))
    submission = read_handed_in(small_course, notebook)
    assert source(submission, "double") == STUBS["double"]
    assert STUBS["double"] not in [text for _, text in submission.cells]


def test_reordered_cells_run_as_they_stand_with_a_note(small_course: Course) -> None:
    notebook = filled()
    notebook.cells.reverse()
    submission = read_handed_in(small_course, notebook)
    assert ids(submission)[0] == "explain"
    assert noted(submission, "not in the order")


def test_of_an_exercise_that_occurs_twice_the_filled_one_counts(small_course: Course) -> None:
    notebook = filled()
    notebook.cells.append(marked(new_code_cell(STUBS["double"]), "double", solution=True))
    submission = read_handed_in(small_course, notebook)
    assert source(submission, "double") == RIGHT["double"]
    assert STUBS["double"] not in [text for _, text in submission.cells]
    assert noted(submission, '"double" occurs 2 times (cells 2, 7); cell 2 was taken')
    assert submission.unused == (7,)


def test_of_two_filled_ones_the_last_counts_and_both_run(small_course: Course) -> None:
    notebook = filled()
    notebook.cells.append(marked(new_code_cell("def double(x): return x + x"), "double", solution=True))
    submission = read_handed_in(small_course, notebook)
    assert source(submission, "double") == "def double(x): return x + x"
    assert RIGHT["double"] in [text for _, text in submission.cells]
    assert len(ids(submission)) == 8


def test_a_copy_of_a_locked_cell_is_dropped_and_an_edited_copy_is_the_students(small_course: Course) -> None:
    notebook = filled()
    example = find(notebook, "test_double")
    edited = marked(new_code_cell("print(double(torch.ones(2)))"), "test_double", grade=True, locked=True, points=2)
    notebook.cells += [new_code_cell(example.source, metadata=example.metadata), edited]
    submission = read_handed_in(small_course, notebook)
    assert ids(submission).count("test_double") == 1
    assert [text for _, text in submission.cells].count(example.source) == 1
    assert "print(double(torch.ones(2)))" in [text for _, text in submission.cells]


def test_a_notebook_without_any_ids_is_matched_by_its_text_and_names(small_course: Course) -> None:
    sources = ["import torch", RIGHT["double"], "assert double(torch.tensor(2.0)) == 4", "class total:\n    pass"]
    submission = read_handed_in(small_course, new_notebook(cells=[new_code_cell(text) for text in sources]))
    assert ids(submission) == ["setup", "double", "test_double", "total", "test_total", "explain"]
    assert source(submission, "total") == "class total:\n    pass"
    assert noted(submission, 'cell 1 had lost its id and was taken for "double"')


def test_an_exercise_cell_that_became_markdown_is_code_again(small_course: Course) -> None:
    notebook = filled()
    old = find(notebook, "double")
    notebook.cells[2] = new_markdown_cell(old.source, metadata=old.metadata)
    submission = read_handed_in(small_course, notebook)
    assert RIGHT["double"] in [text for _, text in submission.cells]
    assert noted(submission, '"double" had become a markdown cell')


def test_an_id_that_was_never_released_is_dropped_with_a_note(small_course: Course) -> None:
    notebook = filled()
    notebook.cells.append(marked(new_code_cell("x = 1"), "bonus", grade=True, points=100))
    submission = read_handed_in(small_course, notebook)
    assert ids(submission)[-1] == "-"
    assert noted(submission, '"bonus", which was not released')


def test_raw_cells_are_neither_run_nor_lost(small_course: Course) -> None:
    notebook = filled()
    notebook.cells.append(new_raw_cell("x = 1"))
    submission = read_handed_in(small_course, notebook)
    assert submission.notebook.cells[-1].source == "x = 1"
    assert "x = 1" not in [text for _, text in submission.cells]


def test_a_loose_notebook_belongs_to_the_stem_of_its_name(small_course: Course, tmp_path: Path) -> None:
    path = tmp_path / "张 伟.ipynb"
    path.write_text(nbformat.writes(filled()))
    assert read_submission(path, small_course.assignment("tiny"), LIMITS).student == "张 伟"
