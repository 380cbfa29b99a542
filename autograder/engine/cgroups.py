"""The cgroup of one session: what all its processes may hold together, kept by the kernel (cgroup v2).

The kernel charges more than `limits.memory` is about: files in memory, page tables, buffers of sockets and pipes. So
its bound lies above it, by the room that honest work needs for these; memory of processes beyond the limit itself is
seen by `Watch`. Pages that a fork shares with the warm zygote stay charged to the zygote.
"""

from __future__ import annotations

import contextlib
import os
import time
from dataclasses import dataclass
from pathlib import Path

from autograder.config import Limits
from autograder.engine.forks import fork_into

PREFIX = "torchmark-"  # and the number of the guardian
ROOM = 4 * 1024**2  # bytes that the kernel may need for each process: page tables, stacks, pipes, sockets
FOLDERS = 2  # files in memory: the working folder and /dev/shm, `limits.disk` each


@dataclass(frozen=True)
class Home:
    """A cgroup that those of sessions are made in. folder: its file descriptor. controllers: what is limited there."""

    path: str
    folder: int
    controllers: tuple[str, ...]


class Cgroup:
    """Made by the guardian, which stays outside itself. Raises OSError where the home is gone."""

    def __init__(self, home: Home, limits: Limits) -> None:
        self._home = home.folder
        self._name = f"{PREFIX}{os.getpid()}"
        with contextlib.suppress(OSError):
            os.rmdir(self._name, dir_fd=self._home)  # of a guardian that was killed, and had our number
        os.mkdir(self._name, dir_fd=self._home)
        self._folder = os.open(self._name, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=self._home)
        try:
            self._limit(limits)
        except OSError:
            self.remove()
            raise

    def fork(self) -> int:
        """As os.fork, with the child, and all that it forks, in the cgroup. Raises OSError."""
        return fork_into(self._folder)

    def holds_more_than(self, memory: int) -> bool:
        """True when the kernel has charged more; or does not say."""
        try:
            return int(self._read("memory.current")) > memory
        except OSError:
            return True

    def ran_out_of_memory(self) -> bool:
        """True when the kernel ended the processes since they wanted more than the bound.

        Not when they fell to the bound of a cgroup above, or of the machine: those are not the student's.
        """
        try:
            events = dict(line.split() for line in self._read("memory.events").splitlines())
        except OSError:
            return False
        return events.get("oom", "0") != "0" and events.get("oom_kill", "0") != "0"

    def kill(self) -> None:
        """End every process in it, at once; nothing before Linux 5.14."""
        with contextlib.suppress(OSError):
            self._write("cgroup.kill", "1")

    def remove(self) -> None:
        """Take it away, once the last process has gone. What stays in spite of that, the next zygote takes away."""
        os.close(self._folder)
        for _ in range(100):
            try:
                os.rmdir(self._name, dir_fd=self._home)
            except FileNotFoundError:
                return
            except OSError:
                time.sleep(0.01)
            else:
                return

    def _limit(self, limits: Limits) -> None:
        bound = limits.memory + FOLDERS * limits.disk + ROOM * limits.processes
        self._write("memory.max", str(bound))
        self._write("memory.oom.group", "1")  # one that is left alone could only wait
        self._write("pids.max", str(limits.processes))
        with contextlib.suppress(FileNotFoundError):  # a kernel without swap
            self._write("memory.swap.max", "0")

    def _write(self, name: str, text: str) -> None:
        file = os.open(name, os.O_WRONLY | os.O_CLOEXEC, dir_fd=self._folder)
        try:
            os.write(file, text.encode())
        finally:
            os.close(file)

    def _read(self, name: str) -> str:
        file = os.open(name, os.O_RDONLY | os.O_CLOEXEC, dir_fd=self._folder)
        try:
            return os.read(file, 1 << 16).decode()
        finally:
            os.close(file)


def remove_leftovers(home: Home) -> None:
    """Take away the cgroups of guardians that were killed. The kernel keeps one that holds a process."""
    for name in os.listdir(home.folder):  # noqa: PTH208 (an open folder)
        number = name.removeprefix(PREFIX)
        if name != number and number.isdigit() and not Path("/proc", number).exists():
            with contextlib.suppress(OSError):
                os.rmdir(name, dir_fd=home.folder)
