"""The class report's pages and tables: what they say, that nothing a student wrote breaks them, and who is named."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_class import made_class, two_assignments, wrong
from made_results import check, exercise, result
from test_feedback import ATTACK, Page

from autograder.course import Course
from autograder.model import CellResult, CellStatus, Isolation, Outcome, QuestionResult, QuestionState, SubmissionResult
from autograder.report.class_report.assemble import report_on
from autograder.report.class_report.names import Mask, names_of
from autograder.report.class_report.progress import needs_help, progress_of
from autograder.report.class_report.rates import distribution_of, exercise_rates
from autograder.report.class_report.similarity import similar_pairs
from autograder.report.class_report.tables import frame, harmless
from autograder.report.class_report.write import render_assignment, render_course, write_class_report

NOW = datetime(2027, 2, 10, tzinfo=UTC)
POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'"
STRINGS = ("student", "message", "hint", "title", "exercise", "mistake", "code", "reason", "note", "literal")


@pytest.fixture(scope="module")
def ours() -> Course:
    return two_assignments()


def strange_class(strings: dict[str, str]) -> list[SubmissionResult]:
    """A class in which each of STRINGS stands wherever such a string may stand."""
    code = f"def softmax(z):\n    return {strings['literal']!r}\n"
    failed = {"message": strings["message"], "title": strings["title"]}
    known = check(Outcome.FAILED, mistake=strings["mistake"], hint=strings["hint"], **failed)
    rates = exercise(check(title=strings["title"]), name=strings["exercise"], title=strings["title"])
    broken = exercise(
        check(Outcome.BROKEN, staff_note=f"Traceback\n{strings['note']}: {strings['note']}"), name="sgd_step"
    )
    cell = CellResult(index=1, status=CellStatus.DIED)
    return [
        result(exercise(known, code=code), rates, student=strings["student"], notes=(strings["note"],), cells=(cell,)),
        wrong("b", strings["message"], code=code, title=strings["title"]),
        wrong("c", strings["message"], code=strings["code"], title=strings["title"]),
        result(broken, student="d", isolation=Isolation.NONE),
        result(student="e", status="failed", reason=strings["reason"]),
    ]


def pages(ours: Course, results: list[SubmissionResult], anonymous: bool = False) -> tuple[str, str]:
    """The HTML of the assignment's page and of the course's."""
    names = names_of((one.student for one in results), b"secret", anonymous)
    report = report_on(ours.assignment("softmax_regression"), results, {}, names)
    progress = progress_of(ours, results, NOW)
    return (
        render_assignment(ours, report, ["submissions"], NOW),
        render_course(ours, [report], progress, names, {"softmax_regression"}, NOW),
    )


def test_a_class_of_which_nothing_could_be_graded_has_a_page(ours: Course) -> None:
    page, overview = pages(ours, [result(student="a", status="failed", reason="it is a PDF file")])
    assert "Nothing could be graded." in page
    assert "it is a PDF file" in page
    assert "not graded" in overview


@settings(max_examples=12, deadline=None)
@given(text=st.text(st.characters(codec=None), min_size=1), where=st.sampled_from(STRINGS))
def test_nothing_that_a_student_wrote_breaks_a_page(ours: Course, text: str, where: str) -> None:
    plain = dict.fromkeys(STRINGS, "xyz")
    shown = pages(ours, strange_class(plain | {where: f"xyz {text}"}))
    for found, expected in zip(shown, pages(ours, strange_class(plain)), strict=True):
        parsed = Page(found.encode("utf-8", "replace").decode())
        assert parsed.open == []
        if where not in ("student", "exercise", "code"):  # these may move rows, or take a draft away
            assert [tag for tag, _ in parsed.tags] == [tag for tag, _ in Page(expected).tags]


def test_an_attack_in_every_place_is_text_on_the_page(ours: Course) -> None:
    for html in pages(ours, strange_class(dict.fromkeys(STRINGS, ATTACK))):
        found = Page(html)
        assert found.open == []
        assert not found.named("script", "iframe", "object", "link", "img", "form", "base")
        names = [name for _, attributes in found.tags for name, _ in attributes]
        assert not [name for name in names if name.startswith("on") or name == "src"]


def test_the_pages_fetch_nothing_and_say_so_to_the_browser(ours: Course) -> None:
    for html in pages(ours, strange_class(dict.fromkeys(STRINGS, "x"))):
        found = Page(html)
        policy = [
            dict(attributes)["content"]
            for _, attributes in found.tags
            if ("http-equiv", "Content-Security-Policy") in attributes
        ]
        assert policy == [POLICY]
        links = [value or "" for tag, attributes in found.tags for name, value in attributes if name == "href"]
        assert all(link.startswith("#") or link.endswith("index.html") for link in links), links
        assert "url(http" not in html


def test_pictures_have_a_text_and_ids_of_their_own(ours: Course) -> None:
    page = Page(pages(ours, made_class([[1, 0, 1], [0, 1, 1], [1, 1, 1]] * 8))[0])
    pictures = [dict(attributes) for tag, attributes in page.tags if tag == "svg"]
    assert len(pictures) == 3
    assert all(picture["role"] == "img" and picture["aria-label"] for picture in pictures)
    ids = [value for _, attributes in page.tags for name, value in attributes if name == "id"]
    assert len(ids) == len(set(ids))


def test_the_scores_of_a_class_in_five_numbers() -> None:
    found = distribution_of([4, 1, 3, 2], 4)
    assert found is not None
    assert (found.lowest, found.first, found.median, found.third, found.highest) == (1, 1.75, 2.5, 3.25, 4)
    assert [count for _, _, count in found.bins] == [0, 0, 1, 0, 0, 1, 0, 1, 0, 1]
    assert distribution_of([], 4) is None


def test_rates_count_skipped_as_not_passed_and_leave_out_what_was_not_checked() -> None:
    outcomes = (Outcome.PASSED, Outcome.FAILED, Outcome.SKIPPED, Outcome.SKIPPED, Outcome.NOT_CHECKED, Outcome.BROKEN)
    (rate,) = exercise_rates([result(exercise(check(outcome)), student=outcome) for outcome in outcomes])
    assert (rate.full, rate.partial, rate.none) == (1, 0, 5)
    assert rate.checks[0].judged == 4
    assert rate.checks[0].rate == 0.25


def test_questions_stand_beside_the_exercises(ours: Course) -> None:
    asked = QuestionResult(
        name="axis_sum", variant=1, score=1, max_score=2, state=QuestionState.WRONG, hint="You summed over rows."
    )
    results = [msgspec.structs.replace(one, questions=(asked,)) for one in made_class([[1], [0]])]
    assert [(rate.name, rate.partial) for rate in exercise_rates(results)] == [("softmax", 0), ("axis_sum", 2)]
    text = Page(pages(ours, results)[0]).text
    assert "axis_sum" in text
    assert "2: You summed over rows." in text


def test_the_grader_says_what_it_could_not_do(ours: Course) -> None:
    text = Page(pages(ours, strange_class(dict.fromkeys(STRINGS, "KeyError")))[0]).text
    assert "Checks of ours that broke" in text
    assert "none: student code ran with the grader's rights" in text
    assert "1 submission could not be graded" in text


def test_a_traceback_of_ours_is_on_no_page(ours: Course) -> None:
    note = 'Traceback (most recent call last):\n  File "checks.py", line 3\n    assert SECRET\nKeyError: SECRET'
    broken = check(Outcome.BROKEN, staff_note=note, expected="SECRET", got="SECRET", inputs="SECRET", trace="SECRET")
    page, overview = pages(ours, [result(exercise(broken), student="a")])
    assert "SECRET" not in page + overview
    assert "KeyError" in page


def test_the_rule_for_help_is_the_one_that_is_stated() -> None:
    assert needs_help([]) == ""
    assert needs_help([0.5, 0.5]) == ""
    assert needs_help([0.49]) == "mean 49 %"
    assert needs_help([0.9, 0.9, 0.6]) == "the last one is 30 points below the mean before"


def test_what_is_missing_counts_once_it_is_due(ours: Course) -> None:
    results = [result(exercise(check()), student="a"), result(exercise(check()), student="b")]
    later = [msgspec.structs.replace(results[0], assignment="mlp")]
    before, after = (progress_of(ours, results + later, when) for when in (NOW, NOW + timedelta(days=60)))
    assert [row.student for row in before.first] == []
    assert [(row.student, row.mean) for row in after.first] == [("b", 0.5)]


def test_copies_are_a_pair_and_what_everybody_has_is_not() -> None:
    given = "def softmax(logits):\n    shifted = logits - logits.amax(dim=1, keepdim=True)\n    return shifted.exp()\n"
    odd = (
        "def softmax({0}):\n    {1} = []\n    for row in {0}:\n        top = max(float(x) for x in row)\n"
        "        {1}.append((row - top).exp() / (row - top).exp().sum())\n    return torch.stack({1})\n"
    )
    codes = {"a": odd.format("logits", "rows"), "b": odd.format("z", "out"), "c": given, "d": given, "e": "def ("}
    results = [result(exercise(check(), code=code), student=student) for student, code in codes.items()]
    assert [pair.students for pair in similar_pairs(results, [given], ())] == [("a", "b")]


def test_what_many_wrote_is_no_likeness() -> None:
    code = (
        "def softmax(z):\n    e = torch.exp(z - z.max(dim=1, keepdim=True).values)\n    return e / e.sum(1)[:, None]\n"
    )
    results = [result(exercise(check(), code=code), student=f"s{number}") for number in range(6)]
    assert similar_pairs(results, [], ()) == ()


def test_hidden_names_stand_nowhere_and_in_no_order(ours: Course, tmp_path: Path) -> None:
    students = ("amina_diallo", "lukas_bauer", "mei_lin", "王小明")
    said = "written by Lukas Bauer, amina diallo, mei_lin, 我是王小明"
    code = f"def softmax(z):\n    print('{said}')\n    lukas = z.max()\n    return lukas\n"
    results = [
        msgspec.structs.replace(wrong(student, "x", code=code), notes=(f"{student}.ipynb was graded",))
        for student in students
    ]
    written = write_class_report(ours, results, {}, tmp_path, NOW, anonymous=True)
    for path in (written.course, *written.assignments, *written.tables):
        text = path.read_bytes().decode("utf-8", "replace").lower()
        assert not [word for student in students for word in (student, student.split("_")[0]) if word in text], path
    shown = pd.read_csv(tmp_path / "progress.csv")["student"].tolist()
    assert shown == sorted(shown)
    assert names_of(students, b"one", True).shown != names_of(students, b"other", True).shown


def test_masking_takes_whole_words_only() -> None:
    assert Mask(["mei_lin"])("mei_lin uses linear; Lin, lin.") == "someone uses linear; someone, someone."


def test_tables_are_the_same_in_csv_and_parquet(ours: Course, tmp_path: Path) -> None:
    times = {("softmax_regression", f"student_{number}"): NOW + timedelta(hours=number) for number in range(3)}
    written = write_class_report(ours, made_class([[1, 0], [0, 1], [1, 1]]), times, tmp_path, NOW)
    assert {path.suffix for path in written.tables} == {".csv", ".parquet"}
    assert "when it was handed in" in written.assignments[0].read_text()
    for path in written.tables:
        if path.suffix == ".parquet":
            one, other = pd.read_parquet(path), pd.read_csv(path.with_suffix(".csv"))
            assert list(one.columns) == list(other.columns)
            assert len(one) == len(other)
    outcomes = pd.read_parquet(tmp_path / "softmax_regression" / "outcomes.parquet")
    assert outcomes.groupby("check")["outcome"].apply(lambda each: (each == "passed").sum()).tolist() == [2, 2]


def test_no_cell_of_a_csv_is_a_formula() -> None:
    table = harmless(frame([{"student": "=cmd|' /C calc'!A0", "score": -1.5}]))
    assert table.iloc[0].tolist() == ["'=cmd|' /C calc'!A0", -1.5]


def test_a_class_of_three_hundred_fits_on_a_page(ours: Course) -> None:
    table = [[(number * (column + 3)) % 7 % 2 for column in range(12)] for number in range(300)]
    page, overview = pages(ours, made_class(table))
    assert len(page) < 400_000
    assert len(overview) < 400_000
