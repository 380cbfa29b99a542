"""The report's pages and tables, put on the disk: report/index.html, and report/NAME/index.html with its tables."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from autograder.course import Course
from autograder.model import SubmissionResult
from autograder.report.class_report.assemble import (
    AssignmentReport,
    Times,
    assignment_tables,
    course_tables,
    report_on,
)
from autograder.report.class_report.charts import Charts, Picture
from autograder.report.class_report.names import Names, names_of
from autograder.report.class_report.progress import RULE, Progress, progress_of
from autograder.report.class_report.tables import write_tables
from autograder.report.text import duration, one_line, plural, points, printable
from autograder.report.words import humanised, in_words

SECTIONS = (
    ("scores", "Scores"), ("exercises", "Exercises and checks"), ("mistakes", "Mistakes"), ("new", "Not explained yet"),
    ("items", "Item analysis"), ("grader", "The grader"), ("similar", "Alike"), ("tables", "For pandas"),
)  # fmt: skip
MOST_NAMED = 12  # students of a cluster


@dataclass(frozen=True)
class Written:
    """What was written: the page of the course, those of assignments, and the tables."""

    course: Path
    assignments: tuple[Path, ...]
    tables: tuple[Path, ...]


def write_class_report(
    course: Course,
    results: Sequence[SubmissionResult],
    times: Times,
    into: Path,
    now: datetime,
    *,
    only: Sequence[str] = (),
    anonymous: bool = False,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> Written:
    """Write the report on `results`, all of a course, below `into`. Nobody ever reads half a page.

    only: assignments whose pages are written; all where empty. times: when each was handed in, as far as it is known.
    """
    names = names_of((result.student for result in results), course.secret(), anonymous)
    results = sorted(results, key=lambda result: names.of(result.student))  # not by the ids that may be hidden
    progress = progress_of(course, results, now)
    progress = replace(progress, rows=tuple(sorted(progress.rows, key=lambda row: names.of(row.student))))
    reports = []
    for done, name in enumerate(progress.assignments, 1):
        of_it = [result for result in results if result.assignment == name]
        reports.append(report_on(course.assignment(name), of_it, times, names))
        on_progress(done, 2 * len(progress.assignments))
    pages: list[Path] = []
    tables: list[Path] = []
    for done, report in enumerate(reports, 1):
        if not only or report.assignment.name in only:
            folder = into / report.assignment.name
            folder.mkdir(parents=True, exist_ok=True)
            made = assignment_tables(report)
            tables += write_tables(made, folder)
            pages.append(_write(folder / "index.html", render_assignment(course, report, list(made), now)))
        on_progress(len(reports) + done, 2 * len(reports))
    into.mkdir(parents=True, exist_ok=True)
    tables += write_tables(course_tables(progress, names), into)
    links = {path.parent.name for path in pages}
    page = _write(into / "index.html", render_course(course, reports, progress, names, links, now))
    return Written(page, tuple(pages), tuple(tables))


def render_assignment(course: Course, report: AssignmentReport, tables: Sequence[str], now: datetime) -> str:
    """The HTML of one assignment's page."""
    return _environment().get_template("class_assignment.html.j2").render(
        report=report,
        title=one_line(report.assignment.title),
        course=one_line(course.settings.course.title),
        made=in_words(now),
        sections=[section for section in SECTIONS if section[0] != "exercises" or report.exercises],
        look_at=look_at_first(report),
        pictures=_pictures(report),
        tables=list(tables),
        shown_students=lambda students: _listed(report.names, students),
    )  # fmt: skip


def render_course(
    course: Course,
    reports: Sequence[AssignmentReport],
    progress: Progress,
    names: Names,
    links: set[str],
    now: datetime,
) -> str:
    """The HTML of the course's page. links: assignments that have a page beside it."""
    known = [(one_line(report.assignment.title, 40), report.scores) for report in reports if report.scores]
    return _environment().get_template("class_course.html.j2").render(
        course=one_line(course.settings.course.title),
        made=in_words(now),
        names=names,
        progress=progress,
        rule=RULE,
        reports=[
            (report, f"{report.assignment.name}/index.html" if report.assignment.name in links else "")
            for report in reports
        ],
        picture=Charts().assignments(known) if known else None,
    )  # fmt: skip


def look_at_first(report: AssignmentReport) -> list[tuple[str, str]]:
    """What an instructor should act on, as (sentence, section), the most urgent first."""
    found = []
    if report.fairness.broken:
        found.append((f"{plural(len(report.fairness.broken), 'check')} of ours broke", "grader"))
    failed = len(report.results) - len(report.graded)
    if failed:
        found.append((f"{plural(failed, 'submission')} could not be graded", "grader"))
    if report.exercises:
        hardest = min(report.exercises, key=lambda one: one.mean / one.max_score if one.max_score else 1.0)
        if hardest.full < hardest.count:
            found.append(
                (
                    f"Hardest exercise: {one_line(hardest.name)}, all points for {hardest.full} of {hardest.count}",
                    "exercises",
                )
            )
    if report.mistakes:
        first = report.mistakes[0]
        found.append(
            (
                f"Most frequent mistake: {humanised(first.mistake)} in {one_line(first.exercise)} ({first.count})",
                "mistakes",
            )
        )
    if report.unexplained.clusters:
        largest = report.unexplained.clusters[0]
        found.append(
            (
                f"{largest.size} are wrong in {one_line(largest.exercise)} alike, which no mistake explains yet",
                "new",
            )
        )
    if report.analysis.failed_by_all:
        found.append((f"{plural(len(report.analysis.failed_by_all), 'check')} that everybody fails", "items"))
    return found


def _pictures(report: AssignmentReport) -> dict[str, Picture | None]:
    charts = Charts()
    told = [item for item in report.analysis.items if item.discrimination is not None]
    scores = {result.student: result.score for result in report.graded}
    times = [(at, scores[student]) for student, at in report.handed_in.items()]
    return {
        "histogram": charts.histogram(report.scores) if report.scores else None,
        "completion": charts.completion(report.exercises) if report.exercises else None,
        "hand_in": charts.hand_in(times, report.assignment.due) if report.times_are_known else None,
        "checks": charts.items(report.analysis.items) if told else None,
    }


def _listed(names: Names, students: Sequence[str]) -> str:
    shown = ", ".join(names.of(student) for student in students[:MOST_NAMED])
    return shown + (f" and {len(students) - MOST_NAMED} more" if len(students) > MOST_NAMED else "")


def _percent(share: float) -> str:
    """A share as people read it; 100 % and 0 % are meant."""
    rounded = round(100 * share)
    if rounded == 100 and share < 1:
        rounded = 99
    return f"{1 if rounded == 0 and share > 0 else rounded} %"


def _write(path: Path, text: str) -> Path:
    draft = path.with_name(path.name + ".new")
    draft.write_text(text, encoding="utf-8", errors="replace")
    draft.replace(path)
    return path


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("autograder.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    filters: dict[str, Any] = {
        "points": points, "percent": _percent, "plural": plural, "one_line": one_line, "printable": printable,
        "duration": duration, "humanised": humanised, "in_words": in_words,
    }  # fmt: skip
    environment.filters.update(filters)
    return environment
