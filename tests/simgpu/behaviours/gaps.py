"""What a real GPU does and the simulated one refuses, by name."""

import torch
from torch import nn

from .row import gpu, on_gpu, row, works_or_is_refused


@row("nn.DataParallel works on a GPU; the simulation refuses it where it is made")
def data_parallel() -> None:
    works_or_is_refused(lambda: nn.DataParallel(nn.Linear(2, 2).to("cuda"))(gpu(1, 2).view(1, 2)))


@row("sparse tensors; the simulation refuses them")
def sparse() -> None:
    works_or_is_refused(lambda: on_gpu(torch.eye(2, device="cuda").to_sparse()))
    works_or_is_refused(lambda: torch.eye(2).to_sparse().to("cuda"))


@row("torch.cuda.CUDAGraph; the simulation refuses it")
def cuda_graph() -> None:
    works_or_is_refused(torch.cuda.CUDAGraph)


@row("kernels that exist for CUDA alone; the simulation refuses them")
def cuda_only_kernel() -> None:
    q = torch.ones(1, 1, 8, 8, device="cuda", dtype=torch.float16)
    works_or_is_refused(lambda: torch.ops.aten._scaled_dot_product_flash_attention(q, q, q))


@row("sending a GPU tensor through a multiprocessing queue; the simulation refuses it")
def sharing_between_processes() -> None:
    works_or_is_refused(lambda: torch.multiprocessing.reductions.reduce_tensor(gpu(1, 2)))


@row("nested and quantized tensors; the simulation refuses them")
def nested_and_quantized() -> None:
    works_or_is_refused(lambda: on_gpu(torch.nested.nested_tensor([gpu(1), gpu(1, 2)])))
    works_or_is_refused(lambda: on_gpu(torch.quantize_per_tensor(gpu(1, 2), 0.1, 0, torch.qint8)))


@row("torch.cuda.nvtx ranges; the simulation refuses them")
def nvtx() -> None:
    works_or_is_refused(lambda: torch.cuda.nvtx.range_push("step"))


@row("torch.cuda.memory_snapshot; the simulation refuses it")
def memory_snapshot() -> None:
    works_or_is_refused(torch.cuda.memory_snapshot)
