"""The released quiz as a student meets it: JupyterLab in headless Chromium, from the first run to the grade.

Pictures of what was seen are kept in build/browser.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from lab import Notebook, jupyter_lab

from autograder.course import load_course
from autograder.quiz import BuiltQuestion, Variant, load_quiz

ROOT = Path(__file__).parents[2]
NAME = "tensor_quiz"
CHROMIUM = Path(shutil.which("chromium") or "/usr/bin/chromium")
PICTURES = ROOT / "build" / "browser"
STUDENT, ANOTHER = "ada", "grace"
READABLE = "{}: this answer can be read. Whether it is right, your feedback will say."

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not CHROMIUM.is_file(), reason="there is no Chromium; apt-get install chromium"),
    pytest.mark.filterwarnings("ignore"),  # asyncio, below Playwright
]


@dataclass
class Seen:
    """What was on the page, by step."""

    shown: dict[str, str] = field(default_factory=dict)
    formulas: int = 0
    code: str = ""
    hidden_sources: int = 0
    result: dict[str, Any] = field(default_factory=dict)
    text: str = ""


@pytest.fixture(scope="module")
def questions() -> dict[str, BuiltQuestion]:
    return {question.name: question for question in load_quiz(load_course(ROOT).assignment(NAME))}


def variant_of(question: BuiltQuestion, student: str) -> Variant:
    return question.variants[question.number_for(NAME, student, is_personal=True)]


@pytest.fixture(scope="module")
def seen(questions: dict[str, BuiltQuestion], tmp_path_factory: pytest.TempPathFactory) -> Seen:
    """One student at work: nothing but the released files is in the folder."""
    home = tmp_path_factory.mktemp("home")
    path = home / "work" / NAME / f"{NAME}.ipynb"
    shutil.copytree(ROOT / "release" / NAME, path.parent)
    found = Seen()
    with jupyter_lab(home / "work", home) as address, opened(address, path) as notebook:
        before_the_name(notebook, found)
        look_at_variants(notebook, found)
        give_answers(notebook, questions, found)
        notebook.save()
    found.text = path.read_text()
    found.result = graded(path, home / f"{STUDENT}.ipynb")
    return found


@pytest.fixture(scope="module", autouse=True)
def no_old_pictures() -> None:
    shutil.rmtree(PICTURES, ignore_errors=True)


@contextmanager
def opened(address: str, path: Path) -> Iterator[Notebook]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        options = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-background-networking"]
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=options)
        tab = browser.new_page(viewport={"width": 1200, "height": 900})
        try:
            yield Notebook(tab, address, path)
        except BaseException:
            PICTURES.mkdir(parents=True, exist_ok=True)
            tab.screenshot(path=str(PICTURES / "failed.png"))
            raise
        finally:
            browser.close()


def before_the_name(notebook: Notebook, found: Seen) -> None:
    notebook.run_all()
    found.shown["no name"] = notebook.output("axis_sum-question")
    notebook.picture("axis_sum-question", PICTURES / "1-no-name.png")


def look_at_variants(notebook: Notebook, found: Seen) -> None:
    for student in (ANOTHER, STUDENT):
        notebook.write("", f'STUDENT = "{student}"')
        notebook.run_all()
        found.shown[student] = notebook.output("axis_sum-question")
        notebook.picture("axis_sum-question", PICTURES / f"2-variant-of-{student}.png")
    formula = notebook.cell("slope_by_hand-question")
    found.formulas = formula.locator("mjx-container").count()
    notebook.picture("slope_by_hand-question", PICTURES / "3-formula-and-code.png")
    found.code = notebook.cell("accumulated_grad-question").locator(".jp-RenderedMarkdown pre").inner_text()
    found.hidden_sources = notebook.tab.locator(".jp-Notebook .jp-Placeholder").count()
    found.shown["unanswered"] = notebook.output("test_axis_sum")


def give_answers(notebook: Notebook, questions: dict[str, BuiltQuestion], found: Seen) -> None:
    for name, question in questions.items():
        variant = variant_of(question, STUDENT)
        answers = {"right": variant.typed(variant.right)}
        if name == "axis_sum":
            answers = {"wrong form": repr(list(variant.right)), **answers}
        if name == "broadcast_shape":
            answers = {"wrong": variant.typed(variant.wrongs[0].answer)}
        if name == "result_dtype":
            answers = {"misspelt": '"flaot32"'}
        for kind, answer in answers.items():
            notebook.write(name, f"{name} = {answer}")
            notebook.run(f"test_{name}")
            found.shown[f"{name}: {kind}"] = notebook.output(f"test_{name}")
            notebook.picture(f"test_{name}", PICTURES / f"4-{name}-{kind.replace(' ', '-')}.png")


def graded(path: Path, copy: Path) -> dict[str, Any]:
    """The saved file, named after its student, graded as a loose notebook."""
    shutil.copyfile(path, copy)
    out = copy.with_suffix(".json")
    command = ["-C", ROOT, "grade", copy, "--assignment", NAME, "--json", out]
    program = [sys.executable, "-c", "from autograder.cli import main; main()"]
    done = subprocess.run([*program, *map(str, command)], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    (result,) = json.loads(out.read_text())
    assert isinstance(result, dict)
    return result


def test_without_a_name_one_sentence_says_where_to_write_it(seen: Seen) -> None:
    assert seen.shown["no name"] == (
        "write your user name into the cell that begins with `import os`, then run all cells again"
    )


def test_the_name_chooses_the_variant(seen: Seen, questions: dict[str, BuiltQuestion]) -> None:
    for student in (STUDENT, ANOTHER):
        prompt = variant_of(questions["axis_sum"], student).prompt.replace("`", "")
        assert prompt in seen.shown[student]
    assert seen.shown[STUDENT] != seen.shown[ANOTHER]


def test_formulas_and_code_are_rendered(seen: Seen) -> None:
    assert seen.formulas >= 3
    assert "requires_grad=True)\nfor _ in range(" in seen.code


def test_the_source_of_the_prompts_is_folded_away(seen: Seen, questions: dict[str, BuiltQuestion]) -> None:
    assert seen.hidden_sources == len(questions) + 1


def test_an_answer_of_the_wrong_form_is_told_in_one_sentence(seen: Seen) -> None:
    assert seen.shown["axis_sum: wrong form"] == (
        "axis_sum: this answer cannot be read; write a tuple of whole numbers, such as (9, 9); "
        "one axis is (9,), no axis is ()."
    )
    assert "this answer cannot be read; write a dtype of torch" in seen.shown["result_dtype: misspelt"]


def test_right_and_wrong_answers_of_the_right_form_are_told_the_same(seen: Seen) -> None:
    assert seen.shown["unanswered"] == "axis_sum: not answered yet."
    for step, shown in seen.shown.items():
        name, _, kind = step.partition(": ")
        if kind in ("right", "wrong"):
            assert shown == READABLE.format(name), step
    assert "broadcast_shape: wrong" in seen.shown


def test_the_saved_notebook_scores_what_was_answered(seen: Seen, questions: dict[str, BuiltQuestion]) -> None:
    assert (seen.result["status"], seen.result["student"]) == ("graded", STUDENT)
    wanted = {name: 0.0 if name in ("broadcast_shape", "result_dtype") else q.points for name, q in questions.items()}
    assert {question["name"]: question["score"] for question in seen.result["questions"]} == wanted
    assert seen.result["score"] == sum(wanted.values())
    assert all(
        question["variant"] == questions[question["name"]].number_for(NAME, STUDENT, is_personal=True)
        for question in seen.result["questions"]
    )


def test_what_was_saved_needs_nothing_of_ours(seen: Seen) -> None:
    assert "autograder" not in seen.text
