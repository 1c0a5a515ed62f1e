"""Exact nearest rows under the mixed distance.

The mixed distance is a sum over columns (Gower 1971, unweighted): |difference| / scale capped at 1 for numeric
columns, 0 or 1 for categories; a missing cell is at distance 1 from any value and 0 from another missing cell.
"""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from audit_core.questions import Neighbours
from audit_core.tables import MISSING, Column, Table

Floats = NDArray[np.float32]

_FAR = np.float32(5.0)  # scaled values are moved so that a missing cell is more than 1 from all of them
_QUERIES, _ROWS = 128, 4096  # a block of float32 distances of this shape stays in a core's cache


def scales(*tables: Table) -> NDArray[np.float64]:
    """The unit of distance of each numeric column: its 1 % to 99 % span over all tables, else its full span.

    Returns:
        Shape `(n_columns,)`; 1.0 for categories and for columns with one value.
    """
    units = np.ones(len(tables[0].columns))
    for position, column in enumerate(tables[0].columns):
        if not column.numeric:
            continue
        codes = np.concatenate([table.codes[:, position] for table in tables])
        values = column.values.astype(np.float64)[codes[codes != MISSING]]
        if len(values) == 0:
            continue
        low, high = np.quantile(values, [0.01, 0.99])
        units[position] = next((span for span in (high - low, np.ptp(values)) if span > 0), 1.0)
    return units


@dataclass(frozen=True, slots=True, kw_only=True)
class _Points:
    """A table laid out for distances: numeric columns scaled, categories in the smallest integers that hold them."""

    numbers: tuple[Floats, ...]
    capped: tuple[bool, ...]
    categories: tuple[NDArray[np.unsignedinteger], ...]


def _points(table: Table, units: NDArray[np.float64]) -> _Points:
    numbers: list[Floats] = []
    capped: list[bool] = []
    categories: list[NDArray[np.unsignedinteger]] = []
    for position, column in enumerate(table.columns):
        codes = table.codes[:, position]
        if column.numeric:
            scaled, wide = _scaled(column, float(units[position]))
            numbers.append(np.append(scaled, scaled.max(initial=0) + _FAR).astype(np.float32)[codes])
            capped.append(wide or bool((codes == MISSING).any()))
        else:
            width = np.min_scalar_type(len(column.values))
            categories.append((codes + 1).astype(width))
    return _Points(numbers=tuple(numbers), capped=tuple(capped), categories=tuple(categories))


def _scaled(column: Column, unit: float) -> tuple[NDArray[np.float64], bool]:
    """The dictionary from 0 upwards in units of distance, and whether any two values are more than 1 apart."""
    values = column.values.astype(np.float64)
    scaled = (values - values.min(initial=np.inf)) / unit if len(values) else values
    return scaled, bool(scaled.max(initial=0) > 1)


def nearest(
    queries: Table,
    rows: Table,
    units: NDArray[np.float64],
    *,
    k: int,
    leave_self_out: bool = False,
    threads: int = 2,
) -> Neighbours:
    """The `k` nearest rows of each query, nearest first, equal distances by row number. Brute force, exact.

    Args:
        queries, rows: Tables with the same columns.
        units: From `scales`.
        leave_self_out: Both tables are one; a row is not its own neighbour.

    Returns:
        Where `rows` has fewer than `k`, the missing neighbours are at infinite distance with row -1.

    References:
        Gower (1971), A general coefficient of similarity and some of its properties.
    """
    left, right = _points(queries, units), _points(rows, units)
    distance = np.full((len(queries), k), np.inf, dtype=np.float32)
    row = np.full((len(queries), k), -1, dtype=np.int32)

    def work(start: int) -> None:
        stop = min(start + _QUERIES, len(queries))
        for first in range(0, len(rows), _ROWS):
            block = _distances(left, right, slice(start, stop), slice(first, min(first + _ROWS, len(rows))))
            if leave_self_out:
                own = np.arange(start, stop)
                inside = (own >= first) & (own < first + block.shape[1])
                block[own[inside] - start, own[inside] - first] = np.inf
            _keep(distance[start:stop], row[start:stop], block, first)

    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(work, range(0, len(queries), _QUERIES)))
    return Neighbours(distance=distance, row=row)


def _distances(left: _Points, right: _Points, some: slice, others: slice) -> Floats:
    """Distances of a block, shape `(n_some, n_others)`."""
    shape = (some.stop - some.start, others.stop - others.start)
    differing = np.zeros(shape, dtype=np.uint8 if len(left.categories) < 256 else np.uint16)
    unequal = np.empty(shape, dtype=bool)
    for a, b in zip(left.categories, right.categories, strict=True):
        np.not_equal(a[some, None], b[None, others], out=unequal)
        np.add(differing, unequal.view(np.uint8), out=differing)
    total = differing.astype(np.float32)
    apart = np.empty(shape, dtype=np.float32)
    for x, y, cap_x, cap_y in zip(left.numbers, right.numbers, left.capped, right.capped, strict=True):
        np.subtract(x[some, None], y[None, others], out=apart)
        np.abs(apart, out=apart)
        if cap_x or cap_y:
            np.minimum(apart, np.float32(1), out=apart)
        np.add(total, apart, out=total)
    return total


def _keep(distance: Floats, row: NDArray[np.int32], block: Floats, first: int) -> None:
    """Merges a block into the best so far, in place. Earlier rows win ties, as blocks come in row order."""
    k = distance.shape[1]
    if k == 1:
        best = block.argmin(axis=1)
        found = block[np.arange(len(block)), best]
        better = found < distance[:, 0]
        distance[better, 0] = found[better]
        row[better, 0] = first + best[better]
        return
    if block.shape[1] > k and np.isinf(distance[:, -1]).any():
        bound = np.minimum(distance[:, -1], np.partition(block, k - 1, axis=1)[:, k - 1])
        close = block <= bound[:, None]
    else:
        close = block < distance[:, -1:]
    for query in np.flatnonzero(close.any(axis=1)):
        candidates = np.flatnonzero(close[query])
        distances = np.concatenate([distance[query], block[query, candidates]])
        order = np.argsort(distances, kind="stable")[:k]
        row[query] = np.concatenate([row[query], (first + candidates).astype(np.int32)])[order]
        distance[query] = distances[order]
