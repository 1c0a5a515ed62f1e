"""What attacks would hit without a leak, judged from the real rows alone; the release counts with its size only."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from audit_core.case import Case
from audit_core.inquiry.hidden_value import asked_about, strata
from audit_core.tables import Table, row_ids

Rows = NDArray[np.bool_]

_LOOKED_AT = 2_000  # rows that a guess is tried on
_MOST_GROUPS = 64  # values of a column that are told apart; the rarest count as one


@dataclass(frozen=True, slots=True, kw_only=True)
class SingleRows:
    """Rows whose values occur once in members and non-members together.

    Attributes:
        members, others: Which rows, shapes `(n_members,)` and `(n_non_members,)`.
        chance: The share of them that a fresh sample as large as the release would hit.
        growth: How many more of them one more row brings; below 0 where it rather repeats one.
    """

    members: Rows
    others: Rows
    chance: float
    growth: float


def single_rows(case: Case) -> SingleRows:
    """The rows that a comparison of copies rests on, without columns that nearly everybody has alone.

    Of N rows f1 have a value that occurs once, f2 values occur twice. One more row of the population has some value
    of the f1 with probability 2 f2 / N, so each is hit by R rows with about 1 - exp(-2 R f2 / (N f1)) on average, and
    with N the f1 grow by (f1 - 2 f2) / N.

    References:
        Good (1953), The population frequencies of species and the estimation of population parameters.
    """
    singular = set(case.singular)
    names = [name for name in case.members.names if name not in singular] or list(case.members.names)
    tables = [table.select(names) for table in (case.members, case.non_members) if table is not None]
    ids = row_ids(*tables) if names else tuple(np.zeros(len(table), dtype=np.int64) for table in tables)
    values, counts = np.unique(np.concatenate(ids), return_counts=True)
    rows, once, twice = int(counts.sum()), int((counts == 1).sum()), int((counts == 2).sum())
    members, *others = (np.isin(each, values[counts == 1]) for each in ids)
    return SingleRows(
        members=members,
        others=others[0] if others else np.zeros(0, dtype=np.bool_),
        chance=-math.expm1(-2 * len(case.release) * twice / (rows * once)) if once else 0.0,
        growth=(once - 2 * twice) / rows if rows else 0.0,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Guessed:
    """How a secret would be asked about, and how often guesses would be right.

    Attributes:
        targets: Non-members who are asked about; 0 where there is nothing to guess.
        times: Members for each of them.
        blind: The share of targets in the largest group: who always guesses it is right so often.
        informed: How often naive Bayes is right about non-members, taught on members: what an honest release can tell.
    """

    targets: int
    times: int
    blind: float
    informed: float


def guessed(case: Case, secret: str, known: Sequence[str], most: int) -> Guessed:
    """How a secret would be guessed; the members stand in for non-members where there are none.

    Args:
        most: Non-members at most.

    References:
        Domingos & Pazzani (1997), On the optimality of the simple Bayesian classifier under zero-one loss.
    """
    others = case.members if case.non_members is None else case.non_members
    inside, outside = strata(case.members.select([secret]), others.select([secret]))
    taken, times = asked_about(inside, outside, most)
    if times == 0:
        return Guessed(targets=0, times=0, blind=0.0, informed=0.0)
    blind = float(taken.max() / taken.sum())
    looked_at = np.unique(np.linspace(0, len(others) - 1, _LOOKED_AT).astype(np.intp))
    guess = _naive_bayes(inside, case.members.select(known), others.select(known).take(looked_at))
    # Targets are taken evenly from the groups, so rows of a group count for as many as are taken of it.
    there = np.bincount(outside[looked_at], minlength=len(taken))
    weight = (taken / np.maximum(there, 1))[outside[looked_at]]
    informed = float(weight[guess == outside[looked_at]].sum() / weight.sum()) if weight.sum() else 0.0
    return Guessed(targets=int(taken.sum()), times=times, blind=blind, informed=max(blind, informed))


def _naive_bayes(groups: NDArray[np.intp], rows: Table, asked: Table) -> NDArray[np.intp]:
    """The likeliest of the commonest groups for each row asked about, all of them equally likely beforehand."""
    likely = np.argsort(-np.bincount(groups), kind="stable")[:_MOST_GROUPS]
    likely = likely[np.bincount(groups)[likely] > 0]
    place = np.full(groups.max() + 1, -1)
    place[likely] = np.arange(len(likely))
    taught = place[groups] >= 0
    score = np.zeros((len(asked), len(likely)))
    for name in rows.names:
        known, wanted = _coarse(*strata(rows.select([name]), asked.select([name])))
        width = 1 + int(max(known.max(initial=0), wanted.max(initial=0)))
        pairs = np.bincount(place[groups[taught]] * width + known[taught], minlength=len(likely) * width)
        seen = pairs.reshape(len(likely), width) + 1.0
        score += np.log(seen / seen.sum(axis=1, keepdims=True))[:, wanted].T
    return np.asarray(likely[score.argmax(axis=1)], dtype=np.intp)


def _coarse(*groups: NDArray[np.intp]) -> tuple[NDArray[np.intp], ...]:
    """The commonest groups as they are, numbered anew, and all others as one."""
    counts = np.bincount(np.concatenate(groups))
    place = np.full(len(counts), _MOST_GROUPS - 1)
    common = np.argsort(-counts, kind="stable")[: _MOST_GROUPS - 1]
    place[common] = np.arange(len(common))
    return tuple(place[each] for each in groups)
