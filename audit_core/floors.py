"""Floors under usefulness: HIGHER = MORE USEFUL, so that the lower bound passes and the upper bound fails."""

from fractions import Fraction

from audit_core import grounds
from audit_core.evidence import Exact
from audit_core.grounds import Row, bounds
from audit_core.measurement import Reason
from audit_core.scorecard import Verdict


def decide(row: Row, tests: int) -> tuple[Verdict, Reason]:
    """Whether a floor is reached.

    Args:
        tests: Floors that are compared with a value that has a sampling error; the level of a fail is shared among
            them (Bonferroni).
    """
    if row.early:
        return row.early
    evidence = row.weakest.evidence
    if isinstance(evidence, Exact):
        if Fraction(evidence.numerator) < row.limit * Fraction(evidence.denominator):
            return Verdict.FAIL, grounds.floor_missed(row)
        return Verdict.PASS, grounds.floor_reached(row)
    if row.low >= float(row.limit):
        return Verdict.PASS, grounds.floor_reached(row)
    shared = 1 - (1 - row.rule.fail_confidence) / max(1, tests)
    if bounds(evidence, shared).high < float(row.limit):
        return Verdict.FAIL, grounds.floor_missed(row)
    return Verdict.INCONCLUSIVE, grounds.floor_undecided(row)
