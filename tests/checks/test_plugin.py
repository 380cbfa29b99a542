"""`pytest assignments/NAME/checks.py` as an author types it, and nothing at all in other people's projects."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from textwrap import dedent

import pytest
from little_assignment import CHECKS, make_assignment

from autograder.checks.plugin import solutions_of


def run_pytest(folder: Path, *arguments: str) -> str:
    """What `python -m pytest ARGUMENTS` prints in `folder`."""
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-ra", *arguments],
        cwd=folder,
        env=os.environ | {"OMP_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout + done.stderr


def test_a_check_that_belongs_to_no_exercise_is_refused(tmp_path: Path):
    stray = make_assignment(tmp_path, checks="def test_a():\n    pass\n").checks
    assert 'checks.py::test_a belongs to no exercise; write @exercise("NAME")' in run_pytest(tmp_path, str(stray))


def test_an_author_runs_checks_against_the_references_and_reads_what_a_student_would(tmp_path: Path):
    right = make_assignment(tmp_path, name="right")
    checks = CHECKS.replace("is_close_to(reference.double(x), look_at", "is_close_to(reference.double(x) + 1, look_at")
    wrong = make_assignment(tmp_path, checks=checks, name="wrong")
    printed = run_pytest(tmp_path, "-W", "error", "--import-mode=importlib", str(right.checks), str(wrong.checks))
    assert "1 failed, 6 passed, 1 skipped" in printed
    assert "expected  double(x)[" in printed
    assert "needs: test_value" in printed


def test_other_projects_see_nothing_of_us(tmp_path: Path):
    (tmp_path / "checks.py").write_text("")
    (tmp_path / "test_theirs.py").write_text(
        dedent("""
            import sys
            import pytest

            @pytest.fixture
            def draw():
                return "theirs"

            def test_draw(draw):
                assert draw == "theirs"
                assert "torch" not in sys.modules
                assert not [name for name in sys.modules if name.startswith("autograder.") and "plugin" not in name
                            and name != "autograder.checks"]

            def test_student(student):
                pass
        """)
    )
    printed = run_pytest(tmp_path, str(tmp_path))
    assert "1 passed, 1 error" in printed
    assert "fixture 'student' not found" in printed


@pytest.mark.parametrize("place", ["checks.py", "assignments/little/test_checks.py", "other/little/checks.py"])
def test_only_checks_of_an_assignment_with_references_are_ours(tmp_path: Path, place):
    make_assignment(tmp_path)
    assert solutions_of(tmp_path / place) is None
    assert solutions_of(tmp_path / "assignments/nothing/checks.py") is None
    assert solutions_of(tmp_path / "assignments/little/checks.py") == tmp_path / "solutions/little.py"
