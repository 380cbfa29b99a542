"""What a feedback page says, before it is HTML: every string is printable, and hidden where the course hides it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from autograder.model import (
    CellResult,
    CellStatus,
    CheckResult,
    DeviceKind,
    ExerciseResult,
    Kind,
    Outcome,
    QuestionResult,
    QuestionState,
    SubmissionResult,
)
from autograder.report.text import one_line, plural, points, printable

NOT_CHECKED = "We could not check this. It costs you no points, and staff will look at it."
WAITS = "It waits for an earlier check of this exercise. It is checked as soon as that one passes."
STAFF_LOOKS = "Staff will look at this submission. If you think it was read wrongly, write to them."
WORDS = {
    Outcome.PASSED: "passed",
    Outcome.FAILED: "failed",
    Outcome.SKIPPED: "skipped",
    Outcome.BROKEN: "not checked",
    Outcome.NOT_CHECKED: "not checked",
}

QUESTION_WORDS = {
    QuestionState.RIGHT: "passed",
    QuestionState.PARTLY: "skipped",
    QuestionState.WRONG: "failed",
    QuestionState.WRONG_FORM: "failed",
    QuestionState.UNANSWERED: "failed",
    QuestionState.BY_HAND: "skipped",
    QuestionState.GRADED: "passed",
}

SIMULATED = (
    "What your code does on a GPU was checked on a simulated one, since the machine that graded it has none: "
    "the errors, and the copies between CPU and GPU, are those of a real one; speed was not checked."
)
REAL = "What your code does on a GPU was checked on a real one; speed was not checked."
ON_DEVICE: dict[str, str] = {DeviceKind.SIMULATED: SIMULATED, DeviceKind.CUDA: REAL}


@dataclass(frozen=True)
class Line:
    """One check as the page shows it. `details` are (term, text) pairs, in the order of reading."""

    word: str
    title: str
    is_rule: bool
    points: str
    message: str
    details: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Section:
    """One exercise as the page shows it."""

    anchor: str
    name: str
    title: str
    score: str
    max_score: str
    state: str
    is_complete: bool
    explanation: str
    likely: tuple[str, ...]  # the hints, each once
    lines: tuple[Line, ...]
    code: str


@dataclass(frozen=True)
class Answered:
    """One question as the page shows it. `prompt`, `explanation` and `right_answer` are Markdown and code, as text."""

    anchor: str
    name: str
    title: str
    points: str
    state: str
    word: str  # how it is coloured: passed, failed, skipped
    prompt: str
    answer: str
    message: str
    hint: str
    right_answer: str  # empty while it is hidden
    explanation: str


@dataclass(frozen=True)
class Page:
    """The whole page."""

    language: str
    title: str
    student: str
    score: str
    max_score: str
    share: int  # of the points, in percent, rounded down
    done: str
    is_complete: bool
    next_step: str
    next_name: str
    next_anchor: str
    problems: tuple[str, ...]
    sections: tuple[Section, ...]
    questions: tuple[Answered, ...]
    cells: tuple[str, ...]
    hidden_until: str
    answers_hidden_until: str
    placement: str  # on what device the checks that ask for a GPU ran; empty when none did


def make_page(result: SubmissionResult, title: str, language: str, revealed: bool, hidden_until: str = "") -> Page:
    """Turn a result into what its student may read. `hidden_until` is a date in words, empty when there is none."""
    sections = tuple(_section(number, exercise, revealed) for number, exercise in enumerate(result.exercises, 1))
    gain = _next_exercise(result.exercises) if result.status == "graded" else None
    return Page(
        language=language,
        title=one_line(title),
        student=one_line(result.student),
        score=points(result.score),
        max_score=points(result.max_score),
        share=int(100 * result.score / result.max_score) if result.max_score > 0 else 0,
        done=_done(result),
        is_complete=gain is None and _is_all_right(result),
        next_step=_next_step(result.exercises[gain]) if gain is not None else "",
        next_name=sections[gain].name if gain is not None else "",
        next_anchor=sections[gain].anchor if gain is not None else "",
        problems=_problems(result),
        sections=sections,
        questions=tuple(_answered(number, question, revealed) for number, question in enumerate(result.questions, 1)),
        cells=tuple(_cell(cell) for cell in result.cells if cell.status is not CellStatus.OK),
        hidden_until=hidden_until if any(_hides(check) for e in result.exercises for check in e.checks) else "",
        answers_hidden_until=hidden_until if any(q.state is not QuestionState.RIGHT for q in result.questions) else "",
        placement=ON_DEVICE.get(result.device, ""),
    )


def broken_rules(exercise: ExerciseResult) -> tuple[CheckResult, ...]:
    """Return the rules that the student's function breaks."""
    return tuple(c for c in exercise.checks if c.kind is Kind.RULE and c.outcome is Outcome.FAILED)


def _section(number: int, exercise: ExerciseResult, revealed: bool) -> Section:
    hints = tuple(dict.fromkeys(check.hint for check in exercise.checks if check.hint and not _is_ours(check)))
    return Section(
        anchor=f"exercise-{number}",
        name=one_line(exercise.name),
        title=_heading(exercise),
        score=points(exercise.score),
        max_score=points(exercise.max_score),
        state=_state(exercise),
        is_complete=_is_complete(exercise),
        explanation=_explanation(exercise),
        likely=tuple(map(printable, hints)),
        lines=tuple(_line(check, revealed, hints) for check in exercise.checks),
        code=printable(exercise.code).strip("\n"),
    )


def _answered(number: int, question: QuestionResult, revealed: bool) -> Answered:
    """One question. What is right is shown when the course shows it, or once the student knows it."""
    is_right = question.state is QuestionState.RIGHT
    is_shown = revealed or is_right
    return Answered(
        anchor=f"question-{number}",
        name=one_line(question.name),
        title=one_line(question.title or question.name),
        points=f"{points(question.score)} of {points(question.max_score)}",
        state=question.state.value,
        word=QUESTION_WORDS[question.state],
        prompt=printable(question.prompt),
        answer=printable(question.answer),
        message=printable(question.message) if question.message != question.state.value else "",
        hint=printable(question.hint),
        right_answer=printable(question.right_answer) if is_shown and not is_right else "",
        explanation=printable(question.explanation) if is_shown else "",
    )


def _is_all_right(result: SubmissionResult) -> bool:
    """Is there something in it, graded, with no points left to gain?"""
    is_answered = all(question.state is QuestionState.RIGHT for question in result.questions)
    return result.status == "graded" and bool(result.exercises or result.questions) and is_answered


def _line(check: CheckResult, revealed: bool, hints: tuple[str, ...]) -> Line:
    """One check. The only hint of an exercise stands above its checks; of several, each check has its own."""
    message = NOT_CHECKED if _is_ours(check) else printable(check.message)
    if check.outcome is Outcome.SKIPPED and not message:
        message = WAITS
    details = [("likely", check.hint if len(hints) > 1 else ""), ("look at", check.look_at)]
    if revealed:
        details += [("expected", check.expected), ("got", check.got), ("inputs", check.inputs)]
    has_points = check.kind is Kind.CHECK and not _is_ours(check)
    return Line(
        word=WORDS[check.outcome],
        title=one_line(check.title),
        is_rule=check.kind is Kind.RULE,
        points=f"{points(check.points)} of {points(check.max_points)}" if has_points else "",
        message=message,
        details=() if _is_ours(check) else tuple((term, printable(text)) for term, text in details if text),
    )


def _is_ours(check: CheckResult) -> bool:
    return check.outcome in (Outcome.BROKEN, Outcome.NOT_CHECKED)


def _heading(exercise: ExerciseResult) -> str:
    """The exercise's title, with its name in it."""
    name, title = one_line(exercise.name), one_line(exercise.title)
    return title if name in title else f"{name}: {title}" if title else name


def _hides(check: CheckResult) -> bool:
    return check.outcome is Outcome.FAILED and bool(check.expected or check.got or check.inputs)


def _is_complete(exercise: ExerciseResult) -> bool:
    return not any(c.outcome in (Outcome.FAILED, Outcome.SKIPPED) for c in exercise.checks) and not (
        exercise.score < exercise.max_score and not exercise.has_broken_checks
    )


def _state(exercise: ExerciseResult) -> str:
    if _is_complete(exercise):
        return "complete"
    if broken_rules(exercise):
        return "a rule is broken"
    passed = sum(c.outcome is Outcome.PASSED for c in exercise.checks)
    return f"{passed} of {plural(len(exercise.checks), 'check')} passed" if exercise.checks else "not checked"


def _explanation(exercise: ExerciseResult) -> str:
    """Say why the exercise scores as it does, where the checks alone do not."""
    reasons = [f"“{one_line(c.title)}”. {printable(c.message)}".strip() for c in broken_rules(exercise)]
    if reasons:
        return f"0 points because a rule of this exercise is broken: {' '.join(reasons)}"
    return printable(exercise.note)


def _done(result: SubmissionResult) -> str:
    if not result.exercises and not result.questions:
        return "Nothing could be checked."
    right = sum(question.state is QuestionState.RIGHT for question in result.questions)
    answers = f"{right} of {plural(len(result.questions), 'question')} right" if result.questions else ""
    if not result.exercises:
        return f"{answers}."
    complete = sum(_is_complete(exercise) for exercise in result.exercises)
    checks = [check for exercise in result.exercises for check in exercise.checks]
    passed = sum(check.outcome is Outcome.PASSED for check in checks)
    exercises = f"{complete} of {plural(len(result.exercises), 'exercise')} complete"
    return f"{exercises}; {passed} of {plural(len(checks), 'check')} passed" + (f"; {answers}." if answers else ".")


def _next_exercise(exercises: tuple[ExerciseResult, ...]) -> int | None:
    """Return the position of the exercise that gains most; of equals, the first."""
    open_ones = [n for n, exercise in enumerate(exercises) if not _is_complete(exercise)]
    return max(open_ones, key=lambda n: exercises[n].max_score - exercises[n].score, default=None)


def _next_step(exercise: ExerciseResult) -> str:
    gain = f"{points(exercise.max_score - exercise.score)} more to gain"
    if rules := broken_rules(exercise):
        return f"{gain}. Begin with its rule: “{one_line(rules[0].title)}”."
    first = next((c for c in exercise.checks if c.outcome is Outcome.FAILED), None)
    if first is None:
        return f"{gain}."
    advice = one_line(first.hint or first.look_at, 300)
    return f"{gain}. Begin with the check “{one_line(first.title)}”." + (f" {advice}" if advice else "")


def _problems(result: SubmissionResult) -> tuple[str, ...]:
    problems = []
    if result.status != "graded":
        problems.append(f"This submission could not be graded: {one_line(result.reason, 500) or 'no reason is known'}")
    elif result.reason:
        problems.append(one_line(result.reason, 500))
    problems += [_cell(c) for c in result.cells if c.status in (CellStatus.TIMEOUT, CellStatus.DIED)]
    if result.status != "graded" or any(exercise.has_broken_checks for exercise in result.exercises):
        problems.append(
            STAFF_LOOKS if result.status != "graded" else "Staff will look at the checks that we could not run."
        )
    return tuple(problems)


def _cell(cell: CellResult) -> str:
    """Say how a code cell ended, in one line; cells are counted from 1, as a reader counts them."""
    place = f"Cell {cell.index + 1}"
    if cell.status is CellStatus.ERROR:
        return f"{place} stopped with {one_line(cell.note, 240) or 'an error'}"
    if cell.status is CellStatus.TIMEOUT:
        return f"{place} was stopped after {cell.seconds:.0f} s: it took longer than the time limit."
    if cell.status is CellStatus.DIED:
        return f"{place} ended the process that ran the notebook, as exit() and running out of memory do."
    return f"{place} was not run" + (f": {one_line(cell.note, 240)}" if cell.note else ".")


def in_words(moment: datetime) -> str:
    """Return `1 December 2026, 23:59 (UTC+01:00)`."""
    zone = moment.tzname() or ""
    return f"{moment.day} {moment:%B %Y, %H:%M}{f' ({zone})' if zone else ''}"
