"""nbgrader's formgrader, run for real in a Jupyter server on this machine."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

CONFIG = Path(__file__).parents[1] / "nbgrader_config.py"


@dataclass(frozen=True)
class Formgrader:
    """Where it listens, and the token that it wants."""

    address: str
    token: str

    @property
    def headers(self) -> dict[str, str]:
        """What every request must bear."""
        return {"Authorization": f"token {self.token}"}

    def get(self, path: str) -> str:
        """A page. Raises URLError."""
        request = urllib.request.Request(f"{self.address}{path}", headers=self.headers)
        with urllib.request.urlopen(request, timeout=30) as response:
            return str(response.read().decode())

    def api(self, path: str) -> Any:
        """What formgrader's own scripts ask for."""
        return json.loads(self.get(f"/formgrader/api/{path}"))

    def notebook_ids(self) -> dict[str, str]:
        """student -> the id of the submitted notebook, by which formgrader's pages go."""
        return {found["student"]: str(found["id"]) for found in self.api("submitted_notebooks/tiny/tiny")}


@contextmanager
def formgrader(root: Path) -> Iterator[Formgrader]:
    """Formgrader over the course in `root`, with this course's configuration; ended by its process id."""
    shutil.copy(CONFIG, root)
    with tempfile.TemporaryDirectory(prefix="formgrader-", ignore_cleanup_errors=True) as name:
        home = Path(name)
        served = Formgrader(f"http://127.0.0.1:{_free_port()}", secrets.token_hex(16))
        log = home / "server.log"
        with log.open("wb") as output:
            server = subprocess.Popen(
                _command(served, root), cwd=root, env=_environment(home), stdout=output, stderr=output
            )
        try:
            _wait_until_up(served, server, log)
            yield served
        finally:
            server.terminate()
            server.wait(timeout=20)


def _command(served: Formgrader, root: Path) -> list[str]:
    return [
        *(sys.executable, "-m", "jupyter", "server"),
        f"--ServerApp.port={served.address.rpartition(':')[2]}",
        "--ServerApp.port_retries=0",
        "--ServerApp.ip=127.0.0.1",
        f"--IdentityProvider.token={served.token}",
        "--ServerApp.open_browser=False",
        "--ServerApp.allow_root=True",
        f"--ServerApp.root_dir={root}",
        "--ServerApp.jpserver_extensions={'nbgrader.server_extensions.formgrader': True}",
    ]


def _environment(home: Path) -> dict[str, str]:
    return os.environ | {
        "HOME": str(home),
        "JUPYTER_CONFIG_DIR": str(home / "config"),
        "JUPYTER_RUNTIME_DIR": str(home / "runtime"),
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
    }


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def _wait_until_up(served: Formgrader, server: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(600):
        assert server.poll() is None, log.read_text()
        try:
            served.get("/api/status")
            return
        except (urllib.error.URLError, ConnectionError):
            time.sleep(0.1)
    raise AssertionError(log.read_text())
