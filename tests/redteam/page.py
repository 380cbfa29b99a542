"""Pages that show what a student wrote, opened in a real browser: nothing of the student's may run or be fetched."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Collection, Iterator
from pathlib import Path

import nbformat

CHROMIUM = Path("/usr/bin/chromium")
LOCAL = ("file:", "data:", "about:", "blob:")
CLICK = """() => { for (const link of document.querySelectorAll('a[href]')) {
    const target = link.getAttribute('href') || '';
    if (/^\\s*(javascript|data|vbscript):/i.test(link.href) || /^\\s*(javascript|vbscript):/i.test(target))
        window.__fired = 'link ' + target;
} document.querySelectorAll('details').forEach(each => each.open = true); }"""
# pages by nbgrader fetch MathJax, jQuery and fonts of their own
OURS = ("cdnjs.cloudflare.com", "cdn.jsdelivr.net", "unpkg.com")


def what_fires(root: Path, students: Collection[str]) -> list[str]:
    """What ran, or was asked for, when the pages of a graded course were opened; what a terminal or CSV would run.

    students: those whose own pages are opened.
    """
    for command in (["feedback"], ["report"]):
        done = _grader(root, *command)
        if done.returncode:
            return [f"grader {command[0]} ended with status {done.returncode}: {done.stderr[-500:]}"]
    found = list(_in_terminal(_grader(root, "grade", "tiny")))
    found += _in_tables(root / "report")
    pages = sorted((root / "report").rglob("*.html"))
    for student in students:
        pages += [*(root / "feedback" / student).rglob("*.html"), *_formgrader(root / "autograded" / student)]
    return found + list(_in_browser(pages)) if CHROMIUM.exists() else found


def _grader(root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "from autograder.cli import main; main()", "-C", str(root), *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)


def _in_terminal(done: subprocess.CompletedProcess[str]) -> Iterator[str]:
    for char in set(done.stdout + done.stderr) - set("\n\r\t"):
        if ord(char) < 0x20 or 0x7F <= ord(char) < 0xA0 or char in "\u202e\u202d\u2066\u2067\u2068\u2069\u202a\u202b":
            yield f"the terminal gets {char!r}"


def _in_tables(report: Path) -> Iterator[str]:
    for path in report.rglob("*.csv"):
        for line in path.read_text().splitlines():
            if any(field.lstrip('"')[:1] in ("=", "@", "+") for field in line.split(",")):
                yield f"{path.name} has a formula: {line[:200]}"


def _formgrader(root: Path) -> list[Path]:
    """The executed notebooks below `root` as formgrader's own exporter renders them."""
    from nbconvert.exporters import HTMLExporter
    from traitlets.config import Config

    config = Config()
    config.HTMLExporter.preprocessors = ["autograder.grading.formgrader_page.sanitised"]
    exporter = HTMLExporter(config=config, template_name="classic")
    pages = []
    for path in sorted(root.rglob("*.ipynb")):
        html, _ = exporter.from_notebook_node(nbformat.read(path, as_version=4))
        page = path.with_suffix(".html")
        page.write_text(html)
        pages.append(page)
    return pages


def _in_browser(pages: list[Path]) -> Iterator[str]:
    from playwright.sync_api import Error, sync_playwright

    with sync_playwright() as playwright:
        options = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking"]
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=options)
        tab = browser.new_page(bypass_csp=True)  # what protects must be the page itself
        asked: list[str] = []
        tab.on("request", lambda request: asked.append(request.url))
        tab.on("dialog", lambda dialog: (asked.append(f"dialog {dialog.message}"), dialog.dismiss()))
        tab.route("http*://**", lambda route: route.abort())
        for page in pages:
            asked.clear()
            try:
                tab.goto(page.as_uri(), wait_until="load")
                tab.evaluate(CLICK)
                fired = tab.evaluate("window.__fired || null")
            except Error as error:  # it left for elsewhere
                fired = str(error)[:200]
            if fired:
                yield f"{page.parent.parent.name}/{page.name}: ran ({fired})"
            outside = [url for url in asked if not url.startswith(LOCAL) and not any(host in url for host in OURS)]
            if outside:
                yield f"{page.parent.parent.name}/{page.name}: asked for {outside[0]}"
            if tab.url != page.as_uri():
                yield f"{page.parent.parent.name}/{page.name}: left for {tab.url}"
        browser.close()
