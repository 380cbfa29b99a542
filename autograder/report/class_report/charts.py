"""Pictures as static SVG: drawn by Vega-Lite through vl-convert, coloured by the page's own variables, light and dark.

Only numbers and names of the course stand in them, nothing that a student wrote. Each picture has a sentence for those
who do not see it, and a table of its data beside it on the page.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import count
from typing import Any

import altair as alt
from markupsafe import Markup

from autograder.report.class_report.drawing import svg_of
from autograder.report.class_report.items import Item
from autograder.report.class_report.rates import Distribution, ExerciseRate
from autograder.report.text import points

WIDTH = 480
FIVE = ("lowest", "first", "median", "third", "highest")
LITTLE = 0.3  # a discrimination below this bears its number
PADDING = {"left": 40, "right": 12, "top": 8, "bottom": 8}  # a reader's font may be wider than the one measured here
_ARIA = re.compile(r' (?:role|aria-[a-z]+)="[^"]*"')
_ID = re.compile(r'(id="|url\(#|href="#)([\w-]+)')
_AXES = {
    "labelColor": "var(--text)", "titleColor": "var(--text)", "gridColor": "var(--line)", "domainColor": "var(--soft)",
    "tickColor": "var(--soft)", "labelFontSize": 13, "titleFontSize": 13, "titleFontWeight": "normal",
    "labelLimit": 240,
}  # fmt: skip


@dataclass(frozen=True)
class Picture:
    """An SVG, and what it shows in a sentence."""

    svg: Markup
    label: str


class Charts:
    """Draws the pictures of one page: no two of them share an id."""

    def __init__(self) -> None:
        self._numbers = count(1)

    def histogram(self, found: Distribution) -> Picture:
        """The scores, with the median as a line."""
        rows = [{"from": low, "to": high, "students": number, "zero": 0} for low, high, number in found.bins]
        whole = alt.Scale(domain=[0, found.bins[-1][1]])
        bars = alt.Chart(_data(rows)).mark_rect(color="var(--bar)", stroke="var(--page)", strokeWidth=1).encode(
            x=alt.X("from:Q", title="points", axis=alt.Axis(grid=False, tickCount=6), scale=whole),
            x2="to:Q",
            y=alt.Y("students:Q", title="submissions", axis=alt.Axis(tickMinStep=1, tickCount=5)),
            y2="zero:Q",
        )  # fmt: skip
        line = alt.Chart(_data([{"median": found.median}])).mark_rule(
            color="var(--mark)", strokeWidth=3, strokeDash=[6, 3]
        )
        label = (
            f"Histogram of {found.count} scores out of {points(found.max_score)} points; the median, a dashed line, is "
            f"{points(found.median)}, half of the class lies between {points(found.first)} and {points(found.third)}."
        )
        return self._draw(alt.layer(bars, line.encode(x="median:Q")), label, 170)

    def completion(self, rates: Sequence[ExerciseRate]) -> Picture:
        """Who has all, some or none of the points of each exercise."""
        kinds = ("all points", "some", "none")
        rows: list[dict[str, Any]] = [
            {"exercise": rate.name, "kind": kind, "order": order, "students": number}
            for rate in rates
            for order, (kind, number) in enumerate(zip(kinds, (rate.full, rate.partial, rate.none), strict=True))
        ]
        colours = alt.Scale(domain=list(kinds), range=["var(--good)", "var(--some)", "var(--bad)"])
        chart = alt.Chart(_data(rows)).mark_bar(stroke="var(--page)", strokeWidth=1.5).encode(
            x=alt.X("students:Q", title="submissions", axis=alt.Axis(tickMinStep=1, tickCount=6)),
            y=alt.Y("exercise:N", title=None, sort=[rate.name for rate in rates]),
            color=alt.Color("kind:N", scale=colours, sort=list(kinds), legend=alt.Legend(orient="top", title=None)),
            order="order:Q",
        )  # fmt: skip
        label = "Bars, one for each exercise: how many have all of its points, some, and none. " + "; ".join(
            f"{rate.name} {rate.full}, {rate.partial}, {rate.none}" for rate in rates
        )
        return self._draw(chart, label + ".", 34 * len(rates))

    def hand_in(self, found: Sequence[tuple[datetime, float]], due: datetime | None) -> Picture:
        """When each was handed in against its score."""
        rows = [{"at": _written(at), "score": score} for at, score in found]
        axis = alt.Axis(tickCount=5, labelOverlap=True)
        dots = alt.Chart(_data(rows)).mark_point(filled=True, size=50, opacity=0.8, color="var(--bar)").encode(
            x=alt.X("utcyearmonthdatehoursminutes(at):T", title="handed in (UTC)", axis=axis),
            y=alt.Y("score:Q", title="points"),
        )  # fmt: skip
        layers = [dots]
        if due is not None and min(at for at, _ in found) <= due <= max(at for at, _ in found):
            rule = alt.Chart(_data([{"due": _written(due)}])).mark_rule(
                color="var(--mark)", strokeWidth=2, strokeDash=[6, 3]
            )
            layers.append(rule.encode(x="utcyearmonthdatehoursminutes(due):T"))
        label = f"One dot for each of {len(rows)} submissions: when it was handed in, and its points."
        return self._draw(alt.layer(*layers), label, 200)

    def items(self, found: Sequence[Item]) -> Picture:
        """Difficulty against discrimination; the numbers are those of the table."""
        rows = [
            {
                "difficulty": item.difficulty,
                "discrimination": item.discrimination,
                "number": str(number) if item.discrimination < LITTLE else "",
            }
            for number, item in enumerate(found, 1)
            if item.discrimination is not None
        ]
        base = alt.Chart(_data(rows)).encode(
            x=alt.X("difficulty:Q", title="difficulty (share that passes)", scale=alt.Scale(domain=[0, 1])),
            y=alt.Y("discrimination:Q", title="discrimination"),
        )
        zero = alt.Chart(_data([{"zero": 0}])).mark_rule(color="var(--soft)").encode(y="zero:Q")
        dots = base.mark_point(filled=True, size=45, color="var(--bar)")
        words = base.mark_text(dy=-9, fontSize=11, color="var(--text)").encode(text="number:N")
        label = f"{len(rows)} checks by difficulty and discrimination; the table has the numbers."
        return self._draw(alt.layer(zero, dots, words), label, 260)

    def assignments(self, found: Sequence[tuple[str, Distribution]]) -> Picture:
        """The middle half and the median of each assignment, as shares of the points."""
        rows = [
            {"assignment": name} | {key: getattr(one, key) / (one.max_score or 1) for key in FIVE}
            for name, one in found
        ]  # fmt: skip
        base = alt.Chart(_data(rows)).encode(y=alt.Y("assignment:N", title=None, sort=[name for name, _ in found]))
        axis = alt.Axis(format="%", tickCount=5)
        x = alt.X("lowest:Q", title="share of the points", scale=alt.Scale(domain=[0, 1]), axis=axis)
        whole = base.mark_rule(color="var(--soft)").encode(x=x, x2="highest:Q")
        half = base.mark_bar(color="var(--bar)", size=18).encode(x="first:Q", x2="third:Q")
        middle = base.mark_tick(color="var(--mark)", thickness=4, size=24).encode(x="median:Q")
        label = "Box plot of the share of the points, by assignment. " + "; ".join(
            f"{name}: median {100 * one.median / (one.max_score or 1):.0f} %" for name, one in found
        )
        return self._draw(alt.layer(whole, half, middle), label + ".", 44 * len(found))

    def _draw(self, chart: Any, label: str, height: int) -> Picture:
        spec = (
            chart.properties(width=WIDTH, height=max(height, 60), background="transparent", padding=PADDING)
            .configure(font="system-ui, sans-serif", aria=False)
            .configure_axis(**_AXES)
            .configure_legend(labelColor="var(--text)", labelFontSize=13)
            .configure_view(stroke=None)
            .to_dict()
        )
        svg = svg_of(spec)
        number = next(self._numbers)
        svg = _ID.sub(rf"\g<1>chart-{number}-\g<2>", _ARIA.sub("", svg))
        named = Markup('<svg role="img" aria-label="{}"').format(label)
        return Picture(Markup(named + Markup(svg.removeprefix("<svg"))), label)


def _data(rows: Sequence[dict[str, Any]]) -> alt.InlineData:
    return alt.InlineData(values=list(rows))


def _written(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
