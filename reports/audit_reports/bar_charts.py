"""Bars: how many records are in groups of which size, and member rates beside control rates and blind ones."""

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from audit_core.measurement import Histogram
from audit_core.redact import display
from audit_reports.numbers_as_text import count, percent
from audit_reports.svg import drawing, element, fit, width

WIDTH = 400.0
SUPPRESSED = "<11"
"""Stands for a count from 1 to 10."""

MOST_BARS = 24
_LABELS, _BARS, _ROW = 92.0, 240.0, 18.0
_WIDE = 140.0
_NAME = 66


def bar_text(number: int | None) -> str:
    """The count, or the sign that it is suppressed."""
    return SUPPRESSED if number is None else count(number)


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


def shares_chart(chart_id: str, title: str, description: str, rows: Sequence[tuple[str, float]]) -> Markup:
    """Horizontal bars of shares, one for each label; the axis ends at the largest."""
    most = max((value for _, value in rows), default=0.0) or 1.0
    shapes = []
    for position, (label, value) in enumerate(rows):
        top, length = position * _ROW + 2, _BARS * value / most * 0.8
        shapes.append(element("text", fit(label, 24), x=_WIDE - 8, y=top + 11.5, text_anchor="end"))
        shapes.append(element("rect", class_="bar", x=_WIDE, y=top + 1, width=length, height=12.0))
        shapes.append(element("text", percent(value), class_="number", x=_WIDE + length + 6, y=top + 11.5))
    shapes.append(element("line", class_="rule", x1=_WIDE, x2=_WIDE, y1=0.0, y2=len(rows) * _ROW))
    return drawing(chart_id, WIDTH, len(rows) * _ROW + 2, title, description, *shapes)


@dataclass(frozen=True, slots=True, kw_only=True)
class Arms:
    """Rates to compare.

    Attributes:
        what: Cut where it is too long.
        of: In brackets after it.
        member_text, control_text, prior_text: What is written beside the marks: rate and number of tries.
        prior_rate: What somebody who does not attack gets right; None where there is no such rate.
    """

    what: str
    of: str
    member_rate: float
    control_rate: float
    member_text: str
    control_text: str
    prior_rate: float | None = None
    prior_text: str = ""


def rates_chart(chart_id: str, title: str, description: str, rows: Sequence[Arms]) -> Markup:
    """For each row a filled bar (members), an outlined bar (control) and a mark (prior) below; one scale from zero."""
    most = max((max(row.member_rate, row.control_rate, row.prior_rate or 0.0) for row in rows), default=0.0) or 1.0
    bars, top = 270.0, 0.0
    shapes = []
    for row in rows:
        of = fit(row.of, 2 * _NAME // 3)
        label = f"{fit(row.what, _NAME - width(of) - 3)} ({of})" if of else fit(row.what, _NAME)
        shapes.append(element("text", label, class_="name", x=0.0, y=top + 11))
        for offset, kind, rate, text in (
            (16.0, "member", row.member_rate, row.member_text),
            (29.0, "control", row.control_rate, row.control_text),
        ):
            length = bars * rate / most
            shapes.append(element("rect", class_=f"bar {kind}", x=0.5, y=top + offset, width=length, height=10.0))
            shapes.append(element("text", text, class_="number", x=length + 6, y=top + offset + 9))
        end = top + 41
        if row.prior_rate is not None:
            end = top + 54
            x = 0.5 + bars * row.prior_rate / most
            shapes.append(element("line", class_="prior", x1=x, x2=x, y1=top + 14, y2=top + 43))
            shapes.append(element("path", class_="prior", d=f"M{x:.1f} {top + 43:g}l4 7h-8z"))
            shapes.append(element("text", row.prior_text, class_="number", x=x + 9, y=top + 51))
        shapes.append(element("line", class_="rule", x1=0.5, x2=0.5, y1=top + 14, y2=end))
        top = end + 7
    return drawing(chart_id, WIDTH, top, title, description, *shapes)
