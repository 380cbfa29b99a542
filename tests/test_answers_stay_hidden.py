"""No line of a check, a reference or a mistake is in reach of student code, or in what students and formgrader get.

The spy is a notebook that is handed in and graded for real. It knows the hidden lines by their hashes only, and looks
for them in every file that it can open and in every string and code object that its process holds.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from datetime import UTC, datetime
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell

from autograder.course import Course, load_course
from autograder.demo import copy_course
from autograder.grading.batch import grade_class
from autograder.report.feedback import write_class_feedback

ROOT = Path(__file__).parents[1]
NAME = "softmax_regression"
CANARY = "this line stands in a file that the spy itself wrote"

SPY = """
import gc, hashlib, json, os, sys, types
HASHES = set(json.loads('%s'))
with open("canary.txt", "w") as file:
    file.write("something else\\n    this line stands in a file that the spy itself wrote\\n")

def known(text):
    return sum(hashlib.sha256(line.strip().encode()).hexdigest() in HASHES for line in text.splitlines())

found, opened = [], 0
libraries = tuple(os.path.realpath(path) for path in {sys.prefix, sys.base_prefix})
libraries += ("/usr/lib", "/lib", "/usr/share", "/etc/fonts")
for folder, folders, names in os.walk("/", followlinks=False):
    if os.path.realpath(folder).startswith(libraries) and not any(
        word in folder for word in ("autograder", "torchmark", "solutions", "assignments", "mistakes")
    ):
        continue
    for name in names:
        try:
            with open(os.path.join(folder, name), "rb") as file:
                text = file.read(2_000_000).decode("utf-8", "replace")
        except OSError:
            continue
        opened += 1
        if known(text):
            found.append(os.path.join(folder, name))

def strings(thing):
    if type(thing) is str:
        yield thing
    elif type(thing) is bytes:
        yield thing.decode("utf-8", "replace")
    elif type(thing) is types.CodeType:
        for constant in thing.co_consts:
            yield from strings(constant)

parts = (part for thing in gc.get_objects() for part in gc.get_referents(thing))
texts = {text for part in parts for text in strings(part) if len(text) > 30}
held = sum(known(text) for text in texts)
print(json.dumps({"found": found, "opened": opened, "held": held, "environment": dict(os.environ)}))
"""


def hidden_lines() -> set[str]:
    """Lines of what must stay hidden, as far as they tell something and are not in the released notebook too."""
    released = (ROOT / "release" / NAME / f"{NAME}.ipynb").read_text()
    files = [
        ROOT / "solutions" / f"{NAME}.py",
        *((ROOT / "assignments" / NAME) / each for each in ("checks.py", "mistakes.py")),
    ]
    lines = {line.strip() for path in files for line in path.read_text().splitlines()}
    return {line for line in lines if len(line) > 30 and json.dumps(line)[1:-1] not in released and '"""' not in line}


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory) -> Course:
    """A class of one spy, graded, with feedback written."""
    root = tmp_path_factory.mktemp("course") / "course"
    copy_course(ROOT, root)
    shutil.copy(ROOT / "grader.toml", root)  # the demo's own limits are short
    notebook = nbformat.read(root / "release" / NAME / f"{NAME}.ipynb", as_version=4)
    hashes = [hashlib.sha256(line.encode()).hexdigest() for line in (*hidden_lines(), CANARY)]
    notebook.cells.append(new_code_cell(SPY % json.dumps(hashes)))
    handed_in = root / "submitted" / "spy" / NAME / f"{NAME}.ipynb"
    handed_in.parent.mkdir(parents=True)
    nbformat.write(notebook, handed_in)
    course = load_course(root)
    run = grade_class(course, [NAME])
    write_class_feedback(course, run.results, datetime.now(UTC))
    return course


def test_a_student_cell_finds_no_hidden_line_in_any_file_or_object(course: Course) -> None:
    notebook = nbformat.read(course.root / "autograded" / "spy" / NAME / f"{NAME}.ipynb", as_version=4)
    report = json.loads(notebook.cells[-1].outputs[0].text)
    assert report["opened"] > 0
    assert [Path(path).name for path in report["found"]] == ["canary.txt"], "only the file that the spy wrote itself"
    assert report["held"] <= 1, "at most the canary's own line"


def test_the_environment_of_a_student_cell_tells_nothing_of_the_machine(course: Course) -> None:
    notebook = nbformat.read(course.root / "autograded" / "spy" / NAME / f"{NAME}.ipynb", as_version=4)
    environment = json.loads(notebook.cells[-1].outputs[0].text)["environment"]
    assert not any(str(ROOT) in value or str(course.root) in value for value in environment.values())


@pytest.mark.parametrize("folder", ["release", "autograded", "feedback"])
def test_no_hidden_line_stands_in_what_is_handed_out(course: Course, folder: str) -> None:
    lines = hidden_lines()
    assert len(lines) > 500
    for path in (course.root / folder).rglob("*"):
        if path.is_file() and NAME in path.parts:
            text = path.read_bytes().decode("utf-8", "replace")
            spelt = text + text.replace("\\n", "\n").replace('\\"', '"').replace("&#34;", '"').replace("&#39;", "'")
            assert not [line for line in lines if line in spelt], path
