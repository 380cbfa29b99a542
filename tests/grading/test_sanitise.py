"""What a student wrote is harmless where nbgrader's pages show it, and otherwise as the student wrote it."""

from __future__ import annotations

import base64
import html
import io
import re
from functools import cache
from typing import Any

import nbformat
import pytest
from nbconvert.exporters import HTMLExporter
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output, new_raw_cell
from PIL import Image

from autograder.grading import sanitise
from autograder.grading.harmless import clean_html
from autograder.grading.images import pixels_of
from autograder.grading.markdown import clean_markdown
from autograder.grading.sanitise import clean_attachments, clean_cell, clean_cells, clean_outputs


def png(wide: int, high: int) -> str:
    """The head of a picture of that size."""
    head = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + wide.to_bytes(4, "big") + high.to_bytes(4, "big")
    return base64.b64encode(head).decode()


PNG = png(2, 2)
PICTURE = {"a.png": {"image/png": PNG}}

DANGEROUS = re.compile(
    r"<\s*(script|iframe|object|embed|svg|math|form|style|link|meta|base|button|video)"
    r"|<[^>]*\son\w+\s*=|<[^>]*\s(href|src|action)\s*=\s*[\"']?\s*(javascript|vbscript|data:text|/)",
    re.IGNORECASE,
)

PAYLOADS = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<a href='javascript:alert(1)'>x</a>",
    "<a\thref='#' onclick=alert(1)>x</a>",
    "<svg onload=alert(1)></svg>",
    "<iframe srcdoc='<script>1</script>'></iframe>",
    "<form action=https://evil.example><input type=password></form>",
    "<style>* {display: none}</style>",
    "<math href=javascript:alert(1)>x</math>",
    "<!-- --!><img src=x onerror=alert(1)>",
    "<div style='position:fixed;inset:0'>x</div>",
    "<base href=https://evil.example/>",
    "<meta http-equiv=refresh content='0;url=javascript:alert(1)'>",
    "<a href=files/javascript:alert(1)>x</a>",
    "<img src=/logout>",
    "<script\n>alert(1)</script\n>",
    "<ScRiPt>alert(1)</sCrIpT>",
    "<scr<script>ipt>alert(1)</script>",
    "<details open ontoggle=alert(1)>x</details>",
]

MARKDOWN_PAYLOADS = [
    *PAYLOADS,
    "[x](javascript:alert(1))",
    "[x](JaVaScRiPt:alert(1))",
    "[x](&#106;avascript:alert(1))",
    "[x](files/javascript:alert(1))",
    "[x](vbscript:alert(1))",
    "[x](data:text/html,<script>alert(1)</script>)",
    "![x](javascript:alert(1))",
    "[x][r]\n\n[r]: javascript:alert(1)",
    "<javascript:alert(1)>",
    "```mermaid\n<img src=x onerror=alert(1)>\n```",
    "$x$ <svg onload=alert(1)> $y$",
    "`` ` ``<script>alert(1)</script>`",
    "```<script>alert(1)</script>\nx\n```",
    "| a |\n|---|\n| <script>alert(1)</script> |",
    "\\begin{x}\\end{x}<script>alert(1)</script>",
    "![x](/logout)",
    "![x](attachment:missing.png)",
    "> " * 3000 + "x",
    "<b>" * 2000 + "x" + "</b>" * 2000,
    "[" * 5000,
    "$" * 20_001,
]


@cache
def html_exporter() -> HTMLExporter:
    return HTMLExporter(template_name="classic")


def page(*cells: Any) -> str:
    """The cells as nbconvert shows them, with its own scripts left out."""
    exporter = html_exporter()
    text, _ = exporter.from_notebook_node(new_notebook(cells=list(cells)))
    return str(text[text.index('id="notebook-container"') :].rsplit("</div>", 1)[0])


@pytest.mark.parametrize("payload", MARKDOWN_PAYLOADS, ids=lambda text: text[:30])
def test_nothing_in_markdown_runs(payload: str) -> None:
    cell = clean_cell(new_markdown_cell(f"before\n\n{payload}\n\nafter"))
    assert not DANGEROUS.search(page(cell)), cell.source


@pytest.mark.parametrize("payload", PAYLOADS, ids=lambda text: text[:30])
@pytest.mark.parametrize(
    "kind", ["text/html", "text/markdown", "image/svg+xml", "text/latex", "stream", "error", "raw"]
)
def test_nothing_in_an_output_runs(payload: str, kind: str) -> None:
    if kind == "raw":
        cell = new_raw_cell(payload)
    elif kind == "stream":
        cell = new_code_cell(payload, outputs=[new_output("stream", text=payload)])
    elif kind == "error":
        cell = new_code_cell("", outputs=[new_output("error", ename=payload, evalue=payload, traceback=[payload])])
    else:
        cell = new_code_cell("", outputs=[new_output("display_data", data={kind: payload})])
    assert not DANGEROUS.search(page(clean_cell(cell)))


@pytest.mark.parametrize("payload", MARKDOWN_PAYLOADS[:8], ids=lambda text: text[:30])
def test_the_test_itself_sees_what_runs(payload: str) -> None:
    assert DANGEROUS.search(page(new_markdown_cell(payload)))


@pytest.mark.parametrize(
    "command",
    ["\\href{javascript:alert(1)}{x}", "\\style{color:red}{x}", "\\mmlToken{mi}[href=x]{y}", "\\require{html}"],
)
def test_formulas_cannot_make_links_or_styles(command: str) -> None:
    name = command.split("{")[0]
    assert f"{name}{{" not in clean_markdown(f"${command}$")
    assert f"{name}{{" not in clean_html(f"<p>${command}$</p>")


@pytest.mark.parametrize(
    "text", ["&#36;&#92;href{javascript:alert(1)}{x}&#36;", "$&bsol;href{x}{y}$", "\\\\href{x}{y}"]
)
def test_a_formula_in_disguise_cannot_make_links(text: str) -> None:
    shown = html.unescape(re.sub(r"<pre>.*?</pre>", "", page(clean_cell(new_markdown_cell(text))), flags=re.DOTALL))
    assert "\\href" not in shown


@pytest.mark.parametrize(
    "text",
    [
        "# Title\n\nSome *text*, $a < b$, $\\frac{a_1}{b_2}$, a < b and a > b.",
        "$$\n\\begin{aligned} x &= 1 \\\\ y &< 2 \\end{aligned}\n$$",
        "\\begin{equation} a<b \\end{equation}",
        "```python\nif a<b: print('<script>', \"$x\")\n```",
        "~~~\n<b onclick=x>\n~~~",
        "inline `a<b` and ``<script>``",
        "    indented <code>\n",
        "- [ ] to do\n- [x] done\n\n| a | b |\n|:--|--:|\n| 1 | 2 |",
        "term\n: its definition\n\n> quoted\n> twice\n\n3. third",
        "[link](https://pytorch.org) <https://pytorch.org> https://pytorch.org [mail](mailto:a@b.c) [up](#top)",
        "<b>bold</b><br>H<sub>2</sub>O\n\n<details><summary>more</summary>text</details>",
        "&lt;script&gt; &amp; AT&T &copy;",
        "# 中文 标题\n\n正文：$x<y$，`代码`",
        "![drawing](attachment:a.png)",
        "~~struck~~ **bold** _it_ line  \nbreak \"quotes\" 'x'",
        "",
    ],
)
def test_honest_markdown_stays_to_the_letter(text: str) -> None:
    assert clean_markdown(text, PICTURE) == text


def test_formulas_and_code_stay_beside_a_tag_that_must_go() -> None:
    text = "$a<b$ and `x<y`\n\n```python\nif a<b: pass\n```\n\n<img src=x onerror=alert(1)>"
    assert clean_markdown(text) == text.replace("<img", "&lt;img")


def test_a_comparison_that_looks_like_a_tag_is_shown_as_written() -> None:
    cell = clean_cell(new_markdown_cell("when a <b and c> d"))
    assert "a &lt;b and c&gt; d" in page(cell)


def test_a_drawing_in_mermaid_is_shown_as_its_text() -> None:
    assert clean_markdown("# T\n\n```mermaid\ngraph TD\n```") == "# T\n\n```text\ngraph TD\n```"


def test_a_raw_cell_is_shown_as_its_text() -> None:
    cell = clean_cell(new_raw_cell("<b>```</b>"))
    assert (cell.cell_type, cell.source) == ("markdown", "````text\n<b>```</b>\n````")


def test_a_very_long_cell_is_cut_with_a_remark() -> None:
    assert clean_markdown("word " * 20_000).endswith("(the rest of this cell is not shown)")


def test_a_data_frame_stays_a_table() -> None:
    table = '<table border="1" class="dataframe"><thead><tr><th scope="row">a</th></tr></thead></table>'
    assert clean_html(f"<style scoped>x</style>{table}") == table


def test_deeply_nested_html_is_shown_as_text() -> None:
    assert clean_markdown("<b>" * 200 + "x" + "</b>" * 200).startswith("&lt;b>")


def test_deeply_nested_html_is_dropped() -> None:
    assert clean_html("<div>" * 5000) == ""


def test_pictures_in_html_are_embedded_ones_only() -> None:
    assert clean_html(f'<img src="data:image/png;base64,{PNG}">').count("src=") == 1
    for source in ("https://evil.example/x.png", "data:image/svg+xml;base64,AAAA", "/api/contents"):
        assert "src" not in clean_html(f'<img src="{source}">')


def test_a_picture_that_is_none_is_dropped() -> None:
    for content in ('x" onerror="alert(1)', base64.b64encode(b"<svg/>").decode(), "!!!", PNG + '"'):
        assert clean_outputs([{"output_type": "display_data", "data": {"image/png": content}}]) == []
        assert clean_attachments({"a.png": {"image/png": content}}) == {}
    assert clean_attachments(PICTURE) == PICTURE


def test_scripts_and_widgets_are_dropped_and_their_text_is_kept() -> None:
    data = {
        "application/javascript": "alert(1)",
        "application/vnd.jupyter.widget-view+json": {"model_id": "x"},
        "text/plain": "IntSlider()",
    }
    (output,) = clean_outputs([{"output_type": "execute_result", "data": data, "metadata": {"isolated": True}}])
    assert output.data == {"text/plain": "IntSlider()"}
    assert output.metadata == {}
    assert clean_outputs([{"output_type": "display_data", "data": {"application/javascript": "alert(1)"}}]) == []


@pytest.mark.parametrize(
    "output",
    [
        {},
        {"output_type": "comm"},
        {"output_type": "display_data"},
        {"output_type": "display_data", "data": {"text/plain": None}},
        {"output_type": "display_data", "data": {"text/html": 3, "image/png": []}},
        {"output_type": "execute_result", "data": {"text/plain": ["a", "b"]}, "execution_count": "<b>"},
        {"output_type": "stream", "name": "<script>", "text": 5},
        {"output_type": "error", "ename": None, "traceback": "text"},
        {"output_type": "stream", "text": "\ud800\x00"},
    ],
    ids=str,
)
def test_malformed_outputs_become_valid_ones(output: dict[str, Any]) -> None:
    dirty = new_code_cell("")
    dirty.outputs = [output]
    cell = clean_cell(dirty)
    notebook = new_notebook(cells=[cell])
    nbformat.validate(notebook)
    nbformat.writes(notebook).encode()


def test_long_output_is_cut() -> None:
    (output,) = clean_outputs([{"output_type": "stream", "text": "x" * 10**6}])
    assert len(output.text) < 300_000


HUGE = {
    "png": base64.b64decode(png(200_000, 200_000)),
    "gif": b"GIF89a\xff\xff\xff\xff\0\0\0,\0\0\0\0\1\0\1\0",
    "gif whose first frame is huge": b"GIF89a\1\0\1\0\x80\0\0"
    + b"\0" * 6
    + b"!\xf9\4\0\0\0\0\0,\0\0\0\0\xff\xff\xff\xff\0",
    "jpeg": b"\xff\xd8\xff\xe0\0\x04\0\0\xff\xc0\0\x11\x08\xff\xff\xff\xff" + b"\0" * 20,
    "jpeg with padded markers": b"\xff\xd8" + b"\xff" * 9 + b"\xc2\0\x11\x08\xff\xff\xff\xff" + b"\0" * 20,
    "jpeg with something between": b"\xff\xd8\xff\xe0\0\x04\0\0ab\xff\xc0\0\x11\x08\xff\xff\xff\xff" + b"\0" * 20,
    "png that is a bitmap": b"BM" + b"\0" * 16 + b"\xff\xff\0\0\xff\xff\0\0",
    "png that is a web picture": b"RIFF\x1a\0\0\0WEBPVP8L\r\0\0\0/\xff\xff\xff\xff",
}


@pytest.mark.parametrize("name", HUGE)
def test_a_picture_that_unpacks_to_gigabytes_is_shown_nowhere(name: str) -> None:
    kind, text = f"image/{name.split()[0]}", base64.b64encode(HUGE[name]).decode()
    url = f"data:{kind};base64,{text}"
    assert clean_outputs([{"output_type": "display_data", "data": {kind: text}}]) == []
    assert "src" not in clean_html(f"<p><img src='{url}'></p>")
    for markdown in (f"![x]({url})", f"<img src='{url}'>", f"![x][r]\n\n[r]: {url}", "![x](attachment:a)"):
        cell = clean_cell(new_markdown_cell(markdown, attachments={"a": {kind: text}}))
        assert "<img" not in page(cell), markdown


def test_pictures_that_come_to_gigabytes_together_are_left_out() -> None:
    text = png(7000, 7000)
    output = new_output("display_data", data={"text/html": f"<img src='data:image/png;base64,{text}'>"})
    cells = [new_code_cell("", outputs=[output]) for _ in range(20)]
    cells += [new_markdown_cell(f"![{n}](data:image/png;base64,{text})") for n in range(20)]
    assert page(*clean_cells(cells)).count("src=") == 5


def test_the_size_of_honest_pictures_is_read() -> None:
    buffers = {kind: io.BytesIO() for kind in ("png", "jpeg", "gif")}
    for kind, buffer in buffers.items():
        Image.new("RGB", (30, 20)).save(buffer, kind, **({"comment": b"x" * 600} if kind != "png" else {}))
    assert {kind: pixels_of(f"image/{kind}", buffer.getvalue()) for kind, buffer in buffers.items()} == {
        "png": 600,
        "jpeg": 600,
        "gif": 600,
    }


def test_after_much_slow_markdown_the_rest_is_shown_as_text(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sanitise, "PATIENCE", 0.1)
    cells = [new_markdown_cell("<!--" * 2000)] * 2 + [new_markdown_cell("*last*")]
    assert [cell.source for cell in clean_cells(cells)][-1] == "```text\n*last*\n```"
