"""Whatever JSON a file holds, reading it gives a submission or one clear line."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import nbformat
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from small_course import filled, write_course

from autograder.config import Limits
from autograder.course import Assignment
from autograder.errors import SubmissionError
from autograder.grading.display import show_graded
from autograder.grading.submission import read_submission

PLAIN = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
JSON = st.recursive(
    PLAIN, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4)
)
NAMES = st.sampled_from(["setup", "double", "test_double", "total", "test_total", "explain", "other"])
SOURCES = st.sampled_from(["x = 1", "def double(x): ...", "<img onerror=x>", "import torch", ""]) | st.lists(
    PLAIN, max_size=3
)
CELL = st.fixed_dictionaries(
    {},
    optional={
        "cell_type": st.sampled_from(["code", "markdown", "raw", "heading"]) | JSON,
        "source": SOURCES | JSON,
        "input": SOURCES,
        "level": JSON,
        "metadata": st.fixed_dictionaries({}, optional={"nbgrader": st.fixed_dictionaries({"grade_id": NAMES}) | JSON})
        | JSON,
        "outputs": JSON,
        "id": JSON,
        "attachments": st.dictionaries(st.text(max_size=4), st.dictionaries(st.just("image/png"), JSON)) | JSON,
    },
)
CELLS = st.lists(CELL | JSON, max_size=6) | JSON
NOTEBOOK = st.fixed_dictionaries(
    {},
    optional={
        "nbformat": st.sampled_from([1, 2, 3, 4, 5]) | JSON,
        "nbformat_minor": st.sampled_from([0, 5]) | JSON,
        "metadata": JSON,
        "cells": CELLS,
        "worksheets": st.lists(st.fixed_dictionaries({"cells": CELLS}), max_size=2) | JSON,
    },
)


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Assignment:
    return write_course(tmp_path_factory.mktemp("fuzz") / "course").assignment("tiny")


def read(tiny: Assignment, path: Path, content: bytes) -> bool:
    """True when it could be read; what was read can be shown, written and read again."""
    path.write_bytes(content)
    try:
        submission = read_submission(path, tiny, Limits())
    except SubmissionError:
        return False
    notebook = show_graded(submission, {}, ())
    nbformat.validate(nbformat.reads(nbformat.writes(notebook).encode().decode(), as_version=4))
    assert len({number for number, _ in submission.cells}) == len(submission.cells)
    return True


ANY = settings(
    max_examples=int(os.environ.get("FUZZ_EXAMPLES", "100")),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@ANY
@given(raw=NOTEBOOK | JSON)
def test_any_json_is_read_or_refused(tiny: Assignment, tmp_path: Path, raw: Any) -> None:
    read(tiny, tmp_path / "x.ipynb", json.dumps(raw).encode())


@ANY
@given(position=st.integers(min_value=0), junk=st.binary(max_size=6), length=st.integers(0, 40))
def test_a_damaged_notebook_is_read_or_refused(
    tiny: Assignment, tmp_path: Path, position: int, junk: bytes, length: int
) -> None:
    whole = nbformat.writes(filled()).encode()
    at = position % len(whole)
    read(tiny, tmp_path / "x.ipynb", whole[:at] + junk + whole[at + length :])


@ANY
@given(cells=st.lists(CELL, max_size=8))
def test_any_cells_after_a_good_one_are_read(tiny: Assignment, tmp_path: Path, cells: list[Any]) -> None:
    raw = {"nbformat": 4, "cells": [{"cell_type": "code", "source": "x = 1"}, *cells]}
    assert read(tiny, tmp_path / "x.ipynb", json.dumps(raw).encode())
