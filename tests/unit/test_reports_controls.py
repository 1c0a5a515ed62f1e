"""Section H: what is shown of a control is what decided it."""

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest

from audit_core.controls import loudest
from audit_core.evidence import Evidence, Excess, Mean, Ranking, TailHits
from audit_core.judge import judge
from audit_core.measurement import Measurement, Reason, measured
from audit_core.policy import Policy, Rule
from audit_core.scorecard import Control, Scorecard, Verdict
from audit_reports.control_tables import ControlCell, control_tables
from audit_reports.numbers_as_text import level_percent
from audit_reports.provenance_tables import provenance
from audit_reports.wording import wording_of

SAMPLE = Scorecard.from_json((Path(__file__).parents[1] / "golden" / "sample.scorecard.json").read_bytes())
EN = wording_of(SAMPLE, "en")
NBSP = "\u00a0"

FACTS = {"table": 1, "members": 2000, "non_members": 2000}

POLICY = Policy(
    name="test",
    title={"en": "Test"},
    version=1,
    needs={"table": ("membership",)},
    rules=tuple(
        Rule(
            attack="membership",
            measurement=measurement,
            goal="membership",
            at_most=limit,
            basis="house",
            rationale={"en": "Because."},
            source={"en": "ours"},
        )
        for measurement, limit in (("auc", Fraction(55, 100)), ("tpr_at_fpr_0_01", Fraction(3, 100)))
    ),
    digest="sha256:0",
)


def auc(value: float, of: str = "a") -> Measurement:
    return measured("auc", Ranking(auc=value, variance=1e-4, n1=2000, n0=2000), of=of, blind=0.5)


def tail(hits: float, of: str = "a") -> Measurement:
    return measured("tpr_at_fpr_0_01", TailHits(hits=hits, n1=2000, n0=2000, fpr=0.01), of=of, blind=0.01)


def card(name: str, *measurements: Measurement, dose: float | None = None) -> Scorecard:
    """A card with one attack and one control of it, judged."""
    finding = replace(
        SAMPLE.findings[1], measurements=tuple(auc(0.5, of) for of in "ab") + tuple(tail(20, of) for of in "ab")
    )
    control = Control(
        name=name,
        attack="membership",
        dose=dose,
        measurements=measurements,
        verdict=Verdict.INCONCLUSIVE,
        reason=Reason(code="control-not-judged", args={}),
    )
    judged = judge(POLICY, (finding,), FACTS, controls=(control,))
    return replace(SAMPLE, findings=(finding,), judgements=judged.judgements, controls=judged.controls)


def only_cell(scorecard: Scorecard) -> ControlCell:
    tables = control_tables(scorecard, EN)
    (row,) = tables.attacks
    (cell,) = row.cells
    assert cell is not None
    return cell


def number(text: str) -> float:
    """A value as it is written: "1.30 %" is 0.013."""
    plain = text.replace(NBSP, " ").replace("−", "-").replace(",", "")
    return float(plain.removesuffix(" %")) / 100 if plain.endswith("%") else float(plain)


@pytest.mark.parametrize("value", [0.5, 0.52, 0.56, 0.58, 0.59, 0.6, 0.65])
def test_the_interval_of_a_leaky_twin_is_above_the_blind_level_where_the_plant_is_found(value: float) -> None:
    scorecard = card("leaky-twin", auc(value), auc(0.5, "b"), tail(20), tail(20, "b"), dose=0.1)
    cell = only_cell(scorecard)
    assert cell.decisive is not None
    low = number(cell.decisive.interval.split(" to ")[0])
    assert (low > 0.5) == (cell.verdict == "pass")
    assert cell.decisive.note == f"one-sided 99.75{NBSP}%, blind level 0.5"


@pytest.mark.parametrize("value", [0.56, 0.58, 0.59, 0.6, 0.65])
def test_the_interval_of_an_innocent_twin_is_above_the_limit_where_the_attack_is_over_sensitive(value: float) -> None:
    scorecard = card("innocent-twin", auc(value), auc(0.5, "b"), tail(20), tail(20, "b"))
    cell = only_cell(scorecard)
    assert cell.decisive is not None
    low = number(cell.decisive.interval.split(" to ")[0])
    assert (low > 0.55) == (cell.verdict == "inconclusive")
    assert cell.decisive.note == f"one-sided 99.975{NBSP}%, limit 0.55"


def test_an_innocent_twin_is_held_against_limits_that_apply_only() -> None:
    near = auc(0.54)
    scorecard = card("innocent-twin", near, auc(0.7, "c"), measured("tpr_at_fpr_0_001", tail(1).evidence, of="a"))
    cell = only_cell(scorecard)
    assert cell.decisive is not None
    assert cell.decisive.value == "0.540"
    assert only_cell(replace(scorecard, judgements=())).decisive is None


def test_of_shuffled_labels_the_score_that_is_farthest_from_a_coin_is_shown() -> None:
    def shuffled(mean: float, se: float, of: str) -> Measurement:
        return measured("auc_shuffled", Mean(mean=mean, se=se, df=199), of=of, blind=0.5)

    cell = only_cell(card("label-permutation", shuffled(0.502, 0.004, "a"), shuffled(0.499, 0.0004, "b")))
    assert cell.decisive is not None
    assert cell.decisive.what.endswith("(b)")
    assert cell.decisive.note == f"one-sided 99.9999{NBSP}%, blind level 0.5"
    assert cell.verdict == "pass"


def test_what_was_not_measured_has_a_reason_and_no_figure() -> None:
    control = Control(
        name="innocent-twin",
        attack="membership",
        outcome="not-run",
        verdict=Verdict.INCONCLUSIVE,
        reason=Reason(code="too-few-for-twin", args={}),
    )
    cell = only_cell(replace(SAMPLE, controls=(control,)))
    assert cell.decisive is None
    assert cell.reason.startswith("there are too few non-members")


def test_a_sentence_names_the_score_in_words() -> None:
    scorecard = card("leaky-twin", auc(0.9, "density-ratio"), dose=0.1)
    assert only_cell(scorecard).reason.endswith(f"a planted leak of 10{NBSP}% (shown by: density ratio)")


def test_the_tables_keep_the_order_of_the_attacks_and_name_what_is_not_there() -> None:
    tables = control_tables(SAMPLE, EN)
    assert [cell.name for cell in tables.case] == [EN.say("control.overlap"), EN.say("control.blind-baseline")]
    assert [row.title for row in tables.attacks] == [
        "Membership inference",
        "Attribute disclosure",
        "Linkability",
        "Singling out",
    ]
    assert [column.split(":")[0] for column in tables.columns] == ["Shuffled labels", "Innocent twin", "Leaky twin"]
    assert [cell is None for cell in tables.attacks[2].cells] == [True, True, False]
    assert tables.no_control == ("no scores to shuffle", "not tried", "not tried")


def test_a_control_of_another_version_has_a_column_of_its_own() -> None:
    (control,) = [one for one in SAMPLE.controls if one.attack == "linkability"]
    tables = control_tables(replace(SAMPLE, controls=(replace(control, name="a-newer-one"),)), EN)
    assert tables.columns == ("a-newer-one",)


@pytest.mark.parametrize(
    ("certifying", "with_non_members", "words"),
    [
        (False, True, "the policy does not ask for it. The option --controls"),
        (True, True, "although the policy asks for it. Audit again with the option --controls"),
        (False, False, "each of them needs non-members"),
        (True, False, "each of them needs non-members"),
    ],
)
def test_without_twins_the_section_says_why_and_how_to_get_them(
    certifying: bool, with_non_members: bool, words: str
) -> None:
    non_members = SAMPLE.inputs.non_members if with_non_members else None
    scorecard = replace(
        SAMPLE,
        controls=tuple(one for one in SAMPLE.controls if "twin" not in one.name) if with_non_members else (),
        policy=replace(SAMPLE.policy, certifying=certifying),
        inputs=replace(SAMPLE.inputs, non_members=non_members),
    )
    assert words in control_tables(scorecard, EN).summary


def test_the_summary_counts_attacks_and_what_they_did() -> None:
    assert control_tables(SAMPLE, EN).summary == (
        "Of 4 attacks and checks that were tried on twins, 1 found the planted leak and 2 stayed silent on fresh real "
        "rows."
    )


def test_nothing_is_loudest_where_nothing_can_be_said() -> None:
    nothing: tuple[Evidence, ...] = (Excess(k1=0, n1=0, k0=0, n0=0, scale="relative"),)
    assert loudest([measured("a", evidence) for evidence in nothing]) is None
    assert loudest([replace(auc(0.9), blind=None)]) is None


@pytest.mark.parametrize(
    ("confidence", "text"), [(0.99, "99 %"), (1 - 0.01 / 7, "99.86 %"), (1 - 0.001 / 3, "99.967 %"), (0.95, "95 %")]
)
def test_a_level_keeps_two_digits_of_what_it_leaves_open(confidence: float, text: str) -> None:
    assert level_percent(confidence) == text.replace(" ", NBSP)


def test_time_on_twins_is_told_in_words() -> None:
    tasks = [task for task, _, _ in provenance(SAMPLE, EN).costs]
    assert tasks == [
        "core",
        "Exact copies",
        "k-anonymity",
        "Membership inference",
        "Membership inference, innocent twin",
        "Membership inference, leaky twin",
        "whole audit",
    ]
