"""What formgrader's pages and nbgrader's feedback show, made harmless as it is turned into HTML.

Notebooks that we grade are sanitised before they lie in autograded/; this also covers those that nbgrader put there by
itself. nbgrader_config.py names `sanitised` as a preprocessor of nbconvert's HTML exporter.
"""

from __future__ import annotations

from typing import Any

from autograder.grading.sanitise import clean_cells


def sanitised(notebook: Any, resources: Any) -> tuple[Any, Any]:
    """The notebook with every cell rebuilt from what is harmless in it; formulas and code stay to the letter."""
    notebook.cells = list(clean_cells(notebook.cells))
    return notebook, resources
