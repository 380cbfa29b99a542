"""What all processes of one session use together: limits of single processes do not add up."""

from __future__ import annotations

import os

PAGE = os.sysconf("SC_PAGE_SIZE")


class Watch:
    """Adds up the memory of a process and all its descendants, as seen from outside.

    proc: a file descriptor of /proc. Memory that was there before (the warm zygote's) does not count.
    """

    def __init__(self, proc: int, root: int, memory: int) -> None:
        self._proc = proc
        self._root = root
        self._memory = memory
        self._before = self._private(os.getpid())

    def memory_is_exceeded(self) -> bool:
        """True when the processes together hold more memory than they may."""
        processes = self.processes()
        added = sum(max(0, self._private(process) - self._before) for process in processes)
        if added > self._memory:  # pages that forks share were counted for each of them: look closer
            added = sum(self._share(process) for process in processes)
        return added > self._memory

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
        fields = self._read(f"{process}/stat").rpartition(")")[2].split()
        return (fields[0], int(fields[1])) if len(fields) > 1 else ("X", 0)

    def _private(self, process: int) -> int:
        """Bytes in memory that belong to no file."""
        fields = self._read(f"{process}/statm").split()
        return (int(fields[1]) - int(fields[2])) * PAGE if len(fields) > 2 else 0

    def _share(self, process: int) -> int:
        """Bytes in memory, each page divided by the number of processes that have it; the warm zygote's included."""
        for line in self._read(f"{process}/smaps_rollup").splitlines():
            if line.startswith("Pss_Anon:"):
                return int(line.split()[1]) * 1024
        return max(0, self._private(process) - self._before)

    def _read(self, path: str) -> str:
        try:
            file = os.open(path, os.O_RDONLY | os.O_CLOEXEC, dir_fd=self._proc)
        except OSError:
            return ""
        try:
            return os.read(file, 1 << 16).decode(errors="replace")
        except OSError:
            return ""
        finally:
            os.close(file)
