"""The rows that are judged, and the sentences that give the grounds of their verdicts."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import lru_cache

from audit_core.evidence import Evidence, Exact, Interval
from audit_core.measurement import Measurement, Reason
from audit_core.policy import Rule, When
from audit_core.scorecard import Finding, Verdict
from audit_core.written.numbers import as_written

MOST_DATA, MOST_TRIALS = 100, 10_000
"""More than so many times the data, and more than so many trials, is no advice to give."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A rule and the measurements it is about: one, or several that it takes together.

    Attributes:
        limit: The rule's, or the claim's where that is stricter; `written` is how a person writes it.
        confidence: The policy's, for upper bounds.
        early: The verdict where there is nothing to test.
        tested: Whether the row counts in Holm's procedure.
    """

    rule: Rule
    of: str
    limit: Fraction
    written: str
    confidence: float
    measurements: tuple[Measurement, ...] = ()
    early: tuple[Verdict, Reason] | None = None
    tested: bool = False

    @property
    def exact(self) -> bool:
        """Whether there is no sampling error in it."""
        return all(isinstance(m.evidence, Exact) for m in self.measurements)

    @property
    def weakest(self) -> Measurement:
        """The measurement that speaks least for a fail; all of them must speak for it."""
        if len(self.measurements) == 1:
            return self.measurements[0]
        return max(self.measurements, key=lambda m: p_value(m.evidence, self.limit))

    @property
    def p(self) -> float:
        """Against "the true value of some measurement is at most the limit": the greatest of the p-values."""
        return p_value(self.weakest.evidence, self.limit)

    @property
    def low(self) -> float:
        """The least of the lower bounds at the rule's fail confidence; at the policy's, where it decides on a pass."""
        confidence = self.confidence if self.rule.floor else self.rule.fail_confidence
        return min(bounds(m.evidence, confidence).low for m in self.measurements)

    @property
    def high(self) -> float:
        """The greatest of the upper bounds at the policy's confidence; at the rule's, where it decides on a fail."""
        confidence = self.rule.fail_confidence if self.rule.floor else self.confidence
        return max(bounds(m.evidence, confidence).high for m in self.measurements)

    @property
    def within(self) -> bool:
        """Whether every upper bound stays within the limit and its margin."""
        if self.exact:
            return not any(p_value(m.evidence, self.limit + self.rule.margin) == 0.0 for m in self.measurements)
        return self.high <= float(self.limit + self.rule.margin)

    def scaled(self, factor: float) -> "Row":
        """The row as it would be with so many times the data at the same rates."""
        measurements = tuple(replace(m, evidence=m.evidence.scaled(factor)) for m in self.measurements)
        return replace(self, measurements=measurements)


@lru_cache(maxsize=4096)
def p_value(evidence: Evidence, limit: Fraction) -> float:
    """One-sided, against "the true value is at most the limit"; 0 or 1 where the value has no sampling error."""
    if isinstance(evidence, Exact):
        return 0.0 if evidence.exceeds(limit) else 1.0
    return evidence.p_value(float(limit))


@lru_cache(maxsize=4096)
def bounds(evidence: Evidence, confidence: float) -> Interval:
    """Both bounds, each at the confidence."""
    return evidence.bounds(confidence)


def reason(code: str, **args: str | int) -> Reason:
    """A reason with its arguments as keywords."""
    return Reason(code=code, args={**args})


def limit(rule: Rule, facts: Mapping[str, int]) -> tuple[Fraction, str]:
    """The rule's limit or floor, or the claim's limit where that is stricter; and as a person writes it."""
    claimed = facts.get(rule.claim, 0) if rule.claim else 0
    if claimed > 0 and Fraction(1, claimed) < rule.bar:
        return Fraction(1, claimed), f"1/{claimed}"
    return rule.bar, as_written(rule.bar)


def unmet(when: When, facts: Mapping[str, int]) -> Reason | None:
    """Why a rule does not apply; None where it does."""
    lacking = [fact for fact in when.every if not facts.get(fact)]
    if lacking:
        return reason("needs-every-fact", facts=", ".join(lacking))
    if when.any and not any(facts.get(fact) for fact in when.any):
        return reason("needs-any-fact", facts=", ".join(when.any))
    for fact, least in (when.at_least or {}).items():
        if facts.get(fact, 0) < least:
            return reason("needs-more", facts=fact, least=f"{least:,}", there=f"{facts.get(fact, 0):,}")
    return None


def nothing_there(rule: Rule, findings: Sequence[Finding]) -> Reason:
    """Why the findings of a rule's attack have no measurement for it."""
    if not findings:
        return reason("attack-not-there", attack=rule.attack)
    for finding in findings:
        if finding.outcome == "not-run":
            return finding.reason or reason("attack-not-run", attack=rule.attack)
    name = rule.measurement if rule.of == "*" else f"{rule.measurement} ({rule.of})"
    return reason("not-measured", attack=rule.attack, measurement=name)


def inverted(evidence: Evidence) -> Reason:
    """The scores point the wrong way."""
    return reason("inverted", value=shown(evidence.value))


def too_few(evidence: Evidence) -> Reason:
    """No statement can be made with so few trials."""
    return reason("not-measurable", trials=f"{round(evidence.trials):,}")


def above(row: Row) -> Reason:
    """The limit is exceeded."""
    evidence = row.weakest.evidence
    if isinstance(evidence, Exact):
        return reason("exact-above-limit", value=_exact(evidence), limit=row.written)
    bound = {"low": shown(row.low), "confidence": _percent(row.rule.fail_confidence), "limit": row.written}
    if len(row.measurements) > 1:
        return reason("lower-bounds-above-limit", count=len(row.measurements), **bound)
    return reason("lower-bound-above-limit", **bound)


def within(row: Row) -> Reason:
    """The limit holds."""
    evidence = row.weakest.evidence
    if isinstance(evidence, Exact):
        return reason("exact-within-limit", value=_exact(evidence), limit=row.written)
    bound = {"high": shown(row.high), "confidence": _percent(row.confidence), "limit": row.written}
    if row.rule.margin:
        return reason("upper-bound-within-margin", margin=as_written(row.rule.margin), **bound)
    return reason("upper-bound-within-limit", **bound)


def floor_reached(row: Row) -> Reason:
    """The floor holds."""
    evidence = row.weakest.evidence
    if isinstance(evidence, Exact):
        return reason("exact-reaches-floor", value=_exact(evidence), limit=row.written)
    return reason(
        "lower-bound-reaches-floor", low=shown(row.low), confidence=_percent(row.confidence), limit=row.written
    )


def floor_missed(row: Row) -> Reason:
    """The floor is missed."""
    evidence = row.weakest.evidence
    if isinstance(evidence, Exact):
        return reason("exact-below-floor", value=_exact(evidence), limit=row.written)
    return reason(
        "upper-bound-below-floor",
        high=shown(row.high),
        confidence=_percent(row.rule.fail_confidence),
        limit=row.written,
    )


def floor_undecided(row: Row) -> Reason:
    """Neither."""
    return reason("floor-undecided", low=shown(row.low), high=shown(row.high), limit=row.written)


def undecided(row: Row, tests: int) -> Reason:
    """Neither; with the number of trials that would settle it among so many tests."""
    evidence = row.weakest.evidence
    factor = data_needed(row, tests)
    if factor is None:
        return reason("near-limit", value=shown(evidence.value), limit=row.written)
    counts = {"trials": f"{round(evidence.trials):,}", "needed": rounded_up(factor * evidence.trials)}
    if row.p <= 1 - row.rule.fail_confidence:
        return reason("undecided-jointly", low=shown(row.low), limit=row.written, tests=tests, **counts)
    return reason("undecided", low=shown(row.low), high=shown(row.high), limit=row.written, **counts)


def data_needed(row: Row, tests: int) -> float | None:
    """How many times the data would settle the row at the same rates: doubled until it does, then narrowed to 10 %."""

    def settled(factor: float) -> bool:
        scaled = row.scaled(factor)
        return scaled.within or scaled.p <= (1 - row.rule.fail_confidence) / tests

    factor = 2.0
    while not settled(factor):
        factor *= 2
        if factor > MOST_DATA and factor * row.weakest.evidence.trials > MOST_TRIALS:
            return None
    step = 2**0.5
    for _ in range(3):
        if settled(factor / step):
            factor /= step
        step **= 0.5
    return factor


def shown(value: float) -> str:
    """A value to four significant digits, and a whole number's before the point."""
    return f"{value:.4g}" if abs(value) < 1000 else f"{value:.0f}"


def _exact(evidence: Exact) -> str:
    """A value without sampling error in its own form: 1/12 rather than 0.08333."""
    value = Fraction(evidence.numerator) / Fraction(evidence.denominator)
    return f"1/{value.denominator}" if value.numerator == 1 and value.denominator > 1 else shown(float(value))


def _percent(confidence: float) -> str:
    return f"{100 * confidence:.6g} %"


def rounded_up(trials: float) -> str:
    """To two digits, since it is a forecast."""
    unit = 10 ** max(0, math.floor(math.log10(trials)) - 1)
    return f"{math.ceil(trials / unit) * unit:,}"
