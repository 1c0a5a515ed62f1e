"""The power curve: what an attack measures of planted leaks, by their size, for each kind of plant."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from markupsafe import Markup

from audit_core.scorecard import Plant
from audit_reports.quantities import Quantity
from audit_reports.svg import Scale, drawing, element, fit

WIDTH, HEIGHT = 460.0, 300.0
_LEFT, _RIGHT, _TOP, _BOTTOM = 62.0, 450.0, 10.0, 246.0
_UNPLANTED, _FIRST = 82.0, 128.0
_LABEL = 34.0  # dose labels nearer than this would touch

Found = Literal["all", "some", "none"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """What was measured at one dose.

    Attributes:
        found: In which of the draws the attack as a whole found the plant.
    """

    dose: float
    value: float
    low: float
    high: float
    found: Found


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """The points of one kind of plant, doses ascending."""

    plant: Plant
    points: tuple[Point, ...]


def power_chart(
    chart_id: str,
    *,
    title: str,
    description: str,
    axis_names: tuple[str, str],
    lines: Sequence[Line],
    unplanted: Point | None,
    doses: Sequence[float],
    limit: float | None,
    margin: float | None,
    blind: float | None,
    ticks: Sequence[float],
    quantity: Quantity,
) -> Markup:
    """One line for each kind of plant on a logarithmic axis of doses; left of it, beyond a gap, nothing planted.

    Args:
        axis_names: Of the dose and of what is measured.
        doses: Ascending.
        ticks: Of the vertical axis, ascending; every value lies between the outer two.
    """
    x = _dose_scale(doses)
    y = Scale(low=ticks[0], high=ticks[-1], start=_BOTTOM, end=_TOP)
    shapes = [*_held(y, limit, margin), *_grid(x, y, doses, ticks, quantity)]
    if blind is not None:
        shapes.append(_across("guess", y(blind)))
    if limit is not None:
        shapes.append(_across("limit", y(limit)))
    if unplanted is not None:
        shapes.append(_interval("unplanted", _UNPLANTED, unplanted, y))
        shapes.append(_mark("unplanted", _UNPLANTED, y(unplanted.value), unplanted.found))
    step = 7.0 if len(doses) < 2 else min(7.0, (x(doses[1]) - x(doses[0])) / 4)
    for position, line in enumerate(lines):
        # Side by side, so that intervals of one dose do not cover each other.
        shift = (position - (len(lines) - 1) / 2) * step
        places = [(x(point.dose) + shift, y(point.value)) for point in line.points]
        path = "M" + "L".join(f"{at:.1f} {value:.1f}" for at, value in places)
        shapes.append(element("path", class_=f"power {line.plant}", d=path))
        for point, (at, _) in zip(line.points, places, strict=True):
            shapes.append(_interval(line.plant, at, point, y))
        for point, (at, value) in zip(line.points, places, strict=True):
            shapes.append(_mark(line.plant, at, value, point.found))
    return drawing(chart_id, WIDTH, HEIGHT, title, description, *shapes, *_names(axis_names))


def _dose_scale(doses: Sequence[float]) -> Scale:
    """From the smallest to the largest dose; a single one stands in the middle."""
    if len(doses) == 1:
        return Scale(low=doses[0] / 2, high=doses[0] * 2, start=_FIRST, end=_RIGHT - 16, logarithmic=True)
    return Scale(low=doses[0], high=doses[-1], start=_FIRST, end=_RIGHT - 16, logarithmic=True)


def _held(y: Scale, limit: float | None, margin: float | None) -> list[Markup]:
    """The ground on which a limit is held, and that of its margin."""
    if limit is None:
        return []
    edge = y(limit)
    shapes = [element("rect", class_="held", x=_LEFT, y=edge, width=_RIGHT - _LEFT, height=_BOTTOM - edge)]
    if margin:
        beyond = y(limit + margin)
        shapes.append(element("rect", class_="margin", x=_LEFT, y=beyond, width=_RIGHT - _LEFT, height=edge - beyond))
        shapes.append(_across("margin-edge", beyond))
    return shapes


def _across(kind: str, at: float) -> Markup:
    return element("line", class_=kind, x1=_LEFT, x2=_RIGHT, y1=at, y2=at)


def _grid(x: Scale, y: Scale, doses: Sequence[float], ticks: Sequence[float], quantity: Quantity) -> list[Markup]:
    shapes = [element("line", class_="rule", x1=_LEFT, x2=_RIGHT, y1=_BOTTOM, y2=_BOTTOM)]
    for tick in ticks:
        shapes.append(element("line", class_="grid", x1=_LEFT, x2=_RIGHT, y1=y(tick), y2=y(tick)))
        shapes.append(element("text", quantity.tick(tick), x=_LEFT - 6, y=y(tick) + 3.5, text_anchor="end"))
    rate, last = Quantity(unit="rate"), _UNPLANTED
    places = [(_UNPLANTED, "0"), *((x(dose), rate.tick(dose)) for dose in doses)]
    for at, label in places:
        shapes.append(element("line", class_="rule", x1=at, x2=at, y1=_BOTTOM, y2=_BOTTOM + 4))
        if at == _UNPLANTED or at - last >= _LABEL:
            shapes.append(element("text", label, x=at, y=_BOTTOM + 16, text_anchor="middle"))
            last = at
    gap = (_UNPLANTED + _FIRST) / 2
    for at in (gap - 3, gap + 1):  # the axis is broken between nothing and the smallest dose
        shapes.append(element("path", class_="rule", d=f"M{at:.1f} {_BOTTOM + 4:g}l4 -8"))
    return shapes


def _interval(kind: str, at: float, point: Point, y: Scale) -> Markup:
    low, high = y(point.low), y(point.high)
    caps = f"M{at - 3:.1f} {low:.1f}h6M{at - 3:.1f} {high:.1f}h6"
    return element("path", class_=f"spread {kind}", d=f"M{at:.1f} {low:.1f}V{high:.1f}{caps}")


def mark_path(kind: str, x: float, y: float) -> str:
    """The outline of a mark: each kind of plant has its own shape, so that colour is not all."""
    if kind == "jittered":
        return f"M{x - 4:.1f} {y - 4:.1f}h8v8h-8z"
    if kind == "one-sensitive-column":
        return f"M{x:.1f} {y - 5.2:.1f}l5 9h-10z"
    if kind == "verbatim":
        return f"M{x - 4.5:.1f} {y:.1f}a4.5 4.5 0 1 0 9 0a4.5 4.5 0 1 0 -9 0z"
    return f"M{x:.1f} {y - 5.4:.1f}l5.4 5.4l-5.4 5.4l-5.4 -5.4z"


def _mark(kind: str, x: float, y: float, found: Found) -> Markup:
    return element("path", class_=f"mark {kind} found-{found}", d=mark_path(kind, x, y))


def _names(axis_names: tuple[str, str]) -> list[Markup]:
    middle = (_TOP + _BOTTOM) / 2
    return [
        element("text", axis_names[0], class_="name", x=(_LEFT + _RIGHT) / 2, y=HEIGHT - 8, text_anchor="middle"),
        element(
            "text",
            fit(axis_names[1], 40),
            class_="name",
            transform=f"translate(12 {middle:g}) rotate(-90)",
            text_anchor="middle",
        ),
    ]
