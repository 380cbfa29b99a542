"""Indexing, where CPU indices are allowed and CPU values are not."""

import torch

from .row import SAME_DEVICE, gpu, holds, on_gpu, raises, row


@row("`x[cpu index]` and `x[cpu mask]` are allowed; the result is on the GPU")
def cpu_index() -> None:
    x = gpu(1, 2, 3)
    holds(on_gpu(x[torch.tensor([2, 0])]), [3, 1])
    holds(on_gpu(x[torch.tensor([True, False, True])]), [1, 3])


@row("a CPU tensor with a GPU index raises: `indices should be either on cpu`")
def gpu_index_of_cpu_tensor() -> None:
    raises(RuntimeError, "indices should be either on", lambda: torch.ones(3)[torch.tensor([0], device="cuda")])


@row("`x[index, labels]` picks one entry a row, with a CPU arange too")
def picking_by_label() -> None:
    x = torch.arange(6.0, device="cuda").view(2, 3)
    holds(on_gpu(x[torch.arange(2), torch.tensor([2, 0], device="cuda")]), [2, 3])


@row("`x[cpu index] = number` and `x[1:] = gpu values`")
def assignment() -> None:
    x = gpu(1, 2, 3)
    x[torch.tensor([0])] = 9.0
    x[1:] = gpu(7, 8)
    holds(on_gpu(x), [9, 7, 8])


@row("`x[1:] = cpu values` copies")
def slice_assignment_from_cpu() -> None:
    x = gpu(1, 2, 3)
    x[1:] = torch.tensor([5.0, 6.0])
    holds(on_gpu(x), [1, 5, 6])


@row("`x[index] = cpu values` raises")
def index_assignment_from_cpu() -> None:
    def act() -> None:
        x = gpu(1, 2, 3)
        x[torch.tensor([0, 1])] = torch.ones(2)

    raises(RuntimeError, SAME_DEVICE, act)


@row("boolean masks select and assign")
def masks() -> None:
    x = gpu(1, -2, 3)
    holds(on_gpu(x[x > 0]), [1, 3])
    x[x < 0] = 0
    holds(on_gpu(x), [1, 0, 3])


@row("a Python index out of range raises IndexError at once")
def python_index_out_of_range() -> None:
    raises(IndexError, "out of bounds", lambda: gpu(1, 2)[5])
