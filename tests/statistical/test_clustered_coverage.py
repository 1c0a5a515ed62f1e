"""Rows of one person are not independent: rows as such miss far too often, the clustered bounds do not."""

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import norm

from audit_core.evidence import Excess, Ranking
from audit_core.statistics.bounds import clopper_pearson
from audit_core.statistics.estimates import delong, design_effect, independent_units

Ids = NDArray[np.int64]
Sizes = Callable[[np.random.Generator, int], Ids]

ROUNDS = 1000


def five_rows_each(rng: np.random.Generator, persons: int) -> Ids:
    return np.full(persons, 5)


def geometric_rows(rng: np.random.Generator, persons: int) -> Ids:
    return rng.geometric(0.2, persons)


def heavy_rows(rng: np.random.Generator, persons: int) -> Ids:
    """Most persons have a row or two, a few have up to two hundred."""
    return np.minimum(rng.zipf(2.0, persons), 200)


def hits(
    rng: np.random.Generator, sizes: Sizes, persons: int, rate: float, agreement: float
) -> tuple[NDArray[np.bool_], Ids]:
    """Outcomes of rows and the person of each; `agreement` is the correlation of two rows of a person."""
    counts = sizes(rng, persons)
    if agreement == 1:
        chance = (rng.random(persons) < rate).astype(float)
    else:
        chance = rng.beta(rate * (1 / agreement - 1), (1 - rate) * (1 / agreement - 1), persons)
    person = np.repeat(np.arange(persons), counts)
    return rng.random(len(person)) < chance[person], person


@pytest.mark.parametrize("alpha", [0.05, 0.01])
@pytest.mark.parametrize("rate", [0.02, 0.3])
@pytest.mark.parametrize(
    ("sizes", "agreement"), [(five_rows_each, 1), (five_rows_each, 0.2), (geometric_rows, 1), (geometric_rows, 0.2)]
)
def test_an_excess_over_persons_holds_where_one_over_rows_does_not(
    sizes: Sizes, agreement: float, rate: float, alpha: float, significantly_above: Callable[[int, int, float], bool]
) -> None:
    rng = np.random.default_rng([20_113, int(100 * rate)])
    by_row = above = below = 0
    for _ in range(ROUNDS):
        (y1, person1), (y0, person0) = (hits(rng, sizes, n, rate, agreement) for n in (200, 100))
        rows = Excess(k1=y1.sum(), n1=len(y1), k0=y0.sum(), n0=len(y0), scale="difference")
        persons = replace(rows, deff1=design_effect(y1, person1), deff0=design_effect(y0, person0))
        by_row += rows.bounds(1 - alpha).low > 0
        interval = persons.bounds(1 - alpha)
        above += interval.low > 0
        below += interval.high < 0
    assert significantly_above(by_row, ROUNDS, alpha)
    assert not significantly_above(above, ROUNDS, alpha)
    assert not significantly_above(below, ROUNDS, alpha)


@pytest.mark.parametrize("rate", [0.01, 0.05])
@pytest.mark.parametrize("agreement", [0.2, 1])
def test_few_persons_with_a_hit_do_not_make_the_effect_small(
    rate: float, agreement: float, significantly_above: Callable[[int, int, float], bool]
) -> None:
    """The upper bound must hold where hardly a person has a hit, also where a few persons have most of the rows."""
    rng = np.random.default_rng([20_114, int(100 * rate)])
    below = 0
    for _ in range(ROUNDS):
        outcomes, person = hits(rng, heavy_rows, 100, rate, agreement)
        effect = design_effect(outcomes, person)
        below += clopper_pearson(outcomes.sum() / effect, len(outcomes) / effect, 0.05)[1] < rate
    assert not significantly_above(below, ROUNDS, 0.05)


@pytest.mark.parametrize(
    ("sizes", "agreement", "auc"),
    [(five_rows_each, 0.3, 0.5), (geometric_rows, 0.3, 0.8), (geometric_rows, 1, 0.5), (heavy_rows, 1, 0.5)],
)
def test_the_auc_over_persons_holds_where_that_over_rows_does_not(
    sizes: Sizes, agreement: float, auc: float, significantly_above: Callable[[int, int, float], bool]
) -> None:
    rng = np.random.default_rng([20_115, int(10 * agreement)])

    def arm(shift: float) -> tuple[NDArray[np.float64], Ids]:
        person = np.repeat(np.arange(60), sizes(rng, 60))
        shared, own = rng.normal(0, 1, 60)[person], rng.normal(0, 1, len(person))
        return shift + math.sqrt(agreement) * shared + math.sqrt(1 - agreement) * own, person

    by_row = above = below = 0
    for _ in range(ROUNDS):
        (members, person1), (controls, person0) = arm(math.sqrt(2) * float(norm.ppf(auc))), arm(0.0)
        value, row_variance = delong(members, controls)
        _, variance = delong(members, controls, person1, person0)
        rows = Ranking(auc=value, variance=row_variance, n1=len(members), n0=len(controls))
        units = [independent_units(person) for person in (person1, person0)]
        persons = Ranking(auc=value, variance=variance, n1=units[0], n0=units[1]).bounds(0.95)
        by_row += rows.bounds(0.95).low > auc
        above += persons.low > auc
        below += persons.high < auc
    assert significantly_above(by_row, ROUNDS, 0.05)
    assert not significantly_above(above, ROUNDS, 0.05)
    assert not significantly_above(below, ROUNDS, 0.05)
