"""Coverage of the intervals of usefulness: rows tested on, and seeds, drawn again and again.

A bound at 95 % is on the wrong side with probability 0.05; that values from 300 rows are but roughly normal may cost
another 0.02. Among 2,000 draws the share of wrong sides exceeds 0.07 by more than 0.025 with probability below 1e-5
(the normal tail of 4.4 standard deviations).
"""

import numpy as np
import pytest

from audit_core.evidence import Mean
from audit_plugins.checks.over_seeds import auc_parts, f1_parts, over_seeds

DRAWS, MOST = 2_000, 0.07 + 0.025
ROWS, SEEDS = 300, 4


def wrong_sides(means: list[Mean], truth: float) -> tuple[float, float]:
    bounds = [its.bounds(0.95) for its in means]
    return (
        float(np.mean([one.low > truth for one in bounds])),
        float(np.mean([one.high < truth for one in bounds])),
    )


@pytest.mark.parametrize("clustered", [False, True])
@pytest.mark.parametrize("measure", ["auc", "f1"])
def test_rows_and_persons_tested_on(measure: str, clustered: bool) -> None:
    rng = np.random.default_rng(0)
    size = 2 if clustered else 1

    def draw(persons: int) -> tuple[float, np.ndarray]:
        positive = np.repeat(rng.random(persons) < 0.3, size)
        score = np.repeat(rng.normal(size=persons), size) + 1.2 * positive
        return auc_parts(score, positive) if measure == "auc" else f1_parts(score > 1, positive)

    truth = draw(1_000_000)[0]
    whose = np.repeat(np.arange(ROWS), size)
    means = []
    for _ in range(DRAWS):
        value, moves = draw(ROWS)
        means.append(over_seeds(np.full(SEEDS, value), moves, whose))
    low, high = wrong_sides(means, truth)
    assert low < MOST
    assert high < MOST
    assert low + high > 0.02  # no wider than need be


def test_seeds() -> None:
    rng = np.random.default_rng(0)
    means = [over_seeds(rng.normal(0.8, 0.02, SEEDS), np.zeros(ROWS)) for _ in range(DRAWS)]
    low, high = wrong_sides(means, 0.8)
    assert low < MOST
    assert high < MOST


def test_seeds_and_rows_together() -> None:
    """Seeds move the mean by 0.01, rows by as much."""
    rng = np.random.default_rng(0)
    means = []
    for _ in range(DRAWS):
        moves = rng.normal(0, 0.01 * np.sqrt(ROWS), ROWS)
        values = 0.8 + moves.mean() + rng.normal(0, 0.02, SEEDS)
        means.append(over_seeds(values, moves - moves.mean()))
    low, high = wrong_sides(means, 0.8)
    assert low < MOST
    assert high < MOST
