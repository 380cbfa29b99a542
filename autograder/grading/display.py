"""The executed notebook as formgrader shows it: the student's cells and outputs, harmless, with our verdict below."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Any

import nbformat
from nbformat.v4 import new_markdown_cell, new_output

from autograder.grading.markdown import as_code
from autograder.grading.released import Released
from autograder.grading.sanitise import clean_cells, clean_outputs
from autograder.grading.submission import Submission
from autograder.grading.summary import question_verdict, verdict
from autograder.model import CellResult, ExerciseResult, QuestionResult
from autograder.release.questions import prompt_id

MOST_OUTPUT = 10 * 2**20  # characters of output in one notebook; nbconvert holds several copies of it


def show_graded(
    submission: Submission,
    cells: Mapping[int, CellResult],
    exercises: Sequence[ExerciseResult],
    questions: Sequence[QuestionResult] = (),
) -> nbformat.NotebookNode:
    """The submission with the outputs of our run. `cells` has a result for each number of a cell that was run.

    A question is shown as the student had to answer it, whatever the student's own notebook showed.
    """
    notebook = copy.copy(submission.notebook)
    verdicts = {f"test_{exercise.name}": verdict(exercise) for exercise in exercises}
    verdicts |= {f"test_{question.name}": question_verdict(question) for question in questions}
    prompts = {prompt_id(question.name): question.prompt for question in questions}
    shown = []
    room = MOST_OUTPUT
    for number, cell in zip(submission.numbers, submission.notebook.cells, strict=True):
        shown_cell = copy.deepcopy(cell)
        if cell.cell_type == "code":
            outputs = _outputs(cells.get(number), room)
            room -= sum(len(str(output)) for output in outputs)
            grade_id = cell.metadata.get("nbgrader", {}).get("grade_id", "")
            if grade_id in prompts:
                outputs = [new_output("display_data", data={"text/markdown": prompts[grade_id]})]
            if grade_id in verdicts:
                outputs.append(new_output("stream", name="stdout", text=verdicts[grade_id]))
            shown_cell.outputs = outputs
        shown.append(shown_cell)
    cleaned = clean_cells(cell for cell in shown if not _is_ours(cell))
    notebook.cells = [cell if _is_ours(cell) else next(cleaned) for cell in shown]
    return notebook


def _is_ours(cell: Any) -> bool:
    nbgrader = cell.metadata.get("nbgrader", {})
    return bool(nbgrader) and not nbgrader.get("solution") and bool(nbgrader.get("locked") or nbgrader.get("grade"))


def _outputs(result: CellResult | None, room: int) -> list[Any]:
    """What a cell put out, as far as there is room; or why it put out nothing."""
    if result is None:
        return []
    outputs = []
    for output in clean_outputs(result.outputs):
        room -= len(str(output))
        if room < 0:
            outputs.append(new_output("stream", name="stdout", text="(more output than is kept)\n"))
            break
        outputs.append(output)
    if result.note and not outputs:
        outputs.append(new_output("stream", name="stdout", text=f"{result.note}\n"))
    return outputs


def show_failed(released: Released, reason: str) -> nbformat.NotebookNode:
    """The released notebook, headed by the reason why there is nothing of the student's in it."""
    notebook = copy.deepcopy(released.notebook)
    text = f"**This submission could not be graded.** Staff should look.\n\n{as_code(reason)}"
    notebook.cells.insert(0, new_markdown_cell(text, id="not-graded"))
    return notebook
