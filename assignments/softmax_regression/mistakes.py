"""What students really write in `softmax_regression`: wrong solutions, each with its hint, and other right styles."""

import math

import numpy as np
import torch
import torch.nn.functional as F

from autograder import also_right, mistake

# --- softmax ----------------------------------------------------------------------------------------------------------


@mistake(
    "softmax", hint="You normalised over the batch (dim=0). Each row is one example: its C entries must sum to one."
)
def sums_over_the_batch(logits):
    exps = (logits - logits.amax(dim=0, keepdim=True)).exp()
    return exps / exps.sum(dim=0, keepdim=True)


@mistake(
    "softmax",
    hint="You divided by the sum of the whole matrix. Every row needs its own sum, so that each row sums to one.",
)
def sums_over_everything(logits):
    exps = (logits - logits.max()).exp()
    return exps / exps.sum()


@mistake(
    "softmax",
    hint="Your formula is right on paper, but exp of a large score is inf, and inf / inf is nan. Which number may you "
    "subtract from a row without changing its probabilities?",
)
def forgets_the_shift(logits):
    exps = logits.exp()
    return exps / exps.sum(dim=1, keepdim=True)


@mistake(
    "softmax",
    hint="You shift every row by the largest score of the whole batch. A row far below it becomes exp of something "
    "very negative, all zeros, and 0 / 0 is nan. Each row needs its own maximum.",
)
def shifts_by_the_largest_of_all(logits):
    exps = (logits - logits.max()).exp()
    return exps / exps.sum(dim=1, keepdim=True)


@mistake(
    "softmax",
    hint="You shift by the smallest score of the row. The largest exponent should become 0, so which one fits?",
)
def shifts_by_the_smallest(logits):
    exps = (logits - logits.amin(dim=1, keepdim=True)).exp()
    return exps / exps.sum(dim=1, keepdim=True)


@mistake(
    "softmax",
    hint="You shift by the mean of the row. That cancels too, but scores far above the mean still overflow. Which "
    "shift makes sure that no exponent is above 0?",
)
def shifts_by_the_mean(logits):
    exps = (logits - logits.mean(dim=1, keepdim=True)).exp()
    return exps / exps.sum(dim=1, keepdim=True)


@mistake(
    "softmax",
    hint="You subtract the largest score of each *column*. The shift cancels only if all scores of one row move by "
    "the same amount.",
)
def shifts_along_the_batch(logits):
    exps = (logits - logits.amax(dim=0, keepdim=True)).exp()
    return exps / exps.sum(dim=1, keepdim=True)


@mistake(
    "softmax",
    hint="Your `-=` wrote into the tensor that the caller gave you. Whoever uses the logits afterwards gets other "
    "numbers.",
)
def shifts_in_place(logits):
    logits -= logits.amax(dim=1, keepdim=True).detach().clone()
    exps = logits.exp()
    return exps / exps.sum(dim=1, keepdim=True)


@mistake(
    "softmax",
    hint="A small number in the denominator is not needed: after the shift the sum is at least 1. It makes every "
    "probability a little too small, which float64 shows.",
)
def adds_a_small_number(logits):
    exps = (logits - logits.amax(dim=1, keepdim=True)).exp()
    return exps / (exps.sum(dim=1, keepdim=True) + 1e-8)


@mistake(
    "softmax",
    hint="You divided the scores themselves by their sum. Where is the exponential, which makes them positive?",
)
def forgets_the_exponential(logits):
    return logits / logits.sum(dim=1, keepdim=True)


@mistake("softmax", hint="You return the logarithm of the probabilities. Softmax returns the probabilities themselves.")
def returns_the_logarithm(logits):
    return logits - logits.logsumexp(dim=1, keepdim=True)


@mistake(
    "softmax", hint="You return the exponentials before they are divided by their sum, so the rows do not sum to one."
)
def forgets_to_divide(logits):
    return (logits - logits.amax(dim=1, keepdim=True)).exp()


@mistake("softmax", hint="float64 logits come back as float32. Let the result keep the dtype of its input.")
def returns_float32(logits):
    shifted = logits.float() - logits.float().amax(dim=1, keepdim=True)
    exps = shifted.exp()
    return exps / exps.sum(dim=1, keepdim=True)


@mistake(
    "softmax",
    hint="The dtype is right, but on the way the numbers went through float32: a float64 result has only 7 good "
    "digits.",
)
def computes_in_float32(logits):
    shifted = logits.float() - logits.float().amax(dim=1, keepdim=True)
    exps = shifted.exp()
    return (exps / exps.sum(dim=1, keepdim=True)).to(logits.dtype)


@mistake("softmax", hint="float32 logits come back as float64. Let the result keep the dtype of its input.")
def returns_float64(logits):
    exps = (logits - logits.amax(dim=1, keepdim=True)).double().exp()
    return exps / exps.sum(dim=1, keepdim=True)


@mistake(
    "softmax",
    hint="Your result is cut off from the graph (by detach, .data, numpy or torch.tensor), so no gradient reaches the "
    "logits and nothing could be learned.",
)
def cuts_the_graph(logits):
    exps = (logits - logits.amax(dim=1, keepdim=True)).detach().exp()
    return exps / exps.sum(dim=1, keepdim=True)


@mistake(
    "softmax",
    hint="The values are right, but the gradient does not flow through the sum in the denominator. Every score of a "
    "row influences all its probabilities.",
)
def cuts_the_denominator(logits):
    exps = (logits - logits.amax(dim=1, keepdim=True)).exp()
    return exps / exps.sum(dim=1, keepdim=True).detach()


@mistake(
    "softmax",
    hint="Clamping keeps exp finite but changes the scores: 9000 and 10000 become the same. Shift the row, do not cut "
    "it.",
)
def clamps_the_logits(logits):
    exps = logits.clamp(-50, 50).exp()
    return exps / exps.sum(dim=1, keepdim=True)


@mistake(
    "softmax",
    hint="Clamping after the shift cuts the gradient of the clamped scores and gives very unlikely classes too much. "
    "After the shift nothing can overflow; exp of a very negative number is 0, and that is right.",
)
def clamps_after_the_shift(logits):
    exps = (logits - logits.amax(dim=1, keepdim=True)).clamp(min=-3).exp()
    return exps / exps.sum(dim=1, keepdim=True)


@mistake(
    "softmax", hint="nan_to_num hides the overflow behind wrong numbers. Avoid the inf instead: shift the row first."
)
def hides_the_nan(logits):
    exps = logits.exp()
    return (exps / exps.sum(dim=1, keepdim=True)).nan_to_num(1.0)


@mistake(
    "softmax",
    hint="The values are right, but torch.where also computes the branch that it does not take: inf in there makes "
    "the gradient nan. One shift for all rows needs no where.",
)
def picks_the_stable_branch_with_where(logits):
    exps = logits.exp()
    shifted_exps = (logits - logits.amax(dim=1, keepdim=True)).exp()
    is_small = logits.abs().amax(dim=1, keepdim=True) < 50
    plain, stable = exps / exps.sum(dim=1, keepdim=True), shifted_exps / shifted_exps.sum(dim=1, keepdim=True)
    return torch.where(is_small, plain, stable)


@mistake(
    "softmax",
    hint="1 / sum(exp(z_k - z_j)) has the right values, but inside it overflows to inf, and the gradient of that is "
    "nan. Shift by the maximum instead.",
)
def divides_by_pairwise_exponentials(logits):
    differences = logits.unsqueeze(1) - logits.unsqueeze(2)
    return 1 / differences.exp().sum(dim=2)


@mistake(
    "softmax",
    hint="The sum of a (N, C) tensor over dim=1 has shape (N,), which is not divided by row after row. It needs the "
    "shape (N, 1).",
)
def forgets_keepdim(logits):
    exps = (logits - logits.amax(dim=1, keepdim=True)).exp()
    return exps / exps.sum(dim=1)


@mistake(
    "softmax",
    hint="The maximum of each row has shape (N,), and (N, C) - (N,) does not subtract it row by row. It needs the "
    "shape (N, 1).",
)
def forgets_keepdim_in_the_shift(logits):
    exps = (logits - logits.amax(dim=1)).exp()
    return exps / exps.sum(dim=1, keepdim=True)


@mistake("softmax", hint="You used powers of two. The softmax of this course is built on the natural exponential.")
def uses_powers_of_two(logits):
    powers = 2 ** (logits - logits.amax(dim=1, keepdim=True))
    return powers / powers.sum(dim=1, keepdim=True)


@mistake(
    "softmax",
    hint="You divided by the largest score instead of subtracting it. Only a shift leaves the probabilities as they "
    "are.",
)
def scales_by_the_largest(logits):
    exps = (logits / logits.abs().amax(dim=1, keepdim=True)).exp()
    return exps / exps.sum(dim=1, keepdim=True)


@mistake(
    "softmax",
    hint="squeeze() also removes the axis of the batch when there is only one example. Keep the shape (N, C).",
)
def squeezes_the_result(logits):
    exps = (logits - logits.amax(dim=1, keepdim=True)).exp()
    return (exps / exps.sum(dim=1, keepdim=True)).squeeze()


@mistake("softmax", hint="Your code expects a certain number of classes. Take C from the shape of the logits.")
def knows_only_ten_classes(logits):
    exps = (logits - logits.amax(dim=1, keepdim=True)).exp()
    return torch.stack([exps[:, c] / exps.sum(dim=1) for c in range(10)], dim=1)


@mistake("softmax", hint="You rounded the probabilities. Round when you print, not when you compute.")
def rounds_the_result(logits):
    exps = (logits - logits.amax(dim=1, keepdim=True)).exp()
    return torch.round(exps / exps.sum(dim=1, keepdim=True), decimals=4)


@mistake(
    "softmax",
    hint="view() refuses a tensor whose memory is not contiguous, such as a transposed one; reshape() takes any.",
)
def views_the_memory(logits):
    rows = logits.view(-1).view(logits.shape)
    exps = (rows - rows.amax(dim=1, keepdim=True)).exp()
    return exps / exps.sum(dim=1, keepdim=True)


@mistake(
    "softmax",
    hint="You collect the result in a new tensor that has PyTorch's default dtype. Give it the dtype of the logits.",
)
def collects_in_the_default_dtype(logits):
    probs = torch.zeros(logits.shape)
    for i in range(len(logits)):
        exps = (logits[i] - logits[i].max()).exp()
        probs[i] = exps / exps.sum()
    return probs


@mistake("softmax", hint="Your function prints the result but returns nothing. A return statement is missing.")
def returns_nothing(logits):
    exps = (logits - logits.amax(dim=1, keepdim=True)).exp()
    print(exps / exps.sum(dim=1, keepdim=True))


@mistake("softmax", hint="The values are right, but this exercise is to be solved without a ready-made softmax.")
def calls_the_ready_made_softmax(logits):
    return torch.softmax(logits, dim=1)


@mistake(
    "softmax", hint="The values are right, but exp(log_softmax) is a ready-made softmax too. Write out its formula."
)
def calls_the_ready_made_log_softmax(logits):
    return F.log_softmax(logits, dim=1).exp()


@mistake(
    "softmax",
    hint="Your result comes back on the device of the logits, but the work was done on the CPU: drop `.cpu()`, and "
    "nothing has to be copied.",
)
def works_on_the_cpu_and_goes_back(logits):
    exps = (logits - logits.amax(dim=1, keepdim=True)).cpu().exp()
    return (exps / exps.sum(dim=1, keepdim=True)).to(logits.device)


@mistake(
    "softmax",
    hint="You fill a new tensor that is on the CPU. New tensors go where the logits are: `device=logits.device`, or "
    "`torch.zeros_like`.",
)
def fills_a_new_tensor_on_the_cpu(logits):
    probs = torch.zeros(logits.shape, dtype=logits.dtype)
    for i, row in enumerate(logits):
        exps = (row - row.max()).exp()
        probs[i] = exps / exps.sum()
    return probs


@also_right("softmax")
def with_logsumexp(logits):
    return (logits - logits.logsumexp(dim=1, keepdim=True)).exp()


@also_right("softmax")
def row_by_row(logits):
    rows = []
    for row in logits:
        exps = torch.exp(row - max(row))
        rows.append(exps / sum(exps))
    return torch.stack(rows)


@also_right("softmax")
def with_einsum(logits):
    exps = torch.exp(logits - logits.max(dim=-1, keepdim=True).values.detach())
    return torch.einsum("nc,n->nc", exps, 1 / torch.einsum("nc->n", exps))


@also_right("softmax")
def in_double_precision(logits):
    wide = logits.double()
    exps = (wide - wide.amax(1, keepdim=True)).exp()
    return (exps / exps.sum(1, keepdim=True)).type_as(logits)


@also_right("softmax")
def in_place_on_a_copy(logits):
    exps = logits.clone()
    exps -= logits.max(dim=1).values.unsqueeze(1)
    exps = exps.exp_()
    return exps.div(exps.sum(axis=1).reshape(-1, 1))


@also_right("softmax")
def column_by_column(logits):
    columns = logits.T
    exps = (columns - columns.amax(dim=0)).exp()
    return (exps / exps.sum(dim=0)).T


@also_right("softmax")
def mapped_over_rows(logits):
    def of_one_row(row):
        exps = (row - row.max()).exp()
        return exps / exps.sum()

    return torch.vmap(of_one_row)(logits)


class _SoftmaxWithItsOwnBackward(torch.autograd.Function):
    @staticmethod
    def forward(ctx, logits):
        exps = (logits - logits.amax(dim=1, keepdim=True)).exp()
        probs = exps / exps.sum(dim=1, keepdim=True)
        ctx.save_for_backward(probs)
        return probs

    @staticmethod
    def backward(ctx, cotangent):
        (probs,) = ctx.saved_tensors
        return probs * (cotangent - (cotangent * probs).sum(dim=1, keepdim=True))


@also_right("softmax")
def as_an_autograd_function(logits):
    return _SoftmaxWithItsOwnBackward.apply(logits)


# --- cross_entropy ----------------------------------------------------------------------------------------------------


def log_probs_of(logits):
    """Return what a student has at hand who got this far: stable log-probabilities, (N, C)."""
    return logits - logits.logsumexp(dim=1, keepdim=True)


@mistake(
    "cross_entropy",
    hint="You added up the losses of the batch. The loss is their mean, so that it does not depend on the size of the "
    "batch.",
)
def sums_the_losses(logits, labels):
    return -log_probs_of(logits).gather(1, labels.unsqueeze(1)).sum()


@mistake(
    "cross_entropy",
    hint="Your loss is C times too small: you took the mean over N * C entries. There is one loss per example, so "
    "divide by N.",
)
def averages_over_classes_too(logits, labels):
    one_hot = F.one_hot(labels, logits.shape[1])
    return -(one_hot * log_probs_of(logits)).mean()


@mistake("cross_entropy", hint="You divided the sum of the losses by C. It is the mean over the N examples.")
def divides_by_the_number_of_classes(logits, labels):
    return -log_probs_of(logits).gather(1, labels.unsqueeze(1)).sum() / logits.shape[1]


@mistake(
    "cross_entropy",
    hint="Your loss has the wrong sign: it is *minus* the logarithm of the probability, so never negative.",
)
def forgets_the_minus(logits, labels):
    return log_probs_of(logits).gather(1, labels.unsqueeze(1)).mean()


@mistake(
    "cross_entropy",
    hint="You take the logarithm of a softmax that has been rounded to 0, which gives inf. Bring the logarithm into "
    "the formula: logsumexp minus the score of the right class.",
)
def logs_an_underflowed_softmax(logits, labels):
    exps = (logits - logits.amax(dim=1, keepdim=True)).exp()
    probs = exps / exps.sum(dim=1, keepdim=True)
    return -probs.gather(1, labels.unsqueeze(1)).log().mean()


@mistake(
    "cross_entropy",
    hint="Adding a small number inside the logarithm keeps it finite, but a hopeless prediction then costs about 18 "
    "instead of thousands and has no gradient. Use logsumexp minus the score of the right class.",
)
def adds_a_small_number_in_the_log(logits, labels):
    exps = (logits - logits.amax(dim=1, keepdim=True)).exp()
    probs = exps / exps.sum(dim=1, keepdim=True)
    return -(probs.gather(1, labels.unsqueeze(1)) + 1e-8).log().mean()


@mistake(
    "cross_entropy",
    hint="Clamping the probabilities keeps the logarithm finite, but a hopeless prediction then has the wrong loss "
    "and gradient zero: it can never be put right. Use logsumexp minus the score of the right class.",
)
def clamps_the_probabilities(logits, labels):
    exps = (logits - logits.amax(dim=1, keepdim=True)).exp()
    probs = exps / exps.sum(dim=1, keepdim=True)
    return -probs.clamp(min=1e-7).gather(1, labels.unsqueeze(1)).log().mean()


@mistake(
    "cross_entropy",
    hint="Your logsumexp overflows: exp of a score above 88 is inf in float32. Take the maximum of the row out before "
    "exp, and add it again.",
)
def forgets_the_shift_in_logsumexp(logits, labels):
    right_scores = logits.gather(1, labels.unsqueeze(1)).squeeze(1)
    return (logits.exp().sum(dim=1).log() - right_scores).mean()


@mistake(
    "cross_entropy",
    hint="You shift all rows by the largest score of the batch. A row far below it becomes log(0) = -inf. Each row "
    "needs its own maximum.",
)
def shifts_all_rows_by_the_largest_of_all(logits, labels):
    shifted = logits - logits.max()
    right_scores = shifted.gather(1, labels.unsqueeze(1)).squeeze(1)
    return (shifted.exp().sum(dim=1).log() - right_scores).mean()


@mistake(
    "cross_entropy",
    hint="You shift the scores inside the logsumexp, but not the score of the right class: the two belong together, "
    "or the maximum must be added again.",
)
def shifts_only_the_logsumexp(logits, labels):
    shifted = logits - logits.amax(dim=1, keepdim=True)
    right_scores = logits.gather(1, labels.unsqueeze(1)).squeeze(1)
    return (shifted.exp().sum(dim=1).log() - right_scores).mean()


@mistake(
    "cross_entropy",
    hint="You applied softmax twice: the loss takes the logits as they are, its formula contains the softmax already.",
)
def applies_softmax_twice(logits, labels):
    probs = log_probs_of(logits).exp()
    return -log_probs_of(probs).gather(1, labels.unsqueeze(1)).mean()


@mistake(
    "cross_entropy",
    hint="You took the number of classes from the largest label. The batch may miss classes: take C from the shape of "
    "the logits.",
)
def counts_classes_by_the_largest_label(logits, labels):
    one_hot = F.one_hot(labels)
    return -(one_hot * log_probs_of(logits)).sum(dim=1).mean()


@mistake(
    "cross_entropy",
    hint="log_probs[:, labels] picks all the labels' columns from every row, an (N, N) matrix. You need one entry per "
    "row: pair each row number with its label.",
)
def picks_columns_for_every_row(logits, labels):
    return -log_probs_of(logits)[:, labels].mean()


@mistake(
    "cross_entropy",
    hint="You normalised over the batch (dim=0). The classes of one example compete with each other: dim=1.",
)
def normalises_over_the_batch(logits, labels):
    log_probs = logits - logits.logsumexp(dim=0, keepdim=True)
    return -log_probs.gather(1, labels.unsqueeze(1)).mean()


@mistake(
    "cross_entropy",
    hint="The value is right, but the loss is cut off from the graph (by .item(), detach, .data or torch.tensor): no "
    "gradient reaches the logits.",
)
def cuts_the_graph_with_item(logits, labels):
    losses = -log_probs_of(logits).gather(1, labels.unsqueeze(1))
    return torch.tensor(losses.mean().item(), dtype=logits.dtype)


@mistake(
    "cross_entropy",
    hint="You return a Python number. The loss must stay a tensor, or autograd cannot find its way back.",
)
def returns_a_python_number(logits, labels):
    return -log_probs_of(logits).gather(1, labels.unsqueeze(1)).mean().item()


@mistake("cross_entropy", hint="You return one loss per example. The loss of a batch is a single number: their mean.")
def returns_all_losses(logits, labels):
    return -log_probs_of(logits).gather(1, labels.unsqueeze(1)).squeeze(1)


@mistake("cross_entropy", hint="The loss has shape (1,). It should be a 0-dim tensor, shape ().")
def returns_shape_one(logits, labels):
    return -log_probs_of(logits).gather(1, labels.unsqueeze(1)).mean(dim=0)


@mistake("cross_entropy", hint="float64 logits give a float32 loss. Let the result keep the dtype of the logits.")
def returns_a_float32_loss(logits, labels):
    return -log_probs_of(logits.float()).gather(1, labels.unsqueeze(1)).mean()


@mistake(
    "cross_entropy",
    hint="The dtype is right, but on the way the numbers went through float32: a float64 loss has only 7 good digits.",
)
def computes_the_loss_in_float32(logits, labels):
    return -log_probs_of(logits.float()).gather(1, labels.unsqueeze(1)).mean().to(logits.dtype)


@mistake(
    "cross_entropy",
    hint="The gradient does not flow through the logsumexp: detach (or no_grad) cuts it off. The scores of the wrong "
    "classes must be pushed down.",
)
def cuts_the_logsumexp(logits, labels):
    right_scores = logits.gather(1, labels.unsqueeze(1)).squeeze(1)
    return (logits.logsumexp(dim=1).detach() - right_scores).mean()


@mistake(
    "cross_entropy",
    hint="You wrote into the logits of the caller (with -= or a method that ends in _). Work on a new tensor.",
)
def shifts_the_callers_logits(logits, labels):
    logits -= logits.amax(dim=1, keepdim=True).detach().clone()
    return -log_probs_of(logits).gather(1, labels.unsqueeze(1)).mean()


@mistake(
    "cross_entropy",
    hint="Your labels were changed by the call (resize, unsqueeze_ or an assignment in place). Work on a new tensor.",
)
def reshapes_the_callers_labels(logits, labels):
    labels.unsqueeze_(1)
    return -log_probs_of(logits).gather(1, labels).mean()


@mistake(
    "cross_entropy",
    hint="You used the logarithm to base 2. The cross-entropy of this course is measured with the natural logarithm.",
)
def uses_the_logarithm_to_base_two(logits, labels):
    return -log_probs_of(logits).gather(1, labels.unsqueeze(1)).mean() / math.log(2)


@mistake(
    "cross_entropy",
    hint="You compared probabilities with the one-hot labels by squared error. Cross-entropy is minus the logarithm "
    "of the right class's probability.",
)
def uses_squared_error(logits, labels):
    one_hot = F.one_hot(labels, logits.shape[1])
    return ((log_probs_of(logits).exp() - one_hot) ** 2).sum(dim=1).mean()


@mistake(
    "cross_entropy",
    hint="You also added the logarithms of 1 - p of the wrong classes: that is the loss for yes/no questions. Here "
    "only the right class counts.",
)
def adds_the_wrong_classes(logits, labels):
    one_hot = F.one_hot(labels, logits.shape[1]).bool()
    probs = log_probs_of(logits).exp()
    return -torch.where(one_hot, probs, 1 - probs).log().sum(dim=1).mean()


@mistake(
    "cross_entropy",
    hint="You used the model's own best guess instead of the labels, so it is always told that it is right.",
)
def trusts_the_prediction(logits, labels):
    return -log_probs_of(logits).amax(dim=1).mean()


@mistake("cross_entropy", hint="You return minus the probability of the right class. The logarithm is missing.")
def forgets_the_logarithm(logits, labels):
    return -log_probs_of(logits).exp().gather(1, labels.unsqueeze(1)).mean()


@mistake(
    "cross_entropy",
    hint="You return minus the mean score of the right class. The logsumexp, which compares it with the other "
    "classes, is missing.",
)
def forgets_the_logsumexp(logits, labels):
    return -logits.gather(1, labels.unsqueeze(1)).mean()


@mistake("cross_entropy", hint="Your code divides by a fixed batch size. Take N from the shape of the logits.")
def knows_only_one_batch_size(logits, labels):
    return -log_probs_of(logits).gather(1, labels.unsqueeze(1)).sum() / 64


@mistake("cross_entropy", hint="Only the first example counts in your loss: look where the return stands.")
def returns_inside_the_loop(logits, labels):
    total = 0
    for row, label in zip(logits, labels, strict=True):
        total = total + torch.logsumexp(row, dim=0) - row[label]
        break
    return total / len(labels)


@mistake(
    "cross_entropy",
    hint="squeeze() also removes the axis of the batch when there is only one example. Say which axis: squeeze(1).",
)
def squeezes_a_batch_of_one(logits, labels):
    log_probs = log_probs_of(logits).squeeze()
    return -log_probs[torch.arange(len(labels)), labels].mean()


@mistake(
    "cross_entropy",
    hint="You add up in a new tensor that has PyTorch's default dtype, which need not be that of the logits. Start "
    "from a plain 0, or give it the dtype of the logits.",
)
def adds_up_in_the_default_dtype(logits, labels):
    total = torch.tensor(0.0)
    for log_probs, label in zip(log_probs_of(logits), labels, strict=True):
        total = total - log_probs[label]
    return total / len(labels)


@mistake("cross_entropy", hint="The value is right, but this exercise is to be solved without the ready-made loss.")
def calls_the_ready_made_loss(logits, labels):
    return F.cross_entropy(logits, labels)


@mistake(
    "cross_entropy",
    hint="The value is right, but nll_loss is a ready-made loss too. Pick the log-probabilities of the right classes "
    "yourself.",
)
def calls_nll_loss(logits, labels):
    return F.nll_loss(torch.log_softmax(logits, dim=1), labels)


@mistake(
    "cross_entropy",
    hint="The loss was computed on the CPU: you copied the logits there. Drop `.cpu()`: every operation that you need "
    "works on the device where the logits are.",
)
def loses_on_the_cpu(logits, labels):
    z, y = logits.cpu(), labels.cpu()
    return (z.logsumexp(dim=1) - z[torch.arange(len(y)), y]).mean().to(logits.device)


@also_right("cross_entropy")
def log_softmax_and_gather(logits, labels):
    return -torch.log_softmax(logits, dim=1).gather(1, labels[:, None]).mean()


@also_right("cross_entropy")
def one_hot_times_log_softmax(logits, labels):
    one_hot = F.one_hot(labels, num_classes=logits.size(1)).to(logits.dtype)
    return -torch.einsum("nc,nc->", one_hot, F.log_softmax(logits, dim=-1)) / logits.size(0)


@also_right("cross_entropy")
def logsumexp_minus_indexing(logits, labels):
    return torch.mean(torch.logsumexp(logits, 1) - logits[range(len(labels)), labels])


@also_right("cross_entropy")
def example_by_example(logits, labels):
    total = 0.0
    for row, label in zip(logits, labels.tolist(), strict=True):
        largest = max(row)
        total = total + largest + torch.log(sum(torch.exp(z - largest) for z in row)) - row[label]
    return total / len(labels)


@also_right("cross_entropy")
def logsumexp_of_differences(logits, labels):
    right_scores = logits.take_along_dim(labels.reshape(-1, 1), dim=1)
    return (logits - right_scores).logsumexp(dim=1).mean()


@also_right("cross_entropy")
def with_a_mask(logits, labels):
    wide = logits.double()
    is_right = torch.arange(logits.shape[1], device=logits.device) == labels.unsqueeze(1)
    return (wide.logsumexp(1).sum() - wide[is_right].sum()).div(len(labels)).to(logits.dtype)


class _LossWithItsOwnBackward(torch.autograd.Function):
    @staticmethod
    def forward(ctx, logits, labels):
        log_probs = logits - logits.logsumexp(dim=1, keepdim=True)
        ctx.save_for_backward(log_probs, labels)
        return -log_probs[torch.arange(len(labels)), labels].mean()

    @staticmethod
    def backward(ctx, cotangent):
        log_probs, labels = ctx.saved_tensors
        grad = log_probs.exp()
        grad[torch.arange(len(labels)), labels] -= 1
        return cotangent * grad / len(labels), None


@also_right("cross_entropy")
def as_an_autograd_loss(logits, labels):
    return _LossWithItsOwnBackward.apply(logits, labels)


# --- accuracy ---------------------------------------------------------------------------------------------------------


@mistake("accuracy", hint="You return a percentage. The accuracy is a fraction between 0 and 1.")
def returns_a_percentage(logits, labels):
    return 100 * (logits.argmax(dim=1) == labels).double().mean().item()


@mistake("accuracy", hint="You return how many are right. Divide by the number of examples.")
def returns_the_count(logits, labels):
    return float((logits.argmax(dim=1) == labels).sum().item())


@mistake("accuracy", hint="You return how many are right, as a whole number. Divide by the number of examples.")
def returns_the_count_as_int(logits, labels):
    return (logits.argmax(dim=1) == labels).sum().item()


@mistake("accuracy", hint="You return a tensor. Here a plain Python float is asked for: .item() takes it out.")
def returns_a_tensor(logits, labels):
    return (logits.argmax(dim=1) == labels).double().mean()


@mistake("accuracy", hint="You return a NumPy number. Here a plain Python float is asked for: float(...) makes one.")
def returns_a_numpy_number(logits, labels):
    return np.float32((logits.argmax(dim=1) == labels).double().mean().item())


@mistake(
    "accuracy",
    hint="You looked for the largest score of each column (dim=0). Each row is one example: look along dim=1.",
)
def looks_along_the_batch(logits, labels):
    return (logits.argmax(dim=0) == labels).double().mean().item()


@mistake(
    "accuracy",
    hint="argmax without dim looks at the whole matrix and gives one number. You need the largest score of each row.",
)
def looks_at_the_whole_matrix(logits, labels):
    return (logits.argmax() == labels).double().mean().item()


@mistake("accuracy", hint="You return the fraction of *wrong* predictions.")
def returns_the_error_rate(logits, labels):
    return (logits.argmax(dim=1) != labels).double().mean().item()


@mistake("accuracy", hint="You divided by the number of classes. It is the fraction of the N examples.")
def divides_hits_by_the_number_of_classes(logits, labels):
    return (logits.argmax(dim=1) == labels).sum().item() / logits.shape[1]


@mistake(
    "accuracy", hint="`//` throws the fraction away: everything below 1 becomes the whole number 0. Divide with `/`."
)
def divides_whole_numbers(logits, labels):
    return (logits.argmax(dim=1) == labels).sum().item() // len(labels)


@mistake(
    "accuracy",
    hint="You compared the largest *score* with the label. The place where it stands is the predicted class.",
)
def compares_scores_with_labels(logits, labels):
    return (logits.amax(dim=1) == labels).double().mean().item()


@mistake("accuracy", hint="You predicted the class with the smallest score.")
def predicts_the_smallest_score(logits, labels):
    return (logits.argmin(dim=1) == labels).double().mean().item()


@mistake("accuracy", hint="You predicted by the largest absolute value. A score of -5 is a clear no, not a clear yes.")
def predicts_the_largest_magnitude(logits, labels):
    return (logits.abs().argmax(dim=1) == labels).double().mean().item()


@mistake(
    "accuracy",
    hint="Shape (N, 1) compared with shape (N,) gives (N, N): every prediction is compared with all labels. Bring "
    "both to the same shape.",
)
def compares_every_pair(logits, labels):
    return (logits.argmax(dim=1, keepdim=True) == labels).double().mean().item()


@mistake("accuracy", hint="You rounded the result. Round when you print, not when you compute.")
def rounds_the_fraction(logits, labels):
    return round((logits.argmax(dim=1) == labels).double().mean().item(), 2)


@mistake(
    "accuracy",
    hint="The fraction went through half precision, which keeps only three digits. Count first, then divide.",
)
def averages_in_half_precision(logits, labels):
    return (logits.argmax(dim=1) == labels).half().mean().item()


@mistake(
    "accuracy",
    hint="You made the logits float32 (or rounded them) before comparing: two float64 scores that differ a little "
    "become equal.",
)
def compares_in_float32(logits, labels):
    return (logits.float().argmax(dim=1) == labels).double().mean().item()


@mistake(
    "accuracy",
    hint="exp of a large score is inf, and then several classes look equally good. The largest score needs no exp.",
)
def overflows_before_comparing(logits, labels):
    return (logits.exp().argmax(dim=1) == labels).double().mean().item()


@mistake(
    "accuracy",
    hint="You count a prediction only when its probability is above one half. The largest score wins, however small.",
)
def wants_more_than_half(logits, labels):
    probs = (logits - logits.logsumexp(dim=1, keepdim=True)).exp()
    right_probs = probs.gather(1, labels.unsqueeze(1)).squeeze(1)
    return (right_probs > 0.5).double().mean().item()


@mistake("accuracy", hint="You count a label that stands among the two best classes. Only the best one counts.")
def counts_the_second_best(logits, labels):
    return (logits.topk(2, dim=1).indices == labels.unsqueeze(1)).any(dim=1).double().mean().item()


@mistake(
    "accuracy", hint="You averaged over the classes, so that rare classes count more. Every *example* counts the same."
)
def averages_over_the_classes(logits, labels):
    hits = logits.argmax(dim=1) == labels
    return torch.stack([hits[labels == c].double().mean() for c in labels.unique()]).mean().item()


@mistake("accuracy", hint="You asked whether *all* predictions are right. The accuracy is the fraction that is.")
def asks_whether_all_are_right(logits, labels):
    return float(torch.equal(logits.argmax(dim=1), labels))


@mistake(
    "accuracy",
    hint="When all are right you return the whole number 1, when none is 0. The result should always be a float.",
)
def returns_whole_numbers_at_the_ends(logits, labels):
    fraction = (logits.argmax(dim=1) == labels).double().mean().item()
    return int(fraction) if fraction in (0.0, 1.0) else fraction


@mistake(
    "accuracy",
    hint="squeeze() also removes the axis of the batch when there is only one example; then the axis of the classes "
    "is gone.",
)
def squeezes_the_only_example(logits, labels):
    return (logits.squeeze().argmax(dim=1) == labels).double().mean().item()


@mistake("accuracy", hint="Your code divides by a fixed batch size. Take N from the labels.")
def divides_by_a_fixed_batch_size(logits, labels):
    return (logits.argmax(dim=1) == labels).sum().item() / 64


@mistake("accuracy", hint="Your call changed the logits (it sorted or overwrote them in place). Work on a new tensor.")
def sorts_the_callers_logits(logits, labels):
    predicted = logits.argmax(dim=1)
    logits.copy_(logits.sort(dim=1, descending=True).values)
    return (predicted == labels).double().mean().item()


@mistake(
    "accuracy",
    hint="The examples of earlier calls are counted again: something is kept between calls. Every call starts from "
    "nothing.",
)
def keeps_counting(logits, labels, seen=[0, 0]):  # noqa: B006
    seen[0] += (logits.argmax(dim=1) == labels).sum().item()
    seen[1] += len(labels)
    return seen[0] / seen[1]


@mistake(
    "accuracy",
    hint="You compared only the labels that occur, or only so many classes as there are labels. Look at all C columns.",
)
def sees_only_the_classes_that_occur(logits, labels):
    return (logits[:, : int(labels.max()) + 1].argmax(dim=1) == labels).double().mean().item()


@also_right("accuracy")
def counted_in_a_loop(logits, labels):
    hits = 0
    for row, label in zip(logits.tolist(), labels.tolist(), strict=True):
        hits += row.index(max(row)) == label
    return hits / len(labels)


@mistake(
    "accuracy",
    hint="NumPy knows nothing of GPUs: `.numpy()` fails for a tensor that lives on one. Compare and count in PyTorch.",
)
def counts_with_numpy(logits, labels):
    return float(np.mean(logits.numpy().argmax(axis=1) == labels.numpy()))


@mistake(
    "accuracy",
    hint="You copied the tensors to the CPU to count there. Count on the device where they are; only the number at the "
    "end has to come back (`.item()`).",
)
def counts_on_the_cpu(logits, labels):
    return (logits.argmax(dim=1).cpu() == labels.cpu()).double().mean().item()


@mistake(
    "accuracy",
    hint="You made a new tensor without saying where: it is on the CPU. `device=logits.device` makes it where the "
    "logits are.",
)
def counts_in_a_new_tensor_on_the_cpu(logits, labels):
    hits = torch.zeros(len(labels), dtype=torch.bool)
    hits[:] = logits.argmax(dim=1) == labels
    return hits.double().mean().item()


@also_right("accuracy")
def with_max_and_float32(logits, labels):
    _, predicted = torch.max(logits, 1)
    return predicted.eq(labels).float().mean().item()


@also_right("accuracy")
def compares_right_score_with_best(logits, labels):
    right_scores = logits[torch.arange(len(labels)), labels]
    return torch.count_nonzero(right_scores == logits.amax(dim=1)).item() / logits.shape[0]


@also_right("accuracy")
def by_sorting(logits, labels):
    best = logits.argsort(dim=1, descending=True)[:, 0]
    return 1.0 - torch.count_nonzero(best - labels).item() / labels.numel()


@also_right("accuracy")
def of_the_probabilities(logits, labels):
    hits = torch.softmax(logits, dim=1).topk(1).indices.flatten() == labels
    return sum(hits.tolist()) / len(hits)


# --- cross_entropy_backward -------------------------------------------------------------------------------------------


def probs_of(logits):
    """Return what a student has at hand who solved exercise 1: stable probabilities, (N, C)."""
    exps = (logits - logits.amax(dim=1, keepdim=True)).exp()
    return exps / exps.sum(dim=1, keepdim=True)


@mistake(
    "cross_entropy_backward",
    hint="Your gradient is N times too large: the loss is a mean over the batch, so every row is divided by N.",
)
def forgets_to_divide_by_the_batch(logits, labels):
    return probs_of(logits) - F.one_hot(labels, logits.shape[1])


@mistake(
    "cross_entropy_backward",
    hint="The sign is wrong: you return one-hot minus probabilities, the direction *downhill*. The gradient points "
    "uphill.",
)
def points_downhill(logits, labels):
    return (F.one_hot(labels, logits.shape[1]) - probs_of(logits)) / len(labels)


@mistake(
    "cross_entropy_backward", hint="You divided by N * C. There is one loss per example, so the mean is over N only."
)
def divides_by_batch_and_classes(logits, labels):
    return (probs_of(logits) - F.one_hot(labels, logits.shape[1])) / logits.numel()


@mistake("cross_entropy_backward", hint="You divided by the number of classes. The loss is a mean over the N examples.")
def divides_the_gradient_by_the_classes(logits, labels):
    return (probs_of(logits) - F.one_hot(labels, logits.shape[1])) / logits.shape[1]


@mistake(
    "cross_entropy_backward",
    hint="Only the probabilities are divided by N in your formula; the one-hot part must be too. Think of brackets.",
)
def divides_only_the_probabilities(logits, labels):
    return probs_of(logits) / len(labels) - F.one_hot(labels, logits.shape[1])


@mistake(
    "cross_entropy_backward",
    hint="Only the one-hot part is divided by N in your formula; the probabilities must be too. Think of brackets.",
)
def divides_only_the_one_hot(logits, labels):
    return probs_of(logits) - F.one_hot(labels, logits.shape[1]) / len(labels)


@mistake(
    "cross_entropy_backward",
    hint="You return the probabilities. What is true, the one-hot label, has not been subtracted yet.",
)
def forgets_the_labels(logits, labels):
    return probs_of(logits) / len(labels)


@mistake(
    "cross_entropy_backward",
    hint="You subtracted 1 at the class that the model predicts. It belongs to the class that is right: the label.",
)
def subtracts_at_the_prediction(logits, labels):
    return (probs_of(logits) - F.one_hot(logits.argmax(dim=1), logits.shape[1])) / len(labels)


@mistake(
    "cross_entropy_backward",
    hint="You subtracted the *number* of the label from every probability. Subtract its one-hot vector: 1 at the "
    "label, 0 elsewhere.",
)
def subtracts_the_label_number(logits, labels):
    return (probs_of(logits) - labels.unsqueeze(1)) / len(labels)


@mistake(
    "cross_entropy_backward",
    hint="probs[:, labels] -= 1 touches all the labels' columns in every row. You need one entry per row: pair each "
    "row number with its label.",
)
def subtracts_in_every_row(logits, labels):
    probs = probs_of(logits)
    probs[:, labels] -= 1
    return probs / len(labels)


@mistake(
    "cross_entropy_backward",
    hint="You took the number of classes from the largest label. The batch may miss classes: take C from the shape of "
    "the logits.",
)
def counts_one_hot_columns_by_the_largest_label(logits, labels):
    return (probs_of(logits) - F.one_hot(labels)) / len(labels)


@mistake(
    "cross_entropy_backward",
    hint="You normalised over the batch (dim=0). The classes of one example compete with each other: dim=1.",
)
def takes_softmax_over_the_batch(logits, labels):
    exps = (logits - logits.amax(dim=0, keepdim=True)).exp()
    return (exps / exps.sum(dim=0, keepdim=True) - F.one_hot(labels, logits.shape[1])) / len(labels)


@mistake(
    "cross_entropy_backward", hint="exp of a large score is inf, and inf / inf is nan. Use a stable softmax here too."
)
def overflows_in_the_softmax(logits, labels):
    exps = logits.exp()
    return (exps / exps.sum(dim=1, keepdim=True) - F.one_hot(labels, logits.shape[1])) / len(labels)


@mistake(
    "cross_entropy_backward",
    hint="float64 logits give a float32 gradient. Let the result keep the dtype of the logits.",
)
def returns_a_float32_gradient(logits, labels):
    return (probs_of(logits.float()) - F.one_hot(labels, logits.shape[1]).float()) / len(labels)


@mistake(
    "cross_entropy_backward",
    hint="float32 logits give a float64 gradient. Let the result keep the dtype of the logits.",
)
def returns_a_float64_gradient(logits, labels):
    return (probs_of(logits) - F.one_hot(labels, logits.shape[1]).double()) / len(labels)


@mistake(
    "cross_entropy_backward",
    hint="The dtype is right, but on the way the numbers went through float32: a float64 gradient has only 7 good "
    "digits.",
)
def computes_the_gradient_in_float32(logits, labels):
    return ((probs_of(logits.float()) - F.one_hot(labels, logits.shape[1])) / len(labels)).to(logits.dtype)


@mistake(
    "cross_entropy_backward",
    hint="Your one-hot matrix has PyTorch's default dtype, which need not be that of the logits. Make it in the dtype "
    "of the logits.",
)
def makes_one_hot_in_the_default_dtype(logits, labels):
    one_hot = torch.eye(logits.shape[1])[labels]
    return (probs_of(logits) - one_hot) / len(labels)


@mistake(
    "cross_entropy_backward",
    hint="You computed in the caller's logits (with -= or a method that ends in _), so they are destroyed. Work on a "
    "new tensor.",
)
def computes_in_the_callers_logits(logits, labels):
    logits.copy_(probs_of(logits))
    logits[torch.arange(len(labels)), labels] -= 1
    return logits / len(labels)


@mistake("cross_entropy_backward", hint="You added up the rows. The gradient has one entry per logit: shape (N, C).")
def sums_the_rows(logits, labels):
    return ((probs_of(logits) - F.one_hot(labels, logits.shape[1])) / len(labels)).sum(dim=0)


@mistake(
    "cross_entropy_backward",
    hint="You subtracted from the *logarithms* of the probabilities. The derivative of logsumexp is the softmax "
    "itself.",
)
def uses_log_probabilities(logits, labels):
    return (logits - logits.logsumexp(dim=1, keepdim=True) - F.one_hot(labels, logits.shape[1])) / len(labels)


@mistake(
    "cross_entropy_backward",
    hint="You subtracted from the logits. The derivative of logsumexp is the softmax of the logits.",
)
def forgets_the_softmax(logits, labels):
    return (logits - F.one_hot(labels, logits.shape[1])) / len(labels)


@mistake(
    "cross_entropy_backward",
    hint="The factor p (1 - p) belongs to a squared error after a sigmoid. For cross-entropy it cancels: what stays "
    "is p minus one-hot.",
)
def multiplies_by_the_slope_of_a_sigmoid(logits, labels):
    probs = probs_of(logits)
    return (probs - F.one_hot(labels, logits.shape[1])) * probs * (1 - probs) / len(labels)


@mistake(
    "cross_entropy_backward",
    hint="You took the derivative with respect to the probabilities (-1 / p at the label). It is asked for the "
    "logits: one chain rule step further.",
)
def stops_at_the_probabilities(logits, labels):
    return -F.one_hot(labels, logits.shape[1]) / probs_of(logits) / len(labels)


@mistake(
    "cross_entropy_backward",
    hint="Only the column of the label is filled; the scores of the wrong classes have a gradient too.",
)
def fills_only_the_right_class(logits, labels):
    one_hot = F.one_hot(labels, logits.shape[1])
    return one_hot * (probs_of(logits) - 1) / len(labels)


@mistake(
    "cross_entropy_backward", hint="Your code expects a certain number of classes. Take C from the shape of the logits."
)
def knows_only_ten_columns(logits, labels):
    return (probs_of(logits) - F.one_hot(labels, 10)) / len(labels)


@mistake("cross_entropy_backward", hint="You divide by a fixed batch size. Take N from the shape of the logits.")
def divides_the_gradient_by_64(logits, labels):
    return (probs_of(logits) - F.one_hot(labels, logits.shape[1])) / 64


@mistake(
    "cross_entropy_backward",
    hint="When there is one example only, squeeze() removes the axis of the batch. Keep the shape (N, C).",
)
def squeezes_the_gradient(logits, labels):
    return ((probs_of(logits) - F.one_hot(labels, logits.shape[1])) / len(labels)).squeeze()


@mistake(
    "cross_entropy_backward",
    hint="The values are right, but this exercise is to be solved with the formula, not with autograd.",
)
def asks_autograd(logits, labels):
    with torch.enable_grad():
        z = logits.detach().clone().requires_grad_()
        loss = (z.logsumexp(dim=1) - z.gather(1, labels.unsqueeze(1)).squeeze(1)).mean()
        (gradient,) = torch.autograd.grad(loss, z)
    return gradient


@mistake(
    "cross_entropy_backward",
    hint="The values are right, but .backward() is autograd. This exercise is to be solved with the formula.",
)
def calls_backward(logits, labels):
    z = logits.detach().clone().requires_grad_()
    loss = (z.logsumexp(dim=1) - z.gather(1, labels.unsqueeze(1)).squeeze(1)).mean()
    loss.backward()
    return z.grad


@mistake(
    "cross_entropy_backward",
    hint="Your result comes back on the device of the logits, but the work was done on the CPU: drop `.cpu()`, and "
    "nothing has to be copied.",
)
def computes_the_gradient_on_the_cpu(logits, labels):
    probs = torch.softmax(logits.cpu(), dim=1)
    probs[torch.arange(len(probs)), labels.cpu()] -= 1
    return (probs / len(probs)).to(logits.device)


@mistake(
    "cross_entropy_backward",
    hint="`torch.eye` makes its matrix on the CPU, and labels on a GPU cannot index it. Say where: "
    "`device=logits.device`.",
)
def makes_one_hot_on_the_cpu(logits, labels):
    one_hot = torch.eye(logits.shape[1], dtype=logits.dtype)[labels]
    return (torch.softmax(logits, dim=1) - one_hot) / logits.shape[0]


@also_right("cross_entropy_backward")
def gradient_by_scatter(logits, labels):
    gradient = torch.softmax(logits, dim=1)
    minus_ones = torch.full((len(labels), 1), -1.0, dtype=logits.dtype, device=logits.device)
    return gradient.scatter_add_(1, labels[:, None], minus_ones).div_(len(labels))


@also_right("cross_entropy_backward")
def ready_made_softmax_and_indexing(logits, labels):
    gradient = torch.softmax(logits, dim=1)
    gradient[torch.arange(logits.shape[0]), labels] -= 1
    gradient /= logits.shape[0]
    return gradient


@mistake(
    "cross_entropy_backward",
    hint="NumPy knows nothing of GPUs: `.numpy()` fails for a tensor that lives on one. Stay in PyTorch.",
)
def gradient_with_numpy(logits, labels):
    z = logits.numpy()
    exps = np.exp(z - z.max(axis=1, keepdims=True))
    gradient = exps / exps.sum(axis=1, keepdims=True)
    gradient[np.arange(len(z)), labels.numpy()] -= 1
    return torch.from_numpy(gradient / len(z))


@also_right("cross_entropy_backward")
def entry_by_entry(logits, labels):
    num_examples, num_classes = logits.shape
    gradient = torch.empty_like(logits)
    for i in range(num_examples):
        probs = probs_of(logits[i : i + 1])[0]
        for j in range(num_classes):
            gradient[i, j] = (probs[j] - float(j == labels[i])) / num_examples
    return gradient


@also_right("cross_entropy_backward")
def gradient_with_a_mask(logits, labels):
    is_right = labels[:, None] == torch.arange(logits.shape[1], device=logits.device)
    return probs_of(logits).sub(is_right.to(logits.dtype)).div(len(logits))


@also_right("cross_entropy_backward")
def with_scatter_in_double_precision(logits, labels):
    gradient = torch.nn.Softmax(dim=1)(logits.double())
    minus_ones = -torch.ones(len(labels), 1, dtype=torch.float64, device=logits.device)
    return (gradient.scatter_add(1, labels.unsqueeze(1), minus_ones) / len(labels)).to(logits.dtype)


# --- sgd_step ---------------------------------------------------------------------------------------------------------


@mistake(
    "sgd_step",
    hint="`p = p - lr * p.grad` makes a new tensor and gives it the name p; the parameter that it was stays as it is, "
    "and so does its gradient. Change the parameter in place.",
)
def rebinds_the_name(params, lr):
    for p in params:
        if p.grad is not None:
            p = p - lr * p.grad
            p.grad = None


@mistake(
    "sgd_step",
    hint="`p.data = ...` gives the parameter new storage: whoever shares its memory keeps the old values. Write into "
    "the storage that is there (-=, copy_).",
)
def replaces_the_storage(params, lr):
    for p in params:
        if p.grad is not None:
            p.data = p.data - lr * p.grad
            p.grad = None


@mistake(
    "sgd_step",
    hint="PyTorch refuses to change a parameter in place while it records. The step is not part of the model: do it "
    "under torch.no_grad().",
)
def forgets_no_grad(params, lr):
    for p in params:
        if p.grad is not None:
            p -= lr * p.grad
            p.grad = None


@mistake("sgd_step", hint="You walked uphill: the gradient points to larger loss, so it is subtracted.")
def walks_uphill(params, lr):
    with torch.no_grad():
        for p in params:
            if p.grad is not None:
                p += lr * p.grad
                p.grad = None


@mistake(
    "sgd_step",
    hint="The gradients are still there after the step. backward adds to them, so the next step would use them again: "
    "reset them.",
)
def keeps_the_gradients(params, lr):
    with torch.no_grad():
        for p in params:
            if p.grad is not None:
                p -= lr * p.grad


@mistake(
    "sgd_step",
    hint="The gradients are reset, but the parameters have not moved. Did you reset a gradient before its step? Or did "
    "you make a new tensor and leave the parameter as it was? First the step, in place, then the reset.",
)
def resets_before_the_step(params, lr):
    with torch.no_grad():
        for p in params:
            if p.grad is not None:
                p.grad.zero_()
                p -= lr * p.grad


@mistake(
    "sgd_step",
    hint="You walk through params twice, but a generator is empty after the first time, so its gradients are never "
    "reset. Do both in one loop, or make a list first.",
)
def walks_through_params_twice(params, lr):
    with torch.no_grad():
        for p in params:
            if p.grad is not None:
                p -= lr * p.grad
    for p in params:
        p.grad = None


@mistake(
    "sgd_step",
    hint="len(params) and params[i] need a list, but params may be a generator, such as model.parameters(). Loop over "
    "it directly.",
)
def indexes_the_params(params, lr):
    with torch.no_grad():
        for i in range(len(params)):
            p = params[i]
            if p.grad is not None:
                p -= lr * p.grad
                p.grad = None


@mistake(
    "sgd_step",
    hint="A parameter may have no gradient yet: then p.grad is None, and None cannot be multiplied. Skip such "
    "parameters.",
)
def expects_a_gradient_everywhere(params, lr):
    with torch.no_grad():
        for p in params:
            p -= lr * p.grad
            p.grad = None


@mistake(
    "sgd_step",
    hint="At the first parameter without a gradient your loop ends, and all later ones are forgotten. Skip it and go "
    "on (continue).",
)
def stops_at_the_first_none(params, lr):
    with torch.no_grad():
        for p in params:
            if p.grad is None:
                break
            p -= lr * p.grad
            p.grad = None


@mistake(
    "sgd_step",
    hint="You check only one parameter and believe that all others have a gradient (or none) as well. Ask each one.",
)
def asks_only_the_first(params, lr):
    params = list(params)
    if not params or params[0].grad is None:
        return
    with torch.no_grad():
        for p in params:
            if p.grad is not None:
                p -= lr * p.grad
                p.grad = None


@mistake(
    "sgd_step",
    hint="`if p.grad` asks whether a whole tensor is true, which has no answer for several numbers (and is False for "
    "a gradient of 0). Ask `is not None`.",
)
def asks_whether_the_gradient_is_true(params, lr):
    with torch.no_grad():
        for p in params:
            if p.grad:
                p -= lr * p.grad
                p.grad = None


@mistake("sgd_step", hint="Only the first parameter takes a step: look where the return stands.")
def leaves_after_the_first(params, lr):
    with torch.no_grad():
        for p in params:
            if p.grad is not None:
                p -= lr * p.grad
                p.grad = None
                return


@mistake("sgd_step", hint="Only the last gradient is reset: that line stands outside the loop. Indent it.")
def resets_only_the_last(params, lr):
    p = None
    with torch.no_grad():
        for p in params:
            if p.grad is not None:
                p -= lr * p.grad
        if p is not None:
            p.grad = None


@mistake("sgd_step", hint="You set the *parameters* to zero after the step, where the gradients were meant.")
def resets_the_parameters(params, lr):
    with torch.no_grad():
        for p in params:
            if p.grad is not None:
                p -= lr * p.grad
                p.zero_()
                p.grad = None


@mistake(
    "sgd_step",
    hint="The step is right, but your function returns something. It changes the parameters in place and returns None.",
)
def returns_the_params(params, lr):
    params = list(params)
    with torch.no_grad():
        for p in params:
            if p.grad is not None:
                p -= lr * p.grad
                p.grad = None
    return params


@mistake("sgd_step", hint="The learning rate is not used: you subtract the whole gradient.")
def ignores_the_learning_rate(params, lr):
    with torch.no_grad():
        for p in params:
            if p.grad is not None:
                p -= p.grad
                p.grad = None


@mistake("sgd_step", hint="You use a learning rate of your own. Use the one that is given.")
def uses_its_own_learning_rate(params, lr):
    with torch.no_grad():
        for p in params:
            if p.grad is not None:
                p -= 0.1 * p.grad
                p.grad = None


@mistake("sgd_step", hint="You divided by the learning rate. A smaller learning rate means a smaller step.")
def divides_by_the_learning_rate(params, lr):
    with torch.no_grad():
        for p in params:
            if p.grad is not None:
                p -= p.grad / lr
                p.grad = None


@mistake(
    "sgd_step",
    hint="After your step gradients stay switched off for the whole notebook: nothing can be trained any more. `with "
    "torch.no_grad():` switches them on again by itself.",
)
def leaves_gradients_switched_off(params, lr):
    torch.set_grad_enabled(False)
    for p in params:
        if p.grad is not None:
            p -= lr * p.grad
            p.grad = None


@mistake(
    "sgd_step",
    hint="At the end you switch gradients on, even if they were off before the call. Leave the state as you found it: "
    "`with torch.no_grad():` does.",
)
def always_switches_gradients_on(params, lr):
    torch.set_grad_enabled(False)
    for p in params:
        if p.grad is not None:
            p -= lr * p.grad
            p.grad = None
    torch.set_grad_enabled(True)


@mistake(
    "sgd_step",
    hint="After your step the parameters no longer require gradients, so the next backward cannot reach them.",
)
def switches_requires_grad_off(params, lr):
    for p in params:
        if p.grad is not None:
            p.requires_grad_(False)
            p -= lr * p.grad
            p.grad = None


@mistake(
    "sgd_step",
    hint="Besides the gradient you also subtract a part of the parameter (weight decay). Plain SGD does not.",
)
def adds_weight_decay(params, lr):
    with torch.no_grad():
        for p in params:
            if p.grad is not None:
                p -= lr * (p.grad + 0.01 * p)
                p.grad = None


@mistake(
    "sgd_step",
    hint="You made the step as long as its direction's sign, or of length one. Plain SGD takes lr times the gradient "
    "as it is.",
)
def normalises_the_gradient(params, lr):
    with torch.no_grad():
        for p in params:
            if p.grad is not None:
                p -= lr * p.grad / (p.grad.norm() + 1e-12)
                p.grad = None


@mistake("sgd_step", hint="You clip the gradient. Plain SGD uses it as it is.")
def clips_the_gradient(params, lr):
    with torch.no_grad():
        for p in params:
            if p.grad is not None:
                p -= lr * p.grad.clamp(-1, 1)
                p.grad = None


_velocity = {}


@mistake(
    "sgd_step", hint="Your step remembers earlier gradients (momentum). Plain SGD depends on the current gradient only."
)
def remembers_earlier_gradients(params, lr):
    with torch.no_grad():
        for i, p in enumerate(params):
            if p.grad is not None:
                kept = _velocity.get((i, p.shape, p.dtype), torch.zeros_like(p))
                _velocity[i, p.shape, p.dtype] = 0.9 * kept + p.grad
                p -= lr * _velocity[i, p.shape, p.dtype]
                p.grad = None


@mistake(
    "sgd_step",
    hint="The step of a float64 parameter went through float32, so half of its digits are lost. Keep the dtype of the "
    "parameter.",
)
def steps_in_float32(params, lr):
    with torch.no_grad():
        for p in params:
            if p.grad is not None:
                p -= (lr * p.grad).float()
                p.grad = None


@mistake(
    "sgd_step",
    hint="view(-1) refuses a parameter whose memory is not contiguous. No reshaping is needed: -= works for every "
    "shape.",
)
def flattens_with_view(params, lr):
    with torch.no_grad():
        for p in params:
            if p.grad is not None:
                p.view(-1).sub_(lr * p.grad.reshape(-1))
                p.grad = None


@mistake(
    "sgd_step",
    hint="reshape(-1) of a parameter that is not contiguous is a copy, so the step is lost. No reshaping is needed: "
    "-= works for every shape.",
)
def flattens_with_reshape(params, lr):
    with torch.no_grad():
        for p in params:
            if p.grad is not None:
                flat = p.reshape(-1)
                flat -= lr * p.grad.reshape(-1)
                p.grad = None


@mistake(
    "sgd_step",
    hint="A 0-dim parameter has no rows to loop over. No loop over the entries is needed: -= works for every shape.",
)
def walks_through_the_rows(params, lr):
    with torch.no_grad():
        for p in params:
            if p.grad is not None:
                for i in range(len(p)):
                    p[i] -= lr * p.grad[i]
                p.grad = None


@mistake("sgd_step", hint="The step is right, but torch.optim does it for you. Here you write it yourself.")
def calls_torch_optim(params, lr):
    params = list(params)
    if params:
        optimizer = torch.optim.SGD(params, lr=lr)
        optimizer.step()
        optimizer.zero_grad()


@mistake(
    "sgd_step",
    hint="The step was computed on the CPU and copied back. Parameter and gradient are on the same device: subtract "
    "them there.",
)
def steps_on_the_cpu(params, lr):
    with torch.no_grad():
        for p in params:
            if p.grad is not None:
                p.copy_(p.cpu() - lr * p.grad.cpu())
                p.grad = None


@mistake(
    "sgd_step",
    hint="The new gradient that you made is on the CPU, and that of a parameter has to be on its device. "
    "`p.grad.zero_()`, `torch.zeros_like(p)` or `p.grad = None` will do.",
)
def resets_with_zeros_on_the_cpu(params, lr):
    with torch.no_grad():
        for p in params:
            if p.grad is not None:
                p -= lr * p.grad
                p.grad = torch.zeros(p.shape, dtype=p.dtype)


@also_right("sgd_step")
def through_data(params, lr):
    for p in params:
        if p.grad is not None:
            p.data -= lr * p.grad.data
            p.grad.zero_()


@also_right("sgd_step")
def with_a_decorated_function(params, lr):
    @torch.no_grad()
    def move(p):
        p.add_(p.grad, alpha=-lr)
        p.grad = None

    for p in params:
        if p.grad is None:
            continue
        move(p)


@also_right("sgd_step")
def in_two_loops_over_a_list(params, lr):
    trained = [p for p in params if p.grad is not None]
    with torch.set_grad_enabled(False):
        for p in trained:
            p.copy_(p - lr * p.grad)
    for p in trained:
        p.grad = torch.zeros_like(p)


@also_right("sgd_step")
def with_foreach(params, lr):
    trained = [p for p in params if p.grad is not None]
    with torch.inference_mode():
        for p in trained:
            torch._foreach_add_([p], [p.grad], alpha=-lr)
            p.grad = None


@also_right("sgd_step")
def through_detach(params, lr):
    for p in params:
        if p.grad is None:
            continue
        p.grad *= lr
        p.detach().sub_(p.grad)
        p.grad *= 0


@also_right("sgd_step")
def switching_by_hand(params, lr):
    was_on = torch.is_grad_enabled()
    torch.set_grad_enabled(False)
    try:
        for p in params:
            if p.grad is not None:
                p[...] = p - lr * p.grad
                p.grad = None
    finally:
        torch.set_grad_enabled(was_on)


# --- changes of the references that change nothing a check may see ----------------------------------------------------

EQUIVALENT = {
    "cross_entropy_backward: return (softmax(logits) - one_hot) / num_examples -> "
    "return ((softmax(logits) - one_hot) / num_examples).detach()": (
        "the logits that students get here do not require gradients, so neither does the result"
    ),
}
