"""Who the targets of a question are, in the order the attack sees them: the key.

Members and non-members are cut into the same folds. Where an attack sees a reference sample, the non-members of the
other fold are it: each is control once and reference once, and no record is in two pools of one question.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from audit_core.case import Case
from audit_core.tables import Ids, Table, read_only

Rows = NDArray[np.intp]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pool:
    """One question's rows: positions in the case's tables, in the order the attack sees them.

    Attributes:
        member: Whether each target is a member, shape `(n_targets,)`. The key; it never leaves this process.
        row: Each target's row in the members or the non-members.
        reference: Rows of the non-members that are the reference sample; empty without one.
    """

    member: NDArray[np.bool_]
    row: Rows
    reference: Rows


def cut(case: Case, *, with_reference: bool, rng: np.random.Generator, targets: int | None = None) -> tuple[Pool, ...]:
    """The pools of a question about single rows: one, or one for each of two folds where there is a reference.

    Args:
        rng: Secret: who can repeat it knows the key.
        targets: At most so many members and so many non-members over all pools, whole subjects; all if None.

    Raises:
        ValueError: The case has no non-members.
    """
    non_members = held_out(case)
    folds = 2 if with_reference else 1
    member_fold = _folds(len(case.members), case.member_subjects, folds, rng)
    control_fold = _folds(len(non_members), case.non_member_subjects, folds, rng)
    pools = []
    for fold in range(folds):
        members, controls = np.flatnonzero(member_fold == fold), np.flatnonzero(control_fold == fold)
        if targets is not None:
            members = _some(members, case.member_subjects, max(1, targets // folds), rng)
            controls = _some(controls, case.non_member_subjects, max(1, targets // folds), rng)
        pools.append(shuffled(members, controls, rng, reference=np.flatnonzero(control_fold != fold)))
    return tuple(pools)


def held_out(case: Case) -> Table:
    """The non-members.

    Raises:
        ValueError: The case has none.
    """
    if case.non_members is None:
        raise ValueError("the question needs non-members")
    return case.non_members


def shuffled(members: Rows, controls: Rows, rng: np.random.Generator, reference: Rows | None = None) -> Pool:
    """The pool of some members and non-members, in random order."""
    order = rng.permutation(len(members) + len(controls))
    return Pool(
        member=np.repeat([True, False], [len(members), len(controls)])[order],
        row=np.concatenate([members, controls])[order],
        reference=np.empty(0, dtype=np.intp) if reference is None else reference,
    )


def _folds(n: int, subjects: Ids | None, folds: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """A fold for each row, of equal size up to one row or subject; all rows of a subject share theirs."""
    units = np.arange(n) if subjects is None else np.unique(subjects, return_inverse=True)[1]
    fold_of_unit = rng.permutation(np.arange(units.max(initial=-1) + 1) % folds)
    return fold_of_unit[units]


def _some(rows: Rows, subjects: Ids | None, most: int, rng: np.random.Generator) -> Rows:
    """At most so many of the rows, by chance, the rows of a subject together; one subject at least."""
    if len(rows) <= most:
        return rows
    if subjects is None:
        return np.sort(rng.choice(rows, most, replace=False))
    people, sizes = np.unique(subjects[rows], return_counts=True)
    order = rng.permutation(len(people))
    kept = order[: max(1, int(np.searchsorted(np.cumsum(sizes[order]), most, side="right")))]
    return rows[np.isin(subjects[rows], people[kept])]


def clusters(case: Case, pool: Pool) -> Ids | None:
    """The subject of each target, shape `(n_targets,)`; None where the unit of privacy is the row."""
    if case.member_subjects is None or case.non_member_subjects is None:
        return None
    subjects = np.empty(len(pool.row), dtype=np.int64)
    subjects[pool.member] = case.member_subjects[pool.row[pool.member]]
    subjects[~pool.member] = case.non_member_subjects[pool.row[~pool.member]]
    return subjects


def targets_of(case: Case, pool: Pool) -> Table:
    """The targets' rows in the order of the pool, over the case's dictionaries."""
    codes = np.empty((len(pool.row), len(case.members.columns)), dtype=np.int32, order="F")
    codes[pool.member] = case.members.codes[pool.row[pool.member]]
    codes[~pool.member] = held_out(case).codes[pool.row[~pool.member]]
    return Table(columns=case.members.columns, codes=read_only(codes))


def texts_of_pool(case: Case, pool: Pool) -> Rows:
    """Where a pass has the targets, in the order of the pool: the members first, then the non-members."""
    return np.where(pool.member, pool.row, len(case.members) + pool.row)
