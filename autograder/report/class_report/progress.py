"""The course so far: a student by assignment matrix, and who needs help first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from statistics import fmean

from autograder.course import Course
from autograder.model import SubmissionResult

WEAK = 0.5  # a mean share of the points below this asks for help
DROP = 0.25  # and so does a last assignment this far below the student's mean before
RULE = (
    f"A student stands here whose mean over the assignments that are counted is below {100 * WEAK:.0f} % of the "
    f"points, or whose last one is {100 * DROP:.0f} percentage points or more below the mean of those before. Counted "
    "is what the student has handed in, and with 0 what is missing after its due date. The lowest mean comes first."
)


@dataclass(frozen=True)
class Place:
    """One student in one assignment. `share` of the points; None: nothing was handed in. is_missing: and it is due."""

    share: float | None
    is_missing: bool = False
    is_graded: bool = True

    @property
    def counted(self) -> float | None:
        """The share that the rule counts, None where it counts nothing."""
        return self.share if self.share is not None else 0.0 if self.is_missing else None


@dataclass(frozen=True)
class Row:
    """One student over the course."""

    student: str
    places: tuple[Place, ...]
    mean: float | None
    needs: str  # why this student needs help, "" where the rule does not say so


@dataclass(frozen=True)
class Progress:
    """The matrix. `assignments` are those of which anything is graded, by due date."""

    assignments: tuple[str, ...]
    rows: tuple[Row, ...]  # by student
    first: tuple[Row, ...]  # who needs help, most urgent first


def progress_of(course: Course, results: Sequence[SubmissionResult], now: datetime) -> Progress:
    """Lay out the results of a course."""
    by_key = {(result.student, result.assignment): result for result in results}
    graded = {result.assignment for result in results}
    chosen = sorted(
        (assignment for assignment in course.assignments if assignment.name in graded),
        key=lambda assignment: (assignment.due is None, assignment.due.timestamp() if assignment.due else 0.0),
    )
    rows = []
    for student in sorted({result.student for result in results}):
        places = tuple(_place(by_key.get((student, one.name)), one.due is not None and now > one.due) for one in chosen)
        counted = [place.counted for place in places if place.counted is not None]
        rows.append(Row(student, places, fmean(counted) if counted else None, needs_help(counted)))
    first = sorted((row for row in rows if row.needs), key=lambda row: (row.mean or 0.0, row.student))
    return Progress(tuple(one.name for one in chosen), tuple(rows), tuple(first))


def needs_help(shares: Sequence[float]) -> str:
    """Why a student with these shares of the points needs help, by RULE; "" where none is needed."""
    if not shares:
        return ""
    reasons = []
    if fmean(shares) < WEAK:
        reasons.append(f"mean {100 * fmean(shares):.0f} %")
    if len(shares) > 1 and shares[-1] <= fmean(shares[:-1]) - DROP:
        reasons.append(f"the last one is {100 * (fmean(shares[:-1]) - shares[-1]):.0f} points below the mean before")
    return "; ".join(reasons)


def _place(result: SubmissionResult | None, is_due: bool) -> Place:
    if result is None:
        return Place(None, is_missing=is_due)
    if result.status != "graded":
        return Place(0.0, is_graded=False)
    return Place(result.score / result.max_score if result.max_score > 0 else 0.0)
