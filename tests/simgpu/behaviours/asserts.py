"""Wrong indices and labels, which the GPU finds in a kernel: an assertion fails there and the context is lost.

A real GPU reports it at some later call, the simulated one at once; after `synchronize` both have.
"""

from collections.abc import Callable

import torch
from torch.nn import functional

from .row import gpu, raises, row


def fails_on_the_device(act: Callable[[], object]) -> None:
    """`act` must end in a device-side assertion by the next synchronisation."""

    def act_and_wait() -> None:
        act()
        torch.cuda.synchronize()

    raises(RuntimeError, "device-side assert triggered", act_and_wait)


@row("an index tensor out of range: device-side assertion", own_process=True)
def index_out_of_range() -> None:
    fails_on_the_device(lambda: gpu(1, 2)[torch.tensor([7], device="cuda")])


@row("a CPU index tensor out of range: device-side assertion", own_process=True)
def cpu_index_out_of_range() -> None:
    fails_on_the_device(lambda: gpu(1, 2)[torch.tensor([7])])


@row("a label out of range in cross-entropy: device-side assertion", own_process=True)
def label_out_of_range() -> None:
    labels = torch.tensor([0, 5, 1], device="cuda")
    fails_on_the_device(lambda: functional.cross_entropy(torch.zeros(3, 3, device="cuda"), labels))


@row("an id out of range in an embedding: device-side assertion", own_process=True)
def id_out_of_range() -> None:
    fails_on_the_device(lambda: functional.embedding(torch.tensor([9], device="cuda"), torch.ones(3, 2, device="cuda")))


@row("gather and scatter out of range: device-side assertion", own_process=True)
def gather_out_of_range() -> None:
    fails_on_the_device(lambda: torch.ones(2, 2, device="cuda").gather(1, torch.tensor([[5]], device="cuda")))


@row("binary cross-entropy of a probability above one: device-side assertion", own_process=True)
def probability_out_of_range() -> None:
    fails_on_the_device(lambda: functional.binary_cross_entropy(gpu(1.5), gpu(1)))


@row("a failed assertion is a torch.AcceleratorError", own_process=True)
def assertion_type() -> None:
    def act() -> None:
        gpu(1, 2)[torch.tensor([7], device="cuda")]
        torch.cuda.synchronize()

    raises(torch.AcceleratorError, "CUDA error", act)


@row("after a failed assertion every use of the GPU fails", own_process=True)
def context_is_lost() -> None:
    index_out_of_range()
    raises(RuntimeError, "device-side assert triggered", lambda: gpu(1, 2).sum().item())
