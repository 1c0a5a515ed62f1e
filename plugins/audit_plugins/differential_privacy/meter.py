"""What has been spent: every look at the data goes through here, and the one that would overspend is refused."""

import math
import warnings
from collections.abc import Callable, Sequence
from dataclasses import replace
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
        # Rényi accounting is quick and the looser one: what it lets pass needs no second look.
        if rdp(after, self.delta) > self.epsilon and prv(after, self.delta) > self.epsilon:
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
    from opacus.accountants import PRVAccountant

    return _epsilon(PRVAccountant(), mechanisms, delta)


def rdp(mechanisms: Sequence[Mechanism], delta: float) -> float:
    """The epsilon of mechanisms by Rényi accounting (Mironov 2017)."""
    from opacus.accountants import RDPAccountant

    return _epsilon(RDPAccountant(), mechanisms, delta)


def _epsilon(accountant: object, mechanisms: Sequence[Mechanism], delta: float) -> float:
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
    accountant.history = history  # type: ignore[attr-defined]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a logarithm of 0 on the way where nothing is sampled away
        return float(accountant.get_epsilon(delta=left))  # type: ignore[attr-defined]


def noise_for(epsilon: float, delta: float, before: Sequence[Mechanism], steps: NoisySteps) -> float:
    """The least noise multiplier at which as many steps, after what was spent before, stay within a budget.

    Raises:
        Overspent: The budget is spent already.
    """

    def after(noise: float) -> list[Mechanism]:
        return [*before, replace(steps, noise_multiplier=noise)]

    if prv(before, delta) >= epsilon:
        raise Overspent(steps.purpose)
    # Rényi accounting is quick and asks for more noise, where it finds any: it says where to look.
    try:
        low, high = least(lambda noise: rdp(after(noise), delta) <= epsilon, 0.3, 1e4, 1.05)
    except Overspent:
        low, high = 0.3, 1e4
    return least(lambda noise: prv(after(noise), delta) <= epsilon, low * 0.7, high, 1.003)[1]


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
