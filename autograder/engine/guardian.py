"""The guardian of one session: a child of the zygote that sets up isolation, watches, and leaves nothing behind.

    zygote -> guardian -> reaper (at level A the init of a pid namespace) -> notebook -> one fork per check

No student code ever runs in the guardian or in the reaper. The guardian ends the session when the grader closes the
lifeline, when the notebook's process is gone, when time or memory is used up; then it reports, and exits.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import socket
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import NoReturn

from autograder.config import Limits
from autograder.engine import cgroups, folders, isolation, landlock, limits, private_root, seccomp, syscalls, wire
from autograder.engine.notebook import Notebook
from autograder.engine.shell import Shell
from autograder.engine.starting import LOOK, Report, Shared, Start
from autograder.engine.watch import Watch, tasks_of
from autograder.model import Isolation

SHORTEST_PAUSE, LONGEST_PAUSE = 0.05, 0.5  # seconds between two looks at a session


@dataclass(frozen=True)
class Warm:
    """What the zygote made ready for every session."""

    level: Isolation
    user: int
    shell: Shell
    filter: bytes
    check_filter: bytes  # on top of `filter`, for the forks that serve checks
    proc: int  # a file descriptor of /proc
    address_space: int  # bytes
    is_serial: bool  # sessions have the GPU, and serve checks without a fork
    visible_gpus: str  # CUDA_VISIBLE_DEVICES
    home: cgroups.Home | None  # where sessions get cgroups


def guard(warm: Warm, start: Start, requests: socket.socket, lifeline: socket.socket) -> NoReturn:
    """Run one session to its end. Called in a fresh fork of the zygote; never returns."""
    work, cgroup = private_root.WORK, None
    try:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        os.setsid()
        if warm.level is Isolation.A:
            isolation.add_session_namespaces(start.limits.disk)
        else:
            syscalls.prctl(isolation.SUBREAPER, 1)
            work = tempfile.mkdtemp(prefix="torchmark-")
            os.chown(work, warm.user, -1)
        # at level A the user is a session's own, or one in a namespace of its own
        others = 0 if warm.level is Isolation.A else tasks_of(warm.proc, warm.user)
        cgroup = _new_cgroup(warm.home, start.limits)
        child = os.fork() if cgroup is None else cgroup.fork()
    except OSError as error:
        if cgroup is not None:
            cgroup.remove()
        _report(lifeline, Report("failed", detail=str(error)))
        os._exit(1)
    if child == 0:
        _become_notebook(warm, start, requests, work, others)
    requests.close()
    watch = Watch(warm.proc, os.getpid(), start.limits.memory, start.limits.processes)
    folder = None if warm.level is Isolation.A else work
    shares = not warm.is_serial  # a driver shares memory too
    limit_met = partial(_limit_met, watch, cgroup, start.limits, folder)
    reason = _wait(lifeline, child, watch, start.seconds, limit_met, shares=shares)
    if reason == "ended" and cgroup is not None and cgroup.ran_out_of_memory():
        reason = "memory"
    code = _end(child, watch, warm.level, cgroup)
    if warm.level is not Isolation.A:
        folders.remove(work)
    _report(lifeline, Report(reason, code if reason == "ended" else None))
    os._exit(0)


def _new_cgroup(home: cgroups.Home | None, limits: Limits) -> cgroups.Cgroup | None:
    """None where there is no place for one (any more): limits of single processes and `Watch` hold without it."""
    with contextlib.suppress(OSError):
        return cgroups.Cgroup(home, limits) if home is not None else None
    return None


def _limit_met(watch: Watch, cgroup: cgroups.Cgroup | None, limits: Limits, folder: str | None) -> str:
    """Which limit the session is beyond, "" for none. folder: one whose size nothing else limits.

    What the kernel has charged is never less than what `Watch` would add up, and costs nothing to ask for.
    """
    met = watch.limit_met() if cgroup is None or cgroup.holds_more_than(limits.memory) else ""
    return "disk" if not met and folder is not None and folders.is_over(folder, limits.disk) else met


def _wait(
    lifeline: socket.socket, child: int, watch: Watch, seconds: float, limit_met: Callable[[], str], *, shares: bool
) -> str:
    """Wait until the session has to end; the reason. shares: tell of memory that forks would share."""
    deadline = time.monotonic() + seconds
    process = os.pidfd_open(child)
    poll = select.poll()
    poll.register(lifeline, select.POLLIN | select.POLLHUP)
    poll.register(process, select.POLLIN)
    pause = SHORTEST_PAUSE
    while True:
        events = poll.poll(1000 * pause)
        looked = time.monotonic()
        if any(file == lifeline.fileno() for file, _ in events):
            if not _answer(lifeline, watch, shares):
                return "closed"
            continue
        if events:
            return "ended"
        if time.monotonic() > deadline:
            return "time"
        met = limit_met()
        if met:
            return met
        pause = 50 * (time.monotonic() - looked)  # watching takes 2 % of a core, unless the student makes it slow
        pause = min(max(SHORTEST_PAUSE, pause), LONGEST_PAUSE)


def _answer(lifeline: socket.socket, watch: Watch, shares: bool) -> bool:
    """Answer the grader's question; False when there is none, and the grader has hung up."""
    try:
        wire.receive(lifeline, LOOK, time.monotonic() + 1)
        lifeline.settimeout(None)
        wire.send(lifeline, Shared(watch.shared_memory() if shares else []))
    except (wire.Closed, wire.DeadlinePassed, wire.WireError):
        return False
    return True


def _end(child: int, watch: Watch, level: Isolation, cgroup: cgroups.Cgroup | None) -> int | None:
    """Leave no process of the session, nor its cgroup; how the first process ended."""
    if cgroup is not None:
        cgroup.kill()
    code = _kill_all(child, watch, level)
    if cgroup is not None:
        cgroup.remove()
    return code


def _kill_all(child: int, watch: Watch, level: Isolation) -> int | None:
    """How the first process ended. At level A the end of the init ends them all."""
    code = None
    while True:
        victims = [child] if level is Isolation.A else [each for each in watch.processes() if each != os.getpid()]
        for process in victims:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        try:
            while True:
                process, status = os.waitpid(-1, 0 if level is Isolation.A else os.WNOHANG)
                if process == child:
                    code = os.waitstatus_to_exitcode(status)
                if process == 0:
                    break
        except ChildProcessError:
            return _unpack(code)
        time.sleep(0.001)


def _become_notebook(warm: Warm, start: Start, requests: socket.socket, work: str, others: int) -> NoReturn:
    """The child of the guardian: give up every right, become two, and serve requests in the second.

    others: processes of the same user that have nothing to do with this session.
    """
    try:
        _keep_only(requests.fileno())
        if warm.is_serial and warm.level is Isolation.A:
            with contextlib.suppress(OSError):  # the driver may do without it
                private_root.add_proc()
        limits.set_limits(start.limits, None if warm.is_serial else warm.address_space, start.seconds, others)
        if warm.level is not Isolation.NONE:
            isolation.become(warm.user, has_private_root=warm.level is Isolation.A)
        syscalls.prctl(isolation.DEATH_SIGNAL, signal.SIGKILL)
        if warm.level is not Isolation.A:
            syscalls.prctl(isolation.SUBREAPER, 1)
        child = os.fork()
        if child:
            requests.close()
            _reap(child)
        writable = [work, "/dev/null"] + (["/dev/shm"] if warm.level is Isolation.A else [])
        os.chdir(work)
        _make_home(work, warm.visible_gpus)
        readable = private_root.shown_paths() if warm.level is Isolation.B else READABLE
        devices = private_root.gpu_devices() if warm.is_serial else []
        if warm.level is not Isolation.NONE:
            landlock.restrict([*readable, *_driver_paths(warm)], writable, devices)
            seccomp.install(warm.filter)
        Notebook(requests, warm.shell, warm.level, readable, warm.check_filter, warm.is_serial).serve()
    finally:
        os._exit(0)


READABLE = ["/"]  # of the private root
DRIVER_READS = ("/proc/driver/nvidia", "/proc/devices", "/proc/modules", "/proc/cpuinfo", "/proc/meminfo")


def _keep_only(file: int) -> None:
    """Close every file but `file`; standard streams lead nowhere."""
    null = os.open("/dev/null", os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(null, standard)
    os.closerange(3, file)
    os.closerange(file + 1, 1 << 16)


def _driver_paths(warm: Warm) -> list[str]:
    """What a real GPU's driver reads, where it is not in a private root."""
    if not warm.is_serial or warm.level is Isolation.A:
        return []
    return [*private_root.gpu_paths(), *DRIVER_READS, f"/proc/{os.getpid()}"]


def _make_home(work: str, visible_gpus: str) -> None:
    temporary = f"{work}/.tmp"
    Path(temporary).mkdir()
    os.environ.clear()
    os.environ.update(
        HOME=work,
        USER="student",
        TMPDIR=temporary,
        MPLCONFIGDIR=temporary,
        IPYTHONDIR=temporary,
        LANG="C.UTF-8",
        PATH="",
        OMP_NUM_THREADS="1",
        MPLBACKEND="module://matplotlib_inline.backend_inline",
        CUDA_VISIBLE_DEVICES=visible_gpus,
        CUDA_CACHE_DISABLE="1",
    )
    tempfile.tempdir = None


def _reap(first: int) -> NoReturn:
    """Collect the dead until nobody is left, then end as the first child did."""
    code = 0
    while True:
        try:
            process, status = os.waitpid(-1, 0)
        except ChildProcessError:
            os._exit(code)
        if process == first:
            code = _pack(os.waitstatus_to_exitcode(status))


def _pack(code: int) -> int:
    """An exit code (negative: a signal) as the exit status of another process."""
    return 128 - code if code < 0 else min(code, 127)


def _unpack(status: int | None) -> int | None:
    return status if status is None or status < 128 else 128 - status


def _report(lifeline: socket.socket, report: Report) -> None:
    with contextlib.suppress(wire.Closed):
        wire.send(lifeline, report)
