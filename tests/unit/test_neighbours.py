import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

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
