"""How a check ends when it does not pass: through the student's answer, or through a fault of ours."""

from __future__ import annotations

from autograder.model import Curves, Entries, Spot


class CheckFailedError(AssertionError):
    """The student's answer is not right.

    `message` and `look_at` may be shown at any time and hold no drawn value; `expected` and `got` may hold some.
    `spot` is the line that did it, `entries` tells which entries of a tensor are off, `curves` how training went; each
    where that is known.
    """

    def __init__(
        self,
        message: str,
        *,
        expected: str = "",
        got: str = "",
        look_at: str = "",
        spot: Spot | None = None,
        entries: Entries | None = None,
        curves: Curves | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.expected = expected
        self.got = got
        self.look_at = look_at
        self.spot = spot
        self.entries = entries
        self.curves = curves

    def __str__(self) -> str:
        lines = [self.message]
        lines += [f"{name:9} {text}" for name, text in (("expected", self.expected), ("got", self.got)) if text]
        if self.look_at:
            lines.append(f"look at   {self.look_at}")
        return "\n".join(lines)


class NotCheckedError(Exception):
    """This machine cannot tell: no GPU, not even a simulated one, or a gap of the simulation. Costs no points."""


class MetGapError(NotCheckedError):
    """A student's function met a gap of the simulated GPU, or says so, which anybody can. Staff look at it."""


class StudentError(CheckFailedError):
    """The student's function gave no value at all: it raised, hung, died, or is not there."""


class BrokenCheckError(Exception):
    """The check, a reference or a drawn input of ours cannot be right, whatever the student wrote."""


class StudentSideError(BrokenCheckError):
    """The student side could not be opened or asked, through no fault of the student's."""
