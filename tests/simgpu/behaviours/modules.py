"""Modules: what moves with them and what stays behind."""

import copy

import torch
from torch import nn

from .row import SAME_DEVICE, gpu, on_gpu, raises, row, same_values


@row("`net.to('cuda')` changes the module in place: same module, same Parameter objects, still leaves")
def module_moves_in_place() -> None:
    net = nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 1))
    weight = net[0].weight
    assert net.to("cuda") is net
    assert net[0].weight is weight
    assert isinstance(weight, nn.Parameter)
    assert weight.is_leaf
    for parameter in net.parameters():
        on_gpu(parameter)


@row("buffers move with the module, and batch normalisation works in train and eval mode")
def buffers_move() -> None:
    norm = nn.BatchNorm1d(2).to("cuda")
    on_gpu(norm.running_mean)
    x = torch.randn(4, 2, device="cuda")
    on_gpu(norm(x))
    on_gpu(norm.eval()(x))


@row("a plain tensor attribute stays on the CPU, and the forward raises")
def forgotten_buffer() -> None:
    class Positions(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.table = torch.randn(3, 4)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x + self.table

    raises(RuntimeError, SAME_DEVICE, lambda: Positions().to("cuda")(torch.randn(2, 3, 4, device="cuda")))


@row("a list of layers that is no ModuleList stays on the CPU, and the forward raises")
def forgotten_layers() -> None:
    class Stack(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layers = [nn.Linear(2, 2)]

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.layers[0](x)

    raises(RuntimeError, SAME_DEVICE, lambda: Stack().to("cuda")(gpu(1, 2)))


@row("state_dict is on the GPU; loading a CPU state keeps the module there")
def state_dict() -> None:
    net, other = nn.Linear(2, 2).to("cuda"), nn.Linear(2, 2)
    on_gpu(net.state_dict()["weight"])
    net.load_state_dict(other.state_dict())
    same_values(net.weight, other.weight)


@row("deepcopy of a GPU module and tensor")
def deepcopy() -> None:
    on_gpu(copy.deepcopy(nn.Linear(2, 2).to("cuda")).weight)
    x = gpu(1, 2)
    twin = copy.deepcopy(x)
    twin[0] = 5
    assert on_gpu(x)[0] == 1


@row("`net.cpu()` and `net.cuda()` move back and forth")
def back_and_forth() -> None:
    net = nn.Linear(2, 2)
    expected = net.weight.detach().clone()
    same_values(net.cuda().cpu().cuda().weight, expected)


@row("`nn.Linear(..., device='cuda')` is made there")
def made_on_the_device() -> None:
    on_gpu(nn.Linear(2, 2, device="cuda").weight)
    on_gpu(nn.Embedding(3, 2, device="cuda").weight)


@row("half precision: `net.half()` and float16 results")
def half_precision() -> None:
    net = nn.Linear(2, 2).to("cuda").half()
    assert on_gpu(net(gpu(1, 2).half())).dtype == torch.float16
