r"""Markdown with LaTeX to HTML and back, as other systems take it.

Moodle finds formulas between \( and \); Canvas keeps each as the picture of an equation. Code stays code.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from html.parser import HTMLParser
from typing import ClassVar
from urllib.parse import quote

from markdown_it import MarkdownIt
from mdit_py_plugins.dollarmath import dollarmath_plugin

NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
Formula = Callable[[str, bool], str]  # LaTeX, does it stand on a line of its own? -> HTML
_FORMULA_TEXT = re.compile(r"\\\((.+?)\\\)|\\\[(.+?)\\\]|\$\$(.+?)\$\$", re.DOTALL)


def xml_text(text: str) -> str:
    """A text with a mark for each character that no XML can hold."""
    return NOT_XML.sub("\ufffd", text)


def moodle_formula(latex: str, is_display: bool) -> str:
    r"""\( ... \), which MathJax renders."""
    left, right = (r"\[", r"\]") if is_display else (r"\(", r"\)")
    return f"{left}{html.escape(latex, quote=False)}{right}"


def canvas_formula(latex: str, is_display: bool) -> str:
    """The picture that Canvas itself writes for an equation: its address is encoded twice."""
    text = html.escape(latex)
    address = quote(quote(latex, safe=""), safe="")
    return (
        f'<img class="equation_image" title="{text}" src="/equation_images/{address}?scale=1" '
        f'alt="LaTeX: {text}" data-equation-content="{text}">'
    )


def to_html(markdown: str, formula: Formula) -> str:
    """Markdown as HTML."""
    return str(_parser(formula).render(markdown)).strip()


def to_inline_html(markdown: str, formula: Formula) -> str:
    """Markdown as HTML without a paragraph around it, where it is only one."""
    text = to_html(markdown, formula)
    inner = text.removeprefix("<p>").removesuffix("</p>")
    return inner if text == f"<p>{inner}</p>" and "<p>" not in inner else text


def _parser(formula: Formula) -> MarkdownIt:
    parser = MarkdownIt("commonmark").enable("table")
    parser.use(dollarmath_plugin, allow_space=False, double_inline=True, allow_labels=False)
    parser.add_render_rule("math_inline", lambda self, tokens, at, options, env: formula(tokens[at].content, False))
    for name in ("math_inline_double", "math_block"):
        parser.add_render_rule(name, lambda self, tokens, at, options, env: formula(tokens[at].content.strip(), True))
    parser.add_render_rule("fence", lambda self, tokens, at, options, env: _code(tokens[at].content))
    return parser


def _code(code: str) -> str:
    return f"<pre><code>{html.escape(code, quote=False)}</code></pre>\n"


def to_markdown(text: str) -> str:
    r"""HTML as Markdown, where it is as simple as ours; else as it is, with formulas between dollars."""
    reader = _Reader()
    reader.feed(text)
    reader.close()
    found = "".join(reader.parts) if reader.is_simple else _FORMULA_TEXT.sub(_dollars, text)
    return re.sub(r"\n{3,}", "\n\n", found).strip()


def _dollars(found: re.Match[str]) -> str:
    inline, display, double = found.groups()
    return f"${inline.strip()}$" if inline else f"$${(display or double).strip()}$$"


class _Reader(HTMLParser):
    """Collects Markdown; `is_simple` is False once it meets a tag that it does not know."""

    MARKS: ClassVar[dict[str, str]] = {"em": "*", "i": "*", "strong": "**", "b": "**", "code": "`"}

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self.is_simple = True
        self._lists: list[int | None] = []  # the number of the next entry; None: no numbers
        self._in_pre = self._in_code = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Open a mark."""
        if tag == "pre":
            self._in_pre = True
            self.parts.append("\n\n```python\n")
        elif tag in self.MARKS:
            self._mark(tag, is_start=True)
        elif tag in ("p", "div"):
            self.parts.append("\n\n" if not self._lists else "")
        elif tag == "br":
            self.parts.append("\\\n")
        elif tag in ("ul", "ol"):
            self._lists.append(1 if tag == "ol" else None)
            self.parts.append("\n\n")
        elif tag == "li" and len(self._lists) == 1:
            number = self._lists[-1]
            self.parts.append(f"{number}. " if number else "- ")
            self._lists[-1] = number + 1 if number else None
        else:
            self.is_simple = False

    def handle_endtag(self, tag: str) -> None:
        """Close it."""
        if tag == "pre":
            self._in_pre = False
            self.parts.append("```\n\n" if "".join(self.parts[-1:]).endswith("\n") else "\n```\n\n")
        elif tag in self.MARKS:
            self._mark(tag, is_start=False)
        elif tag in ("p", "div"):
            self.parts.append("\n\n" if not self._lists else "")
        elif tag in ("ul", "ol") and self._lists:
            self._lists.pop()
            self.parts.append("\n\n")
        elif tag == "li":
            self.parts.append("\n")

    def handle_data(self, data: str) -> None:
        """Text; what would be a mark in Markdown is escaped, except in code and formulas."""
        if self._in_pre or self._in_code:
            self.is_simple = self.is_simple and "`" not in data
            self.parts.append(data)
        elif self._lists and not data.strip():
            return
        else:
            self.parts.append(_escaped(data))

    def handle_comment(self, data: str) -> None:
        """Left out."""

    def _mark(self, tag: str, *, is_start: bool) -> None:
        if tag == "code":
            self._in_code = is_start
        if not (tag == "code" and self._in_pre):
            self.parts.append(self.MARKS[tag])


def _escaped(text: str) -> str:
    """Text that Markdown reads as it is; formulas stay."""
    pieces, start = [], 0
    for found in _FORMULA_TEXT.finditer(text):
        pieces += [_plain_text(text[start : found.start()]), _dollars(found)]
        start = found.end()
    return "".join([*pieces, _plain_text(text[start:])])


def _plain_text(text: str) -> str:
    text = re.sub(r"([\\`*_$\[\]<>])", r"\\\1", text)
    return re.sub(r"(?m)^(\s*\d*)([#+.)-])(?=\s)", r"\1\\\2", text)
