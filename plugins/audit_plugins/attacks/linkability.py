"""Linkability: does a released row tie together what two files know of one person?"""

import numpy as np
from numpy.typing import NDArray

from audit_core.answers import Links
from audit_core.questions import Linkage, Neighbours


class Linkability:
    """Links two rows where a released row is near to both: the pair with the least sum of both distances.

    Somebody who links by chance is right for 1 in as many rows as there are on the right.

    References:
        Giomi, Boenisch, Wehmeyer & Tasnadi (2023), A unified framework for quantifying privacy risk in synthetic data,
        section 4.2.
        Article 29 Working Party (2014), Opinion 05/2014 on anonymisation techniques (WP216), section 2.2.2.
    """

    def __init__(self, **asked: object) -> None:
        """What is asked is for the core to know."""

    def answer(self, question: Linkage, rng: np.random.Generator) -> Links:
        """A link for every row on the left."""
        right = nearest_pairs(question.neighbours["release"], question.neighbours["release>right"], rng)
        return Links(of="nearest-pair", right_of_left=right)


def nearest_pairs(left: Neighbours, right: Neighbours, rng: np.random.Generator) -> NDArray[np.int64]:
    """For each row on the left, the right row at the end of the shortest way over a released row; `(n_left,)`.

    Args:
        left: Released rows nearest to each row on the left, shape `(n_left, k)`.
        right: Rows on the right nearest to each released row, shape `(n_released, k)`.
        rng: Breaks ties.

    Returns:
        Positions on the right, -1 where no way leads there.
    """
    n = len(left.row)
    ways = left.distance[:, :, None] + np.where(left.row[:, :, None] < 0, np.inf, right.distance[left.row])
    ends = right.row[left.row].reshape(n, -1)
    lengths = ways.reshape(n, -1)
    shortest = lengths.min(axis=1)
    tie = rng.random(lengths.shape, dtype=np.float32)
    tie[lengths > shortest[:, None]] = -1
    chosen = tie.argmax(axis=1)
    found = ends[np.arange(n), chosen].astype(np.int64)
    return np.where(np.isfinite(shortest), found, -1)
