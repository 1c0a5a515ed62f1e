"""One-sided bounds and p-values of rates, of excesses of one rate over another, and of the AUC.

`alpha` is what one bound may miss with, at most 1/2: a bound at confidence 0.95 has alpha = 0.05. Counts are real, as
a design effect may have divided them. A p-value is the alpha at which the lower bound reaches the limit.
"""

import math
from collections.abc import Callable
from typing import Literal

Bounds = tuple[float, float]
Scale = Literal["difference", "relative"]

FEW = 30
"""With fewer units in an arm the estimated variance of an AUC is not relied upon."""

SMALLEST_P = 1e-300


def clopper_pearson(k: float, n: float, alpha: float) -> Bounds:
    """Bounds on a rate from k hits in n > 0 tries; exact for whole numbers: each misses with alpha at most.

    References:
        Clopper & Pearson (1934), The use of confidence or fiducial limits.
    """
    from scipy.special import betainccinv, betaincinv

    low = float(betaincinv(k, n - k + 1, alpha)) if k > 0 else 0.0
    high = float(betainccinv(k + 1, n - k, alpha)) if k < n else 1.0
    # A real count close to 0 is beyond the inverse's precision, and an alpha close to 0 beyond its range (NaN).
    low, high = (0.0 if math.isnan(low) else low), (1.0 if math.isnan(high) else high)
    return min(low, k / n), max(high, k / n)


def rate_p_value(k: float, n: float, limit: float) -> float:
    """Of "the rate is at most the limit": the probability of k hits or more at the limit."""
    from scipy.special import betainc

    return float(betainc(k, n - k + 1, min(1.0, max(0.0, limit)))) if k > 0 else 1.0


def excess_bounds(k1: float, n1: float, k0: float, n0: float, scale: Scale, alpha: float) -> Bounds:
    """Bounds on a - c or (a - c) / (1 - c), where a is the rate of k1 in n1 > 0 and c that of k0 in n0 > 0.

    The variance is recovered from the arms' own bounds: Newcombe's hybrid for the difference, MOVER-R for the ratio of
    the complements. Both were published with score bounds on the arms. Those miss up to six times as often as they may
    where hits are few and arms unequal (one hit in 100 against 5,000 controls at 0.001), so the arms' bounds here
    are Clopper-Pearson's. tests/statistical measures both.

    Returns:
        In -1..1; the relative excess has no least value and is cut at -1.

    References:
        Newcombe (1998), Interval estimation for the difference between independent proportions, method 10;
        Donner & Zou (2012), Closed-form confidence intervals for functions of the normal mean and standard deviation,
        section 2, for ratios.
    """
    a, c = k1 / n1, k0 / n0
    arm1, arm0 = clopper_pearson(k1, n1, alpha), clopper_pearson(k0, n0, alpha)
    if scale == "difference":
        low = a - c - math.hypot(a - arm1[0], arm0[1] - c)
        high = a - c + math.hypot(arm1[1] - a, c - arm0[0])
    else:
        low = 1 - _ratio_high(1 - a, 1 - arm1[0], 1 - c, 1 - arm0[1])
        high = 1 - _ratio_low(1 - a, 1 - arm1[1], 1 - c, 1 - arm0[0])
    return max(-1.0, low), max(-1.0, min(1.0, high))


def excess_value(k1: float, n1: float, k0: float, n0: float, scale: Scale) -> float:
    """The point estimate of an excess, n1 and n0 > 0; cut at -1 as its bounds are."""
    difference = k1 / n1 - k0 / n0
    if scale == "difference" or difference == 0:
        return difference
    return -1.0 if k0 == n0 else max(-1.0, difference / (1 - k0 / n0))


def excess_p_value(k1: float, n1: float, k0: float, n0: float, scale: Scale, limit: float) -> float:
    """Of "the excess is at most the limit"; 1 wherever that would be above 1/2."""
    return _inverted(lambda alpha: excess_bounds(k1, n1, k0, n0, scale, alpha)[0], limit)


def auc_units(auc: float, variance: float, n1: int, n0: int) -> float:
    """How many independent tries an AUC is worth: bounds on it are those of a rate of auc * units in units.

    A rate in as many tries has the variance of the AUC. Bounds from it hold where plain ones (AUC +- z standard
    errors) miss several times too often, towards 0 and 1, and are never outside 0..1; logit bounds do nearly as well
    but miss above the AUC near 1. Two things are added that an estimated variance cannot know:

    - an arm whose scores are nearly all tied hides what its next units may do. Two of them at the far end of each arm
      add 2 auc (1 - auc) (1/n1² + 1/n0²), 3 % to the width for 100 units without ties, 1 % for 400;
    - the variance is at most auc (1 - auc) / min(n1, n0) whatever the distributions. That bound replaces an estimate
      that is larger, is zero, or rests on fewer than 30 units. Inverting a rate's exact bounds at it needs no
      correction at an AUC of 0 or 1.

    Args:
        variance: DeLong's or Obuchowski's.
        n1, n0: Independent units, at least 1 each.

    References:
        Birnbaum & Klose (1957), Bounds for the variance of the Mann-Whitney statistic; Newcombe (2006), Confidence
        intervals for an effect size measure based on the Mann-Whitney statistic, part 2.
    """
    fewest = min(n1, n0)
    binomial = auc * (1 - auc)
    if variance <= 0 or fewest < FEW or binomial <= 0:
        return float(fewest)
    return 1 / min(1 / fewest, variance / binomial + 2 / n1**2 + 2 / n0**2)


def mean_bounds(mean: float, se: float, df: int, alpha: float) -> Bounds:
    """Bounds on the mean of a normal distribution from a sample's mean and its standard error, by Student's t.

    References:
        Student (1908), The probable error of a mean.
    """
    from scipy.special import stdtrit

    reach = float(stdtrit(df, 1 - alpha)) * se
    return mean - reach, mean + reach


def mean_p_value(mean: float, se: float, df: int, limit: float) -> float:
    """Of "the mean is at most the limit"."""
    from scipy.special import stdtr

    if se == 0:
        return 0.0 if mean > limit else 1.0
    return float(stdtr(df, (limit - mean) / se))


def _ratio_low(top: float, top_low: float, bottom: float, bottom_high: float) -> float:
    """MOVER-R's lower bound on top / bottom, without its cancellation where the bottom is uncertain."""
    product = top * bottom
    square_top, square_bottom = top_low * (2 * top - top_low), bottom_high * (2 * bottom - bottom_high)
    divisor = product + math.sqrt(max(0.0, product**2 - square_top * square_bottom))
    return square_top / divisor if divisor > 0 else 0.0


def _ratio_high(top: float, top_high: float, bottom: float, bottom_low: float) -> float:
    """MOVER-R's upper bound on top / bottom; infinite where the bottom may be 0."""
    product = top * bottom
    square_top, square_bottom = top_high * (2 * top - top_high), bottom_low * (2 * bottom - bottom_low)
    if square_bottom <= 0:
        return math.inf
    return (product + math.sqrt(max(0.0, product**2 - square_top * square_bottom))) / square_bottom


def _inverted(lower: Callable[[float], float], limit: float) -> float:
    """The alpha at which a lower bound, rising with alpha, reaches the limit; 0 below 1e-300, 1 above 1/2."""
    from scipy.optimize import brentq

    if lower(0.5) <= limit:
        return 1.0
    if lower(SMALLEST_P) > limit:
        return 0.0
    logarithm = brentq(lambda x: lower(math.exp(x)) - limit, math.log(SMALLEST_P), math.log(0.5), xtol=1e-12)
    return math.exp(float(logarithm))
