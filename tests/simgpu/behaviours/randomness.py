"""Random numbers: the GPU has a stream of its own."""

import torch
from torch.nn import functional

from .row import gpu, holds, on_cpu, on_gpu, raises, row


def draw() -> torch.Tensor:
    return torch.randn(4, device="cuda").cpu()


@row("the same seed gives the same GPU numbers")
def same_seed() -> None:
    torch.manual_seed(3)
    first = draw()
    second = draw()
    torch.manual_seed(3)
    assert torch.equal(draw(), first)
    assert not torch.equal(first, second)


@row("drawing on the GPU leaves the CPU's stream alone")
def streams_are_separate() -> None:
    torch.manual_seed(3)
    draw()
    after_gpu = torch.randn(2)
    torch.manual_seed(3)
    assert torch.equal(torch.randn(2), after_gpu)


@row("one seed gives different numbers on CPU and GPU")
def devices_differ() -> None:
    torch.manual_seed(3)
    on_device = draw()
    torch.manual_seed(3)
    assert not torch.allclose(torch.randn(4), on_device)


@row("dropout on the GPU draws from the GPU's stream")
def dropout_stream() -> None:
    ones = torch.ones(64, device="cuda")
    torch.manual_seed(5)
    state = torch.get_rng_state()
    first = functional.dropout(ones, 0.5)
    assert torch.equal(torch.get_rng_state(), state)
    torch.cuda.manual_seed(5)
    assert torch.equal(functional.dropout(ones, 0.5), first)
    assert not torch.equal(functional.dropout(ones, 0.5), first)


@row("dropout scales what it keeps, is the identity in eval mode, and its gradient uses the same mask")
def dropout_values() -> None:
    x = torch.ones(1000, device="cuda", requires_grad=True)
    out = functional.dropout(x, 0.25)
    holds(out.detach().unique(), [0, 1 / 0.75])
    assert 600 < (out > 0).sum().item() < 890
    out.sum().backward()
    assert torch.allclose(x.grad, out.detach())
    assert torch.equal(functional.dropout(x, 0.25, training=False), x)


@row("`Generator(device='cuda')` has its own seeded stream")
def own_generator() -> None:
    generator = torch.Generator(device="cuda").manual_seed(1)
    first = on_gpu(torch.randn(3, device="cuda", generator=generator))
    generator.manual_seed(1)
    assert torch.equal(torch.randn(3, device="cuda", generator=generator), first)
    assert generator.initial_seed() == 1
    assert generator.device.type == "cuda"


@row("a fresh generator has the documented default seed")
def default_seed() -> None:
    assert torch.Generator(device="cuda").initial_seed() == 67280421310721


@row("a CPU generator for a GPU tensor raises, and the other way round")
def wrong_generator() -> None:
    raises(
        RuntimeError,
        "Expected a 'cuda' device type for generator",
        lambda: torch.randn(3, device="cuda", generator=torch.Generator()),
    )
    raises(
        RuntimeError,
        "Expected a 'cpu' device type for generator",
        lambda: torch.randn(3, generator=torch.Generator(device="cuda")),
    )


@row("the state of the GPU's generator is 16 bytes on the CPU, and can be restored")
def generator_state() -> None:
    state = torch.cuda.get_rng_state()
    assert on_cpu(state).shape == (16,)
    first = draw()
    torch.cuda.set_rng_state(state)
    assert torch.equal(draw(), first)


@row("fork_rng restores the GPU's stream")
def fork_rng() -> None:
    torch.manual_seed(1)
    expected = draw()
    torch.manual_seed(1)
    with torch.random.fork_rng():
        draw()
    assert torch.equal(draw(), expected)


@row("multinomial, bernoulli, normal_, random_ and randperm are reproducible from the seed")
def other_distributions() -> None:
    def sample() -> list[list[float]]:
        torch.manual_seed(2)
        p = torch.full((4,), 0.5, device="cuda")
        drawn = (torch.multinomial(p, 3), torch.bernoulli(p), gpu(0, 0).normal_(), torch.randperm(5, device="cuda"))
        return [tensor.tolist() for tensor in drawn]

    assert sample() == sample()


@row("initialisers fill GPU tensors from the GPU's stream")
def initialisers() -> None:
    weight = torch.empty(3, 3, device="cuda")
    torch.manual_seed(1)
    torch.nn.init.kaiming_uniform_(weight)
    first = weight.clone()
    torch.manual_seed(1)
    torch.nn.init.kaiming_uniform_(weight)
    assert torch.equal(weight, first)
