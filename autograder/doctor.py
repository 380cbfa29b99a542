"""What this machine can do: how far it separates student code from the grader, and what it grades with."""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import torch
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from autograder import simgpu
from autograder.config import Limits, find_root, load_settings
from autograder.engine.calls import Call, CallFailed
from autograder.engine.devices import choose_device, real_gpu
from autograder.engine.devices import refusal as refusal_of_device
from autograder.engine.isolation import probe
from autograder.engine.run import NotebookRun
from autograder.engine.side import StudentSide
from autograder.errors import SettingsError, TorchmarkError
from autograder.model import CellResult, CellStatus, DeviceKind, Isolation
from autograder.report.text import duration, one_line, size

PACKAGES = ("torchmark", "torch", "nbgrader", "jupyterlab", "numpy", "pandas")
TRIAL = """
import torch
weight = torch.zeros(3, 2, requires_grad=True)
for _ in range(200):
    loss = (torch.ones(4, 3) @ weight - 1).square().mean()
    (gradient,) = torch.autograd.grad(loss, weight)
    weight = (weight - 0.1 * gradient).detach().requires_grad_()
assert loss < 0.01

def double(x):
    return 2 * x
"""  # some milliseconds of what notebooks do, and a function for a check of placement


@dataclass(frozen=True)
class Finding:
    """One line of the report. `remedy` says why it is not well, or what it means; empty when all is well."""

    subject: str
    value: str
    is_ok: bool = True
    remedy: str = ""


@dataclass(frozen=True)
class Diagnosis:
    """All findings, and whether `grader grade` would grade here."""

    level: Isolation
    findings: tuple[Finding, ...]
    refusal: str  # why grading would be refused; empty when it would not

    @property
    def is_ok(self) -> bool:
        """True when grading would not be refused."""
        return not self.refusal


def examine(start: Path) -> Diagnosis:
    """Look at this machine, and run a notebook of one cell on the student side, as the course at `start` would.

    Where there is no course, with the default settings. Raises SettingsError where grader.toml cannot be used.
    """
    try:
        root = find_root(start)
    except SettingsError:
        limits, wanted, device = Limits(), "auto", "auto"
        course = Finding("course", "none here", remedy="the default settings were tried")
    else:
        settings = load_settings(root)
        limits, wanted, device = settings.limits, settings.isolation.level, settings.grading.device
        course = Finding("course", one_line(str(root)))
    report = probe()
    layers = [
        Finding(layer.name, "yes" if layer.available else "no", layer.available, one_line(layer.why))
        for layer in report.layers
    ]
    machine = _machine()  # compiles the simulated GPU, should it be needed
    trials, refusal = _run_trials(limits, wanted, device)
    return Diagnosis(report.level, (course, *_versions(), *machine, *layers, *trials), refusal)


def render(diagnosis: Diagnosis) -> RenderableType:
    """The table, and one closing line."""
    table = Table(header_style="bold")
    table.add_column("what", no_wrap=True)
    table.add_column("found", overflow="fold")
    table.add_column("remark", overflow="fold", ratio=1)
    for finding in diagnosis.findings:
        style = "" if finding.is_ok else "yellow"
        table.add_row(Text(finding.subject), Text(finding.value, style=style), Text(finding.remedy, style=style))
    return Group(table, _closing_line(diagnosis))


def _closing_line(diagnosis: Diagnosis) -> Text:
    if diagnosis.refusal:
        return Text(f"Grading would be refused: {diagnosis.refusal}", style="bold red")
    return Text(f"Isolation level {diagnosis.level.value}: this machine can grade.", style="green")


def _versions() -> tuple[Finding, ...]:
    found = [
        Finding("python", platform.python_version()),
        Finding("system", f"{platform.system()} {platform.release()}, {platform.machine()}"),
    ]
    for package in PACKAGES:
        try:
            found.append(Finding(package, version(package)))
        except PackageNotFoundError:
            found.append(Finding(package, "missing", False, f"install it: pip install {package}"))
    return tuple(found)


def _machine() -> tuple[Finding, ...]:
    pages, page_size = os.sysconf("SC_PHYS_PAGES"), os.sysconf("SC_PAGE_SIZE")
    real = real_gpu()
    has_gpu = real.kind is DeviceKind.CUDA
    return (
        Finding("cores", str(len(os.sched_getaffinity(0)))),
        Finding("memory", size(pages * page_size)),
        Finding("GPU", real.detail if has_gpu else "none", remedy="" if has_gpu else one_line(real.detail, 300)),
        _simulated_gpu(needed=not has_gpu),
    )


def _simulated_gpu(needed: bool) -> Finding:
    """Build and try the device that stands in for a real one. Grading goes on without it, and says so."""
    subject = "simulated GPU"
    try:
        wrong = simgpu.self_test(simgpu.build())
    except simgpu.SimulatedGpuError as error:
        return Finding(subject, "no", not needed, one_line(str(error), 300).removeprefix("simulated GPU: "))
    if wrong:
        return Finding(subject, "does not work", not needed, one_line(wrong[0], 300))
    return Finding(subject, "yes")


def _run_trials(limits: Limits, wanted: str, wanted_device: str) -> tuple[tuple[Finding, ...], str]:
    """Run one cell for real, and call its function on the device. The findings, and why grading would be refused."""
    try:
        with (
            StudentSide(limits, isolation=wanted, device=choose_device(wanted_device)) as side,
            side.run_notebook(((0, TRIAL),), files={}, exercises=()) as run,
        ):
            trial, refusal = _trial(run.cells[0])
            return (_limits(side), trial, _placement(side, run, wanted_device)), refusal
    except TorchmarkError as error:
        reason = one_line(str(error), 400)
        return (Finding("trial run", "refused", False, reason),), reason


def _limits(side: StudentSide) -> Finding:
    """What keeps a submission's processes together within their limits."""
    if side.cgroup:
        return Finding("limits", "cgroup v2", remedy=one_line(side.cgroup, 400))
    return Finding("limits", "resource limits", remedy=one_line(f"and a supervisor: {side.no_cgroup}", 400))


def _placement(side: StudentSide, run: NotebookRun, wanted: str) -> Finding:
    """What checks of placement run on, tried out by one call on the student side."""
    try:
        with run.open_check() as check:
            devices = check.call(Call("double", (torch.ones(2),), device="cuda:0")).devices
    except CallFailed as failed:
        why = refusal_of_device(wanted, side.device) or failed.reason
        return Finding("placement", "not checked", False, one_line(why, 400))
    if devices != ("cuda:0",):
        return Finding("placement", "does not work", False, f"what should be on cuda:0 is on {', '.join(devices)}")
    return Finding("placement", f"checked on {side.device.kind.value}", remedy=side.device.detail)


def _trial(cell: CellResult) -> tuple[Finding, str]:
    """What became of the cell, and the reason why grading would be refused."""
    if cell.status is not CellStatus.OK:
        reason = (
            f"a cell that trains a small model ended with status {cell.status.value}; {one_line(cell.note)}".rstrip(
                "; "
            )
        )
        return Finding("trial run", cell.status.value, False, reason), reason
    return Finding("trial run", f"ok, {duration(cell.seconds)}"), ""
