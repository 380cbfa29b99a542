"""One check, run once: with a student's functions or with functions of ours in their place."""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, replace
from typing import Any

import pytest

from autograder.checks.chains import Chain, ask_in_order
from autograder.checks.collection import CheckSession
from autograder.checks.draw import Draw
from autograder.checks.failure import CheckFailedError, MetGapError, NotCheckedError, StudentError, StudentSideError
from autograder.checks.fixtures import Fixtures, Sides
from autograder.checks.local import LocalCaller, local_caller
from autograder.checks.raised import is_timeout
from autograder.checks.student import Caller, Functions, OpenCheck, Step, Whose, reference, student
from autograder.engine.calls import Call, CallFailed, CallReport
from autograder.model import Outcome

CALL_SECONDS = 10.0
REPLAY_SECONDS = 2.0  # of one call of ours in the student's place: a mistake that hangs must not hold up the class


@dataclass(frozen=True)
class Run:
    """How a check ended, and the calls of the student's functions that it made."""

    outcome: Outcome
    steps: tuple[Step, ...] = ()
    failure: CheckFailedError | None = None  # of a failed check; None: the check's own `assert`
    fault: BaseException | None = None  # what the check's own code raised
    note: str = ""  # why it was not checked
    is_claimed: bool = False  # the student's function met a gap of ours, or says so
    seconds: float = 0.0

    @property
    def gave_no_value(self) -> bool:
        """True when a function raised, hung, died or is not there: nothing can be said about what it computes."""
        return isinstance(self.failure, StudentError)

    @property
    def timed_out(self) -> bool:
        """True when a call did not end in time."""
        return self.failure is not None and is_timeout(self.failure)

    @property
    def staff_note(self) -> str:
        """The traceback of what our own code raised; or that the code met a gap of ours, or says so."""
        if self.is_claimed:
            return f"{self.note}: met in the student's code, or made up by it; look whether it stays on the device"
        return "" if self.fault is None else "".join(traceback.format_exception(self.fault, limit=-6))


class Runner:
    """Runs the checks of one open session, one at a time."""

    def __init__(
        self, references: Mapping[str, Callable[..., Any]], device: str, seconds: float = CALL_SECONDS
    ) -> None:
        self.fixtures = Fixtures(self._sides_of)
        self._references = references
        self._device = device
        self._seconds = seconds
        self._sides: Sides | None = None

    def run(self, session: CheckSession, item: pytest.Function, seed: str, open_check: OpenCheck) -> Run:
        """Run `item` with the functions behind `open_check`. Raises nothing but what ends this process."""
        start = time.perf_counter()
        with ExitStack() as stack:
            caller = _OpensLate(open_check, stack)
            functions = student(caller, seed, self._seconds)
            outcome = self._run(session, item, seed, functions)
            try:
                stack.close()
            except Exception as error:
                outcome = Run(Outcome.BROKEN, tuple(functions.steps), fault=error)
        return _timed(outcome, time.perf_counter() - start)

    def replay(
        self,
        session: CheckSession,
        item: pytest.Function,
        seed: str,
        functions: Mapping[str, Any],
        watch: Watch | None = None,
    ) -> Run:
        """Run `item` with functions of ours in the student's place. watch: sees each step, and may end the run."""
        with local_caller(functions, REPLAY_SECONDS)() as caller:
            answer = caller.call if watch is None else _Watched(caller, watch).call
            return self._run(
                session, item, seed, Functions(answer, whose=Whose(True), seed=seed, seconds=self._seconds)
            )

    def asking(self, open_check: OpenCheck) -> Callable[[Chain], CallReport]:
        """Asks the functions behind `open_check`, in a fork each time. Raises StudentSideError and CallFailed."""

        def ask(chain: Chain) -> CallReport:
            try:
                with ExitStack() as stack:
                    return ask_in_order(_OpensLate(open_check, stack), chain)
            except (CallFailed, StudentSideError):
                raise
            except Exception as error:
                raise StudentSideError(f"{chain[-1].name} could not be called: {error}") from error

        return ask

    def _run(self, session: CheckSession, item: pytest.Function, seed: str, functions: Functions) -> Run:
        ours = reference(self._references, seed)
        self._sides = Sides(functions, ours, Draw(seed, self._device), self._device)
        try:
            session.run(item)
        except CheckFailedError as failure:
            return Run(Outcome.FAILED, tuple(functions.steps), failure=failure)
        except (pytest.skip.Exception, NotCheckedError) as skipped:
            is_claimed = isinstance(skipped, MetGapError)
            return Run(Outcome.NOT_CHECKED, tuple(functions.steps), note=str(skipped), is_claimed=is_claimed)
        except (
            AssertionError,
            pytest.fail.Exception,
        ) as error:  # the check's own `assert`: is there an answer to judge?
            judged = Outcome.FAILED if functions.steps else Outcome.BROKEN
            return Run(judged, tuple(functions.steps), fault=error)
        except StopReplay:
            return Run(Outcome.NOT_CHECKED, tuple(functions.steps))
        except Exception as error:
            return Run(Outcome.BROKEN, tuple(functions.steps), fault=error)
        finally:
            self._sides = None
        return Run(Outcome.PASSED, tuple(functions.steps))

    def _sides_of(self, item: pytest.Item) -> Sides:
        assert self._sides is not None, "a fixture was asked for while no check runs"
        return self._sides


class StopReplay(Exception):  # noqa: N818 - not an error: the replay has shown what it was made for
    """Ends a replay."""


Watch = Callable[[int, Step], bool]  # number of the step and the step; False ends the replay


class _Watched:
    """A caller that shows each step as soon as it is made."""

    def __init__(self, caller: LocalCaller, watch: Watch) -> None:
        self._caller = caller
        self._watch = watch
        self._count = 0

    def call(self, call: Call) -> CallReport:
        report = self._caller.call(call)
        number, self._count = self._count, self._count + 1
        if not self._watch(number, Step(call, report)):
            raise StopReplay
        return report


class _OpensLate:
    """A caller that is opened at the first call: a check that never calls costs no fork."""

    def __init__(self, open_check: OpenCheck, stack: ExitStack) -> None:
        self._open: Callable[[], AbstractContextManager[Caller]] = open_check
        self._stack = stack
        self._caller: Caller | None = None

    def call(self, call: Call) -> CallReport:
        try:
            if self._caller is None:
                self._caller = self._stack.enter_context(self._open())
            return self._caller.call(call)
        except (CallFailed, TypeError):  # TypeError: an argument that cannot be sent, perhaps one the student returned
            raise
        except Exception as error:
            raise StudentSideError(f"{call.name} could not be called: {error}") from error

    def close(self) -> None:
        """Nothing: the stack closes what was opened."""


def _timed(run: Run, seconds: float) -> Run:
    return replace(run, seconds=seconds)
