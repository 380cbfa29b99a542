"""Run a command where the red team attacks: as root, as an ordinary user, or as in a plain container.

    python place.py PLACE FOLDER REPORT COMMAND...

PLACE is "root", "user" or "container". As root the command gets a /tmp and /dev/shm of its own, in which only FOLDER
and this checkout are kept, and a Python that every user can read. What it leaves behind is counted and ended; REPORT
gets it as JSON: {"status", "seconds", "orphans", "temporary"}.
"""

from __future__ import annotations

import ctypes
import errno
import json
import os
import resource
import signal
import struct
import sys
import time
from pathlib import Path

from autograder.engine import seccomp, syscalls

OURS = (Path(__file__).resolve().parents[2], Path(sys.prefix))  # the program and its Python, wherever they were put
NOBODY = 65534
OPEN_FILES = 192  # of the grader: few, so that an attack which uses them up need not last
SUBREAPER, DROP_FROM_BOUND, NO_NEW_PRIVILEGES = 36, 24, 38
BIND, RECURSIVE, PRIVATE = 1 << 12, 1 << 14, 1 << 18
NEW_MOUNT = 0x20000
OF_A_CONTAINER = (0, 1, 3, 4, 5, 6, 7, 8, 10, 13, 18, 27, 29, 31)  # Docker's default capabilities
REFUSED = ("unshare", "mount", "umount2", "setns", "pivot_root", "clone3", "mount_setattr")
SETTLING = 5.0  # seconds in which what is killed may go


def main(place: str, folder: Path, report: Path, command: list[str]) -> None:
    """Run the command, wait for what it started, and write the report."""
    if os.geteuid() == 0:
        _own_temporary_folders(folder)
    else:
        before = _temporary()
    ctypes.CDLL(None).prctl(SUBREAPER, 1, 0, 0, 0)  # orphans come to us
    start = time.monotonic()
    child = os.fork()
    if child == 0:
        resource.setrlimit(resource.RLIMIT_NOFILE, (OPEN_FILES, OPEN_FILES))
        _take(place, folder)
        os.execv(command[0], command)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda *_: os.kill(child, signal.SIGTERM))
    status = _wait_for(child)
    seconds = time.monotonic() - start
    orphans = _settle()
    left = _temporary() if os.geteuid() == 0 else _temporary() - before
    found = {"status": status, "seconds": seconds, "orphans": orphans, "temporary": sorted(left)}
    report.write_text(json.dumps(found))


def _own_temporary_folders(folder: Path) -> None:
    """A mount namespace with empty /tmp and /dev/shm, FOLDER where it was, and an interpreter for everybody."""
    syscalls.call("unshare", NEW_MOUNT)
    syscalls.call("mount", b"none", b"/", None, PRIVATE | RECURSIVE, None)
    kept = list(_closed_to_others(Path(sys.base_prefix)))
    ours = [path for path in OURS if path.is_relative_to("/tmp") or path.is_relative_to("/dev/shm")]
    handles = {path: os.open(path, os.O_PATH) for path in [*kept[-1:], *ours, folder]}
    for covered in [*map(str, kept[:1]), "/tmp", "/dev/shm"]:
        options = b"mode=0755" if covered in map(str, kept) else b"mode=1777,size=1g"
        syscalls.call("mount", b"tmpfs", covered.encode(), b"tmpfs", 0, options)
    for path, handle in handles.items():
        path.mkdir(parents=True, exist_ok=True)
        syscalls.call("mount", f"/proc/self/fd/{handle}".encode(), os.fsencode(path), None, BIND | RECURSIVE, None)
        os.close(handle)


def _closed_to_others(path: Path) -> list[Path]:
    """The topmost folder above `path` that others cannot enter, and `path`; nothing where they can."""
    closed = [folder for folder in reversed([path, *path.parents]) if not folder.stat().st_mode & 0o001]
    return [closed[0], path] if closed else []


def _take(place: str, folder: Path) -> None:
    """Become what attacks in this place."""
    if place == "user" and os.geteuid() == 0:
        for path in [folder, *folder.rglob("*")]:
            os.lchown(path, NOBODY, NOBODY)
        os.setgroups([])
        os.setresgid(NOBODY, NOBODY, NOBODY)
        os.setresuid(NOBODY, NOBODY, NOBODY)
        os.environ["HOME"] = "/tmp"
    elif place == "container":
        _be_a_container()


def _be_a_container() -> None:
    """Docker's capabilities, and its refusal of namespaces."""
    if os.geteuid() == 0:
        for capability in range(41):
            if capability not in OF_A_CONTAINER:
                syscalls.prctl(DROP_FROM_BOUND, capability)
        mask = sum(1 << capability for capability in OF_A_CONTAINER)
        header = struct.pack("=Ii", 0x20080522, 0)
        syscalls.call("capset", header, struct.pack("=IIIIII", mask, mask, 0, 0, 0, 0))
    program = seccomp._Program(os.uname().machine)
    program.add(seccomp.LOAD, seccomp.NUMBER_AT)
    for name in REFUSED:
        program.refuse(name, errno.EPERM)
    program.add(seccomp.RETURN, seccomp.ALLOW)
    syscalls.prctl(NO_NEW_PRIVILEGES, 1)
    seccomp.install(b"".join(program.code))


def _wait_for(child: int) -> int:
    while True:
        found, status = os.waitpid(-1, 0)
        if found == child:
            return os.waitstatus_to_exitcode(status)


def _settle() -> list[str]:
    """The command lines of what still runs some seconds later; it is then ended."""
    deadline = time.monotonic() + SETTLING
    while _reap() and time.monotonic() < deadline:
        time.sleep(0.02)
    orphans = []
    while left := _reap():
        for process in left:
            orphans.append(
                Path(f"/proc/{process}/cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
            )
            os.kill(process, signal.SIGKILL)
        time.sleep(0.02)
    return orphans


def _reap() -> list[int]:
    """Our living descendants, the dead ones collected."""
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        return []
    children: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(stat.read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
        children.setdefault(parent, []).append(int(stat.parent.name))
    found, todo = [], [os.getpid()]
    while todo:
        below = children.get(todo.pop(), [])
        found += below
        todo += below
    return found


def _temporary() -> set[str]:
    """What lies in the temporary folders that is not there by right."""
    folders = [path for path in (Path("/tmp"), Path("/var/tmp"), Path("/dev/shm")) if path.is_dir()]
    names = {str(path) for folder in folders for path in folder.iterdir()}
    found = {name for name in names if "torchmark" in name or name.startswith("/dev/shm/") or "planted" in name}
    return {name for name in found if not any(path.is_relative_to(name) for path in OURS)}


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]), sys.argv[4:])
