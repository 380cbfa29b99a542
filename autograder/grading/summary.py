"""What an exercise came to, in plain words that a student may read at any time: no inputs, no expected values."""

from __future__ import annotations

from autograder.model import CheckResult, ExerciseResult, Kind, Outcome, QuestionResult, SubmissionResult

MARKS = {
    Outcome.PASSED: "PASS",
    Outcome.FAILED: "FAIL",
    Outcome.BROKEN: "----",
    Outcome.SKIPPED: "skip",
    Outcome.NOT_CHECKED: "----",
}

WORDS = {
    Outcome.BROKEN: "this check broke, which is not your fault; it costs no points",
    Outcome.NOT_CHECKED: "this machine cannot check it; it costs no points",
}


def number(value: float) -> str:
    """3 for 3.0, 3.33 for 3.3333."""
    return f"{value:.2f}".rstrip("0").rstrip(".")


def verdict(exercise: ExerciseResult) -> str:
    """Every check with its title, outcome, message and hint, for the output of the exercise's grade cell."""
    lines = [f"{exercise.name}: {number(exercise.score)} of {number(exercise.max_score)} points"]
    lines += [exercise.note] if exercise.note else []
    for check in exercise.checks:
        lines += _verdict_of(check)
    return "\n".join(lines) + "\n"


def question_verdict(question: QuestionResult) -> str:
    """What became of an answer, for the output of the question's grade cell."""
    lines = [f"{question.name}: {number(question.score)} of {number(question.max_score)} points", question.message]
    return "\n".join([*lines, question.hint] if question.hint else lines) + "\n"


def _verdict_of(check: CheckResult) -> list[str]:
    worth = f"  ({number(check.points)}/{number(check.max_points)})" if check.max_points else ""
    rule = "rule: " if check.kind is Kind.RULE else ""
    lines = [f"{MARKS[check.outcome]}  {rule}{check.title}{worth}"]
    said = [WORDS.get(check.outcome, check.message), check.hint if check.outcome is Outcome.FAILED else ""]
    return lines + [f"      {line}" for text in said if text for line in text.splitlines()]


def summarise(exercise: ExerciseResult | QuestionResult, result: SubmissionResult) -> str:
    """A few lines for the comment on the solution cell of an exercise or a question."""
    if result.status == "failed":
        return f"not graded: {result.reason}"
    if isinstance(exercise, QuestionResult):
        return question_verdict(exercise).partition(": ")[2].strip()
    counted = [check for check in exercise.checks if check.kind is Kind.CHECK]
    passed = sum(check.outcome is Outcome.PASSED for check in counted)
    lines = [
        f"{number(exercise.score)} of {number(exercise.max_score)} points; {passed} of {len(counted)} checks passed"
    ]
    lines += [exercise.note] if exercise.note else []
    failed = [check for check in exercise.checks if check.outcome is Outcome.FAILED]
    lines += [f"not passed: {check.title}" for check in failed]
    lines += [f"likely: {hint}" for hint in dict.fromkeys(check.hint for check in failed if check.hint)]
    if exercise.has_broken_checks:
        lines.append("a check broke, which is not your fault; staff will look")
    return "\n".join(lines)
