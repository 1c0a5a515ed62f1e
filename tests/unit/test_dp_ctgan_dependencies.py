"""The tree of pairs that `dp-ctgan` counts: which pairs, at what sensitivity, and what the generator makes of them."""

import itertools

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("opacus")

import torch

from audit_core.guarantee import NoisyCounts
from audit_plugins.differential_privacy.meter import Meter, Overspent
from audit_plugins.generators.dp_ctgan.dependencies import (
    _on_simplex,
    _table,
    _tree,
    dependencies,
    dependencies_of,
    described,
)
from audit_plugins.generators.dp_ctgan.domain import Domain
from audit_plugins.generators.dp_ctgan.encoding import Encoded, Encoding
from audit_plugins.generators.dp_ctgan.marginals import Marginals
from audit_plugins.generators.dp_ctgan.networks import one_hot

SIZES = (2, 3, 4, 3)
"""The target, and three columns."""


class Exact:
    """A noise source that adds nothing and keeps what it was given."""

    def __init__(self) -> None:
        self.given: list[np.ndarray] = []

    def counts(self, exact: np.ndarray, sigma: float) -> np.ndarray:
        self.given.append(exact.copy())
        return exact


def people(n: int = 3000, seed: int = 0) -> np.ndarray:
    """The third column follows the first, within either group and differently; the second goes its own way."""
    rng = np.random.default_rng(seed)
    target = (rng.random(n) < 0.3).astype(int)
    first, second = rng.integers(3, size=n), rng.integers(4, size=n)
    third = np.where(rng.random(n) < 0.8, (first + target) % 3, rng.integers(3, size=n))
    return np.column_stack([target, first, second, third])


def encoded(modes: np.ndarray, target: int | None = 0) -> Encoding:
    """With exact shares."""
    group = np.zeros(len(modes), dtype=int) if target is None else modes[:, target]
    groups = 1 if target is None else SIZES[target]
    columns = []
    for at, size in enumerate(SIZES):
        counts = np.array([np.bincount(modes[group == one, at], minlength=size) for one in range(groups)]) + 0.5
        columns.append(
            Encoded(
                domain=Domain(name=str(at), words=tuple("abcd"[:size])),
                mode=np.arange(size),
                shares=counts / counts.sum(axis=1, keepdims=True),
                weights=counts.sum(axis=0),
            )
        )
    shares = np.bincount(group, minlength=groups) / len(modes)
    return Encoding(columns=tuple(columns), target=target, groups=shares, rows=float(len(modes)))


def meter() -> Meter:
    return Meter(50.0, 1e-5)


@pytest.mark.parametrize("target", [0, None])
def test_the_pair_that_goes_together_is_counted_first(target: int | None) -> None:
    modes = people()
    found = dependencies(modes, encoded(modes, target), meter(), Exact(), 5.0)  # type: ignore[arg-type]
    assert (found[0].left, found[0].right) == (1, 3)
    assert len(found) == (2 if target == 0 else 3)
    group = modes[:, 0] if target == 0 else np.zeros(len(modes), dtype=int)
    for one in range(len(found[0].shares)):
        its = modes[group == one]
        shares = np.histogram2d(its[:, 1], its[:, 3], bins=(3, 3))[0] / len(its)
        assert np.allclose(found[0].shares[one], shares, atol=0.01)


def test_one_row_more_moves_a_score_by_one_at_most_and_one_cell_of_each_table() -> None:
    """What single columns explain is fixed beforehand, so the sensitivity is that of the counts."""
    modes = people(500)
    its = encoded(modes)
    for extra in itertools.product(*(range(size) for size in SIZES)):
        one, other = Exact(), Exact()
        dependencies(modes, its, meter(), one, 5.0)  # type: ignore[arg-type]
        dependencies(np.vstack([modes, extra]), its, meter(), other, 5.0)  # type: ignore[arg-type]
        assert np.abs(one.given[0] - other.given[0]).max() <= 1
        assert all(one.dtype == np.int64 for one in one.given)
        group, grown = modes[:, 0], np.vstack([modes, extra])
        for left, right in itertools.combinations((1, 2, 3), 2):
            before, after = _table(modes, group, left, right, its), _table(grown, grown[:, 0], left, right, its)
            assert np.abs(before - after).sum() == 1


def test_scores_and_tables_are_entered_before_they_are_looked_at_and_cost_what_was_planned() -> None:
    modes, its, plan = people(), encoded(people()), meter()
    dependencies(modes, its, plan, Exact(), 5.0)  # type: ignore[arg-type]
    scores, tables = plan.mechanisms
    assert isinstance(scores, NoisyCounts)
    assert isinstance(tables, NoisyCounts)
    assert (scores.purpose, scores.tables, tables.purpose, tables.tables) == ("pair-scores", 3, "pair-counts", 2)
    assert scores.noise_multiplier**-2 + tables.noise_multiplier**-2 == pytest.approx(5.0**-2)
    unseen = Exact()
    with pytest.raises(Overspent):
        dependencies(modes, its, Meter(0.01, 1e-5), unseen, 5.0)  # type: ignore[arg-type]
    assert unseen.given == []


def test_a_single_pair_needs_no_choice() -> None:
    modes = people()[:, :3]
    its = encoded(people())
    its = Encoding(columns=its.columns[:3], target=0, groups=its.groups, rows=its.rows)
    plan = meter()
    (one,) = dependencies(modes, its, plan, Exact(), 5.0)  # type: ignore[arg-type]
    assert (one.left, one.right) == (1, 2)
    assert [mechanism.purpose for mechanism in plan.mechanisms] == ["pair-counts"]
    nothing = Encoding(columns=its.columns[:2], target=0, groups=its.groups, rows=its.rows)
    assert dependencies(modes[:, :2], nothing, meter(), Exact(), 5.0) == ()  # type: ignore[arg-type]


def test_a_tree_ties_every_column_and_has_no_ring() -> None:
    assert _tree([(0, 1), (1, 2), (0, 2), (2, 3)], 4) == [(0, 1), (1, 2), (2, 3)]


def test_the_nearest_shares_are_none_below_zero_and_keep_what_is_shares_already() -> None:
    rng = np.random.default_rng(0)
    exact = rng.dirichlet(np.ones(12)).reshape(3, 4)
    assert np.allclose(_on_simplex(1000 * exact, 1000.0), exact)
    noisy = 1000 * exact + rng.normal(0, 200, (3, 4))
    near = _on_simplex(noisy, 1000.0)
    assert near.min() >= 0
    assert near.sum() == pytest.approx(1)
    for _ in range(200):  # no other shares are nearer
        other = rng.dirichlet(np.ones(12)).reshape(3, 4)
        assert ((noisy - 1000 * near) ** 2).sum() <= ((noisy - 1000 * other) ** 2).sum()
    assert np.isfinite(_on_simplex(np.full((2, 2), -5.0), 1.0)).all()


def test_the_loss_is_least_for_rows_that_go_together_as_counted() -> None:
    modes = people()
    its = encoded(modes)
    tree = dependencies(modes, its, meter(), Exact(), 5.0)  # type: ignore[arg-type]
    rng = np.random.default_rng(1)
    apart = modes.copy()
    for one in (0, 1):  # every column by the target as before, and no column with another
        here = np.flatnonzero(modes[:, 0] == one)
        for at in (1, 2, 3):
            apart[here, at] = modes[rng.permutation(here), at]
    true, false = (one_hot(torch.from_numpy(each), its.ends) for each in (modes, apart))
    assert float(Marginals(its, tree).loss(true)) < 0.01
    assert float(Marginals(its, tree).loss(false)) > 0.1
    assert float(Marginals(its, ()).loss(false)) < 0.01


def test_a_tree_comes_back_from_a_checkpoint() -> None:
    modes = people()
    tree = dependencies(modes, encoded(modes), meter(), Exact(), 5.0)  # type: ignore[arg-type]
    again = dependencies_of(described(tree))
    assert [(one.left, one.right) for one in again] == [(one.left, one.right) for one in tree]
    assert all(np.array_equal(one.shares, other.shares) for one, other in zip(tree, again, strict=True))
