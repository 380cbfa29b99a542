# %% [markdown]
# # Softmax regression: learning to read digits
#
# In this notebook you build the smallest classifier that really learns, one function at a time, and at the end it reads
# handwritten digits. You write five functions:
#
# | | function | what it does |
# |---|---|---|
# | 1 | `softmax` | turns scores into probabilities |
# | 2 | `cross_entropy` | says how wrong the probabilities are: one number, the loss |
# | 3 | `accuracy` | counts how often the best guess is right |
# | 4 | `cross_entropy_backward` | the slope of the loss, worked out by hand |
# | 5 | `sgd_step` | one step downhill |
#
# **How it works.** Each exercise has a text, a cell for your code, and a cell with an example that tells you at once
# what does not fit yet. When an example passes you are close: hidden checks then look at every property that the text
# lists under *What is checked*, and at nothing else. You may add cells and functions of your own wherever you like.
# Before you hand in, choose *Restart Kernel and Run All Cells*.
#
# **Letters.** $N$ is the number of examples in a batch, $C$ the number of classes. A batch of scores is a matrix
# $Z \in \mathbb{R}^{N \times C}$ with one row per example; such scores are called **logits**. The right classes are $N$
# whole numbers $y_1, \dots, y_N$ in $0, \dots, C-1$, the **labels**. Always $N \ge 1$ and $C \ge 2$.

# %%
from collections.abc import Iterable

import matplotlib.pyplot as plt
import numpy as np
import torch
from torch import Tensor

torch.manual_seed(0)

# %% [markdown]
# ## The data
#
# 1797 images of handwritten digits, 8 x 8 pixels each, with grey values from 0 to 16. An image is flattened into a row
# of 64 numbers between 0 and 1. We train on 1437 images and keep 360 aside, to see how well the classifier reads digits
# that it has never met.

# %%
digits = np.load("data/digits.npz")
pixels = torch.from_numpy(digits["images"]).float().flatten(1) / 16  # (1797, 64)
targets = torch.from_numpy(digits["labels"]).long()  # (1797,)
train, test = torch.from_numpy(digits["train"]).long(), torch.from_numpy(digits["test"]).long()
print("train:", tuple(pixels[train].shape), " test:", tuple(pixels[test].shape))

plt.figure(figsize=(9, 1.1))
plt.imshow(np.hstack(digits["images"][:10]), cmap="gray_r")
plt.axis("off")
plt.show()

# %% [markdown]
# ## From scores to probabilities
#
# A linear model gives every image a score per class: $Z = XW + b$. A score may be any number; a *probability* must not
# be negative, and the probabilities of one image must sum to one. The exponential makes every score positive and keeps
# their order; dividing by the sum does the rest. This is the **softmax**, and it has a pleasant property: only
# *differences* of scores matter. Adding the same number $c$ to every score of a row changes nothing,
#
# $$\frac{e^{z_j + c}}{\sum_k e^{z_k + c}} = \frac{e^{c}\, e^{z_j}}{e^{c} \sum_k e^{z_k}}
#   = \frac{e^{z_j}}{\sum_k e^{z_k}} .$$
#
# That is more than a curiosity. In `float32`, $e^{89}$ is already too large to be stored and becomes `inf`, and
# `inf / inf` is `nan`. But we are free to choose $c$! With $c = -\max_k z_k$ the largest exponent of the row is $0$: no
# entry overflows, and the sum is at least $1$, so nothing is divided by zero.

# %% [markdown]
# ## Exercise 1: `softmax`
#
# **Goal.** Turn scores into probabilities. The loss of exercise 2 is built on them, and exercise 4 uses them directly.
#
# **Shapes.** `logits` $(N, C)$ float $\to$ $(N, C)$, same dtype and device.
#
# **Formula.** $$p_{ij} = \frac{e^{z_{ij}}}{\sum_{k=1}^{C} e^{z_{ik}}}$$
#
# **Worked example.** The row $(2, 1, 0)$ has exponentials $7.3891,\ 2.7183,\ 1$ with sum $11.1073$, so its
# probabilities are $0.6652,\ 0.2447,\ 0.0900$. The row $(0, 0, \ln 2)$ gives $\tfrac14, \tfrac14, \tfrac12$.
#
# **Pitfalls.** Over which axis do you sum, and would you notice if $N = C$? What shape must the sum have, to be divided
# by row after row? What happens to a row of scores around $-10\,000$ when another row lies around $+10\,000$? If you
# use `-=`, whose numbers are you changing?
#
# **What is checked.** The values, and that every row sums to one; any $N$ and $C$ ($N = 1$, $C = 2$, $N = C$, views
# that are not contiguous); shape and dtype: `float32` stays `float32` and `float64` stays `float64` with the accuracy
# of `float64`; the gradient, against the exact one and against finite differences; for entries up to $\pm 10\,000$
# finite and right values and a finite, right gradient; the logits you were given are unchanged; the result depends on
# nothing but its input, not on earlier calls or on PyTorch's default dtype, and no global setting is changed. Logits
# that live on a GPU stay there, forward and backward: no copy to the CPU and back.
#
# **Not allowed.** A ready-made softmax or log-softmax (`torch.softmax`, `torch.log_softmax`, their methods, modules and
# relatives). `torch.logsumexp` is allowed. An answer that breaks this rule scores 0.

# %% exercise="softmax" points=4

# %% example="softmax"
example_logits = torch.tensor([[2.0, 1.0, 0.0], [0.0, 0.0, 0.6931472]])
example_probs = softmax(example_logits)
assert example_probs is not None, "softmax returned None: is there a return at the end?"
assert example_probs.shape == (2, 3), f"expected shape (2, 3), like the logits, not {tuple(example_probs.shape)}"
expected_probs = torch.tensor([[0.665241, 0.244728, 0.090031], [0.25, 0.25, 0.5]])
torch.testing.assert_close(
    example_probs, expected_probs, msg=f"the worked example should give\n{expected_probs}\nbut you get\n{example_probs}"
)
assert softmax(torch.tensor([[1000.0, 0.0]])).isfinite().all(), "a score of 1000 must not give inf or nan"
print("softmax: the example passes.")

# %% [markdown]
# ## How wrong is a prediction?
#
# If the right class of example $i$ is $y_i$, the model gave it the probability $p_{i y_i}$. The closer to one the
# better, and the **cross-entropy** punishes small ones: its loss is $-\ln p_{i y_i}$, which is $0$ for full confidence
# in the right class and grows without end as the probability goes to zero. A model that guesses blindly among ten
# classes has loss $\ln 10 \approx 2.30$: remember this number, your training at the end starts there.
#
# Computing $p$ first and taking its logarithm afterwards is dangerous. When the right class trails by more than about a
# hundred, $p$ is rounded to $0$, and $\ln 0 = -\infty$. Put the formula of softmax into the logarithm instead:
#
# $$-\ln p_{i y_i} = -\ln \frac{e^{z_{i y_i}}}{\sum_k e^{z_{ik}}}
#   = \underbrace{\ln \sum_k e^{z_{ik}}}_{\operatorname{logsumexp}(z_i)} - \; z_{i y_i} .$$
#
# The exponential of the right class is gone. What stays is the **logsumexp**, a smooth version of the maximum; the
# shift makes it safe again, $\operatorname{logsumexp}(z) = m + \ln \sum_k e^{z_k - m}$ with $m = \max_k z_k$.

# %% [markdown]
# ## Exercise 2: `cross_entropy`
#
# **Goal.** One number that says how wrong a batch of predictions is. Training makes it small, with the gradient that
# PyTorch finds by walking back through your code.
#
# **Shapes.** `logits` $(N, C)$ float, `labels` $(N,)$ int64 $\to$ $()$: a 0-dim tensor, same dtype and device as the
# logits.
#
# **Formula.** $$L = \frac{1}{N} \sum_{i=1}^{N} \Big( \ln \sum_{k=1}^{C} e^{z_{ik}} - z_{i y_i} \Big)$$
#
# **Worked example.** Rows $(2, 1, 0)$ and $(0, 0, \ln 2)$ with labels $0$ and $2$: the losses are $2.4076 - 2 = 0.4076$
# and $1.3863 - 0.6931 = 0.6931$, their mean is $L = 0.5504$.
#
# **Pitfalls.** How do you pick *one* number from each row, a different column each time? What happens when shape
# $(N, 1)$ meets shape $(N,)$? Do you divide by $N$ or by $N \cdot C$? How many classes are there if the largest label
# is missing from the batch? What does `.item()` do to the gradient?
#
# **What is checked.** The value, as a 0-dim tensor; any $N$ and $C$ ($N = 1$, $C = 2$, $N = C$, views that are not
# contiguous); labels that do not contain every class; `float32` stays `float32` and `float64` stays `float64` with the
# accuracy of `float64`; the gradient with respect to the logits, against the exact one and against finite differences;
# for entries up to $\pm 10\,000$ a finite loss (in `float32` an error of $0.002$ is fine there) and a finite, right
# gradient; logits and labels are unchanged; the result depends on nothing but its inputs, not on earlier calls or on
# PyTorch's default dtype, and no global setting is changed. On a GPU everything stays there, forward and backward;
# indices such as `torch.arange(n)` may come from the CPU, and single numbers may be read.
#
# **Not allowed.** A ready-made loss: `cross_entropy`, `nll_loss` and their modules (`nn.CrossEntropyLoss`,
# `nn.NLLLoss`). `log_softmax`, `logsumexp` and your own `softmax` are allowed. An answer that breaks this rule scores
# 0.

# %% exercise="cross_entropy" points=5

# %% example="cross_entropy"
example_logits = torch.tensor([[2.0, 1.0, 0.0], [0.0, 0.0, 0.6931472]])
example_labels = torch.tensor([0, 2])
example_loss = cross_entropy(example_logits, example_labels)
assert isinstance(example_loss, torch.Tensor), f"the loss should be a tensor, not {type(example_loss).__name__}"
assert example_loss.shape == (), f"the loss should be a single number, shape (), not {tuple(example_loss.shape)}"
expected_loss = torch.tensor(0.550377)
torch.testing.assert_close(
    example_loss, expected_loss, msg=f"the worked example should give {expected_loss}, but you get {example_loss}"
)
hopeless_loss = cross_entropy(torch.tensor([[1000.0, 0.0]]), torch.tensor([1]))
assert hopeless_loss.isfinite(), f"a hopeless prediction must give a large loss, not {hopeless_loss.item()}"
print("cross_entropy: the example passes.")

# %% [markdown]
# ## Exercise 3: `accuracy`
#
# **Goal.** The number that people understand: how many predictions are right? You will print it after training, for
# images that the model has never seen.
#
# **Shapes.** `logits` $(N, C)$ float, `labels` $(N,)$ int64 $\to$ a Python `float` in $[0, 1]$.
#
# **Formula.** $$A = \frac{1}{N} \, \Big|\big\{\, i : \operatorname*{arg\,max}_{k} z_{ik} = y_i \,\big\}\Big|$$
#
# **Worked example.** Rows $(2, 1, 0)$, $(0, 3, 1)$, $(1, 0, 2)$, $(5, 4, 6)$ with labels $0, 1, 2, 0$: the largest
# scores stand at $0, 1, 2, 2$. Three of four are right, $A = 0.75$.
#
# **Pitfalls.** Along which axis do you look for the largest score? Is your result a tensor, an integer or a float? Do
# you need the probabilities at all to know which score is the largest? What if all predictions are right: `1` or `1.0`?
#
# **What is checked.** The value, to $10^{-6}$ and not rounded; that it is a Python `float`, also when all or none are
# right; any $N$ and $C$ ($N = 1$, $C = 2$, $N = C$, views that are not contiguous); labels that do not contain every
# class; `float64` logits, whose small differences count; entries up to $\pm 10\,000$; logits and labels are unchanged;
# the result depends on nothing but its inputs, not on earlier calls, and no global setting is changed. On a GPU, the
# counting happens there: numbers may be read (`.item()`, `.tolist()`), but no tensor is copied to the CPU. Ties are not
# tested.
#
# **Not allowed.** Nothing is forbidden here.

# %% exercise="accuracy" points=3

# %% example="accuracy"
example_logits = torch.tensor([[2.0, 1.0, 0.0], [0.0, 3.0, 1.0], [1.0, 0.0, 2.0], [5.0, 4.0, 6.0]])
example_accuracy = accuracy(example_logits, torch.tensor([0, 1, 2, 0]))
assert isinstance(example_accuracy, float), f"expected a Python float, not {type(example_accuracy).__name__}"
assert abs(example_accuracy - 0.75) < 1e-6, f"three of four are right: expected 0.75, you get {example_accuracy}"
print("accuracy: the example passes.")

# %% [markdown]
# ## The gradient by hand
#
# In which direction should the scores change to make the loss smaller? PyTorch can tell, but this gradient is worth
# deriving once, because the answer is so simple. Take one example with scores $z$, probabilities $p$ and right class
# $y$. Its loss is $\ell = \ln \sum_k e^{z_k} - z_y$.
#
# 1. The logarithm, by the chain rule:
#    $\displaystyle \frac{\partial}{\partial z_j} \ln \sum_k e^{z_k} = \frac{e^{z_j}}{\sum_k e^{z_k}} = p_j$.
#    The derivative of logsumexp is the softmax.
# 2. The score of the right class: $\displaystyle \frac{\partial z_y}{\partial z_j} = 1$ if $j = y$, otherwise $0$.
#    These numbers form the **one-hot** vector of the label, $e_y$.
# 3. Together: $\displaystyle \frac{\partial \ell}{\partial z_j} = p_j - [\,j = y\,]$, as a vector $p - e_y$.
# 4. The loss of a batch is the mean over $N$ examples, and example $i$ touches row $i$ only:
#    every row is divided by $N$.
#
# Read it aloud: *what the model believes minus what is true*. A step against this gradient pushes the score of the
# right class up and all others down, each as much as the model believed in it.

# %% [markdown]
# ## Exercise 4: `cross_entropy_backward`
#
# **Goal.** The gradient of the mean loss with respect to the logits, without autograd. With it you can check what
# PyTorch computes for your exercise 2; and whoever writes backpropagation by hand starts from it.
#
# **Shapes.** `logits` $(N, C)$ float, `labels` $(N,)$ int64 $\to$ $(N, C)$, same dtype and device as the logits.
#
# **Formula.** $$\frac{\partial L}{\partial z_{ij}} = \frac{1}{N} \big( p_{ij} - [\, j = y_i \,] \big), \qquad p =
# \operatorname{softmax}(Z)$$
#
# **Worked example.** Rows $(2, 1, 0)$ and $(0, 0, \ln 2)$ with labels $0$ and $2$, so $N = 2$: the first row is
# $\tfrac12 (0.6652 - 1,\ 0.2447,\ 0.0900) = (-0.1674,\ 0.1224,\ 0.0450)$, the second $(0.125,\ 0.125,\ -0.25)$.
#
# **Pitfalls.** What is divided by $N$: one part of the difference or all of it? How wide is a one-hot matrix if the
# largest label is missing? Is one-hot an integer or a float tensor, and which dtype comes out in the end? What does
# `[:, labels]` pick, and what does `[torch.arange(N), labels]` pick?
#
# **What is checked.** The values, against the exact gradient and against finite differences of the loss; any $N$ and
# $C$ ($N = 1$, $C = 2$, $N = C$, views that are not contiguous); labels that do not contain every class; `float32`
# stays `float32` and `float64` stays `float64` with the accuracy of `float64`; for entries up to $\pm 10\,000$ finite
# and right values; logits and labels are unchanged (the logits that you get do not require gradients); the result
# depends on nothing but its inputs, not on earlier calls, on PyTorch's default dtype or on whether gradients are being
# recorded, and no global setting is changed. On a GPU everything stays there; indices such as `torch.arange(n)` may
# come from the CPU, and single numbers may be read.
#
# **Not allowed.** Autograd: `.backward()`, `torch.autograd`, `torch.func`. A ready-made softmax is allowed here. An
# answer that breaks this rule scores 0.

# %% exercise="cross_entropy_backward" points=4

# %% example="cross_entropy_backward"
example_logits = torch.tensor([[2.0, 1.0, 0.0], [0.0, 0.0, 0.6931472]])
example_labels = torch.tensor([0, 2])
example_gradient = cross_entropy_backward(example_logits, example_labels)
assert example_gradient is not None, "cross_entropy_backward returned None: is there a return at the end?"
assert example_gradient.shape == (2, 3), f"one number per logit: expected (2, 3), not {tuple(example_gradient.shape)}"
expected_gradient = torch.tensor([[-0.167380, 0.122364, 0.045015], [0.125, 0.125, -0.25]])
torch.testing.assert_close(
    example_gradient,
    expected_gradient,
    rtol=1e-4,
    atol=1e-5,
    msg=f"the worked example should give\n{expected_gradient}\nbut you get\n{example_gradient}",
)
print("cross_entropy_backward: the example passes.")

# %% [markdown]
# ## Downhill, step by step
#
# The gradient points uphill, so a small step against it makes the loss smaller:
# $\theta \leftarrow \theta - \eta \, \nabla_\theta L$ with the **learning rate** $\eta$. When the gradient comes from a
# few random examples instead of all of them, this is **stochastic gradient descent** (SGD): each step is a little wrong
# and a lot cheaper.
#
# PyTorch gives every parameter a place for its gradient, `p.grad`, which is `None` until the first `loss.backward()`.
# Two things to know: `backward` *adds* to what is there, so somebody must clear it after each step; and autograd
# watches every operation on a parameter, but the update is not part of the model, so it must happen where autograd does
# not look.

# %% [markdown]
# ## Exercise 5: `sgd_step`
#
# **Goal.** One step of learning for all parameters. The training loop below calls it a few hundred times.
#
# **Shapes.** `params`: any iterable of tensors of any shape, `lr`: a float $\to$ `None`. The tensors themselves are
# changed.
#
# **Formula.** $$p \leftarrow p - \eta \; \frac{\partial L}{\partial p} \qquad \text{for every parameter } p \text{ that
# has a gradient}$$
#
# **Worked example.** $p = (1, -2)$ with gradient $(0.5, -1)$ and $\eta = 0.1$: afterwards $p = (0.95, -1.9)$, in the
# same tensor, and its gradient is cleared.
#
# **Pitfalls.** Does `p = p - lr * p.grad` change the tensor, or only what your name `p` stands for? Why does PyTorch
# complain about `p -= ...`, and how do you tell it that this step is not to be recorded? How often can you walk through
# a generator such as `model.parameters()`? Is a parameter without a gradient a reason to stop? If you switch something
# off, who switches it on again?
#
# **What is checked.** The values after the step, for several learning rates; the step happens in place: the same
# tensors in the same storage, which still require gradients; afterwards every gradient is reset (zero or `None`, as you
# like); the result is `None`; parameters whose gradient is `None` stay as they are, wherever they stand; `params` may
# be a list, a tuple or a generator, with one element or none at all; parameters may have any shape (0-dim, empty and
# not contiguous too) and any float dtype, and `float64` keeps its accuracy; a step depends on nothing but its inputs,
# not on earlier steps; autograd's global state (is it recording?) is afterwards as it was before, whether it was on or
# off. Parameters on a GPU are updated there: nothing is copied to the CPU and back.
#
# **Not allowed.** `torch.optim`. An answer that breaks this rule scores 0.

# %% exercise="sgd_step" points=4

# %% example="sgd_step"
example_param = torch.tensor([1.0, -2.0], requires_grad=True)
example_frozen = torch.tensor([3.0], requires_grad=True)  # has no gradient
example_param.grad = torch.tensor([0.5, -1.0])
step_result = sgd_step([example_param, example_frozen], lr=0.1)
assert step_result is None, "sgd_step changes the parameters in place and returns nothing"
torch.testing.assert_close(
    example_param.detach(),
    torch.tensor([0.95, -1.9]),
    msg=f"after the step the parameter should be [0.95, -1.9], but it is {example_param.tolist()}",
)
has_no_gradient = example_param.grad is None or not example_param.grad.any()
assert has_no_gradient, "the gradient is still there: the next step would use it again"
assert example_frozen.item() == 3.0, "a parameter without a gradient stays as it is"
assert torch.is_grad_enabled(), "gradients are switched off for everything that follows: switch them on again"
print("sgd_step: the example passes.")

# %% [markdown]
# ## All together: your classifier learns
#
# Now your five functions work together. The model is a single layer, $Z = XW + b$, with $64 \cdot 10$ weights and $10$
# biases that start at zero: at first it believes in every digit equally, and the loss is $\ln 10$. Each step takes 64
# random training images.

# %%
W = torch.zeros(64, 10, requires_grad=True)
b = torch.zeros(10, requires_grad=True)

losses = []
for _ in range(250):
    rows = train[torch.randint(len(train), (64,))]
    loss = cross_entropy(pixels[rows] @ W + b, targets[rows])
    loss.backward()
    sgd_step([W, b], lr=0.5)
    losses.append(loss.item())

with torch.no_grad():
    print(f"loss: {losses[0]:.2f} at first, {sum(losses[-20:]) / 20:.2f} in the end")
    print(f"accuracy: {accuracy(pixels[train] @ W + b, targets[train]):.1%} on training images")
    print(f"accuracy: {accuracy(pixels[test] @ W + b, targets[test]):.1%} on images it has never seen")

plt.figure(figsize=(6, 3))
plt.plot(losses)
plt.xlabel("step")
plt.ylabel("cross-entropy of the batch")
plt.ylim(bottom=0)
plt.show()

# %% [markdown]
# And the gradient that you derived by hand is the one that PyTorch finds by walking back through your `cross_entropy`:

# %%
some_logits = torch.randn(4, 3, dtype=torch.float64, requires_grad=True)
some_labels = torch.tensor([0, 2, 1, 1])
cross_entropy(some_logits, some_labels).backward()
difference = (some_logits.grad - cross_entropy_backward(some_logits.detach(), some_labels)).abs().max()
print(f"largest difference between autograd and your formula: {difference:.1e}")

# %% [markdown]
# **Something to think about** (no points): the ten columns of $W$ have 64 entries each, so every one can be drawn as an
# 8 x 8 image. What do you expect to see in the column of the digit 0? Try `plt.imshow(W[:, 0].detach().reshape(8, 8))`.
#
# **Read on.** I. Goodfellow, Y. Bengio, A. Courville: *Deep Learning* (2016), sections 4.1 (overflow), 6.2.2.3
# (softmax) and 8.3.1 (SGD). A. Zhang, Z. Lipton, M. Li, A. Smola: *Dive into Deep Learning* (2023), chapter 4. The
# images come from E. Alpaydin and C. Kaynak: *Optical Recognition of Handwritten Digits*, UCI Machine Learning
# Repository (1998).
