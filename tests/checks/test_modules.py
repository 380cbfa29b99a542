"""Files of a course are run without a trace, and what is wrong with them is one line."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from autograder.checks.modules import functions_of, load_module
from autograder.errors import CourseError


@pytest.mark.parametrize(
    ("source", "words"),
    [
        (b"def f(:", "is not Python"),
        (b"\xff\xfe", "is not Python"),
        (b"x = 1\n\nraise KeyError('a')", r"raised KeyError .* \(line 3\)"),
        (b"import sys\nsys.exit(3)", "raised SystemExit"),
    ],
)
def test_a_file_that_does_not_run_is_named_with_the_line(tmp_path: Path, source, words):
    path = tmp_path / "module.py"
    path.write_bytes(source)
    with pytest.raises(CourseError, match=words):
        load_module(path)


def test_a_file_that_is_not_there_is_named(tmp_path: Path):
    with pytest.raises(CourseError, match=r"module\.py: cannot be read"):
        load_module(tmp_path / "module.py")


def test_a_module_runs_anew_each_time_and_leaves_nothing_behind(tmp_path: Path):
    path = tmp_path / "module.py"
    path.write_text(
        "from __future__ import annotations\nfrom dataclasses import dataclass\nimport math\n"
        "@dataclass\nclass Pair:\n    a: int\n\ndef f():\n    return Pair(1).a\n\n"
        "def _hidden(): pass\n\nroot = math.sqrt\n"
    )
    before = set(sys.modules)
    one, two = load_module(path), load_module(path)
    assert one is not two
    assert set(sys.modules) == before
    assert list(functions_of(one)) == ["Pair", "f"]
    assert functions_of(two)["f"]() == 1
    assert sorted(tmp_path.iterdir()) == [path]
