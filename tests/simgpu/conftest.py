"""The compiled device, a process that has it, and one run of the whole behaviour table."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from own_process import DeviceProcess, run_script

from autograder import simgpu


@pytest.fixture(scope="session")
def library() -> Path:
    """The compiled device; compiled now if the cache lacks it."""
    ready, reason = simgpu.is_available()
    if not ready:
        pytest.skip(reason)
    return simgpu.build()


@pytest.fixture(scope="session")
def behaviour_report(library: Path) -> dict[str, Any]:
    """The whole behaviour table, run once."""
    report: dict[str, Any] = json.loads(run_script("run_behaviours.py"))
    return report


@pytest.fixture(scope="session")
def device_process(library: Path) -> Iterator[DeviceProcess]:
    """A process with two simulated GPUs."""
    process = DeviceProcess(library)
    yield process
    process.close()
