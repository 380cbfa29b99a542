"""Loose notebooks, graded without a gradebook, and their results as JSON for other programs (DESIGN.md, section 10)."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec

from autograder.course import Course
from autograder.grading.outcome import failed_result, printable
from autograder.grading.pool import grade_jobs, guard_seconds, worker_count
from autograder.grading.worker import Job
from autograder.model import CheckResult, ExerciseResult, QuestionResult, SubmissionResult


def grade_files(
    course: Course,
    assignment: str,
    files: Sequence[Path],
    workers: int = 0,
    isolation: str = "",
    on_progress: Callable[[int, int], None] | None = None,
) -> list[SubmissionResult]:
    """Grade notebooks of one assignment, in the order given. A student's id is the stem of the file's name.

    A file that cannot be read gives a result of status "failed". Raises TorchmarkError.
    """
    chosen = course.assignment(assignment)
    jobs = {Job(chosen.name, os.fsencode(file.absolute()), printable(file.stem)): file for file in files}
    results: dict[Path, SubmissionResult] = {}
    grading = grade_jobs(
        list(jobs),
        course.root,
        workers=worker_count(course, workers, len(jobs)),
        isolation=isolation,
        guard_seconds=guard_seconds(course.settings.limits),
    )
    with closing(grading) as finished_jobs:
        for finished in finished_jobs:
            file = jobs[finished.job]
            reason = f"{finished.reason}; staff should look"
            results[file.absolute()] = finished.result or failed_result(chosen, file, finished.job.student, reason)
            if on_progress is not None:
                on_progress(len(results), len(jobs))
    return [msgspec.structs.replace(results[file.absolute()], file=printable(file)) for file in files]


def results_to_json(results: Iterable[SubmissionResult]) -> str:
    """A list with one object per file, in the keys and the order that DESIGN.md promises. For staff only."""
    return json.dumps([_submission(result) for result in results], indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def _submission(result: SubmissionResult) -> dict[str, Any]:
    return {
        "file": result.file,
        "assignment": result.assignment,
        "student": result.student,
        "status": result.status,
        "reason": result.reason,
        "score": _number(result.score),
        "max_score": _number(result.max_score),
        "isolation": result.isolation.value,
        "device": result.device,
        "seconds": _number(result.seconds),
        "cells": [
            {"index": cell.index, "status": cell.status.value, "seconds": _number(cell.seconds)}
            for cell in result.cells
        ],
        "exercises": [_exercise(exercise) for exercise in result.exercises],
        "questions": [_question(question) for question in result.questions],
    }


def _question(question: QuestionResult) -> dict[str, Any]:
    return {
        "name": question.name,
        "variant": question.variant,
        "score": _number(question.score),
        "max_score": _number(question.max_score),
        "answer": question.answer,
        "message": "\n".join(text for text in (question.message, question.hint) if text),
    }


def _exercise(exercise: ExerciseResult) -> dict[str, Any]:
    return {
        "name": exercise.name,
        "score": _number(exercise.score),
        "max_score": _number(exercise.max_score),
        "checks": [_check(check) for check in exercise.checks],
    }


def _check(check: CheckResult) -> dict[str, Any]:
    return {
        "name": check.name,
        "title": check.title,
        "kind": check.kind.value,
        "outcome": check.outcome.value,
        "points": _number(check.points),
        "max_points": _number(check.max_points),
        "message": full_message(check),
        "mistake": check.mistake,
        "seed": check.seed,
        "seconds": _number(check.seconds),
    }


def full_message(check: CheckResult) -> str:
    """All that is known of a check that did not pass, a line each: what staff may read."""
    labelled = (
        ("expected", check.expected),
        ("got", check.got),
        ("likely", check.hint),
        ("look at", check.look_at),
    )
    return "\n".join([check.message] * bool(check.message) + [f"{label:<10}{text}" for label, text in labelled if text])


def _number(value: float) -> float:
    """A plain JSON number; what is none is 0."""
    return round(value, 6) if math.isfinite(value) else 0.0
