"""Probabilities of outcomes: beside naive sums over all outcomes, each judged by the evidence itself."""

import math
from itertools import pairwise

import pytest
from scipy.stats import betabinom, binom, norm

from audit_core.evidence import Evidence, Excess, Proportion, Ranking, TailHits
from audit_core.plugin import Expected
from audit_core.power import POWER, detectable, measurable, needed, pass_probability

ENOUGH = 1_000_000
AUC = Expected(kind="ranking", chance=0.5)
TAIL = Expected(kind="tail-hits", chance=0.01)
SHARE = Expected(kind="proportion", chance=0.5)
DIFFERENCE = Expected(kind="excess")
RELATIVE = Expected(kind="excess", scale="relative")


def passes(evidence: Evidence, most: float) -> bool:
    return evidence.bounds(0.95).high <= most


def fails(evidence: Evidence, limit: float, alpha: float) -> bool:
    """As the judge decides it: by the p-value, not by a bound."""
    return evidence.p_value(limit) <= alpha


def excess_sum(its: Expected, n1: int, n0: int, a: float, c: float, verdict: object) -> float:
    """The probability of a verdict over all outcomes of both arms."""
    return sum(
        float(binom.pmf(k1, n1, a) * binom.pmf(k0, n0, c))
        for k1 in range(n1 + 1)
        for k0 in range(n0 + 1)
        if verdict(Excess(k1=k1, n1=n1, k0=k0, n0=n0, scale=its.scale))  # type: ignore[operator]
    )


@pytest.mark.parametrize(("n1", "n0", "chance", "most"), [(40, 30, 0.1, 0.2), (25, 60, 0.5, 0.3), (60, 20, 0.002, 0.1)])
@pytest.mark.parametrize("its", [DIFFERENCE, RELATIVE])
def test_an_excess_passes_as_often_as_the_sum_over_all_outcomes_says(
    its: Expected, n1: int, n0: int, chance: float, most: float
) -> None:
    summed = excess_sum(its, n1, n0, chance, chance, lambda evidence: passes(evidence, most))
    # The control arm's outcomes beyond six standard deviations are left out.
    assert pass_probability(its, n1, n0, chance, most, 0.95) == pytest.approx(summed, abs=1e-6)


@pytest.mark.parametrize(("n1", "n0", "chance", "limit", "alpha"), [(40, 30, 0.1, 0.0, 0.01), (50, 40, 0.3, 0.1, 0.05)])
@pytest.mark.parametrize("its", [DIFFERENCE, RELATIVE])
def test_an_excess_that_is_called_detectable_fails_in_80_percent(
    its: Expected, n1: int, n0: int, chance: float, limit: float, alpha: float
) -> None:
    leak = detectable(its, n1, n0, chance, limit, alpha)
    assert leak is not None
    a = chance + leak * (1 - chance if its.scale == "relative" else 1)
    assert excess_sum(its, n1, n0, a, chance, lambda each: fails(each, limit, alpha)) == pytest.approx(POWER, abs=1e-5)


@pytest.mark.parametrize(("n", "most"), [(100, 0.6), (2000, 0.52)])
def test_a_proportion_passes_as_the_binomial_says(n: int, most: float) -> None:
    last = max(k for k in range(n + 1) if passes(Proportion(k=k, n=n), most))
    expected = float(binom.cdf(last, n, 0.5))
    assert pass_probability(SHARE, n, 0, 0.5, most, 0.95) == pytest.approx(expected, abs=1e-9)
    leak = detectable(SHARE, n, 0, 0.5, most, 0.05)
    assert leak is not None
    first = next(k for k in range(n + 1) if fails(Proportion(k=k, n=n), most, 0.05))
    assert float(binom.sf(first - 1, n, leak)) == pytest.approx(POWER, abs=1e-5)


@pytest.mark.parametrize(("n1", "n0", "most"), [(400, 300, 0.03), (1000, 2000, 0.03), (300, 1000, 0.02)])
def test_tail_hits_without_a_leak_are_beta_binomial(n1: int, n0: int, most: float) -> None:
    allowed = math.floor(0.01 * n0)
    last = max(h for h in range(60) if passes(TailHits(hits=h, n1=n1, n0=n0, fpr=0.01), most))
    exact = float(betabinom(n1, allowed + 1, n0 - allowed).cdf(last))
    assert pass_probability(TAIL, n1, n0, 0.01, most, 0.95) == pytest.approx(exact, abs=1e-9)


def test_too_few_tries_pass_nothing_and_find_nothing() -> None:
    for its, n1, n0, chance in [
        (TAIL, 500, 298, 0.01),
        (AUC, 0, 10, 0.5),
        (DIFFERENCE, 10, 0, 0.0),
        (SHARE, 0, 0, 0.5),
    ]:
        assert not measurable(its, n1, n0, chance)
        assert pass_probability(its, n1, n0, chance, 0.9, 0.95) == 0.0
        assert detectable(its, n1, n0, chance, 0.1, 0.05) is None
    assert measurable(TAIL, 500, 299, 0.01)


def test_a_handful_of_tries_cannot_fail_whatever_the_leak() -> None:
    assert detectable(DIFFERENCE, 2, 2, 0.0, 0.0, 0.01) is None


def test_more_rows_pass_more_often_and_find_smaller_leaks() -> None:
    for its, chance, most in [(AUC, 0.5, 0.55), (DIFFERENCE, 0.002, 0.01), (RELATIVE, 0.5, 0.1)]:
        sizes = (200, 800, 3200, 12800)
        chances = [pass_probability(its, n, n, chance, most, 0.95) for n in sizes]
        leaks = [detectable(its, n, n, chance, most, 0.01) or 1.0 for n in sizes]
        assert all(fewer < more for fewer, more in pairwise(chances[:3]))
        assert all(fewer > more for fewer, more in pairwise(leaks))


def test_more_tests_find_only_larger_leaks() -> None:
    leaks = [detectable(AUC, 500, 500, 0.5, 0.55, 0.05 / tests) for tests in (1, 5, 25)]
    assert all(a is not None and b is not None and a < b for a, b in pairwise(leaks))


@pytest.mark.parametrize(("limit", "plain"), [(0.55, 413), (0.60, 104), (0.65, 47)])
def test_certifying_an_auc_needs_what_the_plain_formula_says_and_what_exact_bounds_cost(
    limit: float, plain: int
) -> None:
    """The plain formula takes AUC + 1.645 standard errors for the bound, variance (2 n + 1) / (12 n²), and is met by
    chance in 80 % from n = 413, 104 and 47 on.

    Ours are a rate's exact bounds at as many tries u as the AUC is worth, which cost two things more: the variance in
    the bound is larger by AUC (1 - AUC) 4 / n², that is by a share of 6 / n, and exact bounds lie half a try,
    1 / (2 u), beyond normal ones, u = 1.5 n. Both together at most:
    (z.95 + z.80) sqrt((1 + 6 / n) (2 n + 1) / (12 n²)) + 1 / (3 n) = limit - 0.5.
    """
    z = float(norm.ppf(0.95) + norm.ppf(0.8))

    def least(cost: int) -> int:
        return next(
            n
            for n in range(10, 1000)
            if z * math.sqrt((1 + cost * 6 / n) * (2 * n + 1) / 12) / n + cost / (3 * n) <= limit - 0.5
        )

    assert least(0) == plain
    ours = needed(AUC, 0, 0, 0.5, limit, 0.95, POWER, ENOUGH)
    assert ours is not None
    assert plain <= ours <= least(1)
    assert least(1) <= 1.26 * plain


def test_what_is_needed_is_enough_and_hardly_less_is() -> None:
    units = needed(DIFFERENCE, 0, 0, 0.002, 0.01, 0.95, 0.8, ENOUGH)
    assert units is not None
    assert pass_probability(DIFFERENCE, units, units, 0.002, 0.01, 0.95) >= 0.8
    assert pass_probability(DIFFERENCE, units * 97 // 100, units * 97 // 100, 0.002, 0.01, 0.95) < 0.8


def test_an_arm_that_has_more_keeps_it() -> None:
    alone = needed(AUC, 0, 0, 0.5, 0.55, 0.95, 0.8, ENOUGH)
    beside = needed(AUC, 100_000, 0, 0.5, 0.55, 0.95, 0.8, ENOUGH)
    assert alone is not None
    assert beside is not None
    assert 0.48 * alone < beside < 0.6 * alone  # the variance 1/n1 + 1/n0 loses one of its halves


def test_a_limit_at_the_level_of_chance_is_never_met_and_a_cap_may_be_too_low() -> None:
    assert needed(AUC, 0, 0, 0.5, 0.5, 0.95, 0.8, ENOUGH) is None
    assert needed(RELATIVE, 0, 0, 0.5, 0.05, 0.95, 0.8, 500) is None
    capped = needed(RELATIVE, 0, 0, 0.5, 0.1, 0.95, 0.8, 2000)
    assert capped is not None
    assert capped <= 2000


def test_a_small_ranking_is_judged_by_the_bound_without_an_estimated_variance() -> None:
    """Fewer than 30 units: the variance in the bound is Birnbaum and Klose's, whatever the sampling variance."""
    n = 20
    edge = max(k / 1000 for k in range(1001) if passes(Ranking(auc=k / 1000, variance=0.0, n1=n, n0=n), 0.8))
    spread = math.sqrt((2 * n + 1) / 12) / n
    assert pass_probability(AUC, n, n, 0.5, 0.8, 0.95) == pytest.approx(float(norm.cdf(edge, 0.5, spread)), abs=5e-3)
