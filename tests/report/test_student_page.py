"""The parts of a student's page: what stands where, what it links to, and what stays hidden until it may be shown."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
from made_results import check, course, exercise, result

from autograder.course import Course
from autograder.model import (
    Comment,
    Entries,
    Example,
    FailedExample,
    HandGrade,
    Move,
    Numbers,
    Outcome,
    QuestionResult,
    QuestionState,
    Remarks,
    Spot,
    SubmissionResult,
)
from autograder.report.feedback import LARGEST_PAGE, render_feedback
from autograder.report.language import Language
from autograder.report.page import Page, make_page

BEFORE = datetime(2026, 12, 1, tzinfo=UTC)
CODE = "def softmax(z):\n    e = z.exp()\n    return e / e.sum()"
EXAMPLE = Example(
    "z = torch.tensor([1.0, 2.0])\nsoftmax(z)", "softmax(z)", Numbers((("1.5", "2"),)), Numbers((("1", "2"),))
)
PNG = base64.b64encode(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + bytes(200_000)).decode()


def made(found: SubmissionResult, revealed: bool = False, **more: Any) -> Page:
    return make_page(found, "Softmax regression", Language(), revealed, **more)


def html_of(found: SubmissionResult, reveal: str = "after_due", **more: Any) -> str:
    return render_feedback(course(reveal=reveal), found, BEFORE, **more)


def with_notebook(root: Path, *cells: dict[str, Any]) -> Course:
    """Our course as if it lay in `root`, with this executed notebook of amina's."""
    path = root / "autograded" / "amina" / "softmax_regression" / "softmax_regression.ipynb"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps({"cells": list(cells), "metadata": {}, "nbformat": 4, "nbformat_minor": 5}))
    return msgspec.structs.replace(course(), root=root)


def code_cell(source: str, *outputs: dict[str, Any]) -> dict[str, Any]:
    return {"cell_type": "code", "source": source, "metadata": {}, "outputs": list(outputs), "execution_count": None}


def test_a_notebook_that_is_no_notebook_leaves_the_page_without_one(tmp_path: Path) -> None:
    ours = with_notebook(tmp_path)
    for content in (b"", b"[]", b'{"cells": 3}', b"\xff", b'{"cells": [1]}'):
        next(tmp_path.rglob("*.ipynb")).write_bytes(content)
        html = render_feedback(ours, result(exercise(check())), BEFORE)
        assert "2 of 2 points" in html.replace('<span class="big">2</span>', "2")
        assert "Your notebook as it ran" not in html


def test_what_a_notebook_put_out_is_harmless(tmp_path: Path) -> None:
    attack = "<script>alert(1)</script><img src=http://x/y onerror=alert(1)><a href='javascript:alert(1)'>x</a>"
    outputs = [
        {"output_type": "display_data", "data": {"text/html": attack, "image/svg+xml": attack}, "metadata": {}},
        {"output_type": "stream", "name": "stdout", "text": attack},
        {"output_type": "error", "ename": attack, "evalue": attack, "traceback": [attack]},
    ]
    markdown = {"cell_type": "markdown", "source": attack + " $\\href{javascript:alert(1)}{x}$", "metadata": {}}
    html = render_feedback(
        with_notebook(tmp_path, code_cell(attack, *outputs), markdown), result(exercise(check())), BEFORE
    )
    assert "<script" not in html
    assert "<img" not in html
    assert "javascript:" not in html.replace("&#39;javascript:", "").replace("'javascript:", "")


def test_where_our_libraries_lie_is_not_told(tmp_path: Path) -> None:
    told = "File /srv/course/.venv/lib/python3.11/site-packages/torch/testing/x.py:3, in assert_close()"
    error = {"output_type": "error", "ename": "E", "evalue": "v", "traceback": [told]}
    html = render_feedback(with_notebook(tmp_path, code_cell("x", error)), result(exercise(check())), BEFORE)
    assert "File torch/testing/x.py:3" in html
    assert "/srv/course" not in html


def test_pictures_that_are_too_large_are_left_out_with_a_line(tmp_path: Path) -> None:
    picture = {"output_type": "display_data", "data": {"image/png": PNG}, "metadata": {}}
    html = render_feedback(
        with_notebook(tmp_path, code_cell("plot()", picture), code_cell("plot()", picture)),
        result(exercise(check())),
        BEFORE,
    )
    assert len(html) < LARGEST_PAGE
    assert html.count("<img") == 0
    assert "of output are too large for this page" in html


def test_a_notebook_that_is_too_long_is_cut_with_a_line(tmp_path: Path) -> None:
    cells = [code_cell(f"x_{number} = 1\n" * 60) for number in range(200)]
    html = render_feedback(with_notebook(tmp_path, *cells), result(exercise(check())), BEFORE)
    assert len(html.encode()) <= LARGEST_PAGE
    assert "more cells left out: this page would grow too large" in html


def test_a_page_stays_small_whatever_stands_in_the_results(tmp_path: Path) -> None:
    many = [check(Outcome.FAILED, inputs="x" * 1200, expected="y" * 200) for _ in range(60)]
    cells = [code_cell("x = 1\n" * 50) for _ in range(100)]
    html = render_feedback(with_notebook(tmp_path, *cells), result(exercise(*many, code=CODE)), BEFORE)
    assert len(html.encode()) <= LARGEST_PAGE


def test_the_points_that_count_are_those_of_the_gradebook() -> None:
    remarks = Remarks(score=14.0, max_score=22.0, late_penalty=1.5, seconds_late=26 * 3600)
    page = made(result(exercise(check())), remarks=remarks)
    assert (page.score, page.max_score) == ("12.5", "22")
    assert page.late == (
        "1.5 points are taken off because it was handed in 1 day and 2 hours after the due date; "
        "14 of 22 points before that."
    )
    assert made(result(exercise(check())), remarks=Remarks(score=1.0, max_score=2.0)).late == ""


def test_comments_of_teachers_stand_where_they_belong() -> None:
    remarks = Remarks(score=1, max_score=2, comments=(Comment("softmax", "See me."), Comment("explain", "<b>Nice</b>")))
    page = made(result(exercise(check())), remarks=remarks)
    assert page.sections[0].comments == ("See me.",)
    assert page.comments == (("", "explain", "<b>Nice</b>"),)
    html = html_of(result(exercise(check())), remarks=remarks)
    assert "&lt;b&gt;Nice&lt;/b&gt;" in html
    assert html.count("From your teacher") == 2


def test_points_given_by_hand_are_said_to_be_so() -> None:
    remarks = Remarks(score=1, max_score=2, by_hand=(HandGrade("softmax", 1.5, 4), HandGrade("explain", None, 2)))
    page = made(result(exercise(check())), remarks=remarks)
    assert page.sections[0].by_hand == "1.5 of 4, given by a person"
    assert page.by_hand == (("explain", "to be graded by a person, out of 2"),)


def test_a_check_links_to_the_line_of_the_code() -> None:
    failed = check(Outcome.FAILED, spot=Spot(2, "e = z.exp()", 4))
    section = made(result(exercise(failed, code=CODE))).sections[0]
    assert section.to_do[0].spot == "exercise-1-line-2"
    assert section.code[1].notes == ("line 2: every row sums to one",)
    html = html_of(result(exercise(failed, code=CODE)))
    assert 'id="exercise-1-line-2"' in html
    assert 'href="#exercise-1-line-2"' in html


def test_a_line_of_another_cell_is_linked_in_the_notebook_and_one_that_is_nowhere_is_not() -> None:
    failed = check(Outcome.FAILED, spot=Spot(1, "helper = 1 / 0", 1))
    cells = [code_cell("import torch"), code_cell("helper = 1 / 0")]
    found = result(exercise(failed, code=CODE))
    assert made(found, cells=cells, room=10_000).sections[0].to_do[0].spot == "cell-2-1"
    assert made(found).sections[0].to_do[0].spot == ""


@pytest.mark.parametrize("revealed", [False, True])
def test_a_mistake_at_work_is_shown_at_any_time_and_a_failing_call_only_with_the_values(revealed: bool) -> None:
    failed = check(Outcome.FAILED, hint="Sum over dim=1.")
    page = made(result(exercise(failed, worked=EXAMPLE, failing=EXAMPLE)), revealed)
    shown = page.sections[0].worked
    assert shown is not None
    assert shown.got.rows == ((("1.5", True), ("2", False)),)
    assert (page.sections[0].failing is not None) is revealed


def test_a_failed_example_is_shown_at_any_time() -> None:
    example = FailedExample("assert softmax(x) is not None", "AssertionError: <nothing> came back")
    html = html_of(result(exercise(check(Outcome.FAILED), example=example)))
    assert "Reproduce it" in html
    assert "AssertionError: &lt;nothing&gt; came back" in html


def test_a_hidden_failing_call_is_nowhere_in_the_page() -> None:
    html = html_of(result(exercise(check(Outcome.FAILED), failing=EXAMPLE)))
    assert "Reproduce it" not in html
    assert "torch.tensor([1.0, 2.0])" not in html
    assert "shown here after" in html


def test_values_stay_hidden_while_one_student_has_an_extension() -> None:
    found, after = result(exercise(check(Outcome.FAILED, expected="EXPECTED"))), datetime(2027, 6, 1, tzinfo=UTC)
    assert "EXPECTED" in render_feedback(course(), found, after)
    longer = Remarks(score=0, max_score=2, closes=datetime(2027, 6, 2, 12, 0, tzinfo=UTC))
    hidden = render_feedback(course(), found, after, longer)
    assert "EXPECTED" not in hidden
    assert "shown here after 2 June 2027, 12:00 (UTC)" in hidden


def test_how_far_entries_are_off_is_hidden_while_values_are() -> None:
    entries = Entries("probs", (2, 2), "1010", (0.125, 0.0, -0.25, 0.0))
    found = result(exercise(check(Outcome.FAILED, entries=entries)))
    hidden, shown = html_of(found), html_of(found, "values")
    assert "Column 0 is off as a whole" in hidden
    assert "0.125" not in hidden
    assert ">+<" not in hidden
    assert "+0.125" in shown
    assert "-0.25" in shown


def test_transfers_are_a_timeline_with_a_table() -> None:
    move = Move(
        spot=Spot(2, "e = z.exp()"), phase="backward", kind="to host", start="cuda:0", end="cpu", times=3, bytes=84
    )
    html = html_of(result(exercise(check(Outcome.FAILED, moves=(move,)), code=CODE)))
    assert "3 times something crossed between CPU and GPU, in 1 line of your code." in html
    assert "<td>GPU to CPU</td><td>backward</td><td>3 times</td><td>84 bytes</td>" in html


def test_a_question_is_shown_with_its_formulas_and_its_code() -> None:
    question = QuestionResult(
        name="axis",
        variant=0,
        score=0,
        max_score=1,
        state=QuestionState.WRONG,
        answer="(2, 4)",
        prompt="What is $x^2$?\n\n```python\nx = 1\n```",
        hint="You forgot `dim`.",
        right_answer="`RIGHT`",
        explanation="WHY",
    )
    html = html_of(result(questions=(question,)))
    assert "<msup><mi>x</mi><mn>2</mn></msup>" in html
    assert '<pre tabindex="0"><code>' in html
    assert "You forgot <code>dim</code>." in html
    assert "RIGHT" not in html
    assert "WHY" not in html
    assert "1 question to go; 1 more to gain." in html
    shown = html_of(result(questions=(question,)), "values")
    assert "<code>RIGHT</code>" in shown
    assert "WHY" in shown


def test_results_of_the_format_before_this_one_are_still_read() -> None:
    found = result(exercise(check(Outcome.FAILED, hint="Sum over dim=1."), code=CODE))
    old = msgspec.json.decode(msgspec.json.encode(found))
    for one in old["exercises"]:
        for key in ("cell", "worked", "failing", "example"):
            del one[key]
        for each in one["checks"]:
            for key in ("spot", "entries", "curves", "moves"):
                del each[key]
    read = msgspec.json.decode(msgspec.json.encode(old), type=SubmissionResult)
    assert html_of(read) == html_of(found)
