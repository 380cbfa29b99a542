"""HTML that nbgrader's pages may show: what is kept of a student's, and how HTML is compared."""

from __future__ import annotations

import re
from functools import partial
from html.parser import HTMLParser

import nh3

from autograder.grading.images import Room, is_picture

LONGEST_HTML = 200_000  # characters
DEEPEST_HTML = 100  # elements within each other; nbconvert's own parser recurses

TAGS = nh3.ALLOWED_TAGS - {"area", "map", "bdi", "bdo", "rp", "rt", "rtc", "ruby"}
ATTRIBUTES = {
    "a": {"href", "title"},
    "img": {"src", "alt", "title"},
    "table": {"border"},
    "th": {"colspan", "rowspan", "scope", "align", "valign"},
    "td": {"colspan", "rowspan", "align", "valign"},
    "ol": {"start"},
    "p": {"align"},
    "div": {"align"},
}
SCHEMES = {"http", "https", "mailto", "data"}  # data: for pictures alone, see keep_attribute

# TeX commands with which MathJax makes links, styles and element ids, or loads code
MATH_COMMANDS = re.compile(
    r"\\(?=(?:href|style|class|cssId|require|mmlToken|unicode|data|htmlId|htmlClass|url|bbox)(?![A-Za-z]))"
)


def clean_html(html: str, room: Room | None = None) -> str:
    """HTML of an output with what is harmless in it: text, tables, lists, emphasis, embedded pictures if there is room.

    Empty where it is nested too deeply for nbconvert.
    """
    kept = nh3.clean(
        html[:LONGEST_HTML],
        tags=TAGS,
        attributes=ATTRIBUTES,
        attribute_filter=partial(keep_attribute, room or Room()),
        url_schemes=SCHEMES,
        allowed_classes={"table": {"dataframe"}},
        link_rel="noopener noreferrer",
    )
    return disarm_math(kept) if is_shallow(kept) else ""


def keep_attribute(room: Room, tag: str, name: str, value: str) -> str | None:
    """nh3's question about an attribute: its value, or None to drop it."""
    if name == "src":
        return value if is_picture(value, room) else None
    if name == "href":
        return value if re.match(r"(https?://|mailto:|#)", value.strip(), re.IGNORECASE) else None
    return value


def disarm_math(text: str) -> str:
    """`text` without the TeX commands that do more than draw."""
    return MATH_COMMANDS.sub(r"\\text{}", text)


def has_armed_math(html: str) -> bool:
    """True when the text of `html`, as MathJax finds it on the page, holds such a command."""
    return MATH_COMMANDS.search("".join(_read(html).texts)) is not None


VOID_TAGS = {"br", "hr", "img", "input", "col", "wbr"}


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.seen: list[tuple[str, object]] = []
        self.texts: list[str] = []
        self.depth = 0
        self._open = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, sorted((name, value or "") for name, value in attrs)))
        self._open += tag not in VOID_TAGS
        self.depth = max(self.depth, self._open)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        self.seen.append(("/", tag))
        self._open -= 1

    def handle_data(self, data: str) -> None:
        self.texts.append(data)
        text = " ".join(data.split())
        if text and self.seen and self.seen[-1][0] == "text":
            self.seen[-1] = ("text", " ".join(f"{self.seen[-1][1]} {text}".split()))
        elif text:
            self.seen.append(("text", text))

    def handle_comment(self, data: str) -> None:
        self.seen.append(("comment", data))

    def handle_decl(self, decl: str) -> None:
        self.seen.append(("declaration", decl))

    def unknown_decl(self, data: str) -> None:
        self.seen.append(("declaration", data))

    def handle_pi(self, data: str) -> None:
        self.seen.append(("instruction", data))


def is_shallow(html: str) -> bool:
    """True when so few elements lie within each other that nbconvert can go through them."""
    return _read(html).depth <= DEEPEST_HTML


def events(html: str) -> list[tuple[str, object]]:
    """What a parser sees in HTML, one after the other: tags with their attributes, text, comments, declarations."""
    return _read(html).seen


def _read(html: str) -> _Reader:
    reader = _Reader()
    reader.feed(html)
    reader.close()
    return reader
