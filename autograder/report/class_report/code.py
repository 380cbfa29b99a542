"""What students wrote, made comparable and anonymous: no comments, no docstrings, no names of their own."""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from autograder.report.class_report.names import SOMEONE

LONGEST_CODE = 60_000  # characters that are parsed
_UNNAMED = "this_mistake"
_SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


@dataclass(frozen=True)
class Written:
    """What a student's cell defines, as Python writes it: no comments, no docstrings, no tries; the exercise last."""

    exercise: str
    text: str


def read_code(source: str, exercise: str) -> Written | None:
    """The definitions of a cell; None where it is not Python, too long or too deep, or does not define the exercise."""
    tree = parsed(source)
    if tree is None:
        return None
    try:
        kept = _kept(tree, exercise)
        return Written(exercise, _text(kept)) if kept else None
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def parsed(source: str) -> ast.Module | None:
    """The tree of a cell, None of what Python cannot read."""
    if len(source) > LONGEST_CODE:
        return None
    try:
        return ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def anonymous(written: Written, mask: Callable[[str], str]) -> Written:
    """The code without people's names: in its strings, and where it calls something of its own after somebody."""
    tree = ast.parse(written.text)
    bound = {name for node in ast.walk(tree) for name in _bound(node)} - {written.exercise}
    named = {name for name in bound if mask(name) != name}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            node.value = mask(node.value)
        elif isinstance(node, ast.Name) and node.id in named:
            node.id = SOMEONE
        elif isinstance(node, ast.arg) and node.arg in named:
            node.arg = SOMEONE
        elif isinstance(node, _SCOPES) and node.name in named:
            node.name = SOMEONE
    return Written(written.exercise, _text(tree.body))


def draft_mistake(written: Written, count: int) -> str:
    """The beginning of an entry of mistakes.py, for the instructor to complete."""
    *helpers, definition = ast.parse(written.text).body
    assert isinstance(definition, _SCOPES)
    for node in ast.walk(definition):
        if isinstance(node, ast.Name) and node.id == written.exercise:
            node.id = _UNNAMED
    definition.name = _UNNAMED
    head = f"# {count} submissions do this; name it after what goes wrong, and say so to whoever does it"
    mark = f'@mistake("{written.exercise}", hint="...")'
    return "\n\n\n".join([*map(ast.unparse, helpers), f"{head}\n{mark}\n{ast.unparse(definition)}"])


def normalised(written: Written) -> str:
    """A digest of the code: equal for equal code under other names."""
    words = " ".join(tokens(ast.parse(written.text)))
    return hashlib.sha256(words.encode("utf-8", "replace")).hexdigest()[:16]


def tokens(tree: ast.AST) -> list[str]:
    """The code as words, in the order of reading, with one word for every name that the code itself binds."""
    bound = {name for node in ast.walk(tree) for name in _bound(node)}
    return list(_tokens(tree, bound))


def _tokens(tree: ast.AST, bound: set[str]) -> Iterator[str]:
    stack = [tree]
    while stack:  # a stack of its own: a student's expression may be nested as deeply as the parser allows
        node = stack.pop()
        yield type(node).__name__
        if isinstance(node, ast.Name):
            yield "own" if node.id in bound else node.id
        elif isinstance(node, ast.Attribute):
            yield node.attr
        elif isinstance(node, ast.Constant):
            yield repr(node.value)[:40]
        elif isinstance(node, ast.keyword):
            yield node.arg or "**"
        stack += [
            child for child in reversed(list(ast.iter_child_nodes(node))) if not isinstance(child, ast.Load | ast.Store)
        ]


def _bound(node: ast.AST) -> tuple[str, ...]:
    if isinstance(node, ast.arg):
        return (node.arg,)
    if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
        return (node.id,)
    return (node.name,) if isinstance(node, _SCOPES) else ()


def _kept(tree: ast.Module, exercise: str) -> list[ast.stmt]:
    """The definitions, imports and constants of a cell, the exercise last, without docstrings; none without it."""
    definitions = [node for node in tree.body if isinstance(node, _SCOPES)]
    own = [node for node in definitions if node.name == exercise]
    if not own:
        return []
    values = (ast.Import, ast.ImportFrom, ast.Assign, ast.AnnAssign)
    others = [
        node for node in tree.body if isinstance(node, values) or (isinstance(node, _SCOPES) and node.name != exercise)
    ]
    for node in (*definitions, *(inner for outer in definitions for inner in ast.walk(outer))):
        if isinstance(node, _SCOPES) and ast.get_docstring(node, clean=False) is not None:
            node.body = node.body[1:] or [ast.Pass()]
    return [*others, own[-1]]


def _text(nodes: list[ast.stmt]) -> str:
    return "\n\n\n".join(map(ast.unparse, nodes))
