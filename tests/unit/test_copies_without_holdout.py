"""What a release says about copies without a holdout: each bound beside a naive oracle, and what breaks it."""

import math
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from audit_core.case import Case
from audit_core.measurement import Measurement, Reason
from audit_core.neighbours import nearest, scales
from audit_core.tables import MISSING, Column, Table, read_only, row_ids
from audit_core.testing import made_up_case
from audit_plugins.checks.copies_without_holdout import (
    agreement,
    crowding,
    equal_counts,
    equal_to_members,
    released_excesses,
    repeats,
)


def coarse(codes: np.ndarray) -> Table:
    """A table of categories, as many of each column as there are codes."""
    columns = tuple(
        Column(name=f"c{at}", kind="category", values=np.array([str(v) for v in range(codes[:, at].max() + 1)], object))
        for at in range(codes.shape[1])
    )
    return Table(columns=columns, codes=read_only(codes))


def alike(table: Table, codes: np.ndarray) -> Table:
    return Table(columns=table.columns, codes=read_only(codes))


def ids(table: Table) -> np.ndarray:
    return row_ids(table)[0]


def population(rng: np.random.Generator, rows: int, widths: tuple[int, ...] = (30, 12, 6, 4, 3, 2)) -> Table:
    """Skewed, independent categories."""
    drawn = [(rng.random(rows) ** 2 * width).astype(np.int32) for width in widths]
    return coarse(np.column_stack([*drawn, np.arange(rows) % 2]))


def low(evidence) -> float:
    return evidence.bounds(0.99).low


def test_one_in_reach_is_at_most_half_of_none_and_all_of_two_whatever_the_means() -> None:
    rng = np.random.default_rng(1)
    for _ in range(300):
        means, weights = rng.lognormal(0, 3, 5), rng.dirichlet(np.ones(5) / 3)
        none, one, two = ((weights * np.exp(-means) * means**k / math.factorial(k)).sum() for k in (0, 1, 2))
        assert one <= none / 2 + two + 1e-12
    # It is reached where every mean is 1: one is then 1/e, none 1/e and two half of that.
    assert math.exp(-1) == pytest.approx(math.exp(-1) / 2 + math.exp(-1) / 2)


def test_no_count_is_hit_more_often_than_the_bound_says() -> None:
    for count in range(5, 200):
        means = np.linspace(0.5, 2 * count, 4001)
        # Given that there is any: what is looked at are values that the release has.
        hit = np.exp(count * np.log(means) - means - math.lgamma(count + 1)) / -np.expm1(-means)
        assert hit.max() < 1 / math.sqrt(2 * math.pi * count)


def test_equal_pairs_are_foretold_from_pairs_that_differ_in_one_column() -> None:
    for seed in range(5):
        table = population(np.random.default_rng(seed), 3000)
        chance = repeats(table, ids(table))
        assert not chance.distinct
        counts = Counter(ids(table).tolist()).values()
        assert chance.repeated == sum(count for count in counts if count > 1)
        assert chance.twice == sum(count == 2 for count in counts)
        assert chance.alone == sum(count == 1 for count in counts)


def test_rows_that_were_made_distinct_are_known_by_what_is_missing() -> None:
    for seed in range(5):
        table = population(np.random.default_rng(seed), 3000)
        once = table.take(np.unique(table.codes, axis=0, return_index=True)[1])
        chance = repeats(once, ids(once))
        assert chance.distinct
        assert chance.alone == len(once)
        assert chance.twice > 0.1 * len(once) / 2


def test_an_honest_generator_of_a_table_made_distinct_is_not_failed() -> None:
    for seed in range(5):
        rng = np.random.default_rng(seed)
        table = population(rng, 3000)
        once = table.take(np.unique(table.codes, axis=0, return_index=True)[1])
        fresh = alike(table, population(rng, 3000).codes)
        chance = repeats(once, ids(once))
        release, members = row_ids(fresh, once)
        found = equal_to_members(release, members, chance)
        assert min(low(evidence) for evidence in found.values()) <= 0
        part = agreement(fresh, once, chance)
        assert part is not None
        assert low(part.evidence) <= 0
        units = scales(fresh, once)
        near = nearest(fresh, once, units, k=1), nearest(once, once, units, k=2, leave_self_out=True)
        assert low(crowding(*near, chance)) <= 0


def naive_agreement(release: Table, members: Table) -> tuple[np.ndarray, np.ndarray]:
    """For each row the members within 0, 1, ... columns, one comparison at a time; and the first nearest."""
    most = len(release.columns) // 3
    reach = np.zeros((len(release), most + 1), dtype=int)
    nearest_member = np.zeros(len(release), dtype=int)
    for at, row in enumerate(release.codes):
        differing = [sum(a not in (MISSING, b) for a, b in zip(row, other, strict=True)) for other in members.codes]
        for allowed in range(most + 1):
            reach[at, allowed] = sum(one <= allowed for one in differing)
        nearest_member[at] = int(np.argmin(differing))
    return reach, nearest_member


def test_agreement_counts_as_a_naive_count_does() -> None:
    rng = np.random.default_rng(3)
    case = made_up_case("leaky", rows=90, missing=0.1)
    codes = case.members.codes.copy()
    codes[:, 2] = rng.permutation(codes[:, 2])
    release = alike(case.members, codes)
    found = agreement(release, case.members, repeats(case.members, ids(case.members)))
    assert found is not None
    reach, its = naive_agreement(release, case.members)
    part = its % 3
    scores = [
        (reach[part == 0, allowed] == 1).mean()
        - (reach[part == 0, allowed] == 0).mean() / 2
        - (reach[part == 0, allowed] == 2).mean()
        for allowed in range(reach.shape[1])
    ]
    assert found.columns == int(np.argmax(scores))
    first, second = reach[part == 1, found.columns], reach[part == 2, found.columns]
    assert (found.evidence.k1, found.evidence.n1) == ((first == 1).sum(), len(first))
    assert found.evidence.k0 == (second == 0).sum() / 2 + (second == 2).sum()
    assert found.evidence.n0 == len(second)


@pytest.mark.parametrize("columns", [1, 2])
def test_exchanged_columns_leave_one_member_in_reach(columns: int) -> None:
    case = made_up_case("innocent", rows=600)
    rng = np.random.default_rng(4)
    chance = repeats(case.members, ids(case.members))
    for first in range(len(case.members.columns) - columns + 1):
        if first <= 1 < first + columns:
            continue  # without the incomes of this table too many people fit
        codes = case.members.codes.copy()
        for at in range(first, first + columns):
            codes[:, at] = rng.permutation(codes[:, at])
        found = agreement(alike(case.members, codes), case.members, chance)
        assert found is not None
        assert found.columns <= columns
        assert low(found.evidence) > 0
    fresh = agreement(case.release, case.members, chance)
    assert fresh is not None
    assert low(fresh.evidence) < 0


def test_a_suppressed_cell_fits_everybody() -> None:
    case = made_up_case("innocent", rows=600)
    codes = case.members.codes.copy()
    codes[:, [0, 3, 4]] = MISSING
    found = agreement(alike(case.members, codes), case.members, repeats(case.members, ids(case.members)))
    assert found is not None
    assert found.columns == 0
    assert low(found.evidence) > 0.8
    nothing = np.full_like(codes, MISSING)
    blank = agreement(alike(case.members, nothing), case.members, repeats(case.members, ids(case.members)))
    assert blank is not None
    assert blank.evidence.k1 == 0


def test_rows_of_one_nearest_member_are_one_piece_of_evidence() -> None:
    case = made_up_case("innocent", rows=300)
    chance = repeats(case.members, ids(case.members))
    for row in range(12):  # a generator that has one row to offer, near whomever it may be
        codes = np.repeat(case.members.codes[row : row + 1], 300, axis=0)
        found = agreement(alike(case.members, codes), case.members, chance)
        assert found is not None
        assert not found.evidence.measurable or low(found.evidence) <= 0


def test_two_columns_leave_nothing_open() -> None:
    case = made_up_case("innocent", rows=50)
    two = case.members.select(case.members.names[:2])
    assert agreement(two, two, repeats(two, ids(two))) is None


def test_common_rows_with_the_rare_ones_left_out_have_every_count_right() -> None:
    for seed in range(5):
        rng = np.random.default_rng(seed)
        table = population(rng, 6000, (12, 5, 3))
        members = ids(table)
        counts = np.bincount(members)
        common = members[counts[members] >= 10]  # what is left of a table made 10-anonymous by leaving rows out
        evidence = equal_counts(common, members)
        assert evidence.k1 == evidence.n1 == len(common)
        assert low(evidence) > 0.5
        fresh = row_ids(alike(table, population(rng, 6000, (12, 5, 3)).codes), table)
        assert low(equal_counts(*fresh)) <= 0
    assert equal_counts(np.arange(9), np.arange(9)).k1 == 0  # what one member has is not looked at


def test_counts_are_counted_as_by_hand() -> None:
    rng = np.random.default_rng(7)
    members, release = rng.integers(0, 40, 400), rng.integers(5, 45, 300)
    mine, its = Counter(members.tolist()), Counter(release.tolist())
    common = {value: its[value] for value, count in mine.items() if count >= 5 and its[value]}
    evidence = equal_counts(release, members)
    assert evidence.k1 == sum(rows for value, rows in common.items() if rows == mine[value])
    chance = sum(rows / math.sqrt(2 * math.pi * mine[value]) for value, rows in common.items())
    assert evidence.k0 == pytest.approx(chance)
    assert evidence.deff1 == pytest.approx(sum(rows**2 for rows in common.values()) / sum(common.values()))


def test_an_honest_generator_may_make_common_rows_more_often() -> None:
    rng = np.random.default_rng(6)
    table = population(rng, 4000)
    fresh = alike(table, population(rng, 4000).codes)
    weights = np.bincount(ids(fresh))[ids(fresh)] ** 0.5
    preferred = fresh.take(rng.choice(4000, size=4000, p=weights / weights.sum()))
    chance = repeats(table, ids(table))
    found = equal_to_members(*row_ids(preferred, table), chance)
    assert min(low(evidence) for evidence in found.values()) <= 0


def said(case: Case) -> list[Measurement | Reason]:
    present = {"release": case.release, "members": case.members}
    units = scales(*present.values())
    pairs = (("release", "members", 1), ("members", "members", 2))
    near = {f"{a}>{b}": nearest(present[a], present[b], units, k=k, leave_self_out=a == b) for a, b, k in pairs}
    return list(released_excesses(replace(case, neighbours=near), *row_ids(case.release, case.members)))


def codes_of(case: Case) -> set[str]:
    return {one.code for one in said(case) if isinstance(one, Reason)}


def narrowed(case: Case, names: tuple[str, ...]) -> Case:
    return replace(case, release=case.release.select(names), members=case.members.select(names), non_members=None)


def test_what_cannot_be_seen_is_said() -> None:
    case = made_up_case("innocent", rows=400)
    assert "copies-without-holdout" not in codes_of(case)  # there is a holdout
    alone = narrowed(case, case.members.names)
    assert codes_of(alone) == {"agreeing-in-part", "copies-without-holdout"}
    assert "crowding-needs-numbers" in codes_of(narrowed(case, ("region", "status", "group")))
    two = codes_of(narrowed(case, ("region", "status")))
    assert {"agreement-needs-columns", "copies-invisible", "crowding-needs-numbers"} <= two
    assert "copies-invisible" not in codes_of(narrowed(case, ("age", "income", "visits")))


def test_counts_are_not_looked_at_where_the_release_is_declared_to_be_real_rows_made_coarser() -> None:
    def of(case: Case) -> set[str]:
        return {one.of for one in said(case) if isinstance(one, Measurement) and one.name == "released_near_excess"}

    case = made_up_case("innocent", rows=400)
    assert of(case) == {"distance", "columns", "counts"}
    assert of(replace(case, generalised=True)) == {"distance", "columns"}
    assert of(narrowed(case, ("status", "group"))) == {"distance", "counts"}
