"""Equal rows in members and non-members: counted, and refused only beyond what a fair split gives."""

from typing import Any

import numpy as np
import pytest
from scipy.stats import binom

from audit_core.reading.separation import CHANCE, Overlap, chance_of_overlap, overlap_of
from audit_core.tables import Column, Table, read_only


def one_column(codes: Any) -> Table:
    column = Column(name="x", kind="number", values=np.arange(20_000.0))
    return Table(columns=(column,), codes=read_only(np.asarray(codes, dtype=np.int32)[:, None]))


def test_equal_rows_are_counted_by_value() -> None:
    members, non_members = one_column([0, 0, 1, 2, 2, 2, -1]), one_column([0, 1, 1, 3, -1, -1])
    # Equal to a member are the non-members 0, 1, 1, missing, missing; the members 0, 0, 2, 2, 2 equal each other.
    overlap = overlap_of(members, non_members)
    assert (overlap.count, overlap.non_members, overlap.repeated, overlap.members) == (5, 6, 5, 7)
    overlap = overlap_of(non_members, members)
    assert (overlap.count, overlap.non_members, overlap.repeated, overlap.members) == (4, 7, 4, 6)


def counted(count: int, non_members: int, repeated: int, members: int, deff: float = 1.0) -> Overlap:
    return Overlap(count=count, non_members=non_members, repeated=repeated, members=members, deff=deff)


def test_the_chance_of_overlap_is_the_exact_upper_tail() -> None:
    # 3 of 4 non-members and 1 of 6 members: the sum over tables at least as extreme, by hand
    # (C(4,3) C(6,1) + C(4,4) C(6,0)) / C(10,4) = (24 + 1) / 210.
    assert chance_of_overlap(counted(3, 4, 1, 6)) == pytest.approx(25 / 210)
    assert chance_of_overlap(counted(6, 8, 2, 12, deff=2.0)) == pytest.approx(25 / 210)
    assert chance_of_overlap(counted(0, 4, 2, 6)) == 1.0
    assert chance_of_overlap(counted(0, 4, 0, 6)) == 1.0
    assert chance_of_overlap(counted(4, 4, 6, 6)) == 1.0


@pytest.mark.parametrize("kind", ["pairs", "clusters", "one large cluster"])
def test_the_design_effect_is_the_ratio_of_the_variances(kind: str) -> None:
    rng = np.random.default_rng(15)
    repeated = {"pairs": np.repeat(np.arange(200), 2), "clusters": rng.integers(0, 150, 500)}.get(kind, np.zeros(300))
    pool = np.concatenate([repeated, np.arange(1000, 1700)])
    n_others, splits = len(pool) // 4, 1500
    differences, deffs = [], []
    for _ in range(splits):
        order = rng.permutation(pool)
        overlap = overlap_of(one_column(order[n_others:]), one_column(order[:n_others]))
        differences.append(overlap.count / overlap.non_members - overlap.repeated / overlap.members)
        equal, rows = overlap.count + overlap.repeated, len(pool)
        spread = rows / (rows - 1) * (1 / overlap.non_members + 1 / overlap.members)
        deffs.append((overlap.deff, equal / rows * (1 - equal / rows) * spread))
    # The variance of 1,500 nearly normal differences has a relative standard error of sqrt(2 / 1500) = 0.037, and
    # 4.4 of them are 0.16. The design effect varies little with the split (it uses the observed rate), and equals 1
    # where it would be below.
    predicted = float(np.mean([deff * variance for deff, variance in deffs]))
    assert np.var(differences) == pytest.approx(predicted, rel=0.16)


@pytest.mark.parametrize("share", [2, 4])
def test_a_fair_split_is_refused_no_more_often_than_it_should(share: int) -> None:
    rng = np.random.default_rng(13)
    codes = np.concatenate([np.repeat(np.arange(300), 2), np.arange(1000, 2000)])
    splits, refusals = 1000, 0
    for _ in range(splits):
        order = rng.permutation(codes)
        cut = len(order) // share
        overlap = overlap_of(one_column(order[cut:]), one_column(order[:cut]))
        refusals += chance_of_overlap(overlap) < CHANCE
    # At the level of 0.001, more than 8 refusals in 1,000 splits have a chance below 1e-5.
    assert refusals <= binom.isf(1e-5, splits, CHANCE) == 8


def test_a_leak_into_the_non_members_is_found_among_many_equal_rows() -> None:
    rng = np.random.default_rng(14)
    pool = (rng.pareto(1.0, 32_000) * 2000).astype(np.int64).clip(max=19_999)
    members, fresh = pool[:24_000], pool[24_000:]
    assert chance_of_overlap(overlap_of(one_column(members), one_column(fresh))) >= CHANCE
    mixed = one_column(np.concatenate([members[:2000], fresh[:6000]]))
    assert chance_of_overlap(overlap_of(one_column(members), mixed)) < CHANCE
