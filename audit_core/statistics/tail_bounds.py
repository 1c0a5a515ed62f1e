"""Bounds on the true-positive rate at a low false-positive rate, where the threshold is itself estimated.

The threshold is the (j + 1)-th largest of n0 control scores, j = floor(f n0), so the true false-positive rate at it is
B ~ Beta(j + 1, n0 - j), whatever the scores' distribution. Near f the ROC curve is taken as a straight line through 0,
TPR = lambda FPR, so the hits are binomial in n1 with the probability min(1, lambda B): beta-binomial for lambda = 1,
where nothing is assumed. A rate of hits at an estimated threshold, treated as if the threshold were known, is far too
sure: it leaves B out.

A binomial tail is a beta probability, so P(hits or more) = P(G <= lambda B) with G ~ Beta(hits, n1 - hits + 1)
independent of B, and a bound on lambda is a quantile of G / B.

References:
    Clopper & Pearson (1934) for G; David & Nagaraja (2003), Order Statistics, section 2.1, for B.
"""

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from audit_core.statistics.estimates import false_positives_allowed

Shape = tuple[float, float]


def tail_bounds(hits: float, n1: int, n0: int, fpr: float, alpha: float) -> tuple[float, float]:
    """Bounds on the true-positive rate at `fpr`, each of which misses with alpha at most.

    Args:
        hits: Members above the threshold, 0..n1; real where a tie was shared.
        n1, n0: Members and controls, at least 1 each.
        alpha: At most 1/2.

    Returns:
        In 0..1, around the point estimate hits / n1.
    """
    point = hits / n1
    false_positives = _false_positives(n0, fpr)
    low, high = 0.0, 1.0
    if hits > 0:
        low = fpr * _quantile(_ratio_cdf((hits, n1 - hits + 1), false_positives), alpha)
    if hits < n1:
        above = _ratio_cdf((hits + 1, n1 - hits), false_positives)
        high = 1.0 if above(1 / fpr) <= 1 - alpha else fpr * _quantile(above, 1 - alpha)
    # The point belongs to the rate j / n0 and the bounds to fpr, so at an alpha near 1/2 it may lie outside them.
    return min(low, point), min(1.0, max(high, point))


def tail_p_value(hits: float, n1: int, n0: int, fpr: float, limit: float) -> float:
    """Of "the true-positive rate at `fpr` is at most the limit"; for limit = fpr the beta-binomial tail, exactly."""
    if hits <= 0 or limit >= 1:
        return 1.0
    if limit <= 0:
        return 0.0
    return _ratio_cdf((hits, n1 - hits + 1), _false_positives(n0, fpr))(limit / fpr)


def _false_positives(n0: int, fpr: float) -> Shape:
    allowed = false_positives_allowed(fpr, n0)
    return allowed + 1.0, float(n0 - allowed)


def _ratio_cdf(top: Shape, bottom: Shape) -> Callable[[float], float]:
    """P(G / B <= ratio) for independent betas, as a function of the ratio.

    One density is integrated by the trapezoidal rule over its log-odds, on which it falls off exponentially, so the
    error does too. It is the narrower one: the other's distribution function is smooth on its scale.
    """
    from scipy.special import betainc, betaincc

    if _spread(bottom) <= _spread(top):
        values, weights = _nodes(bottom)
        return lambda ratio: min(1.0, float(weights @ betainc(*top, np.minimum(1.0, values * ratio))))
    values, weights = _nodes(top)
    return lambda ratio: min(1.0, float(weights @ betaincc(*bottom, np.minimum(1.0, values / max(ratio, 1e-300)))))


def _nodes(shape: Shape) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Points of a beta distribution and the probability each stands for."""
    from scipy.special import expit

    a, b = shape
    centre, spread = math.log(a / b), _spread(shape)
    # The tails fall like exp(-a t) and exp(-b t) in log-odds t, or like a normal's if that is wider.
    start, stop = centre - 9 * spread - 40 / a, centre + 9 * spread + 40 / b
    odds = np.linspace(start, stop, math.ceil((stop - start) / spread * 4) + 1)
    logarithm = -a * np.logaddexp(0, -odds) - b * np.logaddexp(0, odds)
    weights = np.exp(logarithm - logarithm.max())
    return expit(odds), weights / weights.sum()


def _spread(shape: Shape) -> float:
    """The standard deviation of the log-odds."""
    from scipy.special import polygamma

    return math.sqrt(float(polygamma(1, shape[0]) + polygamma(1, shape[1])))


def _quantile(cdf: Callable[[float], float], probability: float) -> float:
    """The ratio at which a distribution function reaches a probability."""
    from scipy.optimize import brentq

    def distance(logarithm: float) -> float:
        return cdf(math.exp(logarithm)) - probability

    low = high = 0.0
    while distance(low) > 0:
        low -= 2.0 - low
    while distance(high) < 0:
        high += 2.0 + high
    return math.exp(float(brentq(distance, low, high, xtol=1e-12)))
