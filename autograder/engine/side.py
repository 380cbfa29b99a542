"""The student side as the grader holds it: one warm zygote, and a session for each notebook."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from types import TracebackType
from typing import IO

from autograder import simgpu
from autograder.config import Limits
from autograder.engine import wire
from autograder.engine.conversation import new_pair
from autograder.engine.exits import describe_exit
from autograder.engine.run import NotebookRun
from autograder.engine.session import Session
from autograder.engine.starting import HELLO, Hello, Start
from autograder.errors import IsolationError
from autograder.model import Isolation

WARMING = 120.0  # seconds that imports may take on a slow disk
ONE_THREAD = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMEXPR_NUM_THREADS")


class StudentSide(AbstractContextManager["StudentSide"]):
    """Runs notebooks, one after the other. Starting takes about two seconds, once.

    isolation: "auto", "A", "B", or "none" (by hand only). Raises IsolationError where the machine cannot give it.
    device: have a simulated GPU for checks that ask for one; `no_device` says why there is none, if so. The first
    time on a machine it is compiled, which takes half a minute.
    """

    def __init__(self, limits: Limits, isolation: str = "auto", device: bool = False) -> None:
        self._limits = limits
        self._wanted = isolation
        self._library, self.no_device = _simulated_gpu() if device else (None, "no GPU was asked for")
        self._zygote: subprocess.Popen[bytes] | None = None
        self._channel: socket.socket | None = None
        self.level = Isolation.NONE
        self.missing: tuple[str, ...] = ()
        self._start()

    def run_notebook(
        self,
        cells: Sequence[tuple[int, str]],
        *,
        files: Mapping[str, bytes],
        exercises: Sequence[str],
        stubs: Mapping[str, str] | None = None,
    ) -> NotebookRun:
        """Run the code cells (index in the notebook, source) in order, in a folder that holds `files`.

        stubs: the source of each exercise's cell as released. Raises IsolationError when no session can be set up.
        """
        return NotebookRun(
            self._start_session,
            self._limits,
            cells,
            files=files,
            exercises=exercises,
            stubs=stubs or {},
            no_device=self.no_device,
        )

    def close(self) -> None:
        """End the zygote and, with it, all sessions."""
        if self._channel is not None:
            self._channel.close()
            self._channel = None
        if self._zygote is not None:
            try:
                self._zygote.wait(5)
            except subprocess.TimeoutExpired:
                self._zygote.kill()
                self._zygote.wait()
            self._zygote = None

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def _start(self) -> None:
        ours, theirs = new_pair()
        with theirs, tempfile.TemporaryFile() as trouble:
            self._zygote = subprocess.Popen(
                [
                    sys.executable,
                    "-P",
                    "-m",
                    "autograder.engine.zygote",
                    str(theirs.fileno()),
                    self._wanted,
                    *self._device(),
                ],
                pass_fds=[theirs.fileno()],
                env=_environment(),
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=trouble,
                start_new_session=True,  # Ctrl-C is for the grader alone, which then hangs up
            )
            theirs.close()
            self._channel = ours
            hello = self._hello(trouble)
        if hello.problem:
            self.close()
            raise IsolationError(hello.problem)
        self.level, self.missing = hello.level, tuple(hello.missing)

    def _device(self) -> list[str]:
        return [] if self._library is None else [str(self._library)]

    def _hello(self, trouble: IO[bytes]) -> Hello:
        assert self._channel is not None
        try:
            hello = wire.receive(self._channel, HELLO, time.monotonic() + WARMING)[0]
            self._channel.settimeout(None)
            return hello
        except (wire.Closed, wire.DeadlinePassed, wire.WireError):
            why = self._last_line(trouble)
            raise IsolationError(f"the student side did not start: {why}") from None

    def _last_line(self, trouble: IO[bytes]) -> str:
        """What the zygote said last, or how it ended; ends it."""
        zygote = self._zygote
        self.close()
        trouble.seek(0)
        lines = trouble.read().decode(errors="replace").strip().splitlines()
        if lines:
            return lines[-1]
        return describe_exit(zygote.returncode) if zygote is not None else "it is closed"

    def _start_session(self, start: Start) -> Session:
        """A new session, from a new zygote where the old one is gone."""
        if self._zygote is not None and self._channel is not None and self._zygote.poll() is None:
            with contextlib.suppress(wire.Closed):
                return Session(self._channel, start)
        self.close()
        self._start()
        assert self._channel is not None
        return Session(self._channel, start)


def _simulated_gpu() -> tuple[Path | None, str]:
    """The library that makes the simulated GPU, or why there is none."""
    try:
        return simgpu.build(), ""
    except simgpu.SimulatedGpuError as error:
        return None, str(error)


def _environment() -> dict[str, str]:
    """What the zygote may know of ours: no secrets, no paths but the home folder, where fonts are cached."""
    known = {name: os.environ[name] for name in ("HOME", "LANG", "XDG_CACHE_HOME") if name in os.environ}
    return {
        **known,
        **dict.fromkeys(ONE_THREAD, "1"),
        "PATH": "/usr/bin:/bin",
        "MPLBACKEND": "agg",
        "PYTHONDONTWRITEBYTECODE": "1",
        # Large pages, as in `pages.py`; and no small chunks that a fork would join up all over the heap.
        "GLIBC_TUNABLES": "glibc.malloc.hugetlb=1:glibc.malloc.mxfast=0",
    }
