"""What a ledger's mechanisms cost, and what a guarantee allows."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit_core.accounting import epsilon_pld, epsilon_rdp, largest_auc, most_true_positives
from audit_core.errors import PackError
from audit_core.guarantee import Guarantee, InvalidGuarantee, KeptValues, Mechanism, NoisyCounts, NoisySteps, Stated

pytest.importorskip("dp_accounting")


def steps(noise: float, rate: float, count: int, sampling: str = "poisson") -> NoisySteps:
    return NoisySteps(
        purpose="training", noise_multiplier=noise, sample_rate=rate, steps=count, clipping_norm=1.0,
        expected_batch=100.0, sampling=sampling,  # type: ignore[arg-type]
    )  # fmt: skip


def claim(*mechanisms: Mechanism, **fields: object) -> Guarantee:
    its = {
        "epsilon": 1.0, "delta": 1e-6, "budget": 2.0, "unit": "row", "rows_per_unit": 1, "relation": "add-or-remove",
        "accountant": "PRV, Opacus", "mechanisms": mechanisms,
    } | fields  # fmt: skip
    return Guarantee(**its)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("rate", "noise", "count", "delta", "by_rdp", "by_pld"),
    [
        (0.01, 1.0, 1000, 1e-5, 2.1014, 1.8282),
        (0.01, 4.0, 10000, 1e-5, 1.0355, 0.9470),
        (0.02, 0.8, 300, 1e-5, 4.4600, 3.7874),
        (0.04, 1.1, 500, 1e-6, 6.0767, 5.5669),
    ],
)
def test_steps_cost_what_is_published_for_them(rate, noise, count, delta, by_rdp, by_pld) -> None:
    assert epsilon_rdp([steps(noise, rate, count)], delta) == pytest.approx(by_rdp, abs=1e-3)
    assert epsilon_pld([steps(noise, rate, count)], delta) == pytest.approx(by_pld, abs=1e-3)


def test_tables_of_counts_cost_as_one_gaussian_mechanism_of_their_joint_sensitivity() -> None:
    """Each of 16 tables changes by 1, so all of them by 4 in L2: noise of 20 is a multiplier of 5."""
    many, one = NoisyCounts(purpose="", sigma=20.0, tables=16), NoisyCounts(purpose="", sigma=5.0, tables=1)
    assert epsilon_rdp([many], 1e-6) == epsilon_rdp([one], 1e-6)


@pytest.mark.parametrize(
    "voided", [steps(0.0, 0.1, 10), steps(2.0, 0.1, 10, "shuffled"), NoisyCounts(purpose="", sigma=0.0, tables=3)]
)
def test_what_has_no_noise_or_no_accounting_costs_everything(voided: Mechanism) -> None:
    assert epsilon_rdp([voided], 1e-5) == math.inf
    assert epsilon_pld([voided], 1e-5) == math.inf


def test_thresholds_cost_delta_and_stated_mechanisms_add_up() -> None:
    counts = NoisyCounts(purpose="", sigma=10.0, tables=1)
    kept = KeptValues(purpose="", threshold=50.0, sigma=5.0, tables=1, delta=5e-7)
    assert epsilon_rdp([counts, kept], 1e-6) == epsilon_rdp([counts], 5e-7)
    assert (
        epsilon_rdp([counts, KeptValues(purpose="", threshold=50.0, sigma=5.0, tables=1, delta=1e-6)], 1e-6) == math.inf
    )
    assert epsilon_rdp([Stated(purpose="", epsilon=0.5), Stated(purpose="", epsilon=0.25)], 0.0) == 0.75
    assert epsilon_pld([Stated(purpose="", rho=0.1)], 1e-6) is None
    assert epsilon_rdp([Stated(purpose="", rho=0.1)], 1e-6) == pytest.approx(
        epsilon_rdp([NoisyCounts(purpose="", sigma=(1 / 0.2) ** 0.5, tables=1)], 1e-6), rel=1e-3
    )


def test_nothing_costs_nothing() -> None:
    assert epsilon_rdp([], 1e-6) == 0.0
    assert epsilon_rdp([steps(1.0, 0.1, 0)], 1e-6) == pytest.approx(0.0, abs=1e-9)


@pytest.mark.parametrize(("epsilon", "auc", "tpr"), [(1.0, 0.7311, 0.00272), (3.0, 0.9526, 0.0201)])
def test_what_a_guarantee_allows(epsilon: float, auc: float, tpr: float) -> None:
    assert largest_auc(epsilon, 1e-6) == pytest.approx(auc, abs=1e-4)
    assert most_true_positives(epsilon, 1e-6, 0.001) == pytest.approx(tpr, abs=1e-4)


@given(st.floats(0.0, 8.0), st.floats(0.0, 0.2))
def test_the_auc_is_the_area_under_what_is_allowed(epsilon: float, delta: float) -> None:
    rates = np.linspace(0, 1, 20001)
    area = np.trapezoid([most_true_positives(epsilon, delta, rate) for rate in rates], rates)
    # Trapezoids miss a corner of height at most 1 within one cell of 1/20000.
    assert largest_auc(epsilon, delta) == pytest.approx(area, abs=1e-4)


def test_a_ledger_reads_as_it_was_written() -> None:
    whole = claim(
        NoisyCounts(purpose="counts", sigma=27.5, tables=15),
        KeptValues(purpose="values", threshold=70.0, sigma=5.0, tables=1, delta=1e-7),
        steps(1.02, 0.02, 375),
        Stated(purpose="other", rho=0.01),
        outside=("kind:age",),
        aborts=("beyond-bounds",),
        units=1200,
        units_from="noisy-counts",
        stopped="why",
    )
    assert Guarantee.from_json(whole.to_json()) == whole
    open_ones = ("derived", "noise_source", "floating_point", "tuning", "pretraining_overlap", "earlier_releases")
    assert whole.unanswered == open_ones
    with pytest.raises(PackError, match="ledger"):
        Guarantee.from_json(whole.to_json().replace(b'"noisy-steps"', b'"quiet-steps"'))


def test_a_program_may_leave_out_what_it_does_not_know() -> None:
    told = (
        b'{"epsilon": 1.0, "delta": 0.0, "budget": 1.0, "unit": "row", "rows_per_unit": 1, "relation": "add-or-remove",'
        b'"accountant": "its own", "mechanisms": [{"kind": "stated", "purpose": "all", "epsilon": 1.0}]}'
    )
    its = Guarantee.from_json(told)
    assert (its.units, its.units_from, its.derived, its.aborts) == (None, "unknown", ("unknown",), ())
    assert {"units_from", "derived", "pretraining_overlap"} < set(its.unanswered)


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: claim(epsilon=math.inf),
        lambda: claim(delta=1.0),
        lambda: claim(budget=0.0),
        lambda: claim(rows_per_unit=0),
        lambda: claim(units=-1),
        lambda: steps(-1.0, 0.1, 1),
        lambda: steps(1.0, 0.0, 1),
        lambda: NoisyCounts(purpose="", sigma=1.0, tables=0),
        lambda: Stated(purpose=""),
        lambda: Stated(purpose="", epsilon=1.0, rho=1.0),
    ],
)
def test_a_claim_of_impossible_numbers_is_refused(wrong) -> None:
    with pytest.raises(InvalidGuarantee, match=" must "):
        wrong()
