"""The questions of the quiz on tensors. Whatever can be computed is computed by torch."""

import torch

from autograder import question
from autograder.quiz import Choices, Dtype, Expression, Order, Printed, Shape, TensorValue


@question("axis_sum", points=1, variants=8)
def axis_sum(draw):
    x = torch.empty(draw.distinct(3, 2, 9))
    axis = draw.integer(0, 2)
    kept = [size for position, size in enumerate(x.shape) if position != axis]
    return Shape(
        prompt=f"The tensor `x` has the shape `{tuple(x.shape)}`. What is the shape of `x.sum(dim={axis})`?",
        answer=x.sum(dim=axis).shape,
        wrong={
            x.sum(dim=axis, keepdim=True).shape: "With `keepdim=True` the axis would stay. Is it given?",
            (x.shape[axis],): "You kept the axis that is summed over and dropped the others.",
            tuple(reversed(kept)): "The sizes are right, their order is not: the axes that stay do not change places.",
        },
        explanation=(
            f"A sum over axis {axis} adds up along it, so this axis goes, and the others stay in their order: "
            f"`{tuple(x.sum(dim=axis).shape)}`. With `keepdim=True` it would stay with size 1."
        ),
    )


@question("broadcast_shape", points=1, variants=8)
def broadcast_shape(draw):
    n, m, k = draw.distinct(3, 2, 9)
    a, b = torch.empty(n, 1, k), torch.empty(m, 1)
    return Shape(
        prompt=f"`a` has shape `{tuple(a.shape)}` and `b` has shape `{tuple(b.shape)}`. What is the shape of `a + b`?",
        answer=(a + b).shape,
        wrong={
            tuple(a.shape): "Axes of size 1 stretch on both sides: `a` has one too.",
            (n, m): "Shapes are aligned at the last axis, and an axis of size 1 takes the size of its partner.",
            (n, k, m): "Align the shapes at their last axes, not at their first ones, and go from right to left.",
        },
        explanation=(
            f"Aligned at the last axis: `{tuple(a.shape)}` and `(1, {m}, 1)`. Where one of two sizes is 1, that axis "
            f"is stretched, which gives `{tuple((a + b).shape)}`."
        ),
    )


@question("shared_memory", points=2, variants=6)
def shared_memory(draw):
    rows = draw.integer(2, 4)
    views = ["x.view(-1)", "x.T", "x[1:]", "x[:, 0]", "x.unsqueeze(0)", "x.detach()", "x.expand(2, -1, -1)"]
    copies = {
        "x.clone()": "`clone` makes a tensor with memory of its own.",
        "x + 0": "Arithmetic writes its result into new memory, even where no number changes.",
        "x[[0, 1]]": "Indexing with a list picks entries out, into new memory; only slices are views.",
        "x.sum(dim=0, keepdim=True)": "A sum is computed, and what is computed lies in new memory.",
        "x.T.contiguous()": "The transpose is not contiguous, so `contiguous` has to copy it.",
        "torch.cat([x])": "`cat` always writes into new memory.",
    }
    x = torch.zeros(rows, 3)
    chosen = draw.sample(views, 2) + draw.sample(list(copies), 3)
    start = x.untyped_storage().data_ptr()
    shares = {text: eval(text, {"x": x, "torch": torch}).untyped_storage().data_ptr() == start for text in chosen}
    one, other = (text for text in chosen if shares[text])
    return Choices(
        prompt=f"`x = torch.zeros({rows}, 3)`. Which of these share memory with `x`: written to, they change `x`?",
        answer=[f"`{text}`" for text in chosen if shares[text]],
        wrong={f"`{text}`": copies[text] for text in chosen if not shares[text]},
        explanation=(
            "Views look at the memory of `x` with another shape, stride or offset; here they are "
            f"`{one}` and `{other}`. Whatever is computed or picked out by a list lies in memory of its own."
        ),
    )


@question("result_dtype", points=1, variants=6)
def result_dtype(draw):
    integers = f"torch.tensor({list(draw.sample(range(1, 9), 3))})"
    whole = "The entries are whole numbers, but look at what is done to them: can the result hold fractions?"
    wide = "Python's own floats have 64 bits; PyTorch makes tensors of its default dtype from them, which is smaller."
    kind = draw.choice(["divided", "compared", "mixed", "summed", "capital"])
    code, wrong = {
        "divided": (f"{integers} / 2", {"int64": whole, "float64": wide}),
        "compared": (f"{integers} > 2", {"int64": "What does a comparison answer for each entry?"}),
        "mixed": (f"{integers} + torch.ones(3)", {"int64": whole, "float64": wide}),
        "summed": (f"({integers} > 2).sum()", {"bool": "A sum of truth values counts them. Which dtype counts far?"}),
        "capital": (
            integers.replace("tensor", "Tensor"),
            {"int64": "Capital T: `torch.Tensor` ignores what it is given."},
        ),
    }[kind]
    return Dtype(
        prompt=f"Which dtype has `{code}`? PyTorch's default dtype was not changed.",
        answer=eval(code, {"torch": torch}).dtype,
        wrong=wrong,
        explanation={
            "divided": "`/` is true division: whole numbers become `float32`, the default dtype.",
            "compared": "A comparison gives one truth value per entry.",
            "mixed": "`torch.ones` makes `float32`, and a sum of whole numbers and floats is of the float's dtype.",
            "summed": "Truth values are summed as `int64`, so that the count cannot overflow.",
            "capital": "`torch.Tensor(...)` always makes the default dtype, `float32`, whatever the entries are.",
        }[kind],
    )


@question("printed_cumsum", points=1, variants=6)
def printed_cumsum(draw):
    rows = [list(draw.sample(range(1, 6), 2)), list(draw.sample(range(1, 6), 2))]
    axis = draw.integer(0, 1)
    x = torch.tensor(rows)
    return Printed(
        prompt="What does this program print?",
        code=f"x = torch.tensor({rows})\nprint(x.cumsum(dim={axis}).tolist())",
        wrong={
            str(x.cumsum(dim=1 - axis).tolist()): "You added up along the other axis: dim=0 goes down the rows.",
            str(x.sum(dim=axis).tolist()): "That is the sum. A cumulative sum lists every step on the way.",
        },
        explanation=(
            f"Along axis {axis} each entry is the sum of all entries up to it: `{x.cumsum(dim=axis).tolist()}`. "
            "The shape stays as it was."
        ),
    )


@question("accumulated_grad", points=2, variants=8)
def accumulated_grad(draw):
    values = [float(value) for value in draw.sample(range(1, 7), 2)]
    times = draw.integer(2, 3)
    x = torch.tensor(values, requires_grad=True)
    for _ in range(times):
        (x**2).sum().backward()
    once = [2 * value for value in values]
    return TensorValue(
        prompt=(
            f"What is `x.grad` at the end?\n\n```python\nx = torch.tensor({values}, requires_grad=True)\n"
            f"for _ in range({times}):\n    (x**2).sum().backward()\n```"
        ),
        answer=x.grad,
        wrong=[
            (once, "That is the gradient of one pass. Does `backward` write into `x.grad`, or add to it?"),
            ([value**2 for value in values], "These are the values of $x^2$, not the slope of their sum."),
            ([times * value**2 for value in values], "You added up the values of $x^2$, not their slopes."),
        ],
        explanation=(
            f"Each pass adds the gradient $2x$ to `x.grad`; nothing sets it to zero in between. After {times} passes "
            f"it is ${2 * times}x$: `{x.grad.tolist()}`. That is why a training loop calls `zero_grad`."
        ),
    )


@question("slope_by_hand", points=2, variants=6)
def slope_by_hand(draw):
    a, power = draw.integer(2, 9), draw.integer(2, 4)
    return Expression(
        prompt=rf"Let $f(x) = {a}\, x\, e^{{x^{power}}}$ for a number $x$. Work out its derivative $f'(x)$ by hand.",
        answer=f"{a} * exp(x**{power}) * (1 + {power} * x**{power})",
        wrong={
            f"{a} * exp(x**{power})": "Only the first part of the product rule: the second factor has a slope too.",
            f"{a} * exp(x**{power}) * (1 + x)": "The chain rule: the slope of the exponent is missing as a factor.",
            f"{a * power} * x**{power - 1} * exp(x**{power})": "A product's slope is not the product of the slopes.",
        },
        low=0.2,
        high=1.3,
        explanation=(
            rf"Product rule: ${a} e^{{x^{power}}} + {a} x \cdot {power} x^{{{power - 1}}} e^{{x^{power}}}"
            rf" = {a} e^{{x^{power}}} (1 + {power} x^{power})$."
        ),
    )


@question("training_step", points=2, variants=4)
def training_step(draw):
    model = draw.choice(["model", "net", "classifier"])
    loss = draw.choice(["F.cross_entropy", "loss_function"])
    forward, compare = f"logits = {model}(x)", f"loss = {loss}(logits, y)"
    backward, step, clear = "loss.backward()", "optimizer.step()", "optimizer.zero_grad()"
    return Order(
        prompt="Put the lines of one step of training with mini-batches into an order that works from the first batch.",
        answer=[forward, compare, backward, step, clear],
        also=[
            [clear, forward, compare, backward, step],
            [forward, clear, compare, backward, step],
            [forward, compare, clear, backward, step],
        ],
        extra={"loss.detach()": "Cut off from its graph, a loss has no way back to the parameters."},
        wrong=[
            ([forward, compare, backward, clear, step], "The gradients are set to zero before they are used."),
            ([forward, compare, step, backward, clear], "The step is taken before there is a gradient."),
        ],
        explanation=(
            "Forward, loss, backward, step; the gradients must be zero when `backward` adds to them, and must be kept "
            "until `step` has used them, so `zero_grad` may stand anywhere but between these two."
        ),
    )
