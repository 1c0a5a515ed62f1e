"""Counts of rows that share a target's values, beside a count row by row."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit_core.tables import MISSING, Column, Table, read_only, with_own_dictionaries
from audit_core.testing import made_up_case
from audit_plugins.attacks import targeted_marginals
from audit_plugins.attacks.targeted_marginals import (
    View,
    binned,
    cells_of,
    exact_and_binned,
    matches,
    queries_of,
)

CASE = made_up_case("innocent", rows=60, missing=0.2)


def naive(targets: Table, rows: Table, views: tuple[View, ...], query: tuple[int, ...]) -> list[int]:
    def seen(table: Table, row: int, view: View) -> object:
        column = table.columns[view.column]
        if table.codes[row, view.column] == MISSING:
            return None
        if view.exact:
            return table.texts(column.name)[row]
        return sum(edge <= table.numbers(column.name)[row] for edge in view.values)

    return [
        sum(all(seen(targets, t, views[at]) == seen(rows, r, views[at]) for at in query) for r in range(len(rows)))
        for t in range(len(targets))
    ]


@pytest.mark.parametrize("query", [(0,), (3,), (0, 4), (6, 2), (1, 3, 5), (7, 2, 4)])
def test_matches_are_the_rows_that_look_alike_whatever_dictionary_they_are_over(query: tuple[int, ...]) -> None:
    assert CASE.non_members is not None
    few = CASE.members.take(np.arange(12))
    views = exact_and_binned((few, CASE.members), 4)
    assert [view.column for view in views] == [*range(6), *np.flatnonzero([not view.exact for view in views])]
    (own,) = with_own_dictionaries(CASE.non_members)
    found = matches(cells_of(few, views), cells_of(own, views), query, views)
    assert found.tolist() == naive(few, CASE.non_members, views, query)


def test_wide_columns_do_not_run_over() -> None:
    # Three columns of two million values each have more combinations than an int64 counts.
    wide = View(column=0, values=np.arange(2_000_001.0), exact=True)
    rng = np.random.default_rng(0)
    rows = rng.integers(0, 2_000_003, (50, 3))
    targets = np.concatenate([rows[:5], rng.integers(0, 2_000_003, (5, 3))])
    found = matches(targets, rows, (0, 1, 2), (wide, wide, wide))
    assert found.tolist() == [1] * 5 + [0] * 5


def test_missing_and_unknown_values_are_levels_of_their_own() -> None:
    view = View(column=0, values=np.array(["a", "c"], dtype=object), exact=True)
    other = Column(name="x", kind="category", values=np.array(["b", "c", "d"], dtype=object))
    assert view.see(other, np.array([0, 1, 2, MISSING], dtype=np.int32)).tolist() == [2, 1, 2, 3]
    nothing = View(column=0, values=np.zeros(0), exact=False)
    empty = Column(name="x", kind="number", values=np.zeros(0))
    assert nothing.see(empty, np.array([MISSING], dtype=np.int32)).tolist() == [1]


def test_bins_hold_equal_shares_of_a_number_and_leave_few_values_alone() -> None:
    column = Column(name="x", kind="number", values=np.arange(100.0))
    few = Column(name="y", kind="number", values=np.arange(4.0))
    codes = np.column_stack([np.arange(100), np.arange(100) % 4]).astype(np.int32)
    table = Table(columns=(column, few), codes=read_only(codes))
    views = binned((table,), 4)
    assert np.bincount(cells_of(table, views)[:, 0]).tolist() == [25, 25, 25, 25]
    assert [view.exact for view in views] == [False, True]


@given(st.integers(1, 300), st.integers(1, 7), st.integers(0, 2**32 - 1))
def test_queries_are_distinct_each_of_other_columns_and_no_more_than_wanted(most: int, columns: int, seed: int) -> None:
    views = [View(column=at, values=np.zeros(1), exact=True) for at in (*range(columns), 0)]
    queries = queries_of(views, (1, 2, 3), most, np.random.default_rng(seed))
    total = sum(
        len(
            [
                some
                for some in combinations(range(columns + 1), order)
                if len({views[at].column for at in some}) == order
            ]
        )
        for order in (1, 2, 3)
    )
    assert len(queries) == len(set(queries))
    assert all(len({views[at].column for at in query}) == len(query) for query in queries)
    assert len(queries) == min(most, total)


def test_many_columns_are_not_listed_in_full(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(targeted_marginals, "combinations", None)
    views = [View(column=at, values=np.zeros(1), exact=True) for at in range(600)]
    queries = queries_of(views, (2, 3, 4), 90, np.random.default_rng(1))
    assert [sum(len(query) == order for query in queries) for order in (2, 3, 4)] == [30, 30, 30]
