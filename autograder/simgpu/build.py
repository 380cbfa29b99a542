"""Whether there can be a simulated GPU here, and the library that makes it: compiled once, then cached.

The cache folder is named by PyTorch's version, Python's ABI, the processor and a hash of the sources, so that a change
of any of them compiles anew and nothing stale is ever loaded.
"""

from __future__ import annotations

import fcntl
import hashlib
import importlib.util
import os
import platform
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from autograder.errors import DeviceError
from autograder.simgpu.compile import FLAGS, NAME, SOURCES
from autograder.simgpu.device_rules import DeviceRules, read_device_rules

KNOWN_TORCH = ("2.13",)
COMPILE_SECONDS = 900
_RULES = "device_rules.json"


class SimulatedGpuError(DeviceError):
    """There can be no simulated GPU in this place. The text says why, in one line."""


def is_available() -> tuple[bool, str]:
    """Whether a simulated GPU can be had here, and in one line why or why not. Compiles nothing and patches nothing."""
    reason = _why_not_this_torch()
    if reason is None and not library_file().exists():
        reason = _why_not_compile()
    return (True, "ready") if reason is None else (False, reason)


def build() -> Path:
    """Compile the device unless the cache has it. Returns the library's file. Raises SimulatedGpuError."""
    ready, reason = is_available()
    if not ready:
        raise SimulatedGpuError(f"simulated GPU: {reason}")
    library = library_file()
    if not library.exists():
        with _only_builder(library.parent):
            if not library.exists():
                _compile(library.parent)
    return library


def rules_beside(library: Path) -> DeviceRules:
    """The device rules of PyTorch's operators, as they were read when the library was built."""
    return msgspec.json.decode((library.parent / _RULES).read_bytes(), type=DeviceRules)


def library_file() -> Path:
    """Where the compiled device is, or will be."""
    import torch

    key = "-".join(
        (f"torch{torch.__version__}", sys.implementation.cache_tag or "python", platform.machine(), _digest())
    )
    return cache_folder() / key / f"{NAME}.so"


def cache_folder() -> Path:
    """The user's cache; TORCHMARK_CACHE puts it elsewhere."""
    if named := os.environ.get("TORCHMARK_CACHE"):
        return Path(named) / "simgpu"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "torchmark" / "simgpu"


def _digest() -> str:
    digest = hashlib.sha256(" ".join(FLAGS).encode())
    for source in (*sorted(SOURCES.iterdir()), Path(__file__).with_name("device_rules.py")):
        digest.update(source.name.encode() + b"\0" + source.read_bytes())
    return digest.hexdigest()[:16]


def _why_not_this_torch() -> str | None:
    if sys.platform != "linux":
        return f"it is made for Linux, and this is {sys.platform}"
    if importlib.util.find_spec("torch") is None:
        return "PyTorch is not installed"
    import torch

    version = torch.__version__
    if torch.version.hip is not None or torch.version.xpu is not None:
        return f"PyTorch {version} is made for another accelerator; install the CPU or the CUDA build of PyTorch"
    if ".".join(version.split(".")[:2]) not in KNOWN_TORCH:
        return f"PyTorch {version} is not a version it was made for ({', '.join(KNOWN_TORCH)})"
    return None


def _why_not_compile() -> str | None:
    if shutil.which(os.environ.get("CXX", "c++")) is None:
        return "it must be compiled once, and there is no C++ compiler on the PATH; install g++"
    if importlib.util.find_spec("ninja") is None:
        return "it must be compiled once, and ninja is missing; install the Python package ninja"
    if not (Path(sysconfig.get_path("include")) / "Python.h").exists():
        return "it must be compiled once, and Python's headers are missing; install python3-dev"
    return None


def _compile(folder: Path) -> None:
    """Compile beside `folder` and move the result there in one step, so that no reader meets a half-built library."""
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix="building-") as name:
        work = Path(name)
        status, said = _run_compiler(work)
        if status != 0:
            raise SimulatedGpuError(f"simulated GPU: its compilation failed: {_first_error(said)}")
        finished = work / "finished"
        finished.mkdir()
        shutil.move(work / f"{NAME}.so", finished)
        (finished / _RULES).write_bytes(msgspec.json.encode(read_device_rules()))
        shutil.rmtree(folder, ignore_errors=True)
        finished.rename(folder)


def _run_compiler(work: Path) -> tuple[int, str]:
    """Exit status and output of a compilation in the folder `work`. However this ends, no compiler goes on."""
    command = [sys.executable, "-m", "autograder.simgpu.compile", str(work), str(os.getpid())]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, process_group=0
    ) as compiling:
        try:
            said, _ = compiling.communicate(timeout=COMPILE_SECONDS)
        except subprocess.TimeoutExpired:
            raise SimulatedGpuError(f"simulated GPU: its compilation took over {COMPILE_SECONDS} seconds") from None
        finally:
            compiling.terminate()
    return compiling.returncode, said


def _first_error(output: str) -> str:
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    errors = [line for line in lines if "error:" in line]
    return (errors or lines or ["no output"])[0 if errors else -1][:300]


@contextmanager
def _only_builder(folder: Path) -> Iterator[None]:
    """Wait until no other process builds into `folder`."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with (folder.parent / f"{folder.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
