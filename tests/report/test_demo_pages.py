"""Pages of every assignment of a demo's class in a browser: open to everybody, nothing fetched, nothing cut off.

Of each assignment a student with all points, one with few and one who met a limit, the second one in Chinese too and
with a teacher's remarks; and every page of the class report. On a phone, on a screen and on paper, light and dark.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
from typer.testing import CliRunner

from autograder.cli import app
from autograder.course import Course, load_course
from autograder.demo import Demo, Planted, Trouble, make_demo
from autograder.gradebook import load_remarks
from autograder.grading.batch import grade_class
from autograder.model import Comment, SubmissionResult
from autograder.report.feedback import write_feedback

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not Path("/usr/bin/chromium").exists(), reason="no browser is installed"),
    pytest.mark.filterwarnings("ignore"),  # asyncio, below Playwright
]
ROOT = Path(__file__).parents[2]
STUDENTS = 12
NOW = datetime(2027, 6, 1, tzinfo=UTC)
MODES = [(390, "screen"), (1280, "screen"), (794, "print")]
CUT_FORMULAS = """() => [...document.querySelectorAll('math')].filter(one => {
    const scrolls = box => box &&
        (['auto', 'scroll'].includes(getComputedStyle(box).overflowX) || scrolls(box.parentElement))
    return one.getBoundingClientRect().right > innerWidth && !scrolls(one.parentElement)
}).map(one => one.textContent)"""


def three_of(planted: Sequence[Planted]) -> dict[str, Planted]:
    """A student with nothing wrong, the one with most mistakes, and one whose notebook loops or ends its process."""
    plain = [one for one in planted if one.trouble is Trouble.NONE]
    limits = [one for one in planted if one.trouble in (Trouble.LOOPS, Trouble.ENDS_PROCESS)]
    return {"right": min(plain, key=faults), "wrong": max(plain, key=faults), "limit": limits[0]}


def faults(planted: Planted) -> int:
    return len(planted.mistakes) + sum(reply != "right" for reply in planted.answers.values())


def small_demo(folder: Path) -> tuple[Demo, dict[tuple[str, str], str]]:
    """A demo in which three students hand in each assignment; (assignment, student) -> which of the three."""
    demo = make_demo(load_course(ROOT), folder, STUDENTS)
    names = {planted.assignment for planted in demo.planted}
    chosen = {name: three_of([one for one in demo.planted if one.assignment == name]) for name in names}
    kept = {(name, one.student): kind for name, three in chosen.items() for kind, one in three.items()}
    for planted in demo.planted:
        if (planted.assignment, planted.student) not in kept:
            shutil.rmtree(folder / "submitted" / planted.student / planted.assignment)
    return demo, kept


def shown(course: Course, language: str) -> Course:
    """The course with everything revealed, in a language."""
    settings = course.settings
    grading = msgspec.structs.replace(settings.grading, reveal="values")
    spoken = msgspec.structs.replace(settings.course, language=language)
    return msgspec.structs.replace(course, settings=msgspec.structs.replace(settings, grading=grading, course=spoken))


def write_pages(demo: Demo, kept: dict[tuple[str, str], str], results: Sequence[SubmissionResult]) -> Iterator[Path]:
    remarks = load_remarks(demo.course, {name for name, _ in kept})
    for result in results:
        is_wrong = kept[result.assignment, result.student] == "wrong"
        remark = remarks[result.assignment, result.student]
        if is_wrong:
            cells = [one.name for one in (*result.exercises, *result.questions)][:2]
            comments = tuple(Comment(cell, "Have another look at `dim`, please.") for cell in (*cells, "another_cell"))
            remark = msgspec.structs.replace(remark, late_penalty=1.5, seconds_late=7200, comments=comments)
        for language in ("en", "zh-CN") if is_wrong else ("en",):
            into = demo.course.root / f"feedback-{language}"
            yield write_feedback(shown(demo.course, language), result, into, NOW, remark)


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("demo")
    demo, kept = small_demo(folder)
    run = grade_class(demo.course)
    reported = CliRunner().invoke(app, ["-C", str(folder), "report"])
    assert reported.exit_code == 0, reported.output
    return [*write_pages(demo, kept, run.results), *sorted((folder / "report").rglob("index.html"))]


def test_there_is_a_page_of_every_kind_of_every_assignment(pages: list[Path]) -> None:
    count = len(load_course(ROOT).assignments)
    assert len(pages) == 4 * count + count + 1


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("width", "media"), MODES)
def test_axe_finds_no_violation_nothing_is_fetched_and_nothing_is_cut_off(
    pages: list[Path], width: int, media: Any, scheme: Any
) -> None:
    from axe_playwright_python.sync_playwright import Axe
    from playwright.sync_api import sync_playwright

    opened = "details" if (width, scheme) == (390, "light") else "details:not(.notebook)"
    problems: list[tuple[object, ...]] = []
    with sync_playwright() as playwright:
        options = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking"]
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=options)
        tab = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme, bypass_csp=True)
        tab.emulate_media(media=media, color_scheme=scheme)
        asked: list[str] = []
        tab.on("request", lambda request: asked.append(request.url))
        tab.on("console", lambda message: asked.append(message.text))
        for page in pages:
            asked.clear()
            tab.goto(page.as_uri())
            tab.evaluate(f"document.querySelectorAll('{opened}').forEach(each => each.open = true)")
            place = "/".join(page.parts[-4:])
            found = Axe().run(tab).response["violations"]
            problems += [(place, one["id"], one["nodes"][0]["html"][:200]) for one in found]
            problems += [
                (place, "fetches", one) for one in asked if one != page.as_uri() and not one.startswith("data:")
            ]
            wide = tab.evaluate("document.documentElement.scrollWidth")
            problems += [(place, "scrolls sideways", wide)] if wide > width else []
            problems += [(place, "cuts a formula off", one) for one in tab.evaluate(CUT_FORMULAS)]
        browser.close()
    assert problems == []
