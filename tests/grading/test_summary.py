"""What formgrader shows of a result: enough to learn from, and nothing that a course may want to keep back."""

from __future__ import annotations

from autograder.grading.summary import summarise, verdict
from autograder.model import CheckResult, ExerciseResult, Kind, Outcome, SubmissionResult


def check(outcome: Outcome, **values: object) -> CheckResult:
    given = {"name": "test_value", "title": "it is twice the input", "kind": Kind.CHECK, "max_points": 1.0} | values
    return CheckResult(outcome=outcome, **given)  # type: ignore[arg-type]


def exercise(*checks: CheckResult, **values: object) -> ExerciseResult:
    given = {"name": "double", "title": "Double", "score": 1.0, "max_score": 3.0} | values
    return ExerciseResult(checks=checks, **given)  # type: ignore[arg-type]


GRADED = SubmissionResult(file="a", assignment="tiny", student="ann", status="graded")

FAILED = check(
    Outcome.FAILED,
    message="the shape is wrong",
    hint="You squared it.",
    expected="EXPECTED",
    got="GOT",
    inputs="INPUTS",
    staff_note="STAFF",
    seed="5eed",
)


def test_a_failed_check_shows_message_and_hint_but_no_values() -> None:
    text = verdict(exercise(FAILED))
    assert text.splitlines() == [
        "double: 1 of 3 points",
        "FAIL  it is twice the input  (0/1)",
        "      the shape is wrong",
        "      You squared it.",
    ]


def test_every_kind_of_end_has_its_line() -> None:
    text = verdict(
        exercise(
            check(Outcome.PASSED, points=1 / 3, max_points=1 / 3),
            check(Outcome.SKIPPED, message="needs: it is twice the input"),
            check(Outcome.BROKEN, message="a check broke", staff_note="Traceback"),
            check(Outcome.FAILED, kind=Kind.RULE, title="without a loop", max_points=0.0),
            note="a rule is broken: no points",
        )
    )
    assert text.splitlines() == [
        "double: 1 of 3 points",
        "a rule is broken: no points",
        "PASS  it is twice the input  (0.33/0.33)",
        "skip  it is twice the input  (0/1)",
        "      needs: it is twice the input",
        "----  it is twice the input  (0/1)",
        "      this check broke, which is not your fault; it costs no points",
        "FAIL  rule: without a loop",
    ]


def test_the_comment_counts_checks_and_says_each_hint_once() -> None:
    rule = check(Outcome.PASSED, kind=Kind.RULE)
    assert summarise(exercise(FAILED, FAILED, check(Outcome.PASSED), rule), GRADED).splitlines() == [
        "1 of 3 points; 1 of 3 checks passed",
        "not passed: it is twice the input",
        "not passed: it is twice the input",
        "likely: You squared it.",
    ]


def test_the_comment_of_a_failed_submission_is_its_reason() -> None:
    failed = SubmissionResult(file="a", assignment="tiny", student="ann", status="failed", reason="it is empty")
    assert summarise(exercise(), failed) == "not graded: it is empty"
