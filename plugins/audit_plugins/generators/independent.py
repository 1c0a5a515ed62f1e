"""Columns drawn one by one: a release with every marginal of the members and nothing of how they go together."""

import numpy as np

from audit_core.refit import Budget, Schema
from audit_core.tables import MISSING, Codes, Column, Table, coded, decimal_places, read_only


class Independent:
    """Draws every cell, a missing one too, from the members' cells of its column.

    A number that only one member has is drawn from between its neighbours instead: repeated as it is, it would give
    that member away, and the generator is there to be innocent. A category that only one member has is repeated.
    """

    def fit(self, table: Table, schema: Schema, budget: Budget) -> "FittedIndependent":
        """Keeps each column's cells; the order in which they stand plays no part."""
        return FittedIndependent(table)


class FittedIndependent:
    """The columns' cells."""

    guarantee = None

    def __init__(self, table: Table) -> None:
        """Takes the members' rows."""
        self._table = table

    def sample(self, n: int, rng: np.random.Generator) -> Table:
        """Each column by itself, with replacement."""
        columns, parts = [], []
        for position, column in enumerate(self._table.columns):
            members = self._table.codes[:, position]
            drawn = rng.choice(members, n)
            if column.numeric:
                column, drawn = _between_neighbours(column, drawn, members, rng)
            columns.append(column)
            parts.append(drawn)
        return Table(columns=tuple(columns), codes=read_only(np.column_stack(parts)))


def _between_neighbours(column: Column, drawn: Codes, members: Codes, rng: np.random.Generator) -> tuple[Column, Codes]:
    """The drawn numbers, those of one member only moved to anywhere between the next lower and the next higher one.

    They keep the column's decimal places.
    """
    values = column.values.astype(np.float64)
    times = np.append(np.bincount(members[members != MISSING], minlength=len(values)), 0)  # the missing cell's last
    single = times[drawn] == 1
    cells = np.append(values, np.nan)[drawn]
    at = drawn[single]
    lower, upper = values[np.maximum(at - 1, 0)], values[np.minimum(at + 1, len(values) - 1)]
    cells[single] = np.clip(np.round(rng.uniform(lower, upper), decimal_places(values)), lower, upper)
    return coded(column.name, column.kind, cells)
