"""The first assignment: its text keeps its promises, its data is what it says, its checks know right from wrong."""

from __future__ import annotations

import re

import numpy as np
import pytest
import torch
from make_digits import digits
from reading import run_with

from autograder.checks.verify import verify

ASSIGNMENT = "softmax_regression"
EXERCISES = ("softmax", "cross_entropy", "accuracy", "cross_entropy_backward", "sgd_step")


def test_the_worked_numbers_in_the_texts_are_true(references):
    logits, labels = torch.tensor([[2.0, 1.0, 0.0], [0.0, 0.0, np.log(2)]], dtype=torch.float64), torch.tensor([0, 2])
    exps = logits[0].exp()
    assert [round(number, 4) for number in (*exps.tolist(), exps.sum().item())] == [7.3891, 2.7183, 1.0, 11.1073]
    probs = references.softmax(logits)
    assert probs.round(decimals=4).tolist() == [[0.6652, 0.2447, 0.0900], [0.25, 0.25, 0.5]]
    losses = [references.cross_entropy(logits[i : i + 1], labels[i : i + 1]).item() for i in range(2)]
    assert [round(loss, 4) for loss in losses] == [0.4076, 0.6931]
    assert [round(number, 4) for number in logits.logsumexp(dim=1).tolist()] == [2.4076, 1.3863]
    assert round(references.cross_entropy(logits, labels).item(), 4) == 0.5504
    gradient = references.cross_entropy_backward(logits, labels)
    assert gradient.round(decimals=4).tolist() == [[-0.1674, 0.1224, 0.0450], [0.125, 0.125, -0.25]]
    scores = torch.tensor([[2.0, 1.0, 0.0], [0.0, 3.0, 1.0], [1.0, 0.0, 2.0], [5.0, 4.0, 6.0]])
    assert references.accuracy(scores, torch.tensor([0, 1, 2, 0])) == 0.75
    param = torch.tensor([1.0, -2.0], dtype=torch.float64, requires_grad=True)
    param.grad = torch.tensor([0.5, -1.0], dtype=torch.float64)
    references.sgd_step([param], 0.1)
    assert param.tolist() == pytest.approx([0.95, -1.9])
    assert torch.tensor(89.0).exp().isinf()
    assert round(float(np.log(10)), 2) == 2.30


def test_the_whole_notebook_runs_with_the_references_and_learns_to_read_digits(
    assignment, references, shown_plots, monkeypatch, capsys
):
    monkeypatch.chdir(assignment.folder)
    names = run_with(references, assignment)
    assert len(shown_plots) == 2
    assert sum(names["losses"][-20:]) < 10
    printed = capsys.readouterr().out
    assert "loss: 2.30 at first" in printed
    assert float(re.search(r"accuracy: ([\d.]+)% on images it has never seen", printed)[1]) > 93


def test_the_data_is_what_the_script_makes(assignment):
    assert [path.name for path in assignment.data] == ["digits.npz"]
    assert assignment.data[0].stat().st_size < 64 * 1024
    with np.load(assignment.data[0], allow_pickle=False) as stored:
        made = digits()
        assert set(stored) == set(made)
        for name, array in made.items():
            assert stored[name].dtype == array.dtype
            assert np.array_equal(stored[name], array)


def test_no_image_is_both_trained_and_tested_on(assignment):
    with np.load(assignment.data[0]) as stored:
        train, test = set(stored["train"].tolist()), set(stored["test"].tolist())
        assert (len(train), len(test)) == (1437, 360)
        assert not train & test
        assert len(stored["images"]) == len(stored["labels"]) == 1797
        assert stored["images"].max() == 16


@pytest.mark.long  # `make check` does the same
def test_the_checks_know_every_mistake_and_accept_every_right_style(assignment):
    report = verify(assignment, seeds=1)
    assert report.problems == ()
    assert [proof.exercise for proof in report.exercises] == list(EXERCISES)
    for proof in report.exercises:
        assert proof.mistakes >= 20
        assert proof.caught == proof.explained == proof.distinct == proof.mistakes
        assert proof.accepted == proof.right_styles >= 5
        assert proof.survived == 0
    assert sum(proof.equivalent for proof in report.exercises) <= 1
