"""Which columns go together beyond what the target explains, and noisy counts of those pairs: a tree of them.

Columns by the target alone would leave a release in which everything else is independent. To tell the pairs apart takes
one number of each, and a tree has as few tables as can tie all columns together.
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from audit_core.guarantee import NoisyCounts
from audit_core.ledger_words import code
from audit_plugins.differential_privacy.meter import Meter, sigma_of
from audit_plugins.differential_privacy.noise import NoiseSource
from audit_plugins.generators.dp_ctgan.encoding import Encoding

SCORES_TO_TABLES = 2.0
"""The noise multiplier of the scores over that of the tables: which pairs go together shows through more noise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dependency:
    """Two columns, by position, and the shares of their modes together.

    Attributes:
        shares: For each group of the target, shape `(n_groups, n_modes_left, n_modes_right)`; each group sums to 1.
    """

    left: int
    right: int
    shares: NDArray[np.float64]


def dependencies(
    modes: NDArray[np.intp], its: Encoding, meter: Meter, noise: NoiseSource, multiplier: float
) -> tuple[Dependency, ...]:
    """The tree of pairs that go together most, by noisy scores, with their noisy counts.

    Args:
        modes: Of all rows, shape `(n_rows, n_columns)`.
        multiplier: The noise multiplier of scores and tables together.

    References:
        Chow & Liu (1968), Approximating discrete probability distributions with dependence trees; Friedman, Geiger &
        Goldszmidt (1997), Bayesian network classifiers, section 4.1 (within the groups of a class); McKenna, Miklau &
        Sheldon (2021), Winning the NIST contest, section 3 (scores by the distance from what single columns explain).
    """
    others = [at for at in range(len(its.columns)) if at != its.target]
    pairs = list(itertools.combinations(others, 2))
    if not pairs:
        return ()
    group = np.zeros(len(modes), dtype=np.intp) if its.target is None else modes[:, its.target]
    if len(pairs) == 1:
        tree, of_tables = pairs, multiplier
    else:  # 1 / m^2 adds up, of the scores' and of the tables' multiplier
        of_tables = multiplier * (1 + SCORES_TO_TABLES**-2) ** 0.5
        scores = _scores(modes, group, pairs, its, meter, noise, SCORES_TO_TABLES * of_tables)
        tree = _tree([pairs[at] for at in np.argsort(-scores, kind="stable")], len(its.columns))
    sigma = sigma_of(of_tables, len(tree))
    meter.spend(NoisyCounts(purpose=code("pair-counts"), sigma=sigma, tables=len(tree)))
    totals = its.groups * its.rows
    found = []
    for left, right in tree:
        noisy = noise.counts(_table(modes, group, left, right, its), sigma).astype(np.float64)
        shares = np.stack([_on_simplex(one, total) for one, total in zip(noisy, totals, strict=True)])
        found.append(Dependency(left=left, right=right, shares=shares))
    return tuple(found)


def _scores(
    modes: NDArray[np.intp],
    group: NDArray[np.intp],
    pairs: Sequence[tuple[int, int]],
    its: Encoding,
    meter: Meter,
    noise: NoiseSource,
    multiplier: float,
) -> NDArray[np.float64]:
    """How far each pair's counts are from what its columns explain by themselves, with noise, beyond chance.

    What they explain is known from noisy counts and is rounded, so a row moves the distance by 1 at most: each score is
    a table of one cell. What chance adds to it is taken off by an estimate that no row is looked at for.
    """
    sigma = sigma_of(multiplier, len(pairs))
    meter.spend(NoisyCounts(purpose=code("pair-scores"), sigma=sigma, tables=len(pairs)))
    distances, by_chance = np.empty(len(pairs), dtype=np.int64), np.empty(len(pairs))
    totals = its.groups * its.rows
    for at, (left, right) in enumerate(pairs):
        expected = totals[:, None, None] * np.einsum("gl,gr->glr", its.columns[left].shares, its.columns[right].shares)
        distances[at] = np.abs(_table(modes, group, left, right, its) - np.rint(expected).astype(np.int64)).sum()
        by_chance[at] = np.sqrt(2 / np.pi * expected).sum()  # the mean distance of a Poisson count, nearly
    return noise.counts(distances, sigma) - by_chance


def _table(modes: NDArray[np.intp], group: NDArray[np.intp], left: int, right: int, its: Encoding) -> NDArray[np.int64]:
    shape = len(its.groups), len(its.columns[left]), len(its.columns[right])
    flat = (group * shape[1] + modes[:, left]) * shape[2] + modes[:, right]
    return np.bincount(flat, minlength=shape[0] * shape[1] * shape[2]).reshape(shape)


def _tree(pairs: Sequence[tuple[int, int]], columns: int) -> list[tuple[int, int]]:
    """Those pairs, the best first, that tie together what was not tied before (Kruskal 1956)."""
    tied = list(range(columns))
    tree = []
    for left, right in pairs:
        if tied[left] != tied[right]:
            tree.append((left, right))
            tied = [tied[left] if one == tied[right] else one for one in tied]
    return tree


def _on_simplex(noisy: NDArray[np.float64], total: float) -> NDArray[np.float64]:
    """The nearest shares to noisy counts: at least 0, sum 1.

    References:
        Duchi, Shalev-Shwartz, Singer & Chandra (2008), Efficient projections onto the l1-ball, figure 1.
    """
    ordered = np.sort(noisy.reshape(-1))[::-1]
    beyond = np.cumsum(ordered) - total
    kept = np.flatnonzero(ordered * np.arange(1, len(ordered) + 1) > beyond)[-1]
    counts: NDArray[np.float64] = np.maximum(noisy - beyond[kept] / (kept + 1), 0.0)
    shares: NDArray[np.float64] = counts / counts.sum()
    return shares


def described(tree: Sequence[Dependency]) -> list[dict[str, Any]]:
    """As JSON."""
    return [{"left": one.left, "right": one.right, "shares": one.shares.tolist()} for one in tree]


def dependencies_of(told: Sequence[dict[str, Any]]) -> tuple[Dependency, ...]:
    """Back from JSON."""
    return tuple(
        Dependency(left=one["left"], right=one["right"], shares=np.array(one["shares"], dtype=np.float64))
        for one in told
    )
