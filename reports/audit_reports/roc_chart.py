"""The ROC curve on logarithmic axes, with a band for what so few people can tell."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from audit_core.measurement import RocCurve
from audit_reports.numbers_as_text import short_percent
from audit_reports.svg import Scale, coordinate, decades, drawing, element, fit

WIDTH, HEIGHT = 360.0, 316.0
_LEFT, _RIGHT, _TOP, _BOTTOM = 54.0, 346.0, 10.0, 268.0
_LOWEST = 1e-4


@dataclass(frozen=True, slots=True, kw_only=True)
class Band:
    """Bounds on the two rates at each point of a curve, each of shape `(n_points,)`."""

    fpr_low: tuple[float, ...]
    fpr_high: tuple[float, ...]
    tpr_low: tuple[float, ...]
    tpr_high: tuple[float, ...]


def band(curve: RocCurve, confidence: float) -> Band:
    """Pointwise Clopper-Pearson bounds, one-sided, on both rates of a curve.

    Hits are counted back from the rates; a curve's false-positive rate is the share of controls it allows for.

    References:
        Clopper and Pearson (1934), "The use of confidence or fiducial limits", Biometrika 26.
    """
    fpr = [_bounds(math.floor(rate * curve.n0 + 1e-9), curve.n0, confidence) for rate in curve.fpr]
    tpr = [_bounds(rate * curve.n1, curve.n1, confidence) for rate in curve.tpr]
    return Band(
        fpr_low=tuple(low for low, _ in fpr),
        fpr_high=tuple(high for _, high in fpr),
        tpr_low=tuple(low for low, _ in tpr),
        tpr_high=tuple(high for _, high in tpr),
    )


def _bounds(hits: float, tries: int, confidence: float) -> tuple[float, float]:
    """Each bound holds with the confidence by itself; hits may be fractional where ties were shared out."""
    from scipy.special import betaincinv

    low = float(betaincinv(hits, tries - hits + 1, 1 - confidence)) if hits > 0 else 0.0
    high = float(betaincinv(hits + 1, tries - hits, confidence)) if hits < tries else 1.0
    return low, high


def measurable_from(n0: int, confidence: float) -> float:
    """The lowest false-positive rate that n0 controls can bound: with no false positive among them, FPR is below it."""
    return float(1 - (1 - confidence) ** (1 / n0))


def lowest_rate(curves: Sequence[RocCurve]) -> float:
    """Where both axes start: the power of ten below what the most controls can resolve, not below 1e-4."""
    finest = 1 / max(max(curve.n0, 10) for curve in curves)
    return max(_LOWEST, 10.0 ** math.floor(math.log10(finest) + 1e-9))


def roc_chart(
    chart_id: str,
    *,
    title: str,
    description: str,
    axis_names: tuple[str, str],
    shown: RocCurve,
    others: Sequence[RocCurve],
    confidence: float,
) -> Markup:
    """One curve with its band, the other scores' curves thin and each dashed its own way, and the line of guessing.

    Args:
        axis_names: Of the false-positive and the true-positive rate.
    """
    low = lowest_rate([shown, *others])
    x = Scale(low=low, high=1.0, start=_LEFT, end=_RIGHT, logarithmic=True)
    y = Scale(low=low, high=1.0, start=_BOTTOM, end=_TOP, logarithmic=True)
    limits = band(shown, confidence)
    corners = [(x(f), y(t)) for f, t in sorted(zip(limits.fpr_low, limits.tpr_high, strict=True))]
    under = [(x(f), y(t)) for f, t in sorted(zip(limits.fpr_high, limits.tpr_low, strict=True), reverse=True)]
    # Left of the lowest bound on the false-positive rate, nothing holds the true-positive rate above zero.
    corners += [*under, (under[-1][0], _BOTTOM), (corners[0][0], _BOTTOM)]
    edge = x(measurable_from(shown.n0, confidence))
    return drawing(
        chart_id,
        WIDTH,
        HEIGHT,
        title,
        description,
        *_grid(x, y, decades(low)),
        element("path", class_="band", d=_path(corners) + "Z"),
        element("line", class_="guess", x1=_LEFT, y1=_BOTTOM, x2=_RIGHT, y2=_TOP),
        element("line", class_="edge", x1=edge, x2=edge, y1=_TOP, y2=_BOTTOM),
        *(
            element("path", class_=f"curve other dashes-{number}", d=_curve(curve, x, y))
            for number, curve in enumerate(others, start=1)
        ),
        element("path", class_="curve", d=_curve(shown, x, y)),
        element("text", axis_names[0], class_="name", x=(_LEFT + _RIGHT) / 2, y=HEIGHT - 8, text_anchor="middle"),
        element(
            "text",
            fit(axis_names[1], 44),
            class_="name",
            transform=f"translate(12 {(_TOP + _BOTTOM) / 2:g}) rotate(-90)",
            text_anchor="middle",
        ),
    )


def _grid(x: Scale, y: Scale, rates: Sequence[float]) -> list[Markup]:
    shapes: list[Markup] = []
    for rate in rates:
        label = short_percent(rate)
        shapes.append(element("line", class_="grid", x1=x(rate), x2=x(rate), y1=_TOP, y2=_BOTTOM))
        shapes.append(element("line", class_="grid", x1=_LEFT, x2=_RIGHT, y1=y(rate), y2=y(rate)))
        anchor = "end" if rate == 1.0 else "middle"
        shift = 8.0 if rate == 1.0 else 0.0
        shapes.append(element("text", label, x=x(rate) + shift, y=_BOTTOM + 15, text_anchor=anchor))
        shapes.append(element("text", label, x=_LEFT - 6, y=y(rate) + 3.5, text_anchor="end"))
    return shapes


def _curve(curve: RocCurve, x: Scale, y: Scale) -> str:
    points = sorted(zip(curve.fpr, curve.tpr, strict=True))
    return _path([(x(fpr), y(tpr)) for fpr, tpr in points])


def _path(points: Sequence[tuple[float, float]]) -> str:
    """A point nearer than a unit to the one before is left out, but for the last: no eye tells them apart."""
    kept = [points[0]]
    for point in points[1:]:
        if abs(point[0] - kept[-1][0]) + abs(point[1] - kept[-1][1]) >= 1:
            kept.append(point)
    return "M" + "L".join(f"{coordinate(px)} {coordinate(py)}" for px, py in [*kept, points[-1]])
