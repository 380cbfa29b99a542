"""What the simulated GPU costs: CPU time of an MLP's training on it, against plain CPU tensors.

`python benchmarks/simgpu_overhead.py [--rounds 15]`. 784-256-10, 50 steps of SGD, one thread, float32. The three ways
run in turn, round after round, in one process that has the device, so that a busy machine slows all alike; the figures
are medians of process CPU time. `grader` promises a factor of at most 1.25 at N = 256 without the tracer.
"""

from __future__ import annotations

import argparse
import gc
import statistics
import time
from collections.abc import Callable
from contextlib import nullcontext

import torch
from torch import Tensor, nn
from torch.nn import functional

from autograder import simgpu
from autograder.simgpu.trace import TransferTrace

STEPS = 50
PROMISED = 1.25


def train(net: nn.Sequential, x: Tensor, y: Tensor) -> None:
    """Fifty steps of SGD."""
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    for _ in range(STEPS):
        optimizer.zero_grad()
        functional.cross_entropy(net(x), y).backward()
        optimizer.step()


def mlp(device: str) -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(784, 256), nn.ReLU(), nn.Linear(256, 10)).to(device)


def cpu_seconds(act: Callable[[], None]) -> float:
    gc.collect()
    start = time.process_time()
    act()
    return time.process_time() - start


def ways(n: int) -> dict[str, Callable[[], float]]:
    """The three ways to train on N rows: name -> one measured run."""
    torch.manual_seed(1)
    x, y = torch.randn(n, 784), torch.randint(0, 10, (n,))

    def measure(device: str, is_traced: bool) -> float:
        net, xs, ys = mlp(device), x.to(device), y.to(device)
        with TransferTrace() if is_traced else nullcontext():
            return cpu_seconds(lambda: train(net, xs, ys))

    return {
        "cpu": lambda: measure("cpu", False),
        "simulated GPU": lambda: measure("cuda", False),
        "simulated GPU, traced": lambda: measure("cuda", True),
    }


def medians(n: int, rounds: int) -> dict[str, float]:
    """Median CPU seconds of each way, over interleaved rounds."""
    taken: dict[str, list[float]] = {}
    for name, run in ways(n).items():
        run()  # warm up
        taken[name] = []
    for _ in range(rounds):
        for name, run in ways(n).items():
            taken[name].append(run())
    return {name: statistics.median(values) for name, values in taken.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=15)
    rounds = parser.parse_args().rounds
    torch.set_num_threads(1)
    simgpu.enable()
    print(
        f"PyTorch {torch.__version__}, 784-256-10, {STEPS} SGD steps, process CPU time, median of {rounds}, interleaved"
    )
    for n in (256, 8):
        result = medians(n, rounds)
        for name, seconds in result.items():
            print(f"N = {n:3}  {name:22} {seconds * 1e3:7.1f} ms   factor {seconds / result['cpu']:.2f}")
        if n == 256:
            factor = result["simulated GPU"] / result["cpu"]
            print(f"         promised at most {PROMISED}: {'kept' if factor <= PROMISED else 'BROKEN'}")


if __name__ == "__main__":
    main()
