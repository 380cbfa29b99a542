"""A student's markdown, made harmless for nbconvert, which renders the HTML in it as it stands.

It is kept to the letter when nbconvert's own rendering is HTML that nh3 would leave alone. Otherwise its HTML is shown
as text; and where that does not help, all of it is shown as code.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import partial

import nh3
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath

from autograder.grading.harmless import (
    ATTRIBUTES,
    SCHEMES,
    TAGS,
    disarm_math,
    events,
    has_armed_math,
    is_shallow,
    keep_attribute,
)
from autograder.grading.images import Room

LONGEST_MARKDOWN = 50_000  # characters; the renderer's time grows with the square of some texts

Attachments = Mapping[str, Mapping[str, str]]  # file name -> media type -> base64 text

# what nbconvert itself writes around markdown: code highlighting, headings, table cells, task lists
RENDERED_ATTRIBUTES = ATTRIBUTES | {
    tag: ATTRIBUTES.get(tag, set()) | {"class", "style", "id", "type", "disabled", "checked"}
    for tag in ("div", "span", "pre", "code", "th", "td", "p", "li", "ul", "input", "h1", "h2", "h3", "h4", "h5", "h6")
}
RENDERED_STYLE = re.compile(r"text-align:\s*(left|right|center);?\Z")
RENDERED_CLASS = re.compile(
    r"(highlight|language-[\w+#.-]+|task-list-item|task-list-item-checkbox|[a-z][a-z0-9]{0,2})\Z"
)

CODE_OR_MATH = re.compile(
    r"^(?P<fence>`{3,}|~{3,})(?P<info>[^\n]*)\n.*?(?:^(?P=fence)[`~]*[ \t]*$|\Z)"
    r"|(?P<ticks>`+)(?!`).+?(?<!`)(?P=ticks)(?!`)"
    r"|\$\$.+?\$\$|\$[^$\n]+\$",
    re.DOTALL | re.MULTILINE,
)
DESTINATION = re.compile(r"(!?)(\[[^\]\n]{0,500}\])(\(\s*<?|:\s*<?)([^)\s>]*)")


def clean_markdown(text: str, attachments: Attachments | None = None, room: Room | None = None) -> str:
    """Markdown that renders to harmless HTML, and is `text` itself wherever that does.

    LaTeX, `a < b` and code fences stay as they are. room: for pictures, by default that of a page of its own.
    """
    attachments, room = attachments or {}, room or Room()
    text = disarm_math(text)
    if len(text) > LONGEST_MARKDOWN:
        text = text[:LONGEST_MARKDOWN] + "\n\n(the rest of this cell is not shown)"
    if _is_harmless(text, attachments, room):
        return text
    escaped = _escape_outside_code(text, attachments)
    return escaped if _is_harmless(escaped, attachments, room) else as_code(text)


def _is_harmless(text: str, attachments: Attachments, room: Room) -> bool:
    """True when nbconvert renders `text` to HTML in which nh3 finds nothing to take away."""
    try:
        renderer = IPythonRenderer(escape=False, attachments=attachments, exclude_anchor_links=True)
        html = MarkdownWithMath(renderer=renderer).render(text)
    except Exception:  # whatever a student's text does to the renderer, it must not do in formgrader
        return False
    kept = nh3.clean(
        html,
        tags=TAGS | {"input"},
        attributes=RENDERED_ATTRIBUTES,
        attribute_filter=partial(_keep_rendered_attribute, room),
        url_schemes=SCHEMES,
        link_rel=None,
    )
    return is_shallow(html) and events(kept) == events(html) and not has_armed_math(html)


def _keep_rendered_attribute(room: Room, tag: str, name: str, value: str) -> str | None:
    if name == "class":
        return value if all(RENDERED_CLASS.match(part) for part in value.split()) else None
    if name == "style":
        return value if RENDERED_STYLE.match(value.strip()) else None
    if name == "type":
        return value if value == "checkbox" else None
    if name == "id":
        return value if value.startswith("cell-") else None
    return keep_attribute(room, tag, name, value)


def _escape_outside_code(text: str, attachments: Attachments) -> str:
    """`text` with its tags shown as text, and links and pictures only to where they may lead."""
    parts, end = [], 0
    for match in CODE_OR_MATH.finditer(text):
        parts.append(_escape_prose(text[end : match.start()], attachments))
        is_mermaid = (match["info"] or "").strip().startswith("mermaid")  # nbconvert passes its body on as HTML
        parts.append(match[0].replace("mermaid", "text", 1) if is_mermaid else match[0])
        end = match.end()
    parts.append(_escape_prose(text[end:], attachments))
    return "".join(parts)


def _escape_prose(text: str, attachments: Attachments) -> str:
    def destination(match: re.Match[str]) -> str:
        is_picture, label, opening, url = match.groups()
        if is_picture and url.startswith("attachment:") and url.removeprefix("attachment:") in attachments:
            return match[0]
        if re.match(r"https?://|mailto:|#", url, re.IGNORECASE):
            return f"{label}{opening}{url}"
        return f"{label}{opening}#removed"

    return DESTINATION.sub(destination, re.sub(r"<(?=[A-Za-z/!?])", "&lt;", text))


def as_code(text: str) -> str:
    """`text` shown letter by letter, in a fence longer than any that it holds."""
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}text\n{text}\n{fence}"
