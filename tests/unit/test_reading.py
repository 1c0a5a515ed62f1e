"""Reading files: what can be read without doubt gives the same text in each format, all else is refused."""

import csv
import datetime
import decimal
import errno
import gzip
import io
import json
import os
import struct
import tempfile
import zipfile
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import event, example, given, settings
from hypothesis import strategies as st

from audit_core.errors import InputError
from audit_core.reading import csv_files
from audit_core.reading import files as reading
from audit_core.reading.file_kinds import format_of, utf_8
from audit_core.reading.files import TextTable, read_table
from audit_core.reading.paths import file_digest, read_file, resolve

unhurried = settings(deadline=None)

CANARY = "Kanarie7731"
"""Stands in cells of files that are refused; no message may repeat it."""


def read(path: Path, **options: Any) -> TextTable:
    return read_table(path, what="members", name=path.name, **options)


def cells(table: TextTable) -> dict[str, list[str | None]]:
    result: dict[str, list[str | None]] = {}
    for name, column in table.columns.items():
        texts = [*column.texts.to_pylist(), None]
        result[name] = [texts[code] for code in column.codes]
    return result


def parquet_bytes(table: pa.Table, **options: Any) -> bytes:
    sink = io.BytesIO()
    pq.write_table(table, sink, **options)
    return sink.getvalue()


def zipped() -> bytes:
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w") as archive:
        archive.writestr("xl/workbook.xml", CANARY)
    return sink.getvalue()


PARQUET = parquet_bytes(pa.table({"a": [CANARY, "b"], "b": [1, 2]}))
JAPANESE = f"氏名,年齢\n山田太郎{CANARY},39\n鈴木花子,41\n"
FRENCH = f"prénom,âge\nRené {CANARY},39\nZoé,41\n"


@pytest.mark.parametrize(
    ("name", "data", "code", "said"),
    [
        ("m.csv", b"", "file-empty", "empty"),
        ("m.csv", b"\xef\xbb\xbf", "file-empty", "empty"),
        ("m.csv", b"\n\r\n\n", "file-empty", "no header"),
        ("m.csv", b"a,b\n", "no-rows", "no rows"),
        ("m.csv", b"a,b", "no-rows", "no rows"),
        ("m.parquet", parquet_bytes(pa.table({"a": pa.array([], pa.int64())})), "no-rows", "no rows"),
        ("m.csv", b"version https://git-lfs.github.com/spec/v1\noid sha256:1\nsize 3\n", "lfs-pointer", "git lfs pull"),
        ("m.parquet", b"version https://git-lfs.github.com/spec/v1\noid sha256:1\n", "lfs-pointer", "git lfs pull"),
        ("m.csv", f"\n <!DOCTYPE html>\n<html>{CANARY}".encode(), "html-page", "HTML"),
        ("m.csv", PARQUET, "wrong-format", "Rename it to .parquet"),
        ("m.csv", zipped(), "wrong-format", "zip"),
        ("m.xlsx", zipped(), "wrong-format", "Excel"),
        ("m.csv.gz", gzip.compress(b"a,b\n1,2\n", mtime=0), "wrong-format", "gzip"),
        ("m.parquet", b"a,b\n1,2\n", "wrong-format", "not Parquet"),
        ("m.parquet", gzip.compress(PARQUET), "wrong-format", "gzip"),
        ("m.parquet", PARQUET[:-7], "parquet-damaged", "cut short"),
        ("m.parquet", PARQUET[:4] + PARQUET[40:], "parquet-damaged", "cut short"),
        ("m.parquet", PARQUET[:20], "parquet-damaged", "cut short"),
        ("m.csv", f"a;b\n{CANARY};2\n".encode(), "wrong-delimiter", 'delimiter: ";"'),
        ("m.csv", f"a\tb\n{CANARY}\t2\n".encode(), "wrong-delimiter", 'delimiter: "\\t"'),
        ("m.csv", f"a;b;c\n1,5;{CANARY},5;3\n".encode(), "wrong-delimiter", "2 times"),
        ("m.tsv", f"a,b\n{CANARY},2\n".encode(), "wrong-delimiter", 'delimiter: ","'),
        ("m.csv", JAPANESE.encode("cp932"), "wrong-encoding", "encoding: cp932"),
        ("m.csv", JAPANESE.encode("euc_jp"), "wrong-encoding", "encoding: euc_jp"),
        ("m.csv", JAPANESE.encode("utf-16"), "wrong-encoding", "encoding: utf-16"),
        ("m.csv", FRENCH.encode("utf-16-le"), "wrong-encoding", "encoding: utf-16-le"),
        ("m.csv", FRENCH.encode("utf-32"), "wrong-encoding", "encoding: utf-32"),
        ("m.csv", FRENCH.encode("cp1252"), "wrong-encoding", "encoding: cp1252"),
        ("m.csv", b"a,b\nx,1\ny,\x81\x8d\xff\n", "wrong-encoding", "line 3"),
        ("m.csv", f"a,b\n1,2\n{CANARY}\n3,4\n".encode(), "ragged-row", "row 2: 1 cells where the header has 2"),
        ("m.csv", f"a,b\n1,2\n\n{CANARY},4,5\n3\n".encode(), "ragged-row", "row 2: 3 cells"),
        (
            "m.csv",
            f'a,b\n"1\n1",2\n{CANARY}\n3\n'.encode(),
            "ragged-row",
            "row 2: 1 cells where the header has 2; 1 more",
        ),
        ("m.csv", f'a,b\n1,2\n3,"{CANARY}\n'.encode(), "quote-open", "row 2"),
        ("m.csv", f'a,b\n1,2\n"3,{CANARY}\n4,5\n'.encode(), "quote-open", "row 2"),
        ("m.csv", f'a\n1\n"{CANARY}\n4\n'.encode(), "quote-open", "row 2"),
        ("m.csv", b'a\n1\n"', "quote-open", "row 2"),
        ("m.csv", f"a,b\n1,2\n3,{CANARY}\0y\n".encode(), "nul-byte", "column 'b', row 2"),
        ("m.csv", b"a,b\0\n1,2\n", "nul-byte", "column 2"),
        ("m.parquet", parquet_bytes(pa.table({"a": ["x", f"{CANARY}\0"]})), "nul-byte", "column 'a', row 2"),
        ("m.csv", b"a,b,a\n1,2,3\n", "column-names-repeated", "columns 1 and 3"),
        (
            "m.parquet",
            parquet_bytes(pa.Table.from_arrays([pa.array([1])] * 2, ["a", "a"])),
            "column-names-repeated",
            "1 and 2",
        ),
        ("m.csv", b",a,b\n0,1,2\n", "column-without-name", "column 1"),
        ("m.csv", b"a,b, \n0,1,2\n", "column-without-name", "column 3"),
        ("m.parquet", parquet_bytes(pa.table({"a": [[1, 2]]})), "column-not-plain", "column 'a'"),
        ("m.parquet", parquet_bytes(pa.table({"a": [{"b": 1}]})), "column-not-plain", "column 'a'"),
        ("m.parquet", parquet_bytes(pa.table({"a": [b"\xff"]})), "column-not-plain", "column 'a'"),
        ("m.jsonl", b"\n \n", "no-rows", "no rows"),
        ("m.jsonl", PARQUET, "wrong-format", "Rename it to .parquet"),
        ("m.jsonl", gzip.compress(b'{"a": 1}\n', mtime=0), "wrong-format", "gzip"),
        ("m.json", f'[{{"a": "{CANARY}"}}]'.encode(), "wrong-format", "one JSON list"),
        ("m.json", f'{{\n  "a": "{CANARY}"\n}}\n'.encode(), "jsonl-unreadable", "line 1: the line is not JSON"),
        ("m.jsonl", f'{{"a": 1}}\n\n{{"a": "{CANARY}"\n'.encode(), "jsonl-unreadable", "line 3"),
        ("m.jsonl", f'{{"a": 1}}\n{{"a": 2}} {CANARY}\n'.encode(), "jsonl-unreadable", "line 2"),
        ("m.jsonl", f'{{"a": 1}}\n["{CANARY}"]\n'.encode(), "jsonl-unreadable", "line 2: the line is JSON, but no obj"),
        ("m.jsonl", f'{{"a": 1}}\n"{CANARY}"\n'.encode(), "jsonl-unreadable", "line 2"),
        ("m.jsonl", b'{"a": 1}\nnull\n', "jsonl-unreadable", "line 2"),
        ("m.jsonl", b'{"a": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", "jsonl-unreadable", "nested too deeply"),
        ("m.jsonl", f'{{"a": "\\ud800{CANARY}"}}\n'.encode(), "jsonl-unreadable", "column 'a', line 1"),
        ("m.jsonl", f'{{"\\ud800{CANARY}": 1}}\n'.encode(), "jsonl-unreadable", "a key holds half"),
        ("m.jsonl", f'{{"a": 1}}\n{{"a": 1, "b": 2, "a": "{CANARY}"}}'.encode(), "jsonl-key-repeated", "position 3"),
        ("m.jsonl", b'{"a": 1}\n{"a": NaN}\n', "jsonl-not-a-number", "line 2"),
        ("m.jsonl", b'{"a": -Infinity}\n', "jsonl-not-a-number", "line 1"),
        ("m.jsonl", f'{{"a": 1}}\n{{"a": ["{CANARY}"]}}'.encode(), "column-not-plain", "column 'a', line 2"),
        ("m.jsonl", f'{{"a": {{"b": "{CANARY}"}}}}'.encode(), "column-not-plain", "column 'a', line 1"),
        ("m.jsonl", f'{{"a": "{CANARY}\\u0000"}}'.encode(), "nul-byte", "column 'a', row 1"),
        ("m.jsonl", f'{{" ": "{CANARY}"}}'.encode(), "column-without-name", "column 1"),
        ("m.jsonl", f'{{"a": "é{CANARY}"}}'.encode("cp1252"), "wrong-encoding", "line 1"),
        ("m.jsonl", f'{{"a": "{CANARY}"}}'.encode("utf-16"), "wrong-encoding", "utf-16"),
        ("m.csv", f'{{"a": "{CANARY}", "b": 2}}\n'.encode(), "wrong-format", "Rename it to .jsonl"),
    ],
)
def test_refused_with_file_place_and_remedy_but_no_value(
    tmp_path: Path, name: str, data: bytes, code: str, said: str
) -> None:
    path = tmp_path / name
    path.write_bytes(data)
    with pytest.raises(InputError) as caught:
        read(path)
    message = str(caught.value)
    assert [problem.code for problem in caught.value.problems] == [code]
    assert caught.value.exit_code == 2
    assert said in message
    assert f"members file {name}" in message
    assert caught.value.problems[0].fix
    assert CANARY not in message
    assert str(tmp_path) not in message


def test_text_in_parquet_that_is_not_utf_8_is_refused(tmp_path: Path) -> None:
    broken = pa.StringArray.from_buffers(2, pa.py_buffer(struct.pack("<3i", 0, 1, 3)), pa.py_buffer(b"a\xff\xfe"))
    (tmp_path / "m.parquet").write_bytes(parquet_bytes(pa.table({"a": broken})))
    with pytest.raises(InputError) as caught:
        read(tmp_path / "m.parquet")
    assert caught.value.problems[0].code == "parquet-damaged"


def test_a_cell_beyond_the_cap_is_refused_by_row(tmp_path: Path) -> None:
    (tmp_path / "m.csv").write_text(f"a,b\n1,2\n3,{'x' * (reading.MAX_CELL_BYTES + 1)}\n")
    with pytest.raises(InputError) as caught:
        read(tmp_path / "m.csv")
    assert caught.value.problems[0].code == "cell-too-long"
    assert "column 'b', row 2" in str(caught.value)


def test_too_many_columns_are_refused(tmp_path: Path) -> None:
    row = ",".join(f"c{i}" for i in range(reading.MAX_COLUMNS + 1))
    (tmp_path / "m.csv").write_text(f"{row}\n{row}\n")
    with pytest.raises(InputError) as caught:
        read(tmp_path / "m.csv")
    assert caught.value.problems[0].code == "file-too-large"


def test_parquet_that_unpacks_to_more_than_the_cap_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "m.parquet").write_bytes(parquet_bytes(pa.table({"a": ["x" * 100_000]}), compression="gzip"))
    monkeypatch.setattr("audit_core.reading.parquet_files.MAX_FILE_BYTES", 50_000)
    with pytest.raises(InputError) as caught:
        read(tmp_path / "m.parquet")
    assert caught.value.problems[0].code == "file-too-large"


def test_headers_that_look_like_magic_bytes_are_headers(tmp_path: Path) -> None:
    (tmp_path / "m.csv").write_text("PAR1,ORCID\n1,2\n")
    assert cells(read(tmp_path / "m.csv")) == {"PAR1": ["1"], "ORCID": ["2"]}


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"\xef\xbb\xbfa,b\r\n1,2\r\n", {"a": ["1"], "b": ["2"]}),
        (b'\xef\xbb\xbf"a",b\n1,2', {"a": ["1"], "b": ["2"]}),
        (b"a,b\r1,2\r", {"a": ["1"], "b": ["2"]}),
        (b'a,b\n"x\ny","p\r\nq"\n1,2\n', {"a": ["x\ny", "1"], "b": ["p\r\nq", "2"]}),
        (b'a,b\n"say ""x""",5\'6" tall\n', {"a": ['say "x"'], "b": ["5'6\" tall"]}),
        (b'a,b\n,""\n  ,NA\n', {"a": [None, "  "], "b": [None, "NA"]}),
        (b"a,b\nNone,null\nnan,N/A\n-,?\n", {"a": ["None", "nan", "-"], "b": ["null", "N/A", "?"]}),
        (b"`$x`,<script>\n=1+1,{{ 7*7 }}\n", {"`$x`": ["=1+1"], "<script>": ["{{ 7*7 }}"]}),
        ("名 前,🙂\n\u202eabc,é\n".encode(), {"名 前": ["\u202eabc"], "🙂": ["é"]}),
        (b"a,b\n01234,1e400\n\n1,2\n", {"a": ["01234", "1"], "b": ["1e400", "2"]}),
        (b"a\n1\n2\n", {"a": ["1", "2"]}),
    ],
)
def test_csv_cells_are_the_text_between_the_delimiters(
    tmp_path: Path, data: bytes, expected: dict[str, list[str | None]]
) -> None:
    (tmp_path / "m.csv").write_bytes(data)
    assert cells(read(tmp_path / "m.csv")) == expected


def test_declared_nulls_are_missing_in_both_formats(tmp_path: Path) -> None:
    (tmp_path / "m.csv").write_text("a,b\n?,x\n,NA\n")
    (tmp_path / "m.parquet").write_bytes(parquet_bytes(pa.table({"a": ["?", None], "b": ["x", "NA"]})))
    for path in (tmp_path / "m.csv", tmp_path / "m.parquet"):
        assert cells(read(path, nulls=("", "?"))) == {"a": [None, None], "b": ["x", "NA"]}


def test_declared_encoding_and_delimiter(tmp_path: Path) -> None:
    (tmp_path / "m.csv").write_bytes(JAPANESE.replace(",", ";").encode("cp932"))
    assert list(cells(read(tmp_path / "m.csv", encoding="cp932", delimiter=";"))) == ["氏名", "年齢"]
    (tmp_path / "u.csv").write_bytes(JAPANESE.encode("utf-16"))
    assert cells(read(tmp_path / "u.csv", encoding="utf-16"))["年齢"] == ["39", "41"]
    (tmp_path / "m.tsv").write_text("a\tb,c\n1\t2,3\n")
    assert cells(read(tmp_path / "m.tsv")) == {"a": ["1"], "b,c": ["2,3"]}


def test_a_wrongly_declared_encoding_is_refused_with_the_likely_one() -> None:
    with pytest.raises(InputError, match="It may be euc_jp"):
        utf_8(JAPANESE.encode("euc_jp"), "cp932", "x")


def test_a_character_on_the_border_of_two_pieces_is_no_error() -> None:
    for shift in range(4):
        data = ("x" * ((1 << 22) - shift) + "🙂" * 3).encode()
        assert utf_8(data, "utf-8", "x") is data


def test_every_parquet_type_becomes_the_text_of_a_csv_cell(tmp_path: Path) -> None:
    moment = datetime.datetime(2024, 1, 2, 3, 4, 5, 120_000)
    table = pa.table(
        {
            "bool": pa.array([True, False, None]),
            "int8": pa.array([-1, 2, None], pa.int8()),
            "uint64": pa.array([2**64 - 1, 2, None], pa.uint64()),
            "double": pa.array([0.1, float("nan"), None]),
            "float": pa.array([0.1, 2.5, None], pa.float32()),
            "half": pa.array([0.5, 2.0, None], pa.float16()),
            "large": pa.array([1e300, float("inf"), None]),
            "decimal": pa.array([decimal.Decimal("1.50"), decimal.Decimal("-3.00"), None], pa.decimal128(10, 2)),
            "date32": pa.array([datetime.date(2024, 1, 2)] * 2 + [None]),
            "date64": pa.array([datetime.date(2024, 1, 2)] * 2 + [None], pa.date64()),
            "seconds": pa.array([moment] * 2 + [None], pa.timestamp("s")),
            "nanoseconds": pa.array([moment] * 2 + [None], pa.timestamp("ns")),
            "zoned": pa.array([moment] * 2 + [None], pa.timestamp("us", "Asia/Tokyo")),
            "time": pa.array([datetime.time(1, 2, 3)] * 2 + [None], pa.time32("s")),
            "string": pa.array(["x", "", None]),
            "large_string": pa.array(["x", "y", None], pa.large_string()),
            "categories": pa.array(["x", "y", None]).dictionary_encode(),
            "coded": pa.DictionaryArray.from_arrays(pa.array([1, 1, None]), pa.array(["unused", "used"])),
            "coded_numbers": pa.DictionaryArray.from_arrays(pa.array([1, 0, None]), pa.array([7, 8])),
            "nothing": pa.nulls(3),
        }
    )
    (tmp_path / "m.parquet").write_bytes(parquet_bytes(table))
    read_back = read(tmp_path / "m.parquet")
    assert cells(read_back) == {
        "bool": ["true", "false", None],
        "int8": ["-1", "2", None],
        "uint64": ["18446744073709551615", "2", None],
        "double": ["0.1", None, None],
        "float": ["0.1", "2.5", None],
        "half": ["0.5", "2", None],
        "large": ["1e+300", "inf", None],
        "decimal": ["1.50", "-3.00", None],
        "date32": ["2024-01-02", "2024-01-02", None],
        "date64": ["2024-01-02", "2024-01-02", None],
        "seconds": ["2024-01-02 03:04:05", "2024-01-02 03:04:05", None],
        "nanoseconds": ["2024-01-02 03:04:05.12", "2024-01-02 03:04:05.12", None],
        "zoned": ["2024-01-02 03:04:05.12Z", "2024-01-02 03:04:05.12Z", None],
        "time": ["01:02:03", "01:02:03", None],
        "string": ["x", None, None],
        "large_string": ["x", "y", None],
        "categories": ["x", "y", None],
        "coded": ["used", "used", None],
        "coded_numbers": ["8", "7", None],
        "nothing": [None, None, None],
    }
    assert read_back.columns["coded"].texts.to_pylist() == ["used"]


def test_many_row_groups_and_names_with_dots_read_as_one_table(tmp_path: Path) -> None:
    words = [f"w{i % 7}" for i in range(1000)]
    table = pa.table({"a.b": words, "a": list(range(1000))})
    (tmp_path / "m.parquet").write_bytes(parquet_bytes(table, row_group_size=64))
    assert cells(read(tmp_path / "m.parquet")) == {"a.b": words, "a": [str(i) for i in range(1000)]}


def test_json_lines_give_the_text_that_a_csv_file_would(tmp_path: Path) -> None:
    lines = [
        '\ufeff{"id": 1, "note": "x, \\"y\\"", "n": 1.50}',
        "",
        '{"note": "改\\n行\\u2028\U0001f642", "flag": true, "n": 1e400, "id": 12345678901234567890}\r',
        ' {"id": null, "n": -0, "note": "", "flag": false, "extra": "null"} ',
        "\t",
    ]
    path = tmp_path / "m.jsonl"
    path.write_text("\n".join(lines), encoding="utf-8", newline="\n")
    assert cells(read(path)) == {
        "id": ["1", "12345678901234567890", None],
        "note": ['x, "y"', "改\n行\u2028\U0001f642", None],
        "n": ["1.50", "1e400", "-0"],
        "flag": [None, "true", "false"],
        "extra": [None, None, "null"],
    }
    assert cells(read(path, nulls=("null", "1")))["extra"] == [None, None, None]
    shift = tmp_path / "s.ndjson"
    shift.write_bytes('{"氏名": "山田"}\n'.encode("cp932"))
    assert cells(read(shift, encoding="cp932")) == {"氏名": ["山田"]}


def test_only_the_columns_asked_for_have_to_be_plain(tmp_path: Path) -> None:
    (tmp_path / "m.json").write_text('{"id": 1, "text": "a", "spans": [{"x": 1, "x": 2}]}\n{"text": "b", "id": 2}\n')
    nested = pa.table({"id": [1, 2], "spans": [[1], [2]], "text": ["a", "b"], "text.x": ["c", "d"]})
    (tmp_path / "m.parquet").write_bytes(parquet_bytes(nested))
    (tmp_path / "m.csv").write_text("id,text,spans\n1,a,x\n2,b,y\n")
    for name in ("m.json", "m.parquet", "m.csv"):
        table = read(tmp_path / name, columns={"text", "none"})
        assert cells(table) == {"text": ["a", "b"]}, name
        assert table.n_rows == 2
    for name in ("m.json", "m.parquet"):
        with pytest.raises(InputError, match="column-not-plain"):
            read(tmp_path / name)


def test_more_keys_than_columns_are_allowed_are_refused(tmp_path: Path) -> None:
    lines = "\n".join(f'{{"k{number}": {number}}}' for number in range(reading.MAX_COLUMNS + 1))
    (tmp_path / "m.jsonl").write_text(lines)
    with pytest.raises(InputError, match="file-too-large"):
        read(tmp_path / "m.jsonl")


@given(
    st.lists(
        st.dictionaries(
            st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=3),
            st.none() | st.booleans() | st.integers() | st.text(max_size=5),
            min_size=1,
            max_size=3,
        ),
        min_size=1,
        max_size=5,
    ),
    st.booleans(),
)
def test_what_python_writes_as_json_lines_is_read(rows: list[dict[str, Any]], ascii_only: bool) -> None:
    rows = [{name: value for name, value in row.items() if name.strip()} | {"a": "1"} for row in rows]
    words = {True: "true", False: "false"}
    names = {name: None for row in rows for name in row}
    wanted = {
        name: [words[value] if isinstance(value, bool) else str(value) if value is not None else None for value in its]
        for name in names
        for its in [[row.get(name) for row in rows]]
    }
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "m.jsonl"
        path.write_text("\n".join(json.dumps(row, ensure_ascii=ascii_only) for row in rows), "utf-8", newline="\n")
        if any("\0" in cell for column in wanted.values() for cell in column if cell):
            with pytest.raises(InputError, match="nul-byte"):
                read(path)
            return
        assert cells(read(path)) == {name: [cell or None for cell in column] for name, column in wanted.items()}


@given(st.binary(max_size=60) | st.text(st.sampled_from('{}[]":,ab1 \n\\'), max_size=60).map(str.encode))
def test_any_bytes_as_json_lines_are_read_or_refused(data: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "m.jsonl"
        path.write_bytes(data)
        try:
            event(f"read {read(path).n_rows > 0}")
        except InputError:
            event("refused")


def test_public_json_lines_are_read_by_their_text(public_data: Path) -> None:
    table = read_table(
        public_data / "phee" / "train.json", what="members", name="train.json", columns=("id", "context")
    )
    assert (table.n_rows, list(table.columns)) == (2898, ["id", "context"])


def test_a_row_across_two_blocks_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csv_files, "_BLOCK", 256)
    rows = [["a", "b"], ["x" * 1000, "1"], *([str(i), "2"] for i in range(300))]
    (tmp_path / "m.csv").write_text("\n".join(",".join(row) for row in rows))
    assert cells(read(tmp_path / "m.csv")) == {"a": [row[0] for row in rows[1:]], "b": [row[1] for row in rows[1:]]}


def test_the_digest_is_of_the_bytes(tmp_path: Path) -> None:
    path = tmp_path / "m.csv"
    path.write_bytes(b"a\n1\n")
    # printf 'a\n1\n' | sha256sum
    digest = "sha256:309b0e45a73d3fc5325e2b6ed0a01ef8b9cde6b05a5633c1f893f970d52bfddc"
    assert read(path).digest == file_digest(path, "x") == digest


def _by_python(text: str) -> tuple[list[str], list[list[str]]]:
    rows = [row for row in csv.reader(io.StringIO(text, newline="")) if row]
    return rows[0], rows[1:]


def _fuzzed(data: bytes) -> TextTable | None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "m.csv"
        path.write_bytes(data)
        try:
            return read(path)
        except InputError:
            return None


def _agree(text: str) -> bool:
    """Whether the text was read; then it is what Python reads, or this fails."""
    table = _fuzzed(text.encode())
    if table is not None:
        names, rows = _by_python(text)
        assert list(table.columns) == names
        assert list(zip(*cells(table).values(), strict=True)) == [tuple(cell or None for cell in row) for row in rows]
    return table is not None


@unhurried
@given(st.text(st.sampled_from('ab",\n\r\0é ;\u2028'), max_size=40))
@example('a,b\n1,"x"y"z,t"\n')
@example('a"b,c\n"1"2,3')
@example('"a\u2028",b\n1,2\n')
@example('a,b\n1,2\r\r\n"",\n')
def test_any_text_reads_as_python_reads_it_or_is_refused(text: str) -> None:
    _agree(text)


FRAGMENTS = [
    "a",
    '"a"',
    '""',
    '"a""b"',
    '"a\nb"',
    '"\r\n"',
    '"a,b"',
    '"a"b',
    '"a"b"c',
    'a"b',
    ' "a"',
    "",
    "é",
    "\u2028",
]


@st.composite
def nearly_csv(draw: st.DrawFn) -> str:
    """Rows of equal length, mostly, with quotes where they may and may not be."""
    width = draw(st.integers(1, 3))
    lines = [",".join(f"c{i}" for i in range(width))]
    for _ in range(draw(st.integers(1, 5))):
        lines.append(",".join(draw(st.lists(st.sampled_from(FRAGMENTS), min_size=width, max_size=width))))
    ends = draw(st.lists(st.sampled_from(["\n", "\r\n", "\r", "\n\n"]), min_size=len(lines), max_size=len(lines)))
    text = "".join(line + end for line, end in zip(lines, ends, strict=True))
    return text + draw(st.sampled_from(["", "", "", '"', "a"]))


@settings(deadline=None, max_examples=200)
@given(nearly_csv())
def test_odd_quotes_read_as_python_reads_them_or_are_refused(text: str) -> None:
    event("read" if _agree(text) else "refused")


@unhurried
@given(st.integers(1, 4).flatmap(lambda n: st.lists(st.lists(st.text(max_size=6), min_size=n, max_size=n), min_size=1)))
def test_what_python_writes_is_read(rows: list[list[str]]) -> None:
    rows = [[cell.replace("\0", "0") for cell in row] for row in rows if row != [""]] or [["x"]]
    header = [f"c{i}" for i in range(len(rows[0]))]
    sink = io.StringIO(newline="")
    csv.writer(sink).writerows([header, *rows])
    try:
        data = sink.getvalue().encode()
    except UnicodeEncodeError:
        return
    table = _fuzzed(data)
    if table is None:  # one column of cells full of delimiters looks like another delimiter
        assert len(header) == 1
        return
    assert list(zip(*cells(table).values(), strict=True)) == [tuple(cell or None for cell in row) for row in rows]


@unhurried
@given(st.integers(0, len(PARQUET)), st.binary(max_size=4))
def test_a_damaged_parquet_file_never_shows_its_inside(position: int, damage: bytes) -> None:
    data = PARQUET[:position] + damage + PARQUET[position + len(damage) + 1 :]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "m.parquet"
        path.write_bytes(data)
        said = ""
        try:
            read(path)
        except InputError as error:
            said = str(error)
    assert CANARY not in said


# Paths


def test_missing_files_folders_pipes_and_devices_are_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.csv")
    for path, code in [
        (tmp_path / "none.csv", "file-missing"),
        (tmp_path / "none" / "x.csv", "file-missing"),
        (tmp_path / ("x" * 300), "file-missing"),
        (tmp_path, "file-not-regular"),
        (tmp_path / "pipe.csv", "file-not-regular"),
        (Path("/dev/null"), "file-not-regular"),
    ]:
        with pytest.raises(InputError) as caught:
            read_file(path, "members")
        assert [problem.code for problem in caught.value.problems] == [code]


def test_a_link_put_in_place_of_a_checked_file_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "real.csv").write_text("a\n1\n")
    (tmp_path / "link.csv").symlink_to(tmp_path / "real.csv")
    with pytest.raises(InputError, match="file-unreadable"):
        read_file(tmp_path / "link.csv", "members")


def test_a_file_that_may_not_be_read_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path, flags: int) -> int:
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    monkeypatch.setattr(os, "open", refuse)  # the user who runs the tests may be allowed everything
    with pytest.raises(InputError, match="file-unreadable") as caught:
        read_file(tmp_path / "m.csv", "members")
    assert str(tmp_path) not in str(caught.value)


def test_a_file_beyond_the_cap_is_refused_unread(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "m.csv").write_text("a\n1\n")
    monkeypatch.setattr("audit_core.reading.paths.MAX_FILE_BYTES", 3)
    with pytest.raises(InputError, match="file-too-large"):
        read_file(tmp_path / "m.csv", "members")


def test_paths_stay_inside_unless_allowed(tmp_path: Path) -> None:
    home = tmp_path / "home"
    (home / "data dir").mkdir(parents=True)
    outside, inside = tmp_path / "out.csv", home / "data dir" / "患者.csv"
    outside.write_text("a\n1\n")
    inside.write_text("a\n1\n")
    (home / "escape.csv").symlink_to(outside)
    (home / "escape").symlink_to(tmp_path)
    (home / "within.csv").symlink_to(inside)
    (home / "loop").symlink_to(home / "loop")
    for written in ("data dir/患者.csv", "./data dir/患者.csv", "within.csv"):
        assert resolve(written, home, where="members", allow_outside=False) == inside
    escapes = ["../out.csv", "data dir/../../out.csv", str(outside), "escape.csv", "escape/out.csv"]
    for written in escapes:
        with pytest.raises(InputError, match="path-outside") as caught:
            resolve(written, home, where="members", allow_outside=False)
        assert str(tmp_path) not in str(caught.value)
        assert resolve(written, home, where="members", allow_outside=True) == outside
    for written in ("", "~/x.csv", "~root/x.csv", "a\0b", "loop/x.csv"):
        with pytest.raises(InputError, match="path-invalid"):
            resolve(written, home, where="members", allow_outside=True)


def test_format_by_first_bytes_where_the_name_says_nothing() -> None:
    assert format_of("export", PARQUET, "x") == "parquet"
    assert format_of("export.dat", b"a,b\n1,2\n", "x") == "csv"
    assert format_of("export", b'\xef\xbb\xbf\n {"a": 1}\n{"a": 2}', "x") == "jsonl"
    assert format_of("export", b'{"a": 1}', "x") == "jsonl"
    assert format_of("m.csv", b'{"a": 1, "b"}\n', "x") == "csv"
    assert format_of("m.csv", b"{}\n1\n", "x") == "csv"
