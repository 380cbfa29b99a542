"""Moving tensors between host and GPU."""

import torch

from .row import gpu, holds, on_cpu, on_gpu, raises, row


@row("`x.cuda()` and `x.is_cuda`")
def cuda_method() -> None:
    x = torch.ones(2).cuda()
    assert x.is_cuda
    assert not x.cpu().is_cuda
    holds(x, [1, 1])


@row("`x.to('cuda')`, `.to(device, dtype)`, `.to(other)`")
def forms_of_to() -> None:
    on_gpu(torch.ones(2).to("cuda"))
    assert on_gpu(torch.ones(2).to("cuda", torch.float64)).dtype == torch.float64
    on_gpu(torch.ones(2).to(gpu(1)))


@row("`.to(device)` where it is already gives the same object")
def no_move_no_copy() -> None:
    x = gpu(1, 2)
    assert x.to("cuda") is x
    assert x.cuda() is x


@row("`.cpu()` gives a CPU tensor with the values")
def to_the_host() -> None:
    assert on_cpu(gpu(1, 2).cpu()).numpy().tolist() == [1, 2]


@row("a move is a copy: neither side sees later changes of the other")
def moves_are_copies() -> None:
    on_device = gpu(1, 2)
    on_host = on_device.cpu()
    on_host[0] = 9
    holds(on_device, [1, 2])
    source = torch.ones(2)
    moved = source.to("cuda")
    source[0] = 5
    holds(moved, [1, 1])


@row("moving keeps strides; a transposed tensor stays transposed")
def strides_are_kept() -> None:
    x = torch.arange(6.0).view(2, 3).t()
    moved = x.to("cuda")
    assert moved.stride() == x.stride()
    holds(moved, x.tolist())


@row("`copy_` fills a GPU tensor from the CPU and back")
def copy_between() -> None:
    x = gpu(1, 2)
    x.copy_(torch.ones(2))
    holds(on_gpu(x), [1, 1])
    host = torch.zeros(2)
    host.copy_(gpu(3, 4))
    holds(on_cpu(host), [3, 4])


@row("`.to('cuda')` of a CPU tensor that requires grad is no leaf; the gradient flows back to the CPU")
def gradient_through_a_move() -> None:
    w = torch.ones(2, requires_grad=True)
    moved = w.to("cuda")
    assert not moved.is_leaf
    (moved * gpu(1, 2)).sum().backward()
    holds(on_cpu(w.grad), [1, 2])


@row("pinned memory: `pin_memory()`, `is_pinned()`, `non_blocking=True`")
def pinned_memory() -> None:
    x = torch.arange(4.0).pin_memory()
    assert on_cpu(x).is_pinned()
    assert x[1:].is_pinned()
    assert not torch.arange(4.0).is_pinned()
    moved = x.to("cuda", non_blocking=True)
    torch.cuda.synchronize()
    holds(moved, [0, 1, 2, 3])


@row("pinning a GPU tensor raises")
def pinning_a_gpu_tensor() -> None:
    raises(RuntimeError, "only dense CPU tensors can be pinned", lambda: gpu(1).pin_memory())
