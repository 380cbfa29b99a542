"""The C classes below torch.cuda.Stream and torch.cuda.Event, on PyTorch's device-neutral ones.

All work is done when a call returns: streams are only numbers, and an event is the host's clock.
"""

from __future__ import annotations

import time
from typing import Any

import torch

from autograder.simgpu.gaps import NotSimulatedError, refusal

CUDA = 1  # c10::DeviceType::CUDA


class CudaStreamBase(torch.Stream):
    """Stands for torch._C._CudaStreamBase."""

    def __new__(
        cls,
        priority: int = 0,
        stream_id: int | None = None,
        device_index: int = 0,
        device_type: int = CUDA,
        stream_ptr: int | None = None,
    ) -> Any:
        """A stream of the current device, or the one that the three numbers name."""
        if stream_ptr is not None:
            raise NotSimulatedError(refusal("torch.cuda.ExternalStream"))
        if stream_id is not None:
            return super().__new__(cls, stream_id=stream_id, device_index=device_index, device_type=device_type)
        return super().__new__(cls, device=torch.device("cuda", torch.cuda.current_device()), priority=priority)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        pass

    @property
    def cuda_stream(self) -> int:
        """The address of the cudaStream_t; 0 for the default stream."""
        return self.stream_id * 0x100

    @property
    def priority(self) -> int:
        """Every stream is alike."""
        return 0

    @staticmethod
    def priority_range() -> tuple[int, int]:
        """The least and the greatest priority that CUDA offers."""
        return (0, -5)


class CudaEventBase(torch.Event):
    """Stands for torch._C._CudaEventBase."""

    def __new__(
        cls, enable_timing: bool = False, blocking: bool = False, interprocess: bool = False, external: bool = False
    ) -> Any:
        """An event that nothing has recorded yet."""
        if interprocess:
            raise NotSimulatedError(refusal("torch.cuda.Event(interprocess=True)"))
        return super().__new__(cls, device="cuda", enable_timing=enable_timing, blocking=blocking)

    def __init__(self, enable_timing: bool = False, *args: Any, **kwargs: Any) -> None:
        self._is_timed = enable_timing
        self._recorded_at: float | None = None

    def record(self, stream: Any = None) -> None:
        """Note the time: all work before is done."""
        super().record(stream)
        self._recorded_at = time.perf_counter()

    def elapsed_time(self, end_event: Any) -> float:
        """Milliseconds from this event to `end_event`. torch.Event takes no subclass here."""
        if not (self._is_timed and end_event._is_timed):
            raise ValueError("Both events must be created with argument 'enable_timing=True'.")
        if self._recorded_at is None or end_event._recorded_at is None:
            raise ValueError("Both events must be recorded before calculating elapsed time.")
        return float((end_event._recorded_at - self._recorded_at) * 1e3)

    @property
    def cuda_event(self) -> int:
        """The address of the cudaEvent_t; 0 before it is recorded."""
        return self.event_id


class CudaGraph:
    """Stands for torch._C._CUDAGraph."""

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        """Refuse."""
        raise NotSimulatedError(refusal("torch.cuda.CUDAGraph"))
