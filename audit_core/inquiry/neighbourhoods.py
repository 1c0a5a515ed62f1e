"""The neighbours of targets, and among targets, in the order the attack sees them."""

from collections.abc import Sequence

import numpy as np

from audit_core.inquiry.pools import Pool, Rows
from audit_core.nearest_rows import NearestRows
from audit_core.questions import Neighbours


def of_targets(
    pool: Pool,
    rows: NearestRows,
    right: str,
    k: int,
    *,
    others: Rows | None = None,
    columns: Sequence[str] | None = None,
) -> Neighbours:
    """The `k` rows of a table, or of some of its rows, that are nearest to each target."""
    distance = np.empty((len(pool.row), k), dtype=np.float32)
    row = np.empty_like(distance, dtype=np.int32)
    for left, which in (("members", pool.member), ("non_members", ~pool.member)):
        found = rows.between(left, right, k, rows=pool.row[which], others=others, columns=columns)
        distance[which], row[which] = found.distance, found.row
    return Neighbours(distance=distance, row=row)


def among_targets(pool: Pool, rows: NearestRows, left: str, k: int, *, columns: Sequence[str]) -> Neighbours:
    """The `k` targets nearest to each row of a table; ties by their place in the pool."""
    distances, places = [], []
    for right, which in (("members", pool.member), ("non_members", ~pool.member)):
        place = np.flatnonzero(which)
        order = np.argsort(pool.row[place], kind="stable")  # one order of rows, whatever the shuffle, for the cache
        found = rows.between(left, right, k, others=pool.row[place[order]], columns=columns)
        distances.append(found.distance)
        places.append(np.append(place[order], -1).astype(np.int32)[found.row])
    distance, row = np.concatenate(distances, axis=1), np.concatenate(places, axis=1)
    order = np.lexsort((row, distance), axis=1)[:, :k]
    return Neighbours(distance=np.take_along_axis(distance, order, axis=1), row=np.take_along_axis(row, order, axis=1))
