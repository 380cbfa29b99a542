"""The report on a class that the demo's generator made and the grader graded: what was planted is what is found."""

from __future__ import annotations

import ast
import html
from collections import Counter
from pathlib import Path

import pandas as pd
import pytest
from graded_class import STUDENTS, Class
from typer.testing import CliRunner

from autograder.cli import app
from autograder.model import Outcome

ROOT = Path(__file__).parents[2]
ASSIGNMENT = "softmax_regression"
CHROMIUM = Path("/usr/bin/chromium")


def test_nothing_of_ours_broke(graded: Class) -> None:
    checks = [check for result in graded.results for e in result.exercises for check in e.checks]
    assert len(graded.results) == STUDENTS
    assert [check.staff_note for check in checks if check.outcome is Outcome.BROKEN] == []


def test_the_mistake_counts_are_those_that_were_planted(graded: Class) -> None:
    truth = Counter(
        (exercise, mistake)
        for planted in graded.planted
        for exercise, mistake in planted.mistakes.items()
        if not (exercise == "accuracy" and planted.student in graded.together)
    )
    table = pd.read_parquet(graded.report / ASSIGNMENT / "mistakes.parquet")
    found = Counter(zip(table["exercise"], table["mistake"], strict=True))
    assert found == truth
    assert sum(truth.values()) >= 15


def test_an_unplanted_wrong_output_shared_by_four_is_a_cluster(graded: Class) -> None:
    table = pd.read_parquet(graded.report / ASSIGNMENT / "unexplained.parquet")
    assert set(table["exercise"]) == {"accuracy"}
    assert set(table["cluster"]) == {1}
    assert set(table["student"]) == set(graded.together)
    page = html.unescape((graded.report / ASSIGNMENT / "index.html").read_text())
    assert "4 are wrong in accuracy alike" in page
    assert "Written in 4 ways" in page
    assert '@mistake("accuracy", hint="...")\ndef this_mistake(logits, labels):' in page


def test_what_a_mistake_explains_is_not_run_again(graded: Class) -> None:
    traced = {(r.student, e.name) for r in graded.results for e in r.exercises for c in e.checks if c.trace}
    assert traced == {(student, "accuracy") for student in graded.together}


def test_no_page_and_no_table_holds_a_hidden_checks_source(graded: Class) -> None:
    tree = ast.parse((ROOT / "assignments" / ASSIGNMENT / "checks.py").read_text())
    tests = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    lines = {
        line.strip()
        for node in tests
        for statement in node.body
        if not (isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant))
        for line in ast.unparse(statement).splitlines()
        if len(line.strip()) > 20
    }
    answers = (ROOT / "assignments" / ASSIGNMENT / "mistakes.py").read_text()
    lines = {line for line in lines if line not in answers}  # what students themselves wrote
    assert len(lines) > 50
    for path in graded.report.rglob("*.*"):
        shown = html.unescape(path.read_bytes().decode("utf-8", "replace"))
        assert not [line for line in lines if line in shown], path
        assert "rtol" not in shown
        assert "atol" not in shown


def test_the_report_is_for_names_that_exist_and_for_graded_work(graded: Class, tmp_path: Path) -> None:
    unknown = CliRunner().invoke(app, ["-C", str(graded.course.root), "report", "nope"])
    assert unknown.exit_code == 2
    ungraded = CliRunner().invoke(app, ["-C", str(graded.course.root), "report", "mlp"])
    assert ungraded.exit_code == 2
    assert "mlp: nothing is graded yet; run: grader grade" in ungraded.output
    done = CliRunner().invoke(
        app, ["-C", str(graded.course.root), "report", ASSIGNMENT, "--anonymous", "--out", str(tmp_path)]
    )
    assert done.exit_code == 0, done.output
    page = (tmp_path / ASSIGNMENT / "index.html").read_text()
    assert not [one.student for one in graded.planted if one.student in page]


@pytest.mark.skipif(not CHROMIUM.exists(), reason="no browser is installed")
@pytest.mark.filterwarnings("ignore")  # asyncio, below Playwright
@pytest.mark.parametrize(("width", "scheme"), [(360, "light"), (1280, "dark")])
def test_axe_finds_no_violation_and_nothing_is_fetched_on_a(graded: Class, width: int, scheme: str) -> None:
    from axe_playwright_python.sync_playwright import Axe
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        options = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking"]
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=options)
        tab = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme, bypass_csp=True)
        asked: list[str] = []
        tab.on("request", lambda request: asked.append(request.url))
        tab.on("console", lambda message: asked.append(message.text))
        for page in (graded.report / "index.html", graded.report / ASSIGNMENT / "index.html"):
            tab.goto(page.as_uri())
            tab.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")
            found = Axe().run(tab).response["violations"]
            assert [(one["id"], one["nodes"][0]["html"][:200]) for one in found] == []
            assert asked == [page.as_uri()]
            assert tab.evaluate("document.documentElement.scrollWidth") <= width
            asked.clear()
        browser.close()
