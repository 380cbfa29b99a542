"""Checks without a fork each, as a real GPU needs them: one process has the device from its start and serves them all.

Tried with the simulated device in the place of a real one. It refuses forks of a process that used it, as CUDA does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import msgspec
import pytest
import torch
from small_runs import LIMITS, run_on

from autograder import simgpu
from autograder.engine.calls import NO_DEVICE, Call, CallFailed, CallReport
from autograder.engine.run import NotebookRun
from autograder.engine.side import StudentSide
from autograder.model import CellStatus, Device, DeviceKind

DEVICE = "cuda:0"
IMPORTS = "import os, signal, time\nimport torch"
DOUBLE = "def double(x):\n    return 2 * x"
TRAINING = """
device = "cuda" if torch.cuda.is_available() else "cpu"
for place in ("cpu", device):
    layer = torch.nn.Linear(3, 2, device=place)
    layer(torch.ones(4, 3, device=place)).sum().backward()
"""


@pytest.fixture(scope="module", params=["best level", "B"])
def serial_side(request: pytest.FixtureRequest) -> Iterator[StudentSide]:
    ready, reason = simgpu.is_available()
    if not ready:
        pytest.skip(reason)
    level = "auto" if request.param == "best level" else "B"
    with StudentSide(LIMITS, isolation=level, device=Device(DeviceKind.SIMULATED), serial=True) as made:
        yield made


@pytest.fixture
def run(serial_side: StudentSide) -> Iterator[Callable[..., NotebookRun]]:
    runs: list[NotebookRun] = []

    def run_cells(*sources: str) -> NotebookRun:
        runs.append(run_on(serial_side, IMPORTS, *sources))
        return runs[-1]

    yield run_cells
    for each in runs:
        each.close()


def placed(made: NotebookRun, name: str, *args: Any, **options: Any) -> CallReport:
    """One check that makes one call on the device."""
    with made.open_check() as check:
        return check.call(Call(name, args, device=DEVICE, **options))


def assert_next_check_is_served(made: NotebookRun) -> None:
    report = placed(made, "double", torch.ones(2), wrt=(0,))
    assert report.error is None
    assert report.devices == (DEVICE,)
    assert report.value.tolist() == [2, 2]
    assert report.gradients[0].tolist() == [2, 2]


def test_a_function_that_ends_the_process_costs_its_check_alone(run: Callable[..., NotebookRun]) -> None:
    made = run(DOUBLE, "def leave(x):\n    os._exit(3)")
    with pytest.raises(CallFailed, match=r"`leave` ended the Python process \(exit status 3\)"):
        placed(made, "leave", torch.ones(1))
    assert_next_check_is_served(made)


def test_a_function_that_hangs_costs_its_check_alone(run: Callable[..., NotebookRun]) -> None:
    made = run(DOUBLE, "def hang(x):\n    signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 32))\n    time.sleep(60)")
    with pytest.raises(CallFailed, match="`hang` did not return within 2 s") as failed:
        placed(made, "hang", torch.ones(1))
    assert failed.value.kind == "timeout"
    assert_next_check_is_served(made)


def test_a_function_that_is_slow_is_interrupted_and_the_process_goes_on(run: Callable[..., NotebookRun]) -> None:
    made = run(DOUBLE, "def sleep(x):\n    time.sleep(60)", "def process():\n    return os.getpid()")
    before = placed(made, "process").value
    with pytest.raises(CallFailed, match="did not return within 2 s"):
        placed(made, "sleep", torch.ones(1))
    assert_next_check_is_served(made)
    assert placed(made, "process").value == before


def test_a_context_that_a_function_lost_is_not_handed_to_the_next_check(run: Callable[..., NotebookRun]) -> None:
    made = run(DOUBLE, "def lose(x):\n    return x[torch.tensor([9], device=x.device)]")
    error = placed(made, "lose", torch.ones(2)).error
    assert error is not None
    assert "device-side assert" in error.message
    assert_next_check_is_served(made)


def test_memory_is_limited_without_a_limit_of_addresses() -> None:
    limits = msgspec.structs.replace(LIMITS, memory=100 * 1024**2, check_seconds=20)
    fill = "def fill(x):\n    kept = torch.ones(2**26)\n    time.sleep(15)"
    with (
        StudentSide(limits, device=Device(DeviceKind.SIMULATED), serial=True) as side,
        run_on(side, IMPORTS, DOUBLE, fill) as made,
    ):
        with pytest.raises(CallFailed, match="`fill` used more memory than it may"):
            placed(made, "fill", torch.ones(1))
        assert_next_check_is_served(made)


def test_a_cell_that_ends_the_process_where_there_is_a_gpu_is_left_out_there(run: Callable[..., NotebookRun]) -> None:
    made = run(DOUBLE, "if torch.cuda.is_available():\n    os._exit(1)", TRAINING)
    assert {cell.status for cell in made.cells} == {CellStatus.OK}
    assert_next_check_is_served(made)
    assert made.notes == ("cell 2, run again where there is a GPU, ended the Python process: it was left out there",)


def test_a_gpu_that_the_cells_broke_is_not_checked_rather_than_held_against_a_function(
    run: Callable[..., NotebookRun],
) -> None:
    made = run(
        DOUBLE,
        "if torch.cuda.is_available():\n    try:\n        torch.ones(2, device='cuda')[torch.tensor([9])]\n"
        "    except RuntimeError:\n        pass",
    )
    with pytest.raises(CallFailed, match=r"the GPU cannot be used: .*device-side assert") as failed:
        placed(made, "double", torch.ones(1))
    assert failed.value.kind == NO_DEVICE


def test_an_object_that_a_plain_call_made_cannot_follow_to_the_device(run: Callable[..., NotebookRun]) -> None:
    made = run("def make():\n    return torch.nn.Linear(2, 2)")
    with made.open_check() as check:
        handle = check.call(Call("make", keep=True)).value
        with pytest.raises(TypeError, match="placed=True"):
            check.call(Call("to", (DEVICE,), target=handle, device=DEVICE, move=False))


def test_checks_are_served_after_cells_that_ran_backward_passes(run: Callable[..., NotebookRun]) -> None:
    made = run(DOUBLE, TRAINING)
    for _ in range(3):
        assert_next_check_is_served(made)


def test_one_process_serves_all_checks_of_placement(run: Callable[..., NotebookRun]) -> None:
    made = run("def process():\n    return os.getpid()")
    assert placed(made, "process").value == placed(made, "process").value


def test_the_device_is_in_sight_of_the_cells_there_and_not_in_the_notebook_that_is_shown(
    run: Callable[..., NotebookRun],
) -> None:
    made = run("seen = torch.cuda.is_available()", "def see():\n    return seen", "print(seen)")
    assert made.cells[-1].outputs[0]["text"] == "False\n"
    assert placed(made, "see").value is True
    with made.open_check() as check:
        assert check.call(Call("see")).value is False


def test_an_object_made_where_the_device_is_can_be_used_there_by_later_calls(run: Callable[..., NotebookRun]) -> None:
    made = run("def make():\n    return torch.nn.Linear(2, 2)", DOUBLE)
    with made.open_check() as check:
        assert check.call(Call("double", (torch.ones(1),))).value.tolist() == [2]
        handle = check.call(Call("make", keep=True, device=DEVICE, move=False)).value
        check.call(Call("to", (DEVICE,), target=handle, device=DEVICE, move=False, keep=True))
        report = check.call(Call("__call__", (torch.ones(3, 2),), target=handle, device=DEVICE))
    assert report.devices == (DEVICE,)


def test_a_simulated_device_never_stands_in_where_a_real_one_is_meant() -> None:
    """Here there is none, so nothing is checked; were one left out in silence, results would call it "cuda"."""
    if torch.cuda.is_available():
        pytest.skip("there is a real GPU")
    with (
        StudentSide(LIMITS, device=Device(DeviceKind.CUDA, "a card")) as side,
        run_on(side, IMPORTS, DOUBLE) as made,
    ):
        with pytest.raises(CallFailed, match="the GPU cannot be used: ") as failed:
            placed(made, "double", torch.ones(1))
        assert failed.value.kind == NO_DEVICE
        with made.open_check() as check:
            assert check.call(Call("double", (torch.ones(1),))).value.tolist() == [2]


def test_no_fork_could_use_the_device_of_that_process(run: Callable[..., NotebookRun]) -> None:
    made = run(
        "def in_a_fork():\n    torch.ones(1, device='cuda')\n    reading, writing = os.pipe()\n    if os.fork() == 0:\n"
        "        try:\n            torch.ones(1, device='cuda')\n        except RuntimeError as error:\n"
        "            os.write(writing, str(error).encode())\n        os._exit(0)\n    os.close(writing)\n"
        "    return os.read(reading, 999).decode()"
    )
    assert "Cannot re-initialize CUDA in forked subprocess" in placed(made, "in_a_fork", move=False).value


def test_the_environment_shows_no_gpu_to_the_notebook_that_is_graded(run: Callable[..., NotebookRun]) -> None:
    made = run("print(repr(os.environ['CUDA_VISIBLE_DEVICES']))")
    assert made.cells[-1].outputs[0]["text"] == "''\n"
