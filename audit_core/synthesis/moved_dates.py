"""Dates moved by whole days after generation. No privacy is claimed for it."""

import numpy as np
from numpy.typing import NDArray


def moved(
    dates: NDArray[np.float64], days: int, low: float | None, high: float | None, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Each date moved by a number of whole days, uniform among those from -days to days that keep it in its bounds.

    A time of day stays what it is. A date that is out of its bounds already stays where it is.

    Args:
        dates: Days since 1970-01-01, NaN where missing; shape `(n,)`.
        low, high: Declared bounds, in the same days.
    """
    floor = np.full(len(dates), -np.inf) if low is None else np.ceil(low - dates)
    ceiling = np.full(len(dates), np.inf) if high is None else np.floor(high - dates)
    least = np.where(np.isnan(dates), 0, np.maximum(-days, floor))
    most = np.where(np.isnan(dates), 0, np.minimum(days, ceiling))
    inside = least <= most
    offset = rng.integers(np.where(inside, least, 0).astype(np.int64), np.where(inside, most, 0).astype(np.int64) + 1)
    return np.asarray(dates + offset, dtype=np.float64)
