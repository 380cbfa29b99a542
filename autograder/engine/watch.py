"""What all processes of one session use together: limits of single processes do not add up."""

from __future__ import annotations

import os
import re

_SHARED = re.compile(r"^(\w+)-(\w+) ...s ", re.MULTILINE)  # a line of /proc/PID/maps


class Watch:
    """Adds up the memory of a process and all its descendants, as seen from outside.

    proc: a file descriptor of /proc. Memory that was there before (the warm zygote's) does not count.
    """

    def __init__(self, proc: int, root: int, memory: int, processes: int) -> None:
        self._proc = proc
        self._root = root
        self._memory = memory
        self._most = processes
        self._before = self._private(os.getpid())
        self._shared_before = self._shared(os.getpid())

    def limit_met(self) -> str:
        """Of which limit the processes together use more than they may: "memory", "processes", or "" for none."""
        processes = self.processes()
        if len(processes) > self._most + 3:  # the guardian, the reaper, the notebook
            return "processes"
        added = sum(max(0, self._private(process) - self._before) for process in processes)
        if added > self._memory:  # pages that forks share were counted for each of them: look closer
            added = sum(self._share(process) for process in processes)
        return "memory" if added > self._memory else ""

    def shared_memory(self) -> list[tuple[int, int]]:
        """Areas of memory in any of the processes that its forks share with it, but for those that were there before.

        At level A it is the notebook's process, once its leftovers are ended, and its init.
        """
        found = {area for process in self.processes() for area in self._shared(process)}
        return sorted(found - self._shared_before)

    def processes(self) -> list[int]:
        """The root process and its descendants that are not zombies."""
        children: dict[int, list[int]] = {}
        alive = set()
        for name in os.listdir(self._proc):  # noqa: PTH208 (an open folder)
            if name.isdigit():
                state, parent = self._state_and_parent(name)
                children.setdefault(parent, []).append(int(name))
                if state not in "ZX":
                    alive.add(int(name))
        found, todo = [], [self._root]
        while todo:
            process = todo.pop()
            found.append(process)
            todo += children.get(process, [])
        return [process for process in found if process in alive]

    def _state_and_parent(self, process: str) -> tuple[str, int]:
        fields = _read(self._proc, f"{process}/stat").rpartition(")")[2].split()
        return (fields[0], int(fields[1])) if len(fields) > 1 else ("X", 0)

    def _private(self, process: int) -> int:
        """Bytes in memory that belong to no file on a disk: its own, and shared ones that have no other home."""
        return sum(_field(_read(self._proc, f"{process}/status"), f"Rss{kind}") for kind in ("Anon", "Shmem"))

    def _share(self, process: int) -> int:
        """Bytes in memory, each page divided by the number of processes that have it; the warm zygote's included."""
        rollup = _read(self._proc, f"{process}/smaps_rollup")
        if not rollup:
            return max(0, self._private(process) - self._before)
        return sum(_field(rollup, f"Pss_{kind}") for kind in ("Anon", "Shmem"))

    def _shared(self, process: int) -> set[tuple[int, int]]:
        maps = _read(self._proc, f"{process}/maps")
        return {(int(found[1], 16), int(found[2], 16)) for found in _SHARED.finditer(maps)}


def tasks_of(proc: int, user: int) -> int:
    """How many processes and threads of `user` there are: a limit of processes counts them all."""
    total = 0
    for name in os.listdir(proc):
        status = _read(proc, f"{name}/status") if name.isdigit() else ""
        if f"\nUid:\t{user}\t" in status:
            total += _count(status, "Threads")
    return total


def _field(text: str, name: str) -> int:
    """A size in kB in a file of /proc, as bytes."""
    return 1024 * _count(text, name)


def _count(text: str, name: str) -> int:
    _, found, rest = text.partition(f"{name}:")
    return int(rest.split(maxsplit=1)[0]) if found else 0


def _read(proc: int, path: str) -> str:
    """A file below /proc, "" where it is gone."""
    try:
        file = os.open(path, os.O_RDONLY | os.O_CLOEXEC, dir_fd=proc)
    except OSError:
        return ""
    try:
        parts = []
        while part := os.read(file, 1 << 18):
            parts.append(part)
        return b"".join(parts).decode(errors="replace")
    except OSError:
        return ""
    finally:
        os.close(file)
