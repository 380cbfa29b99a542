"""The tables that commands end with. Every string of a student's is printable and free of markup before it is shown."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from pathlib import Path

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from autograder.course import Course
from autograder.model import Isolation, Outcome, QuestionState, SubmissionResult
from autograder.report.text import duration, one_line, plural, points
from autograder.report.words import trouble

WITHOUT_ISOLATION = (
    "isolation: none. Student code ran as you, with all your rights; never do this with code that you have not read."
)


def class_table(results: Sequence[SubmissionResult], title: str = "") -> Table:
    """A row for each submission of an assignment: student, points per exercise, of all questions, in all; trouble."""
    worth = {exercise.name: exercise.max_score for result in results for exercise in result.exercises}
    heading = Text(title, style="bold") if title else None
    table = Table(title=heading, title_justify="left", box=SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    table.add_column("student", overflow="fold", min_width=12)
    for name in worth:
        table.add_column(_header(name, worth[name]), justify="right", min_width=5)
    asked = max((math.fsum(q.max_score for q in r.questions) for r in results if r.questions), default=None)
    if asked is not None:
        table.add_column(_header("questions", asked), justify="right", min_width=5)
    table.add_column(_header("total", max((r.max_score for r in results), default=0.0)), justify="right", no_wrap=True)
    table.add_column("what went wrong", overflow="fold", ratio=1)
    for result in results:
        scores = {exercise.name: _points(exercise.score, exercise.max_score) for exercise in result.exercises}
        cells = [scores.get(name, Text("-")) for name in worth]
        if asked is not None:
            cells.append(_points(math.fsum(q.score for q in result.questions), asked))
        total = _points(result.score, result.max_score)
        table.add_row(Text(one_line(result.student, 40)), *cells, total, Text(trouble(result)))
    return table


def _header(name: str, max_score: float) -> Text:
    """The name, broken so that the column stays narrow, over what there is to gain."""
    return Text(f"{one_line(name)}".replace("_", "_\n")).append(f"\nof {points(max_score)}", style="not bold dim")


def print_class_report(
    console: Console,
    course: Course,
    results: Sequence[SubmissionResult],
    unchanged: int,
    seconds: float,
    notes: Sequence[str] = (),
) -> None:
    """Print a table for each assignment, then isolation level, time per submission, what staff must see, the gradebook.

    seconds: wall time of what was graded now. notes: for staff, about the gradebook.
    """
    for name in dict.fromkeys(result.assignment for result in results):
        console.print(class_table([r for r in results if r.assignment == name], course.assignment(name).title))
    lines = [
        isolation_line(results),
        *placement_lines(results),
        *_counts(len(results), unchanged, seconds),
        *_for_staff(results),
    ]
    lines += [Text(f"note: {one_line(note, 400)}") for note in notes]
    for line in (*lines, Text(f"gradebook: {_gradebook(course)}")):
        console.print(line, soft_wrap=True)  # a path that is broken over two lines cannot be clicked


def pages_line(pages: Sequence[Path]) -> Text:
    """Where the students' pages lie, by their number and the first of them."""
    shown = one_line(str(pages[0]), 400) if pages else "none"
    return Text(f"feedback: {plural(len(pages), 'page')}, such as {shown}")


def _counts(total: int, unchanged: int, seconds: float) -> list[Text]:
    new = total - unchanged
    lines = [Text(f"unchanged, not graded again: {unchanged} of {plural(total, 'submission')}")] if unchanged else []
    if new:
        lines.append(Text(f"graded: {plural(new, 'submission')} in {duration(seconds)}, {seconds / new:.2f} s each"))
    else:
        lines.append(Text("graded: nothing anew"))
    return lines


def _gradebook(course: Course) -> str:
    """The gradebook's file, or its URL without the password."""
    url = course.settings.gradebook.url_from(course.root)
    return re.sub(r"(://[^:/@]*):[^@]*@", r"\1:***@", url.removeprefix("sqlite:///"))


def isolation_line(results: Sequence[SubmissionResult]) -> Text:
    """Name the isolation levels that results were made under, red when there was none."""
    levels = sorted({result.isolation for result in results if result.status == "graded"}, key=list(Isolation).index)
    if Isolation.NONE in levels:
        return Text(WITHOUT_ISOLATION, style="bold red")
    return Text(f"isolation: {', '.join(levels) or '-'}")


def placement_lines(results: Sequence[SubmissionResult]) -> list[Text]:
    """On what device placement was checked, where it was; or why not."""
    devices = sorted({result.device for result in results} - {"cpu"})
    if devices:
        return [Text(f"placement: {', '.join(devices)}")]
    checks = (check for result in results for exercise in result.exercises for check in exercise.checks)
    reason = next((check.message for check in checks if check.outcome is Outcome.NOT_CHECKED), "")
    return [Text(f"placement: not checked: {one_line(reason, 300)}", style="yellow")] if reason else []


def _for_staff(results: Sequence[SubmissionResult]) -> list[Text]:
    failed = [result for result in results if result.status != "graded"]
    broken = sorted(
        {f"{e.name}.{c.name}" for r in results for e in r.exercises for c in e.checks if c.outcome == "broken"}
    )
    lines = [Text(f"not graded: {one_line(r.student, 40)}: {one_line(r.reason)}", style="yellow") for r in failed]
    waiting = [q for r in results for q in r.questions if q.state is QuestionState.BY_HAND]
    if waiting:
        lines.append(Text(f"by hand: {plural(len(waiting), 'answer')} in words to be graded in formgrader"))
    if broken:
        lines.append(
            Text(f"broken checks of ours (they cost no points): {', '.join(map(one_line, broken))}", style="bold red")
        )
    return lines


def _points(score: float, max_score: float) -> Text:
    style = "green" if score >= max_score else "red" if score == 0 else "yellow"
    return Text(points(score), style=style)
