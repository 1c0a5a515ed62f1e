"""Does a claim of differential privacy hold by its own ledger? Nothing is attacked here."""

import math
from collections.abc import Iterator
from fractions import Fraction

import numpy as np

from audit_core.accounting import epsilon_pld, epsilon_rdp
from audit_core.case import Case, most_rows, private_rows
from audit_core.evidence import Exact
from audit_core.guarantee import Guarantee, NoisySteps, Stated
from audit_core.ledger_words import joined
from audit_core.measurement import Measurement, Reason, measured

ENDLESS = 10**9
"""Stands for an infinite epsilon: a mechanism without noise, or batches that no accounting covers."""

ALL = "all"


class DpClaim:
    """Computes the spent budget again from the mechanisms alone, with another library, and counts what is not covered.

    References:
        NIST SP 800-226 (2025), Guidelines for evaluating differential privacy guarantees.
    """

    def measure(self, case: Case, rng: np.random.Generator) -> Iterator[Measurement | Reason]:
        """Deterministic, `rng` is not used."""
        claim = case.guarantee
        if claim is None:
            return
        yield _exact("epsilon_claimed", claim.epsilon)
        yield from _recomputed(claim)
        yield _exact("budget_used", claim.epsilon / claim.budget)
        yield _exact("steps_outside", len(claim.outside))
        yield _exact("unit_mismatch", int(claim.unit != case.unit or most_rows(case) > claim.rows_per_unit))
        yield _exact("delta_times_rows", claim.delta * private_rows(case))
        yield _exact("unanswered", len(claim.unanswered))
        if not _covered(claim):
            yield Reason(code="dp-not-of-unit", args={"rows": claim.rows_per_unit})
        if any(isinstance(one, Stated) for one in claim.mechanisms):
            yield Reason(code="dp-stated", args={})
        if claim.outside:
            yield Reason(code="dp-outside", args={"steps": joined(claim.outside)})
        if claim.unanswered:
            yield Reason(code="dp-unanswered", args={"fields": ", ".join(claim.unanswered)})
        if claim.stopped is not None:
            yield Reason(code="dp-stopped", args={"why": claim.stopped})


def _recomputed(claim: Guarantee) -> Iterator[Measurement]:
    """The epsilon of the mechanisms, and by what share the claim says less; each accountant against its like."""
    by_renyi: float = math.inf
    by_distribution: float | None = math.inf
    if _covered(claim) and _says_something(claim):
        by_renyi = epsilon_rdp(claim.mechanisms, claim.delta)
        by_distribution = epsilon_pld(claim.mechanisms, claim.delta)
    pairs = {"rdp": (by_renyi, claim.epsilon_rdp), "pld": (by_distribution, claim.epsilon)}
    if by_distribution is None or claim.accountant.startswith("RDP"):
        pairs = {"rdp": (by_renyi, claim.epsilon)}
    for name, (again, said) in pairs.items():
        if again is None or said is None:
            continue
        yield _exact("epsilon_recomputed", again, of=name)
        nothing = math.inf if again > 0 else 0.0
        yield _exact("claim_understated", max(0.0, again / said - 1) if said > 0 else nothing, of=name)


def _says_something(claim: Guarantee) -> bool:
    """Whether any mechanism is named: something was released, and that of nothing is no account of it."""
    return any(not isinstance(one, NoisySteps) or one.steps for one in claim.mechanisms)


def _covered(claim: Guarantee) -> bool:
    """Whether the mechanisms' parameters are those of the claim's unit: they are of one row that is there or not.

    One unit of many rows, or a row that is replaced, moves counts and gradients by more. What another program states of
    its own mechanism it states of the unit.
    """
    of_one_row = claim.rows_per_unit == 1 and claim.relation in ("add-or-remove", "zero-out")
    return of_one_row or all(isinstance(one, Stated) for one in claim.mechanisms)


def _exact(name: str, value: float, of: str = ALL) -> Measurement:
    number = Fraction(value).limit_denominator(10**9) if math.isfinite(value) else Fraction(ENDLESS)
    number = min(number, Fraction(ENDLESS))
    return measured(name, Exact(numerator=number.numerator, denominator=number.denominator), of=of, blind=None)
