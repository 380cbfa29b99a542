"""What went wrong, in two or three words."""

from __future__ import annotations

import pytest
from made_results import check, exercise, result

from autograder.model import CellResult, CellStatus, Kind, Outcome, QuestionResult, QuestionState
from autograder.report.words import humanised, trouble


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        ("x.ipynb is a PDF file, not a notebook; hand in the .ipynb file that Jupyter saves", "not a notebook"),
        ("x.ipynb is JSON but not a notebook (it has no list of cells); hand in the .ipynb file", "not a notebook"),
        ("x.ipynb is a symbolic link out of its folder; hand in the file itself", "is a link"),
        ("x.ipynb has 60.0 MiB, more than the 20.0 MiB of limits.notebook_size; clear all outputs", "too large"),
        ("x.ipynb has no code cells; hand in the notebook that you worked in", "no code cells"),
        ("no notebook was handed in (found nothing); hand in x.ipynb", "no notebook"),
        ("3 notebooks were handed in and it is not clear which counts; keep x.ipynb alone", "several notebooks"),
        ("x.ipynb is empty", "empty file"),
        ("the grader could not finish with this submission; staff should look", "our fault"),
        ("some reason that nobody thought of yet", "some reason that nobody thoug…"),
        ("", "not graded"),
    ],
)
def test_a_failed_submission_says_why(reason: str, words: str) -> None:
    assert trouble(result(status="failed", reason=reason)) == words


def test_nothing_went_wrong() -> None:
    assert trouble(result(exercise(check()))) == ""


def test_a_known_mistake_is_named_in_words() -> None:
    failed = check(Outcome.FAILED, mistake="sums_over_the_batch")
    assert trouble(result(exercise(failed, check()))) == "sums over the batch"
    assert humanised("forgets_\x1b[31m1/N") == "forgets 1/N"


def test_the_commonest_mistake_of_an_exercise_is_named() -> None:
    checks = [check(Outcome.FAILED, mistake=name) for name in ("rare", "common", "common")]
    assert trouble(result(exercise(*checks))) == "common"


def test_further_troubles_are_counted() -> None:
    wrong = [exercise(check(Outcome.FAILED, mistake=name), name=name) for name in ("a", "b", "c")]
    assert trouble(result(*wrong)) == "a +2"


@pytest.mark.parametrize(
    ("cell", "words"),
    [
        (CellResult(index=1, status=CellStatus.TIMEOUT), "time limit"),
        (CellResult(index=1, status=CellStatus.DIED), "process ended"),
        (CellResult(index=1, status=CellStatus.ERROR, note="SyntaxError: expected ':'"), "syntax error"),
        (CellResult(index=1, status=CellStatus.ERROR, note="NameError: name 'x' is not defined"), ""),
    ],
)
def test_cells_say_what_went_wrong(cell: CellResult, words: str) -> None:
    assert trouble(result(exercise(check()), cells=(cell,))) == words


def test_the_cause_comes_before_its_consequences() -> None:
    cells = (CellResult(index=1, status=CellStatus.ERROR, note="SyntaxError: expected ':'"),)
    failed = check(Outcome.FAILED, message="`softmax` is not defined")
    assert trouble(result(exercise(failed), cells=cells)) == "syntax error +1"


def test_stubs_are_unfinished_work() -> None:
    failed = check(Outcome.FAILED, message="`softmax` is not written yet")
    assert trouble(result(exercise(failed), exercise(failed, name="accuracy"))) == "unfinished"


def test_failed_checks_without_a_known_mistake_are_counted() -> None:
    failed = check(Outcome.FAILED)
    assert trouble(result(exercise(failed, failed, check()))) == "2 checks failed"


def test_a_broken_rule_is_named() -> None:
    assert trouble(result(exercise(check(Outcome.FAILED, kind=Kind.RULE)))) == "rule broken"


def test_a_deleted_cell_is_named() -> None:
    assert trouble(result(exercise(check()), notes=('"test_x" was deleted; it was put back',))) == "deleted cell"


def test_answers_are_counted_by_what_became_of_them() -> None:
    states = (QuestionState.RIGHT, QuestionState.WRONG, QuestionState.WRONG, QuestionState.UNANSWERED)
    questions = tuple(
        QuestionResult(name=f"q{n}", variant=0, score=0.0, max_score=1.0, state=state) for n, state in enumerate(states)
    )
    assert trouble(result(questions=questions)) == "2 answers not right +1"
    assert trouble(result(questions=questions[:1])) == ""
    another = result(notes=('question "q1": answered the variant of another student (variant 1, not 0)',))
    assert trouble(another) == "another's variant"
