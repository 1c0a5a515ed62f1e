"""What a file really is, from its first bytes; and which encoding a text probably has."""

import codecs
import json
import re
from pathlib import PurePath
from typing import Literal

from audit_core.errors import InputError, Problem

Format = Literal["csv", "parquet", "jsonl"]

BOM = b"\xef\xbb\xbf"

_CSV_ENDINGS = {".csv", ".tsv", ".tab", ".txt", ".data"}
_PARQUET_ENDINGS = {".parquet", ".pq", ".parq"}
_JSON_ENDINGS = {".jsonl", ".ndjson", ".json"}

_MAGIC = (
    (b"PAR1", "Parquet"),
    (b"PARE", "encrypted Parquet"),
    (b"PK\x03\x04", "a zip archive or an Excel workbook"),
    (b"\x1f\x8b", "gzip"),
    (b"BZh", "bzip2"),
    (b"\xfd7zXZ\x00", "xz"),
    (b"\x28\xb5\x2f\xfd", "zstd"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old Excel workbook"),
    (b"ARROW1", "an Arrow file"),
    (b"FEA1", "a Feather file"),
    (b"Obj\x01", "Avro"),
    (b"ORC", "ORC"),
    (b"SQLite format 3\x00", "an SQLite database"),
    (b"%PDF-", "PDF"),
)

_BINARY = re.compile(rb"[\x00-\x08\x0e-\x1f\x80-\xff]")

_HTML = (b"<!doctype html", b"<html", b"<head", b"<body", b"<?xml")

_UTF_16_NULS = 0.3
"""Latin text in UTF-16 has a NUL in every second place; text in other scripts still has its delimiters so."""


def format_of(name: str, data: bytes, where: str) -> Format:
    """Whether the file is CSV, Parquet or JSON lines; by its first bytes, which must not contradict its name.

    Raises:
        InputError: It is empty, a Git LFS pointer, a web page, or none of the three.
    """
    if not data.removeprefix(BOM):
        raise _problem("file-empty", "the file is empty", where, "Check how it was written")
    if data.startswith(b"version https://git-lfs.github.com/spec/"):
        raise _problem("lfs-pointer", "this is a Git LFS pointer, not the data", where, "Run `git lfs pull`")
    if data[:512].removeprefix(BOM).lstrip().lower().startswith(_HTML):
        what = "this is a web page (HTML), perhaps an error message"
        raise _problem("html-page", what, where, "Download the file again and look at it")
    found = next((title for magic, title in _MAGIC if data.startswith(magic)), None)
    ending = PurePath(name).suffix.lower()
    if found is not None and ending not in _PARQUET_ENDINGS and not _BINARY.search(data[:4096]):
        found = None  # a column may well be called PAR1 or ORCID
    if found == "Parquet" and ending not in _CSV_ENDINGS | _JSON_ENDINGS:
        return "parquet"
    if found is not None:
        fix = "Rename it to .parquet" if found == "Parquet" else "Convert it to CSV, Parquet or JSON lines"
        raise _problem("wrong-format", f"the content is {found}", where, fix)
    if ending in _PARQUET_ENDINGS:
        raise _problem("wrong-format", "the content is not Parquet", where, "If it is CSV, rename it to .csv")
    if ending in _JSON_ENDINGS:
        if data[:512].removeprefix(BOM).lstrip().startswith(b"["):
            raise _problem("wrong-format", "the content is one JSON list", where, "Write one JSON object on each line")
        return "jsonl"
    if not _starts_with_an_object(data):
        return "csv"
    if ending in _CSV_ENDINGS:
        raise _problem("wrong-format", "the content is JSON lines", where, "Rename it to .jsonl")
    return "jsonl"


def _starts_with_an_object(data: bytes) -> bool:
    """Whether the first line that is not blank is a JSON object with something in it."""
    if not data[:512].removeprefix(BOM).lstrip().startswith(b"{"):
        return False
    start = data.index(b"{")
    end = data.find(b"\n", start)
    try:
        return bool(json.loads(data[start : end if end >= 0 else len(data)]))
    except (ValueError, RecursionError):
        return False


def utf_8(data: bytes, encoding: str, where: str) -> bytes:
    """A text file's bytes in UTF-8, as they are where that is their encoding already.

    Args:
        encoding: As declared; a name that Python knows.

    Raises:
        InputError: The bytes are not in that encoding. The message names the line, and a likely encoding.
    """
    if codecs.lookup(encoding).name not in ("utf-8", "utf-8-sig"):
        try:
            return data.decode(encoding).encode()
        except (UnicodeError, ValueError):
            guess = _likely_encoding(data)
            fix = f"It may be {guess}: set `encoding: {guess}`" if guess else "Check the key `encoding`"
            raise _problem("wrong-encoding", f"the text is not {encoding}", where, fix) from None
    wide = _utf_16(data[:4096])
    bad = len(data) if wide else _first_bad_byte(data)
    if wide is None and bad is None:
        return data
    guess = wide or _likely_encoding(data)
    line = data.count(b"\n", 0, bad) + 1
    place = where if wide else f"{where}, line {line:,}"
    fix = (
        f"It is probably {guess}: set `encoding: {guess}` in the recipe or --encoding {guess}, or save it as UTF-8"
        if guess
        else "Save it as UTF-8"
    )
    raise _problem("wrong-encoding", "the text is not UTF-8", place, fix)


def _utf_16(head: bytes) -> str | None:
    if head.startswith((b"\xff\xfe\x00\x00", b"\x00\x00\xfe\xff")):
        return "utf-32"
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    pairs = len(head) // 2
    for first, name in ((0, "utf-16-be"), (1, "utf-16-le")):
        if pairs and head[first::2].count(0) > _UTF_16_NULS * pairs and head[1 - first :: 2].count(0) == 0:
            return name
    return None


def _first_bad_byte(data: bytes) -> int | None:
    """Where UTF-8 ends; piece by piece, so that no second copy of a large file is made."""
    position, piece = 0, 1 << 22
    while position < len(data):
        end = min(position + piece, len(data))
        while end < len(data) and data[end] & 0xC0 == 0x80 and end - position > piece - 4:
            end -= 1  # do not cut a character in two
        try:
            data[position:end].decode("utf-8")
        except UnicodeDecodeError as error:
            return position + error.start
        position = end
    return None


def _likely_encoding(data: bytes) -> str | None:
    """The first encoding that fits the whole text; a Japanese one only if most of what it adds is Japanese."""
    if wide := _utf_16(data[:4096]):
        return wide
    for name in ("utf-8", "euc_jp", "cp932", "cp1252"):
        try:
            text = data.decode(name)
        except UnicodeDecodeError:
            continue
        beyond = [character for character in text[:200_000] if character > "\x7f"]
        japanese = sum("\u3000" <= character <= "\u9fff" or character >= "\uff00" for character in beyond)
        if name in ("utf-8", "cp1252") or 2 * japanese > len(beyond):
            return name
    return None


def _problem(code: str, what: str, where: str, fix: str) -> InputError:
    return InputError(Problem(code=code, what=what, where=where, fix=fix))
