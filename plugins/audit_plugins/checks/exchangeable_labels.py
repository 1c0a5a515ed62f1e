"""How much a share of released rows is worth when they all are compared with the same few real rows.

Released rows that lie nearest to the same real row say one thing between them: whether that row was a member. So a
share of 24,000 released rows is no 24,000 tries, and a binomial interval on it is too narrow, the more so the fewer
real rows there are.

Under no leak nothing tells which half of the N real people were the members: their labels are exchangeable. Every way
to cut the people into halves is as likely as the one at hand, whatever the release is; nothing else is used here. The
expectation of a share over these ways is 1/2, since each way and its mirror image add up to 1. Its variance v is what a
rate of 1/2 has in

    n = 1 / (4 v)

independent tries, and so many a share is worth, if it varies as a rate does. Where it seldom varies but then by much,
as where all hangs on three people with a rare value, bounds from n would miss too often; n is then made so much
smaller that bounds at 95 % and 99 % miss no more often than they may.

For the share S of rows nearer to a member the variance can be written down where no two real people are equally near.
With w_j the share of released rows whose nearest real row is person j's, S is the sum of w_j over the members j, and

    v = N / (N - 1) (sum of w_j² - 1/N) / 4  <=  (sum of w_j²) / 4.

The right side is what labels tossed by coins would give, the number of tries then 1 / (sum of w_j²). It is small where
few real rows are nearest to most of the release. Ties are counted as halves, and a ratio of distances depends on
several labels at once; both are beyond such a sum. So v is computed: people are cut into halves again and again, and
the shares are counted in each.

References:
    Pitman (1937), Significance tests which may be applied to samples from any populations: exchanging labels; Kish
    (1965), Survey sampling, section 8.2: effective sample sizes of weighted means.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from audit_core.questions import Neighbours
from audit_core.tables import Ids

Distances = NDArray[np.float32]
Counted = NDArray[np.float64]

EXCHANGES = 300
"""The variance is then known to 8 %; six ways and their mirror images lie beyond the 99 % bound."""

LEVELS = {0.05: 1.6449, 0.01: 2.3263}
"""What a bound may miss with, and how many standard errors below the share it then lies."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RealRows:
    """The real rows of both arms, and which of them are near each released row.

    Attributes:
        near: The nearest different real rows of each released row; `row` is a number of a kind of row.
        kind: Of each real row: equal rows are of one kind, shape `(n_real,)`.
        person: Whose row it is, 0 to `people` - 1, shape `(n_real,)`.
        people: An even number: half of them are members.
    """

    near: Neighbours
    kind: Ids
    person: Ids
    people: int


def closer(distance: Distances, other: Distances) -> Counted:
    """1 where the first distance is smaller, 1/2 where both are equal, else 0."""
    return np.asarray((distance < other) + (distance == other) / 2)


def ratios(first: Distances, second: Distances) -> Distances:
    """Distance of the nearest row over that of the second nearest, in 0..1; lower is more like a copy of one row.

    Where both distances are 0 the ratio is 1, as wherever they are equal: two real rows are equally near, and neither
    is singled out. Where there is no second row it is infinite.
    """
    ratio = np.where(np.isinf(second), second, np.float32(1))
    np.divide(first, second, out=ratio, where=(second > 0) & np.isfinite(second))
    return ratio


def exchanged(real: RealRows, rng: np.random.Generator) -> Counted:
    """The shares of nearer rows and of smaller ratios for labels by chance, shape `(EXCHANGES, 2)`.

    Rows of an arm that are not in `real.near` count as infinitely far: the released row then counts wholly for the
    other arm, which makes the shares vary rather too much. With single rows that happens to one in 2,000.
    """
    shares = np.empty((EXCHANGES, 2))
    member = np.repeat([True, False], real.people // 2)
    for draw in range(EXCHANGES):
        inside = rng.permutation(member)[real.person]
        nearest, second = zip(*(two_nearest(real, arm) for arm in (inside, ~inside)), strict=True)
        shares[draw] = closer(*nearest).mean(), closer(*map(ratios, nearest, second)).mean()
    return shares


def independent_tries(shares: Counted, released: int) -> float:
    """How many independent tries a share is worth that varies like these without a leak.

    Args:
        shares: With labels by chance, shape `(n_exchanges,)`; their mirror images are as likely.

    Returns:
        From 1 to the number of released rows: where all real rows are equally near a share does not vary at all.
    """
    off = np.sort(np.abs(shares - 0.5))
    tries = 1 / max(4 * float((off**2).mean()), 1 / released)
    for alpha, errors in LEVELS.items():
        bound = float(off[len(off) - 1 - int(2 * alpha * len(off))])
        if bound > 0:
            tries = min(tries, (errors / (2 * bound)) ** 2)
    return tries


def two_nearest(real: RealRows, arm: NDArray[np.bool_]) -> tuple[Distances, Distances]:
    """Each released row's distance to the nearest and the second nearest real row of an arm; infinite if not in `near`.

    Args:
        arm: Which real rows are in it, shape `(n_real,)`.
    """
    rows = np.bincount(real.kind[arm], minlength=int(real.kind.max()) + 2)  # no row of the kind -1
    found = np.cumsum(np.minimum(rows, 2).astype(np.int8)[real.near.row], axis=1, dtype=np.int8)
    return _at(real.near, found >= 1), _at(real.near, found >= 2)


def _at(near: Neighbours, reached: NDArray[np.bool_]) -> Distances:
    """The distance at which something is first reached; infinite where it never is."""
    place = reached.argmax(axis=1)[:, None]
    distance = np.take_along_axis(near.distance, place, axis=1)[:, 0]
    return np.where(reached[:, -1], distance, np.float32(np.inf))
