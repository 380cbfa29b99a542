"""The texts of a student's page that are put together; and what went wrong, in two or three words for one table cell.

Everything a page says stands here or in `templates/feedback.html.j2`, or comes from the course itself.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime

from autograder.model import (
    CellResult,
    CellStatus,
    CheckResult,
    DeviceKind,
    ExerciseResult,
    Outcome,
    QuestionResult,
    QuestionState,
    Remarks,
    SubmissionResult,
)
from autograder.report.language import Language
from autograder.report.text import one_line, plural, points, printable, size

NOT_CHECKED = "We could not check this. It costs you no points, and staff will look at it."
WAITS = "It waits for an earlier check of this exercise. It is checked as soon as that one passes."
STAFF_LOOKS = "Staff will look at this submission. If you think it was read wrongly, write to them."
STAFF_CHECKS = "Staff will look at the checks that we could not run."
OUTCOMES = {
    Outcome.PASSED: "passed",
    Outcome.FAILED: "failed",
    Outcome.SKIPPED: "skipped",
    Outcome.BROKEN: "not checked",
    Outcome.NOT_CHECKED: "not checked",
}
QUESTION_STATES = {  # as which outcome a question is coloured
    QuestionState.RIGHT: "passed",
    QuestionState.PARTLY: "skipped",
    QuestionState.WRONG: "failed",
    QuestionState.WRONG_FORM: "failed",
    QuestionState.UNANSWERED: "failed",
    QuestionState.BY_HAND: "skipped",
    QuestionState.GRADED: "passed",
}
SETTLED = (QuestionState.RIGHT, QuestionState.GRADED, QuestionState.BY_HAND)  # nothing to do for the student
SIMULATED = (
    "What your code does on a GPU was checked on a simulated one, since the machine that graded it has none: "
    "the errors, and the copies between CPU and GPU, are those of a real one; speed was not checked."
)
REAL = "What your code does on a GPU was checked on a real one; speed was not checked."
ON_DEVICE: dict[str, str] = {DeviceKind.SIMULATED: SIMULATED, DeviceKind.CUDA: REAL}
EXPECTED, GOT = "expected", "got"
COMPLETE, RULE_IS_BROKEN, NOTHING_CHECKED = "complete", "a rule is broken", "not checked"

# pictures
RIGHT_ENTRY, OFF_ENTRY, NO_NUMBER = "right", "wrong", "no number"
EVERY_ENTRY_IS_OFF = "Every entry is off."
ALL_BUT_THE_DIAGONAL = "All but the diagonal is off: is something transposed?"
THE_DIAGONAL_IS_OFF = "The diagonal is off, and nothing else."
LANES = {"down": "GPU to CPU", "up": "CPU to GPU", "read": "the CPU waits for a number"}
PHASES = {"forward": "forward", "backward": "backward"}
COURSE_CELL = "A cell of the course, folded there too."


def in_words(moment: datetime) -> str:
    """Return `1 December 2026, 23:59 (UTC+01:00)`."""
    return Language().date(moment)


def of_points(score: float, max_score: float) -> str:
    """Return `3.5 of 4`."""
    return f"{points(score)} of {points(max_score)}"


def times(count: int) -> str:
    """Return `once`, `3 times`."""
    return "once" if count == 1 else f"{count} times"


def state(exercise: ExerciseResult) -> str:
    """Where an exercise stands, in a few words."""
    if is_complete(exercise):
        return COMPLETE
    if exercise.broken_rules:
        return RULE_IS_BROKEN
    passed = sum(c.outcome is Outcome.PASSED for c in exercise.checks)
    return f"{passed} of {plural(len(exercise.checks), 'check')} passed" if exercise.checks else NOTHING_CHECKED


def is_complete(exercise: ExerciseResult) -> bool:
    """Is there nothing left to gain, or nothing that the student could do about it?"""
    return not any(c.outcome in (Outcome.FAILED, Outcome.SKIPPED) for c in exercise.checks) and not (
        exercise.score < exercise.max_score and not exercise.has_broken_checks
    )


def explanation(exercise: ExerciseResult) -> str:
    """Say why the exercise scores as it does, where the checks alone do not."""
    if not exercise.broken_rules:
        return printable(exercise.note)
    title, message = one_line(exercise.broken_rules[0].title), printable(exercise.broken_rules[0].message)
    return f"0 points because a rule of this exercise is broken: “{title}”. {message}".strip()


def done(result: SubmissionResult) -> str:
    """Say what is done."""
    if not result.exercises and not result.questions:
        return "Nothing could be checked."
    right = sum(question.state is QuestionState.RIGHT for question in result.questions)
    answers = f"{right} of {plural(len(result.questions), 'question')} right" if result.questions else ""
    if not result.exercises:
        return f"{answers}."
    complete = sum(is_complete(exercise) for exercise in result.exercises)
    checks = [check for exercise in result.exercises for check in exercise.checks]
    passed = sum(check.outcome is Outcome.PASSED for check in checks)
    exercises = f"{complete} of {plural(len(result.exercises), 'exercise')} complete"
    return f"{exercises}; {passed} of {plural(len(checks), 'check')} passed" + (f"; {answers}." if answers else ".")


def next_step(exercise: ExerciseResult) -> str:
    """Say what to do in the exercise that gains most."""
    gain = f"{points(exercise.max_score - exercise.score)} more to gain"
    if rules := exercise.broken_rules:
        return f"{gain}. Begin with its rule: “{one_line(rules[0].title)}”."
    first = next((c for c in exercise.checks if c.outcome is Outcome.FAILED), None)
    if first is None:
        return f"{gain}."
    advice = one_line(first.hint or first.look_at, 300)
    return f"{gain}. Begin with the check “{one_line(first.title)}”." + (f" {advice}" if advice else "")


def next_answers(questions: Sequence[QuestionResult]) -> str:
    """Say what there is to gain in the questions."""
    open_ones = [question for question in questions if question.state not in SETTLED]
    gain = points(sum(question.max_score - question.score for question in open_ones))
    unanswered = sum(question.state is QuestionState.UNANSWERED for question in open_ones)
    if unanswered:
        return f"{plural(len(open_ones), 'question')} to go, {unanswered} without an answer; {gain} more to gain."
    return f"{plural(len(open_ones), 'question')} to go; {gain} more to gain."


def problems(result: SubmissionResult) -> tuple[str, ...]:
    """Say what kept us from grading all of it."""
    found = []
    if result.status != "graded":
        found.append(f"This submission could not be graded: {one_line(result.reason, 500) or 'no reason is known'}")
    elif result.reason:
        found.append(one_line(result.reason, 500))
    found += [ended(c) for c in result.cells if c.status in (CellStatus.TIMEOUT, CellStatus.DIED)]
    if result.status != "graded":
        found.append(STAFF_LOOKS)
    elif any(exercise.has_broken_checks for exercise in result.exercises):
        found.append(STAFF_CHECKS)
    return tuple(found)


def ended(cell: CellResult) -> str:
    """Say how a code cell ended, in one line; cells are counted from 1, as a reader counts them."""
    place = f"Cell {cell.index + 1}"
    if cell.status is CellStatus.ERROR:
        return f"{place} stopped with {one_line(cell.note, 240) or 'an error'}"
    if cell.status is CellStatus.TIMEOUT:
        return f"{place} was stopped after {cell.seconds:.0f} s: it took longer than the time limit."
    if cell.status is CellStatus.DIED:
        return f"{place} ended the process that ran the notebook, as exit() and running out of memory do."
    return f"{place} was not run" + (f": {one_line(cell.note, 240)}" if cell.note else ".")


def late(remarks: Remarks) -> str:
    """Say what a late submission costs; empty when it was in time or costs nothing."""
    if not remarks.late_penalty:
        return ""
    before = f"{of_points(remarks.score, remarks.max_score)} points before that"
    lost = points(remarks.late_penalty)
    return f"{lost} points are taken off because it was handed in {_after_due(remarks)}; {before}."


def _after_due(remarks: Remarks) -> str:
    if not remarks.seconds_late:
        return "late"
    hours = max(1, round(remarks.seconds_late / 3600))
    days, rest = divmod(hours, 24)
    if days and rest:
        return f"{plural(days, 'day')} and {plural(rest, 'hour')} after the due date"
    return f"{plural(days, 'day') if days else plural(rest, 'hour')} after the due date"


def by_hand(score: float | None, max_score: float) -> str:
    """Points that a person gives."""
    if score is None:
        return f"to be graded by a person, out of {points(max_score)}"
    return f"{of_points(score, max_score)}, given by a person"


def failing_check(check: CheckResult, line: int) -> str:
    """What a marker beside a line of code says."""
    return f"line {line}: {one_line(check.title, 80)}"


def rows_are_off(rows: Sequence[int]) -> str:
    """A pattern of errors: whole rows."""
    if len(rows) == 1:
        return f"Row {rows[0]} is off as a whole, and nothing else: look at what is done along dim 0."
    return f"Rows {_listed(rows)} are off as a whole, and nothing else: look at what is done along dim 0."


def columns_are_off(columns: Sequence[int]) -> str:
    """A pattern of errors: whole columns."""
    if len(columns) == 1:
        return f"Column {columns[0]} is off as a whole, and nothing else: look at what is done along dim 1."
    return f"Columns {_listed(columns)} are off as a whole, and nothing else: look at what is done along dim 1."


def entries_are_off(places: Sequence[int]) -> str:
    """A pattern of errors in a vector."""
    return f"Entry {places[0]} is off." if len(places) == 1 else f"Entries {_listed(places)} are off."


def some_are_off(count: int, total: int) -> str:
    """No pattern."""
    return f"{count} of {total} entries are off."


def _listed(numbers: Sequence[int]) -> str:
    return ", ".join(map(str, numbers[:12])) + (", …" if len(numbers) > 12 else "")


def slice_title(number: int) -> str:
    """One matrix of a tensor of three axes."""
    return f"[{number}, :, :]"


def trips_in_all(count: int, lines: int) -> str:
    """What a line of transfers shows."""
    return f"{plural(count, 'time')} something crossed between CPU and GPU, in {plural(lines, 'line')} of your code."


def curve_in_words(got_first: str, got_last: str, first: str, last: str) -> str:
    """What a loss curve shows."""
    return f"yours goes from {got_first} to {got_last}, the right one from {first} to {last}"


def lines_left_out(count: int) -> str:
    """Stands in a long output."""
    return f"[{plural(count, 'line')} left out]"


def picture_left_out(count: int) -> str:
    """Stands in place of a picture or table that is too large."""
    return f"[{size(count)} of output are too large for this page; your own notebook shows them]"


def cells_left_out(count: int) -> str:
    """Stands at the end of a notebook that is too long."""
    return f"{plural(count, 'more cell')} left out: this page would grow too large. Your own notebook has them all."


# of a submission that could not be read: a word of its reason, and what the table says
_REASONS = (
    ("not a notebook", "not a notebook"),
    ("notebook format", "old format"),
    ("no notebook", "no notebook"),
    ("notebooks were handed in", "several notebooks"),
    ("no code cells", "no code cells"),
    ("is empty", "empty file"),
    ("link", "is a link"),
    ("more than", "too large"),
    ("staff should look", "our fault"),
)
_NOTES = (  # of the notes for staff
    ("was deleted", "deleted cell"),
    ("was edited", "edited cell"),
    ("answered the variant", "another's variant"),
)
_ANSWERS = (  # to questions, the worst first
    (QuestionState.WRONG_FORM, "{} of wrong form"),
    (QuestionState.WRONG, "{} not right"),
    (QuestionState.PARTLY, "{} partly right"),
    (QuestionState.UNANSWERED, "{} missing"),
)


def humanised(name: str) -> str:
    """Return the name of a mistake as words: `sums_over_the_batch` reads "sums over the batch"."""
    return one_line(name.replace("_", " "), 60)


def trouble(result: SubmissionResult) -> str:
    """Say what went wrong, the cause before its consequences; empty when nothing did."""
    if result.status != "graded":
        reason = result.reason.lower()
        return next((words for word, words in _REASONS if word in reason), one_line(result.reason, 30) or "not graded")
    found = [*_from_cells(result), *_from_exercises(result), *_from_questions(result)]
    if not found:
        return ""
    return found[0] if len(found) == 1 else f"{found[0]} +{len(found) - 1}"


def is_unfinished(exercise: ExerciseResult) -> bool:
    """True when a check failed because the student's function is still the stub, or is missing."""
    failed = [check for check in exercise.checks if check.outcome is Outcome.FAILED]
    return any(check.message.endswith(("is not written yet", "is not defined")) for check in failed)


def _from_cells(result: SubmissionResult) -> list[str]:
    words = []
    for cell in result.cells:
        if cell.status is CellStatus.TIMEOUT:
            words.append("time limit")
        elif cell.status is CellStatus.DIED:
            words.append("process ended")
        elif cell.note.startswith(("SyntaxError", "IndentationError", "TabError")):
            words.append("syntax error")
    words += [words_of for sign, words_of in _NOTES if any(sign in note for note in result.notes)]
    return list(dict.fromkeys(words))


def _from_exercises(result: SubmissionResult) -> list[str]:
    mistakes, unfinished, others = [], False, 0
    for exercise in result.exercises:
        failed = [c for c in exercise.checks if c.outcome is Outcome.FAILED]
        known = [c.mistake for c in failed if c.mistake]
        if known:
            mistakes.append(humanised(max(set(known), key=known.count)))
        elif failed and is_unfinished(exercise):
            unfinished = True
        elif exercise.broken_rules:
            mistakes.append("rule broken")
        else:
            others += len(failed)
    words = mistakes + (["unfinished"] if unfinished else [])
    return words + ([f"{plural(others, 'check')} failed"] if others else [])


def _from_questions(result: SubmissionResult) -> list[str]:
    counts = Counter(question.state for question in result.questions)
    return [words.format(plural(counts[state], "answer")) for state, words in _ANSWERS if counts[state]]
