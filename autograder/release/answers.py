"""What must not reach students: the telling lines of references, hidden checks and mistakes; all answers of a quiz.

A statement tells something when it does at least two things (a call, an operator, an index, a named argument, ...), or
one and is long: `return loss` and `import torch` do not, `return exps / exps.sum(dim=1)` does. Titles (docstrings) and
hints are no secret; students read them in their feedback. Of a quiz, hints and explanations are secret.
"""

from __future__ import annotations

import ast
import contextlib
import io
import tokenize
from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec

from autograder.course import Assignment
from autograder.errors import ReleaseError
from autograder.quiz.bank import BuiltQuestion
from autograder.quiz.variant import Variant

SHORTEST_STATEMENT, SHORTEST_EXPRESSION, LONG = 12, 20, 40  # characters, without spaces
DEEDS = (
    ast.Call,
    ast.keyword,
    ast.BinOp,
    ast.AugAssign,
    ast.Compare,
    ast.BoolOp,
    ast.Subscript,
    ast.IfExp,
    ast.ListComp,
    ast.SetComp,
    ast.DictComp,
    ast.GeneratorExp,
    ast.Lambda,
)


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """One telling line. `forms` are its spellings as `squeezed` gives them; `in_prose`: markdown cells may hold it."""

    line: str
    origin: str
    forms: frozenset[bytes]
    in_prose: bool = False


def answers(assignment: Assignment, root: Path) -> tuple[Answer, ...]:
    """Every telling line that students of the assignment must not get. Files that do not exist have none.

    `root` is the course folder, from which the origins of the lines are named.
    """
    found: dict[frozenset[bytes], Answer] = {}
    for path in (assignment.solutions, assignment.checks, assignment.mistakes):
        for answer in _answers_of(path, assignment, root) if path.is_file() else ():
            found.setdefault(answer.forms, answer)
    return tuple(found.values())


def quiz_answers(assignment: Assignment, questions: Iterable[BuiltQuestion], root: Path) -> tuple[Answer, ...]:
    """Every right answer, hint and explanation of every variant, and the lines of quiz.py that no prompt shows."""
    questions = tuple(questions)
    if not questions:
        return ()
    shown = squeezed("\n".join(variant.asked(one.name) for one in questions for variant in one.variants))
    found: dict[frozenset[bytes], Answer] = {}
    for answer in _answers_of(assignment.quiz, assignment, root):
        if not any(form in shown for form in answer.forms):
            found.setdefault(answer.forms, answer)
    file = assignment.quiz.relative_to(root).as_posix()
    for question in questions:
        for number, variant in enumerate(question.variants):
            for text in _secrets(question.name, variant):
                forms = frozenset({squeezed(text), squeezed(repr(text)[1:-1])})
                origin = f'{file}, question "{question.name}", variant {number}'
                found.setdefault(forms, Answer(line=" ".join(text.split())[:100], origin=origin, forms=forms))
    return tuple(found.values())


def _secrets(name: str, variant: Variant) -> Iterator[str]:
    """The texts of a variant that no student may have before the feedback."""
    own = squeezed(variant.asked(name))
    assigned = f"{name} = {variant.typed(variant.right)}"
    if squeezed(assigned) not in own or variant.given_away():  # `q = "a"` is how any letter is typed
        yield assigned
    yield from variant.secrets()
    texts = (variant.explanation, *(wrong.hint for wrong in variant.wrongs))
    yield from (text for text in texts if len(squeezed(text)) >= SHORTEST_STATEMENT)


def squeezed(text: str | bytes) -> bytes:
    """Without white space and NUL (of UTF-16 and UTF-32), with one kind of quotes, so that layout hides nothing."""
    data = text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text
    return data.translate(bytes.maketrans(b'"', b"'"), b"\0 \t\r\n\x0b\x0c")


def code_forms(source: str) -> set[str]:
    """A text of code as it is, without comments, and in Python's own spelling, as far as it is Python."""
    forms = {source, _without_comments(source)}
    with contextlib.suppress(SyntaxError, ValueError, RecursionError):
        forms.add(ast.unparse(ast.parse(source)))
    return forms


def _answers_of(path: Path, assignment: Assignment, root: Path) -> Iterator[Answer]:
    source = path.read_text(encoding="utf-8")
    try:
        tree = ast.parse(source)
    except SyntaxError as error:
        raise ReleaseError(f"{path}: line {error.lineno}: is not Python ({error.msg}); correct it") from None
    lines = source.encode().splitlines(keepends=True)
    is_reference = path == assignment.solutions
    for statement, is_wrong in _statements(tree.body, is_wrong=False):
        is_right = not is_wrong and (is_reference or path == assignment.mistakes)
        texts = list(_telling_texts(statement, lines, expressions=is_right))
        if texts:
            yield Answer(
                line=" ".join(_without_comments(texts[0]).split()),
                origin=f"{path.relative_to(root).as_posix()}, line {statement.lineno}",
                forms=frozenset(squeezed(form) for text in texts for form in _spellings(text)),
                in_prose=is_wrong,
            )


def _statements(body: Iterable[ast.stmt], is_wrong: bool) -> Iterator[tuple[ast.stmt, bool]]:
    """All statements but imports, and whether each belongs to a function marked @mistake."""
    for node in body:
        if isinstance(node, ast.Import | ast.ImportFrom):
            continue
        inner = is_wrong
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            inner = is_wrong or any(_decorator_name(decorator) == "mistake" for decorator in node.decorator_list)
        else:
            yield node, is_wrong
        for part in _blocks(node):
            yield from _statements(part, inner)


def _blocks(node: ast.stmt) -> Iterator[list[ast.stmt]]:
    for field in ("body", "orelse", "finalbody"):
        yield getattr(node, field, [])
    for branch in [*getattr(node, "handlers", []), *getattr(node, "cases", [])]:
        yield branch.body


def _telling_texts(statement: ast.stmt, lines: list[bytes], *, expressions: bool) -> Iterator[str]:
    """The statement (of a block, its head), and with `expressions` what it computes or tests."""
    is_block = any(_blocks(statement))
    parts = [part for part in ast.iter_child_nodes(statement) if not isinstance(part, ast.stmt)] if is_block else []
    head = _head(statement, lines) if is_block else _text(statement, lines)
    if _tells(parts or [statement], head, SHORTEST_STATEMENT):
        yield head
    value = getattr(statement, "value", None) or getattr(statement, "test", None)
    if expressions and isinstance(value, ast.expr) and not isinstance(statement, ast.AugAssign):
        text = _text(value, lines)
        if _tells([value], text, SHORTEST_EXPRESSION):
            yield text


def _head(statement: ast.stmt, lines: list[bytes]) -> str:
    """`for p in params:` of a for statement."""
    first = next(block for block in _blocks(statement) if block)[0]
    return _cut(lines, (statement.lineno, statement.col_offset), (first.lineno, first.col_offset))


def _text(node: ast.stmt | ast.expr, lines: list[bytes]) -> str:
    end = (node.end_lineno or node.lineno, node.end_col_offset or node.col_offset)
    return _cut(lines, (node.lineno, node.col_offset), end)


def _cut(lines: list[bytes], start: tuple[int, int], end: tuple[int, int]) -> str:
    """The text between two places of the syntax tree: rows from 1, columns in bytes."""
    cut = lines[start[0] - 1 : end[0]]
    cut[-1] = cut[-1][: end[1]]
    cut[0] = cut[0][start[1] :]
    return b"".join(cut).decode().strip()


def _tells(nodes: Iterable[ast.AST], text: str, shortest: int) -> bool:
    deeds = sum(isinstance(inner, DEEDS) for node in nodes for inner in ast.walk(node))
    length = len(squeezed(_without_comments(text)))
    return (deeds >= 2 and length >= shortest) or (deeds == 1 and length >= LONG)


def _spellings(text: str) -> set[str]:
    """Of one statement, without comments; the head of a block gets a body, to be spelled by Python."""
    text = _without_comments(text).strip()
    forms = code_forms(text)
    if text.endswith(":"):
        with contextlib.suppress(SyntaxError):  # `elif` and `case` stay as written
            forms.add(ast.unparse(ast.parse(f"{text} pass")).splitlines()[0])
    return forms


def _without_comments(source: str) -> str:
    lines = source.splitlines(keepends=True)
    try:
        tokens = list(tokenize.generate_tokens(io.StringIO(source).readline))
    except (tokenize.TokenError, SyntaxError):  # an expression over several lines, cut out of its brackets
        return source
    for token in reversed(tokens):
        if token.type == tokenize.COMMENT:
            row, column = token.start
            lines[row - 1] = lines[row - 1][:column] + lines[row - 1][token.end[1] :]
    return "".join(lines)


def _decorator_name(node: ast.expr) -> str:
    node = node.func if isinstance(node, ast.Call) else node
    return node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")
