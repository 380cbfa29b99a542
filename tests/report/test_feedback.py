"""The page that a student reads: what it shows, what it hides, and that no string of a student's is ever HTML."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from functools import cache
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_results import SHOWN_STRINGS, check, course, exercise, full_result, result

from autograder.errors import CourseError
from autograder.model import CellResult, CellStatus, Kind, Outcome, SubmissionResult
from autograder.report.feedback import feedback_path, is_revealed, render_feedback, write_feedback
from autograder.report.markup import MATHML
from autograder.report.text import one_line, printable

BEFORE = datetime(2026, 12, 1, tzinfo=UTC)
AFTER = datetime(2027, 6, 1, tzinfo=UTC)
ON_ONE_LINE = ("student", "reason", "cell_note")
HARMLESS = re.compile(
    r"span class ([kfsnc]|row|row noted|note|title|word|word unseen|big|unseen|soft small.*)|span style width: \d+%"
    r"|span id [a-z]+-\d+-line-\d+|span data-no \d+|math display (inline|block)|mspace width [\w.]+|mo stretchy \w+"
    r"|span class formula|span tabindex 0|span role group|span aria-label formula"
)
VOID = {"meta", "link", "br", "wbr", "hr", "img", "input"}
ATTACK = "</pre></title></style><script>alert(1)</script><img src=x onerror=alert(1)>\" ' {{ 7*7 }} &amp;"


class Page(HTMLParser):
    """The tags of a page with their attributes, and its text."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, tuple[tuple[str, str | None], ...]]] = []
        self.text = ""
        self.open: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, tuple(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data if self.open[-1:] != ["style"] else ""

    def named(self, *names: str) -> list[str]:
        return [tag for tag, _ in self.tags if tag in names]


def frame(shown: Page) -> list[tuple[str, tuple[tuple[str, str | None], ...]]]:
    """The tags of a page without what a string of a student's may bring: words of code, emphasis, formulas, Chinese."""
    kept = []
    for tag, every in shown.tags:
        attrs = tuple(attribute for attribute in every if attribute != ("lang", "zh-CN"))
        if tag in MATHML | {"em", "strong", "code", "br", "wbr"} | {"span"}:
            assert all(HARMLESS.fullmatch(f"{tag} {name} {value}") for name, value in attrs), (tag, attrs)
        else:
            kept.append((tag, attrs))
    return kept


@cache
def harmless_frame() -> list[tuple[str, tuple[tuple[str, str | None], ...]]]:
    return frame(page(full_result(dict.fromkeys(SHOWN_STRINGS, "x")), reveal="values"))


def page(found: SubmissionResult, now: datetime = BEFORE, reveal: str = "after_due") -> Page:
    return Page(render_feedback(course(reveal=reveal), found, now))


@pytest.mark.parametrize("name", ["..", ".", "", "a/b", "a\0b"])
def test_a_student_whose_name_leads_elsewhere_gets_no_page(name: str, tmp_path: Path) -> None:
    with pytest.raises(CourseError, match="cannot name a folder"):
        write_feedback(course(), result(exercise(check()), student=name), tmp_path, BEFORE)
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_assignment_is_named() -> None:
    with pytest.raises(CourseError, match='no assignment "nope"'):
        page(result(assignment="nope"))


def test_a_failed_submission_says_why_and_that_staff_will_look() -> None:
    found = result(exercise(max_score=4), status="failed", reason="x.ipynb is a PDF file, not a notebook", max_score=4)
    text = page(found).text
    assert "This submission could not be graded: x.ipynb is a PDF file, not a notebook" in text
    assert "Staff will look" in text
    assert "0 of 4 points" in text
    assert "What to do next" not in text


def test_every_shown_string_is_text_and_never_a_tag() -> None:
    harmless = page(full_result(dict.fromkeys(SHOWN_STRINGS, "x")), reveal="values")
    attacked = page(full_result(dict.fromkeys(SHOWN_STRINGS, ATTACK)), reveal="values")
    assert frame(attacked) == frame(harmless)
    assert attacked.text.count("<script>alert(1)</script>") >= len(SHOWN_STRINGS)
    assert attacked.open == []


@settings(max_examples=60, deadline=None)
@given(st.text(st.characters(codec=None), min_size=1), st.sampled_from(SHOWN_STRINGS))
def test_no_string_changes_the_page_around_it(text: str, where: str) -> None:
    text = f"x{text}x"
    strings = dict.fromkeys(SHOWN_STRINGS, "x")
    shown = page(full_result(strings | {where: text}), reveal="values")
    assert frame(shown) == harmless_frame()
    expected = one_line(text, 240 if where == "cell_note" else 500) if where in ON_ONE_LINE else printable(text)
    assert where == "hint" or expected.replace("`", "") in shown.text.replace("`", "")  # hints are our Markdown


def test_the_page_runs_and_fetches_nothing() -> None:
    shown = page(full_result(dict.fromkeys(SHOWN_STRINGS, ATTACK)), reveal="values")
    policy = [dict(attrs)["content"] for tag, attrs in shown.tags if ("http-equiv", "Content-Security-Policy") in attrs]
    assert policy == ["default-src 'none'; style-src 'unsafe-inline'; img-src data:"]
    assert not shown.named("script", "iframe", "object", "link", "img", "form", "base")
    names = [name for _, attrs in shown.tags for name, _ in attrs]
    assert not [name for name in names if name.startswith("on") or name == "src"]
    links = [value for _, attrs in shown.tags for name, value in attrs if name == "href"]
    assert all(link is not None and link.startswith("#") for link in links)


def test_the_policy_stands_before_anything_of_a_students() -> None:
    html = render_feedback(course(), full_result(dict.fromkeys(SHOWN_STRINGS, "STUDENT")), BEFORE)
    assert html.index("Content-Security-Policy") < html.index("STUDENT")


@pytest.mark.parametrize(
    ("reveal", "due", "now", "shown"),
    [
        ("title", BEFORE, AFTER, False),
        ("values", None, BEFORE, True),
        ("after_due", AFTER, BEFORE, False),
        ("after_due", BEFORE, AFTER, True),
        ("after_due", None, AFTER, False),
    ],
)
def test_values_are_revealed_as_the_course_says(reveal: str, due: datetime | None, now: datetime, shown: bool) -> None:
    assert is_revealed(reveal, due, now) is shown


def test_hidden_values_are_nowhere_in_the_page() -> None:
    failed = check(Outcome.FAILED, message="the values differ", expected="EXPECTED", got="GOT", inputs="INPUTS")
    hidden = render_feedback(course(), result(exercise(failed)), BEFORE)
    assert not re.search("EXPECTED|GOT|INPUTS", hidden)
    assert "shown here after 1 February 2027, 23:59 (UTC)" in hidden
    revealed = render_feedback(course(), result(exercise(failed)), AFTER)
    assert all(word in revealed for word in ("EXPECTED", "GOT", "INPUTS"))
    assert "shown here after" not in revealed


def test_what_is_for_staff_never_appears() -> None:
    broken = check(
        Outcome.BROKEN,
        message="SECRET",
        staff_note="SECRET",
        trace="SECRET",
        seed="SECRET",
        name="SECRET",
        expected="SECRET",
    )
    failed = check(Outcome.FAILED, staff_note="SECRET", seed="SECRET", name="SECRET", mistake="SECRET")
    found = result(exercise(broken, failed), notes=("SECRET",), file="SECRET", fingerprint="SECRET")
    assert "SECRET" not in render_feedback(course(reveal="values"), found, AFTER)


def test_a_check_that_we_broke_is_told_without_blame() -> None:
    text = page(result(exercise(check(Outcome.BROKEN)))).text
    assert "We could not check this. It costs you no points, and staff will look at it." in text
    assert "failed" not in text


def test_a_broken_rule_is_explained_above_the_checks() -> None:
    rule = check(
        Outcome.FAILED,
        kind=Kind.RULE,
        max_points=0.0,
        title="written without softmax",
        message="You call torch.softmax.",
    )
    text = page(result(exercise(check(), rule, score=0.0))).text
    assert (
        "0 points because a rule of this exercise is broken: “written without softmax”. You call torch.softmax." in text
    )
    assert text.index("0 points because") < text.index("Checks")


def test_the_note_of_an_exercise_stands_above_the_checks() -> None:
    text = page(result(exercise(check(), note="a check of ours did not work here"))).text
    assert text.index("a check of ours did not work here") < text.index("Checks")


def test_a_skipped_check_says_what_it_waits_for() -> None:
    assert "It waits for an earlier check" in page(result(exercise(check(Outcome.SKIPPED)))).text
    assert "waits for “values”" in page(result(exercise(check(Outcome.SKIPPED, message="waits for “values”")))).text


def test_a_hint_stands_once_above_the_checks_that_it_explains() -> None:
    wrong = check(Outcome.FAILED, hint="Sum over dim=1.")
    text = page(result(exercise(check(), wrong, wrong), exercise(check(), name="accuracy"))).text
    assert text.count("Likely: Sum over dim=1.") == 1
    assert text.index("Likely: Sum over dim=1.") < text.index("Checks")
    assert "likely" not in text


def test_with_several_hints_each_check_has_its_own() -> None:
    text = page(result(exercise(check(Outcome.FAILED, hint="One."), check(Outcome.FAILED, hint="Two.")))).text
    assert " ".join(text[text.index("Checks") :].split()).count("likely") == 2


def test_the_next_step_is_the_exercise_that_gains_most() -> None:
    small = exercise(check(), check(Outcome.FAILED), name="accuracy")
    large = exercise(check(Outcome.FAILED, hint="Sum over dim=1."), check(Outcome.FAILED), name="softmax")
    text = " ".join(page(result(small, large)).text.split())
    expected = "softmax: 4 more to gain. Begin with the check “every row sums to one”. Sum over dim=1."
    assert expected in text


def test_a_complete_submission_is_praised() -> None:
    assert "every exercise is complete" in page(result(exercise(check()))).text


def test_the_students_own_code_is_shown() -> None:
    code = "def softmax(z):\n    return z < 1"
    assert code in page(result(exercise(check(), code=code))).text


def test_cells_that_did_not_end_well_are_listed_and_counted_from_one() -> None:
    cells = (
        CellResult(index=0, status=CellStatus.OK),
        CellResult(index=4, status=CellStatus.ERROR, note="NameError: name 'x' is not defined"),
        CellResult(index=6, status=CellStatus.TIMEOUT, seconds=30.0),
        CellResult(index=8, status=CellStatus.DIED),
    )
    text = page(result(exercise(check()), cells=cells)).text
    assert "Cell 5 stopped with NameError: name 'x' is not defined" in text
    assert text.count("Cell 7 was stopped after 30 s") == 2  # above and in the list
    assert "Cell 1 " not in text


def test_headings_are_in_order_and_the_language_is_named() -> None:
    shown = page(full_result(dict.fromkeys(SHOWN_STRINGS, "x")))
    levels = [int(tag[1]) for tag in shown.named("h1", "h2", "h3", "h4")]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(below - above <= 1 for above, below in pairwise(levels))
    assert shown.tags[0] == ("html", (("lang", "en"),))


def test_every_outcome_is_a_word() -> None:
    outcomes = [Outcome.PASSED, Outcome.FAILED, Outcome.SKIPPED, Outcome.NOT_CHECKED]
    text = page(result(exercise(*map(check, outcomes)))).text
    assert all(word in text for word in ("passed", "failed", "skipped", "not checked"))


def test_the_page_lies_where_nbgrader_puts_feedback(tmp_path: Path) -> None:
    path = write_feedback(course(), result(exercise(check()), student="王 小明"), tmp_path, BEFORE)
    assert path == tmp_path / "王 小明" / "softmax_regression" / "softmax_regression.html"
    assert path == feedback_path(tmp_path, "王 小明", "softmax_regression")
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_lone_surrogates_do_not_stop_the_page(tmp_path: Path) -> None:
    path = write_feedback(course(), result(exercise(check(), code="x = '\ud800'")), tmp_path, BEFORE)
    assert "x = '\ufffd'" in Page(path.read_text(encoding="utf-8")).text


def luminance(colour: str) -> float:
    """Relative luminance of #rrggbb (WCAG 2.2)."""
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return sum(weight * c for weight, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def test_text_has_the_contrast_of_wcag_aa_in_light_dark_and_print() -> None:
    html = render_feedback(course(), result(exercise(check())), BEFORE)
    themes = [
        dict(re.findall(r"--(\w+): (#\w{6})", block)) for block in re.findall(r":root \{([^}]*--page[^}]*)\}", html)
    ]
    assert len(themes) == 3
    for theme in themes:
        for ground in ("page", "card"):
            for name in (
                "text",
                "soft",
                "link",
                "passed",
                "failed",
                "skipped",
                "other",
                *["key", "fun", "str", "num", "com"],
            ):
                light, dark = sorted((luminance(theme[ground]), luminance(theme[name])), reverse=True)
                assert (light + 0.05) / (dark + 0.05) >= 4.5, (theme, ground, name)
