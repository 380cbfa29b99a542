"""A demo: a real course of made-up students, in which what is found can be held against what was planted."""

from __future__ import annotations

import ast
import builtins
import json
import tomllib
from collections import Counter
from pathlib import Path

import pytest
from typer.testing import CliRunner

from autograder.cli import app
from autograder.course import Course, load_course
from autograder.demo import Demo, DemoRun, Trouble, make_demo, run_demo, with_limits
from autograder.demo.answers import Reply
from autograder.demo.notebooks import names_at_hand, read_released, stub_docstrings
from autograder.demo.people import student_ids
from autograder.demo.plan import make_plan
from autograder.demo.variants import REFERENCE, Variant, read_references, read_variants
from autograder.errors import CourseError
from autograder.model import CellStatus, Outcome, QuestionState, SubmissionResult

ROOT = Path(__file__).parents[1]
ASSIGNMENT = "softmax_regression"


@pytest.fixture(scope="module")
def course() -> Course:
    return load_course(ROOT)


@pytest.fixture(scope="module")
def demo(course: Course, tmp_path_factory: pytest.TempPathFactory) -> Demo:
    """The demo as it is by default: forty students."""
    return make_demo(course, tmp_path_factory.mktemp("demo"), 40, [ASSIGNMENT])


def read(demo: Demo, student: str) -> bytes:
    return (demo.course.root / "submitted" / student / ASSIGNMENT / f"{ASSIGNMENT}.ipynb").read_bytes()


def codes(demo: Demo, student: str) -> dict[str, str]:
    """The sources of a submission's cells by nbgrader id."""
    cells = json.loads(read(demo, student))["cells"]
    return {c["metadata"].get("nbgrader", {}).get("grade_id", c["id"]): "".join(c["source"]) for c in cells}


def test_a_folder_with_something_else_in_it_is_left_alone(course: Course, tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(CourseError, match="is not empty and was not made by grader demo; name another folder"):
        make_demo(course, tmp_path, 2, [ASSIGNMENT])
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_an_exercise_without_a_right_style_is_named() -> None:
    variants = [Variant("sums", "softmax", is_right=False, source="")]
    with pytest.raises(CourseError, match='exercise "softmax" has no right style'):
        make_plan("tiny", ["softmax"], variants, 4)


def test_forty_students_carry_every_mistake_of_the_catalogue(demo: Demo) -> None:
    assert len(demo.planted) == 40
    assert demo.uncovered == ()


def test_with_few_students_what_is_left_out_is_listed(course: Course, tmp_path: Path) -> None:
    few = make_demo(course, tmp_path, 3, [ASSIGNMENT])
    assert len(few.planted) == 3
    assert "softmax.sums_over_everything" in few.uncovered


def test_every_trouble_occurs_and_some_students_are_wholly_right(demo: Demo) -> None:
    counts = Counter(planted.trouble for planted in demo.planted)
    assert all(counts[trouble] == 1 for trouble in Trouble if trouble is not Trouble.NONE)
    right = [p for p in demo.planted if not p.mistakes and p.trouble is Trouble.NONE]
    assert len(right) >= 2
    assert len({tuple(planted.styles.values()) for planted in right}) == len(right)


def test_no_exercise_is_forgotten(demo: Demo) -> None:
    names = {exercise.name for exercise in demo.course.assignment(ASSIGNMENT).exercises}
    for planted in demo.planted:
        told = {*planted.mistakes, *planted.styles, *planted.stubs, *planted.spoilt}
        assert told == (set() if planted.trouble is Trouble.NOT_A_NOTEBOOK else names), planted.student


def test_the_same_demo_is_made_again_byte_for_byte(course: Course, demo: Demo, tmp_path: Path) -> None:
    again = make_demo(course, tmp_path, 40, [ASSIGNMENT])
    assert again.planted == demo.planted
    assert all(read(again, planted.student) == read(demo, planted.student) for planted in demo.planted)


def test_made_again_in_its_folder_it_keeps_the_gradebook_and_drops_who_has_left(course: Course, tmp_path: Path) -> None:
    first = make_demo(course, tmp_path, 12, [ASSIGNMENT])
    (tmp_path / "gradebook.db").write_text("kept")
    second = make_demo(course, tmp_path, 4, [ASSIGNMENT])
    assert (tmp_path / "gradebook.db").read_text() == "kept"
    found = {path.name for path in (tmp_path / "submitted").iterdir()}
    assert found == {planted.student for planted in second.planted} < {planted.student for planted in first.planted}


def test_every_variant_brings_all_that_it_needs(course: Course) -> None:
    assignment = course.assignment(ASSIGNMENT)
    names = tuple(exercise.name for exercise in assignment.exercises)
    notebook = read_released(assignment)
    docstrings, at_hand = stub_docstrings(notebook, names), names_at_hand(notebook)
    variants = read_variants(assignment, docstrings, at_hand) + read_references(assignment, docstrings, at_hand)
    assert len(variants) > 150
    for variant in variants:
        tree = ast.parse(variant.source)
        bound = {n.id for n in ast.walk(tree) if isinstance(n, ast.Name) and not isinstance(n.ctx, ast.Load)}
        bound |= {n.arg for n in ast.walk(tree) if isinstance(n, ast.arg)}
        bound |= {n.name for n in ast.walk(tree) if isinstance(n, ast.FunctionDef | ast.ClassDef)}
        bound |= {n.asname or n.name.split(".")[0] for n in ast.walk(tree) if isinstance(n, ast.alias)}
        used = {n.id for n in ast.walk(tree) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load)}
        assert used <= bound | at_hand | set(dir(builtins)), variant.name
        assert tree.body[-1].name == variant.exercise  # type: ignore[attr-defined]
        assert variant.name not in variant.source
        assert "mistake" not in variant.source


def test_submissions_hold_what_was_planted(demo: Demo) -> None:
    by_trouble = {planted.trouble: planted.student for planted in demo.planted}
    assert read(demo, by_trouble[Trouble.NOT_A_NOTEBOOK]).startswith(b"%PDF")
    assert "while" in codes(demo, by_trouble[Trouble.LOOPS])["my-own-test"]
    assert "os._exit" in codes(demo, by_trouble[Trouble.ENDS_PROCESS])["the-end"]
    released = codes(demo, by_trouble[Trouble.UNTOUCHED])
    assert set(released) - set(codes(demo, by_trouble[Trouble.DELETED_CELL])) == {"test_accuracy"}
    with pytest.raises(SyntaxError):
        ast.parse(codes(demo, by_trouble[Trouble.SYNTAX_ERROR])["accuracy"])
    assert "NotImplementedError" in codes(demo, by_trouble[Trouble.UNFINISHED])["sgd_step"]
    assert "NotImplementedError" not in codes(demo, by_trouble[Trouble.UNFINISHED])["softmax"]


def test_students_come_from_many_places() -> None:
    ids = student_ids(90)
    assert len(set(ids)) == 90
    assert any(" " in name for name in ids[:40])
    assert any("\u4e00" <= name[0] <= "\u9fff" for name in ids[:40])
    assert ids[40] == f"{ids[0]}_2"


@pytest.mark.parametrize(
    "toml",
    [
        '[course]\ntitle = "x"\n',
        '[limits]\ncell_seconds = 30  # long\nmemory = "1 GiB"\n[grading]\nworkers = 1\n',
        '[grading]\nworkers = 1\n\n[limits]          # of one submission\nmemory = "1 GiB"\ncell_seconds=3',
    ],
)
def test_limits_are_set_wherever_they_stood(toml: str) -> None:
    before, after = tomllib.loads(toml), tomllib.loads(with_limits(toml, {"cell_seconds": "8"}))
    assert after == before | {"limits": before.get("limits", {}) | {"cell_seconds": 8}}


@pytest.fixture(scope="module")
def run(course: Course, tmp_path_factory: pytest.TempPathFactory) -> DemoRun:
    """Eight students, graded for real: one wholly right, and one with each trouble."""
    return run_demo(course, tmp_path_factory.mktemp("class"), 8, [ASSIGNMENT])


def found(run: DemoRun, trouble: Trouble) -> SubmissionResult:
    student = next(planted.student for planted in run.demo.planted if planted.trouble is trouble)
    return next(result for result in run.graded.results if result.student == student)


def statuses(result: SubmissionResult) -> set[CellStatus]:
    return {cell.status for cell in result.cells}


def test_every_student_gets_a_result_and_a_page(run: DemoRun) -> None:
    students = {planted.student for planted in run.demo.planted}
    assert {result.student for result in run.graded.results} == students
    assert {path.parents[1].name for path in run.pages} == students
    assert all(path.stat().st_size > 2000 for path in run.pages)


def test_nothing_of_ours_broke(run: DemoRun) -> None:
    checks = [c for r in run.graded.results for e in r.exercises for c in e.checks]
    assert len(checks) > 100
    assert [c.staff_note for c in checks if c.outcome is Outcome.BROKEN] == []


def test_right_styles_have_full_marks_and_mistakes_and_gaps_have_not(run: DemoRun) -> None:
    results = {result.student: {e.name: e for e in result.exercises} for result in run.graded.results}
    for planted in run.demo.planted:
        for exercise in planted.styles:
            found = results[planted.student][exercise]
            assert found.score == found.max_score, (planted.student, exercise, planted.styles[exercise])
        for exercise in (*planted.mistakes, *planted.stubs, *planted.spoilt):
            found = results[planted.student][exercise]
            assert found.score < found.max_score, (planted.student, exercise, planted.mistakes.get(exercise))
        for exercise in (*planted.stubs, *planted.spoilt):
            assert results[planted.student][exercise].score == 0


def test_planted_mistakes_are_found_as_themselves(run: DemoRun) -> None:
    results = {result.student: {e.name: e for e in result.exercises} for result in run.graded.results}
    planted = [(p.student, exercise, name) for p in run.demo.planted for exercise, name in p.mistakes.items()]
    missed = [
        (exercise, name)
        for student, exercise, name in planted
        if name not in {check.mistake for check in results[student][exercise].checks}
    ]
    assert len(planted) >= 15
    assert len(missed) <= len(planted) // 5, missed  # a few behave as another mistake does


def test_troubles_are_told_apart(run: DemoRun) -> None:
    assert CellStatus.TIMEOUT in statuses(found(run, Trouble.LOOPS))
    assert CellStatus.DIED in statuses(found(run, Trouble.ENDS_PROCESS))
    assert any(cell.note.startswith("SyntaxError") for cell in found(run, Trouble.SYNTAX_ERROR).cells)
    assert any("was deleted" in note for note in found(run, Trouble.DELETED_CELL).notes)
    failed = found(run, Trouble.NOT_A_NOTEBOOK)
    assert (failed.status, failed.score) == ("failed", 0)
    assert "not a notebook" in failed.reason
    assert found(run, Trouble.UNTOUCHED).score == 0


def test_run_again_it_grades_nothing_anew_and_says_so(run: DemoRun) -> None:
    folder = run.demo.course.root
    again = CliRunner().invoke(
        app, ["-C", str(ROOT), "demo", str(folder), "--students", "8", "--assignment", ASSIGNMENT]
    )
    assert again.exit_code == 0, again.output
    assert "unchanged, not graded again: 8 of 8 submissions\ngraded: nothing anew" in again.stdout
    assert f"feedback: 8 pages, such as {folder / 'feedback'}" in again.stdout
    assert all(planted.student in again.stdout for planted in run.demo.planted)


@pytest.fixture(scope="module")
def quiz_run(course: Course, tmp_path_factory: pytest.TempPathFactory) -> DemoRun:
    return run_demo(course, tmp_path_factory.mktemp("quiz"), 16, ["tensor_quiz"])


def test_a_quiz_has_the_scores_that_were_planted(quiz_run: DemoRun) -> None:
    results = {result.student: {q.name: q for q in result.questions} for result in quiz_run.graded.results}
    seen: Counter[Reply] = Counter()
    for planted in quiz_run.demo.planted:
        for question, reply in planted.answers.items():
            found = results[planted.student][question]
            seen[reply] += 1
            if reply is Reply.RIGHT:
                assert found.score == found.max_score
            elif reply is Reply.MISTAKE:
                assert (found.state in STATES[reply], bool(found.hint)) == (True, True), (planted.student, question)
            else:
                assert found.state in STATES[reply], (planted.student, question)
    assert set(seen) == set(Reply)


STATES = {
    Reply.MISTAKE: (QuestionState.WRONG, QuestionState.PARTLY),
    Reply.WRONG_FORM: (QuestionState.WRONG_FORM,),
    Reply.OTHERS: (QuestionState.WRONG, QuestionState.PARTLY, QuestionState.RIGHT),  # of a few values, some agree
    Reply.NOTHING: (QuestionState.UNANSWERED,),
}


def test_exercises_that_go_together_are_never_both_mistaken(course: Course, tmp_path: Path) -> None:
    made = make_demo(course, tmp_path, 60, ["mlp"])
    for planted in made.planted:
        assert len({"mlp_forward", "mlp_backward"} & set(planted.mistakes)) <= 1
        assert {planted.styles.get(name, REFERENCE) for name in ("mlp_forward", "mlp_backward")} == {REFERENCE}


def test_without_names_every_assignment_is_handed_in(course: Course, tmp_path: Path) -> None:
    made = make_demo(course, tmp_path, 4)
    assert {planted.assignment for planted in made.planted} == {one.name for one in course.assignments}
    assert sum(1 for _ in tmp_path.glob("submitted/*/*/*.ipynb")) == 4 * len(course.assignments)
