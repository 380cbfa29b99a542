"""`pytest assignments/NAME/checks.py`: an author runs the checks against the references, in this process.

pytest loads this module in every project that shares our environment. So it imports nothing but pytest, and does
nothing until a `checks.py` of a course is collected.
"""

from __future__ import annotations

from pathlib import Path

import pytest


class TorchmarkPlugin:
    """Waits for the first `checks.py`, then brings in what its checks need."""

    def __init__(self) -> None:
        self._is_active = False

    def pytest_collect_file(self, file_path: Path, parent: pytest.Collector) -> None:
        """See whether the file holds the hidden checks of an assignment."""
        if self._is_active or solutions_of(file_path) is None:
            return
        from autograder.checks.authoring import AuthoringPlugin  # imports torch, which no other project waits for

        self._is_active = True
        parent.config.pluginmanager.register(AuthoringPlugin(parent.config), "torchmark-authoring")


def pytest_configure(config: pytest.Config) -> None:
    """Begin to wait."""
    config.pluginmanager.register(TorchmarkPlugin(), "torchmark-waiting")


def solutions_of(file: Path) -> Path | None:
    """The references that belong to COURSE/assignments/NAME/checks.py; None for any other file."""
    if file.name != "checks.py" or file.parent.parent.name != "assignments":
        return None
    solutions = file.parent.parent.parent / "solutions" / f"{file.parent.name}.py"
    return solutions if solutions.is_file() else None
