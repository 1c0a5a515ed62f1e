"""What the release is good for beside what real rows are, on one line."""

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from audit_core.measurement import Measurement
from audit_reports.bullet_chart import HEIGHT, LEFT, MIDDLE, RIGHT, WIDTH, triangle
from audit_reports.svg import Scale, drawing, element, round_ticks


@dataclass(frozen=True, slots=True, kw_only=True)
class Strip:
    """What one strip shows.

    Attributes:
        release: What was measured of the release.
        real: The same of real rows, or None.
        floor: What the policy wants at least, or None.
        verdict: On the floor; colours the release. Empty where there is none.
    """

    release: Measurement
    real: Measurement | None
    floor: float | None
    verdict: str

    @property
    def marks(self) -> list[float]:
        """Every value that the axis has to reach."""
        found = [self.release.value, self.release.interval.low, self.release.interval.high]
        if self.real is not None:
            found += [self.real.value, self.real.interval.low, self.real.interval.high]
        return [*found, *(mark for mark in (self.floor, self.release.blind) if mark is not None)]


def strip_ticks(strips: Sequence[Strip]) -> list[float]:
    """Ticks for an axis that all the strips share, from 0 to 1 at least."""
    marks = [mark for strip in strips for mark in strip.marks]
    return round_ticks(min(0.0, *marks), max(1.0, *marks))


def strip_chart(chart_id: str, title: str, description: str, strip: Strip, ticks: Sequence[float]) -> Markup:
    """One row: release (dot, interval), real rows (diamond), nothing known (triangle), the floor (heavy line)."""
    x = Scale(low=ticks[0], high=ticks[-1], start=LEFT, end=RIGHT)
    shapes = []
    if strip.floor is not None:
        edge = x(strip.floor)
        shapes.append(element("rect", class_="held", x=edge, y=4.0, width=x(ticks[-1]) - edge, height=16.0))
    shapes.append(element("line", class_="rule", x1=x(ticks[0]), x2=x(ticks[-1]), y1=MIDDLE, y2=MIDDLE))
    if strip.floor is not None:
        shapes.append(element("line", class_="limit", x1=x(strip.floor), x2=x(strip.floor), y1=1.0, y2=23.0))
    if strip.release.blind is not None:
        shapes.append(triangle(x(strip.release.blind)))
    if strip.real is not None:
        at = x(strip.real.value)
        shapes.append(element("path", class_="real", d=f"M{at:.1f} 3l6 9-6 9-6-9z"))
    low, high = x(strip.release.interval.low), x(strip.release.interval.high)
    kind = f" {strip.verdict}" if strip.verdict else ""
    if strip.release.evidence.kind != "exact":
        bar = f"M{low:.1f} {MIDDLE:g}H{high:.1f}M{low:.1f} 7V17M{high:.1f} 7V17"
        shapes.append(element("path", class_=f"interval{kind}", d=bar))
    shapes.append(element("circle", class_=f"estimate{kind}", cx=x(strip.release.value), cy=MIDDLE, r=4.0))
    return drawing(chart_id, WIDTH, HEIGHT, title, description, *shapes)
