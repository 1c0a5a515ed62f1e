"""How often the bounds on the AUC miss, over truths from no leak to an open door, with and without ties."""

import math
from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import norm

from audit_core.evidence import Ranking
from audit_core.statistics.estimates import delong

Floats = NDArray[np.float64]
Draw = Callable[[np.random.Generator, int], Floats]

ALPHA = 0.05


def normal_scores(auc: float) -> tuple[Draw, Draw, float]:
    shift = math.sqrt(2) * float(norm.ppf(auc))
    return lambda rng, n: rng.normal(shift, 1, n), lambda rng, n: rng.normal(0, 1, n), auc


def tied_scores(auc: float) -> tuple[Draw, Draw, float]:
    """Normal scores cut into four levels; the truth is that of the levels."""
    shift = math.sqrt(2) * float(norm.ppf(auc))
    cuts = np.array([-0.5, 0.5, 1.5])
    inside, outside = (np.diff(norm.cdf([-np.inf, *(cuts - d), np.inf])) for d in (shift, 0.0))
    below = np.concatenate([[0.0], np.cumsum(outside)[:-1]])
    truth = float(inside @ (below + outside / 2))
    return (
        lambda rng, n: np.digitize(rng.normal(shift, 1, n), cuts).astype(float),
        lambda rng, n: np.digitize(rng.normal(0, 1, n), cuts).astype(float),
        truth,
    )


def rare_hits(auc: float) -> tuple[Draw, Draw, float]:
    """All scores 0, but for 2 % of the controls and as many members as make the AUC: a copy is found or not."""
    share = 0.02
    leak = share + 2 * (auc - 0.5)
    return lambda rng, n: (rng.random(n) < leak) * 1.0, lambda rng, n: (rng.random(n) < share) * 1.0, auc


def a_few_leak(auc: float) -> tuple[Draw, Draw, float]:
    """Most members look like controls, the rest stand out."""
    share = 2 * (auc - 0.5)
    return (
        lambda rng, n: rng.normal(0, 1, n) + 99 * (rng.random(n) < share),
        lambda rng, n: rng.normal(0, 1, n),
        auc,
    )


def rankings(inside: Draw, outside: Draw, n1: int, n0: int, rounds: int) -> list[Ranking]:
    rng = np.random.default_rng([20_110, n1, n0])
    found = []
    for _ in range(rounds):
        auc, variance = delong(inside(rng, n1), outside(rng, n0))
        found.append(Ranking(auc=auc, variance=variance, n1=n1, n0=n0))
    return found


@pytest.mark.parametrize(("n1", "n0", "rounds"), [(50, 50, 2000), (300, 100, 2000), (2000, 2000, 500)])
@pytest.mark.parametrize("auc", [0.5, 0.55, 0.7, 0.95])
@pytest.mark.parametrize("scores", [normal_scores, tied_scores, a_few_leak])
def test_bounds_miss_no_more_often_than_they_may(
    scores: Callable[[float], tuple[Draw, Draw, float]],
    auc: float,
    n1: int,
    n0: int,
    rounds: int,
    significantly_above: Callable[[int, int, float], bool],
) -> None:
    inside, outside, truth = scores(auc)
    bounds = [ranking.bounds(1 - ALPHA) for ranking in rankings(inside, outside, n1, n0, rounds)]
    assert not significantly_above(sum(each.low > truth + 1e-9 for each in bounds), rounds, ALPHA)
    assert not significantly_above(sum(each.high < truth - 1e-9 for each in bounds), rounds, ALPHA)


@pytest.mark.parametrize(("n1", "n0"), [(30, 1000), (1000, 30), (200, 1000), (100, 100)])
@pytest.mark.parametrize("auc", [0.5, 0.55, 0.7])
def test_bounds_hold_where_nearly_all_scores_are_tied(
    auc: float, n1: int, n0: int, significantly_above: Callable[[int, int, float], bool]
) -> None:
    inside, outside, truth = rare_hits(auc)
    bounds = [ranking.bounds(1 - ALPHA) for ranking in rankings(inside, outside, n1, n0, 2000)]
    assert not significantly_above(sum(each.low > truth + 1e-9 for each in bounds), 2000, ALPHA)
    assert not significantly_above(sum(each.high < truth - 1e-9 for each in bounds), 2000, ALPHA)


@pytest.mark.parametrize(
    ("scores", "auc", "n1", "n0"),
    [(normal_scores, 0.95, 50, 50), (a_few_leak, 0.95, 50, 50), (rare_hits, 0.5, 1000, 30)],
)
def test_plain_bounds_would_not_hold(
    scores: Callable[[float], tuple[Draw, Draw, float]],
    auc: float,
    n1: int,
    n0: int,
    significantly_above: Callable[[int, int, float], bool],
) -> None:
    """Why the bounds are not AUC - z standard errors."""
    inside, outside, truth = scores(auc)
    z = float(norm.isf(ALPHA))
    plain = [each.auc - z * math.sqrt(each.variance) for each in rankings(inside, outside, n1, n0, 2000)]
    assert significantly_above(sum(low > truth + 1e-9 for low in plain), 2000, ALPHA)
