"""Training on a device: its text keeps its promises, PyTorch does what it says, its checks know right from wrong."""

from __future__ import annotations

import math
import re

import pytest
import torch
from reading import run_with, text_of
from torch import nn

from autograder import simgpu
from autograder.checks.verify import verify

ASSIGNMENT = "training_on_device"
EXERCISES = ("pick_device", "to_device", "train_epoch", "evaluate", "PositionalBias")


# --- text and data ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("exercise", EXERCISES)
def test_a_text_says_what_is_checked_on_the_gpu(assignment, exercise):
    what_is_checked = text_of(assignment, exercise).partition("**What is checked.**")[2]
    assert "On the GPU:" in " ".join(what_is_checked.split())


def test_the_worked_numbers_of_training_are_true(references):
    net = nn.Linear(1, 2)
    nn.init.zeros_(net.weight)
    nn.init.zeros_(net.bias)
    first, second = (torch.ones(1, 1), torch.tensor([0])), (torch.ones(2, 1), torch.tensor([1, 1]))
    assert round(references.train_epoch(net, [first], 1.0, "cpu"), 4) == round(math.log(2), 4) == 0.6931
    assert (net.weight.flatten().tolist(), net.bias.tolist()) == ([0.5, -0.5], [0.5, -0.5])
    assert round(references.train_epoch(net, [second], 1.0, "cpu"), 4) == round(math.log(1 + math.exp(2)), 4) == 2.1269
    for tensor in (net.weight.flatten(), net.bias):
        assert [round(number, 4) for number in tensor.tolist()] == [-0.3808, 0.3808]
    assert round((0.6931 + 2 * 2.1269) / 3, 4) == 1.6490


def test_the_worked_numbers_of_measuring_are_true(references):
    net = nn.Linear(1, 2)
    net.load_state_dict({"weight": torch.tensor([[1.0], [-1.0]]), "bias": torch.zeros(2)})
    losses = [math.log(1 + math.exp(-2 * x)) for x in (1, -1, 2)]
    assert [round(loss, 4) for loss in losses] == [0.1269, 2.1269, 0.0181]
    assert round(sum(losses), 4) == 2.2720
    batches = [(torch.tensor([[1.0], [-1.0]]), torch.tensor([0, 0])), (torch.tensor([[2.0]]), torch.tensor([0]))]
    loss, accuracy = references.evaluate(net, batches, "cpu")
    assert (round(loss, 4), round(accuracy, 4)) == (0.7573, 0.6667)


def test_the_worked_numbers_of_the_table_are_true(references):
    rows = references.PositionalBias(5, 2)(torch.zeros(1, 2, 2))[0]
    assert [[round(number, 4) for number in row] for row in rows.tolist()] == [[0.8415, 0.4794], [0.9093, 0.8415]]


def test_what_the_text_says_of_devices_is_true():
    assert torch.device("cuda") != torch.device("cuda:0") == torch.device("cuda", 0)
    assert torch.device("cuda:7").index == 7  # nobody complains
    x = torch.zeros(2)
    assert x.to("cpu") is x
    with pytest.raises(RuntimeError, match="meta"):
        torch.ones(2).to("meta") + torch.ones(2)
    net = nn.Linear(1, 1)
    assert net.to("meta") is net


def test_a_tensor_assigned_to_a_module_is_on_no_list():
    net = nn.Module()
    net.plain = torch.zeros(1)
    net.register_buffer("listed", torch.zeros(1))
    net.frozen = nn.Parameter(torch.zeros(1), requires_grad=False)
    net.to("meta")
    assert (net.plain.device.type, net.listed.device.type) == ("cpu", "meta")
    assert list(net.state_dict()) == ["frozen", "listed"]
    assert [name for name, _ in net.named_parameters()] == ["frozen"]


def test_the_whole_notebook_runs_with_the_references_and_order_is_worth_something(
    assignment, references, shown_plots, monkeypatch, capsys
):
    monkeypatch.chdir(assignment.folder)
    run_with(references, assignment)
    assert len(shown_plots) == 2
    printed = capsys.readouterr().out
    without, with_bias = (float(number) for number in re.findall(r"accuracy ([\d.]+)%", printed))
    assert without < 88 < with_bias
    assert "{'cpu'} holds the table: True" in printed
    assert "RuntimeError: Tensor on device cpu is not on the expected device meta!" in printed


def test_the_data_is_that_of_the_first_assignment(assignment):
    assert [path.name for path in assignment.data] == ["digits.npz"]
    first = assignment.folder.parent / "softmax_regression" / "data" / "digits.npz"
    assert assignment.data[0].read_bytes() == first.read_bytes()


# --- the checks -------------------------------------------------------------------------------------------------------


@pytest.mark.skipif(not simgpu.is_available()[0] and not torch.cuda.is_available(), reason="no GPU, real or simulated")
@pytest.mark.long  # `make verify` does the same
def test_the_checks_know_every_mistake_and_accept_every_right_style(assignment):
    report = verify(assignment, seeds=1)
    assert report.problems == ()
    assert [proof.exercise for proof in report.exercises] == list(EXERCISES)
    for proof in report.exercises:
        assert proof.mistakes >= 10
        assert proof.caught == proof.explained == proof.distinct == proof.mistakes
        assert proof.accepted == proof.right_styles >= 3
        assert proof.survived == proof.equivalent == 0
