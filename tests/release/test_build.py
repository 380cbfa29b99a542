"""`grader release`: what it refuses, and what students get."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient
from tiny_course import Tiny

from autograder.errors import CourseError, ReleaseError
from autograder.release import build_release, release
from autograder.release.stubs import read_templates


def refusal(tiny: Tiny) -> str:
    with pytest.raises(ReleaseError) as caught:
        release(tiny.course)
    assert not tiny.released.exists()
    return str(caught.value)


def test_a_stub_whose_type_hints_are_not_imported_is_refused_with_the_import_to_add(tiny: Tiny) -> None:
    tiny.change(tiny.notebook, "from collections.abc import Iterable\n", "")
    assert refusal(tiny).endswith(
        "the stub of `rescale` uses Iterable, which no code cell above it defines; add to the first code cell: "
        "from collections.abc import Iterable"
    )


def test_a_code_cell_that_is_not_python_is_refused(tiny: Tiny) -> None:
    tiny.add("# %%\nx = = 1")
    assert "is not Python (invalid syntax); correct it" in refusal(tiny)


@pytest.mark.parametrize(
    "text",
    [
        "x = 1\n### BEGIN HIDDEN TESTS\nx = 2\n### END HIDDEN TESTS",
        "### BEGIN SOLUTION\nx = 2\n### END SOLUTION",
        "### BEGIN SOLUTION\nx = 2",
        "### BEGIN MARK SCHEME\n### END MARK SCHEME",
    ],
)
def test_nbgraders_own_markers_in_the_authors_notebook_are_refused(tiny: Tiny, text: str) -> None:
    tiny.add(f"# %%\n{text}")
    assert refusal(tiny).startswith("ps1: ")


def test_hidden_tests_in_an_example_are_refused_rather_than_dropped(tiny: Tiny) -> None:
    tiny.change(
        tiny.notebook, "assert rescale([1, 3])", "### BEGIN HIDDEN TESTS\n### END HIDDEN TESTS\nassert rescale([1, 3])"
    )
    assert refusal(tiny) == ("ps1: cell `test_rescale`: nbgrader changed its text; remove the nbgrader markers from it")


def test_a_question_that_quiz_py_does_not_hold_is_refused(tiny: Tiny) -> None:
    tiny.add('# %% question="axis"')
    with pytest.raises(CourseError, match=r"quiz\.py: no such file; write the questions in it"):
        release(tiny.course)


def test_an_unknown_name_is_refused(tiny: Tiny) -> None:
    with pytest.raises(CourseError, match='no assignment "ps2"'):
        release(tiny.course, ["ps2"])


def test_a_refused_release_leaves_the_last_one_as_it_was(tiny: Tiny) -> None:
    release(tiny.course)
    before = (tiny.released / "ps1.ipynb").read_bytes()
    tiny.add("# %% [markdown]\n# Write `return [value / total for value in values]`.")
    with pytest.raises(ReleaseError):
        release(tiny.course)
    assert (tiny.released / "ps1.ipynb").read_bytes() == before
    assert [path.name for path in tiny.released.parent.iterdir()] == ["ps1"]


def test_what_was_in_the_folder_before_is_gone(tiny: Tiny) -> None:
    tiny.released.mkdir(parents=True)
    (tiny.released / "old.txt").write_text("old")
    assert release(tiny.course, ["ps1"]) == (tiny.released,)
    assert [path.name for path in tiny.released.iterdir()] == ["ps1.ipynb"]
    assert [path.name for path in tiny.released.parent.iterdir()] == ["ps1"]


def test_an_exercise_is_a_stub_followed_by_its_locked_example(tiny: Tiny) -> None:
    release(tiny.course)
    cells = tiny.cells()
    assert list(cells) == [
        "tiny-steps-text-1",
        "tiny-steps-code-1",
        "exercise-1-rescale-text-1",
        "rescale",
        "test_rescale",
        "exercise-1-rescale-scratch-1",
        "explain",
        "exercise-1-rescale-code-1",
    ]
    stub, test = cells["rescale"], cells["test_rescale"]
    assert "".join(stub["source"]).endswith(
        'Returns a list.\n    """\n    # YOUR CODE HERE\n    raise NotImplementedError()'
    )
    assert "editable" not in stub["metadata"]
    state = {key: stub["metadata"]["nbgrader"][key] for key in ("grade_id", "solution", "grade", "locked")}
    assert state == {"grade_id": "rescale", "solution": True, "grade": False, "locked": False}
    assert "".join(test["source"]) == "assert rescale([1, 3]) == [0.25, 0.75]"
    assert test["metadata"]["editable"] is False
    state = {key: test["metadata"]["nbgrader"][key] for key in ("solution", "grade", "locked", "points")}
    assert state == {"solution": False, "grade": True, "locked": True, "points": 4.0}


def test_prose_and_plain_code_are_locked_and_free_cells_are_free(tiny: Tiny) -> None:
    release(tiny.course)
    cells = tiny.cells()
    for name in ("tiny-steps-text-1", "exercise-1-rescale-code-1"):
        assert cells[name]["metadata"]["nbgrader"]["locked"] is True
        assert cells[name]["metadata"]["editable"] is False
    assert cells["exercise-1-rescale-scratch-1"]["metadata"] == {}
    assert cells["exercise-1-rescale-scratch-1"]["source"] == ["# Try your own numbers here."]


def test_a_manual_cell_keeps_its_text_and_is_answered_below_it(tiny: Tiny) -> None:
    release(tiny.course)
    cell = tiny.cells()["explain"]
    assert "".join(cell["source"]) == "Why?\n\nYOUR ANSWER HERE"
    state = cell["metadata"]["nbgrader"]
    assert (state["solution"], state["grade"], state["points"]) == (True, True, 2)


def test_an_exercise_without_example_still_gets_its_grade_cell(tiny: Tiny) -> None:
    tiny.change(tiny.notebook, '# %% example="rescale"\nassert rescale([1, 3]) == [0.25, 0.75]\n', "")
    release(tiny.course)
    assert "".join(tiny.cells()["test_rescale"]["source"]) == "# `rescale` is checked after you hand in."


def test_an_edited_cell_keeps_its_id(tiny: Tiny) -> None:
    release(tiny.course)
    before = list(tiny.cells())
    tiny.change(tiny.notebook, "print(rescale([1, 2, 3]))", "print(rescale([1, 2, 3, 4]))")
    release(tiny.course)
    assert list(tiny.cells()) == before


def test_data_files_are_released_byte_for_byte(tiny: Tiny) -> None:
    (tiny.data / "deep").mkdir()
    (tiny.data / "deep" / "数 1.bin").write_bytes(bytes(range(256)))
    release(tiny.course)
    assert (tiny.released / "data" / "deep" / "数 1.bin").read_bytes() == bytes(range(256))


def test_the_same_course_gives_the_same_bytes(tiny: Tiny, tmp_path: Path) -> None:
    built = [build_release(tiny.course, tiny.assignment, tmp_path / f"built{number}") for number in range(2)]
    first, second = ((folder / "ps1.ipynb").read_bytes() for folder in built)
    assert first == second
    assert b"\r" not in first


def test_the_released_notebook_is_valid_and_bears_no_trace_of_this_machine(tiny: Tiny) -> None:
    release(tiny.course)
    text = (tiny.released / "ps1.ipynb").read_text()
    notebook = nbformat.reads(text, as_version=4)
    nbformat.validate(notebook)
    assert (notebook.nbformat, notebook.nbformat_minor) == (4, 5)
    assert notebook.metadata.kernelspec.name == "python3"
    assert str(tiny.root) not in text
    assert "BEGIN SOLUTION" not in text


def test_nothing_is_written_beside_release(tiny: Tiny) -> None:
    before = {path for path in tiny.root.rglob("*") if "release" not in path.parts}
    release(tiny.course)
    assert {path for path in tiny.root.rglob("*") if "release" not in path.parts} == before


def test_it_works_where_the_programs_of_the_environment_are_not_on_the_path(
    tiny: Tiny, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    assert release(tiny.course) == (tiny.released,)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_the_release_runs_in_a_plain_kernel_once_the_functions_are_written(tiny: Tiny, tmp_path: Path) -> None:
    release(tiny.course)
    shutil.copytree(tiny.released, tmp_path / "student")
    notebook = nbformat.read(tmp_path / "student" / "ps1.ipynb", as_version=4)
    ran = run(notebook, tmp_path / "student")
    assert [cell.id for cell in ran if has_error(cell)] == ["test_rescale", "exercise-1-rescale-code-1"]
    for cell in notebook.cells:
        if cell.id == "rescale":
            cell.source = read_templates(tiny.solutions, ["rescale"])["rescale"].full
    ran = run(notebook, tmp_path / "student")
    assert not any(has_error(cell) for cell in ran)
    assert ran[-1].outputs[0].text.startswith("[0.16666666666666666, ")


def run(notebook: Any, folder: Path) -> list[Any]:
    """The cells after a run in a fresh kernel; errors stay in their cells."""
    copy = nbformat.from_dict(notebook)
    NotebookClient(copy, timeout=60, allow_errors=True, resources={"metadata": {"path": str(folder)}}).execute()
    return list(copy.cells)


def has_error(cell: Any) -> bool:
    return any(output.output_type == "error" for output in cell.get("outputs", []))
