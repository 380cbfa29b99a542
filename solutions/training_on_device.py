"""The references of `training_on_device`, in the order of the notebook: from a device to a network trained there."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy


def pick_device(index: int = 0) -> torch.device:
    """Return the GPU of this index if this machine has it, else the CPU.

    index: which GPU, counted from 0. Returns torch.device("cuda", index) or torch.device("cpu").
    Source: PyTorch documentation: CUDA semantics, best practices (device-agnostic code).
    """
    if index < torch.cuda.device_count():  # 0 on a machine without a GPU
        return torch.device("cuda", index)
    return torch.device("cpu")


def to_device(batch: Any, device: str | torch.device) -> Any:
    """Return the batch with all its tensors on the device, in the same structure.

    batch: a tensor, or lists, tuples, named tuples and dicts of batches, nested to any depth. Anything else is a leaf
    and is returned as the object it is. The batch itself stays as it was.
    Source: PyTorch documentation: torch.utils.data, memory pinning (which walks through a batch in the same way).
    """
    if isinstance(batch, Tensor):
        return batch.to(device)
    if isinstance(batch, dict):
        return {key: to_device(item, device) for key, item in batch.items()}
    if hasattr(batch, "_make"):  # a named tuple: its class takes the fields one by one, _make takes them together
        return batch._make(to_device(item, device) for item in batch)
    if isinstance(batch, tuple):
        return tuple(to_device(item, device) for item in batch)
    if isinstance(batch, list):
        return [to_device(item, device) for item in batch]
    return batch


def train_epoch(
    net: nn.Module, batches: Iterable[tuple[Tensor, Tensor]], lr: float, device: str | torch.device
) -> float:
    """Train the network for one epoch of plain SGD on the device; return the average loss per example.

    net: arrives without gradients, in any mode, on any device; stays on the device, in train mode.
    batches: pairs X (N, ...) and y (N,) int64, at least one; N may differ; may be a generator. lr: learning rate.
    The loss is the mean cross-entropy, that of each batch measured before its update.
    Source: Zhang, Lipton, Li, Smola: Dive into Deep Learning (2023), sections 4.4 and 6.7.
    """
    net.to(device)  # changes the network itself, its parameters and its buffers
    net.train()
    losses, sizes = [], []  # of each batch: sum over its examples, and their number
    for X, y in batches:
        X, y = X.to(device), y.to(device)
        loss = cross_entropy(net(X), y)  # ()
        net.zero_grad()
        loss.backward()
        with torch.no_grad():
            for p in net.parameters():
                p -= lr * p.grad
        losses.append(loss.item() * len(y))
        sizes.append(len(y))
    return sum(losses) / sum(sizes)


def evaluate(
    net: nn.Module, batches: Iterable[tuple[Tensor, Tensor]], device: str | torch.device
) -> tuple[float, float]:
    """Return the average loss per example and the fraction of examples that the network gets right.

    net: all of it in one mode, which it has afterwards again; stays on the device. batches: as for `train_epoch`.
    Source: Zhang, Lipton, Li, Smola: Dive into Deep Learning (2023), sections 4.4.4 and 5.6.
    """
    was_training = net.training
    net.to(device)
    net.eval()
    losses, hits, sizes = [], [], []  # of each batch: sum over its examples, how many are right, their number
    with torch.no_grad():
        for X, y in batches:
            X, y = X.to(device), y.to(device)
            logits = net(X)  # (N, C)
            losses.append(cross_entropy(logits, y).item() * len(y))
            hits.append((logits.argmax(dim=1) == y).sum().item())
            sizes.append(len(y))
    net.train(was_training)
    return sum(losses) / sum(sizes), sum(hits) / sum(sizes)


class PositionalBias(nn.Module):
    """Adds to each position of a sequence its row of a fixed table: sin((t + 1) / (j + 1)) at position t, column j.

    length: the longest sequence; width: numbers per position. The table is a buffer named `table`, no parameter.
    Source: after Vaswani et al.: Attention Is All You Need (2017), section 3.5.
    """

    def __init__(self, length: int, width: int) -> None:
        """Make the table, (length, width)."""
        super().__init__()
        positions = torch.arange(1, length + 1).unsqueeze(1)  # (length, 1)
        waves = torch.arange(1, width + 1)  # (width,)
        self.register_buffer("table", torch.sin(positions / waves))  # (length, width)

    def forward(self, x: Tensor) -> Tensor:
        """Return x plus the first T rows of the table. x: (N, T, width), T up to length. Returns (N, T, width)."""
        return x + self.table[: x.shape[1]]  # (N, T, width) + (T, width)
