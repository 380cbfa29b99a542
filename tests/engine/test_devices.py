"""Which device checks of placement run on: what is asked for, what there is, and the line that says why not."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from autograder import simgpu
from autograder.engine import devices
from autograder.engine.devices import choose_device, one_gpu, real_gpu, refusal
from autograder.model import Device, DeviceKind

NONE, SIMULATED = DeviceKind.NONE, DeviceKind.SIMULATED


@pytest.fixture(autouse=True)
def _asked_anew() -> Iterator[None]:
    real_gpu.cache_clear()
    yield
    real_gpu.cache_clear()


@pytest.fixture
def cuda_build(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """PyTorch calls itself a CUDA build. Whether it finds a GPU is another matter."""
    monkeypatch.setattr(torch.version, "cuda", "13.0")
    return monkeypatch


def test_a_cpu_build_can_use_no_real_gpu() -> None:
    if torch.version.cuda is None:
        assert choose_device("cuda") == Device(
            NONE, f"PyTorch {torch.__version__} is not a CUDA build, and can use no real GPU"
        )


def test_a_gpu_that_is_asked_for_and_not_there_is_refused_in_one_line() -> None:
    device = Device(NONE, "this machine has no GPU: there is no /dev/nvidia*")
    assert refusal("cuda", device) == (
        'grader.toml: grading.device is "cuda", which is not to be had here (this machine has no GPU: '
        'there is no /dev/nvidia*); give "auto"'
    )
    assert not refusal("auto", device)
    assert not refusal("none", device)
    assert not refusal("simulated", Device(SIMULATED))


def test_none_is_no_device_and_says_who_wanted_that() -> None:
    assert choose_device("none") == Device(NONE, 'grader.toml: grading.device is "none"')


def test_without_a_real_one_auto_is_the_simulated_one_or_says_why_not() -> None:
    ready, why = simgpu.is_available()
    if torch.version.cuda is None:
        assert choose_device() == choose_device("simulated")
        assert choose_device() == (Device(SIMULATED) if ready else Device(NONE, f"simulated GPU: {why}"))


def test_without_a_compiler_there_is_none_and_the_reason_names_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("TORCHMARK_CACHE", str(tmp_path))
    monkeypatch.setenv("PATH", "")
    if torch.version.cuda is None:
        assert choose_device().kind is NONE
        assert "compiler" in choose_device().detail


def test_a_cuda_build_without_a_gpu_has_the_simulated_one(cuda_build: pytest.MonkeyPatch) -> None:
    cuda_build.setattr(devices, "gpu_devices", list)
    assert choose_device("cuda") == Device(NONE, "this machine has no GPU: there is no /dev/nvidia*")
    assert choose_device() == choose_device("simulated")


def test_a_card_that_fails_its_trial_is_no_gpu(cuda_build: pytest.MonkeyPatch) -> None:
    cuda_build.setattr(devices, "gpu_devices", lambda: ["/dev/nvidia0"])
    if not torch.cuda.is_available():
        found = choose_device("cuda")
        assert found.kind is NONE
        assert found.detail.startswith("the GPU cannot be used: ")


@pytest.mark.parametrize(
    ("answer", "device"),
    [
        ('{"trouble": "", "name": "NVIDIA H100"}', Device(DeviceKind.CUDA, "NVIDIA H100")),
        ('{"trouble": "out of memory", "name": ""}', Device(NONE, "the GPU cannot be used: out of memory")),
        ("", Device(NONE, "the GPU could not be tried: Segmentation fault")),
    ],
)
def test_the_answer_of_the_trial_is_believed(cuda_build: pytest.MonkeyPatch, answer: str, device: Device) -> None:
    cuda_build.setattr(devices, "gpu_devices", lambda: ["/dev/nvidia0"])
    done = subprocess.CompletedProcess([], 0, stdout=answer, stderr="Segmentation fault\n")
    cuda_build.setattr(subprocess, "run", lambda *args, **options: done)
    assert choose_device("cuda") == device


@pytest.mark.parametrize(
    ("visible", "first"), [({}, "0"), ({"CUDA_VISIBLE_DEVICES": "2,3"}, "2"), ({"CUDA_VISIBLE_DEVICES": ""}, "")]
)
def test_the_student_side_sees_one_gpu_of_those_that_we_may_use(visible: dict[str, str], first: str) -> None:
    assert one_gpu(visible) == first
