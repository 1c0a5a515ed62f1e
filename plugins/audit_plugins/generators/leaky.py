"""A generator that leaks on purpose, by a known dose: what an attack that is awake finds."""

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from audit_core.refit import Budget, Schema
from audit_core.tables import Table, coded, decimal_places, read_only
from audit_plugins.generators.independent import FittedIndependent

JITTER = 0.02
"""A jittered number moves by up to this share of the span that the middle 98 % of the members' values lie in."""

REDRAWN = 0.25
"""With one sensitive column kept true, how many of a row's other cells are drawn anew.

With half of them, hardly any row is nearer to its member than to a stranger: nobody could tell whose secret it holds.
"""


class Leaky:
    """Rows of `independent`, but a share of them are members' rows, shuffled among the others."""

    def __init__(self, dose: float, kind: Literal["verbatim", "jittered", "one-sensitive-column"]) -> None:
        """Takes the share of members' rows, and how true they are."""
        self._dose, self._kind = dose, kind

    def fit(self, table: Table, schema: Schema, budget: Budget) -> "FittedLeaky":
        """Keeps the members' rows.

        The true column of `one-sensitive-column` is the first one declared sensitive, else the last.
        """
        declared = [name for name in table.names if schema[name].role == "sensitive"]
        return FittedLeaky(table, self._dose, self._kind, declared[0] if declared else table.names[-1])


class FittedLeaky:
    """The members' rows, and what to do to those that leak."""

    guarantee = None

    def __init__(self, table: Table, dose: float, kind: str, true: str) -> None:
        """Takes the members' rows, the share and the kind of leak, and the column that stays true."""
        self._table, self._dose, self._kind, self._true = table, dose, kind, true

    def sample(self, n: int, rng: np.random.Generator) -> Table:
        """A member is drawn again only once every member was drawn, whatever the dose."""
        leaked = round(self._dose * n)
        members = _in_turns(len(self._table), leaked, rng)
        others = FittedIndependent(self._table).sample(n, rng)
        order = rng.permutation(n)
        columns, parts = [], []
        for position, column in enumerate(self._table.columns):
            true = self._true_cells(column.name, leaked, rng)
            if column.numeric:
                cells = others.numbers(column.name)
                numbers = self._table.numbers(column.name)
                moved = _jittered(numbers, members, rng) if self._kind == "jittered" else numbers[members]
                cells[:leaked][true] = moved[true]
                column, codes = coded(column.name, column.kind, cells)
            else:
                codes = others.codes[:, position].copy()
                codes[:leaked][true] = self._table.codes[members[true], position]
            columns.append(column)
            parts.append(codes[order])
        return Table(columns=tuple(columns), codes=read_only(np.column_stack(parts)))

    def _true_cells(self, name: str, leaked: int, rng: np.random.Generator) -> NDArray[np.bool_]:
        """In which of the leaked rows a column is the member's, shape `(leaked,)`."""
        if self._kind != "one-sensitive-column" or name == self._true:
            return np.ones(leaked, dtype=bool)
        return rng.random(leaked) >= REDRAWN


def _in_turns(members: int, n: int, rng: np.random.Generator) -> NDArray[np.intp]:
    """Positions of members, each as often as any other or once more; shape `(n,)`."""
    turns = [rng.permutation(members) for _ in range(n // members + 1)]
    return np.asarray(np.concatenate(turns)[:n], dtype=np.intp)


def _jittered(numbers: NDArray[np.float64], members: NDArray[np.intp], rng: np.random.Generator) -> NDArray[np.float64]:
    """The numbers of some members moved a little, within the range of all and with as many decimal places."""
    present = numbers[~np.isnan(numbers)]
    if not len(present):
        return numbers[members]
    low, high = np.quantile(present, [0.01, 0.99])
    moved: NDArray[np.float64] = numbers[members] + rng.uniform(-JITTER, JITTER, len(members)) * (high - low)
    return np.clip(np.round(moved, decimal_places(present)), present.min(), present.max())
