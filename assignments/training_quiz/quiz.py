"""Losses, networks, optimisation and honest testing: the questions. What can be computed is computed by torch."""

import contextlib
import io
import math
from collections.abc import Callable, Mapping
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.data import DataLoader

from autograder import question
from autograder.quiz import (
    Choice,
    Choices,
    Device,
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
    printed,
    runs,
)

DIGITS = 5e-3  # three significant digits are enough
ENOUGH = "Three significant digits are enough."


def apart(right: float, wrong: Mapping[float, str]) -> dict[float, str]:
    """The wrong answers that are told from the right one, and from those before them, by three digits."""
    kept: dict[float, str] = {}
    for answer, hint in wrong.items():
        if not any(math.isclose(answer, other, rel_tol=4 * DIGITS, abs_tol=1e-4) for other in (right, *kept)):
            kept[answer] = hint
    return kept


def slope(formula: str, by: str, **at: float) -> float:
    """The derivative of a formula at a point, by autograd."""
    names = {name: torch.tensor(value, dtype=torch.float64, requires_grad=True) for name, value in at.items()}
    known = {name: getattr(torch, name) for name in ("exp", "log", "tanh")}
    return float(torch.autograd.grad(eval(formula, known | names), names[by])[0])


def derived(formula: str, by: str, derivative: str, *points: dict[str, float]) -> str:
    """A derivative that was worked out by hand, once autograd agrees."""
    known = {"exp": math.exp, "log": math.log, "tanh": math.tanh}
    for at in points:
        if not math.isclose(eval(derivative, known | at), slope(formula, by, **at), rel_tol=1e-6):
            raise ValueError(f"{derivative} is not the derivative of {formula}")
    return derivative


def probabilities(draw: Any) -> Tensor:
    """Four probabilities in hundredths, no two equal."""
    parts = first(lambda: draw.distinct(3, 3, 30), lambda parts: 100 - sum(parts) not in parts)
    return torch.tensor(draw.shuffled([*parts, 100 - sum(parts)]), dtype=torch.float64) / 100


def row(entries: Any) -> str:
    """Numbers in brackets, as in a formula."""
    return "(" + ", ".join(f"{entry:g}" for entry in entries) + ")"


# --- Softmax and cross-entropy ----------------------------------------------------------------------------------------


@question("logs_of_parts", points=1, variants=8)
def logs_of_parts(draw):
    parts, c = draw.distinct(3, 1, 9), draw.integer(2, 50)
    logits = torch.tensor(parts, dtype=torch.float64).log() + c
    shown = ", ".join(rf"\ln {part} + {c}" for part in parts)
    return TensorValue(
        prompt=rf"The logits are $({shown})$. What is their softmax? {ENOUGH}",
        answer=logits.softmax(0).round(decimals=6),
        wrong=[
            (list(parts), "The exponentials are right, up to a common factor. What makes probabilities of them?"),
            ([1 / 3] * 3, f"Adding {c} to every logit changes nothing, but the logits were not equal before it."),
            (torch.tensor(parts, dtype=torch.float64).softmax(0).tolist(), "You left out the logarithms."),
        ],
        explanation=rf"$e^{{\ln a + {c}}} = a \, e^{{{c}}}$, and the factor $e^{{{c}}}$ stands above and below the "
        f"fraction line: it cancels. What stays is $({', '.join(map(str, parts))})$ divided by its sum "
        f"${sum(parts)}$. Softmax sees differences of logits only.",
        rel=DIGITS,
    )


@question("shifted_or_scaled", points=1, variants=10)
def shifted_or_scaled(draw):
    z = torch.tensor(draw.distinct(3, -4, 5), dtype=torch.float64)
    c = draw.integer(2, 9)
    name, changed = draw.choice(
        [
            (f"z + {c}", z + c),
            (f"z - {c}", z - c),
            (f"{c} z", z * c),
            ("-z", -z),
            (r"z - \max_k z_k", z - z.max()),
            (r"z - \tfrac13 \sum_k z_k", z - z.mean()),
            (rf"z + ({c}, 0, 0)", z + torch.tensor([c, 0, 0])),
        ]
    )
    is_same = torch.allclose(z.softmax(0), changed.softmax(0))
    return TrueFalse(
        prompt=rf"$z = {row(z.tolist())}$. True or false: $\operatorname{{softmax}}({name}) = "
        rf"\operatorname{{softmax}}(z)$.",
        answer=is_same,
        wrong={not is_same: "Do the differences between the logits change?"},
        explanation="A common shift multiplies every exponential by the same factor, which cancels; it may be any "
        "number, also one that was computed from $z$. A factor stretches the differences: above one it makes the "
        "softmax more decided, between zero and one more even, and a negative one turns the order around.",
    )


@question("naive_softmax", points=1, variants=10)
def naive_softmax(draw):
    n = draw.choice([200, 300, 500, 1000])
    entries = draw.choice([(n, 0), (0, n), (-n, -n), (n, n)])
    z = torch.tensor([float(entry) for entry in entries])
    ways = [
        (
            "e = z.exp()",
            z.exp() / z.exp().sum(),
            "Is anything too large for `float32` here? After the shift, what is the largest exponent?",
        ),
        (
            "e = (z - z.max()).exp()",
            z.softmax(0),
            "Work it out in `float32`: is every exponential, and every sum, an ordinary number above zero?",
        ),
    ]
    (line, _, _), (_, other, hint) = draw.shuffled(ways)
    return Printed(
        prompt="What is printed?",
        code=f"z = torch.tensor([{entries[0]}.0, {entries[1]}.0])\n{line}\nprint(e / e.sum())",
        wrong={
            printed(other): hint,
            printed(z.exp()): "These are exponentials of the logits as they are. Which lines come after that?",
        },
        explanation="In `float32`, $e^{89}$ is already `inf` and $e^{-104}$ is `0`; then `inf / inf` and `0 / 0` are "
        "`nan`. Shifted by the maximum, the largest exponent is $0$: nothing overflows, the sum is at least $1$, and "
        "by the invariance of softmax the result is the same on paper.",
    )


@question("loss_of_a_row", points=1, variants=10)
def loss_of_a_row(draw):
    p = probabilities(draw)
    label = draw.integer(0, 3)
    loss = float(F.cross_entropy(p.log()[None], torch.tensor([label])))
    chosen = float(p[label])
    return Number(
        prompt=f"Softmax gives one example the probabilities $p = {row(p.tolist())}$ for the classes $0, 1, 2, 3$; "
        f"its label is ${label}$. How large is its cross-entropy, with the natural logarithm? {ENOUGH}",
        answer=round(loss, 6),
        wrong=apart(
            loss,
            {
                1 - chosen: "That is what is missing to certainty. The loss is a logarithm.",
                -math.log10(chosen): "That is the decimal logarithm.",
                -math.log2(chosen): "That is the logarithm to base 2: bits.",
                -math.log(float(p[label - 1])): "That is another class: counting starts at 0.",
            },
        ),
        explanation=rf"Only the probability of the right class counts: $-\ln p_{label} = -\ln {chosen:g} = "
        f"{loss:.4f}$. The other entries matter through the sum to one: what they take is missing here.",
        rel=DIGITS,
    )


@question("loss_of_a_batch", points=1, variants=8)
def loss_of_a_batch(draw):
    p = torch.tensor(draw.sample([0.9, 0.8, 0.5, 0.4, 0.25, 0.1, 0.05], 3), dtype=torch.float64)
    logits = torch.stack([p, 1 - p], dim=1).log()
    loss = float(F.cross_entropy(logits, torch.zeros(3, dtype=torch.int64)))
    return Number(
        prompt=rf"A model gives the right classes of three examples the probabilities ${row(p.tolist())}$. What does "
        rf"`F.cross_entropy` return for this batch, with its default settings? {ENOUGH}",
        answer=round(loss, 6),
        wrong=apart(
            loss,
            {
                3 * loss: "That is the sum. Is it what the loss of a batch is by default?",
                -math.log(float(p.mean())): "First the logarithm, then the mean.",
                1 - float(p.mean()): "Where is the logarithm?",
            },
        ),
        explanation=rf"The mean of the three losses, $-\tfrac13 (\ln {p[0]:g} + \ln {p[1]:g} + \ln {p[2]:g}) = "
        f"{loss:.4f}$. A single prediction that is confidently wrong weighs heavily, because its logarithm does.",
        rel=DIGITS,
    )


@question("blind_guess", points=1, variants=8)
def blind_guess(draw):
    c = draw.choice([3, 4, 5, 7, 12, 20, 26, 37, 50, 100, 200])
    loss = float(F.cross_entropy(torch.zeros(1, c, dtype=torch.float64), torch.tensor([0])))
    return Number(
        prompt=f"A classifier for {c} classes is new, and all its logits are equal. How large is its cross-entropy, "
        f"with the natural logarithm? {ENOUGH}",
        answer=round(loss, 6),
        wrong=apart(
            loss,
            {
                1 / c: "That is the probability of the right class. How surprising is it?",
                math.log2(c): "That is the logarithm to base 2: bits.",
                math.log10(c): "That is the decimal logarithm.",
            },
        ),
        explanation=rf"Every class gets the probability $1/{c}$, so the loss is $-\ln \tfrac1{{{c}}} = \ln {c} = "
        f"{loss:.4f}$, whatever the labels are. A training that starts far above this number has something to "
        "explain.",
        rel=DIGITS,
    )


@question("bits", points=1, variants=8)
def bits(draw):
    lengths = draw.choice(
        [(1, 2, 2), (1, 2, 3, 3), (1, 2, 3, 4, 4), (2, 2, 3, 3, 3, 3), (1, 3, 3, 3, 3), (2, 2, 2, 3, 3)]
    )
    lengths = draw.shuffled(list(lengths))
    p = 0.5 ** torch.tensor(lengths, dtype=torch.float64)
    entropy = float(torch.distributions.Categorical(p).entropy()) / math.log(2)
    shown = ", ".join(rf"\tfrac1{{{2**length}}}" for length in lengths)
    return Number(
        prompt=f"An outcome has the probabilities $({shown})$. How large is its entropy, in bits? {ENOUGH}",
        answer=round(entropy, 6),
        wrong=apart(
            entropy,
            {
                entropy * math.log(2): "That is in nats: you took the natural logarithm.",
                math.log2(len(lengths)): "That would be so if all outcomes were equally likely.",
                sum(lengths) / len(lengths): "The mean of the surprises, but likely outcomes come more often.",
            },
        ),
        explanation=rf"$H(p) = -\sum_k p_k \log_2 p_k$. An outcome of probability $2^{{-n}}$ carries $n$ bits of "
        f"surprise; weighted by how often it comes, this sums to ${entropy:g}$ bits. No code can use fewer yes-no "
        "questions on average.",
        rel=DIGITS,
    )


ENTROPY_HOLDS = [
    "The cross-entropy $H(p, q)$ is never smaller than the entropy $H(p)$.",
    "The entropy of an outcome that is certain is zero.",
    "Of all distributions over $C$ classes the uniform one has the largest entropy.",
    "If $p$ puts everything on one class $y$, then $H(p, q) = -\\ln q_y$.",
    "For a fixed $p$, the $q$ with the smallest $H(p, q)$ is $q = p$.",
    "The cross-entropy grows without end when the probability of the right class goes to zero.",
]
ENTROPY_FAILS = {
    "Always $H(p, q) = H(q, p)$.": "Take a $p$ that is certain and a $q$ that is not, and compute both.",
    "The entropy of a distribution over $C$ classes can be negative.": "What sign has $-p \\ln p$ for $0 < p \\le 1$?",
    "A prediction whose largest probability is at the right class has the loss zero.": "Compare 0.4 and 0.9 for the "
    "right class.",
    "The cross-entropy of one example is at most $\\ln C$.": "That is the loss of a blind guess. Can one do worse?",
    "Giving the classes other numbers changes the entropy.": "Does a sum depend on the order of its summands?",
}


@question("about_entropy", points=2, variants=8)
def about_entropy(draw):
    many = draw.integer(2, 4)
    fails = draw.sample(list(ENTROPY_FAILS), 6 - many)
    return Choices(
        prompt=r"With the entropy $H(p) = -\sum_k p_k \ln p_k$ and the cross-entropy $H(p, q) = -\sum_k p_k \ln q_k$ "
        "of distributions over $C$ classes: which statements hold?",
        answer=draw.sample(ENTROPY_HOLDS, many),
        wrong={statement: ENTROPY_FAILS[statement] for statement in fails},
        explanation=r"$H(p, q) = H(p) + \sum_k p_k \ln \frac{p_k}{q_k}$: what nature is unsure about, plus what the "
        "model gets wrong. The second part is never negative, and zero only for $q = p$; it is not symmetric. The "
        r"entropy lies between $0$ (certain) and $\ln C$ (uniform), whereas the cross-entropy has no upper bound.",
    )


@question("slope_of_the_loss", points=2, variants=8)
def slope_of_the_loss(draw):
    p = probabilities(draw)
    label = draw.integer(0, 3)
    logits = p.log().requires_grad_()
    F.cross_entropy(logits[None], torch.tensor([label])).backward()
    by_p = torch.zeros(4, dtype=torch.float64)
    by_p[label] = -1 / p[label]
    return TensorValue(
        prompt=f"The softmax of the logits $z$ of one example is $p = {row(p.tolist())}$, and its label is ${label}$, "
        f"counted from 0. What is the gradient of the cross-entropy with respect to $z$? {ENOUGH}",
        answer=logits.grad.round(decimals=6),
        wrong=[
            (p.tolist(), "That is what the model believes. Where does the label come in?"),
            (
                (-logits.grad).tolist(),
                "The gradient points uphill: should a higher score of the right class raise the loss?",
            ),
            (
                by_p.tolist(),
                "That is the gradient with respect to $p$. There is one more step back, through the softmax.",
            ),
        ],
        explanation=r"$\partial \ell / \partial z = p - e_y$: what the model believes minus what is true. At class "
        f"{label} one is subtracted, everywhere else the belief itself remains. The entries sum to zero, for a "
        "common shift changes nothing.",
        rel=DIGITS,
        abs=1e-5,
    )


@question("two_classes", points=1, variants=6)
def two_classes(draw):
    u, v = draw.choice([("u", "v"), ("a", "b"), ("s", "t"), ("f", "g")])
    x, y = torch.tensor([0.7, -0.4])
    torch.testing.assert_close(torch.stack([x, y]).softmax(0)[0], torch.sigmoid(x - y))
    if draw.integer(0, 1):
        asked, mine, other = "first", u, v
    else:
        asked, mine, other = "second", v, u
    return Choice(
        prompt=rf"A classifier with two classes has the logits $({u}, {v})$. With $\sigma(x) = 1 / (1 + e^{{-x}})$, "
        f"what is the probability that softmax gives to the {asked} class?",
        answer=rf"$\sigma({mine} - {other})$",
        wrong={
            rf"$\sigma({other} - {mine})$": "Should the probability of a class fall when its own logit grows?",
            rf"$\sigma({mine})$": "The other logit matters too: add the same number to both and see.",
            rf"$\sigma({mine}) - \sigma({other})$": "That can be negative.",
            rf"$\sigma({mine} + {other})$": "Add the same number to both logits: this changes, the softmax does not.",
        },
        explanation=f"Divide above and below by $e^{{{mine}}}$: "
        rf"$\frac{{e^{{{mine}}}}}{{e^{{{mine}}} + e^{{{other}}}}} = \frac{{1}}{{1 + e^{{-({mine} - {other})}}}}$. "
        "Softmax with two classes is a sigmoid of the difference, so one logit is enough for two classes.",
    )


# --- Activations and networks -----------------------------------------------------------------------------------------


@question("steepest", points=1, variants=8)
def steepest(draw):
    a = draw.integer(2, 30)
    x = torch.linspace(-3, 3, 601, dtype=torch.float64, requires_grad=True)
    torch.sigmoid(a * x).sum().backward()
    largest = float(x.grad.max())
    return Number(
        prompt=rf"$\sigma(x) = 1 / (1 + e^{{-x}})$. How large is the largest slope of $x \mapsto \sigma({a} x)$? "
        f"{ENOUGH}",
        answer=round(largest, 6),
        wrong=apart(
            largest,
            {
                float(a): "The inner derivative is there; times the largest slope of $\\sigma$ itself.",
                0.25: "That is for $\\sigma$ itself; the factor inside makes it steeper.",
                a / 2: "At $0$ the value is one half; what is $\\sigma (1 - \\sigma)$?",
            },
        ),
        explanation=r"$\sigma' = \sigma (1 - \sigma)$ is largest where $\sigma = \tfrac12$, that is at $0$, where it "
        rf"is $\tfrac14$; the chain rule adds the factor ${a}$. A slope of at most $\tfrac14$ for each layer is why "
        "deep stacks of sigmoids pass on so little gradient.",
        rel=DIGITS,
    )


@question("activation_slope", points=2, variants=10)
def activation_slope(draw):
    a = draw.integer(2, 6)
    latex, formula, right, wrong = draw.choice(
        [
            (
                rf"\frac{{1}}{{1 + e^{{-{a}x}}}}",
                f"1 / (1 + exp(-{a}*x))",
                f"{a} * exp(-{a}*x) / (1 + exp(-{a}*x))**2",
                {
                    f"exp(-{a}*x) / (1 + exp(-{a}*x))**2": "The exponent has an inner derivative.",
                    f"{a} / (1 + exp(-{a}*x))**2": r"That is a multiple of $\sigma^2$; the derivative of the "
                    "exponential is missing.",
                },
            ),
            (
                rf"\tanh({a}x)",
                f"tanh({a}*x)",
                f"{a} * (1 - tanh({a}*x)**2)",
                {
                    f"1 - tanh({a}*x)**2": "What stands inside has a derivative, too.",
                    f"{a} * (1 - tanh({a}*x))**2": "Look again at what is squared.",
                },
            ),
            (
                rf"\ln(1 + e^{{{a}x}})",
                f"log(1 + exp({a}*x))",
                f"{a} * exp({a}*x) / (1 + exp({a}*x))",
                {
                    f"1 / (1 + exp({a}*x))": "That is one over the argument; times the derivative of the argument.",
                    f"exp({a}*x) / (1 + exp({a}*x))": "The exponent has an inner derivative.",
                },
            ),
        ]
    )
    return Expression(
        prompt=f"$f(x) = {latex}$. What is its derivative $f'(x)$?",
        answer=derived(formula, "x", right, {"x": 0.3}, {"x": -0.4}),
        wrong=wrong,
        explanation=rf"With $\sigma(x) = 1 / (1 + e^{{-x}})$: $\sigma' = \sigma (1 - \sigma)$, $\tanh' = 1 - \tanh^2$, "
        rf"and the softplus $\ln(1 + e^x)$ has the derivative $\sigma(x)$. The ${a}$ inside comes out as a factor. "
        "Far from zero the slopes of sigmoid and tanh vanish: hardly any gradient gets through.",
        high=0.8,
    )


@question("relu_at_zero", points=1, variants=8)
def relu_at_zero(draw):
    entries = draw.shuffled([0, draw.integer(1, 9), -draw.integer(1, 9), draw.integer(1, 9)])
    w = torch.tensor([float(weight) for weight in draw.distinct(4, 2, 9)])
    x = torch.tensor([float(entry) for entry in entries], requires_grad=True)
    (w * torch.relu(x)).sum().backward()
    return TensorValue(
        prompt=f"```python\nw = torch.tensor({w.tolist()})\nx = torch.tensor({x.tolist()}, requires_grad=True)\n(w * "
        "torch.relu(x)).sum().backward()\n```\n\nWhat is `x.grad`?",
        answer=x.grad,
        wrong=[
            ((w * (x >= 0)).tolist(), "At zero ReLU has a kink. Which slope does PyTorch choose there?"),
            ((w * (x != 0)).tolist(), "Where the input is negative ReLU is flat."),
            ((x > 0).float().tolist(), "These are the slopes of ReLU; each is multiplied by what comes after it."),
        ],
        explanation="The slope of ReLU is $1$ above zero and $0$ below. At zero there is no derivative: every number "
        "from $0$ to $1$ would do, and PyTorch takes $0$. By the chain rule it is multiplied by the weight behind it.",
    )


@question("parameters", points=1, variants=8)
def parameters(draw):
    a, b, c = draw.integer(10, 99), draw.integer(10, 64), draw.integer(3, 9)
    model = nn.Sequential(nn.Linear(a, b), nn.ReLU(), nn.Linear(b, c))
    return Integer(
        prompt=f"How many parameters does `nn.Sequential(nn.Linear({a}, {b}), nn.ReLU(), nn.Linear({b}, {c}))` have?",
        answer=sum(parameter.numel() for parameter in model.parameters()),
        wrong={
            a * b + b * c: "These are the weights. What else does a linear layer learn?",
            a * b + b * c + a + b: "A layer has one bias for each of its outputs, not of its inputs.",
            a * b + b: "That is the first layer alone.",
        },
        explanation=rf"A layer from $m$ to $n$ units has $m \cdot n$ weights and $n$ biases: ${a} \cdot {b} + {b}$ and "
        rf"${b} \cdot {c} + {c}$, ${a * b + b} + {b * c + c} = {a * b + b + b * c + c}$ together. ReLU has nothing to "
        "learn.",
    )


@question("linear_weight", points=1, variants=6)
def linear_weight(draw):
    a, b = draw.distinct(2, 2, 64)
    return Shape(
        prompt=f"`layer = nn.Linear({a}, {b})`. What is the shape of `layer.weight`?",
        answer=nn.Linear(a, b).weight.shape,
        wrong={
            (a, b): "It fits $xW$; PyTorch computes $x W^\\top + b$.",
            (b,): "That is the bias.",
            (b, a + 1): "The bias is kept apart from the weights.",
        },
        explanation=rf"PyTorch computes $x W^\top + b$, so $W$ has one row for each of the {b} outputs, with one "
        f"weight for each of the {a} inputs. Row $i$ is what unit $i$ looks for.",
    )


@question("one_bias", points=2, variants=8)
def one_bias(draw):
    def numbers() -> Tensor:
        return torch.tensor([draw.integer(-3, 5) for _ in range(12)])

    def pieces(n: Tensor) -> tuple[Tensor, ...]:
        return n[:4].reshape(2, 2), n[4:8].reshape(2, 2), n[8:10], n[10:]

    def candidates(n: Tensor) -> list[list[int]]:
        w1, w2, b1, b2 = pieces(n)
        return [one.tolist() for one in (w2 @ b1 + b2, b1 + b2, w2 @ b1, w1 @ b1 + b2)]

    chosen = first(numbers, lambda n: len(set(map(tuple, candidates(n)))) == 4)
    w1, w2, b1, b2 = pieces(chosen)
    right, added, short, inner = candidates(chosen)
    zero = torch.zeros(2, dtype=torch.int64)
    assert (w2 @ (w1 @ zero + b1) + b2).tolist() == right

    def matrix(entries: Tensor) -> str:
        return (
            r"\begin{pmatrix} "
            + r" \\ ".join(" & ".join(map(str, line)) for line in entries.tolist())
            + r" \end{pmatrix}"
        )

    return TensorValue(
        prompt="Two linear layers, one right after the other: $f(x) = W_2 (W_1 x + b_1) + b_2$ with $W_1 = "
        f"{matrix(w1)}$, $b_1 = {matrix(b1[:, None])}$, $W_2 = {matrix(w2)}$, $b_2 = {matrix(b2[:, None])}$. The same "
        "function is a single layer, $f(x) = W x + b$. What is $b$? Write its two entries in one list.",
        answer=right,
        wrong=[
            (added, "On its way out $b_1$ goes through the second layer."),
            (short, "The second layer has a bias of its own."),
            (inner, "Which of the two matrices does $b_1$ meet after it was added?"),
        ],
        explanation="$W_2 (W_1 x + b_1) + b_2 = (W_2 W_1) x + (W_2 b_1 + b_2)$: again a matrix times $x$ plus a "
        "vector. However many affine layers are stacked, they can do no more than one. That is what the activation "
        "in between is for.",
    )


@question("affine_networks", points=2, variants=8)
def affine_networks(draw):
    a, b, c = draw.distinct(3, 2, 9)
    affine = [
        f"nn.Linear({a}, {b}), nn.Linear({b}, {c})",
        f"nn.Linear({a}, {b}), nn.Identity(), nn.Linear({b}, {c})",
        f"nn.Linear({a}, 1), nn.Linear(1, {c})",
        f"nn.Linear({a}, {b}), nn.Linear({b}, {b}), nn.Linear({b}, {c})",
        f"nn.Linear({a}, {b}), nn.Flatten(), nn.Linear({b}, {c})",
    ]
    bent = {
        f"nn.Linear({a}, {b}), nn.ReLU(), nn.Linear({b}, {c})": "ReLU bends: below zero it is flat, above it is not.",
        f"nn.Linear({a}, {b}), nn.Tanh(), nn.Linear({b}, {c})": "The curve of tanh is no straight line.",
        f"nn.Linear({a}, {b}), nn.Sigmoid(), nn.Linear({b}, {c})": "The curve of the sigmoid is no straight line.",
        f"nn.Linear({a}, {c}), nn.Softmax(dim=1)": "Softmax divides by a sum that depends on the input.",
    }
    many = draw.integer(2, 3)
    listed = [*draw.sample(affine, many), *draw.sample(list(bent), 5 - many)]
    x, y = draw.tensor(20, a, scale=3.0), draw.tensor(20, a, scale=3.0)

    def is_affine(layers: str) -> bool:
        with torch.random.fork_rng(devices=[]), torch.no_grad():
            torch.manual_seed(0)
            f = nn.Sequential(*eval(layers, {"nn": nn}))
            return torch.allclose(f((x + y) / 2), (f(x) + f(y)) / 2, atol=1e-5)

    found = {layers: is_affine(layers) for layers in listed}
    return Choices(
        prompt=f"Which of these, put into `nn.Sequential`, can be replaced by a single `nn.Linear({a}, {c})`, "
        "whatever their weights are?",
        answer=[f"`{layers}`" for layers, is_one in found.items() if is_one],
        wrong={f"`{layers}`": bent[layers] for layers, is_one in found.items() if not is_one},
        explanation="Affine after affine is affine: $W_2 (W_1 x + b_1) + b_2 = (W_2 W_1) x + (W_2 b_1 + b_2)$. "
        "`nn.Identity` and `nn.Flatten` on rows change nothing. A narrow layer in between makes the product less rich, "
        "but it is still one matrix. Only a bend in between, such as ReLU, lets a network do more.",
    )


@question("forward_lines", points=2, variants=8)
def forward_lines(draw):
    images, hidden = draw.choice(["images", "pixels", "pictures"]), draw.choice(["hidden", "first", "inner"])
    bend = draw.choice(["relu", "tanh", "sigmoid"])
    lines = [
        f"x = {images}.flatten(1)",
        f"h = {hidden}(x)",
        f"h = h.{bend}()",
        "z = output(h)",
        "loss = F.cross_entropy(z, labels)",
    ]
    return Order(
        prompt=f"`{images}` has the shape `(64, 8, 8)`; `{hidden}` is `nn.Linear(64, 32)` and `output` is "
        "`nn.Linear(32, 10)`. Put lines in order so that they compute the loss of a network with one hidden layer.",
        answer=lines,
        extra={"z = z.softmax(1)": "`F.cross_entropy` takes logits: it has a softmax of its own inside."},
        wrong=[
            (
                [lines[0], lines[1], lines[3], lines[2], lines[4]],
                "The activation comes too late: its result is used nowhere.",
            ),
            (
                [lines[1], lines[0], *lines[2:]],
                "A linear layer looks at the last axis only. How long is it at the start?",
            ),
        ],
        explanation="Each image becomes a row of 64 numbers; the hidden layer and its activation follow, then the "
        "output layer, whose results are logits. They go straight into the loss, which takes softmax and logarithm in "
        "one step that cannot overflow.",
    )


# --- Losses for numbers -----------------------------------------------------------------------------------------------


@question("huber", points=1, variants=10)
def huber(draw):
    delta, half = draw.choice([1.0, 2.0, 3.0]), draw.integer(1, 14)
    r = draw.choice([-1, 1]) * half / 2
    loss = float(F.huber_loss(torch.tensor(r), torch.tensor(0.0), delta=delta))
    inside = abs(r) <= delta
    candidates = {
        delta * (abs(r) - delta / 2): "On which side of $\\delta$ is the residual? This is the straight part.",
        r * r / 2: "On which side of $\\delta$ is the residual? This is the parabola.",
        abs(r): "That is the L1 loss.",
        r * r: "That is the squared residual.",
        delta * abs(r): "Almost the straight part; but it has to meet the parabola at $\\delta$.",
    }
    return Number(
        prompt=rf"The Huber loss with $\delta = {delta:g}$ is $\tfrac12 r^2$ for $|r| \le \delta$ and $\delta \, (|r| "
        rf"- \tfrac12 \delta)$ beyond. How large is it for a prediction of ${10 + r:g}$ when the target is $10$? "
        f"{ENOUGH}",
        answer=round(loss, 6),
        wrong=apart(loss, {answer: hint for answer, hint in candidates.items() if answer > 0}),
        explanation=rf"The residual is $r = {r:g}$, {'within' if inside else 'beyond'} $\delta = {delta:g}$, so the "
        f"{'parabola' if inside else 'straight part'} gives ${loss:g}$. Near zero the Huber loss is smooth like L2, "
        "far away it grows like L1, so that one wild target cannot outshout all others.",
        rel=DIGITS,
    )


@question("slopes_of_losses", points=2, variants=8)
def slopes_of_losses(draw):
    delta, size, sign = draw.integer(2, 3), draw.integer(4, 9), draw.choice([-1, 1])
    r = sign * size

    def slope_of(loss: str) -> str:
        p, y = torch.tensor(10.0 + r, requires_grad=True), torch.tensor(10.0)
        eval(loss, {"F": F, "p": p, "y": y}).backward()
        return f"${float(p.grad):g}$"

    l1, l2, half = "F.l1_loss(p, y)", "F.mse_loss(p, y)", "0.5 * (p - y)**2"
    clipped = f"F.huber_loss(p, y, delta={delta}.0)"
    return Match(
        prompt=f"The prediction is $p = {10 + r}$, the target is $y = 10$. Which derivative with respect to $p$ "
        "belongs to which loss?",
        answer={f"`{loss}`": slope_of(loss) for loss in (l1, l2, half, clipped)},
        others=[f"${-sign}$"],
        wrong={
            (f"`{l1}`", f"${-sign}$"): "Does the loss grow or fall when $p$ grows?",
            (f"`{l2}`", f"${r}$"): "Nothing halves this square.",
            (f"`{half}`", f"${2 * r}$"): "The factor in front belongs to it.",
            (f"`{clipped}`", f"${r}$"): r"Beyond $\delta$ the Huber loss no longer grows like a square.",
        },
        explanation=f"With the residual $r = p - y = {r}$: the slope of $|r|$ is its sign, of $r^2$ it is $2r$, of "
        r"$\tfrac12 r^2$ it is $r$, and the Huber loss cuts $r$ off at $\pm \delta$. The slope is what an example "
        "says in training: with L2 an outlier shouts, with L1 every example has one vote.",
    )


@question("best_constant", points=1, variants=8)
def best_constant(draw):
    def numbers() -> list[int]:
        return [*draw.distinct(4, 1, 12), draw.integer(30, 90)]

    def centres(y: list[int]) -> tuple[float, ...]:
        data = torch.tensor(y, dtype=torch.float64)
        return float(data.median()), float(data.mean()), (min(y) + max(y)) / 2

    y = first(numbers, lambda y: len(apart(0.0, dict.fromkeys(centres(y), ""))) == 3)
    median, mean, middle = centres(y)
    name, right, other, hint = draw.choice(
        [
            (
                r"\sum_i |y_i - c|",
                median,
                mean,
                "That minimises the sum of squares. When $c$ moves a little, how many distances grow, and how many "
                "shrink?",
            ),
            (
                r"\sum_i (y_i - c)^2",
                mean,
                median,
                "That minimises the sum of distances. Set the derivative of the squares to zero.",
            ),
        ]
    )
    y = draw.shuffled(y)
    return Number(
        prompt=rf"The targets are ${row(y)}$. Which constant $c$ makes ${name}$ as small as possible? {ENOUGH}",
        answer=round(right, 6),
        wrong={other: hint, middle: "Halfway between the extremes: only the largest distance counts there."},
        explanation="The derivative of the sum of squares is zero at the mean; that of the sum of distances changes "
        "its sign at the median, where as many numbers lie above as below. The mean follows an outlier, the median "
        "hardly notices it: that is how L2 and L1 differ as losses.",
        rel=DIGITS,
    )


@question("penalised_slope", points=2, variants=8)
def penalised_slope(draw):
    strength, is_half = draw.choice([0.1, 0.2, 0.4, 3.0, 5.0]), bool(draw.integer(0, 1))
    weight = strength / 2 if is_half else strength
    latex = rf"\tfrac{{{strength:g}}}{{2}}" if is_half else f"{strength:g} \\,"
    right = f"2*x*(w*x - y) + {2 * weight:g}*w"
    points = ({"w": 0.7, "x": 1.3, "y": 0.4}, {"w": -0.2, "x": 0.6, "y": 1.9})
    return Expression(
        prompt=rf"$L(w) = (w x - y)^2 + {latex} w^2$. What is the derivative of $L$ with respect to $w$?",
        variables="w x y",
        answer=derived(f"(w*x - y)**2 + {weight}*w**2", "w", right, *points),
        wrong={
            "2*x*(w*x - y)": "The penalty depends on $w$ as well.",
            f"2*(w*x - y) + {2 * weight:g}*w": "What is the inner derivative of $w x - y$?",
            f"2*x*(w*x - y) + {weight:g}*w**2": "The penalty has to be differentiated, too.",
        },
        explanation="Summand by summand: the square gives $2 (w x - y)$ times the inner derivative $x$, the penalty "
        f"gives ${2 * weight:g} w$. In a step of gradient descent the second part pulls $w$ towards zero, in "
        "proportion to its size: hence the name weight decay.",
    )


# --- Optimisation -----------------------------------------------------------------------------------------------------


def after_steps(w: float, loss: Callable[[Tensor], Tensor], lr: float, steps: int = 1, decay: float = 0.0) -> float:
    """Where plain SGD gets from `w`."""
    weight = nn.Parameter(torch.tensor(w, dtype=torch.float64))
    optimizer = torch.optim.SGD([weight], lr=lr, weight_decay=decay)
    for _ in range(steps):
        optimizer.zero_grad()
        loss(weight).backward()
        optimizer.step()
    return weight.item()


@question("one_step", points=1, variants=8)
def one_step(draw):
    target, start = draw.distinct(2, -9, 9)
    lr = draw.choice([0.05, 0.1, 0.2, 0.3])
    right = after_steps(float(start), lambda w: (w - target) ** 2, lr)
    residual = f"w - {target}" if target >= 0 else f"w + {-target}"
    return Number(
        prompt=rf"$L(w) = ({residual})^2$, $w = {start}$, learning rate $\eta = {lr}$. Where is $w$ after one step of "
        f"gradient descent? {ENOUGH}",
        answer=round(right, 6),
        wrong=apart(
            right,
            {
                2 * start - right: "You went uphill.",
                (start + right) / 2: "The derivative of a square has a factor in front.",
                right - start: "That is the step itself. Where does it lead?",
                start - 2 * (start - target): "The learning rate makes the step smaller.",
            },
        ),
        explanation=rf"$L'(w) = 2 ({residual}) = {2 * (start - target)}$, and the step is $-\eta L'(w) = "
        f"{right - start:g}$: from ${start}$ to ${right:g}$. The gradient points uphill, hence the minus.",
        rel=DIGITS,
    )


FATES = {
    "It comes closer to the minimum with every step, always from the same side.": "That needs a factor between 0 and "
    "1 for each step.",
    "It is in the minimum after a single step.": "That needs a factor of exactly 0.",
    "It jumps to the other side with every step, and comes closer.": "That needs a factor between -1 and 0 for each "
    "step.",
    "It jumps between two points for ever.": "That needs a factor of exactly -1.",
    "It jumps to the other side with every step, and gets further away.": "That needs a factor below -1.",
}


def fate(factor: float) -> str:
    """What becomes of `w` when each step multiplies it by this factor."""
    near, at_once, zigzag, forever, away = FATES
    if abs(factor) < 1e-9:
        return at_once
    if abs(factor + 1) < 1e-9:
        return forever
    return near if factor > 0 else zigzag if factor > -1 else away


@question("too_fast", points=2, variants=10)
def too_fast(draw):
    k, start = draw.choice([4, 5, 8, 10]), draw.choice([1.0, 2.0, 3.0])
    scaled = draw.choice([0.4, 0.8, 1.0, 1.6, 1.2, 2.0, 2.4, 4.0])
    lr = scaled / k
    right = fate(after_steps(start, lambda w: k / 2 * w**2, lr) / start)
    return Choice(
        prompt=rf"Gradient descent on $L(w) = {k / 2:g} w^2$ starts at $w = {start:g}$ with the learning rate "
        rf"$\eta = {lr:g}$. What happens to $w$?",
        answer=right,
        wrong={text: f"{hint} What is the factor here?" for text, hint in FATES.items() if text != right},
        explanation=rf"With $L'(w) = {k} w$ one step leads from $w$ to $(1 - {k} \eta) w$: a factor of "
        f"${1 - scaled:g}$ each time. Between $0$ and $1$ it walks down, between $-1$ and $0$ it overshoots and still "
        "gets there, below $-1$ it flies away. On a curved loss the largest curvature decides which learning rate is "
        "too large.",
    )


@question("steps_of_an_epoch", points=1, variants=8)
def steps_of_an_epoch(draw):
    def numbers() -> tuple[int, int, int]:
        return draw.integer(500, 5000), draw.choice([16, 32, 64, 100, 128]), draw.integer(2, 9)

    n, size, epochs = first(numbers, lambda one: one[0] % one[1] != 0)
    steps = len(DataLoader(range(n), batch_size=size))
    return Integer(
        prompt=f"A training set has {n} examples. How many steps does a training of {epochs} epochs take with batches "
        f"of {size}, when the last, smaller batch of every epoch is used too?",
        answer=epochs * steps,
        wrong={
            epochs * (n // size): "What becomes of the examples that do not fill a batch?",
            steps: "That is one epoch.",
            epochs * n: "That would be batches of a single example.",
        },
        explanation=f"${n} / {size}$ is rounded up: {n // size} full batches and one of {n % size} examples, so "
        f"{steps} steps in each of {epochs} epochs, ${epochs * steps}$ in all. With larger batches an epoch has "
        "fewer steps, each of them less noisy.",
    )


@question("noise_of_a_batch", points=1, variants=6)
def noise_of_a_batch(draw):
    size, root = draw.choice([4, 8, 10, 16, 20]), draw.integer(2, 6)
    spread = torch.tensor(1.0) / torch.tensor([float(size), float(size * root**2)]).sqrt()
    return Integer(
        prompt=f"A batch of {size} examples that are drawn independently gives a noisy gradient. You take "
        f"{size * root**2} examples instead. By which factor does the standard deviation of the gradient shrink?",
        answer=round(float(spread[0] / spread[1])),
        wrong={
            root**2: "That is how much more a step costs, and by how much the variance shrinks.",
            1: "A mean of more numbers varies less.",
        },
        explanation="The variance of a mean of $B$ independent numbers is their variance over $B$, so the standard "
        rf"deviation falls like $1 / \sqrt{{B}}$: ${root**2}$ times the work, noise smaller by ${root}$. That is why "
        "small batches are such a good bargain.",
    )


@question("decayed", points=1, variants=8)
def decayed(draw):
    w, lr, decay = float(draw.integer(2, 9)), draw.choice([0.1, 0.2, 0.5]), draw.choice([0.1, 0.2, 0.3])
    g = float(draw.choice([-4, -3, -2, 2, 3, 4]))
    right = after_steps(w, lambda weight: g * weight, lr, decay=decay)
    return Number(
        prompt=f"`torch.optim.SGD` with `lr={lr}` and `weight_decay={decay}`, no momentum. A weight is ${w:g}$, and "
        f"its gradient is ${g:g}$. How large is it after one step? {ENOUGH}",
        answer=round(right, 6),
        wrong=apart(
            right,
            {
                w - lr * g: "That is the step without weight decay.",
                w
                - lr * g
                - decay * w: "In PyTorch's SGD the decay is part of the gradient: what is a gradient multiplied by?",
                w - lr * (g - decay * w): "The decay should make weights smaller.",
                w * (1 - lr * decay): "The gradient of the loss is missing.",
            },
        ),
        explanation=rf"PyTorch adds $\lambda w$ to the gradient: $w - \eta (g + \lambda w) = {w:g} - {lr} \cdot ({g:g} "
        rf"+ {decay} \cdot {w:g}) = {right:g}$. It is the gradient of $\tfrac12 \lambda w^2$: every step shrinks the "
        "weight a little, unless the loss wants it.",
        rel=DIGITS,
    )


@question("decay_alone", points=1, variants=8)
def decay_alone(draw):
    w, lr, decay = float(draw.integer(2, 9)), draw.choice([0.1, 0.2, 0.5]), draw.choice([0.2, 0.4, 0.5, 1.0])
    steps = draw.integer(2, 4)
    right = after_steps(w, lambda weight: 0.0 * weight, lr, steps, decay)
    return Number(
        prompt=f"The loss no longer depends on a weight $w = {w:g}$: its gradient is zero. Where is it after {steps} "
        f"steps of `torch.optim.SGD` with `lr={lr}` and `weight_decay={decay}`? {ENOUGH}",
        answer=round(right, 6),
        wrong=apart(
            right,
            {
                w: "The gradient of the loss is zero, but the decay goes on.",
                w * (1 - lr * decay): "That is after the first step.",
                w * (1 - decay) ** steps: "The decay is multiplied by the learning rate.",
                w * (1 - steps * lr * decay): "Each step shrinks what the last one left, not the weight at the start.",
            },
        ),
        explanation=rf"Each step multiplies the weight by $1 - \eta \lambda = {1 - lr * decay:g}$, so after {steps} "
        rf"steps it is ${w:g} \cdot {1 - lr * decay:g}^{{{steps}}} = {right:.4g}$. What the loss does not need fades "
        "away, like radioactive matter.",
        rel=DIGITS,
    )


# --- Honest testing ---------------------------------------------------------------------------------------------------


TASKS = {
    "the training set": [
        "work out the gradients",
        "compute the mean and the standard deviation that all inputs are normalised with",
        "update the weights",
    ],
    "the validation set": [
        "choose the learning rate",
        "decide after which epoch to stop",
        "choose between two architectures",
        "choose the strength of the weight decay",
    ],
    "the test set": [
        "state, once and at the end, how well the finished model does on new data",
        "measure for the report what the chosen model can do, when nothing will be changed any more",
    ],
}


@question("which_data", points=2, variants=8)
def which_data(draw):
    learn, tune, judge = TASKS
    task, report = draw.choice(TASKS[learn]), draw.choice(TASKS[judge])
    one, other = draw.sample(TASKS[tune], 2)
    seen = "A choice by the test set uses it up: afterwards it is no longer new."
    return Match(
        prompt="Which data do you use to do what?",
        answer={task: learn, one: tune, other: tune, report: judge},
        wrong={
            (task, judge): "Whatever the model is fitted to must not contain what it is judged by.",
            (one, judge): seen,
            (one, learn): "By the training set, whatever fits it most closely would always win.",
            (other, judge): seen,
            (report, tune): "Your choices were made to look good there.",
        },
        explanation="The model learns from the training set, you choose by the validation set, and the test set stays "
        "in the drawer until nothing will be changed any more. Each of them is honest only about decisions that it "
        "took no part in.",
    )


@question("fold_sizes", points=1, variants=8)
def fold_sizes(draw):
    k, m = draw.choice([3, 4, 5, 8, 10]), draw.integer(12, 99)
    n = k * m
    folds = torch.arange(n).chunk(k)
    return Integer(
        prompt=f"{n} examples, {k}-fold cross-validation. How many examples is each of the models trained on?",
        answer=sum(len(fold) for fold in folds[1:]),
        wrong={
            m: "That is the part that is kept aside for validation.",
            n: "Then nothing would be left to validate with.",
        },
        explanation=f"The data is cut into {k} folds of ${n} / {k} = {m}$. Each fold is the validation set once, and "
        rf"the other {k - 1} train: ${k - 1} \cdot {m} = {n - m}$. In the end every example has been used for "
        "validation exactly once.",
    )


@question("fold_trainings", points=1, variants=8)
def fold_trainings(draw):
    k, candidates = draw.choice([3, 4, 5, 8, 10]), draw.integer(3, 12)
    trainings = len(torch.cartesian_prod(torch.arange(candidates), torch.arange(k))) + 1
    return Integer(
        prompt=f"You compare {candidates} learning rates by {k}-fold cross-validation. The best one is then used for "
        "one last training on all the data. How many trainings is that altogether?",
        answer=trainings,
        wrong={
            candidates * k: "One more is mentioned in the text.",
            candidates + 1: "How often is a model trained for a single learning rate?",
            candidates * (k - 1) + 1: "Every fold is kept aside once: how many models does that make?",
        },
        explanation=rf"Each learning rate needs a training for each fold, ${candidates} \cdot {k} = {candidates * k}$, "
        f"and the last one makes ${trainings}$. Cross-validation buys a steadier judgement with computing time; it "
        "pays when data is scarce.",
    )


@question("when_to_stop", points=1, variants=8)
def when_to_stop(draw):
    best = draw.integer(3, 6)
    epochs = torch.arange(1, 9)
    start = draw.number(1.8, 2.4)
    training = start * torch.tensor(draw.number(0.6, 0.75)) ** epochs
    lowest, rise = training[best - 1], draw.number(0.05, 0.09)
    validation = 1.2 * lowest + torch.where(epochs < best, training - lowest, rise * (epochs - best))
    lines = "\n".join(
        f"| {epoch} | {t:.2f} | {v:.2f} |" for epoch, t, v in zip(epochs.tolist(), training, validation, strict=True)
    )
    return Integer(
        prompt="The loss of a model while it trains:\n\n| epoch | training | validation |\n|---|---|---|\n"
        f"{lines}\n\nThe weights of every epoch were saved. After which epoch would you take them?",
        answer=int(epochs[validation.argmin()]),
        wrong={
            8: "The training loss is lowest there. Is that the one that tells about new data?",
            best + 1: "By then the loss on new data has begun to rise.",
            1: "There both losses can still be improved.",
        },
        explanation=f"The validation loss is lowest after epoch {best}. From then on the training loss still falls, "
        "but what the model learns no longer helps with data that it has not seen: the curves part, it learns its "
        "examples by heart. Stopping there costs nothing and is one of the best remedies.",
    )


@question("diagnosis", points=1, variants=8)
def diagnosis(draw):
    good, bad, near = draw.integer(96, 99), draw.integer(61, 78), draw.integer(1, 3)
    hint = "Look at the training images first: does the model manage these?"
    parts = draw.choice(
        [
            (
                good,
                bad,
                "overfitting",
                ["over fitting", "overfit", "overfitted", "过拟合", "过度拟合"],
                "underfitting",
                97,
            ),
            (
                bad,
                bad - near,
                "underfitting",
                ["under fitting", "underfit", "underfitted", "欠拟合"],
                "overfitting",
                97,
            ),
        ]
    )
    train, validation, word, accepted, other, possible = parts
    return ShortText(
        prompt=f"People read {possible} % of some images right. A model reads {train} % of its training images and "
        f"{validation} % of the validation images. What is its trouble called? One word.",
        answer=word,
        accepted=accepted,
        wrong={other: hint, "generalisation": "That is what one hopes for: to do well on new data."},
        explanation="**Overfitting**: fine on the training data, poor on new data; more data, weight decay, or an "
        "earlier stop help. **Underfitting**: poor on both, although better is possible; a larger model, longer "
        "training or a better learning rate help. The training score tells which of the two it is.",
    )


LEAKS = [
    "The inputs are normalised with the mean of all data, before the data is split.",
    "The learning rate is chosen by the accuracy on the test set.",
    "The model is for new people, and photos of one person stand in the training set and in the test set.",
    "Training stops at the epoch with the best accuracy on the test set.",
    "The same image stands in the training set and in the test set.",
]
HONEST = {
    "The training set is shuffled in every epoch.": "The order of training examples says nothing about the test set.",
    "The test images are normalised with the mean of the training set.": "Nothing of the test set is used for this "
    "number.",
    "The strength of the weight decay is chosen by the validation set.": "That is what this set is for.",
    "Training images are mirrored at random.": "Only training images are touched, and only training images are used "
    "for it.",
    "The test set is used once, after the last change.": "That is how it should be.",
}


@question("leaks", points=2, variants=8)
def leaks(draw):
    many = draw.integer(2, 3)
    return Choices(
        prompt="Where does knowledge about the test set slip into the training, so that the accuracy on the test set "
        "promises too much?",
        answer=draw.sample(LEAKS, many),
        wrong={text: HONEST[text] for text in draw.sample(list(HONEST), 5 - many)},
        explanation="The test set stands for data that does not exist yet. Whatever is computed from it, chosen by it "
        "or repeated in it was known too early: split first, and let everything else, even a mean, see the training "
        "set only.",
    )


# --- Where a tensor lives ---------------------------------------------------------------------------------------------


@question("where_it_lives", points=1, variants=10)
def where_it_lives(draw):
    number = draw.integer(0, 3)
    gpu = f"cuda:{number}"
    stays = "Does this line say where? If not, new tensors are made in a default place."
    moved = "What is computed lies where its operands lie."
    lines, hint = draw.choice(
        [
            (f'x = torch.ones(3, device="{gpu}")\ny = x * 2', moved),
            (f'x = torch.ones(3, device="{gpu}")\ny = torch.zeros(3)', stays),
            (f'x = torch.ones(3, device="{gpu}")\ny = torch.zeros_like(x)', "`_like` copies more than the shape."),
            (f'x = torch.ones(3, device="{gpu}")\ny = torch.arange(3).to(x)', "`to` takes a tensor as a model, too."),
            (
                f'x = torch.ones(3, device="{gpu}")\ny = torch.tensor(2.0) * x',
                "What happens to a single number that meets a tensor?",
            ),
            (f'y = torch.ones(3)\ny.to("{gpu}")', "Does `to` change the tensor, and who keeps its result?"),
            (f'y = torch.ones(3)\ny = y.to("{gpu}")', "The result of `to` has got a name here."),
            (
                f'model = torch.nn.Linear(3, 2)\nmodel.to("{gpu}")\ny = model.weight',
                "For a module, `to` works in place.",
            ),
        ]
    )
    names: dict[str, Any] = {"torch": torch}
    exec(lines.replace(gpu, "meta"), names)  # "meta" follows the rules of a GPU, and needs none
    answer = "cpu" if names["y"].device.type == "cpu" else gpu
    return Device(
        prompt=f"```python\n{lines}\n```\n\nOn which device does `y` live afterwards? No default was changed.",
        answer=answer,
        wrong={
            gpu if answer == "cpu" else "cpu": hint,
            f"cuda:{number + 1}": "PyTorch never chooses another GPU by itself.",
        },
        explanation="New tensors are made on the CPU unless `device=` says otherwise; results lie where the operands "
        "lie. `tensor.to(...)` returns a tensor there and leaves the old one alone, so keep the result. "
        "`module.to(...)` moves the module's own parameters.",
        shows_answer=True,
    )


@question("both_devices", points=1, variants=9)
def both_devices(draw):
    n = draw.integer(3, 9)
    asked = draw.choice(
        [
            "x + y",
            "torch.cat([x, y])",
            "x @ y",
            "x + torch.tensor(1.0)",
            "x + y.to(x.device)",
            "2.0 * x",
            "y[0] * x",
            "torch.zeros_like(x) + x",
        ]
    )
    works = runs(asked, x=torch.ones(n, device="meta"), y=torch.ones(n))  # "meta" follows the rules of a GPU
    return TrueFalse(
        prompt=f'```python\nx = torch.ones({n}, device="cuda:0")\ny = torch.ones({n})\n```\n\nTrue or false: `{asked}` '
        "runs without an error.",
        answer=works,
        wrong={not works: "Where does each operand lie, and how many axes does it have?"},
        explanation="Tensors on two devices are not combined: PyTorch raises an error rather than copying behind your "
        "back. One exception: a CPU tensor without axes counts as a plain number and goes along. Otherwise move one "
        "operand yourself, best with `.to(x.device)`.",
    )
