"""Targeted marginal queries: how many rows of a table have a target's own values in some of the columns.

The tables of a question and those that a generator makes later share no dictionary, so cells are compared by value.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations, product
from math import comb

import numpy as np
from numpy.typing import NDArray

from audit_core.tables import MISSING, Column, Table

Cells = NDArray[np.int64]
"""Shape `(n_rows, n_views)`: a small whole number for each cell as each view sees it."""

Query = tuple[int, ...]
"""Positions of views, each of another column."""

_LISTED = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """One way to look at one column's cells. Two missing cells look the same.

    Attributes:
        column: Its position.
        values: Ascending. Where `exact`, the values that are told apart, any other value being none of them; else the
            edges between bins.
    """

    column: int
    values: NDArray[np.float64] | NDArray[np.object_]
    exact: bool

    @property
    def size(self) -> int:
        """One more than the highest number of a cell."""
        return len(self.values) + 2

    def see(self, column: Column, codes: NDArray[np.int32]) -> NDArray[np.int64]:
        """The cells of a column in another table, shape `(n_rows,)`."""
        found = np.searchsorted(self.values, column.values, side="left" if self.exact else "right")
        if self.exact:
            known = found < len(self.values)
            known[known] = self.values[found[known]] == column.values[known]
            found = np.where(known, found, len(self.values))
        return np.append(found, len(self.values) + 1).astype(np.int64)[codes]


def binned(tables: Sequence[Table], bins: int) -> tuple[View, ...]:
    """One view of each column: categories as they are, numbers by the quantiles of all tables together.

    A column of at most as many distinct numbers as bins is left as it is.

    Args:
        tables: Over the same dictionaries.
    """
    views = []
    for position, column in enumerate(tables[0].columns):
        codes = np.concatenate([table.codes[:, position] for table in tables])
        if column.numeric and len(column.values) > bins:
            present = column.values[codes[codes != MISSING]].astype(np.float64)
            edges = np.unique(np.quantile(present, np.arange(1, bins) / bins)) if len(present) else np.zeros(0)
            views.append(View(column=position, values=edges, exact=False))
        else:
            views.append(View(column=position, values=column.values, exact=True))
    return tuple(views)


def exact_and_binned(tables: Sequence[Table], bins: int) -> tuple[View, ...]:
    """As `binned`, and besides every binned column as it is: a copied number is telling where a bin is not."""
    views = binned(tables, bins)
    columns = tables[0].columns
    exact = (View(column=view.column, values=columns[view.column].values, exact=True) for view in views)
    return (*views, *(one for one, view in zip(exact, views, strict=True) if not view.exact))


def cells_of(table: Table, views: Sequence[View]) -> Cells:
    """What each view sees of each row."""
    seen = [view.see(table.columns[view.column], table.codes[:, view.column]) for view in views]
    return np.asfortranarray(np.column_stack(seen))


def queries_of(views: Sequence[View], orders: Sequence[int], most: int, rng: np.random.Generator) -> tuple[Query, ...]:
    """Queries about so many columns at once: all of them, or as many as wanted, evenly over the orders."""
    of_column: dict[int, list[int]] = {}
    for position, view in enumerate(views):
        of_column.setdefault(view.column, []).append(position)
    every: list[list[Query]] = []
    for order in orders:
        some = _combinations(len(of_column), order, most, rng)
        ways = list(of_column.values())
        every.append([query for columns in some for query in product(*(ways[at] for at in columns))])
    chosen: list[Query] = []
    every.sort(key=len)  # what the scarce ones leave is shared among the others
    for done, some_queries in enumerate(every):
        share = min(len(some_queries), (most - len(chosen)) // (len(every) - done))
        chosen += [some_queries[at] for at in rng.choice(len(some_queries), share, replace=False)]
    return tuple(sorted(chosen, key=lambda query: (len(query), query)))


def _combinations(n: int, order: int, most: int, rng: np.random.Generator) -> list[tuple[int, ...]]:
    """So many of n things: every combination, or as many as wanted, where listing them all would take long."""
    if comb(n, order) <= max(2 * most, _LISTED):
        return list(combinations(range(n), order))
    drawn: set[tuple[int, ...]] = set()
    while len(drawn) < most:
        drawn.add(tuple(sorted(rng.choice(n, order, replace=False).tolist())))
    return sorted(drawn)


def matches(targets: Cells, rows: Cells, query: Query, views: Sequence[View]) -> NDArray[np.int64]:
    """For each target, how many rows look like it to all views of the query; shape `(n_targets,)`."""
    wanted, there, span = np.zeros(len(targets), np.int64), np.zeros(len(rows), np.int64), 1
    for position in query:
        size = views[position].size
        if span > 2**62 // size:
            distinct, dense = np.unique(np.concatenate([wanted, there]), return_inverse=True)
            wanted, there, span = dense[: len(wanted)], dense[len(wanted) :], len(distinct)
        wanted, there, span = wanted * size + targets[:, position], there * size + rows[:, position], span * size
    distinct, times = np.unique(there, return_counts=True)
    at = np.minimum(np.searchsorted(distinct, wanted), len(distinct) - 1)
    return np.where(distinct[at] == wanted, times[at], 0)
