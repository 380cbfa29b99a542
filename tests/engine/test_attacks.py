"""What hostile cells and functions try, at every level that this machine has: nothing gets out, and the run goes on."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import msgspec
import psutil
import pytest
from small_runs import LIMITS, printed, run_on

from autograder.engine.calls import Call, CallFailed
from autograder.engine.side import StudentSide
from autograder.model import CellStatus

HERE = Path(__file__).resolve()
REPOSITORY = HERE.parents[2]

TRY = """
def attempt(*things):
    for name, thing in things:
        try:
            print(name, "GOT", repr(thing())[:500])
        except OSError as error:
            print(name, "refused")
"""


def attempts(side: StudentSide, source: str) -> list[str]:
    """The lines that a cell printed which used `attempt`."""
    with run_on(side, TRY, source) as made:
        assert made.cells[1].status is CellStatus.OK, printed(made, 1)
        return printed(made, 1).splitlines()


@pytest.mark.parametrize(
    "path",
    [
        "/etc/passwd",
        "/etc/shadow",
        "/etc/hostname",
        "/proc/1/environ",
        "/proc/self/environ",
        "/proc/self/maps",
        "/proc/GRADER/environ",
        "/proc/GRADER/mem",
        "/sys/kernel/notes",
        "/dev/kmsg",
        "/dev/mem",
        str(HERE),
        str(REPOSITORY / "pyproject.toml"),
        str(REPOSITORY / "autograder" / "engine" / "wire.py"),
    ],
)
def test_no_file_of_the_machine_or_of_the_course_can_be_read(any_side: StudentSide, path: str) -> None:
    path = path.replace("GRADER", str(os.getpid()))
    (line,) = attempts(any_side, f"attempt(({path!r}, lambda: open({path!r}, 'rb').read(10)))")
    assert line == f"{path} refused"


@pytest.mark.parametrize(
    "path", ["/", "/home", "/root", "/tmp", "/proc", "/dev/shm", str(REPOSITORY), str(HERE.parent)]
)
def test_no_folder_shows_more_than_the_interpreter(any_side: StudentSide, path: str) -> None:
    (line,) = attempts(any_side, f"import os\nattempt(('list', lambda: os.listdir({path!r})))")
    names = set() if line == "list refused" else set(msgspec.json.decode(line.split("GOT ")[1].replace("'", '"')))
    on_the_way = {part for folder in (sys.prefix, sys.base_prefix) for part in Path(folder).parts}
    assert names <= on_the_way | {"dev", "etc", "lib", "lib64", "usr", "tmp", "notebook"}


def test_the_environment_holds_nothing_of_the_graders(any_side: StudentSide, monkeypatch: pytest.MonkeyPatch) -> None:
    with run_on(any_side, "import os\nprint(dict(os.environ))") as made:
        assert "HOME" in printed(made)
        assert os.environ.get("HOME", "/nowhere") not in printed(made).replace("/notebook", "")
        assert "PYTEST" not in printed(made)


def test_writing_is_possible_in_the_working_folder_only(any_side: StudentSide) -> None:
    folders = [sys.prefix, "/tmp", "/var/tmp", "/dev", str(REPOSITORY), str(HERE.parent)]
    source = f"""
import tempfile, os
attempt(*[(folder, lambda: open(folder + '/planted', 'w')) for folder in {[f for f in folders if f != "/tmp"]}])
attempt(("here", lambda: open("file", "w").write("x")))
attempt(("temporary", lambda: tempfile.NamedTemporaryFile().name))
"""
    lines = attempts(any_side, source)
    assert [line.split()[1] for line in lines] == ["refused"] * 5 + ["GOT", "GOT"]
    assert not any(Path(folder, "planted").exists() for folder in folders)


def test_there_is_no_network(any_side: StudentSide) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, socket.socket(socket.AF_UNIX) as abstract:
        abstract.bind(b"\0torchmark-test-%d" % os.getpid())
        abstract.listen()
        source = f"""
import socket
attempt(
    ("tcp", lambda: socket.create_connection(("127.0.0.1", {server.getsockname()[1]}), 1)),
    ("udp", lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM)),
    ("raw", lambda: socket.socket(socket.AF_PACKET)),
    ("netlink", lambda: socket.socket(socket.AF_NETLINK, socket.SOCK_RAW)),
    ("abstract", lambda: socket.socket(socket.AF_UNIX).connect(b"\\0torchmark-test-{os.getpid()}")),
)"""
        assert {line.split()[1] for line in attempts(any_side, source)} == {"refused"}


def test_no_socket_in_the_file_system_can_be_reached(any_side: StudentSide) -> None:
    path = f"/tmp/torchmark-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX) as server, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as datagrams:
        server.bind(path)
        datagrams.bind(f"{path}.datagrams")
        server.listen()
        for name in (path, f"{path}.datagrams"):
            Path(name).chmod(0o777)
        source = f"""
import socket
attempt(
    ("stream", lambda: socket.socket(socket.AF_UNIX).connect({path!r})),
    ("datagram", lambda: socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)[0].sendto(b"x", {path!r} + ".datagrams")),
)"""
        lines = attempts(any_side, source)
        Path(path).unlink()
        Path(f"{path}.datagrams").unlink()
    assert [line.split()[1] for line in lines] == ["refused", "refused"]


def test_no_process_outside_can_be_signalled(any_side: StudentSide) -> None:
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]) as bystander:
        source = f"""
import os
attempt(*[(pid, lambda: os.kill(pid, 9)) for pid in (os.getppid(), 1, {os.getpid()}, {bystander.pid})])
try:
    os.kill(-1, 9)
except OSError:
    pass
"""
        lines = attempts(any_side, source)
        assert [line.split()[1] for line in lines] == ["refused"] * 4
        assert bystander.poll() is None
        bystander.kill()


def test_privileges_cannot_be_gained(any_side: StudentSide) -> None:
    source = """
import ctypes, os, resource
libc = ctypes.CDLL(None, use_errno=True)
def checked(result):
    if result < 0:
        raise OSError(ctypes.get_errno())
attempt(
    ("setuid", lambda: os.setuid(0)),
    ("exec", lambda: os.execv("/bin/sh", ["sh"])),
    ("spawn", lambda: os.posix_spawn("/bin/sh", ["sh"], {})),
    ("chroot", lambda: os.chroot(".")),
    ("device", lambda: os.mknod("null", 0o20666, 259)),
    ("unshare", lambda: checked(libc.unshare(0x10000000))),
    ("mount", lambda: checked(libc.mount(b"none", b".", b"tmpfs", 0, 0))),
    ("ptrace", lambda: checked(libc.ptrace(16, os.getppid(), 0, 0))),
    ("io_uring", lambda: checked(libc.syscall(425, 1, 0))),
    ("memory of others", lambda: checked(libc.process_vm_readv(os.getppid(), 0, 0, 0, 0, 0))),
)
try:
    resource.setrlimit(resource.RLIMIT_AS, (-1, -1))
    print("limit GOT")
except ValueError:
    print("limit refused")
print("root", "refused" if os.geteuid() else "GOT")
"""
    assert {line.rpartition(" ")[2] for line in attempts(any_side, source)} == {"refused"}


def test_modes_of_files_outside_cannot_be_changed(any_side: StudentSide, tmp_path: Path) -> None:
    target = tmp_path / "file"
    target.write_text("x")
    target.chmod(0o644)
    attempts(any_side, f"import os\nattempt(('chmod', lambda: os.chmod({str(target)!r}, 0)))")
    assert target.stat().st_mode & 0o777 == 0o644


def test_a_link_to_a_file_outside_leads_nowhere(any_side: StudentSide) -> None:
    source = "import os\nos.symlink('/etc/passwd', 'link')\nattempt(('link', lambda: open('link').read()))"
    assert attempts(any_side, source) == ["link refused"]


# ---- taking all there is


def test_processes_are_limited_and_those_left_over_do_not_stop_the_run(any_side: StudentSide) -> None:
    bomb = "import os, time\nwhile True:\n    if os.fork() == 0:\n        time.sleep(600)"
    with run_on(any_side, "def ok():\n    return 1", bomb, "print('on')", exercises=("ok",)) as made:
        assert made.cells[1].note == "the cell started more processes than it may (16)"
        assert printed(made) == "on\n"
        with made.open_check() as check:
            assert check.call(Call("ok")).value == 1


def test_a_fork_bomb_that_never_tires_is_ended(any_side: StudentSide) -> None:
    bomb = "import os\nwhile True:\n    try:\n        os.fork()\n    except OSError:\n        pass"
    with run_on(any_side, bomb, "print('on')") as made:
        assert made.cells[0].status is CellStatus.TIMEOUT
        assert printed(made) == "on\n"


def test_memory_of_one_process_is_limited(any_side: StudentSide) -> None:
    with run_on(any_side, "x = bytearray(20 << 30)", "import torch\ntorch.ones(10**10)", "print('on')") as made:
        for cell in made.cells[:2]:
            assert cell.note == "the cell asked for more memory than it may use (1024 MiB)"
        assert printed(made) == "on\n"


@pytest.fixture
def narrow_side(any_side: StudentSide, monkeypatch: pytest.MonkeyPatch) -> StudentSide:
    """A student side that gives a session little memory, so that a test fills it fast."""
    limits = msgspec.structs.replace(LIMITS, memory=100 * 1024**2, cell_seconds=20, check_seconds=20)
    monkeypatch.setattr(any_side, "_limits", limits)
    return any_side


BOMB = """
def bomb():
    import os, time
    for _ in range(8):
        if os.fork() == 0:
            hoard = b"x" * (40 << 20)
            time.sleep(60)
    time.sleep(60)
"""


def test_memory_of_many_processes_together_is_limited(narrow_side: StudentSide) -> None:
    with run_on(narrow_side, "kept = 1", BOMB + "bomb()", "print('on', kept)") as made:
        assert made.cells[1].status is CellStatus.DIED
        assert made.cells[1].note == "the cell used more memory than it may (100 MiB)"
        assert printed(made) == "on 1\n"


def test_a_check_that_takes_all_memory_does_not_spoil_the_next(narrow_side: StudentSide) -> None:
    with run_on(narrow_side, BOMB + "def ok():\n    return 1") as made:
        with made.open_check() as check, pytest.raises(CallFailed, match="`bomb` used more memory than it may"):
            check.call(Call("bomb", seconds=20))
        with made.open_check() as check:
            assert check.call(Call("ok")).value == 1
        assert "a check brought the notebook's processes down (memory)" in made.notes


FORKS = """
def forks():
    import os, time
    for _ in range(3):
        if os.fork() == 0:
            time.sleep(60)
"""


def test_what_a_check_started_goes_when_the_check_is_over(any_side: StudentSide) -> None:
    def alive() -> set[psutil.Process]:
        found = psutil.Process().children(recursive=True)
        return {each for each in found if each.is_running() and each.status() != psutil.STATUS_ZOMBIE}

    with run_on(any_side, FORKS) as made:
        with made.open_check() as check:
            check.call(Call("forks"))
            during = alive()
        deadline = time.monotonic() + 10
        while len(during & alive()) > len(during) - 4 and time.monotonic() < deadline:
            time.sleep(0.05)
        assert len(during & alive()) <= len(during) - 4, "the check's own process and three more"


LEAVES = BOMB.replace("bomb", "leave").removesuffix("    time.sleep(60)\n") + "    return 1\n"


def test_a_hoard_that_a_check_leaves_is_laid_at_the_door_of_one_other_check_at_most(narrow_side: StudentSide) -> None:
    blames = []
    with run_on(narrow_side, LEAVES + "def ok():\n    import time; time.sleep(0.3)\n    return 1") as made:
        for name in ("leave", "ok", "ok", "ok"):
            with made.open_check() as check:
                try:
                    assert check.call(Call(name)).value == 1
                except CallFailed as failed:
                    blames.append(failed.reason)
    assert blames in ([], ["`leave` used more memory than it may"], ["`ok` used more memory than it may"])


def test_disk_is_limited(any_side: StudentSide) -> None:
    fill = "for i in range(100):\n    open(f'f{i}', 'wb').write(b'x' * 2**20)\n    import time; time.sleep(0.01)"
    with run_on(any_side, fill, "print('on')") as made:
        assert made.cells[0].status in (CellStatus.ERROR, CellStatus.DIED, CellStatus.TIMEOUT)
        assert made.cells[0].status is CellStatus.TIMEOUT or made.cells[0].note.endswith("(8 MiB)")
        assert printed(made) == "on\n"


def test_a_gigabyte_of_output_is_cut(any_side: StudentSide) -> None:
    with run_on(
        any_side, "import os\nfor _ in range(100):\n    print('x' * 10**7)\n    os.write(1, b'y' * 10**6)"
    ) as made:
        assert made.cells[0].status is CellStatus.OK
        assert len(printed(made)) < 11_000


# ---- staying, and reaching from check to check


def processes_named(name: str) -> list[str]:
    found = []
    for entry in Path("/proc").iterdir():
        with contextlib.suppress(OSError):
            if entry.name.isdigit() and (entry / "comm").read_text().strip() == name:
                found.append(entry.name)
    return found


DAEMON = """
def leave_a_daemon(name):
    import ctypes, os, signal, time
    if os.fork() == 0:
        try: os.setsid()
        except OSError: pass  # a check's processes cannot leave
        if os.fork() == 0:
            ctypes.CDLL(None).prctl(15, name)
            for number in range(1, 32):
                try: signal.signal(number, signal.SIG_IGN)
                except OSError: pass
            time.sleep(600)
        os._exit(0)
"""


def test_what_a_cell_left_running_is_gone_before_the_checks(any_side: StudentSide) -> None:
    name = f"cell{os.getpid()}"
    with run_on(any_side, f"{DAEMON}\nleave_a_daemon(b'{name}')\nimport time\ntime.sleep(0.2)") as made:
        assert made.cells[0].status is CellStatus.OK
        deadline = time.monotonic() + 10
        while processes_named(name) and time.monotonic() < deadline:  # killed; its init has yet to collect it
            time.sleep(0.05)
        assert not processes_named(name)


def test_nothing_outlives_a_closed_run(any_side: StudentSide) -> None:
    name = f"check{os.getpid()}"
    with run_on(any_side, f"{DAEMON}\ndef leave():\n    leave_a_daemon(b'{name}')") as made, made.open_check() as check:
        assert check.call(Call("leave")).error is None
        deadline = time.monotonic() + 10
        while not processes_named(name) and time.monotonic() < deadline:
            time.sleep(0.05)
        assert processes_named(name)
    assert not processes_named(name)


def test_a_check_cannot_write_files_for_a_later_one(any_side: StudentSide) -> None:
    source = "open('old', 'w').write('x')\ndef leave():\n    open('left', 'w')\ndef spoil():\n    open('old', 'w')"
    with run_on(any_side, source) as made:
        for name in ("leave", "spoil"):
            with made.open_check() as check:
                error = check.call(Call(name)).error
                assert error is not None
                assert error.type_name == "PermissionError"


def test_a_check_cannot_write_through_what_a_cell_left_open(any_side: StudentSide) -> None:
    source = """
import os
file, pipe = open("kept", "wb", buffering=0), os.pipe()
def write():
    refused = 0
    for number in (file.fileno(), pipe[1]):
        try: os.write(number, b"x")
        except OSError: refused += 1
    return refused
"""
    with run_on(any_side, source) as made, made.open_check() as check:
        assert check.call(Call("write")).value == 2


def test_a_check_cannot_end_the_notebook(any_side: StudentSide) -> None:
    source = """
import os
def attack():
    refused = []
    for pid in (os.getppid(), -1, 1):
        try:
            os.kill(pid, 9)
            refused.append(pid == -1)
        except OSError:
            refused.append(True)
    return refused
def ok():
    return 1
"""
    with run_on(any_side, source) as made:
        for _ in range(2):
            with made.open_check() as check:
                assert check.call(Call("attack")).value == [True, True, True]
        with made.open_check() as check:
            assert check.call(Call("ok")).value == 1


SHARED = """
import mmap, torch
try: area = mmap.mmap(-1, 4096)
except PermissionError: area = bytearray(4096)
tensor = torch.zeros(4)
try: tensor.share_memory_()
except RuntimeError: pass
def keep():
    before = area[0], tensor[0].item()
    area[0], tensor[0] = 7, 7
    return list(before)
"""


def test_a_check_leaves_nothing_in_memory_that_forks_share(any_side: StudentSide) -> None:
    with run_on(any_side, SHARED) as made:
        for _ in range(4):
            with made.open_check() as check:
                assert check.call(Call("keep")).value == [0, 0]


def test_what_a_check_started_ends_with_it(any_side: StudentSide) -> None:
    name = f"worker{os.getpid()}"
    source = f"""
def leave():
    import ctypes, os, time
    if os.fork() == 0:
        ctypes.CDLL(None).prctl(15, b'{name}')
        time.sleep(600)
    time.sleep(0.2)
def ok():
    return 1
"""
    with run_on(any_side, source) as made:
        with made.open_check() as check:
            assert check.call(Call("leave")).error is None
            assert processes_named(name)
        deadline = time.monotonic() + 10
        while processes_named(name) and time.monotonic() < deadline:
            with made.open_check() as check:
                assert check.call(Call("ok")).value == 1
        assert not processes_named(name)


def test_two_submissions_see_nothing_of_each_other(any_side: StudentSide) -> None:
    leave = "import os, tempfile\nopen('left', 'w')\nopen(tempfile.gettempdir() + '/left', 'w')\n"
    leave += "import builtins\nbuiltins.left = 1\n"
    leave += "import multiprocessing.shared_memory as m\ntry: m.SharedMemory('left', True, 10)\nexcept OSError: pass"
    look = "import os, tempfile, builtins\n"
    look += "print(os.listdir('.'), os.listdir(tempfile.gettempdir()), hasattr(builtins, 'left'))"
    look += (
        "\nimport multiprocessing.shared_memory as m\ntry: m.SharedMemory('left')\nexcept OSError: print('no memory')"
    )
    with run_on(any_side, leave) as made:
        assert made.cells[0].status is CellStatus.OK, printed(made)
    with run_on(any_side, look) as made:
        assert printed(made) == "['.tmp'] [] False\nno memory\n"


def test_patching_libraries_in_the_notebook_changes_nothing_for_the_grader(any_side: StudentSide) -> None:
    source = """
import torch, os, time, msgspec, socket
torch.equal = torch.allclose = torch.testing.assert_close = lambda *a, **k: True
torch.Tensor.__eq__ = lambda a, b: True
def zero(x):
    return x * 0
"""
    import torch

    with run_on(any_side, source) as made, made.open_check() as check:
        value = check.call(Call("zero", (torch.ones(2),))).value
    assert not torch.equal(value, torch.ones(2))


def test_the_session_ends_within_a_second(any_side: StudentSide) -> None:
    made = run_on(any_side, "import signal\nfor n in (15, 1, 2):\n    signal.signal(n, signal.SIG_IGN)")
    start = time.monotonic()
    made.close()
    assert time.monotonic() - start < 2
