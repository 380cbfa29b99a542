"""What a student reads when the function raised, hung or died: kindly, and without any drawn number."""

from __future__ import annotations

import re

from autograder.checks.failure import StudentError
from autograder.engine.calls import CallError, CallFailed
from autograder.model import Spot

MAX_TEXT = 200  # characters of an exception's first line
_NUMBER = re.compile(
    r"-?\d+\.\d*(?:e[+-]?\d+)?|-?\d+e[+-]?\d+", re.IGNORECASE
)  # 0.1234, 1e-05: perhaps of a drawn input


def failure_of_error(error: CallError, name: str, doing: str = "your function") -> StudentError:
    """The failure that an exception in the function `name` is. The exception's text in full stands in `got` only."""
    if error.type_name == "NotImplementedError" and not error.message:
        return StudentError(f"`{name}` is not written yet")
    if _says_not_defined(error, name):
        return StudentError(f"`{name}` is not defined", look_at=f"the cell that defines `{name}`: did it run?")
    return StudentError(
        f"{doing} raised {error.type_name}{_short(error.message)}{_place(error)}",
        got=f"{error.type_name}: {error.message}" if error.message else error.type_name,
        spot=None if error.line is None else Spot(error.line, error.source_line, error.cell),
    )


def failure_of_no_report(failed: CallFailed) -> StudentError:
    """The failure that a call without a report is. Its sentence is the student side's supervisor's."""
    failure = StudentError(failed.reason)
    failure.__cause__ = failed
    return failure


def is_timeout(failure: BaseException) -> bool:
    """True when the failure is a call that did not end in time."""
    cause = failure.__cause__
    return isinstance(cause, CallFailed) and cause.kind == "timeout"


def _says_not_defined(error: CallError, name: str) -> bool:
    return error.type_name == "NameError" and error.line is None and name in error.message


def _short(message: str) -> str:
    first = message.strip().partition("\n")[0]
    if not first:
        return ""
    cut = first if len(first) <= MAX_TEXT else first[:MAX_TEXT] + " ..."
    return ": " + _NUMBER.sub("#", cut)


def _place(error: CallError) -> str:
    if error.line is None:
        return ""
    return f" (line {error.line}: `{error.source_line}`)" if error.source_line else f" (line {error.line})"
