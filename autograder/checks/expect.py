"""`expect(value)`: what a check demands of a value or a report, said so that a student knows where to look.

Each method returns the expectation again, so that demands can be chained, and raises CheckFailedError when one is not
met. Shape comes before dtype before device before values; nothing is broadcast, nothing converted.
"""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterable, Sequence
from typing import Any, Self

import torch
from torch import Tensor

from autograder.checks.curves import see_follows
from autograder.checks.differences import see_close, see_equal, wrong_kind
from autograder.checks.failure import BrokenCheckError, CheckFailedError
from autograder.checks.kinds import kind_of, shape_of
from autograder.checks.library import EVASIONS, forbidden_calls
from autograder.checks.naming import CallSite
from autograder.checks.numbers import count_of, place_of, written
from autograder.checks.placement import see_placement
from autograder.checks.student import Report
from autograder.checks.unchanged import change_of
from autograder.engine.calls import CallReport


def expect(value: Any, name: str = "") -> Expectation:
    """Begin a demand on `value`. name: what messages call it; by default the expression that stands in the check."""
    return Expectation(value, name, CallSite.of(sys._getframe(1)))


class Expectation:
    """Demands on one value. Made by `expect`."""

    def __init__(self, value: Any, name: str, site: CallSite) -> None:
        self._value = value
        self._given_name = name
        self._site = site

    @property
    def _name(self) -> str:
        return self._given_name or self._site.words_of_first_argument()

    def is_close_to(
        self, expected: Any, look_at: str = "", *, rtol: float | None = None, atol: float | None = None
    ) -> Self:
        """The kind, shape, dtype and device of `expected`, and its numbers within torch.testing's tolerances.

        Tensors, numbers, None, strings, and lists, tuples and dicts of them. Give both tolerances or neither.
        nan equals nothing. An int passes for a float, a bool passes for neither.
        """
        if (rtol is None) != (atol is None):
            raise BrokenCheckError("is_close_to: give both rtol and atol, or neither")
        try:
            see_close(self._value, expected, "the result", rtol, atol, look_at)
        except CheckFailedError:
            see_close(self._value, expected, self._name, rtol, atol, look_at)  # once more, with words: they take time
        return self

    def equals(self, expected: Any, look_at: str = "") -> Self:
        """Exactly `expected`: the same type and the same value; tensors entry by entry, with shape, dtype, device."""
        see_equal(self._value, expected, self._name, look_at)
        return self

    def follows(
        self,
        expected: Sequence[float],
        others: Iterable[Sequence[float]] = (),
        look_at: str = "",
        *,
        per: str = "epoch",
        rtol: float = 1e-4,
        atol: float = 1e-5,
    ) -> Self:
        """A loss curve: a list of floats, each near that of the reference from the same start.

        others: curves of the reference from other starts, drawn beside as what is ordinary; a generator runs only when
        it is needed. per: what there is one loss for, "epoch" or "step". The tolerances leave room for rounding that
        grows from step to step, and for float32.
        """
        see_follows(self._value, expected, others, self._name, per, look_at, rtol, atol)
        return self

    def is_finite(self, look_at: str = "") -> Self:
        """No nan and no infinity in a tensor or number."""
        value = self._value if isinstance(self._value, Tensor) else self._as_number()
        wrong = ~torch.isfinite(value)
        if bool(wrong.any()):
            flat = int(wrong.flatten().int().argmax())
            seen = written(value.flatten()[flat].item())
            raise CheckFailedError(
                count_of(int(wrong.sum()), value.numel(), "not finite"),
                expected="finite numbers" if value.numel() > 1 else "a finite number",
                got=f"{self._name}{place_of(value, flat)} = {seen}",
                look_at=look_at,
            )
        return self

    def is_between(self, low: float, high: float, look_at: str = "") -> Self:
        """Every entry of a tensor, or a number, is at least `low` and at most `high`."""
        value = self._value if isinstance(self._value, Tensor) else self._as_number()
        wrong = ~((value >= low) & (value <= high))
        if bool(wrong.any()):
            flat = int(wrong.flatten().int().argmax())
            raise CheckFailedError(
                count_of(int(wrong.sum()), value.numel(), "out of range"),
                expected=f"{low:g} <= {self._name}{place_of(value, flat)} <= {high:g}",
                got=written(value.flatten()[flat].item()),
                look_at=look_at,
            )
        return self

    def has_shape(self, *shape: int | Sequence[int], look_at: str = "") -> Self:
        """A tensor of this shape: has_shape(5, 7), or has_shape(logits.shape)."""
        sizes: Any = shape[0] if len(shape) == 1 and isinstance(shape[0], Sequence) else shape
        wanted = torch.empty(tuple(sizes), device="meta")
        tensor = self._as_tensor()
        if tensor.shape != wanted.shape:
            raise self._fails("has the wrong shape", shape_of(wanted), shape_of(tensor), look_at)
        return self

    def has_dtype(self, dtype: torch.dtype, look_at: str = "") -> Self:
        """A tensor of this dtype."""
        tensor = self._as_tensor()
        if tensor.dtype != dtype:
            raise self._fails("has the wrong dtype", str(dtype), str(tensor.dtype), look_at)
        return self

    def has_length(self, length: int, look_at: str = "") -> Self:
        """A list or tuple of so many items."""
        if not isinstance(self._value, list | tuple):
            raise wrong_kind(self._value, f"a tuple of {length}", self._name)
        if len(self._value) != length:
            message = f"{self._name} has the wrong length"
            wanted, seen = f"{length} items", f"{len(self._value)} items"
            raise CheckFailedError(message, expected=wanted, got=seen, look_at=look_at)
        return self

    def is_on(self, device: str | torch.device, look_at: str = "") -> Self:
        """A tensor on this device."""
        tensor = self._as_tensor()
        if tensor.device != torch.device(device):
            raise self._fails("is on the wrong device", str(device), str(tensor.device), look_at)
        return self

    def is_tensor(self) -> Self:
        """A tensor, of whatever shape."""
        self._as_tensor()
        return self

    def is_float(self) -> Self:
        """A Python float; a NumPy float64 is one, an int, a bool and a tensor are not."""
        if not isinstance(self._value, float):
            raise wrong_kind(self._value, "a float", self._name)
        return self

    def is_int(self) -> Self:
        """A Python int; a bool is not."""
        if type(self._value) is not int:
            raise wrong_kind(self._value, "an int", self._name)
        return self

    def is_none(self) -> Self:
        """None: the function returns nothing."""
        if self._value is not None:
            message = f"{self._name} is {kind_of(self._value)}, not None: this function returns nothing"
            raise CheckFailedError(message, expected="None", got=kind_of(self._value))
        return self

    def leaves_inputs_unchanged(self, except_for: Collection[int] = (), look_at: str = "") -> Self:
        """Of a report: each argument holds the values, gradients and settings that it came with.

        except_for: positions of arguments that may change.
        """
        report = self._as_report("leaves_inputs_unchanged")
        for position, before in enumerate(report.call.args):
            after = report.inputs[position] if position < len(report.inputs) else None
            change = "" if position in except_for else change_of(before, after)
            if change:
                raise CheckFailedError(
                    f"your function changes its {_ordinal(position)} argument: {change}",
                    expected="the argument as it was",
                    got=change,
                    look_at=look_at or "`-=`, `*=`, `x[...] =` and methods that end in `_` work in place",
                )
        if not except_for and not report.same_tensors:
            raise CheckFailedError("your function replaces the tensors that it was given", look_at=look_at)
        return self

    def keeps_tensors(self, look_at: str = "") -> Self:
        """Of a report: every tensor given is still the same object over the same storage, whatever its values."""
        if not self._as_report("keeps_tensors").same_tensors:
            raise CheckFailedError(
                "the tensors that your function was given were replaced, not changed in place",
                expected="the same tensors over the same storage",
                got="other tensors, or another storage",
                look_at=look_at
                or "`p = p - ...` and `p.data = ...` make a new tensor; `p -= ...` changes the one there is",
            )
        return self

    def shares_no_memory(self, look_at: str = "") -> Self:
        """Of a report: the value is no view of an argument, nor the argument itself."""
        aliases = self._as_report("shares_no_memory").aliases
        if aliases:
            raise CheckFailedError(
                f"the result shares its memory with the {_ordinal(aliases[0])} argument", look_at=look_at
            )
        return self

    def changes_no_state(self, look_at: str = "") -> Self:
        """Of a report: gradient mode, default dtype, random states and the like are as before."""
        changes = self._as_report("changes_no_state").state_changes
        if changes:
            raise CheckFailedError(
                f"your function changes global state: {'; '.join(changes)}",
                expected="everything global as it was",
                got="; ".join(changes),
                look_at=look_at,
            )
        return self

    def stays_on_device(
        self, *, copies_in: int = 0, copies_out: int = 0, reads: int | None = None, look_at: str = ""
    ) -> Self:
        """Of a report by `placed`: each tensor in the value is on the GPU, and none made a trip through the CPU.

        copies_in, copies_out: tensors that may be copied from the CPU to the GPU, and back, in forward and backward.
        reads: single numbers that may be read, such as by `.item()`; None for any number. Index tensors that come from
        the CPU are allowed.
        """
        see_placement(self._as_report("stays_on_device"), copies_in, copies_out, reads, look_at)
        return self

    def calls_none_of(self, *names: str, look_at: str = "") -> Self:
        """Of a report with record=True: no library function of these names was called, directly or inside another.

        "softmax" stands for every ready-made softmax, "torch.optim" for a whole module, "autograd" for any automatic
        differentiation. Functions that the student wrote do not count.
        """
        report = self._as_report("calls_none_of")
        if not report.call.record:
            raise BrokenCheckError("calls_none_of needs a report with record=True")
        found = forbidden_calls(report.functions, names)
        if found and set(found) <= EVASIONS:
            raise CheckFailedError(
                "your function looks at, or switches off, the recording of calls", got=", ".join(found)
            )
        if found:
            allowed = [function for function in found if function not in EVASIONS]
            raise CheckFailedError(
                f"your function uses {allowed[0]}, which is not allowed here",
                expected=f"none of {', '.join(names)}",
                got=", ".join(allowed[:5]),
                look_at=look_at,
            )
        return self

    def prints_nothing(self) -> Self:
        """Of a report: nothing was printed."""
        if self._as_report("prints_nothing").printed:
            raise CheckFailedError("your function prints: it should only return its result")
        return self

    def _as_tensor(self) -> Tensor:
        if not isinstance(self._value, Tensor):
            raise wrong_kind(self._value, "a tensor", self._name)
        return self._value

    def _as_number(self) -> Tensor:
        if isinstance(self._value, bool) or not isinstance(self._value, int | float):
            raise wrong_kind(self._value, "a tensor or a number", self._name)
        try:
            return torch.tensor(float(self._value), dtype=torch.float64)
        except OverflowError:
            return torch.tensor(torch.inf, dtype=torch.float64)

    def _as_report(self, method: str) -> Report:
        if isinstance(self._value, CallReport) or not isinstance(self._value, Report):
            raise BrokenCheckError(f"{method} is for reports: expect(student.NAME.report(...)).{method}()")
        return self._value

    def _fails(self, message: str, expected: str, got: str, look_at: str) -> CheckFailedError:
        return CheckFailedError(f"{self._name} {message}", expected=expected, got=got, look_at=look_at)


def _ordinal(position: int) -> str:
    words = ("first", "second", "third", "fourth", "fifth")
    return words[position] if position < len(words) else f"{position + 1}th"
