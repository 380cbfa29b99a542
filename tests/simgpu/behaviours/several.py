"""Two GPUs."""

import torch

from .row import SAME_DEVICE, gpu, holds, on_gpu, raises, row


@row("`.to('cuda:1')`, and back through the GPU's own copy", devices=2)
def second_device() -> None:
    x = gpu(1, 2).to("cuda:1")
    assert x.device == torch.device("cuda", 1)
    holds(on_gpu((x * 2).to("cuda:0")), [2, 4])


@row("cuda:0 + cuda:1 raises", devices=2)
def two_gpus_mixed() -> None:
    raises(RuntimeError, SAME_DEVICE, lambda: gpu(1) + torch.ones(1, device="cuda:1"))
    raises(RuntimeError, SAME_DEVICE, lambda: torch.ones(2, 2, device="cuda:0") @ torch.ones(2, 2, device="cuda:1"))


@row("set_device and `with torch.cuda.device(1)` choose where 'cuda' is", devices=2)
def choosing_a_device() -> None:
    with torch.cuda.device(1):
        assert torch.zeros(1, device="cuda").get_device() == 1
    torch.cuda.set_device(1)
    try:
        assert torch.zeros(1).cuda().get_device() == 1
    finally:
        torch.cuda.set_device(0)
    assert torch.zeros(1, device="cuda").get_device() == 0


@row("an index on another GPU raises", devices=2)
def index_on_another_gpu() -> None:
    raises(RuntimeError, "indices should be either on", lambda: gpu(1, 2)[torch.tensor([0], device="cuda:1")])


@row("results stay on the GPU of their inputs, whichever is current", devices=2)
def results_stay() -> None:
    x = torch.ones(2, device="cuda:1", requires_grad=True)
    (x * 3).sum().backward()
    assert x.grad.get_device() == 1
    assert torch.zeros_like(x).get_device() == 1


@row("each GPU has its own memory and random stream", devices=2)
def separate_devices() -> None:
    before = torch.cuda.memory_allocated(0)
    x = torch.zeros(1024, device="cuda:1")
    assert torch.cuda.memory_allocated(0) == before
    assert torch.cuda.memory_allocated(1) >= x.numel() * 4
    torch.manual_seed(0)
    first = torch.randn(3, device="cuda:0")
    assert torch.equal(torch.randn(3, device="cuda:1").cpu(), first.cpu())
