"""What the device does to a process, to its children, and not to the grader."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from own_process import DeviceProcess, run_script

from autograder import simgpu


def test_asking_and_building_leave_the_process_as_it_was(library: Path) -> None:
    said = run_script(
        "-c",
        "import torch; from autograder import simgpu; simgpu.is_available(); simgpu.build()\n"
        "print(simgpu.is_enabled(), torch.cuda.is_available())",
    )
    assert said.split() == ["False", "False"]
    assert simgpu.self_test(library) == ()


def test_a_broken_library_is_reported_by_the_self_test_in_one_sentence(library: Path, tmp_path: Path) -> None:
    broken = tmp_path / library.name
    broken.write_bytes(b"no library")
    (tmp_path / "device_rules.json").write_bytes((library.parent / "device_rules.json").read_bytes())
    (problem,) = simgpu.self_test(broken)
    assert problem.startswith("the simulated GPU's self-test ended with status 1: ImportError")


def test_trusting_a_fork_without_the_device_does_nothing() -> None:
    said = run_script(
        "-c", "import torch; from autograder import simgpu; simgpu.trust_this_fork(); print(torch.cuda.is_available())"
    )
    assert said.strip() == "False"


def test_importing_the_package_imports_neither_torch_nor_the_device() -> None:
    assert run_script("-c", "import sys, autograder.simgpu; print('torch' in sys.modules)").strip() == "False"


def test_enabling_twice_changes_nothing(device_process: DeviceProcess) -> None:
    assert device_process.run("simgpu.enable(devices=1)\nresult = torch.cuda.device_count()") == 2


def test_an_empty_list_of_visible_gpus_hides_real_ones_alone_and_nothing_is_said_on_the_terminal(library: Path) -> None:
    """The student side hides real GPUs that way, and a solution may ask for their number before it uses any."""
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            "import sys; from pathlib import Path; import torch; from autograder import simgpu\n"
            "simgpu.enable(library=Path(sys.argv[1])); print(torch.cuda.device_count())",
            str(library),
        ],
        env=os.environ | {"CUDA_VISIBLE_DEVICES": ""},
        capture_output=True,
        text=True,
        check=True,
    )
    assert (done.stdout, done.stderr) == ("1\n", "")


FORK = """
def in_a_child(act):
    reading, writing = os.pipe()
    if os.fork() == 0:
        try:
            said = act()
        except Exception as error:
            said = f"{type(error).__name__}: {error}"
        os.write(writing, str(said).encode())
        os._exit(0)
    os.close(writing)
    os.wait()
    return os.fdopen(reading).read()

def step():
    w = torch.ones(3, device="cuda", requires_grad=True)
    (w * 2).sum().backward()
    return w.grad.tolist()

def trusted_step():
    simgpu.trust_this_fork()
    return step()
"""
RIGHT = "[2.0, 2.0, 2.0]"


def test_a_child_can_use_the_device_when_its_parent_did_not(device_process: DeviceProcess) -> None:
    assert device_process.run(FORK + "result = in_a_child(step)") == RIGHT


def test_a_child_of_a_process_that_used_the_device_is_refused_as_on_cuda(device_process: DeviceProcess) -> None:
    said = device_process.run(FORK + "step()\nresult = in_a_child(step)")
    assert said.startswith("RuntimeError: Cannot re-initialize CUDA in forked subprocess")


def test_a_trusted_child_goes_on_after_the_parent_ran_a_backward_pass(device_process: DeviceProcess) -> None:
    assert device_process.run(FORK + "step()\nresult = in_a_child(trusted_step)") == RIGHT


def test_a_trusted_grandchild_goes_on_too(device_process: DeviceProcess) -> None:
    code = FORK + "step()\nresult = in_a_child(lambda: (trusted_step(), in_a_child(trusted_step))[1])"
    assert device_process.run(code) == RIGHT


def test_a_cpu_backward_works_in_an_untrusted_child(device_process: DeviceProcess) -> None:
    code = "def cpu():\n w = torch.ones(2, requires_grad=True)\n w.sum().backward()\n return w.grad.tolist()\n"
    assert device_process.run(FORK + code + "step(); cpu()\nresult = in_a_child(cpu)") == "[1.0, 1.0]"


def test_a_trusted_child_sees_inherited_tensors_and_changes_none_of_the_parents(device_process: DeviceProcess) -> None:
    code = FORK + (
        "x = torch.ones(2, device='cuda')\n"
        "def act():\n simgpu.trust_this_fork()\n x.add_(1)\n return x.tolist()\n"
        "result = [in_a_child(act), x.tolist()]"
    )
    assert device_process.run(code) == ["[2.0, 2.0]", [1.0, 1.0]]


def test_a_trusted_child_has_a_live_context_after_the_parent_lost_its_own(device_process: DeviceProcess) -> None:
    code = FORK + (
        "try:\n torch.ones(2, device='cuda')[torch.tensor([9], device='cuda')]\nexcept RuntimeError:\n pass\n"
        "result = in_a_child(trusted_step)"
    )
    assert device_process.run(code) == RIGHT


def test_no_thread_is_started_by_enabling_or_by_a_backward_pass(device_process: DeviceProcess) -> None:
    code = FORK + "torch.set_num_threads(1)\nstep()\nresult = len(os.listdir('/proc/self/task'))"
    if sys.platform == "linux":
        assert device_process.run(code) == 1


def test_the_memory_limit_is_the_one_asked_for(library: Path) -> None:
    code = (
        "import torch; from pathlib import Path; from autograder import simgpu\n"
        f"simgpu.enable(memory=1 << 20, library=Path({str(library)!r}))\n"
        "torch.ones(1 << 17, device='cuda')\n"
        "try:\n torch.ones(1 << 17, device='cuda').expand(8, -1).contiguous()\n"
        "except torch.cuda.OutOfMemoryError as error:\n print(error)\n"
    )
    assert "Tried to allocate 4.00 MiB. GPU 0 has a total capacity of 0.00 GiB" in run_script("-c", code)
