"""Synthetic rows that break a rule are replaced by others, and cells with rare values are left empty.

All that is counted here are synthetic rows. It costs no privacy budget, and the counts are no secret.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from audit_core.errors import Problem, RunError
from audit_core.tables import MISSING, Table, read_only, row_ids
from audit_core.written.strategies import EnforceRange, NoRareCombinations, RowRule

SPARE = 2
"""Where rows may be rejected, this many times as many are sampled at once: a fit costs budget, a sample does not."""

ROUNDS = 20

_Rows = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """Rows that keep all rules.

    Attributes:
        rejected: For each rule, how many sampled rows it turned away; a row counts for the first rule it broke.
        suppressed: For each column, how many released cells were left empty.
    """

    table: Table
    rejected: tuple[int, ...]
    suppressed: dict[str, int]


def settled(pool: Table, rows: int, suppress: Mapping[str, int], rules: Sequence[RowRule]) -> Settled:
    """The first rows of a pool, those that break a rule replaced by further ones until none does.

    Rows and cells are counted among the rows to be released, again after each replacement. A value once suppressed
    stays suppressed; a missing cell is a value of its own in a combination.

    Args:
        pool: Exchangeable rows, at least `rows`.
        suppress: By column, the count below which a value is left out.

    Raises:
        RunError: The pool ran out, or some rows kept breaking a rule.
    """
    kept, used = np.arange(rows), rows
    blank = {name: np.zeros(len(pool.columns[pool.index(name)].values), dtype=bool) for name in suppress}
    rejected = [0] * len(rules)
    for _ in range(ROUNDS):
        table = pool.take(kept)
        for name, below in suppress.items():
            blank[name] |= _rare_values(table, name, below)
        table, suppressed = _blanked(table, blank)
        broken = np.zeros(rows, dtype=bool)
        for position, rule in enumerate(rules):
            its = _breaks(table, rule) & ~broken
            rejected[position] += int(its.sum())
            broken |= its
        if not broken.any():
            return Settled(table=table, rejected=tuple(rejected), suppressed=suppressed)
        wanted = int(broken.sum())
        if used + wanted > len(pool):
            break
        kept[broken] = np.arange(used, used + wanted)
        used += wanted
    what = f"of {len(pool):,} sampled rows not enough keep the rules: {int(broken.sum()):,} of {rows:,} still break one"
    fix = "Lower `below`, name fewer or coarser columns, or release more rows; a wider range rejects fewer"
    raise RunError(Problem(code="rules-not-met", what=what, where="rules", fix=fix))


def _rare_values(table: Table, name: str, below: int) -> _Rows:
    """Which values of a column's dictionary occur, but in fewer rows than `below`."""
    position = table.index(name)
    codes = table.codes[:, position]
    counts = np.bincount(codes[codes != MISSING], minlength=len(table.columns[position].values))
    return np.asarray((counts > 0) & (counts < below))


def _blanked(table: Table, blank: Mapping[str, _Rows]) -> tuple[Table, dict[str, int]]:
    """The table without the values that are left out, and how many cells that leaves empty in each column."""
    codes = table.codes.copy(order="F")
    emptied = {}
    for name, values in blank.items():
        position = table.index(name)
        out = np.append(values, False)[codes[:, position]]  # the last is a missing cell's
        codes[out, position] = MISSING
        emptied[name] = int(out.sum())
    return Table(columns=table.columns, codes=read_only(codes)), emptied


def _breaks(table: Table, rule: RowRule) -> _Rows:
    """Which rows break a rule, shape `(n_rows,)`."""
    if isinstance(rule, NoRareCombinations):
        (ids,) = row_ids(table.select(rule.columns))
        return np.asarray(np.bincount(ids)[ids] < rule.below)
    return _outside(table, rule)


def _outside(table: Table, rule: EnforceRange) -> _Rows:
    """Which rows have a number out of its range; a missing one is in it."""
    numbers = table.numbers(rule.column)
    low = -np.inf if rule.min is None else rule.min
    high = np.inf if rule.max is None else rule.max
    return np.asarray((numbers < low) | (numbers > high))
