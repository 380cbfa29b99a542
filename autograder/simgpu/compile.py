"""Compiles the device, in a process of its own: `python -m autograder.simgpu.compile FOLDER`.

Loading the library registers kernels for the life of the process, so the compiler must not run where the grader does.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

NAME = "torchmark_simgpu"
SOURCES = Path(__file__).parent / "csrc"
FLAGS = ["-O1", "-fvisibility=hidden", "-g0"]


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


if __name__ == "__main__":
    print(compile_into(Path(sys.argv[1])))
