"""The one-run bound exceeds a true epsilon as rarely as it says, for fair coins and for others."""

import numpy as np
import pytest

from audit_core.statistics.one_run import epsilon_low

ROUNDS = 2000


@pytest.mark.parametrize("p_in", [0.5, 0.75])
@pytest.mark.parametrize("epsilon", [0.0, 1.0, 3.0])
def test_randomised_response_is_rarely_overestimated(epsilon: float, p_in: float) -> None:
    """What tells each coin truly with odds e^epsilon is exactly (epsilon, 0)-private; a guess repeats what it tells."""
    rng = np.random.default_rng([int(epsilon), int(100 * p_in)])
    coins, guesses, over, total = 1000, 100, 0, 0.0
    for _ in range(ROUNDS):
        member = rng.random(coins) < p_in
        truthful = rng.random(coins) < 1 / (1 + np.exp(-epsilon))
        told = np.where(truthful, member, ~member)
        guessed = np.argsort(-(told + rng.random(coins) / 2))[:guesses]
        low = epsilon_low(int(member[guessed].sum()), guesses, coins, p_in, 0.0, 0.05)
        over += low > epsilon
        total += low
    assert over / ROUNDS <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / ROUNDS)
    # And it is no empty bound: a one-sided 95 % bound lies 1.64 standard errors of the log odds below the truth.
    q = p_in / (p_in + (1 - p_in) * np.exp(-epsilon))
    assert total / ROUNDS > max(0.0, epsilon - 2 / np.sqrt(guesses * q * (1 - q)))
