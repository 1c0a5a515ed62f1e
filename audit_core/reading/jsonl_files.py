"""JSON lines: an object a line, every value as the text that stands there, nothing taken for something else."""

import json
from array import array
from collections.abc import Collection
from typing import Any

import numpy as np

from audit_core.errors import InputError, Problem
from audit_core.reading.file_kinds import BOM, utf_8
from audit_core.reading.paths import MAX_COLUMNS
from audit_core.reading.places import quoted
from audit_core.tables import MISSING, Codes

_WHITE = b" \t\r"
_WORDS = {True: "true", False: "false"}


class _Object(list[tuple[str, Any]]):
    """The keys and values of an object as they stand there, repeated keys too."""


class _NotANumber(ValueError):
    """NaN or Infinity, which JSON does not have."""


def _refused(name: str) -> None:
    raise _NotANumber(name)


_DECODER = json.JSONDecoder(object_pairs_hook=_Object, parse_int=str, parse_float=str, parse_constant=_refused)


class _Found:
    """One column while it is read: a code for each row that has a value."""

    def __init__(self) -> None:
        self.texts: dict[str, int] = {}
        self.rows, self.codes = array("q"), array("i")

    def put(self, row: int, text: str) -> None:
        self.rows.append(row)
        self.codes.append(self.texts.setdefault(text, len(self.texts)))


def jsonl_columns(
    data: bytes, label: str, *, encoding: str, columns: Collection[str] | None = None
) -> tuple[list[str], int, list[tuple[Any, Codes]]]:
    """The names, the number of rows, and for each column its distinct texts and a code for each row.

    Columns come in the order in which their keys first occur. A key that a line lacks is a missing cell, as null is; a
    number is the text it is written as. Blank lines are no rows.

    Args:
        columns: Only these are read, and may be the only ones that hold single values; all if None.

    Raises:
        InputError: The text is in another encoding, or a line is not one JSON object of single values, each under a key
            of its own.
    """
    import pyarrow as pa

    found: dict[str, _Found] = {}
    row = 0
    for number, line in enumerate(utf_8(data, encoding, label).removeprefix(BOM).split(b"\n"), start=1):
        if not line.strip(_WHITE):
            continue
        for key, value in _entries(line, label, number):
            if columns is not None and key not in columns:
                continue
            column = found.get(key)
            if column is None:
                column = found[key] = _new(key, len(found), label, number)
            if value is not None:
                column.put(row, _text(value, key, label, number))
        row += 1
    result: list[tuple[Any, Codes]] = []
    for its in found.values():
        codes = np.full(row, MISSING, dtype=np.int32)
        codes[np.frombuffer(its.rows, dtype=np.int64)] = np.frombuffer(its.codes, dtype=np.int32)
        result.append((pa.array(list(its.texts), pa.string()), codes))
    return list(found), row, result


def _new(key: str, known: int, label: str, number: int) -> _Found:
    if known == MAX_COLUMNS:
        what, fix = f"more than {MAX_COLUMNS:,} different keys", "Give all lines the same keys"
        raise InputError(Problem(code="file-too-large", what=what, where=label, fix=fix))
    if not _encodable(key):
        raise InputError(_half_a_character("a key", f"{label}, line {number:,}"))
    return _Found()


def _entries(line: bytes, label: str, number: int) -> _Object:
    """The keys and values of the line's object."""
    where = f"{label}, line {number:,}"
    try:
        read = _DECODER.decode(line.decode())
    except _NotANumber:
        what, fix = "a NaN or an infinite number, which JSON does not have", "Write null where there is no value"
        raise InputError(Problem(code="jsonl-not-a-number", what=what, where=where, fix=fix)) from None
    except RecursionError:
        what, fix = "values nested too deeply", "Write single values"
        raise InputError(Problem(code="jsonl-unreadable", what=what, where=where, fix=fix)) from None
    except ValueError:  # its message quotes the line
        what, fix = "the line is not JSON", "Write one whole JSON object on each line"
        raise InputError(Problem(code="jsonl-unreadable", what=what, where=where, fix=fix)) from None
    if not isinstance(read, _Object):
        what, fix = "the line is JSON, but no object", 'Write {"column": value, ...} on each line'
        raise InputError(Problem(code="jsonl-unreadable", what=what, where=where, fix=fix))
    keys = [key for key, _ in read]
    if len(set(keys)) < len(keys):
        again = next(position for position, key in enumerate(keys) if key in keys[:position]) + 1
        what, fix = f"the key at position {again} occurs twice in the object", "Keep one of the two"
        raise InputError(Problem(code="jsonl-key-repeated", what=what, where=where, fix=fix))
    return read


def _text(value: Any, key: str, label: str, number: int) -> str:
    if isinstance(value, bool):
        return _WORDS[value]
    if isinstance(value, str) and _encodable(value):
        return value
    where = f"{label}, column {quoted(key)}, line {number:,}"
    if not isinstance(value, str):
        what, fix = "the value is a list or an object, not a single value", "Make it text or a number, or leave it out"
        raise InputError(Problem(code="column-not-plain", what=what, where=where, fix=fix))
    raise InputError(_half_a_character("a text", where))


def _encodable(text: str) -> bool:
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _half_a_character(what: str, where: str) -> Problem:
    fix = "Write the file again; a program cut a character in two"
    return Problem(code="jsonl-unreadable", what=f"{what} holds half of a surrogate pair", where=where, fix=fix)
