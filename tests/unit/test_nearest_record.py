"""The check `nearest-record`, and mistakes that measures of distance are prone to, each as a test."""

import csv
import itertools
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audit_core.case import Case
from audit_core.evidence import Proportion
from audit_core.judge import judge
from audit_core.measurement import Histogram, Measurement, Reason
from audit_core.policy import load_policy, parse_policy
from audit_core.questions import Neighbours
from audit_core.recipe import recipe_of_files
from audit_core.registry import discover
from audit_core.scorecard import Verdict
from audit_core.table_case import prepare
from audit_core.tables import Column, Table, read_only
from audit_core.testing import find, made_up_case
from audit_plugins.checks import exchangeable_labels, nearest_record
from audit_plugins.checks.exchangeable_labels import (
    RealRows,
    closer,
    exchanged,
    independent_tries,
    ratios,
    two_nearest,
)
from audit_plugins.checks.nearest_record import EDGES, NearestRecord

REGISTRY = discover()
PLUGIN = REGISTRY.checks["nearest-record"]


def said(case: Case, seed: int = 0) -> list[Measurement | Histogram | Reason]:
    return list(NearestRecord().measure(case, np.random.default_rng(seed)))  # type: ignore[arg-type]


def shares(case: Case, seed: int = 0) -> dict[str, Measurement]:
    return {one.name: one for one in said(case, seed) if isinstance(one, Measurement)}


def binary_case(members: int, non_members: int, release: np.ndarray | None = None, columns: int = 4) -> Case:
    """Four columns of 0 and 1; the release is the members' table where none is given."""
    rng = np.random.default_rng(8)
    dictionary = np.array(["0", "1"], dtype=object)
    named = tuple(Column(name=f"b{at}", kind="category", values=dictionary) for at in range(columns))
    inside, outside = rng.integers(0, 2, (members, columns)), rng.integers(0, 2, (non_members, columns))
    tables = [
        Table(columns=named, codes=read_only(codes.astype(np.int32)))
        for codes in (inside if release is None else release, inside, outside)
    ]
    return replace(
        made_up_case("innocent", rows=4),
        release=tables[0],
        published=tables[0],
        members=tables[1],
        non_members=tables[2],
        roles={},
    )


def with_release(case: Case, codes: np.ndarray) -> Case:
    release = Table(columns=case.release.columns, codes=read_only(codes))
    return replace(case, release=release, published=release)


# Mistakes that measures of distance are prone to


def test_the_members_themselves_in_four_binary_columns_do_not_look_best() -> None:
    """A tie that counts as "nearer to the holdout" makes the worst release there is look perfect.

    Everybody in both arms has the same few values, so distance cannot tell: one half. The copy is told by others.
    """
    case = binary_case(400, 400)
    found = shares(case)
    assert found["dcr_share"].value == pytest.approx(0.5)
    assert found["nndr_share"].value == pytest.approx(0.5)
    low, high = found["dcr_share"].interval.low, found["dcr_share"].interval.high
    assert low < 0.5 < high
    copies = find(REGISTRY.checks["exact-copies"], case, REGISTRY)
    assert next(one for one in copies.measurements if one.name == "multiset_equal").value == 1
    nearest = find(PLUGIN, case, REGISTRY)
    assert judge(load_policy("starter"), (copies, nearest), case.facts).verdict is Verdict.FAIL


def test_a_copied_tenth_is_told_from_no_leak_whose_level_is_known() -> None:
    """A score whose value without a leak is unknown, and depends on the number of rows, cannot be read at all.

    Here it is one half for any number of rows, and there is an interval. A copied tenth of m rows moves the share by
    0.05, give or take 0.5 / sqrt(n); with n of about 1,000 tries that is three standard errors.
    """
    case = made_up_case("innocent", rows=3000, seed=5)
    codes = case.release.codes.copy()
    codes[:300] = case.members.codes[:300]
    before, after = shares(case)["dcr_share"], shares(with_release(case, codes))["dcr_share"]
    assert before.interval.low < 0.5 < before.interval.high
    assert after.value > before.value + 0.03
    assert after.interval.low > 0.5
    for rows in (30, 300, 1200):
        few = shares(made_up_case("innocent", rows=rows, seed=6))["dcr_share"]
        assert few.blind == 0.5
        assert few.evidence.bounds(1 - 1e-5).low < 0.5 < few.evidence.bounds(1 - 1e-5).high


def test_the_order_of_rows_says_nothing(tmp_path: Path) -> None:
    """A copy in the same order of rows must not pass for no copy: no row of the release is left out as "itself"."""
    rng = np.random.default_rng(9)

    def rows(n: int) -> list[tuple[str, ...]]:
        return [
            (str(a), f"{b:.3f}", "xyz"[c])
            for a, b, c in zip(rng.integers(18, 90, n), rng.random(n), rng.integers(0, 3, n), strict=True)
        ]

    members, non_members = rows(120), rows(120)

    def case(name: str, released: Sequence[tuple[str, ...]]) -> Case:
        files = {"release": released, "members": members, "non_members": non_members}
        paths = {}
        for arm, its in files.items():
            paths[arm] = tmp_path / f"{name}-{arm}.csv"
            with paths[arm].open("w", newline="", encoding="utf-8") as file:
                csv.writer(file).writerows([("age", "score", "group"), *its])
        return prepare(recipe_of_files(**paths))

    in_order = said(case("same", members))
    shuffled = said(case("shuffled", [members[at] for at in rng.permutation(120)]))
    assert in_order == shuffled
    found = {one.name: one for one in in_order if isinstance(one, Measurement)}
    assert found["dcr_share"].interval.low > 0.9
    assert found["nndr_share"].interval.low > 0.9


@pytest.mark.parametrize(("members", "non_members"), [(1200, 120), (120, 1200)])
def test_a_smaller_holdout_does_not_raise_the_share(members: int, non_members: int) -> None:
    """Among more rows the nearest is nearer: arms of unequal size tell members by their number alone."""
    pool = made_up_case("innocent", rows=1200, seed=7)
    assert pool.non_members is not None
    order = np.random.default_rng(1).permutation(1200)  # the case's own order is by content
    case = replace(
        pool, members=pool.members.take(order[:members]), non_members=pool.non_members.take(order[:non_members])
    )
    outcome = said(case)
    found = {one.name: one for one in outcome if isinstance(one, Measurement)}
    for one in found.values():
        assert one.evidence.bounds(1 - 1e-5).low < 0.5 < one.evidence.bounds(1 - 1e-5).high
    cut = [one for one in outcome if isinstance(one, Reason) and one.code == "nearest-record-cut"]
    assert [one.args for one in cut] == [{"facts": "members" if members > 120 else "non_members", "rows": 120}]


def test_there_is_one_share_and_no_choice_among_many() -> None:
    """The largest of several shares is above one half without a leak; each measure is taken once, over all columns."""
    counts = Counter(one.name for one in said(made_up_case("innocent", rows=40)) if isinstance(one, Measurement))
    assert counts == {"dcr_share": 1, "nndr_share": 1}


def test_no_released_row_is_a_try_of_its_own() -> None:
    """All released rows meet the same real rows, so n is not their number: a thousand rows near one are worth one."""
    case = made_up_case("innocent", rows=500)
    same = shares(with_release(case, np.repeat(case.members.codes[:1], 1000, axis=0)))["dcr_share"]
    assert same.n == pytest.approx(1)
    assert same.value == pytest.approx(1)
    assert same.evidence.bounds(0.95).low < 0.5  # one try proves nothing
    two = shares(with_release(case, np.repeat(case.members.codes[:2], 500, axis=0)))["dcr_share"]
    assert two.n == pytest.approx(2, rel=0.3)
    many = shares(with_release(case, np.repeat(case.release.codes, 4, axis=0)))
    assert all(one.n < 1000 for one in many.values())


# What the measures are


def test_a_tie_counts_a_half() -> None:
    assert closer(np.float32([1, 2, 3]), np.float32([2, 2, 2])).tolist() == [1, 0.5, 0]


def test_equal_distances_have_the_ratio_one_also_where_both_are_zero() -> None:
    """A row that equals two real rows points at neither of them."""
    first, second = np.float32([0, 0, 1, 1, 0, np.inf]), np.float32([0, 2, 1, 4, np.inf, np.inf])
    assert ratios(first, second).tolist() == [1, 0, 1, 0.25, np.inf, np.inf]


def test_copies_raise_both_shares_and_a_fresh_sample_does_not() -> None:
    fresh, leaky = made_up_case("innocent", rows=600), made_up_case("leaky", rows=600)
    for one in shares(fresh).values():
        assert one.evidence.bounds(0.999).low < 0.5
    for one in shares(leaky).values():
        assert one.evidence.bounds(0.999).low > 0.5
    assert shares(leaky)["dcr_share"].value == pytest.approx(0.75, abs=0.06)  # half copies, half at 1/2


def test_both_arms_have_whole_people_and_equally_many() -> None:
    """Ten people of one row against four people of five rows each: four against four."""
    case = made_up_case("innocent", rows=20)
    assert case.non_members is not None
    grouped = replace(
        case,
        unit="person",
        members=case.members.take(np.arange(10)),
        member_subjects=np.arange(10) + 100,
        non_member_subjects=np.repeat(np.arange(4), 5),
    )
    outcome = said(grouped)
    assert Reason(code="nearest-record-cut", args={"facts": "members", "rows": 4}) in outcome


def test_one_row_in_an_arm_has_no_ratio() -> None:
    case = made_up_case("innocent", rows=20)
    assert case.non_members is not None
    assert set(shares(replace(case, non_members=case.non_members.take(np.arange(1))))) == {"dcr_share"}


def test_looking_at_fewer_rows_at_first_changes_no_share(monkeypatch: pytest.MonkeyPatch) -> None:
    case = made_up_case("leaky", rows=120)
    usual = {name: one.value for name, one in shares(case).items()}
    monkeypatch.setattr(nearest_record, "LOOKED_AT", 1)
    assert {name: one.value for name, one in shares(case).items()} == pytest.approx(usual)


def test_the_bars_are_the_same_for_all_data_and_hide_small_counts() -> None:
    cases = made_up_case("leaky", rows=300), binary_case(50, 50)
    charts = [[one for one in said(case) if isinstance(one, Histogram)] for case in cases]
    assert [[one.of for one in its] for its in charts] == [["nearest member", "nearest non-member"]] * 2
    assert len({one.labels for its in charts for one in its}) == 1
    assert len(charts[0][0].labels) == len(EDGES) + 1
    for one in charts[0]:
        assert all(count is None or count == 0 or count >= 11 for count in one.counts)
        hidden = sum(count is None for count in one.counts)
        assert 300 - 10 * hidden <= sum(count or 0 for count in one.counts) <= 300 - hidden
    assert charts[0][0].counts[0] == 150  # the copies
    assert charts[1][0].counts[0] == 50


def test_it_is_not_run_without_non_members() -> None:
    finding = find(PLUGIN, replace(made_up_case("innocent", rows=20), non_members=None), REGISTRY)
    assert (finding.outcome, finding.reason) == ("not-run", Reason(code="needs-facts", args={"facts": "non_members"}))


def test_the_card_says_that_a_low_share_proves_nothing_and_who_showed_it() -> None:
    finding = find(PLUGIN, made_up_case("innocent", rows=40), REGISTRY)
    assert "nearest-record-proves-nothing" in {one.code for one in finding.caveats}
    assert any("2505.01524" in one for one in finding.references)
    assert any("Patterns" in one for one in finding.references)


# By these measures a release may fail, and never pass

POLICY = """
policy: strict-distances
title: {en: Strict distances}
version: 1
needs: {table: [copies]}
rules:
  - attack: exact-copies
    measurement: multiset_equal
    goal: copies
    at_most: 0
    basis: house
    source: Ours
    rationale: {en: Not the table itself.}
  - attack: nearest-record
    measurement: dcr_share
    goal: copies
    at_most: 0.5
    fail_confidence: 99%
    supports_pass: false
    required: false
    basis: house
    source: Ours
    rationale: {en: Released rows must not lie nearer to members.}
"""


@pytest.mark.parametrize(("leak", "verdict"), [("leaky", Verdict.FAIL), ("innocent", Verdict.NO_FINDING)])
def test_a_rule_of_ones_own_can_fail_a_release_and_cannot_pass_it(leak: str, verdict: Verdict) -> None:
    policy = parse_policy(POLICY.encode(), "p.yaml")
    case = made_up_case(leak, rows=600)  # type: ignore[arg-type]
    judged = judge(policy, (find(PLUGIN, case, REGISTRY),), case.facts)
    (row,) = (one for one in judged.judgements if one.attack == "nearest-record")
    assert row.verdict == verdict


def test_no_shipped_policy_has_a_rule_on_it() -> None:
    for name in ("starter", "public-release", "controlled-access", "emahc-0070", "jp-appi", "ci-smoke"):
        assert "nearest-record" not in {rule.attack for rule in load_policy(name).rules}


# How many tries a share is worth


def real_rows(distance: np.ndarray, kind: Sequence[int], person: Sequence[int]) -> RealRows:
    """All kinds of real row in order of distance; shape of `distance`: (released rows, kinds)."""
    order = np.argsort(distance, axis=1, kind="stable")
    near = Neighbours(
        distance=np.take_along_axis(distance, order, axis=1).astype(np.float32), row=order.astype(np.int32)
    )
    return RealRows(near=near, kind=np.array(kind), person=np.array(person), people=max(person) + 1)


def share_by_definition(real: RealRows, arm: np.ndarray) -> tuple[float, float]:
    """Both shares row by row, from the distances of all real rows; an arm of one row has an infinite ratio."""
    nearer = smaller = 0.0
    for distance, row in zip(real.near.distance, real.near.row, strict=True):
        its = dict(zip(row.tolist(), distance.tolist(), strict=True))
        inside = sorted(its[kind] for kind, inner in zip(real.kind, arm, strict=True) if inner)
        outside = sorted(its[kind] for kind, inner in zip(real.kind, arm, strict=True) if not inner)
        nearer += (inside[0] < outside[0]) + (inside[0] == outside[0]) / 2
        ratio, other = (
            np.inf if len(two) < 2 else 1 if two[1] == 0 else np.float32(two[0]) / np.float32(two[1])
            for two in (inside, outside)
        )
        smaller += (ratio < other) + (ratio == other) / 2
    return nearer / len(real.near.row), smaller / len(real.near.row)


@pytest.fixture
def many_exchanges(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exchangeable_labels, "EXCHANGES", 4000)


# The mean of 4,000 squares that lie between 0 and 1/4 is off by less than 0.25 sqrt(ln(2e5) / 8000) = 0.0098, but for
# once in 100,000 times.
OFF = 0.0098


@pytest.mark.usefixtures("many_exchanges")
@settings(max_examples=15)
@given(st.integers(0, 2**32 - 1), st.sampled_from([2, 4, 1000]), st.integers(1, 12))
def test_shares_and_their_spread_are_those_of_every_way_to_cut_people_into_halves(
    seed: int, values: int, released: int
) -> None:
    rng = np.random.default_rng(seed)
    kind, person = rng.permutation([0, 1, 2, 3, 4, 5, 5, 4]), np.array([0, 1, 2, 3, 4, 5, 0, 1])
    real = real_rows(rng.integers(0, values, (released, 6)), kind, person)
    ways = []
    for half in itertools.combinations(range(6), 3):
        arm = np.isin(person, half)
        (first, second), (other, second_other) = two_nearest(real, arm), two_nearest(real, ~arm)
        ways.append((closer(first, other).mean(), closer(ratios(first, second), ratios(other, second_other)).mean()))
        assert ways[-1] == pytest.approx(share_by_definition(real, arm))
    # Each way and its mirror image add up to one.
    assert np.mean(ways, axis=0) == pytest.approx(0.5)
    spread = ((exchanged(real, rng) - 0.5) ** 2).mean(axis=0)
    assert spread == pytest.approx(np.var(ways, axis=0), abs=OFF)


@pytest.mark.usefixtures("many_exchanges")
@pytest.mark.parametrize("person", [range(6), [0, 0, 1, 1, 2, 3]])
def test_without_ties_the_spread_is_that_of_the_formula(person: Sequence[int]) -> None:
    """v = N / (N - 1) (sum of w_j² - 1/N) / 4, with w_j the share of released rows nearest to a row of person j."""
    rng = np.random.default_rng(4)
    distance = rng.random((9, 6))
    real = real_rows(distance, range(6), person)
    weight = np.bincount(np.array(person)[distance.argmin(axis=1)], minlength=real.people) / 9
    n = real.people
    variance = n / (n - 1) * ((weight**2).sum() - 1 / n) / 4
    assert variance <= (weight**2).sum() / 4
    assert ((exchanged(real, rng)[:, 0] - 0.5) ** 2).mean() == pytest.approx(variance, abs=OFF)


def test_where_all_real_rows_are_equal_a_share_is_worth_its_rows() -> None:
    real = real_rows(np.zeros((7, 1)), [0] * 6, range(6))
    shares = exchanged(real, np.random.default_rng(0))
    assert (shares == 0.5).all()
    assert independent_tries(shares[:, 0], 7) == pytest.approx(7)


@given(st.lists(st.floats(0, 1), min_size=100, max_size=100), st.integers(0, 97), st.integers(1, 30_000))
def test_with_labels_by_chance_the_bounds_miss_no_more_often_than_they_may(
    shares: list[float], halves: int, released: int
) -> None:
    """Whatever the shares are like: most of them one half, say, and a few far off."""
    by_chance = np.array([0.5] * halves + shares[halves:])
    tries = independent_tries(by_chance, released)
    assert tries <= max(1, released) + 1e-6
    for alpha in (0.05, 0.01):
        misses = [
            Proportion(k=share * tries, n=tries).bounds(1 - alpha).low > 0.5 for share in (*by_chance, *(1 - by_chance))
        ]
        assert np.mean(misses) <= alpha


def test_a_row_beyond_the_nearest_ones_counts_as_far() -> None:
    near = Neighbours(distance=np.float32([[1, 2]]), row=np.int32([[0, 1]]))
    real = RealRows(near=near, kind=np.arange(4), person=np.arange(4), people=4)
    assert [each.tolist() for each in two_nearest(real, np.array([True, False, True, False]))] == [[1], [np.inf]]
    assert [each.tolist() for each in two_nearest(real, np.array([False, False, True, True]))] == [[np.inf], [np.inf]]
    none = Neighbours(distance=np.float32([[1, np.inf]]), row=np.int32([[0, -1]]))
    alone = RealRows(near=none, kind=np.zeros(2, dtype=int), person=np.arange(2), people=2)
    assert [each.tolist() for each in two_nearest(alone, np.array([True, True]))] == [[1], [1]]
