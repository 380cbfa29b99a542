"""What students hand in: functions that move tensors, wanted or not. The tracer's tests look for their lines."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional


def softmax_by_way_of_the_host(logits: Tensor) -> Tensor:
    host = logits.cpu()
    exps = torch.exp(host - host.amax(1, keepdim=True))
    return (exps / exps.sum(1, keepdim=True)).to(logits.device)


def relu_in_numpy(x: Tensor) -> Tensor:
    array = x.detach().cpu().numpy()
    return torch.from_numpy(np.maximum(array, 0)).to(x.device)


def bias_made_on_the_host(x: Tensor) -> Tensor:
    bias = torch.zeros(x.shape[1])
    return x + bias.to(x.device)


def asks_for_every_value(x: Tensor) -> list[float]:
    return [row.sum().item() for row in x]


def branches_on_a_value(x: Tensor) -> Tensor:
    if (x > 0).any():
        return x * 2
    return x


def picks_with_a_host_index(x: Tensor) -> Tensor:
    return x[torch.arange(2)]


def keeps_the_positive(x: Tensor) -> Tensor:
    return x[x > 0]


class HostBackward(torch.autograd.Function):
    """A ReLU whose backward takes the host's way."""

    @staticmethod
    def forward(ctx, x):  # type: ignore[no-untyped-def]
        ctx.save_for_backward(x)
        return x.clamp(min=0)

    @staticmethod
    def backward(ctx, grad):  # type: ignore[no-untyped-def]
        (x,) = ctx.saved_tensors
        mask = (x.cpu() > 0).float()
        return grad * mask.to(grad.device)


def train_epoch(net: nn.Module, batches: Iterable[tuple[Tensor, Tensor]], device: str) -> float:
    """What is asked for: one copy to the device a tensor, one number read a batch."""
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    total = 0.0
    for x, y in batches:
        x = x.to(device)
        y = y.to(device)
        loss = functional.cross_entropy(net(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item()
    return total


def relu_backward_in_lists(grad: Tensor, x: Tensor) -> Tensor:
    pairs = zip(grad.flatten().tolist(), x.flatten().tolist(), strict=True)
    numbers = [g if value > 0 else 0.0 for g, value in pairs]
    return torch.tensor(numbers, device=x.device).view_as(x)
