import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from audit_core import box_search
from audit_core.neighbours import nearest, scales
from audit_core.tables import MISSING, Column, Table, read_only

NUMBERS = np.array([0.0, 1.0, 2.5, 10.0, 40.0])


def table(codes: np.ndarray) -> Table:
    """Two numeric columns, then two categories."""
    words = np.array(["a", "b", "c", "d", "e"], dtype=object)
    columns = (
        Column(name="n1", kind="number", values=NUMBERS),
        Column(name="n2", kind="integer", values=NUMBERS * 3 - 7),
        Column(name="c1", kind="category", values=words),
        Column(name="c2", kind="category", values=words),
    )
    return Table(columns=columns, codes=read_only(codes.astype(np.int32)))


def by_definition(a: Table, b: Table, units: np.ndarray) -> np.ndarray:
    """The mixed distance of every pair, cell by cell."""
    result = np.zeros((len(a), len(b)))
    for i, left in enumerate(a.codes):
        for j, right in enumerate(b.codes):
            for position, column in enumerate(a.columns):
                x, y = left[position], right[position]
                if x == MISSING or y == MISSING:
                    result[i, j] += x != y
                elif column.numeric:
                    apart = abs(float(column.values[x]) - float(column.values[y])) / units[position]
                    result[i, j] += min(apart, 1.0)
                else:
                    result[i, j] += x != y
    return result


codes = st.integers(1, 12).flatmap(
    lambda n: st.lists(st.tuples(*[st.integers(-1, 4)] * 4), min_size=n, max_size=n).map(np.array)
)


@settings(max_examples=60, deadline=None)
@given(codes, codes, st.integers(1, 5))
def test_distances_and_rows_are_those_of_the_definition(left: np.ndarray, right: np.ndarray, k: int) -> None:
    a, b = table(left), table(right)
    units = scales(a, b)
    found = nearest(a, b, units, k=k)
    wanted = by_definition(a, b, units)
    for query in range(len(a)):
        order = np.sort(wanted[query])[:k]
        here = found.row[query] >= 0
        assert here.sum() == min(k, len(b))
        # float32 holds 24 bits: a sum of 4 terms up to 1 is off by less than 4 * 2**-23
        np.testing.assert_allclose(found.distance[query][here], order, atol=1e-6)
        np.testing.assert_allclose(wanted[query][found.row[query][here]], found.distance[query][here], atol=1e-6)
        assert np.isinf(found.distance[query][~here]).all()


@pytest.fixture
def tiny_boxes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every limit so low that a few rows make many boxes, blocks and chunks."""
    for name, value in {"_BOX": 2, "_QUERIES": 3, "_PAIRS": 5, "_EVERY": 1, "_FEW": 0.5}.items():
        monkeypatch.setattr(box_search, name, value)


def in_float32(a: Table, b: Table, units: np.ndarray, *, same: bool) -> tuple[np.ndarray, np.ndarray]:
    """Every distance in the order in which the search adds up, and the rows in order of distance, then number."""
    total = np.zeros((len(a), len(b)), dtype=np.float32)
    for position in sorted(range(len(a.columns)), key=lambda position: a.columns[position].numeric):
        column, x, y = a.columns[position], a.codes[:, position, None], b.codes[None, :, position]
        if column.numeric:
            scaled = ((column.values - column.values.min()) / units[position]).astype(np.float32)
            apart = np.minimum(np.abs(scaled[x] - scaled[y]), np.float32(1))
            total += np.where((x == MISSING) | (y == MISSING), x != y, apart).astype(np.float32)
        else:
            total += x != y
    if same:
        np.fill_diagonal(total, np.inf)
    return total, np.argsort(total, axis=1, kind="stable")


@pytest.mark.usefixtures("tiny_boxes")
@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(codes, codes, st.integers(1, 5), st.booleans())
def test_boxes_and_blocks_change_no_bit_and_no_tie(left: np.ndarray, right: np.ndarray, k: int, same: bool) -> None:
    a, b = table(left), table(left if same else right)
    units = scales(a, b)
    found = nearest(a, b, units, k=k, leave_self_out=same)
    distance, order = in_float32(a, b, units, same=same)
    rows = order[:, : min(k, len(b) - same)]
    here = rows.shape[1]
    assert found.row[:, :here].tolist() == rows.tolist()
    assert found.distance[:, :here].tolist() == np.take_along_axis(distance, rows, axis=1).tolist()
    assert (found.row[:, here:] == -1).all()
    assert np.isinf(found.distance[:, here:]).all()


@pytest.mark.parametrize("threads", [1, 2, 3])
@pytest.mark.parametrize("k", [1, 2, 20])
@pytest.mark.parametrize("same", [False, True])
def test_thousands_of_rows_with_many_ties(k: int, threads: int, same: bool) -> None:
    rng = np.random.default_rng(6)
    a = table(rng.choice(6, (1500, 4), p=[0.4, 0.3, 0.1, 0.1, 0.05, 0.05]) - 1)
    b = a if same else table(rng.integers(-1, 5, (2000, 4)))
    units = scales(a, b)
    found = nearest(a, b, units, k=k, leave_self_out=same, threads=threads)
    distance, order = in_float32(a, b, units, same=same)
    assert np.array_equal(found.row, order[:, :k])
    assert np.array_equal(found.distance, np.take_along_axis(distance, order[:, :k], axis=1))


def test_far_values_and_hundreds_of_categories() -> None:
    """Numbers beyond the unit are cut at 1, and category counts above 255 do not wrap round."""
    rng = np.random.default_rng(7)
    values = np.sort(rng.standard_cauchy(400) * 1e6)
    columns = (
        Column(name="n", kind="number", values=values),
        *(Column(name=f"c{at}", kind="category", values=np.array(["a", "b"], dtype=object)) for at in range(300)),
    )
    numbers, bits = rng.integers(0, 400, 700), rng.integers(0, 2, (600, 300))
    a, b = (
        Table(columns=columns, codes=read_only(np.column_stack([numbers[part], its]).astype(np.int32)))
        for part, its in ((slice(100), bits[:100]), (slice(100, None), 1 - bits))
    )
    units = scales(a, b)
    found = nearest(a, b, units, k=600)
    distance, order = in_float32(a, b, units, same=False)
    assert np.array_equal(found.row, order)
    assert np.array_equal(found.distance, np.sort(distance, axis=1))
    assert found.distance.max() >= 300  # the opposite of a row differs in all 300 categories


@pytest.mark.parametrize("k", [1, 2, 7])
def test_more_rows_than_a_block(k: int) -> None:
    rng = np.random.default_rng(5)
    a, b = table(rng.integers(-1, 5, (300, 4))), table(rng.integers(-1, 5, (9000, 4)))
    units = scales(a, b)
    found = nearest(a, b, units, k=k)
    wanted = np.sort(by_definition(a.take(np.arange(5)), b, units), axis=1)[:, :k]
    np.testing.assert_allclose(found.distance[:5], wanted, atol=1e-6)


def test_equal_distances_go_by_row() -> None:
    b = table(np.array([[0, 0, 0, 0]] * 6))
    found = nearest(table(np.array([[0, 0, 0, 1]])), b, scales(b), k=3)
    assert found.row.tolist() == [[0, 1, 2]]


def test_a_row_is_not_its_own_neighbour() -> None:
    a = table(np.array([[0, 0, 0, 0], [0, 0, 0, 0], [4, 4, 1, 1]]))
    found = nearest(a, a, scales(a), k=1, leave_self_out=True)
    assert found.row[:, 0].tolist() == [1, 0, 0]
    assert found.distance[0, 0] == 0


def test_the_unit_is_the_central_span_and_falls_back_to_the_whole() -> None:
    column = Column(name="n", kind="number", values=np.array([0.0, 5.0, 1e9]))
    mostly = np.repeat([0, 1, 2], [500, 499, 1]).reshape(-1, 1)
    assert scales(Table(columns=(column,), codes=read_only(mostly))) == [5.0]
    lone = np.repeat([0, 2], [999, 1]).reshape(-1, 1)
    assert scales(Table(columns=(column,), codes=read_only(lone))) == [1e9]
    constant = np.zeros((10, 1), dtype=np.int32)
    assert scales(Table(columns=(column,), codes=read_only(constant))) == [1.0]
