"""How often the bounds of `nearest-record` miss one half, where members, non-members and release are one population."""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pytest
from scipy.stats import chi2, norm

from audit_core.case import Case
from audit_core.evidence import Proportion
from audit_core.measurement import Measurement
from audit_core.tables import Column, Ids, Table, read_only
from audit_core.testing import made_up_case
from audit_plugins.checks.nearest_record import NearestRecord

ROUNDS = max(60, int(os.environ.get("SEKISHO_SEEDS", "0")))
MANY_ROUNDS = 300
"""Where a bound that does not hold is to be seen not holding."""
MEASURES = ("dcr_share", "nndr_share")

Draw = Callable[[np.random.Generator, int], np.ndarray]


def continuous(rng: np.random.Generator, n: int) -> np.ndarray:
    return rng.random((n, 4))


def binary(rng: np.random.Generator, n: int) -> np.ndarray:
    return rng.integers(0, 2, (n, 4)).astype(float)


def few_values(rng: np.random.Generator, n: int) -> np.ndarray:
    """A number of ten values and three skewed categories of four."""
    return np.column_stack([rng.integers(0, 10, n), *(rng.choice(4, (3, n), p=[0.6, 0.2, 0.15, 0.05]))]).astype(float)


def rare(rng: np.random.Generator, n: int) -> np.ndarray:
    """All hangs on whether both arms have one of the few with the rare value."""
    return (rng.random((n, 1)) < 0.06).astype(float)


def clustered(rng: np.random.Generator, n: int) -> np.ndarray:
    """Some real rows are nearest to many released rows, others to none."""
    return rng.standard_cauchy((n, 3))


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """Numbers of rows, or of people where each has several."""

    draw: Draw
    members: int
    non_members: int
    released: int
    numeric: int
    rows_each: int = 1
    apart: float = 0.0  # how much rows of one person differ in the first column


SETTINGS = {
    "few real rows, many released": Setting(draw=continuous, members=30, non_members=30, released=400, numeric=4),
    "many real rows, few released": Setting(draw=continuous, members=200, non_members=200, released=30, numeric=4),
    "four binary columns": Setting(draw=binary, members=30, non_members=30, released=120, numeric=0),
    "one rare value": Setting(draw=rare, members=30, non_members=30, released=3000, numeric=0),
    "many ties": Setting(draw=few_values, members=40, non_members=40, released=120, numeric=1),
    "unequal weights": Setting(draw=clustered, members=30, non_members=30, released=120, numeric=3),
    "a small holdout": Setting(draw=continuous, members=200, non_members=30, released=100, numeric=4),
    "five rows each": Setting(
        draw=continuous, members=20, non_members=20, released=150, numeric=4, rows_each=5, apart=0.01
    ),
    "five tied rows each": Setting(
        draw=few_values, members=24, non_members=20, released=120, numeric=1, rows_each=5, apart=1
    ),
}


def rows_of(setting: Setting, rng: np.random.Generator, people: int) -> tuple[np.ndarray, Ids]:
    """Rows and whose they are."""
    rows = np.repeat(setting.draw(rng, people), setting.rows_each, axis=0)
    rows[:, 0] += setting.apart * rng.integers(0, 5, len(rows))
    return rows, np.repeat(np.arange(people), setting.rows_each)


def table_of(arms: Sequence[np.ndarray], numeric: int) -> list[Table]:
    columns, codes = [], []
    for position, values in enumerate(np.concatenate(arms).T):
        distinct, code = np.unique(values, return_inverse=True)
        if position < numeric:
            columns.append(Column(name=f"n{position}", kind="number", values=distinct))
        else:
            columns.append(Column(name=f"c{position}", kind="category", values=distinct.astype(str).astype(object)))
        codes.append(code)
    whole = np.column_stack(codes).astype(np.int32)
    ends = np.cumsum([len(arm) for arm in arms])[:-1]
    return [Table(columns=tuple(columns), codes=read_only(part)) for part in np.split(whole, ends)]


def innocent(setting: Setting, rng: np.random.Generator) -> Case:
    members, member_people = rows_of(setting, rng, setting.members)
    non_members, non_member_people = rows_of(setting, rng, setting.non_members)
    released, _ = rows_of(replace(setting, rows_each=1), rng, setting.released)
    tables = table_of([released, members, non_members], setting.numeric)
    several = setting.rows_each > 1
    return replace(
        made_up_case("innocent", rows=4),
        release=tables[0],
        published=tables[0],
        members=tables[1],
        non_members=tables[2],
        roles={},
        unit="person" if several else "row",
        member_subjects=member_people if several else None,
        non_member_subjects=non_member_people + setting.members if several else None,
    )


@pytest.fixture(scope="module")
def rounds() -> Callable[..., list[dict[str, Measurement]]]:
    """What is measured in so many rounds of a setting, each with people, release, cut and labels of its own."""
    done: dict[str, list[dict[str, Measurement]]] = {}

    def measured(name: str, count: int = ROUNDS) -> list[dict[str, Measurement]]:
        known = done.setdefault(name, [])
        for at in range(len(known), count):
            rng = np.random.default_rng([at, *name.encode()])
            said = NearestRecord().measure(innocent(SETTINGS[name], rng), rng)
            known.append({one.name: one for one in said if isinstance(one, Measurement)})
        return known[:count]

    return measured


Rounds = Callable[..., list[dict[str, Measurement]]]
Above = Callable[[int, int, float], bool]


@pytest.mark.slow
@pytest.mark.parametrize("alpha", [0.05, 0.01])
@pytest.mark.parametrize("measure", MEASURES)
@pytest.mark.parametrize("setting", SETTINGS)
def test_no_leak_is_called_a_leak_no_more_often_than_it_may(
    setting: str, measure: str, alpha: float, rounds: Rounds, significantly_above: Above
) -> None:
    bounds = [its[measure].evidence.bounds(1 - alpha) for its in rounds(setting)]
    assert not significantly_above(sum(its.low > 0.5 for its in bounds), ROUNDS, alpha)
    assert not significantly_above(sum(its.high < 0.5 for its in bounds), ROUNDS, alpha)


@pytest.mark.slow
@pytest.mark.parametrize("measure", MEASURES)
@pytest.mark.parametrize("setting", SETTINGS)
def test_the_mean_without_a_leak_is_one_half_and_the_tries_promise_no_less_spread_than_there_is(
    setting: str, measure: str, rounds: Rounds
) -> None:
    """No largest of several shares, no level that shifts with the sizes of the arms or with ties.

    With n tries the deviation from 1/2 has variance 1 / (4 n); each round is scaled by its own n. For independent
    standard normal deviations the mean of R is N(0, 1 / R) and the sum of squares chi-squared with R degrees of
    freedom. Deviations are bounded and nearly normal; an error of 1e-5 is allowed on each side.
    """
    scaled = np.array([(its[measure].value - 0.5) * 2 * its[measure].evidence.trials ** 0.5 for its in rounds(setting)])
    assert abs(scaled.mean()) < norm.isf(1e-5) / ROUNDS**0.5
    assert (scaled**2).sum() < chi2.isf(1e-5, ROUNDS)


@pytest.mark.slow
@pytest.mark.parametrize("measure", MEASURES)
@pytest.mark.parametrize("setting", ["few real rows, many released", "unequal weights", "five rows each"])
def test_the_tries_do_not_promise_more_spread_than_there_is(setting: str, measure: str, rounds: Rounds) -> None:
    """A bound that never misses because it is far too wide would be no use.

    Where nearly every released row is a try of its own, or most are ties, the tries are cut to the number of released
    rows and promise more; so it is tested where they are fewer.
    """
    squares = sum((its[measure].value - 0.5) ** 2 * 4 * its[measure].evidence.trials for its in rounds(setting))
    assert squares > chi2.ppf(1e-5, ROUNDS)


@pytest.mark.slow
def test_a_binomial_interval_on_the_released_rows_would_not_hold(rounds: Rounds, significantly_above: Above) -> None:
    """All released rows are compared with the same real rows, so they are not independent."""
    name = "few real rows, many released"
    released = SETTINGS[name].released
    shares = [its["dcr_share"].value for its in rounds(name, MANY_ROUNDS)]
    misses = sum(Proportion(k=share * released, n=released).bounds(0.95).low > 0.5 for share in shares)
    assert significantly_above(misses, MANY_ROUNDS, 0.05), misses


@pytest.mark.slow
def test_nor_one_on_rows_where_people_have_several(significantly_above: Above) -> None:
    """Taking every real row for a person of its own, though thirty are one person's."""
    setting = replace(SETTINGS["unequal weights"], members=12, non_members=12, released=300, rows_each=30, apart=0.1)
    misses = 0
    for at in range(MANY_ROUNDS):
        rng = np.random.default_rng([at, 77])
        case = replace(innocent(setting, rng), unit="row", member_subjects=None, non_member_subjects=None)
        found = {one.name: one for one in NearestRecord().measure(case, rng) if isinstance(one, Measurement)}
        misses += found["dcr_share"].evidence.bounds(0.95).low > 0.5
    assert significantly_above(misses, MANY_ROUNDS, 0.05), misses
