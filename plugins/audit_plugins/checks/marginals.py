"""How near the release's columns, and pairs of columns, are to the members'."""

from collections.abc import Iterator
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from audit_core.case import Case
from audit_core.evidence import Exact
from audit_core.measurement import Measurement, Reason, measured
from audit_core.tables import MISSING, Column, Table

Cells = NDArray[np.int64]
Pair = tuple[int, int]

BINS = 20
MOST_PAIRS = 2_000
MOST_COLUMNS = 200
WORST = 10
"""Pairs that are named; the others are in the mean."""


class Marginals:
    """One minus the total variation distance between released rows and members; HIGHER = MORE USEFUL.

    Measurements, all `Exact`: they are of these rows, not of a population.
        statistical_fidelity: The mean over all pairs of columns; over columns where there is one only. 1 where every
            pair is as the members', 0 where no cell is common to both.
        fresh_fidelity: The same of as many fresh real rows, the non-members: what a perfect release of that size has.
        column_fidelity: Of each column.
        pair_fidelity: Of the ten pairs that are furthest off.

    A number falls into at most 20 bins, by quantiles of the members or, where they have few values, one for each; of a
    category the 20 commonest values among the members are told apart, all others are one. A missing cell is a value.

    References:
        McKenna, Miklau & Sheldon (2021), Winning the NIST contest: a scalable and general approach to differentially
        private synthetic data, section 5, on errors of low-dimensional marginals.
    """

    def measure(self, case: Case, rng: np.random.Generator) -> Iterator[Measurement | Reason]:
        """Measures the case; `rng` draws fresh rows, and pairs where there are too many."""
        members = case.members
        pairs = list(combinations(range(len(members.columns)), 2))
        if len(pairs) > MOST_PAIRS:
            yield Reason(code="pairs-sampled", args={"rows": MOST_PAIRS, "count": len(pairs)})
            pairs = [pairs[place] for place in np.sort(rng.choice(len(pairs), MOST_PAIRS, replace=False))]
        tables = {"members": members, "release": case.release}
        if case.non_members is not None:
            fresh = case.non_members
            if len(fresh) > len(case.release):
                fresh = fresh.take(np.sort(rng.choice(len(fresh), len(case.release), replace=False)))
            elif len(fresh) < len(case.release):
                yield Reason(code="fresh-smaller", args={"rows": len(fresh)})
            tables["fresh"] = fresh
        cells = binned(tables)
        columns = {
            name: distances(cells["members"], cells[name], [(at, at) for at in range(len(members.columns))])
            for name in tables
            if name != "members"
        }
        apart = {name: distances(cells["members"], cells[name], pairs) if pairs else columns[name] for name in columns}
        yield _fidelity("statistical_fidelity", float(apart["release"].mean()))
        if "fresh" in apart:
            yield _fidelity("fresh_fidelity", float(apart["fresh"].mean()))
        for name, distance in list(zip(members.names, columns["release"], strict=True))[:MOST_COLUMNS]:
            yield _fidelity("column_fidelity", float(distance), name)
        for place in np.argsort(-apart["release"], kind="stable")[:WORST] if pairs else ():
            one, other = pairs[place]
            yield _fidelity(
                "pair_fidelity", float(apart["release"][place]), f"{members.names[one]} × {members.names[other]}"
            )


def binned(tables: dict[str, Table]) -> dict[str, Cells]:
    """The bin of every cell by what the members look like, 0 for a missing one, shapes `(n_rows, n_columns)`."""
    members = tables["members"]
    places = [_bins(column, members.codes[:, at]) for at, column in enumerate(members.columns)]
    return {
        name: np.column_stack([place[table.codes[:, at]] for at, place in enumerate(places)]).reshape(len(table), -1)
        for name, table in tables.items()
    }


def _bins(column: Column, codes: NDArray[np.int32]) -> Cells:
    """The bin of each code, with that of the missing cell, 0, in the last place."""
    known = codes[codes != MISSING]
    if column.numeric:
        values = column.values.astype(np.float64)
        theirs = values[known]
        distinct = np.unique(theirs)
        if len(distinct) > BINS:
            edges = np.unique(np.quantile(theirs, np.arange(1, BINS) / BINS, method="inverted_cdf"))
        else:
            edges = distinct[1:]
        return np.append(np.searchsorted(edges, values, side="right") + 1, 0)
    times = np.bincount(known, minlength=len(column.values))
    common = np.argsort(-times, kind="stable")[:BINS]
    place = np.full(len(column.values) + 1, len(common) + 1)
    place[common] = np.arange(len(common)) + 1
    place[-1] = 0
    return place


def distances(one: Cells, other: Cells, pairs: list[Pair]) -> NDArray[np.float64]:
    """The total variation distance of each pair of columns between two tables, shape `(n_pairs,)`: 0 to 1."""
    found = np.empty(len(pairs))
    for place, (left, right) in enumerate(pairs):
        width = int(max(one[:, right].max(initial=0), other[:, right].max(initial=0))) + 1
        shares = []
        height = int(max(one[:, left].max(initial=0), other[:, left].max(initial=0))) + 1
        for rows in (one, other):
            counts = np.bincount(rows[:, left] * width + rows[:, right], minlength=height * width)
            shares.append(counts / len(rows))
        found[place] = np.abs(shares[0] - shares[1]).sum() / 2
    return found


def _fidelity(name: str, distance: float, of: str = "all") -> Measurement:
    return measured(name, Exact(numerator=max(0.0, 1 - distance)), of=of, blind=None)
