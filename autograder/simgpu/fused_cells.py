"""The kernels that PyTorch has for CUDA alone and uses for LSTM and GRU cells there, written with ordinary operations.

Source: aten/src/ATen/native/cuda/RNN.cu. Its workspaces hold the gates that the backward needs. N rows, H hidden units.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

Pair = tuple[Tensor, Tensor]
Triple = tuple[Tensor, Tensor, Tensor]


def lstm_cell(
    from_input: Tensor, from_hidden: Tensor, c: Tensor, b_ih: Tensor | None = None, b_hh: Tensor | None = None
) -> Triple:
    """from_input, from_hidden: (N, 4H); c: (N, H). Returns the new h and c (N, H), and the gates (N, 4H)."""
    pre = from_input + from_hidden  # (N, 4H)
    if b_ih is not None and b_hh is not None:
        pre = pre + b_ih + b_hh
    i, f, g, o = pre.chunk(4, dim=1)
    i, f, g, o = i.sigmoid(), f.sigmoid(), g.tanh(), o.sigmoid()
    c_new = f * c + i * g
    return o * c_new.tanh(), c_new, torch.cat([i, f, g, o], dim=1)


def lstm_cell_backward(
    grad_h: Tensor | None, grad_c: Tensor | None, c: Tensor, c_new: Tensor, gates: Tensor, has_bias: bool
) -> Triple:
    """Returns the gradients of the pre-activations (N, 4H), of c (N, H) and of the biases (4H,)."""
    i, f, g, o = gates.chunk(4, dim=1)
    grad_h = torch.zeros_like(c_new) if grad_h is None else grad_h
    t = c_new.tanh()
    through_c = grad_h * o * (1 - t * t)  # (N, H), the gradient of c_new
    if grad_c is not None:
        through_c = through_c + grad_c
    grad_gates = torch.cat(
        [
            through_c * g * i * (1 - i),
            through_c * c * f * (1 - f),
            through_c * i * (1 - g * g),
            grad_h * t * o * (1 - o),
        ],
        dim=1,
    )
    return grad_gates, through_c * f, _bias_gradient(grad_gates, has_bias)


def gru_cell(
    from_input: Tensor, from_hidden: Tensor, h: Tensor, b_ih: Tensor | None = None, b_hh: Tensor | None = None
) -> Pair:
    """from_input, from_hidden: (N, 3H); h: (N, H). Returns the new h (N, H) and the workspace (N, 5H)."""
    if b_ih is not None and b_hh is not None:
        from_input, from_hidden = from_input + b_ih, from_hidden + b_hh
    input_r, input_z, input_n = from_input.chunk(3, dim=1)
    hidden_r, hidden_z, hidden_n = from_hidden.chunk(3, dim=1)
    r, z = (input_r + hidden_r).sigmoid(), (input_z + hidden_z).sigmoid()
    n = (input_n + r * hidden_n).tanh()
    return (h - n) * z + n, torch.cat([r, z, n, h, hidden_n], dim=1)


def gru_cell_backward(
    grad_h: Tensor, workspace: Tensor, has_bias: bool
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    """Returns the gradients of from_input and from_hidden (N, 3H), of h (N, H) and of the two biases (3H,)."""
    r, z, n, h, hidden_n = workspace.chunk(5, dim=1)
    grad_n = grad_h * (1 - z) * (1 - n * n)
    grad_z = grad_h * (h - n) * z * (1 - z)
    grad_r = grad_n * hidden_n * r * (1 - r)
    grad_input = torch.cat([grad_r, grad_z, grad_n], dim=1)
    grad_hidden = torch.cat([grad_r, grad_z, grad_n * r], dim=1)
    return (
        grad_input,
        grad_hidden,
        grad_h * z,
        _bias_gradient(grad_input, has_bias),
        _bias_gradient(grad_hidden, has_bias),
    )


def _bias_gradient(grad: Tensor, has_bias: bool) -> Tensor:
    return grad.sum(dim=0) if has_bias else grad.new_empty(0)


def register() -> object:
    """Register the four kernels for CUDA tensors, for as long as the returned library lives."""
    make_library: Any = torch.library.Library
    library = make_library("aten", "IMPL")
    library.impl("_thnn_fused_lstm_cell", lstm_cell, "CUDA")
    library.impl("_thnn_fused_lstm_cell_backward_impl", lstm_cell_backward, "CUDA")
    library.impl("_thnn_fused_gru_cell", gru_cell, "CUDA")
    library.impl("_thnn_fused_gru_cell_backward", gru_cell_backward, "CUDA")
    return library
