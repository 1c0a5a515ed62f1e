"""How likely a sound loop is to give what was seen. Of a sound loop, one probe in a million does not hold."""

from collections.abc import Sequence

import numpy as np
from scipy import stats

from audit_core.doctor.probing.readings import Flat

SURE = 1e-6
"""The probability with which a probe does not hold although the loop is sound, shared among a probe's tests."""


def deviation_is(drawn: Flat, deviation: float, sure: float) -> bool:
    """Whether the squares of normal draws of mean 0 are as large as the deviation makes them: exact, by chi-square."""
    length = float(np.linalg.norm(drawn))
    return length_may_be(length, length, drawn.size, deviation, sure)


def length_may_be(least: float, most: float, n: int, deviation: float, sure: float) -> bool:
    """Whether a vector of n normal draws of mean 0 may have a length that lies somewhere between two."""
    low, high = stats.chi2.ppf(sure / 2, n), stats.chi2.isf(sure / 2, n)
    return bool((most / deviation) ** 2 >= low and (least / deviation) ** 2 <= high)


def normal_is(drawn: Flat, deviation: float, sure: float) -> bool:
    """Whether draws are normal, of mean 0 and a deviation: by the test of Kolmogorov and Smirnov."""
    return bool(stats.kstest(drawn.ravel() / deviation, "norm").pvalue >= sure)


def deviation(drawn: Flat) -> float:
    """Of draws of mean 0."""
    return float(np.sqrt((drawn**2).mean()))


def largest_correlation(pairs: Sequence[tuple[Flat, Flat]], sure: float) -> tuple[float, bool]:
    """The largest correlation of pairs of vectors, and whether independent normal ones have such.

    The squared cosine between two independent normal vectors of length m is Beta(1/2, (m-1)/2), exactly; each pair has
    its share of the probability.
    """
    worst, least = 0.0, 1.0
    for one, other in pairs:
        m = min(one.size, other.size)
        a, b = one.ravel()[:m], other.ravel()[:m]
        if m < 8 or not a.any() or not b.any():
            continue
        cosine = float(a @ b / (np.linalg.norm(a) * np.linalg.norm(b)))
        p = float(stats.beta.sf(min(1.0, cosine**2), 0.5, (m - 1) / 2))
        if p <= least:
            worst, least = cosine, p
    return worst, least >= sure / max(1, len(pairs))


def coins_are(heads: int, n: int, rate: float, sure: float) -> bool:
    """Whether so many of n coins of a rate come up: exact, two-sided."""
    return bool(min(stats.binom.cdf(heads, n, rate), stats.binom.sf(heads - 1, n, rate)) >= sure / 2)


def sizes_are(sizes: Sequence[int], n: int, rate: float, sure: float) -> bool:
    """Whether sizes of batches vary as n coins each make them: exact, two-sided, by the sum of squared deviations.

    In units of the smallest step that n * rate allows, the squared deviation of one size is a whole number; the
    distribution of the sum is the convolution of its own. Rates are halves, so a quarter is such a unit.
    """
    possible = np.arange(n + 1)
    squares = np.rint(4 * (possible - n * rate) ** 2).astype(np.int64)
    one = np.zeros(int(squares.max()) + 1)
    np.add.at(one, squares, stats.binom.pmf(possible, n, rate))
    total = np.ones(1)
    for _ in sizes:
        total = np.convolve(total, one)
    seen = int(sum(round(4 * (size - n * rate) ** 2) for size in sizes))
    return bool(min(total[: seen + 1].sum(), total[seen:].sum()) >= sure / 2)
