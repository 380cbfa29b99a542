"""Compiles the device, in a process of its own: `python -m autograder.simgpu.compile FOLDER PARENT`.

Loading the library registers kernels for the life of the process, so the compiler must not run where the grader does.
When PARENT, which started it, ends or asks it to (SIGTERM), it ends with its compilers and takes FOLDER away.
It must be the first of a process group.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import signal
import sys
from pathlib import Path

NAME = "torchmark_simgpu"
SOURCES = Path(__file__).parent / "csrc"
FLAGS = ["-O1", "-fvisibility=hidden", "-g0"]
PARENT_DEATH_SIGNAL = 1  # PR_SET_PDEATHSIG


def compile_into(folder: Path) -> Path:
    """Build the library in `folder` and load it once, which shows that it fits this PyTorch. Returns its file."""
    import ninja
    from torch.utils import cpp_extension

    os.environ["PATH"] = os.pathsep.join([ninja.BIN_DIR, os.environ.get("PATH", "")])
    cpp_extension.load(
        name=NAME,
        sources=[str(source) for source in sorted(SOURCES.glob("*.cpp"))],
        extra_cflags=FLAGS,
        build_directory=str(folder),
    )
    return folder / f"{NAME}.so"


def end_with(parent: int, folder: Path) -> None:
    """From now on, SIGTERM and the end of `parent` end this process and all that it started."""

    def end(number: int, frame: object) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        os.killpg(0, signal.SIGTERM)  # ninja, which hands it on: its compilers have groups of their own
        shutil.rmtree(folder, ignore_errors=True)
        os._exit(1)

    signal.signal(signal.SIGTERM, end)
    ctypes.CDLL(None).prctl(PARENT_DEATH_SIGNAL, signal.SIGTERM, 0, 0, 0)
    if os.getppid() != parent:  # it ended before we asked
        end(signal.SIGTERM, None)


if __name__ == "__main__":
    end_with(int(sys.argv[2]), Path(sys.argv[1]))
    print(compile_into(Path(sys.argv[1])))
