"""What the simulated GPU does not do, and how to tell that from a mistake of the student's.

A gap is never the student's failure: the grader turns it into "not checked". `gap_of` works on the name and the text of
an exception, which is what comes over the wire, and needs no torch.
"""

from __future__ import annotations

MARK = "simulated GPU:"

_OTHER_SIGNS = (
    "from the 'CUDA' backend",  # no kernel for the operation, and the fallback was not asked
    "from the 'SparseCUDA' backend",
    "DispatchStub: missing CUDA kernel",
    "DispatchStub: missing kernel for cuda",
    "have NCCL built in",
    "NVTX functions not installed",
    "ATen_cuda library",  # CPU code of PyTorch that asked its CUDA library
    "CUDA driver version is insufficient",  # code of a CUDA build that went past us, and found no driver
    "no CUDA-capable device is detected",  # or no card
    "Found no NVIDIA driver",
    "Cannot find a working triton installation",
)


class NotSimulatedError(NotImplementedError):
    """Something that works on a real GPU only. The text starts with `MARK` and names it."""


class MissingFunctionError(AttributeError):
    """A function of PyTorch's CUDA library without a simulated form; `hasattr` finds it missing, as on a CPU build."""


def refusal(what: str) -> str:
    """The text of a refusal: "simulated GPU: torch.cuda.CUDAGraph needs a real GPU and is not simulated"."""
    return f"{MARK} {what} needs a real GPU and is not simulated"


def gap_of(type_name: str, message: str) -> str | None:
    """Say which gap of the simulation an exception shows, in one line; None when it is the student's own."""
    if MARK in message:
        return message[message.index(MARK) :].splitlines()[0]
    if any(sign in message for sign in _OTHER_SIGNS):
        return f"{MARK} {type_name}: {message.splitlines()[0]}"
    return None
