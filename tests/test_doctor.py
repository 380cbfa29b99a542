"""What the doctor finds on this machine, and when it says that grading would be refused."""

from __future__ import annotations

import io
from importlib.metadata import version
from pathlib import Path

import pytest
from rich.console import Console

from autograder.doctor import Diagnosis, Finding, examine, render
from autograder.errors import SettingsError
from autograder.model import Isolation


@pytest.fixture(scope="module")
def diagnosis(tmp_path_factory: pytest.TempPathFactory) -> Diagnosis:
    return examine(tmp_path_factory.mktemp("nowhere"))


def plain(diagnosis: Diagnosis) -> str:
    file = io.StringIO()
    Console(file=file, width=140).print(render(diagnosis))
    return file.getvalue()


def found(diagnosis: Diagnosis, subject: str) -> Finding:
    return next(finding for finding in diagnosis.findings if finding.subject == subject)


def test_settings_that_cannot_be_used_are_an_error(tmp_path: Path) -> None:
    (tmp_path / "grader.toml").write_text("[course]\n")
    with pytest.raises(SettingsError, match=r"course\.title is missing"):
        examine(tmp_path)


def test_limits_under_which_nothing_runs_are_a_refusal(tmp_path: Path) -> None:
    (tmp_path / "grader.toml").write_text('[course]\ntitle = "x"\nid = "x"\n[limits]\ncell_seconds = 0.001\n')
    diagnosis = examine(tmp_path)
    assert not diagnosis.is_ok
    assert found(diagnosis, "trial run").value != "ok"
    assert "Grading would be refused: " in plain(diagnosis)


def test_a_refusal_says_why() -> None:
    refused = Diagnosis(Isolation.NONE, (Finding("seccomp", "no", False, "the kernel has none"),), "no seccomp")
    assert not refused.is_ok
    assert "the kernel has none" in plain(refused)
    assert "Grading would be refused: no seccomp" in plain(refused)


def test_it_runs_a_cell_for_real(diagnosis: Diagnosis) -> None:
    assert found(diagnosis, "trial run").value.startswith("ok, ")
    assert diagnosis.is_ok


def test_it_tells_versions_and_what_the_machine_has(diagnosis: Diagnosis) -> None:
    assert found(diagnosis, "torch").value == version("torch")
    assert found(diagnosis, "torchmark").value == version("torchmark")
    assert int(found(diagnosis, "cores").value) >= 1
    assert found(diagnosis, "memory").value.endswith("iB")
    assert found(diagnosis, "GPU").value


def test_every_layer_of_isolation_is_listed(diagnosis: Diagnosis) -> None:
    shown = plain(diagnosis)
    assert "namespaces" in shown
    assert "seccomp" in shown
    assert f"Isolation level {diagnosis.level.value}: this machine can grade." in shown


def test_it_says_what_keeps_the_limits_and_why_no_cgroup_does(diagnosis: Diagnosis) -> None:
    limits = found(diagnosis, "limits")
    if limits.value == "cgroup v2":
        assert limits.remedy.startswith("memory, pids")
    else:
        assert limits.value == "resource limits"
        assert limits.remedy.startswith("and a supervisor: ")
        assert "cgroup" in limits.remedy


def test_outside_a_course_it_uses_the_default_settings(diagnosis: Diagnosis) -> None:
    assert found(diagnosis, "course").value == "none here"
