"""Do released rows lie nearer to the members than to people who were not used?

Distance to the closest record (DCR) and the ratio of the two smallest distances (NNDR) are widely reported. They can
raise a suspicion and never dispel one: a generator may give its members away and keep its rows at a distance.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from audit_core.case import Case
from audit_core.evidence import Proportion
from audit_core.measurement import Detail, Histogram, Measurement, Reason, measured
from audit_core.neighbours import nearest, scales
from audit_core.tables import Ids, Table, read_only, row_ids
from audit_plugins.checks.exchangeable_labels import (
    Counted,
    Distances,
    RealRows,
    closer,
    exchanged,
    independent_tries,
    ratios,
    two_nearest,
)

EDGES = (0.0, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 3.0, 5.0, 10.0)
"""Of the bars, in columns: 1 is one differing category or the span of a number. The first bar is for equal rows."""

LOOKED_AT = 16
"""Different real rows near each released row; labels by chance leave an arm with fewer than two of 16 once in 2,000."""


class NearestRecord:
    """The released rows' nearest members against their nearest non-members, in arms of equal size.

    Measurements, both `Proportion` with as many tries as the released rows are worth (`exchangeable_labels`):
        dcr_share: Share of released rows whose nearest member is nearer than their nearest non-member.
        nndr_share: Share of released rows for which nearest over second nearest distance is smaller among members.

    Ties count half. A release that was made without the members scores 0.5 on both, however large the files are and
    however few values the columns have; one that copies its members scores more. The interval is for the question
    whether 0.5 can be ruled out.

    The larger arm is cut at random to the size of the smaller: among more rows the nearest one is nearer. Where a
    subject is declared, arms have equally many people.

    References:
        Yao, Krčo, Ganev & de Montjoye (2025), The DCR Delusion; Pilgram et al. (2025), A consensus privacy metrics
        framework for synthetic data: why neither can support a pass.
    """

    def measure(self, case: Case, rng: np.random.Generator) -> Iterator[Measurement | Detail | Reason]:
        """Measures the case; `rng` draws the cut and exchanges labels."""
        if case.non_members is None:
            return
        release, members, non_members = (table.normalised() for table in (case.release, case.members, case.non_members))
        units = scales(release, members, non_members)
        arms = _equal_arms(case, members, non_members, rng)
        real = _real_rows(release, arms, units, rng)
        inside = np.arange(len(arms.person)) < len(arms.members)
        (member, second_member), (other, second_other) = (
            _two_nearest(release, table, units, real, rows)
            for table, rows in ((arms.members, inside), (arms.non_members, ~inside))
        )
        by_chance = exchanged(real, rng)
        yield _measured("dcr_share", closer(member, other), by_chance[:, 0])
        if min(len(arms.members), len(arms.non_members)) > 1:
            smaller = closer(ratios(member, second_member), ratios(other, second_other))
            yield _measured("nndr_share", smaller, by_chance[:, 1])
        yield _histogram("nearest member", member)
        yield _histogram("nearest non-member", other)
        yield Reason(code="nearest-record-proves-nothing", args={})
        yield Reason(code="nearest-record-trials", args={"rows": len(release)})
        for fact, whole, part in (
            ("members", members, arms.members),
            ("non_members", non_members, arms.non_members),
        ):
            if len(part) < len(whole):
                yield Reason(code="nearest-record-cut", args={"facts": fact, "rows": len(part)})


@dataclass(frozen=True, slots=True, kw_only=True)
class _Arms:
    """Members and non-members of equally many people.

    Attributes:
        person: Of each row, the members' first: 0 to 2 u - 1 for u people in each arm, shape `(n_real,)`.
    """

    members: Table
    non_members: Table
    person: Ids


def _equal_arms(case: Case, members: Table, non_members: Table, rng: np.random.Generator) -> _Arms:
    persons = [
        np.arange(len(table)) if subjects is None else np.unique(subjects, return_inverse=True)[1].reshape(-1)
        for table, subjects in ((members, case.member_subjects), (non_members, case.non_member_subjects))
    ]
    people = min(int(person.max()) + 1 for person in persons)
    chosen = []
    for person in persons:
        number = np.full(int(person.max()) + 1, -1)
        number[np.sort(rng.permutation(len(number))[:people])] = np.arange(people)
        chosen.append(number[person])
    return _Arms(
        members=members.take(chosen[0] >= 0),
        non_members=non_members.take(chosen[1] >= 0),
        person=np.concatenate([number[number >= 0] + arm * people for arm, number in enumerate(chosen)]),
    )


def _real_rows(release: Table, arms: _Arms, units: NDArray[np.float64], rng: np.random.Generator) -> RealRows:
    """The rows of both arms as one table, equal rows once and in random order, so that ties favour neither arm."""
    codes = np.concatenate([arms.members.codes, arms.non_members.codes])
    (kind,) = row_ids(Table(columns=release.columns, codes=read_only(codes)))
    first = np.unique(kind, return_index=True)[1]
    order = rng.permutation(len(first))
    kinds = Table(columns=release.columns, codes=read_only(codes[first[order]]))
    return RealRows(
        near=nearest(release, kinds, units, k=min(LOOKED_AT, len(kinds))),
        kind=np.argsort(order)[kind],
        person=arms.person,
        people=int(arms.person.max()) + 1,
    )


def _two_nearest(
    release: Table, arm: Table, units: NDArray[np.float64], real: RealRows, rows: NDArray[np.bool_]
) -> tuple[Distances, Distances]:
    """Distances to the two nearest rows of an arm; searched for where they are not among the rows near anyway."""
    first, second = two_nearest(real, rows)
    lacking = np.flatnonzero(np.isinf(second))
    if len(lacking):
        found = nearest(release.take(lacking), arm, units, k=2)
        first[lacking], second[lacking] = found.distance.T
    return first, second


def _measured(name: str, counted: Counted, by_chance: Counted) -> Measurement:
    tries = independent_tries(by_chance, len(counted))
    return measured(name, Proportion(k=float(counted.mean()) * tries, n=tries), blind=0.5)


def _histogram(of: str, distance: Distances) -> Histogram:
    """How many released rows are how far off."""
    counts = np.bincount(np.searchsorted(EDGES, distance), minlength=len(EDGES) + 1).tolist()
    return Histogram(
        of=of,
        labels=("0", *(f"{low:g}-{high:g}" for low, high in pairwise(EDGES)), f"{EDGES[-1]:g}+"),
        counts=tuple(counts),
    )
