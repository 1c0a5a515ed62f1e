"""Files to columns of text, so that every format gives the same; every refusal names file, column and row.

No reader guesses a type here: what a column is, is decided later, over all files together.
"""

import hashlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from audit_core.errors import InputError, Problem, raise_all
from audit_core.reading.csv_files import csv_columns
from audit_core.reading.file_kinds import format_of
from audit_core.reading.jsonl_files import jsonl_columns
from audit_core.reading.parquet_files import parquet_columns
from audit_core.reading.paths import MAX_COLUMNS, read_file
from audit_core.reading.places import place
from audit_core.redact import display
from audit_core.tables import MISSING, Codes

MAX_CELL_BYTES = 1 << 20
MAX_CELLS = 10**9


@dataclass(frozen=True, slots=True, kw_only=True)
class TextColumn:
    """One column of one file.

    Attributes:
        texts: An Arrow array of the distinct texts that occur, missing ones left out, in no particular order.
        codes: For each row, the position of its text in `texts`, or `MISSING`; shape `(n_rows,)`.
    """

    name: str
    texts: Any
    codes: Codes

    def first_row(self, wrong: NDArray[np.bool_]) -> tuple[int, int]:
        """The number of the first row whose text is a wrong one, and how many such rows there are.

        Args:
            wrong: For each of `texts`; shape `(n_texts,)`.
        """
        rows = np.flatnonzero(np.append(wrong, False)[self.codes])
        return int(rows[0]) + 1, len(rows)


@dataclass(frozen=True, slots=True, kw_only=True)
class TextTable:
    """One file, read.

    Attributes:
        label: What to call it in a message, e.g. "members file train.csv".
        name: The file's base name, as the user wrote it.
        digest: "sha256:" and the hex digest of the bytes that were read.
    """

    label: str
    name: str
    digest: str
    n_rows: int
    columns: dict[str, TextColumn]


def read_table(
    path: Path,
    *,
    what: str,
    name: str,
    nulls: Collection[str] = ("",),
    encoding: str = "utf-8",
    delimiter: str = "",
    columns: Collection[str] | None = None,
) -> TextTable:
    """Reads a CSV, Parquet or JSON lines file.

    Args:
        path: With links followed, see `audit_core.paths`.
        what: "release", "members" or "non-members", for messages.
        name: The base name, as the user wrote it.
        nulls: Cells with exactly one of these texts are missing.
        encoding: Of a CSV or JSON lines file.
        delimiter: Of a CSV file, one character; empty means the tabulator for .tsv and the comma otherwise.
        columns: Only these are read, as far as the file has them, and the others may hold what no table holds; all if
            None.

    Raises:
        InputError: The file is not a table of at least one row that can be read without doubt.
    """
    label = f"{what} file {display(name)}"
    data = read_file(path, label)
    digest = f"sha256:{hashlib.sha256(data).hexdigest()}"
    form = format_of(name, data, label)
    if form == "parquet":
        names, n_rows, read = parquet_columns(data, label, columns)
    elif form == "jsonl":
        names, n_rows, read = jsonl_columns(data, label, encoding=encoding, columns=columns)
    else:
        delimiter = delimiter or ("\t" if name.lower().endswith((".tsv", ".tab")) else ",")
        names, n_rows, read = csv_columns(data, label, encoding=encoding, delimiter=delimiter)
    del data
    _check_size(n_rows, len(names), label)
    _check_names(names, label)
    found = {}
    problems = []
    for column, (texts, codes) in zip(names, read, strict=True):
        if columns is not None and column not in columns:
            continue
        found[column] = _compact(column, texts, codes, nulls)
        problems.extend(_cell_problems(found[column], label))
    raise_all(problems)
    return TextTable(label=label, name=name, digest=digest, n_rows=n_rows, columns=found)


def rows_of(file: TextTable, rows: NDArray[np.bool_], label: str) -> TextTable:
    """Some rows of a file, in the file's order.

    Args:
        rows: Which; shape `(n_rows,)`.
        label: What to call them in a message, whose row numbers then count within them.
    """
    columns = {
        name: _compact(name, column.texts, column.codes[rows], frozenset()) for name, column in file.columns.items()
    }
    return replace(file, label=label, n_rows=int(rows.sum()), columns=columns)


def _compact(name: str, texts: Any, codes: Codes, nulls: Collection[str]) -> TextColumn:
    """The column over only those texts that occur and are not missing."""
    import pyarrow as pa
    import pyarrow.compute as pc

    missing = pc.or_(texts.is_null(), pc.is_in(texts, value_set=pa.array(sorted(nulls), pa.string())))
    occurs = np.zeros(len(texts) + 1, dtype=bool)  # the last place is the missing cell's
    occurs[codes] = True
    keep = occurs[:-1] & ~missing.to_numpy(zero_copy_only=False)
    if not keep.all():
        renumbered = np.append(np.where(keep, np.cumsum(keep) - 1, MISSING), MISSING).astype(np.int32)
        texts, codes = texts.filter(pa.array(keep)), renumbered[codes]
    return TextColumn(name=name, texts=texts, codes=codes)


def _check_size(n_rows: int, n_columns: int, label: str) -> None:
    if n_rows == 0:
        raise InputError(
            Problem(code="no-rows", what="there are no rows", where=label, fix="Check how the file was written")
        )
    if n_columns > MAX_COLUMNS or n_rows * n_columns > MAX_CELLS:
        what = f"{n_rows:,} rows of {n_columns:,} columns; the most are {MAX_COLUMNS:,} columns, {MAX_CELLS:,} cells"
        fix = "Audit a random sample of the rows, or fewer columns"
        raise InputError(Problem(code="file-too-large", what=what, where=label, fix=fix))


def _check_names(names: Sequence[str], label: str) -> None:
    """The header's names; by position, because a table without a header has values there."""
    problems = []
    first: dict[str, int] = {}
    for position, name in enumerate(names, start=1):
        if not name.strip():
            what = f"column {position} has no name"
            fix = "Give it a name, or leave it out if it only numbers the rows"
            problems.append(Problem(code="column-without-name", what=what, where=label, fix=fix))
        elif "\0" in name:
            what = f"the name of column {position} holds a NUL byte"
            problems.append(Problem(code="nul-byte", what=what, where=label, fix="Write the file again"))
        elif name in first:
            what = f"columns {first[name]} and {position} have the same name"
            fix = "Give each column a name of its own; is the header row missing?"
            problems.append(Problem(code="column-names-repeated", what=what, where=label, fix=fix))
        first.setdefault(name, position)
    raise_all(problems)


def _cell_problems(column: TextColumn, label: str) -> list[Problem]:
    import pyarrow.compute as pc

    problems = []
    for code, wrong, what, fix in (
        (
            "nul-byte",
            pc.match_substring(column.texts, "\0"),
            "a cell holds a NUL byte",
            "Write the file again; programs cut text at such a byte",
        ),
        (
            "cell-too-long",
            pc.greater(pc.binary_length(column.texts), MAX_CELL_BYTES),
            f"a cell has more than {MAX_CELL_BYTES:,} bytes",
            "Leave the column out, or check the quotes",
        ),
    ):
        if pc.any(wrong).as_py():
            row, _ = column.first_row(wrong.to_numpy(zero_copy_only=False))
            problems.append(Problem(code=code, what=what, where=place(label, column.name, row), fix=fix))
    return problems
