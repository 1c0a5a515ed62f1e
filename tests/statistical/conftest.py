"""What the coverage tests assert."""

from collections.abc import Callable

import pytest
from scipy.stats import binom

LEVEL = 1e-5
"""How often a test of this folder fails by chance: once in 100,000, whatever the seed."""


@pytest.fixture
def significantly_above() -> Callable[[int, int, float], bool]:
    """Whether so many misses in so many rounds are too many for a bound that may miss with probability alpha.

    A bound that holds its level misses Binomial(rounds, alpha) times at most; the count is too large if that many or
    more have a probability below 1e-5.
    """

    def judged(misses: int, rounds: int, alpha: float) -> bool:
        return bool(binom.sf(misses - 1, rounds, alpha) < LEVEL)

    return judged
