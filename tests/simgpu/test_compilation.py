"""Building the device: every obstacle is one clear reason, and readers never meet a half-built library."""

from __future__ import annotations

import importlib
import importlib.util
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import psutil
import pytest
import torch

from autograder import simgpu
from autograder.simgpu.device_rules import read_device_rules

building: Any = importlib.import_module("autograder.simgpu.build")


@pytest.fixture
def empty_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache with nothing in it."""
    monkeypatch.setenv("TORCHMARK_CACHE", str(tmp_path))
    return tmp_path


def reason() -> str:
    ready, why = simgpu.is_available()
    assert not ready
    assert "\n" not in why
    return why


def test_without_a_compiler_the_reason_names_it(empty_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(empty_cache))
    assert reason() == "it must be compiled once, and there is no C++ compiler on the PATH; install g++"
    with pytest.raises(simgpu.SimulatedGpuError, match="there is no C\\+\\+ compiler"):
        simgpu.build()


def test_without_ninja_the_reason_names_it(empty_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *rest: None if name == "ninja" else find(name, *rest))
    assert "ninja is missing" in reason()


def test_without_python_headers_the_reason_names_them(empty_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(building.sysconfig, "get_path", lambda name: str(empty_cache))
    assert "Python's headers are missing" in reason()


def test_an_unknown_pytorch_is_named_with_the_known_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch, "__version__", "9.9.0+cpu")
    assert reason() == "PyTorch 9.9.0+cpu is not a version it was made for (2.13)"


def test_a_build_for_another_accelerator_is_refused_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.version, "hip", "7.0")
    assert "is made for another accelerator; install the CPU or the CUDA build" in reason()


def test_another_system_is_refused_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(building.sys, "platform", "darwin")
    assert reason() == "it is made for Linux, and this is darwin"


def test_a_failed_compilation_is_one_line_and_leaves_nothing_behind(
    empty_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CXX", "false")
    with pytest.raises(simgpu.SimulatedGpuError, match="its compilation failed") as caught:
        simgpu.build()
    assert "\n" not in str(caught.value)
    assert [path for path in (empty_cache / "simgpu").iterdir() if path.is_dir()] == []


ENDLESS = """#!/bin/sh
case " $* " in *" -c "*) echo $$ >> {0}/started; exec sleep 600 ;; esac
exec c++ "$@"
"""


@pytest.fixture
def endless(empty_cache: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A compiler that says that it was started, and never ends."""
    compiler = empty_cache / "compiler"
    compiler.write_text(ENDLESS.format(empty_cache))
    compiler.chmod(0o755)
    monkeypatch.setenv("CXX", str(compiler))
    return empty_cache / "started"


def are_gone(started: Path) -> bool:
    """True when all that `endless` started, and the folder that they compiled in, go within seconds."""
    compilers = [int(line) for line in started.read_text().split()]
    for _ in range(200):
        if not any(map(psutil.pid_exists, compilers)) and not list(started.parent.glob("simgpu/building-*")):
            return True
        time.sleep(0.05)
    return False


def test_a_compilation_that_takes_too_long_leaves_no_compiler(endless: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(building, "COMPILE_SECONDS", 20)
    with pytest.raises(simgpu.SimulatedGpuError, match="its compilation took over 20 seconds"):
        simgpu.build()
    assert are_gone(endless)


def test_a_grader_that_is_killed_leaves_no_compiler(endless: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", "from autograder import simgpu; simgpu.build()"]) as grader:
        for _ in range(600):
            if endless.exists():
                break
            time.sleep(0.1)
        grader.kill()
    assert are_gone(endless)


def test_a_cached_library_needs_no_compiler(library: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert simgpu.is_available() == (True, "ready")
    assert simgpu.build() == library


def test_of_several_builders_one_compiles(empty_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    compiled = []

    def compile_slowly(folder: Path) -> None:
        compiled.append(folder)
        time.sleep(0.2)
        folder.mkdir()
        (folder / f"{building.NAME}.so").touch()

    monkeypatch.setattr(building, "_compile", compile_slowly)
    monkeypatch.setattr(building, "_why_not_compile", lambda: None)
    threads = [threading.Thread(target=simgpu.build) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(compiled) == 1


def test_another_source_or_another_pytorch_has_a_library_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    usual = building.library_file()
    with monkeypatch.context() as changed:
        changed.setattr(building, "FLAGS", ["-O3"])
        assert building.library_file() != usual
    monkeypatch.setattr(torch, "__version__", "2.13.1+cpu")
    assert building.library_file() != usual


def test_the_cache_is_the_users(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("TORCHMARK_CACHE", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert building.cache_folder() == tmp_path / "torchmark" / "simgpu"


def test_device_rules_are_read_from_pytorchs_operator_table(tmp_path: Path) -> None:
    table = tmp_path / "table.yaml"
    table.write_text(
        "- func: add.Tensor(Tensor self, Tensor other) -> Tensor\n  device_check: NoCheck   # TensorIterator\n"
        "  structured_delegate: add.out\n\n"
        "- func: mm(Tensor self, Tensor mat2) -> Tensor\n  structured_delegate: mm.out\n\n"
        "- func: index_select(Tensor self, int dim, Tensor index) -> Tensor\n  dispatch:\n    CPU: index_select_cpu_\n"
    )
    rules = read_device_rules(table)
    assert rules.unchecked == ("aten::add.Tensor",)
    assert rules.wrappers["aten::mm.out"] == "wrapper_CUDA_mm"
    assert "aten::index_select" not in rules.wrappers


def test_the_installed_operator_table_has_rules() -> None:
    rules = read_device_rules()
    assert len(rules.unchecked) > 500
    assert rules.wrappers["aten::nll_loss_forward.output"] == "wrapper_CUDA_nll_loss_forward"
