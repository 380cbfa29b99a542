"""The report's tables for pandas: CSV, which spreadsheets read too, and Parquet, which keeps every type."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from autograder.report.text import printable

FORMULA = ("=", "+", "-", "@", "\t", "\r")  # what a spreadsheet takes for a formula
Rows = Sequence[Mapping[str, Any]]


def frame(rows: Rows, columns: Iterable[str] = ()) -> pd.DataFrame:
    """A table of plain rows; `columns` for the case of none. Text is printable."""
    table = pd.DataFrame.from_records([dict(row) for row in rows], columns=None if rows else list(columns))
    for name in table.columns:
        if any(isinstance(value, str) for value in table[name]):
            table[name] = [printable(value) if isinstance(value, str) else value for value in table[name]]
    return table


def write_tables(tables: Mapping[str, pd.DataFrame], into: Path) -> tuple[Path, ...]:
    """Write NAME.csv and NAME.parquet for each table. In CSV, text that begins like a formula gets an "'"."""
    paths = []
    for name, table in tables.items():
        text = into / f"{name}.csv"
        harmless(table).to_csv(text, index=False, encoding="utf-8", lineterminator="\n")
        binary = into / f"{name}.parquet"
        table.to_parquet(binary, index=False, engine="pyarrow")
        paths += [text, binary]
    return tuple(paths)


def harmless(table: pd.DataFrame) -> pd.DataFrame:
    """The table with no cell that a spreadsheet would run."""
    changed = table.copy()
    for name in changed.columns:
        if any(isinstance(value, str) for value in changed[name]):
            changed[name] = [
                f"'{value}" if isinstance(value, str) and value.startswith(FORMULA) else value
                for value in changed[name]
            ]
    return changed
