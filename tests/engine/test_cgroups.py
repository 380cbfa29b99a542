"""Bounds that the kernel keeps on a whole session, on a real cgroup v2: `pytest -rs` says where there is none."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from autograder.config import Limits
from autograder.engine import syscalls
from autograder.engine.cgroup_home import OURS, NoCgroupError, find_home, own_cgroup
from autograder.engine.cgroups import PREFIX, Cgroup, Home, remove_leftovers

MIB = 1024**2
NOBODY = 65534
LIMITS = Limits(memory=16 * MIB, disk=MIB, processes=4)  # 34 MiB for the kernel
GONE = 2**22 + 1  # no process has this number

V1 = "32 31 0:29 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory\n"
V2 = "41 31 0:38 / /sys/fs/cgroup rw,relatime shared:9 - cgroup2 cgroup2 rw,nsdelegate\n"
OF_A_CONTAINER = "41 31 0:38 /docker/abc /sys/fs/cgroup ro,relatime - cgroup2 cgroup rw\n"


# ---- where we are


@pytest.mark.parametrize(
    ("mounts", "cgroups", "why"),
    [
        ("", "", "cgroup v2 is not mounted"),
        (V1, "4:memory:/a\n", "cgroup v2 is not mounted, cgroup v1 is"),
        (V2, "4:memory:/a\n", "cgroup v2 is not mounted"),
        (
            OF_A_CONTAINER,
            "0::/docker/other\n",
            "cgroup v2 at /sys/fs/cgroup does not show our own cgroup, /docker/other",
        ),
        (V2, "0::/../outside\n", "cgroup v2 at /sys/fs/cgroup does not show our own cgroup, /../outside"),
    ],
)
def test_a_machine_without_our_cgroup_is_told_in_one_line(mounts: str, cgroups: str, why: str) -> None:
    with pytest.raises(NoCgroupError) as refused:
        own_cgroup(mounts, cgroups)
    assert str(refused.value) == why


@pytest.mark.parametrize(
    ("mounts", "cgroups", "folder"),
    [
        (V2, "0::/\n", "/sys/fs/cgroup"),
        (V1 + V2, "4:memory:/a\n0::/user.slice/session-1.scope\n", "/sys/fs/cgroup/user.slice/session-1.scope"),
        (OF_A_CONTAINER, "0::/docker/abc/inner\n", "/sys/fs/cgroup/inner"),
    ],
)
def test_our_cgroup_is_found_below_the_mount(mounts: str, cgroups: str, folder: str) -> None:
    assert own_cgroup(mounts, cgroups) == (Path("/sys/fs/cgroup"), Path(folder))


# ---- a cgroup to try things in


def in_a_child(act: Callable[[], object], fork: Callable[[], int] = os.fork) -> str:
    """What `act` gives in a fork of this process, as text; its exception if it raises one; the signal that ended it."""
    reading, writing = os.pipe()
    child = fork()
    if child == 0:
        try:
            os.write(writing, str(act()).encode())
        except BaseException as error:  # the child of a test must not go on as a test
            os.write(writing, f"{type(error).__name__}: {error}".encode())
        finally:
            os._exit(0)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    os.close(writing)
    os.set_blocking(reading, False)  # what the child started may live on, with the other end
    said = os.read(reading, 1 << 16).decode() if code == 0 else signal.Signals(-code).name
    os.close(reading)
    return said


@pytest.fixture(scope="module")
def parent() -> Path:
    """Where this machine lets us make cgroups."""
    found = in_a_child(lambda: find_home().path)
    if not found.startswith("/"):
        pytest.skip(f"needs a cgroup v2 that can be divided: {found}")
    return Path(found)


@pytest.fixture
def ground(parent: Path) -> Iterator[Path]:
    """An empty cgroup whose parts are limited."""
    folder = parent / f"test-{os.getpid()}"
    folder.mkdir()
    (folder / "cgroup.subtree_control").write_text("+memory +pids")
    yield folder
    (folder / "cgroup.kill").write_text("1")
    for part in sorted((path for path in folder.rglob("*") if path.is_dir()), reverse=True):
        take_away(part)
    take_away(folder)


@pytest.fixture
def home(ground: Path) -> Iterator[Home]:
    file = os.open(ground, os.O_RDONLY | os.O_DIRECTORY)
    yield Home(str(ground), file, ("memory", "pids"))
    os.close(file)


@pytest.fixture
def bystander() -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(["sleep", "600"]) as process:
        yield process
        process.kill()


def take_away(folder: Path) -> None:
    deadline = time.monotonic() + 10
    while folder.exists():
        try:
            folder.rmdir()
        except OSError:
            assert time.monotonic() < deadline, folder
            time.sleep(0.01)


def part_of(folder: Path, name: str, **settings: str) -> Path:
    part = folder / name
    part.mkdir()
    for key, value in settings.items():
        (part / key.replace("_", ".", 1)).write_text(value)
    return part


def home_from(folder: Path, user: int = 0) -> str:
    """The home that a process in the cgroup `folder` finds, and where it is then; or why it finds none."""

    def find() -> str:
        (folder / "cgroup.procs").write_text("0")
        if user:
            os.setgroups([])
            os.setresgid(user, user, user)
            os.setresuid(user, user, user)
        found = find_home().path
        return f"{found} from {Path('/proc/self/cgroup').read_text().strip().rpartition('/')[2]}"

    return in_a_child(find)


def hoard_in_sockets() -> str:
    """Fill buffers that belong to no process."""
    pairs = []
    for _ in range(200):
        pairs.append(socket.socketpair())
        for end in pairs[-1]:
            end.setblocking(False)
            try:
                while True:
                    end.send(b"x" * 100_000)
            except BlockingIOError:
                pass
    return f"{len(pairs)} pairs"


# ---- the home


def test_a_cgroup_that_holds_others_is_not_divided_and_its_bounds_are_not_left(
    ground: Path, bystander: subprocess.Popen[bytes]
) -> None:
    bounded = part_of(ground, "bounded", memory_max="1073741824")
    (bounded / "cgroup.procs").write_text(str(bystander.pid))
    assert "other processes than the grader's run in it; start the grader by `systemd-run" in home_from(bounded)
    assert (bounded / "cgroup.procs").read_text().split() == [str(bystander.pid)]


def test_a_bound_further_up_is_not_left_either(ground: Path, bystander: subprocess.Popen[bytes]) -> None:
    bounded = part_of(ground, "bounded", pids_max="1000")
    inner = part_of(bounded, "inner")
    (inner / "cgroup.procs").write_text(str(bystander.pid))
    assert home_from(inner).startswith("NoCgroupError: ")


def test_beside_others_the_cgroup_above_is_used(ground: Path, bystander: subprocess.Popen[bytes]) -> None:
    shared = part_of(ground, "shared")
    (shared / "cgroup.procs").write_text(str(bystander.pid))
    assert home_from(shared) == f"{ground} from shared"


def test_a_cgroup_of_our_own_is_divided_bounded_or_not(ground: Path) -> None:
    bounded = part_of(ground, "bounded", memory_max="1073741824")
    assert home_from(bounded) == f"{bounded} from {OURS}"
    assert home_from(bounded / OURS) == f"{bounded} from {OURS}"


@pytest.mark.skipif(os.geteuid() != 0, reason="mounts")
def test_where_cgroups_are_read_only_the_grader_says_so(ground: Path) -> None:
    mount = own_cgroup(Path("/proc/self/mountinfo").read_text(), Path("/proc/self/cgroup").read_text())[0]
    inner = part_of(ground, "inner")

    def find() -> str:
        (inner / "cgroup.procs").write_text("0")
        syscalls.call("unshare", 0x20000)  # mounts of our own
        syscalls.call("mount", b"none", b"/", None, 1 << 18 | 1 << 14, None)  # not seen by others
        syscalls.call("mount", b"none", os.fsencode(mount), None, 1 << 5 | 1 << 12 | 1, None)  # read-only
        return find_home().path

    assert in_a_child(find) == f"NoCgroupError: cgroup v2 at {mount} is read-only, as in a plain container"


@pytest.mark.skipif(os.geteuid() != 0, reason="turns into another user")
def test_an_ordinary_user_needs_a_cgroup_that_was_given_away(ground: Path) -> None:
    scope = part_of(ground, "scope")
    assert "Permission denied; start the grader by `systemd-run" in home_from(scope, NOBODY)
    for path in (scope, scope / "cgroup.procs", scope / "cgroup.subtree_control"):
        os.chown(path, NOBODY, NOBODY)
    assert home_from(scope, NOBODY) == f"{scope} from {OURS}"


def test_what_killed_guardians_left_is_removed_and_what_lives_is_not(
    ground: Path, home: Home, bystander: subprocess.Popen[bytes]
) -> None:
    empty, held, alive, other = (
        part_of(ground, name)
        for name in (f"{PREFIX}{GONE}", f"{PREFIX}{GONE + 1}", f"{PREFIX}{os.getpid()}", "something")
    )
    (held / "cgroup.procs").write_text(str(bystander.pid))
    remove_leftovers(home)
    assert [path.exists() for path in (empty, held, alive, other)] == [False, True, True, True]
    assert bystander.poll() is None


# ---- the bounds


def test_memory_that_no_process_holds_is_bounded(home: Home) -> None:
    cgroup = Cgroup(home, LIMITS)
    assert in_a_child(hoard_in_sockets, cgroup.fork) == "SIGKILL"
    assert cgroup.ran_out_of_memory()
    cgroup.remove()


def test_all_processes_go_when_memory_runs_out(home: Home) -> None:
    cgroup = Cgroup(home, LIMITS)
    waiting = cgroup.fork()
    if waiting == 0:
        time.sleep(600)
        os._exit(0)
    in_a_child(hoard_in_sockets, cgroup.fork)
    assert os.waitstatus_to_exitcode(os.waitpid(waiting, 0)[1]) == -signal.SIGKILL
    cgroup.remove()


def test_a_bound_above_is_not_laid_at_the_sessions_door(ground: Path) -> None:
    bounded = part_of(ground, "bounded", memory_max=str(16 * MIB))
    (bounded / "cgroup.subtree_control").write_text("+memory +pids")
    file = os.open(bounded, os.O_RDONLY | os.O_DIRECTORY)
    cgroup = Cgroup(Home(str(bounded), file, ()), Limits())
    assert in_a_child(hoard_in_sockets, cgroup.fork) == "SIGKILL"
    assert not cgroup.ran_out_of_memory()
    cgroup.remove()
    os.close(file)


def test_processes_are_bounded_for_root_too(home: Home) -> None:
    cgroup = Cgroup(home, LIMITS)

    def bomb() -> int:
        started = 1
        try:
            while started < 20:
                if os.fork() == 0:
                    time.sleep(600)
                    os._exit(0)
                started += 1
        except BlockingIOError:
            pass
        return started

    assert in_a_child(bomb, cgroup.fork) == str(LIMITS.processes)
    cgroup.kill()
    cgroup.remove()
    assert not list(Path(home.path).glob(f"{PREFIX}*"))


def test_memory_is_looked_at_only_when_more_is_held(home: Home) -> None:
    cgroup = Cgroup(home, Limits(memory=64 * MIB))
    assert not cgroup.holds_more_than(MIB)
    hoard = in_a_child(lambda: (b"x" * (20 * MIB), cgroup.holds_more_than(16 * MIB))[1], cgroup.fork)
    assert hoard == "True"
    cgroup.remove()
