"""Does the simulated device work here? A handful of facts, checked in a process of its own.

The full table is tests/simgpu/behaviours; this is what can be checked in a second on every machine that grades.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

SECONDS = 60


def self_test(library: Path) -> tuple[str, ...]:
    """Enable the device in another process and check it there. Returns what is wrong, one sentence each."""
    command = [sys.executable, "-m", "autograder.simgpu.selftest", str(library)]
    environment = {**os.environ, "CUDA_VISIBLE_DEVICES": ""}  # a real GPU, should there be one, is not meant
    try:
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=SECONDS, check=False)
    except subprocess.TimeoutExpired:
        return (f"the simulated GPU did not finish its self-test in {SECONDS} seconds",)
    if done.returncode != 0:
        last = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
        return (f"the simulated GPU's self-test ended with status {done.returncode}: {last}",)
    return tuple(json.loads(done.stdout))


def facts() -> Iterator[tuple[str, Callable[[], bool]]]:
    """What must be true of the device: a sentence, and a function that checks it."""
    import torch
    from torch.nn import functional

    x = torch.arange(6.0).view(2, 3).to("cuda")

    def raises(text: str, act: Callable[[], object]) -> bool:
        try:
            act()
        except Exception as error:
            return text in str(error)
        return False

    def gradient() -> bool:
        w = x.clone().requires_grad_()
        torch.autograd.backward(functional.cross_entropy(w, torch.tensor([0, 1], device="cuda")))
        return w.grad is not None and w.grad.is_cuda

    yield "torch.cuda sees it", torch.cuda.is_available
    yield "tensors are on cuda:0", lambda: str(x.device) == "cuda:0"
    yield "values survive the way there and back", lambda: x.cpu().tolist() == [[0, 1, 2], [3, 4, 5]]
    yield "a product is right and stays there", lambda: (x @ x.t()).cpu().tolist() == [[5, 14], [14, 50]]
    yield "mixing devices raises", lambda: raises("Expected all tensors to be on the same device", lambda: x + x.cpu())
    yield "NumPy is refused", lambda: raises("can't convert cuda:0", x.numpy)
    yield "gradients are on the device", gradient
    yield "memory is counted", lambda: torch.cuda.memory_allocated() > 0
    yield "too large a tensor is refused", lambda: raises("out of memory", lambda: torch.empty(1 << 45, device="cuda"))
    yield "random numbers are its own", lambda: bool(torch.randn(3, device="cuda").is_cuda)


def _main(library: Path) -> None:
    from autograder import simgpu

    simgpu.enable(library=library)
    print(json.dumps([f"not so on the simulated GPU: {sentence}" for sentence, is_true in facts() if not is_true()]))


if __name__ == "__main__":
    _main(Path(sys.argv[1]))
