"""What a student's page shows, before it is HTML: every string is printable, and hidden where the course hides it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from markupsafe import Markup

from autograder.model import (
    CellStatus,
    CheckResult,
    Example,
    ExerciseResult,
    Kind,
    Numbers,
    Outcome,
    QuestionResult,
    QuestionState,
    Remarks,
    Spot,
    SubmissionResult,
)
from autograder.report import words
from autograder.report.curve import LossCurve, loss_curve
from autograder.report.language import Language
from autograder.report.markup import code_lines, inline, markdown, with_code
from autograder.report.notebook import Say, ShownNotebook, show_notebook
from autograder.report.pictures import ErrorMap, Timeline, error_map, timeline
from autograder.report.text import one_line, points, printable
from autograder.report.translated import translated


@dataclass(frozen=True)
class CodeLine:
    """One line of the student's code. `notes` are what checks have to say about it."""

    number: int
    anchor: str
    text: Markup
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Grid:
    """A small value as rows of (text, is off), or as a sentence."""

    rows: tuple[tuple[tuple[str, bool], ...], ...]
    text: str


@dataclass(frozen=True)
class Shown:
    """A call on a tiny input with what it gave and what is right."""

    lines: tuple[Markup, ...]
    what: str
    got: Grid
    expected: Grid


@dataclass(frozen=True)
class Line:
    """One check as the page shows it. `details` are (term, text) pairs, in the order of reading."""

    word: str
    title: str
    is_rule: bool
    points: str
    message: Markup
    hint: Markup
    look_at: Markup
    spot: str  # the anchor of a line of code
    spot_line: int
    details: tuple[tuple[str, str], ...]
    inputs: str
    map: ErrorMap | None
    curve: LossCurve | None
    timeline: Timeline | None


@dataclass(frozen=True)
class Section:
    """One exercise as the page shows it."""

    anchor: str
    name: str
    title: str
    score: str
    max_score: str
    share: int
    state: str
    is_complete: bool
    explanation: Markup
    likely: tuple[Markup, ...]  # the hints, each once
    worked: Shown | None
    failing: Shown | None
    example: tuple[Markup, ...]  # the lines of a visible example that fail
    example_error: str
    to_do: tuple[Line, ...]  # failed, or not checked
    waiting: tuple[Line, ...]
    passed: tuple[Line, ...]
    code: tuple[CodeLine, ...]
    comments: tuple[str, ...]
    by_hand: str


@dataclass(frozen=True)
class Answered:
    """One question as the page shows it. `right_answer` and `explanation` are empty while they are hidden."""

    anchor: str
    name: str
    title: str
    points: str
    state: str
    word: str  # how it is coloured: passed, failed, skipped
    prompt: Markup
    answer: str
    message: str
    hint: Markup
    right_answer: Markup
    explanation: Markup
    comments: tuple[str, ...]


@dataclass(frozen=True)
class Page:
    """The whole page."""

    language: str
    title: str
    student: str
    score: str
    max_score: str
    share: int  # of the points, in percent, rounded down
    late: str
    done: str
    is_complete: bool
    next_step: Markup
    next_name: str
    next_anchor: str
    problems: tuple[str, ...]
    comments: tuple[tuple[str, str, str], ...]  # of cells that are no exercise or question: anchor, name, text
    by_hand: tuple[tuple[str, str], ...]  # name, points
    sections: tuple[Section, ...]
    questions: tuple[Answered, ...]
    cells: tuple[tuple[str, str], ...]  # how cells ended that did not end well: anchor, text
    notebook: ShownNotebook
    hidden_until: str
    answers_hidden_until: str
    placement: str  # on what device the checks that ask for a GPU ran; empty when none did


@dataclass(frozen=True)
class _Known:
    """What the sections of a page are made from, beside their results."""

    revealed: bool
    say: Say
    notebook: ShownNotebook
    comments: Mapping[str, Sequence[str]]
    by_hand: Mapping[str, str] = field(default_factory=dict)


def make_page(
    result: SubmissionResult,
    title: str,
    language: Language,
    revealed: bool,
    hidden_until: str = "",
    remarks: Remarks | None = None,
    cells: Sequence[Mapping[str, Any]] = (),
    room: int = 0,
) -> Page:
    """Turn a result into what its student may read. `hidden_until` is a date in words, empty when there is none.

    remarks: of nbgrader's gradebook. cells: of the executed notebook, shown as far as `room` characters allow.
    """
    result, say = translated(result, language), language.say
    notebook = show_notebook(cells, room, say)
    known = _Known(revealed, say, notebook, _comments(remarks), _by_hand(remarks))
    sections = tuple(_section(number, exercise, known) for number, exercise in enumerate(result.exercises, 1))
    questions = tuple(_answered(number, question, known) for number, question in enumerate(result.questions, 1))
    score = result.score if remarks is None else max(0.0, remarks.score - remarks.late_penalty)
    max_score = result.max_score if remarks is None else remarks.max_score
    names = {exercise.name for exercise in result.exercises} | {question.name for question in result.questions}
    step = _next_step(result, sections)
    return Page(
        language=language.tag,
        title=one_line(say(title)),
        student=one_line(result.student),
        score=points(score),
        max_score=points(max_score),
        share=int(100 * min(1.0, score / max_score)) if max_score > 0 else 0,
        late=words.late(remarks) if remarks is not None else "",
        done=words.done(result),
        is_complete=not step[0] and _is_all_right(result),
        next_step=inline(say(step[0])),
        next_name=step[1],
        next_anchor=step[2],
        problems=words.problems(result),
        comments=tuple(
            ("", one_line(cell), text) for cell, texts in known.comments.items() if cell not in names for text in texts
        ),
        by_hand=tuple((one_line(cell), text) for cell, text in known.by_hand.items() if cell not in names),
        sections=sections,
        questions=questions,
        cells=tuple(
            (_cell_anchor(cell.index, notebook), words.ended(cell))
            for cell in result.cells
            if cell.status is not CellStatus.OK
        ),
        notebook=notebook,
        hidden_until=hidden_until if any(map(_hides, result.exercises)) else "",
        answers_hidden_until=hidden_until if any(q.state is not QuestionState.RIGHT for q in result.questions) else "",
        placement=words.ON_DEVICE.get(result.device, ""),
    )


def _comments(remarks: Remarks | None) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for comment in remarks.comments if remarks is not None else ():
        found[comment.cell] = (*found.get(comment.cell, ()), printable(comment.text).strip())
    return found


def _by_hand(remarks: Remarks | None) -> dict[str, str]:
    grades = remarks.by_hand if remarks is not None else ()
    return {grade.cell: words.by_hand(grade.score, grade.max_score) for grade in grades}


def _section(number: int, exercise: ExerciseResult, known: _Known) -> Section:
    anchor = f"exercise-{number}"
    code = code_lines(exercise.code) if exercise.code.strip() else ()
    hints = tuple(dict.fromkeys(check.hint for check in exercise.checks if check.hint and not _is_ours(check)))
    notes: dict[int, list[str]] = {}
    lines = []
    for check in exercise.checks:
        spot = _anchor_of(check.spot, anchor, code, known.notebook)
        if check.spot is not None and spot.startswith(f"{anchor}-line"):
            notes.setdefault(check.spot.line, []).append(words.failing_check(check, check.spot.line))
        lines.append(_line(check, known, hints, spot, _moves(check, anchor, code, known.notebook)))
    return Section(
        anchor=anchor,
        name=one_line(exercise.name),
        title=_heading(exercise),
        score=points(exercise.score),
        max_score=points(exercise.max_score),
        share=int(100 * exercise.score / exercise.max_score) if exercise.max_score > 0 else 0,
        state=words.state(exercise),
        is_complete=words.is_complete(exercise),
        explanation=with_code(known.say(words.explanation(exercise))),
        likely=tuple(map(inline, hints)),
        worked=_shown(exercise.worked),
        failing=_shown(exercise.failing) if known.revealed else None,
        example=code_lines(exercise.example.code) if exercise.example is not None else (),
        example_error=printable(exercise.example.error) if exercise.example is not None else "",
        to_do=tuple(line for line in lines if line.word not in ("passed", "skipped")),
        waiting=tuple(line for line in lines if line.word == "skipped"),
        passed=tuple(line for line in lines if line.word == "passed"),
        code=tuple(
            CodeLine(at, f"{anchor}-line-{at}", text, tuple(notes.get(at, ()))) for at, text in enumerate(code, 1)
        ),
        comments=tuple(known.comments.get(exercise.name, ())),
        by_hand=known.by_hand.get(exercise.name, ""),
    )


def _moves(check: CheckResult, anchor: str, code: Sequence[Markup], notebook: ShownNotebook) -> Timeline | None:
    return timeline(check.moves, [_anchor_of(move.spot, anchor, code, notebook) for move in check.moves])


def _anchor_of(spot: Spot | None, anchor: str, code: Sequence[Markup], notebook: ShownNotebook) -> str:
    """Where a line stands on the page: in the exercise's code, else in the notebook; "" where it does not."""
    if spot is None:
        return ""
    is_here = 0 < spot.line <= len(code) and code[spot.line - 1].striptags() == " ".join(printable(spot.source).split())
    return f"{anchor}-line-{spot.line}" if is_here else notebook.find_line(spot.line, spot.source, spot.cell)


def _shown(example: Example | None) -> Shown | None:
    if example is None:
        return None
    got, expected = example.got, example.expected
    return Shown(code_lines(example.code), one_line(example.what), _grid(got, expected), _grid(expected, got))


def _grid(numbers: Numbers, other: Numbers) -> Grid:
    """The rows, with the entries marked that differ from those of the other side, where both have the same shape."""
    rows = []
    for at, row in enumerate(numbers.rows):
        beside = other.rows[at] if at < len(other.rows) and len(other.rows[at]) == len(row) else row
        rows.append(tuple((printable(text), text != twin) for text, twin in zip(row, beside, strict=True)))
    return Grid(tuple(rows), printable(numbers.text) if numbers.text != other.text or not rows else "")


def _answered(number: int, question: QuestionResult, known: _Known) -> Answered:
    """One question. What is right is shown when the course shows it, or once the student knows it."""
    is_right = question.state is QuestionState.RIGHT
    is_shown = known.revealed or is_right
    return Answered(
        anchor=f"question-{number}",
        name=one_line(question.name),
        title=one_line(question.title or question.name),
        points=words.of_points(question.score, question.max_score),
        state=question.state.value,
        word=words.QUESTION_STATES[question.state],
        prompt=markdown(question.prompt),
        answer=printable(question.answer),
        message=printable(question.message) if question.message != question.state.value else "",
        hint=markdown(question.hint),
        right_answer=markdown(question.right_answer) if is_shown and not is_right else Markup(""),
        explanation=markdown(question.explanation) if is_shown else Markup(""),
        comments=tuple(known.comments.get(question.name, ())),
    )


def _is_all_right(result: SubmissionResult) -> bool:
    """Is there something in it, graded, with no points left to gain?"""
    is_answered = all(question.state in words.SETTLED for question in result.questions)
    return result.status == "graded" and bool(result.exercises or result.questions) and is_answered


def _line(
    check: CheckResult, known: _Known, hints: tuple[str, ...], spot: str, moves: Timeline | None
) -> Line:  # fmt: skip
    """One check. The only hint of an exercise stands above its checks; of several, each check has its own."""
    message = known.say(words.NOT_CHECKED) if _is_ours(check) else check.message
    if check.outcome is Outcome.SKIPPED and not message:
        message = known.say(words.WAITS)
    is_failed = check.outcome is Outcome.FAILED
    is_shown = known.revealed and is_failed
    details = [(words.EXPECTED, check.expected), (words.GOT, check.got)]
    has_points = check.kind is Kind.CHECK and not _is_ours(check)
    return Line(
        word=words.OUTCOMES[check.outcome],
        title=one_line(check.title),
        is_rule=check.kind is Kind.RULE,
        points=words.of_points(check.points, check.max_points) if has_points else "",
        message=with_code(message),
        hint=inline(check.hint) if len(hints) > 1 and not _is_ours(check) else Markup(""),
        look_at=with_code("" if _is_ours(check) else check.look_at),
        spot=spot if is_failed else "",
        spot_line=check.spot.line if check.spot is not None else 0,
        details=tuple((term, printable(text)) for term, text in details if text) if is_shown else (),
        inputs=printable(check.inputs) if is_shown else "",
        map=error_map(check.entries, known.revealed) if is_failed else None,
        curve=loss_curve(check.curves, known.revealed) if is_failed else None,
        timeline=moves if is_failed else None,
    )


def _is_ours(check: CheckResult) -> bool:
    return check.outcome in (Outcome.BROKEN, Outcome.NOT_CHECKED)


def _heading(exercise: ExerciseResult) -> str:
    """The exercise's title, with its name in it."""
    name, title = one_line(exercise.name), one_line(exercise.title)
    return title if name in title else f"{name}: {title}" if title else name


def _hides(exercise: ExerciseResult) -> bool:
    """Does it hold what the course hides until it is over?"""
    failed = [check for check in exercise.checks if check.outcome is Outcome.FAILED]
    return exercise.failing is not None or any(check.expected or check.got or check.inputs for check in failed)


def _cell_anchor(index: int, notebook: ShownNotebook) -> str:
    return f"cell-{index + 1}" if index < len(notebook.cells) else ""


def _next_step(result: SubmissionResult, sections: Sequence[Section]) -> tuple[str, str, str]:
    """What to do next: a sentence, the exercise's name and its anchor. Of exercises the one that gains most."""
    if result.status != "graded":
        return "", "", ""
    exercises = result.exercises
    open_ones = [n for n, exercise in enumerate(exercises) if not words.is_complete(exercise)]
    best = max(open_ones, key=lambda n: exercises[n].max_score - exercises[n].score, default=None)
    if best is not None:
        return words.next_step(exercises[best]), sections[best].name, sections[best].anchor
    wrong = [n for n, question in enumerate(result.questions, 1) if question.state not in words.SETTLED]
    if not wrong:
        return "", "", ""
    first = result.questions[wrong[0] - 1]
    return words.next_answers(result.questions), one_line(first.title or first.name), f"question-{wrong[0]}"
