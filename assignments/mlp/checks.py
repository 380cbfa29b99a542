"""The hidden checks of `mlp`, in the order of its exercises, each from basic to sharp."""

from dataclasses import replace
from itertools import pairwise, permutations, product

import pytest
import torch

from autograder import exercise, expect, needs, rule

EXACT = {"rtol": 1e-12, "atol": 1e-12}  # what float64 can do, and float32 on the way cannot
ROUNDED = {"rtol": 1e-4, "atol": 1e-5}  # sums in another order round otherwise, and a network adds up many
SLOPE = {"rtol": 1e-6, "atol": 1e-8}  # of central differences in float64
DEVICE = "cuda:0"
SCALES = (1e-30, 1e-6, 1e6)  # of entries: an epsilon that somebody adds or compares with shows
ANY_SIZE = {"rtol": 1e-6, "atol": 0.0}
DIGITS = "digits are lost on the way: `.float()`, or a float32 tensor"
AT_ZERO = "x == 0: which ways to write max(x, 0) have gradient 0 there?"


def slope(function, x, direction, step=1e-6):
    """Central difference of `function` at `x` along `direction`."""
    return (function(x + step * direction) - function(x - step * direction)) / (2 * step)


def but_for_random_numbers(report):
    """The same report, but for random numbers that were drawn: whoever makes an nn.Linear on the way draws some."""
    kept = tuple(change for change in report.state_changes if not change.startswith("random state"))
    return replace(report, report=replace(report.report, state_changes=kept))


def any_shapes(draw):
    """0-dim, one axis, one entry, empty, several axes, and two views whose memory is not contiguous."""
    for shape in ((), (4,), (1,), (0, 3), (2, 3, 2), (2, 1, 3, 2)):
        yield draw.tensor(*shape)
    yield from (draw.tensor(5, 3).t(), draw.tensor(4, 6)[:, ::2])


def with_zeros(x):
    """The same with zeros, of both signs, in every third place."""
    flat = x.flatten().clone()
    flat[::3], flat[::6] = 0.0, -0.0
    return flat.reshape(x.shape)


@exercise("relu")
class TestRelu:
    def test_value(self, student, reference, draw):
        """positive entries stay as they are, negative ones become 0"""
        x = draw.tensor(6, 5, scale=2.0)
        expect(student.relu(x)).is_close_to(reference.relu(x))

    def test_shapes(self, student, reference, draw):
        """it takes any shape: 0-dim, empty, several axes, and views that are not contiguous"""
        for x in any_shapes(draw):
            expect(student.relu(x)).is_close_to(reference.relu(x))

    def test_float64(self, student, reference, draw):
        """float64 stays float64, with all its digits"""
        x = draw.tensor(4, 5, dtype=torch.float64)
        expect(student.relu(x)).is_close_to(reference.relu(x), **EXACT, look_at=DIGITS)

    def test_tiny_and_huge(self, student, reference, draw):
        """tiny and huge numbers are treated like all others"""
        for scale in SCALES:
            x = draw.tensor(6, 5, scale=scale)
            expect(student.relu(x)).is_close_to(reference.relu(x), **ANY_SIZE)

    def test_gradient(self, student, reference, draw):
        """the gradient passes where x is positive and nowhere else"""
        x, weights = draw.tensor(5, 4, dtype=torch.float64), draw.tensor(5, 4, dtype=torch.float64)
        expect(student.relu.vjp(weights, x)).is_close_to(reference.relu.vjp(weights, x))

    def test_zero(self, student, reference, draw):
        """where x is 0, the value and the gradient are 0"""
        x, weights = with_zeros(draw.tensor(5, 4)), draw.tensor(5, 4)
        expect(student.relu(x)).is_close_to(reference.relu(x))
        expect(student.relu.vjp(weights, x)).is_close_to(reference.relu.vjp(weights, x), look_at=AT_ZERO)

    @needs("test_float64")
    def test_central_differences(self, student, draw):
        """the gradient agrees with finite differences of the values"""
        x, weights, direction = (draw.tensor(4, 3, dtype=torch.float64) for _ in range(3))
        gradient = student.relu.vjp(weights, x)
        expect(gradient).has_shape(4, 3)
        difference = slope(lambda z: (student.relu(z) * weights).sum(), x, direction)
        expect((gradient * direction).sum(), "the slope along a direction").is_close_to(difference, **SLOPE)

    def test_input_unchanged(self, student, draw):
        """the x that it was given stays as it was"""
        expect(student.relu.report(draw.tensor(4, 3))).leaves_inputs_unchanged()

    def test_nothing_else_matters(self, student, reference, draw):
        """earlier calls and global settings do not matter, and no setting is changed"""
        first, second = draw.tensor(4, 3), draw.tensor(4, 3)
        for x in (first, second, first):
            expect(student.relu(x)).is_close_to(reference.relu(x))
        report = student.relu.report(first, default_dtype="float64")
        expect(report).changes_no_state()
        expect(report.value).is_close_to(reference.relu(first))

    @needs("test_gradient")
    def test_placement(self, student, reference, draw):
        """on a GPU it works on the GPU, forward and backward: nothing is copied to the CPU and back"""
        x, weights = draw.tensor(5, 4), draw.tensor(5, 4)
        report = student.relu.placed(x, wrt=(0,), cotangent=weights)
        expect(report).stays_on_device()
        expect(report.value).is_close_to(reference.relu(x))


@exercise("relu_backward")
class TestReluBackward:
    def test_value(self, student, reference, draw):
        """grad_out passes where x is positive and is 0 elsewhere"""
        grad_out, x = draw.tensor(6, 5), draw.tensor(6, 5, scale=2.0)
        expect(student.relu_backward(grad_out, x)).is_close_to(reference.relu_backward(grad_out, x))

    def test_shapes(self, student, reference, draw):
        """it takes any shape: 0-dim, empty, several axes, and views that are not contiguous"""
        for x in any_shapes(draw):
            grad_out = draw.noncontiguous(draw.like(x))
            expect(student.relu_backward(grad_out, x)).is_close_to(reference.relu_backward(grad_out, x))

    def test_zero(self, student, reference, draw):
        """where x is 0, the gradient is 0"""
        grad_out, x = draw.tensor(5, 4), with_zeros(draw.tensor(5, 4))
        gradient = student.relu_backward(grad_out, x)
        expect(gradient).is_close_to(
            reference.relu_backward(grad_out, x), look_at="x == 0: is the 0 on the right side?"
        )

    def test_float64(self, student, reference, draw):
        """float64 stays float64, with all its digits"""
        grad_out, x = (draw.tensor(4, 5, dtype=torch.float64) for _ in range(2))
        gradient = student.relu_backward(grad_out, x)
        expect(gradient).is_close_to(reference.relu_backward(grad_out, x), **EXACT, look_at=DIGITS)

    def test_tiny_and_huge(self, student, reference, draw):
        """tiny and huge numbers in x and grad_out are treated like all others"""
        for scale in SCALES:
            grad_out, x = draw.tensor(6, 5, scale=1 / scale), draw.tensor(6, 5, scale=scale)
            gradient = student.relu_backward(grad_out, x)
            expect(gradient).is_close_to(reference.relu_backward(grad_out, x), **ANY_SIZE)

    def test_central_differences(self, student, reference, draw):
        """it agrees with finite differences of relu"""
        grad_out, x, direction = (draw.tensor(4, 3, dtype=torch.float64) for _ in range(3))
        gradient = student.relu_backward(grad_out, x)
        expect(gradient).has_shape(4, 3)
        difference = slope(lambda z: (reference.relu(z) * grad_out).sum(), x, direction)
        expect((gradient * direction).sum(), "the slope along a direction").is_close_to(difference, **SLOPE)

    def test_inputs_unchanged(self, student, draw):
        """grad_out and x stay as they were"""
        expect(student.relu_backward.report(draw.tensor(4, 3), draw.tensor(4, 3))).leaves_inputs_unchanged()

    def test_nothing_else_matters(self, student, reference, draw):
        """earlier calls and global settings do not matter, and no setting is changed"""
        first, second = ((draw.tensor(4, 3), draw.tensor(4, 3)) for _ in range(2))
        for given in (first, second, first):
            expect(student.relu_backward(*given)).is_close_to(reference.relu_backward(*given))
        report = student.relu_backward.report(*first, default_dtype="float64")
        expect(report).changes_no_state()
        expect(report.value).is_close_to(reference.relu_backward(*first))

    @needs("test_value")
    def test_placement(self, student, reference, draw):
        """on a GPU it works on the GPU: nothing is copied to the CPU and back"""
        grad_out, x = draw.tensor(5, 4), draw.tensor(5, 4)
        report = student.relu_backward.placed(grad_out, x)
        expect(report).stays_on_device()
        expect(report.value).is_close_to(reference.relu_backward(grad_out, x))


LAYERS = ((6, 4, 3), (1, 3, 2), (5, 1, 4), (5, 4, 1), (4, 4, 4), (3, 5, 5))  # N, D, M


def layer(draw, n, d, m, dtype=torch.float32):
    """A batch x (n, d) and the W (d, m) and b (m,) of a layer."""
    return draw.tensor(n, d, dtype=dtype), draw.tensor(d, m, dtype=dtype), draw.tensor(m, dtype=dtype)


def layers_of_all_sizes(draw):
    """One row, one input, one output, square layers, and tensors whose memory is not contiguous."""
    for n, d, m in LAYERS:
        yield layer(draw, n, d, m)
    for n, d, m in ((3, 4, 2), (4, 4, 4)):
        yield tuple(draw.noncontiguous(tensor) for tensor in layer(draw, n, d, m))


@exercise("linear_forward")
class TestLinearForward:
    def test_value(self, student, reference, draw):
        """it is x times W, plus b in every row"""
        given = layer(draw, 6, 4, 3)
        expect(student.linear_forward(*given)).is_close_to(reference.linear_forward(*given))

    def test_square(self, student, reference, draw):
        """square layers are right too, where a wrong product has the right shape"""
        for n in (4, 6):
            given = layer(draw, n, 4, 4)
            expect(student.linear_forward(*given)).is_close_to(reference.linear_forward(*given))

    def test_sizes(self, student, reference, draw):
        """it takes one row, one input, one output, square layers, and views that are not contiguous"""
        for given in layers_of_all_sizes(draw):
            expect(student.linear_forward(*given)).is_close_to(reference.linear_forward(*given))

    def test_float64(self, student, reference, draw):
        """float64 stays float64, accurate to twelve digits"""
        given = layer(draw, 5, 4, 3, dtype=torch.float64)
        expect(student.linear_forward(*given)).is_close_to(reference.linear_forward(*given), **EXACT, look_at=DIGITS)

    def test_magnitude(self, student, reference, draw):
        """tiny and huge numbers are treated like all others"""
        for scale in SCALES:
            x, W, b = layer(draw, 5, 4, 3, dtype=torch.float64)
            given = scale * x, W, scale * b
            expect(student.linear_forward(*given)).is_close_to(reference.linear_forward(*given), **ANY_SIZE)

    def test_gradient_of_x(self, student, reference, draw):
        """the gradient with respect to x is right"""
        given, weights = layer(draw, 5, 4, 3, dtype=torch.float64), draw.tensor(5, 3, dtype=torch.float64)
        gradient = student.linear_forward.vjp(weights, *given, wrt=0)
        expect(gradient).is_close_to(reference.linear_forward.vjp(weights, *given, wrt=0))

    def test_gradient_of_parameters(self, student, reference, draw):
        """the gradients with respect to W and b are right"""
        given, weights = layer(draw, 5, 4, 3, dtype=torch.float64), draw.tensor(5, 3, dtype=torch.float64)
        gradients = student.linear_forward.vjp(weights, *given, wrt=(1, 2))
        expect(gradients).is_close_to(reference.linear_forward.vjp(weights, *given, wrt=(1, 2)))

    @needs("test_float64")
    def test_central_differences(self, student, draw):
        """the gradients agree with finite differences of the values"""
        given, directions = (layer(draw, 4, 3, 2, dtype=torch.float64) for _ in range(2))
        weights = draw.tensor(4, 2, dtype=torch.float64)
        gradients = student.linear_forward.vjp(weights, *given, wrt=(0, 1, 2))
        for at, (gradient, direction) in enumerate(zip(gradients, directions, strict=True)):
            expect(gradient).has_shape(direction.shape)

            def loss(tensor, at=at):
                return (student.linear_forward(*given[:at], tensor, *given[at + 1 :]) * weights).sum()

            difference = slope(loss, given[at], direction)
            expect((gradient * direction).sum(), "the slope along a direction").is_close_to(difference, **SLOPE)

    def test_inputs_unchanged(self, student, draw):
        """x, W and b stay as they were"""
        expect(student.linear_forward.report(*layer(draw, 4, 3, 2))).leaves_inputs_unchanged()

    def test_nothing_else_matters(self, student, reference, draw):
        """earlier calls and global settings do not matter, and no setting is changed"""
        first, second = layer(draw, 4, 3, 2), layer(draw, 4, 3, 2)
        for given in (first, second, first):
            expect(student.linear_forward(*given)).is_close_to(reference.linear_forward(*given))
        report = student.linear_forward.report(*first, default_dtype="float64")
        expect(but_for_random_numbers(report)).changes_no_state()
        expect(report.value).is_close_to(reference.linear_forward(*first))

    @needs("test_gradient_of_x", "test_gradient_of_parameters")
    def test_placement(self, student, reference, draw):
        """on a GPU it works on the GPU, forward and backward: nothing is copied to the CPU and back"""
        given, weights = layer(draw, 5, 4, 3), draw.tensor(5, 3)
        report = student.linear_forward.placed(*given, wrt=(0, 1, 2), cotangent=weights)
        expect(report).stays_on_device()
        expect(report.value).is_close_to(reference.linear_forward(*given))


def backward_of(layer, draw):
    """What linear_backward is given for this layer: grad_out (N, M), x, W."""
    x, W, b = layer
    return draw.noncontiguous(draw.tensor(len(x), len(b), dtype=x.dtype)), x, W


def gradients_of(student, given, **options):
    """The triple (dx, dW, db) that linear_backward gives, and its report."""
    report = student.linear_backward.report(*given, **options)
    expect(report.value, "(dx, dW, db)").has_length(3)
    return report.value, report


def expect_gradients(student, reference, given, **tolerances):
    """Expect dx, dW and db to be those of the reference."""
    gradients, _ = gradients_of(student, given)
    for name, gradient, right in zip(("dx", "dW", "db"), gradients, reference.linear_backward(*given), strict=True):
        expect(gradient, name).is_close_to(right, **tolerances)


@exercise("linear_backward")
class TestLinearBackward:
    def test_dx(self, student, reference, draw):
        """dx is right, in the shape of x"""
        given = backward_of(layer(draw, 6, 4, 3), draw)
        (dx, _, _), _ = gradients_of(student, given)
        expect(dx).is_close_to(reference.linear_backward(*given)[0])

    def test_dw(self, student, reference, draw):
        """dW is right, in the shape of W"""
        given = backward_of(layer(draw, 6, 4, 3), draw)
        (_, dW, _), _ = gradients_of(student, given)
        expect(dW).is_close_to(reference.linear_backward(*given)[1])

    def test_db(self, student, reference, draw):
        """db is right, in the shape of b"""
        given = backward_of(layer(draw, 6, 4, 3), draw)
        (_, _, db), _ = gradients_of(student, given)
        expect(db).is_close_to(reference.linear_backward(*given)[2])

    def test_square(self, student, reference, draw):
        """all three are right for square layers too, where no shape gives a transposed matrix away"""
        for n in (4, 6):
            expect_gradients(student, reference, backward_of(layer(draw, n, 4, 4), draw))

    def test_sizes(self, student, reference, draw):
        """it takes one row, one input, one output, and views that are not contiguous"""
        for one in layers_of_all_sizes(draw):
            expect_gradients(student, reference, backward_of(one, draw))

    def test_float64(self, student, reference, draw):
        """float64 stays float64, accurate to twelve digits"""
        given = backward_of(layer(draw, 5, 4, 3, dtype=torch.float64), draw)
        expect_gradients(student, reference, given, **EXACT, look_at=DIGITS)

    def test_magnitude(self, student, reference, draw):
        """tiny and huge gradients are passed on like all others"""
        for scale in SCALES:
            grad_out, x, W = backward_of(layer(draw, 5, 4, 3, dtype=torch.float64), draw)
            expect_gradients(student, reference, (scale * grad_out, x, W), **ANY_SIZE)

    def test_central_differences(self, student, reference, draw):
        """the gradients agree with finite differences of linear_forward"""
        forward, directions = (layer(draw, 4, 3, 2, dtype=torch.float64) for _ in range(2))
        given = backward_of(forward, draw)
        gradients, _ = gradients_of(student, given)
        for at, (gradient, direction) in enumerate(zip(gradients, directions, strict=True)):
            expect(gradient).has_shape(direction.shape)

            def loss(tensor, at=at):
                return (reference.linear_forward(*forward[:at], tensor, *forward[at + 1 :]) * given[0]).sum()

            difference = slope(loss, forward[at], direction)
            expect((gradient * direction).sum(), "the slope along a direction").is_close_to(difference, **SLOPE)

    def test_inputs_unchanged(self, student, draw):
        """grad_out, x and W stay as they were"""
        for m in (2, 3):
            _, report = gradients_of(student, backward_of(layer(draw, 4, 3, m), draw))
            expect(report).leaves_inputs_unchanged()

    def test_nothing_else_matters(self, student, reference, draw):
        """earlier calls and global settings do not matter, and no setting is changed"""
        first, second = (backward_of(layer(draw, 4, 3, 2), draw) for _ in range(2))
        for given in (first, second, first):
            expect_gradients(student, reference, given)
        for setting in ({"default_dtype": "float64"}, {"grad_enabled": False}):
            gradients, report = gradients_of(student, first, **setting)
            expect(but_for_random_numbers(report)).changes_no_state()
            expect(gradients).is_close_to(reference.linear_backward(*first))

    @needs("test_dx", "test_dw", "test_db")
    def test_placement(self, student, reference, draw):
        """on a GPU it works on the GPU: nothing is copied to the CPU and back"""
        given = backward_of(layer(draw, 6, 4, 3), draw)
        report = student.linear_backward.placed(*given)
        expect(report).stays_on_device()
        expect(tuple(report.value), "(dx, dW, db)").is_close_to(reference.linear_backward(*given))

    @rule
    def test_no_autograd(self, student, draw):
        """written without autograd"""
        for sizes in ((6, 4, 3), (5, 4, 4)):
            _, report = gradients_of(student, backward_of(layer(draw, *sizes), draw), record=True)
            expect(report).calls_none_of("autograd")


DEPTHS = ((4, 3), (5, 7, 3), (4, 6, 5, 2), (3, 5, 4, 6, 2))  # sizes of networks of 1, 2, 3 and 4 layers
MARGIN = 1e-3  # of every hidden unit to its hinge: far enough for float32, and for finite differences


def network(draw, *sizes, n=6, dtype=torch.float32):
    """Params [W1, b1, ...] of a network of these sizes, and a batch of n rows.

    No hidden unit is near its hinge, where rounding would decide; every hidden layer has active units, and where there
    are units enough, some are not.
    """
    for _ in range(1000):
        shapes = [shape for d, m in pairwise(sizes) for shape in ((d, m), (m,))]
        params = [draw.tensor(*shape, scale=shape[0] ** -0.5, dtype=dtype) for shape in shapes]
        x = draw.tensor(n, sizes[0], dtype=dtype)
        before = before_each_relu(params, x)
        is_mixed = n * sum(sizes[1:-1]) < 12 or any(bool((z < 0).any()) for z in before)
        if is_mixed and all(bool((z > 0).any()) and bool((z.abs() > MARGIN).all()) for z in before):
            return params, x
    raise AssertionError(f"no network of sizes {sizes} was found")


def before_each_relu(params, x):
    """What each ReLU of the network is given."""
    found = []
    for W, b in zip(params[0:-2:2], params[1:-2:2], strict=True):
        found.append(x @ W + b)
        x = found[-1].clamp(min=0)
    return found


def networks_of_all_sizes(draw):
    """One row, one input, one hidden unit, one output, equal widths, and tensors that are not contiguous."""
    yield network(draw, 4, 5, 3, n=1)
    yield network(draw, 1, 6, 2)
    yield network(draw, 3, 1, 2)
    yield network(draw, 3, 5, 1)
    yield network(draw, 4, 4, 4, 4, n=4)
    for sizes in ((5, 4, 3), (4, 4, 4, 4)):
        params, x = network(draw, *sizes)
        yield [draw.noncontiguous(p) for p in params], draw.noncontiguous(x)


def forward(student, params, x, **options):
    """The logits, the cache and the report of a forward pass. Whatever the cache is, it stays with the student."""
    report = student.mlp_forward.report(params, x, keep=(1,), **options)
    expect(report.value, "(logits, cache)").has_length(2, look_at="`return logits, cache`")
    return *report.value, report


def expect_logits(student, reference, params, x, **tolerances):
    """Expect the logits to be those of the reference."""
    logits, _, _ = forward(student, params, x)
    expect(logits).is_close_to(reference.mlp_forward(params, x)[0], **(tolerances or ROUNDED))


@exercise("mlp_forward")
class TestMlpForward:
    def test_value(self, student, reference, draw):
        """two layers give the right logits"""
        expect_logits(student, reference, *network(draw, 5, 7, 3))

    def test_one_layer(self, student, reference, draw):
        """a single layer is an affine map, without any ReLU"""
        expect_logits(student, reference, *network(draw, 4, 3))

    def test_depths(self, student, reference, draw):
        """three and four layers of unequal widths give the right logits"""
        for sizes in DEPTHS[2:]:
            expect_logits(student, reference, *network(draw, *sizes))

    def test_sizes(self, student, reference, draw):
        """it takes one row, widths of 1, equal widths, and views that are not contiguous"""
        for params, x in networks_of_all_sizes(draw):
            expect_logits(student, reference, params, x)

    def test_float64(self, student, reference, draw):
        """float64 stays float64, accurate to twelve digits"""
        for sizes in DEPTHS[:3]:
            params, x = network(draw, *sizes, dtype=torch.float64)
            expect_logits(student, reference, params, x, **EXACT, look_at=DIGITS)

    def test_magnitude(self, student, reference, draw):
        """a hidden unit may be as large as it likes: huge numbers are treated like all others"""
        params, x = network(draw, 4, 6, 5, 2, dtype=torch.float64)
        expect_logits(student, reference, params, 1e6 * x, **ANY_SIZE)

    def test_inputs_unchanged(self, student, draw):
        """params and x stay as they were"""
        for sizes in DEPTHS:
            _, _, report = forward(student, *network(draw, *sizes))
            expect(report).leaves_inputs_unchanged()

    def test_nothing_else_matters(self, student, reference, draw):
        """earlier calls and global settings do not matter, and no setting is changed"""
        first, second = network(draw, 4, 5, 3), network(draw, 4, 5, 3)
        for given in (first, second, first):
            expect_logits(student, reference, *given)
        for setting in ({"default_dtype": "float64"}, {"grad_enabled": False}):
            logits, _, report = forward(student, *first, **setting)
            expect(but_for_random_numbers(report)).changes_no_state()
            expect(logits).is_close_to(reference.mlp_forward(*first)[0], **ROUNDED)

    @needs("test_value")
    def test_placement(self, student, reference, draw):
        """on a GPU it works on the GPU: nothing is copied to the CPU and back"""
        params, x = network(draw, 5, 7, 4, 3)
        logits, _, report = forward(student, params, x, device=DEVICE)
        expect(report).stays_on_device()
        expect(logits).is_close_to(reference.mlp_forward(params, x)[0], **ROUNDED)


def backward(student, params, x, grad_logits, **options):
    """The gradients of a forward and a backward pass, and the report of the backward pass."""
    _, cache, _ = forward(student, params, x, **options)
    report = student.mlp_backward.report(params, cache, grad_logits, **options)
    return report.value, report


def right_gradients(reference, params, x, grad_logits):
    """The gradients of the reference."""
    _, cache = reference.mlp_forward(params, x)
    return reference.mlp_backward(params, cache, grad_logits)


def with_gradient(draw, network):
    """A network and its batch, and a gradient of its logits."""
    params, x = network
    return params, x, draw.tensor(len(x), len(params[-1]), dtype=x.dtype)


def expect_all_gradients(student, reference, given, **tolerances):
    """Expect the gradients of all parameters to be those of the reference."""
    gradients, _ = backward(student, *given)
    expect(gradients, "grads").is_close_to(right_gradients(reference, *given), **(tolerances or ROUNDED))


def at_the_hinge(draw, *sizes, n=4):
    """A network of whole numbers, exact in whatever order they are added; in its first row all units are at 0."""
    shapes = list(pairwise(sizes))
    x = (2 * draw.tensor(n, sizes[0])).round()
    params, first = [], x[:1]
    for d, m in shapes:
        W = (2 * draw.tensor(d, m)).round()
        is_last = len(params) == 2 * len(shapes) - 2
        b = (2 * draw.tensor(m)).round() if is_last else -(first @ W)[0]
        first = torch.zeros(1, m)
        params += [W, b]
    return params, x


@exercise("mlp_backward")
class TestMlpBackward:
    def test_value(self, student, reference, draw):
        """two layers get the right gradients, in the order and the shapes of params"""
        expect_all_gradients(student, reference, with_gradient(draw, network(draw, 5, 7, 3)))

    def test_one_layer(self, student, reference, draw):
        """a single layer gets the right gradients"""
        expect_all_gradients(student, reference, with_gradient(draw, network(draw, 4, 3)))

    def test_depths(self, student, reference, draw):
        """three and four layers of unequal widths get the right gradients"""
        for sizes in DEPTHS[2:]:
            expect_all_gradients(student, reference, with_gradient(draw, network(draw, *sizes)))

    def test_equal_widths(self, student, reference, draw):
        """layers of equal width get the right gradients, though no shape gives a transposed matrix away"""
        for sizes, n in (((4, 4, 4), 6), ((4, 4, 4, 4), 4)):
            expect_all_gradients(student, reference, with_gradient(draw, network(draw, *sizes, n=n)))

    def test_sizes(self, student, reference, draw):
        """it takes one row, widths of 1, and views that are not contiguous"""
        for one in networks_of_all_sizes(draw):
            expect_all_gradients(student, reference, with_gradient(draw, one))

    def test_zero(self, student, reference, draw):
        """where a hidden unit is exactly at 0 before its ReLU, no gradient passes"""
        for sizes in ((3, 5, 2), (3, 4, 5, 2)):
            given = with_gradient(draw, at_the_hinge(draw, *sizes))
            expect_all_gradients(student, reference, given, **ROUNDED, look_at="z == 0: the ReLU passes no gradient")

    def test_float64(self, student, reference, draw):
        """float64 stays float64, accurate to twelve digits"""
        for sizes in DEPTHS[:3]:
            given = with_gradient(draw, network(draw, *sizes, dtype=torch.float64))
            expect_all_gradients(student, reference, given, **EXACT, look_at=DIGITS)

    def test_magnitude(self, student, reference, draw):
        """tiny and huge gradients are passed on like all others"""
        for scale in SCALES:
            params, x, grad_logits = with_gradient(draw, network(draw, 4, 6, 5, 2, dtype=torch.float64))
            expect_all_gradients(student, reference, (params, x, scale * grad_logits), **ANY_SIZE)

    def test_central_differences(self, student, reference, draw):
        """each gradient agrees with finite differences of the loss"""
        params, x, grad_logits = with_gradient(draw, network(draw, 3, 5, 4, 2, dtype=torch.float64))
        gradients, _ = backward(student, params, x, grad_logits)
        expect(gradients, "grads").has_length(len(params))
        for at, gradient in enumerate(gradients):
            direction = draw.like(params[at])
            expect(gradient).has_shape(direction.shape)

            def loss(tensor, at=at):
                logits, _ = reference.mlp_forward([*params[:at], tensor, *params[at + 1 :]], x)
                return (logits * grad_logits).sum()

            difference = slope(loss, params[at], direction)
            expect((gradient * direction).sum(), "the slope along a direction").is_close_to(difference, **SLOPE)

    def test_several_forwards(self, student, reference, draw):
        """several forwards may come before a backward: each cache remembers its own"""
        passes = [with_gradient(draw, network(draw, *sizes)) for sizes in ((4, 5, 3), (4, 5, 3), (4, 6, 5, 3))]
        caches = [forward(student, params, x)[1] for params, x, _ in passes]
        for at in (1, 0, 2):
            params, _, grad_logits = passes[at]
            gradients = student.mlp_backward(params, caches[at], grad_logits)
            expect(gradients, "grads").is_close_to(right_gradients(reference, *passes[at]), **ROUNDED)

    def test_inputs_unchanged(self, student, reference, draw):
        """params, cache and grad_logits stay as they were, so that a second backward gives the same"""
        for sizes in ((4, 3), (4, 5, 5, 3)):
            given = params, x, grad_logits = with_gradient(draw, network(draw, *sizes))
            _, cache, _ = forward(student, params, x)
            for _ in range(2):
                report = student.mlp_backward.report(params, cache, grad_logits)
                expect(report).leaves_inputs_unchanged()
                expect(report.value, "grads").is_close_to(right_gradients(reference, *given), **ROUNDED)

    def test_nothing_else_matters(self, student, reference, draw):
        """earlier calls and global settings do not matter, and no setting is changed"""
        first, second = (with_gradient(draw, network(draw, 4, 5, 3)) for _ in range(2))
        for given in (first, second, first):
            expect_all_gradients(student, reference, given)
        for setting in ({"default_dtype": "float64"}, {"grad_enabled": False}):
            gradients, report = backward(student, *first, **setting)
            expect(but_for_random_numbers(report)).changes_no_state()
            expect(gradients, "grads").is_close_to(right_gradients(reference, *first), **ROUNDED)

    @needs("test_value")
    def test_placement(self, student, reference, draw):
        """on a GPU it works on the GPU: nothing is copied to the CPU and back"""
        given = with_gradient(draw, network(draw, 5, 7, 4, 3))
        gradients, report = backward(student, *given, device=DEVICE)
        expect(report).stays_on_device()
        expect(gradients, "grads").is_close_to(right_gradients(reference, *given), **ROUNDED)

    @rule
    def test_no_autograd(self, student, draw):
        """written without autograd, in the forward pass too"""
        for sizes in ((5, 7, 3), (4, 4, 4, 4)):
            params, x, grad_logits = with_gradient(draw, network(draw, *sizes))
            _, cache, report = forward(student, params, x, record=True)
            expect(report).calls_none_of("autograd")
            report = student.mlp_backward.report(params, cache, grad_logits, record=True)
            expect(report).calls_none_of("autograd")


SIZES = ((4, (), 3), (5, (7,), 3), (6, (5, 4), 3), (7, (5, 6, 4), 2))  # in, hidden, out; no two widths are equal


def count_of_parameters(in_features, hidden_sizes, out_features):
    """D * M weights and M biases for every layer."""
    sizes = (in_features, *hidden_sizes, out_features)
    return sum(d * m + m for d, m in pairwise(sizes))


def drawn_like(net, draw, dtype=torch.float32):
    """Values for all parameters of the network, whatever their names, order and layout."""
    scales = [p.shape[-1] ** -0.5 if p.dim() > 1 else 1.0 for p in net.parameters]
    return [draw.tensor(*p.shape, scale=scale, dtype=dtype) for p, scale in zip(net.parameters, scales, strict=True)]


def as_params(tensors, sizes):
    """[W1, b1, ...] as views of one tensor per parameter of a network, whatever their order and layout.

    Widths are distinct and above 1, so that shapes without their ones say which is which. Where they do not (a bias
    that is a row of its W), the check cannot be made; others look at the network as a whole.
    """
    params, plain = [], [tensor.squeeze() for tensor in tensors]
    for d, m in pairwise(sizes):
        weights = [tensor for tensor in plain if tensor.shape in ((d, m), (m, d))]
        biases = [tensor for tensor in plain if tensor.shape == (m,)]
        if len(weights) != 1 or len(biases) != 1:
            pytest.skip("it cannot be told which parameter belongs to which layer")
        params += [weights[0] if weights[0].shape == (d, m) else weights[0].t(), biases[0]]
    return params


def readings_of_two_layers(tensors):
    """Every way to read two square weights and two biases as [W1, b1, W2, b2]: in any order, each W turned or not."""
    plain = [tensor.squeeze() for tensor in tensors]
    weights, biases = [t for t in plain if t.dim() == 2], [t for t in plain if t.dim() == 1]
    if not len(weights) == len(biases) == 2 or {t.shape for t in weights} != {(4, 4)}:
        pytest.skip("it cannot be told which parameter belongs to which layer")
    for (one, other), (b1, b2) in product(permutations(weights), permutations(biases)):
        for W1, W2 in product((one, one.t()), (other, other.t())):
            yield [W1, b1, W2, b2]


def away_from_hinges(net, draw, sizes):
    """Values for all parameters, and a batch for which no hidden unit is near its hinge."""
    for _ in range(1000):
        values, x = drawn_like(net, draw), draw.tensor(8, sizes[0])
        before = before_each_relu(as_params(values, sizes), x)
        if all(bool((z.abs() > MARGIN).all()) and bool((z > 0).any()) for z in before):
            return values, x
    raise AssertionError(f"no parameters for sizes {sizes} were found")


def slopes_of(net, draw, sizes):
    """Along a direction of all parameters at once: the slope by their gradients, and by central differences.

    Drawn anew where a hinge lies in between: there the second difference is not close to zero.
    """
    for _ in range(20):
        values, direction = drawn_like(net, draw, torch.float64), drawn_like(net, draw, torch.float64)
        x, weights = (draw.tensor(6, size, dtype=torch.float64) for size in (sizes[0], sizes[-1]))
        report = net.report(x, set_parameters=values, parameters=True, cotangent=weights)
        expect(report.value, "net(x)").has_shape(6, sizes[-1])
        gradients = [p.grad for _, p in report.parameters]
        reached = sum(gradient is not None for gradient in gradients)
        expect(reached, "the number of parameters that get a gradient").equals(len(values))

        def loss(step, values=values, direction=direction, x=x, weights=weights):
            moved = [value + step * along for value, along in zip(values, direction, strict=True)]
            return (net.report(x, set_parameters=moved).value * weights).sum()

        before, here, after = loss(-1e-6), (report.value * weights).sum(), loss(1e-6)
        if abs(after - 2 * here + before) < 1e-8:
            break
    by_gradients = sum((gradient * along).sum() for gradient, along in zip(gradients, direction, strict=True))
    return by_gradients, (after - before) / 2e-6


BENDS = "what stands between the layers: a ReLU after every hidden one, and nothing else"
DEEP = ((3,), (16, 1), (1, 16), (16, 1, 1), (1, 16, 1), (1, 1, 16))  # hidden sizes: in each, one layer is wide


def most_bends(hidden_sizes):
    """The most bends that such a network can have along a line: each unit may bend every straight piece once."""
    pieces = 1
    for width in hidden_sizes:
        pieces += pieces * width
    return pieces - 1


def bends_on_a_line(net, draw):
    """How many bends the logits of a float64 network have along a line, with parameters drawn for it.

    A bend lies between three neighbours of the 301 points, most of the time twice.
    """
    start, direction = draw.tensor(1, 4, dtype=torch.float64), draw.tensor(1, 4, dtype=torch.float64)
    line = start + torch.linspace(-15, 15, 301, dtype=torch.float64).unsqueeze(1) * direction
    logits = net.report(line, set_parameters=drawn_like(net, draw, dtype=torch.float64)).value
    expect(logits, "net(x)").has_shape(301, 2)
    is_bent = (logits.diff(n=2, dim=0).abs() > 1e-8).any(dim=1)
    return (int(is_bent.sum()) + 1) // 2


def quietly(function, *args):
    """Call a method whose result is of no interest."""
    return function.report(*args, keep=True).value


@exercise("MLP")
class TestMLP:
    def test_logits(self, student, draw):
        """it is an nn.Module that turns a batch (N, D) into logits (N, C)"""
        for in_features, hidden_sizes, out_features in SIZES:
            net = student.MLP.new(in_features, list(hidden_sizes), out_features)
            expect(net(draw.tensor(6, in_features))).has_shape(6, out_features).has_dtype(torch.float32)

    def test_parameters(self, student):
        """every layer has D * M weights and M biases, all of them registered and trainable"""
        for sizes in (*SIZES, (4, (4, 4, 4), 4)):
            net = student.MLP.new(sizes[0], list(sizes[1]), sizes[2])
            count = sum(p.numel() for p in net.parameters if p.requires_grad)
            expect(count, "the number of trainable parameters").equals(count_of_parameters(*sizes))

    @needs("test_parameters")
    def test_no_hidden_layer(self, student, draw):
        """without hidden layers it is an affine map"""
        net = student.MLP.new(4, [], 3)
        values = drawn_like(net, draw)
        a, b, c = (draw.tensor(5, 4) for _ in range(3))
        at_a, at_b, at_c, at_sum = (net.report(x, set_parameters=values).value for x in (a, b, c, a + b - c))
        expect(at_sum).is_close_to(at_a + at_b - at_c, **ROUNDED, look_at="hidden_sizes = []: one affine map, no ReLU")

    @needs("test_parameters")
    def test_value(self, student, reference, draw):
        """the logits are those of its own weights and biases, with ReLU after every hidden layer and only there"""
        for in_features, hidden_sizes, out_features in SIZES:
            sizes = (in_features, *hidden_sizes, out_features)
            net = student.MLP.new(in_features, list(hidden_sizes), out_features)
            values, x = drawn_like(net, draw), draw.tensor(8, in_features)
            right, _ = reference.mlp_forward(as_params(values, sizes), x)
            expect(net.report(x, set_parameters=values).value, "net(x)").is_close_to(right, **ROUNDED)

    @needs("test_parameters")
    def test_magnitude(self, student, reference, draw):
        """a hidden unit may be as large as it likes: huge numbers are treated like all others"""
        sizes = (6, 5, 4, 3)
        net = student.MLP.new(6, [5, 4], 3)
        quietly(net.double)
        values, x = drawn_like(net, draw, torch.float64), 1e6 * draw.tensor(8, 6, dtype=torch.float64)
        right, _ = reference.mlp_forward(as_params(values, sizes), x)
        logits = net.report(x, set_parameters=values).value
        expect(logits, "net(x)").is_close_to(right, **ANY_SIZE, look_at="a ReLU has no upper end")

    @needs("test_parameters")
    def test_equal_widths(self, student, reference, draw):
        """a layer of equal width is no special case"""
        net = student.MLP.new(4, [4], 4)
        values, x = drawn_like(net, draw), draw.tensor(8, 4)
        logits = net.report(x, set_parameters=values).value
        expect(logits, "net(x)").has_shape(8, 4)
        rights = [reference.mlp_forward(params, x)[0] for params in readings_of_two_layers(values)]
        expect(logits, "net(x)").is_close_to(
            min(rights, key=lambda right: float((right - logits).abs().max())), **ROUNDED
        )

    @needs("test_parameters")
    def test_sign_of_logits(self, student, draw):
        """logits are any numbers, positive and negative: nothing stands after the last affine map"""
        net = student.MLP.new(5, [8], 4)
        logits = net.report(draw.tensor(60, 5), set_parameters=drawn_like(net, draw)).value
        expect(logits).has_shape(60, 4)
        expect(logits.min(), "the smallest logit").is_between(float("-inf"), -1e-3)
        expect(logits.max(), "the largest logit").is_between(1e-3, float("inf"))

    @needs("test_parameters")
    def test_gradients(self, student, reference, draw):
        """the gradient reaches every parameter, and is right"""
        for in_features, hidden_sizes, out_features in SIZES:
            sizes = (in_features, *hidden_sizes, out_features)
            net = student.MLP.new(in_features, list(hidden_sizes), out_features)
            values, x = away_from_hinges(net, draw, sizes)
            weights = draw.tensor(len(x), out_features)
            report = net.report(x, set_parameters=values, parameters=True, cotangent=weights)
            gradients = [p.grad for _, p in report.parameters]
            reached = sum(gradient is not None for gradient in gradients)
            expect(reached, "the number of parameters that get a gradient").equals(len(values))
            params = as_params(values, sizes)
            _, cache = reference.mlp_forward(params, x)
            right = reference.mlp_backward(params, cache, weights)
            expect(as_params(gradients, sizes), "grads").is_close_to(right, **ROUNDED)

    def test_hidden_sizes(self, student, draw):
        """hidden_sizes may be a tuple, and is left as it was"""
        for hidden_sizes in ((7, 3), [7, 3], (), [], (6,)):
            report = student.MLP.report(5, hidden_sizes, 2, keep=True)
            expect(report).leaves_inputs_unchanged()
            expect(student.MLP.new(5, hidden_sizes, 2)(draw.tensor(4, 5))).has_shape(4, 2)

    def test_initialisation(self, student):
        """no weight matrix starts with all its entries equal"""
        for in_features, hidden_sizes, out_features in SIZES:
            net = student.MLP.new(in_features, list(hidden_sizes), out_features)
            for p in net.parameters:
                if p.numel() > max(in_features, *hidden_sizes, out_features):  # more than biases
                    expect(p).is_finite()
                    expect(bool((p == p.flatten()[0]).all()), "whether all weights of a layer are equal").equals(False)

    def test_same_in_every_mode(self, student, draw):
        """the same batch gives the same logits again and again, in train mode and in eval mode"""
        net = student.MLP.new(5, [16, 9], 4)
        x = draw.tensor(6, 5)
        quietly(net.eval)
        first = net(x)
        expect(net(x), "net(x)").is_close_to(first, look_at="dropout, or layers that are made anew in forward")
        quietly(net.train)
        expect(net(x), "net(x)").is_close_to(first, look_at="dropout or batch normalisation: this MLP has neither")

    def test_rows_are_independent(self, student, draw):
        """each row gets the logits that it gets alone"""
        net = student.MLP.new(5, [6, 4], 3)
        x = draw.noncontiguous(draw.tensor(7, 5))
        together = net(x)
        expect(together).has_shape(7, 3)
        for row in (0, 4):
            expect(net(x[row : row + 1])).is_close_to(together[row : row + 1], **ROUNDED)

    def test_state_dict(self, student, draw):
        """state_dict holds the whole network: loaded into another one, it makes the same logits"""
        one, other = (student.MLP.new(5, [7, 4], 3) for _ in range(2))
        x = draw.tensor(6, 5)
        quietly(other.load_state_dict, quietly(one.state_dict))
        expect(other(x)).is_close_to(one(x), look_at="a layer or tensor that is not registered in the module")

    def test_double(self, student, draw):
        """after net.double() everything is float64"""
        net = student.MLP.new(5, [7, 4], 3)
        quietly(net.double)
        expect(net(draw.tensor(6, 5, dtype=torch.float64))).has_shape(6, 3).has_dtype(torch.float64)

    @needs("test_parameters", "test_double")
    def test_central_differences(self, student, draw):
        """the gradient agrees with finite differences of the logits"""
        for in_features, hidden_sizes, out_features in SIZES:
            net = student.MLP.new(in_features, list(hidden_sizes), out_features)
            quietly(net.double)
            by_gradients, by_differences = slopes_of(net, draw, (in_features, *hidden_sizes, out_features))
            expect(by_gradients, "the slope along a direction").is_close_to(by_differences, **SLOPE)

    @needs("test_parameters", "test_double")
    def test_bends(self, student, draw):
        """along a line it is straight, but for the bends of its hidden units, of every layer"""
        for hidden_sizes in DEEP:
            net = student.MLP.new(4, list(hidden_sizes), 2)
            quietly(net.double)
            few = most_bends(sorted(hidden_sizes)[:-1])  # more show that the widest layer bends too
            for _ in range(60):
                bends = bends_on_a_line(net, draw)
                expect(bends, "the number of bends").is_between(0, most_bends(hidden_sizes), look_at=BENDS)
                if bends > few:
                    break
            expect(bends, "the number of bends").is_between(few + 1, most_bends(hidden_sizes), look_at=BENDS)

    def test_independent_networks(self, student, draw):
        """two networks share nothing: changing one leaves the other as it is"""
        nets = [student.MLP.new(5, [7, 4], 3) for _ in range(2)]
        for changed, other in (nets, reversed(nets)):
            x = draw.tensor(6, 5)
            before = other(x)
            changed.report(x, set_parameters=drawn_like(changed, draw))
            expect(other(x), "net(x)").is_close_to(before, look_at="something that all networks of the class share")

    def test_input_unchanged(self, student, draw):
        """the batch that it was given stays as it was"""
        for hidden_sizes in ([], [6, 4]):
            net = student.MLP.new(5, hidden_sizes, 3)
            expect(net.report(draw.tensor(6, 5))).leaves_inputs_unchanged()

    @needs("test_parameters", "test_gradients")
    def test_placement(self, student, draw):
        """after net.to(device) it works there, forward and backward: nothing stays behind, nothing is copied"""
        net = student.MLP.new(5, [7, 4], 3)
        values, x, weights = drawn_like(net, draw), draw.tensor(6, 5), draw.tensor(6, 3)
        right = net.report(x, set_parameters=values).value
        moved = student.MLP.new(5, [7, 4], 3, placed=True)
        moved.to.placed(DEVICE, move=False, keep=True)
        report = moved.placed(x, set_parameters=values, parameters=True, cotangent=weights)
        expect(report).stays_on_device()
        expect(report.value, "net(x)").is_close_to(right, **ROUNDED)
