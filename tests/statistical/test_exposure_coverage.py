"""Bounds on mean exposure: how often they are wrong, by simulation of the texts and of what they are ranked among."""

from collections.abc import Callable

import numpy as np
import pytest
from scipy.stats import binom, norm

from audit_core.evidence import Mean
from audit_core.statistics import extraction

ROUNDS = 1000


def truth(shift: float, references: int) -> float:
    """Mean exposure of a planted text with score N(shift, 1) among references N(0, 1), by quadrature."""
    scores = np.linspace(-7, 7, 1401) + shift
    weights = norm.pdf(scores - shift)
    above = np.arange(references + 1)
    lost = [binom.pmf(above, references, share) @ np.log2(1 + above) for share in norm.sf(scores)]
    return float(np.log2(references) - np.average(lost, weights=weights))


@pytest.mark.parametrize(
    ("planted", "references", "shift"),
    [(100, 1100, 0.0), (100, 1100, 1.0), (50, 300, 3.0), (10, 100, 4.0), (10, 50, 0.0)],
)
def test_bounds_on_mean_exposure_hold(
    planted: int,
    references: int,
    shift: float,
    significantly_above: Callable[[int, int, float], bool],
) -> None:
    rng = np.random.default_rng([planted, references])
    true = truth(shift, references)
    wrong = np.zeros(2)
    for _ in range(ROUNDS):
        its = extraction.exposure(rng.normal(shift, 1, planted), rng.normal(0, 1, references))
        bounds = Mean(mean=its.by_rank.mean(), se=its.standard_error, df=planted - 1).bounds(0.95)
        wrong += [bounds.low > true, bounds.high < true]
    assert not significantly_above(int(wrong[0]), ROUNDS, 0.05)
    # Nothing fails by the upper bound; of a mean of few values with a long tail it may miss up to 2 % more often.
    assert not significantly_above(int(wrong[1]), ROUNDS, 0.07)
