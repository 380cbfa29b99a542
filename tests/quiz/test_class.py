"""A class of model students, graded for real: right, typical mistakes, wrong form, no answer, another's variant."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell
from nbgrader import api
from quiz_course import NAMES, hand_in, notebook_of, questions, variant_of

from autograder.course import Course
from autograder.gradebook import Gradebook
from autograder.grading.loose import results_to_json
from autograder.grading.one import Graded, Grader
from autograder.grading.released import load_released
from autograder.model import QuestionResult, QuestionState, SubmissionResult
from autograder.quiz import BuiltQuestion, Expression, Variant
from autograder.report.feedback import render_feedback


def grade(grader: Grader, course: Course, student: str, sources: dict[str, str], **more: str) -> Graded:
    return grader.grade(hand_in(course, student, notebook_of(course, sources, **more)), student)


def by_name(result: SubmissionResult) -> dict[str, QuestionResult]:
    return {question.name: question for question in result.questions}


def right_answers(course: Course, student: str) -> dict[str, str]:
    asked = {name: variant_of(question, student) for name, question in questions(course).items()}
    return {name: f"{name} = {variant.typed(variant.right)}" for name, variant in asked.items()}


def other_variant(question: BuiltQuestion, student: str) -> Variant:
    """A variant of the question that is not the student's and has another right answer."""
    own = variant_of(question, student)
    return next(v for v in question.variants if v.typed(v.right) != own.typed(own.right))


def planted(course: Course, number: int) -> tuple[dict[str, str], dict[str, tuple[float, str]]]:
    """What student number N writes, and for each question the share and the state that the model says."""
    student, sources, truth = f"s{number:02}", {}, {}
    for position, (name, question) in enumerate(questions(course).items()):
        variant = variant_of(question, student)
        match (number + position) % 5:
            case 0:
                sources[name] = f"{name} = {variant.typed(variant.right)}"
                truth[name] = (1.0, "right")
            case 1:
                wrong = variant.wrongs[number % len(variant.wrongs)]
                share = variant.grade(wrong.answer).share
                sources[name] = f"{name} = {variant.typed(wrong.answer)}"
                truth[name] = (share, "partly right" if share else "not right")
            case 2:
                sources[name] = f"{name} = {variant.misshapen[0]!r}"
                truth[name] = (0.0, "wrong form")
            case 3:
                truth[name] = (0.0, "not answered")
            case _ if name in ("dtype", "device", "text", "truth"):  # variants whose answers may be equal
                sources[name] = f"{name} = {variant.typed(variant.right)}  # sure"
                truth[name] = (1.0, "right")
            case _:
                theirs = other_variant(question, student)
                sources[name] = f"{name} = {theirs.typed(theirs.right)}"
                share = variant.grade(theirs.right).share
                truth[name] = (share, "partly right" if 0 < share < 1 else "right" if share else "not right")
    return sources, truth


def test_a_class_of_30_scores_as_the_model_says_for_every_kind(grader: Grader, course: Course) -> None:
    points = {name: question.points for name, question in questions(course).items()}
    for number in range(30):
        sources, truth = planted(course, number)
        result = grade(grader, course, f"s{number:02}", sources).result
        said = {one.name: (one.score, one.state.value) for one in result.questions}
        want = {name: (pytest.approx(share * points[name]), state) for name, (share, state) in truth.items()}
        assert said == want, result.student
        assert result.score == pytest.approx(sum(score for score, _ in said.values()))
        assert result.max_score == sum(points.values())


def test_points_and_comments_reach_nbgrader_s_gradebook(grader: Grader, course: Course) -> None:
    assignment = course.assignment("kinds")
    released = load_released(assignment)
    graded = grade(grader, course, "s00", planted(course, 0)[0])
    with Gradebook(course) as book:
        assert book.prepare(assignment, released) == []
        book.record(assignment, released, graded.result)
        assert book.load_result("kinds", "s00") == graded.result
    with api.Gradebook(f"sqlite:///{course.root}/gradebook.db", course_id="small") as book:
        row = book.find_submission("kinds", "s00")
        assert (row.score, row.max_score) == (pytest.approx(graded.result.score), graded.result.max_score)
        assert not row.needs_manual_grade
        comments = book.find_submission_notebook("kinds", "kinds", "s00").comments
        assert {comment.name for comment in comments if comment.auto_comment} == set(NAMES)


def test_computed_answers_are_taken_from_the_executed_notebook(grader: Grader, course: Course) -> None:
    asked = {name: variant_of(question, "ann") for name, question in questions(course).items()}
    formula = asked["formula"]
    assert isinstance(formula, Expression)
    sources = {
        "choices": f"choices = set({sorted(asked['choices'].right)})",
        "number": f"import math\nnumber = math.exp({float(asked['number'].right)!r}) ** 0 * {asked['number'].right!r}",
        "integer": f"integer = torch.tensor({asked['integer'].right})",
        "shape": f"shape = torch.empty({asked['shape'].right}).shape",
        "tensor": f"tensor = torch.tensor({asked['tensor'].right}) + 0",
        "dtype": "dtype = torch.ones(1).dtype",
        "device": 'device = torch.device("cpu")',
        "text": 'text = "over" + "fitting"',
        "formula": f"def formula(x):\n    return {formula.right.replace('exp', 'torch.exp')}",
        "order": f"order = list({asked['order'].right!r})",
        "match": f"match = dict({list(asked['match'].right.items())})",
    }
    result = grade(grader, course, "ann", sources).result
    said = {name: one.state.value for name, one in by_name(result).items() if name in sources}
    assert said == dict.fromkeys(sources, "right")


def test_an_answer_is_read_even_where_its_cell_stops_before_it(grader: Grader, course: Course) -> None:
    right = right_answers(course, "ann")
    result = grade(grader, course, "ann", {"shape": f"1 / 0\n{right['shape']}"}).result
    assert by_name(result)["shape"].state is QuestionState.RIGHT


def test_a_computation_that_fails_says_how(grader: Grader, course: Course) -> None:
    sources = {
        "shape": "shape = tuple(undefined)",
        "integer": "integer = exit()",
        "formula": "formula = lambda x: 1 / 0",
    }
    found = by_name(grade(grader, course, "ann", sources).result)
    assert "NameError: name 'shape' is not defined" in found["shape"].message
    assert "ZeroDivisionError" in found["formula"].message
    assert {found[name].state for name in ("shape", "formula")} == {QuestionState.WRONG_FORM}


def test_an_answer_that_hangs_or_ends_its_process_costs_that_answer_only(grader: Grader, course: Course) -> None:
    right = right_answers(course, "ann")
    sources = {
        "formula": "def formula(x):\n    while True: pass",
        "integer": "import os\nclass Deadly:\n    def tolist(self): os._exit(3)\ninteger = Deadly()",
        "shape": right["shape"],
    }
    found = by_name(grade(grader, course, "ann", sources).result)
    assert "did not return within" in found["formula"].message
    assert "ended the Python process" in found["integer"].message
    assert found["shape"].state is QuestionState.RIGHT


def test_a_forged_value_gives_no_points(grader: Grader, course: Course) -> None:
    sources = {
        "integer": "class Any(int):\n    def __eq__(self, other): return True\n    __hash__ = None\ninteger = Any(1)"
    }
    assert by_name(grade(grader, course, "ann", sources).result)["integer"].score == 0


def test_of_two_answers_the_last_counts_and_the_page_says_so(grader: Grader, course: Course) -> None:
    right = right_answers(course, "ann")
    found = by_name(grade(grader, course, "ann", {"shape": f"shape = (1, 1)\n{right['shape']}"}).result)["shape"]
    assert (found.state, found.answered_twice) == (QuestionState.RIGHT, True)
    assert "answered more than once: the last answer counts, not (1, 1)" in found.message


def test_an_answer_in_a_new_cell_counts_where_its_own_is_empty(grader: Grader, course: Course) -> None:
    right = right_answers(course, "ann")
    notebook = notebook_of(course, {}, new_code_cell(right["shape"]))
    found = by_name(grader.grade(hand_in(course, "ann", notebook), "ann").result)["shape"]
    assert found.state is QuestionState.RIGHT


def test_an_answer_whose_cell_lost_its_id_is_found(grader: Grader, course: Course) -> None:
    notebook = notebook_of(course, right_answers(course, "ann"))
    for cell in notebook.cells:
        cell.metadata = nbformat.from_dict({})
    result = grader.grade(hand_in(course, "ann", notebook), "ann").result
    assert result.score == result.max_score
    assert [note for note in result.notes if note.endswith('was taken for "shape"')]


def test_who_names_another_student_is_scored_as_oneself_and_staff_are_told(grader: Grader, course: Course) -> None:
    graded = grade(grader, course, "ann", right_answers(course, "bob"), named="bob")
    found = by_name(graded.result)
    wrong = [name for name in NAMES if right_answers(course, "ann")[name] != right_answers(course, "bob")[name]]
    assert len(wrong) > 3
    for name in wrong:
        assert found[name].state in (QuestionState.WRONG, QuestionState.PARTLY)
        assert 'answered the variant of "bob", who is named in the notebook' in found[name].staff_note
        assert found[name].staff_note in graded.result.notes
        assert "is STUDENT, in the first code cell, your own user name?" in found[name].message


def test_a_copied_answer_is_reported_where_it_can_hardly_be_chance(grader: Grader, course: Course) -> None:
    theirs = other_variant(questions(course)["shape"], "ann")
    found = by_name(grade(grader, course, "ann", {"shape": f"shape = {theirs.typed(theirs.right)}"}).result)["shape"]
    assert "answered the variant of another student" in found.staff_note


def test_the_executed_notebook_shows_the_student_s_own_variant(grader: Grader, course: Course) -> None:
    graded = grade(grader, course, "ann", {}, named="bob")
    cells = {cell.metadata.get("nbgrader", {}).get("grade_id"): cell for cell in graded.notebook.cells}
    shown = cells["shape-question"].outputs[0]["data"]["text/markdown"]
    assert shown == variant_of(questions(course)["shape"], "ann").asked("shape")
    assert cells["test_shape"].outputs[-1]["text"] == "shape: 0 of 1 points\nnot answered\n"


def test_feedback_hides_right_answers_until_they_may_be_read(grader: Grader, course: Course) -> None:
    wrong = variant_of(questions(course)["shape"], "ann").wrongs[0]
    result = grade(grader, course, "ann", {**right_answers(course, "ann"), "shape": f"shape = {wrong.answer}"}).result
    page = render_feedback(course, result, datetime.now(UTC))
    assert wrong.hint in page
    assert "The axis that is summed over goes." not in page  # of the wrong answer
    assert "Rows become columns." in page  # of a right one
    assert "13 of 14 questions right" in page


def test_json_has_the_promised_keys(grader: Grader, course: Course) -> None:
    result = grade(grader, course, "ann", {"shape": "shape = (1, 2, 3)"}).result
    (parsed,) = json.loads(results_to_json([result]))
    shape = next(one for one in parsed["questions"] if one["name"] == "shape")
    assert list(shape) == ["name", "variant", "score", "max_score", "answer", "message"]
    assert (shape["answer"], shape["score"], shape["max_score"]) == ("(1, 2, 3)", 0.0, 1.0)


def test_a_submission_that_cannot_be_read_still_has_the_points_of_the_quiz(grader: Grader, tmp_path: Path) -> None:
    (tmp_path / "ann.ipynb").write_text("no notebook")
    result = grader.grade(tmp_path / "ann.ipynb").result
    assert (result.status, result.score, result.max_score) == ("failed", 0.0, 15.0)
    assert [question.name for question in result.questions] == list(NAMES)
