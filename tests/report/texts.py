"""Every text that a student can read, found in the source: what the catalogues of other languages must hold.

An f-string is a text with places, `{wrong} of {total} entries`; where a place has a choice of texts, each is a text of
its own. Found by where texts stand: in modules that speak to students every text of several words is one, but for
what `FOR_STAFF` and `MACHINERY` name; elsewhere only what is given to certain calls.
"""

from __future__ import annotations

import ast
import itertools
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from autograder.model import QuestionState
from autograder.quiz.bank import BuiltQuestion
from autograder.report.language import DATE, each_paragraph

PROGRAM = Path(__file__).parents[2] / "autograder"
SPEAKING = (
    *(f"checks/{name}" for name in ("curves", "differences", "expect", "kinds", "naming", "numbers", "placement")),
    *(f"checks/{name}" for name in ("raised", "scoring", "student", "suite", "told", "unchanged")),
    *(f"engine/{name}" for name in ("caller", "cell_results", "check_process", "exits", "run", "session")),
    *(f"engine/{name}" for name in ("shell", "surroundings")),
    "report/words",
    "simgpu/transfers",
    *(f"grading/{name}" for name in ("by_hand", "outcome", "reading", "submission")),
    *(f"quiz/{name}" for name in ("answers", "lists", "released", "scoring", "texts", "tries", "values", "variant")),
)
FOR_STAFF = {  # exceptions and functions whose texts no student reads
    "BrokenCheckError", "CourseError", "IsolationError", "RuntimeError", "StudentSideError", "TypeError", "ValueError",
    "WireError", "print", "check_form",
}  # fmt: skip
STAFF_LISTS = {"notes", "_notes"}  # what is appended to these
CODE_OF_OURS = {  # names of texts that are run or compared, or stand in tables for staff
    "PLAIN", "EVALUATE", "program", "values", "pattern", "known", "_RESTORE", "_REASONS", "_NOTES", "_ANSWERS",
}  # fmt: skip
SILENT = {  # functions and classes that say nothing to students
    "TransferKind", "_fetch", "_compared", "_computed_text", "program", "trouble", "_from_cells", "_from_exercises",
    "_from_questions", "is_unfinished",
}  # fmt: skip
MACHINERY = {"compile", "startswith", "endswith", "replace", "removeprefix", "split", "search", "match", "listed"}
ALONE = {  # texts of one word, which cannot be told from names
    "checks/curves": ("epoch", "step"),
    "checks/expect": ("first", "second", "third", "fourth", "fifth", "{position}th"),
    "checks/numbers": ("wrong",),
    "checks/told": ("nothing",),
    "engine/cell_results": ("memory", "disk", "processes"),
    "engine/surroundings": ("autocast", "on", "off"),
    "simgpu/transfers": ("once",),
    "quiz/variant": ("right",),
    "report/words": ("passed", "failed", "skipped", "expected", "got", "complete", "forward", "backward", "late"),
}
JOINED = (  # what is put together by code that is no f-string, or stands elsewhere
    "{first}; {second}", "{sentence}.", "`{name}` {what}", "{name}: {what}", "{before} -> {after}",
    "{name} = {value}", "the result[{place}]",
    "Exercise {number}: {name}", "an earlier check", DATE,
    "simulated GPU: {what} needs a real GPU and is not simulated", *(state.value for state in QuestionState),
)  # fmt: skip
NOT_SHOWN = {"example {id}"}  # no student reads it, though it looks like a message
LONGEST_CHOICE = 32  # texts that one f-string can be
_NAME = re.compile(r"[A-Za-z_]\w*")
_WORD = re.compile(r"[^\W\d_]{2}")
HAN = re.compile(r"[\u4e00-\u9fff]")


def texts_of(node: ast.expr) -> list[str]:
    """The texts that an expression can be; what is not known before it runs is a place."""
    if isinstance(node, ast.Constant):
        return [node.value] if isinstance(node.value, str) else ["{value}"]
    if isinstance(node, ast.IfExp):
        return [*texts_of(node.body), *texts_of(node.orelse)]
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        return _products([texts_of(node.left), texts_of(node.right)])
    if isinstance(node, ast.JoinedStr):
        return _products([_texts_of_part(part) for part in node.values])
    return [f"{{{_name_of(node)}}}"]


def _texts_of_part(part: ast.expr) -> list[str]:
    if isinstance(part, ast.FormattedValue):
        has_texts = isinstance(part.value, ast.IfExp | ast.JoinedStr) and part.format_spec is None
        return texts_of(part.value) if has_texts else [f"{{{_name_of(part.value)}}}"]
    return texts_of(part)


def _products(choices: list[list[str]]) -> list[str]:
    """All ways to put them together. Places side by side are one, and of equal names the later ones get a number."""
    ways = itertools.islice(itertools.product(*choices), LONGEST_CHOICE)
    return [_numbered(re.sub(r"(\{\w+\})(\{\w+\})+", r"\1", "".join(way))) for way in ways]


def _numbered(text: str) -> str:
    seen: dict[str, int] = {}

    def name(found: re.Match[str]) -> str:
        count = seen[found[1]] = seen.get(found[1], 0) + 1
        return found[0] if count == 1 else f"{{{found[1]}_{count}}}"

    return re.sub(r"\{(\w+)\}", name, text)


def _name_of(node: ast.expr) -> str:
    """A name for a place, from the expression that fills it."""
    if isinstance(node, ast.Name):
        return node.id.strip("_") or "value"
    if isinstance(node, ast.Attribute):
        return node.attr.strip("_")
    if isinstance(node, ast.Call):
        if isinstance(node.func, ast.Attribute) and node.args and node.func.attr == "join":
            return _name_of(node.args[-1])
        return _name_of(node.args[0]) if node.args and not isinstance(node.func, ast.Attribute) else _name_of(node.func)
    if isinstance(node, ast.Subscript):
        return _name_of(node.value)
    if isinstance(node, ast.BinOp):
        return _name_of(node.left)
    if isinstance(node, ast.BoolOp):
        return _name_of(node.values[0])
    return "value"


def texts_in(path: Path) -> Iterator[str]:
    """The texts of several words in a module, in their order, but for what staff reads."""
    yield from _walk(ast.parse(path.read_text(encoding="utf-8")))


def _walk(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.JoinedStr | ast.Constant) or (isinstance(node, ast.BinOp) and _is_text(node)):
        if not isinstance(node, ast.Constant) or isinstance(node.value, str):
            yield from filter(is_message, texts_of(node))
        for part in ast.walk(node):
            if _is_plural(part):
                yield from plural_texts(part)
            if isinstance(part, ast.BoolOp):  # f"{note or 'an error'}"
                yield from (text for value in part.values for text in _walk(value))
        return
    if _is_plural(node):
        yield from plural_texts(node)
    for child in _looked_at(node):
        yield from _walk(child)


def _is_text(node: ast.expr) -> bool:
    """Is it a sum of texts?"""
    if isinstance(node, ast.BinOp):
        return isinstance(node.op, ast.Add) and (_is_text(node.left) or _is_text(node.right))
    return isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Constant) and isinstance(node.value, str))


def _is_plural(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and getattr(node.func, "id", "") == "plural"


def plural_texts(node: ast.AST) -> list[str]:
    """`plural(n, "check")` says "{count} check" or "{count} checks"."""
    assert isinstance(node, ast.Call)
    one = ast.literal_eval(node.args[1])
    many = ast.literal_eval(node.args[2]) if len(node.args) > 2 else one + "s"
    return [f"{{count}} {one}", f"{{count}} {many}"]


def _looked_at(node: ast.AST) -> Iterable[ast.AST]:
    """The parts of a node that can hold texts for students."""
    if isinstance(node, ast.FunctionDef | ast.ClassDef | ast.Module):
        defaults = node.args.defaults if isinstance(node, ast.FunctionDef) else []
        body = [*defaults, *(node.body[1:] if ast.get_docstring(node) is not None else node.body)]
        return [] if getattr(node, "name", "") in FOR_STAFF | SILENT | MACHINERY else body
    if isinstance(node, ast.Compare | ast.Assert):
        return []
    if isinstance(node, ast.Subscript):
        return [node.value]
    if isinstance(node, ast.AnnAssign):
        return [] if _target(node) in CODE_OF_OURS or node.value is None else [node.value]
    if isinstance(node, ast.Assign | ast.AugAssign):
        return [] if _target(node) in CODE_OF_OURS else [node.value]
    if isinstance(node, ast.Call):
        name = getattr(node.func, "id", getattr(node.func, "attr", ""))
        owner = getattr(node.func, "value", None)
        appended = name == "append" and getattr(owner, "id", getattr(owner, "attr", "")) in STAFF_LISTS
        if appended or name in FOR_STAFF or name in MACHINERY:
            return []
    return ast.iter_child_nodes(node)


def _target(node: ast.Assign | ast.AugAssign | ast.AnnAssign) -> str:
    target = node.targets[0] if isinstance(node, ast.Assign) else node.target
    return str(getattr(target, "id", getattr(target, "attr", "")))


def is_message(text: str) -> bool:
    """Has it several words, and is it more than a piece of code?"""
    words = re.sub(r"\{\w+\}", "", text)
    is_code = re.fullmatch(r"`[^`]*`|\([\w, ]*\)|(`{3}.*)", text, re.DOTALL)
    return bool(_WORD.search(words)) and " " in text.strip() and not is_code


def texts_of_program() -> dict[str, str]:
    """text -> the module that holds it."""
    found: dict[str, str] = {}
    for name in SPEAKING:
        for text in (*texts_in(PROGRAM / f"{name}.py"), *ALONE.get(name, ())):
            found.setdefault(as_formatted(text), name)
    found |= dict.fromkeys(JOINED, "several modules")
    return {text: name for text, name in found.items() if text not in NOT_SHOWN}


def as_formatted(text: str) -> str:
    """What `str.format` makes of doubled braces."""
    return text.replace("{{", "{").replace("}}", "}")


BRACES = str.maketrans({"{": "\ue001", "}": "\ue002"})  # of a formula or a set, not around a place
ESCAPED = str.maketrans({"\ue001": "{{", "\ue002": "}}"})


class _KeptBraces(ast.NodeTransformer):
    """Texts with other signs for the braces that stand in them."""

    def visit_Constant(self, node: ast.Constant) -> ast.Constant:
        return (
            ast.copy_location(ast.Constant(node.value.translate(BRACES)), node) if isinstance(node.value, str) else node
        )


def paragraphs(text: str) -> list[str]:
    """What of a Markdown text is translated, each by itself."""
    found: list[str] = []
    each_paragraph(text, lambda part: found.append(part) or part)  # type: ignore[func-returns-value]
    return found


def texts_of_quiz(path: Path) -> dict[str, None]:
    """All texts of a quiz.py as a catalogue has them, code among them, in their order; braces are doubled."""
    tree = _KeptBraces().visit(ast.parse(path.read_text(encoding="utf-8")))
    nodes = (node for node in ast.walk(tree) if isinstance(node, ast.expr) and _is_text(node))
    nodes = sorted(nodes, key=lambda node: (getattr(node, "lineno", 0), getattr(node, "col_offset", 0)))
    texts = (text for node in nodes for text in texts_of(node))
    return dict.fromkeys(part.translate(ESCAPED) for text in texts for part in paragraphs(text))


def texts_asked(questions: Iterable[BuiltQuestion]) -> dict[str, None]:
    """What students read of any variant, paragraph by paragraph: prompt, what to choose from, hints, explanation."""
    found: dict[str, None] = {}
    for question in questions:
        for variant in question.variants:
            hints = [wrong.hint for wrong in variant.wrongs]
            for text in (variant.asked(question.name), *hints, variant.explanation.strip()):
                found |= dict.fromkeys(paragraphs(text))
    return found


def left_in_english(text: str) -> bool:
    """Has a text words outside of code and formulas, and none that are Chinese, or two English ones in a row?

    What an English term stands behind in brackets is Chinese.
    """
    words = re.sub(r"`[^`]*`|\$[^$]*\$|（[A-Za-z ]+）", "", text)
    has_words = re.search(r"[A-Za-z]{3,}", words) is not None
    return bool(has_words and not HAN.search(words)) or re.search(r"[A-Za-z]{2,} [a-z]{2,}", words) is not None


_SAID = re.compile(r"""say\(\s*"((?:[^"\\]|\\.)*)\"""")


def texts_of_templates() -> dict[str, str]:
    """What the templates of the student's page say."""
    paths = sorted((PROGRAM / "report/templates").glob("feedback*.j2"))
    return {text: path.name for path in paths for text in _SAID.findall(path.read_text(encoding="utf-8"))}


def hints_in(path: Path) -> Iterator[str]:
    """The hints of the mistakes of an assignment."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.keyword) and node.arg == "hint":
            yield from texts_of(node.value)


def titles_in(path: Path) -> Iterator[str]:
    """The docstrings of the checks of an assignment."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
            yield " ".join((ast.get_docstring(node) or "").partition("\n\n")[0].split())
