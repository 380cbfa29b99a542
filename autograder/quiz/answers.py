"""What a student answered, read from the source of the notebook's cells: nothing of the student's is run here.

An answer is a top-level statement that binds the question's name: `axis_sum = (2, 4)`. Those in the question's own cell
count before those elsewhere, and of several the last. What is no literal was computed; its value is fetched from the
executed notebook.
"""

from __future__ import annotations

import ast
import warnings
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from autograder.quiz.released import form_dtype

LONGEST_CELL = 50_000  # characters of a cell that is looked at
LONGEST_TEXT = 500  # characters of an answer that are shown


@dataclass(frozen=True)
class AnswerCell:
    """A code cell of a submission. is_own: it is the question's own cell, in which the answer belongs."""

    number: int
    source: str
    is_own: bool


@dataclass(frozen=True)
class Given:
    """What stands in a notebook for one question.

    text: the answer as typed, "" where there is none. node: its expression, None where a statement of another kind
    (a `def`, a loop) binds the name. others: further answers, which do not count. trouble: why nothing could be read.
    """

    text: str = ""
    node: ast.expr | None = None
    others: tuple[str, ...] = ()
    trouble: str = ""

    @property
    def is_answered(self) -> bool:
        """False where the cell is as it was released."""
        return bool(self.text)


@dataclass(frozen=True)
class _Binding:
    """A statement that binds the name of a question."""

    text: str
    node: ast.expr | None
    is_own: bool
    shape: str  # equal for equal answers


def find_answer(name: str, cells: Iterable[AnswerCell]) -> Given:
    """The answer to the question `name`, from the cells in the order in which they stand."""
    found: list[_Binding] = []
    trouble = ""
    for cell in cells:
        tree = _tree(cell.source) if name in cell.source else ast.Module([], [])
        if tree is None:
            trouble = trouble or ("the cell is not Python" if cell.is_own else "")
            continue
        found += _bindings(name, tree, cell)
    chosen = [one for one in found if one.is_own] or found
    if not chosen:
        return Given(trouble=trouble)
    last = chosen[-1]
    others = dict.fromkeys(one.text for one in found if one.shape != last.shape)
    return Given(text=last.text, node=last.node, others=tuple(others))


def read_literal(node: ast.expr | None) -> Any:
    """The value of a literal; of `torch.float32` its text. Raises ValueError for anything that has to be computed."""
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and not form_dtype(node.attr):
        return f"torch.{node.attr}"
    if node is None:
        raise ValueError("bound by a statement")
    try:
        return ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError) as error:
        raise ValueError("not a literal") from error


def is_function(node: ast.expr | None) -> bool:
    """Is it a function written out, `lambda x: 2 * x`?"""
    return isinstance(node, ast.Lambda)


def _tree(source: str) -> ast.Module | None:
    """The syntax tree of a cell, its magics left out; None where it is not Python, or too much of it."""
    if len(source) > LONGEST_CELL:
        return None
    lines = source.splitlines()
    plain = "\n".join("" if line.lstrip()[:1] in ("%", "!", "?") else line for line in lines)
    for text in (source, plain):
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # "\d" in a student's string
                return ast.parse(text)
        except (SyntaxError, ValueError, MemoryError, RecursionError):
            continue
    return None


def _bindings(name: str, tree: ast.Module, cell: AnswerCell) -> Iterator[_Binding]:
    for statement in tree.body:
        value = _assigned(name, statement)
        if isinstance(value, ast.Constant) and value.value in (..., None):
            continue
        if value is not None:
            yield _Binding(_text(value, cell.source), value, cell.is_own, _shape(value))
        elif _binds(name, statement):
            text = _text(statement, cell.source)
            yield _Binding(text, None, cell.is_own, text)


def _assigned(name: str, statement: ast.stmt) -> ast.expr | None:
    """The right side of `name = ...`."""
    if isinstance(statement, ast.AnnAssign):
        return statement.value if isinstance(statement.target, ast.Name) and statement.target.id == name else None
    if not isinstance(statement, ast.Assign):
        return None
    is_it = any(isinstance(target, ast.Name) and target.id == name for target in statement.targets)
    return statement.value if is_it else None


def _binds(name: str, statement: ast.stmt) -> bool:
    """May the statement bind the name in any other way?"""
    if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return statement.name == name
    return any(
        isinstance(node, ast.Name) and node.id == name and isinstance(node.ctx, ast.Store) for node in _walk(statement)
    )


def _walk(statement: ast.stmt) -> Iterator[ast.AST]:
    """The nodes of a statement outside of functions and classes in it."""
    todo: list[ast.AST] = [statement]
    while todo:
        node = todo.pop()
        yield node
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda):
            todo += ast.iter_child_nodes(node)


def _text(node: ast.AST, source: str) -> str:
    text = (ast.get_source_segment(source, node) or "?").strip()
    return text if len(text) <= LONGEST_TEXT else text[:LONGEST_TEXT] + " ..."


def _shape(node: ast.expr) -> str:
    try:
        return ast.dump(node)
    except (RecursionError, ValueError):  # ValueError: a number of more digits than Python writes
        return ""
