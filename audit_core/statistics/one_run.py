"""What guesses about coins say of a claim of differential privacy: a lower bound on epsilon from one run.

Each of m records was let into the data by a coin of its own. Whoever sees only what was released guesses r of the
coins to have come up "in". Under (epsilon, delta) no guess is right with more than the probability that its odds
e^epsilon p / (1 - p) give, but for what delta lets through.
"""

import math

import numpy as np

MOST_EPSILON = 64.0
"""Beyond this no finite number of guesses tells one epsilon from another."""


def epsilon_p_value(right: int, guesses: int, coins: int, p_in: float, epsilon: float, delta: float) -> float:
    """The probability of so many right guesses or more under (epsilon, delta), at most.

    A posterior exceeds its bound q at delta = 0 by at most p (1 - q) delta in the mean, so the published term
    2 m delta, made for fair coins, holds for every p.

    Args:
        right: Of the guesses, those whose coin came up "in".
        guesses: How many, fixed before the coins were looked at.
        coins: All that guesses were chosen from.
        p_in: The probability with which a coin came up "in".

    References:
        Steinke, Nasr & Jagielski (2023), Privacy auditing with one (1) training run, theorem 5.2; odds with p / (1 - p)
        in place of 1 follow from Bayes' rule.
    """
    if guesses == 0 or right == 0:
        return 1.0
    from scipy.special import bdtr, bdtrc

    q = most_right(p_in, epsilon)
    beta = float(bdtrc(right - 1, guesses, q))
    if delta == 0:
        return min(1.0, beta)
    fewer = np.arange(1, right + 1)
    least = right - fewer - 1
    below = bdtr(right - 1, guesses, q) - np.where(least < 0, 0.0, bdtr(np.maximum(least, 0), guesses, q))
    return min(1.0, beta + 2 * coins * delta * float(np.max(below / fewer)))


def most_right(p_in: float, epsilon: float) -> float:
    """With which probability a guess of "in" is right at most, under pure epsilon."""
    return p_in / (p_in + (1 - p_in) * math.exp(-epsilon))


def epsilon_low(right: int, guesses: int, coins: int, p_in: float, delta: float, alpha: float) -> float:
    """The largest epsilon that is refuted at level `alpha`; 0 where none is, `MOST_EPSILON` at most."""

    def refuted(epsilon: float) -> bool:
        return epsilon_p_value(right, guesses, coins, p_in, epsilon, delta) < alpha

    if not refuted(0.0):
        return 0.0
    low, high = 0.0, 1.0
    while refuted(high):
        low, high = high, 2 * high
        if low >= MOST_EPSILON:
            return MOST_EPSILON
    while high - low > 1e-9 * max(1.0, low):
        middle = (low + high) / 2
        low, high = (middle, high) if refuted(middle) else (low, middle)
    return low
