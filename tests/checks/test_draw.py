"""Drawn inputs: the same for the same seed, everywhere, and never trivially special."""

from __future__ import annotations

import subprocess
import sys

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from autograder import AsGenerator
from autograder.checks.draw import Draw
from autograder.checks.failure import BrokenCheckError

SEEDS = st.text("0123456789abcdef", min_size=1, max_size=64)


def everything(draw: Draw) -> list[torch.Tensor]:
    logits, labels = draw.logits(4, 5), draw.labels(6, 3, missing=(1,))
    params = draw.params((2, 3), (4,), without_grad=[1])
    numbers = torch.tensor([draw.number(0, 1), draw.integer(1, 9), draw.choice([1, 2, 3])])
    return [logits, labels, *params, draw.noncontiguous(logits), draw.like(logits), draw.tensor(2, 1, 3), numbers]


def test_labels_of_no_class_at_all_are_our_fault():
    with pytest.raises(BrokenCheckError, match="all 2 classes are missing"):
        Draw("a").labels(3, 2, missing=(0, 1))


@settings(max_examples=30, deadline=None)
@given(SEEDS)
def test_a_seed_gives_the_same_inputs_again(seed):
    one, two = everything(Draw(seed)), everything(Draw(seed))
    assert all(torch.equal(first, second) for first, second in zip(one, two, strict=True))


def test_another_seed_gives_other_inputs():
    assert not torch.equal(Draw("a").logits(2, 3), Draw("b").logits(2, 3))


def test_another_process_draws_the_same():
    code = "from autograder.checks.draw import Draw; print(Draw('5eed').logits(2, 3).tolist())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == str(Draw("5eed").logits(2, 3).tolist())


def test_drawing_leaves_the_global_random_state_alone():
    state = torch.get_rng_state()
    everything(Draw("a"))
    assert torch.equal(torch.get_rng_state(), state)


@settings(max_examples=60, deadline=None)
@given(SEEDS, st.integers(1, 9), st.integers(2, 40), st.sampled_from([1.0, 3.0, 1e4]))
def test_logits_have_no_ties_are_bounded_and_not_zero(seed, n, c, scale):
    logits = Draw(seed).logits(n, c, scale=scale)
    assert (logits.shape, logits.dtype) == ((n, c), torch.float32)
    assert bool((logits.sort(dim=1)[0].diff(dim=1) > 0).all())
    assert float(logits.abs().min()) > 0
    assert float(logits.abs().max()) <= 3 * scale


def test_logits_of_a_row_keep_a_distance_that_survives_every_dtype():
    apart = [Draw(f"{seed}").logits(50, 10, dtype=torch.float64).sort(dim=1)[0].diff(dim=1).min() for seed in range(5)]
    assert min(apart) >= 0.9e-3
    assert Draw("a").logits(500, 10).abs().min() >= 0.9e-3


def test_logits_spread_as_normal_numbers_do():
    logits = Draw("a").logits(2000, 10, dtype=torch.float64)
    assert abs(float(logits.mean())) < 0.03
    assert 0.95 < float(logits.std()) < 1.03
    assert logits.dtype == torch.float64
    assert bool((logits != logits.float().double()).any()), "float64 logits are not float32 numbers"


def test_rows_of_a_thousand_and_empty_shapes_can_be_drawn():
    draw = Draw("a")
    assert draw.tensor(3, 1000).shape == (3, 1000)
    assert draw.tensor(0, 4).shape == (0, 4)
    assert draw.tensor(4, 0).shape == (4, 0)
    assert draw.tensor().shape == ()


@settings(max_examples=80, deadline=None)
@given(SEEDS, st.integers(1, 12), st.integers(2, 6), st.sets(st.integers(0, 5), max_size=3))
def test_labels_are_classes_and_never_missing_ones(seed, n, c, missing):
    kept = [number for number in range(c) if number not in missing]
    if not kept:
        return
    labels = Draw(seed).labels(n, c, missing=tuple(missing))
    assert (labels.shape, labels.dtype) == ((n,), torch.int64)
    assert set(labels.tolist()) <= set(kept)
    if n >= len(kept):
        assert set(labels.tolist()) == set(kept)
    if n >= 3 and len(kept) >= 2:
        assert not torch.equal(labels, labels.sort()[0])


def test_a_batch_as_wide_as_long_does_not_have_its_labels_in_order():
    for seed in "abcdefgh":
        assert not torch.equal(Draw(seed).labels(5, 5), torch.arange(5))


def test_parameters_are_leaves_with_gradients_but_where_none_is_wanted():
    one, two, three = Draw("a").params((2, 3), (4,), (), dtype=torch.float64, without_grad=[1])
    assert all(p.is_leaf and p.requires_grad and p.dtype == torch.float64 for p in (one, two, three))
    assert one.grad is not None
    assert bool((one.grad != 0).all())
    assert two.grad is None
    assert three.shape == ()


@settings(max_examples=60, deadline=None)
@given(
    SEEDS,
    st.lists(st.integers(1, 4), min_size=1, max_size=3),
    st.sampled_from([torch.float32, torch.int64, torch.bool]),
)
def test_noncontiguous_tensors_hold_the_same_values(seed, shape, dtype):
    draw = Draw(seed)
    tensor = draw.tensor(*shape).mul(3).to(dtype)
    other = draw.noncontiguous(tensor)
    assert torch.equal(other, tensor)
    assert other.dtype == dtype
    assert not other.is_contiguous() or tensor.numel() == 1


def test_numbers_stay_in_their_range_and_reach_its_ends():
    draw = Draw("a")
    assert {draw.integer(1, 3) for _ in range(100)} == {1, 2, 3}
    assert all(0.5 <= draw.number(0.5, 0.6) <= 0.6 for _ in range(100))
    assert draw.as_generator([1, 2]) == AsGenerator((1, 2))
