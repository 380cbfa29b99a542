"""The gradebook: nbgrader's own readers find our points, and what people wrote by hand stays."""

from __future__ import annotations

import csv
import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import nbformat
import pytest
from nbgrader.api import Gradebook as NbgraderGradebook
from nbgrader.plugins.export import CsvExportPlugin
from small_course import made_result, released_notebook
from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import CreateTable

from autograder import gradebook as gradebook_module
from autograder.course import Course, load_course
from autograder.gradebook import Gradebook, GradebookError, load_results
from autograder.grading.ledger import TABLES
from autograder.grading.released import Released, load_released
from autograder.model import Comment, Outcome, QuestionState, SubmissionResult

pytestmark = pytest.mark.filterwarnings("ignore::sqlalchemy.exc.SAWarning")  # nbgrader's own


@pytest.fixture
def course(small_course: Course, empty_database: bytes) -> Course:
    (small_course.root / "gradebook.db").write_bytes(empty_database)
    return small_course


@pytest.fixture
def book(course: Course) -> Iterator[Gradebook]:
    with Gradebook(course) as book:
        book.prepare(course.assignment("tiny"), released(course))
        yield book


def released(course: Course) -> Released:
    return load_released(course.assignment("tiny"))


def record(book: Gradebook, course: Course, result: SubmissionResult) -> None:
    book.record(course.assignment("tiny"), released(course), result)


def nbgrader_rows(course: Course, student: str) -> dict[str, tuple[float | None, float | None, bool]]:
    """grade_id -> (auto_score, manual_score, needs_manual_grade), read through nbgrader's own API."""
    with NbgraderGradebook(f"sqlite:///{course.root}/gradebook.db", "small") as theirs:
        grades = theirs.find_submission_notebook("tiny", "tiny", student).grades
        return {g.name: (g.auto_score, g.manual_score, g.needs_manual_grade) for g in grades}


def set_by_hand(course: Course, student: str, grade_id: str, score: float) -> None:
    """What a teaching assistant does in formgrader."""
    with NbgraderGradebook(f"sqlite:///{course.root}/gradebook.db", "small") as theirs:
        grade = theirs.find_grade(grade_id, "tiny", "tiny", student)
        grade.manual_score, grade.needs_manual_grade = score, False
        theirs.db.commit()


def test_a_locked_database_is_one_clear_line(
    book: Gradebook, course: Course, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(gradebook_module, "LOCK_SECONDS", 0.1)
    with Gradebook(course) as hasty, sqlite3.connect(course.root / "gradebook.db") as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(
            GradebookError, match=r"gradebook\.db.*: is locked by another program; .* run again"
        ) as caught:
            record(hasty, course, made_result("ann"))
        other.rollback()
        assert "\n" not in str(caught.value)
        record(hasty, course, made_result("ann"))
    other.close()
    assert not caplog.records, "nbgrader's traceback must not reach the log"


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("sqlite:////nowhere/at/all/gradebook.db", "unable to open database file"),
        ("nosuchthing://localhost/x", "is no database URL that SQLAlchemy knows"),
        ("postgresql+psycopg2://ta:secret@localhost:1/x", "driver is missing|refused|is no database URL"),
    ],
)
def test_a_database_that_cannot_be_opened_is_one_clear_line(course: Course, url: str, said: str) -> None:
    settings = course.root / "grader.toml"
    settings.write_text(f'{settings.read_text()}\n[gradebook]\nurl = "{url}"\n')
    with pytest.raises(GradebookError, match=said) as caught:
        Gradebook(load_course(course.root))
    assert "secret" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_file_that_is_no_database_is_one_clear_line(course: Course) -> None:
    (course.root / "gradebook.db").write_text("this is a text file, and a long enough one " * 50)
    with pytest.raises(GradebookError, match="not a database"):
        Gradebook(course)


def test_a_new_gradebook_is_made_without_the_virtual_environment_on_the_path(small_course: Course) -> None:
    code = "import sys; from autograder.course import load_course; from autograder.gradebook import Gradebook; "
    code += f"Gradebook(load_course(__import__('pathlib').Path({str(small_course.root)!r}))).close()"
    environment = os.environ | {"PATH": "/usr/bin:/bin"}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_points_go_in_as_automatic_scores(book: Gradebook, course: Course) -> None:
    record(book, course, made_result("ann", (1.5, 3.0)))
    rows = nbgrader_rows(course, "ann")
    assert rows["test_double"] == (1.5, None, False)
    assert rows["test_total"] == (3.0, None, False)


def test_an_answer_in_words_waits_for_a_person(book: Gradebook, course: Course) -> None:
    record(book, course, made_result("ann", explained="Because."))
    assert nbgrader_rows(course, "ann")["explain"] == (None, None, True)


def test_an_answer_in_words_that_was_not_given_scores_zero(book: Gradebook, course: Course) -> None:
    record(book, course, made_result("ann"))
    assert nbgrader_rows(course, "ann")["explain"] == (0.0, None, False)


def test_an_answer_in_words_has_the_points_that_a_person_gave(book: Gradebook, course: Course) -> None:
    record(book, course, made_result("ann", explained="Because."))
    assert book.load_results()[0].questions[0].state is QuestionState.BY_HAND
    set_by_hand(course, "ann", "explain", 1.5)
    (found,) = load_results(course)
    assert (found.questions[0].state, found.questions[0].score, found.score) == (QuestionState.GRADED, 1.5, 6.5)


def test_a_score_given_by_hand_counts_in_what_pages_show(book: Gradebook, course: Course) -> None:
    record(book, course, made_result("ann", (1.0, 3.0)))
    set_by_hand(course, "ann", "test_double", 1.75)
    (found,) = load_results(course)
    assert (found.exercises[0].score, found.exercises[0].note, found.score) == (1.75, "Graded by hand.", 4.75)


def test_a_score_given_by_hand_is_never_overwritten(book: Gradebook, course: Course) -> None:
    record(book, course, made_result("ann", (1.0, 3.0)))
    set_by_hand(course, "ann", "test_double", 1.75)
    record(book, course, made_result("ann", (2.0, 3.0), fingerprint="e" * 64))
    assert nbgrader_rows(course, "ann")["test_double"] == (2.0, 1.75, True)


def test_grading_the_same_again_does_not_ask_for_a_second_look(book: Gradebook, course: Course) -> None:
    record(book, course, made_result("ann", (1.0, 3.0)))
    set_by_hand(course, "ann", "test_double", 1.75)
    record(book, course, made_result("ann", (1.0, 3.0)))
    assert nbgrader_rows(course, "ann")["test_double"] == (1.0, 1.75, False)


def test_a_broken_check_asks_staff_to_look(book: Gradebook, course: Course) -> None:
    def outcome(name: str) -> Outcome:
        return Outcome.BROKEN if name == "double" else Outcome.PASSED

    record(book, course, made_result("ann", outcome=outcome))
    rows = nbgrader_rows(course, "ann")
    assert (rows["test_double"][2], rows["test_total"][2]) == (True, False)


def test_a_failed_submission_has_no_points_and_asks_staff_to_look(book: Gradebook, course: Course) -> None:
    failed = made_result("ann", (0.0, 0.0), status="failed", reason="tiny.ipynb is empty")
    record(book, course, failed)
    assert set(nbgrader_rows(course, "ann").values()) == {(0.0, None, True)}


def test_the_comment_on_the_solution_says_what_did_not_pass(book: Gradebook, course: Course) -> None:
    record(book, course, made_result("ann", (0.0, 3.0), outcome=lambda _: Outcome.FAILED))
    with NbgraderGradebook(f"sqlite:///{course.root}/gradebook.db", "small") as theirs:
        comment = theirs.find_comment("double", "tiny", "tiny", "ann").comment
    assert comment == "0 of 2 points; 0 of 1 checks passed\nnot passed: double is right"


def test_the_export_of_nbgrader_has_our_totals(book: Gradebook, course: Course, tmp_path: Path) -> None:
    expected = {"ann": 5.0, "bob bär": 1.25, "李雷": 0.0}
    for student, score in expected.items():
        record(book, course, made_result(student, (min(score, 2.0), max(score - 2.0, 0.0))))
    with NbgraderGradebook(f"sqlite:///{course.root}/gradebook.db", "small") as theirs:
        CsvExportPlugin(to=str(tmp_path / "grades.csv")).export(theirs)
    with (tmp_path / "grades.csv").open(newline="") as file:
        rows = {row["student_id"]: (float(row["score"]), float(row["max_score"])) for row in csv.DictReader(file)}
    assert rows == {student: (score, 7.0) for student, score in expected.items()}


def test_a_result_comes_back_as_it_was_recorded(book: Gradebook, course: Course) -> None:
    result = made_result("ann", (1.5, 3.0))
    record(book, course, result)
    assert book.load_result("tiny", "ann") == result
    assert book.load_result("tiny", "bob") is None
    assert load_results(course) == [result]


def test_fingerprints_tell_what_was_graded(book: Gradebook, course: Course) -> None:
    record(book, course, made_result("ann", fingerprint="a" * 64))
    assert book.fingerprints("tiny") == {"ann": "a" * 64}
    assert book.fingerprints("other") == {}


def test_text_with_null_characters_is_stored(book: Gradebook, course: Course) -> None:
    record(book, course, made_result("ann", reason="a\x00b"))
    found = book.load_result("tiny", "ann")
    assert found is not None
    assert found.reason.startswith("a")


def test_only_the_time_of_the_timestamp_file_is_told_to_nbgrader(book: Gradebook, course: Course) -> None:
    for student, has_file in (("ann", True), ("bob", False)):
        when = datetime(2027, 2, 1, 12, 30, tzinfo=UTC)
        book.record(course.assignment("tiny"), released(course), made_result(student), when, has_file)
    with NbgraderGradebook(f"sqlite:///{course.root}/gradebook.db", "small") as theirs:
        assert theirs.find_submission("tiny", "ann").timestamp == datetime(2027, 2, 1, 12, 30)
        assert theirs.find_submission("tiny", "bob").timestamp is None


def release(course: Course, notebook: nbformat.NotebookNode) -> None:
    (course.root / "release/tiny/tiny.ipynb").write_text(nbformat.writes(notebook))


def test_changed_points_reach_the_gradebook(book: Gradebook, course: Course) -> None:
    record(book, course, made_result("ann"))
    release(course, released_notebook({"double": 20.0, "total": 3.0}))
    assert book.prepare(course.assignment("tiny"), released(course)) == []
    with NbgraderGradebook(f"sqlite:///{course.root}/gradebook.db", "small") as theirs:
        assert theirs.find_assignment("tiny").max_score == 25.0


def test_a_cell_that_is_released_no_more_leaves_the_gradebook(book: Gradebook, course: Course) -> None:
    record(book, course, made_result("ann"))
    release(course, released_notebook({"double": 2.0}))
    assert book.prepare(course.assignment("tiny"), released(course)) == []
    assert set(nbgrader_rows(course, "ann")) == {"test_double", "explain"}
    record(book, course, made_result("ann"))


def test_a_cell_that_was_graded_by_hand_stays_with_a_note(book: Gradebook, course: Course) -> None:
    record(book, course, made_result("ann"))
    set_by_hand(course, "ann", "test_total", 2.5)
    release(course, released_notebook({"double": 2.0}))
    notes = book.prepare(course.assignment("tiny"), released(course))
    assert ["test_total" in note for note in notes] == [True]
    assert nbgrader_rows(course, "ann")["test_total"][1] == 2.5


def test_a_new_cell_is_added_to_earlier_submissions(book: Gradebook, course: Course) -> None:
    release(course, released_notebook({"double": 2.0}))
    book.prepare(course.assignment("tiny"), released(course))
    record(book, course, made_result("ann"))
    release(course, released_notebook())
    book.prepare(course.assignment("tiny"), released(course))
    assert nbgrader_rows(course, "ann")["test_total"] == (None, None, True)
    record(book, course, made_result("ann", (2.0, 3.0)))
    assert nbgrader_rows(course, "ann")["test_total"] == (3.0, None, False)


def test_a_result_of_another_version_is_one_clear_line(book: Gradebook, course: Course) -> None:
    record(book, course, made_result("ann"))
    with sqlite3.connect(course.root / "gradebook.db") as other:
        other.execute("UPDATE torchmark_submission SET result = '{\"file\": 3}'")
    other.close()
    with pytest.raises(GradebookError, match=r"another version .* grader grade --again"):
        book.load_results("tiny")


def test_our_tables_can_be_made_in_postgresql() -> None:
    for table in TABLES.sorted_tables:
        text = str(CreateTable(table).compile(dialect=postgresql.dialect()))
        assert "TEXT(" not in text, "PostgreSQL knows no TEXT with a length"


def test_every_check_has_a_row(book: Gradebook, course: Course) -> None:
    record(book, course, msgspec.structs.replace(made_result("ann"), fingerprint="b" * 64))
    record(book, course, made_result("ann", (0.0, 3.0), outcome=lambda _: Outcome.FAILED))
    with sqlite3.connect(course.root / "gradebook.db") as other:
        rows = other.execute("SELECT exercise, name, outcome, points FROM torchmark_check ORDER BY exercise").fetchall()
    other.close()
    assert rows == [("double", "test_value", "failed", 0.0), ("total", "test_value", "failed", 3.0)]


def test_what_teachers_wrote_and_graded_is_read_with_the_late_penalty(book: Gradebook, course: Course) -> None:
    record(book, course, made_result("ann", (1.0, 3.0), explained="Because."))
    record(book, course, made_result("bob", (2.0, 3.0)))
    set_by_hand(course, "ann", "test_double", 1.75)
    with NbgraderGradebook(f"sqlite:///{course.root}/gradebook.db", "small") as theirs:
        theirs.find_comment("double", "tiny", "tiny", "ann").manual_comment = "See me."
        theirs.find_submission_notebook("tiny", "tiny", "ann").late_submission_penalty = 0.5
        theirs.db.commit()
    remarks = book.load_remarks("tiny")
    ann, bob = remarks["ann"], remarks["bob"]
    assert ann.comments == (Comment("double", "See me."),)
    assert {(one.cell, one.score) for one in ann.by_hand} == {("double", 1.75), ("explain", None)}
    assert (ann.score, ann.late_penalty) == (4.75, 0.5)
    assert (bob.score, bob.late_penalty, bob.comments) == (5.0, 0.0, ())


def test_staff_are_asked_to_look_where_a_check_was_waived_on_the_codes_own_word(
    book: Gradebook, course: Course
) -> None:
    result = made_result("ann", outcome=lambda _: Outcome.NOT_CHECKED)
    record(book, course, result)
    assert not nbgrader_rows(course, "ann")["test_double"][2]
    noted = [
        msgspec.structs.replace(one, checks=tuple(msgspec.structs.replace(c, staff_note="a gap") for c in one.checks))
        for one in result.exercises
    ]
    record(book, course, msgspec.structs.replace(result, exercises=tuple(noted)))
    assert nbgrader_rows(course, "ann")["test_double"][2]
