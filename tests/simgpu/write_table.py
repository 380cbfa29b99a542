"""Writes the behaviour table into docs/simulated-gpu.md: `python tests/simgpu/write_table.py [REPORT.json...]`.

Runs the table here, and adds a column for every report from elsewhere (the output of run_behaviours.py there: on a real
GPU, on a CUDA build) that is given or kept in tests/simgpu/reports/.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from behaviours import GROUPS
from own_process import HERE, run_script
from run_behaviours import PASSED

PAGE = HERE.parents[1] / "docs" / "simulated-gpu.md"
START, END = "<!-- the table: written by tests/simgpu/write_table.py -->", "<!-- end of the table -->"


def table(reports: list[dict[str, Any]]) -> str:
    """The header and the table in Markdown: a column a report."""
    lines = [*(header(report) for report in reports)]
    if all(report["device"] != "cuda" for report in reports):
        lines.append("- **Not run on hardware**: no machine with a GPU was at hand.")
    titles = [title(report) for report in reports]
    for heading, rows in GROUPS.items():
        lines += [
            "",
            f"### {heading.rstrip('.')}",
            "",
            f"| behaviour | {' | '.join(titles)} |",
            "|---|" + "---|" * len(titles),
        ]
        lines += [f"| {row.sentence} | {' | '.join(cell(report, row.name) for report in reports)} |" for row in rows]
    return "\n".join(lines)


def title(report: dict[str, Any]) -> str:
    """The device, and the build of PyTorch where that is not the usual one."""
    card: str = report["card"]
    return f"{card}, CUDA build" if report["device"] != "cuda" and "+cu" in report["torch"] else card


def header(report: dict[str, Any]) -> str:
    """Where and when a column came from."""
    passed = sum(verdict == PASSED for verdict in report["verdicts"].values())
    card = title(report) + (f", driver {report['driver']}" if report.get("driver") else "")
    return f"- {card}: {passed} of {len(report['verdicts'])} rows, PyTorch {report['torch']}, {report['date']}"


def cell(report: dict[str, Any], name: str) -> str:
    """One verdict, short."""
    verdict = report["verdicts"].get(name, "not run")
    return "yes" if verdict == PASSED else verdict.split(":")[0]


def page_with(text: str, page: str) -> str:
    """The page with `text` between its two marks."""
    return page[: page.index(START) + len(START)] + "\n\n" + text + "\n\n" + page[page.index(END) :]


def kept_reports() -> list[dict[str, Any]]:
    """The reports from elsewhere that are committed."""
    return [json.loads(file.read_text()) for file in sorted((HERE / "reports").glob("*.json"))]


if __name__ == "__main__":
    given = [json.loads(Path(name).read_text()) for name in sys.argv[1:]]
    reports = [json.loads(run_script("run_behaviours.py")), *kept_reports(), *given]
    PAGE.write_text(page_with(table(reports), PAGE.read_text()))
