"""The references of `mlp`, in the order of the notebook: from one layer to a network, forward and backward."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn


def relu(x: Tensor) -> Tensor:
    """Return x where it is positive and 0 elsewhere.

    x: float, any shape. Returns the same shape, dtype and device; differentiable, with gradient 0 where x == 0.
    Source: Goodfellow, Bengio, Courville: Deep Learning (2016), section 6.3.1.
    """
    return torch.where(x > 0, x, 0.0)  # any shape


def relu_backward(grad_out: Tensor, x: Tensor) -> Tensor:
    """Return the gradient of the loss with respect to x, for out = relu(x).

    grad_out: gradient with respect to out; x: what relu was given; float, any shape, the same for both.
    Returns that shape, dtype and device. Where x == 0 the gradient is 0.
    Source: Goodfellow, Bengio, Courville: Deep Learning (2016), sections 6.3 and 6.5.6.
    """
    return torch.where(x > 0, grad_out, 0.0)  # any shape


def linear_forward(x: Tensor, W: Tensor, b: Tensor) -> Tensor:
    """Return x W + b: one affine map for every row of x.

    x: (N, D), W: (D, M), b: (M,), float. Returns (N, M), same dtype and device; differentiable.
    Source: Zhang, Lipton, Li, Smola: Dive into Deep Learning (2023), section 5.1.1.
    """
    return x @ W + b  # (N, D) @ (D, M) + (M,)


def linear_backward(grad_out: Tensor, x: Tensor, W: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return the gradients (dx, dW, db) of the loss, for out = x W + b.

    grad_out: (N, M), gradient with respect to out; x: (N, D), W: (D, M).
    Returns a tuple of shapes (N, D), (D, M), (M,), same dtype and device.
    Source: Goodfellow, Bengio, Courville: Deep Learning (2016), section 6.5.6.
    """
    dx = grad_out @ W.T  # (N, M) @ (M, D)
    dW = x.T @ grad_out  # (D, N) @ (N, M)
    db = grad_out.sum(dim=0)  # (M,)
    return dx, dW, db


def mlp_forward(params: list[Tensor], x: Tensor) -> tuple[Tensor, Any]:
    """Run a batch through the network: affine maps with ReLU between them, none after the last.

    params: [W1, b1, W2, b2, ...], 1 to 4 layers, each W (D, M) and b (M,); x: (N, D) of the first layer.
    Returns (logits, cache): logits (N, C), same dtype and device; cache: whatever mlp_backward will need.
    Source: Goodfellow, Bengio, Courville: Deep Learning (2016), algorithm 6.3.
    """
    inputs = [x]  # of each layer, (N, D)
    for at in range(0, len(params) - 2, 2):
        hidden = relu(linear_forward(inputs[-1], params[at], params[at + 1]))  # (N, M)
        inputs.append(hidden)
    logits = linear_forward(inputs[-1], params[-2], params[-1])  # (N, C)
    return logits, inputs


def mlp_backward(params: list[Tensor], cache: Any, grad_logits: Tensor) -> list[Tensor]:
    """Return the gradient of the loss with respect to every parameter, in the order and shapes of params.

    params: as mlp_forward got them; cache: what it returned; grad_logits: (N, C), gradient with respect to the logits.
    Source: Goodfellow, Bengio, Courville: Deep Learning (2016), algorithm 6.4.
    """
    inputs = cache  # of each layer, (N, D)
    grads: list[Tensor] = []
    grad_out = grad_logits  # (N, M) of the layer at hand
    for at in reversed(range(len(inputs))):
        dx, dW, db = linear_backward(grad_out, inputs[at], params[2 * at])
        grads = [dW, db, *grads]
        grad_out = relu_backward(dx, inputs[at])  # an input is positive exactly where the ReLU before it was active
    return grads


class MLP(nn.Module):
    """A multilayer perceptron: one affine map with bias per layer, ReLU after every hidden one.

    in_features: D of the first layer; hidden_sizes: a list or tuple of widths, may be empty; out_features: C.
    Source: Zhang, Lipton, Li, Smola: Dive into Deep Learning (2023), sections 5.1 and 6.1.
    """

    def __init__(self, in_features: int, hidden_sizes: Sequence[int], out_features: int) -> None:
        """Make the layers, one per step from size to size, with parameters that are not all equal."""
        super().__init__()
        sizes = [in_features, *hidden_sizes, out_features]
        self.layers = nn.ModuleList(nn.Linear(d, m) for d, m in pairwise(sizes))

    def forward(self, x: Tensor) -> Tensor:
        """Return the logits (N, C) of a batch x (N, D)."""
        for layer in self.layers[:-1]:
            x = relu(layer(x))  # (N, M)
        return self.layers[-1](x)  # (N, C)
