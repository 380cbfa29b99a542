"""torch.compile with GPU inputs."""

import torch

from .row import gpu, holds, on_gpu, row


@row("torch.compile(backend='eager')")
def compile_eager() -> None:
    holds(on_gpu(torch.compile(lambda x: x * 2 + 1, backend="eager")(gpu(1, 2))), [3, 5])


@row("torch.compile(backend='aot_eager') with a backward pass")
def compile_aot() -> None:
    x = gpu(1, 2).requires_grad_()
    torch.compile(lambda value: (value * value).sum(), backend="aot_eager")(x).backward()
    holds(on_gpu(x.grad), [2, 4])


@row("torch.compile with its default backend")
def compile_default() -> None:
    holds(on_gpu(torch.compile(lambda x: x * 2 + 1)(gpu(1, 2))), [3, 5])
