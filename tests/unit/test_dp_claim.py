"""The check `dp-claim`: does a claim hold by its own ledger?"""

from dataclasses import replace

import numpy as np
import pytest

from audit_core.accounting import epsilon_pld, epsilon_rdp
from audit_core.codes import sentence
from audit_core.evidence import Exact
from audit_core.guarantee import Guarantee, InvalidGuarantee, KeptValues, NoisyCounts, NoisySteps, Stated
from audit_core.judge import judge
from audit_core.measurement import Measurement, Reason
from audit_core.policy import load_policy
from audit_core.registry import discover
from audit_core.scorecard import Verdict
from audit_core.testing import find, made_up_case
from audit_plugins.checks.dp_claim import ENDLESS, DpClaim

pytest.importorskip("dp_accounting")

REGISTRY = discover()
COUNTS = NoisyCounts(purpose="counts", sigma=30.0, tables=6)
STEPS = NoisySteps(
    purpose="training", noise_multiplier=1.5, sample_rate=0.05, steps=200, clipping_norm=1.0, expected_batch=30.0,
    sampling="poisson",
)  # fmt: skip
TRUE = Guarantee(
    epsilon=epsilon_pld([COUNTS, STEPS], 1e-5) or 0.0,
    epsilon_rdp=epsilon_rdp([COUNTS, STEPS], 1e-5),
    delta=1e-5,
    budget=5.0,
    unit="row",
    rows_per_unit=1,
    relation="add-or-remove",
    accountant="PRV, Opacus",
    mechanisms=(COUNTS, STEPS),
    units=600,
    units_from="public",
    derived=(),
    noise_source="a source",
    floating_point="a defence",
    tuning="none",
    pretraining_overlap="not-applicable",
    earlier_releases="none",
)

NOT_RUN = find(REGISTRY.checks["dp-claim"], made_up_case("innocent", rows=60), REGISTRY)


def said(claim: Guarantee | None, **fields: object) -> tuple[dict[tuple[str, str], float], list[str]]:
    case = replace(made_up_case("innocent", rows=600), guarantee=claim, **fields)
    items = list(DpClaim().measure(case, np.random.default_rng(0)))
    exact = {(one.name, one.of): one.evidence for one in items if isinstance(one, Measurement)}
    assert all(isinstance(one, Exact) for one in exact.values())
    values = {key: one.value for key, one in exact.items()}
    return values, [one.code for one in items if isinstance(one, Reason)]


def verdicts(claim: Guarantee) -> dict[str, Verdict]:
    case = replace(made_up_case("innocent", rows=600), guarantee=claim)
    its = load_policy("dp-model")
    rules = tuple(rule for rule in its.rules if rule.attack == "dp-claim")
    measured = [one for one in DpClaim().measure(case, np.random.default_rng(0)) if isinstance(one, Measurement)]
    finding = replace(NOT_RUN, outcome="measured", reason=None, measurements=tuple(measured))
    judged = judge(replace(its, rules=rules), [finding], case.facts)
    worst: dict[str, Verdict] = {}
    for one in judged.judgements:  # worst first
        worst.setdefault(f"{one.measurement} {one.of}", one.verdict)
    return worst


def test_a_true_ledger_bears_out_its_claim() -> None:
    values, reasons = said(TRUE)
    assert values["claim_understated", "rdp"] == values["claim_understated", "pld"] == 0
    assert float(values["epsilon_recomputed", "pld"]) == pytest.approx(TRUE.epsilon, abs=1e-6)
    assert float(values["budget_used", "all"]) == pytest.approx(TRUE.epsilon / 5)
    assert values["steps_outside", "all"] == values["unit_mismatch", "all"] == values["unanswered", "all"] == 0
    assert reasons == []
    assert set(verdicts(TRUE).values()) == {Verdict.PASS}


@pytest.mark.parametrize(
    ("fault", "rule"),
    [
        ({"epsilon": TRUE.epsilon * 0.9}, "claim_understated pld"),
        ({"epsilon_rdp": TRUE.epsilon_rdp * 0.99}, "claim_understated rdp"),  # type: ignore[operator]
        ({"mechanisms": (COUNTS, replace(STEPS, steps=400))}, "claim_understated pld"),
        ({"mechanisms": (COUNTS, replace(STEPS, noise_multiplier=0.0))}, "claim_understated pld"),
        ({"mechanisms": (COUNTS, replace(STEPS, sampling="shuffled"))}, "claim_understated rdp"),
        ({"budget": TRUE.epsilon / 2}, "budget_used all"),
        ({"outside": ("kind:age",)}, "steps_outside all"),
        ({"unit": "patient"}, "unit_mismatch all"),
        ({"delta": 0.01, "epsilon": 9.0}, "delta_times_rows all"),
        ({"epsilon": 20.0, "budget": 20.0}, "epsilon_claimed all"),
    ],
)
def test_each_fault_of_a_claim_fails_its_rule(fault: dict, rule: str) -> None:
    assert verdicts(replace(TRUE, **fault))[rule] is Verdict.FAIL


def test_without_noise_the_cost_is_endless_and_still_a_number() -> None:
    values, _ = said(replace(TRUE, mechanisms=(replace(STEPS, noise_multiplier=0.0),)))
    assert values["epsilon_recomputed", "pld"] == ENDLESS


def test_what_is_known_by_its_zcdp_alone_is_compared_by_renyi_accounting() -> None:
    stated = (Stated(purpose="marginals", rho=0.05),)
    values, _ = said(replace(TRUE, mechanisms=stated, epsilon=epsilon_rdp(stated, 1e-5), epsilon_rdp=None))
    assert values["claim_understated", "rdp"] == 0
    assert ("claim_understated", "pld") not in values


def test_what_a_claim_leaves_open_is_counted_and_named() -> None:
    left_open = replace(TRUE, noise_source="unknown", outside=("bounds:age",), stopped="loss-not-finite")
    values, reasons = said(left_open)
    assert values["unanswered", "all"] == 1
    assert reasons == ["dp-outside", "dp-unanswered", "dp-stopped"]


def test_caveats_are_in_the_reader_s_language() -> None:
    its = replace(
        TRUE,
        noise_source="unknown",
        units_from="unknown",
        outside=("bounds:age", "kind:a, b: c", "kind:sex", "a look, by hand", "rows"),
        stopped="loss-not-finite",
    )
    case = replace(made_up_case("innocent", rows=60), guarantee=its)
    caveats = [one for one in DpClaim().measure(case, np.random.default_rng(0)) if isinstance(one, Reason)]
    assert [sentence(one, "en") for one in caveats] == [
        "not covered by the claim: bounds of age; kind of a, b: c, sex; a look, by hand; number of rows",
        "the claim does not say: number of units, and how it is known, source of the noise",
        "training ended before its plan: the loss was no finite number",
    ]
    assert [sentence(one, "ja") for one in caveats] == [
        "主張の対象外: age の範囲／a, b: c、sex の種別／a look, by hand／行数",
        "主張に記載のない項目: 単位の数とその根拠、雑音の生成元",
        "学習が計画より前に終了しました: 損失が有限の数ではなくなりました",
    ]


def test_what_may_have_stopped_the_run_is_no_step_outside() -> None:
    values, reasons = said(replace(TRUE, aborts=("undeclared-values", "beyond-bounds")))
    assert values["steps_outside", "all"] == 0
    assert reasons == []


def test_without_a_claim_it_is_not_run() -> None:
    assert NOT_RUN.outcome == "not-run"


def test_in_a_process_of_its_own_it_finds_the_claim() -> None:
    finding = find(REGISTRY.checks["dp-claim"], replace(made_up_case("innocent", rows=60), guarantee=TRUE), REGISTRY)
    assert {one.name for one in finding.measurements} == set(REGISTRY.checks["dp-claim"].measures)


@pytest.mark.parametrize(
    "claim",
    [
        replace(TRUE, relation="replace"),
        replace(TRUE, relation="unknown"),
        replace(TRUE, rows_per_unit=100),
        replace(TRUE, mechanisms=()),
        replace(TRUE, mechanisms=(replace(STEPS, steps=0),)),
        replace(TRUE, epsilon=0.0, epsilon_rdp=None, mechanisms=(replace(COUNTS, sigma=300.0),)),
        replace(
            TRUE,
            mechanisms=(*TRUE.mechanisms, KeptValues(purpose="", threshold=0.0, sigma=30.0, tables=1, delta=0.0)),
        ),
    ],
    ids=["replace", "unknown", "many rows", "nothing", "no steps", "zero", "threshold"],
)
def test_a_ledger_that_does_not_bear_out_its_claim_fails(claim: Guarantee) -> None:
    values, _ = said(claim)
    assert max(value for (name, _), value in values.items() if name == "claim_understated") == ENDLESS
    found = verdicts(claim)
    assert Verdict.FAIL in {verdict for name, verdict in found.items() if name.startswith("claim_understated")}


def test_what_is_stated_is_said_to_be_taken_at_its_word() -> None:
    assert "dp-stated" in said(replace(TRUE, mechanisms=(Stated(purpose="all", epsilon=3.0),)))[1]
    assert "dp-stated" not in said(TRUE)[1]
    # What a program states it states of its unit, whatever that is.
    of_unit = replace(TRUE, relation="replace", epsilon=3.0, mechanisms=(Stated(purpose="all", epsilon=3.0),))
    values, codes = said(of_unit)
    assert values["claim_understated", "pld"] == 0
    assert "dp-not-of-unit" not in codes
    assert "dp-not-of-unit" in said(replace(TRUE, rows_per_unit=3))[1]


def test_more_rows_of_a_person_than_claimed_are_another_unit() -> None:
    person = replace(TRUE, unit="person")
    many = said(person, unit="person", member_subjects=np.arange(600) // 30)[0]
    one = said(person, unit="person", member_subjects=np.arange(600))[0]
    assert (many["unit_mismatch", "all"], one["unit_mismatch", "all"]) == (1, 0)


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: replace(COUNTS, sigma=1e-300),
        lambda: replace(COUNTS, sigma=1e300),
        lambda: replace(STEPS, steps=10**30),
        lambda: replace(STEPS, clipping_norm=-1.0),
        lambda: replace(STEPS, expected_batch=0.0),
        lambda: replace(TRUE, epsilon=1e-310),
        lambda: KeptValues(purpose="", threshold=float("nan"), sigma=1.0, tables=1, delta=0.0),
    ],
)
def test_numbers_that_no_mechanism_has_are_no_ledger(wrong) -> None:
    with pytest.raises(InvalidGuarantee):
        wrong()
