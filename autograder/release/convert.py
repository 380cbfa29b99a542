"""nbgrader's own generate-assignment, run in process on one source notebook in a temporary course folder.

Its database step is left out (as by `nbgrader generate_assignment --no-db`): the course's gradebook is written by
`gradebook.py`, from what was released.
"""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import nbformat
from nbgrader.utils import compute_checksum

from autograder.errors import ReleaseError
from autograder.release.notebook import PlannedCell

KEPT_METADATA = ("kernelspec", "language_info")


def generate_assignment(source: Any, name: str, answers: Mapping[str, str] | None = None) -> Any:
    """The released notebook that nbgrader makes of the source notebook of assignment `name`. Raises ReleaseError.

    answers: the cells to fill in that read otherwise than nbgrader's "YOUR CODE HERE", id -> source.
    """
    with tempfile.TemporaryDirectory(prefix="release-") as folder:
        root = Path(folder).resolve()
        path = root / "source" / name / f"{name}.ipynb"
        path.parent.mkdir(parents=True)
        nbformat.write(source, path)
        _run_nbgrader(root, name)
        notebook = nbformat.read(root / "release" / name / f"{name}.ipynb", as_version=4)
    notebook.metadata = nbformat.from_dict({key: notebook.metadata[key] for key in KEPT_METADATA})
    for cell in notebook.cells:
        if answers and cell.id in answers:
            cell.source = answers[cell.id]
            cell.metadata.nbgrader["checksum"] = compute_checksum(cell)
    return notebook


def check_result(notebook: Any, planned: tuple[PlannedCell, ...], name: str) -> None:
    """Refuse a released notebook that is not as planned: nbgrader acted on a marker that an author wrote."""
    if [cell.id for cell in notebook.cells] != [cell.id for cell in planned]:
        raise ReleaseError(f"{name}: nbgrader added, dropped or moved cells; look for nbgrader markers in its notebook")
    for cell, plan in zip(notebook.cells, planned, strict=True):
        if cell.source != plan.released:
            raise ReleaseError(
                f"{name}: cell `{plan.id}`: nbgrader changed its text; remove the nbgrader markers from it"
            )


def _run_nbgrader(root: Path, name: str) -> None:
    from nbgrader.converters import GenerateAssignment  # with its gradebook 2 s: only who releases waits for it
    from nbgrader.converters.base import NbGraderException
    from nbgrader.coursedir import CourseDirectory
    from traitlets.config import Config

    config = Config()
    config.SaveCells.enabled = False
    log = _Log()
    coursedir = CourseDirectory(root=str(root), assignment_id=name, config=config)
    converter = GenerateAssignment(coursedir=coursedir, config=config, log=log.logger, no_database=True)
    try:
        converter.start()
    except NbGraderException:
        raise ReleaseError(f"{name}: nbgrader refused the notebook: {log.last_error()}") from None


class _Log(logging.Handler):
    """Keeps what nbgrader logs, so that nothing is printed and an error can be told in one line."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.lines: list[str] = []
        self.logger = logging.Logger("nbgrader")
        self.logger.addHandler(self)

    def emit(self, record: logging.LogRecord) -> None:
        self.lines += [line.strip() for line in record.getMessage().splitlines() if line.strip()]

    def last_error(self) -> str:
        """The line of the last exception that was logged, or else the last line."""
        errors = [line for line in self.lines if "Error: " in line]
        return (errors or self.lines or ["no reason given"])[-1]
