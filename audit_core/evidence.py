"""The answer marked against the key, as counts and variances: all that a verdict needs, and no record.

Every kind of evidence can say the same things about itself. They are written out for `Proportion` and hold for all:

- `value`, the point estimate, 0 where nothing was tried; `trials`, the independent tries behind it;
- `bounds(confidence)`, two one-sided bounds at that confidence each, the whole range where nothing was tried;
- `p_value(limit)` of "the true value is at most the limit": the lower bound at confidence 1 - p is the limit;
- `measurable`, whether anything can be said; `inverted`, whether members and non-members look swapped;
- `scaled(factor)`, the same point estimate (of coins: the same share of right guesses) from that many times as many
  units.

Numbers are kept to 12 significant digits, so bounds recomputed from a stored card are the bounds that were judged.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Annotated, Any, Literal

from pydantic import Discriminator

from audit_core.statistics.bounds import (
    FEW,
    auc_units,
    clopper_pearson,
    excess_bounds,
    excess_p_value,
    excess_value,
    mean_bounds,
    mean_p_value,
    rate_p_value,
)
from audit_core.statistics.one_run import MOST_EPSILON, epsilon_low, epsilon_p_value
from audit_core.statistics.tail_bounds import tail_bounds, tail_p_value

SURE = 0.999
"""The confidence at which arms are called swapped."""


class InvalidEvidence(ValueError):
    """A field of evidence is not what it must be. The text names kind and field, and never the value."""

    def __init__(self, kind: type, field: str, must: str) -> None:
        super().__init__(f"{kind.__name__}.{field} must {must}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """Two one-sided bounds.

    Attributes:
        confidence: Of each bound by itself, one-sided.
        method: The field's name of the method, as printed.
    """

    low: float
    high: float
    confidence: float
    method: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Exact:
    """A number without sampling error: a property of the release itself."""

    numerator: float
    denominator: float = 1.0
    kind: Literal["exact"] = "exact"

    def __post_init__(self) -> None:
        _keep_number(self, "numerator", least=0)
        _keep_number(self, "denominator", least=0)
        if self.denominator == 0 and self.numerator > 0:
            raise InvalidEvidence(type(self), "denominator", "be above 0 where the numerator is")

    @property
    def value(self) -> float:
        return self.numerator / self.denominator if self.measurable else 0.0

    @property
    def trials(self) -> float:
        """The denominator: there is no sampling."""
        return self.denominator

    @property
    def measurable(self) -> bool:
        return self.denominator > 0

    @property
    def inverted(self) -> bool:
        return False

    def bounds(self, confidence: float) -> Interval:
        _alpha(confidence)
        high = self.value if self.measurable else 1.0
        return Interval(low=self.value, high=high, confidence=confidence, method="exact")

    def p_value(self, limit: float | Fraction) -> float:
        """0 where the value exceeds the limit, else 1. A float stands for every fraction that rounds to it."""
        if isinstance(limit, Fraction):
            return 0.0 if self.exceeds(limit) else 1.0
        return 0.0 if self.value > limit else 1.0

    def exceeds(self, limit: Fraction) -> bool:
        """Compares as fractions: 1/11 does not exceed 1/11."""
        return self.measurable and Fraction(self.numerator) > limit * Fraction(self.denominator)

    def scaled(self, factor: float) -> "Exact":
        """Itself: more units are another release."""
        _factor(factor)
        return self


@dataclass(frozen=True, slots=True, kw_only=True)
class Proportion:
    """k of n. Real-valued where a design effect has divided both."""

    k: float
    n: float
    kind: Literal["proportion"] = "proportion"

    def __post_init__(self) -> None:
        _keep_number(self, "k", least=0)
        _keep_number(self, "n", least=0)
        _not_above(self, "k", "n")

    @property
    def value(self) -> float:
        """The point estimate; 0 where nothing was tried."""
        return self.k / self.n if self.measurable else 0.0

    @property
    def trials(self) -> float:
        """Independent tries."""
        return self.n

    @property
    def measurable(self) -> bool:
        """Whether anything can be said."""
        return self.n > 0

    @property
    def inverted(self) -> bool:
        """Whether members and non-members look swapped; there is only one arm here."""
        return False

    def bounds(self, confidence: float) -> Interval:
        """Two one-sided Clopper-Pearson bounds, each at the confidence.

        Raises:
            ValueError: The confidence is not in 0.5..1, 1 excluded.
        """
        alpha = _alpha(confidence)
        low, high = clopper_pearson(self.k, self.n, alpha) if self.measurable else (0.0, 1.0)
        return Interval(low=low, high=high, confidence=confidence, method="Clopper-Pearson")

    def p_value(self, limit: float) -> float:
        """Of "the true value is at most the limit": the lower bound at confidence 1 - p is the limit."""
        return rate_p_value(self.k, self.n, limit) if self.measurable else 1.0

    def scaled(self, factor: float) -> "Proportion":
        """The same point estimate from `factor` times as many units.

        Raises:
            ValueError: The factor is not above 0.
        """
        factor = _factor(factor)
        return replace(self, k=self.k * factor, n=self.n * factor)


@dataclass(frozen=True, slots=True, kw_only=True)
class Excess:
    """A rate among members beyond the rate among controls.

    Attributes:
        k1, n1: Hits and tries in the member arm.
        k0, n0: Hits and tries in the control arm.
        scale: "difference" a - c, or "relative" (a - c) / (1 - c), which is cut at -1.
        deff1, deff0: Design effects (Rao & Scott 1992) that k and n are divided by before a bound is put on them.
    """

    k1: float
    n1: float
    k0: float
    n0: float
    scale: Literal["difference", "relative"]
    deff1: float = 1.0
    deff0: float = 1.0
    kind: Literal["excess"] = "excess"

    def __post_init__(self) -> None:
        for name in ("k1", "n1", "k0", "n0"):
            _keep_number(self, name, least=0)
        for name in ("deff1", "deff0"):
            _keep_number(self, name, least=1)
        _not_above(self, "k1", "n1")
        _not_above(self, "k0", "n0")

    @property
    def value(self) -> float:
        return excess_value(self.k1, self.n1, self.k0, self.n0, self.scale) if self.measurable else 0.0

    @property
    def trials(self) -> float:
        """Those of the smaller arm, after the design effect."""
        return min(self.n1 / self.deff1, self.n0 / self.deff0)

    @property
    def measurable(self) -> bool:
        return self.n1 > 0 and self.n0 > 0

    @property
    def inverted(self) -> bool:
        """Whether controls are hit more often than members, with 99.9 % confidence."""
        return self.bounds(SURE).high < 0

    def bounds(self, confidence: float) -> Interval:
        alpha = _alpha(confidence)
        low, high = excess_bounds(*self._arms, self.scale, alpha) if self.measurable else (-1.0, 1.0)
        method = "Newcombe, exact limits" if self.scale == "difference" else "MOVER-R, exact limits"
        return Interval(low=low, high=high, confidence=confidence, method=method)

    def p_value(self, limit: float) -> float:
        """As for a proportion, but 1 wherever it would be above 1/2."""
        return excess_p_value(*self._arms, self.scale, limit) if self.measurable else 1.0

    def scaled(self, factor: float) -> "Excess":
        factor = _factor(factor)
        return replace(self, k1=self.k1 * factor, n1=self.n1 * factor, k0=self.k0 * factor, n0=self.n0 * factor)

    @property
    def _arms(self) -> tuple[float, float, float, float]:
        """Hits and tries as if all units were independent."""
        return self.k1 / self.deff1, self.n1 / self.deff1, self.k0 / self.deff0, self.n0 / self.deff0


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranking:
    """How well scores separate members from controls.

    Attributes:
        auc: P(member's score > control's) + P(equal) / 2.
        variance: DeLong's, clustered by subject where there is one.
        n1, n0: Independent units among members and controls.
    """

    auc: float
    variance: float
    n1: int
    n0: int
    kind: Literal["ranking"] = "ranking"

    def __post_init__(self) -> None:
        _keep_number(self, "auc", least=0, most=1)
        _keep_number(self, "variance", least=0)
        _keep_count(self, "n1")
        _keep_count(self, "n0")

    @property
    def value(self) -> float:
        return self.auc if self.measurable else 0.0

    @property
    def trials(self) -> float:
        """Those of the smaller arm."""
        return float(min(self.n1, self.n0))

    @property
    def measurable(self) -> bool:
        return self.n1 > 0 and self.n0 > 0

    @property
    def inverted(self) -> bool:
        """Whether controls score higher than members, with 99.9 % confidence."""
        return self.bounds(SURE).high < 0.5

    def bounds(self, confidence: float) -> Interval:
        alpha = _alpha(confidence)
        low, high = clopper_pearson(*self._tries, alpha) if self.measurable else (0.0, 1.0)
        estimated = self.variance > 0 and self.trials >= FEW
        method = "DeLong" if estimated else "Birnbaum-Klose"
        return Interval(low=low, high=high, confidence=confidence, method=method)

    def p_value(self, limit: float) -> float:
        return rate_p_value(*self._tries, limit) if self.measurable else 1.0

    def scaled(self, factor: float) -> "Ranking":
        factor = _factor(factor)
        n1, n0 = round(self.n1 * factor), round(self.n0 * factor)
        return replace(self, variance=self.variance / factor, n1=n1, n0=n0)

    @property
    def _tries(self) -> tuple[float, float]:
        """The AUC as hits in as many tries as it is worth."""
        tries = auc_units(self.auc, self.variance, self.n1, self.n0)
        return self.auc * tries, tries


@dataclass(frozen=True, slots=True, kw_only=True)
class TailHits:
    """Members above the threshold that a share `fpr` of the controls exceeds.

    Attributes:
        hits: Members above the threshold; a tie at the threshold counts as what its orders give on average.
        n1, n0: Members and controls.
        fpr: The false-positive rate asked for; the threshold is the (floor(fpr * n0) + 1)-th largest control score.
    """

    hits: float
    n1: int
    n0: int
    fpr: float
    kind: Literal["tail-hits"] = "tail-hits"

    def __post_init__(self) -> None:
        _keep_number(self, "hits", least=0)
        _keep_count(self, "n1")
        _keep_count(self, "n0")
        _keep_number(self, "fpr", least=0, most=1)
        if self.fpr in (0.0, 1.0):
            raise InvalidEvidence(type(self), "fpr", "lie between 0 and 1")
        _not_above(self, "hits", "n1")

    @property
    def value(self) -> float:
        """The true-positive rate."""
        return self.hits / self.n1 if self._tried else 0.0

    @property
    def trials(self) -> float:
        """Those of the smaller arm."""
        return float(min(self.n1, self.n0))

    @property
    def measurable(self) -> bool:
        """Enough controls that none above a threshold would show, with 95 % confidence, that the rate is kept."""
        return self._tried and self.n0 >= math.log(0.05) / math.log1p(-self.fpr)

    @property
    def inverted(self) -> bool:
        """Not told from one point of the curve; the AUC tells."""
        return False

    def bounds(self, confidence: float) -> Interval:
        alpha = _alpha(confidence)
        low, high = tail_bounds(self.hits, self.n1, self.n0, self.fpr, alpha) if self._tried else (0.0, 1.0)
        return Interval(low=low, high=high, confidence=confidence, method="beta-binomial")

    def p_value(self, limit: float) -> float:
        return tail_p_value(self.hits, self.n1, self.n0, self.fpr, limit) if self._tried else 1.0

    def scaled(self, factor: float) -> "TailHits":
        factor = _factor(factor)
        n1 = round(self.n1 * factor)
        return replace(self, hits=self.value * n1, n1=n1, n0=round(self.n0 * factor))

    @property
    def _tried(self) -> bool:
        return self.n1 > 0 and self.n0 > 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Mean:
    """A mean of independent, roughly normal values.

    Attributes:
        se: The mean's standard error.
        df: Degrees of freedom behind it.
    """

    mean: float
    se: float
    df: int
    kind: Literal["mean"] = "mean"

    def __post_init__(self) -> None:
        _keep_number(self, "mean", least=-math.inf)
        _keep_number(self, "se", least=0)
        _keep_count(self, "df")
        if self.df == 0:
            raise InvalidEvidence(type(self), "df", "be at least 1")

    @property
    def value(self) -> float:
        return self.mean

    @property
    def trials(self) -> float:
        """The values behind the mean."""
        return float(self.df + 1)

    @property
    def measurable(self) -> bool:
        return True

    @property
    def inverted(self) -> bool:
        return False

    def bounds(self, confidence: float) -> Interval:
        alpha = _alpha(confidence)
        low, high = mean_bounds(self.mean, self.se, self.df, alpha)
        return Interval(low=low, high=high, confidence=confidence, method="Student's t")

    def p_value(self, limit: float) -> float:
        return mean_p_value(self.mean, self.se, self.df, limit)

    def scaled(self, factor: float) -> "Mean":
        factor = _factor(factor)
        return replace(self, se=self.se / math.sqrt(factor), df=max(1, round((self.df + 1) * factor) - 1))


@dataclass(frozen=True, slots=True, kw_only=True)
class Coins:
    """Guesses about coins that let records in, against a claimed epsilon: the value is a share of that claim.

    Attributes:
        right: Guesses of "in" that were right.
        guesses: How many there were, fixed before the coins were looked at.
        coins: The coins that guesses were chosen from.
        p_in: The probability with which a coin came up "in".
        claimed, delta: The claim.
    """

    right: int
    guesses: int
    coins: int
    p_in: float
    claimed: float
    delta: float
    kind: Literal["coins"] = "coins"

    def __post_init__(self) -> None:
        for name in ("right", "guesses", "coins"):
            _keep_count(self, name)
        _not_above(self, "right", "guesses")
        _not_above(self, "guesses", "coins")
        _keep_number(self, "p_in", least=0, most=1)
        _keep_number(self, "claimed", least=0)
        _keep_number(self, "delta", least=0, most=1)
        if self.p_in in (0.0, 1.0):
            raise InvalidEvidence(type(self), "p_in", "lie between 0 and 1")
        if self.claimed == 0:
            raise InvalidEvidence(type(self), "claimed", "be above 0")

    @property
    def value(self) -> float:
        """The share that is as likely as not exceeded."""
        return self._low(0.5)

    @property
    def trials(self) -> float:
        return float(self.guesses)

    @property
    def measurable(self) -> bool:
        return self.guesses > 0

    @property
    def inverted(self) -> bool:
        """Never: wrong guesses refute nothing."""
        return False

    def ceiling(self, confidence: float) -> float:
        """The share that would have been shown had every guess been right."""
        return replace(self, right=self.guesses)._low(_alpha(confidence))

    def bounds(self, confidence: float) -> Interval:
        """Below, the bound; above there is none: an attack that finds little says nothing of a better one."""
        low = self._low(_alpha(confidence))
        return Interval(low=low, high=MOST_EPSILON / self.claimed, confidence=confidence, method="one-run coins")

    def p_value(self, limit: float) -> float:
        epsilon = max(0.0, float(limit)) * self.claimed
        return epsilon_p_value(self.right, self.guesses, self.coins, self.p_in, epsilon, self.delta)

    def scaled(self, factor: float) -> "Coins":
        factor = _factor(factor)
        guesses = round(self.guesses * factor)
        right = min(guesses, round(self.right * factor))
        return replace(self, right=right, guesses=guesses, coins=max(guesses, round(self.coins * factor)))

    def _low(self, alpha: float) -> float:
        low = epsilon_low(self.right, self.guesses, self.coins, self.p_in, self.delta, alpha)
        return low / self.claimed


def shown_by_any(several: Sequence[Coins], confidence: float) -> tuple[float, float]:
    """The most that any of several guesses shows, and the most that any could have: as epsilons.

    They share what the confidence leaves (Bonferroni), since the best of them is picked by what it shows.
    """
    each = 1 - _alpha(confidence) / max(1, len(several))
    low = max((one.bounds(each).low * one.claimed for one in several), default=0.0)
    return low, max((one.ceiling(each) * one.claimed for one in several), default=0.0)


KINDS = (Exact, Proportion, Excess, Ranking, TailHits, Mean, Coins)
Evidence = Annotated[Exact | Proportion | Excess | Ranking | TailHits | Mean | Coins, Discriminator("kind")]


def _keep_number(evidence: Any, name: str, *, least: float, most: float = math.inf) -> None:
    """Checks a field and keeps 12 significant digits of it."""
    value = _number(evidence, name)
    if not (math.isfinite(value) and least <= value <= most):
        allowed = f" at least {least:g}" if most == math.inf else f" in {least:g}..{most:g}"
        raise InvalidEvidence(type(evidence), name, f"be a finite number{'' if least == -math.inf else allowed}")
    object.__setattr__(evidence, name, float(f"{value:.12g}"))


def _keep_count(evidence: Any, name: str) -> None:
    value = _number(evidence, name)
    if not (value.is_integer() and value >= 0):
        raise InvalidEvidence(type(evidence), name, "be a whole number at least 0")
    object.__setattr__(evidence, name, int(value))


def _number(evidence: Any, name: str) -> float:
    try:
        return float(getattr(evidence, name))
    except (TypeError, ValueError, OverflowError):  # whose text would quote the value
        raise InvalidEvidence(type(evidence), name, "be a number") from None


def _not_above(evidence: Any, part: str, whole: str) -> None:
    if getattr(evidence, part) > getattr(evidence, whole):
        raise InvalidEvidence(type(evidence), part, f"not be above {whole}")


def _alpha(confidence: float) -> float:
    if not 0.5 <= confidence < 1:
        raise ValueError("confidence must be at least 0.5 and below 1")
    return 1 - confidence


def _factor(factor: float) -> float:
    if not (math.isfinite(factor) and factor > 0):
        raise ValueError("factor must be a finite number above 0")
    return factor
