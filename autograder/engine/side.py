"""The student side as the grader holds it: a warm zygote, a session for each notebook, and the device of its checks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from types import TracebackType

from autograder import simgpu
from autograder.config import Limits
from autograder.engine.run import NotebookRun
from autograder.engine.session import Session
from autograder.engine.starting import Start
from autograder.engine.warm import Kind, WarmProcess
from autograder.model import Device, DeviceKind

NOT_ASKED = Device(DeviceKind.NONE, "no GPU was asked for")


class StudentSide(AbstractContextManager["StudentSide"]):
    """Runs notebooks, one after the other. Starting takes about two seconds, once.

    isolation: "auto", "A", "B", or "none" (by hand only). Raises IsolationError where the machine cannot give it.
    device: for checks that ask for one, as `choose_device` gives it. Afterwards `device` is what there is: a simulated
    one is compiled the first time on a machine, which takes half a minute and can fail.
    serial: one process with the device for all checks that ask for it, in place of a fork each. A real GPU needs that;
    with the simulated one it is for trying that way on machines that have no other.
    """

    def __init__(
        self, limits: Limits, isolation: str = "auto", device: Device = NOT_ASKED, *, serial: bool = False
    ) -> None:
        self._limits = limits
        self.device, library = _ready(device)
        is_serial = serial or self.device.kind is DeviceKind.CUDA
        self._plain = WarmProcess(Kind(isolation, None if is_serial else library))
        self._with_device: WarmProcess | None = None
        hello = self._plain.start()
        self.level, self.missing = hello.level, tuple(hello.missing)
        self.cgroup, self.no_cgroup = hello.cgroup, hello.no_cgroup
        if is_serial and self.device.kind is not DeviceKind.NONE:
            self._with_device = WarmProcess(Kind(self.level.value, library, is_serial=True))

    @property
    def no_device(self) -> str:
        """Why checks that ask for a device are not checked; empty where they are."""
        return (self.device.detail or "there is no GPU") if self.device.kind is DeviceKind.NONE else ""

    def run_notebook(
        self,
        cells: Sequence[tuple[int, str]],
        *,
        files: Mapping[str, bytes],
        exercises: Sequence[str],
        stubs: Mapping[str, str] | None = None,
    ) -> NotebookRun:
        """Run the code cells (index in the notebook, source) in order, in a folder that holds `files`.

        stubs: the source of each exercise's cell as released. Raises IsolationError when no session can be set up.
        """
        return NotebookRun(
            self._start_session,
            self._limits,
            cells,
            files=files,
            exercises=exercises,
            stubs=stubs or {},
            no_device=self.no_device,
            start_with_device=self._with_device.start_session if self._with_device is not None else None,
        )

    def close(self) -> None:
        """End the zygotes and, with them, all sessions."""
        self._plain.close()
        if self._with_device is not None:
            self._with_device.close()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def _start_session(self, start: Start) -> Session:
        return self._plain.start_session(start)


def _ready(device: Device) -> tuple[Device, Path | None]:
    """The device, and the library that makes it if it is simulated; no device where that cannot be built."""
    if device.kind is not DeviceKind.SIMULATED:
        return device, None
    try:
        return device, simgpu.build()
    except simgpu.SimulatedGpuError as error:
        return Device(DeviceKind.NONE, str(error)), None
