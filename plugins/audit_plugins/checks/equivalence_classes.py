"""Equivalence classes: the rows of a table that share all their quasi-identifiers.

Rows are grouped by sorting one integer key a row, which needs no hash table with millions of classes.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from audit_core.tables import Codes, Ids, Table

_SPAN_LIMIT = 2**62
"""Keys stay below this, so that a product never overflows int64."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Keys:
    """A key for every row; two rows are in one class exactly if their keys are equal.

    Attributes:
        ids: Shape `(n_rows,)`, from 0 up to below `span`, with gaps.
        span: Shared by all keys that may be compared.
    """

    ids: Ids
    span: int

    def cut(self, rows: int) -> "tuple[Keys, Keys]":
        """The keys of the first rows, and those of the others."""
        return Keys(ids=self.ids[:rows], span=self.span), Keys(ids=self.ids[rows:], span=self.span)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Classes:
    """The classes of a table, in ascending order of their ids; all arrays have shape `(n_classes,)`.

    Attributes:
        ids: The key that the rows of the class have.
        rows: How many rows it holds, at least 1.
        people: How many people those rows belong to, at least 1; equal to `rows` where the unit is the row.
    """

    ids: Ids
    rows: NDArray[np.int64]
    people: NDArray[np.int64]


def class_keys(names: Sequence[str], *tables: Table) -> Keys:
    """The keys of the tables' rows, stacked. A missing cell is a value: it equals another missing cell and no other.

    Args:
        names: The columns that make a class.
        tables: Sharing the dictionaries of those columns.
    """
    keys = Keys(ids=np.zeros(sum(map(len, tables)), dtype=np.int64), span=1)
    for name in names:
        codes = [table.codes[:, table.index(name)] for table in tables]
        width = len(tables[0].columns[tables[0].index(name)].values) + 1
        keys = refined(keys, np.concatenate(codes) if len(codes) > 1 else codes[0], width, out=keys.ids)
    return keys


def refined(keys: Keys, codes: Codes | Ids, width: int, out: Ids | None = None) -> Keys:
    """Keys that also tell apart the rows' codes: `key * width + code + 1`, renumbered first where that would overflow.

    Args:
        codes: Shape `(n_rows,)`, from -1 (missing) up to below `width - 1`.
        out: Where the new ids go, for example `keys.ids` to save memory; a new array if None.
    """
    if keys.span > _SPAN_LIMIT // width:
        distinct, dense = np.unique(keys.ids, return_inverse=True)
        keys = Keys(ids=dense.reshape(-1).astype(np.int64, copy=False), span=len(distinct))
    ids = np.multiply(keys.ids, width, out=out)
    ids += codes
    ids += 1
    return Keys(ids=ids, span=keys.span * width)


def runs(ascending: Ids) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Where each run of equal numbers starts, and how long it is; both of shape `(n_runs,)`."""
    changes = np.ones(len(ascending), dtype=np.bool_)
    np.not_equal(ascending[1:], ascending[:-1], out=changes[1:])
    starts = np.flatnonzero(changes)
    return starts, lengths(starts, len(ascending))


def lengths(starts: NDArray[np.int64], end: int) -> NDArray[np.int64]:
    """How long each run is, given where the runs start and where the last one ends."""
    each = np.empty_like(starts)
    np.subtract(starts[1:], starts[:-1], out=each[:-1])
    each[-1:] = end - starts[-1:]
    return each


def equivalence_classes(keys: Keys, people: Codes | Ids | None = None) -> Classes:
    """Groups rows by key.

    Args:
        people: The person each row belongs to, shape `(n_rows,)`, -1 where unknown (all those count as one person);
            None where every row is a person of its own.
    """
    if people is None:
        ordered = np.sort(keys.ids)
        starts, rows = runs(ordered)
        return Classes(ids=ordered[starts], rows=rows, people=rows)
    width = int(people.max(initial=-1)) + 2
    pairs = np.unique(refined(keys, people, width).ids) // width
    classes = equivalence_classes(keys)
    return Classes(ids=classes.ids, rows=classes.rows, people=runs(pairs)[1])


def shared_by(classes: Classes, population: Classes) -> NDArray[np.int64]:
    """How many people of a population are in each class, shape `(n_classes,)`; 0 where nobody is.

    References:
        El Emam & Dankar (2008), Protecting privacy using k-anonymity (the journalist's risk, k-map).
    """
    place = np.searchsorted(population.ids, classes.ids)
    place[place == len(population.ids)] = 0
    return np.where(population.ids[place] == classes.ids, population.people[place], 0)
