"""Cuts the case into questions, and keeps the key.

Members and non-members are cut into the same folds. Where an attack sees a reference sample, the non-members of the
other fold are it: each is control once and reference once, and no record is in two pools of one question.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from audit_core.case import Case
from audit_core.questions import Asset, Membership, Neighbours
from audit_core.tables import Ids, Table, read_only, with_own_dictionaries

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


def cut(case: Case, *, with_reference: bool, rng: np.random.Generator) -> tuple[Pool, ...]:
    """The pools of a membership question: one, or one for each of two folds where there is a reference.

    Args:
        rng: Secret: who can repeat it knows the key.

    Raises:
        ValueError: The case has no non-members.
    """
    if case.non_members is None:
        raise ValueError("membership needs non-members")
    folds = 2 if with_reference else 1
    member_fold = _folds(len(case.members), case.member_subjects, folds, rng)
    control_fold = _folds(len(case.non_members), case.non_member_subjects, folds, rng)
    pools = []
    for fold in range(folds):
        members, controls = np.flatnonzero(member_fold == fold), np.flatnonzero(control_fold == fold)
        order = rng.permutation(len(members) + len(controls))
        pools.append(
            Pool(
                member=np.repeat([True, False], [len(members), len(controls)])[order],
                row=np.concatenate([members, controls])[order],
                reference=np.flatnonzero(control_fold != fold),
            )
        )
    return tuple(pools)


def _folds(n: int, subjects: Ids | None, folds: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """A fold for each row, of equal size up to one row or subject; all rows of a subject share theirs."""
    units = np.arange(n) if subjects is None else np.unique(subjects, return_inverse=True)[1]
    fold_of_unit = rng.permutation(np.arange(units.max(initial=-1) + 1) % folds)
    return fold_of_unit[units]


def clusters(case: Case, pool: Pool) -> Ids | None:
    """The subject of each target, shape `(n_targets,)`; None where the unit of privacy is the row."""
    if case.member_subjects is None or case.non_member_subjects is None:
        return None
    subjects = np.empty(len(pool.row), dtype=np.int64)
    subjects[pool.member] = case.member_subjects[pool.row[pool.member]]
    subjects[~pool.member] = case.non_member_subjects[pool.row[~pool.member]]
    return subjects


def question_of(case: Case, pool: Pool, sees: frozenset[Asset], neighbours: dict[Asset, Neighbours]) -> Membership:
    """The question of a pool: its targets and what the attacker sees, in dictionaries of their own."""
    if case.non_members is None:
        raise ValueError("membership needs non-members")
    codes = np.empty((len(pool.row), len(case.members.columns)), dtype=np.int32, order="F")
    codes[pool.member] = case.members.codes[pool.row[pool.member]]
    codes[~pool.member] = case.non_members.codes[pool.row[~pool.member]]
    tables = {"targets": Table(columns=case.members.columns, codes=read_only(codes))}
    if Asset.RELEASE in sees:
        tables["release"] = case.release
    if Asset.REFERENCE in sees:
        tables["reference"] = case.non_members.take(pool.reference)
    shown = dict(zip(tables, with_own_dictionaries(*tables.values()), strict=True))
    return Membership(
        targets=shown["targets"],
        release=shown.get("release"),
        reference=shown.get("reference"),
        neighbours=neighbours,
    )
