"""The grader's end of one zygote: started when a session is first asked for, and again when it is gone."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from autograder.engine import wire
from autograder.engine.conversation import new_pair
from autograder.engine.devices import VISIBLE, one_gpu
from autograder.engine.exits import describe_exit
from autograder.engine.session import Session
from autograder.engine.starting import HELLO, Hello, Start
from autograder.errors import IsolationError

WARMING = 120.0  # seconds that imports may take on a slow disk
ONE_THREAD = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMEXPR_NUM_THREADS")


@dataclass(frozen=True)
class Kind:
    """What a zygote is for.

    isolation: "auto", "A", "B" or "none". library: of a simulated GPU. is_serial: its sessions have the GPU from their
    start, the simulated one or, without a library, a real one; no other zygote sees a real one.
    """

    isolation: str
    library: Path | None = None
    is_serial: bool = False

    def arguments(self) -> list[str]:
        """For the command line of the zygote."""
        return [self.isolation, str(self.library or ""), *(["serial"] if self.is_serial else [])]

    def environment(self) -> dict[str, str]:
        """What the zygote may know of ours: no secrets, no paths but the home folder, where fonts are cached."""
        sees_gpu = self.is_serial and self.library is None
        names = ("HOME", "LANG", "XDG_CACHE_HOME", *(("LD_LIBRARY_PATH",) if sees_gpu else ()))
        return {
            **{name: os.environ[name] for name in names if name in os.environ},
            **dict.fromkeys(ONE_THREAD, "1"),
            # A backward pass, and much else, starts what does not survive a fork when PyTorch sees a GPU.
            VISIBLE: one_gpu(os.environ) if sees_gpu else "",
            "PATH": "/usr/bin:/bin",
            "MPLBACKEND": "agg",
            "PYTHONDONTWRITEBYTECODE": "1",
            # Large pages, as in `pages.py`; and no small chunks that a fork would join up all over the heap.
            "GLIBC_TUNABLES": "glibc.malloc.hugetlb=1:glibc.malloc.mxfast=0",
        }


class WarmProcess:
    """A zygote of one kind."""

    def __init__(self, kind: Kind) -> None:
        self._kind = kind
        self._process: subprocess.Popen[bytes] | None = None
        self._channel: socket.socket | None = None

    def start(self) -> Hello:
        """Start it, and wait until it is warm. Raises IsolationError."""
        ours, theirs = new_pair()
        with theirs, tempfile.TemporaryFile() as trouble:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", "autograder.engine.zygote", str(theirs.fileno()), *self._kind.arguments()],
                pass_fds=[theirs.fileno()],
                env=self._kind.environment(),
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
        return hello

    def start_session(self, start: Start) -> Session:
        """A new session, from a new zygote where there is none (any more)."""
        if self._process is not None and self._channel is not None and self._process.poll() is None:
            with contextlib.suppress(wire.Closed):
                return Session(self._channel, start)
        self.close()
        self.start()
        assert self._channel is not None
        return Session(self._channel, start)

    def close(self) -> None:
        """End the zygote and, with it, all sessions."""
        if self._channel is not None:
            self._channel.close()
            self._channel = None
        if self._process is not None:
            try:
                self._process.wait(5)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process = None

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
        process = self._process
        self.close()
        trouble.seek(0)
        lines = trouble.read().decode(errors="replace").strip().splitlines()
        if lines:
            return lines[-1]
        return describe_exit(process.returncode) if process is not None else "it is closed"
