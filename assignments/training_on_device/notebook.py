# %% [markdown]
# # Training on a device
#
# So far every tensor of yours lived in one place, and you never had to say where. A graphics card has a memory of its
# own, and from now on every tensor is somewhere. In this notebook you write a training loop that runs on a GPU where
# there is one, and on the CPU everywhere else, without a change. You write four functions and a class:
#
# | | name | what it does |
# |---|---|---|
# | 1 | `pick_device` | decides where a program runs |
# | 2 | `to_device` | moves a batch there, whatever it is made of |
# | 3 | `train_epoch` | trains a network there, for one pass over the data |
# | 4 | `evaluate` | measures it there, and leaves no trace |
# | 5 | `PositionalBias` | a module with a table that is not learned, but moves along |
#
# **How it works.** Each exercise has a text, a cell for your code, and a cell with an example that tells you at once
# what does not fit yet. When an example passes you are close: hidden checks then look at every property that the text
# lists under *What is checked*, and at nothing else. **You need no GPU.** Checks *on the GPU* run on the machine that
# grades, on a real one or on one that is simulated: there, too, every tensor is in one of two places, and each copy
# between them is counted, with the line that made it. Before you hand in, choose *Restart Kernel and Run All Cells*.
#
# **Letters.** $N$ is the number of examples in a batch, $C$ the number of classes. A **batch** for training is a pair
# $(X, y)$: inputs $X$ with $N$ examples along the first axis, and $N$ labels $y$, whole numbers in $0, \dots, C-1$.

# %%
import time
from collections import namedtuple
from collections.abc import Iterable
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import torch
from torch import Tensor, nn

torch.manual_seed(0)

# %% [markdown]
# ## What a device is
#
# A **device** is a memory together with the processor that computes on it. The **host** is the machine's ordinary
# memory with its CPU, in PyTorch `cpu`. A GPU (graphics processing unit) has thousands of small arithmetic units and
# its own memory next to them; PyTorch calls NVIDIA's `cuda`, and numbers them: `cuda:0`, `cuda:1`, and so on.
#
# A tensor lies in the memory of exactly one device, `x.device`, and an operation runs where its tensors are. There is
# no magic behind your back: PyTorch never moves a tensor because it would be faster elsewhere.
#
# Is it faster? A product of two $n \times n$ matrices takes $2 n^3$ operations on $2 n^2$ numbers. Let us measure it:
# in NumPy, in PyTorch on the CPU and, if this machine has a GPU, there, once with the matrices in place and once with
# the way there and back. A GPU works on its own while Python goes on, so the clock has to wait for it (`synchronize`).


# %%
def seconds_of(work, *args, wait=lambda: None, times=5):
    """The shortest of several measurements."""
    measured = []
    for _ in range(times):
        start = time.perf_counter()
        work(*args)
        wait()
        measured.append(time.perf_counter() - start)
    return min(measured)


def there_and_back(A, B):
    return (A.to("cuda") @ B.to("cuda")).to("cpu")


has_gpu = torch.cuda.is_available()
matrix_sizes = [32, 64, 128, 256, 512, 1024]
curves = {"NumPy": [], "PyTorch on the CPU": []}
if has_gpu:
    curves |= {"GPU, matrices in place": [], "GPU, there and back": []}
for size in matrix_sizes:
    A = torch.rand(size, size)
    curves["NumPy"].append(seconds_of(np.matmul, A.numpy(), A.numpy()))
    curves["PyTorch on the CPU"].append(seconds_of(torch.matmul, A, A))
    if has_gpu:
        on_gpu = A.to("cuda")
        in_place = seconds_of(torch.matmul, on_gpu, on_gpu, wait=torch.cuda.synchronize)
        curves["GPU, matrices in place"].append(in_place)
        curves["GPU, there and back"].append(seconds_of(there_and_back, A, A))

plt.figure(figsize=(6, 3))
for name, seconds in curves.items():
    plt.loglog(matrix_sizes, seconds, "o-", label=name)
plt.xlabel("n")
plt.ylabel("seconds for one product")
plt.legend()
plt.show()
print(torch.cuda.get_device_name() if has_gpu else "This machine has no GPU, and nothing below needs one.")

# %% [markdown]
# NumPy and PyTorch agree on the CPU: the same hardware, much the same libraries. On a GPU the curve is flat at first.
# Each operation must be launched, which costs some microseconds whatever its size; so small tensors gain nothing there,
# and only large ones show what the card can do. "There and back" shows the other price, of which more below.

# %% [markdown]
# ## Exercise 1: `pick_device`
#
# **Goal.** The first line of a program that runs anywhere: it says where. All that follows takes the answer as an
# argument, and the word `cuda` never appears again.
#
# **Shapes.** `index`: a whole number, at least $0$; $0$ if it is not given $\to$ a `torch.device`.
#
# **Formula.** With $n$ GPUs, numbered from $0$: $$\operatorname{pick\_device}(i) = \begin{cases} \text{the GPU
# } \texttt{cuda:}i & \text{if } i < n \\ \texttt{cpu} & \text{otherwise} \end{cases}$$
#
# **Worked example.** With two GPUs, `pick_device()` is `torch.device("cuda", 0)`, `pick_device(1)` is
# `torch.device("cuda", 1)`, and `pick_device(2)` is `torch.device("cpu")`. On a laptop without a GPU all three are
# `torch.device("cpu")`.
#
# **Pitfalls.** Is `"cuda:0"` a device or a string? Are `torch.device("cuda")` and `torch.device("cuda:0")` equal? What
# is the index of the last of $n$ GPUs? Does `torch.device("cuda:7")` complain if there is no such GPU, or does somebody
# else, later? Does a machine with one GPU have a second one?
#
# **What is checked.** Without a GPU: the result is `torch.device("cpu")`, for every index and without one. On the GPU:
# the device with its index, for the index of a GPU and without an argument; the CPU for an index beyond the last GPU.
# Everywhere: a call depends on nothing but its argument and the machine, not on earlier calls, and no global setting
# is changed (such as the default device).
#
# **Not allowed.** Nothing is forbidden here.

# %% exercise="pick_device" points=2

# %% example="pick_device"
example_device = pick_device()
assert example_device is not None, "pick_device returned None: is there a return at the end of every branch?"
is_device = isinstance(example_device, torch.device)
assert is_device, f"expected a torch.device, not {type(example_device).__name__}"
expected_type = "cuda" if torch.cuda.is_available() else "cpu"
assert example_device.type == expected_type, f"on this machine expected {expected_type}, not {example_device.type}"
far_device = pick_device(1000)
assert far_device == torch.device("cpu"), f"there is no GPU number 1000: expected the CPU, not {far_device}"
print("pick_device: the example passes.")

# %% [markdown]
# ## Two memories and the way between them
#
# A GPU reads its own memory at hundreds or thousands of gigabytes a second. The way between host and GPU is the narrow
# part: a few tens of gigabytes a second at best. So the rule of all training on a GPU is: **bring it there once, and
# let it stay.** The network goes there at the beginning, each batch when its turn comes, and what comes back is a
# number now and then.
#
# - `x.to(device)` gives a tensor on the device: a copy, or `x` itself if it is there already. `x` stays where it was.
# - Operations want all their tensors on one device. Otherwise PyTorch stops, and the message tells you what happened:
#   *Expected all tensors to be on the same device, but found at least two devices, cuda:0 and cpu!* There are few
#   exceptions: a CPU tensor without axes, such as `torch.tensor(0.5)`, mixes with GPU tensors as a plain number does.
# - New tensors are made on the CPU: `torch.zeros(3)`. In a function that is given `x`, write
#   `torch.zeros(3, device=x.device)`, or `torch.zeros_like(x)`.
# - NumPy knows the host only: `x.numpy()` refuses for a GPU tensor. The way back, `x.cpu()`, can be taken without an
#   error message, and that is the danger: `torch.exp(x.cpu()).to(x.device)` gives the right numbers and is slow.
# - `loss.item()`, `float(loss)`, `print(loss)` and `if loss > 3:` bring a number back. That is a few bytes, but the
#   CPU must *wait* until the GPU has computed it. Once a batch is fine, once a layer is not.
#
# Every machine has one more device, to try things out: tensors on `meta` have a shape, a dtype and a device, but no
# numbers. They refuse to mix, too:

# %%
ghost = torch.ones(2, 3).to("meta")
print(ghost, "has", ghost.numel(), "entries and no numbers")
try:
    ghost + torch.ones(2, 3)
except RuntimeError as error:
    print("RuntimeError:", error)

# %% [markdown]
# ## Exercise 2: `to_device`
#
# **Goal.** Batches come in many forms: a pair `(X, y)`, a dict with names, a list of pictures of different sizes. One
# function moves them all; PyTorch's own data loader walks through its batches in the same way.
#
# **Shapes.** `batch`: a tensor, or a list, tuple, named tuple or dict of batches, nested as deep as you like, or
# anything else; `device`: a `str` or a `torch.device` $\to$ the same structure.
#
# **Formula.** $$m(b) = \begin{cases} \text{the tensor } b \text{ on the device} & b \text{ is a tensor} \\ \text{a
# container of the same type, with } m(e) \text{ for each of its items } e & b \text{ is a list, (named) tuple or dict}
# \\ b & \text{otherwise} \end{cases}$$
#
# **Worked example.** `{"x": X, "name": "seven", "boxes": [(B, 3)]}` becomes `{"x": X', "name": "seven", "boxes": [(B',
# 3)]}`, where `X'` and `B'` are `X` and `B` on the device.
#
# **Pitfalls.** Does `x.to(device)` change `x`? A string is made of strings: where does your recursion end? A tuple is
# made from one list of items; and a named tuple? What does `isinstance(pair, tuple)` say of it, and `type(pair)`?
#
# **What is checked.** A tensor alone, of any shape and dtype, with its values; list, tuple, named tuple and dict come
# back with their type (a dict with its keys, in order), also empty and nested; numbers, strings, `None`, NumPy arrays
# and other objects come back as the objects they are; the batch you were given is unchanged; `device` as `str` and as
# `torch.device`; gradients flow back through the move; no global setting is changed, and earlier calls do not matter.
# On the GPU: afterwards all tensors are there; each is copied once, none comes back, and what was there already is not
# copied at all; the way from the GPU to the CPU works, too.
#
# **Not allowed.** Nothing is forbidden here.

# %% exercise="to_device" points=4

# %% example="to_device"
Pair = namedtuple("Pair", ["x", "y"])
example_batch = {"pair": Pair(torch.ones(2, 3), torch.tensor([1, 0])), "name": "seven", "rest": [(torch.zeros(1), 3)]}
moved_batch = to_device(example_batch, "meta")
assert isinstance(moved_batch, dict), f"a dict should stay a dict, not become {type(moved_batch).__name__}"
assert list(moved_batch) == ["pair", "name", "rest"], f"the keys should stay as they are, not {list(moved_batch)}"
assert type(moved_batch["pair"]) is Pair, f"a Pair should stay a Pair, not become {type(moved_batch['pair']).__name__}"
where_x_is = moved_batch["pair"].x.device
assert where_x_is.type == "meta", f"a tensor in a named tuple should be on meta now, not on {where_x_is}"
assert moved_batch["name"] == "seven", "what is not a tensor should stay as it is"
assert moved_batch["rest"][0][0].device.type == "meta", "a tensor in a tuple in a list should be on meta now"
assert example_batch["pair"].x.device.type == "cpu", "the batch that was given should stay where it was"
print("to_device: the example passes.")

# %% [markdown]
# ## Training where the data is
#
# An **epoch** is one pass over the training data, batch after batch. You know the step: loss, gradient, update. Four
# things are new.
#
# - **The network moves, too.** `net.to(device)` moves every parameter and every buffer, and unlike `x.to(device)` it
#   changes `net` itself. Gradients are made where the parameters are.
# - **A network has two modes.** Dropout drops, and batch normalisation uses the statistics of the batch and updates its
#   running averages, in *train mode* only; `net.train()` and `net.eval()` switch all parts of a network. A loop
#   that trains says so itself: who knows what the caller did before?
# - **Gradients add up.** `backward()` adds to what stands in `.grad`, so they are cleared once per batch.
# - **Batches differ in size.** Of 100 examples in batches of 64, the last batch has 36. The mean of the two losses
#   would give each example of the small batch almost twice the weight of the others; the average over the *examples*
#   weighs each batch with its size.

# %% [markdown]
# ## Exercise 3: `train_epoch`
#
# **Goal.** One epoch of plain SGD, on whatever device it is told to use. The last section trains a network with it.
#
# **Shapes.** `net`: an `nn.Module`, $X \mapsto$ logits $(N, C)$; `batches`: an iterable of pairs `X` $(N, \dots)$, `y`
# $(N,)$ int64; `lr`: a float; `device`: a `str` or a `torch.device` $\to$ a Python `float`.
#
# **Formula.** With $L_k$ the mean cross-entropy of batch $k$, of size $N_k$, *before* the update that it causes:
# $$\theta \leftarrow \theta - \eta \, \nabla_\theta L_k \quad \text{for } k = 1, 2, \dots \qquad \text{and the result
# is } \; \frac{\sum_k N_k L_k}{\sum_k N_k}$$
#
# **Worked example.** `nn.Linear(1, 2)` with all parameters $0$, $\eta = 1$, batches $X = (1), y = (0)$ and $X = (1, 1),
# y = (1, 1)$. The first loss is $\ln 2 = 0.6931$, its step gives $W = b = (0.5, -0.5)$; the second is $\ln(1 + e^2) =
# 2.1269$, its step $W = b = (-0.3808, 0.3808)$. The result is $(0.6931 + 2 \cdot 2.1269) / 3 = 1.6490$.
#
# **Pitfalls.** In which mode does `net` arrive, and where? How often can you walk through a generator? When is a
# gradient cleared? What do you keep alive if you add up losses instead of numbers? Who brings the labels to the logits?
#
# **What is checked.** The result, a `float`, for batches of different sizes; all parameters, after one batch and after
# several; the loss of each of several epochs in a row; losses and gradients of any size; `float32`, and `float64` with
# its accuracy; `batches` as a list, a tuple or a generator; `device` as `str` and `torch.device`; train mode in every
# forward pass and, for all parts of `net`, afterwards, however it arrives; running averages of batch normalisation;
# inputs of any shape that `net` takes; labels without some classes; the batches are unchanged, no global setting is
# changed, earlier calls do not matter. On the GPU: the same values; `net` stays there. **Allowed there:** one copy per
# parameter and buffer, to move `net`; one copy per tensor of each batch; one number read per batch (`.item()` or
# `float()`); nothing else crosses, in forward or backward.
#
# **Not allowed.** Nothing is forbidden here: `nn.functional.cross_entropy`, `torch.optim.SGD` and `to_device` are fine.

# %% exercise="train_epoch" points=6

# %% example="train_epoch"
example_net = nn.Linear(1, 2)
with torch.no_grad():
    for p in example_net.parameters():
        p.zero_()
example_net.eval()
example_batches = [(torch.tensor([[1.0]]), torch.tensor([0])), (torch.tensor([[1.0], [1.0]]), torch.tensor([1, 1]))]
example_loss = train_epoch(example_net, (pair for pair in example_batches), 1.0, "cpu")
assert isinstance(example_loss, float), f"expected a Python float, not {type(example_loss).__name__}"
assert abs(example_loss - 1.6490) < 1e-3, f"the worked example should give 1.6490, but you get {example_loss:.4f}"
example_weights = example_net.weight.detach().flatten()
torch.testing.assert_close(
    example_weights,
    torch.tensor([-0.3808, 0.3808]),
    rtol=1e-3,
    atol=1e-3,
    msg=f"afterwards the weights should be [-0.3808, 0.3808], but they are {example_weights.tolist()}",
)
assert example_net.training, "afterwards the network should be in train mode"
print("train_epoch: the example passes.")

# %% [markdown]
# ## Measuring without leaving a trace
#
# Whoever measures a network must not change it. Two switches are needed, and they have nothing to do with each other:
#
# - **eval mode** (`net.eval()`) says how layers compute: dropout does nothing, batch normalisation uses its running
#   averages and leaves them alone. Afterwards `net` is put back into the mode it came in, whichever that was.
# - **`torch.no_grad()`** says what autograd does: it records nothing, which saves the memory of all intermediate
#   results. Eval mode does not do this, and `no_grad` does not switch off dropout.

# %% [markdown]
# ## Exercise 4: `evaluate`
#
# **Goal.** How good is the network on data that it has not seen? You call it between epochs, so it must change nothing.
#
# **Shapes.** `net`, `batches`, `device` as in exercise 3 $\to$ `(loss, accuracy)`: a tuple of two Python floats.
#
# **Formula.** Over all $n = \sum_k N_k$ examples of all batches, with logits $z_i$ computed in eval mode:
# $$\text{loss} = \frac{1}{n} \sum_{i=1}^{n} \Big( \ln \sum_{j} e^{z_{ij}} - z_{i y_i} \Big), \qquad
# \text{accuracy} = \frac{1}{n} \, \big|\big\{\, i : \operatorname*{arg\,max}_j z_{ij} = y_i \,\big\}\big|$$
#
# **Worked example.** `nn.Linear(1, 2)` with weights $(1, -1)$ and biases $0$ turns $x$ into $(x, -x)$. Batches $X = (1,
# -1), y = (0, 0)$ and $X = (2), y = (0)$ have the losses $0.1269, 2.1269$ and $0.0181$, so the loss is $2.2720 / 3 =
# 0.7573$; two of three are right, and the accuracy is $0.6667$.
#
# **Pitfalls.** Is the mean of the accuracies of all batches the accuracy? If `net` arrives in eval mode, what does
# `net.train()` at the end do? Which of the two switches saves memory, and which one makes the numbers right? Who
# switches recording on again?
#
# **What is checked.** Both numbers, as floats, for batches of different sizes, also when all or none are right; losses
# of any size; `float64` with its accuracy; `batches` as a list, a tuple or a generator, with one example or many;
# `device` as `str` and `torch.device`; eval mode in every forward pass, with dropout and batch normalisation in `net`;
# afterwards the mode it arrived in, for all parts (they arrive in one mode), train or eval; no operation is recorded,
# no gradient left, no parameter or buffer changed, no batch changed; no global setting is changed, earlier calls do not
# matter. On the GPU: the same values; `net` stays there. **Allowed there:** one copy per parameter and buffer, to move
# `net`; one copy per tensor of each batch; two numbers read per batch; nothing else crosses. Ties between logits are
# not tested.
#
# **Not allowed.** Nothing is forbidden here.

# %% exercise="evaluate" points=4

# %% example="evaluate"
example_net = nn.Linear(1, 2)
with torch.no_grad():
    example_net.weight.copy_(torch.tensor([[1.0], [-1.0]]))
    example_net.bias.zero_()
example_batches = [(torch.tensor([[1.0], [-1.0]]), torch.tensor([0, 0])), (torch.tensor([[2.0]]), torch.tensor([0]))]
example_result = evaluate(example_net, (pair for pair in example_batches), "cpu")
assert isinstance(example_result, tuple), f"expected a tuple, not {type(example_result).__name__}"
assert len(example_result) == 2, f"expected two numbers, the loss and the accuracy, not {len(example_result)}"
for number, expected_number in zip(example_result, (0.7573, 0.6667), strict=True):
    assert isinstance(number, float), f"expected Python floats, not {type(number).__name__}"
    assert abs(number - expected_number) < 1e-3, f"expected {expected_number}, you get {number:.4f}"
assert example_net.training, "the network arrived in train mode: put it back"
evaluate(example_net.eval(), example_batches, "cpu")
assert not example_net.training, "the network arrived in eval mode: leave it there"
assert torch.is_grad_enabled(), "gradients are switched off for everything that follows: switch them on again"
print("evaluate: the example passes.")

# %% [markdown]
# ## What belongs to a module
#
# How does `net.to(device)` know what to move? A module keeps two lists, and moves what is on them:
#
# - **Parameters** (`nn.Parameter`) are learned: `net.parameters()` hands them to the optimiser.
# - **Buffers** are the other tensors that belong to the module, such as the running averages of batch normalisation.
#   `self.register_buffer("name", tensor)` puts one on the list; then it is `self.name` like any other attribute.
#
# Both are saved in `net.state_dict()` and follow `.to(device)` and `.double()`. A tensor that is only assigned,
# `self.name = tensor`, is on no list. On the CPU nobody notices. On the GPU it stays behind, and the first forward pass
# stops with *Expected all tensors to be on the same device*.

# %% [markdown]
# ## Exercise 5: `PositionalBias`
#
# **Goal.** A network that treats all positions of a sequence alike does not know their order. This module tells it: it
# adds to each position a pattern of its own, from a fixed table of waves. Transformers begin with such a layer.
#
# **Shapes.** `PositionalBias(length, width)`: two numbers. `PositionalBias(...)(x)`: `x` $(N, T, \texttt{width})$ float
# with $1 \le T \le$ `length` $\to$ the same shape and dtype.
#
# **Formula.** With $t = 0, \dots, \texttt{length} - 1$ (position) and $j = 0, \dots, \texttt{width} - 1$ (column), both
# from $0$: $$\text{table}_{tj} = \sin \frac{t + 1}{j + 1}, \qquad \text{out}_{ntj} = x_{ntj} + \text{table}_{tj}$$
#
# **Worked example.** `PositionalBias(5, 2)` gives for a batch of zeros of shape $(1, 2, 2)$ the first two rows of its
# table: $(\sin 1, \sin \tfrac12) = (0.8415, 0.4794)$ and $(\sin 2, \sin 1) = (0.9093, 0.8415)$.
#
# **Pitfalls.** Is a tensor that you assign to `self` moved by `.to(device)`? Would an optimiser change a table that is
# an `nn.Parameter`, and does `requires_grad=False` take it off the list? What must `__init__` do first? What does `+=`
# do to `x`? What happens at $T = 1$, and at $T =$ `length`?
#
# **What is checked.** It is an `nn.Module`; the values, shape and dtype for $T$ up to `length`, any $N$ and `width`;
# the gradient with respect to `x`; it has no parameters; `state_dict()` holds the table, under the name `table` and
# nothing else, and a table loaded by `load_state_dict` is the one that is added; after `.double()` table and result are
# `float64`; train mode and eval mode do the same; two modules are independent; `x` is unchanged; earlier calls do not
# matter, and no global setting is changed. On the GPU: after `.to(device)` the table is there; forward and backward run
# there. **Allowed there:** no copies at all.
#
# **Not allowed.** Nothing is forbidden here.

# %% exercise="PositionalBias" points=4

# %% example="PositionalBias"
example_bias = PositionalBias(5, 2)
assert isinstance(example_bias, nn.Module), "PositionalBias should be a subclass of nn.Module"
example_out = example_bias(torch.zeros(1, 2, 2))
assert example_out is not None, "forward returned None: is there a return at the end?"
assert example_out.shape == (1, 2, 2), f"expected shape (1, 2, 2), like x, not {tuple(example_out.shape)}"
expected_out = torch.tensor([[[0.841471, 0.479426], [0.909297, 0.841471]]])
torch.testing.assert_close(
    example_out, expected_out, msg=f"the worked example should give\n{expected_out}\nbut you get\n{example_out}"
)
assert list(example_bias.parameters()) == [], "the table is not learned: it should be no parameter"
assert list(example_bias.state_dict()) == ["table"], f"in state_dict: {list(example_bias.state_dict())}, not ['table']"
assert example_bias.to("meta").table.device.type == "meta", "the table should follow the module to its device"
print("PositionalBias: the example passes.")

# %% [markdown]
# ## All together: reading digits row by row, anywhere
#
# The digits once more, 8 x 8 pixels each. This time an image is a sequence of 8 rows with 8 pixels, and the network
# looks at each row with the same weights, then takes the mean over all rows. It cannot see in which order they come:
# turned upside down, an image is the same to it. With your `PositionalBias` in front it can. Watch what that is worth.
#
# The batches come from a generator, each of them a few rows of the data, on the CPU; your functions take them to the
# device, whichever it is.

# %%
digits = np.load("data/digits.npz")
pixels = torch.from_numpy(digits["images"]).float() / 16  # (1797, 8, 8)
targets = torch.from_numpy(digits["labels"]).long()  # (1797,)
train, test = torch.from_numpy(digits["train"]).long(), torch.from_numpy(digits["test"]).long()


class MeanOverRows(nn.Module):
    def forward(self, x):
        return x.mean(dim=1)  # (N, T, D) -> (N, D)


def batches_of(examples, size=64):
    for rows in examples.split(size):
        yield pixels[rows], targets[rows]


def network(*first):
    rows = [nn.Linear(8, 128), nn.ReLU(), MeanOverRows()]
    whole = [nn.BatchNorm1d(128), nn.Linear(128, 128), nn.ReLU(), nn.Dropout(0.1), nn.Linear(128, 10)]
    return nn.Sequential(*first, *rows, *whole)


where = pick_device()
print("training on", where, " the last batch has", len(train) % 64, "images")
curves = {}
for name, net in [("rows in any order", network()), ("with PositionalBias", network(PositionalBias(8, 8)))]:
    start = time.perf_counter()
    curves[name] = [train_epoch(net, batches_of(train[torch.randperm(len(train))]), 0.1, where) for _ in range(20)]
    seconds = time.perf_counter() - start
    test_loss, test_accuracy = evaluate(net, batches_of(test), where)
    print(f"{name}: loss {curves[name][0]:.2f} at first, {curves[name][-1]:.2f} in the end, {seconds:.1f} s")
    print(f"    on images it has never seen: loss {test_loss:.2f}, accuracy {test_accuracy:.1%}")

plt.figure(figsize=(6, 3))
for name, losses in curves.items():
    plt.plot(losses, label=name)
plt.xlabel("epoch")
plt.ylabel("average loss")
plt.ylim(bottom=0)
plt.legend()
plt.show()

# %% [markdown]
# What you saved on one machine can be used on another: a `state_dict` remembers where its tensors were, and
# `to_device(state, "cpu")` brings all of them home before you save it.

# %%
state = to_device(dict(net.state_dict()), "cpu")
print({str(tensor.device) for tensor in state.values()}, "holds the table:", "0.table" in state)
other = network(PositionalBias(8, 8))
other.load_state_dict(state)
print("the same on the CPU:", evaluate(other, batches_of(test), "cpu"))

# %% [markdown]
# **Something to think about** (no points): on a GPU this network trains no faster than on the CPU, perhaps slower. Why,
# and what would you change first: the size of the network, the size of the batches, or where the data waits? Try
# `batches_of(..., size=512)`, or move `pixels` and `targets` to the device once, before everything begins.
#
# **Read on.** PyTorch's documentation: *CUDA semantics* and the *Performance tuning guide*. A. Zhang, Z. Lipton, M. Li,
# A. Smola: *Dive into Deep Learning* (2023), section 6.7 (GPUs) and chapter 13 (performance). A. Vaswani et al.:
# *Attention Is All You Need* (2017), section 3.5, where the table of waves comes from. The images come from E. Alpaydin
# and C. Kaynak: *Optical Recognition of Handwritten Digits*, UCI Machine Learning Repository (1998).
