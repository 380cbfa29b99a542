# %% [markdown]
# # Multilayer perceptrons: forward and backward
#
# A linear model reads digits surprisingly well, but it can only weigh pixels, never combine them. In this notebook you
# put layers on top of each other, work out by hand how the gradient travels back through all of them, and train the
# network with a backward pass that you wrote yourself. You write six functions and a class:
#
# | | function | what it does |
# |---|---|---|
# | 1 | `relu` | the bend between two layers |
# | 2 | `relu_backward` | the gradient on its way back through the bend |
# | 3 | `linear_forward` | one layer: an affine map |
# | 4 | `linear_backward` | the gradients of one layer |
# | 5 | `mlp_forward` | all layers, one after the other |
# | 6 | `mlp_backward` | the gradients of all parameters: backpropagation |
# | 7 | `MLP` | the same network as a PyTorch module |
#
# **How it works.** Each exercise has a text, a cell for your code, and a cell with an example that tells you at once
# what does not fit yet. When an example passes you are close: hidden checks then look at every property that the text
# lists under *What is checked*, and at nothing else. You may add cells and functions of your own wherever you like.
# Before you hand in, choose *Restart Kernel and Run All Cells*.
#
# **Letters.** $N$ is the number of examples in a batch, one per row. A layer turns $D$ numbers per row into $M$; the
# last of $K$ layers gives $C$ logits, one per class. $L$ is the loss, a single number. Always $N, D, M, C \ge 1$.

# %%
from collections.abc import Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import torch
from torch import Tensor, nn

torch.manual_seed(0)

# %% [markdown]
# ## From a linear model to hidden layers
#
# Some questions have no linear answer. Take *exclusive or*: of two switches, exactly one shall be on. The points $(0,
# 1)$ and $(1, 0)$ mean yes, $(0, 0)$ and $(1, 1)$ mean no, and no straight line separates the two pairs. What would
# help is a better description of the input: **hidden units** that each compute something useful about it, from which
# the last layer then decides.
#
# Is it enough to put two layers on top of each other? With $h = xW_1 + b_1$ and $z = hW_2 + b_2$,
#
# $$z = (xW_1 + b_1)\,W_2 + b_2 = x\,\underbrace{W_1 W_2}_{W} + \underbrace{b_1 W_2 + b_2}_{b} .$$
#
# A stack of affine maps is one affine map, however many there are, only with more parameters than it needs. Something
# must *bend* between the layers. The simplest bend that works is the **ReLU** (rectified linear unit), $\max(x, 0)$: a
# hidden unit is silent on one side of a line and grows on the other. With enough such units a network comes as close as
# you like to any continuous function on a bounded region, and it stays piecewise affine: flat sheets, joined at hinges.
#
# **The slope at 0.** The ReLU has slope $1$ for $x > 0$ and slope $0$ for $x < 0$. At $x = 0$ it has a kink and no
# slope at all. Any number from $0$ to $1$ would do there; we follow PyTorch's own ReLU and take $0$. Do not think that
# it never happens: blank pixels and biases that start at zero give exact zeros all the time.

# %%
grid = torch.linspace(-2, 2, 401)
figure, (left, right) = plt.subplots(1, 2, figsize=(7, 1.8))
left.plot(grid, np.maximum(grid.numpy(), 0))
left.set_title("ReLU")
right.plot(grid[grid < 0], 0 * grid[grid < 0], "C1", grid[grid > 0], 0 * grid[grid > 0] + 1, "C1")
right.plot(0, 0, "C1o")
right.plot(0, 1, "C1o", fillstyle="none")
right.set_title("its gradient: 0 at x = 0")
plt.show()

# %% [markdown]
# ## Exercise 1: `relu`
#
# **Goal.** The bend between two layers. Without it a network is no more than a linear model; `mlp_forward` calls it
# after every hidden layer.
#
# **Shapes.** `x` float, any shape $\to$ the same shape, dtype and device.
#
# **Formula.** $$\operatorname{relu}(x) = \max(x, 0), \qquad \frac{d \operatorname{relu}(x)}{dx} = \begin{cases} 1 & x >
# 0 \\ 0 & x \le 0 \end{cases}$$
#
# **Worked example.** $(-2,\ 0,\ 3,\ -0.5)$ becomes $(0,\ 0,\ 3,\ 0)$, and the gradient of the sum of these four is
# $(0,\ 0,\ 1,\ 0)$.
#
# **Pitfalls.** Does Python's `max` know what to do with a whole tensor? If you write into `x[x < 0]`, whose numbers are
# you changing? There are many ways to write $\max(x, 0)$, and their values agree: do their gradients agree at $x = 0$,
# too? What does a boolean mask used as an index do to the shape?
#
# **What is checked.** The values; any shape (0-dim, empty, several axes, views that are not contiguous); tiny and huge
# entries; `float32` stays `float32` and `float64` stays `float64` with all its digits; the gradient, against the exact
# one and against finite differences; that value and gradient are $0$ where $x = 0$; the `x` you were given is
# unchanged; the result depends on nothing but its input, not on earlier calls or on PyTorch's default dtype, and no
# global setting is changed. On a GPU, `x` stays there, forward and backward: new tensors are made on its device, and
# none is copied to the CPU and back (index tensors and reading single numbers are fine).
#
# **Not allowed.** Nothing is forbidden here.

# %% exercise="relu" points=2

# %% example="relu"
example_x = torch.tensor([-2.0, 0.0, 3.0, -0.5], requires_grad=True)
example_out = relu(example_x)
assert example_out is not None, "relu returned None: is there a return at the end?"
assert example_out.shape == (4,), f"expected shape (4,), like x, not {tuple(example_out.shape)}"
expected_out = torch.tensor([0.0, 0.0, 3.0, 0.0])
torch.testing.assert_close(
    example_out.detach(), expected_out, msg=f"the worked example should give {expected_out}, but you get {example_out}"
)
assert example_out.requires_grad, "the result is cut off from the graph: no gradient can flow back through it"
(example_slope,) = torch.autograd.grad(example_out.sum(), example_x)
assert example_slope.tolist() == [0, 0, 1, 0], f"the gradient should be [0, 0, 1, 0], but it is {example_slope}"
print("relu: the example passes.")

# %% [markdown]
# ## The chain rule, drawn
#
# The loss $L$ depends on the logits, which depend on the last layer and its input, which depends on the layer before.
# Going forward, every box keeps its input. Going back, every box is handed one thing: the gradient of the loss with
# respect to what it gave out (`grad_out`). It multiplies by its own slope and hands the result to the box before;
# $\partial L / \partial L = 1$ begins. No box needs to know what stands behind it: that is the whole trick.

# %%
figure, axes = plt.subplots(figsize=(10, 3))
axes.set(xlim=(-1, 8.2), ylim=(-1.7, 1.5))
axes.axis("off")
there, back = {"arrowstyle": "-|>", "color": "C0"}, {"arrowstyle": "-|>", "color": "C3"}

for place, name in enumerate(["linear", "relu", "linear", "loss"]):
    box = {"boxstyle": "round,pad=0.6", "facecolor": "white"}
    axes.text(2 * place + 0.6, 0, name, ha="center", va="center", size=12, bbox=box)
for place, number in [(0.6, 1), (4.6, 2)]:
    axes.annotate(f"$W_{number},\\ b_{number}$", (place, 0.35), (place, 1.2), ha="center", color="C0", arrowprops=there)
    axes.annotate("", (place, -1.1), (place, -0.35), arrowprops=back)
    gradients = rf"$\partial L/\partial W_{number},\ \partial L/\partial b_{number}$"
    axes.text(place, -1.45, gradients, ha="center", color="C3")
for place, name in enumerate(["$x$", "$z_1$", "$h_1$", "$z_2$", "$L$"]):
    axes.annotate("", (2 * place, 0.12), (2 * place - 0.8, 0.12), arrowprops=there)
    axes.text(2 * place - 0.4, 0.3, name, ha="center", color="C0")
for place, name in enumerate(["z_1", "h_1", "z_2", "L"], start=1):
    axes.annotate("", (2 * place - 0.8, -0.12), (2 * place, -0.12), arrowprops=back)
    axes.text(2 * place - 0.4, -0.5, rf"$\partial L/\partial {name}$", ha="center", color="C3")
plt.show()

# %% [markdown]
# ## Exercise 2: `relu_backward`
#
# **Goal.** The way back through the bend: `mlp_backward` calls it between two layers.
#
# **Shapes.** `grad_out` and `x`: float, any shape, the same for both $\to$ that shape, dtype and device. `x` is what
# `relu` was given, `grad_out` the gradient of the loss with respect to what it returned.
#
# **Formula.** $$\frac{\partial L}{\partial x} = \begin{cases} \partial L / \partial \operatorname{relu}(x) & x > 0 \\ 0
# & x \le 0 \end{cases} \qquad \text{entry by entry}$$
#
# **Worked example.** `x` $= (-2,\ 0,\ 3,\ 0.5)$ and `grad_out` $= (5,\ 7,\ -1,\ 4)$ give $(0,\ 0,\ -1,\ 4)$.
#
# **Pitfalls.** Which of the two tensors decides, and which one is passed on? May a gradient be negative? What happens
# where `x` is exactly $0$? Would your function still be right if the caller used `grad_out` again afterwards?
#
# **What is checked.** The values, also against finite differences of the ReLU; any shape (0-dim, empty, several axes,
# views that are not contiguous); $0$ where $x = 0$; tiny and huge entries; `float32` stays `float32` and `float64`
# stays `float64` with all its digits; `grad_out` and `x` are unchanged (they do not require gradients); the result
# depends on nothing but its inputs, not on earlier calls or on PyTorch's default dtype, and no global setting is
# changed. On a GPU everything stays there: new tensors are made on the device of `x`, and none is copied to the CPU and
# back (index tensors and reading single numbers are fine).
#
# **Not allowed.** Nothing is forbidden here. But autograd in here breaks the rule of exercise 6, if you call it there.

# %% exercise="relu_backward" points=2

# %% example="relu_backward"
example_x = torch.tensor([-2.0, 0.0, 3.0, 0.5])
example_gradient = relu_backward(torch.tensor([5.0, 7.0, -1.0, 4.0]), example_x)
assert example_gradient is not None, "relu_backward returned None: is there a return at the end?"
assert example_gradient.shape == (4,), f"expected shape (4,), like x, not {tuple(example_gradient.shape)}"
expected_gradient = torch.tensor([0.0, 0.0, -1.0, 4.0])
torch.testing.assert_close(
    example_gradient,
    expected_gradient,
    msg=f"the worked example should give {expected_gradient}, but you get {example_gradient}",
)
print("relu_backward: the example passes.")

# %% [markdown]
# ## Exercise 3: `linear_forward`
#
# **Goal.** One layer, for a whole batch at once. A network is a row of these with a ReLU in between.
#
# **Shapes.** `x` $(N, D)$, `W` $(D, M)$, `b` $(M,)$, all float $\to$ $(N, M)$, same dtype and device.
#
# **Formula.** $$Y = XW + b, \qquad y_{ij} = \sum_{k=1}^{D} x_{ik}\, w_{kj} + b_j$$
#
# **Worked example.** The rows $(1, 2)$ and $(0, -1)$ with $W = \begin{pmatrix} 1 & 0 & 2 \\ -1 & 3 & 1 \end{pmatrix}$
# and $b = (0.5,\ 0,\ -1)$ give the rows $(-0.5,\ 6,\ 3)$ and $(1.5,\ -3,\ -2)$.
#
# **Pitfalls.** What is the difference between `*` and `@`? Does every row get the whole bias, also when $N = M$? Which
# mistake would you not notice if $D = M$? Whose weights does a new `nn.Linear` use?
#
# **What is checked.** The values; tiny and huge entries; any sizes ($N = 1$, $D = 1$, $M = 1$, square layers, views
# that are not contiguous); `float32` stays `float32` and `float64` stays `float64` with the accuracy of `float64`; the
# gradients with respect to `x`, `W` and `b`, against the exact ones and against finite differences; the arguments are
# unchanged; the result depends on nothing but its inputs, not on earlier calls or on PyTorch's default dtype, and no
# global setting is changed. On a GPU everything stays there, forward and backward: new tensors are made on the device
# of `x`, and none is copied to the CPU and back (index tensors and reading single numbers are fine).
#
# **Not allowed.** Nothing is forbidden here.

# %% exercise="linear_forward" points=2

# %% example="linear_forward"
example_x = torch.tensor([[1.0, 2.0], [0.0, -1.0]])
example_weights = torch.tensor([[1.0, 0.0, 2.0], [-1.0, 3.0, 1.0]])
example_out = linear_forward(example_x, example_weights, torch.tensor([0.5, 0.0, -1.0]))
assert example_out is not None, "linear_forward returned None: is there a return at the end?"
assert example_out.shape == (2, 3), f"expected shape (2, 3), which is (N, M), not {tuple(example_out.shape)}"
expected_out = torch.tensor([[-0.5, 6.0, 3.0], [1.5, -3.0, -2.0]])
torch.testing.assert_close(
    example_out, expected_out, msg=f"the worked example should give\n{expected_out}\nbut you get\n{example_out}"
)
print("linear_forward: the example passes.")

# %% [markdown]
# ## The gradients of one layer
#
# Let $G$ be `grad_out`: $g_{ij} = \partial L / \partial y_{ij}$, one number for every number that the layer gave out.
# Each gradient answers one question: *through which outputs does this number reach the loss, and how strongly?*
#
# 1. $x_{ik}$ appears in all outputs of its own row, with the factor $w_{kj}$. So $\displaystyle \frac{\partial
# L}{\partial x_{ik}} = \sum_j g_{ij}\, w_{kj}$.
# 2. $w_{kj}$ appears in column $j$ of *every* row, with the factor $x_{ik}$. So $\displaystyle \frac{\partial
# L}{\partial w_{kj}} = \sum_i x_{ik}\, g_{ij}$.
# 3. $b_j$ is added to column $j$ of every row, with the factor $1$. So $\displaystyle \frac{\partial L}{\partial b_j} =
# \sum_i g_{ij}$.
#
# Whatever is used several times collects its gradient from all the places where it was used. The sums are matrix
# products, and the shapes leave only one way to write them: a gradient always has the shape of the thing itself.

# %% [markdown]
# ## Exercise 4: `linear_backward`
#
# **Goal.** The gradients of one layer, without autograd. `mlp_backward` calls it once per layer: `dW` and `db` are for
# the learning step, `dx` is handed to the layer before.
#
# **Shapes.** `grad_out` $(N, M)$, `x` $(N, D)$, `W` $(D, M)$ $\to$ the tuple `(dx, dW, db)` of shapes $(N, D)$, $(D,
# M)$, $(M,)$, same dtype and device.
#
# **Formula.** $$\frac{\partial L}{\partial X} = G\,W^{\top}, \qquad \frac{\partial L}{\partial W} = X^{\top} G, \qquad
# \frac{\partial L}{\partial b_j} = \sum_{i=1}^{N} g_{ij}$$
#
# **Worked example.** With $X$ and $W$ of exercise 3 and $G = \begin{pmatrix} 1 & 0 & 2 \\ 0 & 1 & -1 \end{pmatrix}$:
# `dx` $= \begin{pmatrix} 5 & 1 \\ -2 & 2 \end{pmatrix}$, `dW` $= \begin{pmatrix} 1 & 0 & 2 \\ 2 & -1 & 5
# \end{pmatrix}$, `db` $= (1, 1, 1)$.
#
# **Pitfalls.** If $N = D = M$ every product has the right shape: how would you know that it is the right one? Is the
# gradient of `b` a sum or a mean, and over which axis? Where does a mean over the batch belong, if there is one? Why is
# `b` not needed here?
#
# **What is checked.** Each of the three, also against finite differences of the layer; square layers; tiny and huge
# gradients; any sizes ($N = 1$, $D = 1$, $M = 1$, views that are not contiguous); `float32` stays `float32` and
# `float64` stays `float64` with the accuracy of `float64`; the arguments are unchanged (they do not require gradients);
# the result depends on nothing but its inputs, not on earlier calls, on PyTorch's default dtype or on whether gradients
# are being recorded, and no global setting is changed. On a GPU everything stays there: new tensors are made on the
# device of `x`, and none is copied to the CPU and back (index tensors and reading single numbers are fine).
#
# **Not allowed.** Autograd: `.backward()`, `torch.autograd`, `torch.func`. An answer that breaks this rule scores 0.

# %% exercise="linear_backward" points=4

# %% example="linear_backward"
example_x = torch.tensor([[1.0, 2.0], [0.0, -1.0]])
example_weights = torch.tensor([[1.0, 0.0, 2.0], [-1.0, 3.0, 1.0]])
example_gradients = linear_backward(torch.tensor([[1.0, 0.0, 2.0], [0.0, 1.0, -1.0]]), example_x, example_weights)
assert example_gradients is not None, "linear_backward returned None: is there a return at the end?"
assert len(example_gradients) == 3, "linear_backward returns three tensors: return dx, dW, db"
expected_gradients = {"dx": [[5.0, 1.0], [-2.0, 2.0]], "dW": [[1.0, 0.0, 2.0], [2.0, -1.0, 5.0]], "db": [1.0, 1.0, 1.0]}
for (name, expected), gradient in zip(expected_gradients.items(), example_gradients, strict=True):
    expected = torch.tensor(expected)
    assert gradient.shape == expected.shape, f"{name}: expected {tuple(expected.shape)}, not {tuple(gradient.shape)}"
    torch.testing.assert_close(gradient, expected, msg=f"{name} should be\n{expected}\nbut you get\n{gradient}")
print("linear_backward: the example passes.")

# %% [markdown]
# ## Exercise 5: `mlp_forward`
#
# **Goal.** All layers, one after the other; and a note to yourself of everything that the way back will need. The
# training loop at the end calls it for every batch.
#
# **Shapes.** `params`: the list $[W_1, b_1, W_2, b_2, \dots]$ of 1 to 4 layers; `x` $(N, D)$ $\to$ the pair `(logits,
# cache)`: logits $(N, C)$, same dtype and device; `cache` is yours: a list, a dict, an object, whatever you like.
#
# **Formula.** $$h_0 = X, \qquad h_\ell = \operatorname{relu}(h_{\ell-1} W_\ell + b_\ell) \ \text{ for every layer but
# the last}, \qquad \text{logits} = h_{K-1} W_K + b_K$$
#
# **Worked example.** Exclusive or with two hidden units: $W_1 = \begin{pmatrix} 1 & 1 \\ 1 & 1 \end{pmatrix}$, $b_1 =
# (0, -1)$, $W_2 = \begin{pmatrix} 1 \\ -2 \end{pmatrix}$, $b_2 = (0)$. The rows $(0,0), (0,1), (1,0), (1,1)$ have
# hidden units $(0,0), (1,0), (1,0), (2,1)$ and logits $0, 1, 1, 0$.
#
# **Pitfalls.** After which layers does the ReLU stand if there is only one layer? How many layers does a list of six
# tensors make? What does `params.pop()` do to the caller's list? If the cache lived in a global variable, what would
# the next forward pass do to it?
#
# **What is checked.** That you return a pair; the logits for 1, 2, 3 and 4 layers of equal and unequal widths; hidden
# units of any size; any sizes ($N = 1$, widths of 1, views that are not contiguous); `float32` stays `float32` and
# `float64` stays `float64` with the accuracy of `float64`; `params` and `x` are unchanged; the logits depend on nothing
# but the inputs, not on earlier calls, on PyTorch's default dtype or on whether gradients are being recorded, and no
# global setting is changed. On a GPU everything stays there, as in exercise 4. What stands in the cache is not looked
# at. Autograd in here breaks the rule of exercise 6.
#
# **Not allowed.** Nothing is forbidden here.

# %% exercise="mlp_forward" points=3

# %% example="mlp_forward"
xor_params = [torch.ones(2, 2), torch.tensor([0.0, -1.0]), torch.tensor([[1.0], [-2.0]]), torch.zeros(1)]
corners = torch.tensor([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
example_result = mlp_forward(xor_params, corners)
assert example_result is not None, "mlp_forward returned None: is there a return at the end?"
assert len(example_result) == 2, "mlp_forward returns a pair: return logits, cache"
example_logits = example_result[0]
assert example_logits.shape == (4, 1), f"expected logits of shape (4, 1), not {tuple(example_logits.shape)}"
expected_logits = torch.tensor([[0.0], [1.0], [1.0], [0.0]])
torch.testing.assert_close(
    example_logits,
    expected_logits,
    msg=f"the worked example should give\n{expected_logits}\nbut you get\n{example_logits}",
)
assert len(xor_params) == 4, "the list of parameters is not yours to change"
print("mlp_forward: the example passes.")

# %% [markdown]
# ## Exercise 6: `mlp_backward`
#
# **Goal.** Backpropagation: the gradients of all parameters in one walk from the last layer to the first, without
# autograd. With them the network learns, at the end of this notebook.
#
# **Shapes.** `params` as in exercise 5; `cache`: what your `mlp_forward` returned for the same numbers (perhaps in
# other tensor objects); `grad_logits` $(N, C)$, the gradient of the loss with respect to the logits $\to$ a list of
# gradients in the order and the shapes of `params`.
#
# **Formula.** From the last layer $\ell = K$ with $G_K$ = `grad_logits` down to the first, where $z_\ell =
# h_{\ell-1} W_\ell + b_\ell$:
# $$\frac{\partial L}{\partial W_\ell} = h_{\ell-1}^{\top} G_\ell, \qquad \frac{\partial L}{\partial b_\ell} = \sum_i
# (G_\ell)_{i}, \qquad G_{\ell-1} = (G_\ell W_\ell^{\top}) \cdot [\, z_{\ell-1} > 0 \,]$$
#
# **Worked example.** The network of exercise 5, rows $(1, 0)$ and $(1, 1)$ with `grad_logits` $1$ and $0.5$. In the
# first row the second hidden unit is exactly at $0$ and passes nothing: $dW_1 = \begin{pmatrix} 1.5 & -1 \\ 0.5 & -1
# \end{pmatrix}$, $db_1 = (1.5, -1)$, $dW_2 = \begin{pmatrix} 2 \\ 0.5 \end{pmatrix}$, $db_2 = (1.5)$.
#
# **Pitfalls.** Which layer's ReLU stands between $G_\ell W_\ell^\top$ and $G_{\ell-1}$? In which order do the gradients
# arrive, and in which are they asked for? Is there a ReLU behind the last layer? If you empty the cache on the way,
# what does a second call find?
#
# **What is checked.** The gradients for 1 to 4 layers of equal and unequal widths, also against finite differences;
# tiny and huge gradients; any sizes, as in exercise 5; nothing passes where $z_\ell = 0$; several forward passes may
# come before a backward; `float32` and `float64` as before; `params`, `cache` and `grad_logits` are unchanged (a second
# call gives the same); the result depends on nothing but its inputs, as in exercise 5, and no global setting is
# changed. On a GPU everything stays there, as in exercise 4.
#
# **Not allowed.** Autograd, as in exercise 4, here and in `mlp_forward`. An answer that breaks this rule scores 0.

# %% exercise="mlp_backward" points=5

# %% example="mlp_backward"
xor_params = [torch.ones(2, 2), torch.tensor([0.0, -1.0]), torch.tensor([[1.0], [-2.0]]), torch.zeros(1)]
_, example_cache = mlp_forward(xor_params, torch.tensor([[1.0, 0.0], [1.0, 1.0]]))
example_gradients = mlp_backward(xor_params, example_cache, torch.tensor([[1.0], [0.5]]))
assert example_gradients is not None, "mlp_backward returned None: is there a return at the end?"
assert len(example_gradients) == 4, f"one gradient per parameter: expected 4, not {len(example_gradients)}"
expected_gradients = {"dW1": [[1.5, -1.0], [0.5, -1.0]], "db1": [1.5, -1.0], "dW2": [[2.0], [0.5]], "db2": [1.5]}
for (name, expected), gradient in zip(expected_gradients.items(), example_gradients, strict=True):
    expected = torch.tensor(expected)
    assert gradient.shape == expected.shape, f"{name}: expected {tuple(expected.shape)}, not {tuple(gradient.shape)}"
    torch.testing.assert_close(gradient, expected, msg=f"{name} should be\n{expected}\nbut you get\n{gradient}")
print("mlp_backward: the example passes.")

# %% [markdown]
# ## How wide, and how to begin
#
# **Sizes as powers of two.** How many hidden units? You will often meet 32, 64, 128, 256. Such sizes fit the blocks in
# which processors read memory and multiply matrices, and doubling is the right step for a search: whether 64 or 70
# units are better nobody can measure, whether 64 or 128 are often shows. It is a habit, not a law; input and output
# have the sizes that the data dictates.
#
# **How to begin.** The single layer of the last notebook could start at zero. Here that would be the end: with all
# weights equal, all hidden units of a layer compute the same, get the same gradient and stay the same for ever. Random
# weights break the symmetry. How large? Each unit sums up $D$ numbers, so its variance is $D$ times that of one term,
# and a ReLU lets about half of that through. With standard deviation $\sqrt{2/D}$ (He initialisation) the signal keeps
# its size from layer to layer: it neither dies out nor explodes. Biases may start at zero. `nn.Linear` does something
# similar on its own: uniform numbers between $-1/\sqrt{D}$ and $1/\sqrt{D}$.

# %% [markdown]
# ## Exercise 7: `MLP`
#
# **Goal.** The same network as PyTorch people write it: an `nn.Module` that owns its parameters, so that an optimiser
# finds them, `state_dict` saves them and `.to(device)` moves them. The next notebooks use it.
#
# **Shapes.** `in_features`, `out_features`: numbers; `hidden_sizes`: a list or tuple of widths, may be empty.
# `MLP(...)(x)`: `x` $(N, D)$ float $\to$ logits $(N, C)$ with $D$ = `in_features` and $C$ = `out_features`.
#
# **Formula.** As in exercise 5, with one affine map with bias from each size to the next of `[in_features,
# *hidden_sizes, out_features]`, and a ReLU after each but the last.
#
# **Worked example.** `MLP(64, [32, 16], 10)` has $64 \cdot 32 + 32 = 2080$, $32 \cdot 16 + 16 = 528$ and $16 \cdot 10 +
# 10 = 170$ parameters, together $2778$. `MLP(4, [], 3)` is a single affine map with $15$.
#
# **Pitfalls.** Does a module see what you put into a plain Python list? What must `__init__` do before anything else?
# Can a tuple be added to a list? Is the second hidden layer another layer, or the first one used twice? Does the loss
# want logits or probabilities?
#
# **What is checked.** It is an `nn.Module`; shape and dtype of the logits; the number of trainable parameters; the
# logits and the gradient of every parameter, for given weights (names, order and layout are yours), also against finite
# differences, with 0 to 3 hidden layers of equal and unequal widths; logits of both signs: no softmax and no ReLU at
# the end; hidden units of any size; no weight matrix starts with all entries equal; `hidden_sizes` as list and tuple,
# empty, left unchanged; the same logits in train mode and eval mode, again and again (no dropout, no normalisation);
# each row on its own; `state_dict` and `load_state_dict`; `.double()`; two networks are independent; `x` is unchanged.
# After `.to(device)` all of it works there, forward and backward: new tensors are made on the device of `x`, and none
# is copied to the CPU and back (index tensors and reading single numbers are fine).
#
# **Not allowed.** Nothing is forbidden here: `nn.Linear`, `nn.Sequential` and `torch.relu` are welcome.

# %% exercise="MLP" points=4

# %% example="MLP"
example_net = MLP(64, [32, 16], 10)
assert isinstance(example_net, nn.Module), "MLP should be a subclass of nn.Module"
example_count = sum(p.numel() for p in example_net.parameters())
assert example_count == 2778, f"MLP(64, [32, 16], 10) should have 2778 parameters, but it has {example_count}"
example_logits = example_net(torch.randn(5, 64))
assert example_logits is not None, "forward returned None: is there a return at the end?"
assert example_logits.shape == (5, 10), f"expected logits of shape (5, 10), not {tuple(example_logits.shape)}"
assert sum(p.numel() for p in MLP(4, (), 3).parameters()) == 15, "MLP(4, (), 3) is a single affine map"
print("MLP: the example passes.")

# %% [markdown]
# ## All together: a network that you can see through learns
#
# 1797 handwritten digits, 8 x 8 grey values each; 360 of them are kept aside. First the network learns with *your*
# backward pass and not a trace of autograd. The loss is the cross-entropy, whose gradient you know: probabilities minus
# one-hot labels, divided by $N$.

# %%
digits = np.load("data/digits.npz")
pixels = torch.from_numpy(digits["images"]).float().flatten(1) / 16  # (1797, 64)
targets = torch.from_numpy(digits["labels"]).long()  # (1797,)
train, test = torch.from_numpy(digits["train"]).long(), torch.from_numpy(digits["test"]).long()
one_hot = torch.eye(10)[targets]  # (1797, 10)

params = []
for D, M in [(64, 64), (64, 10)]:
    params += [torch.randn(D, M) * (2 / D) ** 0.5, torch.zeros(M)]  # He initialisation

losses = []
for _ in range(120):
    rows = train[torch.randint(len(train), (64,))]
    logits, cache = mlp_forward(params, pixels[rows])
    log_probs = torch.log_softmax(logits, dim=1)
    losses.append(-(one_hot[rows] * log_probs).sum().item() / len(rows))
    gradients = mlp_backward(params, cache, (log_probs.exp() - one_hot[rows]) / len(rows))
    for p, gradient in zip(params, gradients, strict=True):
        p -= 0.3 * gradient

print(f"your backward pass: loss {losses[0]:.2f} at first, {sum(losses[-20:]) / 20:.2f} in the end")
is_right = mlp_forward(params, pixels[test])[0].argmax(dim=1) == targets[test]
print(f"accuracy: {is_right.float().mean():.1%} on images it has never seen")

# %% [markdown]
# Now the same with your `MLP`, and autograd walks back. Compare the curves: `nn.Linear` begins with smaller weights
# than He initialisation, and it shows.

# %%
net = MLP(64, [64], 10)
net_losses = []
for _ in range(100):
    rows = train[torch.randint(len(train), (64,))]
    loss = nn.functional.cross_entropy(net(pixels[rows]), targets[rows])
    net_losses.append(loss.item())
    for p, gradient in zip(net.parameters(), torch.autograd.grad(loss, list(net.parameters())), strict=True):
        p.data -= 0.3 * gradient

with torch.no_grad():
    is_right = net(pixels[test]).argmax(dim=1) == targets[test]
print(f"your MLP: loss {net_losses[0]:.2f} at first, {sum(net_losses[-20:]) / 20:.2f} in the end")
print(f"accuracy: {is_right.float().mean():.1%} on images it has never seen")

plt.figure(figsize=(6, 3))
plt.plot(losses, label="mlp_forward and mlp_backward")
plt.plot(net_losses, label="MLP and autograd")
plt.xlabel("step")
plt.ylabel("cross-entropy of the batch")
plt.ylim(bottom=0)
plt.legend()
plt.show()

# %% [markdown]
# And do the two ways back agree? Autograd through your `linear_forward` and `relu`, against your `mlp_backward`:

# %%
some_params = [p.double().requires_grad_() for p in params]
some_pixels, some_weights = pixels[:5].double(), torch.randn(5, 10, dtype=torch.float64)
hidden = relu(linear_forward(some_pixels, some_params[0], some_params[1]))
total = (linear_forward(hidden, some_params[2], some_params[3]) * some_weights).sum()
by_autograd = torch.autograd.grad(total, some_params)
plain_params = [p.detach() for p in some_params]
by_hand = mlp_backward(plain_params, mlp_forward(plain_params, some_pixels)[1], some_weights)
difference = max((a - b).abs().max().item() for a, b in zip(by_autograd, by_hand, strict=True))
print(f"largest difference between autograd and your backward pass: {difference:.1e}")

# %% [markdown]
# **Something to think about** (no points): draw a few columns of the first weight matrix as 8 x 8 images
# (`plt.imshow(params[0][:, 0].reshape(8, 8))`). What do the hidden units look at? And what happens to the loss curve if
# you start with $W = 0$, or take the ReLU away?
#
# **Read on.** I. Goodfellow, Y. Bengio, A. Courville: *Deep Learning* (2016), sections 6.1 (exclusive or), 6.3 (hidden
# units) and 6.5 (backpropagation). A. Zhang, Z. Lipton, M. Li, A. Smola: *Dive into Deep Learning* (2023), chapter 5.
# K. He, X. Zhang, S. Ren, J. Sun: *Delving Deep into Rectifiers* (2015), on how to begin. The images come from E.
# Alpaydin and C. Kaynak: *Optical Recognition of Handwritten Digits*, UCI Machine Learning Repository (1998).
