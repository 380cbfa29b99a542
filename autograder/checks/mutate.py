"""Small systematic changes of a reference: wrong solutions that nobody had to write.

A check suite that accepts one of them has a hole, or the change changes nothing (an equivalent mutant). Changes are
made in the syntax tree of one function or class; the rest of the module is kept as it is written.
"""

from __future__ import annotations

import ast
import hashlib
from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from types import CodeType
from typing import Any, cast

from autograder.checks.mutations import Change, changes_of


@dataclass(frozen=True)
class Mutant:
    """The module `source` with one change in `function`; `line` is the line of the unchanged module."""

    function: str
    kind: str
    change: str  # "dim=1 -> dim=0 in x.sum(dim=1)"; the same change at a second place ends in " #2"
    line: int
    source: str

    @property
    def id(self) -> str:
        """Ten hexadecimal digits that stay the same when lines move."""
        return hashlib.sha256(f"{self.function}\n{self.kind}\n{self.change}".encode()).hexdigest()[:10]

    @property
    def key(self) -> str:
        """How an author names it in `EQUIVALENT`: exercise and change, without the line."""
        return f"{self.function}: {self.change}"

    @property
    def description(self) -> str:
        """One line for a person."""
        return f"line {self.line}: {self.change}"


def mutants(source: str, function: str) -> tuple[Mutant, ...]:
    """Every distinct mutant of the top-level function or class named `function` in the module `source`.

    A change that does not compile, or compiles to the same code as the original or an earlier mutant, is left out.
    Raises LookupError if the module does not define `function` at its top level.
    """
    module = ast.parse(source)
    target = _definition(module, function)
    first = min([target.lineno, *(decorator.lineno for decorator in target.decorator_list)])
    lines = source.splitlines(keepends=True)
    before, after = "".join(lines[: first - 1]), "".join(lines[target.end_lineno :])
    alone = ast.Module([target], [])
    seen = {_compiled(ast.unparse(alone))}
    counted: Counter[str] = Counter()
    found = []
    for slot, enclosing in list(_slots(alone)):
        for change in changes_of(slot.node, enclosing):
            text = _changed_source(alone, slot, change)
            compiled = _compiled(text)
            if compiled is None or compiled in seen:
                continue
            seen.add(compiled)
            counted[change.text] += 1
            repeat = f" #{counted[change.text]}" if counted[change.text] > 1 else ""
            line = getattr(slot.node, "lineno", getattr(enclosing, "lineno", target.lineno))
            found.append(Mutant(function, change.kind, change.text + repeat, line, f"{before}{text}\n{after}"))
    return tuple(found)


def functions_behind(source: str, function: str, others: Collection[str]) -> tuple[str, ...]:
    """`function` and the top-level functions and classes of the module that it uses, directly or through these.

    others: names that are not followed, such as those of other exercises. Raises LookupError as `mutants` does.
    """
    module = ast.parse(source)
    defined = {node.name for node in module.body if isinstance(node, ast.FunctionDef | ast.ClassDef)}
    behind = [function]
    for name in behind:
        used = {node.id for node in ast.walk(_definition(module, name)) if isinstance(node, ast.Name)}
        behind += sorted((used & defined) - {*behind, *others})
    return tuple(behind)


@dataclass(frozen=True)
class _Slot:
    """A place in the tree that holds a node: a field of its holder, or one element of a field that is a list."""

    holder: ast.AST
    field: str
    index: int | None

    @property
    def node(self) -> ast.AST:
        value = getattr(self.holder, self.field)
        return cast(ast.AST, value if self.index is None else value[self.index])

    def value_with(self, new: tuple[ast.AST, ...]) -> Any:
        """The field's value with `new` in the node's place; several or no nodes only fit where the field is a list."""
        value = getattr(self.holder, self.field)
        if self.index is None:
            return new[0]
        changed = [*value[: self.index], *new, *value[self.index + 1 :]]
        return changed or ([ast.Pass()] if isinstance(self.node, ast.stmt) else changed)


def _definition(module: ast.Module, name: str) -> ast.FunctionDef | ast.ClassDef:
    for node in module.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and node.name == name:
            return node
    raise LookupError(f"no function or class {name} at the top level of this module")


_NOT_CHANGED = {"annotation", "returns", "type_params", "bases", "type_comment", "target", "targets", "msg", "ctx"}


def _slots(holder: ast.AST, enclosing: ast.AST | None = None) -> Iterator[tuple[_Slot, ast.AST | None]]:
    """Every place that may change, outermost first, with the expression or statement around it.

    Annotations, docstrings, f-strings, the targets of assignments and what an exception says are left alone.
    """
    for field, value in ast.iter_fields(holder):
        if field in _NOT_CHANGED or isinstance(holder, ast.JoinedStr | ast.Raise):
            continue
        for index, node in enumerate(value) if isinstance(value, list) else [(None, value)]:
            if not isinstance(node, ast.AST) or _is_text(node):
                continue
            yield _Slot(holder, field, index), enclosing
            yield from _slots(node, node if isinstance(node, ast.stmt | ast.expr) else enclosing)


def _is_text(node: ast.AST) -> bool:
    """Whether a statement is a bare string: a docstring, or a comment written as one."""
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


def _changed_source(target: ast.AST, slot: _Slot, change: Change) -> str:
    original = getattr(slot.holder, slot.field)
    setattr(slot.holder, slot.field, slot.value_with(change.new))
    try:
        return ast.unparse(target)
    finally:
        setattr(slot.holder, slot.field, original)


def _compiled(text: str) -> tuple[Any, ...] | None:
    """What the source compiles to, free of line numbers; None if it does not compile."""
    try:
        return _without_lines(compile(text, "<mutant>", "exec", dont_inherit=True))
    except (SyntaxError, ValueError):
        return None


def _without_lines(code: CodeType) -> tuple[Any, ...]:
    constants = tuple(
        _without_lines(const) if isinstance(const, CodeType) else (type(const).__name__, repr(const))
        for const in code.co_consts
    )
    return code.co_name, code.co_code, code.co_names, code.co_varnames, code.co_freevars, code.co_flags, constants
