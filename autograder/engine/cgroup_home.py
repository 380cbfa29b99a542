"""Where this process may make cgroups for sessions, found out by making one."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

from autograder.config import Limits
from autograder.engine.cgroups import Cgroup, Home

OURS = "torchmark-grader"  # where the grader's own processes go: a cgroup that is divided must hold none itself
NEEDED, WELCOME = ("memory", "pids"), ("cpu",)
ROUNDS = 5
BOUNDS = ("memory.max", "memory.high", "pids.max", "cpu.max", "cpuset.cpus", "cpuset.mems")
REMEDY = "start the grader by `systemd-run --scope -p Delegate=yes` (`systemd-run --user ...` unless as root)"


class NoCgroupError(Exception):
    """Sessions cannot have cgroups of their own; the text says why."""


def find_home() -> Home:
    """The nearest cgroup, from our own upwards, that those of sessions can be made in. Raises NoCgroupError.

    Our own is divided if nothing but the grader runs in it, which then moves into a part of it. Those above are taken
    as they are, and never past a bound that somebody set on us.
    """
    mount, own = own_cgroup(Path("/proc/self/mountinfo").read_text(), Path("/proc/self/cgroup").read_text())
    if "memory" not in _words(mount / "cgroup.controllers"):
        raise NoCgroupError(f"cgroup v2 at {mount} has no memory controller; cgroup v1 has it, or the kernel has none")
    nearest = own.parent if own.name == OURS and own != mount else own
    why = ""
    for folder in _upwards(nearest, mount):
        try:
            if not _has_needed(folder):
                _divide(folder, is_own=folder == nearest)
            return _tried(folder)
        except OSError as error:
            if error.errno == errno.EROFS:
                raise NoCgroupError(f"cgroup v2 at {mount} is read-only, as in a plain container") from None
            why = why or f"{folder}: {error.strerror or error}"
    raise NoCgroupError(f"{why}; {REMEDY}")


def own_cgroup(mounts: str, cgroups: str) -> tuple[Path, Path]:
    """The mount point of cgroup v2 and the folder of our own, from /proc/self/mountinfo and /proc/self/cgroup.

    Raises NoCgroupError.
    """
    path = next((line[3:] for line in cgroups.splitlines() if line.startswith("0::")), "")
    for line in mounts.splitlines():
        before, _, after = line.partition(" - ")
        if after.startswith("cgroup2 ") and path:
            root, point = before.split()[3:5]
            inside = os.path.relpath(path, root)
            if ".." in (*Path(inside).parts, *Path(path).parts):
                raise NoCgroupError(f"cgroup v2 at {point} does not show our own cgroup, {path}")
            return Path(point), Path(point, inside)
    raise NoCgroupError("cgroup v2 is not mounted" + (", cgroup v1 is" if " - cgroup " in mounts else ""))


def _upwards(nearest: Path, mount: Path) -> Iterator[Path]:
    """The folders from `nearest` to `mount`, as far as one leaves no bound behind."""
    for folder in (nearest, *nearest.parents):
        yield folder
        if folder == mount or _is_bounded(folder):
            return


def _is_bounded(folder: Path) -> bool:
    for name in BOUNDS:
        with contextlib.suppress(FileNotFoundError):
            if (folder / name).read_text().split()[:1] not in ([], ["max"]):
                return True
    return False


def _has_needed(folder: Path) -> bool:
    return set(NEEDED) <= set(_words(folder / "cgroup.subtree_control"))


def _divide(folder: Path, *, is_own: bool) -> None:
    """Have cgroups in `folder` be limited. Raises OSError.

    Root could write to any: only our own is our business then. What others may write to was given to them to divide.
    """
    if not is_own and os.geteuid() == 0:
        raise OSError("it is not ours")
    switch = folder / "cgroup.subtree_control"
    with _locked(folder):
        wanted = " ".join(f"+{name}" for name in NEEDED)
        try:
            switch.write_text(wanted)
        except OSError as error:
            if error.errno != errno.EBUSY or not is_own:
                raise
            _move_ours(folder)
            switch.write_text(wanted)
        for name in WELCOME:
            with contextlib.suppress(OSError):
                switch.write_text(f"+{name}")


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Workers start at the same time."""
    file = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
    finally:
        os.close(file)


def _move_ours(folder: Path) -> None:
    """Move the processes of `folder` into a part of it. Raises OSError where one of them is not the grader's."""
    for _ in range(ROUNDS):  # what is forked meanwhile comes next
        processes = {int(word) for word in _words(folder / "cgroup.procs")}
        if not _are_ours(processes):
            raise OSError("other processes than the grader's run in it")
        part = folder / OURS
        part.mkdir(exist_ok=True)
        for process in processes:
            with contextlib.suppress(ProcessLookupError):
                (part / "cgroup.procs").write_text(str(process))


def _are_ours(processes: set[int]) -> bool:
    """True when all come from the topmost process that runs our interpreter and that we come from by such ones."""
    parents = _parents()
    top = os.getpid()
    while parents.get(top) in processes and _program(parents[top]) == _program(os.getpid()):
        top = parents[top]
    return all(top in _line(process, parents) for process in processes)


def _line(process: int, parents: dict[int, int]) -> list[int]:
    """A process, its parent, and so on."""
    line = [process]
    while line[-1] in parents:
        line.append(parents[line[-1]])
    return line


def _parents() -> dict[int, int]:
    parents = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            parents[int(stat.parent.name)] = int(stat.read_text().rpartition(")")[2].split()[1])
    return parents


def _program(process: int) -> str:
    try:
        return str(Path(f"/proc/{process}/exe").readlink())
    except OSError:
        return ""


def _tried(folder: Path) -> Home:
    """The home at `folder`, once a cgroup was made there and a process put into it. Raises OSError."""
    file = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    limited = _words(folder / "cgroup.subtree_control")
    home = Home(str(folder), file, tuple(name for name in NEEDED + WELCOME if name in limited))
    try:
        trial = Cgroup(home, Limits())
        try:
            os.waitpid(_fork_into(trial), 0)
        finally:
            trial.remove()
    except OSError:
        os.close(file)
        raise
    return home


def _fork_into(trial: Cgroup) -> int:
    child = trial.fork()
    if child == 0:
        os._exit(0)
    return child


def _words(path: Path) -> list[str]:
    return path.read_text().split()
