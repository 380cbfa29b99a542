"""Autograd on the GPU."""

import torch
from torch.nn import functional

from .row import gpu, holds, on_cpu, on_gpu, raises, row


@row("gradients are on the GPU, with the right values")
def backward() -> None:
    w = gpu(2, 3).requires_grad_()
    (w * gpu(1, 4)).sum().backward()
    holds(on_gpu(w.grad), [1, 4])
    assert w.is_leaf


@row("gradients accumulate until they are cleared")
def accumulation() -> None:
    w = gpu(2, 3).requires_grad_()
    for _ in range(2):
        w.sum().backward()
    holds(w.grad, [2, 2])


@row("autograd.grad, create_graph, second derivatives")
def second_derivative() -> None:
    x = gpu(3).requires_grad_()
    (first,) = torch.autograd.grad((x**3).sum(), x, create_graph=True)
    (second,) = torch.autograd.grad(first.sum(), x)
    holds(on_gpu(second), [18])


@row("a custom autograd.Function gets GPU gradients in its backward")
def custom_function() -> None:
    class Square(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):  # type: ignore[no-untyped-def]
            ctx.save_for_backward(x)
            return x * x

        @staticmethod
        def backward(ctx, grad):  # type: ignore[no-untyped-def]
            (x,) = ctx.saved_tensors
            return 2 * x * on_gpu(grad)

    x = gpu(3, 4).requires_grad_()
    Square.apply(x).sum().backward()
    holds(on_gpu(x.grad), [6, 8])


@row("a leaf that requires grad cannot be changed in place, except under no_grad")
def leaves() -> None:
    w = gpu(1, 2).requires_grad_()
    raises(RuntimeError, "a leaf Variable that requires grad", lambda: w.add_(1))
    with torch.no_grad():
        w -= 0.5
    holds(w, [0.5, 1.5])


@row("a CPU gradient for a GPU tensor raises")
def gradient_on_the_wrong_device() -> None:
    def act() -> None:
        gpu(1, 2).requires_grad_().mul(2).backward(torch.ones(2))

    raises(RuntimeError, "device", act)


@row("assigning a CPU gradient to a GPU parameter raises")
def assigning_a_gradient() -> None:
    def act() -> None:
        w = gpu(1, 2).requires_grad_()
        w.grad = torch.ones(2)

    raises(
        RuntimeError, "attempting to assign a gradient with device type 'cpu' to a tensor with device type 'cuda'", act
    )


@row("hooks see GPU gradients")
def hooks() -> None:
    seen = []
    w = gpu(1, 2).requires_grad_()
    w.register_hook(lambda grad: seen.append(grad.device.type))
    w.sum().backward()
    assert seen == ["cuda"]


@row("backward through a trip to the CPU and back")
def trip_through_the_host() -> None:
    w = gpu(1, 2).requires_grad_()
    (on_cpu(w.cpu()) * 3).to("cuda").sum().backward()
    holds(on_gpu(w.grad), [3, 3])


@row("softmax and log-sum-exp gradients equal the CPU's")
def softmax_gradient() -> None:
    values = torch.tensor([[1.0, 2.0, 4.0], [0.0, -1.0, 3.0]])
    on_device, on_host = values.to("cuda").requires_grad_(), values.clone().requires_grad_()
    for x in (on_device, on_host):
        (functional.softmax(x, 1)[:, 0].sum() + torch.logsumexp(x, 1).sum()).backward()
    holds(on_gpu(on_device.grad), on_host.grad.tolist())


@row("a gradient that vanishes everywhere is zeros on the GPU")
def vanishing_gradient() -> None:
    x = gpu(1, -2).requires_grad_()
    torch.sgn(x).sum().backward()
    holds(on_gpu(x.grad), [0, 0])


@row("forward-mode differentiation")
def forward_mode() -> None:
    _, tangent = torch.func.jvp(lambda x: x * x, (gpu(3, 4),), (gpu(1, 0),))
    holds(on_gpu(tangent), [6, 0])


@row("torch.func: vmap, grad, jacrev")
def func_transforms() -> None:
    x = gpu(1, 2)
    holds(on_gpu(torch.func.vmap(lambda value: value * 2)(x)), [2, 4])
    holds(on_gpu(torch.func.grad(lambda value: (value**2).sum())(x)), [2, 4])
    holds(on_gpu(torch.func.jacrev(lambda value: value * value)(x)), [[2, 0], [0, 4]])


@row("backward in another Python thread")
def backward_in_a_thread() -> None:
    import threading

    w = gpu(1, 2).requires_grad_()
    thread = threading.Thread(target=lambda: (w * 3).sum().backward())
    thread.start()
    thread.join()
    holds(on_gpu(w.grad), [3, 3])


@row("checkpointing recomputes on the GPU")
def checkpointing() -> None:
    from torch.utils.checkpoint import checkpoint

    w = gpu(1, 2).requires_grad_()
    checkpoint(lambda x: (x * x).sum(), w, use_reentrant=False).backward()
    holds(on_gpu(w.grad), [2, 4])
