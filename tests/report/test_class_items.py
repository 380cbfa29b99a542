"""Item analysis against a table worked out by hand, and against pingouin."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest
from made_class import made_class

from autograder.model import SubmissionResult
from autograder.report.class_report.items import analyse, cronbach_alpha, discriminations

# Five students, four items. Totals 4, 3, 2, 1, 0; every item's variance is p(1 - p) * 5 / 4.
GUTTMAN = np.array([[1, 1, 1, 1], [1, 1, 1, 0], [1, 1, 0, 0], [1, 0, 0, 0], [0, 0, 0, 0]], dtype=np.float64)


def repeated(*rows: str, times: int = 4) -> list[SubmissionResult]:
    """A class in which every row of outcomes ("10x": passed, failed, broken) occurs several times."""
    cells = {"1": 1, "0": 0, "x": -1}
    return made_class([[cells[cell] for cell in row] for row in rows for _ in range(times)])


def test_an_empty_class_has_no_figures() -> None:
    found = analyse([])
    assert (found.count, found.items, found.alpha_of_checks, found.floor) == (0, (), None, 0.0)


def test_alpha_equals_the_one_worked_out_by_hand() -> None:
    # variances 0.2, 0.3, 0.3, 0.2 sum to 1.0; that of the totals is 2.5: alpha = 4 / 3 * (1 - 1.0 / 2.5) = 0.8
    alpha = cronbach_alpha(GUTTMAN)
    assert alpha is not None
    assert alpha.value == pytest.approx(0.8)


def test_discrimination_equals_the_one_worked_out_by_hand() -> None:
    # first item 1 1 1 1 0 against the rest 3 2 1 0 0: covariance 0.24, over sqrt(0.16 * 1.36) = 0.5145
    # second item 1 1 1 0 0 against 3 2 1 1 0: covariance 0.36, over sqrt(0.24 * 1.04) = 0.7206
    assert discriminations(GUTTMAN) == pytest.approx([0.5145, 0.7206, 0.7206, 0.5145], abs=1e-4)


@pytest.mark.parametrize(("students", "items"), [(12, 3), (60, 8), (250, 25)])
def test_alpha_and_its_interval_equal_those_of_pingouin(students: int, items: int) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pingouin = pytest.importorskip("pingouin")
    rng = np.random.default_rng(students)
    ability = rng.normal(size=(students, 1))
    table = (ability + rng.normal(size=(students, items)) > 0).astype(np.float64)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        value, interval = pingouin.cronbach_alpha(data=pd.DataFrame(table), ci=0.95)
    alpha = cronbach_alpha(table)
    assert alpha is not None
    assert alpha.value == pytest.approx(value)
    assert (alpha.low, alpha.high) == pytest.approx(tuple(interval), abs=6e-4)  # pingouin rounds to three digits


def test_difficulty_is_the_share_that_passes() -> None:
    found = analyse(repeated("111", "110", "100", "100"))
    assert [item.difficulty for item in found.items] == [1.0, 0.5, 0.25]
    assert [item.remark for item in found.items] == ["nobody fails it", "", ""]


def test_checks_that_everybody_fails_are_listed() -> None:
    found = analyse(repeated("10", "10"))
    assert [item.name for item in found.failed_by_all] == ["test_1"]
    assert found.items[1].remark == "everybody fails it"
    assert [item.name for item in found.passed_by_all] == ["test_0"]


def test_a_check_that_the_better_fail_is_named() -> None:
    found = analyse(repeated("1110", "1110", "0001", "1001"))
    assert found.items[3].remark == "the better fail it: look at the check"


def test_floor_and_ceiling_are_shares_of_the_class() -> None:
    found = analyse(repeated("11", "00", "00", "10"))
    assert (found.floor, found.ceiling) == (0.5, 0.25)


def test_checks_that_always_fail_together_are_grouped() -> None:
    found = analyse(repeated("1100", "1011", "1111"))
    assert found.together == (("softmax: property 2", "softmax: property 3"),)


def test_a_stub_makes_no_checks_redundant() -> None:
    assert analyse(repeated("1111", "0000")).together == ()


def test_a_broken_check_is_nobodys_failure() -> None:
    found = analyse(repeated("11x", "10x", "11x"))
    assert [item.name for item in found.items] == ["test_0", "test_1"]


def test_a_small_class_is_said_to_be_small() -> None:
    few, some, many = (analyse(repeated("10", "11", times=times)) for times in (2, 8, 20))
    assert few.is_too_small
    assert all(item.discrimination is None for item in few.items)
    assert few.alpha_of_checks is None
    assert some.is_small
    assert not some.is_too_small
    assert not many.is_small
