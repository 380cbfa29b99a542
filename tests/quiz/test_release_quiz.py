"""What students get of a quiz: it stands alone, shows each the own variant, and holds no answer, seed or hint."""

from __future__ import annotations

import base64
import codecs
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from nbgrader.utils import compute_checksum
from quiz_course import CELLS_OF_A_QUESTION, NAMES, QUIZ, SETTINGS, questions, variant_of, write_quiz

from autograder.config import AssignmentSettings
from autograder.course import Course, load_assignment, load_course
from autograder.errors import ReleaseError
from autograder.quiz import load_quiz
from autograder.release.build import check_release, release
from autograder.release.leaks import squeezed

ROOT = Path(__file__).parents[2]
RUN = """
import json, sys
cells = json.load(sys.stdin)
import IPython.display
IPython.display.display = lambda shown: print("SHOWN", json.dumps(shown.data))
space = {}
for source in cells:
    try:
        exec(source, space)
    except AssertionError as error:
        print("REFUSED", error)
print("LOADED", [name for name in sys.modules if name.startswith("autograder")])
"""


def cells_of(root: Path, name: str = "kinds") -> dict[str, Any]:
    notebook = json.loads((root / f"release/{name}/{name}.ipynb").read_text())
    return {cell["id"]: cell | {"source": "".join(cell["source"])} for cell in notebook["cells"]}


def run(cells: dict[str, Any], tmp_path: Path, user: str = "", **answers: str) -> str:
    """What the code cells print in a Python of their own, far from this package."""
    sources = [answers.get(name, cell["source"]) for name, cell in cells.items() if cell["cell_type"] == "code"]
    sources.remove("import torch")  # which no literal answer needs, and which takes seconds
    environment = {"PATH": os.environ["PATH"]} | ({"JUPYTERHUB_USER": user} if user else {})
    done = subprocess.run(
        [sys.executable, "-c", RUN],
        input=json.dumps(sources),
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env=environment,
        check=True,
    )
    return done.stdout


def test_a_question_is_a_prompt_an_answer_and_a_form_check(course: Course) -> None:
    cells = cells_of(course.root)
    assert list(cells)[:4] == ["small-quiz-text-1", "student", "start-of-the-quiz", "small-quiz-code-1"]
    for name in NAMES:
        prompt, answer, test = (cells[pattern.format(name)] for pattern in CELLS_OF_A_QUESTION)
        assert answer["source"] == f"{name} = ..."
        marks = [cell["metadata"]["nbgrader"] for cell in (prompt, answer, test)]
        assert [(mark["locked"], mark["solution"], mark["grade"]) for mark in marks] == [
            (True, False, False),
            (False, True, False),
            (True, False, True),
        ]
        assert marks[2]["points"] == questions(course)[name].points
        assert marks[1]["checksum"] == compute_checksum(_node(answer))
    assert cells["student"]["metadata"] == {}


def _node(cell: dict[str, Any]) -> Any:
    import nbformat

    return nbformat.from_dict(cell)


def test_the_released_notebook_stands_alone_and_shows_each_student_the_own_variant(
    course: Course, tmp_path: Path
) -> None:
    cells = cells_of(course.root)
    for student in ("ann", "bob"):
        lines = run(cells, tmp_path, user=student).splitlines()
        shown = [json.loads(line.removeprefix("SHOWN ")) for line in lines if line.startswith("SHOWN")]
        assert shown == [variant_of(questions(course)[name], student).asked(name) for name in NAMES]
        assert [line for line in lines if line.endswith("not answered yet.")] == [
            f"{n}: not answered yet." for n in NAMES
        ]
        assert lines[-1] == "LOADED []"


def test_without_a_name_the_notebook_asks_for_it(course: Course, tmp_path: Path) -> None:
    printed = run(cells_of(course.root), tmp_path)
    assert printed.count("REFUSED write your user name into the cell that begins with `import os`") == len(NAMES)
    assert "REFUSED" not in run(cells_of(course.root), tmp_path, student='STUDENT = "ann"')


def test_the_form_check_refuses_a_wrong_form_and_says_of_right_and_wrong_the_same(
    course: Course, tmp_path: Path
) -> None:
    cells = cells_of(course.root)
    asked = {name: variant_of(question, "ann") for name, question in questions(course).items()}
    right = {name: f"{name} = {variant.typed(variant.right)}" for name, variant in asked.items()}
    wrong = {name: f"{name} = {variant.typed(variant.wrongs[0].answer)}" for name, variant in asked.items()}
    misshapen = {name: f"{name} = {variant.misshapen[0]!r}" for name, variant in asked.items()}
    assert run(cells, tmp_path, "ann", **right) == run(cells, tmp_path, "ann", **wrong)
    refused = run(cells, tmp_path, "ann", **misshapen)
    assert [line.split(":")[0] for line in refused.splitlines() if "REFUSED" in line] == [f"REFUSED {n}" for n in NAMES]


def secrets_of(root: Path, name: str) -> set[str]:
    """All that no student may find: answers as they are typed, hints, explanations, seeds."""
    found = set()
    for question in load_quiz(load_assignment(root, name, AssignmentSettings())):
        for number, variant in enumerate(question.variants):
            found |= {wrong.hint for wrong in variant.wrongs} | {variant.explanation}
            found |= {f"question/{question.name}/{number}", f"question/{question.name}"}
            typed = f"{question.name} = {variant.typed(variant.right)}"
            if typed not in variant.asked(question.name):  # `choice = "a"` is how any letter is typed
                found.add(typed)
    return found


@pytest.mark.parametrize("name", ["kinds", "tensor_quiz"])
def test_no_answer_seed_or_hint_is_in_the_bytes_of_the_release(course: Course, name: str) -> None:
    root = course.root if name == "kinds" else ROOT
    data = b"".join(path.read_bytes() for path in (root / "release" / name).rglob("*") if path.is_file())
    plain = squeezed(data.replace(b'\\"', b'"').replace(b"\\n", b""))
    secrets = secrets_of(root, name)
    assert len(secrets) > 60
    for secret in secrets:
        assert squeezed(secret) not in plain, secret
        assert squeezed(codecs.encode(secret, "rot13")) not in plain, secret
        for start in range(3):  # base64 reads three bytes at a time, wherever the secret begins
            encoded = base64.b64encode(b" " * start + secret.encode())[4:-4]
            assert len(encoded) < 8 or encoded not in data, secret


@pytest.mark.parametrize("disguise", ["plain", "base64", "rot13"])
@pytest.mark.parametrize("secret", ["Nobody said keepdim.", "The axis that is summed over goes.", "shape = (7, 4)"])
def test_a_secret_that_slips_into_the_notebook_is_refused(tmp_path: Path, secret: str, disguise: str) -> None:
    assignment = write_quiz(tmp_path)
    right = next(q for q in load_quiz(assignment) if q.name == "shape").variants[2]
    secret = f"shape = {right.typed(right.right)}" if secret.startswith("shape") else secret
    shown = {
        "plain": secret,
        "base64": base64.b64encode(f"secret: {secret}".encode()).decode(),
        "rot13": codecs.encode(secret, "rot13"),
    }[disguise]
    notebook = assignment.notebook.read_text() + f"\n# %% [markdown]\n# {shown}\n"
    write_quiz(tmp_path, notebook=notebook)
    with pytest.raises(ReleaseError, match="gives away") as caught:
        release(load_course(tmp_path))
    assert 'quiz.py, question "shape", variant' in str(caught.value)


def test_a_line_of_quiz_py_in_the_notebook_is_refused_unless_a_prompt_shows_it(tmp_path: Path) -> None:
    line = "x = torch.empty(draw.distinct(3, 2, 9))"
    notebook = write_quiz(tmp_path).notebook.read_text()
    write_quiz(tmp_path, notebook=f"{notebook}\n# %% [markdown]\n# `{line}`\n")
    with pytest.raises(ReleaseError, match=r"gives away .*quiz\.py, line"):
        release(load_course(tmp_path))
    write_quiz(
        tmp_path,
        QUIZ.replace("`x` has shape", f"Let `{line}`. `x` has shape"),
        f"{notebook}\n# %% [markdown]\n# `{line}`\n",
    )
    release(load_course(tmp_path))


def test_without_personal_variants_everyone_reads_the_first_as_markdown(tmp_path: Path) -> None:
    assignment = write_quiz(tmp_path, settings=SETTINGS + "[quiz]\npersonal = false\n")
    release(load_course(tmp_path))
    cells = cells_of(tmp_path)
    assert "student" not in cells
    for question in load_quiz(assignment):
        cell = cells[f"{question.name}-question"]
        assert (cell["cell_type"], cell["source"]) == ("markdown", question.variants[0].asked(question.name))
    assert "STUDENT" not in json.dumps(list(cells.values()))
    assert "LOADED []" in run(cells, tmp_path)


def test_the_same_quiz_is_released_as_the_same_bytes(course: Course) -> None:
    assert check_release(course) == ()
