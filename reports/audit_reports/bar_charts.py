"""Bars: how many records are in groups of which size, and member rates beside control rates."""

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from audit_core.measurement import Histogram
from audit_core.redact import display
from audit_reports.numbers_as_text import count
from audit_reports.svg import drawing, element, fit

WIDTH = 400.0
SUPPRESSED = "<11"
"""Stands for a count from 1 to 10."""

MOST_BARS = 24
_LABELS, _BARS, _ROW = 92.0, 240.0, 18.0


def bar_text(number: int | None) -> str:
    """The count, or the sign that it is suppressed."""
    return SUPPRESSED if number is None or 1 <= number <= 10 else count(number)


def histogram_chart(chart_id: str, title: str, description: str, histogram: Histogram) -> Markup:
    """Horizontal bars, one for each label; a suppressed count is a short dashed stub of one length for all."""
    rows = list(zip(histogram.labels, histogram.counts, strict=True))[:MOST_BARS]
    most = max((number for _, number in rows if number is not None), default=0) or 1
    shapes = []
    for position, (label, number) in enumerate(rows):
        text = bar_text(number)
        top = position * _ROW + 2
        suppressed = text == SUPPRESSED
        length = 7.0 if suppressed or number is None else _BARS * number / most
        name = fit(display(label), 15)
        shapes.append(element("text", name, x=_LABELS - 8, y=top + 11.5, text_anchor="end"))
        shapes.append(
            element(
                "rect",
                class_="bar suppressed" if suppressed else "bar",
                x=_LABELS,
                y=top + 1,
                width=length,
                height=12.0,
            )
        )
        shapes.append(element("text", text, class_="number", x=_LABELS + length + 6, y=top + 11.5))
    shapes.append(element("line", class_="rule", x1=_LABELS, x2=_LABELS, y1=0.0, y2=len(rows) * _ROW))
    return drawing(chart_id, WIDTH, len(rows) * _ROW + 2, title, description, *shapes)


@dataclass(frozen=True, slots=True, kw_only=True)
class RatePair:
    """Two rates to compare.

    Attributes:
        member_text, control_text: What is written beside the bars: rate and number of tries.
    """

    label: str
    member_rate: float
    control_rate: float
    member_text: str
    control_text: str


def rates_chart(chart_id: str, title: str, description: str, pairs: Sequence[RatePair]) -> Markup:
    """For each pair a filled bar (members) above an outlined bar (control), all on one scale from zero."""
    most = max((max(pair.member_rate, pair.control_rate) for pair in pairs), default=0.0) or 1.0
    row, bars = 48.0, 270.0
    shapes = []
    for position, pair in enumerate(pairs):
        top = position * row
        shapes.append(element("text", fit(pair.label, 66), class_="name", x=0.0, y=top + 11))
        for offset, kind, rate, text in (
            (16.0, "member", pair.member_rate, pair.member_text),
            (29.0, "control", pair.control_rate, pair.control_text),
        ):
            length = bars * rate / most
            shapes.append(element("rect", class_=f"bar {kind}", x=0.5, y=top + offset, width=length, height=10.0))
            shapes.append(element("text", text, class_="number", x=length + 6, y=top + offset + 9))
        shapes.append(element("line", class_="rule", x1=0.5, x2=0.5, y1=top + 14, y2=top + 41))
    return drawing(chart_id, WIDTH, len(pairs) * row, title, description, *shapes)
