"""A real JupyterLab on loopback, opened in headless Chromium, with its cells as a student sees them."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil

SETTINGS = {
    "apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False},
    "notebook-extension/tracker": {"windowingMode": "none"},  # cells out of sight stay in the page
}
START_SECONDS = 60
END_SECONDS = 20


@contextmanager
def jupyter_lab(folder: Path, home: Path) -> Iterator[str]:
    """Serve a folder; gives the address. At the end the server and its kernels have ended."""
    for name, settings in SETTINGS.items():
        path = home / "lab" / "@jupyterlab" / f"{name}.jupyterlab-settings"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(settings))
    port = _free_port()
    log = (home / "server.log").open("w")
    server = subprocess.Popen(_command(folder, port), env=_environment(home), stdout=log, stderr=log, cwd=folder)
    started: list[psutil.Process] = []
    try:
        _wait_until_it_answers(port, server)
        yield f"http://127.0.0.1:{port}"
        started = psutil.Process(server.pid).children(recursive=True)
    finally:
        server.terminate()
        try:
            server.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            server.kill()
        log.close()
        _, orphans = psutil.wait_procs(started, timeout=5)
        for process in orphans:
            process.kill()
    assert not orphans, f"the server left processes behind: {orphans}"


def _command(folder: Path, port: int) -> list[str]:
    options = {
        "ServerApp.ip": "127.0.0.1",
        "ServerApp.port": port,
        "ServerApp.port_retries": 0,
        "ServerApp.root_dir": folder,
        "ServerApp.allow_root": True,
        "ServerApp.open_browser": False,
        "IdentityProvider.token": "",
        "PasswordIdentityProvider.hashed_password": "",
    }
    return [sys.executable, "-m", "jupyterlab", *(f"--{name}={value}" for name, value in options.items())]


def _environment(home: Path) -> dict[str, str]:
    """Nothing of the person who runs the tests: neither settings nor a name."""
    kept = {name: os.environ[name] for name in ("PATH", "LANG", "LC_ALL", "TMPDIR") if name in os.environ}
    folders = {"HOME": "", "JUPYTER_CONFIG_DIR": "config", "JUPYTER_DATA_DIR": "data", "JUPYTER_RUNTIME_DIR": "runtime"}
    folders |= {"JUPYTERLAB_SETTINGS_DIR": "lab", "JUPYTERLAB_WORKSPACES_DIR": "workspaces", "IPYTHONDIR": "ipython"}
    return kept | {name: str(home / place) for name, place in folders.items()} | {"OMP_NUM_THREADS": "1"}


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def _wait_until_it_answers(port: int, server: subprocess.Popen[Any]) -> None:
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end:
        assert server.poll() is None, "JupyterLab ended at once"
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/api/status", timeout=5):
                return
        except OSError:
            time.sleep(0.2)
    raise AssertionError(f"JupyterLab did not answer in {START_SECONDS} s")


class Notebook:
    """A notebook in a tab, its cells known by nbgrader's names for them."""

    def __init__(self, tab: Any, address: str, path: Path) -> None:
        self.tab = tab
        self.path = path
        tab.goto(f"{address}/lab/tree/{path.parent.name}/{path.name}")
        tab.wait_for_selector(".jp-Notebook .jp-Cell", timeout=60_000)
        cells = json.loads(path.read_text())["cells"]
        self._places = {cell["metadata"].get("nbgrader", {}).get("grade_id", ""): at for at, cell in enumerate(cells)}
        self._student = next(at for at, cell in enumerate(cells) if "STUDENT =" in "".join(cell["source"]))
        tab.get_by_text("Python 3 (ipykernel) | Idle").wait_for(timeout=60_000)

    def cell(self, name: str) -> Any:
        """One cell; "" is the one that names the student."""
        return self.tab.locator(".jp-Notebook .jp-Cell").nth(self._places[name] if name else self._student)

    def write(self, name: str, source: str) -> None:
        """Type a cell's source anew and run it."""
        self.cell(name).locator(".cm-content").click()
        self.tab.keyboard.press("Control+A")
        self.tab.keyboard.type(source)
        self.run(name)

    def run(self, name: str) -> None:
        """Run a cell and wait until it has run."""
        cell = self.cell(name)
        cell.locator(".jp-InputPrompt, .jp-Placeholder").first.click()
        self.tab.keyboard.press("Control+Enter")
        self.wait(name)

    def wait(self, name: str) -> None:
        """Wait until a cell has run."""
        self._wait_for_kernel()
        prompt = self.cell(name).locator(".jp-InputPrompt")
        self.tab.wait_for_function(
            "prompt => /\\[\\d+\\]/.test(prompt.textContent)", arg=prompt.element_handle(), timeout=60_000
        )

    def run_all(self) -> None:
        """Run all cells, as the menu does."""
        self.tab.get_by_role("menuitem", name="Run", exact=True).click()
        self.tab.get_by_text("Run All Cells", exact=True).click()
        self.tab.wait_for_timeout(1000)
        self._wait_for_kernel()

    def output(self, name: str) -> str:
        """What a cell shows below it."""
        return str(self.cell(name).locator(".jp-Cell-outputArea").inner_text()).strip()

    def picture(self, name: str, path: Path) -> None:
        """A picture of a cell with what is around it."""
        path.parent.mkdir(parents=True, exist_ok=True)
        self.cell(name).scroll_into_view_if_needed()
        self.tab.wait_for_timeout(300)
        self.tab.screenshot(path=str(path))

    def save(self) -> None:
        """Save, and wait until the file is written."""
        before = self.path.stat().st_mtime_ns
        self.tab.keyboard.press("Control+S")
        end = time.monotonic() + 20
        while self.path.stat().st_mtime_ns == before:
            assert time.monotonic() < end, "JupyterLab did not save"
            self.tab.wait_for_timeout(100)

    def _wait_for_kernel(self) -> None:
        self.tab.wait_for_selector('.jp-Notebook-ExecutionIndicator[data-status="idle"]', timeout=90_000)
