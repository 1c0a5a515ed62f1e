"""Draws of twins: each is another, and the first is that of an audit."""

import numpy as np

from audit_core.bench import Bench, Setting, lay_out
from audit_core.cache import Cache
from audit_core.isolation import Limits
from audit_core.nearest_rows import CaseRows, SharingRows
from audit_core.registry import Registry
from audit_core.tables import row_ids
from audit_core.testing import made_up_case
from audit_core.twins import innocent, leaky


def bench() -> Bench:
    setting = Setting(seed=1, content="content", limits=Limits(), confidence=0.95)
    return lay_out(made_up_case("innocent", rows=200), setting, Registry(), [], Cache())


def released(twin: Bench | None) -> np.ndarray:
    assert twin is not None
    return twin.case.release.codes


def test_innocent_draws_differ_and_the_first_is_that_of_an_audit() -> None:
    base = bench()
    usual, first, second = innocent(base), innocent(base, 0), innocent(base, 1)
    assert np.array_equal(released(usual), released(first))
    assert not np.array_equal(released(first), released(second))
    assert first is not None
    assert second is not None
    # Neither findings nor neighbours of one draw may be taken for those of another.
    assert (first.setting.twin, second.setting.twin) == ("innocent", "innocent/1")
    assert first.setting.content != second.setting.content


def test_every_innocent_draw_releases_half_of_the_non_members_and_keeps_the_others() -> None:
    base = bench()
    for repeat in range(3):
        twin = innocent(base, repeat)
        assert twin is not None
        assert twin.case.non_members is not None
        assert len(twin.case.release) == len(twin.case.non_members) == 100
        assert base.case.non_members is not None
        both = np.concatenate([twin.case.release.codes, twin.case.non_members.codes])
        assert np.array_equal(np.sort(both, axis=0), np.sort(base.case.non_members.codes, axis=0))
        assert twin.case.members is base.case.members


def test_neighbours_of_two_innocent_draws_are_not_mixed_up() -> None:
    """Both are kept in one cache."""
    base = bench()
    for repeat in (0, 1):
        twin = innocent(base, repeat)
        assert twin is not None
        assert isinstance(twin.rows, SharingRows)
        shared = twin.rows.between("non_members", "release", 1)
        alone = CaseRows(
            {"non_members": twin.case.non_members, "release": twin.case.release},  # type: ignore[dict-item]
            {},
            "alone",
            Cache(),
            units=base.rows.units,  # type: ignore[attr-defined]
        ).between("non_members", "release", 1)
        assert np.array_equal(shared.distance, alone.distance)


def test_leaky_draws_plant_other_members() -> None:
    base = bench()
    draws = [leaky(base, 0.1, "verbatim", repeat).case.release for repeat in (0, 1)]
    members, *released = row_ids(base.case.members, *draws)
    planted = [set(members.tolist()) & set(ids.tolist()) for ids in released]
    assert [len(each) for each in planted] == [20, 20]  # made-up rows are all different
    assert planted[0] != planted[1]
