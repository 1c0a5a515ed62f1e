"""The neighbours between the tables of a case, computed once and shared by all that need them."""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Protocol, TypedDict, Unpack

import numpy as np
from numpy.typing import NDArray

from audit_core.cache import Cache, key
from audit_core.neighbours import nearest, scales
from audit_core.questions import Neighbours
from audit_core.tables import Table

Rows = NDArray[np.intp]


class Part(TypedDict, total=False):
    """Of two tables, the part that is looked at; all of it where nothing else is said.

    Attributes:
        rows: Of the left table.
        others: Of the right table, and then `row` counts within them.
        columns: The distance is over these only.
    """

    rows: Rows | None
    others: Rows | None
    columns: Sequence[str] | None


class NearestRows(Protocol):
    """Where neighbours come from."""

    def has(self, name: str) -> bool:
        """Whether the case has this table."""
        ...

    def between(self, left: str, right: str, k: int, **part: Unpack[Part]) -> Neighbours:
        """The `k` nearest rows in the right table of each row in the left; of a table in itself, of the others."""
        ...


class CaseRows:
    """The neighbours between the tables of one case; each pair is computed for the most that anybody will ask for.

    Distances are between normal forms, so a changed case or a full-width digit is no distance.
    """

    def __init__(
        self,
        tables: Mapping[str, Table],
        wanted: Mapping[tuple[str, str], int],
        digest: str,
        cache: Cache,
        units: NDArray[np.float64] | None = None,
    ):
        """
        Args:
            tables: By name; they share their columns.
            wanted: The largest number of neighbours anybody will ask for, by pair (from, to).
            digest: Of the tables' content, for the cache.
            units: Of distance, shape `(n_columns,)`; those of the tables if None.
        """
        self.tables = {name: table.normalised() for name, table in tables.items()}
        self.units = scales(*self.tables.values()) if units is None else units
        self.wanted = dict(wanted)
        self._digest = digest
        self._cache = cache

    def has(self, name: str) -> bool:
        return name in self.tables

    def between(self, left: str, right: str, k: int, **part: Unpack[Part]) -> Neighbours:
        rows, others, columns = part.get("rows"), part.get("others"), part.get("columns")
        whole = self.wanted.get((left, right), 0)
        if columns is None and others is None and rows is not None and whole >= k:
            every = self.between(left, right, k)
            return Neighbours(distance=every.distance[rows], row=every.row[rows])
        most = max(k, whole)
        name = key("neighbours", self._digest, left, right, most, _digest(rows), _digest(others), columns)
        stored = self._cache.arrays(name)
        if stored is None:
            found = nearest(
                self.part(left, rows, columns),
                self.part(right, others, columns),
                self.units_of(columns),
                k=most,
                leave_self_out=left == right and rows is None and others is None,
            )
            stored = {"distance": found.distance, "row": found.row}
            self._cache.keep_arrays(name, stored)
        return Neighbours(distance=stored["distance"][:, :k], row=stored["row"][:, :k])

    def part(self, name: str, rows: Rows | None, columns: Sequence[str] | None) -> Table:
        """Some rows and columns of a table, in normal form."""
        table = self.tables[name]
        if columns is not None:
            table = table.select(columns)
        return table if rows is None else table.take(rows)

    def units_of(self, columns: Sequence[str] | None) -> NDArray[np.float64]:
        """The units of distance of some columns."""
        if columns is None:
            return self.units
        table = next(iter(self.tables.values()))
        return self.units[[table.index(name) for name in columns]]


class SharingRows:
    """The neighbours in a case that has some of its tables from another: between those, the other's are taken."""

    def __init__(self, own: CaseRows, other: CaseRows, shared: frozenset[str]):
        """
        Args:
            shared: Names of the tables that are the same in both.
        """
        self._own = own
        self._other = other
        self._shared = shared

    def has(self, name: str) -> bool:
        return self._own.has(name)

    def between(self, left: str, right: str, k: int, **part: Unpack[Part]) -> Neighbours:
        """As `CaseRows.between`."""
        source = self._other if {left, right} <= self._shared else self._own
        return source.between(left, right, k, **part)


class PlantedRows:
    """The neighbours in a case whose release got rows added: those of the case, merged with those of the added rows.

    Only distances from and to the added rows are computed.
    """

    def __init__(self, base: CaseRows, plants: Table, position: Rows):
        """
        Args:
            plants: The added rows, over the case's dictionaries.
            position: Where each released row, then each added one, stands in the new release; the released rows keep
                their order among themselves.
        """
        self._base = base
        self._plants = plants.normalised()
        self._position = position

    def has(self, name: str) -> bool:
        return self._base.has(name)

    def between(self, left: str, right: str, k: int, **part: Unpack[Part]) -> Neighbours:
        """As `CaseRows.between`.

        Raises:
            ValueError: Neighbours of the new release in itself, or of some of its rows only; nobody asks for them.
        """
        if "release" not in (left, right):
            return self._base.between(left, right, k, **part)
        rows, others, columns = part.get("rows"), part.get("others"), part.get("columns")
        base, units = self._base, self._base.units_of(columns)
        plants = self._plants if columns is None else self._plants.select(columns)
        if right != "release":
            if rows is not None:
                raise ValueError("neighbours of some released rows only")
            old = base.between(left, right, k, others=others, columns=columns)
            new = nearest(plants, base.part(right, others, columns), units, k=k)
            return _placed(old, new, self._position)
        if left == "release" or others is not None:
            raise ValueError("neighbours of the release in itself, or in some of its rows only")
        old = base.between(left, right, k, rows=rows, columns=columns)
        new = nearest(base.part(left, rows, columns), plants, units, k=k)
        return _merged(old, new, self._position, released=len(self._position) - len(plants))


def _placed(old: Neighbours, new: Neighbours, position: Rows) -> Neighbours:
    """The neighbours of the released and of the added rows, each at its place in the new release."""
    distance = np.empty((len(position), old.distance.shape[1]), dtype=np.float32)
    row = np.empty_like(distance, dtype=np.int32)
    distance[position] = np.concatenate([old.distance, new.distance])
    row[position] = np.concatenate([old.row, new.row])
    return Neighbours(distance=distance, row=row)


def _merged(old: Neighbours, new: Neighbours, position: Rows, released: int) -> Neighbours:
    """The nearest of both, ties by their row in the new release; -1 stays -1, at infinite distance."""
    k = old.distance.shape[1]
    place = np.append(position, -1).astype(np.int32)
    row = np.concatenate([place[old.row], place[np.where(new.row < 0, len(position), new.row + released)]], axis=1)
    distance = np.concatenate([old.distance, new.distance], axis=1)
    order = np.lexsort((row, distance), axis=1)[:, :k]
    return Neighbours(distance=np.take_along_axis(distance, order, axis=1), row=np.take_along_axis(row, order, axis=1))


def _digest(rows: Rows | None) -> str | None:
    return None if rows is None else hashlib.sha256(np.ascontiguousarray(rows, dtype="<i8").tobytes()).hexdigest()
