"""Catalogues, numbers and the words for what a scorecard holds."""

import re
import string
from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from typing import Literal, get_args

import pytest

import audit_core.calibration
import audit_core.evidence
import audit_core.measurement
import audit_core.scorecard
import audit_core.study
from audit_core import codes
from audit_core.case import Role
from audit_core.codes import Code
from audit_core.evidence import KINDS, Coins, Evidence, Exact, Excess, Interval, Mean, Proportion, Ranking, TailHits
from audit_core.hookspecs import PROJECT
from audit_core.measurement import Measurement, Reason, measured
from audit_core.plugin import AttackPlugin, CheckPlugin
from audit_core.scorecard import Judgement, Scorecard, Verdict
from audit_core.tables import Kind
from audit_reports import manifest
from audit_reports.attack_sections import attack_sections
from audit_reports.catalogue import phrase, phrases
from audit_reports.headline import further_reasons, result_sentence, tally, worst_first
from audit_reports.measured_text import (
    judged_text,
    limit_text,
    measurement_text,
    measurements_by_key,
    reason_text,
)
from audit_reports.numbers_as_text import count, limit_value, percent, short_percent, significant
from audit_reports.quantities import Quantity, quantity_of
from audit_reports.wording import wording_of

ROOT = Path(__file__).parents[2]
SAMPLE = Scorecard.from_json((ROOT / "tests" / "golden" / "sample.scorecard.json").read_bytes())
EN, JA = wording_of(SAMPLE, "en"), wording_of(SAMPLE, "ja")
NBSP = "\u00a0"

PROMISES = re.compile(r"\b(anonymous|anonymi[sz]ed|safe|safely|compliant|compliance)\b|匿名化|匿名で|安全|適合", re.I)
"""Words by which a reader would take more from a page than it says."""


def placeholders(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}


def test_catalogues_have_the_same_keys_and_placeholders() -> None:
    english, japanese = phrases("en"), phrases("ja")
    assert list(english) == list(japanese)
    for key, text in english.items():
        assert placeholders(text) == placeholders(japanese[key]), key
        assert text, key


def test_japanese_phrases_are_japanese() -> None:
    # These are written alike in both languages.
    alike = {
        "bullet.n",
        "cost.mebibytes",
        "sentence.space",
        "glossary.auc.term",
        "glossary.tpr.term",
        "glossary.kmap.term",
        "of.score.zlib",
        "of.score.min-k",
        "of.score.min-k-plus-plus",
        "of.score.rmia",
        # People's names.
        "method.Birnbaum-Klose",
        "method.Clopper-Pearson",
        "method.DeLong",
    }
    japanese = re.compile("[\u3000-\u30ff\u4e00-\u9fff\uff01-\uff5e]")
    without = {key for key, text in phrases("ja").items() if not japanese.search(text)}
    assert without <= alike


@pytest.mark.parametrize("language", ["en", "ja"])
def test_no_phrase_promises_what_an_audit_cannot(language: str) -> None:
    assert [key for key, text in phrases(language).items() if PROMISES.search(text)] == []


def test_the_search_for_promises_finds_them() -> None:
    assert PROMISES.search("the data is anonymous")
    assert PROMISES.search("安全です")
    assert not PROMISES.search("k-anonymity, k-匿名性")


def test_every_phrase_is_used_and_every_phrase_used_is_there() -> None:
    package = ROOT / "reports" / "audit_reports"
    sources = "".join(path.read_text() for path in package.rglob("*") if path.suffix in (".py", ".j2"))
    asked = set(re.findall(r'say\(\s*"([a-z.-]+)"', sources)) | set(re.findall(r'"([a-z]+\.[a-z-]+)"', sources))
    known = set(phrases("en"))
    assert set(re.findall(r'say\(\s*"([a-z.-]+)"', sources)) <= known
    computed = "verdict headline section coverage measurement of goal sees basis role control cost file glossary"
    computed += " histogram limitsof method column claim quantile texts"
    assert {key for key in known - asked if key.split(".")[0] not in computed.split()} == set()


def test_the_goals_that_sentences_name_have_words() -> None:
    for goal in codes.GOALS:
        assert f"goal.{goal}" in phrases("en")


def test_all_measurements_of_our_own_plugins_have_words() -> None:
    from audit_plugins.manifest import audit_attacks, audit_checks

    plugins: list[AttackPlugin | CheckPlugin] = [*audit_attacks(), *audit_checks()]
    for plugin in plugins:
        assert plugin.measures
        for name in plugin.measures:
            assert f"measurement.{name}" in phrases("en"), name
        assert f"goal.{plugin.goal}" in phrases("en")


def test_all_kinds_and_roles_of_columns_have_words() -> None:
    for word in (*get_args(Kind), *get_args(Role)):
        assert f"column.{word}" in phrases("en"), word
    assert EN.column("integer, quasi-identifier") == "integer, quasi-identifier"
    assert JA.column("integer, quasi-identifier") == "整数、準識別子"
    assert JA.column("subject") == "主体"
    assert JA.column("") == ""
    assert JA.column("of another version") == "of another version"


def test_all_methods_of_intervals_have_words() -> None:
    def excess(scale: Literal["difference", "relative"]) -> Excess:
        return Excess(k1=1, n1=2, k0=1, n0=2, scale=scale)

    evidence: list[Evidence] = [
        Proportion(k=1, n=2),
        excess("difference"),
        excess("relative"),
        Ranking(auc=0.5, variance=0.01, n1=50, n0=50),
        Ranking(auc=0.5, variance=0, n1=1, n0=1),
        TailHits(hits=1, n1=50, n0=50, fpr=0.1),
        Mean(mean=0, se=1, df=3),
        Coins(right=1, guesses=2, coins=3, p_in=0.5, claimed=1.0, delta=0.0),
    ]
    assert {type(each) for each in evidence} == set(KINDS) - {Exact}  # which has no interval
    for each in evidence:
        assert f"method.{each.bounds(0.95).method}" in phrases("en")
    shown = measurement_text(measured("copies_excess", excess("difference")), JA)
    assert shown.confidence == f"片側 95{NBSP}%、Newcombe（正確信頼限界）"
    assert JA.method("a stranger's") == "a stranger's"


def test_an_unknown_language_is_refused() -> None:
    with pytest.raises(ValueError, match="'fr'"):
        phrase("fr", "verdict.pass")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (0.0123456, "0.0123"),
        (0.5, "0.500"),
        (0.9996, "1.00"),
        (12.345, "12.3"),
        (12345.6, "12,300"),
        (-0.02, "−0.0200"),
        (1.5e-7, "1.50×10⁻⁷"),
        (2e20, "2.00×10²⁰"),
    ],
)
def test_numbers_have_three_significant_digits(value: float, text: str) -> None:
    assert significant(value) == text


def test_rates_are_in_per_cent() -> None:
    assert percent(0.0312) == f"3.12{NBSP}%"
    assert short_percent(0.03) == f"3{NBSP}%"
    assert count(12000) == "12,000"
    assert count(412.86) == "412"


@pytest.mark.parametrize(
    ("written", "value"),
    [("1/11", 1 / 11), ("3%", 0.03), ("7 %", 0.07), ("0.55", 0.55), ("0", 0), ("as agreed", None), ("1/0", None)],
)
def test_limits_are_read_as_policies_write_them(written: str, value: float | None) -> None:
    read = limit_value(written)
    assert (None if read is None else float(read)) == value


def test_quantities_follow_the_name_or_the_evidence() -> None:
    point = Interval(low=0, high=1, confidence=0.95, method="exact")
    counted = Measurement(
        name="strange",
        of="all",
        value=0.1,
        evidence=Excess(k1=1, n1=10, k0=0, n0=10, scale="difference"),
        interval=point,
        n=10,
        blind=0,
    )
    exact = replace(counted, evidence=Exact(numerator=3))
    assert quantity_of("strange", counted).text(0.25) == f"25.0{NBSP}%"
    assert quantity_of("strange", exact).text(3) == "3.00"
    assert quantity_of("auc").text(0.512) == "0.512"
    assert quantity_of("largest_risk").text(1 / 12) == f"8.33{NBSP}% (k{NBSP}={NBSP}12)"
    assert quantity_of("l_entropy_risk").text(0.5743) == f"57.4{NBSP}% (l{NBSP}={NBSP}1.74)"
    assert quantity_of("largest_risk").limit("1/11") == f"1/11 (k{NBSP}={NBSP}11)"
    assert quantity_of("largest_risk").limit("0.09") == f"0.09 (k{NBSP}={NBSP}11.1)"
    assert quantity_of("largest_risk").text(1 / 5032) == f"0.0199{NBSP}% (k{NBSP}={NBSP}5,032)"
    assert quantity_of("largest_risk").limit("1/5032") == f"1/5,032 (k{NBSP}={NBSP}5,032)"
    assert quantity_of("strange").limit("5032") == "5,032"
    assert quantity_of("multiset_equal").text(1) == "1"
    assert quantity_of("surviving_identifiers").limit("0") == "0"


def test_our_own_rates_are_rates_before_anything_is_measured() -> None:
    assert quantity_of("tpr_at_fpr_0_01").limit("0.03") == f"3{NBSP}%"
    assert quantity_of("copies_excess").limit("0.01") == f"1{NBSP}%"
    assert quantity_of("strange").limit("0.01") == "0.01"


def test_a_reasons_numbers_keep_all_their_digits() -> None:
    # Three digits would make 3.00 % of it, and nobody could see why it is not within 3 %.
    assert Quantity(unit="rate").as_given("0.03001") == f"3.001{NBSP}%"
    assert Quantity(unit="rate").as_given("0") == f"0{NBSP}%"
    assert Quantity(unit="rate").as_given("-0.5") == f"−50{NBSP}%"
    assert Quantity(unit="rate").as_given("1/11") == "1/11"
    assert Quantity(unit="number").as_given(0.5512) == "0.5512"
    assert Quantity(unit="rate").as_given("50.32") == f"5,032{NBSP}%"


def test_reasons_use_the_unit_of_what_was_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    title = {"en": "the bounds {low} and {high} of {attack}, limit {limit}"}
    monkeypatch.setitem(codes.CODES, "test-bounds", Code(title=title, more={"en": ""}))
    judgement = next(each for each in SAMPLE.judgements if each.rule == "membership/tpr_at_fpr_0_01")
    reason = Reason(
        code="test-bounds", args={"low": "0.01677", "high": "0.03001", "limit": "0.03", "attack": "membership"}
    )
    text = reason_text(replace(judgement, reason=reason), measurements_by_key(SAMPLE), EN)
    assert text == f"the bounds 1.677{NBSP}% and 3.001{NBSP}% of Membership inference, limit 3{NBSP}%"


def test_a_reason_that_lacks_an_argument_still_shows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(codes.CODES, "test-missing", Code(title={"en": "needs {absent}"}, more={"en": ""}))
    assert EN.reason(Reason(code="test-missing", args={"there": 1})) == "test-missing, there 1"


def test_a_strangers_reason_shows_as_itself_and_cleaned() -> None:
    reason = Reason(code="un\u202eknown", args={"a": "\x1b<b>", "n": 2})
    assert EN.reason(reason) == "unknown (a <b>, n 2)"


def test_rules_in_a_sentence_are_said_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(codes.CODES, "test-rules", Code(title={"en": "exceeded: {rules}"}, more={"en": ""}))
    rules = "exact-copies/copies_excess (raw), exact-copies/copies_excess (near), membership/auc, a/b, c/d"
    card = replace(SAMPLE, reasons=(Reason(code="test-rules", args={"rules": rules}),))
    assert result_sentence(card, EN) == (
        "This release does not pass the policy “Starter” — exceeded: Members copied, beyond non-members; "
        "AUC: how well members are told from non-members; a/b; and 1 more."
    )


def test_a_missing_goal_is_said_once() -> None:
    missing = replace(SAMPLE, missing=("membership",), reasons=(Reason(code="a", args={}), Reason(code="b", args={})))
    said = "the policy needs this too, and it was not assessed: Membership inference: who was in the data"
    assert further_reasons(missing, EN) == ["b", said]
    named = replace(missing, reasons=(Reason(code="a", args={"goal": "membership"}),))
    assert further_reasons(named, EN) == []


def test_plugins_are_named_in_the_language_or_in_english_or_by_themselves() -> None:
    assert JA.title("membership") == "メンバーシップ推論"
    assert JA.title("strangers-attack").startswith("A stranger's attack")
    assert JA.title("nobody") == "nobody"
    assert JA.assumption("strangers-attack") == ""


def test_what_a_measurement_is_of() -> None:
    assert EN.of("copies_excess", "raw") == "as written"
    assert EN.of("copies_excess", "all") == ""
    assert EN.of("auc", "density-ratio") == "density ratio"
    assert EN.of("released_copies_excess", "any + once") == "any member + values that occur once"
    assert EN.of("l_distinct_risk", "raw") == "raw"


def test_worst_first_keeps_the_rules_together() -> None:
    ordered = worst_first(SAMPLE.judgements)
    assert [each.verdict for each in ordered[:4]] == 4 * [Verdict.FAIL]
    assert ordered[-1].verdict is Verdict.NOT_ASSESSED
    assert tally(SAMPLE.judgements) == [
        (Verdict.FAIL, 6),
        (Verdict.ERROR, 1),
        (Verdict.INCONCLUSIVE, 5),
        (Verdict.PASS, 13),
        (Verdict.NOT_ASSESSED, 2),
    ]


def test_a_judgement_about_several_together_has_their_unit() -> None:
    judgement = next(each for each in SAMPLE.judgements if each.rule == "exact-copies/copies_excess")
    together = replace(judgement, of="raw + near")
    measurements = measurements_by_key(SAMPLE)
    assert judged_text(together, measurements, 0.95, EN).value == f"1.15{NBSP}%"


def test_limits_name_their_margin_only_where_there_is_one() -> None:
    judgement = next(each for each in SAMPLE.judgements if each.rule == "exact-copies/copies_excess")
    measurement = SAMPLE.findings[0].measurements[0]
    assert limit_text(judgement, measurement).joined(EN) == f"0{NBSP}%, margin 1{NBSP}%"
    assert limit_text(replace(judgement, margin="0"), measurement).margin == ""


def test_sections_say_the_worst_first_and_what_a_pass_requires_before_heuristics() -> None:
    judgement = next(each for each in SAMPLE.judgements if each.rule == "exact-copies/copies_excess")
    heuristic = replace(judgement, rule="exact-copies/heuristic", measurement="heuristic", required=False, measured=0.9)
    sections = attack_sections(replace(SAMPLE, judgements=(heuristic, judgement)), EN)
    assert "“Members copied, beyond non-members (as written)”" in sections[0].sentences[0]
    assert sections[0].verdict == "fail"
    assert [group.what for group in sections[0].bullets] == ["Members copied, beyond non-members", "heuristic"]


def test_a_truth_that_holds_is_not_what_came_closest_to_its_limit() -> None:
    copies = next(each for each in SAMPLE.judgements if each.rule == "exact-copies/copies_excess")
    same = next(each for each in SAMPLE.judgements if each.measurement == "multiset_equal")

    def first(*judgements: Judgement) -> str:
        return attack_sections(replace(SAMPLE, judgements=judgements), EN)[0].bullets[0].what

    assert first(same, replace(copies, verdict=Verdict.PASS, measured=-0.01)).startswith("Members copied")
    assert first(copies, replace(same, verdict=Verdict.FAIL, measured=1.0)).startswith("The release is the members'")


def test_a_rule_that_a_pass_does_not_require_counts_in_its_section_only_where_it_fails() -> None:
    judgement = next(each for each in SAMPLE.judgements if each.rule == "exact-copies/copies_excess")
    held = replace(judgement, verdict=Verdict.PASS)
    other = replace(judgement, rule="exact-copies/heuristic", measurement="heuristic", required=False)

    def section_verdict(*judgements: Judgement) -> str:
        return attack_sections(replace(SAMPLE, judgements=judgements), EN)[0].verdict

    assert section_verdict(replace(other, verdict=Verdict.INCONCLUSIVE), held) == "pass"
    assert section_verdict(replace(other, verdict=Verdict.FAIL), held) == "fail"
    assert section_verdict(replace(other, verdict=Verdict.INCONCLUSIVE)) == "inconclusive"
    assert section_verdict(replace(held, verdict=Verdict.NOT_ASSESSED)) == "not-assessed"


def test_a_section_of_what_was_not_run_says_why() -> None:
    finding = replace(
        SAMPLE.findings[1], outcome="not-run", reason=Reason(code="because", args={}), measurements=(), details=()
    )
    (section,) = attack_sections(replace(SAMPLE, findings=(finding,), judgements=()), EN)
    assert section.sentences == ("This was not run: because.",)
    assert section.verdict == "not-assessed"


def test_the_readme_names_every_field_of_every_document() -> None:
    text = (ROOT / "reports" / "README.md").read_text()
    named = set(re.findall(r"`([a-z_0-9]+)`", text))
    documents = audit_core.scorecard, audit_core.calibration, audit_core.study
    for module in (*documents, audit_core.measurement, audit_core.evidence):
        for kind in vars(module).values():
            if isinstance(kind, type) and is_dataclass(kind) and kind.__module__ == module.__name__:
                assert {field.name for field in fields(kind)} <= named, kind


def test_every_view_is_announced_and_can_be_loaded() -> None:
    import importlib

    renderers = list(manifest.audit_renderers())
    assert [each.name for each in renderers] == ["json", "html", "junit", "markdown", "calibration-html", "study-html"]
    for record in renderers:
        module, name = record.load.split(":")
        assert callable(getattr(importlib.import_module(module), name))
        assert set(record.title) == {"en", "ja"}
    assert hasattr(manifest.audit_renderers, f"{PROJECT}_impl")
