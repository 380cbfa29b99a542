"""nbgrader_config.py: nbgrader finds this course, and its pages run nothing of a student's."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
from nbconvert.exporters import HTMLExporter
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output, new_raw_cell
from traitlets.config import PyFileConfigLoader

REPOSITORY = Path(__file__).parents[1]


@pytest.fixture
def config(tmp_path: Path) -> Any:
    """The configuration as nbgrader reads it in a course folder of its own."""
    shutil.copy(REPOSITORY / "nbgrader_config.py", tmp_path)
    (tmp_path / "grader.toml").write_text('[course]\ntitle = "Tiny"\nid = "t1"\n')
    return PyFileConfigLoader("nbgrader_config.py", path=str(tmp_path)).load_config()


SCRIPT = "<script>alert(1)</script>"
ATTACKS = {
    "a script in text": new_markdown_cell(f"so {SCRIPT}"),
    "a script in a raw cell": new_raw_cell(SCRIPT),
    "a link in text": new_markdown_cell("[x](javascript:alert(1))"),
    "an event in text": new_markdown_cell("<img src=x onerror=alert(1)>"),
    "a script in an output": new_code_cell(
        "1", outputs=[new_output("display_data", data={"text/html": f"<b>so</b>{SCRIPT}"})]
    ),
    "JavaScript as an output": new_code_cell(
        "1", outputs=[new_output("display_data", data={"application/javascript": "alert(1)", "text/plain": "x"})]
    ),
    "a drawing with a script": new_code_cell(
        "1", outputs=[new_output("display_data", data={"image/svg+xml": f"<svg>{SCRIPT}</svg>", "text/plain": "x"})]
    ),
}


def page(config: Any, *cells: Any) -> str:
    html, _ = HTMLExporter(config=config, template_name="basic").from_notebook_node(new_notebook(cells=list(cells)))
    return str(html)


@pytest.mark.parametrize("attack", ATTACKS)
def test_a_page_of_nbgrader_runs_nothing_of_a_students(config: Any, attack: str) -> None:
    html = page(config, ATTACKS[attack]).lower()
    assert "<script" not in html
    assert "javascript:" not in html
    assert "<img" not in html


def test_formulas_code_and_numbers_below_others_are_shown_as_written(config: Any) -> None:
    html = page(config, new_markdown_cell("$x<y$ and `a < b`\n\n```\nif a < b:\n```"), new_code_cell("x < 1"))
    assert "$x&lt;y$" in html
    assert html.count("a &lt; b") == 2
    assert "&amp;lt;" not in html


def test_nbgrader_finds_the_course_where_the_settings_say(config: Any, tmp_path: Path) -> None:
    assert config.CourseDirectory.root == str(tmp_path.resolve())
    assert config.CourseDirectory.course_id == "t1"
    assert config.CourseDirectory.db_url == f"sqlite:///{tmp_path.resolve()}/gradebook.db"
