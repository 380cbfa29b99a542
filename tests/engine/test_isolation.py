"""Which level a machine gives, and one clear line where it gives too little."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from autograder.engine import isolation, landlock, private_root
from autograder.engine.isolation import IsolationReport, Layer, best_level, choose_level, probe
from autograder.errors import IsolationError
from autograder.model import Isolation

FULL = tuple(Layer(name, True) for name in ("namespaces", "Landlock", "Landlock for signals", "seccomp", "user"))


def without(*names: str) -> tuple[Layer, ...]:
    """The layers of a machine that lacks some."""
    return tuple(Layer(each.name, each.name not in names, f"no {each.name}") for each in FULL)


@pytest.mark.parametrize(
    ("missing", "expected"),
    [
        ((), Isolation.A),
        (("Landlock for signals",), Isolation.A),
        (("namespaces",), Isolation.B),
        (("namespaces", "user"), Isolation.NONE),
        (("namespaces", "Landlock for signals"), Isolation.NONE),
        (("seccomp",), Isolation.NONE),
        (("Landlock", "Landlock for signals"), Isolation.NONE),
    ],
)
def test_the_level_follows_from_the_layers(missing: tuple[str, ...], expected: Isolation) -> None:
    assert best_level(without(*missing)) is expected


def test_a_machine_below_b_is_refused_in_one_line_that_says_why() -> None:
    with pytest.raises(IsolationError) as refused:
        choose_level("auto", without("namespaces", "seccomp"))
    assert str(refused.value) == (
        "isolation: this machine cannot give enough (namespaces: no namespaces; seccomp: no seccomp)"
    )


def test_an_unknown_level_is_refused() -> None:
    with pytest.raises(IsolationError, match='isolation is "C"; give "auto", "A", "B" or "none"'):
        choose_level("C", FULL)


def test_level_a_is_refused_where_only_b_is_possible() -> None:
    with pytest.raises(IsolationError, match="cannot give level A"):
        choose_level("A", without("namespaces"))


def test_none_is_given_by_hand_only() -> None:
    assert choose_level("none", without("namespaces", "seccomp")) is Isolation.NONE


def test_less_than_the_best_can_be_asked_for() -> None:
    assert choose_level("B", FULL) is Isolation.B
    assert choose_level("auto", FULL) is Isolation.A


def test_missing_layers_are_reported_with_reasons() -> None:
    report = IsolationReport(Isolation.B, without("namespaces"))
    assert report.missing == ("namespaces: no namespaces",)


def test_probe_tries_every_layer_of_this_machine() -> None:
    report = probe()
    assert {layer.name for layer in report.layers} == {layer.name for layer in FULL}
    assert report.level is best_level(report.layers)
    assert all(layer.why for layer in report.layers if not layer.available)


def test_the_interpreter_is_shown_and_the_repository_is_not() -> None:
    shown = private_root.shown_paths()
    assert any(sys.base_prefix == path or sys.base_prefix.startswith(path + "/") for path in shown)
    here = str(Path(__file__).resolve())
    assert not any(here.startswith(path + "/") for path in shown)
    assert not any(path == "/etc" or path.startswith("/etc/passwd") for path in shown)


IN_A_CONTAINER = """
import ctypes, errno, os, struct, sys
from autograder.engine import seccomp, syscalls
keep = {0, 1, 3, 4, 5, 6, 7, 8, 10, 13, 18, 27, 29, 31}  # the capabilities of a Docker container
for capability in range(41):
    if capability not in keep:
        syscalls.prctl(24, capability)
mask = sum(1 << capability for capability in keep)
syscalls.call("capset", struct.pack("=Ii", 0x20080522, 0), struct.pack("=IIIIII", mask, mask, 0, 0, 0, 0))
program = seccomp._Program(os.uname().machine)
program.add(seccomp.LOAD, seccomp.NUMBER_AT)
for name in ("unshare", "mount", "umount2", "setns", "pivot_root", "clone3", "mount_setattr"):
    program.refuse(name, errno.EPERM)
program.add(seccomp.RETURN, seccomp.ALLOW)
syscalls.prctl(38, 1)
seccomp.install(b"".join(program.code))
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="drops root's capabilities as a container does")
@pytest.mark.skipif(landlock.abi() < landlock.SIGNALS_ABI, reason="level B needs Landlock ABI 6")
def test_in_a_plain_container_namespaces_are_missing_and_level_b_or_one_clear_line_is_left() -> None:
    code = IN_A_CONTAINER + (
        "from autograder.engine.isolation import choose_level, try_layers\n"
        "from autograder.errors import IsolationError\n"
        "try: print(choose_level('auto', try_layers()))\n"
        "except IsolationError as error: print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    if isolation._can_be_read_by_all(sys.prefix, sys.base_prefix):
        assert done.stdout.strip() == "B"
    else:
        assert "namespaces: " in done.stdout
        assert "install Python elsewhere, or do not grade as root" in done.stdout
        assert done.stdout.count("\n") == 1
