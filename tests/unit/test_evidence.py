"""What every kind of evidence promises."""

import json
import math
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from audit_core.evidence import Coins, Evidence, Exact, Excess, InvalidEvidence, Proportion, Ranking, TailHits
from audit_core.measurement import Histogram, RocCurve, measured
from audit_core.statistics.estimates import delong, tail_hits

unhurried = settings(deadline=None)

counts = st.integers(1, 3000)
share = st.floats(0, 1)
effect = st.floats(1, 20)


@st.composite
def excesses(draw: st.DrawFn) -> Excess:
    n1, n0 = draw(counts), draw(counts)
    return Excess(
        k1=round(draw(share) * n1),
        n1=n1,
        k0=round(draw(share) * n0),
        n0=n0,
        scale=draw(st.sampled_from(["difference", "relative"])),
        deff1=draw(effect),
        deff0=draw(effect),
    )


@st.composite
def rankings(draw: st.DrawFn) -> Ranking:
    n1, n0, auc = draw(counts), draw(counts), draw(share)
    return Ranking(auc=auc, variance=draw(share) * auc * (1 - auc) / min(n1, n0), n1=n1, n0=n0)


@st.composite
def tails(draw: st.DrawFn) -> TailHits:
    n1, n0 = draw(counts), draw(counts)
    return TailHits(hits=draw(share) * n1, n1=n1, n0=n0, fpr=draw(st.sampled_from([0.001, 0.01, 0.1, 0.5])))


@st.composite
def coins(draw: st.DrawFn) -> Coins:
    guesses = draw(st.integers(1, 400))
    return Coins(
        right=round(draw(share) * guesses),
        guesses=guesses,
        coins=guesses + draw(counts),
        p_in=draw(st.floats(0.1, 0.9)),
        claimed=draw(st.floats(0.1, 10)),
        delta=draw(st.sampled_from([0.0, 1e-9, 1e-6])),
    )


proportions = st.builds(lambda n, part: Proportion(k=part * n, n=n), st.floats(0.5, 3000), share)
sampled = st.one_of(proportions, excesses(), rankings(), tails(), coins())
exacts = st.builds(Exact, numerator=st.integers(0, 500), denominator=st.integers(1, 500))
confidences = st.floats(0.5, 0.9999)


@unhurried
@given(st.one_of(sampled, exacts), confidences)
def test_bounds_contain_the_value(evidence: Any, confidence: float) -> None:
    interval = evidence.bounds(confidence)
    assert interval.low <= evidence.value <= interval.high
    assert interval.confidence == confidence
    assert interval.method


@unhurried
@given(sampled, confidences, confidences)
def test_more_confidence_never_narrows(evidence: Any, one: float, other: float) -> None:
    wide, narrow = evidence.bounds(max(one, other)), evidence.bounds(min(one, other))
    assert wide.low <= narrow.low + 1e-12
    assert wide.high >= narrow.high - 1e-12


@unhurried
@given(sampled, st.floats(0.6, 0.9999))
def test_the_p_value_at_a_lower_bound_is_what_its_confidence_leaves(evidence: Any, confidence: float) -> None:
    low = evidence.bounds(confidence).low
    bottom = -1.0 if isinstance(evidence, Excess) else 0.0
    at_point = isinstance(evidence, TailHits) and low == evidence.value
    if low - bottom < 1e-9 or at_point:
        return
    assert evidence.p_value(low) == pytest.approx(1 - confidence, rel=1e-5)


@unhurried
@given(sampled, st.floats(-1, 1), st.floats(-1, 1))
def test_a_higher_limit_never_lowers_the_p_value(evidence: Any, one: float, other: float) -> None:
    low, high = sorted((one, other))
    assert 0 <= evidence.p_value(low) <= evidence.p_value(high) + 1e-12 <= 1 + 1e-12


@unhurried
@given(st.one_of(sampled, exacts), st.sampled_from([0.9, 0.95, 0.99, 0.999]))
def test_a_stored_card_gives_the_same_bounds(evidence: Any, confidence: float) -> None:
    adapter: TypeAdapter[Evidence] = TypeAdapter(Evidence)
    again = adapter.validate_json(adapter.dump_json(evidence))
    assert again == evidence
    assert again.bounds(confidence) == evidence.bounds(confidence)
    assert json.loads(adapter.dump_json(again)) == json.loads(adapter.dump_json(evidence))


@unhurried
@given(sampled.filter(lambda e: e.trials >= 30 and not isinstance(e, Coins)))
def test_four_times_the_data_narrows_around_the_same_value(evidence: Any) -> None:
    more = evidence.scaled(4)
    assert more.value == pytest.approx(evidence.value, abs=1e-9)
    assert more.trials == pytest.approx(4 * evidence.trials)
    before, after = evidence.bounds(0.95), more.bounds(0.95)
    if not isinstance(evidence, TailHits):  # there the point belongs to j / n0, which moves a little with n0
        assert after.high - after.low <= before.high - before.low + 1e-9


@pytest.mark.parametrize("factor", [0.0, -1.0, math.inf, math.nan])
@pytest.mark.parametrize(
    "evidence", [Exact(numerator=1), Proportion(k=1, n=2), Ranking(auc=0.5, variance=0, n1=1, n0=1)]
)
def test_only_a_positive_number_scales(evidence: Any, factor: float) -> None:
    with pytest.raises(ValueError, match="factor"):
        evidence.scaled(factor)


@pytest.mark.parametrize(
    ("kind", "fields", "named"),
    [
        (Exact, {"numerator": -1}, "numerator"),
        (Exact, {"numerator": math.nan}, "numerator"),
        (Exact, {"numerator": 1, "denominator": 0}, "denominator"),
        (Proportion, {"k": 3, "n": 2}, "k"),
        (Proportion, {"k": 0, "n": -1}, "n"),
        (Proportion, {"k": 0, "n": math.inf}, "n"),
        (Excess, {"k1": 3, "n1": 2, "k0": 0, "n0": 1, "scale": "difference"}, "k1"),
        (Excess, {"k1": 0, "n1": 2, "k0": 2, "n0": 1, "scale": "relative"}, "k0"),
        (Excess, {"k1": 0, "n1": 2, "k0": 0, "n0": 1, "scale": "relative", "deff1": 0.5}, "deff1"),
        (Excess, {"k1": 0, "n1": 2, "k0": 0, "n0": 1, "scale": "relative", "deff0": math.nan}, "deff0"),
        (Ranking, {"auc": 1.01, "variance": 0, "n1": 1, "n0": 1}, "auc"),
        (Ranking, {"auc": 0.5, "variance": -1e-9, "n1": 1, "n0": 1}, "variance"),
        (Ranking, {"auc": 0.5, "variance": 0, "n1": -1, "n0": 1}, "n1"),
        (Ranking, {"auc": 0.5, "variance": 0, "n1": 1, "n0": 1.5}, "n0"),
        (TailHits, {"hits": 3, "n1": 2, "n0": 1, "fpr": 0.1}, "hits"),
        (TailHits, {"hits": 0, "n1": 2, "n0": 1, "fpr": 1.0}, "fpr"),
        (TailHits, {"hits": 0, "n1": 2, "n0": 1, "fpr": 0.0}, "fpr"),
        (TailHits, {"hits": -0.5, "n1": 2, "n0": 1, "fpr": 0.1}, "hits"),
    ],
)
def test_impossible_numbers_are_refused_by_name(kind: Any, fields: dict[str, Any], named: str) -> None:
    with pytest.raises(InvalidEvidence, match=rf"^{kind.__name__}\.{named} must "):
        kind(**fields)


@pytest.mark.parametrize("value", ["Smith", None, [], object(), 10**400])
def test_what_is_no_number_is_refused_without_being_quoted(value: Any) -> None:
    with pytest.raises(InvalidEvidence, match=r"^Proportion\.k must be a number$") as caught:
        Proportion(k=value, n=3)
    assert caught.value.__suppress_context__
    with pytest.raises(InvalidEvidence, match=r"^Ranking\.n1 must be a number$"):
        Ranking(auc=0.5, variance=0, n1=value, n0=1)


@pytest.mark.parametrize("evidence", [None, 0.1, {"kind": "proportion", "k": 1, "n": 2}])
def test_a_measurement_needs_evidence(evidence: Any) -> None:
    with pytest.raises(InvalidEvidence, match=r"^Measurement\.evidence must "):
        measured("share", evidence)


@pytest.mark.parametrize(
    ("kind", "fields", "named"),
    [
        (RocCurve, {"fpr": (0.1, 0.2), "tpr": (0.1,), "n1": 5, "n0": 5}, "tpr"),
        (Histogram, {"labels": ("a",), "counts": (20, 30)}, "counts"),
        (Histogram, {"labels": ("a", "b"), "counts": (None, -1)}, "counts"),
    ],
)
def test_a_chart_that_cannot_be_drawn_is_refused_by_name(kind: Any, fields: dict[str, Any], named: str) -> None:
    with pytest.raises(InvalidEvidence, match=rf"^{kind.__name__}\.{named} must "):
        kind(of="s", **fields)


def test_a_histogram_keeps_no_small_count_whoever_made_it() -> None:
    assert Histogram(of="s", labels=tuple("abcde"), counts=(0, 1, 10, 11, None)).counts == (0, None, None, 11, None)


def test_a_card_with_impossible_evidence_is_refused() -> None:
    adapter: TypeAdapter[Evidence] = TypeAdapter(Evidence)
    with pytest.raises(ValidationError, match="k must not be above n"):
        adapter.validate_json('{"kind": "proportion", "k": 3, "n": 2}')


def test_counts_of_numpy_are_counts() -> None:
    ranking = Ranking(auc=np.float64(0.5), variance=np.float64(0), n1=np.int64(5), n0=np.int32(6))  # type: ignore[arg-type]
    assert (type(ranking.n1), type(ranking.n0), type(ranking.auc)) == (int, int, float)


def test_numbers_keep_twelve_digits() -> None:
    assert Proportion(k=1 / 3, n=2 / 3).k == 0.333333333333
    assert Proportion(k=3.0000000000000004, n=3).k == 3


@pytest.mark.parametrize(
    ("evidence", "low", "high"),
    [
        (Exact(numerator=0, denominator=0), 0, 1),
        (Proportion(k=0, n=0), 0, 1),
        (Excess(k1=0, n1=0, k0=3, n0=9, scale="difference"), -1, 1),
        (Excess(k1=3, n1=9, k0=0, n0=0, scale="relative"), -1, 1),
        (Ranking(auc=0.5, variance=0, n1=0, n0=5), 0, 1),
        (TailHits(hits=0, n1=0, n0=5, fpr=0.01), 0, 1),
        (TailHits(hits=0, n1=5, n0=0, fpr=0.01), 0, 1),
    ],
)
def test_nothing_tried_says_nothing(evidence: Any, low: float, high: float) -> None:
    interval = evidence.bounds(0.95)
    assert (interval.low, interval.high) == (low, high)
    assert evidence.value == 0
    assert evidence.p_value(0.0) == 1
    assert not evidence.measurable
    assert not evidence.inverted
    assert not evidence.scaled(8).measurable


def test_one_in_eleven_does_not_exceed_one_eleventh() -> None:
    eleventh = Exact(numerator=1, denominator=11)
    assert not eleventh.exceeds(Fraction(1, 11))
    assert eleventh.exceeds(Fraction(1, 12))
    assert eleventh.p_value(Fraction(1, 11)) == eleventh.p_value(1 / 11) == 1
    assert eleventh.p_value(Fraction(9, 100)) == eleventh.p_value(0.09) == 0
    assert eleventh.bounds(0.95).low == eleventh.bounds(0.95).high == 1 / 11
    assert Exact(numerator=1, denominator=10).exceeds(Fraction(1, 11))


@pytest.mark.parametrize("confidence", [0.49, 1.0, math.nan])
def test_a_bound_needs_a_confidence(confidence: float) -> None:
    for evidence in (Exact(numerator=1), Proportion(k=1, n=2), Ranking(auc=0.5, variance=0, n1=1, n0=1)):
        with pytest.raises(ValueError, match="confidence"):
            evidence.bounds(confidence)


def test_an_excess_over_persons_is_the_excess_of_fewer_units() -> None:
    rows = Excess(k1=60, n1=400, k0=30, n0=500, scale="difference", deff1=4, deff0=5)
    assert rows.bounds(0.95) == Excess(k1=15, n1=100, k0=6, n0=100, scale="difference").bounds(0.95)
    assert rows.value == 60 / 400 - 30 / 500
    assert rows.trials == 100


@pytest.mark.parametrize(
    ("n0", "fpr", "enough"), [(298, 0.01, False), (299, 0.01, True), (2994, 0.001, False), (2995, 0.001, True)]
)
def test_a_tail_needs_controls(n0: int, fpr: float, enough: bool) -> None:
    assert TailHits(hits=0, n1=5, n0=n0, fpr=fpr).measurable is enough


def test_swapped_arms_are_seen() -> None:
    assert Excess(k1=10, n1=500, k0=60, n0=500, scale="difference").inverted
    assert Excess(k1=10, n1=500, k0=60, n0=500, scale="relative").inverted
    assert not Excess(k1=10, n1=500, k0=14, n0=500, scale="difference").inverted
    assert not Excess(k1=60, n1=500, k0=10, n0=500, scale="difference").inverted
    assert Ranking(auc=0.3, variance=0.001, n1=200, n0=200).inverted
    assert not Ranking(auc=0.48, variance=0.001, n1=200, n0=200).inverted
    assert not TailHits(hits=0, n1=5000, n0=5000, fpr=0.01).inverted


def test_equal_scores_are_no_finding() -> None:
    """A constant score: AUC one half, nothing significant, nothing swapped, whatever the sizes of the arms."""
    for n1, n0 in [(20, 20), (700, 300), (300, 4000)]:
        scores = np.full(n1, 7.5), np.full(n0, 7.5)
        auc, variance = delong(*scores)
        ranking = Ranking(auc=auc, variance=variance, n1=n1, n0=n0)
        tail = TailHits(hits=tail_hits(*scores, 0.01), n1=n1, n0=n0, fpr=0.01)
        assert ranking.value == 0.5
        assert ranking.p_value(0.5) > 0.4
        assert tail.p_value(0.01) > 0.4
        assert not ranking.inverted
        assert ranking.bounds(0.95).low < 0.5 < ranking.bounds(0.95).high


def test_a_measurement_is_filled_from_its_evidence() -> None:
    evidence = TailHits(hits=40, n1=1000, n0=800, fpr=0.01)
    made = measured("tpr_at_fpr_0_01", evidence, of="domias", blind=0.01, confidence=0.99)
    assert (made.name, made.of, made.blind, made.value, made.n) == ("tpr_at_fpr_0_01", "domias", 0.01, 0.04, 800)
    assert made.evidence == evidence
    assert made.interval == evidence.bounds(0.99)
    plain = measured("largest_risk", Exact(numerator=1, denominator=12), blind=None)
    assert (plain.of, plain.blind, plain.interval.low, plain.n) == ("all", None, 1 / 12, 12)


def test_method_names_say_which_bound_it_is() -> None:
    ranking = Ranking(auc=0.6, variance=0.002, n1=100, n0=100)
    assert ranking.bounds(0.95).method == "DeLong"
    assert replace(ranking, n1=29).bounds(0.95).method == "Birnbaum-Klose"
    assert replace(ranking, variance=0.0).bounds(0.95).method == "Birnbaum-Klose"
