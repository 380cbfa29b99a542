"""A file system that holds Python, its libraries, and nothing else of the machine.

Built once by the zygote in a mount namespace of its own; each session adds an empty working folder and /dev/shm of
limited size.
"""

from __future__ import annotations

import os
import site
import struct
import sys
import sysconfig
from pathlib import Path

from autograder.engine import syscalls

WORK = "/notebook"  # the folder that a notebook runs in
TEMPORARY = WORK + "/.tmp"

_PRIVATE, _RECURSIVE, _BIND, _READ_ONLY, _NO_SUID, _NO_DEVICES = 1 << 18, 1 << 14, 1 << 12, 1, 2, 4
_NO_EXECUTION = 8
_DETACH = 2
_AT_FDCWD, _AT_RECURSIVE = -100, 0x8000
_SCAFFOLD = "/proc"  # where the new root is put together: a folder that holds nothing we show

SYSTEM = """
/lib /lib64 /usr/lib /usr/lib64 /usr/local/lib
/usr/share/fonts /usr/local/share/fonts /usr/share/zoneinfo
/etc/ld.so.cache /etc/localtime /etc/fonts
""".split()  # noqa: SIM905 (a list that is read in groups)
GPU_DEVICES = ("nvidia*", "dxg", "nvhost*", "nvmap")  # PC and server, WSL, Jetson
DEVICES = ("/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom")


def shown_paths() -> list[str]:
    """The files and folders that student code may read: the interpreter, its packages, system libraries, fonts."""
    python = [path for path in (sys.prefix, sys.base_prefix) if path not in ("/", "/usr", "/usr/local")]
    python += [sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")]
    if site.ENABLE_USER_SITE:
        python.append(site.getusersitepackages())
    shown: list[str] = []
    for path in sorted({*python, *SYSTEM}):
        is_inside = any(path.startswith(other + "/") for other in shown)
        if not is_inside and os.path.lexists(path):
            shown.append(path)
    return shown + [path for path in DEVICES if Path(path).exists()]


def gpu_devices() -> list[str]:
    """The device files of a real GPU, if there is one."""
    return sorted(str(path) for name in GPU_DEVICES for path in Path("/dev").glob(name))


def gpu_paths() -> list[str]:
    """What CUDA's driver reads besides: its libraries in odd places, and what it asks the kernel."""
    wanted = ("/usr/local/nvidia", "/usr/local/cuda/compat", "/sys/devices", "/sys/bus/pci", "/sys/module")
    return [path for path in wanted if Path(path).is_dir()]


def enter(shown: list[str], hidden: list[str], folders: tuple[str, ...] = ()) -> None:
    """Make a new root of `shown`, read-only, without `hidden`, and move this process into it for good.

    folders: empty ones, to mount something on.

    Needs a mount namespace of its own, and the right to mount in it. Raises OSError.
    """
    syscalls.call("mount", b"none", b"/", None, _PRIVATE | _RECURSIVE, None)
    _mount_tmpfs(_SCAFFOLD, "size=1m,mode=0755")
    for path in shown:
        _show(path)
    for path in (WORK, "/dev/shm", *folders):
        Path(_SCAFFOLD + path).mkdir(parents=True, exist_ok=True)
    if not Path(_SCAFFOLD + "/tmp").exists():
        Path(_SCAFFOLD + "/tmp").symlink_to(TEMPORARY)
    for path in hidden:
        if Path(_SCAFFOLD + path).is_dir():
            _mount_tmpfs(_SCAFFOLD + path, "size=4k,mode=0755")
    _make_read_only(_SCAFFOLD)
    os.chdir(_SCAFFOLD)
    syscalls.call("pivot_root", b".", b".")
    syscalls.call("umount2", b".", _DETACH)
    os.chdir("/")


def add_space(disk: int) -> None:
    """An empty working folder and /dev/shm, of `disk` bytes each, in the root that `enter` made. Raises OSError."""
    _mount_tmpfs(WORK, f"size={disk},nr_inodes=50000,mode=0777")
    _mount_tmpfs("/dev/shm", f"size={disk},nr_inodes=5000,mode=1777")


def add_proc() -> None:
    """/proc of this process's own pid namespace, read-only. Raises OSError where a container forbids it."""
    flags = _READ_ONLY | _NO_SUID | _NO_DEVICES | _NO_EXECUTION
    syscalls.call("mount", b"proc", b"/proc", b"proc", flags, None)


def _show(path: str) -> None:
    target = Path(_SCAFFOLD + path)
    target.parent.mkdir(parents=True, exist_ok=True)
    if Path(path).is_symlink() and not path.startswith("/etc/"):
        target.symlink_to(Path(path).readlink())
        return
    if Path(path).is_dir():
        target.mkdir(exist_ok=True)
    else:
        target.touch()
    syscalls.call("mount", os.fsencode(path), os.fsencode(str(target)), None, _BIND | _RECURSIVE, None)


def _mount_tmpfs(path: str, options: str) -> None:
    flags = _NO_SUID | _NO_DEVICES
    syscalls.call("mount", b"tmpfs", os.fsencode(path), b"tmpfs", flags, options.encode())


def _make_read_only(path: str) -> None:
    attributes = struct.pack("=QQQQ", _READ_ONLY | _NO_SUID, 0, 0, 0)
    syscalls.call("mount_setattr", _AT_FDCWD, os.fsencode(path), _AT_RECURSIVE, attributes, len(attributes))
