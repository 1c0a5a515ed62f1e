"""What a plan says of a case: what would be judged, by how many tests, what stands in the way, and the exit code."""

import json
from dataclasses import replace
from fractions import Fraction

import pytest

from audit_core.case import Case
from audit_core.cli.planning import _lines
from audit_core.codes import sentence
from audit_core.expected import MARKED
from audit_core.outlook import Outlook, likely
from audit_core.plan import Plan, planned
from audit_core.plugin import AttackPlugin, CheckPlugin, Expected
from audit_core.policy import Policy, Rule, load_policy, shipped_policies
from audit_core.power import detectable, pass_probability
from audit_core.registry import discover
from audit_core.testing import made_up_case

BUILT_IN = discover()
PLUGINS: list[AttackPlugin | CheckPlugin] = [each for each in BUILT_IN.measuring.values() if not each.opt_in]
STARTER = load_policy("starter")
SCORES = len(BUILT_IN.attacks["membership"].scores)


def plan_of(case: Case, policy: Policy = STARTER, plugins: list[AttackPlugin | CheckPlugin] = PLUGINS) -> Plan:
    return planned(case, [(plugin, {}) for plugin in plugins], policy, BUILT_IN.refusals)


def row(plan: Plan, rule: str, of: str = "*") -> Outlook:
    return next(one for one in plan.rules if (one.rule, one.of) == (rule, of))


def codes(plan: Plan) -> list[str]:
    return [reason.code for reason in plan.obstacles]


def policy_of(*rules: Rule, needs: tuple[str, ...] = ("copies",)) -> Policy:
    return Policy(name="test", title={"en": "Test"}, version=1, needs={"table": needs}, rules=rules, digest="")


def rule_of(attack: str, measurement: str, **more: object) -> Rule:
    fields = {"goal": "copies", "at_most": Fraction(1, 10), "basis": "house"} | more
    return Rule(attack=attack, measurement=measurement, rationale={"en": "Why."}, source={"en": "ours"}, **fields)  # type: ignore[arg-type]


def without_non_members(case: Case) -> Case:
    return replace(
        case, non_members=None, files={name: its for name, its in case.files.items() if name != "non_members"}
    )


def test_a_case_of_some_size_has_a_prospect_and_no_obstacle() -> None:
    plan = plan_of(made_up_case("innocent", rows=3000))
    assert plan.exit_code == 0
    assert plan.missing == plan.obstacles == ()
    assert [attempt.name for attempt in plan.attempts if attempt.lacks is not None] == [
        *("dp-claim", "one-run", "canary-exposure")
    ]
    auc = row(plan, "membership/auc")
    assert (auc.state, auc.tests, auc.n1, auc.n0, auc.needed) == ("judged", SCORES, 3000, 3000, None)
    assert row(plan, "exact-copies/multiset_equal").state == "exact"
    assert row(plan, "k-anonymity/largest_risk").state == "not-assessed"


def test_probabilities_are_those_of_the_rule_among_all_tests_of_the_audit() -> None:
    plan = plan_of(made_up_case("innocent", rows=700))
    auc = row(plan, "membership/auc")
    alone = pass_probability(MARKED["auc"], 700, 700, 0.5, 0.55, 0.95)
    assert auc.pass_high == alone
    assert auc.pass_low == pytest.approx(1 - SCORES * (1 - alone))
    # Copies: raw, normalised; two heuristics, the second with three measurements; three measurements of each score of
    # membership; one secret; one way of
    # linking; two kinds of descriptions.
    tests = 10 + 3 * SCORES
    assert (plan.tests, plan.counted) == (tests, True)
    assert auc.found_from == detectable(MARKED["auc"], 700, 700, 0.5, 0.55, 0.05 / tests)


def test_without_non_members_it_says_what_is_missing_how_to_get_it_and_how_many() -> None:
    plan = plan_of(without_non_members(made_up_case("innocent", rows=600)))
    assert plan.exit_code == 3
    assert plan.missing == ("copies", "membership")
    assert codes(plan) == ["goal-not-planned", "goal-not-planned", "holdout-missing", "holdout-size"]
    assert row(plan, "membership/auc").state == "not-assessed"
    assert row(plan, "membership/auc").needed is not None
    membership = next(attempt for attempt in plan.attempts if attempt.name == "membership")
    assert membership.lacks is not None
    assert membership.lacks.code == "needs-non-members"


def test_a_hopeless_run_is_refused_with_the_rows_it_would_need() -> None:
    plan = plan_of(made_up_case("innocent", rows=100))
    assert plan.exit_code == 3
    refused = {reason.args["rule"]: reason for reason in plan.obstacles if reason.code == "hopeless"}
    assert "membership/tpr_at_fpr_0_01" in refused  # 1 % of 100 non-members is not measurable
    tail = row(plan, "membership/tpr_at_fpr_0_01")
    assert (tail.tests, tail.pass_high, tail.found_from) == (0, 0.0, None)
    assert tail.needed is not None
    assert tail.needed >= 299
    assert "membership" not in {one.goal for one in plan.rules if one.assesses and one.rule == tail.rule}


def test_a_limit_that_chance_itself_exceeds_is_refused_whatever_the_rows() -> None:
    policy = policy_of(rule_of("membership", "auc", at_most=Fraction(2, 5), goal="membership"), needs=("membership",))
    assert codes(plan_of(made_up_case("innocent", rows=600), policy)) == ["hopeless-ever"]


def test_a_pass_that_is_not_to_be_counted_on_is_no_obstacle_but_said() -> None:
    plan = plan_of(made_up_case("innocent", rows=400))
    assert plan.obstacles == ()
    assert plan.prospect.code == "pass-uncertain"
    assert "membership/auc" in str(plan.prospect.args["rules"])


def test_a_required_rule_whose_attack_is_absent_or_lacks_something_is_an_obstacle() -> None:
    case = replace(made_up_case("innocent", rows=3000), roles={})
    checks = [plugin for plugin in PLUGINS if plugin.name != "membership"]
    plan = plan_of(case, plugins=checks)
    assert codes(plan) == ["goal-not-planned", "rules-blocked"]
    missing = row(plan, "membership/auc").reason
    assert missing is not None
    assert missing.code == "attack-not-planned"
    lacking = plan_of(case, policy_of(rule_of("k-anonymity", "largest_risk")))
    assert codes(lacking) == ["goal-not-planned", "nothing-assessed", "rules-blocked"]
    why = lacking.rules[0].reason
    assert why is not None
    assert sentence(why, "en") == "it needs what was not given or declared: declared quasi-identifiers"


def test_what_an_attack_does_not_measure_is_an_obstacle() -> None:
    case = made_up_case("innocent", rows=3000)
    for rule in (rule_of("exact-copies", "auc"), rule_of("exact-copies", "copies_excess", of="upside-down")):
        plan = plan_of(case, policy_of(rule))
        assert plan.rules[0].state == "blocked"
        assert "rules-blocked" in codes(plan)


def test_a_strangers_measurement_is_unknown_and_not_zero() -> None:
    stranger = CheckPlugin(
        name="looks", title={"en": "Looks"}, goal="copies", assumption={"en": "A test."}, measures=("auc",),
        load="nowhere:Looks",
    )  # fmt: skip
    plan = plan_of(made_up_case("innocent", rows=600), policy_of(rule_of("looks", "auc")), [stranger])
    only = plan.rules[0]
    assert (only.state, only.tests, only.counted) == ("unknown", 1, False)
    assert (only.pass_low, only.pass_high, only.found_from) == (None, None, None)
    assert (plan.counted, plan.exit_code) == (False, 0)
    declared = replace(stranger, expects={"auc": Expected(kind="ranking", chance=0.5, of=("mine",))})
    known = plan_of(made_up_case("innocent", rows=600), policy_of(rule_of("looks", "auc")), [declared]).rules[0]
    assert known.state == "judged"
    assert known.pass_high is not None


def test_rules_that_support_no_pass_get_no_probability_and_block_only_where_required() -> None:
    share = Expected(kind="proportion", chance=0.5, tries="released")
    check = CheckPlugin(
        name="near", title={"en": "Near"}, goal="copies", assumption={"en": "A test."}, measures=("share",),
        expects={"share": share}, load="nowhere:Near",
    )  # fmt: skip
    case = made_up_case("innocent", rows=600)
    optional = rule_of("near", "share", at_most=Fraction(11, 20), supports_pass=False, required=False)
    plan = plan_of(case, policy_of(optional, rule_of("exact-copies", "multiset_equal")), [*PLUGINS, check])
    assert plan.exit_code == 0
    assert plan.rules[0].pass_high is None
    assert plan.rules[0].found_from == detectable(share, 600, 0, 0.5, 0.55, 0.05)
    plan = plan_of(case, policy_of(replace(optional, required=True)), [*PLUGINS, check])
    assert codes(plan) == ["goal-not-planned", "nothing-assessed", "rules-blocked"]


def test_a_claim_sets_the_limit() -> None:
    case = replace(made_up_case("innocent", rows=600), k_anonymity_min=20)
    assert row(plan_of(case), "k-anonymity/largest_risk").at_most == "1/20"


def test_a_rule_about_secrets_takes_one_test_for_each_and_the_worst_of_them() -> None:
    case = made_up_case("innocent", rows=3000)
    name = "attribute-disclosure/attribute_excess"
    one = row(plan_of(case), name)
    assert (one.tests, one.n1, one.n0) == (1, one.n0, one.n1)
    assert one.chance is not None
    assert one.chance_high is not None
    assert 0 < one.chance <= one.chance_high < 1
    two = row(plan_of(replace(case, roles={**case.roles, "status": "sensitive"})), name)
    assert two.tests == 2
    assert one.pass_high is not None
    assert two.pass_high is not None
    assert two.pass_high <= one.pass_high
    none = plan_of(replace(case, roles={}))
    assert row(none, name).state == "not-assessed"


def test_parameters_of_the_recipe_count() -> None:
    case = made_up_case("innocent", rows=3000)
    fewer = [(plugin, {"targets": 100} if plugin.name == "linkability" else {}) for plugin in PLUGINS]
    its = row(planned(case, fewer, STARTER), "linkability/linkability_excess")
    assert (its.n1, its.n0) == (100, 100)


@pytest.mark.parametrize("policy", shipped_policies())
@pytest.mark.parametrize("holdout", [True, False])
def test_every_shipped_policy_is_planned_and_said_in_both_languages(policy: str, holdout: bool) -> None:
    case = made_up_case("innocent", rows=400)
    plan = plan_of(case if holdout else without_non_members(case), load_policy(policy))
    assert json.loads(plan.to_json())["policy"] == policy
    for language in ("en", "ja"):
        text = "\n".join(_lines(plan, language))
        assert all(one.rule in text for one in plan.rules)
        assert "{" not in text
        assert all(sentence(reason, language) in text for reason in plan.obstacles)


def test_a_smoke_policy_and_a_certifying_one_say_so() -> None:
    case = made_up_case("innocent", rows=400)
    assert "never passes" in "\n".join(_lines(plan_of(case, load_policy("ci-smoke")), "en"))
    assert "planted" in "\n".join(_lines(plan_of(case, load_policy("public-release")), "en"))


def test_no_rounding_makes_a_certainty() -> None:
    assert [likely(p) for p in (0.0, 1e-9, 0.0123, 0.8, 0.9991, 1.0)] == [
        "0 %", "< 0.1 %", "1.23 %", "80 %", "> 99.9 %", "> 99.9 %",
    ]  # fmt: skip
