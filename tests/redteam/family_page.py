"""Attacks on those who look: what a student writes is shown in feedback, reports, formgrader, terminals and spreadsheets."""

from __future__ import annotations

import json
from typing import Any

import nbformat
from attack import FULL, NOTHING, Attack
from nbformat.v4 import new_code_cell, new_markdown_cell, new_output, new_raw_cell
from small_course import filled

FIRED = "window.__fired=(window.__fired||0)+1;fetch('http://127.0.0.1:9/fired')"
PAYLOADS = {
    "script": f"<script>{FIRED}</script>",
    "closed_script": f"</script></pre></textarea></title></style><script>{FIRED}</script>",
    "event_handler": f'<img src=x onerror="{FIRED}">',
    "odd_event_handler": f'<details open ontoggle="{FIRED}"><summary>x</summary></details><video onloadstart="{FIRED}"><source></video>',
    "javascript_link": f'<a id=fire href="javascript:{FIRED}">x</a> [x](javascript:{FIRED}) [y](&#106;avascript:{FIRED})',
    "data_link": f'<a href="data:text/html,<script>{FIRED}</script>">x</a> <iframe src="data:text/html,<script>{FIRED}</script>"></iframe>',
    "svg": f'<svg onload="{FIRED}"><script>{FIRED}</script><use href=http://127.0.0.1:9/x#y></svg>',
    "mathml": f'<math><mtext><table><mglyph><style><img src=x onerror="{FIRED}"></style></mglyph></table></mtext></math>',
    "css": "<style>@import 'http://127.0.0.1:9/css'; * {background: url(http://127.0.0.1:9/all)}</style><p style='background:url(http://127.0.0.1:9/one);position:fixed;inset:0'>x</p>",
    "form": "<form action=http://127.0.0.1:9/form><input name=p type=password autofocus onfocus=alert(1)><button>Log in</button></form>",
    "refresh": "<meta http-equiv=refresh content='0;url=http://127.0.0.1:9/refresh'><base href=http://127.0.0.1:9/>",
    "picture_elsewhere": "<img src=http://127.0.0.1:9/seen> ![x](http://127.0.0.1:9/seen.png) <link rel=stylesheet href=http://127.0.0.1:9/x.css>",
    "frame": f"<iframe srcdoc=\"<script>{FIRED}</script>\"></iframe><object data='data:text/html,<script>{FIRED}</script>'></object><embed src='data:text/html,x'>",
    "tex": "$\\href{javascript:window.__fired=1}{x}\\style{background:url(http://127.0.0.1:9/tex)}{y}\\require{html}$",
    "template": "{{7*7}}{% for x in () %}${7*7}<%= 7*7 %>#{7*7}",
    "comment": f'<!--><img src=x onerror="{FIRED}">-->',
    "formula_in_entities": "&#36;&#92;href{javascript:window.__fired=1}{x}&#36; $&bsol;href{javascript:window.__fired=1}{y}$",
    "tex_box": "$\\bbox[background:url(http://127.0.0.1:9/bbox)]{y}$ $\\rule{9999em}{9999em}$ $\\def\\a{\\a\\a}\\a$",
    "other_sources": "<img srcset='http://127.0.0.1:9/s 1x'><picture><source srcset=http://127.0.0.1:9/p></picture><input type=image src=http://127.0.0.1:9/i><table background=http://127.0.0.1:9/t><video poster=http://127.0.0.1:9/v>",
    "names_of_the_page": "<a id=MathJax></a><form id=document><img name=cookie></form><a id=nbgrader name=base_url href='http://127.0.0.1:9/'>x</a>",
    "wide_table": "<table><tr><td colspan=1000000000 rowspan=65534>x</td></tr></table>",
    "picture_of_gigabytes": "![x](data:image/png;base64,iVBORw0KGgoAAAANSUhEUgADDUAAAw1A) <img src='data:image/png;base64,Qk0AAAAAAAAAAAAAAAAAAAAA//8AAP//AAA='>",
    "mermaid": f'```mermaid\ngraph TD\nA[<img src=x onerror="{FIRED}">]\n```',
}
ODD_TEXTS = {
    "ansi": "\x1b[31mred\x1b]0;title\x07\x1b]8;;http://127.0.0.1:9/\x07link\x1b]8;;\x07\x1b[2J\x1b[1;1H\x9b31m",
    "bidirectional": "\u202eevitcelfer\u2066 if admin:\u2069",
    "formula": '=HYPERLINK("http://127.0.0.1:9/","x")',
    "long": "\u0e49" * 300 + "\U0001f468\u200d" * 200 + "\ufdfd" * 200,
}


def _everywhere(payload: str) -> nbformat.NotebookNode:
    """One text wherever a student's text may come to stand."""
    notebook = filled()
    quoted = json.dumps(payload)
    notebook.cells[-1].source = payload  # the answer in words
    notebook.cells += [
        new_markdown_cell(payload),
        new_raw_cell(payload),
        new_code_cell(f"# {payload}".replace("\n", " ")),
        new_code_cell(f"print({quoted})\nimport sys\nprint({quoted}, file=sys.stderr)\n{quoted}"),
        new_code_cell(
            "from IPython.display import HTML, SVG, Javascript, Latex, Markdown, display\n"
            f"text = {quoted}\nfor kind in (HTML, Markdown, Latex, Javascript):\n    display(kind(text))\n"
            "display({'image/svg+xml': text, 'text/html': text, 'application/json': text, 'application/vnd.jupyter.widget-view+json': text, 'image/png': text}, raw=True)"
        ),
        new_code_cell(f"raise ValueError({quoted})", outputs=[new_output("display_data", {"text/html": payload})]),
        new_code_cell(f"raise type({quoted[:60].replace(chr(0), '')!r}, (Exception,), {{}})({quoted})"),
        new_code_cell(f"import warnings\nwarnings.warn({quoted})"),
    ]
    notebook.metadata["title"] = payload
    notebook.metadata["authors"] = [{"name": payload}]
    return notebook


def _in_checks(payload: str) -> dict[str, str]:
    """The same in what checks say: an exception's text, a printed text, a returned value."""
    quoted = json.dumps(payload)
    return {
        "double": f"def double(x):\n    # {payload}".replace("\n#", "#").split("\n#")[0].replace("\n", "\n")
        + f"\n    raise RuntimeError({quoted})"
        if "\n" not in payload
        else f"def double(x):\n    raise RuntimeError({quoted})",
        "total": f"def total(x):\n    print({quoted})\n    return {quoted}",
    }


def _attack(name: str, payload: str, **more: Any) -> Attack:
    return Attack("page", name, make=lambda: _everywhere(payload), score=FULL, **more)


def _in_metadata() -> nbformat.NotebookNode:
    """Where nothing of a student's is kept: ids, tags, names and nbgrader's own fields of cells."""
    notebook = _everywhere("x")
    for number, cell in enumerate(notebook.cells):
        cell["id"] = f'x{number}"><script>{FIRED}</script>'
        cell.metadata |= {"tags": [f"<script>{FIRED}</script>"], "name": f'"><svg onload="{FIRED}">'}
        cell.metadata.setdefault("nbgrader", {})["comment"] = f"<script>{FIRED}</script>"
    return notebook


MEDIA = """
from IPython.display import display
script = "window.__fired = 1; fetch('http://127.0.0.1:9/media')"
dot = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
for kind in ("application/javascript", "text/vnd.mermaid", "application/pdf", "video/mp4", "text/latex"):
    display({kind: script}, raw=True)
display({"application/vnd.vega.v5+json": {"data": {"url": "http://127.0.0.1:9/vega"}}}, raw=True)
display({"image/png": dot}, raw=True, metadata={"image/png": {"width": '1" onerror="window.__fired=1'}, "isolated": True})
class Shown:
    def _repr_mimebundle_(self, **kwargs):
        return {"text/html": f"<img src=x onerror='{script}'>", "application/javascript": script}, {"text/html": {"isolated": True}}
Shown()
"""

ATTACKS = (
    *(_attack(name, payload) for name, payload in PAYLOADS.items()),
    *(_attack(f"text_{name}", payload) for name, payload in ODD_TEXTS.items()),
    *(
        Attack("page", f"check_{name}", score=NOTHING, **_in_checks(payload))
        for name, payload in {**PAYLOADS, **ODD_TEXTS}.items()
    ),
    Attack("page", "name_quote", make=lambda: _everywhere("x")).named("page_'onmouseover='window.__fired=1"),
    Attack("page", "name_script", make=lambda: _everywhere("x")).named("page_&lt;script&gt;"),
    Attack("page", "name_backwards", make=lambda: _everywhere("x")).named("page_\u202eetareneg"),
    Attack("page", "name_formula", make=lambda: _everywhere("x")).named("@SUM(1+1)*cmd|' -C calc'!A0"),
    Attack("page", "metadata", make=_in_metadata),
    Attack("page", "media_types", after=(MEDIA,)),
    Attack(
        "page", "answer", after=(f'guess = """<script>{FIRED}</script>"""', f"pick = {{'<svg onload={FIRED[:20]}>'}}")
    ),
    Attack("page", "name_template", make=lambda: _everywhere("x")).named("{{7*7}}${7*7}&quot;onclick=&quot;x"),
    Attack("page", "name_number", make=lambda: _everywhere("x")).named("-2+3+cmd|' -C calc'!A0"),
    Attack("page", "name_javascript", make=lambda: _everywhere("x")).named("javascript:alert(1)"),
)
