"""Late submissions, by nbgrader's own rules: due dates, extensions, and the penalty that nbgrader_config.py sets.

    c.LateSubmissionPlugin.penalty_method = "zero"      # or a plugin class of the course's own

A timed assignment (`minutes` in grader.toml) that comes late has no points, unless nbgrader_config.py says otherwise.
What counts is when nbgrader's exchange received it, which timestamp.txt says.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from nbgrader.preprocessors import AssignLatePenalties
from traitlets.config import Config, PyFileConfigLoader

from autograder.course import Assignment, Course
from autograder.errors import CourseError

CONFIG_FILE = "nbgrader_config.py"
LateRule = Callable[[str, float, float], float]  # student, points, seconds late -> points to take off


def late_rule(course: Course, assignment: Assignment) -> LateRule:
    """What a late submission of an assignment loses. Raises CourseError when nbgrader_config.py cannot be used."""
    config = _nbgrader_config(course.root)
    is_set = any(name in config for name in ("LateSubmissionPlugin", "AssignLatePenalties"))
    if assignment.minutes is not None and not is_set:
        config.LateSubmissionPlugin.penalty_method = "zero"
    assigner = AssignLatePenalties(config=config)
    assigner.init_plugin()

    def penalty(student: str, points: float, seconds: float) -> float:
        asked = assigner.plugin_inst.late_submission_penalty(student, points, seconds)
        return min(max(asked or 0.0, 0.0), points)

    return penalty


def notes_on_time(assignment: Assignment, submitted_at: datetime, is_received: bool) -> tuple[str, ...]:
    """What staff must know about the time of a submission. is_received: nbgrader's exchange noted when it came."""
    notes = []
    if assignment.opens is not None and submitted_at < assignment.opens:
        notes.append(f"handed in before the assignment opened ({assignment.opens:%Y-%m-%d %H:%M %z})")
    if assignment.minutes is not None and not is_received:
        notes.append(
            "timed, but nothing says when it was received (there is no timestamp.txt of nbgrader's exchange); "
            "it counts as in time"
        )
    return tuple(notes)


def _nbgrader_config(root: Path) -> Config:
    if not (root / CONFIG_FILE).is_file():
        return Config()
    try:
        return PyFileConfigLoader(CONFIG_FILE, path=str(root)).load_config()
    except Exception as error:  # whatever a course's own code raises is told with its place
        said = f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
        raise CourseError(f"{root / CONFIG_FILE}: cannot be run ({said}); correct it") from error
