"""The decision table, line by line, and how the rows make the overall verdict."""

import json
from dataclasses import replace
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from audit_core.codes import CODES, sentence
from audit_core.evidence import Evidence, Exact, Excess, Mean, Proportion, Ranking, TailHits
from audit_core.judge import Judged, exit_code, holm, judge
from audit_core.measurement import Measurement, Reason, measured
from audit_core.policy import Policy, Rule, When, load_policy
from audit_core.scorecard import (
    Control,
    FileFacts,
    Finding,
    Inputs,
    Judgement,
    PolicyFacts,
    Provenance,
    ReleaseFacts,
    Scorecard,
    Verdict,
    Volatile,
)
from audit_core.words import LANGUAGES

PASS, FAIL, OPEN, ERROR, NOT = (
    Verdict.PASS,
    Verdict.FAIL,
    Verdict.INCONCLUSIVE,
    Verdict.ERROR,
    Verdict.NOT_ASSESSED,
)

RANK = {PASS: 0, OPEN: 1, ERROR: 2, FAIL: 3}

TABLE = {"table": 1, "members": 2000, "non_members": 2000}

CLEAN = Excess(k1=4, n1=2000, k0=4, n0=2000, scale="difference")
LEAKY = Excess(k1=60, n1=2000, k0=4, n0=2000, scale="difference")
VAGUE = Excess(k1=1, n1=50, k0=1, n0=50, scale="difference")
ZERO, ONE = Exact(numerator=0), Exact(numerator=1)


def rule(**changes: Any) -> Rule:
    """Copies, at most 0 with a margin of 1 %, fail at 99 %."""
    fields: dict[str, Any] = {
        "attack": "exact-copies",
        "measurement": "copies_excess",
        "goal": "copies",
        "at_most": Fraction(0),
        "margin": Fraction(1, 100),
        "fail_confidence": 0.99,
        "basis": "house",
        "rationale": {"en": "Because.", "ja": "理由"},
        "source": {"en": "ours"},
    }
    return Rule(**(fields | changes))


def policy(*rules: Rule, **changes: Any) -> Policy:
    fields: dict[str, Any] = {
        "name": "test",
        "title": {"en": "Test"},
        "version": 1,
        "needs": {"table": ("copies",)},
        "rules": rules or (rule(),),
        "digest": "sha256:0",
    }
    return Policy(**(fields | changes))


def copies(evidence: Evidence, of: str = "raw", name: str = "copies_excess") -> Measurement:
    return measured(name, evidence, of=of)


def finding(*measurements: Measurement, **changes: Any) -> Finding:
    fields: dict[str, Any] = {
        "attack": "exact-copies",
        "role": "check",
        "goal": "copies",
        "outcome": "measured",
        "reason": None,
        "sees": ("case",),
        "measurements": measurements,
        "details": (),
        "caveats": (),
        "references": (),
        "params": {},
        "origin": "test",
        "compares": ("copies_excess",),
    }
    return Finding(**(fields | changes))


def control(name: str, *measurements: Measurement, **changes: Any) -> Control:
    fields: dict[str, Any] = {
        "name": name,
        "measurements": measurements,
        "verdict": OPEN,
        "reason": Reason(code="control-not-judged", args={}),
    }
    return Control(**(fields | changes))


def blind(auc: float) -> Control:
    """Members told from non-members without the release."""
    evidence = Ranking(auc=auc, variance=1e-4, n1=1000, n0=1000)
    return control("blind-baseline", measured("blind_auc", evidence, blind=0.5))


def leaky(evidence: Evidence, dose: float = 0.01, **changes: Any) -> Control:
    return control("leaky-twin", copies(evidence), attack="exact-copies", dose=dose, **changes)


def innocent(evidence: Evidence, **changes: Any) -> Control:
    return control("innocent-twin", copies(evidence), attack="exact-copies", **changes)


def stopped(outcome: str, code: str | None = "timed-out", attack: str = "exact-copies") -> Finding:
    reason = Reason(code=code, args={"seconds": 60}) if code else None
    return finding(outcome=outcome, reason=reason, attack=attack)


def only(judged: Judged) -> Judgement:
    """The one row; each of its reasons must be sayable."""
    (judgement,) = judged.judgements
    for reason in (judgement.reason, *judged.reasons):
        if reason.code in CODES:
            assert all(sentence(reason, language) for language in LANGUAGES)
    return judgement


def codes(judged: Judged) -> list[str]:
    return [reason.code for reason in judged.reasons]


# Line by line


def test_line_1_an_errored_attack_is_an_error_with_its_own_reason() -> None:
    judged = judge(policy(), [stopped("errored")], TABLE)
    row = only(judged)
    assert (row.verdict, row.reason.code, row.of, row.measured) == (ERROR, "timed-out", "*", None)
    assert (judged.verdict, codes(judged), exit_code(judged.verdict)) == (ERROR, ["rules-errored"], 4)


def test_line_1_goes_before_an_unsound_case_and_before_measurements() -> None:
    found = replace(stopped("errored", None), measurements=(copies(LEAKY),))
    row = only(judge(policy(), [found], TABLE, controls=[blind(0.7)]))
    assert (row.verdict, row.reason.code) == (ERROR, "attack-errored")


def test_line_2_an_unsound_case_is_inconclusive_whatever_was_measured() -> None:
    row = only(judge(policy(), [finding(copies(LEAKY))], TABLE, controls=[blind(0.7)]))
    assert (row.verdict, row.reason.code) == (OPEN, "confounded")
    assert row.measured == pytest.approx(0.028)
    assert only(judge(policy(), [finding(copies(LEAKY))], TABLE, controls=[blind(0.56)])).verdict is FAIL


def test_line_2_spares_what_does_not_compare_the_arms() -> None:
    its = rule(measurement="released_near_excess", margin=Fraction(0))
    found = finding(copies(LEAKY, of="all", name="released_near_excess"))
    assert only(judge(policy(its), [found], TABLE, controls=[blind(0.7)])).verdict is FAIL


def test_line_2_an_attack_that_fails_fresh_rows_decides_nothing() -> None:
    judged = judge(policy(), [finding(copies(LEAKY))], TABLE, controls=[innocent(LEAKY)])
    assert (only(judged).verdict, only(judged).reason.code) == (OPEN, "over-sensitive")
    assert [one.verdict for one in judged.controls] == [OPEN]
    # At 99 % this would fail, at 99.9 % it does not.
    mild = Excess(k1=14, n1=2000, k0=3, n0=2000, scale="difference")
    assert 0.001 < mild.p_value(0.0) < 0.01
    assert only(judge(policy(), [finding(copies(LEAKY))], TABLE, controls=[innocent(mild)])).verdict is FAIL


def test_line_2_swapped_arms_prove_nothing() -> None:
    swapped = Ranking(auc=0.2, variance=1e-4, n1=1000, n0=1000)
    its = rule(attack="membership", measurement="auc", at_most=Fraction(11, 20), margin=Fraction(0))
    judged = judge(policy(its), [finding(copies(swapped, name="auc"), attack="membership")], TABLE)
    assert (only(judged).verdict, only(judged).reason.code) == (OPEN, "inverted")
    assert judged.missing == ("copies",)


@pytest.mark.parametrize(
    ("findings", "code"),
    [
        ([], "attack-not-there"),
        ([stopped("not-run", "needs-non-members")], "needs-non-members"),
        ([stopped("not-run", None)], "attack-not-run"),
        ([finding()], "not-measured"),
        ([finding(copies(CLEAN, name="other"))], "not-measured"),
        ([finding(copies(Excess(k1=0, n1=0, k0=0, n0=100, scale="difference")))], "not-measurable"),
    ],
)
def test_line_3_what_was_not_measured_is_inconclusive(findings: list[Finding], code: str) -> None:
    judged = judge(policy(), findings, TABLE)
    row = only(judged)
    assert (row.verdict, row.reason.code, row.measured, row.low, row.high) == (OPEN, code, None, None, None)
    assert judged.verdict is OPEN
    assert judged.missing == ("copies",)


def test_line_3_a_rule_for_one_column_does_not_take_another() -> None:
    row = only(judge(policy(rule(of="raw")), [finding(copies(CLEAN, of="near"))], TABLE))
    assert (row.verdict, row.reason.code, row.of) == (OPEN, "not-measured", "raw")
    assert row.reason.args["measurement"] == "copies_excess (raw)"


def test_line_3_too_few_controls_for_a_rate() -> None:
    its = rule(attack="membership", measurement="tpr_at_fpr_0_001", at_most=Fraction(3, 1000), margin=Fraction(0))
    tail = TailHits(hits=0, n1=1000, n0=1000, fpr=0.001)  # ln(0.05) / ln(0.999) = 2995 controls are needed
    row = only(judge(policy(its), [finding(copies(tail), attack="membership")], TABLE))
    assert row.reason.code == "not-measured"
    row = only(judge(policy(its), [finding(copies(tail, name="tpr_at_fpr_0_001"), attack="membership")], TABLE))
    assert (row.verdict, row.reason.code, row.reason.args) == (OPEN, "not-measurable", {"trials": "1,000"})


def test_line_4_a_lower_bound_above_the_limit_fails() -> None:
    judged = judge(policy(), [finding(copies(LEAKY))], TABLE)
    row = only(judged)
    assert (row.verdict, row.reason.code) == (FAIL, "lower-bound-above-limit")
    assert row.low == LEAKY.bounds(0.99).low
    assert row.high == LEAKY.bounds(0.95).high
    assert row.reason.args["confidence"] == "99 %"
    assert (judged.verdict, exit_code(judged.verdict)) == (FAIL, 1)
    assert judged.reasons[0].args["rules"] == "exact-copies/copies_excess"


def test_line_4_within_the_margin_a_rate_shown_to_be_above_the_limit_still_fails() -> None:
    small = Excess(k1=900, n1=200_000, k0=400, n0=200_000, scale="difference")
    assert small.bounds(0.95).high < 0.01
    assert only(judge(policy(), [finding(copies(small))], TABLE)).verdict is FAIL


def test_line_4_zero_tolerance_fails_by_one() -> None:
    its = rule(measurement="surviving_identifiers", margin=Fraction(0))
    row = only(judge(policy(its), [finding(copies(ONE, name="surviving_identifiers"))], TABLE))
    assert (row.verdict, row.reason.code, row.low, row.high) == (FAIL, "exact-above-limit", 1.0, 1.0)
    row = only(judge(policy(its), [finding(copies(ZERO, name="surviving_identifiers"))], TABLE))
    assert (row.verdict, row.reason.code) == (PASS, "exact-within-limit")


@pytest.mark.parametrize(
    ("k", "claimed", "verdict", "limit"),
    [
        (11, 0, PASS, "1/11"),
        (10, 0, FAIL, "1/11"),
        (20, 20, PASS, "1/20"),
        (19, 20, FAIL, "1/20"),
        (11, 5, PASS, "1/11"),
        (10, 5, FAIL, "1/11"),
        (49, 49, PASS, "1/49"),
    ],
)
def test_the_integer_k_is_compared_and_a_claim_only_tightens(
    k: int, claimed: int, verdict: Verdict, limit: str
) -> None:
    its = rule(measurement="largest_risk", at_most=Fraction(1, 11), margin=Fraction(0), claim="k_anonymity_min")
    risk = copies(Exact(numerator=1, denominator=k), name="largest_risk")
    row = only(judge(policy(its), [finding(risk)], TABLE | {"k_anonymity_min": claimed}))
    assert (row.verdict, row.at_most) == (verdict, limit)
    assert row.reason.args == {"value": f"1/{k}", "limit": limit}


def test_line_5_an_upper_bound_within_limit_and_margin_passes() -> None:
    judged = judge(policy(), [finding(copies(CLEAN))], TABLE)
    row = only(judged)
    assert (row.verdict, row.reason.code, row.margin) == (PASS, "upper-bound-within-margin", "0.01")
    assert row.reason.args["confidence"] == "95 %"
    assert (judged.verdict, codes(judged), judged.missing) == (PASS, ["all-rules-met"], ())
    assert exit_code(judged.verdict) == 0


def test_line_5_without_a_margin_the_reason_names_none() -> None:
    its = rule(at_most=Fraction(1, 100), margin=Fraction(0))
    assert only(judge(policy(its), [finding(copies(CLEAN))], TABLE)).reason.code == "upper-bound-within-limit"


def test_line_5_a_certifying_policy_passes_only_where_the_plant_was_found() -> None:
    certifying = policy(certifying=True)
    judged = judge(certifying, [finding(copies(CLEAN))], TABLE)
    assert (only(judged).verdict, only(judged).reason.code, judged.verdict) == (OPEN, "plant-not-found", OPEN)
    assert judged.missing == ()
    controls = [blind(0.5), innocent(CLEAN), leaky(LEAKY)]
    found = judge(certifying, [finding(copies(CLEAN))], TABLE, controls=controls)
    assert found.verdict is PASS
    assert [one.verdict for one in found.controls] == [PASS, PASS, PASS]
    for missing in range(3):
        rest = controls[:missing] + controls[missing + 1 :]
        assert judge(certifying, [finding(copies(CLEAN))], TABLE, controls=rest).verdict is OPEN
    errored = Reason(code="timed-out", args={"seconds": 60})
    for worse in (
        leaky(CLEAN),
        leaky(LEAKY, dose=0.02),
        leaky(LEAKY, outcome="errored", verdict=ERROR, reason=errored),
        leaky(Excess(k1=0, n1=0, k0=0, n0=0, scale="difference")),
    ):
        judged = judge(certifying, [finding(copies(CLEAN))], TABLE, controls=[*controls[:2], worse])
        assert (only(judged).verdict, only(judged).reason.code) == (OPEN, "plant-not-found")


def test_the_level_at_which_a_plant_is_found_is_shared_among_the_scores() -> None:
    """A deaf attack with many scores has one that looks good by chance."""
    mild = Excess(k1=14, n1=2000, k0=3, n0=2000, scale="difference")
    alone = control("leaky-twin", copies(mild), attack="exact-copies", dose=0.01)
    many = [copies(CLEAN, of=f"score {number}") for number in range(9)]
    among = control("leaky-twin", copies(mild), *many, attack="exact-copies", dose=0.01)
    judged = judge(policy(), [finding(copies(CLEAN))], TABLE, controls=[alone, among])
    assert [one.verdict for one in judged.controls] == [PASS, OPEN]


def test_a_certifying_policy_asks_no_plant_of_what_is_counted_whole() -> None:
    its = rule(measurement="multiset_equal", margin=Fraction(0))
    whole = finding(copies(ZERO, of="all", name="multiset_equal"))
    assert only(judge(policy(its, certifying=True), [whole], TABLE)).verdict is PASS


def test_shuffled_labels_that_tell_are_a_bug_of_that_attack_alone() -> None:
    bug = measured("auc_shuffled", Mean(mean=0.6, se=0.001, df=199), of="s", blind=0.5)
    coin = measured("auc_shuffled", Mean(mean=0.501, se=0.001, df=199), of="s", blind=0.5)
    for shuffled, verdict in ((bug, OPEN), (coin, FAIL)):
        controls = [control("label-permutation", shuffled, attack="exact-copies")]
        assert only(judge(policy(), [finding(copies(LEAKY))], TABLE, controls=controls)).verdict is verdict
    other = [control("label-permutation", bug, attack="another")]
    assert only(judge(policy(), [finding(copies(LEAKY))], TABLE, controls=other)).verdict is FAIL


def test_a_control_without_a_rule_decides_nothing() -> None:
    its = rule(attack="other", measurement="auc")
    judged = judge(policy(its), [finding(copies(LEAKY))], TABLE, controls=[innocent(LEAKY)])
    assert [one.verdict for one in judged.controls] == [NOT]


def test_a_fail_needs_no_plant() -> None:
    assert judge(policy(certifying=True), [finding(copies(LEAKY))], TABLE).verdict is FAIL


def test_line_6_names_the_trials_that_would_settle_it() -> None:
    judged = judge(policy(), [finding(copies(VAGUE))], TABLE)
    row = only(judged)
    assert (row.verdict, row.reason.code, exit_code(judged.verdict)) == (OPEN, "undecided", 3)
    assert row.reason.args["trials"] == "50"
    needed = int(str(row.reason.args["needed"]).replace(",", ""))
    assert only(judge(policy(), [finding(copies(VAGUE.scaled(needed / 50)))], TABLE)).verdict is PASS
    # Doubling and narrowing overshoot by a factor 2^(1/8) at most, rounding up to two digits by 10 % at most.
    assert only(judge(policy(), [finding(copies(VAGUE.scaled(needed / 50 / 1.25)))], TABLE)).verdict is OPEN


def test_line_6_counts_towards_a_fail_where_the_estimate_lies_above_the_limit() -> None:
    its = rule(at_most=Fraction(7, 100), margin=Fraction(0))
    suspect = Proportion(k=10, n=100)
    row = only(judge(policy(its), [finding(copies(suspect))], TABLE))
    assert (row.verdict, row.reason.code) == (OPEN, "undecided")
    needed = int(str(row.reason.args["needed"]).replace(",", ""))
    assert only(judge(policy(its), [finding(copies(suspect.scaled(needed / 100)))], TABLE)).verdict is FAIL


def test_line_6_says_when_more_data_will_hardly_settle_it() -> None:
    its = rule(at_most=Fraction(7, 100), margin=Fraction(0))
    row = only(judge(policy(its), [finding(copies(Proportion(k=7, n=100)))], TABLE))
    assert (row.verdict, row.reason.code, row.reason.args) == (OPEN, "near-limit", {"value": "0.07", "limit": "0.07"})


def test_line_6_says_what_few_trials_need_even_where_that_is_many_times_more() -> None:
    one = Excess(k1=0, n1=1, k0=0, n0=1, scale="difference")
    row = only(judge(policy(), [finding(copies(one))], TABLE))
    assert (row.verdict, row.reason.code) == (OPEN, "undecided")
    needed = int(str(row.reason.args["needed"]).replace(",", ""))
    assert only(judge(policy(), [finding(copies(one.scaled(needed)))], TABLE)).verdict is PASS


# Conditions


@pytest.mark.parametrize(
    ("when", "facts", "code"),
    [
        (When(every=("non_members",)), {"non_members": 0}, "needs-every-fact"),
        (When(any=("generalised", "k_anonymity_min")), {}, "needs-any-fact"),
        (When(at_least={"non_members": 10_000}), {"non_members": 9_999}, "needs-more"),
    ],
)
def test_a_rule_whose_condition_does_not_hold_is_a_row_and_no_verdict(
    when: When, facts: dict[str, int], code: str
) -> None:
    judged = judge(policy(rule(), rule(of="near", when=when)), [finding(copies(CLEAN))], {"table": 1} | facts)
    assert judged.verdict is PASS
    row = judged.judgements[-1]
    assert (row.verdict, row.reason.code, row.of) == (NOT, code, "near")
    assert all(sentence(row.reason, language) for language in LANGUAGES)


@pytest.mark.parametrize(
    ("when", "facts"),
    [
        (When(every=("non_members",)), {"non_members": 5}),
        (When(any=("generalised", "k_anonymity_min")), {"k_anonymity_min": 3}),
        (When(at_least={"non_members": 10_000}), {"non_members": 10_000}),
    ],
)
def test_a_rule_whose_condition_holds_is_judged(when: When, facts: dict[str, int]) -> None:
    assert only(judge(policy(rule(when=when)), [finding(copies(LEAKY))], {"table": 1} | facts)).verdict is FAIL


def test_a_rule_that_does_not_apply_never_fails_and_never_errs() -> None:
    its = rule(when=When(every=("subject",)))
    for found in (finding(copies(LEAKY)), stopped("errored")):
        assert only(judge(policy(its), [found], TABLE)).verdict is NOT


# Several measurements


def test_a_rule_about_all_scores_gives_a_row_for_each() -> None:
    judged = judge(policy(), [finding(copies(CLEAN, of="raw"), copies(LEAKY, of="normalised"))], TABLE)
    assert [(row.of, row.verdict) for row in judged.judgements] == [("normalised", FAIL), ("raw", PASS)]


def test_rows_stand_worst_first_and_else_in_the_order_of_the_policy() -> None:
    rules = [
        rule(attack="a"),
        rule(attack="b"),
        rule(attack="c", when=When(every=("subject",))),
        rule(attack="d"),
        rule(attack="e"),
        rule(attack="f"),
        rule(attack="g"),
    ]
    findings = [
        finding(copies(CLEAN), attack="a"),
        finding(copies(LEAKY), attack="b"),
        stopped("errored", attack="d"),
        finding(copies(LEAKY), attack="e"),
        finding(copies(CLEAN), attack="g"),
    ]
    judged = judge(policy(*rules), findings, TABLE)
    assert [row.attack for row in judged.judgements] == ["b", "e", "d", "f", "a", "g", "c"]


def together(**changes: Any) -> Rule:
    fields: dict[str, Any] = {"fails": "together", "supports_pass": False, "required": False, "margin": Fraction(0)}
    return rule(measurement="released_copies_excess", **(fields | changes))


def released(of: str, evidence: Evidence) -> Measurement:
    return copies(evidence, of=of, name="released_copies_excess")


def test_a_rule_that_takes_them_together_fails_only_by_all() -> None:
    base = copies(CLEAN)
    both = judge(policy(rule(), together()), [finding(base, released("any", LEAKY), released("once", LEAKY))], TABLE)
    assert both.verdict is FAIL
    row = both.judgements[0]
    assert (row.of, row.reason.code, row.reason.args["count"]) == ("any + once", "lower-bounds-above-limit", 2)
    one = judge(policy(rule(), together()), [finding(base, released("any", LEAKY), released("once", CLEAN))], TABLE)
    assert one.verdict is PASS
    row = one.judgements[-1]
    assert (row.verdict, row.reason.code) == (Verdict.NO_FINDING, "supports-no-pass")
    assert row.measured == CLEAN.value


def test_one_usable_measurement_is_not_several() -> None:
    nothing = Excess(k1=0, n1=0, k0=0, n0=0, scale="difference")
    for its in ([released("any", LEAKY)], [released("any", LEAKY), released("once", nothing)]):
        judged = judge(policy(rule(), together()), [finding(copies(CLEAN), *its)], TABLE)
        assert judged.verdict is PASS
        assert (judged.judgements[0].verdict, judged.judgements[0].reason.code) == (OPEN, "not-several")


def test_a_heuristic_far_under_its_control_is_not_called_swapped() -> None:
    under = Excess(k1=2, n1=2000, k0=200, n0=2000, scale="difference")
    assert under.inverted
    judged = judge(policy(rule(), together(fails="each")), [finding(copies(CLEAN), released("any", under))], TABLE)
    assert judged.judgements[-1].reason.code == "supports-no-pass"
    assert judged.verdict is PASS


# Many tests at once


def test_holm_compares_the_smallest_with_its_share_of_the_level() -> None:
    # alpha 0.05: 0.01 <= 0.05/4, 0.015 <= 0.05/3, then 0.03 > 0.05/2, and 0.04 is not looked at.
    assert holm([(0.04, 0.05), (0.01, 0.05), (0.03, 0.05), (0.015, 0.05)]) == (False, True, False, True)
    # A test with a level of its own is measured against that level: 0.004/0.01 = 0.4 <= 1/2.
    assert holm([(0.2, 0.05), (0.004, 0.01)]) == (False, True)
    assert holm([(0.2, 0.05), (0.006, 0.01)]) == (False, False)
    assert holm([]) == ()


def test_a_test_that_fails_alone_does_not_fail_among_many() -> None:
    p = 0.005
    suspect = next(
        evidence
        for k in range(5, 100)
        if (evidence := Excess(k1=k, n1=2000, k0=4, n0=2000, scale="difference")).p_value(0.0) < p
    )
    assert only(judge(policy(), [finding(copies(suspect))], TABLE)).verdict is FAIL
    crowd = [copies(CLEAN, of=f"score-{number}") for number in range(20)]
    judged = judge(policy(), [finding(copies(suspect), *crowd)], TABLE)
    assert judged.verdict is OPEN
    row = judged.judgements[0]
    assert (row.of, row.reason.code, row.reason.args["tests"]) == ("raw", "undecided-jointly", 21)
    assert row.low is not None
    assert row.low > 0


def test_what_has_no_sampling_error_is_no_test_among_many() -> None:
    its = [rule(), rule(measurement="surviving_identifiers", margin=Fraction(0))]
    marginal = Excess(k1=16, n1=2000, k0=4, n0=2000, scale="difference")
    assert 0.005 < marginal.p_value(0.0) <= 0.01  # rejected at 0.01 as the only test, not as one of two
    exact = [copies(ZERO, name="surviving_identifiers", of=name) for name in "abcdef"]
    judged = judge(policy(*its), [finding(copies(marginal), *exact)], TABLE)
    assert judged.judgements[0].verdict is FAIL
    two = judge(policy(*its), [finding(copies(marginal), copies(CLEAN, of="near"), *exact)], TABLE)
    assert two.verdict is not FAIL


def test_a_row_that_cannot_fail_lowers_the_bar_for_no_other() -> None:
    marginal = Excess(k1=16, n1=2000, k0=4, n0=2000, scale="difference")
    its = [rule(), rule(attack="other")]
    found = [finding(copies(marginal)), finding(copies(LEAKY), attack="other")]
    # As a test of its own the leak is rejected first, and the marginal one is the only one left.
    assert [row.verdict for row in judge(policy(*its), found, TABLE).judgements] == [FAIL, FAIL]
    bug = measured("auc_shuffled", Mean(mean=0.6, se=0.001, df=199), of="s", blind=0.5)
    unsound = judge(policy(*its), found, TABLE, controls=[control("label-permutation", bug, attack="other")])
    assert FAIL not in [row.verdict for row in unsound.judgements]


def test_measurements_together_count_once() -> None:
    marginal = Excess(k1=16, n1=2000, k0=4, n0=2000, scale="difference")
    its = [together(required=True), rule(measurement="surviving_identifiers", margin=Fraction(0))]
    found = finding(released("any", marginal), released("once", marginal), copies(ZERO, name="surviving_identifiers"))
    assert judge(policy(*its), [found], TABLE).verdict is FAIL


# The overall verdict


def test_a_rule_that_is_not_required_can_fail_a_run_and_holds_up_nothing_else() -> None:
    its = policy(rule(of="raw"), rule(of="near", required=False))
    assert judge(its, [finding(copies(CLEAN), copies(LEAKY, of="near"))], TABLE).verdict is FAIL
    assert judge(its, [finding(copies(CLEAN), copies(VAGUE, of="near"))], TABLE).verdict is PASS
    assert judge(its, [finding(copies(CLEAN))], TABLE).verdict is PASS
    other = policy(rule(), rule(attack="other", required=False))
    assert judge(other, [finding(copies(CLEAN)), stopped("errored", attack="other")], TABLE).verdict is PASS


def test_the_worst_of_the_required_rules_decides() -> None:
    its = policy(rule(attack="a"), rule(attack="b"), rule(attack="c"))
    clean, vague = finding(copies(CLEAN), attack="a"), finding(copies(VAGUE), attack="b")
    error, leaky = stopped("errored", attack="c"), finding(copies(LEAKY), attack="a")
    assert judge(its, [clean, vague, error], TABLE).verdict is ERROR
    assert judge(its, [leaky, vague, error], TABLE).verdict is FAIL
    assert judge(its, [clean, vague, finding(copies(CLEAN), attack="c")], TABLE).verdict is OPEN


def test_a_needed_goal_that_no_rule_decided_is_no_pass() -> None:
    its = policy(
        rule(),
        rule(attack="membership", measurement="auc", goal="membership", when=When(every=("non_members",))),
        needs={"table": ("copies", "membership")},
    )
    judged = judge(its, [finding(copies(CLEAN))], {"table": 1})
    assert (judged.verdict, judged.missing) == (OPEN, ("membership",))
    assert codes(judged) == ["goal-not-assessed", "no-holdout"]
    assert judged.reasons[0].args == {"goal": "membership"}


def test_without_a_holdout_the_next_release_is_thought_of_whatever_the_verdict() -> None:
    its = policy(
        rule(of="raw"),
        rule(of="near", measurement="copies_excess", when=When(every=("non_members",)), goal="membership"),
        needs={"table": ("copies", "membership")},
    )
    failed = judge(its, [finding(copies(LEAKY, of="raw"))], {"table": 1, "non_members": 0})
    assert (failed.verdict, codes(failed)) == (FAIL, ["rules-failed", "no-holdout"])
    there = judge(its, [finding(copies(LEAKY, of="raw"))], {"table": 1, "non_members": 9})
    assert codes(there) == ["rules-failed"]
    # Where no rule waits for non-members, there is nothing to advise.
    other = judge(policy(rule(), needs={"table": ("identity",)}), [finding(copies(CLEAN))], {"table": 1})
    assert "no-holdout" not in codes(other)


def test_a_goal_is_not_assessed_by_a_rule_that_supports_no_pass_or_is_not_required() -> None:
    for its in (rule(supports_pass=False), rule(required=False)):
        judged = judge(policy(its), [finding(copies(CLEAN))], TABLE)
        assert (judged.verdict, judged.missing) == (OPEN, ("copies",))


def test_a_required_rule_that_supports_no_pass_holds_it_up() -> None:
    its = policy(rule(of="raw"), rule(of="near", supports_pass=False))
    assert judge(its, [finding(copies(CLEAN), copies(CLEAN, of="near"))], TABLE).verdict is OPEN


def test_a_policy_without_needs_for_this_kind_of_release_passes_nothing() -> None:
    judged = judge(policy(needs={"texts": ("copies",)}), [finding(copies(CLEAN))], TABLE)
    assert (judged.verdict, codes(judged)) == (OPEN, ["kind-not-covered"])


def test_where_no_rule_was_assessed_there_is_no_pass() -> None:
    its = policy(rule(when=When(every=("subject",))), needs={"table": ()})
    assert codes(judge(its, [finding(copies(CLEAN))], TABLE)) == ["nothing-assessed"]


def test_a_smoke_policy_can_fail_and_never_passes() -> None:
    smoke = policy(smoke=True)
    clean = judge(smoke, [finding(copies(CLEAN))], TABLE)
    assert (clean.verdict, codes(clean), clean.judgements[0].verdict) == (OPEN, ["smoke"], PASS)
    assert judge(smoke, [finding(copies(LEAKY))], TABLE).verdict is FAIL


# Properties

evidences = st.one_of(
    st.builds(
        lambda k1, k0: Excess(k1=k1, n1=400, k0=k0, n0=400, scale="difference"), st.integers(0, 40), st.integers(0, 40)
    ),
    st.builds(lambda k: Proportion(k=k, n=300), st.integers(0, 30)),
    st.builds(lambda k: Exact(numerator=k, denominator=100), st.integers(0, 3)),
)
outcomes = st.one_of(
    st.builds(lambda one, two: finding(copies(one), copies(two, of="near")), evidences, evidences),
    st.sampled_from([stopped("errored"), stopped("not-run"), finding()]),
)
rules = st.builds(
    lambda of, required, supports, limit: rule(of=of, required=required, supports_pass=supports, at_most=limit),
    st.sampled_from(["*", "raw", "near", "unheard-of"]),
    st.booleans(),
    st.booleans(),
    st.sampled_from([Fraction(0), Fraction(1, 50), Fraction(1, 20)]),
)
policies = st.builds(lambda its: policy(*its), st.lists(rules, min_size=1, max_size=3))


@settings(max_examples=40, deadline=None)
@given(policies, st.lists(outcomes, max_size=2), st.sampled_from(["exact-copies", "other"]))
def test_one_more_finding_that_did_not_run_never_makes_a_pass(
    its: Policy, findings: list[Finding], attack: str
) -> None:
    before = judge(its, findings, TABLE).verdict
    after = judge(its, [*findings, stopped("not-run", attack=attack)], TABLE).verdict
    assert after is not PASS or before is PASS


@given(policies, st.booleans())
def test_an_audit_of_nothing_never_passes(its: Policy, certifying: bool) -> None:
    its = replace(its, certifying=certifying)
    assert judge(its, [], TABLE).verdict is OPEN
    assert judge(its, [], {}).verdict is OPEN


@settings(max_examples=60, deadline=None)
@given(
    policies,
    st.integers(0, 60),
    st.integers(0, 60),
    st.integers(10, 30),
    st.integers(0, 60),
)
def test_more_hits_never_improve_a_verdict(its: Policy, fewer: int, more: int, control: int, near: int) -> None:
    fewer, more = sorted((fewer, more))
    verdicts = []
    for hits in (fewer, more):
        evidence = Excess(k1=hits, n1=400, k0=control, n0=400, scale="difference")
        assume(not evidence.inverted)  # what is swapped proves nothing, so undoing it may well improve the verdict
        other = Excess(k1=near, n1=400, k0=30, n0=400, scale="difference")
        verdicts.append(judge(its, [finding(copies(evidence), copies(other, of="near"))], TABLE).verdict)
    assert RANK[verdicts[0]] <= RANK[verdicts[1]]


# Stored evidence


def card(its: Policy, findings: list[Finding], facts: dict[str, int]) -> Scorecard:
    judged = judge(its, findings, facts, controls=[blind(0.52), innocent(CLEAN), leaky(LEAKY)])
    return Scorecard(
        schema_version=2,
        name="test",
        verdict=judged.verdict,
        reasons=judged.reasons,
        release=ReleaseFacts(name="s.csv", kind="table", rows=2000, columns=("a",), digest="sha256:1"),
        inputs=Inputs(
            members=FileFacts(name="m.csv", rows=2000, digest="sha256:2"), non_members=None, overlap=0, columns={}
        ),
        unit="row",
        facts=facts,
        policy=PolicyFacts(
            name=its.name,
            title=dict(its.title),
            version=its.version,
            digest=its.digest,
            confidence=its.confidence,
            certifying=its.certifying,
        ),
        missing=judged.missing,
        judgements=judged.judgements,
        findings=tuple(findings),
        controls=judged.controls,
        guarantee=None,
        usefulness=(),
        provenance=Provenance(sekisho="0", python="3", seed=0, distributions={}, plugins={}, refusals=()),
        texts={},
        volatile=Volatile(started="", seconds={}, peak_mib={}, platform="", cores=1),
    )


def test_what_was_judged_before_changes_no_later_verdict() -> None:
    """A list of what was significant that outlives its audit makes every later audit inherit it."""
    leaky, clean = ([finding(copies(evidence, of="raw"))] for evidence in (LEAKY, CLEAN))
    its = load_policy("starter")
    alone = judge(its, clean, TABLE)
    assert judge(its, leaky, TABLE).verdict is Verdict.FAIL
    assert judge(its, clean, TABLE) == alone
    assert not [one for one in alone.judgements if one.verdict is Verdict.FAIL]


def test_judging_a_stored_scorecard_gives_the_judgements_it_holds() -> None:
    its = load_policy("starter")
    facts = TABLE | {"identifiers": 1, "generalised": 1, "k_anonymity_min": 20}
    found = [
        finding(
            copies(ZERO, name="multiset_equal", of="all"),
            copies(ZERO, name="surviving_identifiers", of="all"),
            copies(LEAKY, of="raw"),
            copies(replace(VAGUE, deff1=1.7, deff0=4 / 3), of="normalised"),
            released("any", LEAKY),
            released("once", CLEAN),
            copies(CLEAN, name="released_near_excess", of="distance"),
        ),
        finding(
            copies(Ranking(auc=0.53123456789, variance=1.23456789e-4, n1=2000, n0=1999), name="auc", of="distance"),
            copies(TailHits(hits=31.5, n1=2000, n0=1999, fpr=0.01), name="tpr_at_fpr_0_01", of="distance"),
            attack="membership",
            role="attack",
        ),
        finding(copies(Exact(numerator=1, denominator=19), name="largest_risk"), attack="k-anonymity"),
    ]
    made = card(its, found, facts)
    read = Scorecard.from_json(made.to_json())
    again = judge(its, read.findings, read.facts, controls=read.controls)
    assert again == Judged(
        judgements=made.judgements,
        verdict=made.verdict,
        reasons=made.reasons,
        missing=made.missing,
        controls=made.controls,
    )
    assert [one.verdict for one in again.controls] == [PASS, PASS, PASS]
    assert read.judgements == made.judgements
    assert {row.verdict for row in again.judgements} >= {FAIL, OPEN, PASS, Verdict.NO_FINDING}
    json.loads(made.to_json())


def test_overall_verdicts_have_exit_codes_and_no_other_does() -> None:
    assert {verdict: exit_code(verdict) for verdict in RANK} == {PASS: 0, FAIL: 1, OPEN: 3, ERROR: 4}
    with pytest.raises(KeyError):
        exit_code(NOT)
