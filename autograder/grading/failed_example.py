"""The visible example of an exercise that failed in a student's notebook: the least of it that still fails, to paste.

Its inputs stand in the text of the exercise, so it can be shown at any time.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping, Sequence
from typing import Any

from autograder.model import FailedExample

LONGEST_CODE = 2_000  # characters
LONGEST_ERROR = 400
UNWRITTEN = "NotImplementedError"  # what a stub raises
_LINE = re.compile(r"^Cell In\[\d+\], line (\d+)", re.MULTILINE)


def failed_example(source: str, outputs: Sequence[Mapping[str, Any]]) -> FailedExample | None:
    """What failed in an example cell, by its source and its outputs; None where nothing did, or nothing was written."""
    error = next((output for output in outputs if output.get("output_type") == "error"), None)
    if error is None or error.get("ename") == UNWRITTEN:
        return None
    line = _LINE.search("\n".join(map(str, error.get("traceback", ()))))
    code = "" if line is None else least_code(source, int(line[1]))
    if not code or len(code) > LONGEST_CODE:
        return None
    said = f"{error.get('ename', '')}: {error.get('evalue', '')}".strip().removesuffix(":")
    return FailedExample(code, said[:LONGEST_ERROR])


def least_code(source: str, line: int) -> str:
    """The statement of `line` and those before it that its names come from, without other asserts; "" where none is."""
    try:
        body = ast.parse(source).body
    except SyntaxError:
        return ""
    at = next((at for at, part in enumerate(body) if part.lineno <= line <= (part.end_lineno or 0)), None)
    if at is None:
        return ""
    own = _names_set(body)
    kept, needed = [body[at]], _names(body[at]) & own
    for part in reversed(body[:at]):
        if _names(part) & needed and not _is_test(part):
            kept.append(part)
            needed |= _names(part) & own
    lines = source.splitlines()
    return "\n".join("\n".join(lines[part.lineno - 1 : part.end_lineno]) for part in reversed(kept))


def _names_set(body: Sequence[ast.stmt]) -> set[str]:
    """The names that the cell itself gives values to."""
    nodes = [node for part in body for node in ast.walk(part)]
    return {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}


def _names(part: ast.stmt) -> set[str]:
    return {node.id for node in ast.walk(part) if isinstance(node, ast.Name)}


def _is_test(part: ast.stmt) -> bool:
    """Is it an assert, or a call of a function that only looks, such as torch.testing.assert_close or print?"""
    if isinstance(part, ast.Assert):
        return True
    if not isinstance(part, ast.Expr) or not isinstance(part.value, ast.Call):
        return False
    called = ast.unparse(part.value.func).rpartition(".")[2]
    return called == "print" or called.startswith("assert")
