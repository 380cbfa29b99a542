"""A batch that is killed, locked out of its gradebook, or out of disk: nothing is lost, nothing is left behind."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from small_course import filled, hand_in, write_course

pytestmark = pytest.mark.redteam

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))
GRADE = [sys.executable, "-W", "ignore", "-c", "from autograder.cli import main; main()"]


def grade(root: Path) -> tuple[int, str]:
    """Exit status, and what stands on stderr besides progress."""
    done = subprocess.run([*GRADE, "-C", str(root), "grade", "tiny"], capture_output=True, text=True, check=False)
    return done.returncode, "".join(line for line in done.stderr.splitlines(True) if not line.startswith("grading "))


def test_nothing_is_lost_or_left_when_everything_is_killed_now_and_then() -> None:
    command = [sys.executable, str(HERE / "killrun.py"), "--kills", "10", "--seed", "7", "--minutes", "2"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=500, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "rows lost       0" in done.stdout


def test_a_locked_gradebook_is_one_clear_line_and_the_next_run_goes_on(tmp_path: Path) -> None:
    root = write_course(tmp_path / "course").root
    hand_in(root, "ann", filled())
    assert grade(root)[0] == 0
    hand_in(root, "ann", filled({}))
    with sqlite3.connect(root / "gradebook.db") as other:
        other.execute("begin immediate")
        status, said = grade(root)
        other.rollback()
    assert status == 2
    assert said.count("\n") == 1, said
    assert "is locked by another program; close what has it open and run again" in said
    assert grade(root) == (0, "")


SOUND = "import sqlite3, sys; print(*sqlite3.connect(sys.argv[1]).execute('pragma integrity_check').fetchone())"
FULL = """
set -e
mount -t tmpfs -o size=340k none "$1"
cp -r "$2" "$1/course"
status=0; "$3" -W ignore -c "$4" -C "$1/course" grade tiny > "$5/first" 2>&1 || status=$?
echo "$status $(find "$1/course" -name '.new-*' | wc -l)" >> "$5/status"
"$3" -c "$6" "$1/course/gradebook.db" >> "$5/status"
mount -o remount,size=50m "$1"
"$3" -W ignore -c "$4" -C "$1/course" grade tiny > "$5/second" 2>&1
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="mounts a small disk")
def test_a_full_disk_is_one_clear_line_and_the_next_run_goes_on(tmp_path: Path) -> None:
    from nbformat.v4 import new_code_cell

    root = write_course(tmp_path / "course").root
    for number in range(6):
        notebook = filled()
        notebook.cells.append(new_code_cell("print('x' * 9000)"))
        hand_in(root, f"student{number}", notebook)
    disk = tmp_path / "disk"
    disk.mkdir()
    script = [
        "unshare",
        "--mount",
        "bash",
        "-c",
        FULL,
        "full",
        str(disk),
        str(root),
        sys.executable,
        GRADE[-1],
        str(tmp_path),
        SOUND,
    ]
    subprocess.run(script, check=True, capture_output=True, timeout=300)
    assert (tmp_path / "status").read_text().split() == ["2", "0", "ok"]
    complaints = [line for line in (tmp_path / "first").read_text().splitlines() if line.startswith("grader: ")]
    assert len(complaints) == 1
    assert "full" in complaints[0] or "No space" in complaints[0]
    assert "student5" in (tmp_path / "second").read_text()
