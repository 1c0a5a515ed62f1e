"""What has been spent: every look at the data goes through here, and the one that would overspend is refused."""

import math
import warnings
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache
from importlib.metadata import version

from audit_core.guarantee import KeptValues, Mechanism, NoisyCounts, NoisySteps


class Overspent(Exception):
    """A step that the plan does not hold; nothing was spent on it."""


class Meter:
    """A budget, and the mechanisms that drew on it.

    Attributes:
        epsilon, delta: The budget.
        mechanisms: That looked at the data, in their order.
    """

    def __init__(self, epsilon: float, delta: float) -> None:
        """Takes the budget."""
        self.epsilon, self.delta = epsilon, delta
        self.mechanisms: list[Mechanism] = []
        self._planned: list[NoisySteps] = []
        self._taken = 0

    def spend(self, mechanism: NoisyCounts | KeptValues) -> None:
        """Enters a mechanism before it looks at the data.

        Raises:
            Overspent: All mechanisms together would cost more than the budget.
        """
        self._refuse_overspending(mechanism)
        self.mechanisms.append(mechanism)

    def plan(self, steps: NoisySteps) -> None:
        """Enters steps of training that are yet to be taken, after all those that were planned before.

        Raises:
            Overspent: Taken all, they would cost more than the budget.
        """
        self._refuse_overspending(steps)
        self._planned.append(steps)

    def _refuse_overspending(self, mechanism: Mechanism) -> None:
        after = [*self.committed, mechanism]
        if prv(after, self.delta) > self.epsilon and rdp(after, self.delta) > self.epsilon:
            raise Overspent(mechanism.purpose)

    def step(self) -> None:
        """Enters one step before it is taken.

        Raises:
            Overspent: It is not in the plan.
        """
        if self._taken >= sum(plan.steps for plan in self._planned):
            raise Overspent("one more step than planned")
        self._taken += 1

    def resume(self, taken: int) -> None:
        """Goes on after as many steps as a checkpoint knows of."""
        for _ in range(taken - self._taken):
            self.step()

    @property
    def taken(self) -> int:
        """Steps taken."""
        return self._taken

    @property
    def spent(self) -> tuple[Mechanism, ...]:
        """Every mechanism so far, the steps as many as were taken."""
        steps, left = [], self._taken
        for plan in self._planned:
            if now := min(left, plan.steps):
                steps.append(replace(plan, steps=now))
                left -= now
        return (*self.mechanisms, *steps)

    @property
    def committed(self) -> tuple[Mechanism, ...]:
        """Every mechanism so far, and all steps that are planned."""
        return (*self.mechanisms, *self._planned)

    @property
    def spent_prv(self) -> float:
        """The epsilon spent, by the accountant of privacy loss random variables."""
        return prv(self.spent, self.delta)

    @property
    def spent_rdp(self) -> float:
        """The epsilon spent, by Rényi accounting."""
        return rdp(self.spent, self.delta)

    @property
    def accountant(self) -> str:
        """Whose numbers those are."""
        return f"PRV, Opacus {version('opacus')}"


LEAST_SIGMA = 6.0
"""Of noisy counts, in rows. Below, the discrete Gaussian costs visibly more than the accountant's continuous one."""


def sigma_of(multiplier: float, tables: int) -> float:
    """The noise of so many tables that costs as much as one Gaussian mechanism of that multiplier, or less."""
    return max(LEAST_SIGMA, multiplier * math.sqrt(tables)) if multiplier else 0.0


def prv(mechanisms: Sequence[Mechanism], delta: float) -> float:
    """The epsilon of mechanisms by privacy loss random variables.

    References:
        Gopi, Lee & Wutschitz (2021), Numerical composition of differential privacy.
    """
    return _epsilon("prv", tuple(mechanisms), delta)


def rdp(mechanisms: Sequence[Mechanism], delta: float) -> float:
    """The epsilon of mechanisms by Rényi accounting (Mironov 2017)."""
    return _epsilon("rdp", tuple(mechanisms), delta)


@cache
def _epsilon(kind: str, mechanisms: tuple[Mechanism, ...], delta: float) -> float:
    from opacus.accountants import create_accountant

    history, left = [], delta
    for one in mechanisms:
        if isinstance(one, KeptValues):
            left -= one.delta
        elif isinstance(one, NoisyCounts):
            history.append((one.noise_multiplier, 1.0, 1))
        elif isinstance(one, NoisySteps):
            history.append((one.noise_multiplier, one.sample_rate, one.steps))
    if left <= 0 or any(noise == 0 for noise, _, _ in history):
        return math.inf
    if not history:
        return 0.0
    accountant = create_accountant(kind)
    accountant.history = history
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a logarithm of 0 on the way where nothing is sampled away
        return float(accountant.get_epsilon(delta=left))


LEAST_NOISE, MOST_NOISE = 0.3, 1e4
"""Of steps, over the clipping norm: below the one, nobody is protected; beyond the other, nothing is learnt."""

NEAR = 0.003
"""Noise is sized so that at most this share of a budget is left."""


def noise_for(epsilon: float, delta: float, before: Sequence[Mechanism], steps: NoisySteps) -> float:
    """The noise multiplier at which as many steps, after what was spent before, just stay within a budget.

    Raises:
        Overspent: The budget is spent already, or no noise is enough.
    """
    if prv(before, delta) >= epsilon:
        raise Overspent(steps.purpose)

    def spent(noise: float) -> float:
        return prv([*before, replace(steps, noise_multiplier=noise)], delta)

    noise = _about(epsilon, delta, before, steps)
    low, high = (LEAST_NOISE, math.inf), (MOST_NOISE, 0.0)  # noise that is not enough, and noise that is; their costs
    while high[0] / low[0] > 1 + NEAR / 10:
        cost = spent(noise)
        if epsilon * (1 - NEAR) <= cost <= epsilon:
            return noise
        low, high = ((noise, cost), high) if cost > epsilon else (low, (noise, cost))
        noise = _between(low, high, epsilon * (1 - NEAR / 2))
    if high[0] == MOST_NOISE:
        raise Overspent("no noise is enough for so small a budget")
    return high[0]


def _between(low: tuple[float, float], high: tuple[float, float], epsilon: float) -> float:
    """The noise whose cost is to be expected to be epsilon: costs are about a power of the noise."""
    middle = math.sqrt(low[0] * high[0])
    if high[1] <= 0 and math.isinf(low[1]):
        return middle
    if high[1] <= 0:  # one cost is known: they fall somewhat faster than noise grows
        noise = low[0] * (low[1] / epsilon) ** 0.8
    elif math.isinf(low[1]):
        noise = high[0] * (high[1] / epsilon) ** 0.8
    else:
        power = math.log(high[0] / low[0]) / math.log(low[1] / high[1])
        noise = low[0] * (low[1] / epsilon) ** power
    return noise if low[0] < noise < high[0] else middle


def _about(epsilon: float, delta: float, before: Sequence[Mechanism], steps: NoisySteps) -> float:
    """Where to look first, by the central limit of many steps, which asks for too little noise.

    References:
        Dong, Roth & Su (2022), Gaussian differential privacy, section 5.
    """
    squares = sum(_square(one.noise_multiplier, 1.0, 1) for one in before if isinstance(one, NoisyCounts))
    squares += sum(
        _square(one.noise_multiplier, one.sample_rate, one.steps) for one in before if isinstance(one, NoisySteps)
    )

    def enough(noise: float) -> bool:
        mu = math.sqrt(squares + _square(noise, steps.sample_rate, steps.steps))
        return _delta_of(mu, epsilon) <= delta

    if enough(LEAST_NOISE * 1.05):
        return LEAST_NOISE
    try:
        return least(enough, LEAST_NOISE, MOST_NOISE, 1.01)[1]
    except Overspent:
        return MOST_NOISE


def _square(noise: float, rate: float, steps: int) -> float:
    """What steps add to the square of the mean of a Gaussian mechanism that costs as much."""
    each = 1 / noise**2 if rate == 1 else rate**2 * math.expm1(min(1 / noise**2, 500.0))
    return steps * each


def _delta_of(mu: float, epsilon: float) -> float:
    """The delta of a Gaussian mechanism at an epsilon (Balle & Wang 2018, theorem 8)."""
    if mu == 0:
        return 0.0
    if epsilon > 700:
        return _normal(mu / 2 - epsilon / mu)
    return _normal(mu / 2 - epsilon / mu) - math.exp(epsilon) * _normal(-mu / 2 - epsilon / mu)


def _normal(z: float) -> float:
    return math.erfc(-z / math.sqrt(2)) / 2


def noise_of_counts(epsilon: float, delta: float, looks: int) -> float:
    """The noise multiplier with which so many looks at all counts cost `epsilon` together.

    Raises:
        Overspent: The budget is too small for any noise.
    """

    def within(multiplier: float) -> bool:
        counts = [NoisyCounts(purpose="", sigma=multiplier, tables=1)] * looks
        return rdp(counts, delta) <= epsilon or prv(counts, delta) <= epsilon

    return least(within, 0.1, 1e4, 1.01)[1]


def least(enough: Callable[[float], bool], low: float, high: float, factor: float) -> tuple[float, float]:
    """The least number that is enough, to within a factor, between one that is not and one that is.

    Raises:
        Overspent: Not even the largest is.
    """
    if not enough(high):
        raise Overspent("no noise is enough for so small a budget")
    while high / low > factor:
        middle = math.sqrt(low * high)
        low, high = (low, middle) if enough(middle) else (middle, high)
    return low, high
