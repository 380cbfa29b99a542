"""Tensors, derivatives and autograd: the questions. What is printed in a prompt is what was run for its answer."""

import contextlib
import io
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from autograder import question
from autograder.quiz import (
    Choice,
    Choices,
    Dtype,
    Expression,
    Integer,
    Match,
    Number,
    Order,
    Printed,
    Shape,
    ShortText,
    TensorValue,
    TrueFalse,
    first,
    names_after,
    printed,
    runs,
    value_of,
)

DIGITS = 5e-3  # three significant digits are enough


def slope(formula: str, variables: str, at: tuple[float, ...], by: str) -> Tensor:
    """The derivative of a formula at a point, by autograd."""
    names = {name: torch.tensor(value, requires_grad=True) for name, value in zip(variables.split(), at, strict=True)}
    known = {name: getattr(torch, name) for name in ("exp", "log", "sin", "cos")}
    (found,) = torch.autograd.grad(value_of(formula, **known, **names), names[by])
    return found


def derived(formula: str, variables: str, by: str, derivative: str) -> str:
    """A derivative that was worked out by hand, once autograd agrees."""
    known = {name: getattr(torch, name) for name in ("exp", "log", "sin", "cos")}
    for at in ((0.3, 0.7, 1.1), (1.2, 0.4, 0.9)):
        values = dict(zip(variables.split(), map(torch.tensor, at), strict=False))
        by_hand = torch.as_tensor(value_of(derivative, **known, **values))
        torch.testing.assert_close(by_hand, slope(formula, variables, at[: len(values)], by), rtol=1e-4, atol=1e-5)
    return derivative


# --- Shapes -----------------------------------------------------------------------------------------------------------


@question("two_axes", points=1, variants=8)
def two_axes(draw):
    a, b, c, d = draw.distinct(4, 2, 9)
    x = torch.empty(a, b, c, d)
    return Shape(
        prompt=f"`x` has the shape `{(a, b, c, d)}`. What is the shape of `x.sum(dim=(0, 2), keepdim=True)`?",
        answer=x.sum(dim=(0, 2), keepdim=True).shape,
        wrong={
            (b, d): "Both sums are right. What does `keepdim=True` do with an axis that is summed over?",
            (a, 1, c, 1): "`dim` names the axes that disappear into the sum, not those that stay.",
            (1, 1, 1, 1): "You summed over everything; only two axes are named. Counting starts at 0.",
        },
        explanation="Summing over an axis leaves one number where there was a whole line of them. With `keepdim=True` "
        "the axis stays, with size 1, so that the result still broadcasts against `x`: handy when each row is divided "
        "by its sum.",
    )


@question("reductions", points=2, variants=8)
def reductions(draw):
    a, b = draw.distinct(2, 2, 9)
    x = torch.empty(a, b)
    asked = ["x.sum()", "x.sum(dim=0)", "x.sum(dim=1)", "x.sum(dim=1, keepdim=True)", "x.cumsum(dim=1)"]
    return Match(
        prompt=f"`x` has the shape `{(a, b)}`. Which shape belongs to which result?",
        answer={f"`{one}`": f"`{tuple(value_of(one, x=x).shape)}`" for one in asked},
        others=[f"`{(1, b)}`"],
        wrong={
            ("`x.sum(dim=0)`", f"`{(a,)}`"): "`dim=0` walks down the rows, so the axis of rows is the one that goes.",
            (
                "`x.sum(dim=1)`",
                f"`{(b,)}`",
            ): "`dim=1` walks along the columns, so the axis of columns is the one that goes.",
            ("`x.sum(dim=1, keepdim=True)`", f"`{(1, b)}`"): "The axis that is kept with size 1 is the one in `dim`.",
            ("`x.cumsum(dim=1)`", f"`{(a,)}`"): "A cumulative sum writes down every intermediate sum.",
        },
        explanation="A sum without `dim` is a single number, with no axis at all. With `dim` that axis goes, or stays "
        "with size 1 if you ask for `keepdim=True`. `cumsum` reduces nothing: it notes the running total at every "
        "place, so its result has the shape of `x`.",
    )


@question("running_total", points=1, variants=8)
def running_total(draw):
    x = torch.tensor([draw.distinct(3, 1, 9), draw.distinct(3, 1, 9)])
    dim = draw.integer(0, 1)
    return TensorValue(
        prompt=f"```python\nx = torch.tensor({x.tolist()})\n```\n\nWhat is `x.cumsum(dim={dim})`?",
        answer=x.cumsum(dim=dim),
        wrong=[
            (x.cumsum(dim=1 - dim).tolist(), "You ran along the other axis. `dim=0` goes from row to row."),
            (x.sum(dim=dim).tolist(), "These are the totals alone; a cumulative sum shows how they build up."),
        ],
        explanation=f"Along axis {dim} every entry is replaced by the sum of itself and all before it. The last "
        f"{'row' if dim == 0 else 'column'} therefore holds what `x.sum(dim={dim})` gives.",
    )


@question("glued", points=1, variants=8)
def glued(draw):
    m, p, q, n = draw.distinct(4, 2, 9)
    x, y = torch.empty(m, p, n), torch.empty(m, q, n)
    return Shape(
        prompt=f"`x` has the shape `{(m, p, n)}`, `y` has the shape `{(m, q, n)}`. What is the shape of "
        "`torch.cat([x, y], dim=1)`?",
        answer=torch.cat([x, y], dim=1).shape,
        wrong={
            (
                2 * m,
                p + q,
                2 * n,
            ): "Only along `dim` do the tensors stand one behind the other; elsewhere they lie side by side.",
            (2, m, p, n): "A new axis comes from `torch.stack`, and it needs tensors of one shape.",
            (m, p * q, n): "The tensors are put one behind the other; nothing is multiplied.",
        },
        explanation=f"`torch.cat` glues along an axis that exists: ${p} + {q} = {p + q}$ entries along axis 1. All "
        "other axes must agree, and stay as they are.",
    )


@question("stacked", points=1, variants=8)
def stacked(draw):
    k, m, n = draw.distinct(3, 2, 9)
    parts, dim = [torch.empty(m, n)] * k, draw.integer(1, 2)
    other = (m, n, k) if dim == 1 else (m, k, n)
    return Shape(
        prompt=f"`parts` is a list of {k} tensors of shape `{(m, n)}`. What is the shape of `torch.stack(parts, "
        f"dim={dim})`?",
        answer=torch.stack(parts, dim=dim).shape,
        wrong={
            (k, m, n): "That is `dim=0`, the default. Here the place of the new axis is given.",
            other: "The right sizes; count again where the new axis goes. Counting starts at 0.",
            (k * m, n): "Without a new axis it is `torch.cat`, along axis 0.",
        },
        explanation="`torch.stack` makes a new axis, as long as the list, and puts it where `dim` says: after the "
        f"stacking, axis {dim} counts the {k} parts.",
    )


@question("sliced", points=1, variants=8)
def sliced(draw):
    r, c = draw.choice([5, 7, 9, 11]), draw.choice([4, 6, 8, 10])
    x = torch.empty(r, c)
    return Shape(
        prompt=f"`x` has the shape `{(r, c)}`. What is the shape of `x[1::2, :-1]`?",
        answer=x[1::2, :-1].shape,
        wrong={
            tuple(x[::2, :-1].shape): "Write the chosen row numbers down: which is the first one?",
            tuple(x[1::2].shape): "Look at `:-1`: does a slice include its stop?",
            tuple(x[1:, :-1].shape): "What does the number after the second colon do?",
        },
        explanation=f"`1::2` takes the rows {', '.join(map(str, range(1, r, 2)))}: start at 1, go in steps of 2. `:-1` "
        "stops before the last column. A slice keeps its axis, however short it gets.",
    )


@question("minus_one", points=1, variants=8)
def minus_one(draw):
    a, b, c = draw.distinct(3, 2, 9)
    x = torch.empty(a, b, c)
    return Integer(
        prompt=f"`x` has the shape `{(a, b, c)}`. How large is the last axis of `x.reshape({c}, -1)`?",
        answer=x.reshape(c, -1).shape[1],
        wrong={
            a * b * c: "That is how many numbers there are altogether; the first axis takes its share of them.",
            b * c: f"That fits a first axis of {a}. Which size is asked for?",
        },
        explanation=rf"Reshaping neither adds nor drops numbers: there are ${a} \cdot {b} \cdot {c} = {a * b * c}$. At "
        f"most one size may be `-1`, and PyTorch works it out: ${a * b * c} / {c} = {a * b}$.",
    )


@question("reshape_or_transpose", points=1, variants=8)
def reshape_or_transpose(draw):
    x = torch.tensor(draw.distinct(6, 1, 20)).reshape(2, 3)
    asked, other = draw.shuffled(["x.reshape(3, 2)", "x.T"])
    return TensorValue(
        prompt=f"```python\nx = torch.tensor({x.tolist()})\n```\n\nWhat is `{asked}`?",
        answer=value_of(asked, x=x),
        wrong=[
            (value_of(other, x=x).tolist(), f"That is `{other}`: the same shape, but the numbers stand elsewhere."),
            (x.flatten().tolist(), "All the numbers, but how many axes has the result?"),
        ],
        explanation="`x.T` mirrors: row $i$ becomes column $i$. `reshape` leaves the order in which the numbers are "
        "read, row after row, and only breaks the line elsewhere. Both give the shape `(3, 2)`, which is why mixing "
        "them up raises no error and spoils the data quietly.",
    )


# --- Broadcasting -----------------------------------------------------------------------------------------------------


@question("stretched", points=1, variants=8)
def stretched(draw):
    a, b, c = draw.distinct(3, 2, 9)
    x, y = torch.empty(a, 1, c), torch.empty(b, 1)
    return Shape(
        prompt=f"`x` has the shape `{(a, 1, c)}`, `y` has the shape `{(b, 1)}`. What is the shape of `x + y`?",
        answer=(x + y).shape,
        wrong={
            (a, 1, c): "An axis of size 1 stretches to the size that it meets, in `x` as well as in `y`.",
            (a, b, 1): "Stretching works both ways: what does the last axis of `x` do to the last one of `y`?",
            (a * b, c): "No axes are merged. Write the shapes below each other, aligned at the right.",
        },
        explanation=f"Write the shapes below each other, aligned at the right: `{a} 1 {c}` over `{b} 1`. What is "
        "missing counts as 1, and each 1 stretches to the size in the other shape. No number is copied for it.",
    )


@question("column_minus_row", points=1, variants=8)
def column_minus_row(draw):
    n = draw.integer(3, 30)
    predicted, wanted = torch.empty(n, 1), torch.empty(n)
    return Integer(
        prompt=f"A model's predictions have the shape `({n}, 1)`, the targets have the shape `({n},)`. How many "
        "numbers does `predictions - targets` have?",
        answer=(predicted - wanted).numel(),
        wrong={
            n: "That is what was meant, and not what happens. Align the shapes at the right: which sizes meet?",
            2 * n: "Nothing is put side by side; align the two shapes at the right and stretch.",
        },
        explanation=f"Aligned at the right, `{n} 1` meets `{n}`: both stretch, and every prediction is compared with "
        rf"every target, ${n} \cdot {n} = {n * n}$ differences. No error is raised, the loss has a value, and the "
        "model learns nonsense. `predictions.squeeze(1) - targets` is what was meant.",
    )


@question("fitting_pairs", points=2, variants=8)
def fitting_pairs(draw):
    a, b, c = draw.distinct(3, 2, 9)
    fine = [((a, b), (b,)), ((a, 1), (b,)), ((a, 1, c), (b, 1)), ((a, b), (a, 1)), ((a, b), ()), ((a, b, c), (1, c))]
    failing = {
        ((a, b), (a,)): "Shapes are aligned at the right: the only axis of the second one meets the last of the first.",
        ((a, b), (b, a)): "Two different sizes meet; only a 1 stretches, and nothing is transposed on the way.",
        ((a, b, c), (a, b)): "Aligned at the right, the last axes have different sizes.",
        ((a, b, c), (b,)): "The only axis of the second shape meets the last of the first, not the one in the middle.",
        ((a, c), (b, c)): "The last axes agree, the first ones do not, and neither is 1.",
    }
    right = draw.integer(2, 4)
    pairs = [*draw.sample(fine, right), *draw.sample(list(failing), 6 - right)]
    works = {pair: runs("torch.broadcast_shapes(*pair)", pair=pair) for pair in pairs}
    return Choices(
        prompt="Which of these pairs of shapes can be added?",
        answer=[f"`{one}` and `{other}`" for (one, other), is_fine in works.items() if is_fine],
        wrong={f"`{one}` and `{other}`": failing[one, other] for (one, other), is_fine in works.items() if not is_fine},
        explanation="Align the shapes at the right. Two sizes that meet fit if they are equal or if one of them is 1; "
        "where one shape has no axis left, it counts as 1. A single number, of shape `()`, fits everything.",
    )


# --- Views and copies -------------------------------------------------------------------------------------------------


COPIES = {
    "x.clone()": "`clone` is the explicit copy.",
    "x + 0": "Arithmetic writes its results into new memory, even when no number changes.",
    "x[[0, 1]]": "Numbers that are picked by a list can lie anywhere, so they are gathered in new memory.",
    "x[x > 2]": "Numbers that are picked by a mask are gathered in new memory.",
    "x.double()": "Numbers of another dtype need other bytes.",
    "x.T.reshape(-1)": "The transpose read row by row is in no regular order in the memory of `x`, so this `reshape` "
    "must copy.",
    "torch.cat([x, x])": "Twice as many numbers cannot live in the same memory.",
}
VIEWS = ["x.T", "x[0]", "x[:, 1]", "x.view(-1)", "x.reshape(-1)", "x.detach()", "x.unsqueeze(0)", "x[:, ::2]"]


@question("whose_memory", points=2, variants=8)
def whose_memory(draw):
    r, c = draw.distinct(2, 2, 6)
    x = torch.arange(r * c, dtype=torch.float32).reshape(r, c)
    many = draw.integer(2, 4)
    listed = [*draw.sample(VIEWS, many), *draw.sample(list(COPIES), 6 - many)]
    shares = {one: value_of(one, x=x).untyped_storage().data_ptr() == x.untyped_storage().data_ptr() for one in listed}
    return Choices(
        prompt=f"```python\nx = torch.arange({r * c}, dtype=torch.float32).reshape({r}, {c})\n```\n\nWhich of these "
        "share their memory with `x`, so that writing into them changes `x`?",
        answer=[f"`{one}`" for one, is_view in shares.items() if is_view],
        wrong={f"`{one}`": COPIES[one] for one, is_view in shares.items() if not is_view},
        explanation="A view is a new way to read the same memory: another shape, another step, another start. Slices, "
        "transposes, `view`, `unsqueeze` and `detach` need nothing more. Picking by a list or a mask, arithmetic and a "
        "change of dtype must write new numbers. `reshape` is a view where it can be one.",
    )


@question("written_through", points=1, variants=9)
def written_through(draw):
    numbers, new = draw.distinct(4, 1, 9), draw.integer(20, 99)
    part = draw.choice(["x[1:3]", "x[1:3].clone()", "x[[1, 2]]", "x.view(2, 2)[1]", "x[2:]"])
    untouched, second, third = (torch.tensor(numbers) for _ in range(3))
    second[1], third[2] = new, new
    code = f"x = torch.tensor({list(numbers)})\ny = {part}\ny[0] = {new}\nprint(x)"
    hints = {
        printed(untouched): "Ask whether `y` has numbers of its own, or reads those of `x`.",
        printed(second): "Ask whether `y` has numbers of its own, and where in `x` they come from.",
        printed(third): "Which entries of `x` does `y` hold, and does it own them?",
    }
    right = printed(names_after(code.rsplit("\n", 1)[0])["x"])
    return Printed(
        prompt="What does this print?",
        code=code,
        wrong={text: hint for text, hint in hints.items() if text != right},
        explanation="A slice such as `x[1:3]`, and a row of a `view`, read the memory of `x`: writing into them writes "
        "into `x`. A list of positions and `clone` make a copy, and what happens to a copy stays there.",
        shows_answer=right == printed(untouched),
    )


@question("same_name", points=1, variants=8)
def same_name(draw):
    numbers, k = draw.distinct(2, 1, 9), draw.integer(2, 9)
    step = draw.choice([f"y += {k}", f"y = y + {k}", f"y.add_({k})", f"y = y.add({k})", f"y[:] = y + {k}"])
    x = torch.tensor(numbers)
    code = f"x = torch.tensor({list(numbers)})\ny = x\n{step}"
    after = names_after(code)
    hints = {
        printed(x + k, x + k): "Does this line write into the tensor, or give its result a name?",
        printed(x, x + k): "`y = x` copies nothing: two names for one tensor. What does the third line write into?",
        printed(x, x): "The third line does something: which tensor holds its result?",
    }
    right = printed(after["x"], after["y"])
    return Printed(
        prompt="What do the two last lines print?",
        code=f"{code}\nprint(x)\nprint(y)",
        wrong={text: hint for text, hint in hints.items() if text != right},
        explanation="`y = x` gives one tensor a second name. `+=`, `y[:] = ...` and methods that end in `_` write into "
        "that tensor, and both names show it. `y = y + ...` makes a new tensor and moves the name `y` to it; `x` "
        "stays.",
    )


@question("view_runs", points=1, variants=10)
def view_runs(draw):
    r, c = draw.distinct(2, 2, 5)
    expressions = ["x.t().view(-1)", "x.t().reshape(-1)", "x.t().contiguous().view(-1)", "x[:, 0].view(-1)"]
    expressions += ["x[:, 1:].view(-1)" if c > 2 else "x.t().view(-1)", "x[1:].view(-1)", f"x.view({c}, {r})"]
    asked = draw.choice(expressions)
    works = runs(asked, x=torch.zeros(r, c))
    hint = "`view` never copies. Do the numbers lie in memory in the order and steps in which the result reads them?"
    return TrueFalse(
        prompt=f"`x = torch.zeros({r}, {c})`. True or false: `{asked}` runs without an error.",
        answer=works,
        wrong={not works: hint},
        explanation="`view` only reinterprets memory, so the numbers must already lie in it in the right order. A "
        "transpose, or a slice that cuts off columns, is read with jumps and cannot be flattened that way; "
        "`contiguous()` and, where needed, `reshape` copy first. One column alone is read in equal steps, which a "
        "view can express.",
    )


# --- Dtypes -----------------------------------------------------------------------------------------------------------


STAYS_WHOLE = "Is there a point, a division or a float anywhere here?"
NOT_NUMPY = "NumPy would do that with Python's floats; PyTorch has a default of its own."
BORN = {
    "torch.tensor([1, 2])": {"float32": STAYS_WHOLE, "int32": "PyTorch takes the wide whole numbers by default."},
    "torch.Tensor([1, 2])": {
        "int64": "With a capital T it is a class with a fixed dtype, whatever it is given.",
        "float64": NOT_NUMPY,
    },
    "torch.tensor([1.0, 2])": {"int64": "One entry has a point; can the dtype hold it?", "float64": NOT_NUMPY},
    "torch.tensor([True, False])": {
        "int64": "Nothing here asks for numbers.",
        "uint8": "So it was, many versions ago.",
    },
    "torch.arange(4)": {"float32": STAYS_WHOLE, "int32": "PyTorch takes the wide whole numbers by default."},
    "torch.arange(4.0)": {"int64": "The end has a point.", "float64": NOT_NUMPY},
    "torch.zeros(3)": {"int64": "Tensors that are filled by PyTorch are made for training.", "float64": NOT_NUMPY},
    "torch.tensor([1, 2]) / 2": {"int64": "`/` is true division: 1 / 2 must fit in.", "float64": NOT_NUMPY},
    "torch.tensor([5, 2]) // 2": {"float32": "`//` rounds down; what do whole numbers stay?", "float64": NOT_NUMPY},
    "torch.tensor([3.0, 4.0]) > 3": {
        "float32": "What are the entries: numbers, or answers to a question?",
        "int64": "No entry is a number here.",
    },
    "torch.tensor([3.0, 4.0]).argmax()": {
        "float32": "It is not the largest entry but its position.",
        "int32": "Positions could be large.",
    },
    "torch.tensor([True, True]).sum()": {"bool": "How would it count to two?", "float32": STAYS_WHOLE},
}


@question("born_dtype", points=1, variants=12)
def born_dtype(draw):
    asked = draw.choice(list(BORN))
    return Dtype(
        prompt=f"Which dtype does `{asked}` have?",
        answer=value_of(asked).dtype,
        wrong=BORN[asked],
        explanation="`torch.tensor` looks at what it is given: whole numbers become `int64`, one point among them "
        "makes all `float32`, and `True` and `False` stay `bool`. `torch.Tensor`, `torch.zeros` and true division give "
        "the default `float32`. Comparisons give `bool`; positions and counts give `int64`.",
    )


MIXED = [("int64", "float32"), ("int32", "int64"), ("uint8", "int8"), ("bool", "int64"), ("float32", "float64")]
MIXED += [
    ("float16", "int64"),
    ("bool", "float32"),
    ("float16", "float32"),
    ("uint8", "int32"),
    ("float16", "bfloat16"),
]


@question("mixed_dtypes", points=1, variants=10)
def mixed_dtypes(draw):
    one, other = draw.shuffled(list(draw.choice(MIXED)))
    answer = (torch.ones(2, dtype=getattr(torch, one)) + torch.ones(2, dtype=getattr(torch, other))).dtype
    hints = {
        name: f"Could `{name}` hold what stands in the other tensor? Floats win over whole numbers."
        for name in (one, other)
    }
    hints["complex64"] = "Nothing here has an imaginary part."
    return Dtype(
        prompt=f"`x` has the dtype `{one}`, `y` has the dtype `{other}`, and both have the shape `(2,)`. Which dtype "
        "does `x + y` have?",
        answer=answer,
        wrong={name: hint for name, hint in hints.items() if f"torch.{name}" != str(answer)},
        explanation="There are three families: `bool`, whole numbers, floats. The higher family wins, whatever its "
        "width: `float16` with `int64` stays `float16`. Within a family the result is the smallest dtype that holds "
        "both: `uint8` with `int8` needs `int16`, and `float16` with `bfloat16` needs `float32`.",
        shows_answer=True,
    )


@question("one_too_many", points=1, variants=9)
def one_too_many(draw):
    name, bits = draw.choice([("float16", 11), ("bfloat16", 8), ("float32", 24)])
    power = bits + draw.integer(-2, 2)
    a = torch.tensor(2.0**power, dtype=getattr(torch, name))
    lost = bool(a + 1 == a)
    return TrueFalse(
        prompt=f"True or false: with $a = 2^{{{power}}}$ stored in `{name}`, `a + 1 == a`.",
        answer=lost,
        wrong={not lost: f"How many binary digits does `{name}` keep, and how many does $2^{{{power}}} + 1$ need?"},
        explanation=f"`{name}` keeps {bits} significant binary digits, and $2^n + 1$ needs $n + 1$ of them. From $n = "
        f"{bits}$ on there is no room for the last one, and the sum is rounded back. That is why a long sum of small "
        "numbers is better kept in a wider dtype.",
    )


@question("how_many_bytes", points=1, variants=8)
def how_many_bytes(draw):
    a, b = draw.distinct(2, 10, 99)
    name = draw.choice(["float16", "float32", "float64", "int64"])
    x = torch.empty(a, b, dtype=getattr(torch, name))
    return Integer(
        prompt=f"How many bytes do the entries of a tensor of shape `{(a, b)}` and dtype `{name}` take?",
        answer=x.numel() * x.element_size(),
        wrong={
            a * b: "That is how many numbers there are. How large is each of them?",
            a * b * x.element_size() * 8: "These are bits.",
        },
        explanation=f"The number in the dtype's name counts bits, and a byte has 8 of them: {x.element_size()} bytes "
        rf"each, ${a} \cdot {b} \cdot {x.element_size()} = {x.numel() * x.element_size()}$. A model in `float16` needs "
        "half the memory that it needs in `float32`.",
    )


# --- Linear algebra ---------------------------------------------------------------------------------------------------


@question("star_or_at", points=1, variants=8)
def star_or_at(draw):
    def matrices() -> tuple[Tensor, Tensor]:
        entries = torch.tensor([draw.integer(-3, 4) for _ in range(8)]).reshape(2, 2, 2)
        return entries[0], entries[1]

    def all_differ(pair: tuple[Tensor, Tensor]) -> bool:
        a, b = pair
        return not (torch.equal(a @ b, b @ a) or torch.equal(a @ b, a * b) or torch.equal(b @ a, a * b))

    a, b = first(matrices, all_differ)
    return TensorValue(
        prompt=f"```python\nA = torch.tensor({a.tolist()})\nB = torch.tensor({b.tolist()})\n```\n\nWhat is `A @ B`?",
        answer=a @ b,
        wrong=[
            ((a * b).tolist(), "That is `A * B`, entry by entry. `@` is the product of matrices."),
            ((b @ a).tolist(), "That is `B @ A`: rows come from the left matrix, columns from the right one."),
        ],
        explanation=r"Entry $(i, j)$ of the product is row $i$ of $A$ times column $j$ of $B$: $\sum_k a_{ik} b_{kj}$. "
        "The `*` of PyTorch multiplies entry by entry, and raises no error when you meant the other.",
    )


@question("batch_of_products", points=1, variants=8)
def batch_of_products(draw):
    b, m, k, n = draw.distinct(4, 2, 9)
    x, w = torch.empty(b, m, k), torch.empty(k, n)
    return Shape(
        prompt=f"`X` has the shape `{(b, m, k)}`, `W` has the shape `{(k, n)}`. What is the shape of `X @ W`?",
        answer=(x @ w).shape,
        wrong={
            (m, n): "Right for one of the matrices in `X`. How many are there?",
            (b, m, k): "The axis over which the products are summed goes.",
            (b, n, m): "Rows come from the left factor, columns from the right one.",
        },
        explanation=f"The last two axes are matrices, everything in front is a batch. Each of the {b} matrices of size "
        rf"${m} \times {k}$ is multiplied by the same $W$ and gives one of size ${m} \times {n}$; the {k} is summed "
        "over.",
    )


@question("norms", points=1, variants=9)
def norms(draw):
    v = torch.tensor([size * draw.choice([-1, 1]) for size in draw.distinct(3, 1, 9)], dtype=torch.float64)
    entries = ", ".join(f"{entry:.0f}" for entry in v)
    name, order = draw.choice([("_1", 1), ("_2", 2), (r"_\infty", torch.inf)])
    hints = {
        1: "That is the sum of the absolute values.",
        2: "That is the root of the sum of squares.",
        torch.inf: "That is the largest absolute value.",
    }
    return Number(
        prompt=rf"$v = ({entries})$. How large is the norm $\lVert v \rVert{name}$? Three significant digits are "
        "enough.",
        answer=torch.linalg.vector_norm(v, ord=order),
        wrong=[(float(torch.linalg.vector_norm(v, ord=p)), hint) for p, hint in hints.items() if p != order],
        explanation=r"$\lVert v \rVert_1 = \sum_i |v_i|$ is the way along the axes, $\lVert v \rVert_2 = \sqrt{\sum_i "
        r"v_i^2}$ the way as the crow flies, and $\lVert v \rVert_\infty = \max_i |v_i|$ the longest stretch along one "
        "axis. They never grow from left to right.",
        rel=DIGITS,
    )


@question("transposed_product", points=1, variants=8)
def transposed_product(draw):
    letters = draw.sample("ABCD", draw.integer(2, 3))
    factors = [(letter, bool(draw.integer(0, 1))) for letter in letters]
    flipped = [(letter, not is_flipped) for letter, is_flipped in factors]
    hints = {
        "order": (
            flipped,
            "Every factor is transposed. Try it with shapes that are not square: do the factors still fit?",
        ),
        "flip": (factors[::-1], "The order is turned around, but what happens to each factor?"),
        "none": (factors, "Transposing does change a product, except where it happens to be symmetric."),
    }
    matrices = {letter: draw.tensor(3, 3, dtype=torch.float64) for letter in letters}

    def product(listed: list[tuple[str, bool]]) -> Tensor:
        found = torch.eye(3, dtype=torch.float64)
        for letter, is_flipped in listed:
            found = found @ (matrices[letter].T if is_flipped else matrices[letter])
        return found

    def text(listed: list[tuple[str, bool]]) -> str:
        return " ".join(rf"{letter}^\top" if is_flipped else letter for letter, is_flipped in listed)

    torch.testing.assert_close(product(flipped[::-1]), product(factors).T)
    return Choice(
        prompt=rf"Which is always equal to $({text(factors)})^\top$?",
        answer=f"${text(flipped[::-1])}$",
        wrong={f"${text(listed)}$": hint for listed, hint in hints.values()},
        explanation=r"Transposing turns rows into columns, so the last factor comes first: $(AB)^\top = B^\top "
        r"A^\top$, and $(A^\top)^\top = A$. The shapes tell it too: if $A$ is $m \times k$ and $B$ is $k \times n$, "
        "only this order fits.",
        shows_answer=True,
    )


# --- Derivatives ------------------------------------------------------------------------------------------------------


@question("derivative", points=2, variants=12)
def derivative(draw):
    n, a = draw.integer(2, 5), draw.integer(2, 6)
    power = f"x**{n - 1}" if n > 2 else "x"
    latex, formula, right, wrong = draw.choice(
        [
            (
                rf"x^{n} e^{{{a}x}}",
                f"x**{n} * exp({a}*x)",
                f"{n}*{power}*exp({a}*x) + {a}*x**{n}*exp({a}*x)",
                {
                    f"{n}*{power}*{a}*exp({a}*x)": "The derivative of a product is not the product of the derivatives.",
                    f"{n}*{power}*exp({a}*x) + x**{n}*exp({a}*x)": "The product rule is there; the exponent has a "
                    "derivative too.",
                },
            ),
            (
                rf"\sin({a} x^{n})",
                f"sin({a} * x**{n})",
                f"{a * n}*{power}*cos({a}*x**{n})",
                {
                    f"cos({a}*x**{n})": "Times the derivative of what stands inside.",
                    f"cos({a * n}*{power})": "The inner derivative is a factor outside; inside, everything stays.",
                },
            ),
            (
                rf"\ln({a} + x^{n})",
                f"log({a} + x**{n})",
                f"{n}*{power} / ({a} + x**{n})",
                {
                    f"1 / ({a} + x**{n})": "Times the derivative of what stands inside.",
                    f"1 / ({n}*{power})": "The derivative of the logarithm is one over its argument, and the argument "
                    "stays whole.",
                },
            ),
            (
                rf"e^{{-{a} x^{n}}}",
                f"exp(-{a} * x**{n})",
                f"-{a * n}*{power}*exp(-{a}*x**{n})",
                {
                    f"exp(-{a}*x**{n})": "Times the derivative of the exponent.",
                    f"exp(-{a * n}*{power})": "The exponent stays; its derivative becomes a factor.",
                },
            ),
        ]
    )
    return Expression(
        prompt=f"$f(x) = {latex}$. What is its derivative $f'(x)$?",
        answer=derived(formula, "x", "x", right),
        wrong=wrong,
        explanation=rf"Product rule: $(uv)' = u'v + uv'$. Chain rule: $\frac{{d}}{{dx}} u(v(x)) = u'(v(x)) \cdot "
        f"v'(x)$. Here they give `{right}`; autograd agrees at every point that we tried.",
    )


@question("small_step", points=1, variants=8)
def small_step(draw):
    power, a, h = draw.integer(2, 3), draw.integer(1, 5), draw.choice([0.5, 0.1, 0.2])
    x = torch.tensor(float(a), dtype=torch.float64)
    difference = (x + h) ** power - x**power
    return Number(
        prompt=rf"$f(x) = x^{power}$. How large is the difference quotient $\frac{{f(x + h) - f(x)}}{{h}}$ at $x = "
        f"{a}$ with $h = {h}$? Give the exact value.",
        answer=round(float(difference / h), 6),
        wrong={
            float(power * a ** (power - 1)): "That is the derivative: what the quotient tends to as $h$ goes to zero.",
            float(difference): "That is how much $f$ grows. How much is it per unit of $x$?",
        },
        explanation="The quotient is the slope of the line through two points of the curve; for $x^2$ it is $2x + "
        "h$, for $x^3$ it is $3x^2 + 3xh + h^2$. The smaller $h$, the closer to the derivative, here "
        f"${power * a ** (power - 1)}$. Comparing the two is how a gradient is checked.",
        rel=1e-4,
    )


@question("gradient_here", points=1, variants=8)
def gradient_here(draw):
    def numbers() -> tuple[int, ...]:
        return draw.integer(2, 5), draw.integer(2, 9), draw.integer(1, 4), draw.integer(-3, 4)

    a, b, u, v = first(numbers, lambda n: n[3] != 0 and 2 * n[0] * n[2] * n[3] != n[0] * n[2] ** 2 + n[1])
    x = torch.tensor([float(u), float(v)], requires_grad=True)
    (a * x[0] ** 2 * x[1] + b * x[1]).backward()
    gradient = x.grad.tolist()
    return TensorValue(
        prompt=rf"$f(x_1, x_2) = {a} x_1^2 x_2 + {b} x_2$. What is the gradient $\nabla f$ at $({u}, {v})$?",
        answer=gradient,
        wrong=[
            (gradient[::-1], "Both partial derivatives are there; which one comes first?"),
            ([gradient[0], float(a * u**2)], r"The second summand depends on $x_2$ as well."),
            (sum(gradient), "A gradient has one entry for each variable; they are not added."),
        ],
        explanation=rf"Each partial derivative holds the other variable fixed: $\partial f / \partial x_1 = {2 * a} "
        rf"x_1 x_2$ and $\partial f / \partial x_2 = {a} x_1^2 + {b}$. At $({u}, {v})$ that is $({gradient[0]:.0f}, "
        f"{gradient[1]:.0f})$.",
    )


@question("layout", points=1, variants=8)
def layout(draw):
    m, n = draw.distinct(2, 2, 9)
    a = torch.ones(m, n)
    return Shape(
        prompt=rf"$f: \mathbb{{R}}^{{{n}}} \to \mathbb{{R}}^{{{m}}}$. In numerator layout, which shape has the "
        r"derivative $\partial f / \partial x$?",
        answer=torch.autograd.functional.jacobian(lambda x: a @ x, torch.ones(n)).shape,
        wrong={
            (n, m): "That is denominator layout. In numerator layout the rows belong to what stands in the numerator.",
            (m,): "Every output has a slope in the direction of every input.",
            (n,): "That would do for a function with a single output.",
        },
        explanation=rf"Entry $(i, j)$ is $\partial f_i / \partial x_j$: a row for each of the {m} outputs, a column "
        f"for each of the {n} "
        r"inputs. It is the layout in which the chain rule reads from left to right, $\frac{\partial g}{\partial x} = "
        r"\frac{\partial g}{\partial f} \frac{\partial f}{\partial x}$, as a product of matrices.",
    )


WORDS = [
    (
        "the matrix of all first partial derivatives of a function with several inputs and several outputs, one row "
        "for each output",
        "Jacobian",
        ["Jacobian matrix", "Jacobi matrix", "雅可比矩阵", "雅可比"],
        {"Hessian": "That one holds second derivatives.", "gradient": "That name is for a single output."},
    ),
    (
        "the matrix of all second partial derivatives of a function with one output",
        "Hessian",
        ["Hessian matrix", "Hesse matrix", "黑塞矩阵", "海森矩阵", "海塞矩阵"],
        {"Jacobian": "That one holds first derivatives.", "gradient": "That is a vector of first derivatives."},
    ),
    (
        "the vector of all first partial derivatives of a function with one output, which points in the direction of "
        "steepest ascent",
        "gradient",
        ["nabla", "梯度", "梯度向量"],
        {"Hessian": "That is a matrix of second derivatives.", "Jacobian": "That is the word for several outputs."},
    ),
    (
        "the rule that the derivative of a function inside a function is the product of both derivatives (two words)",
        "chain rule",
        ["the chain rule", "链式法则"],
        {"product rule": "That is for two factors side by side.", "quotient rule": "That is for fractions."},
    ),
    (
        "a tensor at the very start of autograd's graph: made by you and not by an operation that was recorded "
        "(`is_...`)",
        "leaf",
        ["leaf tensor", "is_leaf", "a leaf", "叶张量", "叶子张量", "叶子节点", "叶节点", "叶子"],
        {
            "root": "The graph ends there, at the loss.",
            "parameter": "Every parameter is one, but not the other way round.",
        },
    ),
]


@question("word_for", points=1, variants=5)
def word_for(draw):
    meaning, word, accepted, wrong = draw.choice(WORDS)
    return ShortText(
        prompt=f"What is it called: {meaning}?",
        answer=word,
        accepted=accepted,
        wrong=wrong,
        explanation=f"It is the **{word}**. One output: the first derivatives form the gradient, the second ones the "
        "Hessian. Several outputs: the first derivatives form the Jacobian. The chain rule ties them together, from "
        "the loss back to the leaves of the graph.",
    )


# --- The chain rule and autograd --------------------------------------------------------------------------------------


@question("two_paths", points=2, variants=8)
def two_paths(draw):
    p, q = draw.distinct(2, 2, 7)
    x, y = torch.tensor(float(p), requires_grad=True), torch.tensor(float(q))
    a = x * y
    b = a + x
    (b**2).backward()
    return Integer(
        prompt=f"$a = x y$, $b = a + x$, $L = b^2$. How large is $\\partial L / \\partial x$ at $x = {p}$, $y = {q}$?",
        answer=int(x.grad),
        wrong={
            int(2 * b * y): "$x$ reaches $b$ on two paths; you went along the one through $a$.",
            int(2 * b): "$x$ reaches $b$ on two paths; you went along the direct one.",
            q + 1: r"That is $\partial b / \partial x$. One factor is missing on the way from $b$ to $L$.",
        },
        explanation=r"Along a path the derivatives are multiplied, and over all paths they are added: $\partial b / "
        rf"\partial x = y + 1 = {q + 1}$. With $\partial L / \partial b = 2b = {int(2 * b)}$ this gives "
        f"${int(x.grad)}$. Autograd does the same, backwards.",
    )


@question("model_slope", points=2, variants=8)
def model_slope(draw):
    latex, k = draw.choice([("", 1), (r"\tfrac12 ", 0.5), ("3 ", 3), ("5 ", 5)])
    by, inner = draw.choice([("w", "x"), ("x", "w"), ("y", "(-1)")])
    inside = "(w*x + b - y)"
    names, at = "w x b y", (0.7, 1.3, 0.4, -0.6)
    right = f"{2 * k:g} * {inside} * {inner}"
    by_hand = torch.tensor(value_of(right, **dict(zip(names.split(), at, strict=True))))
    torch.testing.assert_close(by_hand, slope(f"{k} * {inside}**2", names, at, by))
    return Expression(
        prompt=rf"One example with input $x$ and target $y$, a model $w x + b$, and the loss $\ell = {latex}(w x + b - "
        rf"y)^2$. What is $\partial \ell / \partial {by}$?",
        variables=names,
        answer=right,
        wrong={
            f"{2 * k:g} * {inside}": "The square is done. What is the derivative of $w x + b - y$ with respect to "
            f"${by}$?",
            f"{k:g} * {inside}**2 * {inner}": "The inner derivative is there; the square has to be differentiated as "
            "well.",
        },
        explanation="From the outside in: the square gives twice the residual $r = w x + b - y$, and the residual has "
        "the derivative $x$ with respect to $w$, $w$ with respect to $x$, $1$ with respect to $b$ and $-1$ with "
        "respect to $y$. A residual of zero gives no slope at all: nothing is left to learn from this example.",
    )


@question("added_up", points=1, variants=8)
def added_up(draw):
    start, a, b, c = draw.distinct(4, 2, 9)
    reset = draw.choice(["w.grad = None", "w.grad.zero_()"])
    code = (
        f"w = torch.tensor({start}.0, requires_grad=True)\n(w * {a}).backward()\n(w * {b}).backward()\nprint(w.grad)\n"
        f"{reset}\n(w * {c}).backward()\nprint(w.grad)"
    )
    return Printed(
        prompt="What is printed?",
        code=code,
        wrong={
            f"tensor({b}.)\ntensor({c}.)": "Does the second `backward` replace what the first one left?",
            f"tensor({a + b}.)\ntensor({a + b + c}.)": "What does the line between the two prints do?",
            f"tensor({(a + b) * start}.)\ntensor({c * start}.)": "These are values; asked for are slopes.",
        },
        explanation=f"`backward` adds to `w.grad`: ${a} + {b} = {a + b}$. The line `{reset}` makes room for a fresh "
        "gradient. A training loop therefore resets the gradients in every step. Leaving that out for a while is how "
        "several small batches stand in for one that is too large for the memory.",
    )


@question("detached", points=1, variants=8)
def detached(draw):
    p, k = draw.integer(2, 6), draw.integer(1, 4)
    x = torch.tensor(float(p), requires_grad=True)
    y = k * x**2
    z = y.detach() * x
    z.backward()
    factor = f"{k} * " if k > 1 else ""
    return Integer(
        prompt=f"```python\nx = torch.tensor({p}.0, requires_grad=True)\ny = {factor}x**2\nz = y.detach() * "
        "x\nz.backward()\n```\n\n"
        "How large is `x.grad`?",
        answer=int(x.grad),
        wrong={
            3 * k * p**2: "That is the slope without `detach`. Which of the two paths from $x$ to $z$ is cut?",
            2 * k * p**2: "That is the slope along the path through $y$. Which of the two paths is cut?",
            0: "One of the two factors still depends on $x$.",
        },
        explanation="`detach` gives the value of `y` without its history: for `backward` it is the constant "
        f"${int(y)}$. Then $z$ is ${int(y)} \\cdot x$, with slope ${int(y)}$. Without it, $z$ would be "
        f"{'$' + str(k) + ' x^3$' if k > 1 else '$x^3$'}.",
    )


@question("recorded", points=2, variants=8)
def recorded(draw):
    n = draw.integer(2, 9)
    w = torch.ones(n, requires_grad=True)
    yes = ["w * 2", "w.sum()", "w[0]", f"torch.ones({n}) * w", "w.clone()", "w.detach() * w", "w.exp().mean()"]
    no = {
        "w.detach()": "`detach` leaves the history behind.",
        "w > 0": "Answers to a question have no slope.",
        "w.argmax()": "A position has no slope.",
        f"torch.ones({n})": "Nothing here has to do with `w`.",
        "torch.zeros_like(w)": "It takes shape, dtype and device from `w`, and no history.",
        "w.exp().detach()": "What counts is the last step.",
        "torch.tensor(w.tolist())": "A list of Python numbers remembers nothing.",
    }
    right = draw.integer(2, 4)
    listed = [*draw.sample(yes, right), *draw.sample(list(no), 6 - right)]
    is_recorded = {one: value_of(one, w=w).requires_grad for one in listed}
    return Choices(
        prompt=f"```python\nw = torch.ones({n}, requires_grad=True)\n```\n\nWhich of these have `requires_grad` equal "
        "to `True`?",
        answer=[f"`{one}`" for one, flag in is_recorded.items() if flag],
        wrong={f"`{one}`": no[one] for one, flag in is_recorded.items() if not flag},
        explanation="What is computed from a tensor that requires gradients requires them too, even if only one of the "
        "operands does. The thread is cut by `detach`, by results that have no slope (positions, comparisons), and by "
        "anything that leaves PyTorch, such as a list of numbers.",
    )


@question("still_recorded", points=1, variants=10)
def still_recorded(draw):
    k, start = draw.integer(2, 9), draw.integer(2, 9)
    lines = draw.choice(
        [
            f"with torch.no_grad():\n    y = w * {k}\nz = y + 1",
            f"with torch.no_grad():\n    y = w * {k}\nz = y + w",
            f"y = w.detach() * {k}\nz = y * y",
            f"y = w * {k}\nz = y.detach() + w",
            f"y = w * {k}\nwith torch.no_grad():\n    z = y + 1",
            f"with torch.no_grad():\n    print(w)\nz = w * {k}",
        ]
    )
    code = f"w = torch.tensor({start}.0, requires_grad=True)\n{lines}"
    with contextlib.redirect_stdout(io.StringIO()):
        flag = names_after(code)["z"].requires_grad
    return TrueFalse(
        prompt=f"```python\n{code}\n```\n\nTrue or false: afterwards `z.requires_grad` is `True`.",
        answer=flag,
        wrong={
            not flag: "Follow every path from `w` to `z`: was each step of it recorded? And where does the block end?"
        },
        explanation="Inside `torch.no_grad()` nothing is recorded, and results do not require gradients. Before and "
        "after the block everything is as usual: one recorded path from `w` to `z` is enough for `z` to require them.",
        shows_answer=True,
    )


@question("update_line", points=1, variants=8)
def update_line(draw):
    rate, name = draw.choice([0.1, 0.01, 0.5, 0.2]), draw.choice(["w", "v", "theta", "weight"])
    step = f"{rate} * {name}.grad"
    lines = {
        "right": f"`with torch.no_grad(): {name} -= {step}`",
        "rebinds": f"`{name} = {name} - {step}`",
        "raises": f"`{name} -= {step}`",
        "uphill": f"`with torch.no_grad(): {name} += {step}`",
    }
    return Choice(
        prompt=f"`{name}` is a leaf tensor with `requires_grad=True`, and `loss.backward()` has just filled its "
        f"gradient. Which line takes one step of gradient descent with learning rate {rate}, so that the next "
        f"`backward` finds `{name}` ready?",
        answer=lines["right"],
        wrong={
            lines["rebinds"]: "This makes a new tensor, which is no leaf: its `.grad` stays empty from now on.",
            lines["raises"]: "Autograd watches, and refuses to let a leaf that requires gradients be changed in place.",
            lines["uphill"]: "The gradient points uphill.",
        },
        explanation="The update is not part of the model, so it must happen where autograd does not look: under "
        "`torch.no_grad()`. And it must happen in place, so that it is still the same leaf that the model uses.",
    )


@question("in_order", points=1, variants=8)
def in_order(draw):
    start, power, factor = draw.integer(2, 9), draw.integer(2, 4), draw.integer(2, 9)
    lines = [
        f"w = torch.tensor({start}.0, requires_grad=True)",
        f"y = w**{power}",
        f"loss = {factor} * y",
        "loss.backward()",
        "print(w.grad)",
    ]
    return Order(
        prompt=rf"Put lines in order so that they print the derivative of ${factor} w^{power}$ at $w = {start}$.",
        answer=lines,
        extra={"w.backward()": "`backward` starts where the graph ends, not where it begins."},
        wrong=[([*lines[:3], lines[4], lines[3]], "Before `backward` has run, `w.grad` is `None`.")],
        explanation="First a leaf that requires gradients, then the computation, forwards, which is recorded. "
        "`backward` walks back from the result to the leaf and leaves the gradient there; only then can it be read.",
    )
