"""CSV: every cell as text, no row repaired, no row dropped but blank lines."""

import codecs
import csv
import io
import itertools
from typing import Any

import numpy as np

from audit_core.errors import InputError, Problem
from audit_core.reading.file_kinds import utf_8
from audit_core.reading.places import place
from audit_core.tables import Codes

_DELIMITERS = {",": '","', ";": '";"', "\t": '"\\t"', "|": '"|"'}
_HEAD = 1 << 20
_BLOCK = 1 << 26
_LARGEST_BLOCK = 2**31 - 1
_LAST = "end-of-file"
"""What the row that we append holds. If it is not there afterwards, an open quote has swallowed it."""


def csv_columns(
    data: bytes, label: str, *, encoding: str, delimiter: str
) -> tuple[list[str], int, list[tuple[Any, Codes]]]:
    """The names, the number of rows, and for each column its distinct texts and a code for each row.

    Raises:
        InputError: The text is in another encoding, has another delimiter, rows of unequal length or an open quote.
    """
    import pyarrow as pa

    text = utf_8(data, encoding, label)
    names = _header(text, label, delimiter)
    text = b"".join((text, b"\n", delimiter.join([_LAST] * len(names)).encode(), b"\n"))
    try:
        table = _parse(text, len(names), delimiter, pa.dictionary(pa.int32(), pa.string()))
    except (pa.ArrowException, OSError):  # its message quotes cells
        raise InputError(_what_is_wrong(text, len(names), label, delimiter)) from None
    columns = []
    for position in range(table.num_columns):
        chunks = table.column(position).unify_dictionaries().chunks
        indices = [chunk.indices.to_numpy(zero_copy_only=False) for chunk in chunks]
        columns.append((chunks[0].dictionary, np.concatenate(indices).astype(np.int32, copy=False)))
    if any(texts[int(codes[-1])].as_py() != _LAST for texts, codes in columns):
        raise InputError(_open_quote(table.num_rows - 1, label))
    if [texts[int(codes[0])].as_py() for texts, codes in columns] != names:
        what = "the header row can be read in two ways"
        raise InputError(Problem(code="csv-unreadable", what=what, where=label, fix="Put quotes around whole names"))
    return names, table.num_rows - 2, [(texts, codes[1:-1]) for texts, codes in columns]


def _parse(text: bytes, n_columns: int, delimiter: str, kind: Any, **parse_options: Any) -> Any:
    """An Arrow table with the header as its first row, because names may be repeated."""
    import pyarrow as pa
    from pyarrow import csv as arrow_csv

    def parse(block: int) -> Any:
        return arrow_csv.read_csv(
            pa.BufferReader(text),
            # One thread: only then does Arrow number the rows it objects to.
            read_options=arrow_csv.ReadOptions(
                autogenerate_column_names=True, block_size=block, use_threads=not parse_options
            ),
            parse_options=arrow_csv.ParseOptions(delimiter=delimiter, newlines_in_values=True, **parse_options),
            convert_options=arrow_csv.ConvertOptions(
                column_types={f"f{position}": kind for position in range(n_columns)},
                check_utf8=False,  # checked before
                null_values=[],
                strings_can_be_null=False,
            ),
        )

    try:
        return parse(_BLOCK)
    except pa.ArrowInvalid:
        if len(text) <= _BLOCK:
            raise
        return parse(min(len(text), _LARGEST_BLOCK))  # a row across the border of two blocks


def _header(text: bytes, label: str, delimiter: str) -> list[str]:
    """The first row that is not blank.

    Raises:
        InputError: There is none, or it has one cell and looks as if another delimiter were meant.
    """
    head = codecs.getincrementaldecoder("utf-8-sig")("replace").decode(text[:_HEAD])
    try:
        names = next((row for row in csv.reader(io.StringIO(head, newline=""), delimiter=delimiter) if row), None)
    except csv.Error:
        what = "the first row is too long for a header"
        raise InputError(
            Problem(code="csv-unreadable", what=what, where=label, fix="Check quotes and delimiters")
        ) from None
    if names is None:
        raise InputError(
            Problem(code="file-empty", what="there is no header row", where=label, fix="Check how it was written")
        )
    lines = list(itertools.islice((line for line in io.StringIO(head, newline="") if line.strip("\r\n")), 2))
    if len(names) == 1 and len(lines) == 2:
        for other, written in _DELIMITERS.items():
            if other != delimiter and lines[0].count(other) == lines[1].count(other) > 0:
                what = f"1 column found; another delimiter stands {lines[0].count(other)} times in the first two lines"
                raise InputError(
                    Problem(
                        code="wrong-delimiter",
                        what=what,
                        where=label,
                        fix=f"Set `delimiter: {written}` in the recipe, or --delimiter",
                    )
                )
    return names


def _what_is_wrong(text: bytes, n_columns: int, label: str, delimiter: str) -> Problem:
    """The first row that does not have as many cells as the header."""
    import pyarrow as pa

    ragged: list[tuple[int, int]] = []

    def note(row: Any) -> str:
        ragged.append((row.number - 1, row.actual_columns))
        return "skip"

    try:
        table = _parse(text, n_columns, delimiter, pa.binary(), invalid_row_handler=note)
    except (pa.ArrowException, OSError):
        table = None
    if not ragged or table is None:
        what = "the text is not CSV, or a row is too long"
        return Problem(code="csv-unreadable", what=what, where=label, fix="Check quotes and delimiters")
    if table.column(0)[-1].as_py() != _LAST.encode():
        return _open_quote(ragged[-1][0], label)
    row, cells = ragged[0]
    others = f"; {len(ragged) - 1:,} more such rows" if len(ragged) > 1 else ""
    what = f"{cells:,} cells where the header has {n_columns:,}{others}"
    return Problem(
        code="ragged-row", what=what, where=place(label, row=row), fix="Check quotes and delimiters in that row"
    )


def _open_quote(row: int, label: str) -> Problem:
    what = "a quote is opened and never closed"
    return Problem(code="quote-open", what=what, where=place(label, row=row), fix="Close the quote in that row")
