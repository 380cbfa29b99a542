"""Operations between GPU and CPU tensors: which raise, and which do not."""

import torch
from torch import nn
from torch.nn import functional

from .row import SAME_DEVICE, gpu, holds, on_gpu, raises, row


@row("GPU + CPU raises")
def add_mixed() -> None:
    raises(RuntimeError, SAME_DEVICE, lambda: gpu(1, 2) + torch.ones(2))


@row("CPU + GPU raises")
def add_mixed_reversed() -> None:
    raises(RuntimeError, SAME_DEVICE, lambda: torch.ones(2) + gpu(1, 2))


@row("the message of an elementwise operation names both devices")
def add_names_devices() -> None:
    raises(RuntimeError, "but found at least two devices, cuda:0 and cpu!", lambda: gpu(1, 2) + torch.ones(2))


@row("a CPU tensor without dimensions mixes with a GPU tensor; the result is on the GPU")
def cpu_scalar_tensor() -> None:
    holds(on_gpu(gpu(1, 2) * torch.tensor(3.0)), [3, 6])
    holds(on_gpu(torch.tensor(3.0) * gpu(1, 2)), [3, 6])


@row("a GPU tensor without dimensions does not mix with a CPU tensor")
def gpu_scalar_tensor() -> None:
    raises(RuntimeError, SAME_DEVICE, lambda: torch.ones(2) + torch.tensor(1.0, device="cuda"))


@row("matrix products of GPU and CPU raise, and name the argument")
def matmul_mixed() -> None:
    square = torch.ones(2, 2)
    raises(RuntimeError, SAME_DEVICE, lambda: square.to("cuda") @ square)
    raises(RuntimeError, "mat2 is on cpu", lambda: square.to("cuda") @ square)
    raises(RuntimeError, "wrapper_CUDA_mm)", lambda: square.to("cuda") @ square)
    raises(RuntimeError, SAME_DEVICE, lambda: torch.bmm(square[None].to("cuda"), square[None]))


@row("a CPU layer with GPU input raises")
def linear_on_cpu() -> None:
    raises(RuntimeError, SAME_DEVICE, lambda: nn.Linear(2, 2)(gpu(1, 2).view(1, 2)))


@row("a GPU layer with CPU input raises")
def linear_on_gpu() -> None:
    raises(RuntimeError, SAME_DEVICE, lambda: nn.Linear(2, 2).to("cuda")(torch.ones(1, 2)))


@row("a convolution with input and weight on two devices raises: `Input type ... should be the same`")
def convolution_mixed() -> None:
    image, kernel = torch.ones(1, 1, 4, 4), torch.ones(1, 1, 2, 2)
    raises(RuntimeError, "Input type (torch.cuda.FloatTensor)", lambda: functional.conv2d(image.to("cuda"), kernel))
    raises(RuntimeError, "should be the same", lambda: functional.conv2d(image, kernel.to("cuda")))


@row("cat and stack of mixed devices raise")
def cat_mixed() -> None:
    raises(RuntimeError, SAME_DEVICE, lambda: torch.cat([gpu(1), torch.ones(1)]))
    raises(RuntimeError, SAME_DEVICE, lambda: torch.stack([gpu(1), torch.ones(1)]))


@row("`torch.where(gpu, gpu, cpu)` raises")
def where_mixed() -> None:
    raises(RuntimeError, SAME_DEVICE, lambda: torch.where(gpu(1, 0) > 0, gpu(1, 2), torch.ones(2)))


@row("cross-entropy of GPU logits and CPU labels raises")
def cross_entropy_mixed() -> None:
    raises(
        RuntimeError,
        SAME_DEVICE,
        lambda: functional.cross_entropy(torch.zeros(2, 3, device="cuda"), torch.zeros(2).long()),
    )


@row("mean squared error of mixed devices raises")
def mse_mixed() -> None:
    raises(RuntimeError, SAME_DEVICE, lambda: functional.mse_loss(gpu(1, 2), torch.ones(2)))


@row("an embedding with CPU ids and a GPU table raises")
def embedding_mixed() -> None:
    raises(
        RuntimeError, SAME_DEVICE, lambda: functional.embedding(torch.zeros(2).long(), torch.ones(3, 2, device="cuda"))
    )


@row("gather, index_select and scatter with a CPU index raise")
def gather_mixed() -> None:
    x, index = torch.ones(2, 2, device="cuda"), torch.zeros(2, 1).long()
    raises(RuntimeError, SAME_DEVICE, lambda: x.gather(1, index))
    raises(RuntimeError, SAME_DEVICE, lambda: x.index_select(0, torch.tensor([0])))
    raises(RuntimeError, SAME_DEVICE, lambda: x.scatter(1, index, 2.0))


@row("`cpu += gpu` raises")
def inplace_mixed() -> None:
    def act() -> None:
        x = torch.ones(2)
        x += gpu(1, 2)

    raises(RuntimeError, SAME_DEVICE, act)


@row("equal and allclose across devices raise")
def comparing_mixed() -> None:
    raises(RuntimeError, SAME_DEVICE, lambda: torch.equal(gpu(1), torch.ones(1)))
    raises(RuntimeError, SAME_DEVICE, lambda: torch.allclose(gpu(1), torch.ones(1)))


@row("`assert_close` across devices raises and names both")
def assert_close_mixed() -> None:
    raises(AssertionError, "device", lambda: torch.testing.assert_close(gpu(1), torch.ones(1)))


@row("layer normalisation with its weights on the CPU raises")
def layer_norm_mixed() -> None:
    raises(RuntimeError, SAME_DEVICE, lambda: nn.LayerNorm(2)(gpu(1, 2)))


@row("an LSTM whose h0 stayed on the CPU raises")
def hidden_state_on_cpu() -> None:
    h0 = torch.zeros(1, 2, 4)
    lstm = nn.LSTM(3, 4).to("cuda")
    raises(RuntimeError, "same device", lambda: lstm(torch.ones(5, 2, 3, device="cuda"), (h0, h0)))


@row("`out=` on the CPU for GPU inputs raises")
def out_on_cpu() -> None:
    raises(RuntimeError, SAME_DEVICE, lambda: torch.add(gpu(1), gpu(2), out=torch.empty(1)))
