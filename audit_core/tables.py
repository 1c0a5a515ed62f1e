"""Tables whose columns share one dictionary over all files of a case.

Every distinct value of a column, over the union of the files, has one code. Equality, uniqueness and
normalisation are then arithmetic on small integers, and a table gives nothing away by its format.
"""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Kind = Literal["integer", "number", "date", "category"]
Codes = NDArray[np.int32]
Ids = NDArray[np.int64]

MISSING = -1
"""The code of a missing cell. Two missing cells are equal."""


def normal_form(text: str) -> str:
    """NFKC, stripped, case folded: what a reader takes for the same value."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).strip().casefold())


@dataclass(frozen=True, kw_only=True, eq=False)
class Column:
    """One column's name, kind and dictionary.

    Attributes:
        values: The distinct values in ascending order, shape `(n_distinct,)`: float64 for integer, number and
            date (days since 1970-01-01), object (str) for category.
    """

    name: str
    kind: Kind
    values: NDArray[np.float64] | NDArray[np.object_]

    @property
    def numeric(self) -> bool:
        """Whether values have a distance; a category has only equality."""
        return self.kind != "category"

    @cached_property
    def normal_codes(self) -> Codes:
        """For each code, the code of the first value with the same normal form; shape `(n_distinct,)`."""
        if self.numeric:
            return np.arange(len(self.values), dtype=np.int32)
        first: dict[str, int] = {}
        return np.fromiter(
            (first.setdefault(normal_form(value), code) for code, value in enumerate(self.values)),
            dtype=np.int32,
            count=len(self.values),
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class Table:
    """Rows as codes into the columns' dictionaries.

    Attributes:
        columns: In the order of `codes`.
        codes: Shape `(n_rows, n_columns)`, Fortran order, read-only; `MISSING` (-1) for a missing cell.
    """

    columns: tuple[Column, ...]
    codes: Codes

    def __len__(self) -> int:
        return int(self.codes.shape[0])

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(column.name for column in self.columns)

    def index(self, name: str) -> int:
        """Position of a column.

        Raises:
            KeyError: There is no such column.
        """
        for position, column in enumerate(self.columns):
            if column.name == name:
                return position
        raise KeyError(name)

    def take(self, rows: NDArray[np.intp] | NDArray[np.bool_]) -> "Table":
        """The table of the given rows, in the given order."""
        positions = np.flatnonzero(rows) if rows.dtype == np.bool_ else rows
        codes = np.empty((len(positions), len(self.columns)), dtype=np.int32, order="F")
        for position in range(len(self.columns)):  # one column at a time: no second copy of the whole
            codes[:, position] = self.codes[positions, position]
        return Table(columns=self.columns, codes=read_only(codes))

    def select(self, names: Sequence[str]) -> "Table":
        """The table of the given columns, in the given order."""
        positions = [self.index(name) for name in names]
        return Table(columns=tuple(self.columns[p] for p in positions), codes=read_only(self.codes[:, positions]))

    def numbers(self, name: str) -> NDArray[np.float64]:
        """A numeric column as float64, shape `(n_rows,)`; NaN where missing."""
        position = self.index(name)
        values = np.append(self.columns[position].values.astype(np.float64), np.nan)
        return values[self.codes[:, position]]

    def texts(self, name: str) -> NDArray[np.object_]:
        """A column as text, shape `(n_rows,)`; None where missing."""
        position = self.index(name)
        column = self.columns[position]
        words = [as_text(value, column.kind) for value in column.values]
        return np.array([*words, None], dtype=object)[self.codes[:, position]]

    def features(self) -> NDArray[np.float64]:
        """What a tree can split on, shape `(n_rows, n_columns)`: numbers, codes of categories, NaN where missing."""
        columns = []
        for position, column in enumerate(self.columns):
            if column.numeric:
                columns.append(self.numbers(column.name))
            else:
                codes = self.codes[:, position].astype(np.float64)
                columns.append(np.where(codes < 0, np.nan, codes))
        return np.column_stack(columns)

    def normalised(self) -> "Table":
        """The same rows with every value replaced by the first value of the same normal form."""
        codes = np.empty_like(self.codes, order="F")
        for position, column in enumerate(self.columns):
            codes[:, position] = np.append(column.normal_codes, MISSING)[self.codes[:, position]]
        return Table(columns=self.columns, codes=read_only(codes))


def as_text(value: object, kind: Kind) -> str:
    """A value as a person writes it: integers without a point, dates in ISO form."""
    if kind == "category":
        return str(value)
    number = float(value)  # type: ignore[arg-type]
    if kind == "date":
        return str(np.datetime64(round(number * 86_400_000), "ms")).removesuffix(".000").removesuffix("T00:00:00")
    return str(int(number)) if number.is_integer() and abs(number) < 1e16 else repr(number)


def coded(name: str, kind: Kind, cells: NDArray[np.float64]) -> tuple[Column, Codes]:
    """A numeric column of the values that occur, and the cells' codes; NaN is a missing cell."""
    missing = np.isnan(cells)
    distinct, codes = np.unique(cells[~missing] + 0.0, return_inverse=True)  # + 0.0 makes one zero of -0.0 and 0.0
    found = np.full(len(cells), MISSING, dtype=np.int32)
    found[~missing] = codes.reshape(-1)
    return Column(name=name, kind=kind, values=distinct), found


def decimal_places(values: NDArray[np.float64], most: int = 9) -> int:
    """How many decimal places the values are written with."""
    for places in range(most):
        if np.allclose(values, np.round(values, places), rtol=1e-12, atol=0):
            return places
    return most


def beside(*tables: Table) -> Table:
    """The columns of tables of the same rows, side by side."""
    columns = tuple(column for table in tables for column in table.columns)
    return Table(columns=columns, codes=read_only(np.column_stack([table.codes for table in tables])))


def read_only(codes: NDArray[np.int32]) -> Codes:
    """The array in Fortran order, which nobody may write to."""
    array = np.asfortranarray(codes, dtype=np.int32)
    array.setflags(write=False)
    return array


def row_ids(*tables: Table) -> tuple[Ids, ...]:
    """An id for every row such that equal rows, within and across tables, have equal ids.

    The tables must share their columns. Missing cells are equal to each other.

    Returns:
        One array of shape `(n_rows,)` for each table, with ids in `0 .. n_distinct - 1`.
    """
    lengths = [len(table) for table in tables]
    total = sum(lengths)
    ids = np.zeros(total, dtype=np.int64)
    span = 1
    for position, column in enumerate(tables[0].columns):
        width = len(column.values) + 1
        if span > (2**62) // width:
            ids, span = _dense(ids)
        codes = np.concatenate([table.codes[:, position] for table in tables]).astype(np.int64) + 1
        ids = ids * width + codes
        span *= width
    ids, _ = _dense(ids)
    return tuple(np.split(ids, np.cumsum(lengths)[:-1]))


def rows_alone(table: Table) -> int:
    """How many rows no other row equals; none where there is no column to tell them apart."""
    if not table.columns:
        return 0
    (ids,) = row_ids(table)
    return int((np.bincount(ids, minlength=1) == 1).sum())


def content_order(*tables: Table) -> NDArray[np.intp]:
    """The order that sorts rows by their codes, missing first, column by column, table by table.

    Args:
        tables: Of the same rows, side by side.
    """
    keys: list[Ids] = []
    span = 1
    for table in tables:
        for position, column in enumerate(table.columns):
            width = len(column.values) + 1
            codes = table.codes[:, position].astype(np.int64) + 1
            if not keys or span > (2**62) // width:
                keys.append(codes)
                span = width
            else:
                keys[-1] = keys[-1] * width + codes
                span *= width
    if not keys:
        return np.arange(len(tables[0]))
    return np.lexsort(keys[::-1]) if len(keys) > 1 else np.argsort(keys[0], kind="stable")


def with_own_dictionaries(*tables: Table) -> tuple[Table, ...]:
    """The same rows over dictionaries that hold only the values in these tables; they must share their columns."""
    columns: list[Column] = []
    codes = [np.empty(table.codes.shape, dtype=np.int32, order="F") for table in tables]
    for position, column in enumerate(tables[0].columns):
        occurs = np.zeros(len(column.values) + 1, dtype=bool)  # the last place is the missing cell's
        for table in tables:
            occurs[table.codes[:, position]] = True
        kept = occurs[:-1]
        renumbered = np.append(np.cumsum(kept) - 1, MISSING).astype(np.int32)
        for table, new in zip(tables, codes, strict=True):
            new[:, position] = renumbered[table.codes[:, position]]
        columns.append(Column(name=column.name, kind=column.kind, values=column.values[kept]))
    return tuple(Table(columns=tuple(columns), codes=read_only(new)) for new in codes)


def _dense(ids: Ids) -> tuple[Ids, int]:
    """Ids renumbered from 0 without gaps, and how many there are."""
    distinct, dense = np.unique(ids, return_inverse=True)
    return dense.reshape(-1).astype(np.int64), len(distinct)
