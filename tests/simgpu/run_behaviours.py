"""Runs the behaviour table on the GPU at hand and prints one JSON object: `python tests/simgpu/run_behaviours.py`.

Uses a real GPU where there is one, else the simulated device (with two GPUs, so that no row is left out). It needs
torch and numpy; a simulated run needs this project too.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import traceback
import warnings
from datetime import date

import torch

PASSED = "passed"
SECONDS_A_ROW = 60


def choose_device() -> str:
    """Make sure that this process has a GPU. Returns "cuda" or "simulated cuda"."""
    os.environ["PYTORCH_NVML_BASED_CUDA_CHECK"] = "1"  # so that asking does not initialise CUDA: rows fork from here
    if torch.cuda.is_available():
        return "cuda"
    from autograder import simgpu

    simgpu.enable(devices=2)
    return "simulated cuda"


def verdict(row) -> str:  # type: ignore[no-untyped-def]
    """ "passed", "skipped: ..." or what went wrong, in a line."""
    if torch.cuda.device_count() < row.devices:
        return f"skipped: needs {row.devices} GPUs"
    signal.alarm(SECONDS_A_ROW)
    try:
        row.check()
    except Exception as error:
        where = traceback.extract_tb(error.__traceback__)[-1]
        return f"{type(error).__name__}: {error} ({where.name}, line {where.lineno})"
    finally:
        signal.alarm(0)
    return PASSED


def verdict_in_a_child(row) -> str:  # type: ignore[no-untyped-def]
    """The verdict of a row that ends the CUDA context. The parent must not have used the GPU yet."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.write(writing, verdict(row).encode()[:4000])
        finally:
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        said = pipe.read().decode()
    os.waitpid(child, 0)
    return said or "its process died"


def driver() -> str:
    """The version of NVIDIA's driver, as nvidia-smi tells it; empty where it does not."""
    command = ["nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()[0].strip()
    except (OSError, subprocess.CalledProcessError, IndexError):
        return ""


def run() -> dict[str, object]:
    """All rows, and the machine they ran on."""
    device = choose_device()
    from behaviours import ROWS

    verdicts = {row.name: verdict_in_a_child(row) for row in ROWS if row.own_process}
    verdicts.update((row.name, verdict(row)) for row in ROWS if not row.own_process)
    return {
        "device": device,
        "card": torch.cuda.get_device_name(),
        "driver": driver() if device == "cuda" else "",
        "devices": torch.cuda.device_count(),
        "torch": torch.__version__,
        "date": date.today().isoformat(),
        "verdicts": {row.name: verdicts[row.name] for row in ROWS},
    }


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    json.dump(run(), sys.stdout, indent=1)
