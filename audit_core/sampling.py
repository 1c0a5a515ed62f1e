"""The outcomes a measurement can have, before it is made, and their probabilities.

- a rate: binomial;
- an excess: binomial in either arm;
- a rate of hits in the tail: binomial at the rate lambda B, B ~ Beta(j + 1, n0 - j), as in `tail_bounds`: beta-binomial
  without a leak;
- an AUC: normal, with the variance that two exponential distributions have. Without a leak that is the variance of
  the Mann-Whitney statistic of untied scores, (n1 + n0 + 1) / (12 n1 n0).

References:
    Hanley & McNeil (1982), The meaning and use of the area under a receiver operating characteristic curve.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from audit_core.evidence import Evidence, Excess, Proportion, Ranking, TailHits
from audit_core.plugin import Expected
from audit_core.statistics.tail_bounds import tail_p_value

Outcomes = NDArray[np.float64]

_STEPS = 1_000_000  # in which an AUC is looked at


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampling:
    """The outcomes of a measurement, before it is made.

    Attributes:
        most: The member arm's outcomes are 0..most.
        evidence: What is stored of an outcome of the member arm and one of the control arm.
        at_least: P(outcome of the member arm >= each of some), where the truth is as given.
        innocent: The truth of a release without a leak.
        top: The highest truth there can be.
        control: Outcomes of the control arm, ascending, shape `(n_control,)`; one where there is no such arm or what
            it does is part of `at_least`.
        weight: Their probabilities.
    """

    most: int
    evidence: Callable[[int, float], Evidence]
    at_least: Callable[[Outcomes, float], Outcomes]
    innocent: float
    top: float
    control: Outcomes = field(default_factory=lambda: np.zeros(1))
    weight: Outcomes = field(default_factory=lambda: np.ones(1))


def sampling(its: Expected, n1: int, n0: int, chance: float) -> Sampling | None:
    """The outcomes of evidence as expected; None where nothing could be said of any.

    Args:
        n1, n0: Independent tries among members and controls.
        chance: What a release without a leak scores; of an excess, the control arm's rate.
    """
    if n1 < 1 or (n0 < 1 and its.kind != "proportion"):
        return None
    match its.kind:
        case "proportion":
            return Sampling(
                most=n1,
                evidence=lambda k, _: Proportion(k=k, n=n1),
                at_least=lambda k, rate: _binomial_tail(k, n1, rate),
                innocent=chance,
                top=1.0,
            )
        case "ranking":
            return Sampling(
                most=_STEPS,
                evidence=lambda k, _: _ranking(k / _STEPS, n1, n0),
                at_least=lambda k, auc: _normal_tail((k - 0.5) / _STEPS, auc, _auc_variance(auc, n1, n0)),
                innocent=chance,
                top=1 - 1e-6,
            )
        case "tail-hits" if TailHits(hits=0, n1=n1, n0=n0, fpr=chance).measurable:
            return Sampling(
                most=n1,
                evidence=lambda k, _: TailHits(hits=k, n1=n1, n0=n0, fpr=chance),
                at_least=lambda k, tpr: np.array([_tail(float(hits), n1, n0, chance, tpr) for hits in k]),
                innocent=chance,
                top=1 - 1e-6,
            )
        case "excess":
            room = 1 - chance if its.scale == "relative" else 1.0
            control, weight = _control_outcomes(n0, chance)
            return Sampling(
                most=n1,
                evidence=lambda k, k0: Excess(k1=k, n1=n1, k0=k0, n0=n0, scale=its.scale),
                at_least=lambda k, leak: _binomial_tail(k, n1, chance + leak * room),
                innocent=0.0,
                top=(1 - chance) / room,
                control=control,
                weight=weight,
            )
    return None


def _control_outcomes(n0: int, rate: float) -> tuple[Outcomes, Outcomes]:
    """Outcomes of the control arm within six standard deviations, and their probabilities."""
    mean, spread = n0 * rate, 6 * math.sqrt(n0 * rate * (1 - rate)) + 6
    least, most = max(0, math.floor(mean - spread)), min(n0, math.ceil(mean + spread))
    outcomes = np.arange(least, most + 1, dtype=np.float64)
    weight = -np.diff(_binomial_tail(np.append(outcomes, most + 1), n0, rate))
    return outcomes, weight / weight.sum()


def _binomial_tail(k: Outcomes, n: int, rate: float) -> Outcomes:
    """P(k hits or more in n tries)."""
    from scipy.special import betainc

    inside = np.clip(k, 1, n)
    tail = np.asarray(betainc(inside, n - inside + 1, min(1.0, rate)))
    return np.where(k <= 0, 1.0, np.where(k > n, 0.0, tail))


def _tail(hits: float, n1: int, n0: int, fpr: float, tpr: float) -> float:
    """P(so many hits or more): the same tail as a p-value's, at the truth instead of the limit."""
    return 0.0 if hits > n1 else tail_p_value(hits, n1, n0, fpr, tpr)


def _normal_tail(k: Outcomes, mean: float, variance: float) -> Outcomes:
    from scipy.special import ndtr

    return np.asarray(ndtr((mean - k) / math.sqrt(variance)))


def _ranking(auc: float, n1: int, n0: int) -> Ranking:
    return Ranking(auc=auc, variance=_auc_variance(auc, n1, n0), n1=n1, n0=n0)


def _auc_variance(auc: float, n1: int, n0: int) -> float:
    """Of the AUC of two exponential distributions (Hanley & McNeil 1982, equation 2)."""
    both, one = auc / (2 - auc), 2 * auc**2 / (1 + auc)
    variance = auc * (1 - auc) + (n1 - 1) * (both - auc**2) + (n0 - 1) * (one - auc**2)
    return max(0.0, variance / (n1 * n0))
