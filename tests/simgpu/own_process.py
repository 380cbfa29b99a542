"""The simulated device changes a process for good, so its tests run in processes of their own and report in JSON."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
SECONDS = 300


def run_script(*arguments: str) -> str:
    """What `python ARGUMENTS` prints, in this folder, single-threaded."""
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=HERE,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


class DeviceProcess:
    """A process with two simulated GPUs that runs pieces of code, each in a fork of its own."""

    def __init__(self, library: Path) -> None:
        self._process = subprocess.Popen(
            [sys.executable, str(Path(__file__)), str(library)],
            cwd=HERE,
            env=os.environ | {"OMP_NUM_THREADS": "1"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def run(self, code: str) -> Any:
        """What `code` leaves in the name `result`; its exception as text."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(code) + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())

    def close(self) -> None:
        """End the process."""
        self._process.communicate()


def _serve(library: Path) -> None:
    import torch

    from autograder import simgpu

    simgpu.enable(devices=2, library=library)
    for line in sys.stdin:
        if os.fork() == 0:
            names: dict[str, Any] = {"os": os, "torch": torch, "simgpu": simgpu, "result": None}
            try:
                exec(json.loads(line), names)
                said = names["result"]
            except Exception as error:
                said = f"{type(error).__name__}: {error}"
            os.write(1, (json.dumps(said) + "\n").encode())
            os._exit(0)
        os.wait()


if __name__ == "__main__":
    _serve(Path(sys.argv[1]))
