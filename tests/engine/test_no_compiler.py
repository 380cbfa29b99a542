"""torch without its compiler: each case in a process of its own, since it changes torch for good."""

import subprocess
import sys

import pytest

START = """
import sys, torch
from autograder.engine.no_compiler import leave_out_compiler
leave_out_compiler()
def is_loaded():
    return "torch._dynamo.utils" in sys.modules
"""

LIGHT = {
    "an optimizer's step": """
layer = torch.nn.Linear(3, 2)
for kind in (torch.optim.SGD, torch.optim.AdamW):
    optimizer = kind(layer.parameters(), lr=0.1)
    layer(torch.ones(1, 3)).sum().backward()
    before = layer.weight.detach().clone()
    optimizer.step(); optimizer.zero_grad()
    assert not torch.equal(before, layer.weight)
""",
    "a dispatch mode": """
from torch.utils._python_dispatch import TorchDispatchMode
seen = []
class Seen(TorchDispatchMode):
    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        seen.append(str(function))
        return function(*args, **(kwargs or {}))
with Seen():
    torch.ones(2).softmax(0)
assert any("softmax" in name for name in seen), seen
""",
    "torch.func": """
assert torch.equal(torch.func.grad(lambda x: (x * x).sum())(torch.ones(3)), 2 * torch.ones(3))
assert torch.equal(torch.func.vmap(torch.sum)(torch.ones(3, 2)), 2 * torch.ones(3))
assert torch.func.jacrev(lambda x: 2 * x)(torch.ones(2)).shape == (2, 2)
""",
    "checkpointing": """
from torch.utils.checkpoint import checkpoint
x = torch.ones(3, requires_grad=True)
checkpoint(lambda x: x * x, x, use_reentrant=True).sum().backward()
assert torch.equal(x.grad, 2 * torch.ones(3))
""",
}

REAL = {
    "an attribute": "assert torch._dynamo.config.recompile_limit > 0",
    "a submodule": "import torch._dynamo.utils\nassert torch._dynamo.utils.counters is not None",
    "an import from it": "from torch._dynamo import optimize\nassert callable(optimize)",
    "compilation": "assert torch.compile(lambda x: x + 1, backend='eager')(torch.ones(())) == 2",
}


def run(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", START + code], capture_output=True, text=True, timeout=120)


@pytest.mark.parametrize("what", REAL)
def test_the_compiler_is_there_when_something_of_it_is_used(what):
    done = run(REAL[what] + "\nassert is_loaded()\n")
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("what", LIGHT)
def test_it_works_without_loading_the_compiler(what):
    done = run(LIGHT[what] + "\nassert not is_loaded()\n")
    assert done.returncode == 0, done.stderr
