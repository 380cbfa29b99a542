"""The references of `softmax_regression`, in the order of the notebook: from scores to one step of learning."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor


def softmax(logits: Tensor) -> Tensor:
    """Turn each row of logits into probabilities that sum to one.

    logits: (N, C) float, any size up to +-1e4. Returns (N, C), same dtype and device; differentiable.
    Source: Goodfellow, Bengio, Courville: Deep Learning (2016), sections 4.1 and 6.2.2.3.
    """
    shifted = logits - logits.amax(dim=1, keepdim=True)  # (N, C); the shift cancels, and exp stays finite
    exps = shifted.exp()  # (N, C)
    return exps / exps.sum(dim=1, keepdim=True)  # (N, C) / (N, 1)


def cross_entropy(logits: Tensor, labels: Tensor) -> Tensor:
    """Return the mean over the batch of minus the log-probability of the right class.

    logits: (N, C) float, any size up to +-1e4; labels: (N,) int64 in 0..C-1.
    Returns a 0-dim tensor, same dtype and device as the logits; differentiable.
    Source: Zhang, Lipton, Li, Smola: Dive into Deep Learning (2023), sections 4.1.2 and 4.5.2.
    """
    shifted = logits - logits.amax(dim=1, keepdim=True)  # (N, C)
    log_probs = shifted - shifted.exp().sum(dim=1, keepdim=True).log()  # (N, C); the logarithm of softmax, never of 0
    return -log_probs.gather(1, labels.unsqueeze(1)).mean()  # (N, 1) -> (); in each row the entry of the right class


def accuracy(logits: Tensor, labels: Tensor) -> float:
    """Return the fraction of rows whose largest logit stands at the label.

    logits: (N, C) float; labels: (N,) int64 in 0..C-1. Returns a Python float in [0, 1].
    Source: Zhang, Lipton, Li, Smola: Dive into Deep Learning (2023), section 4.3.2.
    """
    predicted = logits.argmax(dim=1)  # (N,)
    return (predicted == labels).double().mean().item()


def cross_entropy_backward(logits: Tensor, labels: Tensor) -> Tensor:
    """Return the gradient of the mean cross-entropy with respect to the logits, in closed form.

    logits: (N, C) float, any size up to +-1e4; labels: (N,) int64 in 0..C-1.
    Returns (N, C), same dtype and device as the logits.
    Source: Zhang, Lipton, Li, Smola: Dive into Deep Learning (2023), section 4.1.2.2.
    """
    num_examples, num_classes = logits.shape
    one_hot = torch.nn.functional.one_hot(labels, num_classes)  # (N, C); 1 at the right class
    return (softmax(logits) - one_hot) / num_examples  # (N, C)


def sgd_step(params: Iterable[Tensor], lr: float) -> None:
    """Move every parameter one step against its gradient, in place, then reset the gradients.

    params: any iterable of leaf tensors (a generator can be read once only); one whose `.grad` is None stays as it is.
    lr: learning rate. Returns None.
    Source: Goodfellow, Bengio, Courville: Deep Learning (2016), section 8.3.1.
    """
    with torch.no_grad():
        for p in params:
            if p.grad is not None:
                p -= lr * p.grad
                p.grad = None
