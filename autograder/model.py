"""The values that pass between the parts of the program: what a check, a submission and a class came to.

Imports nothing of ours and no torch, so that every part can use it. DESIGN.md, section 2, defines the words.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

import msgspec

RESULT_FORMAT = 2  # of what is kept of a submission; results of an older one are read, and graded anew when asked


class Outcome(StrEnum):
    """How one check ended."""

    PASSED = "passed"
    FAILED = "failed"  # the student's fault
    BROKEN = "broken"  # our fault: costs no points and is loud to staff
    SKIPPED = "skipped"  # a check that it needs did not pass
    NOT_CHECKED = "not checked"  # this machine cannot check it: costs no points


class Kind(StrEnum):
    """A check gives points; a rule, when broken, takes all points of its exercise."""

    CHECK = "check"
    RULE = "rule"


class CellStatus(StrEnum):
    """How the run of one code cell ended."""

    OK = "ok"
    ERROR = "error"
    TIMEOUT = "timeout"
    DIED = "died"
    NOT_RUN = "not run"


class Isolation(StrEnum):
    """How far student code is separated from the grader. DESIGN.md, section 4."""

    A = "A"
    B = "B"
    NONE = "none"


class DeviceKind(StrEnum):
    """What checks of placement run on; results bear the same words."""

    CUDA = "cuda"
    SIMULATED = "simulated cuda"
    NONE = "cpu"  # on nothing: they are not checked


class Device(msgspec.Struct, frozen=True):
    """The device of placement checks. `detail`: the name of a card, or why there is none, as a clause."""

    kind: DeviceKind
    detail: str = ""


class Spot(msgspec.Struct, frozen=True):
    """A line of the student's code: its number in its cell, from 1, and its text. `cell` counts all cells from 0."""

    line: int
    source: str
    cell: int | None = None  # None: not known


class Entries(msgspec.Struct, frozen=True):
    """Which entries of a tensor are off, as a check saw them, in the order of memory.

    `off` has "1" for each entry that is off and "0" for the others. `errors` holds got minus expected, `nan` as None.
    """

    name: str
    shape: tuple[int, ...]
    off: str
    errors: tuple[float | None, ...] = ()


class Curves(msgspec.Struct, frozen=True):
    """Two curves of training, a loss per "epoch" or "step" from the first on. A loss that is no finite number is None.

    `got` is the student's, `expected` the reference's from the same start. `low` and `high` hold the least and the
    largest loss of the reference from other starts at each place; empty where there were none.
    """

    name: str
    per: str
    got: tuple[float | None, ...]
    expected: tuple[float | None, ...]
    low: tuple[float, ...] = ()
    high: tuple[float, ...] = ()


class Move(msgspec.Struct, frozen=True):
    """What one line of the student's moved between devices, in the order of the first time."""

    spot: Spot
    phase: str  # "forward" | "backward"
    kind: str  # a TransferKind
    start: str  # "cuda:0"
    end: str  # "cpu"
    times: int
    bytes: int


class Numbers(msgspec.Struct, frozen=True):
    """A small value to look at: the rows of a table, or a sentence where it is no table."""

    rows: tuple[tuple[str, ...], ...] = ()
    text: str = ""


class Example(msgspec.Struct, frozen=True):
    """One call on a tiny input that we chose ourselves, what it gave, and what is right. None of it is of a check.

    `code` can be pasted below the function; `what` names what was compared: "softmax(logits)", "dW", "grad of logits".
    """

    code: str
    what: str
    got: Numbers
    expected: Numbers


class FailedExample(msgspec.Struct, frozen=True):
    """The part of a visible example that failed in the student's notebook, and the exception that it ended with."""

    code: str
    error: str


class CheckResult(msgspec.Struct, frozen=True, kw_only=True):
    """One check of one submission.

    `message`, `hint`, `spot`, `moves` and `entries` but for their errors may be shown to the student at any time;
    `expected`, `got`, `inputs`, `curves` and the errors of `entries` only as far as `reveal` allows; `staff_note` (a
    traceback of ours) and `trace` (what the function did on inputs that the class shares, where no mistake explains the
    failure) never.
    """

    name: str
    title: str
    kind: Kind
    outcome: Outcome
    points: float = 0.0
    max_points: float = 0.0
    message: str = ""
    expected: str = ""
    got: str = ""
    look_at: str = ""
    inputs: str = ""
    mistake: str | None = None
    hint: str = ""
    staff_note: str = ""
    trace: str = ""
    seed: str = ""
    seconds: float = 0.0
    spot: Spot | None = None
    entries: Entries | None = None
    curves: Curves | None = None
    moves: tuple[Move, ...] = ()


class CellResult(msgspec.Struct, frozen=True, kw_only=True):
    """One code cell as it ran. `index` counts all cells of the notebook from 0; `outputs` are nbformat outputs."""

    index: int
    status: CellStatus
    seconds: float = 0.0
    outputs: tuple[dict[str, Any], ...] = ()
    note: str = ""


class ExerciseResult(msgspec.Struct, frozen=True, kw_only=True):
    """The checks of one exercise and what they are worth. `note` is for the student: why it scores as it does.

    `code` is the source of cell number `cell`. `worked` shows the likely mistake at work, `example` what failed of the
    visible example: both may be shown at any time; `failing`, a call of the student's own function, where `reveal`
    allows it.
    """

    name: str
    title: str
    score: float
    max_score: float
    checks: tuple[CheckResult, ...] = ()
    note: str = ""
    code: str = ""
    cell: int | None = None
    worked: Example | None = None
    failing: Example | None = None
    example: FailedExample | None = None

    @property
    def broken_rules(self) -> tuple[CheckResult, ...]:
        """The rules that the student's function breaks."""
        return tuple(c for c in self.checks if c.kind is Kind.RULE and c.outcome is Outcome.FAILED)

    @property
    def has_broken_checks(self) -> bool:
        """True when a check of ours broke, so that staff must look."""
        return any(check.outcome is Outcome.BROKEN for check in self.checks)

    @property
    def needs_staff(self) -> bool:
        """True when staff must look: a check of ours broke, or one was not checked for a reason that is the code's."""
        return self.has_broken_checks or any(c.outcome is Outcome.NOT_CHECKED and c.staff_note for c in self.checks)


class QuestionState(StrEnum):
    """What became of an answer to a question."""

    RIGHT = "right"
    PARTLY = "partly right"
    WRONG = "not right"
    WRONG_FORM = "wrong form"  # there is an answer, and it cannot be read
    UNANSWERED = "not answered"
    BY_HAND = "needs manual grading"  # an answer in words, which a person reads; it has no points until then
    GRADED = "graded by hand"


class Try(msgspec.Struct, frozen=True):
    """One answer to a question, as it was when feedback on it was written, or as it is now.

    number: from 1. share: of the points, before any penalty. has_feedback: what comes after it is a further try.
    """

    question: str
    number: int
    answer: str
    state: QuestionState
    share: float
    has_feedback: bool = False


class QuestionResult(msgspec.Struct, frozen=True, kw_only=True):
    """One quiz question as answered.

    `score` is what counts; with several tries, the best. `message` and `hint` may be shown to the student at any time;
    `right_answer` and `explanation` only as far as `reveal` allows, or once the answer is right; `staff_note` never.
    """

    name: str
    variant: int
    score: float
    max_score: float
    answer: str = ""
    message: str = ""
    title: str = ""
    state: QuestionState = QuestionState.UNANSWERED
    hint: str = ""
    prompt: str = ""  # Markdown, as are right_answer and explanation
    right_answer: str = ""
    explanation: str = ""
    answered_twice: bool = False
    staff_note: str = ""
    share: float = 0.0  # of the points, for this answer alone: no penalty, no better try before it
    attempt: int = 0  # which try this is, from 1; 0 where there is nothing that could be right or wrong


class Comment(msgspec.Struct, frozen=True):
    """What a teacher wrote about one cell. `cell` is the name of an exercise, a question or a cell of its own."""

    cell: str
    text: str


class HandGrade(msgspec.Struct, frozen=True):
    """Points that a teacher gave by hand, or that wait for one (`score` is None)."""

    cell: str
    score: float | None
    max_score: float


class Remarks(msgspec.Struct, frozen=True, kw_only=True):
    """What nbgrader's gradebook knows of a submission beside our result.

    `score` counts points by hand, and no penalty. `closes` is when the last student can hand in, with every extension.
    """

    score: float
    max_score: float
    late_penalty: float = 0.0
    seconds_late: float = 0.0
    comments: tuple[Comment, ...] = ()
    by_hand: tuple[HandGrade, ...] = ()
    closes: datetime | None = None


class SubmissionResult(msgspec.Struct, frozen=True, kw_only=True):
    """All that grading one submission came to.

    `reason` is one clear line, empty when all went well; `notes` are for staff (edited cells, limits met, ...).
    """

    file: str
    assignment: str
    student: str
    status: str  # "graded" | "failed"
    reason: str = ""
    score: float = 0.0
    max_score: float = 0.0
    isolation: Isolation = Isolation.A
    device: str = DeviceKind.NONE.value
    seconds: float = 0.0
    cells: tuple[CellResult, ...] = ()
    exercises: tuple[ExerciseResult, ...] = ()
    questions: tuple[QuestionResult, ...] = ()
    notes: tuple[str, ...] = ()
    fingerprint: str = ""
