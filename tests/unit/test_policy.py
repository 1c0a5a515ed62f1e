"""Policies: what ships is whole and says why; what is written wrong is refused with its place."""

import hashlib
import json
import re
from fractions import Fraction
from pathlib import Path

import pytest

from audit_core.errors import InputError
from audit_core.plugin import MEASURES
from audit_core.policy import Policy, When, load_policy, parse_policy, policy_schema, policy_yaml, shipped_policies
from audit_core.words import LANGUAGES
from audit_core.written.strict_yaml import read_yaml

MEASUREMENTS = {
    "one-run": {"epsilon_shown"},
    "dp-claim": {
        "epsilon_claimed",
        "epsilon_recomputed",
        "claim_understated",
        "budget_used",
        "steps_outside",
        "unit_mismatch",
        "delta_times_rows",
        "unanswered",
    },
    "exact-copies": {
        "multiset_equal",
        "surviving_identifiers",
        "copies_excess",
        "singular_values_excess",
        "released_copies_excess",
        "released_near_excess",
    },
    "membership": set(MEASURES["membership"]),
    "likelihood-ratio": set(MEASURES["membership"]),
    "membership-panel": set(MEASURES["membership"]),
    "lira": set(MEASURES["membership"]),
    "canary-exposure": set(MEASURES["canaries"]),
    "prefix-extraction": set(MEASURES["continuation"]),
    "attribute-disclosure": set(MEASURES["hidden-value"]),
    "linkability": set(MEASURES["linkage"]),
    "singling-out": set(MEASURES["singling-out"]),
    "k-anonymity": {
        "largest_risk",
        "average_risk",
        "share_below_k",
        "l_distinct_risk",
        "l_entropy_risk",
        "t_closeness",
        "delta_disclosure",
        "sample_uniqueness",
        "k_map_risk",
    },
}

# A claim that nobody can make by measuring. "匿名加工情報" and "k-匿名性" are names of things.
CLAIMS = re.compile(
    r"\b(?:anonymous|anonymi[sz]ed|safe|safely|compliant|compliance)\b|匿名(?!加工情報|性)|安全|準拠|適合",
    re.IGNORECASE,
)

SMALL = """
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
"""


@pytest.fixture(params=shipped_policies(), scope="module")
def shipped(request: pytest.FixtureRequest) -> Policy:
    return load_policy(request.param)


def problems(text: str) -> dict[str, str]:
    """Code to place of each problem."""
    with pytest.raises(InputError) as caught:
        parse_policy(text.encode(), "p.yaml")
    return {problem.code: problem.where for problem in caught.value.problems}


def test_these_policies_ship() -> None:
    assert shipped_policies() == (
        "ci-smoke",
        "controlled-access",
        "dp-model",
        "emahc-0070",
        "jp-appi",
        "llm-finetune",
        "public-release",
        "starter",
    )


def test_a_shipped_policy_has_its_name_and_both_languages(shipped: Policy) -> None:
    assert shipped.name in shipped_policies()
    for words in [shipped.title, *(rule.rationale for rule in shipped.rules)]:
        assert set(words) == set(LANGUAGES)
    assert all(rule.source for rule in shipped.rules)


def test_a_shipped_policy_claims_nothing_that_no_measurement_shows(shipped: Policy) -> None:
    assert not CLAIMS.search(policy_yaml(shipped).decode())


def test_the_search_for_claims_finds_claims() -> None:
    assert all(
        CLAIMS.search(text) for text in ("It is anonymous.", "GDPR-compliant", "匿名データ", "安全です", "法令に準拠")
    )
    assert not any(CLAIMS.search(text) for text in ("k-anonymity", "匿名加工情報", "unsafe-ish names aside"))


def test_japanese_text_has_no_blank_from_a_folded_line(shipped: Policy) -> None:
    texts = [rule.rationale["ja"] for rule in shipped.rules]
    assert not [text for text in texts if re.search(r"[\u3041-\u9fff、。] [\u3041-\u9fff]", text)]


def test_every_shipped_rule_names_a_measurement_that_exists(shipped: Policy) -> None:
    assert [rule.name for rule in shipped.rules if rule.measurement not in MEASUREMENTS.get(rule.attack, ())] == []


def test_a_shipped_policy_says_what_it_needs_of_a_table_or_a_model(shipped: Policy) -> None:
    assert set(shipped.needs) == ({"model"} if shipped.name == "llm-finetune" else {"table"})
    assert all(shipped.needs.values())


def test_starter_gates_what_its_table_says() -> None:
    rules = {(rule.name, rule.of): rule for rule in load_policy("starter").rules}
    assert {of for name, of in rules if name == "exact-copies/copies_excess"} == {"raw", "normalised"}
    copies = rules["exact-copies/copies_excess", "raw"]
    assert (copies.at_most, copies.margin, copies.fail_confidence) == (Fraction(0), Fraction(1, 100), 0.99)
    heuristic = rules["exact-copies/released_copies_excess", "*"]
    assert (heuristic.fails, heuristic.supports_pass, heuristic.required) == ("together", False, False)
    near = rules["exact-copies/released_near_excess", "*"]
    # A margin decides a pass only, and this rule supports none.
    assert (near.margin, near.supports_pass, near.required) == (Fraction(0), False, False)
    risk = rules["k-anonymity/largest_risk", "*"]
    assert (risk.at_most, risk.claim) == (Fraction(1, 11), "k_anonymity_min")
    assert risk.when == When(any=("generalised", "k_anonymity_min"))
    assert rules["membership/auc", "*"].at_most == Fraction(11, 20)
    assert rules["membership/tpr_at_fpr_0_01", "*"].at_most == Fraction(3, 100)
    assert load_policy("starter").needs == {"table": ("copies", "membership")}


def test_only_public_release_certifies_and_only_ci_smoke_is_smoke() -> None:
    assert [name for name in shipped_policies() if load_policy(name).certifying] == ["public-release"]
    assert [name for name in shipped_policies() if load_policy(name).smoke] == ["ci-smoke"]


@pytest.mark.parametrize("name", ["emahc-0070", "jp-appi"])
def test_policies_for_transformed_real_rows_have_no_copy_rule(name: str) -> None:
    assert {rule.goal for rule in load_policy(name).rules} == {"identifiers", "identity"}


def test_the_resolved_policy_reads_back_as_equal_and_its_hash_is_the_digest(shipped: Policy) -> None:
    resolved = policy_yaml(shipped)
    assert parse_policy(resolved, "p.yaml") == shipped
    assert policy_yaml(parse_policy(resolved, "p.yaml")) == resolved
    assert shipped.digest == "sha256:" + hashlib.sha256(resolved).hexdigest()


def test_comments_order_of_keys_and_spelling_of_numbers_change_no_digest() -> None:
    one = parse_policy(SMALL.replace("at_most: 0", "at_most: 7%").encode(), "p.yaml")
    other = "# a comment\nversion: 1\n" + SMALL.replace("at_most: 0", "at_most: 0.070").replace("version: 1\n", "")
    assert parse_policy(other.encode(), "p.yaml").digest == one.digest
    assert parse_policy(SMALL.encode(), "p.yaml").digest != one.digest


def test_a_policy_loads_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(SMALL, encoding="utf-8")
    assert load_policy(str(path)).name == "mine"


@pytest.mark.parametrize("name", ["starter", "nobody.yaml", "a/b"])
def test_a_policy_that_is_not_there_is_an_input_error(name: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="policy-unknown"):
        load_policy(str(tmp_path / name))


def test_a_name_that_is_nearly_right_gets_a_suggestion() -> None:
    with pytest.raises(InputError, match="Did you mean 'starter'"):
        load_policy("startr")


def test_a_folder_is_no_policy(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="policy-unknown"):
        load_policy(str(tmp_path))


@pytest.mark.parametrize(
    ("old", "new", "code", "where"),
    [
        ("at_most: 0", "at_most: -0.1", "wrong-value", "p.yaml:10:5 (rules[0].at_most)"),
        ("at_most: 0", "at_most: .nan", "yaml-not-a-number", "p.yaml:10:14"),
        ("at_most: 0", "at_most: nan", "wrong-value", "p.yaml:10:5 (rules[0].at_most)"),
        ("at_most: 0", "at_most: 7", "policy-limit-above-1", "p.yaml:10:5 (rules[0].at_most)"),
        ("at_most: 0", "at_most: 0\n    margin: 2", "policy-limit-above-1", "p.yaml:11:5 (rules[0].margin)"),
        ("at_most: 0", "at_most: 0\n    at_most: 1", "yaml-duplicate-key", "p.yaml:11:5"),
        ("at_most: 0", "at_most: 0\n    fail_confidence: 5%", "wrong-value", "p.yaml:11:5 (rules[0].fail_confidence)"),
        ("at_most: 0", "at_most: 0\n    claim: k_min", "policy-unknown-fact", "p.yaml:11:5 (rules[0].claim)"),
        (
            "at_most: 0",
            "at_most: 0\n    when: {every: [nonmembers]}",
            "policy-unknown-fact",
            "p.yaml:11:12 (rules[0].when.every)",
        ),
        ("at_most: 0", "at_most: 0\n    required: NO", "wrong-value", "p.yaml:11:5 (rules[0].required)"),
        ("version: 1", "version: '1'", "wrong-value", "p.yaml:3:1 (version)"),
        ("basis: house", "basis: hearsay", "wrong-value", "p.yaml:11:5 (rules[0].basis)"),
        ("{en: Because.}", "{ja: 理由}", "wrong-value", "p.yaml:13:5 (rules[0].rationale)"),
        ("table: [copies]", "table: [copys]", "policy-goal-without-rule", "p.yaml:5:17 (needs.table[0])"),
        ("{table: [copies]}", "{}", "wrong-value", "p.yaml:5:1 (needs)"),
        (
            "goal: copies",
            "goal: copies\n    required: false",
            "policy-goal-without-rule",
            "p.yaml:5:17 (needs.table[0])",
        ),
    ],
)
def test_what_is_written_wrong_is_refused_with_its_place(old: str, new: str, code: str, where: str) -> None:
    assert problems(SMALL.replace(old, new)) == {code: where}


@pytest.mark.parametrize("key", ["at_mots", "below"])
def test_a_limit_under_another_name_is_no_limit(key: str) -> None:
    found = problems(SMALL.replace("at_most: 0", f"{key}: 0"))
    assert found == {"unknown-key": f"p.yaml:10:5 (rules[0].{key})"}


def test_a_rule_has_a_limit() -> None:
    assert problems(SMALL.replace("    at_most: 0\n", "")) == {"missing-key": "p.yaml:7:5 (rules[0])"}


def test_a_second_rule_for_the_same_thing_is_refused_unless_its_condition_differs() -> None:
    again = SMALL[SMALL.index("  - attack") :]
    assert problems(SMALL + again) == {"policy-duplicate-rule": "p.yaml:14:5 (rules[1])"}
    parse_policy((SMALL + again.replace("at_most: 0", "at_most: 0\n    when: {every: [subject]}")).encode(), "p.yaml")


@pytest.mark.parametrize("name", ["delta_disclosure", "surviving_identifiers"])
def test_a_measurement_without_an_upper_end_may_have_any_limit(name: str) -> None:
    text = SMALL.replace("multiset_equal", name).replace("at_most: 0", "at_most: 1.4")
    assert parse_policy(text.encode(), "p.yaml").rules[0].at_most == Fraction(7, 5)


@pytest.mark.parametrize("name", ["dcr_share", "nndr_share"])
def test_a_measurement_that_proves_nothing_must_not_support_a_pass(name: str) -> None:
    text = SMALL + SMALL[SMALL.index("  - attack") :].replace("multiset_equal", name)
    assert problems(text) == {"policy-report-only": "p.yaml:15:5 (rules[1].measurement)"}
    sound = text + "    supports_pass: false\n"
    assert not parse_policy(sound.encode(), "p.yaml").rules[1].supports_pass


def test_all_problems_of_a_policy_come_at_once() -> None:
    text = SMALL.replace("at_most: 0", "at_most: 7\n    claim: k_min").replace("[copies]", "[copys]")
    assert set(problems(text)) == {"policy-limit-above-1", "policy-unknown-fact", "policy-goal-without-rule"}


def test_the_json_schema_names_every_key_and_allows_no_other() -> None:
    schema = policy_schema()
    tree = read_yaml(policy_yaml(load_policy("starter")), "p.yaml")
    assert isinstance(tree, dict)
    assert set(tree) == set(schema["properties"])
    assert set(tree["rules"][0]) == set(schema["$defs"]["WrittenRule"]["properties"]) - {"at_least"}
    assert set(tree["rules"][0]["when"]) == set(schema["$defs"]["WrittenWhen"]["properties"])
    assert schema["additionalProperties"] is False
    assert all(part["additionalProperties"] is False for part in schema["$defs"].values())
    assert json.loads(json.dumps(schema)) == schema


def test_a_policys_dose_is_a_share_by_goal_and_has_usual_values() -> None:
    assert load_policy("starter").dose == {"*": Fraction(1, 10), "copies": Fraction(1, 100)}
    certifying = load_policy("public-release")
    assert (certifying.dose_of("copies"), certifying.dose_of("membership")) == (Fraction(1, 100), Fraction(1, 10))
    base = policy_yaml(certifying).decode()
    assert parse_policy(base.replace("copies: 0.01\n", "copies: 5%\n").encode(), "p").dose_of("copies") == Fraction(
        1, 20
    )
    for wrong in ("0", "120%", "-1%", "much"):
        with pytest.raises(InputError):
            parse_policy(base.replace("copies: 0.01\n", f"copies: {wrong}\n").encode(), "p")
