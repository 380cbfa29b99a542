"""Networks, named tuples, opaque leaves and devices as arguments: over the wire, into a function, and back."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import msgspec
import pytest
import torch
from torch import nn

from autograder.engine.arguments import Forward, Named, Net, Opaque
from autograder.engine.calls import Call
from autograder.engine.perform import perform
from autograder.engine.values import DICT, FORWARD, LIST, NAMED, NET, TUPLE, Reader, WireError, Writer

LAYERS = (("Linear", 3, 4), ("BatchNorm1d", 4), ("ReLU",), ("Dropout", 0.5), ("Linear", 4, 2))


def net(training: bool = True, dtype: torch.dtype = torch.float32) -> Net:
    modules = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.ReLU(), nn.Dropout(0.5), nn.Linear(4, 2)).to(dtype)
    return Net(LAYERS, {name: tensor.clone() for name, tensor in modules.state_dict().items()}, training)


def over_the_wire(value: Any) -> Any:
    writer = Writer()
    tree = msgspec.msgpack.decode(msgspec.msgpack.encode(writer.tree(value)))
    return Reader([bytearray(buffer) for buffer in writer.buffers]).value(tree)


@pytest.mark.parametrize(
    "tree",
    [
        [NAMED, "Batch", [LIST, "x"], [TUPLE, 2]],
        [NAMED, "Batch", [TUPLE, "x"], [TUPLE]],
        [NAMED, "Batch", [TUPLE, 1], [TUPLE, 1]],
        [NET, [LIST], [DICT], True, [DICT], [TUPLE], [DICT], [TUPLE]],
        [NET, [TUPLE], [DICT, "0.weight", 3], True, [DICT], [TUPLE], [DICT], [TUPLE]],
        [FORWARD, "many", True, True, "cpu"],
        [NET],
        [FORWARD, 1, True, True, "cpu", 5],
    ],
)
def test_a_forged_one_is_a_wire_error(tree):
    with pytest.raises(WireError):
        Reader([]).value(tree)


def test_they_cross_the_wire_as_they_are():
    batch = Named("Batch", ("inputs", "labels"), (torch.ones(2), (1, Opaque("leaf"))))
    back = over_the_wire({"batch": batch, "device": torch.device("cuda:0")})
    assert back["device"] == torch.device("cuda:0")
    assert (back["batch"].type_name, back["batch"].fields) == ("Batch", ("inputs", "labels"))
    assert back["batch"].items[1] == (1, Opaque("leaf"))
    sent = net()
    after = over_the_wire(perform(Call("f", (sent,)), lambda made: None).inputs[0])
    assert after.layers == sent.layers
    assert all(torch.equal(after.state[name], tensor) for name, tensor in sent.state.items())


def test_a_function_gets_a_plain_sequential_in_the_mode_and_dtype_that_were_asked_for():
    def look(made):
        return type(made) is nn.Sequential, made.training, str(made[0].weight.dtype), made[0].weight.grad is None

    assert perform(Call("look", (net(training=False),)), look).value == (True, False, "torch.float32", True)
    assert perform(Call("look", (net(dtype=torch.float64),)), look).value == (True, True, "torch.float64", True)


def test_what_became_of_a_network_is_reported():
    def train(made, inputs):
        made.eval()
        with torch.no_grad():
            made(inputs)
        made.train()
        made[1].eval()
        made(inputs).sum().backward()
        with torch.no_grad():
            made[0].bias += 1

    sent = net()
    after = perform(Call("train", (sent, torch.randn(5, 3))), train).inputs[0]
    assert torch.equal(after.state["0.bias"], sent.state["0.bias"] + 1)
    assert after.modes == (True, True, False, True, True, True)
    assert after.gradients["4.weight"].shape == (2, 4)
    assert after.forwards == (Forward(5, False, False, "cpu"), Forward(5, True, True, "cpu"))
    assert set(after.devices.values()) == {"cpu"}
    assert not sent.forwards


def test_two_calls_get_networks_of_their_own():
    def spoil(made):
        nn.init.zeros_(made[0].weight)

    sent = net()
    perform(Call("spoil", (sent,)), spoil)
    assert bool(sent.state["0.weight"].any())


def test_a_named_tuple_comes_back_as_one_and_a_plain_tuple_as_a_tuple():
    batch = Named("Batch", ("inputs", "labels"), (torch.ones(2), torch.zeros(2)))

    def swap(batch):
        return [batch._replace(inputs=batch.labels), tuple(batch)]

    named, plain = perform(Call("swap", (batch,)), swap).value
    assert (named.type_name, named.fields) == ("Batch", ("inputs", "labels"))
    assert not named.items[0].any()
    assert type(plain) is tuple


def test_a_change_inside_a_named_tuple_is_seen():
    batch = [Named("Batch", ("inputs",), (torch.ones(2),))]

    def change(batch):
        batch[0].inputs.zero_()

    assert not perform(Call("change", (batch,)), change).inputs[0][0].items[0].any()


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, lambda leaf: pickle.loads(pickle.dumps(leaf))])
def test_a_copy_of_an_opaque_leaf_says_so(copied):
    assert copied(Opaque("leaf")) == Opaque("leaf", is_copy=True)
    assert perform(Call("f", (Opaque("leaf"),)), lambda leaf: leaf).value == Opaque("leaf")
