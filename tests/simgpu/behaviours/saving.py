"""Saving and loading."""

import io
import pickle

import torch
from torch import nn

from .row import gpu, holds, on_cpu, on_gpu, row, same_values


def saved(value: object) -> io.BytesIO:
    file = io.BytesIO()
    torch.save(value, file)
    file.seek(0)
    return file


@row("torch.save and torch.load keep a tensor on the GPU")
def round_trip() -> None:
    holds(on_gpu(torch.load(saved({"a": gpu(1, 2)}))["a"]), [1, 2])


@row("`map_location='cpu'` loads a GPU tensor on the CPU, `'cuda'` a CPU tensor on the GPU")
def map_location() -> None:
    holds(on_cpu(torch.load(saved(gpu(1, 2)), map_location="cpu")), [1, 2])
    holds(on_gpu(torch.load(saved(torch.ones(2)), map_location="cuda")), [1, 1])


@row("saved views still share memory after loading")
def shared_memory() -> None:
    x = torch.arange(4.0, device="cuda")
    whole, part = torch.load(saved((x, x[1:3])))
    part[0] = 9
    holds(on_gpu(whole), [0, 9, 2, 3])


@row("a module's state_dict survives save and load")
def state_dict_round_trip() -> None:
    net = nn.Linear(2, 2).to("cuda")
    twin = nn.Linear(2, 2)
    twin.load_state_dict(torch.load(saved(net.state_dict()), map_location="cpu"))
    same_values(net.weight, twin.weight)


@row("pickle keeps a tensor on the GPU")
def pickled() -> None:
    holds(on_gpu(pickle.loads(pickle.dumps(gpu(1, 2)))), [1, 2])


@row("tensors are dictionary keys by identity")
def hashing() -> None:
    x, y = gpu(1), gpu(1)
    assert {x: "x", y: "y"}[x] == "x"
    assert len({x, y, x}) == 2
