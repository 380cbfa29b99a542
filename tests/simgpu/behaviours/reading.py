"""What the host reads of a GPU tensor: numbers, arrays, text."""

import numpy as np
import torch

from .row import gpu, raises, row

NO_NUMPY = "can't convert cuda:0 device type tensor to numpy"


@row("`x.numpy()` raises a TypeError that names cuda:0")
def numpy_refused() -> None:
    raises(TypeError, NO_NUMPY, lambda: gpu(1).numpy())


@row("`np.asarray(x)` and NumPy functions raise the same TypeError")
def numpy_functions_refused() -> None:
    raises(TypeError, NO_NUMPY, lambda: np.asarray(gpu(1, 2)))
    raises(TypeError, NO_NUMPY, lambda: np.exp(gpu(1, 2)))


@row("`x.numpy(force=True)` copies")
def numpy_by_force() -> None:
    assert gpu(1, 2).requires_grad_().numpy(force=True).tolist() == [1, 2]


@row("`.item()` and `.tolist()` give Python numbers")
def item_and_tolist() -> None:
    assert gpu(1, 2).sum().item() == 3
    assert gpu(1, 2).tolist() == [1, 2]


@row("float(), int(), bool() and iteration work")
def python_numbers() -> None:
    assert float(gpu(2.5)) == 2.5
    assert int(gpu(3)) == 3
    assert bool(gpu(1))
    assert [float(value) for value in gpu(1, 2)] == [1, 2]


@row("`if x.sum() > 0` and formatted text read the value")
def conditions_and_text() -> None:
    assert gpu(1, 2).sum() > 0
    assert f"{gpu(2.5).sum():.2f}" == "2.50"


@row("printing shows `device='cuda:0'`")
def printing() -> None:
    assert repr(gpu(1, 2)) == "tensor([1., 2.], device='cuda:0')", repr(gpu(1, 2))


@row("printing a parameter and a result shows the device, requires_grad and grad_fn")
def printing_with_gradients() -> None:
    weight = torch.nn.Parameter(gpu(1))
    assert "device='cuda:0'" in repr(weight)
    assert "requires_grad=True" in repr(weight)
    assert "grad_fn=" in repr(weight * 2)


@row("type(x) is torch.Tensor and x.type() is 'torch.cuda.FloatTensor'")
def types() -> None:
    assert type(gpu(1)) is torch.Tensor
    assert gpu(1).type() == "torch.cuda.FloatTensor"
    assert gpu(1).get_device() == 0
