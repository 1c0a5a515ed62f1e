"""Exact nearest rows under the mixed distance.

The mixed distance is a sum over columns (Gower 1971, unweighted): |difference| / scale capped at 1 for numeric
columns, 0 or 1 for categories; a missing cell is at distance 1 from any value and 0 from another missing cell.
"""

import numpy as np
from numpy.typing import NDArray

from audit_core.box_search import Points, distances, nearest_keys, row_numbers
from audit_core.questions import Neighbours
from audit_core.tables import MISSING, Column, Table

_FAR = np.float32(5.0)  # scaled values are moved so that a missing cell is more than 1 from all of them


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


def _points(table: Table, units: NDArray[np.float64]) -> Points:
    numbers: list[NDArray[np.float32]] = []
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
    return Points(n=len(table), numbers=tuple(numbers), capped=tuple(capped), categories=tuple(categories))


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
    """The `k` nearest rows of each query, nearest first, equal distances by row number. Exact.

    Args:
        queries, rows: Tables with the same columns.
        units: From `scales`.
        leave_self_out: Both tables are one; a row is not its own neighbour.

    Returns:
        Where `rows` has fewer than `k`, the missing neighbours are at infinite distance with row -1.

    References:
        Gower (1971), A general coefficient of similarity and some of its properties.
    """
    keys = nearest_keys(_points(queries, units), _points(rows, units), k, same=leave_self_out, threads=threads)
    return Neighbours(distance=distances(keys), row=row_numbers(keys))
