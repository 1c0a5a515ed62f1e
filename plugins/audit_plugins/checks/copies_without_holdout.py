"""Copies of members in a release, with nothing but the members themselves for a yardstick.

What an honest generator would give is not known, but three bounds on it are:

- Leave one out. Let a generator that has never seen these members make no row more than `FAVOUR` times as likely as
  the population does. Whatever happens to a share c of the members when each in turn is left out and compared with
  the others (it equals one of them, it crowds one) then happens to at most FAVOUR * c of the released rows.
- One in reach. Let a generator that has never seen these members be what it likes. The number of members that agree
  with a released row in all but j columns is then Poisson, with a mean of that row's own. Whatever the means are,
  P(one)² <= 2 P(none) P(two) by the inequality of Cauchy and Schwarz, so P(one) <= P(none) / 2 + P(two). A member's
  row that was changed in up to j columns has one member in reach wherever it went, and breaks this.
- Equal counts. The number of rows that a generator draws of a value is Poisson as well, so it hits the c that the
  members have of it with probability c^c e^-c / c! < 1 / sqrt(2 pi c) at most. Real rows of which the rare ones were
  left out, which is how a table is made k-anonymous by suppression, have every count right.

The first two take the members for independent draws. Where equal rows were dropped from the members' table, or a key
forbids them, fewer are equal than chance would make; `repeats` finds that out, and its estimate then takes their place.

References:
    Good (1953), The population frequencies of species, for the share of a sample that is seen once or twice.
    Domingo-Ferrer & Torra (2001), A quantitative comparison of disclosure control methods for microdata: swapping,
    microaggregation and suppression.
    Chawla, Bowyer, Hall & Kegelmeyer (2002), SMOTE: synthetic minority over-sampling technique.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from audit_core.case import Case
from audit_core.evidence import Excess
from audit_core.measurement import Measurement, Reason, measured
from audit_core.questions import Neighbours
from audit_core.tables import MISSING, Ids, Table, row_ids

FAVOUR = 2.0
"""An honest generator may make a row so many times as likely as the population does: some prefer what is common."""

CLOSER = 0.1
"""A released row crowds its nearest member where it is this much nearer than that member's nearest other member.

benchmarks/no_holdout.py --part curve shows what other values find.
"""

_OPEN = 3
"""At most one in so many columns may differ for a row to agree with a member in part."""

_TRIED = 3000
"""Released rows that are compared with all members, column by column."""

_COMMON = 5
"""From so many members on, the count of a value that the release has at all is looked at."""

_UNLIKELY = 0.01


@dataclass(frozen=True, slots=True, kw_only=True)
class Repeats:
    """How many members equal others, or would by chance where rows have been made distinct.

    Attributes:
        repeated: Members whose row another member has too.
        twice: Values that exactly two members have.
        alone: Members whose row nobody else has, as they stand.
        distinct: Fewer than half the equal pairs that chance would give are there, which chance itself hardly gives.
    """

    repeated: float
    twice: float
    alone: int
    distinct: bool


def repeats(members: Table, ids: Ids) -> Repeats:
    """Counts the members' equal rows, and estimates how many chance would make equal.

    Two rows that are equal in all columns but one are equal in that one too about as often as any two rows are, say a
    share e. So equal pairs are to those that differ in one column only as e to 1 - e; summed over the columns, the
    one follows from the other.

    Args:
        members: In normal form.
        ids: Of their rows.
    """
    from scipy.special import pdtr

    counts = np.unique(ids, return_counts=True)[1]
    pairs, every = _pairs(counts), len(ids) * (len(ids) - 1) / 2
    differing, odds = 0.0, 0.0
    for position, name in enumerate(members.names):
        equal = _pairs(np.unique(members.codes[:, position], return_counts=True)[1])
        if equal == every:
            continue
        (without,) = row_ids(members.select([other for other in members.names if other != name]))
        differing += _pairs(np.unique(without, return_counts=True)[1]) - pairs
        odds += (every - equal) / equal if equal else np.inf
    chance = differing / odds if odds else 0.0
    distinct = bool(pairs < chance / 2 and pdtr(pairs, chance) < _UNLIKELY)
    repeated, twice = float(counts[counts > 1].sum()), float((counts == 2).sum())
    return Repeats(
        repeated=min(float(len(ids)), max(repeated, 2 * chance)) if distinct else repeated,
        twice=min(float(len(ids) // 2), max(twice, chance)) if distinct else twice,
        alone=int((counts == 1).sum()),
        distinct=distinct,
    )


def _pairs(counts: NDArray[np.intp]) -> float:
    return float((counts * (counts.astype(np.float64) - 1) / 2).sum())


def equal_to_members(release: Ids, members: Ids, chance: Repeats) -> dict[str, Excess]:
    """Released rows equal to a member (`any`), and to one member only (`once`), beyond what chance would give.

    Rows that repeat one value are one piece of evidence for `once`. A blind generator scores 0 at most.
    """
    values, counts = np.unique(members, return_counts=True)
    once = np.isin(release, values[counts == 1])
    tries = float(len(release))
    return {
        "any": _favoured(float(np.isin(release, values).sum()), tries, chance.repeated, len(members)),
        "once": _favoured(float(once.sum()), tries, chance.twice, len(members) // 2, deff1=multiplicity(release[once])),
    }


def crowding(to_members: Neighbours, others: Neighbours, chance: Repeats, closer: float = CLOSER) -> Excess:
    """Released rows that crowd a member, beyond what members that crowd another member would lead one to expect.

    Where the members lie as thick as they do around a row, how near the nearest of them is compared with that one's
    own neighbour depends on the number of dimensions only: the chance is closer ** dimensions, whatever the density.
    By the triangle inequality the second nearest member is then at least 1 / closer - 1 times as far as the nearest,
    which a row in the middle of many members cannot be. A blind generator scores 0 at most.

    Args:
        to_members: The nearest member of each released row.
        others: The two nearest other members of each member.
    """
    member, its_member = to_members.row[:, 0], others.row[:, 0]
    near = to_members.distance[:, 0] < closer * others.distance[member, 0]
    left_out = others.distance[:, 0] < closer * _second(others, its_member)
    # Rows that crowd one member are one piece of evidence; so are two members that crowd each other.
    rows = np.arange(len(its_member))
    pair = np.minimum(rows, its_member) * len(rows) + np.maximum(rows, its_member)
    missing = 2 * chance.twice if chance.distinct else 0.0
    return _favoured(
        float(near.sum()),
        float(len(near)),
        min(float(left_out.sum()) + missing, float(len(left_out))),
        len(left_out),
        deff1=multiplicity(member[near].astype(np.int64)),
        deff0=multiplicity(pair[left_out]),
    )


def _favoured(k1: float, n1: float, k0: float, n0: float, *, deff1: float = 1.0, deff0: float = 1.0) -> Excess:
    """The excess over `FAVOUR` times the control's rate: as if the control's hits had come in so many fewer tries."""
    tries = n0 / FAVOUR
    return Excess(k1=k1, n1=n1, k0=min(k0, tries), n0=tries, scale="difference", deff1=deff1, deff0=deff0)


def _second(others: Neighbours, member: NDArray[np.int32]) -> NDArray[np.float32]:
    """Distance from each row's nearest member to that member's nearest other one, leaving the row itself out."""
    rows = np.arange(len(member))
    mutual = others.row[member, 0] == rows
    return np.asarray(np.where(mutual, others.distance[member, 1], others.distance[member, 0]))


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """Released rows that agree with exactly one member in all but a few columns.

    Attributes:
        columns: How many columns may differ; a missing cell of a released row differs from nothing.
        evidence: Rows with exactly one member in reach, beyond half of those with none and all of those with two.
    """

    columns: int
    evidence: Excess


def agreement(release: Table, members: Table, chance: Repeats) -> Agreement | None:
    """Rows that agree with exactly one member in part: swapped, suppressed, or altered in their quasi-identifiers.

    The rows are cut in three by their nearest member: one part chooses the number of columns, one gives the rows with
    one member in reach, one the rows with none and with two. Each bound is then about rows that chose nothing, and no
    member counts in two parts. Rows with the same nearest member count as one. A blind generator scores 0 at most.

    Args:
        release, members: In normal form.

    Returns:
        None where there are fewer than three columns: nothing could be left open.
    """
    most = len(release.columns) // _OPEN
    if most < 1:
        return None
    rows = np.unique(np.linspace(0, len(release) - 1, min(len(release), _TRIED)).astype(np.intp))
    queries = release.codes[rows]
    reach, nearest = _within_reach(queries, members.codes, most)
    gaps = (queries == MISSING).any(axis=1)
    part = nearest % 3
    best, columns = -np.inf, most
    for differing in range(most + 1):
        its = reach[part == 0, differing]
        if differing == 0 and chance.distinct:  # equal rows have been dropped, and with them those with two in reach
            its = reach[(part == 0) & gaps, differing]
        score = (its == 1).mean() - (its == 0).mean() / 2 - (its == 2).mean() if len(its) else -np.inf
        if score > best:
            best, columns = float(score), differing
    usable = gaps if columns == 0 and chance.distinct else np.ones(len(rows), dtype=bool)
    first, second = usable & (part == 1), usable & (part == 2)
    beside = reach[second, columns]
    evidence = Excess(
        k1=float((reach[first, columns] == 1).sum()),
        n1=float(first.sum()),
        k0=float((beside == 0).sum() / 2 + (beside == 2).sum()),
        n0=float(second.sum()),
        scale="difference",
        deff1=multiplicity(nearest[first]),
        deff0=multiplicity(nearest[second]),
    )
    return Agreement(columns=columns, evidence=evidence)


def equal_counts(release: Ids, members: Ids) -> Excess:
    """Released rows of a value that several members have, and the release exactly as often, beyond what chance gives.

    Rows of one value are one piece of evidence. A blind generator scores 0 at most.
    """
    values, counts = np.unique(members, return_counts=True)
    place = np.minimum(np.searchsorted(values, release), len(values) - 1)
    of_common = (values[place] == release) & (counts[place] >= _COMMON)
    released = np.bincount(place[of_common], minlength=len(values))
    chance = 1 / np.sqrt(2 * np.pi * counts[released > 0])
    together, rows = multiplicity(release[of_common]), float(len(release))
    return Excess(
        k1=float(released[released == counts].sum()),
        n1=rows,
        k0=float((chance * released[released > 0]).sum()),
        n0=rows,
        scale="difference",
        deff1=together,
        deff0=together,
    )


_ROWS, _MEMBERS = 128, 4096  # a block of this shape stays in a core's cache


def _within_reach(queries: NDArray[np.int32], members: NDArray[np.int32], most: int) -> tuple[Ids, Ids]:
    """How many members differ from each row in at most 0, 1, ... `most` columns, and which member differs in fewest.

    Returns:
        Shapes `(n_queries, most + 1)` and `(n_queries,)`; of equally near members the first.
    """
    width = members.shape[1]
    reach = np.zeros((len(queries), most + 1), dtype=np.int64)
    nearest = np.zeros(len(queries), dtype=np.int64)
    for start in range(0, len(queries), _ROWS):
        block = queries[start : start + _ROWS]
        fewest = np.full(len(block), width + 1, dtype=np.int64)
        for first in range(0, len(members), _MEMBERS):
            others = members[first : first + _MEMBERS]
            differing = np.zeros((len(block), len(others)), dtype=np.uint8 if width < 256 else np.uint16)
            for column in range(width):
                known = block[:, column] != MISSING
                differing += (block[:, column, None] != others[None, :, column]) & known[:, None]
            for allowed in range(most + 1):
                reach[start : start + len(block), allowed] += (differing <= allowed).sum(axis=1)
            at = differing.argmin(axis=1)
            least = differing[np.arange(len(block)), at]
            nearer = least < fewest
            fewest[nearer] = least[nearer]
            nearest[start : start + len(block)][nearer] = first + at[nearer]
    return reach, nearest


def multiplicity(values: Ids) -> float:
    """Sum of squares over sum of the values' counts: rows that share one value are one piece of evidence."""
    counts = np.unique(values, return_counts=True)[1]
    return float((counts**2).sum() / counts.sum()) if len(counts) else 1.0


def released_excesses(case: Case, release: Ids, members: Ids) -> Iterator[Measurement | Reason]:
    """What the release alone says, and, where there is no holdout, what it cannot say.

    Args:
        release, members: Ids of the rows in normal form.
    """
    table = case.members.normalised()
    chance = repeats(table, members)
    for of, evidence in equal_to_members(release, members, chance).items():
        yield measured("released_copies_excess", evidence, of=of)
    if len(members) >= 3:  # a member, its neighbour, and that one's
        to_members, others = case.neighbours["release>members"], case.neighbours["members>members"]
        yield measured("released_near_excess", crowding(to_members, others, chance), of="distance")
    found = agreement(case.release.normalised(), table, chance)
    if found is not None and found.evidence.measurable:
        yield measured("released_near_excess", found.evidence, of="columns")
        yield Reason(code="agreeing-in-part", args={"columns": found.columns, "all": len(table.columns)})
    if not case.generalised:  # where it is, the rows are real ones, and k judges common values
        yield measured("released_near_excess", equal_counts(release, members), of="counts")
    if case.non_members is None:
        yield from _unseen(case, members, chance)


def _unseen(case: Case, members: Ids, chance: Repeats) -> Iterator[Reason]:
    """What no rule for want of a holdout would see in this table."""
    yield Reason(code="copies-without-holdout", args={})
    if not any(column.numeric for column in case.release.columns):
        yield Reason(code="crowding-needs-numbers", args={})
    if len(case.release.columns) < _OPEN:
        yield Reason(code="agreement-needs-columns", args={"least": _OPEN, "there": len(case.release.columns)})
    whole = equal_to_members(members, members, chance)
    if max(evidence.p_value(0.0) for evidence in whole.values()) > _UNLIKELY:
        share = f"{100 * chance.alone / len(members):.3g}"
        yield Reason(code="copies-invisible", args={"percent": share, "members": f"{len(members):,}"})
