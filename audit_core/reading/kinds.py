"""What the texts of a column are: numbers, dates or categories.

Texts are looked at in their normal form, so that full-width digits and padding count; what is not exactly
representable as a float64 stays text.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from audit_core.tables import normal_form

Look = Literal["nothing", "number", "date", "zoned date", "category"]
"""What the texts of one file are: "nothing" where all are missing; a zoned date is a time with an offset from UTC."""

Values = NDArray[np.float64]

LARGEST = 2.0**53
"""From here on float64 skips integers, so that two different ones could become equal."""

_EXPONENT = r"(?:[eE][+-]?[0-9]+)?"
_INFERRED = rf"^[+-]?(?:(?:0|[1-9][0-9]*)(?:\.[0-9]*)?|\.[0-9]+){_EXPONENT}$"
_DECLARED = rf"^[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+){_EXPONENT}$"
"""Where the type is declared, 007 is a number; else its zeros might mean something."""

_DAY = r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
_TIME = r"[T ][0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,6}0*)?)?"
_DATE = rf"^{_DAY}(?:{_TIME})?$"
_ZONED = rf"^{_DAY}{_TIME}(?:Z|[+-][0-9]{{2}}:?[0-9]{{2}})$"

_MICROSECONDS_A_DAY = 86_400_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """The texts of one column of one file.

    Attributes:
        values: For each text its number, or its days since 1970-01-01; None for a category.
    """

    look: Look
    values: Values | None


def look_at(texts: Any) -> Seen:
    """What all of the texts (an Arrow array) are."""
    if len(texts) == 0:
        return Seen(look="nothing", values=np.zeros(0))
    first = normal_form(texts[0].as_py())
    looks: list[Look] = ["number"] if re.match(_INFERRED, first) else ["date", "zoned date"]
    for look in looks:
        values, _ = values_of(texts, look, stop_early=True)
        if values is not None:
            return Seen(look=look, values=values)
    return Seen(look="category", values=None)


def values_of(
    texts: Any, look: Look, *, declared: bool = False, integral: bool = False, stop_early: bool = False
) -> tuple[Values | None, NDArray[np.bool_]]:
    """The texts as numbers or days, and which of them are such.

    Args:
        texts: An Arrow array of strings.
        declared: Leading zeros are allowed in numbers.
        integral: Numbers have to be integers.
        stop_early: Give up at the first text that is not.

    Returns:
        Shape `(n_texts,)` each, float64 and bool. The first is None if some text is not such; the second is then
        exact unless `stop_early`.
    """
    import pyarrow as pa

    pattern = {"number": _DECLARED if declared else _INFERRED, "date": _DATE}.get(look, _ZONED)
    # The normal form has small letters, Arrow reads T and Z.
    texts, fits = _matching(texts, pattern, stop_early=stop_early, change=str if look == "number" else str.upper)
    if stop_early and not fits.all():
        return None, fits
    if look == "number":
        values = _as_floats(texts, fits)
        plain = ~_matches(texts, "[eE]")
        fits &= np.isfinite(values) & ~(plain & (np.abs(values) >= LARGEST))
        if integral:
            fits &= (values == np.round(values)) & (np.abs(values) < LARGEST)
    else:
        moments, real = _as_moments(texts, fits, pa.timestamp("us", "UTC" if look == "zoned date" else None))
        fits &= real
        values = moments / _MICROSECONDS_A_DAY
    return (values + 0.0 if fits.all() else None), fits  # + 0.0 makes one zero of -0.0 and 0.0


def _matches(texts: Any, pattern: str) -> NDArray[np.bool_]:
    import pyarrow.compute as pc

    found: NDArray[np.bool_] = pc.match_substring_regex(texts, pattern).to_numpy(zero_copy_only=False)
    return found


def _matching(
    texts: Any, pattern: str, *, stop_early: bool, change: Callable[[str], str] = str
) -> tuple[Any, NDArray[np.bool_]]:
    """The texts with those that match only in normal form replaced by it, and which match."""
    import pyarrow as pa
    import pyarrow.compute as pc

    fits = _matches(texts, pattern)
    if not fits.all():
        texts = pc.ascii_trim_whitespace(texts)  # the usual padding, without a look at each text
        fits = _matches(texts, pattern)
    rest = np.flatnonzero(~fits)
    compiled = re.compile(pattern.removesuffix("$") + r"\Z")
    replaced = []
    for position in rest:
        normal = change(normal_form(texts[int(position)].as_py()))
        fits[position] = compiled.match(normal) is not None
        replaced.append(normal)
        if stop_early and not fits[position]:
            return texts, fits
    if len(rest):
        wrong_before = np.zeros(len(texts), dtype=bool)
        wrong_before[rest] = True
        texts = pc.replace_with_mask(texts, pa.array(wrong_before), pa.array(replaced, pa.string()))
    return texts, fits


def _as_floats(texts: Any, fits: NDArray[np.bool_]) -> Values:
    """Shape `(n_texts,)`; NaN where `fits` is false."""
    import pyarrow as pa
    import pyarrow.compute as pc

    values = np.full(len(texts), np.nan)
    plain = pc.utf8_ltrim(texts.filter(pa.array(fits)), "+")
    values[fits] = plain.cast(pa.float64()).to_numpy(zero_copy_only=False)
    return values


def _as_moments(texts: Any, fits: NDArray[np.bool_], kind: Any) -> tuple[Values, NDArray[np.bool_]]:
    """Microseconds since 1970-01-01, and which texts name a moment that the calendar has."""
    import pyarrow as pa
    import pyarrow.compute as pc

    values = np.full(len(texts), np.nan)
    real = np.zeros(len(texts), dtype=bool)
    short = pc.replace_substring_regex(texts, r"(\.[0-9]{6})0+", r"\1")

    def convert(positions: NDArray[np.intp]) -> None:
        if not len(positions):
            return
        try:
            moments = short.take(pa.array(positions)).cast(kind).cast(pa.int64())
        except pa.ArrowInvalid:  # the whole array is refused for one text: look in the halves
            if len(positions) > 1:
                half = len(positions) // 2
                convert(positions[:half])
                convert(positions[half:])
            return
        values[positions] = moments.to_numpy(zero_copy_only=False)
        real[positions] = True

    convert(np.flatnonzero(fits))
    return values, real
