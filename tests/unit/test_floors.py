"""Floors under usefulness: passed by the lower bound, and never a way out of a limit."""

from dataclasses import replace
from fractions import Fraction
from typing import Any

import pytest

from audit_core.codes import sentence
from audit_core.errors import InputError
from audit_core.evidence import Evidence, Exact, Excess, Mean
from audit_core.judge import Judged, judge
from audit_core.measurement import Reason, measured
from audit_core.plan import planned
from audit_core.policy import Policy, Rule, load_policy, parse_policy, policy_yaml, shipped_policies
from audit_core.registry import discover
from audit_core.scorecard import Finding, Verdict
from audit_core.testing import made_up_case
from audit_core.words import LANGUAGES

TABLE = {"table": 1, "members": 2000, "non_members": 2000}
CLEAN = Excess(k1=4, n1=2000, k0=4, n0=2000, scale="difference")
NEARLY = Excess(k1=17, n1=2000, k0=4, n0=2000, scale="difference")
LEAKY = Excess(k1=60, n1=2000, k0=4, n0=2000, scale="difference")


def limit(**changes: Any) -> Rule:
    return _rule(
        {
            "attack": "exact-copies",
            "measurement": "copies_excess",
            "goal": "copies",
            "at_most": Fraction(0),
            "margin": Fraction(1, 100),
        }
        | changes
    )


def floor(**changes: Any) -> Rule:
    named = {"attack": "tstr", "measurement": "tstr_f1_share", "goal": "usefulness", "at_least": Fraction(9, 10)}
    return _rule(named | changes)


def _rule(fields: dict[str, Any]) -> Rule:
    return Rule(basis="house", rationale={"en": "Because."}, source={"en": "ours"}, **fields)


def policy(*rules: Rule, **changes: Any) -> Policy:
    fields: dict[str, Any] = {"name": "test", "title": {"en": "Test"}, "version": 1, "needs": {"table": ("copies",)}}
    return Policy(**(fields | {"rules": rules, "digest": ""} | changes))


def found(attack: str, goal: str, **measurements: Evidence) -> Finding:
    return Finding(
        attack=attack,
        role="check",
        goal=goal,
        outcome="measured",
        reason=None,
        sees=("case",),
        measurements=tuple(measured(name, evidence) for name, evidence in measurements.items()),
        details=(),
        caveats=(),
        references=(),
        params={},
        origin="test",
        compares=("copies_excess",) if goal == "copies" else (),
    )


def risk(evidence: Evidence) -> Finding:
    return found("exact-copies", "copies", copies_excess=evidence)


def share(mean: float, se: float = 0.01, df: int = 50) -> Finding:
    return found("tstr", "usefulness", tstr_f1_share=Mean(mean=mean, se=se, df=df))


def row(judged: Judged, attack: str = "tstr") -> tuple[Verdict, str]:
    (its,) = [one for one in judged.judgements if one.attack == attack]
    for said in (its.reason, *judged.reasons):
        assert all(sentence(said, language) for language in LANGUAGES)
    return its.verdict, its.reason.code


def codes(judged: Judged) -> list[str]:
    return [one.code for one in judged.reasons]


@pytest.mark.parametrize(
    ("mean", "verdict", "code"),
    [
        # 0.01 and 50 degrees of freedom: the bounds at 95 % lie 0.0168 to either side.
        (0.918, Verdict.PASS, "lower-bound-reaches-floor"),
        (0.916, Verdict.INCONCLUSIVE, "floor-undecided"),
        (0.884, Verdict.INCONCLUSIVE, "floor-undecided"),
        (0.882, Verdict.FAIL, "upper-bound-below-floor"),
    ],
)
def test_the_lower_bound_passes_and_the_upper_one_fails(mean: float, verdict: Verdict, code: str) -> None:
    judged = judge(policy(limit(), floor()), [risk(CLEAN), share(mean)], TABLE)
    assert row(judged) == (verdict, code)
    assert judged.verdict is verdict
    (its,) = [one for one in judged.judgements if one.attack == "tstr"]
    assert (its.at_most, its.at_least, its.floor, its.bar) == ("", "0.9", True, "0.9")
    assert its.low == pytest.approx(mean - 0.0168, abs=1e-4)
    assert its.high == pytest.approx(mean + 0.0168, abs=1e-4)


def test_each_bound_has_the_confidence_of_what_it_decides() -> None:
    its = policy(limit(), floor(fail_confidence=0.999), confidence=0.9)
    (judged,) = [one for one in judge(its, [risk(CLEAN), share(0.9)], TABLE).judgements if one.attack == "tstr"]
    assert judged.low is not None
    assert judged.high is not None
    assert 0.9 - judged.low == pytest.approx(0.01 * 1.2987, abs=1e-5)  # Student's t of 50, one-sided 90 %
    assert judged.high - 0.9 == pytest.approx(0.01 * 3.2614, abs=1e-5)  # 99.9 %


@pytest.mark.parametrize(("value", "verdict"), [(0.9, Verdict.PASS), (0.8999, Verdict.FAIL)])
def test_an_exact_value_on_the_floor_reaches_it(value: float, verdict: Verdict) -> None:
    its = floor(attack="marginals", measurement="statistical_fidelity")
    judged = judge(
        policy(limit(), its),
        [risk(CLEAN), found("marginals", "usefulness", statistical_fidelity=Exact(numerator=value))],
        TABLE,
    )
    assert row(judged, "marginals")[0] is verdict


def test_a_missed_floor_says_that_it_is_no_leak_and_what_the_limits_say() -> None:
    judged = judge(policy(limit(), floor()), [risk(CLEAN), share(0.5)], TABLE)
    assert (judged.verdict, codes(judged)) == (Verdict.FAIL, ["floors-missed", "all-rules-met"])


def test_a_floor_that_is_reached_buys_no_limit_off() -> None:
    alone = judge(policy(limit()), [risk(LEAKY)], TABLE)
    judged = judge(policy(limit(), floor()), [risk(LEAKY), share(1.0)], TABLE)
    assert (judged.verdict, codes(judged)) == (Verdict.FAIL, ["rules-failed"])
    assert row(judged, "exact-copies") == row(alone, "exact-copies")


def test_where_both_fail_the_leak_comes_first() -> None:
    judged = judge(policy(limit(), floor()), [risk(LEAKY), share(0.5)], TABLE)
    assert (judged.verdict, codes(judged)) == (Verdict.FAIL, ["rules-failed", "floors-missed"])


def test_floors_take_no_level_from_limits_nor_limits_from_floors() -> None:
    """One test at 95 % fails this leak and forty would not; forty floors leave it failed."""
    forty = [limit(measurement=f"m{n}") for n in range(40)]
    many = found("exact-copies", "copies", copies_excess=NEARLY, **{f"m{n}": CLEAN for n in range(40)})
    assert row(judge(policy(limit()), [risk(NEARLY)], TABLE), "exact-copies")[0] is Verdict.FAIL
    judged = judge(policy(limit(), *forty), [many], TABLE)
    assert Verdict.FAIL not in {one.verdict for one in judged.judgements}
    floors = [floor(measurement=f"u{n}") for n in range(40)]
    useful = found("tstr", "usefulness", **{f"u{n}": Mean(mean=0.95, se=0.01, df=50) for n in range(40)})
    judged = judge(policy(limit(), *floors), [risk(NEARLY), useful], TABLE)
    assert row(judged, "exact-copies")[0] is Verdict.FAIL
    low = found("tstr", "usefulness", tstr_f1_share=Mean(mean=0.88, se=0.01, df=50))
    assert row(judge(policy(limit(), *forty, floor()), [many, low], TABLE))[0] is Verdict.FAIL


def test_several_floors_share_their_level() -> None:
    """0.88 is below 0.9 by two standard errors: enough by itself, and not among forty."""
    names = [f"u{n}" for n in range(40)]
    useful = found("tstr", "usefulness", **{name: Mean(mean=0.88, se=0.01, df=50) for name in names})
    judged = judge(policy(limit(), *(floor(measurement=name) for name in names)), [risk(CLEAN), useful], TABLE)
    assert {one.verdict for one in judged.judgements if one.floor} == {Verdict.INCONCLUSIVE}


def test_usefulness_alone_passes_nothing() -> None:
    judged = judge(policy(floor(), needs={"table": ("usefulness",)}), [share(1.0)], TABLE)
    assert row(judged)[0] is Verdict.PASS
    assert (judged.verdict, codes(judged)) == (Verdict.INCONCLUSIVE, ["nothing-assessed"])


def test_a_floor_is_reached_or_not_without_twins() -> None:
    """A planted leak has nothing to do with usefulness."""
    judged = judge(policy(limit(), floor(), certifying=True), [risk(CLEAN), share(1.0)], TABLE)
    assert row(judged)[0] is Verdict.PASS


def test_what_was_not_measured_reaches_no_floor() -> None:
    stopped = replace(share(1.0), outcome="not-run", reason=Reason(code="no-target", args={}), measurements=())
    judged = judge(policy(limit(), floor()), [risk(CLEAN), stopped], TABLE)
    assert (row(judged), judged.verdict) == ((Verdict.INCONCLUSIVE, "no-target"), Verdict.INCONCLUSIVE)
    optional = judge(policy(limit(), floor(required=False)), [risk(CLEAN), stopped], TABLE)
    assert optional.verdict is Verdict.PASS


@pytest.mark.parametrize(
    ("rule", "its"),
    [
        (floor(attack="exact-copies", measurement="copies_excess"), risk(LEAKY)),
        (limit(attack="tstr", measurement="tstr_f1_share"), share(0.0)),
    ],
)
def test_a_rule_that_looks_the_other_way_decides_nothing(rule: Rule, its: Finding) -> None:
    judged = judge(policy(rule), [its], TABLE)
    assert row(judged, rule.attack) == (Verdict.INCONCLUSIVE, "wrong-direction")


WITH_FLOOR = """
policy: mine
version: 1
title: {en: Mine}
needs: {table: [copies]}
rules:
  - attack: exact-copies
    measurement: multiset_equal
    goal: copies
    at_most: 0
    basis: house
    source: ours
    rationale: {en: Because.}
  - attack: tstr
    measurement: tstr_f1_share
    of: gradient-boosting
    goal: usefulness
    at_least: 90%
    basis: house
    source: ours
    rationale: {en: Because.}
"""


def test_a_policy_with_a_floor_reads_back_as_itself() -> None:
    its = parse_policy(WITH_FLOOR.encode(), "p.yaml")
    assert (its.rules[1].at_least, its.rules[1].at_most, its.rules[1].bar) == (Fraction(9, 10), None, Fraction(9, 10))
    assert parse_policy(policy_yaml(its), "p.yaml") == its


def test_the_policies_that_come_along_have_no_floor() -> None:
    assert not [rule for name in shipped_policies() for rule in load_policy(name).rules if rule.floor]


@pytest.mark.parametrize(
    ("old", "new", "key"),
    [
        ("goal: usefulness", "goal: copies", "at_least"),
        ("at_least: 90%", "at_most: 90%", "at_most"),
        ("goal: usefulness\n    at_least: 90%", "goal: copies\n    at_most: 90%", "measurement"),
        ("measurement: tstr_f1_share", "measurement: copies_excess", "at_least"),
        ("measurement: tstr_f1_share", "measurement: dcr_share", "at_least"),
        ("at_least: 90%", "at_least: 90%\n    at_most: 1", "at_least"),
        ("at_least: 90%", "at_least: 90", "at_least"),
        ("at_least: 90%", "at_least: 90%\n    margin: 1%", "margin"),
        ("at_least: 90%", "at_least: 90%\n    claim: k_anonymity_min", "claim"),
        ("at_least: 90%", "at_least: 90%\n    fails: together", "fails"),
        ("at_least: 90%", "at_least: 90%\n    supports_pass: false", "supports_pass"),
    ],
)
def test_a_limit_and_a_floor_are_not_mixed_up(old: str, new: str, key: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_policy(WITH_FLOOR.replace(old, new).encode(), "p.yaml")
    problems = [one for one in caught.value.problems if one.code == "policy-floor"]
    assert f"(rules[1].{key})" in {one.where.split(" ")[-1] for one in problems}


def test_a_plan_names_a_floor_and_gives_it_no_test() -> None:
    registry = discover()
    case = made_up_case("innocent", rows=400)
    its = policy(limit(), floor(), floor(attack="exact-copies", measurement="copies_excess"))
    plugins = [(registry.measuring["exact-copies"], {}), (registry.measuring["tstr"], {"target": "group"})]
    with_floor, without = planned(case, plugins, its), planned(case, plugins, policy(limit()))
    rows = {(one.rule, one.at_least): one for one in with_floor.rules}
    useful = rows["tstr/tstr_f1_share", "0.9"]
    assert (useful.state, useful.tests, useful.reason and useful.reason.code) == ("unknown", 0, "floor-planned")
    wrong = rows["exact-copies/copies_excess", "0.9"]
    assert (wrong.state, wrong.reason and wrong.reason.code) == ("blocked", "wrong-direction")
    assert with_floor.tests == without.tests
    assert with_floor.rules[0] == without.rules[0]
