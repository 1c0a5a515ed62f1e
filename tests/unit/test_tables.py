"""Tables: codes stand for values, so equality, order and normal form are arithmetic on codes."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audit_core.tables import (
    MISSING,
    Column,
    Kind,
    Table,
    as_text,
    content_order,
    normal_form,
    read_only,
    row_ids,
    rows_alone,
    with_own_dictionaries,
)

unhurried = settings(deadline=None)

Rows = list[tuple[str | None, ...]]

CELLS = st.sampled_from([None, "", "a", "A", " a", "ａ", "b", "ﾊﾟ", "パ", "髙", "高", "ß", "ss"])


def rows_of(width: int) -> st.SearchStrategy[Rows]:
    return st.lists(st.tuples(*[CELLS] * width), max_size=25)


def tables_of(*arms: Rows, width: int) -> tuple[Table, ...]:
    """Tables of categories over one dictionary a column."""
    columns = []
    for position in range(width):
        values = sorted({row[position] for rows in arms for row in rows if row[position] is not None} - {None})  # type: ignore[type-var]
        columns.append(Column(name=f"c{position}", kind="category", values=np.array(values, dtype=object)))
    tables = []
    for rows in arms:
        codes = np.full((len(rows), width), MISSING, dtype=np.int32)
        for i, row in enumerate(rows):
            for j, cell in enumerate(row):
                if cell is not None:
                    codes[i, j] = list(columns[j].values).index(cell)
        tables.append(Table(columns=tuple(columns), codes=read_only(codes)))
    return tuple(tables)


def rows_in(table: Table) -> Rows:
    return list(zip(*(table.texts(name) for name in table.names), strict=True))


@unhurried
@given(st.integers(1, 4).flatmap(lambda width: st.tuples(st.just(width), rows_of(width), rows_of(width))))
def test_ids_are_equal_exactly_where_rows_are(drawn: tuple[int, Rows, Rows]) -> None:
    width, left, right = drawn
    ids = np.concatenate(row_ids(*tables_of(left, right, width=width)))
    rows = left + right
    assert [[a == b for b in ids] for a in ids] == [[a == b for b in rows] for a in rows]
    assert set(ids) == set(range(len(set(rows))))


def test_ids_stay_exact_when_the_columns_span_more_than_64_bits() -> None:
    rng = np.random.default_rng(5)
    # 12 columns of 10,000 values span 10^48 combinations.
    columns = tuple(Column(name=f"c{i}", kind="number", values=np.arange(10_000.0)) for i in range(12))
    codes = rng.integers(-1, 10_000, (500, 12)).astype(np.int32)
    other = codes[rng.permutation(500)].copy()
    other[:100, 11] = (other[:100, 11] + 2) % 10_000  # differ in the last column only
    left, right = row_ids(*(Table(columns=columns, codes=read_only(one)) for one in (codes, other)))
    known = {tuple(row): i for i, row in zip(left, codes.tolist(), strict=True)}
    assert [known.get(tuple(row)) for row in other.tolist()] == [i if i in set(left) else None for i in right]
    assert len(set(right) - set(left)) == 100


def test_rows_without_columns_are_all_equal() -> None:
    (table,) = tables_of([(), (), ()], width=0)
    assert row_ids(table)[0].tolist() == [0, 0, 0]


@unhurried
@given(rows_of(2))
def test_normalised_cells_are_equal_exactly_where_normal_forms_are(rows: Rows) -> None:
    (table,) = tables_of(rows, width=2)
    forms = [tuple(None if cell is None else normal_form(cell) for cell in row) for row in rows]
    ids = row_ids(table.normalised())[0]
    assert [[a == b for b in ids] for a in ids] == [[a == b for b in forms] for a in forms]


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("ＡＢＣ", "abc", True),
        (" x ", "x", True),
        ("ｶﾞ", "ガ", True),
        ("\u00e9", "e\u0301", True),
        ("ẞ", "ss", True),
        ("髙", "高", False),
        ("x y", "xy", False),
        ("0", "O", False),
    ],
)
def test_normal_form(one: str, other: str, same: bool) -> None:
    assert (normal_form(one) == normal_form(other)) is same


@unhurried
@given(st.text())
def test_a_normal_form_is_its_own(text: str) -> None:
    assert normal_form(normal_form(text)) == normal_form(text)


def test_numbers_are_their_own_normal_form() -> None:
    column = Column(name="x", kind="number", values=np.array([1.0, 2.0]))
    assert column.normal_codes.tolist() == [0, 1]


@unhurried
@given(rows_of(3), st.data())
def test_take_and_select(rows: Rows, data: st.DataObject) -> None:
    (table,) = tables_of(rows, width=3)
    mask = np.array(data.draw(st.lists(st.booleans(), min_size=len(rows), max_size=len(rows))), dtype=bool)
    assert rows_in(table.take(mask)) == [row for row, kept in zip(rows, mask, strict=True) if kept]
    backwards = np.arange(len(rows))[::-1]
    assert rows_in(table.take(backwards)) == rows[::-1]
    assert rows_in(table.select(["c2", "c0"])) == [(row[2], row[0]) for row in rows]
    with pytest.raises(KeyError):
        table.select(["c3"])


def test_nobody_can_write_to_a_table() -> None:
    (table,) = tables_of([("a",), ("b",)], width=1)
    for one in (table, table.take(np.array([0])), table.select(["c0"]), table.normalised()):
        with pytest.raises(ValueError, match="read-only"):
            one.codes[0, 0] = 1


@unhurried
@given(rows_of(3))
def test_content_order_sorts_rows_missing_first(rows: Rows) -> None:
    (table,) = tables_of(rows, width=3)
    expected = sorted(rows, key=lambda row: [(cell is not None, cell or "") for cell in row])
    assert rows_in(table.take(content_order(table))) == expected
    # Side by side is as one after the other.
    assert (content_order(table.select(["c0"]), table.select(["c1", "c2"])) == content_order(table)).all()


def test_content_order_of_wide_dictionaries() -> None:
    rng = np.random.default_rng(3)
    columns = tuple(Column(name=f"c{i}", kind="number", values=np.arange(2.0**20)) for i in range(5))
    codes = rng.integers(-1, 3, (300, 5)).astype(np.int32)
    table = Table(columns=columns, codes=read_only(codes))
    assert table.take(content_order(table)).codes.tolist() == sorted(codes.tolist())


@unhurried
@given(rows_of(2), rows_of(2))
def test_own_dictionaries_hold_what_occurs_and_change_no_row(left: Rows, right: Rows) -> None:
    wide = tables_of(left, right, [("zz", "zz")], width=2)[:2]
    own = with_own_dictionaries(*wide)
    assert [rows_in(table) for table in own] == [left, right]
    for position in range(2):
        occurring = sorted({str(row[position]) for row in left + right if row[position] is not None})
        assert own[0].columns[position].values.tolist() == occurring
        assert own[0].columns[position] is own[1].columns[position]


def test_numbers_are_nan_where_missing() -> None:
    column = Column(name="x", kind="number", values=np.array([1.5, 2.0]))
    table = Table(columns=(column,), codes=read_only(np.array([[1], [-1], [0]], dtype=np.int32)))
    assert table.numbers("x").tolist()[::2] == [2.0, 1.5]
    assert np.isnan(table.numbers("x")[1])
    assert table.texts("x").tolist() == ["2", None, "1.5"]


@pytest.mark.parametrize(
    ("value", "kind", "text"),
    [
        (39.0, "integer", "39"),
        (0.1, "number", "0.1"),
        (-2.0, "number", "-2"),
        (1e300, "number", "1e+300"),
        (0.0, "date", "1970-01-01"),
        (-1.0, "date", "1969-12-31"),
        (19723.5, "date", "2024-01-01T12:00:00"),
        (19723.0 + 1.5 / 86400, "date", "2024-01-01T00:00:01.500"),
        ("x", "category", "x"),
    ],
)
def test_values_as_a_person_writes_them(value: object, kind: Kind, text: str) -> None:
    assert as_text(value, kind) == text


def test_rows_alone_are_those_no_other_equals() -> None:
    column = Column(name="a", kind="number", values=np.arange(5.0))
    table = Table(
        columns=(column,), codes=read_only(np.array([[0], [1], [1], [MISSING], [MISSING], [4]], dtype=np.int32))
    )
    assert rows_alone(table) == 2
    assert rows_alone(table.select([])) == 0
    assert rows_alone(table.take(np.arange(0))) == 0
