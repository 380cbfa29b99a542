"""Backward passes in the thread that asks for them.

Autograd starts a thread per GPU at the first backward of a process, and threads do not survive a fork: after it, every
backward in the child fails ("Unable to handle autograd's threading in combination with fork-based multiprocessing").
The grader forks a notebook that may have trained already. So the engine is started while it sees no device, and then
runs every backward in the calling thread, which PyTorch offers as `set_multithreading_enabled(False)`.
"""

from __future__ import annotations

from typing import Any

import torch


def start_engine_without_device_threads(library: Any) -> None:
    """Let autograd start now, with the simulated devices out of its sight. It starts once in the life of a process."""
    library.hide_devices(True)
    try:
        torch.autograd.backward(torch.ones((), requires_grad=True))
    finally:
        library.hide_devices(False)


def run_backward_in_the_calling_thread() -> None:
    """Make every backward of this process single-threaded, whichever thread calls it."""
    variable: Any = torch.autograd.Variable
    engine_type: Any = type(variable._execution_engine)

    class SingleThreadEngine(engine_type):  # type: ignore[misc]
        def run_backward(self, *args: Any, **kwargs: Any) -> Any:
            with torch.autograd.set_multithreading_enabled(False):
                return super().run_backward(*args, **kwargs)

    variable._execution_engine = SingleThreadEngine()
