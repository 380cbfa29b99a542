"""Memory that tensors share, and changes in place."""

import torch

from .row import gpu, holds, on_gpu, row


@row("in-place operations change the tensor and every name of it")
def in_place() -> None:
    x = gpu(1, 2)
    same = x
    x += 1
    x.mul_(2)
    holds(same, [4, 6])
    x.zero_()
    holds(on_gpu(same), [0, 0])


@row("view, transpose and slices share memory")
def views_share() -> None:
    x = torch.arange(6.0).to("cuda")
    grid = x.view(2, 3)
    grid[0, 0] = 9
    grid.t()[1, 1] = 7
    holds(x, [9, 1, 2, 3, 7, 5])
    assert on_gpu(grid.T).stride() == (1, 3)
    assert not grid.T.is_contiguous()
    assert x[2:].storage_offset() == 2


@row("reshape of a transposed tensor copies; contiguous() too")
def reshape_copies() -> None:
    x = torch.arange(6.0, device="cuda").view(2, 3)
    flat = x.t().reshape(-1)
    flat[0] = 9
    holds(x[0], [0, 1, 2])
    holds(flat, [9, 3, 1, 4, 2, 5])


@row("data_ptr is equal for views and differs for clones")
def data_pointers() -> None:
    x = gpu(1, 2)
    assert x.data_ptr() == x.view(1, 2).data_ptr() != x.clone().data_ptr()


@row("`out=` writes into a GPU tensor and resizes an empty one")
def out_argument() -> None:
    out = torch.empty(0, device="cuda")
    torch.add(gpu(1, 2), gpu(3, 4), out=out)
    holds(on_gpu(out), [4, 6])


@row("resize_, set_ and detach keep to the device")
def resizing() -> None:
    x = gpu(1, 2)
    x.resize_(4)
    assert on_gpu(x).shape == (4,)
    holds(x[:2], [1, 2])
    y = torch.empty(0, device="cuda")
    y.set_(x)
    assert y.data_ptr() == x.data_ptr() == x.detach().data_ptr()


@row("`__cuda_array_interface__` and dlpack describe the tensor")
def other_libraries() -> None:
    x = gpu(1, 2)
    assert x.__cuda_array_interface__["shape"] == (2,)
    assert x.__dlpack_device__()[0] == 2
