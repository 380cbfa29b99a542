"""The hidden checks of `softmax_regression`, in the order of its exercises, each from basic to sharp."""

import torch

from autograder import exercise, expect, needs, rule

EXACT = {"rtol": 1e-12, "atol": 1e-13}  # what float64 can do, and float32 on the way cannot
SLOPE = {"rtol": 1e-6, "atol": 1e-8}  # of central differences in float64
AT_TEN_THOUSAND = {"rtol": 4e-3, "atol": 4e-3}  # logsumexp is allowed, and near 10 000 float32 steps are 0.001 wide
LOSS_AT_TEN_THOUSAND = {"rtol": 1e-6, "atol": 2e-3}
FRACTION = {"rtol": 0.0, "atol": 1e-6}

DIGITS = "digits are lost on the way: `.float()`, a float32 tensor, or a small number that was added"
EXPONENT = "the largest exponent of each row: exp(89) is inf in float32, and exp(-104) is 0"
LOGARITHM = "exp of a large score is inf, and the logarithm of a probability that was rounded to 0 is -inf"
WIDTH = "C is the number of columns of the logits; the labels need not reach it"


def sizes(draw):
    """Logits of one row, of two classes, as many rows as classes, and two views whose memory is not contiguous."""
    yield from (draw.logits(1, 4), draw.logits(1, 2), draw.logits(7, 2), draw.logits(5, 5))
    yield from (draw.logits(3, 6).t(), draw.logits(6, 8)[:, ::2])


def high_and_low_rows(draw, num_classes):
    """Rows around -9990, 9990, 0 and 5000 whose entries lie at least 0.2, and at most 4, apart."""
    levels = torch.tensor([-9990.0, 9990.0, 0.0, 9990.0, -9990.0, 5000.0], device=draw.device)
    ranks = draw.logits(6, num_classes).argsort(dim=1)
    return levels.unsqueeze(1) + ranks + 0.4 * draw.logits(6, num_classes).tanh()


def wide_rows(draw, num_classes):
    """Rows whose entries lie anywhere between -10 000 and 10 000."""
    return 1e4 * draw.logits(6, num_classes).tanh()


def labels_of_some_classes(draw):
    """Three batches of 5 classes: without the last class, without the first, and of one class only."""
    yield draw.logits(6, 5), draw.labels(6, 5, missing=(3, 4))
    yield draw.logits(6, 5), draw.labels(6, 5, missing=(0,))
    yield draw.logits(4, 5), draw.labels(4, 5, missing=(0, 2, 3, 4))


def slope(function, logits, direction, step=1e-6):
    """Central difference of `function` at `logits` along `direction`."""
    return (function(logits + step * direction) - function(logits - step * direction)) / (2 * step)


@exercise("softmax")
class TestSoftmax:
    def test_rows_sum_to_one(self, student, draw):
        """every row sums to one"""
        probs = student.softmax(draw.logits(5, 7))
        expect(probs).has_shape(5, 7)
        expect(probs.sum(dim=1)).is_close_to(
            torch.ones(5, device=draw.device), look_at="dim: you sum over the axis of classes"
        )

    def test_value(self, student, reference, draw):
        """each entry is exp(z) divided by the sum of its row"""
        logits = draw.logits(5, 7, scale=3.0)
        expect(student.softmax(logits)).is_close_to(reference.softmax(logits))

    @needs("test_value")
    def test_sizes(self, student, reference, draw):
        """it takes one row, two classes, as many rows as classes, and views that are not contiguous"""
        for logits in sizes(draw):
            expect(student.softmax(logits)).is_close_to(reference.softmax(logits))

    @needs("test_value")
    def test_float64(self, student, reference, draw):
        """float64 logits give float64 probabilities, accurate to twelve digits"""
        logits = draw.logits(4, 6, scale=3.0, dtype=torch.float64)
        expect(student.softmax(logits)).is_close_to(reference.softmax(logits), **EXACT, look_at=DIGITS)

    @needs("test_value")
    def test_gradient(self, student, reference, draw):
        """the gradient with respect to the logits is right"""
        logits, weights = draw.logits(4, 6, dtype=torch.float64), draw.logits(4, 6, dtype=torch.float64)
        expect(student.softmax.vjp(weights, logits)).is_close_to(reference.softmax.vjp(weights, logits))

    @needs("test_float64")
    def test_central_differences(self, student, draw):
        """the gradient agrees with finite differences of the values"""
        logits, weights, direction = (draw.logits(3, 5, dtype=torch.float64) for _ in range(3))
        gradient = student.softmax.vjp(weights, logits)
        expect(gradient).has_shape(3, 5)
        difference = slope(lambda z: (student.softmax(z) * weights).sum(), logits, direction)
        expect((gradient * direction).sum(), "the slope along a direction").is_close_to(difference, **SLOPE)

    @needs("test_value")
    def test_large_logits(self, student, reference, draw):
        """logits up to ten thousand, high rows next to low ones, give finite and right probabilities"""
        for logits in (high_and_low_rows(draw, 4), wide_rows(draw, 4)):
            probs = student.softmax(logits)
            expect(probs).is_finite(EXPONENT).is_close_to(
                reference.softmax(logits), **AT_TEN_THOUSAND, look_at=EXPONENT
            )

    @needs("test_gradient")
    def test_gradient_of_large_logits(self, student, reference, draw):
        """logits up to ten thousand give a finite and right gradient"""
        for logits in (high_and_low_rows(draw, 4), wide_rows(draw, 4)):
            weights = draw.logits(6, 4)
            gradient = student.softmax.vjp(weights, logits)
            expected = reference.softmax.vjp(weights, logits)
            expect(gradient).is_finite(EXPONENT).is_close_to(expected, **AT_TEN_THOUSAND, look_at=EXPONENT)

    def test_logits_unchanged(self, student, draw):
        """the logits that it was given stay as they were"""
        expect(student.softmax.report(draw.logits(4, 3))).leaves_inputs_unchanged()

    @needs("test_value")
    def test_nothing_else_matters(self, student, reference, draw):
        """earlier calls and global settings do not matter, and no setting is changed"""
        first, second = draw.logits(4, 3), draw.logits(4, 3)
        for logits in (first, second, first):
            expect(student.softmax(logits)).is_close_to(reference.softmax(logits))
        report = student.softmax.report(first, default_dtype="float64")
        expect(report).changes_no_state()
        expect(report.value).is_close_to(reference.softmax(first))

    @needs("test_gradient")
    def test_placement(self, student, reference, draw):
        """on a GPU it works on the GPU, forward and backward: nothing is copied to the CPU and back"""
        logits, weights = draw.logits(5, 7), draw.logits(5, 7)
        report = student.softmax.placed(logits, wrt=(0,), cotangent=weights)
        expect(report).stays_on_device()
        expect(report.value).is_close_to(reference.softmax(logits))

    @rule
    def test_no_ready_made_softmax(self, student, draw):
        """written without a ready-made softmax or log_softmax"""
        for logits in (draw.logits(5, 7), draw.logits(6, 3)):
            expect(student.softmax.report(logits, record=True)).calls_none_of("softmax", "log_softmax")


@exercise("cross_entropy")
class TestCrossEntropy:
    def test_value(self, student, reference, draw):
        """it is the mean of logsumexp minus the score of the right class, a 0-dim tensor"""
        logits, labels = draw.logits(6, 4, scale=3.0), draw.labels(6, 4)
        expect(student.cross_entropy(logits, labels)).is_close_to(reference.cross_entropy(logits, labels))

    @needs("test_value")
    def test_sizes(self, student, reference, draw):
        """it takes one row, two classes, as many rows as classes, and views that are not contiguous"""
        for logits in sizes(draw):
            labels = draw.noncontiguous(draw.labels(*logits.shape))
            expect(student.cross_entropy(logits, labels)).is_close_to(reference.cross_entropy(logits, labels))

    @needs("test_value")
    def test_missing_classes(self, student, reference, draw):
        """the labels need not contain every class"""
        for logits, labels in labels_of_some_classes(draw):
            loss = student.cross_entropy(logits, labels)
            expect(loss).is_close_to(reference.cross_entropy(logits, labels), look_at=WIDTH)

    @needs("test_value")
    def test_float64(self, student, reference, draw):
        """float64 logits give a float64 loss, accurate to twelve digits"""
        logits, labels = draw.logits(5, 6, scale=3.0, dtype=torch.float64), draw.labels(5, 6)
        loss = student.cross_entropy(logits, labels)
        expect(loss).is_close_to(reference.cross_entropy(logits, labels), **EXACT, look_at=DIGITS)

    @needs("test_value")
    def test_gradient(self, student, reference, draw):
        """the gradient with respect to the logits is right"""
        logits, labels = draw.logits(5, 4, dtype=torch.float64), draw.labels(5, 4)
        weight = draw.tensor(dtype=torch.float64)
        gradient = student.cross_entropy.vjp(weight, logits, labels)
        expect(gradient).is_close_to(reference.cross_entropy.vjp(weight, logits, labels))

    @needs("test_float64")
    def test_central_differences(self, student, draw):
        """the gradient agrees with finite differences of the loss"""
        logits, direction = draw.logits(4, 5, dtype=torch.float64), draw.logits(4, 5, dtype=torch.float64)
        labels = draw.labels(4, 5)
        gradient = student.cross_entropy.vjp(None, logits, labels)
        expect(gradient).has_shape(4, 5)
        difference = slope(lambda z: student.cross_entropy(z, labels), logits, direction)
        expect((gradient * direction).sum(), "the slope along a direction").is_close_to(difference, **SLOPE)

    @needs("test_value")
    def test_large_logits(self, student, reference, draw):
        """logits up to ten thousand, high rows next to low ones, give a finite and right loss"""
        for logits in (high_and_low_rows(draw, 4), wide_rows(draw, 4)):
            labels = draw.labels(6, 4)
            loss = student.cross_entropy(logits, labels)
            expect(loss).is_finite(LOGARITHM).is_close_to(
                reference.cross_entropy(logits, labels), **LOSS_AT_TEN_THOUSAND, look_at=LOGARITHM
            )

    @needs("test_gradient")
    def test_gradient_of_large_logits(self, student, reference, draw):
        """logits up to ten thousand give a finite and right gradient"""
        for logits in (high_and_low_rows(draw, 4), wide_rows(draw, 4)):
            labels = draw.labels(6, 4)
            gradient = student.cross_entropy.vjp(None, logits, labels)
            expected = reference.cross_entropy.vjp(None, logits, labels)
            expect(gradient).is_finite(LOGARITHM).is_close_to(expected, **AT_TEN_THOUSAND, look_at=LOGARITHM)

    def test_inputs_unchanged(self, student, draw):
        """the logits and labels that it was given stay as they were"""
        expect(student.cross_entropy.report(draw.logits(4, 3), draw.labels(4, 3))).leaves_inputs_unchanged()

    @needs("test_value")
    def test_nothing_else_matters(self, student, reference, draw):
        """earlier calls and global settings do not matter, and no setting is changed"""
        first = (draw.logits(4, 3), draw.labels(4, 3))
        second = (draw.logits(4, 3), draw.labels(4, 3))
        for batch in (first, second, first):
            expect(student.cross_entropy(*batch)).is_close_to(reference.cross_entropy(*batch))
        report = student.cross_entropy.report(*first, default_dtype="float64")
        expect(report).changes_no_state()
        expect(report.value).is_close_to(reference.cross_entropy(*first))

    @needs("test_gradient")
    def test_placement(self, student, reference, draw):
        """on a GPU it works on the GPU, forward and backward: nothing is copied to the CPU and back"""
        logits, labels = draw.logits(6, 4), draw.labels(6, 4)
        report = student.cross_entropy.placed(logits, labels, wrt=(0,))
        expect(report).stays_on_device()
        expect(report.value).is_close_to(reference.cross_entropy(logits, labels))

    @rule
    def test_no_ready_made_loss(self, student, draw):
        """written without cross_entropy, nll_loss or their modules"""
        for logits in (draw.logits(6, 4), draw.logits(7, 3)):
            report = student.cross_entropy.report(logits, draw.labels(*logits.shape), record=True)
            expect(report).calls_none_of("cross_entropy", "nll_loss", "nll")


def labels_with(draw, logits, num_right):
    """Labels that the largest logit hits in `num_right` rows, drawn at random, and misses in all others."""
    labels = logits.argmax(dim=1)
    missed = draw.logits(1, len(labels))[0].argsort()[num_right:]
    labels[missed] = (labels[missed] + 1) % logits.shape[1]
    return labels


def near_misses(draw, labels, num_classes, num_right):
    """Logits that are largest at the label in `num_right` rows; in the others the last class wins just before it."""
    scores = draw.logits(len(labels), num_classes).sort(dim=1, descending=True).values
    logits = torch.empty_like(scores)
    for i, label in enumerate(labels.tolist()):
        best = [label] if i < num_right else [num_classes - 1, label]
        logits[i, best + [c for c in range(num_classes) if c not in best]] = scores[i]
    return logits


@exercise("accuracy")
class TestAccuracy:
    def test_value(self, student, reference, draw):
        """it is the fraction of rows whose largest logit stands at the label"""
        logits = draw.logits(11, 5)
        labels = labels_with(draw, logits, num_right=7)
        expect(student.accuracy(logits, labels)).is_close_to(reference.accuracy(logits, labels), **FRACTION)

    def test_all_and_none(self, student, draw):
        """it is the float 1.0 when all are right and 0.0 when none is"""
        logits = draw.logits(6, 4)
        for num_right, fraction in ((6, 1.0), (0, 0.0)):
            value = student.accuracy(logits, labels_with(draw, logits, num_right))
            expect(value).is_float().is_close_to(fraction, **FRACTION)

    def test_sizes(self, student, draw):
        """it takes one row, two classes, as many rows as classes, and views that are not contiguous"""
        for logits, num_right in zip(sizes(draw), (1, 0, 5, 2, 4, 5), strict=True):
            labels = draw.noncontiguous(labels_with(draw, logits, num_right))
            expect(student.accuracy(logits, labels)).is_close_to(num_right / len(logits), **FRACTION)

    def test_missing_classes(self, student, draw):
        """the labels need not contain every class that is predicted"""
        labels = draw.labels(9, 5, missing=(4,))
        logits = near_misses(draw, labels, 5, num_right=5)
        expect(student.accuracy(logits, labels)).is_close_to(5 / 9, **FRACTION)

    @needs("test_value")
    def test_close_float64_logits(self, student, draw):
        """float64 logits that differ by a billionth are told apart"""
        logits = 1.0 + 1e-9 * draw.logits(13, 4, dtype=torch.float64)
        labels = labels_with(draw, logits, num_right=8)
        expect(student.accuracy(logits, labels)).is_close_to(8 / 13, **FRACTION)

    @needs("test_value")
    def test_large_logits(self, student, draw):
        """logits up to ten thousand, high rows next to low ones, are compared rightly"""
        for logits in (high_and_low_rows(draw, 4), wide_rows(draw, 4)):
            labels = labels_with(draw, logits, num_right=5)
            expect(student.accuracy(logits, labels)).is_close_to(5 / 6, **FRACTION)

    def test_inputs_unchanged(self, student, draw):
        """the logits and labels that it was given stay as they were"""
        expect(student.accuracy.report(draw.logits(4, 3), draw.labels(4, 3))).leaves_inputs_unchanged()

    @needs("test_value")
    def test_nothing_else_matters(self, student, draw):
        """earlier calls do not matter, and no global setting is changed"""
        first, second = draw.logits(7, 3), draw.logits(7, 3)
        for logits, num_right in ((first, 4), (second, 1), (first, 6)):
            report = student.accuracy.report(logits, labels_with(draw, logits, num_right))
            expect(report).changes_no_state()
            expect(report.value).is_close_to(num_right / len(logits), **FRACTION)

    @needs("test_value")
    def test_placement(self, student, draw):
        """on a GPU it counts on the GPU: no tensor is copied to the CPU"""
        logits = draw.logits(9, 4)
        report = student.accuracy.placed(logits, labels_with(draw, logits, num_right=4))
        expect(report).stays_on_device()
        expect(report.value).is_close_to(4 / 9, **FRACTION)


@exercise("cross_entropy_backward")
class TestCrossEntropyBackward:
    def test_value(self, student, reference, draw):
        """it is softmax minus one-hot, divided by the number of rows"""
        logits, labels = draw.logits(6, 4, scale=3.0), draw.labels(6, 4)
        gradient = student.cross_entropy_backward(logits, labels)
        expect(gradient).is_close_to(reference.cross_entropy_backward(logits, labels))

    @needs("test_value")
    def test_sizes(self, student, reference, draw):
        """it takes one row, two classes, as many rows as classes, and views that are not contiguous"""
        for logits in sizes(draw):
            labels = draw.noncontiguous(draw.labels(*logits.shape))
            gradient = student.cross_entropy_backward(logits, labels)
            expect(gradient).is_close_to(reference.cross_entropy_backward(logits, labels))

    @needs("test_value")
    def test_missing_classes(self, student, reference, draw):
        """the labels need not contain every class"""
        for logits, labels in labels_of_some_classes(draw):
            gradient = student.cross_entropy_backward(logits, labels)
            expect(gradient).is_close_to(reference.cross_entropy_backward(logits, labels), look_at=WIDTH)

    @needs("test_value")
    def test_float64(self, student, reference, draw):
        """float64 logits give a float64 gradient, accurate to twelve digits"""
        logits, labels = draw.logits(5, 6, scale=3.0, dtype=torch.float64), draw.labels(5, 6)
        gradient = student.cross_entropy_backward(logits, labels)
        expect(gradient).is_close_to(reference.cross_entropy_backward(logits, labels), **EXACT, look_at=DIGITS)

    @needs("test_value")
    def test_central_differences(self, student, reference, draw):
        """it agrees with finite differences of the loss"""
        logits, direction = draw.logits(4, 5, dtype=torch.float64), draw.logits(4, 5, dtype=torch.float64)
        labels = draw.labels(4, 5)
        gradient = student.cross_entropy_backward(logits, labels)
        expect(gradient).has_shape(4, 5)
        difference = slope(lambda z: reference.cross_entropy(z, labels), logits, direction)
        expect((gradient * direction).sum(), "the slope along a direction").is_close_to(difference, **SLOPE)

    @needs("test_value")
    def test_large_logits(self, student, reference, draw):
        """logits up to ten thousand, high rows next to low ones, give a finite and right gradient"""
        for logits in (high_and_low_rows(draw, 4), wide_rows(draw, 4)):
            labels = draw.labels(6, 4)
            gradient = student.cross_entropy_backward(logits, labels)
            expected = reference.cross_entropy_backward(logits, labels)
            expect(gradient).is_finite(EXPONENT).is_close_to(expected, **AT_TEN_THOUSAND, look_at=EXPONENT)

    def test_inputs_unchanged(self, student, draw):
        """the logits and labels that it was given stay as they were"""
        expect(student.cross_entropy_backward.report(draw.logits(4, 3), draw.labels(4, 3))).leaves_inputs_unchanged()

    @needs("test_value")
    def test_nothing_else_matters(self, student, reference, draw):
        """earlier calls and global settings do not matter, and no setting is changed"""
        first = (draw.logits(4, 3), draw.labels(4, 3))
        second = (draw.logits(4, 3), draw.labels(4, 3))
        for batch in (first, second, first):
            expect(student.cross_entropy_backward(*batch)).is_close_to(reference.cross_entropy_backward(*batch))
        for setting in ({"default_dtype": "float64"}, {"grad_enabled": False}):
            report = student.cross_entropy_backward.report(*first, **setting)
            expect(report).changes_no_state()
            expect(report.value).is_close_to(reference.cross_entropy_backward(*first))

    @needs("test_value")
    def test_placement(self, student, reference, draw):
        """on a GPU it works on the GPU: nothing is copied to the CPU and back"""
        logits, labels = draw.logits(6, 4), draw.labels(6, 4)
        report = student.cross_entropy_backward.placed(logits, labels)
        expect(report).stays_on_device()
        expect(report.value).is_close_to(reference.cross_entropy_backward(logits, labels))

    @rule
    def test_no_autograd(self, student, draw):
        """written without autograd"""
        for logits in (draw.logits(6, 4), draw.logits(7, 3)):
            report = student.cross_entropy_backward.report(logits, draw.labels(*logits.shape), record=True)
            expect(report).calls_none_of("autograd")


def strided_param(draw, *shape):
    """A parameter whose memory is not contiguous, with a gradient."""
    param = draw.tensor(*shape).t().requires_grad_()
    param.grad = draw.tensor(*shape).t().contiguous()
    return param


def expect_step(student, reference, params, lr):
    """Expect the student's step to leave the parameters where ours does; give back the report."""
    report = student.sgd_step.report(params, lr)
    expect(report.inputs[0], "params").is_close_to(reference.sgd_step.report(params, lr).inputs[0])
    return report


def expect_no_gradients(report):
    """Expect every gradient to be reset, to zero or None."""
    for p in report.inputs[0]:
        if p.grad is not None:
            expect(p.grad).is_close_to(torch.zeros_like(p.grad), look_at="reset each gradient after its step")


@exercise("sgd_step")
class TestSgdStep:
    def test_step(self, student, reference, draw):
        """each parameter moves by the learning rate times its gradient, downhill"""
        for lr, steepness in ((0.1, 1.0), (0.5, 1.0), (2.0, 50.0)):
            params = draw.params((3, 4), (4,), (2, 3))
            for p in params:
                p.grad *= steepness
            expect_step(student, reference, params, lr)

    def test_in_place(self, student, draw):
        """the step happens in place: the same tensors over the same storage, which still require gradients"""
        report = student.sgd_step.report(draw.params((3, 4), (4,)), 0.1)
        expect(report).keeps_tensors()
        for p in report.inputs[0]:
            expect(p.requires_grad, "p.requires_grad").equals(True)

    def test_gradients_reset(self, student, draw):
        """every gradient is reset afterwards, to zero or None"""
        expect_no_gradients(student.sgd_step.report(draw.params((3, 4), (4,), (2,)), 0.1))

    def test_returns_none(self, student, draw):
        """it returns None"""
        expect(student.sgd_step(draw.params((3, 4), (4,)), 0.1)).is_none()

    def test_missing_gradients(self, student, reference, draw):
        """a parameter without a gradient stays as it is, wherever it stands, and the others move"""
        for place in (1, 0, 3):
            params = draw.params((2,), (3, 2), (4,), (2, 2), without_grad=(place,))
            expect_no_gradients(expect_step(student, reference, params, 0.3))

    def test_any_iterable(self, student, reference, draw):
        """params may be a tuple or a generator, which can be read only once, with one element or none"""
        for params in (draw.params((3, 2), (2,), (4,)), draw.params((5,)), []):
            for iterable in (tuple(params), draw.as_generator(params)):
                expect_no_gradients(expect_step(student, reference, iterable, 0.2))

    def test_shapes(self, student, reference, draw):
        """parameters may have any shape: 0-dim, empty, one number, several axes, not contiguous"""
        params = [*draw.params((), (0, 3), (1,), (2, 3, 2)), strided_param(draw, 4, 3)]
        expect_no_gradients(expect_step(student, reference, params, 0.7))

    def test_float64(self, student, reference, draw):
        """float64 parameters keep twelve digits, also next to float32 ones"""
        params = [*draw.params((3, 2)), *draw.params((3, 2), (), dtype=torch.float64)]
        after = student.sgd_step.report(params, 0.7).inputs[0]
        expected = reference.sgd_step.report(params, 0.7).inputs[0]
        expect(after[:1], "params").is_close_to(expected[:1])
        expect(after[1:], "params").is_close_to(expected[1:], **EXACT, look_at=DIGITS)

    def test_no_memory(self, student, reference, draw):
        """a step depends on nothing but its inputs, not on earlier steps"""
        first, second = draw.params((3, 2), (2,)), draw.params((3, 2), (2,))
        for params, lr in ((first, 0.1), (second, 0.4), (first, 0.1)):
            expect_step(student, reference, params, lr)

    def test_global_state(self, student, reference, draw):
        """autograd's global state is afterwards as it was before, whether it was recording or not"""
        params = draw.params((3, 2), (2,))
        for is_recording in (True, False):
            expect(student.sgd_step.report(params, 0.1, grad_enabled=is_recording)).changes_no_state()

    @needs("test_step")
    def test_placement(self, student, reference, draw):
        """parameters on a GPU are updated there: nothing is copied to the CPU and back"""
        params = draw.params((3, 4), (4,), (2, 3))
        report = student.sgd_step.placed(params, 0.1)
        expect(report).stays_on_device()
        expect(report.inputs[0], "params").is_close_to(reference.sgd_step.report(params, 0.1).inputs[0])

    @rule
    def test_no_ready_made_optimizer(self, student, draw):
        """written without torch.optim"""
        for params in (draw.params((3, 2), (2,)), draw.params((4,), (2, 3), (3,))):
            expect(student.sgd_step.report(params, 0.1, record=True)).calls_none_of("torch.optim")
