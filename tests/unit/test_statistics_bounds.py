"""Bounds against closed forms, the equations that define them, and numbers printed elsewhere."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import brentq
from scipy.stats import beta, betabinom, binom

from audit_core.statistics.bounds import (
    auc_units,
    clopper_pearson,
    excess_bounds,
    excess_p_value,
    excess_value,
    rate_p_value,
)
from audit_core.statistics.tail_bounds import tail_bounds, tail_p_value


def test_no_hit_and_every_hit_have_closed_forms() -> None:
    assert clopper_pearson(0, 299, 0.05) == pytest.approx((0.0, 1 - 0.05 ** (1 / 299)))
    assert clopper_pearson(40, 40, 0.05) == pytest.approx((0.05 ** (1 / 40), 1.0))


@pytest.mark.parametrize(("limit", "needed"), [(0.07, 42), (0.05, 59), (0.01, 299), (0.001, 2995)])
def test_tries_without_a_hit_that_show_a_rate_below_a_limit(limit: float, needed: int) -> None:
    assert clopper_pearson(0, needed, 0.05)[1] <= limit < clopper_pearson(0, needed - 1, 0.05)[1]


@pytest.mark.parametrize(("k", "n", "alpha"), [(3, 20, 0.05), (1, 1000, 0.01), (999, 1000, 0.05), (50, 100, 0.2)])
def test_a_rates_bounds_are_where_the_tails_reach_alpha(k: int, n: int, alpha: float) -> None:
    low, high = clopper_pearson(k, n, alpha)
    assert binom.sf(k - 1, n, low) == pytest.approx(alpha)
    assert binom.cdf(k, n, high) == pytest.approx(alpha)
    assert rate_p_value(k, n, low) == pytest.approx(alpha)


def test_a_difference_recovers_the_arms_distances() -> None:
    (l1, u1), (l0, u0) = clopper_pearson(30, 100, 0.05), clopper_pearson(10, 80, 0.05)
    low, high = excess_bounds(30, 100, 10, 80, "difference", 0.05)
    assert low == pytest.approx(0.175 - math.sqrt((0.3 - l1) ** 2 + (u0 - 0.125) ** 2))
    assert high == pytest.approx(0.175 + math.sqrt((u1 - 0.3) ** 2 + (0.125 - l0) ** 2))


@pytest.mark.parametrize(
    ("k1", "n1", "k0", "n0"), [(30, 100, 10, 80), (90, 100, 70, 80), (0, 50, 0, 50), (50, 50, 3, 50), (5, 9, 8, 9)]
)
def test_a_relative_excess_is_bounded_where_the_mover_of_a_linear_contrast_is_0(
    k1: float, n1: float, k0: float, n0: float
) -> None:
    """The ratio r of the complements is bounded by the roots of the bounds on top - r * bottom."""
    top, bottom = 1 - k1 / n1, 1 - k0 / n0
    (a_low, a_high), (c_low, c_high) = clopper_pearson(k1, n1, 0.05), clopper_pearson(k0, n0, 0.05)

    def upper(r: float) -> float:
        return top - r * bottom + math.hypot(1 - a_low - top, r * (c_high - (1 - bottom)))

    def lower(r: float) -> float:
        return top - r * bottom - math.hypot(top - (1 - a_high), r * (1 - c_low - bottom))

    low, high = excess_bounds(k1, n1, k0, n0, "relative", 0.05)
    assert high == pytest.approx(1 - brentq(lower, 0, 10) if top > 0 else 1.0)
    assert low == pytest.approx(max(-1.0, 1 - brentq(upper, 0, 1e6)))


@pytest.mark.parametrize(
    ("k1", "k0", "value", "low", "high"),
    [(50, 50, 0.0, -1.0, 1.0), (0, 50, -1.0, -1.0, -1.0), (49, 50, -1.0, -1.0, 1.0), (50, 0, 1.0, 0.0, 1.0)],
)
def test_relative_excess_where_nothing_is_left_to_exceed(
    k1: float, k0: float, value: float, low: float, high: float
) -> None:
    assert excess_value(k1, 50, k0, 50, "relative") == value
    bounds = excess_bounds(k1, 50, k0, 50, "relative", 0.05)
    assert low <= bounds[0] <= value <= bounds[1] <= high


@pytest.mark.parametrize("scale", ["difference", "relative"])
@pytest.mark.parametrize("alpha", [0.3, 0.05, 1e-4, 1e-12])
def test_an_excess_p_value_is_the_alpha_whose_bound_is_the_limit(scale: str, alpha: float) -> None:
    arms = (30.0, 100.0, 10.0, 80.0)
    limit = excess_bounds(*arms, scale, alpha)[0]  # type: ignore[arg-type]
    assert excess_p_value(*arms, scale, limit) == pytest.approx(alpha, rel=1e-6)  # type: ignore[arg-type]


def test_an_excess_p_value_at_the_ends() -> None:
    assert excess_p_value(30, 100, 30, 100, "difference", 0.0) == 1.0
    assert excess_p_value(30, 100, 10, 80, "difference", 1.0) == 1.0
    assert excess_p_value(30, 100, 10, 80, "difference", -1.0) == 0.0
    assert excess_p_value(24_000, 24_000, 0, 8_000, "difference", 0.0) == 0.0


def test_an_auc_is_worth_what_its_variance_says() -> None:
    # A mean of 400 independent 0/1 pairs of units has the variance A(1-A)/400; the two far units of each arm cost 1 %.
    assert auc_units(0.7, 0.21 / 400, 400, 400) == pytest.approx(1 / (1 / 400 + 0), rel=0.011)
    assert auc_units(0.7, 0.21 / 4000, 400, 400) == pytest.approx(1 / (1 / 4000 + 4 / 400**2))


@pytest.mark.parametrize(("variance", "n1", "n0"), [(0.0, 50, 900), (0.001, 29, 900), (0.2, 50, 900)])
def test_an_auc_is_worth_at_least_the_smaller_arm(variance: float, n1: int, n0: int) -> None:
    assert auc_units(0.8, variance, n1, n0) == n1


def test_a_perfect_auc_has_the_bound_of_as_many_hits_in_the_smaller_arm() -> None:
    assert clopper_pearson(1.0 * auc_units(1.0, 0.0, 50, 900), 50, 0.05)[0] == pytest.approx(0.05 ** (1 / 50))


@pytest.mark.parametrize(
    ("hits", "n1", "n0", "fpr"),
    [
        (1, 300, 300, 0.01),
        (25, 1000, 1000, 0.01),
        (240, 24_000, 8_000, 0.01),
        (9, 5000, 3000, 0.001),
        (60, 100, 100, 0.5),
    ],
)
def test_a_guess_is_beta_binomial(hits: int, n1: int, n0: int, fpr: float) -> None:
    allowed = int(fpr * n0 + 0.5)
    expected = betabinom.sf(hits - 1, n1, allowed + 1, n0 - allowed)
    assert tail_p_value(hits, n1, n0, fpr, fpr) == pytest.approx(expected, rel=1e-8)


@pytest.mark.parametrize(("factor", "few", "many"), [(0.5, 2, 12), (3, 12, 60), (20, 120, 380), (70, 400, 990)])
def test_other_limits_mix_binomials_over_the_false_positive_rate(factor: float, few: int, many: int) -> None:
    """Against the mean over 20,000 quantiles of the false-positive rate: a midpoint rule, good to three digits."""
    n1, n0, fpr = 1000, 500, 0.01
    rates = np.minimum(1, factor * beta(6, 495).ppf((np.arange(20_000) + 0.5) / 20_000))
    at_least = float(np.mean(binom.sf(many - 1, n1, rates)))
    at_most = float(np.mean(binom.cdf(few, n1, rates)))
    assert 1e-3 < at_least < 0.5
    assert 1e-3 < at_most < 0.5
    assert tail_p_value(many, n1, n0, fpr, factor * fpr) == pytest.approx(at_least, rel=1e-3)
    assert tail_bounds(many, n1, n0, fpr, at_least)[0] == pytest.approx(factor * fpr, rel=1e-3)
    assert tail_bounds(few, n1, n0, fpr, at_most)[1] == pytest.approx(factor * fpr, rel=1e-3)


def test_tail_bounds_at_the_ends() -> None:
    low, high = tail_bounds(0, 1000, 1000, 0.01, 0.05)
    assert low == 0
    assert 0 < high < 0.01
    low, high = tail_bounds(1000, 1000, 1000, 0.01, 0.05)
    assert 0.5 < low < 1
    assert high == 1
    assert tail_p_value(0, 1000, 1000, 0.01, 0.01) == 1
    assert tail_p_value(5, 1000, 1000, 0.01, 0.0) == 0
    assert tail_p_value(1000, 1000, 1000, 0.01, 1.0) == 1


@settings(deadline=None)
@given(st.integers(1, 400), st.sampled_from([(400, 300, 0.01), (500, 80, 0.05), (400, 50, 0.001)]))
def test_tail_bounds_rise_with_the_hits(hits: int, arms: tuple[int, int, float]) -> None:
    n1, n0, fpr = arms
    fewer, more = (tail_bounds(count, n1, n0, fpr, 0.05) for count in (hits - 0.5, hits))
    assert fewer[0] <= more[0]
    assert fewer[1] <= more[1]


def test_a_bound_beyond_the_inverses_range_is_the_end_of_the_range() -> None:
    """At an alpha of 1e-242 the inverse of the beta distribution gives up; the search for a p-value must not."""
    assert clopper_pearson(4, 13 / 3, 1e-242)[0] == 0.0
    low = excess_bounds(4, 13 / 3, 0, 256, "relative", 0.25)[0]
    assert excess_p_value(4, 13 / 3, 0, 256, "relative", low) == pytest.approx(0.25, rel=1e-5)
