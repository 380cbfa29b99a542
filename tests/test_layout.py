"""The layout shows the architecture: imports point down, and light modules stay light."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "autograder"

# From the bottom up. A part may import parts that stand before its own row, and its own.
LAYERS = (
    {"errors", "model"},
    {"cells", "config"},
    {"course"},
    {"engine", "simgpu"},
    {"checks", "quiz"},
    {"release"},
    {"gradebook", "grading"},
    {"report"},
    {"doctor", "demo"},
    {"cli"},
)
RANK = {part: rank for rank, parts in enumerate(LAYERS) for part in parts}


def part_of(module: str) -> str:
    """The part that a module of ours belongs to: its first name below the package."""
    names = module.split(".")
    return names[1] if len(names) > 1 else ""


def imports_of(path: Path) -> set[str]:
    """The modules of ours that a file imports, wherever in the file."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
    return {module for module in found if module.startswith("autograder")}


FILES = sorted(path for path in PACKAGE.rglob("*.py") if path != PACKAGE / "__init__.py")


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_point_down(path: Path) -> None:
    own = path.relative_to(PACKAGE).with_suffix("").parts[0]
    for module in imports_of(path):
        part = part_of(module)
        if part in RANK:
            assert RANK[part] <= RANK[own], f"{own} imports {module}, which stands above it"


def test_every_part_has_its_place_in_the_layers() -> None:
    parts = {path.relative_to(PACKAGE).with_suffix("").parts[0] for path in FILES}
    assert parts <= set(RANK), f"give these a row in LAYERS: {sorted(parts - set(RANK))}"


def test_the_engine_never_sees_the_checks() -> None:
    for path in (PACKAGE / "engine").rglob("*.py"):
        assert not {part_of(module) for module in imports_of(path)} & {
            "checks",
            "quiz",
            "course",
            "release",
            "gradebook",
        }, path


@pytest.mark.parametrize("module", ["autograder", "autograder.cli", "autograder.checks.plugin"])
def test_starting_a_command_imports_neither_torch_nor_nbgrader(module: str) -> None:
    heavy = ("torch", "nbgrader", "pandas", "altair", "pyarrow")
    code = f"import {module}, sys; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
