"""The exact k nearest rows, without a look at rows that cannot be among them.

Rows are cut into boxes of rows that are alike, as the leaves of a k-d tree. A query is at least as far from every row
in a box as from the box itself; so it looks into its nearest box, and then only into those that are within reach of
the k-th best row so far. Within a box, columns are added up one after the other, and once few pairs are still within
reach only those are followed.

Nothing is approximate, also in float32: box and row distances add up the same columns in the same order, and rounding
keeps the order of what it rounds.

References:
    Friedman, Bentley & Finkel (1977), An algorithm for finding best matches in logarithmic expected time.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Categories = NDArray[np.unsignedinteger]
Rows = NDArray[np.intp]
Keys = NDArray[np.uint64]

NOTHING = np.uint64(0x7F80_0000_FFFF_FFFF)
"""The key of a neighbour that is not there: at infinite distance, row -1."""

_BOX = 256  # rows
_QUERIES = 6144  # at once, at most
_PAIRS = 1 << 17  # at once: their distances stay in a core's cache
_FEW = 1 / 8  # of the pairs: following those alone is then cheaper than going on with all
_EVERY = 4  # columns: how often to count the pairs within reach


@dataclass(frozen=True, slots=True, kw_only=True)
class Points:
    """Rows laid out for distances: the sum over columns of |difference|, and of 1 for each differing category.

    Attributes:
        n: How many rows.
        numbers: Numeric columns in units of distance, shape `(n,)` each.
        capped: Whether differences in that column may exceed 1 and are cut there.
        categories: The other columns as unsigned integers, shape `(n,)` each.
    """

    n: int
    numbers: tuple[Floats, ...]
    capped: tuple[bool, ...]
    categories: tuple[Categories, ...]

    def each(self, n: int, change: Callable[[Any], Any]) -> "Points":
        """The points with every column changed in the same way."""
        return replace(
            self, n=n, numbers=tuple(map(change, self.numbers)), categories=tuple(map(change, self.categories))
        )

    def take(self, rows: Rows) -> "Points":
        return self.each(len(rows), lambda column: column[rows])


def nearest_keys(queries: Points, rows: Points, k: int, *, same: bool, threads: int) -> Keys:
    """The keys of the `k` nearest rows of each query in ascending order, shape `(n_queries, k)`.

    A key is the bits of the distance above the number of the row: keys ascend by distance, and by row where that is
    equal.

    Args:
        same: Queries and rows are the same; a row is not its own neighbour.
    """
    best = np.full((queries.n, k), NOTHING)
    if not rows.n:
        return best
    boxes = _boxes(rows)

    def work(part: Rows) -> None:
        _search(queries.take(part), part.astype(np.uint64) if same else None, boxes, best[part[0] : part[-1] + 1])

    parts = np.array_split(np.arange(queries.n), threads * -(-queries.n // (threads * _QUERIES)) or 1)
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(work, [part for part in parts if len(part)]))
    return best


def distances(keys: Keys) -> Floats:
    """The distances in keys."""
    return (keys >> np.uint64(32)).astype(np.uint32).view(np.float32)


def row_numbers(keys: Keys) -> NDArray[np.int32]:
    """The rows in keys."""
    return keys.astype(np.uint32).view(np.int32)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Boxes:
    """Rows in the order of their boxes.

    Attributes:
        points: The rows, box after box; `row` are their numbers.
        edges: Box b holds positions edges[b] to edges[b + 1].
        low, high: The least and the greatest value of each column in each box.
    """

    points: Points
    row: Keys
    edges: Rows
    low: Points
    high: Points

    def floors(self, queries: Points) -> Floats:
        """The distance of each query to each box, shape `(n_queries, n_boxes)`."""
        total: Floats = np.zeros((queries.n, self.low.n), dtype=np.float32)
        for code, first, last in zip(queries.categories, self.low.categories, self.high.categories, strict=True):
            total += (code[:, None] < first) | (code[:, None] > last)
        cuts = _capped(queries, self.points)
        for number, low, high, cut in zip(queries.numbers, self.low.numbers, self.high.numbers, cuts, strict=True):
            gap = np.maximum(low - number[:, None], number[:, None] - high)
            total += np.clip(gap, 0, 1 if cut else None, out=gap)
        return total


def _capped(left: Points, right: Points) -> tuple[bool, ...]:
    return tuple(a or b for a, b in zip(left.capped, right.capped, strict=True))


def _boxes(rows: Points) -> _Boxes:
    groups: list[Rows] = []
    todo = [np.arange(rows.n)]
    while todo:
        group = todo.pop()
        lower = _lower_half(rows.take(group)) if len(group) > _BOX else None
        if lower is not None:
            todo += [group[~lower], group[lower]]
        else:  # small enough, or equal rows
            groups += [group[start : start + _BOX] for start in range(0, len(group), _BOX)]
    order = np.concatenate(groups)
    starts = np.cumsum([0, *map(len, groups)])
    points = rows.take(order)
    return _Boxes(
        points=points,
        row=order.astype(np.uint64),
        edges=starts,
        low=points.each(len(groups), lambda column: np.minimum.reduceat(column, starts[:-1])),
        high=points.each(len(groups), lambda column: np.maximum.reduceat(column, starts[:-1])),
    )


def _lower_half(group: Points) -> NDArray[np.bool_] | None:
    """The lower half of a group by the column in which its rows differ most; None where all are equal."""
    most, lower = 0.0, None
    for column in (*group.numbers, *group.categories):
        values, counts = np.unique(column, return_counts=True)
        if len(values) == 1:
            continue
        middle = min(int(np.searchsorted(counts.cumsum(), group.n / 2)), len(values) - 2)
        if column.dtype == np.float32:
            spread = float((counts * np.minimum(np.abs(values - values[middle]), 1)).sum()) / group.n
        else:
            spread = 1 - float(((counts / group.n) ** 2).sum())
        if spread > most:
            most, lower = spread, column <= values[middle]
    return lower


def _search(queries: Points, own: Keys | None, boxes: _Boxes, best: Keys) -> None:
    """Fills the best keys of some queries, in place; `own` are the rows they must not find."""
    floors = boxes.floors(queries)
    order = np.argsort(floors.mean(axis=0), kind="stable")
    nearest = floors.argmin(axis=1)
    for box in np.unique(nearest):
        _visit(queries, own, boxes, int(box), np.flatnonzero(nearest == box), best)
    floors[np.arange(queries.n), nearest] = np.nan  # within nobody's reach: no box is visited twice
    for box in order:
        some = np.flatnonzero(floors[:, box] <= distances(best[:, -1]))
        if len(some):
            _visit(queries, own, boxes, int(box), some, best)


def _visit(queries: Points, own: Keys | None, boxes: _Boxes, box: int, some: Rows, best: Keys) -> None:
    """Looks into a box for some of the queries."""
    inside = slice(int(boxes.edges[box]), int(boxes.edges[box + 1]))
    its = boxes.points.each(inside.stop - inside.start, lambda column: column[inside])
    found = list(_within(queries.take(some), its, distances(best[some, -1]), best.shape[1]))
    distance, query, row = (np.concatenate(parts) for parts in zip(*found, strict=True))
    query, row = some[query], boxes.row[inside][row]
    keys = (distance.view(np.uint32).astype(np.uint64) << np.uint64(32)) | row
    near = keys < best[query, -1]
    if own is not None:
        near &= row != own[query]
    if near.any():
        _keep(best, query[near], keys[near])


def _within(queries: Points, rows: Points, reach: Floats, k: int) -> Iterator[tuple[Floats, Rows, Rows]]:
    """Distances, queries and rows of the pairs within the queries' reach, and of some that are not.

    Where a query has no `k` rows yet, its reach is infinite, and the `k + 1` nearest of some rows bound it.
    """
    pairs = list(zip(queries.numbers, rows.numbers, _capped(queries, rows), strict=True))
    step = max(1, _PAIRS // queries.n)
    for first in range(0, rows.n, step):
        here = slice(first, min(first + step, rows.n))
        total = _differing(queries, rows, here)
        near = np.empty(total.shape, dtype=bool)
        apart = np.empty_like(total)
        added = 0
        for x, y, cut in pairs:
            if added % _EVERY == 0 and np.count_nonzero(np.less_equal(total, reach, out=near)) < _FEW * near.size:
                break
            np.abs(np.subtract(x, y[here, None], out=apart), out=apart)
            total += np.minimum(apart, 1, out=apart) if cut else apart
            added += 1
        if len(total) > k and np.isinf(reach).any():
            np.less_equal(total, np.minimum(reach, np.partition(total, k, axis=0)[k]), out=near)
        else:
            np.less_equal(total, reach, out=near)
        row, query = np.divmod(np.flatnonzero(near), queries.n)
        distance = total[row, query]
        for x, y, cut in pairs[added:]:
            gap = np.abs(x[query] - y[here][row])
            distance += np.minimum(gap, 1, out=gap) if cut else gap
        yield distance, query, row + first


def _differing(queries: Points, rows: Points, here: slice) -> Floats:
    """How many categories differ, shape `(n_here, n_queries)`."""
    shape = (here.stop - here.start, queries.n)
    count = np.zeros(shape, dtype=np.uint8 if len(queries.categories) < 256 else np.uint16)
    unequal = np.empty(shape, dtype=bool)
    for a, b in zip(queries.categories, rows.categories, strict=True):
        np.not_equal(a, b[here, None], out=unequal)
        count += unequal.view(np.uint8)
    return count.astype(np.float32)


def _keep(best: Keys, query: Rows, keys: Keys) -> None:
    """Merges keys into the best of their queries, in place."""
    order = np.lexsort((keys, query))
    query, keys = query[order], keys[order]
    first = np.flatnonzero(np.diff(query, prepend=-1))
    count = np.diff(first, append=len(query))
    whose = np.repeat(np.arange(len(first)), count)
    place = np.arange(len(query)) - first[whose]
    new = np.full((len(first), min(best.shape[1], int(count.max()))), NOTHING)
    fits = place < new.shape[1]
    new[whose[fits], place[fits]] = keys[fits]
    merged = np.sort(np.hstack([best[query[first]], new]), axis=1)
    best[query[first]] = merged[:, : best.shape[1]]
