"""How far student code is kept from the machine, level by level, and what this machine is able to do.

A: mount, pid, network, IPC and UTS namespaces with a private root, Landlock, seccomp, resource limits; started as root,
   a user of its own per zygote as well; started as anybody else, a user namespace.
B: where namespaces are refused (a plain container): Landlock that also keeps signals in (ABI 6), seccomp, limits.
Below B nothing runs, unless isolation "none" was asked for by hand.
"""

from __future__ import annotations

import json
import os
import struct
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from autograder.engine import landlock, private_root, seccomp, syscalls
from autograder.errors import IsolationError
from autograder.model import Isolation

NEW_MOUNT, NEW_UTS, NEW_IPC = 0x20000, 0x4000000, 0x8000000
NEW_USER, NEW_PID, NEW_NET = 0x10000000, 0x20000000, 0x40000000

NO_NEW_PRIVILEGES, KEEP_CAPABILITIES, DROP_FROM_BOUND, AMBIENT, SUBREAPER, DEATH_SIGNAL = 38, 8, 24, 47, 36, 1
READ_ANY_FILE, SEE_ALL = 2, 21  # CAP_DAC_READ_SEARCH, CAP_SYS_ADMIN
_CAPABILITY_VERSION = 0x20080522


@dataclass(frozen=True)
class Layer:
    """One layer of isolation: does it work here, and if not, why; if so, a detail worth knowing."""

    name: str
    available: bool
    why: str = ""


@dataclass(frozen=True)
class IsolationReport:
    """What this machine can do."""

    level: Isolation
    layers: tuple[Layer, ...]

    @property
    def missing(self) -> tuple[str, ...]:
        """The layers that are not there, each with the reason."""
        return tuple(f"{layer.name}: {layer.why}" for layer in self.layers if not layer.available)


def probe() -> IsolationReport:
    """What this machine can do, found out by a fresh process that tries every layer. Takes about 0.2 s."""
    done = subprocess.run(
        [sys.executable, "-m", "autograder.engine.isolation"], capture_output=True, text=True, check=False
    )
    try:
        layers = tuple(Layer(**layer) for layer in json.loads(done.stdout))
    except ValueError:
        layers = (Layer("probe", False, (done.stderr.strip().splitlines() or ["no answer"])[-1]),)
    return IsolationReport(best_level(layers), layers)


def best_level(layers: tuple[Layer, ...]) -> Isolation:
    """The highest level whose layers are all there."""
    there = {layer.name for layer in layers if layer.available}
    if {"namespaces", "Landlock", "seccomp"} <= there:
        return Isolation.A
    if {"Landlock for signals", "seccomp", "user"} <= there:
        return Isolation.B
    return Isolation.NONE


def choose_level(wanted: str, layers: tuple[Layer, ...]) -> Isolation:
    """The level to work at. wanted: "auto", "A", "B" or "none". Raises IsolationError, in one line."""
    if wanted == "none":
        return Isolation.NONE
    if wanted not in ("auto", "A", "B"):
        raise IsolationError(f'isolation is "{wanted}"; give "auto", "A", "B" or "none"')
    best = best_level(layers)
    report = IsolationReport(best, layers)
    if best is Isolation.NONE or (wanted == "A" and best is Isolation.B):
        asked = "enough" if wanted == "auto" else f"level {wanted}"
        raise IsolationError(f"isolation: this machine cannot give {asked} ({'; '.join(report.missing)})")
    return Isolation.B if wanted == "B" else best


def try_layers() -> tuple[Layer, ...]:
    """Try every layer in children of this process, which must have one thread."""
    version = landlock.abi()
    return (
        _attempt("namespaces", _try_namespaces),
        Layer("Landlock", version > 0, f"ABI {version}" if version else "the kernel has none, or has it switched off"),
        Layer(
            "Landlock for signals",
            version >= landlock.SIGNALS_ABI,
            f"ABI {version}; level B needs {landlock.SIGNALS_ABI} (Linux 6.12)",
        ),
        _attempt("seccomp", _try_seccomp),
        _attempt("user", _try_user),
    )


def _attempt(name: str, trial: Callable[[], None]) -> Layer:
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            trial()
            os.write(writer, b"+")
        except OSError as error:
            os.write(writer, b"-" + str(error).encode()[:1000])
        finally:
            os._exit(0)
    os.close(writer)
    with os.fdopen(reader, "rb") as pipe:
        answer = pipe.read()
    os.waitpid(child, 0)
    return Layer(name, answer[:1] == b"+", answer[1:].decode(errors="replace") or ("" if answer else "it crashed"))


def _try_namespaces() -> None:
    enter_namespaces([])
    add_session_namespaces(1 << 20)
    child = os.fork()
    if child == 0:
        os._exit(0 if os.getpid() == 1 else 1)
    if os.waitpid(child, 0)[1]:
        raise OSError("a pid namespace without effect")


def _try_seccomp() -> None:
    syscalls.prctl(NO_NEW_PRIVILEGES, 1)
    seccomp.install(seccomp.build_filter(beside_others=True))


def _try_user() -> None:
    become(slot_user(), has_private_root=False)


def enter_namespaces(hidden: list[str], has_gpu: bool = False) -> None:
    """The zygote's part of level A: namespaces, and the private root without the folders `hidden`. Raises OSError.

    has_gpu: the root holds what a real GPU's driver needs, too.
    """
    flags = NEW_MOUNT | NEW_NET | NEW_UTS
    user, group = os.geteuid(), os.getegid()
    if not has_capability(SEE_ALL):
        syscalls.call("unshare", NEW_USER | flags)
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text(f"{user} {user} 1")
        Path("/proc/self/gid_map").write_text(f"{group} {group} 1")
    else:
        syscalls.call("unshare", flags)
    if has_gpu:
        shown = [*private_root.shown_paths(), *private_root.gpu_devices(), *private_root.gpu_paths()]
        private_root.enter(shown, hidden, folders=("/proc",))
    else:
        private_root.enter(private_root.shown_paths(), hidden)


def add_session_namespaces(disk: int) -> None:
    """A session's part of level A: its own pids, from the next fork on, its own /tmp and /dev/shm. Raises OSError."""
    syscalls.call("unshare", NEW_MOUNT | NEW_IPC | NEW_PID)
    private_root.add_space(disk)


def slot_user() -> int:
    """A user id that nobody else has while this process lives; this process's own user where it cannot change."""
    if os.geteuid() != 0 or not has_capability(7):  # CAP_SETUID
        return os.geteuid()
    wanted = 2_000_000 + os.getpid()
    for line in Path("/proc/self/uid_map").read_text().splitlines():
        first, _, count = (int(number) for number in line.split())
        if first <= wanted < first + count:
            return wanted
    return 20_000 + os.getpid() % 40_000


def become(user: int, *, has_private_root: bool) -> None:
    """Turn into `user`, for good, without groups, capabilities and the way to more. Raises OSError.

    Where Python itself lies in a folder that only root can enter and there is no private root, the right to read any
    file is kept: Landlock, not file modes, is what guards files then.
    """
    kept = 0
    if user != os.geteuid():
        if not has_private_root and not _can_be_read_by_all(sys.prefix, sys.base_prefix):
            if not has_capability(READ_ANY_FILE):
                raise OSError(
                    f"other users cannot read {sys.base_prefix}: install Python elsewhere, or do not grade as root"
                )
            kept = 1 << READ_ANY_FILE
        syscalls.prctl(KEEP_CAPABILITIES, 1 if kept else 0)
        os.setgroups([])
        os.setresgid(user, user, user)
        for capability in range(64):
            try:
                syscalls.prctl(DROP_FROM_BOUND, capability)
            except OSError:
                break  # past the last one, or not ours to drop: no_new_privs closes that way
        os.setresuid(user, user, user)
    elif user == 0:
        raise OSError("root cannot change its user here, and must not run student code")
    header = struct.pack("=Ii", _CAPABILITY_VERSION, 0)
    syscalls.call("capset", header, struct.pack("=IIIIII", kept, kept, 0, 0, 0, 0))
    syscalls.prctl(NO_NEW_PRIVILEGES, 1)


def has_capability(number: int) -> bool:
    """True when this process holds the capability."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("CapEff:"):
            return bool(int(line.split()[1], 16) >> number & 1)
    return False


def _can_be_read_by_all(*folders: str) -> bool:
    return all(path.stat().st_mode & 0o001 for folder in folders for path in (Path(folder), *Path(folder).parents))


if __name__ == "__main__":
    print(json.dumps([{"name": each.name, "available": each.available, "why": each.why} for each in try_layers()]))
