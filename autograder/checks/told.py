"""The result of a check in words: for the student, and what staff need beside it."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from autograder.checks.described import CheckInfo
from autograder.checks.differences import see_close
from autograder.checks.failure import CheckFailedError
from autograder.checks.kinds import kind_of
from autograder.checks.mistakes import Mistake
from autograder.checks.running import Run
from autograder.checks.student import Step
from autograder.engine.calls import AsGenerator
from autograder.model import CheckResult, Move, Outcome, Spot

MAX_INPUTS = 1200  # characters
MAX_MOVES = 24
BROKEN = "this check did not work; it costs you nothing, and staff will look at it"


def result_of(
    check: CheckInfo, run: Run, seed: str, mistake: Mistake | None, references: Mapping[str, Callable[..., Any]]
) -> CheckResult:
    """The result of `run`. Points are given later, when all checks of the exercise are known."""
    failure = run.failure
    if run.outcome is Outcome.BROKEN:
        message = BROKEN
    elif run.outcome is Outcome.FAILED:
        message = failure.message if failure is not None else "this is not so"
    else:
        message = run.note
    failed = run.outcome is Outcome.FAILED
    return CheckResult(
        name=check.name,
        title=check.title,
        kind=check.kind,
        outcome=run.outcome,
        message=message,
        expected=failure.expected if failure is not None else "",
        got=failure.got if failure is not None else "",
        look_at=failure.look_at if failure is not None else "",
        inputs=inputs_of(run.steps, references) if failed else "",
        spot=failure.spot if failure is not None else None,
        entries=failure.entries if failure is not None else None,
        curves=failure.curves if failure is not None else None,
        moves=moves_of(run.steps) if failed else (),
        mistake=mistake.name if mistake is not None else None,
        hint=mistake.hint if mistake is not None else "",
        staff_note=run.staff_note,
        seed=seed,
        seconds=round(run.seconds, 6),
    )


def moves_of(steps: Sequence[Step]) -> tuple[Move, ...]:
    """What lines of the student's moved between devices, call after call, in the order of the first time."""
    moved = [each for step in steps if step.report is not None for each in step.report.transfers if each.place.line]
    return tuple(
        Move(
            spot=Spot(each.place.line, each.place.source),
            phase=each.phase,
            kind=each.kind.value,
            start=each.source,
            end=each.target,
            times=each.times,
            bytes=each.bytes,
        )
        for each in moved[:MAX_MOVES]
    )


def told_apart(steps: Sequence[Step], right: Sequence[Step]) -> CheckFailedError:
    """What is odd about the values over which a check stumbled, told by the reference's values in the same check."""
    for step, other in zip(steps, right, strict=False):
        if step.report is None or other.report is None:
            continue
        try:
            see_close(step.report.value, other.report.value, "the result", None, None)
        except CheckFailedError as failure:
            return failure
        except Exception:  # a value that cannot even be compared
            break
    last = steps[-1].report if steps else None
    kind = kind_of(last.value) if last is not None else "nothing"
    return CheckFailedError("the result cannot be used as it should", got=kind)


def inputs_of(steps: Sequence[Step], references: Mapping[str, Callable[..., Any]]) -> str:
    """The last call as one would write it: "softmax(logits=tensor([[0.1, 0.2]]))"."""
    if not steps:
        return ""
    call = steps[-1].call
    names = _parameters(references.get(call.name), len(call.args))
    parts = [f"{name} = {_shown(arg)}" for name, arg in zip(names, call.args, strict=True)]
    parts += [f"{name} = {_shown(arg)}" for name, arg in call.kwargs.items()]
    text = f"{call.name}({', '.join(names)})\n" + "\n".join(parts)
    return text if len(text) <= MAX_INPUTS else text[:MAX_INPUTS] + " ..."


def _parameters(function: Callable[..., Any] | None, count: int) -> list[str]:
    names: list[str] = []
    if function is not None:
        names = [parameter.name for parameter in inspect.signature(function).parameters.values()]
    return (names + [f"argument {position + 1}" for position in range(len(names), count)])[:count]


def _shown(value: Any) -> str:
    if isinstance(value, Tensor):
        if value.numel() > 1000:
            return f"tensor of shape {tuple(value.shape)}, {value.dtype}"
        with torch.no_grad():
            text = repr(value.detach())
        return text if value.grad is None else f"{text} with grad {value.grad!r}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(_shown(item) for item in value[:20])}]"
    if isinstance(value, AsGenerator):
        return f"a generator over {_shown(value.items)}"
    return repr(value)[:200]
