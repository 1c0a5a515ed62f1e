"""Many tests without a leak: a false alarm is as rare as the rules say."""

import math
from fractions import Fraction

import numpy as np
from scipy import stats

from audit_core.evidence import Proportion
from audit_core.judge import holm, judge
from audit_core.measurement import measured
from audit_core.policy import Policy, Rule
from audit_core.scorecard import Finding, Verdict

SEED = 20260101
ALARM = 1e-5
"""A right program fails one of these tests with this probability, whatever the seed."""


def most(runs: int, probability: float) -> int:
    """So many of the runs are exceeded with a probability of at most `ALARM`: the binomial quantile."""
    return int(stats.binom.ppf(1 - ALARM, runs, probability))


def least(runs: int, probability: float) -> int:
    return int(stats.binom.ppf(ALARM, runs, probability))


def test_under_independent_nulls_the_family_wise_error_is_the_level() -> None:
    # Holm rejects something iff the smallest p is at most alpha / m: probability 1 - (1 - alpha/m)^m, here 4.88 %.
    # Uncorrected it would be 1 - 0.95^20 = 64 %.
    rng = np.random.default_rng(SEED)
    runs, m, alpha = 20_000, 20, 0.05
    alarms = sum(any(holm([(p, alpha) for p in row])) for row in rng.random((runs, m)))
    expected = 1 - (1 - alpha / m) ** m
    assert least(runs, expected) <= alarms <= most(runs, expected)


def test_with_levels_of_their_own_the_error_stays_under_the_largest() -> None:
    # Ten tests at 1 % and ten at 5 %: a first rejection has probability at most the sum of alpha_i / m = 3 %.
    rng = np.random.default_rng(SEED + 1)
    runs = 20_000
    levels = [0.01] * 10 + [0.05] * 10
    alarms = sum(any(holm(list(zip(row, levels, strict=True)))) for row in rng.random((runs, len(levels))))
    expected = 1 - math.prod(1 - alpha / len(levels) for alpha in levels)
    assert least(runs, expected) <= alarms <= most(runs, expected)


def test_true_leaks_beside_nulls_do_not_raise_the_error() -> None:
    # Five leaks with p = 0 are rejected and step out; of the fifteen nulls the error is again at most alpha.
    rng = np.random.default_rng(SEED + 2)
    runs, nulls, alpha = 20_000, 15, 0.05
    alarms = 0
    for row in rng.random((runs, nulls)):
        rejected = holm([(0.0, alpha)] * 5 + [(p, alpha) for p in row])
        assert all(rejected[:5])
        alarms += any(rejected[5:])
    expected = 1 - (1 - alpha / nulls) ** nulls
    assert least(runs, expected) <= alarms <= most(runs, expected)


def test_dependent_nulls_do_not_raise_the_error() -> None:
    # Equicorrelated scores, as many attacks on the same people give: Bonferroni's inequality needs no independence.
    rng = np.random.default_rng(SEED + 3)
    runs, m, alpha = 20_000, 20, 0.05
    shared, own = rng.standard_normal((runs, 1)), rng.standard_normal((runs, m))
    p = stats.norm.sf(np.sqrt(0.7) * shared + np.sqrt(0.3) * own)
    assert sum(any(holm([(value, alpha) for value in row])) for row in p) <= most(runs, alpha)


def test_an_audit_of_a_release_without_a_leak_rarely_fails() -> None:
    # Twenty scores whose true rate is the limit itself: the hardest null. The exact tests are conservative, so 5 % is
    # an upper bound only; without the correction about half the audits would fail (checked below).
    rng = np.random.default_rng(SEED + 4)
    runs, scores, tries = 400, 20, 300
    rule = Rule(
        attack="any",
        measurement="rate",
        goal="copies",
        at_most=Fraction(1, 10),
        basis="house",
        rationale={"en": "Because."},
        source={"en": "ours"},
    )
    policy = Policy(
        name="test", title={"en": "Test"}, version=1, needs={"table": ("copies",)}, rules=(rule,), digest="sha256:0"
    )
    failed = uncorrected = 0
    for hits in rng.binomial(tries, 0.1, (runs, scores)):
        evidence = [Proportion(k=int(k), n=tries) for k in hits]
        found = Finding(
            attack="any",
            role="check",
            goal="copies",
            outcome="measured",
            reason=None,
            sees=("case",),
            measurements=tuple(measured("rate", each, of=str(number)) for number, each in enumerate(evidence)),
            details=(),
            caveats=(),
            references=(),
            params={},
            origin="test",
        )
        failed += judge(policy, [found], {"table": 1}).verdict is Verdict.FAIL
        uncorrected += any(each.p_value(0.1) <= 0.05 for each in evidence)
    assert failed <= most(runs, 0.05)
    critical = next(k for k in range(tries) if Proportion(k=k, n=tries).p_value(0.1) <= 0.05)
    assert uncorrected >= least(runs, 1 - stats.binom.cdf(critical - 1, tries, 0.1) ** scores)
