"""Which device checks of placement run on: decided once, said everywhere.

"auto" is a real GPU if there is one, else the simulated one on a PyTorch that it is made for, else none, and why.
"""

from __future__ import annotations

import functools
import json
import os
import subprocess
import sys
from collections.abc import Mapping

from autograder import simgpu
from autograder.engine.private_root import gpu_devices
from autograder.model import Device, DeviceKind

VISIBLE = "CUDA_VISIBLE_DEVICES"
PROBE_SECONDS = 180


def choose_device(wanted: str = "auto") -> Device:
    """The device for `wanted`, as in grader.toml: "auto", "cuda", "simulated" or "none". Compiles nothing.

    What is not there comes back as no device, with the reason: `refusal` says when that must not be.
    """
    if wanted == "none":
        return Device(DeviceKind.NONE, 'grader.toml: grading.device is "none"')
    real = real_gpu() if wanted in ("auto", "cuda") else None
    if real is not None and (real.kind is DeviceKind.CUDA or wanted == "cuda"):
        return real
    ready, why = simgpu.is_available()
    if ready:
        return Device(DeviceKind.SIMULATED)
    return Device(DeviceKind.NONE, f"simulated GPU: {why}")


def hide_real_gpu() -> None:
    """Have PyTorch see no real GPU in this process, where the simulated one is wanted. Before its first use of CUDA."""
    os.environ[VISIBLE] = ""


def refusal(wanted: str, device: Device) -> str:
    """One line for who asked for a device by name that is not there; empty where all is well."""
    if wanted not in ("cuda", "simulated") or device.kind is not DeviceKind.NONE:
        return ""
    return f'grader.toml: grading.device is "{wanted}", which is not to be had here ({device.detail}); give "auto"'


@functools.cache
def real_gpu() -> Device:
    """The first real GPU that PyTorch may use, tried out by a process of its own: CUDA must not start in this one."""
    import torch  # takes a second, and whoever only reads settings need not wait for it

    version = torch.__version__
    if torch.version.cuda is None:
        return Device(DeviceKind.NONE, f"PyTorch {version} is not a CUDA build, and can use no real GPU")
    if not gpu_devices():
        return Device(DeviceKind.NONE, "this machine has no GPU: there is no /dev/nvidia*")
    command = [sys.executable, "-m", "autograder.engine.devices"]
    environment = {**os.environ, VISIBLE: one_gpu(os.environ)}
    try:
        done = subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=PROBE_SECONDS, check=False
        )
        said = json.loads(done.stdout)
    except subprocess.TimeoutExpired:
        return Device(DeviceKind.NONE, f"the GPU did not answer within {PROBE_SECONDS} s")
    except ValueError:
        last = (done.stderr.strip().splitlines() or [f"exit status {done.returncode}"])[-1]
        return Device(DeviceKind.NONE, f"the GPU could not be tried: {last[:300]}")
    if said["trouble"]:
        return Device(DeviceKind.NONE, f"the GPU cannot be used: {said['trouble']}")
    return Device(DeviceKind.CUDA, said["name"])


def one_gpu(environment: Mapping[str, str]) -> str:
    """CUDA_VISIBLE_DEVICES for a process that is to see one GPU: the first of those that we may use."""
    return environment.get(VISIBLE, "0").split(",")[0].strip()


def _main() -> None:
    import torch

    from autograder.engine import placement  # imports torch, too

    placement.take_only_a_real_one()
    found = placement.trouble()
    print(json.dumps({"trouble": found, "name": "" if found else torch.cuda.get_device_name()}))


if __name__ == "__main__":
    _main()
