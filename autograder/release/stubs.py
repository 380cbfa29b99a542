"""The solution cell of an exercise, made from its reference: what students see, and what stands in its place.

Seen: decorators, signature, docstring; of a class also the signatures and docstrings of its public methods and its
annotations without a value. All else goes into nbgrader solution regions. Comments around the docstring are dropped.
"""

from __future__ import annotations

import ast
import builtins
import io
import symtable
import tokenize
from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec

from autograder.errors import ReleaseError

BEGIN, END = "### BEGIN SOLUTION", "### END SOLUTION"
PLACEHOLDER = ("# YOUR CODE HERE", "raise NotImplementedError()")  # nbgrader's own

Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
Lines = list[str]


class Template(msgspec.Struct, frozen=True, kw_only=True):
    """One exercise as source. `full` has the reference in solution regions, `stub` is what students get."""

    name: str
    full: str
    stub: str


def read_templates(path: Path, names: Iterable[str]) -> dict[str, Template]:
    """The templates of the functions and classes called `names` in a module of references. Raises ReleaseError."""
    source = path.read_text(encoding="utf-8")
    module = _Module(path, source)
    found = {node.name: node for node in ast.parse(source).body if isinstance(node, Definition)}
    return {name: module.template(found[name]) for name in names}


class _Module:
    """The text of one module of references, for cutting definitions out of it line by line."""

    def __init__(self, path: Path, source: str) -> None:
        self.path = path
        self.lines = source.split("\n")  # as the syntax tree counts them
        self.tokens = list(tokenize.generate_tokens(io.StringIO(source).readline))

    def template(self, node: Definition) -> Template:
        for line in range(_first_line(node), _end(node) + 1):
            if "BEGIN SOLUTION" in self.lines[line - 1] or "END SOLUTION" in self.lines[line - 1]:
                raise self._error(line, f"a solution marker in `{node.name}`; remove it, `grader release` sets them")
        parts = self._class(node) if isinstance(node, ast.ClassDef) else self._function(node, [])
        full, stub = list(_with_regions(parts)), list(_with_placeholders(parts))
        return Template(name=node.name, full="\n".join(full), stub="\n".join(stub))

    def _function(self, node: Definition, extra: Lines) -> list[tuple[Lines, Lines]]:
        """[(visible lines, hidden lines)]. `extra` are further hidden lines, such as private methods."""
        visible, last = self._head(node)
        hidden = _trimmed(self.lines[last : _end(node)])
        if not hidden:
            raise self._error(node.lineno, f"`{node.name}` has no body; write the reference")
        return [(visible, hidden + extra)]

    def _class(self, node: ast.ClassDef) -> list[tuple[Lines, Lines]]:
        visible, last = self._head(node)
        statements = [statement for statement in node.body if statement.lineno > last]
        methods = [statement for statement in statements if _is_public_method(statement)]
        if not methods:
            return self._function(node, [])
        for statement in statements:
            if isinstance(statement, ast.AnnAssign) and statement.value is None:
                visible += self._text(statement)
        parts: list[tuple[Lines, Lines]] = [(visible, [])]
        for position, method in enumerate(methods):
            assert isinstance(method, Definition)
            lower = 0 if position == 0 else method.lineno
            upper = methods[position + 1].lineno if position + 1 < len(methods) else _end(node) + 1
            private = [s for s in statements if s not in methods and lower <= s.lineno < upper and not _is_bare(s)]
            extra = [line for statement in private for line in ["", *self._text(statement)]]
            parts += [([""], []), *self._function(method, extra)]
        return parts

    def _head(self, node: Definition) -> tuple[Lines, int]:
        """Decorators, signature and docstring, and the number of their last line."""
        row, column = self._colon(node)
        visible = self.lines[_first_line(node) - 1 : row]
        visible[-1] = self.lines[row - 1][: column + 1]
        body = node.body
        if body[0].lineno == row:
            raise self._error(row, f"the body of `{node.name}` stands on the line of its signature; start a new line")
        if ast.get_docstring(node, clean=False) is None:
            return visible, row
        last = _end(body[0])
        if len(body) > 1 and body[1].lineno == last:
            raise self._error(last, f"code on the line of the docstring of `{node.name}`; start a new line")
        return visible + self._text(body[0]), last

    def _colon(self, node: Definition) -> tuple[int, int]:
        """Row and column of the colon that ends the signature."""
        depth = 0
        for token in self.tokens:
            if token.start < (node.lineno, node.col_offset) or token.type != tokenize.OP:
                continue
            depth += (token.string in "([{") - (token.string in ")]}")
            if token.string == ":" and depth == 0:
                return token.start
        raise self._error(node.lineno, f"cannot find the end of the signature of `{node.name}`")

    def _text(self, node: ast.stmt) -> Lines:
        return self.lines[_first_line(node) - 1 : _end(node)]

    def _error(self, line: int, what: str) -> ReleaseError:
        return ReleaseError(f"{self.path}: line {line}: {what}")


def missing_names(stub: str, earlier_code: Iterable[str]) -> list[str]:
    """Names that Python looks up while it defines `stub`, and that neither it nor an earlier code cell defines."""
    known = set(dir(builtins))
    for source in earlier_code:
        names = _defined_names(source)
        if "*" in names:
            return []
        known |= names
    return sorted(set(_names_at_definition(ast.parse(stub).body)) - known)


def import_line(path: Path, name: str) -> str:
    """The import in a module of references that defines `name`, "" where there is none."""
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Import | ast.ImportFrom):
            for alias in node.names:
                if (alias.asname or alias.name.split(".")[0]) == name:
                    start = f"from {node.module} import" if isinstance(node, ast.ImportFrom) else "import"
                    return f"{start} {alias.name}" + (f" as {alias.asname}" if alias.asname else "")
    return ""


def plain_python(source: str) -> str:
    """A notebook cell with IPython's magics (`%matplotlib inline`, `!ls`) turned into Python."""
    from IPython.core.inputtransformer2 import TransformerManager  # 0.3 s

    return str(TransformerManager().transform_cell(source))


def _defined_names(source: str) -> set[str]:
    """Names that a code cell binds at its top level; "*" stands for an import of everything."""
    code = plain_python(source)
    if any(
        isinstance(node, ast.ImportFrom) and any(alias.name == "*" for alias in node.names)
        for node in ast.walk(ast.parse(code))
    ):
        return {"*"}
    symbols = symtable.symtable(code, "cell", "exec").get_symbols()
    return {symbol.get_name() for symbol in symbols if symbol.is_assigned() or symbol.is_imported()}


def _names_at_definition(statements: Iterable[ast.stmt]) -> Iterator[str]:
    for node in statements:
        if isinstance(node, ast.ClassDef):
            yield from _names(node.decorator_list + node.bases + [keyword.value for keyword in node.keywords])
            yield from _names_at_definition(node.body)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            arguments = [node.args.vararg, node.args.kwarg]
            arguments += node.args.posonlyargs + node.args.args + node.args.kwonlyargs
            annotations = [argument.annotation for argument in arguments if argument] + [node.returns]
            yield from _names(node.decorator_list + node.args.defaults)
            yield from _names(default for default in node.args.kw_defaults if default)
            yield from _names(annotation for annotation in annotations if annotation)
        elif isinstance(node, ast.AnnAssign):
            yield from _names([node.annotation])


def _names(expressions: Iterable[ast.expr]) -> Iterator[str]:
    for expression in expressions:
        for node in ast.walk(expression):
            if isinstance(node, ast.Name):
                yield node.id


def _with_regions(parts: list[tuple[Lines, Lines]]) -> Iterator[str]:
    for visible, hidden in parts:
        yield from visible
        if hidden:
            indent = _indent(hidden)
            yield from [indent + BEGIN, *hidden, indent + END]


def _with_placeholders(parts: list[tuple[Lines, Lines]]) -> Iterator[str]:
    for visible, hidden in parts:
        yield from visible
        if hidden:
            yield from (_indent(hidden) + line for line in PLACEHOLDER)


def _indent(lines: Lines) -> str:
    first = next(line for line in lines if line.strip())
    return first[: len(first) - len(first.lstrip())]


def _is_public_method(node: ast.stmt) -> bool:
    if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        return False
    return not node.name.startswith("_") or (node.name.startswith("__") and node.name.endswith("__"))


def _is_bare(node: ast.stmt) -> bool:
    """`width: int`: an annotation without a value, which students see."""
    return isinstance(node, ast.AnnAssign) and node.value is None


def _first_line(node: ast.stmt) -> int:
    decorators = node.decorator_list if isinstance(node, Definition) else []
    return min([node.lineno, *(decorator.lineno for decorator in decorators)])


def _end(node: ast.stmt) -> int:
    return node.end_lineno or node.lineno


def _trimmed(lines: Lines) -> Lines:
    """Without blank lines at either end."""
    text = [line.rstrip() for line in lines]
    while text and not text[0]:
        text = text[1:]
    while text and not text[-1]:
        text = text[:-1]
    return text
