"""One submission -> one result: read it, run it on the student side, check it, and show what came of it."""

from __future__ import annotations

import hashlib
import hmac
import math
import time
import traceback
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec
import nbformat

from autograder.checks.suite import Suite
from autograder.course import Assignment, Course
from autograder.engine.devices import choose_device, hide_real_gpu, refusal
from autograder.engine.private_root import shown_paths
from autograder.engine.side import NOT_ASKED, StudentSide
from autograder.errors import DeviceError, IsolationError, SubmissionError
from autograder.grading.afresh import defined_afresh
from autograder.grading.by_hand import answers_by_hand
from autograder.grading.display import show_failed, show_graded
from autograder.grading.failed_example import failed_example
from autograder.grading.outcome import OUR_FAULT, failed_result, printable
from autograder.grading.quiz import grade_quiz, without_prompts
from autograder.grading.released import load_data, load_released
from autograder.grading.submission import Submission, read_submission
from autograder.model import CellResult, CellStatus, DeviceKind, ExerciseResult, QuestionResult, SubmissionResult, Try
from autograder.quiz.bank import load_quiz


@dataclass(frozen=True)
class Graded:
    """A result, and the notebook that shows it. Outputs of cells stand in the notebook only.

    is_our_fault: the grader stumbled over it, so another try is worth while.
    """

    result: SubmissionResult
    notebook: nbformat.NotebookNode
    is_our_fault: bool = False


class Grader(AbstractContextManager["Grader"]):
    """Grades submissions of one assignment, one after the other, with one suite and one warm student side.

    isolation: "auto", "A", "B", or "" for what grader.toml says. Raises CourseError, IsolationError, and DeviceError
    where grader.toml asks for a device that is not there, when it is made, and nothing after that.
    """

    def __init__(self, course: Course, assignment: Assignment, isolation: str = "") -> None:
        self._course = course
        self._assignment = assignment
        level = isolation or course.settings.isolation.level
        _require_out_of_sight(course)
        self._secret = course.secret()
        self._released = load_released(assignment)
        self._data = load_data(assignment)
        self._resources = ExitStack()
        try:
            self._questions = load_quiz(assignment)
            self._suite: Suite | None = None
            if assignment.exercises:
                suite = Suite(assignment, seconds=course.settings.limits.check_seconds)
                self._suite = self._resources.enter_context(suite)
            uses_device = self._suite is not None and self._suite.uses_device
            wanted = course.settings.grading.device
            device = choose_device(wanted) if uses_device else NOT_ASKED
            side = StudentSide(course.settings.limits, isolation=level, device=device)
            self._side = self._resources.enter_context(side)
            if uses_device and (why := refusal(wanted, self._side.device)):
                raise DeviceError(why)
            if self._side.device.kind is DeviceKind.SIMULATED:
                hide_real_gpu()  # mistakes in the student's place run here, on the same device
        except BaseException:
            self._resources.close()
            raise

    def __exit__(self, *_: object) -> None:
        self._resources.close()

    def grade(self, path: Path, student: str = "", tries: Sequence[Try] = ()) -> Graded:
        """Grade `path`: a notebook, or a student's folder that holds one. `student` defaults to the file's stem.

        tries: the student's earlier answers to the questions.
        Whatever stands in the file, the answer is a result: one that cannot be read has status "failed".
        """
        start = time.perf_counter()
        student = student or path.stem
        try:
            limits = self._course.settings.limits
            submission = read_submission(path, self._assignment, limits, student, self._released)
            graded = self._grade(submission, tries, start)
            _require_storable(graded)
        except SubmissionError as error:
            return self._failed(path, student, str(error), time.perf_counter() - start)
        except Exception:  # a fault of ours, met by a student's file, costs that submission and not the batch
            self._side.close()  # the next run starts it anew
            notes = (traceback.format_exc(limit=-8),)
            failed = self._failed(path, student, OUR_FAULT, time.perf_counter() - start, notes)
            return replace(failed, is_our_fault=True)
        return graded

    def _grade(self, submission: Submission, tries: Sequence[Try], start: float) -> Graded:
        names = [exercise.name for exercise in self._assignment.exercises]
        cells_to_run = without_prompts(submission.cells, submission, self._questions)
        with self._side.run_notebook(
            cells_to_run, files=self._data, exercises=names, stubs=self._released.stubs
        ) as run:
            exercises: tuple[ExerciseResult, ...] = ()
            sources = dict(submission.cells)
            if self._suite is not None:
                exercises = self._suite.grade(
                    run.open_check,
                    lambda check: self.seed(submission.student, check),
                    shared_seed_for=lambda check: self.seed("", check),
                    shows=True,
                    afresh=lambda name: defined_afresh(run.open_check, _source(run.defined.get(name), sources)),
                )
            questions = grade_quiz(
                self._questions,
                submission,
                run.open_check,
                lambda name: self.seed(submission.student, name),
                self._course.settings.quiz,
                tries,
            )
            exercises = tuple(_with_code(found, run.defined.get(found.name), sources) for found in exercises)
            cells = {cell.index: cell for cell in run.cells}
            exercises = tuple(_with_example(found, submission, cells) for found in exercises)
            notes = (*submission.notes, *run.notes, *(one.staff_note for one in questions if one.staff_note))
        cells |= {
            n: CellResult(index=n, status=CellStatus.NOT_RUN, note="not run: a copy of another cell")
            for n in submission.unused
        }
        notebook = show_graded(submission, cells, exercises, questions)
        questions += answers_by_hand(self._assignment.by_hand, submission)
        scored: list[ExerciseResult | QuestionResult] = [*exercises, *questions]
        result = SubmissionResult(
            file=printable(submission.path),
            assignment=submission.assignment,
            student=submission.student,
            status="graded",
            score=math.fsum(one.score for one in scored),
            max_score=math.fsum(one.max_score for one in scored),
            isolation=self._side.level,
            device=self._side.device.kind.value,
            seconds=time.perf_counter() - start,
            cells=tuple(_without_outputs(cells[number]) for number in sorted(cells)),
            exercises=exercises,
            questions=questions,
            notes=notes,
        )
        return Graded(result, notebook)

    def seed(self, student: str, check: str) -> str:
        """The seed of one check ("softmax.test_value") for one student, 64 hexadecimal digits."""
        text = "\0".join((student, self._assignment.name, check))
        return hmac.new(self._secret, text.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()

    def _failed(self, path: Path, student: str, reason: str, seconds: float, notes: tuple[str, ...] = ()) -> Graded:
        result = failed_result(self._assignment, path, student, reason, notes)
        result = msgspec.structs.replace(result, isolation=self._side.level, seconds=seconds)
        return Graded(result, show_failed(self._released, result.reason))


def _require_out_of_sight(course: Course) -> None:
    """Raise IsolationError where the course lies among what student code may read: Python and its libraries."""
    root = course.root.resolve()
    for shown in shown_paths():
        if root.is_relative_to(Path(shown).resolve()):
            raise IsolationError(f"{root}: lies in {shown}, which student code can read; move the course elsewhere")


def _require_storable(graded: Graded) -> None:
    """Raise what storing or sending a result would raise, where it costs one submission only."""
    msgspec.msgpack.encode(graded.result)
    nbformat.writes(graded.notebook, version=nbformat.NO_CONVERT).encode("utf-8")
    if not math.isfinite(graded.result.score):
        raise ArithmeticError(f"exercises and questions come to {graded.result.score} points")


def _with_code(exercise: ExerciseResult, cell: int | None, sources: Mapping[int, str]) -> ExerciseResult:
    """The result with the source of the cell that defined what was graded."""
    source = _source(cell, sources)
    return msgspec.structs.replace(exercise, code=source, cell=cell) if source and not exercise.code else exercise


def _with_example(exercise: ExerciseResult, submission: Submission, cells: Mapping[int, CellResult]) -> ExerciseResult:
    """The result with what failed of the exercise's visible example."""
    for number, cell in zip(submission.numbers, submission.notebook.cells, strict=True):
        is_example = cell.metadata.get("nbgrader", {}).get("grade_id") == f"test_{exercise.name}"
        if is_example and number in cells:
            found = failed_example(cell.source, cells[number].outputs)
            return msgspec.structs.replace(exercise, example=found)
    return exercise


def _source(cell: int | None, sources: Mapping[int, str]) -> str:
    return "" if cell is None else sources.get(cell, "")


def _without_outputs(cell: CellResult) -> CellResult:
    """How the cell ended; the error that it ended with becomes its note."""
    errors = [output for output in cell.outputs if output.get("output_type") == "error"]
    note = cell.note
    if errors and not note:
        note = f"{errors[-1].get('ename', '')}: {errors[-1].get('evalue', '')}"[:500]
    return msgspec.structs.replace(cell, outputs=(), note=printable(note))
