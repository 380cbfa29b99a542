"""The table in the documentation is the one that this run gives."""

from __future__ import annotations

import re
from typing import Any

from write_table import PAGE, kept_reports, page_with, table


def without_dates(text: str) -> str:
    return re.sub(r"PyTorch \S+, \d{4}-\d\d-\d\d", "", text)


def test_the_documented_table_is_what_the_rows_give(behaviour_report: dict[str, Any]) -> None:
    page = PAGE.read_text()
    fresh = page_with(table([behaviour_report, *kept_reports()]), page)
    assert without_dates(page) == without_dates(fresh), "write it anew: python tests/simgpu/write_table.py"


def test_a_table_without_a_real_column_says_so() -> None:
    report = {"device": "simulated cuda", "card": "Simulated GPU", "torch": "2", "date": "2026-01-01", "verdicts": {}}
    assert "Not run on hardware" in table([report])
    assert "Not run on hardware" not in table([report, report | {"device": "cuda", "card": "H100", "driver": "580.1"}])


def test_a_real_column_names_card_and_driver() -> None:
    report = {"device": "cuda", "card": "H100", "driver": "580.1", "torch": "2", "date": "2026-01-01", "verdicts": {}}
    assert table([report]).startswith("- H100, driver 580.1: 0 of 0 rows, PyTorch 2, 2026-01-01")
