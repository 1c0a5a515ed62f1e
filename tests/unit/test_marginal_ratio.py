"""The ratio of marginals: its tree beside an oracle; it catches a release of overfitted marginals, not fresh rows."""

from itertools import combinations

import numpy as np
import pytest
from scipy.sparse.csgraph import minimum_spanning_tree
from sklearn.metrics import mutual_info_score

from audit_core.case import Case
from audit_core.registry import discover
from audit_core.tables import Table, read_only
from audit_core.testing import find, made_up_case, released
from audit_plugins.attacks.marginal_ratio import focal_points, mutual_information, ratio, spanning_tree
from audit_plugins.attacks.targeted_marginals import View, binned, cells_of

REGISTRY = discover()
PLUGIN = REGISTRY.attacks["marginal-ratio"]
SURE = 1 - 1e-5  # one-sided, so that a bound is on the wrong side in less than 1e-5 of the runs


@pytest.fixture(scope="module")
def cells() -> np.ndarray:
    case = made_up_case("innocent", rows=500, missing=0.1)
    return cells_of(case.members, binned((case.members,), 8))


def test_mutual_information_is_what_an_oracle_says(cells: np.ndarray) -> None:
    for one, other in combinations(range(cells.shape[1]), 2):
        a, b = (np.unique(cells[:, at], return_inverse=True)[1] for at in (one, other))
        assert mutual_information(a, b) == pytest.approx(mutual_info_score(a, b), abs=1e-12)


def test_the_tree_weighs_as_much_as_any(cells: np.ndarray) -> None:
    information = np.zeros((cells.shape[1], cells.shape[1]))
    for one, other in combinations(range(cells.shape[1]), 2):
        information[one, other] = mutual_info_score(cells[:, one], cells[:, other])
    best = -minimum_spanning_tree(-information).sum()
    tree = spanning_tree(cells)
    assert len(tree) == len(set(tree)) == cells.shape[1] - 1
    assert sum(information[pair] for pair in tree) == pytest.approx(best)


def test_a_pair_that_always_stands_out_has_full_weight(cells: np.ndarray) -> None:
    twice = np.column_stack([cells, cells[:, 0]])
    weights = focal_points(twice, 5, np.random.default_rng(0))
    assert weights[0, cells.shape[1]] == pytest.approx(1)
    assert all(weights[column,] == 1 for column in range(twice.shape[1]))
    assert sum(weight for query, weight in weights.items() if len(query) == 2) == pytest.approx(cells.shape[1])
    assert spanning_tree(cells[:, :1]) == []


def test_a_cell_is_fuller_by_what_was_added_and_none_is_impossible() -> None:
    view = View(column=0, values=np.arange(3.0), exact=True)
    targets, others = np.array([[0], [1], [2]]), np.array([[0]] * 5 + [[1]] * 5)
    released = np.array([[0]] * 9 + [[2]])
    found = ratio(targets, released, others, (0,), (view,))
    assert found == pytest.approx(np.array([10 / 6, 1 / 6, 2 / 1]))


def overfitted(case: Case, rows: int, seed: int) -> Case:
    """The case with a release that keeps the pairs of a maximum spanning tree of its members as they are."""
    rng = np.random.default_rng(seed)
    members = case.members
    seen = cells_of(members, binned((members,), 8))
    drawn = np.empty((rows, seen.shape[1]), dtype=np.int64)
    drawn[:, 0] = seen[rng.integers(len(members), size=rows), 0]
    known, pairs = {0}, spanning_tree(seen)
    while pairs:
        pair = next(pair for pair in pairs if len(known & set(pair)) == 1)
        pairs.remove(pair)
        (parent,), (child,) = known & set(pair), set(pair) - known
        for value in np.unique(drawn[:, parent]):
            here = drawn[:, parent] == value
            drawn[here, child] = rng.choice(seen[seen[:, parent] == value, child], here.sum())
        known.add(child)
    codes = np.empty((rows, seen.shape[1]), dtype=np.int32)
    for column in range(seen.shape[1]):
        for value in np.unique(drawn[:, column]):
            here = drawn[:, column] == value
            codes[here, column] = rng.choice(members.codes[seen[:, column] == value, column], here.sum())
    release = Table(columns=members.columns, codes=read_only(codes))
    return released(case, release)


def test_it_catches_an_overfitted_release_of_marginals_and_is_silent_on_fresh_rows() -> None:
    fresh = made_up_case("innocent", rows=500, seed=3)
    flagged = {}
    for name, case in (("overfitted", overfitted(fresh, 2000, 1)), ("fresh", fresh)):
        found = find(PLUGIN, case, REGISTRY)
        assert found.outcome == "measured", found.reason
        low = {one.of: one.evidence.bounds(SURE).low for one in found.measurements if one.name == "auc"}
        assert set(low) == {"marginal-ratio", "log-marginal-ratio"}
        flagged[name] = low["log-marginal-ratio"] > 0.5
        assert name == "overfitted" or low["marginal-ratio"] <= 0.5
    assert flagged == {"overfitted": True, "fresh": False}


def test_it_runs_only_where_it_is_named() -> None:
    assert PLUGIN.opt_in
