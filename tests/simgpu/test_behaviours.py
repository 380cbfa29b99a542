"""The behaviour table: each row of tests/simgpu/behaviours holds on the GPU at hand, simulated or real."""

from __future__ import annotations

from typing import Any

import pytest
from behaviours import ROWS, Row
from own_process import DeviceProcess
from run_behaviours import PASSED


@pytest.mark.parametrize("row", [pytest.param(row, id=row.name) for row in ROWS])
def test_behaves_as_on_cuda(row: Row, behaviour_report: dict[str, Any]) -> None:
    verdict = behaviour_report["verdicts"][row.name]
    if verdict.startswith("skipped"):
        pytest.skip(verdict)
    assert verdict == PASSED, f"{row.sentence}: {verdict}"


def test_a_row_that_is_not_so_fails_and_says_where(device_process: DeviceProcess) -> None:
    said = device_process.run(
        "from run_behaviours import verdict, verdict_in_a_child\n"
        "from behaviours.row import Row, gpu, holds\n"
        "row = Row('wrong', 'one is two', lambda: holds(gpu(1), [2]))\n"
        "result = [verdict_in_a_child(row), verdict(row)]"
    )
    for verdict in said:
        assert verdict.startswith("AssertionError: it holds [1.0], not [2]")


def test_rows_have_names_of_their_own() -> None:
    assert len({row.name for row in ROWS}) == len(ROWS) >= 85


def test_no_row_is_left_out_on_the_simulated_gpu(behaviour_report: dict[str, Any]) -> None:
    if behaviour_report["device"] == "simulated cuda":
        assert not [name for name, verdict in behaviour_report["verdicts"].items() if verdict.startswith("skipped")]
