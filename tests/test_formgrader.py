"""nbgrader's formgrader, run for real in a Jupyter server on this machine, shows what we graded."""

from __future__ import annotations

import json
import os
import re
import secrets
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbformat.v4 import new_markdown_cell
from small_course import RIGHT, filled, hand_in, write_course

from autograder.grading.batch import grade_class
from autograder.model import SubmissionResult

REPOSITORY = Path(__file__).parents[1]
TOTALS = {"ann": 5.0, "bob bär": 3.0, "李雷": 0.0, "dan": 0.0}

Get = Callable[[str], str]


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, SubmissionResult]]:
    """A class of four, graded: right, one exercise wrong, nothing done with a script in its markdown, no notebook."""
    root = tmp_path_factory.mktemp("lab") / "course"
    course = write_course(root)
    shutil.copy(REPOSITORY / "nbgrader_config.py", root)
    hand_in(root, "ann", filled()).with_name("timestamp.txt").write_text("2027-02-01 12:30:00 UTC\n")
    hand_in(root, "bob bär", filled(RIGHT | {"double": "def double(x):\n    return x * x"}))
    lazy = filled({})
    lazy.cells.append(new_markdown_cell("<script>alert('planted')</script>"))
    hand_in(root, "李雷", lazy)
    hand_in(root, "dan", "this is not a notebook")
    run = grade_class(course)
    return root, {result.student: result for result in run.results}


@pytest.fixture(scope="module")
def get(results: tuple[Path, Any], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Get]:
    """Fetch a page of a formgrader of its own; its server is ended by its process id."""
    root, _ = results
    home = tmp_path_factory.mktemp("home")
    port, token = free_port(), secrets.token_hex(16)
    environment = os.environ | {
        "HOME": str(home),
        "JUPYTER_CONFIG_DIR": str(home / "config"),
        "JUPYTER_RUNTIME_DIR": str(home / "runtime"),
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
    }
    options = [
        f"--ServerApp.port={port}",
        "--ServerApp.port_retries=0",
        "--ServerApp.ip=127.0.0.1",
        f"--IdentityProvider.token={token}",
        "--ServerApp.open_browser=False",
        "--ServerApp.allow_root=True",
        f"--ServerApp.root_dir={root}",
        "--ServerApp.jpserver_extensions={'nbgrader.server_extensions.formgrader': True}",
    ]
    log = home / "server.log"
    with log.open("wb") as output:
        command = [sys.executable, "-m", "jupyter", "server", *options]
        server = subprocess.Popen(command, cwd=root, env=environment, stdout=output, stderr=output)

    def fetch(path: str) -> str:
        request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", headers={"Authorization": f"token {token}"})
        with urllib.request.urlopen(request, timeout=30) as response:
            return str(response.read().decode())

    try:
        wait_until_up(fetch, server, log)
        yield fetch
    finally:
        server.terminate()
        server.wait(timeout=20)


def wait_until_up(fetch: Get, server: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(300):
        assert server.poll() is None, log.read_text()
        try:
            fetch("/api/status")
            return
        except (urllib.error.URLError, ConnectionError):
            time.sleep(0.1)
    raise AssertionError(log.read_text())


def submissions(get: Get) -> dict[str, dict[str, Any]]:
    return {found["student"]: found for found in json.loads(get("/formgrader/api/submissions/tiny"))}


def notebook_id(get: Get, student: str) -> str:
    """The id of a submitted notebook, by which formgrader's pages go."""
    for found in json.loads(get("/formgrader/api/submitted_notebooks/tiny/tiny")):
        if found["student"] == student:
            return str(found["id"])
    raise AssertionError(f"formgrader lists no notebook of {student}")


def test_the_list_of_submissions_has_our_totals(get: Get) -> None:
    found = submissions(get)
    assert {student: row["score"] for student, row in found.items()} == TOTALS
    assert {row["max_score"] for row in found.values()} == {7.0}
    assert all(row["autograded"] for row in found.values()), "formgrader must not ask to grade them again"


def test_only_what_failed_waits_for_a_person(get: Get) -> None:
    waiting = {student for student, row in submissions(get).items() if row["needs_manual_grade"]}
    assert waiting == {"dan"}


def test_the_scores_of_a_notebook_are_ours_cell_by_cell(get: Get, results: Any) -> None:
    grades = json.loads(get(f"/formgrader/api/grades?submission_id={notebook_id(get, 'bob bär')}"))
    expected = {f"test_{exercise.name}": exercise.score for exercise in results[1]["bob bär"].exercises}
    assert {grade["name"]: grade["auto_score"] for grade in grades} == expected | {"explain": 0.0}
    assert all(grade["manual_score"] is None for grade in grades)


def test_the_page_of_a_submission_shows_the_verdict_on_each_check(get: Get) -> None:
    page = get(f"/formgrader/submissions/{notebook_id(get, 'bob bär')}/")
    assert "FAIL  it is twice the input" in page
    assert "You squared it. Twice x is x + x." in page
    assert "PASS  it is the sum of all entries" in page


def test_the_comment_of_a_solution_is_the_summary(get: Get) -> None:
    comments = json.loads(get(f"/formgrader/api/comments?submission_id={notebook_id(get, 'bob bär')}"))
    (comment,) = [found["auto_comment"] for found in comments if found["name"] == "double"]
    assert comment.startswith("0 of 2 points; 0 of 2 checks passed")


def test_no_script_of_a_student_is_on_the_page(get: Get) -> None:
    page = get(f"/formgrader/submissions/{notebook_id(get, '李雷')}/")
    assert not re.search(r"<script[^>]*>alert", page)
    assert "alert('planted')" in page.replace("&#39;", "'")


def test_a_submission_that_is_no_notebook_says_why(get: Get) -> None:
    page = get(f"/formgrader/submissions/{notebook_id(get, 'dan')}/")
    assert "tiny.ipynb is not JSON" in page


def test_formgraders_overview_counts_the_class(get: Get) -> None:
    (assignment,) = json.loads(get("/formgrader/api/assignments"))
    assert (assignment["name"], assignment["num_submissions"], assignment["max_score"]) == ("tiny", 4, 7.0)


def test_nothing_hidden_lies_in_autograded(results: Any) -> None:
    root, _ = results
    for path in (root / "autograded").rglob("*.ipynb"):
        text = path.read_text()
        nbformat.validate(nbformat.reads(text, as_version=4))
        assert "reference." not in text
        assert "takes_the_mean" not in text
