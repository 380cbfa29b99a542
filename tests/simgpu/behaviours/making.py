"""Making tensors on the GPU."""

import numpy as np
import torch

from .row import gpu, holds, on_cpu, on_gpu, row


@row("`torch.zeros(3, device='cuda:0')` is on cuda:0")
def factory_with_index() -> None:
    tensor = torch.zeros(3, device="cuda:0")
    assert str(tensor.device) == "cuda:0"
    holds(tensor, [0, 0, 0])


@row("`device='cuda'` without an index becomes cuda:0 on the tensor")
def index_is_filled_in() -> None:
    assert torch.ones(2, device="cuda").device == torch.device("cuda", 0)


@row("a bare integer as a device means that GPU")
def integer_device() -> None:
    assert torch.ones(2, device=0).device == torch.device("cuda", 0)


@row("`torch.tensor(list, device='cuda')`")
def from_a_list() -> None:
    holds(on_gpu(torch.tensor([1.0, 2.0], device="cuda")), [1, 2])


@row("`torch.arange(n, device=x.device)`")
def arange_beside() -> None:
    holds(on_gpu(torch.arange(4, device=gpu(1).device)), [0, 1, 2, 3])


@row("zeros, ones, full, eye, linspace, empty take `device`")
def factories() -> None:
    for tensor in (
        torch.ones(2, device="cuda"),
        torch.full((2,), 3.0, device="cuda"),
        torch.linspace(0, 1, 3, device="cuda"),
        torch.empty(2, device="cuda"),
        torch.tril(torch.ones(2, 2, device="cuda")),
    ):
        on_gpu(tensor)
    holds(torch.eye(2, device="cuda"), [[1, 0], [0, 1]])


@row("rand, randn, randint, randperm, normal take `device`")
def random_factories() -> None:
    for tensor in (
        torch.rand(3, device="cuda"),
        torch.randn(3, device="cuda"),
        torch.randint(0, 5, (3,), device="cuda"),
        torch.randperm(5, device="cuda"),
        torch.normal(0.0, 1.0, (3,), device="cuda"),
    ):
        on_gpu(tensor)


@row("`*_like` and `new_*` follow their tensor")
def like_their_tensor() -> None:
    x = gpu(1, 2)
    for tensor in (
        torch.zeros_like(x),
        torch.ones_like(x),
        torch.rand_like(x),
        torch.empty_like(x),
        x.new_zeros(3),
        x.new_tensor([1.0]),
        x.new_full((2,), 1.0),
    ):
        on_gpu(tensor)


@row("inside `with torch.device('cuda')` factories and modules land on the GPU")
def device_context() -> None:
    with torch.device("cuda"):
        for tensor in (torch.zeros(2), torch.arange(3), torch.nn.Linear(2, 2).weight):
            on_gpu(tensor)
    on_cpu(torch.zeros(2))


@row("`torch.set_default_device('cuda')` until it is taken back")
def default_device() -> None:
    torch.set_default_device("cuda")
    try:
        on_gpu(torch.ones(2))
        on_gpu(torch.tensor([1.0]))
    finally:
        torch.set_default_device(None)
    on_cpu(torch.zeros(2))


@row("`from_numpy` stays on the CPU; `as_tensor(array, device='cuda')` moves")
def from_numpy() -> None:
    on_cpu(torch.from_numpy(np.ones(2)))
    holds(on_gpu(torch.as_tensor(np.ones(2), device="cuda")), [1, 1])
