"""Puts the simulated device into this process: the library, what torch.cuda needs below it, and what must give way.

It holds for the life of the process and is meant for the student side alone.
"""

from __future__ import annotations

import importlib
import importlib.util
from pathlib import Path
from typing import Any

import torch

from autograder.simgpu import autograd, cuda_library, fused_cells, streams
from autograder.simgpu.compile import NAME
from autograder.simgpu.device_rules import DeviceRules
from autograder.simgpu.gaps import NotSimulatedError, refusal


def install(library: Any, rules: DeviceRules, devices: int, memory: int) -> cuda_library.ForkGuard:
    """Make `devices` simulated GPUs of `memory` bytes each by the loaded library. Returns the guard of forks."""
    library.set_device_rules(set(rules.unchecked), rules.wrappers)
    library.set_device_count(devices)
    library.set_memory_limit(memory)
    autograd.start_engine_without_device_threads(library)
    autograd.run_backward_in_the_calling_thread()
    if not library.install_hooks():
        raise RuntimeError("simulated GPU: PyTorch did not take the CUDA hooks")
    guard = cuda_library.ForkGuard(library)
    supply_cuda_library(library, devices, guard)
    supply_storages()
    compile_without_code_generation()
    refuse_what_needs_several_cards()
    keep(fused_cells.register())
    return guard


def load_library(file: Path) -> Any:
    """Load the compiled device. Its kernels are registered by the loading itself."""
    spec = importlib.util.spec_from_file_location(NAME, file)
    if spec is None or spec.loader is None:
        raise ImportError(f"{file} is no extension module")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def supply_cuda_library(library: Any, devices: int, guard: cuda_library.ForkGuard) -> None:
    """Give torch._C what a CUDA build has, and torch.cuda the names that it takes from there when it is imported."""
    c: Any = torch._C
    cuda: Any = torch.cuda
    for name, function in cuda_library.cuda_functions(library, devices).items():
        setattr(c, name, function)
    c._cuda_isInBadFork = cuda._is_in_bad_fork = guard.is_bad
    c._CudaStreamBase, c._CudaEventBase, c._CUDAGraph = streams.CudaStreamBase, streams.CudaEventBase, streams.CudaGraph
    c._has_cuda = True
    c._has_cudnn = False  # a CUDA build's own would ask for the driver
    c.__getattr__ = cuda_library.missing_function
    properties = cuda_library.DeviceProperties(cuda_library.NAME, *cuda_library.CAPABILITY, library.memory_limit())
    cuda._get_device_properties = lambda device: properties
    cuda._cudart = cuda_library.CudaRuntime(library)
    cuda._exchange_device, cuda._maybe_exchange_device = c._cuda_exchangeDevice, c._cuda_maybeExchangeDevice
    cuda._device_count_nvml = lambda: -1  # ask _cuda_getDeviceCount: an empty CUDA_VISIBLE_DEVICES hides real ones only
    cuda.default_generators = tuple(library.default_generator(index) for index in range(devices))
    rebuild_classes(cuda)


def rebuild_classes(cuda: Any) -> None:
    """Run PyTorch's own definitions of Stream, Event and CUDAGraph again, now that their base classes exist."""
    for module, names in (("streams", ("Stream", "Event", "ExternalStream")), ("graphs", ("CUDAGraph", "graph"))):
        rebuilt = importlib.reload(importlib.import_module(f"torch.cuda.{module}"))
        for name in names:
            setattr(cuda, name, getattr(rebuilt, name))


def supply_storages() -> None:
    """Let UntypedStorage(n, device="cuda") work, which a CPU build refuses: saving, loading and deepcopy use it."""
    storage: Any = torch.UntypedStorage
    on_cpu = storage.__new__

    def new(cls: Any, *args: Any, device: Any = None, **kwargs: Any) -> Any:
        if device is None or torch.device(device).type != "cuda":
            return on_cpu(cls, *args, **kwargs) if device is None else on_cpu(cls, *args, device=device, **kwargs)
        size = args[0] if args else kwargs.get("size", 0)
        if isinstance(size, int):
            return torch.empty(size, dtype=torch.uint8, device=device).untyped_storage()
        return torch.tensor(list(size), dtype=torch.uint8, device=device).untyped_storage()

    def share(self: Any, *args: Any, **kwargs: Any) -> Any:
        raise NotSimulatedError(refusal("sending a GPU tensor to another process"))

    storage.__new__ = staticmethod(new)
    storage._share_cuda_ = share


def compile_without_code_generation() -> None:
    """Let torch.compile's default backend trace as always, and then run what it traced: there is no Triton here."""
    wrapper: Any = getattr(torch, "_TorchCompileInductorWrapper", None)
    if wrapper is None:
        return

    def call(self: Any, graph: Any, inputs: Any) -> Any:
        from torch._dynamo.backends.debugging import aot_eager  # loads the compiler, a second or more

        return aot_eager(graph, inputs)

    wrapper.__call__ = call


def refuse_what_needs_several_cards() -> None:
    """nn.DataParallel copies modules to threads, one per card: refused where it is made, not deep in its forward."""
    parallel: Any = torch.nn.DataParallel

    def refuse(self: Any, *args: Any, **kwargs: Any) -> None:
        raise NotSimulatedError(refusal("torch.nn.DataParallel"))

    parallel.__init__ = refuse


_kept: list[object] = []


def keep(value: object) -> None:
    """Hold `value` until the process ends."""
    _kept.append(value)
