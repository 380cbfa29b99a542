"""Which object is graded for an exercise.

A student defines `accuracy`, then tries it: `accuracy = accuracy(logits, labels)`. The function must be graded all the
same. So every top-level statement that binds the name of an exercise is followed by a look at what it was bound to; the
last function or class made in the notebook counts, unless it is the untouched stub; failing that, the last callable.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from types import CodeType, FunctionType
from typing import Any

LOOK = "__torchmark_look__"  # the name under which a cell calls `Bindings.look`


class Bindings:
    """Watches what the names of the exercises are bound to while the cells run."""

    def __init__(self, namespace: dict[str, Any], exercises: Sequence[str], stubs: Mapping[str, str]) -> None:
        self.cell = 0  # index of the cell that runs
        self._namespace = namespace
        self._names = frozenset(exercises)
        self._stubs = {name: _shape_of_source(source, name) for name, source in stubs.items()}
        self._made: dict[str, tuple[int, Any]] = {}  # made in the notebook, not the stub
        self._callable: dict[str, tuple[int, Any]] = {}
        self._seen: dict[str, Any] = {}

    def look(self) -> None:
        """Note what the names are bound to now."""
        for name in self._names:
            if name not in self._namespace:
                continue
            value = self._namespace[name]
            if self._seen.get(name) is value:
                continue
            self._seen[name] = value
            if self._is_made_here(value) and not self._is_stub(name, value):
                self._made[name] = self.cell, value
            elif callable(value):
                self._callable[name] = self.cell, value

    def settle(self) -> dict[str, int | None]:
        """Bind each name to the object that is graded; the cell that bound it, None where there is none."""
        defined: dict[str, int | None] = {}
        for name in self._names:
            cell, value = self._made.get(name) or self._callable.get(name) or (None, None)
            defined[name] = cell
            if cell is not None:
                self._namespace[name] = value
        return defined

    def transformer(self) -> ast.NodeTransformer:
        """Puts a look behind each top-level statement of a cell that may bind the name of an exercise."""
        return _Looks(self._names)

    def _is_made_here(self, value: Any) -> bool:
        kind = type(value)
        if kind is FunctionType:
            return value.__globals__ is self._namespace or value.__module__ == "__main__"
        return issubclass(kind, type) and type.__dict__["__dict__"].__get__(value).get("__module__") == "__main__"

    def _is_stub(self, name: str, value: Any) -> bool:
        return name in self._stubs and _shape_of(value) == self._stubs[name]


class _Looks(ast.NodeTransformer):
    def __init__(self, names: frozenset[str]) -> None:
        self._names = names

    def visit_Module(self, module: ast.Module) -> ast.Module:
        body: list[ast.stmt] = []
        for position, statement in enumerate(module.body):
            body.append(statement)
            is_last = position == len(module.body) - 1  # the end of the cell is looked at anyway
            if not is_last and self._names & {*_bound_by(statement)}:
                look = ast.parse(f"{LOOK}()").body[0]
                body.append(ast.copy_location(look, statement))
        module.body = body
        return module


def _bound_by(statement: ast.stmt) -> list[str]:
    """Names that a statement may bind, as far as its syntax shows."""
    names = []
    for node in ast.walk(statement):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.append(node.name)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.append(node.id)
        elif isinstance(node, ast.alias):
            names.append(node.asname or node.name)
    return names


def _shape_of_source(source: str, name: str) -> Any:
    """`_shape_of` what a source binds to `name`; None where it cannot be said."""
    try:
        module = compile(source, "<stub>", "exec", dont_inherit=True)
    except (SyntaxError, ValueError):
        return None
    for constant in module.co_consts:
        if isinstance(constant, CodeType) and constant.co_name == name:
            return _shape_of_code(constant)
    return None


def _shape_of(value: Any) -> Any:
    """What a function does, wherever it stands: its code without file names and line numbers."""
    if type(value) is FunctionType:
        return _shape_of_code(value.__code__)
    return None


def _shape_of_code(code: CodeType) -> Any:
    constants = tuple(_shape_of_code(item) if isinstance(item, CodeType) else repr(item) for item in code.co_consts)
    return code.co_code, code.co_names, code.co_varnames, code.co_argcount, constants
