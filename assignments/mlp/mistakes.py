"""What students really write in `mlp`: wrong solutions, each with its hint, and other right styles."""

import math
from collections import OrderedDict, deque, namedtuple
from dataclasses import dataclass
from functools import reduce
from itertools import pairwise

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from autograder import also_right, mistake

# --- relu -------------------------------------------------------------------------------------------------------------


@mistake("relu", hint="You return the absolute value. A negative number becomes 0, not positive.")
def takes_the_absolute_value(x):
    return x.abs()


@mistake("relu", hint="You keep the negative numbers and drop the positive ones: it is the other way round.")
def keeps_the_negative_side(x):
    return torch.where(x < 0, x, 0.0)


@mistake("relu", hint="The sign is wrong: you return minus the ReLU.")
def returns_minus_relu(x):
    return -torch.relu(x)


@mistake(
    "relu", hint="You return 0 and 1, where x is negative or positive. The ReLU keeps the positive numbers themselves."
)
def returns_a_step(x):
    return (x > 0).to(x.dtype) + 0 * x


@mistake(
    "relu",
    hint="The values are right. But the gradient at x == 0 comes out as 1: a condition with >=, or clamp, counts 0 "
    "as positive. Here it belongs to the other side.",
)
def passes_the_gradient_at_zero(x):
    return x.clamp(min=0)


@mistake(
    "relu",
    hint="The values are right. But at x == 0 your gradient is one half: maximum shares it between two equal "
    "numbers, and |x| has slope 0 there. It is asked to be 0.",
)
def shares_the_gradient_at_zero(x):
    return torch.maximum(x, torch.zeros_like(x))


@mistake(
    "relu",
    hint="A small slope for negative numbers makes it a *leaky* ReLU. This one is flat there: value 0, gradient 0.",
)
def leaks_on_the_negative_side(x):
    return F.leaky_relu(x)


@mistake("relu", hint="The softplus is a smooth relative of the ReLU. This one has a sharp bend and exact zeros.")
def uses_softplus(x):
    return F.softplus(x)


@mistake("relu", hint="You squash the numbers (tanh, sigmoid). The ReLU leaves positive numbers exactly as they are.")
def uses_tanh(x):
    return torch.tanh(x)


@mistake("relu", hint="GELU, SiLU and ELU are other bends. The ReLU is exactly 0 on the negative side.")
def uses_gelu(x):
    return F.gelu(x)


@mistake("relu", hint="You cut off large numbers (relu6, or clamp with a max). The ReLU has no upper end.")
def cuts_off_at_six(x):
    return F.relu6(x)


@mistake("relu", hint="You compare with a small number instead of 0, so tiny positive numbers are lost.")
def asks_for_more_than_a_little(x):
    return torch.where(x > 1e-5, x, 0.0)


@mistake(
    "relu",
    hint="Your method ends in `_` and writes into the caller's tensor. Whoever uses x afterwards finds other numbers.",
)
def overwrites_the_callers_x(x):
    return torch.relu_(x)


@mistake(
    "relu",
    hint="`x[x < 0] = 0` writes into the caller's tensor; whoever uses x afterwards finds other numbers. Also, x == "
    "0 is left alone, and its gradient stays 1.",
)
def assigns_into_the_callers_x(x):
    x[x < 0] = 0
    return x


@mistake(
    "relu",
    hint="A boolean mask used as an index picks entries and loses their places: the shape is gone. Every entry of x "
    "must have one in the result.",
)
def picks_the_positive_entries(x):
    return x[x > 0]


@mistake(
    "relu",
    hint="Python's max compares whole objects, and a tensor of several numbers is neither larger nor smaller than 0. "
    "PyTorch has functions that work entry by entry.",
)
def calls_pythons_max(x):
    return max(x, 0)


@mistake("relu", hint="You take the largest of all numbers. Every entry is compared with 0 on its own.")
def takes_the_largest_of_all(x):
    return x.max().clamp(min=0).expand(x.shape)


@mistake(
    "relu",
    hint="Your function expects a matrix. The shape is not known: can you write it without looking at rows and "
    "columns?",
)
def walks_through_rows_and_columns(x):
    rows, columns = x.shape
    return torch.stack([torch.stack([torch.relu(x[i, j]) for j in range(columns)]) for i in range(rows)])


@mistake(
    "relu",
    hint="view() refuses a tensor whose memory is not contiguous, such as a transposed one. No reshaping is needed "
    "here at all.",
)
def flattens_x_with_view(x):
    return torch.relu(x.view(-1)).view(x.shape)


@mistake(
    "relu",
    hint="The values are right, but they are cut off from the graph (by detach, .data, numpy or torch.tensor): no "
    "gradient can flow back.",
)
def computes_relu_with_numpy(x):
    return torch.from_numpy(np.asarray(np.maximum(x.detach().numpy(), 0)))


@mistake(
    "relu",
    hint="The values are right, but the gradient is not: the numbers themselves were detached. Only the condition "
    "may do without a gradient.",
)
def detaches_the_numbers(x):
    return torch.where(x > 0, x.detach(), 0 * x)


@mistake("relu", hint="float64 comes back as float32. Let the result keep the dtype of its input.")
def returns_relu_as_float32(x):
    return torch.relu(x.float())


@mistake("relu", hint="The dtype is right, but on the way the numbers went through float32 and lost half their digits.")
def computes_relu_in_float32(x):
    return torch.relu(x.float()).to(x.dtype)


@mistake("relu", hint="float32 comes back as float64. Let the result keep the dtype of its input.")
def returns_relu_as_float64(x):
    return torch.relu(x.double())


@mistake(
    "relu",
    hint="You write zeros, or the result, in PyTorch's default dtype, which need not be that of x. Let them have the "
    "dtype of x.",
)
def puts_in_zeros_of_the_default_dtype(x):
    return torch.where(x > 0, x, torch.zeros(x.shape))


@mistake("relu", hint="Your function prints the result but returns nothing. A return statement is missing.")
def prints_relu(x):
    print(torch.relu(x))


@mistake(
    "relu", hint="You return the module nn.ReLU itself, not what it makes of x: first it is made, then it is called."
)
def returns_the_module(x):
    return nn.ReLU(x)


@mistake(
    "relu",
    hint="Your result comes back on the device of x, but the work was done on the CPU: drop `.cpu()`, and nothing has "
    "to be copied.",
)
def bends_on_the_cpu(x):
    return torch.relu(x.cpu()).to(x.device)


@mistake(
    "relu",
    hint="You fill a new tensor, and it is on the CPU. New tensors go where x is: `torch.zeros_like(x)`, or "
    "`device=x.device`.",
)
def fills_zeros_on_the_cpu(x):
    out = torch.zeros(x.shape, dtype=x.dtype)
    out[x > 0] = x[x > 0]
    return out


@mistake(
    "relu",
    hint="The mask comes from NumPy, which knows nothing of GPUs: `.numpy()` fails for a tensor that lives on one. "
    "`x > 0` is a tensor already.",
)
def takes_the_mask_from_numpy(x):
    return x * torch.from_numpy(np.asarray(x.detach().numpy() > 0))


@also_right("relu")
def ready_made_relu(x):
    return F.relu(x)


@also_right("relu")
def relu_module(x):
    return nn.ReLU()(x)


@also_right("relu")
def times_the_mask(x):
    return x * (x > 0)


@also_right("relu")
def filled_where_not_positive(x):
    return x.masked_fill(x <= 0, 0.0)


@also_right("relu")
def assigned_in_a_clone(x):
    out = x.clone()
    out[~(x > 0)] = 0.0
    return out


@also_right("relu")
def with_heaviside(x):
    return x * torch.heaviside(x.detach(), torch.zeros((), dtype=x.dtype, device=x.device))


@also_right("relu")
def number_by_number(x):
    flat = [entry if entry > 0 else 0 * entry for entry in x.reshape(-1)]
    return torch.stack(flat).reshape(x.shape) if flat else x * 1


class _ReluWithItsOwnBackward(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x.clamp(min=0)

    @staticmethod
    def backward(ctx, cotangent):
        (x,) = ctx.saved_tensors
        return cotangent * (x > 0)


@also_right("relu")
def as_an_autograd_function(x):
    return _ReluWithItsOwnBackward.apply(x)


# --- relu_backward ----------------------------------------------------------------------------------------------------


@mistake(
    "relu_backward",
    hint="You return the slope of the ReLU, 0 or 1. The chain rule multiplies it by what comes from above: grad_out.",
)
def forgets_grad_out(grad_out, x):
    return (x > 0).to(x.dtype)


@mistake(
    "relu_backward",
    hint="You let positive *gradients* pass. What decides is x, on which side of the bend it was; a gradient may "
    "have any sign.",
)
def looks_at_the_sign_of_grad_out(grad_out, x):
    return torch.where(grad_out > 0, grad_out, 0.0)


@mistake("relu_backward", hint="You exchanged the two arguments: grad_out is passed on, x decides where.")
def exchanges_grad_out_and_x(grad_out, x):
    return torch.where(grad_out > 0, x, 0.0)


@mistake("relu_backward", hint="You let the gradient pass where x is negative. It is the other side that is alive.")
def passes_the_negative_side(grad_out, x):
    return torch.where(x < 0, grad_out, 0.0)


@mistake(
    "relu_backward", hint="At x == 0 you let the gradient pass. By our convention the slope of the ReLU is 0 there."
)
def passes_grad_out_at_zero(grad_out, x):
    return torch.where(x >= 0, grad_out, 0.0)


@mistake("relu_backward", hint="At x == 0 you pass half of the gradient. By our convention the slope is 0 there.")
def passes_half_at_zero(grad_out, x):
    return grad_out * (1 + torch.sign(x)) / 2


@mistake(
    "relu_backward",
    hint="You multiply by relu(x). The chain rule wants its *slope*, which is 1 on the positive side, however large "
    "x is.",
)
def multiplies_by_relu_itself(grad_out, x):
    return grad_out * torch.relu(x)


@mistake("relu_backward", hint="You multiply by x. The slope of the ReLU is 0 or 1, it does not grow with x.")
def multiplies_by_x(grad_out, x):
    return grad_out * x


@mistake("relu_backward", hint="On the negative side you pass minus the gradient: sign(x) is -1 there. Nothing passes.")
def multiplies_by_the_sign(grad_out, x):
    return grad_out * torch.sign(x)


@mistake("relu_backward", hint="You send grad_out through the whole: where is x, which says what was switched off?")
def returns_grad_out_as_it_is(grad_out, x):
    return grad_out.clone()


@mistake(
    "relu_backward",
    hint="That is what the ReLU makes of grad_out, or of the product. The way back has no bend: it multiplies by 0 "
    "or 1.",
)
def bends_the_product(grad_out, x):
    return torch.relu(grad_out * x)


@mistake("relu_backward", hint="A little of the gradient leaks through on the negative side. A plain ReLU passes none.")
def leaks_a_little(grad_out, x):
    return torch.where(x > 0, grad_out, 0.01 * grad_out)


@mistake("relu_backward", hint="You used the slope of the sigmoid, s (1 - s). The slope of the ReLU is 1 or 0.")
def uses_the_slope_of_a_sigmoid(grad_out, x):
    return grad_out * torch.sigmoid(x) * (1 - torch.sigmoid(x))


@mistake("relu_backward", hint="You compare x with a small number instead of 0, so tiny positive numbers pass nothing.")
def asks_x_for_more_than_a_little(grad_out, x):
    return torch.where(x > 1e-5, grad_out, 0.0)


@mistake(
    "relu_backward", hint="You clip the gradient. Clipping is sometimes useful, but it is not the gradient any more."
)
def clips_grad_out(grad_out, x):
    return torch.where(x > 0, grad_out.clamp(-1, 1), 0.0)


@mistake(
    "relu_backward",
    hint="`grad_out[x <= 0] = 0` and `*=` write into the caller's tensor: whoever uses grad_out afterwards finds "
    "other numbers.",
)
def writes_into_grad_out(grad_out, x):
    grad_out[x <= 0] = 0
    return grad_out


@mistake(
    "relu_backward", hint="Your call changed x (an assignment, or a method that ends in `_`). Work on a new tensor."
)
def writes_into_x(grad_out, x):
    x[x <= 0] = 0
    return torch.where(x > 0, grad_out, 0.0)


@mistake(
    "relu_backward",
    hint="A boolean mask used as an index picks entries and loses their places. The gradient has one entry for every "
    "entry of x.",
)
def picks_the_active_entries(grad_out, x):
    return grad_out[x > 0]


@mistake("relu_backward", hint="You added the gradients up. Each entry of x has its own.")
def sums_the_gradients(grad_out, x):
    return torch.where(x > 0, grad_out, 0.0).sum()


@mistake("relu_backward", hint="You averaged over the batch. If there is a mean, it belongs to the loss, not in here.")
def divides_by_the_batch(grad_out, x):
    return torch.where(x > 0, grad_out, 0.0) / (len(x) if x.dim() else 1)


@mistake("relu_backward", hint="You return a mask of booleans: the numbers of grad_out are lost.")
def returns_booleans(grad_out, x):
    return x > 0


@mistake(
    "relu_backward",
    hint="Your function expects a matrix. The shape is not known: can you write it without looking at rows and "
    "columns?",
)
def expects_a_matrix(grad_out, x):
    rows, columns = x.shape
    out = torch.zeros_like(grad_out)
    for i in range(rows):
        for j in range(columns):
            out[i, j] = grad_out[i, j] if x[i, j] > 0 else 0.0
    return out


@mistake(
    "relu_backward",
    hint="view() refuses a tensor whose memory is not contiguous, such as a transposed one. No reshaping is needed "
    "here.",
)
def flattens_grad_out_with_view(grad_out, x):
    return torch.where(x.view(-1) > 0, grad_out.view(-1), 0.0).view(x.shape)


@mistake("relu_backward", hint="float64 comes back as float32. Let the result keep the dtype of its inputs.")
def returns_a_float32_gradient(grad_out, x):
    return torch.where(x > 0, grad_out, 0.0).float()


@mistake(
    "relu_backward",
    hint="The dtype is right, but on the way the numbers went through float32 and lost half their digits.",
)
def computes_the_gradient_in_float32(grad_out, x):
    return torch.where(x > 0, grad_out.float(), 0.0).to(grad_out.dtype)


@mistake("relu_backward", hint="float32 comes back as float64. Let the result keep the dtype of its inputs.")
def returns_a_float64_gradient(grad_out, x):
    return torch.where(x > 0, grad_out.double(), 0.0)


@mistake(
    "relu_backward",
    hint="Your zeros (or your mask) have PyTorch's default dtype, which need not be that of the gradient. Make them "
    "like it.",
)
def masks_in_the_default_dtype(grad_out, x):
    return torch.where(x > 0, grad_out, torch.zeros(x.shape))


@mistake("relu_backward", hint="Your function prints the gradient but returns nothing. A return statement is missing.")
def prints_the_gradient(grad_out, x):
    print(grad_out * (x > 0))


@mistake("relu_backward", hint="You return a pair. Only x has a gradient here, so a single tensor is asked for.")
def returns_a_pair(grad_out, x):
    return torch.where(x > 0, grad_out, 0.0), x


@mistake(
    "relu_backward",
    hint="Your result comes back on the device of x, but the work was done on the CPU: drop `.cpu()`, and nothing has "
    "to be copied.",
)
def passes_the_gradient_on_the_cpu(grad_out, x):
    return torch.where(x.cpu() > 0, grad_out.cpu(), 0.0).to(x.device)


@mistake(
    "relu_backward",
    hint="You fill a new tensor, and it is on the CPU. New tensors go where x is: `torch.zeros_like(x)`, or "
    "`device=x.device`.",
)
def fills_a_gradient_on_the_cpu(grad_out, x):
    grad = torch.zeros(x.shape, dtype=x.dtype)
    grad[x > 0] = grad_out[x > 0]
    return grad


@also_right("relu_backward")
def mask_times_gradient(grad_out, x):
    return grad_out * (x > 0)


@also_right("relu_backward")
def copied_and_assigned(grad_out, x):
    grad = grad_out.clone()
    grad[x <= 0] = 0
    return grad


@mistake(
    "relu_backward",
    hint="NumPy knows nothing of GPUs: `.numpy()` fails for a tensor that lives on one. Stay in PyTorch.",
)
def gradient_with_numpy(grad_out, x):
    return torch.from_numpy(np.asarray(np.where(x.numpy() > 0, grad_out.numpy(), x.numpy().dtype.type(0))))


@also_right("relu_backward")
def by_the_active_places(grad_out, x):
    return torch.zeros_like(grad_out).masked_scatter(x > 0, grad_out[x > 0])


@also_right("relu_backward")
def asks_autograd_for_the_slope(grad_out, x):
    leaf = x.clone().requires_grad_()
    torch.relu(leaf).backward(grad_out)
    return leaf.grad


@also_right("relu_backward")
def sign_of_the_relu(grad_out, x):
    return x.relu().sign().mul(grad_out)


# --- linear_forward ---------------------------------------------------------------------------------------------------


@mistake("linear_forward", hint="The bias is missing: b is added to every row.")
def forgets_the_bias(x, W, b):
    return x @ W + 0 * b


@mistake("linear_forward", hint="You subtract the bias. It is added.")
def subtracts_the_bias(x, W, b):
    return x @ W - b


@mistake(
    "linear_forward",
    hint="You transposed W. It has the shape (D, M) here, so that x @ W fits as it stands; nn.Linear keeps its "
    "weights the other way round.",
)
def transposes_the_weights(x, W, b):
    return x @ W.T + b


@mistake("linear_forward", hint="The factors are in the wrong order: the rows of x meet the columns of W.")
def multiplies_from_the_left(x, W, b):
    return W @ x + b


@mistake("linear_forward", hint="`*` multiplies entry by entry. A sum over the D inputs is a matrix product.")
def multiplies_entry_by_entry(x, W, b):
    return x * W + b


@mistake(
    "linear_forward",
    hint="Each *row* got its own number of the bias, as if b had the shape (N, 1). Every row gets the whole bias, "
    "one number per column.",
)
def adds_the_bias_by_rows(x, W, b):
    return x @ W + b.unsqueeze(1)


@mistake(
    "linear_forward", hint="You add the bias before the product. It is added to the result: one number per output."
)
def adds_the_bias_to_x(x, W, b):
    return (x + b) @ W


@mistake("linear_forward", hint="You add the sum (or the mean) of the bias. Each output has a number of its own in b.")
def adds_one_number_for_all(x, W, b):
    return x @ W + b.sum()


@mistake("linear_forward", hint="You count the bias D times: it stands inside the sum over the inputs.")
def counts_the_bias_for_every_input(x, W, b):
    return x @ W + x.shape[1] * b


@mistake("linear_forward", hint="You average over the inputs. The layer adds them up.")
def averages_over_the_inputs(x, W, b):
    return x @ W / x.shape[1] + b


@mistake("linear_forward", hint="There is no ReLU in here: the layer itself is affine, the bend comes after it.")
def bends_the_layer(x, W, b):
    return torch.relu(x @ W + b)


@mistake(
    "linear_forward",
    hint="A new nn.Linear has random weights of its own. This function must use the W and b that it is given.",
)
def makes_a_new_layer(x, W, b):
    return nn.Linear(W.shape[0], W.shape[1])(x) + 0 * (x @ W + b)


@mistake("linear_forward", hint="You return one row only: look where the return stands, or which row you compute.")
def computes_the_first_row(x, W, b):
    return (x[:1] @ W + b).expand(len(x), -1)


@mistake("linear_forward", hint="You sum over the whole batch: every row of x needs a row of its own in the result.")
def sums_over_the_rows(x, W, b):
    return x.sum(dim=0, keepdim=True) @ W + b


@mistake(
    "linear_forward",
    hint="squeeze() also removes the axis of the batch (or of the outputs) when it has length 1. Keep the shape (N, "
    "M).",
)
def squeezes_the_outputs(x, W, b):
    return (x @ W + b).squeeze()


@mistake(
    "linear_forward",
    hint="Your `+=` (or a method that ends in `_`) writes into the caller's tensors: x, W or b are not the same "
    "afterwards.",
)
def writes_into_the_parameters(x, W, b):
    W += 0.0
    b += 1.0
    out = x @ W + (b - 1.0)
    return out


@mistake(
    "linear_forward",
    hint="The values are right, but they are cut off from the graph (by detach, .data, numpy or torch.tensor): no "
    "gradient can flow back.",
)
def computes_the_layer_with_numpy(x, W, b):
    return torch.from_numpy(x.detach().numpy() @ W.detach().numpy() + b.detach().numpy())


@mistake(
    "linear_forward",
    hint="The values are right, but no gradient reaches W and b: they were detached (or taken as .data). How should "
    "they ever be learned?",
)
def detaches_the_parameters(x, W, b):
    return x @ W.detach() + b.detach()


@mistake("linear_forward", hint="The values are right, but no gradient reaches the bias: b was detached, or rebuilt.")
def detaches_the_bias(x, W, b):
    return x @ W + b.data


@mistake(
    "linear_forward", hint="The values are right, but no gradient reaches x, so no layer before this one could learn."
)
def detaches_x(x, W, b):
    return x.detach() @ W + b


@mistake("linear_forward", hint="float64 comes back as float32. Let the result keep the dtype of its inputs.")
def returns_float32_outputs(x, W, b):
    return (x @ W + b).float()


@mistake(
    "linear_forward",
    hint="The dtype is right, but on the way the numbers went through float32 and lost half their digits.",
)
def computes_the_layer_in_float32(x, W, b):
    return (x.float() @ W.float() + b.float()).to(x.dtype)


@mistake("linear_forward", hint="float32 comes back as float64. Let the result keep the dtype of its inputs.")
def returns_float64_outputs(x, W, b):
    return x.double() @ W.double() + b.double()


@mistake(
    "linear_forward",
    hint="You collect the result in a new tensor that has PyTorch's default dtype. Give it the dtype of x.",
)
def collects_outputs_in_the_default_dtype(x, W, b):
    out = torch.zeros(len(x), len(b))
    for i in range(len(x)):
        out[i] = x[i] @ W + b
    return out


@mistake("linear_forward", hint="Your function prints the result but returns nothing. A return statement is missing.")
def prints_the_outputs(x, W, b):
    print(x @ W + b)


@mistake("linear_forward", hint="You return a pair. Only the outputs of the layer are asked for here.")
def returns_outputs_and_inputs(x, W, b):
    return x @ W + b, x


@mistake(
    "linear_forward",
    hint="The values are right, but you copied W and b into a new nn.Linear: no gradient reaches the tensors that you "
    "were given, and they would never learn.",
)
def copies_the_parameters_into_a_layer(x, W, b):
    layer = nn.Linear(W.shape[0], W.shape[1])
    layer.weight.data, layer.bias.data = W.data.T, b.data
    return layer(x)


@mistake(
    "linear_forward",
    hint="Your result comes back on the device of x, but the work was done on the CPU: drop `.cpu()`, and nothing has "
    "to be copied.",
)
def multiplies_on_the_cpu(x, W, b):
    return (x.cpu() @ W.cpu() + b.cpu()).to(x.device)


@mistake(
    "linear_forward",
    hint="You collect the result in a new tensor that is on the CPU. New tensors go where x is: `device=x.device`, or "
    "`x.new_zeros(...)`.",
)
def collects_outputs_on_the_cpu(x, W, b):
    out = torch.zeros(len(x), len(b), dtype=x.dtype)
    for i, row in enumerate(x):
        out[i] = row @ W + b
    return out


@mistake(
    "linear_forward",
    hint="The column of ones is on the CPU, and x may be on a GPU: `torch.ones(..., device=x.device)`.",
)
def appends_ones_on_the_cpu(x, W, b):
    ones = torch.ones(len(x), 1, dtype=x.dtype)
    return torch.cat([x, ones], dim=1) @ torch.cat([W, b.unsqueeze(0)])


@also_right("linear_forward")
def with_addmm(x, W, b):
    return torch.addmm(b, x, W)


@also_right("linear_forward")
def with_f_linear(x, W, b):
    return F.linear(x, W.T, b)


@also_right("linear_forward")
def with_einsum(x, W, b):
    return torch.einsum("nd,dm->nm", x, W).add(b[None, :])


@also_right("linear_forward")
def with_a_column_of_ones(x, W, b):
    return torch.cat([x, x.new_ones(len(x), 1)], dim=1) @ torch.cat([W, b.unsqueeze(0)])


@also_right("linear_forward")
def entry_by_entry(x, W, b):
    rows = [[sum(x[i, k] * W[k, j] for k in range(len(W))) + b[j] for j in range(len(b))] for i in range(len(x))]
    return torch.stack([torch.stack(row) for row in rows])


@also_right("linear_forward")
def summed_over_an_axis(x, W, b):
    return (x.unsqueeze(2) * W).sum(dim=1) + b


@also_right("linear_forward")
def bias_added_in_place(x, W, b):
    out = torch.matmul(x, W)
    out += b.expand_as(out)
    return out


# --- linear_backward --------------------------------------------------------------------------------------------------


@mistake(
    "linear_backward",
    hint="dW is transposed: it has the shape of W, (D, M). In square layers no shape gives this away.",
)
def transposes_the_gradient_of_weights(grad_out, x, W):
    return grad_out @ W.T, grad_out.T @ x, grad_out.sum(dim=0)


@mistake(
    "linear_backward",
    hint="For dx you multiply by W as it is. Going back, the outputs are summed over: W must be transposed.",
)
def forgets_to_transpose_the_weights(grad_out, x, W):
    return grad_out @ W, x.T @ grad_out, grad_out.sum(dim=0)


@mistake("linear_backward", hint="dx is transposed: it has the shape of x, one row per example.")
def transposes_dx(grad_out, x, W):
    return W @ grad_out.T, x.T @ grad_out, grad_out.sum(dim=0)


@mistake(
    "linear_backward",
    hint="For dW you multiply by x as it is. The rows of the batch are summed over: x must be transposed.",
)
def forgets_to_transpose_x(grad_out, x, W):
    return grad_out @ W.T, x @ grad_out, grad_out.sum(dim=0)


@mistake(
    "linear_backward",
    hint="db has one row per example. b is added to every row, so its gradient is the sum of all rows: shape (M,).",
)
def forgets_to_sum_db(grad_out, x, W):
    return grad_out @ W.T, x.T @ grad_out, grad_out


@mistake(
    "linear_backward", hint="You summed db over the outputs (dim=1). b has one number per output: sum over the batch."
)
def sums_db_over_the_outputs(grad_out, x, W):
    return grad_out @ W.T, x.T @ grad_out, grad_out.sum(dim=1)


@mistake(
    "linear_backward", hint="You summed all of grad_out into one number. b has M entries, each with its own gradient."
)
def sums_db_over_everything(grad_out, x, W):
    return grad_out @ W.T, x.T @ grad_out, grad_out.sum()


@mistake("linear_backward", hint="db has the shape (1, M). The bias has the shape (M,), and so has its gradient.")
def keeps_an_axis_in_db(grad_out, x, W):
    return grad_out @ W.T, x.T @ grad_out, grad_out.sum(dim=0, keepdim=True)


@mistake(
    "linear_backward", hint="db is a mean over the batch. It is a sum: a mean, if there is one, is in grad_out already."
)
def averages_db(grad_out, x, W):
    return grad_out @ W.T, x.T @ grad_out, grad_out.mean(dim=0)


@mistake(
    "linear_backward",
    hint="dW (and db) are divided by N. If the loss is a mean, grad_out knows it already; dividing twice is once too "
    "often.",
)
def divides_parameters_by_the_batch(grad_out, x, W):
    return grad_out @ W.T, x.T @ grad_out / len(x), grad_out.sum(dim=0) / len(x)


@mistake("linear_backward", hint="dW is divided by N. If the loss is a mean, grad_out knows it already.")
def divides_only_weights_by_the_batch(grad_out, x, W):
    return grad_out @ W.T, x.T @ grad_out / len(x), grad_out.sum(dim=0)


@mistake("linear_backward", hint="You limit the gradients. They are passed on as they are, however large.")
def limits_the_gradients(grad_out, x, W):
    return tuple(part.clamp(-100, 100) for part in (grad_out @ W.T, x.T @ grad_out, grad_out.sum(dim=0)))


@mistake("linear_backward", hint="All three are right, but in another order. It should be dx, dW, db.")
def returns_dx_last(grad_out, x, W):
    return x.T @ grad_out, grad_out.sum(dim=0), grad_out @ W.T


@mistake("linear_backward", hint="You return dW and db. The layer before needs dx, which comes first.")
def forgets_dx(grad_out, x, W):
    return x.T @ grad_out, grad_out.sum(dim=0)


@mistake("linear_backward", hint="db is missing: the bias learns too.")
def forgets_db(grad_out, x, W):
    return grad_out @ W.T, x.T @ grad_out


@mistake(
    "linear_backward",
    hint="dW is summed up over the rows of x first. Each row of x belongs to its own row of grad_out.",
)
def sums_before_the_product(grad_out, x, W):
    return grad_out @ W.T, torch.outer(x.sum(dim=0), grad_out.sum(dim=0)), grad_out.sum(dim=0)


@mistake("linear_backward", hint="Only one example counts in dW: in a loop, add to it instead of assigning anew.")
def keeps_the_last_example(grad_out, x, W):
    dW = torch.zeros_like(W)
    for one_x, one_grad in zip(x, grad_out, strict=True):
        dW = torch.outer(one_x, one_grad)
    return grad_out @ W.T, dW, grad_out.sum(dim=0)


@mistake(
    "linear_backward", hint="dW is the product of x with itself? It needs grad_out: how strongly the outputs matter."
)
def ignores_grad_out(grad_out, x, W):
    ones = torch.ones_like(grad_out)
    return ones @ W.T, x.T @ ones, ones.sum(dim=0)


@mistake("linear_backward", hint="You return minus the gradients. Going downhill is the business of the learning step.")
def points_downhill(grad_out, x, W):
    return -(grad_out @ W.T), -(x.T @ grad_out), -grad_out.sum(dim=0)


@mistake(
    "linear_backward",
    hint="You masked with x > 0. There is no ReLU in this layer: whether x is positive does not matter here.",
)
def masks_dx_like_a_relu(grad_out, x, W):
    return (grad_out @ W.T) * (x > 0), x.T @ grad_out, grad_out.sum(dim=0)


@mistake("linear_backward", hint="float64 comes back as float32. Let the gradients keep the dtype of the inputs.")
def returns_float32_gradients(grad_out, x, W):
    return (grad_out @ W.T).float(), (x.T @ grad_out).float(), grad_out.sum(dim=0).float()


@mistake(
    "linear_backward",
    hint="The dtype is right, but on the way the numbers went through float32 and lost half their digits.",
)
def computes_gradients_in_float32(grad_out, x, W):
    grad, rows, weights = grad_out.float(), x.float(), W.float()
    return (grad @ weights.T).to(x.dtype), (rows.T @ grad).to(x.dtype), grad.sum(dim=0).to(x.dtype)


@mistake(
    "linear_backward",
    hint="You collect dW in a new tensor that has PyTorch's default dtype. Give it the dtype of the inputs.",
)
def collects_gradients_in_the_default_dtype(grad_out, x, W):
    dW = torch.zeros(W.shape)
    for one_x, one_grad in zip(x, grad_out, strict=True):
        dW += torch.outer(one_x, one_grad)
    return grad_out @ W.T, dW, grad_out.sum(dim=0)


@mistake(
    "linear_backward",
    hint="squeeze() also removes an axis of length 1 that belongs there: with one row, one input or one output the "
    "shapes are wrong.",
)
def squeezes_the_gradients(grad_out, x, W):
    return (grad_out @ W.T).squeeze(), (x.T @ grad_out).squeeze(), grad_out.sum(dim=0)


@mistake(
    "linear_backward",
    hint="view(D, N) is no transpose: it reads the numbers in the old order and puts them into another shape.",
)
def reshapes_where_it_should_transpose(grad_out, x, W):
    dW = x.reshape(x.shape[1], x.shape[0]) @ grad_out
    return grad_out @ W.T, dW, grad_out.sum(dim=0)


@mistake(
    "linear_backward", hint="Your call changed its arguments (t_(), `*=`, or writing into them). Work on new tensors."
)
def transposes_in_place(grad_out, x, W):
    return grad_out @ W.t_(), x.T @ grad_out, grad_out.sum(dim=0)


@mistake(
    "linear_backward",
    hint="The gradients are added to those of earlier calls: something is kept between calls. Every call starts from "
    "nothing.",
)
def adds_to_earlier_gradients(grad_out, x, W, earlier={}):  # noqa: B006
    db = grad_out.sum(dim=0) + earlier.get(W.shape, 0)
    earlier[W.shape] = db
    return grad_out @ W.T, x.T @ grad_out, db


@mistake(
    "linear_backward",
    hint="The values are right, but this exercise is to be solved with the three formulas, not with autograd.",
)
def asks_autograd(grad_out, x, W):
    with torch.enable_grad():
        leaves = [
            x.clone().requires_grad_(),
            W.clone().requires_grad_(),
            grad_out.new_zeros(W.shape[1]).requires_grad_(),
        ]
        out = leaves[0] @ leaves[1] + leaves[2]
        return torch.autograd.grad(out, leaves, grad_out)


@mistake(
    "linear_backward",
    hint="The values are right, but .backward() is autograd. This exercise is to be solved with the three formulas.",
)
def calls_backward(grad_out, x, W):
    leaves = [x.clone().requires_grad_(), W.clone().requires_grad_(), grad_out.new_zeros(W.shape[1]).requires_grad_()]
    (leaves[0] @ leaves[1] + leaves[2]).backward(grad_out)
    return tuple(leaf.grad for leaf in leaves)


@mistake(
    "linear_backward",
    hint="The gradients come back on the device of x, but the work was done on the CPU: drop `.cpu()`, and nothing has "
    "to be copied.",
)
def finds_gradients_on_the_cpu(grad_out, x, W):
    grad, rows, weights = grad_out.cpu(), x.cpu(), W.cpu()
    return tuple(one.to(x.device) for one in (grad @ weights.T, rows.T @ grad, grad.sum(dim=0)))


@mistake(
    "linear_backward",
    hint="You add up dW in a new tensor that is on the CPU. New tensors go where W is: `torch.zeros_like(W)`, or "
    "`device=W.device`.",
)
def collects_gradients_on_the_cpu(grad_out, x, W):
    dW = torch.zeros(W.shape, dtype=W.dtype)
    for one_x, one_grad in zip(x, grad_out, strict=True):
        dW += torch.outer(one_x, one_grad)
    return grad_out @ W.T, dW, grad_out.sum(dim=0)


@mistake(
    "linear_backward",
    hint="The ones that you sum with are on the CPU, and grad_out may be on a GPU: `torch.ones(..., "
    "device=x.device)`, or simply sum(dim=0).",
)
def sums_with_ones_on_the_cpu(grad_out, x, W):
    ones = torch.ones(len(x), dtype=x.dtype)
    return grad_out @ W.T, x.T @ grad_out, ones @ grad_out


@also_right("linear_backward")
def gradients_with_einsum(grad_out, x, W):
    dx = torch.einsum("nm,dm->nd", grad_out, W)
    dW = torch.einsum("nd,nm->dm", x, grad_out)
    return dx, dW, torch.einsum("nm->m", grad_out)


@also_right("linear_backward")
def example_by_example(grad_out, x, W):
    dx, dW, db = [], torch.zeros_like(W), torch.zeros_like(W[0])
    for one_x, one_grad in zip(x, grad_out, strict=True):
        dx.append(W.mv(one_grad))
        dW.addr_(one_x, one_grad)
        db += one_grad
    return torch.stack(dx), dW, db


@mistake(
    "linear_backward",
    hint="NumPy knows nothing of GPUs: `.numpy()` fails for a tensor that lives on one. Stay in PyTorch.",
)
def gradients_with_numpy(grad_out, x, W):
    G, X, V = grad_out.numpy(), x.numpy(), W.numpy()
    return tuple(torch.from_numpy(gradient) for gradient in (G @ V.T, X.T @ G, G.sum(axis=0)))


@also_right("linear_backward")
def bias_as_one_more_weight(grad_out, x, W):
    ones = torch.ones(x.shape[0], 1, dtype=x.dtype, device=x.device)
    dV = torch.matmul(torch.hstack([x, ones]).transpose(0, 1), grad_out)
    return [F.linear(grad_out, W), dV[:-1], dV[-1]]


@also_right("linear_backward")
def by_broadcasting(grad_out, x, W):
    dW = (x[:, :, None] * grad_out[:, None, :]).sum(0)
    dx = (grad_out[:, None, :] * W).sum(2)
    return dx, dW, sum(grad_out)


# --- mlp_forward ------------------------------------------------------------------------------------------------------


def layers_of(params):
    """Return [(W1, b1), (W2, b2), ...]."""
    return list(zip(params[0::2], params[1::2], strict=True))


def inputs_of_layers(params, x):
    """Return what a student has at hand who solved the forward pass: the input of every layer."""
    inputs = [x]
    for W, b in layers_of(params)[:-1]:
        inputs.append(torch.relu(inputs[-1] @ W + b))
    return inputs


def logits_of(params, x):
    """Return the logits of a right forward pass."""
    return inputs_of_layers(params, x)[-1] @ params[-2] + params[-1]


@mistake(
    "mlp_forward",
    hint="There is a ReLU after the last layer too. Logits may be negative: nothing stands behind the last affine map.",
)
def bends_the_logits(params, x):
    return torch.relu(logits_of(params, x)), inputs_of_layers(params, x)


@mistake("mlp_forward", hint="Your hidden units have an upper limit. A ReLU has none.")
def limits_the_hidden_units(params, x):
    h = x
    for W, b in layers_of(params)[:-1]:
        h = (h @ W + b).clamp(0, 100)
    return h @ params[-2] + params[-1], inputs_of_layers(params, x)


@mistake("mlp_forward", hint="Without a ReLU between the layers the whole stack is one affine map.")
def forgets_every_relu(params, x):
    inputs = [x]
    for W, b in layers_of(params):
        inputs.append(inputs[-1] @ W + b)
    return inputs[-1], inputs[:-1]


@mistake(
    "mlp_forward", hint="Only the first layer is followed by a ReLU. Every hidden layer has one, whatever the depth."
)
def bends_only_the_first_layer(params, x):
    h = x
    for at, (W, b) in enumerate(layers_of(params)):
        h = h @ W + b
        if at == 0 and len(params) > 2:
            h = torch.relu(h)
    return h, inputs_of_layers(params, x)


@mistake("mlp_forward", hint="One ReLU too few: the last hidden layer has none. Count the bends: one less than layers.")
def forgets_the_last_bend(params, x):
    h = x
    for at, (W, b) in enumerate(layers_of(params)):
        h = h @ W + b
        if at < len(params) // 2 - 2:
            h = torch.relu(h)
    return h, inputs_of_layers(params, x)


@mistake("mlp_forward", hint="You send the input through a ReLU before the first layer: its negative numbers are lost.")
def bends_the_input(params, x):
    return logits_of(params, torch.relu(x)), inputs_of_layers(params, torch.relu(x))


@mistake("mlp_forward", hint="The ReLU comes before the bias is added. It belongs around the whole affine map.")
def adds_the_bias_after_the_bend(params, x):
    h = x
    for W, b in layers_of(params)[:-1]:
        h = torch.relu(h @ W) + b
    return h @ params[-2] + params[-1], inputs_of_layers(params, x)


@mistake("mlp_forward", hint="The biases are missing: every second entry of params is one.")
def forgets_the_biases(params, x):
    inputs = [x]
    for W in params[0:-2:2]:
        inputs.append(torch.relu(inputs[-1] @ W))
    return inputs[-1] @ params[-2], inputs


@mistake("mlp_forward", hint="The last layer lost its bias.")
def forgets_the_last_bias(params, x):
    inputs = inputs_of_layers(params, x)
    return inputs[-1] @ params[-2], inputs


@mistake("mlp_forward", hint="The last layer is missing: you return what the hidden layers made.")
def forgets_the_last_layer(params, x):
    inputs = inputs_of_layers(params, x)
    return inputs[-1], inputs


@mistake("mlp_forward", hint="You use tanh, or sigmoid. The hidden layers of this network are followed by a ReLU.")
def bends_with_tanh(params, x):
    inputs = [x]
    for W, b in layers_of(params)[:-1]:
        inputs.append(torch.tanh(inputs[-1] @ W + b))
    return inputs[-1] @ params[-2] + params[-1], inputs


@mistake("mlp_forward", hint="You use a leaky ReLU. The one of this network is 0 on the negative side.")
def bends_with_a_leak(params, x):
    inputs = [x]
    for W, b in layers_of(params)[:-1]:
        inputs.append(F.leaky_relu(inputs[-1] @ W + b))
    return inputs[-1] @ params[-2] + params[-1], inputs


@mistake(
    "mlp_forward", hint="You return probabilities. The softmax belongs to the loss; here the logits are asked for."
)
def returns_probabilities(params, x):
    return torch.softmax(logits_of(params, x), dim=1), inputs_of_layers(params, x)


@mistake(
    "mlp_forward", hint="Your code knows exactly two layers. Params may hold 1 to 4: take their number from its length."
)
def knows_only_two_layers(params, x):
    W1, b1, W2, b2 = params
    h = torch.relu(x @ W1 + b1)
    return h @ W2 + b2, [x, h]


@mistake(
    "mlp_forward", hint="With a single layer there is no hidden one, and so no ReLU. Your first layer always gets one."
)
def always_bends_the_first_layer(params, x):
    h, inputs = torch.relu(x @ params[0] + params[1]), inputs_of_layers(params, x)
    if len(params) == 2:
        return h, inputs
    return logits_of(params[2:], h), inputs


@mistake(
    "mlp_forward",
    hint="You go through three layers at most. Params may hold 1 to 4: take their number from its length.",
)
def stops_after_three_layers(params, x):
    params = [*params[:6]]
    return logits_of(params, x), inputs_of_layers(params, x)


@mistake("mlp_forward", hint="You return the logits alone. mlp_backward needs a second thing from you: the cache.")
def forgets_the_cache(params, x):
    return logits_of(params, x)


@mistake("mlp_forward", hint="You return the pair in the wrong order: first the logits, then the cache.")
def returns_the_cache_first(params, x):
    return inputs_of_layers(params, x), logits_of(params, x)


@mistake("mlp_forward", hint="You return the logits of the first example only. One row per example, please.")
def returns_one_row(params, x):
    return logits_of(params, x)[0], inputs_of_layers(params, x)


@mistake("mlp_forward", hint="squeeze() also removes an axis of length 1 that belongs there. Keep the shape (N, C).")
def squeezes_the_logits(params, x):
    return logits_of(params, x).squeeze(), inputs_of_layers(params, x)


@mistake(
    "mlp_forward", hint="params.pop() takes the tensors out of the caller's list: after your call the network is gone."
)
def empties_the_params(params, x):
    inputs = [x]
    while len(params) > 2:
        W, b = params.pop(0), params.pop(0)
        inputs.append(torch.relu(inputs[-1] @ W + b))
    return inputs[-1] @ params[0] + params[1], inputs


@mistake(
    "mlp_forward",
    hint="Your call wrote into x or into a parameter (a method that ends in `_`, or `+=`). Work on new tensors.",
)
def writes_into_the_batch(params, x):
    logits, inputs = logits_of(params, x), inputs_of_layers(params, x)
    x.relu_()
    return logits, inputs


@mistake("mlp_forward", hint="W is transposed. Here it has the shape (D, M), so that h @ W fits as it stands.")
def transposes_every_matrix(params, x):
    turned = [p.T if p.dim() == 2 else p for p in params]
    return logits_of(turned, x), inputs_of_layers(turned, x)


@mistake("mlp_forward", hint="Every layer gets the batch itself. A layer's input is what the layer before gave out.")
def feeds_x_to_every_layer(params, x):
    h = x
    for W, b in layers_of(params)[:-1]:
        h = torch.relu(x @ W + b)
    return h @ params[-2] + params[-1], inputs_of_layers(params, x)


@mistake(
    "mlp_forward",
    hint="You drop hidden units at random. The same input must give the same logits: this network has no dropout.",
)
def drops_hidden_units(params, x):
    inputs = [x]
    for W, b in layers_of(params)[:-1]:
        inputs.append(F.dropout(torch.relu(inputs[-1] @ W + b), 0.5))
    return inputs[-1] @ params[-2] + params[-1], inputs


@mistake("mlp_forward", hint="You normalise the hidden units over the batch. No such layer was asked for.")
def normalises_the_hidden_units(params, x):
    inputs = [x]
    for W, b in layers_of(params)[:-1]:
        z = inputs[-1] @ W + b
        inputs.append(torch.relu((z - z.mean(dim=0)) / (z.var(dim=0, correction=0) + 1e-5).sqrt()))
    return inputs[-1] @ params[-2] + params[-1], inputs


@mistake(
    "mlp_forward",
    hint="You add the input of a hidden layer to its output where the widths agree. That is another network.",
)
def adds_shortcuts(params, x):
    inputs = [x]
    for W, b in layers_of(params)[:-1]:
        h = torch.relu(inputs[-1] @ W + b)
        inputs.append(h + inputs[-1] if h.shape == inputs[-1].shape else h)
    return inputs[-1] @ params[-2] + params[-1], inputs


@mistake("mlp_forward", hint="float64 comes back as float32. Let the logits keep the dtype of the inputs.")
def returns_float32_logits(params, x):
    return logits_of(params, x).float(), inputs_of_layers(params, x)


@mistake(
    "mlp_forward",
    hint="The dtype is right, but on the way the numbers went through float32 and lost half their digits.",
)
def computes_logits_in_float32(params, x):
    return logits_of([p.float() for p in params], x.float()).to(x.dtype), inputs_of_layers(params, x)


@mistake("mlp_forward", hint="Your function makes tensors in PyTorch's default dtype. Make them like x.")
def makes_zeros_in_the_default_dtype(params, x):
    inputs = [x]
    for W, b in layers_of(params)[:-1]:
        z = inputs[-1] @ W + b
        inputs.append(torch.maximum(z, torch.zeros(z.shape)))
    return inputs[-1] @ params[-2] + params[-1], inputs


@mistake(
    "mlp_forward",
    hint="After your call gradients are switched off for everything that follows. `with torch.no_grad():` switches "
    "them on again by itself.",
)
def leaves_gradients_off(params, x):
    torch.set_grad_enabled(False)
    return logits_of(params, x), inputs_of_layers(params, x)


@mistake(
    "mlp_forward",
    hint="The logits come back on the device of x, but the network ran on the CPU: drop `.cpu()`, and nothing has to "
    "be copied.",
)
def runs_on_the_cpu(params, x):
    there = [p.cpu() for p in params]
    inputs = inputs_of_layers(there, x.cpu())
    return (inputs[-1] @ there[-2] + there[-1]).to(x.device), inputs


@mistake(
    "mlp_forward",
    hint="The zeros that you compare with are on the CPU, and x may be on a GPU: `torch.zeros_like(z)`, or "
    "`device=x.device`.",
)
def bends_at_zeros_on_the_cpu(params, x):
    inputs = [x]
    for W, b in layers_of(params)[:-1]:
        z = inputs[-1] @ W + b
        inputs.append(torch.maximum(z, torch.zeros(z.shape, dtype=z.dtype)))
    return inputs[-1] @ params[-2] + params[-1], inputs


@mistake(
    "mlp_forward",
    hint="NumPy knows nothing of GPUs: `.numpy()` fails for a tensor that lives on one. Stay in PyTorch.",
)
def runs_in_numpy(params, x):
    h = x.numpy()
    for W, b in layers_of(params)[:-1]:
        h = np.maximum(h @ W.numpy() + b.numpy(), 0)
    return torch.from_numpy(h @ params[-2].numpy() + params[-1].numpy()), inputs_of_layers(params, x)


@mistake(
    "mlp_forward",
    hint="Your cache is kept on the CPU, and every layer's input is copied there. Let it stay where it is; the way "
    "back needs it there.",
)
def caches_on_the_cpu(params, x):
    inputs = inputs_of_layers(params, x)
    return inputs[-1] @ params[-2] + params[-1], [h.cpu() for h in inputs]


Pass = namedtuple("Pass", ["before", "after"])


@also_right("mlp_forward")
def with_named_tuples(params, x):
    cache, h = [], x
    for at, (W, b) in enumerate(layers_of(params)):
        z = torch.addmm(b, h, W)
        cache.append(Pass(h, z))
        h = z if 2 * at + 2 == len(params) else F.relu(z)
    return h, cache


@also_right("mlp_forward")
def with_functions_as_cache(params, x):
    def step(so_far, layer):
        z, ways_back = so_far
        W, b = layer
        h = torch.relu(z) if ways_back else z
        passes = z > 0 if ways_back else torch.ones_like(z)
        return F.linear(h, W.T, b), [*ways_back, lambda grad: (grad @ W.T * passes, h.T @ grad, grad.sum(0))]

    return reduce(step, layers_of(params), (x, []))


@also_right("mlp_forward")
def layer_after_layer_inward(params, x):
    W, b, *rest = params
    z = torch.einsum("nd,dm->nm", x, W) + b
    if not rest:
        return (z, {"x": x})
    logits, inner = layer_after_layer_inward(rest, z * (z > 0))
    return [logits, {"x": x, "z": z, "inner": inner}]


@dataclass
class Remembered:
    inputs: dict
    active: dict


@also_right("mlp_forward")
def with_a_class_of_its_own(params, x):
    remembered, h, last = Remembered({}, {}), x.clone(), len(params) // 2 - 1
    for at in range(last + 1):
        remembered.inputs[at] = h
        h = h.matmul(params[2 * at]).add_(params[2 * at + 1])
        if at < last:
            remembered.active[at] = h > 0
            h[~remembered.active[at]] = 0
    return h, remembered


@also_right("mlp_forward")
def example_after_example(params, x):
    rows = []
    for row in x:
        h = row
        for W, b in layers_of(params[:-2]):
            h = torch.clamp(h @ W + b, min=0)
        rows.append(h @ params[-2] + params[-1])
    return torch.stack(rows), (x, list(params))


# --- mlp_backward: the cache is that of our mlp_forward, the input of every layer -------------------------------------


def walk_back(params, inputs, grad, mask):
    """Return the gradients; mask(inputs, at) says where the gradient passes into what is below layer `at`."""
    grads = []
    for at in reversed(range(len(inputs))):
        grads[:0] = [inputs[at].T @ grad, grad.sum(dim=0)]
        if at:
            grad = (grad @ params[2 * at].T) * mask(inputs, at)
    return grads


def is_active(inputs, at):
    """Return the right mask: a hidden unit is positive where its ReLU was active."""
    return inputs[at] > 0


@mistake(
    "mlp_backward", hint="On the way back the ReLU is missing: where a hidden unit was silent, no gradient passes."
)
def forgets_the_bends(params, cache, grad_logits):
    return walk_back(params, cache, grad_logits, lambda inputs, at: 1)


@mistake("mlp_backward", hint="You limit the gradients. They are passed on as they are, however large.")
def limits_all_gradients(params, cache, grad_logits):
    return [grad.clamp(-100, 100) for grad in walk_back(params, cache, grad_logits, is_active)]


@mistake(
    "mlp_backward",
    hint="A hidden unit that is exactly at 0 lets the gradient pass in your version. By our convention the slope "
    "there is 0.",
)
def passes_at_zero(params, cache, grad_logits):
    def is_not_negative(inputs, at):
        return inputs[at - 1] @ params[2 * at - 2] + params[2 * at - 1] >= 0

    return walk_back(params, cache, grad_logits, is_not_negative)


@mistake(
    "mlp_backward",
    hint="You let positive *gradients* pass. What decides is whether the hidden unit was active in the forward pass.",
)
def bends_the_gradient(params, cache, grad_logits):
    grads, grad = [], grad_logits
    for at in reversed(range(len(cache))):
        grads[:0] = [cache[at].T @ grad, grad.sum(dim=0)]
        grad = torch.relu(grad @ params[2 * at].T)
    return grads


@mistake(
    "mlp_backward",
    hint="You multiply by the hidden units themselves. The slope of the ReLU is 1 where it is active, however large "
    "the unit is.",
)
def multiplies_by_the_hidden_units(params, cache, grad_logits):
    return walk_back(params, cache, grad_logits, lambda inputs, at: inputs[at])


@mistake(
    "mlp_backward",
    hint="There is no ReLU behind the last layer, but you send grad_logits through one: negative logits learn nothing.",
)
def bends_back_at_the_logits(params, cache, grad_logits):
    logits = cache[-1] @ params[-2] + params[-1]
    return walk_back(params, cache, grad_logits * (logits > 0), is_active)


@mistake(
    "mlp_backward",
    hint="Your mask is one layer off: what decides is whether *these* hidden units were active, those that W is "
    "multiplied with, not the ones before. In layers of equal width no shape tells.",
)
def masks_with_the_layer_before(params, cache, grad_logits):
    return walk_back(params, cache, grad_logits, lambda inputs, at: inputs[at - 1] > 0)


@mistake(
    "mlp_backward", hint="You look for active units in what a layer gets *before* its bias is added: h @ W without b."
)
def forgets_the_bias_in_the_mask(params, cache, grad_logits):
    return walk_back(params, cache, grad_logits, lambda inputs, at: inputs[at - 1] @ params[2 * at - 2] > 0)


@mistake(
    "mlp_backward", hint="The gradients are right but come last layer first. They are asked for in the order of params."
)
def returns_the_last_layer_first(params, cache, grad_logits):
    grads = walk_back(params, cache, grad_logits, is_active)
    return [gradient for at in reversed(range(0, len(grads), 2)) for gradient in grads[at : at + 2]]


@mistake(
    "mlp_backward",
    hint="The whole list is turned round: each bias stands before its weights, and the last layer first.",
)
def returns_the_list_backwards(params, cache, grad_logits):
    return walk_back(params, cache, grad_logits, is_active)[::-1]


@mistake("mlp_backward", hint="In each layer db stands before dW. The order of params is W1, b1, W2, b2, ...")
def returns_biases_before_weights(params, cache, grad_logits):
    grads = walk_back(params, cache, grad_logits, is_active)
    return [gradient for at in range(0, len(grads), 2) for gradient in (grads[at + 1], grads[at])]


@mistake("mlp_backward", hint="You return one pair per layer. Params is a flat list, and so are its gradients.")
def returns_pairs(params, cache, grad_logits):
    return layers_of(walk_back(params, cache, grad_logits, is_active))


@mistake("mlp_backward", hint="You return the gradients of the weights only: the biases learn too.")
def forgets_the_gradients_of_biases(params, cache, grad_logits):
    return walk_back(params, cache, grad_logits, is_active)[0::2]


@mistake("mlp_backward", hint="You return a dict. A list is asked for, in the order of params.")
def returns_a_dict(params, cache, grad_logits):
    return dict(enumerate(walk_back(params, cache, grad_logits, is_active)))


@mistake("mlp_backward", hint="The gradient of x is in your list too. Only the parameters are asked for.")
def returns_dx_as_well(params, cache, grad_logits):
    grads = walk_back(params, cache, grad_logits, is_active)
    return [*grads, grad_logits]


@mistake("mlp_backward", hint="The gradients of the weights are transposed. In layers of equal width no shape tells.")
def returns_transposed_weights(params, cache, grad_logits):
    return [gradient.t() for gradient in walk_back(params, cache, grad_logits, is_active)]


@mistake(
    "mlp_backward",
    hint="Going back, you multiply by W as it is: it must be transposed. In layers of equal width no shape tells.",
)
def multiplies_by_the_weights_as_they_are(params, cache, grad_logits):
    turned = [p.t() for p in params]
    return walk_back(turned, cache, grad_logits, is_active)


@mistake("mlp_backward", hint="The gradients of the biases are not summed over the batch.")
def forgets_to_sum_biases(params, cache, grad_logits):
    grads, grad = [], grad_logits
    for at in reversed(range(len(cache))):
        grads[:0] = [cache[at].T @ grad, grad]
        grad = (grad @ params[2 * at].T) * (cache[at] > 0)
    return grads


@mistake(
    "mlp_backward",
    hint="The gradients of the biases are means over the batch. They are sums: a mean is in grad_logits.",
)
def averages_the_biases(params, cache, grad_logits):
    grads = walk_back(params, cache, grad_logits, is_active)
    return [gradient / len(grad_logits) if gradient.dim() == 1 else gradient for gradient in grads]


@mistake("mlp_backward", hint="You divide by the batch. If the loss is a mean, grad_logits knows it already.")
def divides_all_by_the_batch(params, cache, grad_logits):
    return [gradient / len(grad_logits) for gradient in walk_back(params, cache, grad_logits, is_active)]


@mistake("mlp_backward", hint="You return minus the gradients. Going downhill is the business of the learning step.")
def returns_the_direction_downhill(params, cache, grad_logits):
    return [-gradient for gradient in walk_back(params, cache, grad_logits, is_active)]


@mistake(
    "mlp_backward",
    hint="Your loop never multiplies by W and the mask of what it goes through: every layer uses the same gradient. "
    "Each layer hands a new one to the layer before.",
)
def uses_grad_logits_everywhere(params, cache, grad_logits):
    grads = []
    for at in range(len(cache)):
        width = params[2 * at].shape[1]
        grad = grad_logits if width == grad_logits.shape[1] else grad_logits.sum(dim=1, keepdim=True).expand(-1, width)
        grads += [cache[at].T @ grad, grad.sum(dim=0)]
    return grads


@mistake(
    "mlp_backward", hint="Only the last layer gets its gradients, the others get zeros: does the walk end too early?"
)
def stops_after_one_layer(params, cache, grad_logits):
    grads = [torch.zeros_like(p) for p in params]
    grads[-2:] = [cache[-1].T @ grad_logits, grad_logits.sum(dim=0)]
    return grads


@mistake(
    "mlp_backward",
    hint="Your code knows exactly two layers. Params may hold 1 to 4: take their number from its length.",
)
def walks_two_layers(params, cache, grad_logits):
    _, _, W2, _ = params
    x, h = cache
    grad = (grad_logits @ W2.T) * (h > 0)
    return [x.T @ grad, grad.sum(dim=0), h.T @ grad_logits, grad_logits.sum(dim=0)]


@mistake(
    "mlp_backward",
    hint="The gradient of W is made with the *output* of its layer. It needs the input: what W was multiplied with.",
)
def takes_the_outputs_for_inputs(params, cache, grad_logits):
    outputs = [*cache[1:], cache[-1] @ params[-2] + params[-1]]
    return walk_back(params, outputs, grad_logits, lambda inputs, at: cache[at] > 0)


@mistake(
    "mlp_backward",
    hint="cache.pop() empties the cache: a second call with it finds nothing. Read from it, and leave it as it is.",
)
def empties_the_cache(params, cache, grad_logits):
    grads, grad = [], grad_logits
    while cache:
        x = cache.pop()
        grads[:0] = [x.T @ grad, grad.sum(dim=0)]
        grad = (grad @ params[2 * len(cache)].T) * (x > 0)
    return grads


@mistake(
    "mlp_backward", hint="Your call writes into grad_logits (`*=`, or a method that ends in `_`). Work on a new tensor."
)
def writes_into_grad_logits(params, cache, grad_logits):
    grads = walk_back(params, cache, grad_logits, is_active)
    grad_logits *= 0.5
    return grads


@mistake(
    "mlp_backward",
    hint="Your backward already changes the parameters. It only reports the gradients; the learning step comes later.",
)
def takes_the_step_as_well(params, cache, grad_logits):
    grads = walk_back(params, cache, grad_logits, is_active)
    for p, gradient in zip(params, grads, strict=True):
        p -= 0.1 * gradient
    return grads


@mistake(
    "mlp_backward",
    hint="The gradients of earlier calls are in the list too: something is kept between calls. Every call starts "
    "from nothing.",
)
def keeps_earlier_gradients(params, cache, grad_logits, grads=[]):  # noqa: B006
    grads[:0] = walk_back(params, cache, grad_logits, is_active)
    return grads


_last_forward = []


@mistake(
    "mlp_backward",
    hint="You remember a forward pass in a global variable. When another one comes in between, its numbers are used: "
    "take them from the cache.",
)
def remembers_the_first_forward(params, cache, grad_logits):
    if not _last_forward or [x.shape for x in _last_forward] != [x.shape for x in cache]:
        _last_forward[:] = cache
    return walk_back(params, _last_forward, grad_logits, is_active)


@mistake("mlp_backward", hint="float64 comes back as float32. Let the gradients keep the dtype of the parameters.")
def returns_gradients_as_float32(params, cache, grad_logits):
    return [gradient.float() for gradient in walk_back(params, cache, grad_logits, is_active)]


@mistake(
    "mlp_backward",
    hint="The dtype is right, but on the way the numbers went through float32 and lost half their digits.",
)
def walks_back_in_float32(params, cache, grad_logits):
    inputs, narrow = [x.float() for x in cache], [p.float() for p in params]
    return [g.to(grad_logits.dtype) for g in walk_back(narrow, inputs, grad_logits.float(), is_active)]


@mistake(
    "mlp_backward", hint="You collect gradients, or masks, in PyTorch's default dtype. Make them like the parameters."
)
def masks_with_the_default_dtype(params, cache, grad_logits):
    default = torch.get_default_dtype()
    return (
        [1 * g for g in walk_back(params, cache, grad_logits, lambda inputs, at: (inputs[at] > 0).to(default))]
        if (default == grad_logits.dtype)
        else [g.to(default) for g in walk_back(params, cache, grad_logits, is_active)]
    )


@mistake(
    "mlp_backward",
    hint="The values are right, but torch.autograd is not allowed here: walk back layer by layer, with your own "
    "functions.",
)
def lets_autograd_walk_back(params, cache, grad_logits):
    with torch.enable_grad():
        leaves = [p.clone().requires_grad_() for p in params]
        return list(torch.autograd.grad(logits_of(leaves, cache[0]), leaves, grad_logits))


@mistake(
    "mlp_backward",
    hint="The values are right, but .backward() is autograd: walk back layer by layer, with your own functions.",
)
def calls_backward_on_the_logits(params, cache, grad_logits):
    leaves = [p.clone().requires_grad_() for p in params]
    logits_of(leaves, cache[0]).backward(grad_logits)
    return [leaf.grad for leaf in leaves]


@mistake(
    "mlp_backward",
    hint="The gradients of the biases have the shape (1, M). A bias has the shape (M,), and so has its gradient.",
)
def keeps_an_axis_in_the_biases(params, cache, grad_logits):
    grads = walk_back(params, cache, grad_logits, is_active)
    return [g.unsqueeze(0) if g.dim() == 1 else g for g in grads]


@mistake(
    "mlp_backward",
    hint="Only the last hidden layer's ReLU is on your way back. Every hidden layer has one, whatever the depth.",
)
def bends_back_only_once(params, cache, grad_logits):
    return walk_back(
        params, cache, grad_logits, lambda inputs, at: is_active(inputs, at) if at == len(inputs) - 1 else 1
    )


_forward_before = []


def keeps_the_last_forward_in_a_global(params, x):
    _forward_before[:] = inputs_of_layers(params, x)
    return logits_of(params, x), None


@mistake(
    "mlp_backward",
    hint="Your forward pass leaves its numbers in a global variable, where the next forward pass overwrites them. "
    "Several may come before a backward: hand over in the cache what belongs to one.",
    beside={"mlp_forward": keeps_the_last_forward_in_a_global},
)
def reads_the_last_forward_from_a_global(params, cache, grad_logits):
    return walk_back(params, _forward_before, grad_logits, is_active)


@mistake(
    "mlp_backward",
    hint="The gradients come back on the device of grad_logits, but the work was done on the CPU: drop `.cpu()`, and "
    "nothing has to be copied.",
)
def walks_back_on_the_cpu(params, cache, grad_logits):
    there, inputs = [p.cpu() for p in params], [x.cpu() for x in cache]
    return [g.to(grad_logits.device) for g in walk_back(there, inputs, grad_logits.cpu(), is_active)]


@mistake(
    "mlp_backward",
    hint="You collect the gradients in new tensors that are on the CPU. New tensors go where the parameters are: "
    "`torch.zeros_like(p)`, or `device=p.device`.",
)
def collects_in_zeros_on_the_cpu(params, cache, grad_logits):
    grads = [torch.zeros(p.shape, dtype=p.dtype) for p in params]
    for total, gradient in zip(grads, walk_back(params, cache, grad_logits, is_active), strict=True):
        total += gradient
    return grads


@also_right("mlp_backward")
def recomputes_everything(params, cache, grad_logits):
    befores, h = [], cache[0]
    for W, b in layers_of(params):
        befores.append((h, h @ W + b))
        h = torch.relu(befores[-1][1])
    grads, grad = [None] * len(params), grad_logits.clone()
    for at in range(len(befores) - 1, -1, -1):
        h, z = befores[at]
        if at < len(befores) - 1:
            grad *= z > 0
        grads[2 * at], grads[2 * at + 1] = torch.einsum("nd,nm->dm", h, grad), torch.einsum("nm->m", grad)
        grad = torch.einsum("nm,dm->nd", grad, params[2 * at])
    return grads


@also_right("mlp_backward")
def from_the_inside_out(params, cache, grad_logits):
    def of(at):
        """Return the gradients from layer `at` on, and the gradient of what it gave out."""
        if at == len(cache) - 1:
            return grad_logits, []
        above, later = of(at + 1)
        x = cache[at + 1]
        return torch.where(x > 0, F.linear(above, params[2 * at + 2]), 0.0), [x.T @ above, above.sum(0), *later]

    grad, later = of(0)
    return (cache[0].T @ grad, grad.sum(0), *later)


@also_right("mlp_backward")
def example_for_example(params, cache, grad_logits):
    grads = [torch.zeros_like(p) for p in params]
    for n in range(len(grad_logits)):
        grad = grad_logits[n]
        for at in range(len(cache))[::-1]:
            x = cache[at][n]
            grads[2 * at] += x[:, None] * grad[None, :]
            grads[2 * at + 1] += grad
            grad = (params[2 * at] @ grad) * torch.sign(x.clamp(min=0))
    return grads


@mistake(
    "mlp_backward",
    hint="NumPy knows nothing of GPUs: `.numpy()` fails for a tensor that lives on one. Stay in PyTorch.",
)
def walks_back_with_numpy(params, cache, grad_logits):
    grad, weights, grads = grad_logits.numpy(), [p.numpy() for p in params[::2]], []
    for x, W in zip((x.numpy() for x in cache[::-1]), weights[::-1], strict=True):
        grads.insert(0, torch.from_numpy(grad.sum(axis=0)))
        grads.insert(0, torch.from_numpy(x.T @ grad))
        grad = np.where(x > 0, grad @ W.T, np.zeros((), dtype=x.dtype))
    return grads


@also_right("mlp_backward", beside={"mlp_forward": with_named_tuples})
def from_named_tuples(params, cache, grad_logits):
    grads, grad = deque(), grad_logits
    for W, step in zip(params[-2::-2], cache[::-1], strict=True):
        grad = grad if step is cache[-1] else relu_masked(grad, step.after)
        grads.extendleft([grad.sum(dim=0), step.before.T @ grad])
        grad = grad @ W.T
    return list(grads)


def relu_masked(grad, z):
    """Return what students have at hand who solved relu_backward."""
    return grad.masked_fill(z <= 0, 0)


@also_right("mlp_backward", beside={"mlp_forward": with_functions_as_cache})
def calls_the_functions_in_the_cache(params, cache, grad_logits):
    grads, grad = [], grad_logits
    for way_back in reversed(cache):
        grad, dW, db = way_back(grad)
        grads = [dW, db, *grads]
    return grads


@also_right("mlp_backward", beside={"mlp_forward": layer_after_layer_inward})
def layer_after_layer_outward(params, cache, grad_logits):
    def of(params, cache, grad_logits):
        """Return the gradient with respect to the input, and those of the parameters."""
        if "inner" not in cache:
            return grad_logits @ params[0].T, [cache["x"].T @ grad_logits, grad_logits.sum(dim=0)]
        dh, later = of(params[2:], cache["inner"], grad_logits)
        dz = dh * (cache["z"] > 0)
        return dz @ params[0].T, [cache["x"].T @ dz, dz.sum(dim=0), *later]

    return of(params, cache, grad_logits)[1]


@also_right("mlp_backward", beside={"mlp_forward": with_a_class_of_its_own})
def from_a_class_of_its_own(params, cache, grad_logits):
    dz = {len(cache.inputs) - 1: grad_logits}
    for at in range(len(cache.inputs) - 2, -1, -1):
        dz[at] = torch.where(
            cache.active[at], dz[at + 1] @ params[2 * at + 2].T, torch.zeros_like(cache.inputs[at + 1])
        )
    return [grad for at in cache.inputs for grad in (cache.inputs[at].T @ dz[at], torch.sum(dz[at], 0))]


@also_right("mlp_backward", beside={"mlp_forward": example_after_example})
def example_after_example_back(params, cache, grad_logits):
    x, remembered = cache
    return recomputes_everything(remembered, [x], grad_logits)


# --- MLP --------------------------------------------------------------------------------------------------------------


def steps(in_features, hidden_sizes, out_features):
    """Return the sizes of every layer: [(D, M), ...]."""
    return list(pairwise([in_features, *hidden_sizes, out_features]))


class Base(nn.Module):
    """What a student has at hand who got this far: registered layers, and ReLU between them."""

    def __init__(self, in_features, hidden_sizes, out_features):
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear(d, m) for d, m in steps(in_features, hidden_sizes, out_features))

    def forward(self, x):
        for layer in self.layers[:-1]:
            x = torch.relu(layer(x))
        return self.layers[-1](x)


@mistake(
    "MLP",
    hint="A module does not see what lies in a plain Python list: its parameters are found by no optimiser and saved "
    "by no state_dict. nn.ModuleList is a list that registers what you put in.",
)
class KeepsLayersInAPlainList(nn.Module):
    def __init__(self, in_features, hidden_sizes, out_features):
        super().__init__()
        self.layers = [nn.Linear(d, m) for d, m in steps(in_features, hidden_sizes, out_features)]

    def forward(self, x):
        for layer in self.layers[:-1]:
            x = torch.relu(layer(x))
        return self.layers[-1](x)


@mistake(
    "MLP",
    hint="Your weights are plain tensors, which a module does not register. nn.Parameter(...) makes a parameter of a "
    "tensor.",
)
class KeepsPlainTensors(nn.Module):
    def __init__(self, in_features, hidden_sizes, out_features):
        super().__init__()
        sizes = steps(in_features, hidden_sizes, out_features)
        self.weights = [torch.randn(d, m, requires_grad=True) for d, m in sizes]
        self.biases = [torch.zeros(m, requires_grad=True) for _, m in sizes]

    def forward(self, x):
        return logits_of([p for pair in zip(self.weights, self.biases, strict=True) for p in pair], x)


@mistake("MLP", hint="Buffers are saved with a module, but they are not trained. Weights and biases are parameters.")
class RegistersBuffers(nn.Module):
    def __init__(self, in_features, hidden_sizes, out_features):
        super().__init__()
        self.count = 0
        for d, m in steps(in_features, hidden_sizes, out_features):
            self.register_buffer(f"W{self.count}", torch.randn(d, m) / d**0.5)
            self.register_buffer(f"b{self.count}", torch.zeros(m))
            self.count += 1

    def forward(self, x):
        return logits_of([getattr(self, f"{kind}{at}") for at in range(self.count) for kind in "Wb"], x)


@mistake("MLP", hint="There is no ReLU between your layers, so the whole network is one affine map.")
class ForgetsTheBends(Base):
    def forward(self, x):
        for layer in self.layers:
            x = layer(x)
        return x


@mistake(
    "MLP", hint="There is a ReLU after the last layer too: negative logits are cut off, and with them their gradient."
)
class BendsTheLogits(Base):
    def forward(self, x):
        return torch.relu(super().forward(x))


@mistake("MLP", hint="Only the first hidden layer is followed by a ReLU. Each hidden layer needs its own.")
class BendsOnlyOnce(Base):
    def forward(self, x):
        for at, layer in enumerate(self.layers):
            x = layer(x)
            if at == 0 and len(self.layers) > 1:
                x = torch.relu(x)
        return x


@mistake("MLP", hint="The ReLU stands before the first layer too: negative inputs are lost.")
class BendsTheInput(Base):
    def forward(self, x):
        for layer in self.layers:
            x = layer(torch.relu(x))
        return x


@mistake(
    "MLP",
    hint="There is a softmax at the end. The cross-entropy of PyTorch wants logits and applies its own; two are one "
    "too many.",
)
class EndsWithSoftmax(Base):
    def forward(self, x):
        return torch.softmax(super().forward(x), dim=-1)


@mistake("MLP", hint="There is a log_softmax at the end. The network returns plain logits; the loss does the rest.")
class EndsWithLogSoftmax(Base):
    def forward(self, x):
        return torch.log_softmax(super().forward(x), dim=-1)


@mistake(
    "MLP", hint="There is a sigmoid at the end: every logit is squeezed between 0 and 1. Logits may be any number."
)
class EndsWithSigmoid(Base):
    def forward(self, x):
        return torch.sigmoid(super().forward(x))


@mistake("MLP", hint="Your hidden layers are followed by tanh (or sigmoid). This network bends with a ReLU.")
class BendsWithTanh(Base):
    def forward(self, x):
        for layer in self.layers[:-1]:
            x = torch.tanh(layer(x))
        return self.layers[-1](x)


@mistake("MLP", hint="Your ReLU ends at 6 (`nn.ReLU6`). The one of this network has no upper end.")
class BendsTwice(Base):
    def forward(self, x):
        for layer in self.layers[:-1]:
            x = F.relu6(layer(x))
        return self.layers[-1](x)


@mistake("MLP", hint="You use a leaky ReLU. The one of this network is 0 on the negative side.")
class BendsWithALeak(Base):
    def forward(self, x):
        for layer in self.layers[:-1]:
            x = F.leaky_relu(layer(x))
        return self.layers[-1](x)


@mistake(
    "MLP", hint="There is dropout in your network: the same batch gives other logits each time. None was asked for."
)
class DropsHiddenUnits(Base):
    def forward(self, x):
        for layer in self.layers[:-1]:
            x = F.dropout(torch.relu(layer(x)), 0.5, self.training)
        return self.layers[-1](x)


@mistake(
    "MLP",
    hint="F.dropout drops in eval mode too, unless it is told about self.training. And no dropout was asked for here.",
)
class DropsInEveryMode(Base):
    def forward(self, x):
        for layer in self.layers[:-1]:
            x = F.dropout(torch.relu(layer(x)), 0.5)
        return self.layers[-1](x)


@mistake(
    "MLP",
    hint="Batch normalisation has parameters of its own and looks at the whole batch. Each layer is one affine map, "
    "no more.",
)
class NormalisesTheBatch(Base):
    def __init__(self, in_features, hidden_sizes, out_features):
        super().__init__(in_features, hidden_sizes, out_features)
        self.norms = nn.ModuleList(nn.BatchNorm1d(m) for m in hidden_sizes)

    def forward(self, x):
        for layer, norm in zip(self.layers, self.norms, strict=False):
            x = torch.relu(norm(layer(x)))
        return self.layers[-1](x)


@mistake(
    "MLP", hint="You normalise the batch before the first layer. A row's logits must not depend on the other rows."
)
class StandardisesTheInput(Base):
    def forward(self, x):
        return super().forward((x - x.mean(dim=0)) / (x.std(dim=0, correction=0) + 1e-5))


@mistake("MLP", hint="Your layers have no bias. Each affine map adds one number per output.")
class ForgetsTheBiases(Base):
    def __init__(self, in_features, hidden_sizes, out_features):
        super().__init__(in_features, hidden_sizes, out_features)
        sizes = steps(in_features, hidden_sizes, out_features)
        self.layers = nn.ModuleList(nn.Linear(d, m, bias=False) for d, m in sizes)


@mistake("MLP", hint="Only the first number of hidden_sizes is used. There is one hidden layer for each of them.")
class MakesOneHiddenLayer(Base):
    def __init__(self, in_features, hidden_sizes, out_features):
        super().__init__(in_features, hidden_sizes[:1], out_features)


@mistake(
    "MLP", hint="All hidden layers have the width of the first one. Each has its own, in the order of hidden_sizes."
)
class MakesAllLayersEquallyWide(Base):
    def __init__(self, in_features, hidden_sizes, out_features):
        super().__init__(in_features, [hidden_sizes[0]] * len(hidden_sizes) if hidden_sizes else [], out_features)


@mistake(
    "MLP", hint="The widths are in the wrong order: the first number of hidden_sizes is the layer next to the input."
)
class ReversesTheWidths(Base):
    def __init__(self, in_features, hidden_sizes, out_features):
        super().__init__(in_features, list(hidden_sizes)[::-1], out_features)


@mistake(
    "MLP",
    hint="One layer is used several times where the widths agree. Then they share their weights: every step needs "
    "its own.",
)
class UsesALayerTwice(Base):
    def __init__(self, in_features, hidden_sizes, out_features):
        super().__init__(in_features, hidden_sizes, out_features)
        known = {}
        for at, layer in enumerate(self.layers):
            self.layers[at] = known.setdefault((layer.in_features, layer.out_features), layer)


@mistake("MLP", hint="The last layer is missing: your network ends with the last hidden layer.")
class ForgetsTheLastLayer(nn.Module):
    def __init__(self, in_features, hidden_sizes, out_features):
        super().__init__()
        sizes = steps(in_features, hidden_sizes, out_features)[:-1]
        self.layers = nn.Sequential(*[part for d, m in sizes for part in (nn.Linear(d, m), nn.ReLU())])

    def forward(self, x):
        return self.layers(x)


@mistake(
    "MLP", hint="There is one layer too many at the end. With K sizes in hidden_sizes there are K + 1 affine maps."
)
class AddsALayerAtTheEnd(Base):
    def __init__(self, in_features, hidden_sizes, out_features):
        super().__init__(in_features, [*hidden_sizes, out_features], out_features)


@mistake(
    "MLP",
    hint="Without hidden layers your code finds nothing to start from. hidden_sizes may be empty: then there is one "
    "affine map from input to output.",
)
class NeedsAHiddenLayer(nn.Module):
    def __init__(self, in_features, hidden_sizes, out_features):
        super().__init__()
        self.first = nn.Linear(in_features, hidden_sizes[0])
        self.others = nn.ModuleList(nn.Linear(d, m) for d, m in pairwise(hidden_sizes))
        self.last = nn.Linear(hidden_sizes[-1], out_features)

    def forward(self, x):
        x = torch.relu(self.first(x))
        for layer in self.others:
            x = torch.relu(layer(x))
        return self.last(x)


@mistake(
    "MLP", hint="`[...] + hidden_sizes` works for a list only. It may be a tuple: a star before it spreads out either."
)
class AddsListsTogether(Base):
    def __init__(self, in_features, hidden_sizes, out_features):
        sizes = [in_features] + hidden_sizes + [out_features]  # noqa: RUF005
        super().__init__(sizes[0], sizes[1:-1], sizes[-1])


@mistake(
    "MLP", hint="Your constructor changes the caller's list of widths (append, insert, pop). Make a list of your own."
)
class AppendsToTheCallersList(Base):
    def __init__(self, in_features, hidden_sizes, out_features):
        super().__init__(in_features, hidden_sizes, out_features)
        if isinstance(hidden_sizes, list):
            hidden_sizes.append(out_features)


@mistake(
    "MLP",
    hint="The constructor of nn.Module was not called: super().__init__() must come before the first layer is "
    "assigned.",
)
class ForgetsSuperInit(nn.Module):
    def __init__(self, in_features, hidden_sizes, out_features):
        self.layers = nn.ModuleList(nn.Linear(d, m) for d, m in steps(in_features, hidden_sizes, out_features))

    def forward(self, x):
        return x


@mistake("MLP", hint="Your class is not an nn.Module: write it as `class MLP(nn.Module):`.")
class IsNoModule:
    def __init__(self, in_features, hidden_sizes, out_features):
        self.layers = [nn.Linear(d, m) for d, m in steps(in_features, hidden_sizes, out_features)]

    def __call__(self, x):
        for layer in self.layers[:-1]:
            x = torch.relu(layer(x))
        return self.layers[-1](x)


@mistake(
    "MLP",
    hint="All weights start with the same value. Then all hidden units of a layer compute the same, get the same "
    "gradient and stay the same for ever.",
)
class StartsAtZero(Base):
    def __init__(self, in_features, hidden_sizes, out_features):
        super().__init__(in_features, hidden_sizes, out_features)
        for p in self.parameters():
            nn.init.zeros_(p)


@mistake(
    "MLP",
    hint="Your forward pass makes new layers: each call has other random weights, and none of them can learn. Layers "
    "are made once, in __init__.",
)
class MakesLayersInForward(Base):
    def forward(self, x):
        for layer in self.layers[:-1]:
            x = torch.relu(nn.Linear(layer.in_features, layer.out_features)(x))
        return nn.Linear(self.layers[-1].in_features, self.layers[-1].out_features)(x)


@mistake(
    "MLP",
    hint="The values are right, but no gradient reaches the parameters: something in forward cuts the graph (detach, "
    ".data, no_grad, numpy).",
)
class CutsTheGraph(Base):
    def forward(self, x):
        with torch.no_grad():
            return super().forward(x)


@mistake("MLP", hint="The gradient stops in the middle (detach, .data): the layers before it will never learn.")
class CutsTheHiddenLayers(Base):
    def forward(self, x):
        for layer in self.layers[:-1]:
            x = torch.relu(layer(x)).detach()
        return self.layers[-1](x)


@mistake("MLP", hint="Your forward turns x into float32. The parameters may have been made float64 with .double().")
class CastsToFloat32(Base):
    def forward(self, x):
        return super().forward(x.float())


@mistake("MLP", hint="squeeze() also removes the axis of the batch when there is only one row. Keep the shape (N, C).")
class SqueezesTheLogits(Base):
    def forward(self, x):
        return super().forward(x).squeeze()


@mistake("MLP", hint="Your forward writes into the batch that it is given (a method that ends in `_`, or `*=`).")
class WritesIntoTheBatch(Base):
    def forward(self, x):
        logits = super().forward(x)
        x.relu_()
        return logits


@mistake("MLP", hint="You return a pair. A module's forward returns the logits alone; autograd needs no cache.")
class ReturnsACache(Base):
    def forward(self, x):
        return super().forward(x), x


@mistake("MLP", hint="Where the widths agree you add a layer's input to its output. That is another network.")
class AddsShortcuts(Base):
    def forward(self, x):
        for layer in self.layers[:-1]:
            h = torch.relu(layer(x))
            x = h + x if h.shape == x.shape else h
        return self.layers[-1](x)


@mistake(
    "MLP",
    hint="A list as a default argument is made once and shared by all networks of the class: the second one begins "
    "with the layers of the first.",
)
def keeps_layers_of_earlier_networks(in_features, hidden_sizes, out_features, layers=[]):  # noqa: B006
    layers += [part for d, m in steps(in_features, hidden_sizes, out_features) for part in (nn.Linear(d, m), nn.ReLU())]
    return nn.Sequential(*layers[:-1])


_shared = {}


@mistake(
    "MLP",
    hint="Your networks share their layers: they are kept outside of the instance (in the class, or in a global "
    "variable). Training one changes all others.",
)
def shares_layers_between_networks(in_features, hidden_sizes, out_features):
    sizes = tuple(steps(in_features, hidden_sizes, out_features))
    if sizes not in _shared:
        _shared[sizes] = Base(in_features, hidden_sizes, out_features)
    return nn.Sequential(_shared[sizes])


@mistake(
    "MLP",
    hint="Your layers make their parameters only at the first batch (nn.LazyLinear). The sizes are known: make them "
    "at once.",
)
class MakesLazyLayers(nn.Module):
    def __init__(self, in_features, hidden_sizes, out_features):
        super().__init__()
        parts = [part for m in hidden_sizes for part in (nn.LazyLinear(m), nn.ReLU())]
        self.net = nn.Sequential(*parts, nn.LazyLinear(out_features))

    def forward(self, x):
        return self.net(x)


@mistake(
    "MLP",
    hint="The weights of a layer all start with the same value. Then its hidden units compute the same, get the same "
    "gradient and stay the same for ever.",
)
class StartsWithEqualWeights(Base):
    def __init__(self, in_features, hidden_sizes, out_features):
        super().__init__(in_features, hidden_sizes, out_features)
        for layer in self.layers:
            nn.init.constant_(layer.weight, 0.1)


@mistake(
    "MLP",
    hint="Your constructor takes the widths out of the caller's list (pop, remove, del). Make a list of your own.",
)
class EmptiesTheCallersList(Base):
    def __init__(self, in_features, hidden_sizes, out_features):
        super().__init__(in_features, hidden_sizes, out_features)
        while isinstance(hidden_sizes, list) and hidden_sizes:
            hidden_sizes.pop(0)


@mistake(
    "MLP",
    hint="The logits come back on the device of x, but the network copies to the CPU on the way: drop `.cpu()`, and "
    "everything stays where it is.",
)
class BendsOnTheCpu(Base):
    def forward(self, x):
        for layer in self.layers[:-1]:
            x = torch.relu(layer(x).cpu()).to(x.device)
        return self.layers[-1](x)


@mistake(
    "MLP",
    hint="Your forward makes zeros on the CPU, and after `.to(device)` the hidden units are elsewhere: "
    "`torch.zeros_like(h)`, or `device=x.device`.",
)
class BendsAtZerosOnTheCpu(Base):
    def forward(self, x):
        for layer in self.layers[:-1]:
            x = layer(x)
            x = torch.where(x > 0, x, torch.zeros(x.shape, dtype=x.dtype))
        return self.layers[-1](x)


@mistake(
    "MLP",
    hint="You collect the logits in a new tensor that is on the CPU: `x.new_empty(...)`, or `device=x.device`.",
)
class CollectsTheLogitsOnTheCpu(Base):
    def forward(self, x):
        logits = torch.zeros(len(x), self.layers[-1].out_features, dtype=x.dtype)
        for row in range(len(x)):
            logits[row] = super().forward(x[row])
        return logits


@mistake(
    "MLP",
    hint="Your forward sends x to the CPU (or to another fixed device). The network works wherever its parameters are: "
    "whoever calls it brings x there.",
)
class ExpectsTheCpu(Base):
    def forward(self, x):
        return super().forward(x.to("cpu"))


@also_right("MLP")
class AsASequential(nn.Module):
    def __init__(self, in_features, hidden_sizes, out_features):
        super().__init__()
        parts, width = OrderedDict(), in_features
        for at, size in enumerate(hidden_sizes):
            parts[f"linear{at}"] = nn.Linear(width, size)
            parts[f"relu{at}"] = nn.ReLU(inplace=True)
            width = size
        parts["head"] = nn.Linear(width, out_features)
        self.net = nn.Sequential(parts)

    def forward(self, x):
        return self.net(x)


@also_right("MLP")
class IsASequentialItself(nn.Sequential):
    def __init__(self, in_features, hidden_sizes, out_features):
        parts = []
        for d, m in steps(in_features, hidden_sizes, out_features):
            parts += [nn.Linear(d, m), nn.ReLU()]
        super().__init__(*parts[:-1])


@also_right("MLP")
class WithParametersOfItsOwn(nn.Module):
    def __init__(self, in_features, hidden_sizes, out_features):
        super().__init__()
        sizes = steps(in_features, hidden_sizes, out_features)
        self.weights = nn.ParameterList(nn.Parameter(torch.randn(d, m) * math.sqrt(2 / d)) for d, m in sizes)
        self.biases = nn.ParameterList(nn.Parameter(torch.zeros(1, m)) for _, m in sizes)

    def forward(self, x):
        *hidden, last = zip(self.weights, self.biases, strict=True)
        for W, b in hidden:
            x = F.relu(x @ W + b)
        return x @ last[0] + last[1]


@also_right("MLP")
class LayerWithinLayer(nn.Module):
    def __init__(self, in_features, hidden_sizes, out_features):
        super().__init__()
        first, *rest = [*hidden_sizes, out_features]
        self.inner = LayerWithinLayer(first, rest[:-1], rest[-1]) if rest else None
        self.map = nn.Linear(in_features, first)

    def forward(self, x):
        out = self.map(x)
        return out if self.inner is None else self.inner(out.clamp(min=0))


@also_right("MLP")
class WithNamedAttributes(nn.Module):
    def __init__(self, in_features, hidden_sizes, out_features):
        super().__init__()
        self.count = len(hidden_sizes) + 1
        for at, (d, m) in enumerate(steps(in_features, hidden_sizes, out_features)):
            setattr(self, f"fc{at}", nn.Linear(d, m))
            nn.init.kaiming_normal_(getattr(self, f"fc{at}").weight, nonlinearity="relu")
            nn.init.zeros_(getattr(self, f"fc{at}").bias)

    def forward(self, x):
        for at in range(self.count):
            x = getattr(self, f"fc{at}")(x)
            x = x if at == self.count - 1 else x.relu()
        return x


@also_right("MLP")
class WithBiasesAsRows(nn.Module):
    """The bias is the last row of its weights, and meets a column of ones."""

    def __init__(self, in_features, hidden_sizes, out_features):
        super().__init__()
        self.count = 0
        for d, m in steps(in_features, hidden_sizes, out_features):
            self.register_parameter(f"W{self.count}", nn.Parameter(torch.randn(d + 1, m) / (d + 1) ** 0.5))
            self.count += 1

    def forward(self, x):
        for at in range(self.count):
            if at:
                x = torch.relu(x)
            x = torch.cat([x, torch.ones_like(x[:, :1])], dim=1) @ getattr(self, f"W{at}")
        return x


@also_right("MLP")
class WithBlocks(nn.Module):
    class Block(nn.Module):
        def __init__(self, d, m, bends):
            super().__init__()
            self.bias, self.weight = nn.Parameter(0.01 * torch.ones(m)), nn.Parameter(torch.empty(m, d))
            nn.init.xavier_uniform_(self.weight)
            self.bend = nn.ReLU() if bends else nn.Identity()

        def forward(self, x):
            return self.bend(F.linear(x, self.weight, self.bias))

    def __init__(self, in_features, hidden_sizes, out_features):
        super().__init__()
        sizes = steps(in_features, hidden_sizes, out_features)
        self.blocks = nn.ModuleDict({str(at): self.Block(*size, at < len(sizes) - 1) for at, size in enumerate(sizes)})

    def forward(self, x):
        return reduce(lambda h, block: block(h), self.blocks.values(), x)


# --- changes of the references that change nothing a check may see ----------------------------------------------------

EQUIVALENT = {
    "relu_backward: return torch.where(x > 0, grad_out, 0.0) -> return torch.where(x > 0, grad_out, 0.0).detach()": (
        "what students get here does not require gradients, so neither does the result"
    ),
    "mlp_forward: 2 -> 3 in len(params) - 2": "params has an even length, and the loop goes in steps of two",
}
