"""Layers and functions of the course: on the GPU, with the CPU's values."""

import copy

import torch
from torch import Tensor, nn
from torch.nn import functional

from .row import on_gpu, row, same_values


def both(layer: nn.Module, x: Tensor) -> None:
    """Output and parameter gradients must be the CPU's."""
    twin = copy.deepcopy(layer).to("cuda")
    out, twin_out = layer(x), twin(x.to("cuda"))
    same_values(twin_out, out)
    out.pow(2).sum().backward()
    twin_out.pow(2).sum().backward()
    for ours, theirs in zip(twin.parameters(), layer.parameters(), strict=True):
        same_values(ours.grad, theirs.grad)


@row("reductions, argmax, topk, sort, einsum, bmm, cumsum, one_hot stay on the GPU")
def many_operations() -> None:
    x = torch.randn(4, 5, device="cuda")
    for tensor in (
        x.sum(),
        x.mean(0),
        x.argmax(1),
        x.topk(2)[0],
        x.sort()[1],
        functional.softmax(x, -1),
        torch.einsum("ij,kj->ik", x, x),
        torch.bmm(x[None], x.t()[None]),
        x.std(),
        x.max(1)[0],
        x.cumsum(0),
        functional.one_hot(x.argmax(1), 5),
        torch.linalg.norm(x),
        x.nonzero(),
        torch.unique(x),
        x > 0,
        x.clamp(0, 1),
        x.median(),
        torch.cdist(x, x),
    ):
        on_gpu(tensor)


@row("linear algebra: svd, inv, solve, qr, fft")
def linear_algebra() -> None:
    x = torch.eye(3, device="cuda") + 0.1
    for tensor in (torch.linalg.svd(x)[1], torch.linalg.inv(x), torch.linalg.solve(x, x), torch.linalg.qr(x)[0]):
        on_gpu(tensor)
    on_gpu(torch.fft.fft(x))


@row("a small convolutional network: values and gradients")
def convolutional_network() -> None:
    torch.manual_seed(0)
    net = nn.Sequential(
        nn.Conv2d(1, 2, 3),
        nn.BatchNorm2d(2),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.LayerNorm(18),
        nn.Linear(18, 2),
    )
    both(net, torch.randn(2, 1, 8, 8))


@row("depthwise and transposed convolutions, average pooling, interpolation")
def other_convolutions() -> None:
    torch.manual_seed(0)
    both(
        nn.Sequential(nn.Conv2d(3, 3, 3, groups=3), nn.ConvTranspose2d(3, 2, 2), nn.AvgPool2d(2)),
        torch.randn(1, 3, 7, 7),
    )
    on_gpu(functional.interpolate(torch.randn(1, 1, 4, 4, device="cuda"), scale_factor=2, mode="bilinear"))


@row("one-dimensional and dilated convolutions")
def convolutions_1d() -> None:
    torch.manual_seed(0)
    both(nn.Sequential(nn.Conv1d(2, 3, 3, padding=1), nn.Conv1d(3, 2, 3, dilation=2)), torch.randn(2, 2, 9))


@row("RNN, LSTM and GRU: values and gradients")
def recurrent_layers() -> None:
    for kind in (nn.RNN, nn.LSTM, nn.GRU):
        torch.manual_seed(0)
        layer = kind(3, 4, num_layers=2)
        twin = copy.deepcopy(layer).to("cuda")
        x = torch.randn(5, 2, 3)
        out, twin_out = layer(x)[0], twin(x.to("cuda"))[0]
        same_values(twin_out, out)
        out.sum().backward()
        twin_out.sum().backward()
        same_values(twin.weight_hh_l0.grad, layer.weight_hh_l0.grad)
        same_values(twin.bias_ih_l0.grad, layer.bias_ih_l0.grad)


@row("LSTMCell, GRUCell and packed sequences")
def recurrent_cells() -> None:
    torch.manual_seed(0)
    x = torch.randn(2, 3)
    lstm, gru = nn.LSTMCell(3, 4), nn.GRUCell(3, 4)
    expected_h, expected_g = lstm(x)[0], gru(x)
    same_values(lstm.to("cuda")(x.to("cuda"))[0], expected_h)
    same_values(gru.to("cuda")(x.to("cuda")), expected_g)
    packed = nn.utils.rnn.pack_sequence([torch.ones(2, 3, device="cuda"), torch.ones(1, 3, device="cuda")])
    on_gpu(nn.LSTM(3, 4, bidirectional=True).to("cuda")(packed)[0].data)


@row("scaled dot-product attention and MultiheadAttention")
def attention() -> None:
    torch.manual_seed(0)
    q = torch.randn(2, 3, 8)
    same_values(
        functional.scaled_dot_product_attention(*[q.to("cuda")] * 3, is_causal=True),
        functional.scaled_dot_product_attention(q, q, q, is_causal=True),
    )
    layer = nn.MultiheadAttention(8, 2, batch_first=True).to("cuda")
    x = q.to("cuda")
    on_gpu(layer(x, x, x)[0]).sum().backward()


@row("a transformer encoder layer in train and eval mode")
def transformer_layer() -> None:
    layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True).to("cuda")
    x = torch.randn(2, 3, 8, device="cuda")
    on_gpu(layer(x)).sum().backward()
    on_gpu(layer.eval()(x))


@row("embedding: values, and gradients of repeated ids")
def embedding() -> None:
    table = nn.Embedding(4, 2).to("cuda")
    ids = torch.tensor([1, 1, 3], device="cuda")
    table(ids).sum().backward()
    same_values(table.weight.grad, torch.tensor([[0.0, 0], [2, 2], [0, 0], [1, 1]]))


@row("losses: cross-entropy with ignored labels, BCE, NLL, KL")
def losses() -> None:
    torch.manual_seed(0)
    logits, labels = torch.randn(4, 3), torch.tensor([0, -100, 2, 1])
    same_values(
        functional.cross_entropy(logits.to("cuda"), labels.to("cuda")), functional.cross_entropy(logits, labels)
    )
    p = torch.rand(4)
    same_values(
        functional.binary_cross_entropy(p.to("cuda"), p.round().to("cuda")),
        functional.binary_cross_entropy(p, p.round()),
    )
    logp = logits.log_softmax(1)
    same_values(
        functional.kl_div(logp.to("cuda"), logp.exp().to("cuda"), reduction="batchmean"),
        functional.kl_div(logp, logp.exp(), reduction="batchmean"),
    )


@row("CTC loss")
def ctc_loss() -> None:
    torch.manual_seed(0)
    scores = torch.randn(5, 2, 3).log_softmax(2)
    targets, lengths, target_lengths = torch.tensor([[1, 2], [2, 1]]), torch.tensor([5, 5]), torch.tensor([2, 2])
    expected = functional.ctc_loss(scores, targets, lengths, target_lengths)
    same_values(functional.ctc_loss(scores.to("cuda"), targets.to("cuda"), lengths, target_lengths), expected)


@row("torch.jit.script runs on the GPU")
def scripted_module() -> None:
    on_gpu(torch.jit.script(nn.Linear(3, 2)).to("cuda")(torch.ones(1, 3, device="cuda")))
