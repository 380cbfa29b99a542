"""`grader release --check`: what is committed against what would be built."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tiny_course import Tiny

from autograder.course import load_course
from autograder.release import check_release, release

FILE = "release/ps1: ps1.ipynb: "


def test_a_release_that_was_never_made_differs(tiny: Tiny) -> None:
    assert check_release(tiny.course) == ("release/ps1: is not there yet",)


CHANGES = {
    "the docstring of a reference": (
        "solutions",
        "any iterable. Returns a list.",
        "any iterable of floats.",
        'cell `rescale`: the docstring differs: "...umbers: any iterable. Returns a list." is released, '
        '"...umbers: any iterable of floats." would be built',
    ),
    "its signature": (
        "solutions",
        "(numbers: Iterable[float])",
        "(numbers)",
        'cell `rescale`: the signature differs: "def rescale(numbers: Iterable[float]) -> list[float]:" is released, '
        '"def rescale(numbers) -> list[float]:" would be built',
    ),
    "points": (
        "notebook",
        "points=4",
        "points=5",
        "cell `test_rescale`: the points differ: 4.0 is released, 5.0 would be built",
    ),
    "an example": (
        "notebook",
        "assert rescale([1, 3]) ==",
        "assert rescale([2, 6]) ==",
        'cell `test_rescale`: the text differs: "assert rescale([1, 3]) == [0.25, 0.75]" is released, '
        '"assert rescale([2, 6]) == [0.25, 0.75]" would be built',
    ),
    "a new cell": (
        "notebook",
        '# %% free="true"',
        '# %% [markdown]\n# More.\n\n# %% free="true"',
        "cell `exercise-1-rescale-text-2`: is missing",
    ),
    "a cell less": (
        "notebook",
        '# %% free="true"\n# Try your own numbers here.\n',
        "",
        "cell `exercise-1-rescale-scratch-1`: would not be built",
    ),
}


@pytest.mark.parametrize("case", CHANGES)
def test_a_change_of_the_source_is_one_difference_in_one_line(tiny: Tiny, case: str) -> None:
    release(tiny.course)
    file, old, new, line = CHANGES[case]
    tiny.change(getattr(tiny, file), old, new)
    assert check_release(tiny.course) == (FILE + line,)


def test_a_change_of_a_reference_body_is_no_difference(tiny: Tiny) -> None:
    release(tiny.course)
    tiny.change(tiny.solutions, "# never zero", "# not zero")
    assert check_release(tiny.course) == ()


def edited(tiny: Tiny, edit: Any) -> tuple[str, ...]:
    release(tiny.course)
    path = tiny.released / "ps1.ipynb"
    notebook = json.loads(path.read_text())
    edit(notebook)
    path.write_text(json.dumps(notebook, indent=1, ensure_ascii=False) + "\n")
    return check_release(tiny.course)


def test_edits_by_hand_are_differences(tiny: Tiny) -> None:
    def move(notebook: Any) -> None:
        notebook["cells"].append(notebook["cells"].pop(0))

    def run(notebook: Any) -> None:
        notebook["cells"][1]["execution_count"] = 1

    def unlock(notebook: Any) -> None:
        del notebook["cells"][1]["metadata"]["editable"]

    def rename_kernel(notebook: Any) -> None:
        notebook["metadata"]["kernelspec"]["name"] = "other"

    assert edited(tiny, move) == (FILE + "the cells stand in another order",)
    assert edited(tiny, run) == (FILE + "cell `tiny-steps-code-1`: it has been run or otherwise changed",)
    assert edited(tiny, unlock) == (FILE + "cell `tiny-steps-code-1`: the metadata differ",)
    assert edited(tiny, rename_kernel) == (FILE + "the metadata of the notebook differ",)


@pytest.mark.parametrize("text", ["", "3", "{}", '{"cells": [{}], "metadata": {}}', '{"cells": 3}', "\x00"])
def test_a_damaged_notebook_is_a_difference(tiny: Tiny, text: str) -> None:
    release(tiny.course)
    (tiny.released / "ps1.ipynb").write_text(text)
    assert check_release(tiny.course) == (FILE + "is not a released notebook",)


def test_the_same_notebook_in_other_bytes_is_a_difference(tiny: Tiny) -> None:
    release(tiny.course)
    path = tiny.released / "ps1.ipynb"
    path.write_text(json.dumps(json.loads(path.read_text())))
    assert check_release(tiny.course) == (FILE + "is written in another form",)


def test_files_that_are_missing_changed_or_too_many_are_differences(tiny: Tiny) -> None:
    (tiny.data / "a.txt").write_text("a")
    (tiny.data / "b.txt").write_text("b")
    (tiny.data / "c.txt").write_text("c")
    release(tiny.course)
    (tiny.released / "data" / "a.txt").unlink()
    (tiny.released / "data" / "b.txt").write_text("other")
    (tiny.released / "data" / "c.txt").unlink()
    (tiny.released / "data" / "c.txt").symlink_to(tiny.data / "c.txt")
    (tiny.released / "notes.txt").write_text("x")
    assert check_release(tiny.course, ["ps1"]) == (
        "release/ps1: data/a.txt: is missing",
        "release/ps1: notes.txt: would not be built; delete it or add it to the assignment's data/",
        "release/ps1: data/b.txt: differs",
        "release/ps1: data/c.txt: is a symbolic link",
    )


def test_checkpoints_of_jupyter_are_no_difference(tiny: Tiny) -> None:
    release(tiny.course)
    (tiny.released / ".ipynb_checkpoints").mkdir()
    (tiny.released / ".ipynb_checkpoints" / "ps1.ipynb").write_text("x")
    assert check_release(tiny.course) == ()


def test_a_check_changes_nothing(tiny: Tiny) -> None:
    release(tiny.course)
    tiny.change(tiny.solutions, "any iterable. Returns a list.", "any iterable of floats.")
    before = (tiny.released / "ps1.ipynb").read_bytes()
    assert len(check_release(tiny.course)) == 1
    assert (tiny.released / "ps1.ipynb").read_bytes() == before


def test_what_this_repository_has_committed_is_what_would_be_built() -> None:
    assert check_release(load_course(Path(__file__))) == ()
