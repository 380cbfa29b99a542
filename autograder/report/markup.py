"""Text as HTML that can do nothing: Markdown with formulas, and code with its words coloured.

Whatever the text, the result holds known tags only. Formulas become MathML, which browsers draw without a script.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from itertools import groupby
from typing import Any

import nh3
from latex2mathml.converter import convert
from markdown_it import MarkdownIt
from markupsafe import Markup, escape
from mdit_py_plugins.dollarmath import dollarmath_plugin
from pygments.lexers.python import PythonLexer
from pygments.token import Comment, Keyword, Name, Number, Operator, String

from autograder.report.text import printable

LONGEST_MARKDOWN = 20_000  # characters
LONGEST_FORMULA = 600
LONGEST_INLINE, WIDEST_PIECE = 16, 28  # signs of a formula within a line: longer, it is cut up; wider, it scrolls
LONGEST_CODE = 20_000  # longer code keeps its own colour, which is none
MATHML = {
    "math", "mrow", "mi", "mo", "mn", "mtext", "mspace", "mfrac", "msqrt", "mroot", "msub", "msup", "msubsup", "munder",
    "mover", "munderover", "mtable", "mtr", "mtd", "mstyle", "mpadded", "mphantom",
}  # fmt: skip
TAGS = MATHML | {
    "p", "br", "hr", "em", "strong", "code", "pre", "ul", "ol", "li", "blockquote", "table", "thead", "tbody", "tr",
    "th", "td", "a", "span", "div", "h3", "h4", "h5", "h6", "wbr",
}  # fmt: skip
ATTRIBUTES = {
    "math": {"display"}, "mspace": {"width"}, "mo": {"stretchy"}, "a": {"href"}, "ol": {"start"},
    "span": {"tabindex", "role", "aria-label"}, "pre": {"tabindex"},
}  # fmt: skip
_CODE = re.compile(r"`([^`\n]+)`")
_SIGN = re.compile(r"\\[A-Za-z]+|[^\s{}^_&]")
_BREAK = re.compile(r"(?<=[^\s(\[])\s+(?=(?:=|<|>|\\(?:le|ge|approx|mapsto|to)\b|[+-]\s))|(?<=,)\s+")
_FUNCTION = re.compile(r"(\\(?:ln|log|exp|sin|cos|tanh))\s+(?=[\w\\])")  # a space before its argument, as in print
_AFTER_FORMULA = re.compile(r"(?<=</math>)(?=[，。；：！？、）”])")  # no line begins with these
_PAIRS = (("{", "}"), (r"\left", r"\right"), (r"\begin", r"\end"))
_COLOURS = (
    (Keyword, "k"), (Operator.Word, "k"), (Name.Builtin.Pseudo, "k"), (Name.Function, "f"), (Name.Class, "f"),
    (Name.Decorator, "f"), (String, "s"), (Number, "n"), (Comment, "c"),
)  # fmt: skip


@lru_cache(maxsize=2048)
def markdown(text: str, top: int = 4) -> Markup:
    """Markdown as HTML. Raw HTML in it is shown as text, pictures by their description. top: level of headings."""
    text = printable(text, LONGEST_MARKDOWN)
    tokens = _parser().parse(text)
    for token in tokens:
        if token.type in ("heading_open", "heading_close"):
            token.tag = f"h{top}"  # of whatever level: where it stands on the page is not the author's to know
    html = _parser().renderer.render(tokens, _parser().options, {}).replace("<pre>", '<pre tabindex="0">')
    kept = nh3.clean(
        html,
        tags=TAGS,
        attributes=ATTRIBUTES,
        url_schemes={"http", "https"},
        allowed_classes={"span": {"k", "f", "s", "n", "c", "formula", "wide"}, "code": {"tex"}},
        link_rel="noopener noreferrer nofollow",
    )
    kept = kept.replace(' class=""', "").replace("<th></th>", "<td></td>")  # a heading needs words
    return Markup(_AFTER_FORMULA.sub("\u2060", kept))


@lru_cache(maxsize=2048)
def inline(text: str) -> Markup:
    """A sentence of the course's in Markdown: emphasis, code and formulas, no paragraphs."""
    html = _parser().renderInline(printable(text, LONGEST_MARKDOWN))
    tags = MATHML | {"em", "strong", "code", "br", "span", "wbr"}
    kept = nh3.clean(html, tags=tags, attributes=ATTRIBUTES, allowed_classes={"span": {"wide"}})
    return Markup(_AFTER_FORMULA.sub("\u2060", kept))


def with_code(text: str) -> Markup:
    """Text as it is, with what stands between single backticks as code."""
    return Markup(_CODE.sub(r"<code>\1</code>", str(escape(printable(text)))))


def breakable(name: str) -> Markup:
    """A name that may go on in the next line after an underscore."""
    return escape(name).replace("_", Markup("_<wbr>"))


@lru_cache(maxsize=1)
def _parser() -> Any:
    parser = MarkdownIt("commonmark", {"html": False, "highlight": _fenced}).enable("table")
    parser.use(dollarmath_plugin, double_inline=True)
    parser.add_render_rule("image", lambda self, tokens, at, options, env: escape(tokens[at].content))
    parser.add_render_rule("math_block", lambda self, tokens, at, options, env: _block(tokens[at].content))
    parser.add_render_rule("math_inline_double", lambda self, tokens, at, options, env: _display(tokens[at].content))
    parser.add_render_rule("math_inline", lambda self, tokens, at, options, env: _inline(tokens[at].content))
    return parser


def _fenced(code: str, language: str, attributes: str) -> str:
    return "".join(_words(code)) if language.startswith("py") else ""


def _block(tex: str) -> str:
    return _display(tex)


def _display(tex: str) -> str:
    """A formula on lines of its own, which can be scrolled where it is wider than a phone."""
    return f'<span class="formula" tabindex="0" role="group" aria-label="formula">{_formula(tex, "block")}</span>'


def _inline(tex: str) -> str:
    """A formula within a line. A long one can be broken before a relation, a sum or a difference; see `_pieces`."""
    pieces = _pieces(tex.strip()) if len(_SIGN.findall(tex)) > LONGEST_INLINE else [tex]
    return "<wbr>".join(map(_piece, pieces))


def _pieces(tex: str) -> list[str]:
    """Parts of a formula that can stand on lines of their own: a browser never breaks within a formula."""
    pieces, start = [], 0
    for found in _BREAK.finditer(tex):
        before = tex[: found.start()]
        pairs = _PAIRS if before.endswith(",") else (*_PAIRS, ("(", ")"))
        if all(before.count(opening) == before.count(closing) for opening, closing in pairs):
            pieces.append(tex[start : found.start()])
            start = found.end()
    return [
        piece if piece[0] not in "+-" or not at else f"{{}}{piece}" for at, piece in enumerate([*pieces, tex[start:]])
    ]


def _piece(tex: str) -> str:
    if len(_SIGN.findall(tex)) <= WIDEST_PIECE:
        return _formula(tex, "inline")
    return f'<span class="wide" tabindex="0" role="group" aria-label="formula">{_formula(tex, "inline")}</span>'


def _formula(tex: str, display: str) -> str:
    """MathML; what cannot be converted is shown as it is written."""
    tex = _FUNCTION.sub(r"\1\\,", tex.strip())
    try:
        if len(tex) <= LONGEST_FORMULA:
            return str(convert(tex, display=display))
    except Exception:  # whatever a student's formula does to the converter, it must not do to the page
        pass
    return f'<code class="tex">{escape(tex)}</code>'


def _colour(kind: Any) -> str:
    return next((name for group, name in _COLOURS if kind in group), "")


@lru_cache(maxsize=1024)
def code_lines(source: str) -> tuple[Markup, ...]:
    """Python code line by line, each with its words coloured; every line stands on its own."""
    return tuple(Markup(line) for line in "".join(_words(printable(source).rstrip("\n"))).split("\n"))


def _words(source: str) -> Iterator[str]:
    """The source escaped, in pieces that never hold a line end inside a tag."""
    if len(source) > LONGEST_CODE:
        yield str(escape(source))
        return
    tokens = PythonLexer(stripnl=False, ensurenl=False).get_tokens(source)
    for colour, alike in groupby(tokens, key=lambda token: _colour(token[0])):
        text = "".join(text for _, text in alike)
        pieces = [str(escape(piece)) for piece in text.split("\n")]
        yield "\n".join(f'<span class="{colour}">{piece}</span>' if colour and piece else piece for piece in pieces)
