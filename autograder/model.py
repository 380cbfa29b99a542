"""The values that pass between the parts of the program: what a check, a submission and a class came to.

Imports nothing of ours and no torch, so that every part can use it. DESIGN.md, section 2, defines the words.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any

import msgspec


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


class CheckResult(msgspec.Struct, frozen=True, kw_only=True):
    """One check of one submission.

    `message` and `hint` may be shown to the student at any time; `expected`, `got` and `inputs` only as far as
    `reveal` allows; `staff_note` (a traceback of ours) and `trace` (what the function did on inputs that the class
    shares, where no mistake explains the failure) never.
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


class CellResult(msgspec.Struct, frozen=True, kw_only=True):
    """One code cell as it ran. `index` counts all cells of the notebook from 0; `outputs` are nbformat outputs."""

    index: int
    status: CellStatus
    seconds: float = 0.0
    outputs: tuple[dict[str, Any], ...] = ()
    note: str = ""


class ExerciseResult(msgspec.Struct, frozen=True, kw_only=True):
    """The checks of one exercise and what they are worth. `note` is for the student: why it scores as it does."""

    name: str
    title: str
    score: float
    max_score: float
    checks: tuple[CheckResult, ...] = ()
    note: str = ""
    code: str = ""

    @property
    def has_broken_checks(self) -> bool:
        """True when a check of ours broke, so that staff must look."""
        return any(check.outcome is Outcome.BROKEN for check in self.checks)


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
