"""What went wrong with a submission, in two or three words for one cell of a table."""

from __future__ import annotations

from collections import Counter

from autograder.model import CellStatus, ExerciseResult, Outcome, QuestionState, SubmissionResult
from autograder.report.page import broken_rules
from autograder.report.text import one_line, plural

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
        elif broken_rules(exercise):
            mistakes.append("rule broken")
        else:
            others += len(failed)
    words = mistakes + (["unfinished"] if unfinished else [])
    return words + ([f"{plural(others, 'check')} failed"] if others else [])


def _from_questions(result: SubmissionResult) -> list[str]:
    counts = Counter(question.state for question in result.questions)
    return [words.format(plural(counts[state], "answer")) for state, words in _ANSWERS if counts[state]]
