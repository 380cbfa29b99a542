"""The hidden checks of `training_on_device`, in the order of its exercises, each from basic to sharp."""

from dataclasses import replace

import numpy as np
import torch

from autograder import Named, Net, Opaque, exercise, expect, needs, points

DEVICE = "cuda:0"
SPARE = 2  # copies: `torch.tensor(0.0, device=device)` is one, too
ANY = 1000
ROUNDED = {"rtol": 1e-4, "atol": 1e-5}  # a few steps in float32, whatever the order of their sums
EXACT = {"rtol": 1e-11, "atol": 1e-12}  # what float64 can do, and float32 on the way cannot
FRACTION = {"rtol": 0.0, "atol": 1e-6}

DIGITS = "digits are lost on the way: `.float()`, or a float32 tensor"
NO_COPY = "`.to(device)` gives the tensor itself where it is there already"
UNREGISTERED = "`.to(device)`, `.double()` and `state_dict()` know registered tensors only"
ONE_COPY = "X and y cross once per batch, the network once"
ONE_READ = "each `.item()`, `float(...)`, `print` or `if` on a GPU tensor makes the CPU wait"
MODES = "`net.train()` and `net.eval()` switch all parts of a network"


@exercise("pick_device")
class TestPickDevice:
    def test_no_gpu(self, student):
        """without a GPU it is the CPU, as a torch.device"""
        expect(student.pick_device(), "pick_device()").equals(torch.device("cpu"))

    def test_no_gpu_of_any_index(self, student, draw):
        """without a GPU it is the CPU for every index"""
        for index in (0, 1, draw.integer(2, 9)):
            expect(student.pick_device(index)).equals(torch.device("cpu"))

    def test_nothing_else_matters(self, student):
        """earlier calls do not matter, and no global setting is changed"""
        for index in (2, 0, 1):
            report = student.pick_device.report(index)
            expect(report).changes_no_state()
            expect(report.value, "pick_device(index)").equals(torch.device("cpu"))

    @points(0.5)
    def test_first_gpu(self, student):
        """on the GPU: without an argument it is the first GPU, with its index"""
        report = student.pick_device.placed(move=False)
        expect(report.value, "pick_device()").equals(torch.device(DEVICE))

    def test_index_of_a_gpu(self, student):
        """on the GPU: for the index of a GPU it is that GPU"""
        report = student.pick_device.placed(0, move=False)
        expect(report.value, "pick_device(0)").equals(torch.device(DEVICE))

    def test_index_beyond_the_last(self, student, draw):
        """on the GPU: for an index beyond the last GPU it is the CPU"""
        count = torch.cuda.device_count() or 1  # one is simulated where there is none
        for index in (count, draw.integer(70, 120)):
            report = student.pick_device.placed(index, move=False)
            expect(report.value, "pick_device(index)").equals(torch.device("cpu"), look_at="the last of n is n - 1")

    def test_no_setting_changed_on_gpu(self, student):
        """on the GPU: no global setting is changed, and earlier calls do not matter"""
        for index, device in ((0, DEVICE), (99, "cpu"), (0, DEVICE)):
            report = student.pick_device.placed(index, move=False)
            expect(report).changes_no_state()
            expect(report.value, "pick_device(index)").equals(torch.device(device))


def type_of(value):
    """The name of a value's type, as a student wrote it."""
    if isinstance(value, Named):
        return value.type_name
    return getattr(value, "type_name", type(value).__name__)


def expect_same(got, given, name="batch"):
    """Expect the structure, types and values of `given`, and each leaf that is no tensor as the object it was."""
    if not isinstance(given, torch.Tensor):
        expect(type_of(got), f"the type of {name}").equals(type_of(given))
    if isinstance(given, Named):
        expect(got.fields, f"the tuple of fields of {name}").equals(given.fields)
        for field, one, other in zip(given.fields, got.items, given.items, strict=True):
            expect_same(one, other, f"{name}.{field}")
    elif isinstance(given, list | tuple):
        expect(got, name).has_length(len(given))
        for at, (one, other) in enumerate(zip(got, given, strict=True)):
            expect_same(one, other, f"{name}[{at}]")
    elif isinstance(given, dict):
        expect(list(got), f"the list of keys of {name}").equals(list(given))
        for key, other in given.items():
            expect_same(got[key], other, f"{name}[{key!r}]")
    elif isinstance(given, np.ndarray):
        is_same = got.dtype == given.dtype and np.array_equal(got, given)
        expect(bool(is_same), f"whether {name} is as it was").equals(True)
    else:
        expect(got, name).equals(given)


def expect_moved(student, batch, device="cpu"):
    """Expect the batch back in its structure; give back the report."""
    report = student.to_device.report(batch, device)
    expect_same(report.value, batch)
    return report


def pair(draw, n):
    """Inputs and labels of n examples."""
    return draw.tensor(n, 3), draw.labels(n, 4)


def named(draw, n):
    """A named tuple of inputs and labels."""
    return Named("Pair", ("x", "y"), pair(draw, n))


def nested(draw):
    """A batch with 8 tensors in all kinds of containers, next to leaves of all kinds."""
    boxes = [(draw.tensor(2, 2), 3), (draw.tensor(4), "right"), []]
    parts = {"pair": named(draw, 3), "name": "seven", "boxes": boxes, 4: {"deep": ((draw.tensor(1),),)}}
    return [parts, pair(draw, 2), None, 2.5, draw.tensor()]


@exercise("to_device")
class TestToDevice:
    def test_tensor(self, student, draw):
        """a tensor alone comes back with its shape, dtype and values"""
        for tensor in (draw.tensor(3, 2), draw.tensor(), draw.tensor(0, 4), draw.tensor(4, 3).t()):
            expect_moved(student, tensor)
        for tensor in (draw.tensor(4, dtype=torch.float64), draw.labels(5, 3), draw.tensor(6) > 0):
            expect_moved(student, tensor)

    def test_tuple_and_list(self, student, draw):
        """a tuple of tensors stays a tuple, and a list a list"""
        for batch in (pair(draw, 4), list(pair(draw, 4)), (draw.tensor(3),), [draw.tensor(2)]):
            expect_moved(student, batch)

    def test_dict(self, student, draw):
        """a dict of tensors stays a dict, with its keys in their order"""
        x, y = pair(draw, 4)
        for batch in ({"x": x, "y": y}, {"targets": y, "inputs": x}, {2: x, 1: y, "z": draw.tensor(1)}):
            expect_moved(student, batch)

    def test_named_tuple(self, student, draw):
        """a named tuple stays what it was, with its type and its fields"""
        for batch in (named(draw, 4), Named("Alone", ("image",), (draw.tensor(2, 2),))):
            expect_moved(student, batch)
        expect_moved(student, Named("Triple", ("x", "y", "weight"), (*pair(draw, 3), draw.tensor(3))))

    def test_other_leaves(self, student, draw):
        """numbers, strings, None and NumPy arrays come back as they are"""
        for leaf in ("seven", "", 7, 2.5, True, None, np.arange(3.0)):
            expect_moved(student, leaf)
        expect_moved(student, [draw.tensor(2), "seven", 7, 2.5, False, None, np.arange(4)])
        expect_moved(student, {"x": draw.tensor(2), "name": "seven", "index": 3, "extra": None})

    def test_objects(self, student, draw):
        """objects of other types come back as the objects they are, not as copies"""
        expect_moved(student, Opaque("picture"))
        expect_moved(student, (draw.tensor(2), Opaque("picture"), [Opaque("label")]))

    def test_nested(self, student, draw):
        """containers in containers are walked through, as deep as they go"""
        expect_moved(student, [pair(draw, 2), pair(draw, 3)])
        expect_moved(student, ({"x": [draw.tensor(2), (draw.tensor(3), "seven")]}, named(draw, 2)))
        expect_moved(student, [[[[{"deep": (draw.tensor(2),)}]]]])
        expect_moved(student, Named("Outer", ("inner", "rest"), (named(draw, 2), [draw.tensor(1)])))
        expect_moved(student, nested(draw))

    def test_empty(self, student, draw):
        """empty containers stay empty containers of their type"""
        for batch in ([], (), {}, [[], (), {}], Named("Nothing", (), ()), {"x": draw.tensor(2), "rest": ()}):
            expect_moved(student, batch)

    def test_kinds_of_device(self, student, draw):
        """the device may be a str or a torch.device"""
        for device in ("cpu", torch.device("cpu")):
            expect_moved(student, nested(draw), device)

    def test_batch_unchanged(self, student, draw):
        """the batch that it was given stays as it was"""
        for batch in (list(pair(draw, 3)), {"x": draw.tensor(2)}, nested(draw)):
            expect(expect_moved(student, batch)).leaves_inputs_unchanged()

    @needs("test_tensor")
    def test_gradient(self, student, draw):
        """gradients flow back through the move"""
        x, weights = draw.tensor(3, 2), draw.tensor(3, 2)
        expect(student.to_device.vjp(weights, x, "cpu")).is_close_to(weights)

    def test_nothing_else_matters(self, student, draw):
        """earlier calls do not matter, and no global setting is changed"""
        first, second = nested(draw), nested(draw)
        for batch in (first, second, first):
            expect(expect_moved(student, batch)).changes_no_state()

    @points(0.6)
    def test_on_gpu(self, student, draw):
        """on the GPU: every tensor of a tuple, list, named tuple or dict is there afterwards"""
        for batch in (draw.tensor(3), pair(draw, 2), list(pair(draw, 2)), named(draw, 2), {"x": draw.tensor(2)}):
            report = student.to_device.placed(batch, DEVICE, move=False)
            expect(report).stays_on_device(copies_in=2)
            expect_same(report.value, batch)

    @points(0.6)
    def test_nested_on_gpu(self, student, draw):
        """on the GPU: every tensor of a nested batch is there afterwards, copied once; none comes back"""
        for device in (DEVICE, torch.device("cuda", 0)):
            batch = nested(draw)
            report = student.to_device.placed(batch, device, move=False)
            expect(report).stays_on_device(copies_in=8, reads=0)
            expect_same(report.value, batch)

    def test_there_already(self, student, draw):
        """on the GPU: tensors that are there already are not copied"""
        batch = nested(draw)
        report = student.to_device.placed(batch, DEVICE)
        expect(report).stays_on_device(look_at=NO_COPY)
        expect_same(report.value, batch)

    def test_back_to_the_cpu(self, student, draw):
        """on the GPU: the way back to the CPU works, too"""
        batch = nested(draw)
        report = student.to_device.placed(batch, "cpu")
        expect(report.devices, "the tuple of devices of its tensors").equals(("cpu",) * 8)
        expect_same(report.value, batch)


LINEAR = (("Linear", 5, 4),)
HIDDEN = (("Linear", 5, 6), ("Tanh",), ("Linear", 6, 4))
NORMED = (("Linear", 5, 6), ("BatchNorm1d", 6), ("Tanh",), ("Linear", 6, 4))
ROW_BY_ROW = (("Linear", 5, 6), ("Tanh",), ("Flatten",), ("Linear", 18, 4))  # of three rows of five numbers
DROPPED = (("Linear", 5, 6), ("BatchNorm1d", 6), ("Dropout", 0.5), ("Tanh",), ("Linear", 6, 4))


def net_of(draw, layers, training=True, dtype=torch.float32):
    """A network with drawn parameters and running averages."""
    state = {}
    for at, (name, *sizes) in enumerate(layers):
        if name == "Linear":
            state[f"{at}.weight"] = draw.tensor(sizes[1], sizes[0], dtype=dtype)
            state[f"{at}.bias"] = draw.tensor(sizes[1], dtype=dtype)
        elif name == "BatchNorm1d":
            state[f"{at}.weight"] = 1 + 0.3 * draw.tensor(*sizes, dtype=dtype)
            state[f"{at}.bias"], state[f"{at}.running_mean"] = (draw.tensor(*sizes, dtype=dtype) for _ in range(2))
            state[f"{at}.running_var"] = (2 + draw.tensor(*sizes, dtype=dtype)).abs() + 0.1
            state[f"{at}.num_batches_tracked"] = torch.tensor(draw.integer(2, 9))
    return Net(layers, state, training)


def batches_of(draw, *sizes, dtype=torch.float32):
    """A batch of each size: 5 numbers per example, and labels of 4 classes."""
    return [(draw.tensor(n, 5, dtype=dtype), draw.labels(n, 4)) for n in sizes]


def large_batches_of(draw, *sizes):
    """Batches of float64 with losses and gradients in the thousands."""
    return [(5e3 * X, y) for X, y in batches_of(draw, *sizes, dtype=torch.float64)]


def expect_state(report, right, **tolerances):
    """Expect the parameters and buffers that the reference leaves behind."""
    for name, tensor in right.inputs[0].state.items():
        expect(report.inputs[0].state[name], name).is_close_to(tensor, **(tolerances or ROUNDED))


def expect_trained(student, reference, *given, **tolerances):
    """Expect the loss, the parameters and the buffers of the reference; give back the report."""
    report, right = student.train_epoch.report(*given), reference.train_epoch.report(*given)
    expect(report.value, "the loss").is_float().is_close_to(right.value, **(tolerances or ROUNDED))
    expect_state(report, right, **tolerances)
    return report


def losses_of(side, net, batches, epochs=5):
    """The loss of each of several epochs in a row, each on the network that the one before left behind."""
    losses = []
    for _ in range(epochs):
        report = side.train_epoch.report(net, batches, 0.4, "cpu")
        expect(report.value, "the loss").is_float()
        losses.append(report.value)
        net = replace(net, state=report.inputs[0].state)
    return losses


def mode_of(is_training):
    """In words."""
    return "train" if is_training else "eval"


def expect_on_gpu(report):
    """Expect the network to have stayed on the GPU."""
    for name, device in report.inputs[0].devices.items():
        expect(device, f"the device of {name}").equals(DEVICE)


@exercise("train_epoch")
class TestTrainEpoch:
    def test_loss(self, student, reference, draw):
        """for one batch it is the mean cross-entropy before the update, a Python float"""
        for layers in (LINEAR, HIDDEN):
            given = net_of(draw, layers), batches_of(draw, 7), 0.5, "cpu"
            right = reference.train_epoch(*given)
            expect(student.train_epoch(*given), "the loss").is_float().is_close_to(right, **ROUNDED)

    def test_average(self, student, reference, draw):
        """for batches of different sizes it is the average over the examples, each loss measured before its update"""
        for sizes in ((8, 2, 5), (3, 9)):
            given = net_of(draw, HIDDEN), batches_of(draw, *sizes), 0.3, "cpu"
            right = reference.train_epoch(*given)
            expect(student.train_epoch(*given), "the loss").is_float().is_close_to(right, **ROUNDED)

    def test_one_step(self, student, reference, draw):
        """one batch moves every parameter by lr times its gradient, downhill"""
        for layers, lr in ((LINEAR, 0.1), (HIDDEN, 0.5), (HIDDEN, 2.0)):
            given = net_of(draw, layers), batches_of(draw, 7), lr, "cpu"
            expect_state(student.train_epoch.report(*given), reference.train_epoch.report(*given))

    def test_several_steps(self, student, reference, draw):
        """each batch takes one step, with its own gradient alone"""
        for sizes in ((5, 5), (6, 3, 4, 7)):
            given = net_of(draw, HIDDEN), batches_of(draw, *sizes), 0.4, "cpu"
            expect_state(student.train_epoch.report(*given), reference.train_epoch.report(*given))

    def test_several_epochs(self, student, reference, draw):
        """over several epochs in a row the loss falls as it should"""
        nets = [net_of(draw, HIDDEN, dtype=torch.float64) for _ in range(5)]
        batches = batches_of(draw, 9, 6, dtype=torch.float64)
        losses, expected = losses_of(student, nets[0], batches), losses_of(reference, nets[0], batches)
        others = (losses_of(reference, net, batches) for net in nets[1:])
        expect(losses, "the loss of each epoch").follows(expected, others)

    def test_float64(self, student, reference, draw):
        """float64 keeps its accuracy, in the loss and in the parameters"""
        net = net_of(draw, HIDDEN, dtype=torch.float64)
        given = net, batches_of(draw, 6, 3, dtype=torch.float64), 0.5, "cpu"
        expect_trained(student, reference, *given, **EXACT, look_at=DIGITS)

    def test_magnitude(self, student, reference, draw):
        """a loss, and its gradients, may be as large as they like: nothing is cut off"""
        net = net_of(draw, LINEAR, dtype=torch.float64)
        given = net, large_batches_of(draw, 6, 3), 0.01, "cpu"
        expect_trained(student, reference, *given, look_at="clipping, or another limit")

    def test_any_iterable(self, student, reference, draw):
        """batches may be a list, a tuple or a generator, which can be read only once"""
        for sizes in ((4, 6, 3), (5,)):
            net, batches = net_of(draw, HIDDEN), batches_of(draw, *sizes)
            for iterable in (batches, tuple(batches), draw.as_generator(batches)):
                expect_trained(student, reference, net, iterable, 0.3, "cpu")

    def test_kinds_of_device(self, student, reference, draw):
        """the device may be a str or a torch.device"""
        for device in ("cpu", torch.device("cpu")):
            expect_trained(student, reference, net_of(draw, HIDDEN), batches_of(draw, 6, 3), 0.3, device)

    def test_train_mode(self, student, draw):
        """it trains in train mode, and leaves all parts of the network so, whichever mode it arrives in"""
        for training in (True, False):
            given = net_of(draw, DROPPED, training), batches_of(draw, 6, 4), 0.1, "cpu"
            net = student.train_epoch.report(*given).inputs[0]
            for forward in net.forwards:
                expect(mode_of(forward.training), "the mode of a forward pass").equals("train", look_at=MODES)
            for is_training in net.modes:
                expect(mode_of(is_training), "the mode of a part afterwards").equals("train", look_at=MODES)

    def test_batch_norm(self, student, reference, draw):
        """batch normalisation uses each batch's statistics, and its running averages take one step per batch"""
        for training in (True, False):
            expect_trained(student, reference, net_of(draw, NORMED, training), batches_of(draw, 6, 4, 5), 0.2, "cpu")

    def test_shapes(self, student, reference, draw):
        """X may have any shape that the network takes, and a batch may hold one example"""
        layers = (("Flatten",), ("Linear", 12, 3))
        batches = [(draw.tensor(n, 2, 3, 2), draw.labels(n, 3)) for n in (4, 1, 2)]
        expect_trained(student, reference, net_of(draw, layers), batches, 0.3, "cpu")
        batches = [(draw.tensor(n, 3, 5), draw.labels(n, 4)) for n in (4, 2)]
        expect_trained(student, reference, net_of(draw, ROW_BY_ROW), batches, 0.3, "cpu")
        expect_trained(student, reference, net_of(draw, HIDDEN), batches_of(draw, 1, 2), 0.3, "cpu")

    def test_missing_classes(self, student, reference, draw):
        """the labels of a batch need not contain every class"""
        missing = ((3,), (0, 2), (1, 2, 3))
        batches = [(draw.tensor(5, 5), draw.labels(5, 4, missing=classes)) for classes in missing]
        expect_trained(student, reference, net_of(draw, HIDDEN), batches, 0.3, "cpu")

    def test_batches_unchanged(self, student, draw):
        """the batches that it was given stay as they were"""
        for layers in (LINEAR, NORMED):
            report = student.train_epoch.report(net_of(draw, layers), batches_of(draw, 6, 4), 0.3, "cpu")
            expect(report).leaves_inputs_unchanged(except_for=(0,))

    def test_nothing_else_matters(self, student, reference, draw):
        """earlier calls do not matter, and no global setting is changed"""
        first = net_of(draw, HIDDEN), batches_of(draw, 6, 3), 0.3, "cpu"
        second = net_of(draw, NORMED), batches_of(draw, 4, 5), 0.1, "cpu"
        for given in (first, second, first):
            expect(expect_trained(student, reference, *given)).changes_no_state()

    @points(1.2)
    def test_on_gpu(self, student, reference, draw):
        """on the GPU: the same loss and parameters; the network stays there, with all its buffers"""
        for layers, device in ((HIDDEN, DEVICE), (NORMED, torch.device("cuda", 0))):
            net, batches = net_of(draw, layers, training=False), batches_of(draw, 6, 3, 4)
            report = student.train_epoch.placed(net, batches, 0.3, device, move=False)
            right = reference.train_epoch.report(net, batches, 0.3, "cpu")
            expect_on_gpu(report)
            expect(report.value, "the loss").is_float().is_close_to(right.value, **ROUNDED)
            expect_state(report, right)

    @points(0.6)
    def test_copies(self, student, draw):
        """on the GPU: the network crosses once, and each batch once; nothing comes back, in forward or backward"""
        for layers in (HIDDEN, NORMED):
            net, batches = net_of(draw, layers), batches_of(draw, 6, 3, 4, 5)
            report = student.train_epoch.placed(net, draw.as_generator(batches), 0.3, DEVICE, move=False)
            expect(report).stays_on_device(copies_in=len(net.state) + 2 * 4 + SPARE, look_at=ONE_COPY)

    def test_reads(self, student, draw):
        """on the GPU: at most one number is read per batch"""
        for sizes in ((6, 3, 4, 5), (7,)):
            net, batches = net_of(draw, HIDDEN), batches_of(draw, *sizes)
            report = student.train_epoch.placed(net, batches, 0.3, DEVICE, move=False)
            expect(report).stays_on_device(copies_in=ANY, copies_out=ANY, reads=len(sizes), look_at=ONE_READ)


def expect_measured(student, reference, *given, **tolerances):
    """Expect the loss and the accuracy of the reference, as floats; give back the report."""
    report = student.evaluate.report(*given)
    expect_numbers(report, reference.evaluate(*given), **tolerances)
    return report


def expect_numbers(report, right, **tolerances):
    """Expect (loss, accuracy), two floats."""
    expect(report.value, "(loss, accuracy)").has_length(2)
    loss, accuracy = report.value
    expect(loss, "the loss").is_float().is_close_to(right[0], **(tolerances or ROUNDED))
    expect(accuracy, "the accuracy").is_float().is_close_to(right[1], **FRACTION)


def labels_with(net, x, num_right):
    """Labels that a network of one linear layer gets right in the first `num_right` rows, and wrong in the others."""
    labels = (x @ net.state["0.weight"].t() + net.state["0.bias"]).argmax(dim=1)
    labels[num_right:] = (labels[num_right:] + 1) % len(net.state["0.bias"])
    return labels


@exercise("evaluate")
class TestEvaluate:
    def test_loss(self, student, reference, draw):
        """for one batch the loss is the mean cross-entropy, a Python float"""
        for layers in (LINEAR, HIDDEN):
            given = net_of(draw, layers), batches_of(draw, 7), "cpu"
            value = student.evaluate(*given)
            expect(value, "(loss, accuracy)").has_length(2)
            expect(value[0], "the loss").is_float().is_close_to(reference.evaluate(*given)[0], **ROUNDED)

    def test_accuracy(self, student, draw):
        """for one batch the accuracy is the fraction of right examples, a Python float"""
        net = net_of(draw, LINEAR)
        for num_right in (4, 7, 0):
            x = draw.tensor(7, 5)
            value = student.evaluate(net, [(x, labels_with(net, x, num_right))], "cpu")
            expect(value, "(loss, accuracy)").has_length(2)
            expect(value[1], "the accuracy").is_float().is_close_to(num_right / 7, **FRACTION)

    def test_average(self, student, reference, draw):
        """for batches of different sizes both are averages over the examples"""
        net = net_of(draw, LINEAR)
        inputs = [draw.tensor(n, 5) for n in (8, 3, 5)]
        batches = [(x, labels_with(net, x, right)) for x, right in zip(inputs, (8, 0, 2), strict=True)]
        expect_measured(student, reference, net, batches, "cpu")

    def test_float64(self, student, reference, draw):
        """float64 keeps its accuracy"""
        net = net_of(draw, HIDDEN, dtype=torch.float64)
        given = net, batches_of(draw, 6, 3, dtype=torch.float64), "cpu"
        expect_measured(student, reference, *given, **EXACT, look_at=DIGITS)

    def test_magnitude(self, student, reference, draw):
        """a loss may be as large as it likes"""
        net = net_of(draw, LINEAR, dtype=torch.float64)
        expect_measured(student, reference, net, large_batches_of(draw, 6, 3), "cpu", look_at="an upper limit")

    def test_any_iterable(self, student, reference, draw):
        """batches may be a list, a tuple or a generator, which can be read only once"""
        for sizes in ((4, 6, 3), (5,)):
            net, batches = net_of(draw, HIDDEN), batches_of(draw, *sizes)
            for iterable in (batches, tuple(batches), draw.as_generator(batches)):
                expect_measured(student, reference, net, iterable, "cpu")

    def test_sizes(self, student, reference, draw):
        """a batch may hold one example, and X may have any shape that the network takes"""
        expect_measured(student, reference, net_of(draw, NORMED), batches_of(draw, 1, 4, 1), "cpu")
        net = net_of(draw, (("Flatten",), ("Linear", 12, 3)))
        batches = [(draw.tensor(n, 2, 3, 2), draw.labels(n, 3)) for n in (3, 1)]
        expect_measured(student, reference, net, batches, "cpu")
        batches = [(draw.tensor(n, 3, 5), draw.labels(n, 4)) for n in (4, 2)]
        expect_measured(student, reference, net_of(draw, ROW_BY_ROW), batches, "cpu")

    def test_kinds_of_device(self, student, reference, draw):
        """the device may be a str or a torch.device"""
        for device in ("cpu", torch.device("cpu")):
            expect_measured(student, reference, net_of(draw, HIDDEN), batches_of(draw, 6, 3), device)

    @points(0.4)
    def test_eval_mode(self, student, reference, draw):
        """dropout does nothing, and batch normalisation uses its running averages, whichever mode the network is in"""
        for training in (True, False):
            given = net_of(draw, DROPPED, training), batches_of(draw, 6, 4), "cpu"
            net = expect_measured(student, reference, *given).inputs[0]
            for forward in net.forwards:
                expect(mode_of(forward.training), "the mode of a forward pass").equals("eval", look_at=MODES)

    @points(0.4)
    def test_mode_restored(self, student, draw):
        """afterwards all parts of the network are in the mode that they arrived in"""
        for training in (True, False):
            net = student.evaluate.report(net_of(draw, DROPPED, training), batches_of(draw, 6, 4), "cpu").inputs[0]
            for is_training in net.modes:
                expect(mode_of(is_training), "the mode of a part afterwards").equals(mode_of(training), look_at=MODES)

    @points(0.4)
    def test_no_gradients(self, student, draw):
        """nothing is recorded for gradients, and none is left behind"""
        for layers in (LINEAR, DROPPED):
            net = student.evaluate.report(net_of(draw, layers), batches_of(draw, 6, 4), "cpu").inputs[0]
            for forward in net.forwards:
                seen = "recorded" if forward.requires_grad else "not recorded"
                expect(seen, "a forward pass").equals("not recorded", look_at="`torch.no_grad()`")
            for name, gradient in net.gradients.items():
                expect("none" if gradient is None else "some", f"the gradient of {name} afterwards").equals("none")

    def test_network_unchanged(self, student, draw):
        """no parameter and no running average changes"""
        for layers in (HIDDEN, DROPPED):
            for training in (True, False):
                net = net_of(draw, layers, training)
                after = student.evaluate.report(net, batches_of(draw, 6, 4), "cpu").inputs[0]
                for name, tensor in net.state.items():
                    expect(after.state[name], name).equals(tensor)

    def test_batches_unchanged(self, student, draw):
        """the batches that it was given stay as they were"""
        report = student.evaluate.report(net_of(draw, NORMED), batches_of(draw, 6, 4), "cpu")
        expect(report).leaves_inputs_unchanged(except_for=(0,))

    def test_nothing_else_matters(self, student, reference, draw):
        """earlier calls do not matter; gradients are recorded afterwards as before, and no other setting is changed"""
        first = net_of(draw, HIDDEN), batches_of(draw, 6, 3), "cpu"
        second = net_of(draw, NORMED), batches_of(draw, 4, 5), "cpu"
        for given in (first, second, first):
            expect(expect_measured(student, reference, *given)).changes_no_state()
        expect(student.evaluate.report(*first, grad_enabled=False)).changes_no_state()

    @points(0.8)
    def test_on_gpu(self, student, reference, draw):
        """on the GPU: the same numbers; the network stays there, with all its buffers"""
        for layers, device in ((HIDDEN, DEVICE), (DROPPED, torch.device("cuda", 0))):
            net, batches = net_of(draw, layers), batches_of(draw, 6, 3, 4)
            report = student.evaluate.placed(net, batches, device, move=False)
            expect_on_gpu(report)
            expect_numbers(report, reference.evaluate(net, batches, "cpu"))

    @points(0.4)
    def test_copies(self, student, draw):
        """on the GPU: the network crosses once, and each batch once; nothing comes back"""
        for layers in (HIDDEN, NORMED):
            net, batches = net_of(draw, layers), batches_of(draw, 6, 3, 4, 5)
            report = student.evaluate.placed(net, draw.as_generator(batches), DEVICE, move=False)
            expect(report).stays_on_device(copies_in=len(net.state) + 2 * 4 + SPARE, look_at=ONE_COPY)

    def test_reads(self, student, draw):
        """on the GPU: at most two numbers are read per batch"""
        for sizes in ((6, 3, 4, 5), (7,)):
            net, batches = net_of(draw, HIDDEN), batches_of(draw, *sizes)
            report = student.evaluate.placed(net, batches, DEVICE, move=False)
            expect(report).stays_on_device(copies_in=ANY, copies_out=ANY, reads=2 * len(sizes), look_at=ONE_READ)


def quietly(function, *args):
    """Call a method whose result is of no interest."""
    return function.report(*args, keep=True).value


def table(length, width, dtype=torch.float32):
    """What the formula of the text says, number by number."""
    rows = [[float(np.sin((t + 1) / (j + 1))) for j in range(width)] for t in range(length)]
    return torch.tensor(rows, dtype=dtype).reshape(length, width)


SIZES = ((5, 7, 4), (2, 7, 7), (3, 1, 4), (1, 1, 1), (2, 6, 1))  # N, length, width


@exercise("PositionalBias")
class TestPositionalBias:
    def test_value(self, student, draw):
        """it adds its row of the table to every position"""
        for n, length, width in SIZES:
            net, x = student.PositionalBias.new(length, width), draw.tensor(n, length, width)
            expect(net(x), "the result").is_close_to(x + table(length, width), **ROUNDED)

    def test_short_sequences(self, student, draw):
        """a sequence may be shorter than the table: it gets the first rows"""
        net = student.PositionalBias.new(9, 4)
        for n, length in ((4, 3), (9, 1), (2, 8), (4, 4)):
            x = draw.noncontiguous(draw.tensor(n, length, 4))
            expect(net(x), "the result").is_close_to(x + table(9, 4)[:length], **ROUNDED)

    def test_gradient(self, student, draw):
        """the gradient passes to x as it comes"""
        net = student.PositionalBias.new(6, 4)
        for length in (6, 4):
            x, weights = draw.tensor(3, length, 4), draw.tensor(3, length, 4)
            expect(net.vjp(weights, x)).is_close_to(weights)

    def test_no_parameters(self, student):
        """it has no parameters: the table is not learned"""
        net = student.PositionalBias.new(6, 4)
        expect(len(net.parameters), "the number of parameters").equals(0, look_at="`register_buffer`")

    def test_state_dict(self, student):
        """state_dict holds the table, under the name `table`, and nothing else"""
        for length, width in ((6, 4), (3, 8)):
            state = student.PositionalBias.new(length, width).state_dict()
            expect(sorted(state), "the list of names in state_dict").equals(["table"], look_at=UNREGISTERED)
            expect(state["table"], "the table").is_close_to(table(length, width), **ROUNDED)

    @needs("test_state_dict")
    def test_loaded_table(self, student, draw):
        """a table that is loaded by load_state_dict is the one that is added"""
        net = student.PositionalBias.new(6, 4)
        loaded, x = draw.tensor(6, 4), draw.tensor(3, 5, 4)
        quietly(net.load_state_dict, {"table": loaded})
        expect(net(x), "the result").is_close_to(x + loaded[:5], **ROUNDED, look_at="which table does forward add?")

    def test_double(self, student, draw):
        """after .double() the table and the result are float64"""
        net = student.PositionalBias.new(6, 4)
        quietly(net.double)
        x = draw.tensor(3, 6, 4, dtype=torch.float64)
        expect(net(x), "the result").is_close_to(x + table(6, 4, torch.float64), **ROUNDED)
        for tensor in net.state_dict().values():
            expect(tensor, "the table").has_dtype(torch.float64, look_at=UNREGISTERED)

    def test_same_in_every_mode(self, student, draw):
        """train mode and eval mode do the same, again and again"""
        net, x = student.PositionalBias.new(6, 4), draw.tensor(3, 6, 4)
        for mode in (net.eval, net.train, net.eval):
            quietly(mode)
            expect(net(x), "the result").is_close_to(x + table(6, 4), **ROUNDED)

    @needs("test_state_dict")
    def test_independent_modules(self, student, draw):
        """two modules share nothing, whatever their sizes"""
        first, second = student.PositionalBias.new(6, 4), student.PositionalBias.new(6, 4)
        third, x = student.PositionalBias.new(3, 2), draw.tensor(2, 6, 4)
        quietly(first.load_state_dict, {"table": draw.tensor(6, 4)})
        expect(second(x), "the result").is_close_to(x + table(6, 4), **ROUNDED)
        expect(third(x[:, :3, :2]), "the result").is_close_to(x[:, :3, :2] + table(3, 2), **ROUNDED)

    def test_nothing_else_matters(self, student, draw):
        """x stays as it was, earlier calls do not matter, and no global setting is changed"""
        net = student.PositionalBias.new(6, 4)
        for length in (4, 6, 2):
            x = draw.tensor(3, length, 4)
            report = net.report(x)
            expect(report).leaves_inputs_unchanged()
            expect(report).changes_no_state()
            expect(report.value, "the result").is_close_to(x + table(6, 4)[:length], **ROUNDED)

    @points(0.6)
    def test_follows_its_module(self, student):
        """on the GPU: after .to(device) the table is there"""
        net = student.PositionalBias.new(6, 4, placed=True)
        net.to.placed(DEVICE, move=False, keep=True)
        report = net.state_dict.placed(move=False)
        expect(", ".join(report.devices), "the device of what state_dict holds").equals(DEVICE, look_at=UNREGISTERED)

    @points(0.6)
    def test_on_gpu(self, student, draw):
        """on the GPU: forward and backward run there, and nothing is copied"""
        net = student.PositionalBias.new(6, 4, placed=True)
        net.to.placed(DEVICE, move=False, keep=True)
        for length in (6, 4):
            x = draw.tensor(3, length, 4)
            report = net.placed(x, wrt=(0,))
            expect(report).stays_on_device()
            expect(report.value, "the result").is_close_to(x + table(6, 4)[:length], **ROUNDED)
