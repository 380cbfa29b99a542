"""A student's functions as they were before their first call: their cell is run once more in the fork of a check."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from autograder.checks.student import Caller, OpenCheck
from autograder.engine.calls import Call, CallReport

RUN = "get_ipython.__self__.ex"  # IPython's own, in the student's namespace


def defined_afresh(open_check: OpenCheck, source: str) -> OpenCheck | None:
    """Opens what `open_check` opens, with the cell `source` run again before the first call; None without a source."""
    if not source:
        return None

    @contextmanager
    def open_afresh() -> Iterator[Caller]:
        with open_check() as caller:
            yield _DefinesFirst(caller, source)

    return open_afresh


class _DefinesFirst:
    """A caller that runs a cell before the first call of each process behind it: the one with a GPU is another."""

    def __init__(self, caller: Caller, source: str) -> None:
        self._caller = caller
        self._source = source
        self._seen: set[str] = set()

    def call(self, call: Call) -> CallReport:
        if call.device not in self._seen:
            self._seen.add(call.device)
            self._caller.call(Call(RUN, (self._source,), device=call.device))
        return self._caller.call(call)

    def close(self) -> None:
        """Nothing: who opened the caller closes it."""
