"""The few pieces that the charts are drawn from. Every attribute and text is escaped here, and nowhere else."""

import math
import unicodedata
from dataclasses import dataclass

from markupsafe import Markup, escape

from audit_core.redact import ELLIPSIS


def element(tag: str, *children: Markup | str, **attributes: object) -> Markup:
    """One element; in attribute names "_" stands for "-", and a trailing "_" is dropped; None leaves one out."""
    written = "".join(
        f' {name.rstrip("_").replace("_", "-")}="{escape(_attribute(value))}"'
        for name, value in attributes.items()
        if value is not None
    )
    inside = "".join(escape(child) for child in children)
    return Markup(f"<{tag}{written}>{inside}</{tag}>" if children else f"<{tag}{written}/>")  # noqa: S704


def _attribute(value: object) -> str:
    """A coordinate to a tenth of a unit, anything else as it is."""
    return coordinate(value) if isinstance(value, float) else str(value)


def coordinate(value: float) -> str:
    """A tenth of a unit is finer than any screen shows, and coarse enough that no platform's rounding is seen."""
    text = f"{value:.1f}".removesuffix(".0")
    return "0" if text == "-0" else text


def drawing(chart_id: str, width: float, height: float, title: str, description: str, *children: Markup) -> Markup:
    """A chart with a name and a description for those who do not see it."""
    return element(
        "svg",
        element("title", title, id=f"{chart_id}-title"),
        element("desc", description, id=f"{chart_id}-desc"),
        *children,
        role="img",
        viewBox=f"0 0 {width:g} {height:g}",
        aria_labelledby=f"{chart_id}-title {chart_id}-desc",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """From values to coordinates.

    Attributes:
        low, high: The values at the two ends; values beyond are drawn at the end.
        start, end: The coordinates of the two ends.
        logarithmic: Both ends are then positive.
    """

    low: float
    high: float
    start: float
    end: float
    logarithmic: bool = False

    def __call__(self, value: float) -> float:
        inside = min(max(value, self.low), self.high)
        if self.logarithmic:
            share = math.log(inside / self.low) / math.log(self.high / self.low)
        else:
            share = (inside - self.low) / (self.high - self.low)
        return self.start + share * (self.end - self.start)


def round_ticks(low: float, high: float, about: int = 4) -> list[float]:
    """Round values (1, 2 or 5 times a power of ten apart) that reach from at or below `low` to at or above `high`.

    Raises:
        ValueError: `high` is not above `low`.
    """
    if not high > low:
        raise ValueError("ticks need a range")
    rough = (high - low) / about
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough * (1 - 1e-9))
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [round(position * step, 12) for position in range(first, last + 1)]


def decades(low: float) -> list[float]:
    """The powers of ten from `low`, itself one of them, to 1."""
    return [10.0**power for power in range(round(math.log10(low)), 1)]


def width(text: str) -> int:
    """In widths of a narrow letter; a Japanese letter takes two."""
    return sum(2 if unicodedata.east_asian_width(character) in "WF" else 1 for character in text)


def fit(text: str, most: int) -> str:
    """The text cut to a width."""
    used = 0
    for position, character in enumerate(text):
        used += width(character)
        if used > most:
            return text[: max(0, position - 1)].rstrip() + ELLIPSIS
    return text
