"""Bullet charts: an estimate and its interval against a limit, the margin above it, and the blind level."""

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from audit_reports.quantities import Quantity
from audit_reports.svg import Scale, drawing, element, round_ticks

WIDTH, HEIGHT, AXIS_HEIGHT = 320.0, 24.0, 16.0
LEFT, RIGHT, MIDDLE = 12.0, 308.0, 12.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Bullet:
    """What one bullet chart shows.

    Attributes:
        verdict: Colours the interval; the word stands beside the chart.
        limit, margin, blind: None where there is none.
    """

    verdict: str
    value: float
    low: float
    high: float
    limit: float | None
    margin: float | None
    blind: float | None

    @property
    def marks(self) -> list[float]:
        """Every value that the axis has to reach."""
        beyond = None if self.limit is None or self.margin is None else self.limit + self.margin
        return [mark for mark in (self.value, self.low, self.high, self.limit, beyond, self.blind) if mark is not None]


def shared_ticks(bullets: Sequence[Bullet], unit: str) -> list[float]:
    """Ticks for an axis that all the bullets share; a rate's axis starts at zero where nothing is below it."""
    marks = [mark for bullet in bullets for mark in bullet.marks]
    low, high = min(marks), max(marks)
    if unit != "number":
        low = min(low, 0.0)
    if high - low < 1e-9:
        low, high = (0.0, 1.0) if abs(high) < 1e-9 else (min(low, 0.0), max(high, 0.0))
    return round_ticks(low, high)


def bullet_chart(chart_id: str, title: str, description: str, bullet: Bullet, ticks: Sequence[float]) -> Markup:
    """One row: estimate (dot), interval (bar with caps), limit (heavy line), margin (dashes), blind (triangle)."""
    x = _scale(ticks)
    shapes: list[Markup] = []
    start, end = x(ticks[0]), x(ticks[-1])
    if bullet.limit is not None:
        edge = x(bullet.limit)
        shapes.append(element("rect", class_="held", x=start, y=4.0, width=edge - start, height=16.0))
        if bullet.margin:
            beyond = x(bullet.limit + bullet.margin)
            shapes.append(element("rect", class_="margin", x=edge, y=4.0, width=beyond - edge, height=16.0))
            shapes.append(element("line", class_="margin-edge", x1=beyond, x2=beyond, y1=2.0, y2=22.0))
    shapes.append(element("line", class_="rule", x1=start, x2=end, y1=MIDDLE, y2=MIDDLE))
    if bullet.limit is not None:
        shapes.append(element("line", class_="limit", x1=x(bullet.limit), x2=x(bullet.limit), y1=1.0, y2=23.0))
    if bullet.blind is not None:
        shapes.append(triangle(x(bullet.blind)))
    low, high = x(bullet.low), x(bullet.high)
    shapes.append(
        element(
            "path",
            class_=f"interval {bullet.verdict}",
            d=f"M{low:.1f} {MIDDLE:g}H{high:.1f}M{low:.1f} 7V17M{high:.1f} 7V17",
        )
    )
    shapes.append(element("circle", class_=f"estimate {bullet.verdict}", cx=x(bullet.value), cy=MIDDLE, r=4.5))
    return drawing(chart_id, WIDTH, HEIGHT, title, description, *shapes)


def axis(ticks: Sequence[float], quantity: Quantity) -> Markup:
    """The axis that belongs under a column of bullets with the same ticks; hidden from those who hear the numbers."""
    x = _scale(ticks)
    shapes = [element("line", class_="rule", x1=x(ticks[0]), x2=x(ticks[-1]), y1=0.5, y2=0.5)]
    for position, tick in enumerate(ticks):
        anchor = "start" if position == 0 else "end" if position == len(ticks) - 1 else "middle"
        at = x(tick) + {"start": -8.0, "end": 8.0, "middle": 0.0}[anchor]
        shapes.append(element("line", class_="rule", x1=x(tick), x2=x(tick), y1=0.5, y2=4.0))
        shapes.append(element("text", quantity.tick(tick), x=at, y=14.0, text_anchor=anchor))
    return element("svg", *shapes, class_="axis", aria_hidden="true", viewBox=f"0 0 {WIDTH:g} {AXIS_HEIGHT:g}")


def _scale(ticks: Sequence[float]) -> Scale:
    return Scale(low=ticks[0], high=ticks[-1], start=LEFT, end=RIGHT)


def triangle(x: float) -> Markup:
    """The mark of the blind level."""
    return element("path", class_="blind", d=f"M{x:.1f} 17l4.5 6.5h-9z")
