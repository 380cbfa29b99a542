"""A picture is drawn whatever happens to the process that draws it."""

from __future__ import annotations

import os
import signal

from autograder.report.class_report.drawing import _painter, svg_of

SPEC = {
    "$schema": "https://vega.github.io/schema/vega-lite/v6.json",
    "data": {"values": [{"x": 1, "y": 2}]},
    "mark": "point",
    "encoding": {"x": {"field": "x", "type": "quantitative"}, "y": {"field": "y", "type": "quantitative"}},
}


def test_a_painter_that_died_is_replaced_and_the_picture_is_the_same() -> None:
    first = svg_of(SPEC)
    os.kill(_painter().submit(os.getpid).result(), signal.SIGKILL)
    assert svg_of(SPEC) == first
    assert first.startswith("<svg")


def test_texts_that_cannot_be_measured_are_drawn_all_the_same() -> None:
    for text in ("a\x00b", "a\ud800b", "a\u2028b", "\U0010ffff", "\x1b[31m"):
        strange = SPEC | {"title": text}
        assert svg_of(strange).startswith("<svg")
