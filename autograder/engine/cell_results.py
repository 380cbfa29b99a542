"""The result of one cell in the words of a notebook file: how it ended, what it showed, which limit it met."""

from __future__ import annotations

import msgspec

from autograder.config import Limits
from autograder.engine.exits import describe_exit
from autograder.engine.messages import CellDone, Output
from autograder.engine.starting import Report
from autograder.model import CellResult, CellStatus


def finished(index: int, done: CellDone, seconds: float, limits: Limits) -> CellResult:
    """A cell whose process lives on. `seconds` is the time that it had."""
    note = _limit_met(done.outputs, limits)
    if done.status == "timeout":
        note = f"the cell ran longer than {seconds:g} s and was interrupted"
    return CellResult(
        index=index,
        status=CellStatus(done.status),
        seconds=done.seconds,
        outputs=tuple(_as_nbformat(output) for output in done.outputs),
        note=note,
    )


def lost(index: int, note: str, seconds: float, *, is_timeout: bool) -> CellResult:
    """A cell that took its process with it. `seconds` is the time until then."""
    status = CellStatus.TIMEOUT if is_timeout else CellStatus.DIED
    name = "CellTimeout" if is_timeout else "CellDied"
    shown = {"output_type": "error", "ename": name, "evalue": note, "traceback": [f"{name}: {note}"]}
    return CellResult(index=index, status=status, seconds=seconds, outputs=(shown,), note=note)


def not_run(index: int, why: str) -> CellResult:
    """A cell that was never started."""
    return CellResult(index=index, status=CellStatus.NOT_RUN, note=f"not run: {why}")


def describe_end(report: Report, limits: Limits) -> str:
    """How a session ended by itself, as a clause about the cell that ran; "" where that cannot be known."""
    if report.reason in ("memory", "disk"):
        return f"used more {report.reason} than it may ({_size(getattr(limits, report.reason))})"
    if report.reason == "processes":
        return f"started more processes than it may ({limits.processes})"
    return "" if report.code is None else f"ended the Python process ({describe_exit(report.code)})"


def _as_nbformat(output: Output) -> dict[str, object]:
    plain: dict[str, object] = msgspec.to_builtins(output)
    if "data" in plain:
        plain["metadata"] = {}
    return plain


def _size(size: int) -> str:
    return f"{size / 1024**2:.0f} MiB"


def _limit_met(outputs: list[Output], limits: Limits) -> str:
    """Which limit an error among the outputs speaks of, as a sentence; "" where none does."""
    for output in outputs:
        name, text = getattr(output, "ename", ""), getattr(output, "evalue", "")
        if name == "MemoryError" or "can't allocate memory" in text:
            return f"the cell asked for more memory than it may use ({_size(limits.memory)})"
        if name == "OSError" and ("[Errno 28]" in text or "[Errno 27]" in text):
            return f"the cell wrote more than its folder may hold ({_size(limits.disk)})"
        if name == "BlockingIOError" and "[Errno 11]" in text:
            return f"the cell started more processes than it may ({limits.processes})"
    return ""
