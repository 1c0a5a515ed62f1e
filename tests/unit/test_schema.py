"""What a column is, over all files together."""

import unicodedata

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audit_core.errors import InputError
from audit_core.reading.column_sets import column_problems, unknown_columns
from audit_core.reading.files import TextColumn, TextTable
from audit_core.reading.kinds import Look, look_at, values_of
from audit_core.reading.schema import table_of, unite_all
from audit_core.tables import MISSING, Kind, Table, as_text, normal_form

unhurried = settings(deadline=None)

CANARY = "Kanarie7731"


def file_of(what: str, columns: dict[str, list[str | None]]) -> TextTable:
    found = {}
    for name, cells in columns.items():
        texts = sorted({cell for cell in cells if cell is not None}, reverse=True)
        codes = np.array([MISSING if cell is None else texts.index(cell) for cell in cells], dtype=np.int32)
        found[name] = TextColumn(name=name, texts=pa.array(texts, pa.string()), codes=codes)
    label = f"{what} file {what}.csv"
    rows = len(next(iter(columns.values())))
    return TextTable(label=label, name=f"{what}.csv", digest=what, n_rows=rows, columns=found)


def united(
    members: list[str | None],
    release: list[str | None],
    non_members: list[str | None] | None = None,
    declared: str | None = None,
    generalised: bool = False,
    identifying: bool = False,
) -> tuple[Kind, dict[str, list[str | None]]]:
    """The kind of one column, and its cells in each file, as text; only the release's where it is generalised."""
    files = [file_of("members", {"x": members}), file_of("release", {"x": release})]
    if non_members is not None:
        files.append(file_of("non-members", {"x": non_members}))
    columns, coarse = unite_all(
        files[0],
        files[1],
        files[2] if len(files) > 2 else None,
        declared={} if declared is None else {"x": declared},
        generalised=generalised,
        identifying=("x",) if identifying else (),
    )
    shown = [files[1]] if coarse else files
    tables = {file.name.removesuffix(".csv"): table_of(file, [columns["x"]]) for file in shown}
    return columns["x"].column.kind, {name: list(table.texts("x")) for name, table in tables.items()}


def looks(*texts: str) -> Look:
    return look_at(pa.array(texts, pa.string())).look


@pytest.mark.parametrize(
    "texts",
    [
        ("0", "-0", "+7", "12", "-3"),
        ("39", "39.0", "4.", ".5"),
        ("1e5", "1E-7", "1.5e+300", "1e308"),
        ("３９", " 40 ", "４１.５", "１ｅ３", "\u300042"),
        ("9007199254740991", "-9007199254740991"),
        ("9007199254740993e0",),
    ],
)
def test_numbers(texts: tuple[str, ...]) -> None:
    assert looks(*texts) == "number"
    values, fits = values_of(pa.array(texts), "number")
    assert fits.all()
    assert values is not None
    assert values.tolist() == [float(unicodedata.normalize("NFKC", text)) for text in texts]


@pytest.mark.parametrize(
    "texts",
    [
        ("01234", "90210"),
        ("00",),
        ("-01",),
        ("1,234",),
        ("1_000",),
        ("0x1f",),
        ("12:30",),
        ("1 2",),
        ("inf",),
        ("nan", "1"),
        ("1", "-inf"),
        ("1e999",),
        ("9007199254740992",),
        ("9007199254740993.0",),
        ("123456789012345678901234567890", "1"),
        ("1", "2", "unknown"),
        ("unknown", "1", "2"),
        ("true", "false"),
        ("", " "),
        ("٣",),
        ("1\n2",),
        ("−1",),
        ("2024-02-30",),
        ("2024-13-01",),
        ("2024-1-1",),
        ("01/02/2024",),
        ("20240101T",),
        ("令和6年1月1日",),
        ("2024-01-01", "2024-01-01T00:00Z"),
        ("2024-01-01T24:00",),
        ("2024-01-01 00:00:00.1234567",),
        ("2024-01-01", "1"),
        (":", "²"),
    ],
)
def test_categories(texts: tuple[str, ...]) -> None:
    assert looks(*texts) == "category"
    assert looks(*reversed(texts)) == "category"


@pytest.mark.parametrize(
    ("text", "days"),
    [
        ("1970-01-01", 0.0),
        ("2024-01-01", 19723.0),
        ("２０２４-01-01 ", 19723.0),
        ("2024-01-01 12:00", 19723.5),
        ("2024-01-01T06:00:00", 19723.25),
        ("2024-01-01t06:00:00.000000000", 19723.25),
        ("9999-12-31", 2932896.0),
        ("0001-01-01", -719162.0),
    ],
)
def test_dates(text: str, days: float) -> None:
    seen = look_at(pa.array([text]))
    assert seen.look == "date"
    assert seen.values is not None
    assert seen.values.tolist() == [days]


def test_times_with_a_zone_are_moments() -> None:
    seen = look_at(pa.array(["2024-01-01T12:00:00Z", "2024-01-01 21:00:00+09:00", "2024-01-01T07:00-0500"]))
    assert seen.look == "zoned date"
    assert seen.values is not None
    assert seen.values.tolist() == [19723.5] * 3


def test_nothing_is_no_kind() -> None:
    assert looks() == "nothing"
    assert united([None], ["3"]) == ("integer", {"members": [None], "release": ["3"]})
    assert united([None], [None], [None])[0] == "category"


def test_which_texts_do_not_fit_is_told_exactly() -> None:
    texts = pa.array(["2024-01-01", "x", "2024-02-30", "2024-02-29", "2023-02-29", " 2024-03-01"])
    assert values_of(texts, "date")[1].tolist() == [True, False, False, True, False, True]
    assert values_of(pa.array(["1", "x", "01", " 2", "1e999"]), "number")[1].tolist() == [
        True,
        False,
        False,
        True,
        False,
    ]


def test_numbers_are_equal_by_value_and_ascend() -> None:
    kind, cells = united(["39", "4", "100"], ["39.0", "+4", "３９"], ["-1", "4.00", None])
    assert kind == "integer"
    assert cells == {"members": ["39", "4", "100"], "release": ["39", "4", "39"], "non-members": ["-1", "4", None]}
    assert united(["39", "4"], ["39.5", "4"])[0] == "number"
    assert united(["0"], ["-0.0"])[1] == {"members": ["0"], "release": ["0"]}


def test_categories_are_equal_by_exact_text_and_ascend_by_code_point() -> None:
    words: list[str | None] = ["b", "a", "A", " a", "ａ", "\U0001f642", "\uffee", "é"]
    files = [file_of("members", {"x": [*words]}), file_of("release", {"x": [*reversed(words)]})]
    columns, _ = unite_all(files[0], files[1], None, declared={}, generalised=False, identifying=())
    assert columns["x"].column.values.tolist() == sorted(word for word in words if word)
    assert united(words, words[::-1])[1] == {"members": words, "release": words[::-1]}


def test_dates_stay_dates() -> None:
    kind, cells = united(["2024-01-01", "2024-01-02"], ["2024-01-01 00:00:00", "2024-01-01T12:00"])
    assert kind == "date"
    assert cells == {"members": ["2024-01-01", "2024-01-02"], "release": ["2024-01-01", "2024-01-01T12:00:00"]}


@pytest.mark.parametrize(
    ("members", "release", "place", "said"),
    [
        (["1", "2"], ["1", None, CANARY, CANARY], "release file release.csv, column 'x', row 3", "2 of 4 values"),
        ([CANARY, "2"], ["1", "2"], "members file members.csv, column 'x', row 1", "1 of 2 values are not numbers"),
        (["01234", "90210"], ["1234", "90210"], "members file members.csv, column 'x', row 1", "not numbers"),
        (["2024-01-01"], ["2024-01-02", "1/2/24"], "release file release.csv, column 'x', row 2", "not dates"),
        (["2024-01-01"], ["45000"], "release file release.csv, column 'x', row 1", "not dates"),
        (["2024-01-01"], ["2024-01-02T00:00Z"], "release file release.csv, column 'x', row 1", "without a time zone"),
        (["1", "2"], ["true", "false"], "release file release.csv, column 'x', row 1", "2 of 2"),
    ],
)  # fmt: skip
def test_files_that_disagree_on_what_a_column_is_are_refused(
    members: list[str | None], release: list[str | None], place: str, said: str
) -> None:
    with pytest.raises(InputError) as caught:
        united(members, release)
    (problem,) = caught.value.problems
    assert problem.code == "kinds-differ"
    assert problem.where == place
    assert said in problem.what
    assert "nulls" in problem.fix
    assert CANARY not in str(caught.value)


def test_every_disagreement_is_told_at_once() -> None:
    with pytest.raises(InputError) as caught:
        united(["1"], ["x"], ["2024-01-01"])
    assert [problem.where.split()[0] for problem in caught.value.problems] == ["release", "non-members"]


def test_a_declared_category_is_compared_as_text() -> None:
    assert united(["01234", "90210"], ["1234", "90210"], declared="category") == (
        "category",
        {"members": ["01234", "90210"], "release": ["1234", "90210"]},
    )


def test_declared_numbers_may_have_leading_zeros() -> None:
    assert united(["007", "12"], ["7", "012"], declared="integer")[1] == {
        "members": ["7", "12"],
        "release": ["7", "12"],
    }
    assert united(["1", "2"], ["3", "4"], declared="number")[0] == "number"


@pytest.mark.parametrize(
    ("declared", "members", "release", "row"),
    [
        ("integer", ["1", "2"], ["3", "4", "4.5"], 3),
        ("integer", ["1", "2"], ["3", CANARY], 2),
        ("integer", ["1", "2"], ["9007199254740993"], 1),
        ("number", ["1", "2"], ["3", None, "inf", CANARY], 3),
        ("date", ["2024-01-01"], ["2024-01-01", "2024-02-30"], 2),
        ("date", ["2024-01-01T00:00Z"], ["2024-01-01"], 1),
    ],
)
def test_a_value_that_does_not_fit_its_declared_type_is_refused_by_row(
    declared: str, members: list[str | None], release: list[str | None], row: int
) -> None:
    with pytest.raises(InputError) as caught:
        united(members, release, declared=declared)
    (problem,) = caught.value.problems
    assert problem.code == "value-not-of-type"
    assert problem.where == f"release file release.csv, column 'x', row {row}"
    assert CANARY not in str(caught.value)


@pytest.mark.parametrize("declared", [None, "integer"])
def test_a_generalised_column_is_a_category_of_the_release_alone(declared: str | None) -> None:
    assert united(["21", "35"], ["20-29", "30-39"], ["40"], declared=declared, generalised=True) == (
        "category",
        {"release": ["20-29", "30-39"]},
    )


def test_generalising_excuses_the_release_only_and_only_where_it_differs() -> None:
    assert united(["21", "35"], ["21", "40"], generalised=True)[0] == "integer"
    with pytest.raises(InputError, match="non-members file"):
        united(["21", "35"], ["20-29"], ["forty"], generalised=True)
    with pytest.raises(InputError, match="non-members file"):
        united(["21", "35"], ["20-29"], ["forty"], declared="integer", generalised=True)


def test_replaced_identifiers_are_no_conflict() -> None:
    assert united(["1", "2"], ["a9", "b7"], ["3"], identifying=True)[0] == "category"
    assert united(["1", "2"], ["1.0", "9"], ["3"], identifying=True)[0] == "integer"


NUMBERS = st.integers(-(10**6), 10**6).map(str) | st.decimals(-1000, 1000, places=2, allow_nan=False).map(str)
CELL = st.none() | NUMBERS | st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=4)


@unhurried
@given(st.lists(st.lists(CELL, min_size=1), min_size=2, max_size=3))
def test_codes_say_what_the_texts_say(arms: list[list[str | None]]) -> None:
    try:
        kind, cells = united(arms[0], arms[1], arms[2] if len(arms) > 2 else None)
    except InputError as error:
        said = [problem.code for problem in error.problems]
    else:
        said = []
        for arm, name in zip(arms, ("members", "release", "non-members"), strict=False):
            if kind == "category":
                assert cells[name] == arm
            else:
                assert cells[name] == [None if c is None else as_text(float(normal_form(c)), kind) for c in arm]
    assert set(said) <= {"kinds-differ"}


# Columns


def columns(what: str, *names: str) -> TextTable:
    return file_of(what, {name: ["1"] for name in names})


def test_the_order_of_columns_is_free() -> None:
    assert column_problems(columns("release", "b", "a"), columns("members", "a", "b"), ()) == []


def test_missing_and_extra_columns_are_listed_with_suggestions() -> None:
    members = columns("members", "氏名", "age", "zip", "sex", "icd10")
    (problem,) = column_problems(columns("release", "氏名 ", "AGE", "zip", "sex", "icd_10"), members, ())
    assert problem.code == "columns-differ"
    assert problem.where == "release file release.csv"
    assert problem.what.startswith("missing: column")  # too few are the same to be sure that these are names
    members = columns("members", "氏名", "age", "zip", "sex", "icd10", "a", "b", "c")
    (problem,) = column_problems(columns("release", "氏名 ", "AGE", "zip", "sex", "icd_11", "a", "b", "c"), members, ())
    assert (
        problem.what == "missing: '氏名', 'age', 'icd10'; not in the members file members.csv: '氏名', 'AGE', 'icd_11'"
    )
    assert "'氏名' may be '氏名' (they differ in case, spaces or width)" in problem.fix
    assert "'AGE' may be 'age' (they differ in case, spaces or width)" in problem.fix
    assert "'icd_11' may be 'icd10'" in problem.fix


def test_declared_identifiers_may_be_absent() -> None:
    members = columns("members", "id", "age")
    assert column_problems(columns("release", "age"), members, {"id"}) == []
    assert column_problems(columns("release", "age"), members, ())[0].what == "missing: 'id'"
    assert column_problems(columns("release", "age", "id", "x"), members, {"id"})[0].what.endswith("members.csv: 'x'")


def test_first_rows_taken_for_headers_are_not_repeated() -> None:
    (problem,) = column_problems(columns("release", CANARY, "41"), columns("members", "Kees", "39"), ())
    assert problem.code == "columns-none-shared"
    one = columns("members", "Private", "39", "HS-grad", "Male")
    (problem,) = column_problems(columns("release", "Private", CANARY, "Bachelors", "Female"), one, ())
    two = columns("release", "Private", "41", "HS-grad", "Male")
    (other,) = column_problems(two, one, ())
    assert "column 2 of the release file" in other.what
    for said in (str(problem), str(other)):
        assert not any(value in said for value in (CANARY, "Bachelors", "Female", "39", "41"))


def test_unknown_columns_get_a_suggestion() -> None:
    tables = [columns("members", "age", "氏名"), columns("release", "age", "氏名")]
    assert unknown_columns(["age"], tables, "columns") == []
    first, second, third = unknown_columns(["ag", "氏名 ", "qqqq"], tables, "columns")
    assert first.what == "unknown column 'ag', did you mean 'age'?"
    assert second.what.endswith("did you mean '氏名'?")
    assert (third.code, third.what) == ("unknown-column", "unknown column 'qqqq': no file has it")


def test_a_table_of_no_columns_has_its_rows() -> None:
    table: Table = table_of(columns("members", "a"), [])
    assert len(table) == 1
