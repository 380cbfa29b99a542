"""Training steps on the GPU equal those on the CPU."""

import copy
from collections.abc import Callable, Iterable

import torch
from torch import nn
from torch.nn import functional

from .row import gpu, on_gpu, row, same_values


def three_steps(make_optimizer: Callable[[Iterable[nn.Parameter]], torch.optim.Optimizer]) -> None:
    """The parameters after three steps must be the same on both devices."""
    torch.manual_seed(0)
    on_host = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3))
    on_device = copy.deepcopy(on_host).to("cuda")
    x, y = torch.randn(16, 4), torch.randint(0, 3, (16,))
    for net, inputs, labels in ((on_host, x, y), (on_device, x.to("cuda"), y.to("cuda"))):
        optimizer = make_optimizer(net.parameters())
        for _ in range(3):
            optimizer.zero_grad()
            functional.cross_entropy(net(inputs), labels).backward()
            optimizer.step()
    for ours, theirs in zip(on_device.parameters(), on_host.parameters(), strict=True):
        same_values(ours, theirs)


@row("three steps of SGD with momentum")
def sgd() -> None:
    three_steps(lambda parameters: torch.optim.SGD(parameters, lr=0.1, momentum=0.9))


@row("three steps of Adam")
def adam() -> None:
    three_steps(lambda parameters: torch.optim.Adam(parameters, lr=0.01))


@row("three steps of fused AdamW")
def fused_adamw() -> None:
    three_steps(lambda parameters: torch.optim.AdamW(parameters, lr=0.01, fused=True))


@row("hand-written SGD under no_grad")
def handwritten_sgd() -> None:
    class Plain(torch.optim.Optimizer):
        def __init__(self, parameters: Iterable[nn.Parameter]) -> None:
            super().__init__(parameters, {})

        @torch.no_grad()
        def step(self, closure=None):  # type: ignore[no-untyped-def, override]
            for parameter in self.param_groups[0]["params"]:
                parameter -= 0.1 * parameter.grad

    three_steps(Plain)


@row("an optimizer built before `.to('cuda')` still trains")
def optimizer_before_the_move() -> None:
    net = nn.Linear(2, 1)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    net.to("cuda")
    before = net.weight.detach().clone()
    net(gpu(1, 2)).sum().backward()
    optimizer.step()
    assert not torch.equal(before, net.weight)


@row("Adam keeps its state on the GPU")
def optimizer_state() -> None:
    w = nn.Parameter(gpu(1, 2))
    optimizer = torch.optim.Adam([w])
    w.sum().backward()
    optimizer.step()
    on_gpu(optimizer.state[w]["exp_avg"])


@row("clip_grad_norm_ and a learning-rate schedule")
def clipping() -> None:
    net = nn.Linear(2, 2).to("cuda")
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    schedule = torch.optim.lr_scheduler.StepLR(optimizer, 1)
    net(gpu(1, 2)).sum().backward()
    on_gpu(nn.utils.clip_grad_norm_(net.parameters(), 0.1))
    optimizer.step()
    schedule.step()


@row("autocast to bfloat16 and GradScaler")
def mixed_precision() -> None:
    net = nn.Linear(2, 2).to("cuda")
    optimizer = torch.optim.SGD(net.parameters(), 0.1)
    scaler = torch.amp.GradScaler("cuda")
    with torch.autocast("cuda", dtype=torch.bfloat16):
        out = net(gpu(1, 2).view(1, 2))
    assert out.dtype == torch.bfloat16
    scaler.scale(out.float().sum()).backward()
    scaler.step(optimizer)
    scaler.update()
    on_gpu(net.weight)


@row("autocast without a dtype uses float16")
def autocast_default() -> None:
    with torch.autocast("cuda"):
        assert (torch.ones(2, 2, device="cuda") @ torch.ones(2, 2, device="cuda")).dtype == torch.float16
