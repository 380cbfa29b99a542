"""The page that one student reads about one assignment: self-contained HTML, no script, nothing fetched."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from functools import cache
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined, Template
from markupsafe import Markup

from autograder.course import Course
from autograder.errors import CourseError
from autograder.model import Remarks, SubmissionResult
from autograder.report.language import language_of, language_of_part
from autograder.report.markup import breakable
from autograder.report.notebook import read_notebook
from autograder.report.page import make_page
from autograder.report.text import one_line

LARGEST_PAGE = 400_000  # bytes
NOTEBOOK_ROOM = 260_000  # characters of a page that the executed notebook may take, pictures and all


def is_revealed(reveal: str, due: datetime | None, now: datetime) -> bool:
    """Tell whether inputs, expected and got may be shown: `reveal` of grader.toml, and the clock.

    Under "after_due" an assignment without a due date never closes, so nothing is shown.
    """
    return reveal == "values" or (reveal == "after_due" and due is not None and now > due)


def feedback_path(into: Path, student: str, assignment: str) -> Path:
    """Return where a student's page lies under the feedback folder `into`, as nbgrader lays it out.

    Raises CourseError when a name could lead out of `into`.
    """
    for name in (student, assignment):
        if (
            name in ("", ".", "..")
            or "\0" in name
            or any(separator and separator in name for separator in (os.sep, os.altsep))
        ):
            raise CourseError(f'feedback: "{one_line(name)}" cannot name a folder; rename the folder in submitted/')
    return into / student / assignment / f"{assignment}.html"


def render_feedback(course: Course, result: SubmissionResult, now: datetime, remarks: Remarks | None = None) -> str:
    """Return the page's HTML. `now` (with its offset) decides whether the due date has passed.

    remarks: what nbgrader's gradebook knows beside. The executed notebook is read from autograded/, where there is one.
    """
    assignment, reveal = course.assignment(result.assignment), course.settings.grading.reveal
    due = remarks.closes if remarks is not None and remarks.closes is not None else assignment.due
    revealed = is_revealed(reveal, due, now)
    hides_until = due if reveal == "after_due" and not revealed else None
    language = language_of(course.settings.course.language, assignment)
    folder = course.root / "autograded"
    cells = read_notebook(folder / result.student / result.assignment / f"{result.assignment}.ipynb", folder)

    def render(room: int) -> str:
        page = make_page(
            result,
            title=assignment.title,
            language=language,
            revealed=revealed,
            hidden_until=language.date(hides_until) if hides_until else "",
            remarks=remarks,
            cells=cells,
            room=room,
        )
        title = one_line(course.settings.course.title)
        return _template().render(
            page=page, course=title, say=language.say, lang=lambda text: _lang(text, language.tag)
        )

    html = render(NOTEBOOK_ROOM)
    excess = len(html.encode("utf-8", "replace")) - LARGEST_PAGE
    return render(max(0, NOTEBOOK_ROOM - excess - 10_000)) if excess > 0 else html


def write_feedback(
    course: Course, result: SubmissionResult, into: Path, now: datetime, remarks: Remarks | None = None
) -> Path:
    """Write the page below `into`, the course's feedback folder, and return its path. Nobody ever reads half a page."""
    path = feedback_path(into, result.student, result.assignment)
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(path.name + ".new")
    draft.write_text(render_feedback(course, result, now, remarks), encoding="utf-8")
    draft.replace(path)
    return path


def write_class_feedback(
    course: Course,
    results: Iterable[SubmissionResult],
    now: datetime,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
    remarks: Mapping[tuple[str, str], Remarks] | None = None,
) -> tuple[Path, ...]:
    """Write the pages of many results into feedback/STUDENT/NAME/NAME.html of the course and return their paths.

    remarks: of nbgrader's gradebook, by (assignment, student).
    """
    results = tuple(results)
    paths = []
    for done, result in enumerate(results, 1):
        known = (remarks or {}).get((result.assignment, result.student))
        paths.append(write_feedback(course, result, course.root / "feedback", now, known))
        on_progress(done, len(results))
    return tuple(paths)


def _lang(text: str, page: str) -> Markup:
    """The attribute that a part of a page needs where its language is another."""
    tag = language_of_part(text, page)
    return Markup(' lang="{}"').format(tag) if tag else Markup("")


@cache
def _template() -> Template:
    loader = PackageLoader("autograder.report")
    environment = Environment(
        loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["breakable"] = breakable
    return environment.get_template("feedback.html.j2")
