"""Tables to files, and files whose columns are known back to tables."""

import io
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from audit_core.errors import raise_all
from audit_core.reading.files import read_table
from audit_core.reading.schema import decide, table_of, unite
from audit_core.tables import MISSING, Column, Table

_MICROSECONDS_A_DAY = 86_400_000_000


def parquet_of(table: Table, *, zoned: Collection[str] = ()) -> bytes:
    """The rows as Parquet, every column of a type that CSV can hold as well.

    Args:
        zoned: Dates that are moments in UTC.
    """
    import pyarrow.parquet as pq

    buffer = io.BytesIO()
    pq.write_table(_arrow(table, zoned), buffer, compression="zstd")
    return buffer.getvalue()


def csv_of(table: Table, *, zoned: Collection[str] = ()) -> bytes:
    """The rows as CSV in UTF-8 with a header; a missing cell is empty.

    Args:
        zoned: Dates that are moments in UTC.
    """
    import pyarrow.csv

    buffer = io.BytesIO()
    pyarrow.csv.write_csv(_arrow(table, zoned), buffer)
    return buffer.getvalue()


def write_csv(table: Table, path: Path) -> None:
    path.write_bytes(csv_of(table))


def read_csv_as(path: Path, columns: Sequence[Column]) -> Table:
    """The rows of a CSV file with the columns of another table, over dictionaries of their own.

    Raises:
        InputError: The file is no table, lacks a column, or has values of another kind.
    """
    file = read_table(path, what="written", name=path.name)
    united = []
    for column in columns:
        decided = decide(column.name, [file], column.kind)
        raise_all(decided.problems)
        united.append(unite(column.name, [file], decided))
    return table_of(file, united)


def _arrow(table: Table, zoned: Collection[str]) -> Any:
    import pyarrow as pa

    arrays = [_array(column, table.codes[:, at], column.name in zoned) for at, column in enumerate(table.columns)]
    return pa.Table.from_arrays(arrays, names=list(table.names))


def _array(column: Column, codes: np.ndarray, zoned: bool) -> Any:
    """One column: int64, float64, date32, timestamp or string."""
    import pyarrow as pa

    if not column.numeric:
        values = pa.array(column.values.tolist(), pa.string())
    elif column.kind == "integer":
        values = pa.array(column.values.astype(np.int64))
    elif column.kind == "number":
        values = pa.array(column.values.astype(np.float64))
    elif not zoned and (column.values == np.round(column.values.astype(np.float64))).all():
        values = pa.array(column.values.astype(np.int32)).cast(pa.date32())
    else:
        moments = np.round(column.values.astype(np.float64) * _MICROSECONDS_A_DAY).astype(np.int64)
        values = pa.array(moments).cast(pa.timestamp("us", "UTC" if zoned else None))
    return values.take(pa.array(codes, mask=codes == MISSING))
