"""What `grader verify` found, as values, and as a table for the terminal."""

from __future__ import annotations

from dataclasses import dataclass

from rich.box import SIMPLE_HEAD
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

COLUMNS = (
    "exercise",
    "checks",
    "mistakes caught",
    "explained",
    "right styles accepted",
    "mutants killed/survived/equivalent",
)


@dataclass(frozen=True)
class ExerciseProof:
    """How the checks of one exercise did.

    distinct: mistakes that do not do the same as another in every check; explained: those explained as themselves.
    """

    exercise: str
    checks: int
    mistakes: int
    caught: int
    distinct: int
    explained: int
    right_styles: int
    accepted: int
    mutants: int
    killed: int
    equivalent: int

    @property
    def survived(self) -> int:
        """Mutants that score full marks and are not listed as equivalent."""
        return self.mutants - self.killed - self.equivalent

    def row(self) -> tuple[str, ...]:
        """The exercise under `COLUMNS`."""
        return (
            self.exercise,
            str(self.checks),
            f"{self.caught}/{self.mistakes}",
            f"{self.explained}/{self.distinct}",
            f"{self.accepted}/{self.right_styles}",
            f"{self.killed}/{self.survived}/{self.equivalent}",
        )


@dataclass(frozen=True)
class VerifyReport:
    """One assignment. Each problem is one line: file, name, what happens and what to do."""

    assignment: str
    exercises: tuple[ExerciseProof, ...]
    problems: tuple[str, ...]
    seeds: int
    seconds: float

    @property
    def is_ok(self) -> bool:
        """True when nothing has to be done."""
        return not self.problems

    def rows(self) -> tuple[tuple[str, ...], ...]:
        """One row under `COLUMNS` for each exercise, in the order of the notebook."""
        return tuple(proof.row() for proof in self.exercises)


def render(report: VerifyReport) -> RenderableType:
    """The table, the problems and one closing line, for `rich.print`."""
    table = Table(title=report.assignment, title_justify="left", box=SIMPLE_HEAD, pad_edge=False)
    for at, name in enumerate(COLUMNS):
        header = name.replace(" ", "\n").replace("/", "/\n")
        table.add_column(header, justify="right" if at else "left", no_wrap=True)
    for proof in report.exercises:
        table.add_row(*proof.row())
    problems = [Text(f"problem: {line}", style="red") for line in report.problems]
    return Group(table, *problems, Text(_summary(report), style="green" if report.is_ok else "bold red"))


def _summary(report: VerifyReport) -> str:
    caught = sum(proof.caught for proof in report.exercises)
    killed = sum(proof.killed for proof in report.exercises)
    found = f"{len(report.problems)} problem" + ("s" if len(report.problems) != 1 else "")
    return (
        f"{report.assignment}: {found if report.problems else 'all is well'}; {len(report.exercises)} exercises, "
        f"{caught} mistakes caught, {killed} mutants killed, {report.seeds} seeds, {report.seconds:.1f} s"
    )
