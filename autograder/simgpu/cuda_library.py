"""The functions of PyTorch's CUDA library that torch.cuda calls (`torch._C._cuda_*`), for the simulated device.

torch.cuda itself stays PyTorch's own Python. Only what a CPU build lacks below it is supplied here.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch

from autograder.simgpu.gaps import MissingFunctionError, refusal

NAME = "Simulated GPU"
CAPABILITY = (8, 0)
_LIBRARY_NAMES = ("_cuda_", "_nccl_", "_Cuda", "_CUDA", "_cudart", "_scatter", "_gather", "_broadcast")


@dataclass(frozen=True)
class DeviceProperties:
    """What torch.cuda.get_device_properties gives. `total_memory` in bytes."""

    name: str
    major: int
    minor: int
    total_memory: int
    multi_processor_count: int = 1
    warp_size: int = 32
    max_threads_per_multi_processor: int = 2048
    regs_per_multiprocessor: int = 65536
    shared_memory_per_block: int = 49152
    L2_cache_size: int = 0
    is_integrated: int = 0
    is_multi_gpu_board: int = 0
    gcnArchName: str = ""  # noqa: N815  (PyTorch's name)
    uuid: str = "00000000-0000-0000-0000-000000000000"


class CudaRuntime:
    """Stands for torch._C._cudart, the CUDA runtime: what torch.cuda uses of it."""

    class cudaError:  # noqa: N801  (CUDA's name)
        """Error codes of the runtime."""

        success = 0

        def __new__(cls, code: int) -> Any:
            """A code as it is."""
            return code

    def __init__(self, library: Any) -> None:
        self._library = library

    def cudaMemGetInfo(self, device: int) -> tuple[int, int]:  # noqa: N802
        """Free and total bytes of the device."""
        total = self._library.memory_limit()
        return total - self._library.memory_stats(device)["reserved"], total

    def cudaGetErrorString(self, code: int) -> str:  # noqa: N802
        """Describe a code."""
        return "no error" if code == 0 else f"error {code}"

    def cudaDeviceSynchronize(self) -> int:  # noqa: N802
        """Wait for the device."""
        self._library.synchronize()
        return 0

    def cudaProfilerStart(self) -> int:  # noqa: N802
        """There is nothing to profile."""
        return 0

    def cudaProfilerStop(self) -> int:  # noqa: N802
        """There is nothing to profile."""
        return 0

    def __getattr__(self, name: str) -> Any:
        raise MissingFunctionError(refusal(f"cudart.{name}"))


class ForkGuard:
    """Refuses the device in a forked child of a process that used it, as CUDA does, unless the fork is the grader's."""

    def __init__(self, library: Any) -> None:
        self._library = library
        self._is_bad = False
        os.register_at_fork(after_in_child=self._after_fork)

    def is_bad(self) -> bool:
        """Whether the device was in use before the fork."""
        return self._is_bad

    def trust_this_fork(self) -> None:
        """Let the child go on with the device, its tensors included: their memory is host memory and was copied."""
        self._is_bad = False
        self._library.revive_context()

    def _after_fork(self) -> None:
        cuda: Any = torch.cuda
        if cuda._initialized:
            self._is_bad = True
            self._library.require_initialization()


def cuda_functions(library: Any, devices: int) -> dict[str, Callable[..., Any]]:
    """The functions by their names in torch._C."""

    def exchange_device(index: int) -> int:
        before: int = library.current_device()
        library.set_current_device(index)
        return before

    def current_stream(index: int) -> tuple[int, int, int]:
        return library.current_stream(index), index, 1

    def set_stream(stream_id: int, device_index: int, device_type: int) -> None:
        library.set_current_device(device_index)
        library.set_current_stream(device_index, stream_id)

    sync_debug_mode = [0]

    return {
        "_cuda_init": lambda: None,
        "_cuda_getDeviceCount": lambda: devices,
        "_cuda_getDevice": library.current_device,
        "_cuda_setDevice": library.set_current_device,
        "_cuda_exchangeDevice": exchange_device,
        "_cuda_maybeExchangeDevice": exchange_device,
        "_cuda_canDeviceAccessPeer": lambda device, peer: device != peer,
        "_cuda_getCompiledVersion": lambda: 12060,
        "_cuda_getArchFlags": lambda: "sm_80",
        "_cuda_getCurrentStream": current_stream,
        "_cuda_getCurrentRawStream": lambda index: library.current_stream(index) * 0x100,
        "_cuda_getDefaultStream": lambda index: (0, index, 1),
        "_cuda_setStream": set_stream,
        "_cuda_synchronize": library.synchronize,
        "_cuda_isCurrentStreamCapturing": lambda: False,
        "_cuda_ipc_collect": lambda: None,
        "_cuda_sleep": lambda cycles: None,
        "_cuda_get_sync_debug_mode": lambda: sync_debug_mode[0],
        "_cuda_set_sync_debug_mode": lambda mode: sync_debug_mode.__setitem__(0, mode),
        "_cuda_emptyCache": library.empty_cache,
        "_cuda_memoryStats": lambda device: nested_memory_stats(library.memory_stats(device)),
        "_cuda_resetPeakMemoryStats": library.reset_peaks,
        "_cuda_resetAccumulatedMemoryStats": lambda device: None,
        "_cuda_setMemoryFraction": lambda fraction, device: library.set_memory_limit(
            int(fraction * library.memory_limit())
        ),
        "_cuda_getMemoryFraction": lambda device: 1.0,
        "_cuda_getAllocatorBackend": lambda: "native",
    }


def nested_memory_stats(stats: dict[str, int]) -> dict[str, Any]:
    """Give the device's counts the form of the caching allocator's statistics. Bytes, and numbers of blocks."""
    in_use = _counts(stats["allocated"], stats["allocated_peak"], stats["allocated_total"], stats["freed_total"])
    reserved = _counts(stats["reserved"], stats["reserved_peak"], stats["reserved_peak"], 0)
    blocks = _counts(stats["blocks"], stats["blocks"], stats["blocks"], 0)
    nothing = _counts(0, 0, 0, 0)
    return {
        "allocated_bytes": _pools(in_use),
        "active_bytes": _pools(in_use),
        "requested_bytes": _pools(in_use),
        "reserved_bytes": _pools(reserved),
        "inactive_split_bytes": _pools(nothing),
        "allocation": _pools(blocks),
        "active": _pools(blocks),
        "segment": _pools(blocks),
        "inactive_split": _pools(nothing),
        "oversize_allocations": nothing,
        "oversize_segments": nothing,
        "num_alloc_retries": 0,
        "num_ooms": 0,
        "num_sync_all_streams": 0,
        "num_device_alloc": 0,
        "num_device_free": 0,
        "max_split_size": -1,
    }


def _counts(current: int, peak: int, allocated: int, freed: int) -> dict[str, int]:
    return {"current": current, "peak": peak, "allocated": allocated, "freed": freed}


def _pools(counts: dict[str, int]) -> dict[str, dict[str, int]]:
    return {"all": counts, "small_pool": _counts(0, 0, 0, 0), "large_pool": counts}


def missing_function(name: str) -> Any:
    """Stand for `torch._C.__getattr__`: name what only PyTorch's CUDA library has."""
    if name.startswith(_LIBRARY_NAMES):
        raise MissingFunctionError(refusal(f"torch._C.{name}"))
    raise AttributeError(f"module 'torch._C' has no attribute {name!r}")
