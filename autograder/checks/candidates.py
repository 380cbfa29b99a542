"""The solutions that `verify` grades: references, the empty release, mistakes, right styles, mutants."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from enum import StrEnum

from autograder.course import Assignment


class Origin(StrEnum):
    """Where a candidate comes from, and with it what it must score."""

    REFERENCE = "reference"  # full marks
    EMPTY = "empty release"  # nothing
    MISTAKE = "mistake"  # less than full marks
    RIGHT_STYLE = "right style"  # full marks
    MUTANT = "mutant"  # less than full marks


@dataclass(frozen=True)
class Candidate:
    """One solution of one exercise. `name` is that of a mistake or a right style; `source` the module of a mutant."""

    origin: Origin
    exercise: str
    name: str = ""
    source: str = ""


def cells_of(candidate: Candidate, assignment: Assignment) -> tuple[str, ...]:
    """The candidate as the code cells of a submission that runs without this package, for grading in the sandbox."""
    references = assignment.solutions.read_text("utf-8")
    match candidate.origin:
        case Origin.REFERENCE:
            return (references,)
        case Origin.EMPTY:
            return (f"def {candidate.exercise}(*args, **kwargs):\n    raise NotImplementedError()",)
        case Origin.MUTANT:
            return (candidate.source,)
    mistakes, beside = _as_a_student_writes_it(assignment.mistakes.read_text("utf-8"), candidate)
    written = {**beside, candidate.exercise: candidate.name}
    return references, mistakes, "\n".join(f"{exercise} = {name}" for exercise, name in written.items())


def _as_a_student_writes_it(source: str, candidate: Candidate) -> tuple[str, dict[str, str]]:
    """mistakes.py without imports of this package and decorators from it, and without namesakes of the candidate.

    Besides, what the candidate is written beside of: exercise -> name of a function in mistakes.py.
    """
    tree = ast.parse(source)
    imports = {node: names for node in tree.body if (names := _names_from_us(node))}
    ours = set().union(*imports.values())
    tree.body = [node for node in tree.body if node not in imports and not _is_namesake(node, candidate, ours)]
    beside: dict[str, str] = {}
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            from_us = [decorator for decorator in node.decorator_list if _root(decorator) in ours]
            node.decorator_list = [decorator for decorator in node.decorator_list if decorator not in from_us]
            if node.name == candidate.name:
                beside |= _beside(from_us)
    return ast.unparse(tree), beside


def _beside(decorators: list[ast.expr]) -> dict[str, str]:
    """`beside={"mlp_forward": other}` of a decorator as {"mlp_forward": "other"}."""
    keywords = [keyword for one in decorators if isinstance(one, ast.Call) for keyword in one.keywords]
    written = [one.value for one in keywords if one.arg == "beside" and isinstance(one.value, ast.Dict)]
    return {
        ast.literal_eval(exercise): ast.unparse(function)
        for one in written
        for exercise, function in zip(one.keys, one.values, strict=True)
        if exercise is not None
    }


def _names_from_us(node: ast.stmt) -> set[str]:
    """The names that an import of this package makes."""
    if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "autograder":
        return {alias.asname or alias.name for alias in node.names}
    if isinstance(node, ast.Import):
        return {alias.asname or "autograder" for alias in node.names if alias.name.split(".")[0] == "autograder"}
    return set()


def _is_namesake(node: ast.stmt, candidate: Candidate, ours: set[str]) -> bool:
    """Whether it is a function of the same name for another exercise."""
    if not isinstance(node, ast.FunctionDef | ast.ClassDef) or node.name != candidate.name:
        return False
    calls = [one for one in node.decorator_list if isinstance(one, ast.Call) and _root(one) in ours]
    return all(ast.literal_eval(one.args[0]) != candidate.exercise for one in calls if one.args)


def _root(node: ast.expr) -> str:
    """The name that an expression such as `name.attribute(...)` starts with, or ""."""
    while isinstance(node, ast.Call | ast.Attribute):
        node = node.func if isinstance(node, ast.Call) else node.value
    return node.id if isinstance(node, ast.Name) else ""
