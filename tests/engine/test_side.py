"""The warm zygote: started once, replaced when it dies, flat over many submissions."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest
from small_runs import LIMITS, printed, run_on

from autograder.engine import warm
from autograder.engine.calls import Call
from autograder.engine.side import StudentSide
from autograder.errors import IsolationError


def zygote_of(side: StudentSide) -> int:
    assert side._plain._process is not None
    return side._plain._process.pid


def memory_of(process: int) -> int:
    """Bytes that belong to no file."""
    resident, shared = (int(number) for number in Path(f"/proc/{process}/statm").read_text().split()[1:3])
    return (resident - shared) * os.sysconf("SC_PAGE_SIZE")


def files_of(process: int | str) -> int:
    return len(list(Path(f"/proc/{process}/fd").iterdir()))


def children_of(process: int) -> list[str]:
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            if stat.read_text().rpartition(")")[2].split()[1] == str(process):
                found.append(stat.parent.name)
        except OSError:
            continue
    return found


def test_a_zygote_that_cannot_start_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(warm.Kind, "environment", lambda kind: {"PYTHONHOME": "/nowhere"})
    with pytest.raises(IsolationError, match="the student side did not start: ") as failed:
        StudentSide(LIMITS)
    assert "\n" not in str(failed.value)


def test_a_dead_zygote_is_replaced(side: StudentSide) -> None:
    os.kill(zygote_of(side), signal.SIGKILL)
    with run_on(side, "print(1)") as made:
        assert printed(made) == "1\n", made.cells


def test_files_memory_processes_and_folders_stay_flat_over_many_submissions(any_side: StudentSide) -> None:
    def submit(times: int) -> None:
        for number in range(times):
            deadly = "import os\nos._exit(0)" if number % 10 == 0 else "y = 2"
            with run_on(any_side, "open('f', 'w')\ndef f():\n    return 1", deadly) as made, made.open_check() as check:
                assert check.call(Call("f")).value == 1

    def used() -> tuple[int, int, int, int]:
        folders = len(list(Path("/tmp").glob("torchmark-*")))
        return files_of("self"), files_of(zygote), len(children_of(zygote)), folders

    submit(5)
    zygote = zygote_of(any_side)
    settled = time.monotonic() + 30  # the last guardian may still be on its way out
    while children_of(zygote) and time.monotonic() < settled:
        time.sleep(0.05)
    before, memory = used(), memory_of(zygote)
    submit(30)
    deadline = time.monotonic() + 30  # a busy machine lets the last guardian wait
    while used() != before and time.monotonic() < deadline:
        time.sleep(0.05)
    assert used() == before, [Path(f"/proc/{child}/status").read_text() for child in children_of(zygote)]
    assert memory_of(zygote) - memory < 1_000_000


def test_several_runs_can_be_open_at_once(side: StudentSide) -> None:
    with run_on(side, "x = 1\ndef f():\n    return x") as one, run_on(side, "x = 2\ndef f():\n    return x") as two:
        for made, expected in ((one, 1), (two, 2)):
            with made.open_check() as check:
                assert check.call(Call("f")).value == expected
