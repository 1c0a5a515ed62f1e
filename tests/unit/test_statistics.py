"""Estimators against naive ones: every pair counted, every order of a tie tried."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from audit_core.statistics.estimates import (
    delong,
    design_effect,
    false_positives_allowed,
    independent_units,
    roc_points,
    tail_hits,
)

Floats = NDArray[np.float64]

unhurried = settings(deadline=None)

few_scores = st.lists(st.integers(0, 4), min_size=1, max_size=12).map(lambda values: np.array(values, dtype=float))


def naive_auc(members: Floats, controls: Floats) -> float:
    wins = [float(m > c) + float(m == c) / 2 for m in members for c in controls]
    return sum(wins) / len(wins)


def naive_obuchowski(members: Floats, controls: Floats, person1: list[int], person0: list[int]) -> float:
    """Obuchowski (1997), equations 3-6, person by person, for persons in one arm only."""
    auc, total = naive_auc(members, controls), 0.0
    below = [naive_auc(np.array([score]), controls) for score in members]
    above = [naive_auc(members, np.array([score])) for score in controls]
    for placements, person in ((below, person1), (above, person0)):
        people = sorted(set(person))
        squares = 0.0
        for each in people:
            rows = [placement for placement, its in zip(placements, person, strict=True) if its == each]
            squares += (sum(rows) - len(rows) * auc) ** 2
        total += len(people) / (len(people) - 1) * squares / len(placements) ** 2
    return total


@unhurried
@given(few_scores, few_scores)
def test_auc_counts_every_pair_and_ties_half(members: Floats, controls: Floats) -> None:
    assert delong(members, controls)[0] == pytest.approx(naive_auc(members, controls), abs=1e-15)


@unhurried
@given(few_scores.filter(lambda x: len(x) > 1), few_scores.filter(lambda x: len(x) > 1))
def test_variance_is_that_of_the_placements(members: Floats, controls: Floats) -> None:
    below = [np.mean((controls < m) + (controls == m) / 2) for m in members]
    above = [np.mean((members > c) + (members == c) / 2) for c in controls]
    expected = np.var(below, ddof=1) / len(members) + np.var(above, ddof=1) / len(controls)
    assert delong(members, controls)[1] == pytest.approx(expected, abs=1e-15)


def test_clustered_variance_is_obuchowskis() -> None:
    rng = np.random.default_rng(1)
    members, controls = np.round(rng.normal(1, 1, 40), 1), np.round(rng.normal(0, 1, 25), 1)
    person1, person0 = rng.integers(0, 9, 40), 100 + rng.integers(0, 6, 25)
    auc, variance = delong(members, controls, person1, person0)
    assert auc == delong(members, controls)[0]
    assert variance == pytest.approx(naive_obuchowski(members, controls, person1.tolist(), person0.tolist()))


def test_one_row_each_is_no_cluster() -> None:
    rng = np.random.default_rng(2)
    members, controls = rng.normal(1, 1, 30), rng.normal(0, 1, 20)
    alone = delong(members, controls)
    assert delong(members, controls, np.arange(30), np.arange(20)) == pytest.approx(alone, rel=1e-14)


def test_rows_written_twice_add_nothing_once_they_are_clustered() -> None:
    rng = np.random.default_rng(3)
    members, controls = rng.normal(1, 1, 30), rng.normal(0, 1, 20)
    twice = delong(
        np.repeat(members, 2), np.repeat(controls, 2), np.repeat(np.arange(30), 2), np.repeat(np.arange(20), 2)
    )
    assert twice == pytest.approx(delong(members, controls), rel=1e-14)


def test_equal_scores_rank_nobody() -> None:
    members, controls = np.full(700, 0.1 + 0.2), np.full(300, 0.1 + 0.2)
    assert delong(members, controls) == (0.5, 0.0)
    assert tail_hits(members, controls, 0.01) == pytest.approx(700 * 4 / 301)
    assert roc_points(members, controls, np.array([0, 0.01, 0.5, 1])) == pytest.approx([0, 0.01, 0.5, 1])


def test_perfect_and_reversed_scores() -> None:
    low, high = np.arange(5.0), np.arange(10.0, 14.0)
    assert delong(high, low) == (1.0, 0.0)
    assert delong(low, high) == (0.0, 0.0)
    assert tail_hits(high, low, 0.2) == 4
    assert tail_hits(low, high, 0.25) == 0


@unhurried
@given(few_scores, few_scores)
def test_swapping_or_mirroring_the_arms_mirrors_the_auc(members: Floats, controls: Floats) -> None:
    auc, variance = delong(members, controls)
    for mirrored in (delong(controls, members), delong(-members, -controls)):
        assert mirrored == pytest.approx((1 - auc, variance), abs=1e-15)


@unhurried
@given(st.integers(0, 2**32 - 1))
def test_the_order_of_rows_changes_nothing_at_all(seed: int) -> None:
    rng = np.random.default_rng(seed)
    members, controls = np.round(rng.normal(0.3, 1, 200), 1), np.round(rng.normal(0, 1, 150), 1)
    person1, person0 = rng.integers(0, 50, 200), rng.integers(0, 50, 150)
    order1, order0 = rng.permutation(200), rng.permutation(150)
    shuffled1, shuffled0 = members[order1], controls[order0]
    grid = np.geomspace(1e-3, 1, 13)
    assert delong(members, controls) == delong(shuffled1, shuffled0)
    assert delong(members, controls, person1, person0) == delong(shuffled1, shuffled0, person1[order1], person0[order0])
    assert tail_hits(members, controls, 0.05) == tail_hits(shuffled1, shuffled0, 0.05)
    assert np.array_equal(roc_points(members, controls, grid), roc_points(shuffled1, shuffled0, grid))
    hits = members > 1
    assert design_effect(hits, person1) == design_effect(hits[order1], person1[order1])


def test_only_the_order_of_scores_counts() -> None:
    rng = np.random.default_rng(4)
    members, controls = np.round(rng.normal(0.5, 1, 90), 1), np.round(rng.normal(0, 1, 80), 1)
    assert delong(np.exp(members), np.exp(controls)) == delong(members, controls)
    assert tail_hits(np.exp(members), np.exp(controls), 0.05) == tail_hits(members, controls, 0.05)


@pytest.mark.parametrize("fpr", [0.2, 0.4, 0.6])
@pytest.mark.parametrize(
    ("members", "controls"), [([3, 2, 2], [3, 2, 2, 2, 0]), ([1, 1], [1, 1, 1, 1, 1]), ([5, 2], [4, 2, 2, 1, 1])]
)
def test_a_tie_counts_as_the_average_over_its_orders(members: list[int], controls: list[int], fpr: float) -> None:
    hits = []
    pooled = [(score, True) for score in members] + [(score, False) for score in controls]
    for order in itertools.permutations(range(len(pooled))):
        ranked = sorted(zip(pooled, order, strict=True), key=lambda each: (-each[0][0], each[1]))
        false_positives = found = 0
        for (_, member), _ in ranked:
            found += member
            false_positives += not member
            if false_positives > int(fpr * len(controls) + 1e-9):
                break
        hits.append(found)
    expected = sum(hits) / len(hits)
    assert tail_hits(np.array(members, float), np.array(controls, float), fpr) == pytest.approx(expected, abs=1e-12)


def test_the_threshold_keeps_the_rate_and_does_not_exceed_it() -> None:
    # 1 % of 399 is 3.99: three may lie above the threshold. Of equal arms so do three members, and the fourth, tied
    # with the threshold, counts half.
    assert tail_hits(np.arange(399.0), np.arange(399.0), 0.01) == 3.5
    assert tail_hits(np.arange(400.0), np.arange(400.0), 0.01) == 4.5


def test_roc_points_join_the_corners_of_ties() -> None:
    members, controls = np.array([3.0, 2, 2, 1]), np.array([3.0, 2, 2, 2, 1, 0, 0, 0, 0, 0])
    corners = [(np.mean(controls >= t), np.mean(members >= t)) for t in (4, 3, 2, 1, 0)]
    grid = np.arange(11) / 10
    expected = np.interp(grid, *zip(*corners, strict=True))
    assert roc_points(members, controls, grid) == pytest.approx(expected)


@unhurried
@given(few_scores, few_scores)
def test_the_curve_rises_to_1(members: Floats, controls: Floats) -> None:
    curve = roc_points(members, controls, np.linspace(0, 1, 21))
    assert (np.diff(curve) >= 0).all()
    assert curve[0] == np.mean(members > controls.max())
    assert curve[-1] == 1


@pytest.mark.parametrize(("fpr", "n0", "allowed"), [(0.29, 100, 29), (0.01, 299, 2), (0.01, 300, 3), (0.001, 999, 0)])
def test_false_positives_allowed_is_floored_without_rounding_noise(fpr: float, n0: int, allowed: int) -> None:
    assert false_positives_allowed(fpr, n0) == allowed


def test_empty_arms_say_nothing() -> None:
    some, none = np.arange(3.0), np.empty(0)
    assert delong(some, none) == delong(none, some) == (0.5, 0.0)
    assert tail_hits(some, none, 0.01) == tail_hits(none, some, 0.01) == 0
    assert (roc_points(some, none, np.array([0.1, 1.0])) == 0).all()
    assert design_effect(np.empty(0), np.empty(0, dtype=np.int64)) == 1
    assert independent_units(np.empty(0, dtype=np.int64)) == 0


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_scores_must_be_finite(bad: float) -> None:
    some = np.arange(3.0)
    for estimate in (delong, lambda m, c: tail_hits(m, c, 0.1), lambda m, c: roc_points(m, c, np.array([0.1]))):
        with pytest.raises(ValueError, match="scores of the controls must be finite"):
            estimate(some, np.array([0.0, bad]))


@pytest.mark.parametrize("fpr", [0.0, 1.0])
def test_a_tail_needs_a_rate_between_0_and_1(fpr: float) -> None:
    with pytest.raises(ValueError, match="fpr"):
        tail_hits(np.arange(3.0), np.arange(3.0), fpr)


def test_rows_that_agree_within_a_person_count_once() -> None:
    person = np.repeat(np.arange(400), 5)
    outcomes = np.repeat(np.arange(400) % 2 == 1, 5)
    # m/(m-1) is the only difference from 5 rows that count as one.
    assert design_effect(outcomes, person) == pytest.approx(5 * 400 / 399, rel=1e-3)


def test_independent_rows_keep_nearly_all_their_weight() -> None:
    rng = np.random.default_rng(5)
    person = np.repeat(np.arange(4000), 5)
    # The estimate's standard deviation is sqrt(2/4000) = 0.022; 1 + 5 of them, and the shrinkage of 2/4000 * 4.
    assert 1 <= design_effect(rng.random(20_000) < 0.5, person) < 1.12


def test_without_a_hit_rows_are_taken_to_agree() -> None:
    person = np.array([0] * 6 + [1] * 3 + [2])
    for outcomes in (np.zeros(10), np.ones(10)):
        assert design_effect(outcomes, person) == pytest.approx((36 + 9 + 1) / 10)


def test_the_effect_falls_smoothly_as_evidence_of_independence_grows() -> None:
    person = np.repeat(np.arange(100), 10)
    effects = []
    for hit_persons in (0, 1, 2, 5, 10, 50):
        outcomes = np.zeros(1000)
        outcomes[np.arange(hit_persons) * 10] = 1  # one row of each, so no agreement at all
        effects.append(design_effect(outcomes, person))
    assert effects[0] == 10
    assert all(later < earlier for earlier, later in itertools.pairwise(effects))
    assert effects[1] > 5
    assert effects[-1] < 1.5


def test_one_person_is_one_unit_and_single_rows_are_themselves() -> None:
    outcomes = np.array([True, False, True, True])
    assert design_effect(outcomes, np.zeros(4, dtype=np.int64)) == 4
    assert design_effect(outcomes, np.arange(4)) == 1


@unhurried
@given(st.lists(st.integers(0, 6), min_size=1, max_size=40), st.integers(0, 2**32 - 1))
def test_the_effect_is_never_below_1(persons: list[int], seed: int) -> None:
    person = np.array(persons, dtype=np.int64)
    outcomes = np.random.default_rng(seed).random(len(person)) < 0.3
    assert design_effect(outcomes, person) >= 1


def test_units_of_unequal_size_are_worth_fewer_than_their_number() -> None:
    assert independent_units(np.arange(7)) == 7
    assert independent_units(np.repeat(np.arange(7), 9)) == 7
    assert independent_units(np.array([0] * 97 + [1, 2, 3])) == 1
