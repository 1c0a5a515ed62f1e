"""Shared neighbours: what is merged for a twin equals what a search from nothing finds."""

from dataclasses import replace

import numpy as np
import pytest

from audit_core.bench import Bench, Setting, lay_out, tables_of
from audit_core.cache import Cache
from audit_core.case import Case
from audit_core.isolation import Limits
from audit_core.nearest_rows import CaseRows
from audit_core.registry import Registry
from audit_core.scorecard import Plant
from audit_core.tables import content_order
from audit_core.testing import made_up_case
from audit_core.twins import innocent, leaky, planted

PLANTS: tuple[Plant, ...] = ("verbatim", "jittered", "one-sensitive-column")


def bench(case: Case) -> Bench:
    setting = Setting(seed=0, content="test", limits=Limits(), confidence=0.95)
    return lay_out(case, setting, Registry(), [], Cache())


def from_nothing(twin: Bench, base: Bench) -> CaseRows:
    assert isinstance(base.rows, CaseRows)
    return CaseRows(tables_of(twin.case), {}, "from nothing", Cache(), units=base.rows.units)


@pytest.mark.parametrize("plant", PLANTS)
@pytest.mark.parametrize("columns", [None, ("age", "region")])
def test_a_planted_twins_neighbours_are_those_of_a_search_from_nothing(plant: Plant, columns) -> None:
    base = bench(made_up_case("innocent", rows=80, missing=0.1))
    twin = leaky(base, 0.1, plant)
    assert len(twin.case.release) == 88
    whole = from_nothing(twin, base)
    some = np.array([3, 5, 40, 41])
    for left, right, rows, others in (
        ("members", "release", None, None),
        ("members", "release", some, None),
        ("non_members", "release", None, None),
        ("release", "members", None, None),
        ("release", "non_members", None, some),
        ("members", "non_members", some, some),
    ):
        found = twin.rows.between(left, right, 3, rows=rows, others=others, columns=columns)
        expected = whole.between(left, right, 3, rows=rows, others=others, columns=columns)
        assert np.allclose(found.distance, expected.distance, atol=1e-6)
        assert (found.row == expected.row).mean() > 0.99  # rounding can part a tie
        assert (found.row[found.distance[:, 0] == 0, 0] == expected.row[expected.distance[:, 0] == 0, 0]).all()


def test_a_twins_release_is_in_content_order_and_holds_the_plants() -> None:
    case = made_up_case("innocent", rows=60)
    twin = leaky(bench(case), 0.2).case
    assert (content_order(twin.release) == np.arange(72)).all()
    rows = {tuple(row) for row in twin.release.codes}
    assert rows >= {tuple(row) for row in case.release.codes}
    assert sum(tuple(row) in rows for row in case.members.codes) >= 12


def test_more_neighbours_than_rows_are_nobody_at_infinity() -> None:
    base = bench(made_up_case("innocent", rows=4))
    found = leaky(base, 0.25).rows.between("members", "release", 8)
    assert (found.row[:, 5:] == -1).all()
    assert np.isinf(found.distance[:, 5:]).all()
    assert (found.row[:, :5] >= 0).all()


def test_jittered_numbers_are_near_and_categories_stay() -> None:
    case = made_up_case("innocent", rows=400)
    rows = np.arange(400)
    moved = planted(case, rows, "jittered", np.random.default_rng(0))
    for name in ("region", "status", "group"):
        assert moved.texts(name).tolist() == case.members.texts(name).tolist()
    span = np.subtract(*np.quantile(case.members.numbers("age"), [0.99, 0.01]))
    assert np.abs(moved.numbers("age") - case.members.numbers("age")).max() <= 0.02 * span + 1
    assert (moved.numbers("income") != case.members.numbers("income")).mean() > 0.5


def test_one_sensitive_column_stays_true_and_others_are_drawn_anew() -> None:
    case = made_up_case("innocent", rows=400)
    kept = planted(case, np.arange(400), "one-sensitive-column", np.random.default_rng(0))
    assert kept.texts("group").tolist() == case.members.texts("group").tolist()
    # Of 400 cells a quarter: 5 standard deviations, and hardly any is drawn as it was.
    assert abs((kept.numbers("income") != case.members.numbers("income")).mean() - 0.25) < 5 * (0.1875 / 400) ** 0.5


def test_an_innocent_twin_releases_fresh_people_and_compares_with_others() -> None:
    case = made_up_case("innocent", rows=100)
    assert case.non_members is not None
    base = bench(case)
    twin = innocent(base)
    assert twin is not None
    assert twin.case.non_members is not None
    assert len(twin.case.release) == len(twin.case.non_members) == 50
    both = sorted(map(tuple, np.concatenate([twin.case.release.codes, twin.case.non_members.codes])))
    assert both == sorted(map(tuple, case.non_members.codes))
    whole = from_nothing(twin, base)
    for left, right in (("members", "release"), ("members", "members"), ("non_members", "release")):
        found, expected = twin.rows.between(left, right, 2), whole.between(left, right, 2)
        assert (found.row == expected.row).all()
    assert innocent(bench(replace(case, non_members=case.non_members.take(np.arange(3))))) is None


def test_an_innocent_twin_parts_nobody() -> None:
    people = np.repeat(np.arange(25), 4)
    case = replace(
        made_up_case("innocent", rows=100), member_subjects=people, non_member_subjects=people + 25, unit="person"
    )
    twin = innocent(bench(case))
    assert twin is not None
    assert (np.unique(twin.case.non_member_subjects, return_counts=True)[1] == 4).all()


def test_a_twin_of_a_twin_is_refused() -> None:
    with pytest.raises(ValueError, match="twin"):
        leaky(leaky(bench(made_up_case("innocent", rows=20)), 0.1), 0.1)
