"""A table written to a file and read again is the same table."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest

from audit_core.errors import InputError
from audit_core.reading.files import read_table
from audit_core.table_files import parquet_of, read_csv_as, write_csv
from audit_core.tables import MISSING, Column, Table, read_only

COLUMNS = (
    Column(name="age", kind="integer", values=np.array([-3.0, 7.0, 2.0**52])),
    Column(name="weight", kind="number", values=np.array([-0.1, 1e-17, 62.5])),
    Column(name="born", kind="date", values=np.array([-1.0, 0.0, 19000.0])),
    Column(name="seen", kind="date", values=np.array([0.25, 1.5, 19000.0 + 1e-6])),
    Column(name="note", kind="category", values=np.array(['a,"b"', "line\nbreak", "関所"], dtype=object)),
)
CODES = np.array([[0, 1, 2, MISSING]] * len(COLUMNS)).T.astype(np.int32)
TABLE = Table(columns=COLUMNS, codes=read_only(CODES))


def cells(table: Table) -> list[list[object]]:
    return [table.texts(column.name).tolist() for column in COLUMNS]


def test_csv_gives_the_same_cells(tmp_path: Path) -> None:
    write_csv(TABLE, tmp_path / "t.csv")
    again = read_csv_as(tmp_path / "t.csv", COLUMNS)
    assert cells(again) == cells(TABLE)
    assert [column.kind for column in again.columns] == [column.kind for column in COLUMNS]


def test_parquet_gives_the_same_cells_in_types_that_csv_has(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    path.write_bytes(parquet_of(TABLE))
    types = pa.parquet.read_schema(path).types
    assert types == [pa.int64(), pa.float64(), pa.date32(), pa.timestamp("us"), pa.string()]
    read = read_table(path, what="release", name=path.name)
    for name, of_file in zip(read.columns, cells(TABLE), strict=True):
        column = read.columns[name]
        texts = [None if code == MISSING else column.texts[code].as_py() for code in column.codes]
        if name in ("age", "note", "born"):
            assert texts == of_file
        assert [text is None for text in texts] == [False, False, False, True]


def test_moments_in_utc_stay_moments(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    path.write_bytes(parquet_of(TABLE, zoned={"seen"}))
    assert pa.parquet.read_schema(path).field("seen").type == pa.timestamp("us", "UTC")


def test_a_file_with_values_of_another_kind_is_refused(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("age\nold\n")
    with pytest.raises(InputError, match="value-not-of-type"):
        read_csv_as(tmp_path / "t.csv", COLUMNS[:1])
