from dataclasses import replace

import numpy as np
import pytest

from audit_core.questions import Neighbours
from audit_core.registry import discover
from audit_core.tables import MISSING, Table, read_only
from audit_core.testing import find, made_up_case
from audit_plugins.attacks.membership import classifier, density_ratio, distance_difference, local_neighbourhood

REGISTRY = discover()


def neighbours(*distances: list[float]) -> Neighbours:
    array = np.array(distances, dtype=np.float32)
    return Neighbours(distance=array, row=np.zeros_like(array, dtype=np.int32))


FAR = [0.8, 0.9, 1.5]
COPY = [0.0, 0.9, 1.5]


@pytest.mark.parametrize("score", [distance_difference, local_neighbourhood])
def test_a_copy_in_the_release_scores_above_and_in_the_reference_below(score) -> None:
    release, reference = neighbours(FAR, COPY, FAR, COPY), neighbours(FAR, FAR, COPY, COPY)
    neither, released, referenced, both = score(release, reference)
    assert released > neither > referenced
    assert neither == pytest.approx(both)


def test_density_ratio_is_higher_for_a_copy_and_corrects_for_the_sizes() -> None:
    release, reference = neighbours(FAR, COPY), neighbours(FAR, FAR)
    near = density_ratio(release, reference, 100, 100)
    assert near[1] > near[0] == pytest.approx(0)
    assert density_ratio(release, reference, 200, 100) == pytest.approx(near - np.log(2))


def test_a_missing_neighbour_is_no_neighbour() -> None:
    few = neighbours([0.5, np.inf, np.inf])
    assert np.isfinite(density_ratio(few, few, 1, 1)).all()
    assert local_neighbourhood(few, few) == pytest.approx(0)


def test_the_classifier_tells_a_shifted_release_from_the_reference() -> None:
    case = made_up_case("innocent", rows=300)
    assert case.non_members is not None
    order = np.argsort(case.members.numbers("age"))
    old, young = case.members.take(order[150:]), case.members.take(order[:150])
    score = classifier(case.members, old, young, np.random.default_rng(0))
    assert np.median(score[order[150:]]) > np.median(score[order[:150]])


def test_it_finds_members_in_a_leaky_release_with_every_distance_score_and_none_in_an_innocent_one() -> None:
    plugin = REGISTRY.attacks["membership"]
    leaky, innocent = (find(plugin, made_up_case(leak, rows=600), REGISTRY) for leak in ("leaky", "innocent"))
    lows = {one.of: one.evidence.bounds(0.999).low for one in leaky.measurements if one.name == "auc"}
    assert set(lows) == {"distance-difference", "density-ratio", "local-neighbourhood", "classifier"}
    assert all(lows[of] > 0.55 for of in ("distance-difference", "density-ratio", "local-neighbourhood"))
    assert all(one.evidence.bounds(0.999).low <= 0.5 for one in innocent.measurements if one.name == "auc")
    assert {detail.of for detail in leaky.details} == set(lows)


def test_a_column_that_nobody_fills_says_nothing() -> None:
    case = made_up_case("innocent", rows=60)
    assert case.non_members is not None
    tables = [case.members, case.release, case.non_members]
    full = classifier(*(_emptied(table, {0}) for table in tables), np.random.default_rng(0))
    without = classifier(*(table.select(table.names[1:]) for table in tables), np.random.default_rng(0))
    assert full.tolist() == without.tolist()
    nothing = classifier(*(_emptied(table, set(range(6))) for table in tables), np.random.default_rng(0))
    assert nothing.tolist() == [0.0] * 60


def _emptied(table: Table, positions: set[int]) -> Table:
    codes = table.codes.copy()
    codes[:, sorted(positions)] = MISSING
    return Table(columns=table.columns, codes=read_only(codes))


def test_one_non_member_leaves_no_reference_so_it_is_not_run() -> None:
    case = made_up_case("innocent", rows=20)
    assert case.non_members is not None
    alone = replace(case, non_members=case.non_members.take(np.arange(1)))
    finding = find(REGISTRY.attacks["membership"], alone, REGISTRY)
    assert (finding.outcome, finding.reason.code if finding.reason else "") == ("not-run", "not-measurable")
