"""The built-in generators: what they keep of the members, and what they leak."""

import numpy as np
import pytest

from audit_core.refit import Declared, Refit
from audit_core.registry import discover
from audit_core.tables import MISSING, Table, row_ids
from audit_core.testing import find, made_up_case, released

CASE = made_up_case("innocent", rows=400, missing=0.1)
SCHEMA = CASE.schema


def made(generator: str, rows: int, table: Table = CASE.members, seed: int = 0, **params: object) -> Table:
    refit = Refit(load=f"audit_plugins.generators.{generator}", file=None, params=params, schema=SCHEMA)
    return refit.make(table, rows, np.random.default_rng(seed))


def leaky(rows: int, dose: float, kind: str, seed: int = 0) -> Table:
    return made("leaky:Leaky", rows, seed=seed, dose=dose, kind=kind)


def numeric(table: Table) -> list[str]:
    return [column.name for column in table.columns if column.numeric]


def test_independent_keeps_every_marginal_missing_cells_too() -> None:
    n = 20_000
    table = made("independent:Independent", n)
    for name in CASE.members.names:
        theirs, ours = CASE.members.texts(name), table.texts(name)
        values = [None] if name in numeric(table) else [None, *sorted({text for text in theirs if text})]
        for value in values:
            # A share p of n independent draws lies within 5 standard deviations of p but for less than 1e-6.
            p = np.mean([text == value for text in theirs])
            assert abs(np.mean([text == value for text in ours]) - p) <= 5 * np.sqrt(p * (1 - p) / n)
    for name in numeric(table):
        theirs, ours = (one.numbers(name)[~np.isnan(one.numbers(name))] for one in (CASE.members, table))
        # The two distribution functions: n draws stay within sqrt(ln(2e5) / 2n) but for 1e-5 (Massart 1990), and a
        # number moved to between its neighbours moves the function by one member at most.
        grid = np.unique(theirs)
        apart = np.abs(
            np.searchsorted(np.sort(theirs), grid, "right") / len(theirs)
            - np.searchsorted(np.sort(ours), grid, "right") / len(ours)
        )
        assert apart.max() < np.sqrt(np.log(2e5) / (2 * len(ours))) + 1 / len(theirs)


def test_independent_forgets_how_columns_go_together() -> None:
    # Doubled columns would stay equal; independent ones are equal with probability sum of p squared.
    n, name = 20_000, "region"
    column = CASE.members.select([name])
    twice = Table(columns=column.columns * 2, codes=np.column_stack([column.codes] * 2))
    codes = made("independent:Independent", n, twice).codes
    p = np.unique(column.codes, return_counts=True)[1] / len(column)
    equal = float((p**2).sum())
    assert abs((codes[:, 0] == codes[:, 1]).mean() - equal) < 5 * np.sqrt(equal * (1 - equal) / n)


def test_a_number_of_one_member_only_is_not_repeated_but_for_chance() -> None:
    theirs, ours = (one.numbers("income") for one in (CASE.members, made("independent:Independent", 400)))
    theirs, ours = theirs[~np.isnan(theirs)], ours[~np.isnan(ours)]
    assert (np.unique(theirs, return_counts=True)[1] == 1).mean() > 0.99
    # Incomes lie some hundred cents apart, so at most one in ten would be hit; drawn as they are, all would.
    assert np.isin(ours, theirs).mean() < 0.5
    assert np.allclose(ours, np.round(ours, 2), rtol=0, atol=1e-9)


@pytest.mark.parametrize("dose", [0.0, 0.25, 1.0])
def test_leaky_holds_as_many_members_as_the_dose_says_each_once(dose: float) -> None:
    table = leaky(200, dose, "verbatim")
    joined = [
        {tuple(row) for row in zip(*(one.texts(name) for name in one.names), strict=True)}
        for one in (CASE.members, table)
    ]
    # Rows of independent columns that are missing nowhere never equal a member here: an income is hardly repeated.
    assert abs(len(joined[0] & joined[1]) - round(200 * dose)) <= 2


def test_a_dose_beyond_the_members_takes_each_as_often_as_any_other() -> None:
    table = leaky(1000, 1.0, "verbatim")
    rows = [tuple(row) for row in zip(*(table.texts(name) for name in table.names), strict=True)]
    theirs = [tuple(row) for row in zip(*(CASE.members.texts(name) for name in table.names), strict=True)]
    times = [rows.count(row) / theirs.count(row) for row in set(theirs)]
    assert (min(times), max(times)) == (2, 3)


def test_jittered_rows_differ_by_a_little_in_numbers_and_not_in_categories() -> None:
    table = leaky(400, 1.0, "jittered", seed=3)
    categories = [name for name in table.names if name not in numeric(table)]
    for name in categories:
        assert sorted(map(str, table.texts(name))) == sorted(map(str, CASE.members.texts(name)))
    for name in numeric(table):
        theirs, ours = np.sort(CASE.members.numbers(name)), np.sort(table.numbers(name))
        low, high = np.nanquantile(theirs, [0.01, 0.99])
        places = 2 if name == "income" else 0
        # In order, no number can be farther from its counterpart than a number moved, and rounded after.
        assert np.nanmax(np.abs(theirs - ours)) <= 0.02 * (high - low) + 0.5 * 10.0**-places + 1e-9
        assert np.isnan(ours).sum() == np.isnan(theirs).sum()
        assert np.allclose(ours[~np.isnan(ours)], np.round(ours[~np.isnan(ours)], places), rtol=0, atol=1e-9)
        assert (theirs != ours).any()


def test_one_sensitive_column_stays_true_and_a_quarter_of_the_others_are_redrawn() -> None:
    assert SCHEMA["group"] == Declared(role="sensitive")
    n = 400
    table = leaky(n, 1.0, "one-sensitive-column")
    assert sorted(map(str, table.texts("group"))) == sorted(map(str, CASE.members.texts("group")))
    # An income is kept with probability 3/4, and hardly ever hit by chance: 5 standard deviations, and 2 % of hits.
    theirs = CASE.members.numbers("income")
    kept = np.isin(table.numbers("income"), theirs[~np.isnan(theirs)]).sum() / (~np.isnan(theirs)).sum()
    assert abs(kept - 0.75) < 5 * np.sqrt(0.1875 / n) + 0.02


def test_where_a_leaked_row_stands_says_nothing() -> None:
    table = leaky(400, 0.5, "verbatim")
    theirs = CASE.members.numbers("income")
    position = np.flatnonzero(np.isin(table.numbers("income"), theirs[~np.isnan(theirs)]))
    # The mean position of m rows in random order: standard deviation below 400 / sqrt(12 m).
    assert abs(position.mean() - 200) < 5 * 400 / np.sqrt(12 * len(position))


@pytest.mark.parametrize("attack", ["membership", "marginal-ratio"])
def test_a_few_independent_rows_give_nobody_away(attack: str) -> None:
    registry = discover()
    case = made_up_case("innocent", rows=400, seed=9)
    refit = Refit(load="audit_plugins.generators.independent:Independent", file=None, params={}, schema=SCHEMA)
    few = released(case, refit.make(case.members, 100, np.random.default_rng(4)))
    found = find(registry.attacks[attack], few, registry)
    assert found.outcome == "measured", found.reason
    # One-sided, so that a bound of a score is on the wrong side in less than 1e-5 of the runs.
    assert {
        one.of for one in found.measurements if one.name == "auc" and one.evidence.bounds(1 - 1e-5).low > 0.5
    } == set()


def test_a_generator_sees_only_values_that_occur_in_what_it_is_fitted_to() -> None:
    few = CASE.members.take(np.arange(10))
    table = made("independent:Independent", 500, few)
    for name in set(table.names) - set(numeric(table)):
        assert len(table.columns[table.index(name)].values) == len(set(few.texts(name)) - {None})


def test_a_column_without_a_value_stays_empty() -> None:
    codes = CASE.members.codes.copy()
    codes[:, [CASE.members.index("age"), CASE.members.index("status")]] = MISSING
    empty = Table(columns=CASE.members.columns, codes=codes)
    for generator, params in (("independent:Independent", {}), ("leaky:Leaky", {"dose": 0.5, "kind": "jittered"})):
        table = made(generator, 50, empty, **params)
        assert (table.codes[:, [table.index("age"), table.index("status")]] == MISSING).all()
        (ids,) = row_ids(table)
        assert len(np.unique(ids)) > 1
