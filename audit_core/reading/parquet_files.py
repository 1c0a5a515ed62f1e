"""Parquet: every column as the text that a CSV file would hold."""

from collections.abc import Collection
from typing import Any

import numpy as np

from audit_core.errors import InputError, Problem, raise_all
from audit_core.reading.paths import MAX_FILE_BYTES
from audit_core.reading.places import place
from audit_core.tables import MISSING, Codes


def parquet_columns(
    data: bytes, label: str, columns: Collection[str] | None = None
) -> tuple[list[str], int, list[tuple[Any, Codes]]]:
    """The names, the number of rows, and for each column its distinct texts and a code for each row.

    Args:
        columns: Only these are read; all if None.

    Raises:
        InputError: The file is damaged, too large once unpacked, or has columns that are not plain values.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        file = pq.ParquetFile(pa.BufferReader(data))
        schema = file.schema_arrow
        unpacked = sum(file.metadata.row_group(i).total_byte_size for i in range(file.metadata.num_row_groups))
    except (pa.ArrowException, OSError):
        raise InputError(_damaged(label)) from None
    if unpacked > MAX_FILE_BYTES:
        what = f"unpacked it has {unpacked:,} bytes, more than {MAX_FILE_BYTES:,}"
        fix = "Audit a random sample of the rows"
        raise InputError(Problem(code="file-too-large", what=what, where=label, fix=fix))
    wanted = [position for position, name in enumerate(schema.names) if columns is None or name in columns]
    raise_all(
        [
            Problem(
                code="column-not-plain",
                what="the column holds lists, structures or bytes, not single values",
                where=place(label, field.name),
                fix="Make it text, numbers or dates, or leave it out",
            )
            for field in map(schema.field, wanted)
            if not _plain(field.type)
        ]
    )
    words = [field.name for field in schema if pa.types.is_string(field.type) or pa.types.is_large_string(field.type)]
    try:
        table = pq.ParquetFile(pa.BufferReader(data), read_dictionary=words).read()
        read = [_as_texts(table.column(position)) for position in wanted]
    except (pa.ArrowException, OSError):
        raise InputError(_damaged(label)) from None
    return [schema.names[position] for position in wanted], table.num_rows, read


def _damaged(label: str) -> Problem:
    what = "the file is damaged or cut short"
    return Problem(code="parquet-damaged", what=what, where=label, fix="Copy or write the file again")


def _plain(kind: Any) -> bool:
    import pyarrow as pa

    types = pa.types
    if types.is_dictionary(kind):
        return _plain(kind.value_type)
    return any(
        test(kind)
        for test in (
            types.is_null,
            types.is_boolean,
            types.is_integer,
            types.is_floating,
            types.is_decimal,
            types.is_string,
            types.is_large_string,
            types.is_string_view,
            types.is_date,
            types.is_time,
            types.is_timestamp,
        )
    )


def _as_texts(column: Any) -> tuple[Any, Codes]:
    """Distinct texts and codes. Each distinct value is turned into text once, however many rows have it."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if pa.types.is_null(column.type):
        return pa.array([], pa.string()), np.full(len(column), MISSING, dtype=np.int32)
    if not pa.types.is_dictionary(column.type):
        column = column.dictionary_encode()
    chunks = column.unify_dictionaries().chunks
    if not chunks:
        return pa.array([], pa.string()), np.zeros(0, dtype=np.int32)
    indices = [pc.fill_null(chunk.indices.cast(pa.int32()), MISSING).to_numpy() for chunk in chunks]
    return _text_of(chunks[0].dictionary), np.concatenate(indices)


def _text_of(values: Any) -> Any:
    import pyarrow as pa
    import pyarrow.compute as pc

    kind = values.type
    if pa.types.is_floating(kind):
        if pa.types.is_float16(kind):
            values = values.cast(pa.float32())
        values = pc.if_else(pc.is_nan(values), pa.scalar(None, values.type), values)
    elif pa.types.is_timestamp(kind) or pa.types.is_time(kind):
        if pa.types.is_timestamp(kind) and kind.tz is not None:
            values = values.cast(pa.timestamp(kind.unit, "UTC"))
        # Seconds have as many places as the unit has; a CSV file has as many as are needed.
        return pc.replace_substring_regex(values.cast(pa.string()), r"(?:(\.\d*[1-9])|\.)0+(Z?)$", r"\1\2")
    texts = values.cast(pa.string())
    texts.validate(full=True)  # text in a Parquet file need not be UTF-8
    return texts
