"""Sessions in cgroups: what is held by no process counts too, and the student reads which limit was met."""

from __future__ import annotations

from pathlib import Path

import msgspec
import psutil
import pytest
from small_runs import LIMITS, printed, run_on

from autograder.engine.calls import Call, CallFailed
from autograder.engine.cgroups import PREFIX
from autograder.engine.side import StudentSide


@pytest.fixture
def bounded_side(side: StudentSide, monkeypatch: pytest.MonkeyPatch) -> StudentSide:
    """A student side that gives a session little memory, so that a test fills it fast."""
    if not side.cgroup:
        pytest.skip(f"needs a cgroup v2 that can be divided: {side.no_cgroup}")
    limits = msgspec.structs.replace(LIMITS, memory=100 * 1024**2, cell_seconds=20, check_seconds=20)
    monkeypatch.setattr(side, "_limits", limits)
    return side


SOCKETS = """
def hoard():
    import os, socket, time
    for _ in range(12):
        if os.fork() == 0:
            kept = []
            while len(kept) < 240:
                kept.append(socket.socketpair())
                for end in kept[-1]:
                    end.setblocking(False)
                    try:
                        while True:
                            end.send(b"x" * 100_000)
                    except BlockingIOError:
                        pass
            time.sleep(60)
    time.sleep(60)
"""

MEMORY = """
def hoard():
    import os, time
    for _ in range(12):
        if os.fork() == 0:
            kept = b"x" * (40 << 20)
            time.sleep(60)
    time.sleep(60)
"""


def test_a_cell_that_hoards_in_sockets_is_told_which_limit_it_met(bounded_side: StudentSide) -> None:
    with run_on(bounded_side, "kept = 1", SOCKETS + "hoard()", "print('on', kept)") as made:
        assert made.cells[1].note == "the cell used more memory than it may (100 MiB)"
        assert printed(made) == "on 1\n"


def test_a_check_beyond_the_kernels_bound_does_not_spoil_the_next(bounded_side: StudentSide) -> None:
    with run_on(bounded_side, MEMORY + "def ok():\n    return 1") as made:
        with made.open_check() as check, pytest.raises(CallFailed, match="`hoard` used more memory than it may"):
            check.call(Call("hoard", seconds=20))
        with made.open_check() as check:
            assert check.call(Call("ok")).value == 1
        assert "a check brought the notebook's processes down (memory)" in made.notes


def test_sessions_leave_no_cgroup(bounded_side: StudentSide) -> None:
    with run_on(bounded_side, "1 + 1"):
        (cgroup,) = cgroups_of(bounded_side)
    assert not cgroup.exists()


def cgroups_of(side: StudentSide) -> list[Path]:
    """Those of its sessions; other graders may have some beside them."""
    process = side._plain._process
    assert process is not None
    guardians = psutil.Process(process.pid).children()
    folders = [Path(side.cgroup.rpartition(" in ")[2], f"{PREFIX}{guardian.pid}") for guardian in guardians]
    return [folder for folder in folders if folder.exists()]
