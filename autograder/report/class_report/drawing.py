"""Drawing in a process of its own: vl-convert aborts the process that it runs in where it cannot measure a text.

What cannot be printed is kept from it; and when it aborts all the same, another process draws the same again.
"""

from __future__ import annotations

import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from functools import cache
from typing import Any

from autograder.errors import TorchmarkError

TRIES = 3


def svg_of(spec: dict[str, Any]) -> str:
    """The picture of a Vega-Lite specification. Raises TorchmarkError when no process survives it."""
    for _ in range(TRIES):
        try:
            return _painter().submit(_draw, _printable(spec)).result()
        except BrokenProcessPool:
            _painter.cache_clear()
    raise TorchmarkError("a picture of the class report could not be drawn: vl-convert ended its process; run again")


def _printable(value: Any) -> Any:
    """The specification without characters that have no shape: controls, lone surrogates, unassigned ones."""
    if isinstance(value, str):
        return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in value)
    if isinstance(value, list):
        return [_printable(item) for item in value]
    if isinstance(value, dict):
        return {_printable(key): _printable(item) for key, item in value.items()}
    return value


@cache
def _painter() -> ProcessPoolExecutor:
    return ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn"))


def _draw(spec: dict[str, Any]) -> str:
    import vl_convert  # only the process that draws loads its engine

    return str(vl_convert.vegalite_to_svg(spec, allowed_base_urls=[]))
