"""How likely an audit of a given size passes a release without a leak, and how large a leak it finds.

A rule is judged by bounds that rise with the hits. So there is a number of hits from which it no longer passes, and one
from which it fails. They are sought with the bounds the judge uses, so that plan and judge cannot disagree, and their
probabilities are those of the sampling model. What is left out: 0.1 % of releases without a leak are inconclusive
because their arms look swapped.

References:
    Obuchowski & McClish (1997), Sample size determination for diagnostic accuracy studies.
"""

from collections.abc import Callable
from functools import lru_cache

import numpy as np

from audit_core.evidence import Evidence
from audit_core.plugin import Expected
from audit_core.sampling import Outcomes, Sampling, sampling

POWER = 0.8
"""The probability with which a leak should be found, and a release without one should pass."""


def measurable(its: Expected, n1: int, n0: int, chance: float) -> bool:
    """Whether there are tries enough for any statement."""
    return sampling(its, n1, n0, chance) is not None


@lru_cache(maxsize=1024)
def pass_probability(its: Expected, n1: int, n0: int, chance: float, most: float, confidence: float) -> float:
    """P(upper bound <= most) for a release without a leak; 0 where there are too few tries.

    Args:
        n1, n0, chance: As for `sampling`.
        most: The rule's limit and margin.
        confidence: The policy's, of an upper bound.
    """
    model = sampling(its, n1, n0, chance)
    if model is None:
        return 0.0
    return 1 - _probability(model, _boundary(model, lambda it: it.bounds(confidence).high > most), model.innocent)


@lru_cache(maxsize=1024)
def detectable(its: Expected, n1: int, n0: int, chance: float, limit: float, alpha: float) -> float | None:
    """The smallest true value whose lower bound at 1 - alpha lies above the limit with probability 0.8.

    None where no leak is found so often, however large. The other arguments are as for `sampling`.
    """
    from scipy.optimize import brentq

    model = sampling(its, n1, n0, chance)
    if model is None:
        return None
    beyond = _boundary(model, lambda it: it.bounds(1 - alpha).low > limit)

    def surplus(truth: float) -> float:
        return _probability(model, beyond, truth) - POWER

    if surplus(model.top) < 0:
        return None
    if surplus(model.innocent) >= 0:  # a limit below what chance gives
        return model.innocent
    return float(brentq(surplus, model.innocent, model.top, xtol=1e-7))


def needed(
    its: Expected, n1: int, n0: int, chance: float, most: float, confidence: float, wanted: float, cap: int
) -> int | None:
    """The tries that either arm must have at least so that a release without a leak passes often enough; to 1 %.

    An arm that has more keeps them. None where `cap` tries would not do. The other arguments are as for
    `pass_probability`.

    Args:
        wanted: The probability of a pass.
    """

    def enough(tries: int) -> bool:
        return pass_probability(its, max(n1, tries), max(n0, tries), chance, most, confidence) >= wanted

    if most <= (0.0 if its.kind == "excess" else chance):
        return None  # whatever the tries, an upper bound lies below the truth in 5 %
    low, high = 0, min(16, cap)
    while not enough(high):
        if high == cap:
            return None
        low, high = high, min(2 * high, cap)
    while high - low > max(1, high // 100):
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high


def _boundary(model: Sampling, holds: Callable[[Evidence], bool]) -> Outcomes:
    """For each control outcome the first outcome of the member arm that holds, as all above it do; else most + 1."""
    found = np.empty(len(model.control))
    last = 0  # where the search before ended: more hits in one arm go with more in the other
    for position, control in enumerate(model.control.tolist()):

        def beyond(outcome: int, control: float = control) -> bool:
            return outcome > model.most or (outcome >= 0 and holds(model.evidence(outcome, control)))

        low = high = last
        step = 1
        while not beyond(high):
            low, high, step = high, high + step, 2 * step
        step = 1
        while beyond(low):
            low, high, step = low - step, low, 2 * step
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (low, middle) if beyond(middle) else (middle, high)
        found[position] = last = min(high, model.most + 1)
    return found


def _probability(model: Sampling, beyond: Outcomes, truth: float) -> float:
    """That the member arm reaches the boundary."""
    reached = np.where(beyond > model.most, 0.0, model.at_least(beyond, truth))
    return float(model.weight @ reached)
