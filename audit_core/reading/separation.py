"""Whether members and non-members are two groups at all, or share people or rows that only a leak would share."""

import math
from dataclasses import dataclass

import numpy as np

from audit_core.errors import Problem
from audit_core.reading.files import TextTable
from audit_core.reading.places import place
from audit_core.tables import MISSING, Ids, Table, row_ids

CHANCE = 0.001
"""Equal rows as rare as this, were the split fair, are refused."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Overlap:
    """Rows that are equal to a member.

    Attributes:
        count: Non-members equal to some member.
        repeated: Members equal to another member.
        deff: Design effect: how much more than its rows by themselves the difference of the two rates scatters from
            one fair split to the next, because rows equal to each other stand or fall together; at least 1.
    """

    count: int
    non_members: int
    repeated: int
    members: int
    deff: float


def overlap_of(members: Table, non_members: Table) -> Overlap:
    """Counts the rows that are equal to a member."""
    member_ids, non_member_ids = row_ids(members, non_members)
    width = 1 + max(int(member_ids.max(initial=0)), int(non_member_ids.max(initial=0)))
    among_members, among_others = np.bincount(member_ids, minlength=width), np.bincount(non_member_ids, minlength=width)
    count, repeated = int(among_others[among_members > 0].sum()), int(among_members[among_members > 1].sum())
    return Overlap(
        count=count,
        non_members=len(non_members),
        repeated=repeated,
        members=len(members),
        deff=_design_effect(among_members + among_others, count + repeated, len(members), len(non_members)),
    )


def _design_effect(multiplicities: Ids, equal: int, n_members: int, n_others: int) -> float:
    """The variance of the difference of the two rates over fair splits, over that of a hypergeometric count.

    A value that occurs c times has j ~ Binomial(c, share) of its rows among the others, where j of them are equal to
    a member unless j = c; and the other c - j among the members, where they equal each other unless c - j = 1. The
    sizes of the two groups are fixed, so that only what a row is above the mean rate counts.

    Args:
        multiplicities: How often each value occurs in both groups together.
        equal: Rows of either group that equal a member.
    """
    from scipy.stats import binom

    rows = n_members + n_others
    rate, share = equal / rows, n_others / rows
    if rate in (0.0, 1.0):
        return 1.0
    variance = 0.0
    for times, values in zip(*np.unique(multiplicities, return_counts=True), strict=True):
        j = np.arange(times + 1)
        chance = binom.pmf(j, times, share)
        others, members = np.where(j < times, j, 0), np.where(times - j != 1, times - j, 0)
        difference = (others - rate * j) / n_others - (members - rate * (times - j)) / n_members
        variance += values * float(chance @ difference**2 - (chance @ difference) ** 2)
    return max(1.0, float(variance / (rate * (1 - rate) * (rows / (rows - 1)) * (1 / n_members + 1 / n_others))))


def chance_of_overlap(overlap: Overlap) -> float:
    """How likely so many non-members would be equal to a member, had a coin made the split; in [0, 1].

    Given how many rows of both groups are equal to a member, the number of them among the non-members would be
    hypergeometric if rows were independent. So all counts are divided by the design effect first.

    References:
        Fisher 1935, The Design of Experiments, section 12 (the exact test for a 2 x 2 table).
        Rao & Scott 1992, A simple method for the analysis of clustered binary data, section 2.
    """
    from scipy.stats import hypergeom

    deff = overlap.deff
    others, members = int(overlap.non_members / deff), int(overlap.members / deff)
    hits, repeated = int(overlap.count / deff), min(members, math.ceil(overlap.repeated / deff))
    return float(hypergeom.sf(hits - 1, others + members, hits + repeated, others))


def overlap_problems(members: Table, non_members: Table, where: str) -> tuple[int, list[Problem]]:
    """The number of non-members equal to some member, and a problem if it is beyond chance."""
    overlap = overlap_of(members, non_members)
    if chance_of_overlap(overlap) >= CHANCE:
        return overlap.count, []
    what = (
        f"{overlap.count:,} of {overlap.non_members:,} rows equal a row of the members, while only "
        f"{overlap.repeated:,} of {overlap.members:,} members equal another member: more than chance explains"
    )
    fix = "Take non-members that were not used for the release"
    return overlap.count, [Problem(code="non-members-overlap", what=what, where=where, fix=fix)]


def shared_people(members: Table, non_members: Table, subject: str | None, where: str) -> list[Problem]:
    """Identifiers and subjects that both groups have.

    Args:
        members, non_members: Their identifying columns, over one dictionary.
        subject: Which of the columns names the person, if one does.
        where: What to call the non-members' file.
    """
    problems = []
    for position, name in enumerate(members.names):
        both = np.intersect1d(members.codes[:, position], non_members.codes[:, position])
        if shared := int(np.count_nonzero(both != MISSING)):
            what = f"{shared:,} of its values occur among the members too"
            fix = "Take non-members that were not used for the release, no person in both"
            code = "subjects-shared" if name == subject else "identifiers-shared"
            problems.append(Problem(code=code, what=what, where=place(where, name), fix=fix))
    return problems


def missing_subjects(file: TextTable, subject: str) -> list[Problem]:
    """Rows that do not say whose they are."""
    missing = np.flatnonzero(file.columns[subject].codes == MISSING)
    if not len(missing):
        return []
    what = f"{len(missing):,} rows do not say whose they are; this row is the first"
    where = place(file.label, subject, int(missing[0]) + 1)
    return [Problem(code="subject-missing", what=what, where=where, fix="Fill the column, or leave these rows out")]


def same_rows(release: Table, non_members: Table, where: str) -> list[Problem]:
    """The non-members given as the release, perhaps in another format; both tables are in content order."""
    if not np.array_equal(release.codes, non_members.codes):
        return []
    what = "the rows are the same as those of the release"
    fix = "Name rows of the same population that were not used for the release"
    return [Problem(code="same-rows", what=what, where=where, fix=fix)]
