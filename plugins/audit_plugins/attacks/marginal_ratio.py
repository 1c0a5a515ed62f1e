"""The ratio of marginals: for generators that keep some marginals of the members and nothing else.

Which marginals a generator of that kind keeps, an attacker can find out on other people of the same population, by
choosing them the way it does. In those, a member's own cells are a little fuller than in the population.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from audit_core.answers import Scores
from audit_core.questions import Membership
from audit_plugins.attacks.targeted_marginals import Cells, Query, View, binned, cells_of, matches


class MarginalRatio:
    """Answers a membership question with weighted sums of p(release) / p(reference), or its logarithm, over marginals.

    HIGHER = MORE LIKELY A MEMBER. An attacker who knows nothing scores an AUC of 0.5. The ratio is the published score;
    a few rare cells that the reference sample hardly knows outweigh all others in it, which the logarithm dampens.

    References:
        Golob, Pentyala, Maratkhan & De Cock (2024), Privacy vulnerabilities in marginals-based synthetic data
        (MAMA-MIA), section 4: focal points and their weights.
        McKenna, Miklau & Sheldon (2021), Winning the NIST contest: a maximum spanning tree of pairs of columns (MST).
    """

    def __init__(self, *, bins: int, replays: int, **asked: Any) -> None:
        """Takes into how many bins numbers go, and on how many subsamples the choice of marginals is replayed."""
        self._bins, self._replays = bins, replays

    def answer(self, question: Membership, rng: np.random.Generator) -> tuple[Scores, ...]:
        """Scores every target.

        Raises:
            ValueError: The question lacks the release or the reference.
        """
        release, reference = question.release, question.reference
        if release is None or reference is None:
            raise ValueError("marginal ratios see the release and a reference")
        views = binned((release, reference), self._bins)
        targets, released, others = (cells_of(table, views) for table in (question.targets, release, reference))
        ratios, logarithms = np.zeros(len(targets)), np.zeros(len(targets))
        for query, weight in focal_points(others, self._replays, rng).items():
            found = ratio(targets, released, others, query, views)
            ratios += weight * found
            logarithms += weight * np.log(found)
        return Scores(of="marginal-ratio", values=ratios), Scores(of="log-marginal-ratio", values=logarithms)


def ratio(targets: Cells, released: Cells, others: Cells, query: Query, views: tuple[View, ...]) -> NDArray[np.float64]:
    """The estimated probability of each target's cell in the release over that in the population, `(n_targets,)`.

    One row is added to every cell of both that a target is in, so that no cell is impossible.
    """
    cells = len(np.unique(targets[:, list(query)], axis=0))
    in_release, in_others = (matches(targets, rows, query, views) for rows in (released, others))
    p, q = (in_release + 1) / (len(released) + cells), (in_others + 1) / (len(others) + cells)
    return np.asarray(p / q, dtype=np.float64)


def focal_points(rows: Cells, replays: int, rng: np.random.Generator) -> dict[Query, float]:
    """The marginals that a generator would choose, each with the share of replays that chose it.

    Every replay takes all single columns, and the pairs of a maximum spanning tree of mutual information, on a random
    half of the rows.
    """
    weights: dict[Query, float] = {(column,): 1.0 for column in range(rows.shape[1])}
    for _ in range(replays):
        half = rows[rng.permutation(len(rows))[: (len(rows) + 1) // 2]]
        for pair in spanning_tree(half):
            weights[pair] = weights.get(pair, 0.0) + 1 / replays
    return weights


def spanning_tree(rows: Cells) -> list[Query]:
    """The pairs of columns of a maximum spanning tree of mutual information (Prim's algorithm; ties by position)."""
    columns = rows.shape[1]
    single = [np.unique(rows[:, column], return_inverse=True) for column in range(columns)]
    codes = [inverse.reshape(-1) for _, inverse in single]
    best, to = np.full(columns, -np.inf), np.zeros(columns, dtype=np.intp)
    new, pairs = 0, list[Query]()
    for _ in range(columns - 1):
        best[new] = np.nan  # in the tree
        for column in np.flatnonzero(~np.isnan(best)):
            information = mutual_information(codes[new], codes[column])
            if information > best[column]:
                best[column], to[column] = information, new
        new = int(np.nanargmax(best))
        pairs.append((min(new, int(to[new])), max(new, int(to[new]))))
    return pairs


def mutual_information(a: NDArray[np.intp], b: NDArray[np.intp]) -> float:
    """Of two columns of codes that start at 0, as counted; nats."""
    cells, times = np.unique(a * (int(b.max(initial=0)) + 1) + b, return_counts=True)
    left, right = np.bincount(a), np.bincount(b)
    of_a, of_b = np.divmod(cells, int(b.max(initial=0)) + 1)
    return float((times / len(a) * np.log(times * len(a) / (left[of_a] * right[of_b]))).sum())
