"""How often the bounds on the TPR at a low FPR miss, where the threshold is estimated from the controls."""

from collections.abc import Callable

import numpy as np
import pytest
from scipy.optimize import brentq
from scipy.stats import betabinom, binom, norm

from audit_core.statistics.bounds import clopper_pearson
from audit_core.statistics.estimates import tail_hits
from audit_core.statistics.tail_bounds import tail_bounds

ALPHA = 0.05


def too_many(n1: int, n0: int, fpr: float, truth: float, alpha: float) -> float:
    """The hits above which the lower bound misses the truth: bounds rise with the hits."""

    def excess(hits: float) -> float:
        return tail_bounds(hits, n1, n0, fpr, alpha)[0] - truth

    return float(brentq(excess, 0, n1, xtol=1e-6)) if excess(n1) > 0 else n1 + 1.0


def too_few(n1: int, n0: int, fpr: float, truth: float, alpha: float) -> float:
    """The hits below which the upper bound misses the truth."""

    def excess(hits: float) -> float:
        return tail_bounds(hits, n1, n0, fpr, alpha)[1] - truth

    return float(brentq(excess, 0, n1, xtol=1e-6)) if excess(0) < 0 else -1.0


@pytest.mark.parametrize("alpha", [0.05, 0.01])
@pytest.mark.parametrize(
    ("n1", "n0", "fpr"), [(300, 300, 0.01), (1000, 300, 0.01), (3000, 1000, 0.01), (5000, 3000, 0.001), (200, 100, 0.1)]
)
def test_a_guessing_attack_is_called_a_leak_no_more_often_than_it_may(
    n1: int, n0: int, fpr: float, alpha: float
) -> None:
    """The hits of a guess are beta-binomial: the probability of a miss is exact, without simulation."""
    allowed = int(fpr * n0 + 0.5)
    law = betabinom(n1, allowed + 1, n0 - allowed)
    assert law.sf(np.ceil(too_many(n1, n0, fpr, fpr, alpha)) - 1) <= alpha
    assert law.cdf(np.floor(too_few(n1, n0, fpr, fpr, alpha))) <= alpha


@pytest.mark.parametrize("levels", [0, 2, 8])
@pytest.mark.parametrize("factor", [0.5, 1, 2, 5])
@pytest.mark.parametrize(("n1", "n0", "fpr"), [(300, 300, 0.01), (1000, 300, 0.01), (1000, 1000, 0.01)])
def test_bounds_miss_no_more_often_than_they_may(
    n1: int,
    n0: int,
    fpr: float,
    factor: float,
    levels: int,
    significantly_above: Callable[[int, int, float], bool],
) -> None:
    """TPR = factor * FPR over the whole curve; `levels` cuts the controls' tail beyond the FPR into so many ties."""
    rng = np.random.default_rng([20_111, n1, n0, levels])
    rounds, truth = 2000, factor * fpr
    hits = np.empty(rounds)
    for each in range(rounds):
        members, controls = rng.random(n1) / factor, rng.random(n0)
        if levels:
            members, controls = (np.ceil(scores / fpr * levels) for scores in (members, controls))
        hits[each] = tail_hits(-members, -controls, fpr)
    above = int((hits > too_many(n1, n0, fpr, truth, ALPHA) + 1e-6).sum())
    below = int((hits < too_few(n1, n0, fpr, truth, ALPHA) - 1e-6).sum())
    assert not significantly_above(above, rounds, ALPHA)
    assert not significantly_above(below, rounds, ALPHA)


@pytest.mark.parametrize("shift", [0.5, 1.5])
def test_bounds_hold_on_a_curve_that_bends(
    shift: float, significantly_above: Callable[[int, int, float], bool]
) -> None:
    """Normal scores: the curve is concave, not the straight line the bounds take it for."""
    rng = np.random.default_rng(20_112)
    n1, n0, fpr, rounds = 500, 500, 0.01, 2000
    truth = float(norm.sf(norm.isf(fpr) - shift))
    hits = np.array([tail_hits(rng.normal(shift, 1, n1), rng.normal(0, 1, n0), fpr) for _ in range(rounds)])
    above = int((hits > too_many(n1, n0, fpr, truth, ALPHA) + 1e-6).sum())
    below = int((hits < too_few(n1, n0, fpr, truth, ALPHA) - 1e-6).sum())
    assert not significantly_above(above, rounds, ALPHA)
    assert not significantly_above(below, rounds, ALPHA)


def test_a_rate_at_a_threshold_taken_as_known_would_not_hold() -> None:
    """Why the bounds are not Clopper-Pearson's on the hits: a guess on 1,000 members is a leak in 1 of 4 audits."""
    n1, fpr = 1000, 0.01
    law = betabinom(n1, 4, 297)  # 300 controls, of which 3 may lie above the threshold
    leak = [hits for hits in range(n1 + 1) if clopper_pearson(hits, n1, ALPHA)[0] > fpr]
    assert law.sf(min(leak) - 1) > 5 * ALPHA
    assert binom.sf(min(leak) - 1, n1, fpr) <= ALPHA  # with the threshold known, it would hold
