"""The functions of mistakes.py as students would have written them: source text, named after their exercise."""

from __future__ import annotations

import ast
import builtins
from dataclasses import dataclass

from autograder.course import Assignment
from autograder.errors import CourseError

REFERENCE = "as_the_reference"
_MARKS = ("mistake", "also_right")
Definition = ast.FunctionDef | ast.ClassDef


@dataclass(frozen=True)
class Variant:
    """One way to solve an exercise, right or wrong. `source` defines the exercise's name and all that it needs."""

    name: str
    exercise: str
    is_right: bool
    source: str


def read_variants(assignment: Assignment, docstrings: dict[str, str], present: frozenset[str]) -> tuple[Variant, ...]:
    """Return the mistakes and the right styles of the assignment, in the order of mistakes.py.

    Those that are written beside another function of the same student's are left out.

    docstrings: of the stubs, by exercise. present: names that the notebook has at hand, so that no import is repeated.
    Raises CourseError.
    """
    try:
        tree = ast.parse(assignment.mistakes.read_bytes())
    except OSError as error:
        raise CourseError(
            f"{assignment.mistakes}: cannot be read ({error.strerror}); write it, or restore it"
        ) from None
    except SyntaxError as error:
        raise CourseError(
            f"{assignment.mistakes}: line {error.lineno}: is not Python ({error.msg}); correct it"
        ) from None
    top_level = _bindings(tree)
    variants = []
    for node in tree.body:
        if isinstance(node, Definition):
            for mark, exercise in () if _beside(node) else _marks(node):
                source = _source(node, exercise, top_level, docstrings.get(exercise, ""), present)
                variants.append(Variant(node.name, exercise, mark == "also_right", source))
    return tuple(variants)


def read_references(assignment: Assignment, docstrings: dict[str, str], present: frozenset[str]) -> tuple[Variant, ...]:
    """Return the references as one more right way each.

    One that rests on another exercise's function brings a copy of it under another name: the student's own may be
    wrong. The file was checked when the course was read.
    """
    names = {exercise.name for exercise in assignment.exercises}
    found = []
    for name in sorted(names):
        tree = ast.parse(assignment.solutions.read_bytes())
        _rename(tree, {other: f"_{other}" for other in names - {name}})
        top_level = _bindings(tree)
        node = top_level.pop(name)
        assert isinstance(node, Definition)
        found.append(Variant(REFERENCE, name, True, _source(node, name, top_level, docstrings[name], present)))
    return tuple(found)


def coupled_exercises(assignment: Assignment) -> tuple[str, ...]:
    """Return the exercises that mistakes.py writes beside one another: what one gives, the other takes."""
    found = set()
    for node in ast.parse(assignment.mistakes.read_bytes()).body:
        if isinstance(node, Definition) and (beside := _beside(node)):
            found |= {*beside, *(exercise for _, exercise in _marks(node))}
    return tuple(sorted(found))


def _beside(node: Definition) -> frozenset[str]:
    """The other exercises that a marked function says what is written for."""
    given = [k.value for d in node.decorator_list if isinstance(d, ast.Call) for k in d.keywords if k.arg == "beside"]
    keys = (key for one in given if isinstance(one, ast.Dict) for key in one.keys)
    return frozenset(str(key.value) for key in keys if isinstance(key, ast.Constant))


def _rename(tree: ast.Module, names: dict[str, str]) -> None:
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            node.id = names.get(node.id, node.id)
        elif isinstance(node, Definition):
            node.name = names.get(node.name, node.name)


def imported_names(source: str) -> frozenset[str]:
    """Return the names that the import lines of `source` bind; none if it is not Python."""
    try:
        tree = ast.parse(source)
    except SyntaxError:
        return frozenset()
    return frozenset(
        name for node in tree.body for name in _bound_names(node) if isinstance(node, ast.Import | ast.ImportFrom)
    )


def _marks(node: Definition) -> list[tuple[str, str]]:
    """The (decorator, exercise) pairs of a marked function."""
    calls = [d for d in node.decorator_list if isinstance(d, ast.Call) and isinstance(d.func, ast.Name) and d.args]
    found = [
        (call.func.id, call.args[0]) for call in calls if isinstance(call.func, ast.Name) and call.func.id in _MARKS
    ]
    return [(mark, str(argument.value)) for mark, argument in found if isinstance(argument, ast.Constant)]


def _source(
    node: Definition, exercise: str, top_level: dict[str, ast.stmt], docstring: str, present: frozenset[str]
) -> str:
    own = _as_student(node, exercise, docstring)
    needed = _needed(own, {name: stmt for name, stmt in top_level.items() if name not in present and name != node.name})
    blocks = [ast.unparse(_without_docstring(stmt)) for stmt in needed]
    imports = [text for text, stmt in zip(blocks, needed, strict=True) if isinstance(stmt, ast.Import | ast.ImportFrom)]
    rest = [text for text in blocks if text not in imports]
    return "\n\n\n".join(["\n".join(imports)] * bool(imports) + rest + [ast.unparse(own)])


def _as_student(node: Definition, exercise: str, docstring: str) -> Definition:
    """A copy named after the exercise, with the stub's docstring and without our marks."""
    copied = ast.parse(ast.unparse(_without_docstring(node))).body[0]
    assert isinstance(copied, Definition)
    for name in ast.walk(copied):
        if isinstance(name, ast.Name) and name.id == node.name:
            name.id = exercise
    copied.name = exercise
    copied.decorator_list = [
        d for d in copied.decorator_list
        if not (isinstance(d, ast.Call) and isinstance(d.func, ast.Name) and d.func.id in _MARKS)
    ]  # fmt: skip
    if docstring:
        copied.body.insert(0, ast.Expr(ast.Constant(docstring)))
    return copied


def _without_docstring(node: ast.stmt) -> ast.stmt:
    if not isinstance(node, Definition) or ast.get_docstring(node) is None or len(node.body) == 1:
        return node
    fields = dict(ast.iter_fields(node)) | {"body": node.body[1:]}
    return ast.copy_location(type(node)(**fields), node)


def _needed(node: ast.stmt, top_level: dict[str, ast.stmt]) -> list[ast.stmt]:
    """The statements of the module that `node` rests on, each once, in the order of the module."""
    wanted: dict[str, ast.stmt] = {}
    waiting = [node]
    while waiting:
        used = _used_names(waiting.pop())
        for name in used & (top_level.keys() - wanted.keys()):
            wanted[name] = top_level[name]
            waiting.append(top_level[name])
    order = list(dict.fromkeys(top_level.values()))
    return [statement for statement in order if statement in wanted.values()]


def _used_names(node: ast.stmt) -> set[str]:
    return {n.id for n in ast.walk(node) if isinstance(n, ast.Name)} - set(dir(builtins))


def _bindings(tree: ast.Module) -> dict[str, ast.stmt]:
    """The unmarked statements that bind names at the top level, by name. Imports are split into one per name."""
    found: dict[str, ast.stmt] = {}
    for node in tree.body:
        if isinstance(node, ast.Import | ast.ImportFrom):
            for alias in node.names:
                single = (
                    ast.Import([alias])
                    if isinstance(node, ast.Import)
                    else ast.ImportFrom(node.module, [alias], node.level)
                )
                found[(alias.asname or alias.name).split(".")[0]] = single
        elif not (isinstance(node, Definition) and _marks(node)):
            found |= dict.fromkeys(_bound_names(node), node)
    return found


def _bound_names(node: ast.stmt) -> list[str]:
    if isinstance(node, ast.Import | ast.ImportFrom):
        return [(alias.asname or alias.name).split(".")[0] for alias in node.names]
    if isinstance(node, Definition):
        return [node.name]
    if isinstance(node, ast.Assign):
        return [n.id for target in node.targets for n in ast.walk(target) if isinstance(n, ast.Name)]
    return [node.target.id] if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) else []
