"""The command line: exit codes, one line for what could not run, and JSON that other programs read."""

from __future__ import annotations

import json
import os
import resource
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from small_course import RIGHT, filled, hand_in
from typer.testing import CliRunner, Result

from autograder.cli import app
from autograder.course import Course
from autograder.report.console import complain

ROOT = Path(__file__).parents[1]
GRADER = (sys.executable, "-c", "from autograder.cli import main; main()")


def grader(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def only_line(text: str) -> str:
    lines = text.splitlines()
    assert len(lines) == 1, text
    return lines[0]


COMMANDS = (["release"], ["release", "--check"], ["verify"], ["grade"], ["feedback"], ["demo"])


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_outside_a_course_every_command_says_so_in_one_line(command: list[str], tmp_path: Path) -> None:
    result = grader("-C", tmp_path, *command)
    assert result.exit_code == 2
    assert only_line(result.stderr).startswith(f"grader: grader.toml: not found in {tmp_path}")


@pytest.mark.parametrize(
    "command", [["release"], ["release", "--check"], ["verify"], ["grade"], ["feedback"]], ids=" ".join
)
def test_an_unknown_assignment_is_named_in_one_line(command: list[str], small_course: Course) -> None:
    result = grader("-C", small_course.root, *command, "tinny")
    assert result.exit_code == 2
    assert 'no assignment "tinny"; did you mean "tiny"?' in only_line(result.stderr)


def test_a_wrong_setting_ends_every_command_in_one_line(small_course: Course) -> None:
    (small_course.root / "grader.toml").write_text('[course]\ntitle = "x"\nid = "y"\n[limits]\nmemory = "lots"\n')
    for command in ("release", "verify", "grade", "feedback", "doctor"):
        result = grader("-C", small_course.root, command)
        assert result.exit_code == 2
        assert only_line(result.stderr) == 'grader: grader.toml: limits.memory is "lots"; give a size such as "4 GiB"'


@pytest.mark.parametrize(
    "arguments",
    [
        ["nonsense"],
        ["grade", "--workers", "many"],
        ["grade", "--workers", "-1"],
        ["grade", "--isolation", "C"],
        ["verify", "--seeds", "0"],
        ["demo", "--students", "0"],
        ["release", "--chekc"],
        ["grade", "x.ipynb"],
        ["grade", "x.ipynb", "--assignment", "softmax_regression"],
        ["grade", "x.ipynb", "--json", "-"],
        ["grade", "--assignment", "softmax_regression", "--json", "-"],
    ],
    ids=" ".join,
)
def test_wrong_arguments_are_refused(arguments: list[str]) -> None:
    result = grader("-C", ROOT, *arguments)
    assert result.exit_code == 2
    assert "Usage:" in result.stderr
    assert "Traceback" not in result.stderr


def test_before_anything_is_handed_in_or_graded_this_is_said_in_one_line(small_course: Course) -> None:
    result = grader("-C", small_course.root, "grade")
    assert result.exit_code == 2
    assert "no submission of tiny" in only_line(result.stderr)
    result = grader("-C", small_course.root, "feedback")
    assert result.exit_code == 2
    assert only_line(result.stderr) == "grader: tiny: nothing is graded yet; run: grader grade"


def test_a_loose_file_that_is_not_there_is_named(small_course: Course, tmp_path: Path) -> None:
    result = grader("-C", small_course.root, "grade", tmp_path / "no.ipynb", "--assignment", "tiny", "--json", "-")
    assert result.exit_code == 2
    assert only_line(result.stderr) == f"grader: {tmp_path / 'no.ipynb'}: no such file"
    assert result.stdout == ""


def test_a_json_path_that_cannot_be_written_is_refused_before_grading(small_course: Course, tmp_path: Path) -> None:
    file = hand_in(small_course.root, "amina", filled())
    for target in (tmp_path / "no" / "out.json", tmp_path):
        result = grader("-C", small_course.root, "grade", file, "--assignment", "tiny", "--json", target)
        assert result.exit_code == 2
        assert only_line(result.stderr) == (
            f"grader: {target}: cannot be written; give --json a file in a folder that exists"
        )


def test_complaints_are_one_line_without_escapes(capsys: pytest.CaptureFixture[str]) -> None:
    complain("\x1b[31mred\x1b[0m\nand \x07more [bold]text[/bold]" + " x" * 200)
    captured = capsys.readouterr()
    assert captured.out == ""
    assert only_line(captured.err).startswith("grader: red and ␇more [bold]text[/bold] x x")


def test_the_version_is_shown() -> None:
    result = grader("--version")
    assert (result.exit_code, result.stdout) == (0, "torchmark 0.1.0\n")


def test_help_is_quick() -> None:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run([*GRADER, "--help"], capture_output=True, text=True, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert all(command in done.stdout for command in ("release", "verify", "grade", "feedback", "doctor", "demo"))
    assert after.ru_utime - before.ru_utime < 1.2  # 0.2 s on a quiet machine; torch alone takes more than 1


def test_release_check_tells_an_edited_release_from_a_fresh_one(small_course: Course) -> None:
    assert grader("-C", small_course.root, "release").exit_code == 0
    assert grader("-C", small_course.root, "release", "--check").exit_code == 0
    (small_course.root / "release" / "tiny" / "extra.txt").write_text("x")
    result = grader("-C", small_course.root, "release", "--check", "tiny")
    assert result.exit_code == 1
    assert "extra.txt" in only_line(result.stdout)


def test_verify_exits_with_1_when_the_checks_are_not_right(small_course: Course) -> None:
    checks = small_course.root / "assignments" / "tiny" / "checks.py"
    checks.write_text(checks.read_text().replace("student.double(x)", "reference.double(x)"))
    result = grader("-C", small_course.root, "verify", "--seeds", "1")
    assert result.exit_code == 1
    assert "squares" in result.stdout


def test_a_folder_that_cannot_be_written_is_named_in_one_line(small_course: Course) -> None:
    shutil.rmtree(small_course.root / "release")
    (small_course.root / "release").write_text("a file")
    result = grader("-C", small_course.root, "release")
    assert result.exit_code == 2
    assert "release" in only_line(result.stderr)


def test_names_that_the_terminal_cannot_write_are_escaped(small_course: Course) -> None:
    environment = os.environ | {"PYTHONIOENCODING": "ascii"}
    (small_course.root / "release" / "tiny" / "\u738b.txt").write_text("x")
    command = [*GRADER, "-C", str(small_course.root), "release", "--check"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 1, done.stderr
    assert "\\u738b.txt" in done.stdout


@pytest.fixture
def graded_course(small_course: Course) -> Course:
    """The small course with three students, graded: one right, one who takes the mean, one with a PDF file."""
    hand_in(small_course.root, "amina", filled())
    hand_in(small_course.root, "evil[bold]", filled(RIGHT | {"total": "def total(x):\n    return x.mean()"}))
    hand_in(small_course.root, "lukas", b"%PDF-1.7")
    result = grader("-C", small_course.root, "grade", "--workers", "1")
    assert result.exit_code == 0, result.output
    (small_course.root / "stdout.txt").write_text(result.stdout)
    (small_course.root / "stderr.txt").write_text(result.stderr)
    return small_course


def test_a_class_is_graded_shown_and_given_feedback(graded_course: Course) -> None:
    shown = (graded_course.root / "stdout.txt").read_text()
    rows = {line.split()[0]: line for line in shown.splitlines() if line.strip()}
    assert rows["amina"].split() == ["amina", "2", "3", "0", "5", "1", "answer", "missing"]
    assert "takes the mean" in rows["evil[bold]"]
    assert "not a notebook" in rows["lukas"]
    assert "\x1b" not in shown
    assert "isolation: " in shown
    assert "graded: 3 submissions in" in shown
    assert "gradebook.db" in shown
    progress = (graded_course.root / "stderr.txt").read_text()
    assert "grading 3/3 (100 %)" in progress
    assert "Warning" not in progress

    again = grader("-C", graded_course.root, "grade")
    assert "graded: nothing anew" in again.stdout
    assert "unchanged, not graded again: 3 of 3 submissions" in again.stdout

    written = grader("-C", graded_course.root, "feedback", "tiny")
    assert written.exit_code == 0
    pages = {path.parents[1].name for path in (graded_course.root / "feedback").glob("*/tiny/tiny.html")}
    assert pages == {"amina", "evil[bold]", "lukas"}

    again = ("--student", "am*", "--again", "--isolation", "none")
    one = grader("-C", graded_course.root, "grade", *again)
    assert "graded: 1 submission in" in one.stdout
    assert "isolation: none. Student code ran as you" in one.stdout


KEYS = ["file", "assignment", "student", "status", "reason", "score", "max_score", "isolation", "device", "seconds"]
LOOSE = ("--workers", "1", "--assignment", "tiny", "--json")
CHECK_KEYS = ["name", "title", "kind", "outcome", "points", "max_points", "message", "mistake", "seed", "seconds"]


def test_loose_notebooks_become_json(small_course: Course, tmp_path: Path) -> None:
    right = hand_in(small_course.root, "amina", filled())
    broken = tmp_path / "broken.ipynb"
    broken.write_bytes(b"{")
    folder = tmp_path / "folder.ipynb"
    folder.mkdir()
    result = grader("-C", small_course.root, "grade", right, broken, folder, *LOOSE, "-")
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert [one["status"] for one in found] == ["graded", "failed", "failed"]
    assert all(list(one) == [*KEYS, "cells", "exercises", "questions"] for one in found)
    assert list(found[0]["exercises"][0]) == ["name", "score", "max_score", "checks"]
    assert list(found[0]["exercises"][0]["checks"][0]) == CHECK_KEYS
    assert list(found[0]["cells"][0]) == ["index", "status", "seconds"]
    assert (found[0]["score"], found[0]["max_score"]) == (5, 7)
    assert not (small_course.root / "gradebook.db").exists()

    target = tmp_path / "out.json"
    result = grader("-C", small_course.root, "grade", right, *LOOSE, target)
    assert (result.exit_code, result.stdout) == (0, "")
    assert json.loads(target.read_text())[0]["student"] == "tiny"


def test_ctrl_c_stops_with_one_line_and_keeps_what_was_graded(small_course: Course) -> None:
    for number in range(6):
        loop = "def double(x):\n    return 2 * x\nimport time\ntime.sleep(1.5)"
        hand_in(small_course.root, f"student_{number}", filled(RIGHT | {"double": loop}))
    process = subprocess.Popen(
        [*GRADER, "-C", str(small_course.root), "grade", "--workers", "1"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=os.environ | {"PYTHONUNBUFFERED": "1"},
    )  # fmt: skip
    assert process.stderr is not None
    assert "grading 1/6" in process.stderr.readline()
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=30)
    assert process.returncode == 130
    assert errors.splitlines()[-1].startswith("grader: stopped; ")
    assert "are kept; run again to go on" in errors.splitlines()[-1]
    assert "Traceback" not in errors
