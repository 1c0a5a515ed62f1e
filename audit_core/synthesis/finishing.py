"""From the rows a generator sampled to the rows that are released, and a record of every step.

No step looks at the members' rows but one that is warned of, `hash_rekey`; what is done to the rows after sampling
leaves a guarantee of the generator as it is.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from audit_core.errors import Problem
from audit_core.measurement import Reason
from audit_core.reading.files import TextTable
from audit_core.recipe import Recipe
from audit_core.seeds import stream
from audit_core.synthesis import made_up
from audit_core.synthesis.moved_dates import moved
from audit_core.synthesis.row_rules import SPARE, settled
from audit_core.tables import Column, Table, beside, coded, read_only
from audit_core.written.recipe import ColumnSpec
from audit_core.written.strategies import EnforceRange, NoRareCombinations, RowRule, as_iso_date, days_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """Rows to release, and what was done to get them, as coded sentences.

    Attributes:
        rejected: How many sampled rows the rules turned away.
    """

    table: Table
    steps: tuple[Reason, ...]
    rejected: int


def rows_to_sample(recipe: Recipe, rows: int) -> int:
    """How many rows a generator has to sample, so that some can be rejected."""
    return rows * SPARE if recipe.rules else rows


def id_problems(recipe: Recipe, rows: int, real: TextTable) -> list[Problem]:
    """Patterns by which a new id could equal a real one."""
    return [
        problem
        for name in recipe.columns_made("fresh")
        if (pattern := recipe.columns[name].pattern) is not None and name in real.columns
        for problem in made_up.taken_problem(pattern, rows, real.columns[name], f"columns.{name}.pattern")
    ]


def finish(sampled: Table, rows: int, recipe: Recipe, real: TextTable) -> Finished:
    """The rows to release.

    Args:
        sampled: What a generator made: `rows_to_sample` rows.
        rows: How many are released.
        real: The members' file.

    Raises:
        RunError: Not enough rows keep the rules.
    """
    columns = sorted(recipe.columns.items())
    if len(sampled) > rows:  # a generator may put its rows in any order, and the first are not to be a choice
        sampled = sampled.take(stream(recipe.seed, "generator", "pool").permutation(len(sampled)))
    steps = [
        Reason(code="step-coarsened", args={"column": name, "level": spec.hierarchy})
        for name, spec in columns
        if spec.hierarchy is not None
    ]
    steps += [
        Reason(code="step-distribution-kept", args={"column": name})
        for name, spec in columns
        if spec.preserve_distribution
    ]
    for name, spec in columns:
        if spec.jitter is not None:
            sampled = _jittered(sampled, name, spec)
            steps.append(Reason(code="step-jitter", args={"column": name, "days": days_of(spec.jitter)}))
    suppress = {name: spec.suppress_below for name, spec in columns if spec.suppress_below is not None}
    kept = settled(sampled, rows, suppress, recipe.row_rules)
    if recipe.rules:
        steps.append(Reason(code="step-sampled", args={"count": len(sampled), "rows": rows}))
    steps += [_rejected(rule, count, recipe) for rule, count in zip(recipe.row_rules, kept.rejected, strict=True)]
    steps += [
        Reason(code="step-suppressed", args={"column": name, "count": kept.suppressed[name], "below": below})
        for name, below in suppress.items()
    ]
    added = [(name, *_made(name, spec, rows, recipe.seed, real)) for name, spec in columns if spec.made is not None]
    new = [made_up.category(name, cells) for name, cells, _ in added]
    steps += [step for _, _, step in added]
    return Finished(table=_with(kept.table, new), steps=tuple(steps), rejected=sum(kept.rejected))


def _made(name: str, spec: ColumnSpec, rows: int, seed: int, real: TextTable) -> tuple[NDArray[np.object_], Reason]:
    """The cells of a column that no generator makes, and what they are."""
    if spec.made == "fresh":
        return made_up.fresh_ids(rows, spec.pattern), Reason(code="step-fresh-ids", args={"column": name})
    if spec.made == "hash_rekey":
        cells = made_up.rekeyed_ids(rows, real.columns[name])
        return cells, Reason(code="step-hashed-ids", args={"column": name})
    assert spec.made is not None  # noqa: S101 - for the type checker
    assert spec.locale is not None  # noqa: S101 - the recipe was checked
    cells = made_up.made_up(spec.made, spec.locale, rows, stream(seed, "generator", "made up", name))
    code = "step-made-up-names" if spec.made == "pii_name" else "step-made-up-addresses"
    return cells, Reason(code=code, args={"column": name, "locale": spec.locale, "version": made_up.faker_version()})


def _jittered(table: Table, name: str, spec: ColumnSpec) -> Table:
    """The table with one column's dates moved, by the system's randomness: the seed is on the card."""
    assert spec.jitter is not None  # noqa: S101 - for the type checker
    cells = moved(table.numbers(name), days_of(spec.jitter), spec.min, spec.max, np.random.default_rng())
    column, codes = coded(name, "date", cells)
    at = table.index(name)
    columns = (*table.columns[:at], column, *table.columns[at + 1 :])
    return Table(
        columns=columns, codes=read_only(np.column_stack([*table.codes.T[:at], codes, *table.codes.T[at + 1 :]]))
    )


def _rejected(rule: RowRule, count: int, recipe: Recipe) -> Reason:
    if isinstance(rule, NoRareCombinations):
        columns = ", ".join(rule.columns)
        return Reason(code="step-rare-combinations", args={"columns": columns, "below": rule.below, "count": count})
    return Reason(
        code="step-out-of-range",
        args={"column": rule.column, "range": _range(rule, recipe.columns[rule.column].kind), "count": count},
    )


def _range(rule: EnforceRange, kind: str | None) -> str:
    low, high = (
        "" if end is None else str(as_iso_date(end)) if kind == "date" else f"{end:g}" for end in (rule.min, rule.max)
    )
    return f"{low} – {high}" if low and high else f"≥ {low}" if low else f"≤ {high}"


def _with(table: Table, new: Sequence[tuple[Column, NDArray[np.int32]]]) -> Table:
    """The table with further columns."""
    if not new:
        return table
    codes = read_only(np.column_stack([codes for _, codes in new]))
    return beside(table, Table(columns=tuple(column for column, _ in new), codes=codes))
