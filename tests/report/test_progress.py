"""How far long work has come."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from autograder.report.progress import ProgressLines


def lines(total: int, dones: list[int]) -> list[str]:
    file = io.StringIO()
    with ProgressLines(Console(file=file, width=100), "grading") as progress:
        for done in dones:
            progress.advance(done, total)
    return file.getvalue().splitlines()


def test_no_work_prints_nothing() -> None:
    assert lines(0, []) == []
    assert lines(0, [0]) == []


def test_without_a_terminal_there_is_a_line_every_ten_percent() -> None:
    shown = lines(200, list(range(201)))
    assert len(shown) == 10
    assert shown[0].startswith("grading 20/200 (10 %), ")
    assert shown[0].endswith(" left")
    assert shown[-1].startswith("grading 200/200 (100 %), ")
    assert shown[-1].endswith(" in all")


def test_few_steps_have_a_line_each() -> None:
    assert [line.split()[1] for line in lines(3, [0, 1, 2, 3])] == ["1/3", "2/3", "3/3"]


def test_in_a_terminal_there_is_a_bar_that_goes_away() -> None:
    file = io.StringIO()
    with ProgressLines(Console(file=file, force_terminal=True, width=100), "grading") as progress:
        for done in range(4):
            progress.advance(done, 3)
    assert "3/3" in file.getvalue()
    assert file.getvalue().endswith("\x1b[2K")


def test_an_error_inside_passes_through_and_frees_the_terminal() -> None:
    console = Console(file=io.StringIO(), force_terminal=True)

    def fail() -> None:
        with ProgressLines(console, "grading") as progress:
            progress.advance(0, 3)
            raise ValueError("boom")

    with pytest.raises(ValueError, match="boom"):
        fail()
    with ProgressLines(console, "again") as progress:  # rich allows one live display at a time
        progress.advance(0, 3)
