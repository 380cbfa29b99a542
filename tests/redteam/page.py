"""Pages that show what a student wrote, opened in a real browser: nothing of the student's may run or be fetched."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

from formgrader_server import Formgrader, formgrader

if TYPE_CHECKING:
    from playwright.sync_api import Page

CHROMIUM = Path("/usr/bin/chromium")
FORMULA = re.compile(r'"?(=|@|\+|-(?![\d.]+(e[-+]?\d+)?"?$))')  # what a spreadsheet computes
LOCAL = ("file:", "data:", "about:", "blob:")
CLICK = """() => { for (const link of document.querySelectorAll('a[href]')) {
    const target = link.getAttribute('href') || '';
    if (/^\\s*(javascript|data|vbscript):/i.test(link.href) || /^\\s*(javascript|vbscript):/i.test(target))
        window.__fired = 'link ' + target;
} document.querySelectorAll('details').forEach(each => each.open = true);
  document.querySelectorAll('*').forEach(each => ['mouseover', 'focus', 'toggle'].forEach(
    kind => each.dispatchEvent(new Event(kind)))); }"""
# pages by nbgrader fetch MathJax, jQuery and fonts of their own
OURS = ("https://cdnjs.cloudflare.com/", "https://cdn.jsdelivr.net/", "https://unpkg.com/")
# what formgrader's own pages ask its server for
SERVED = ("/formgrader/static/", "/formgrader/api/", "/formgrader/fonts/", "/static/")
MOMENT = 200  # milliseconds in which formgrader's scripts fetch marks and comments
LISTS = (
    "/manage_assignments",
    "/manage_submissions/tiny",
    "/gradebook",
    "/gradebook/tiny",
    "/gradebook/tiny/tiny",
    "/manage_students",
)


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
        pages += (root / "feedback" / student).rglob("*.html")
    if not CHROMIUM.exists():
        return found
    return [*found, *_in_browser(pages), *_on_formgraders_server(root, students)]


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
            if any(FORMULA.match(field) for field in line.split(",")):
                yield f"{path.name} has a formula: {line[:200]}"


def _in_browser(pages: list[Path]) -> Iterator[str]:
    with _tab() as tab:
        for page in pages:
            name = f"{page.parent.parent.name}/{page.name}"
            yield from _opened(tab, page.as_uri(), name, lambda url, method: url.startswith(LOCAL))


def _on_formgraders_server(root: Path, students: Collection[str]) -> Iterator[str]:
    """The same of what formgrader serves: lists of the class, students, their submissions."""
    with formgrader(root) as served, _tab(served.headers) as tab:
        ids = served.notebook_ids()
        paths = {f"/formgrader{path}": path for path in LISTS}
        for student in students:
            named = f"/formgrader/manage_students/{quote(student, safe='')}"
            paths |= {named: student, f"{named}/tiny": f"{student}'s tiny"} if not student.isidentifier() else {}
            paths |= {f"/formgrader/submissions/{ids[student]}/": f"{student}'s submission"} if student in ids else {}
        for path, name in paths.items():
            is_ours = _asks_only_for(served, path)
            yield from _opened(tab, f"{served.address}{path}", f"formgrader: {name}", is_ours)
        missing = sorted(set(students) - set(ids))
        if missing:
            yield f"formgrader lists no submission of {missing[0]}"


def _asks_only_for(served: Formgrader, path: str) -> Callable[[str, str], bool]:
    """Whether a request is one that formgrader's own page at `path` makes: none changes anything."""

    def is_ours(url: str, method: str) -> bool:
        asked = urlsplit(url).path
        is_here = url.startswith(f"{served.address}/") and (asked == path or asked.startswith(SERVED))
        return method == "GET" and (is_here or url.startswith(("data:", "about:", "blob:")))

    return is_ours


@contextmanager
def _tab(headers: dict[str, str] | None = None) -> Iterator[Page]:
    """A tab of a browser that has no network but this machine's."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        options = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking"]
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=options)
        # what protects must be the page itself
        tab = browser.new_page(bypass_csp=True, extra_http_headers=headers or {})
        yield tab
        browser.close()


def _opened(tab: Page, address: str, name: str, is_ours: Callable[[str, str], bool]) -> Iterator[str]:
    """What a page did that it should not, once it was loaded, clicked and touched everywhere."""
    from playwright.sync_api import Dialog, Error, Request, Route

    asked: list[str] = []

    def note(request: Request) -> None:
        if not is_ours(request.url, request.method) and not request.url.startswith(OURS):
            asked.append(f"{request.method} {request.url}")

    def refuse(dialog: Dialog) -> None:
        asked.append(f"a dialog: {dialog.message}")
        dialog.dismiss()

    def pass_on(route: Route) -> None:
        route.continue_() if is_ours(route.request.url, route.request.method) else route.abort()

    tab.on("request", note)
    tab.on("dialog", refuse)
    tab.route("http*://**", pass_on)
    try:
        tab.goto(address, wait_until="load")
        if address.startswith("http"):
            tab.wait_for_timeout(MOMENT)
        tab.evaluate(CLICK)
        fired = tab.evaluate("window.__fired || null")
    except Error as error:  # it left for elsewhere
        fired = str(error)[:200]
    tab.unroute("http*://**", pass_on)
    tab.remove_listener("request", note)
    tab.remove_listener("dialog", refuse)
    if fired:
        yield f"{name}: ran ({fired})"
    if asked:
        yield f"{name}: asked for {asked[0]}"
    if tab.url.partition("?")[0] != address:  # formgrader itself notes there which cell was looked at
        yield f"{name}: left for {tab.url}"
