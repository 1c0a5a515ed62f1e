from dataclasses import replace

import numpy as np
import pytest

from audit_core.neighbours import nearest, scales
from audit_core.questions import Neighbours
from audit_core.registry import discover
from audit_core.tables import MISSING, Table, read_only
from audit_core.testing import find, made_up_case
from audit_plugins.attacks.membership import (
    classifier,
    data_plagiarism_index,
    density_ratio,
    distance_difference,
    likelihood_ratio,
    local_neighbourhood,
)

REGISTRY = discover()


def neighbours(*distances: list[float]) -> Neighbours:
    array = np.array(distances, dtype=np.float32)
    return Neighbours(distance=array, row=np.zeros_like(array, dtype=np.int32))


DISTANCES = {"distance-difference", "density-ratio", "local-neighbourhood", "likelihood-ratio"}
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


def test_the_data_plagiarism_index_counts_whose_rows_are_nearest() -> None:
    """Of the three nearest of both lists: none, one, two and three released; then the sizes are taken off."""
    release = neighbours([4, 5, 6], [2, 5, 6], [1.5, 2, 6], [0.5, 0.6, 0.7])
    reference = neighbours(*[[1, 2.2, 3]] * 4)
    wanted = [np.log((k + 0.5) / (3.5 - k)) for k in (0, 1, 2, 3)]
    assert data_plagiarism_index(release, reference, 50, 50) == pytest.approx(wanted)
    assert data_plagiarism_index(release, reference, 100, 50) == pytest.approx(np.array(wanted) - np.log(2))


def test_rows_at_the_boundary_of_the_data_plagiarism_index_share_its_places() -> None:
    release = neighbours([1, 2, 2], [2, 2, 2], [2, 2, 2], [1, 1, 1])
    reference = neighbours([2, 3, 4], [2, 3, 4], [2, 2, 2], [1, 1, 1])
    # released: 1 + 2 of 3 for two places; 3 of 4 for three places; half of three; half of three, at another distance
    wanted = [np.log((k + 0.5) / (3.5 - k)) for k in (1 + 4 / 3, 9 / 4, 1.5, 1.5)]
    assert data_plagiarism_index(release, reference, 9, 9) == pytest.approx(wanted)
    order = [2, 0, 1]  # the rows of one list are an unordered set: nothing depends on their order
    shuffled = Neighbours(distance=release.distance[:, order], row=release.row)
    assert data_plagiarism_index(shuffled, reference, 9, 9) == pytest.approx(wanted)


def test_fewer_rows_than_the_data_plagiarism_index_looks_at() -> None:
    release, reference = neighbours([0.1, np.inf, np.inf]), neighbours([0.2, np.inf, np.inf])
    assert data_plagiarism_index(release, reference, 1, 1) == pytest.approx(0)
    none = neighbours([np.inf, np.inf, np.inf])
    assert data_plagiarism_index(release, none, 1, 1) == pytest.approx(np.log(3))


def test_the_likelihood_ratio_is_that_of_refitted_densities() -> None:
    """Adding the target to the reference and fitting the density again gives the same, but for a constant."""
    rng = np.random.default_rng(0)
    targets, released, reference = (rng.normal(size=(n, 2)) for n in (7, 12, 9))

    def apart(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        return np.abs(a[:, None] - b[None]).sum(axis=2)

    def density(at: np.ndarray, rows: np.ndarray) -> np.ndarray:
        return np.exp(-apart(at, rows) / 0.1).mean(axis=1)

    def all_nearest(a: np.ndarray, b: np.ndarray) -> Neighbours:
        order = apart(a, b).argsort(axis=1)
        distance = np.take_along_axis(apart(a, b), order, axis=1)
        return Neighbours(distance=distance.astype(np.float64), row=order.astype(np.int32))  # type: ignore[arg-type]

    refitted = [
        np.log(density(released, np.vstack([reference, target])) / density(released, reference)).sum()
        for target in targets
    ]
    said = likelihood_ratio(all_nearest(targets, released), all_nearest(released, reference))
    assert said + len(released) * np.log(9 / 10) == pytest.approx(refitted)


def test_a_copy_of_a_row_unlike_the_reference_has_a_high_likelihood_ratio() -> None:
    far = Neighbours(distance=np.array([[2.0]], dtype=np.float32), row=np.zeros((1, 1), dtype=np.int32))
    near = Neighbours(distance=np.array([[0.1]], dtype=np.float32), row=np.zeros((1, 1), dtype=np.int32))
    copy, other = neighbours([0.0]), neighbours([1.0])
    assert likelihood_ratio(copy, far) > likelihood_ratio(copy, near) > likelihood_ratio(other, near)
    nobody = Neighbours(distance=np.array([[np.inf]], dtype=np.float32), row=np.array([[-1]], dtype=np.int32))
    assert likelihood_ratio(nobody, far) == 0


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
    assert set(lows) == DISTANCES | {"data-plagiarism-index", "classifier"}
    assert all(lows[of] > 0.55 for of in DISTANCES)
    assert all(one.evidence.bounds(0.999).low <= 0.5 for one in innocent.measurements if one.name == "auc")
    assert {detail.of for detail in leaky.details} == set(lows)


def test_the_data_plagiarism_index_finds_members_that_released_rows_crowd_around() -> None:
    """One copy among twenty neighbours hardly moves it; twenty rows around each of some members do."""
    case = made_up_case("innocent", rows=600)
    assert case.non_members is not None
    codes = case.members.codes[np.repeat(np.arange(30), 20)].copy(order="F")
    codes[:, 1] = np.random.default_rng(3).choice(case.release.codes[:, 1], 600)  # another income each
    release = Table(columns=case.release.columns, codes=read_only(codes))
    units = scales(release, case.members, case.non_members)
    reference, others = (case.non_members.take(rows) for rows in np.split(np.arange(600), 2))

    def score(targets: Table) -> np.ndarray:
        lists = (nearest(targets, table, units, k=20) for table in (release, reference))
        return data_plagiarism_index(*lists, len(release), len(reference))

    members, controls = score(case.members.take(np.arange(30))), score(others)
    assert (members[:, None] > controls).mean() > 0.8


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
