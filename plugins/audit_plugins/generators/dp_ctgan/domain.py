"""Which values a column can have: declared by the recipe, or bought from the budget."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from audit_core.guarantee import KeptValues, NoisyCounts
from audit_core.ledger_words import code
from audit_core.refit import Schema
from audit_core.tables import MISSING, Column, Table
from audit_plugins.differential_privacy.meter import Meter, sigma_of
from audit_plugins.differential_privacy.noise import NoiseSource
from audit_plugins.generators.dp_ctgan.cells import MAGNITUDES, NumberCells, number_cells

CERTAIN = 6.0
"""Standard deviations of the noise above which a count is taken for people and not for noise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Domain:
    """The cells of one column. A missing cell is one more, the last.

    Attributes:
        name: Of the column.
        numbers: The cells of a number; None for a category.
        words: The values of a category, a cell each.
        rare: Whether a category has one more cell, before the missing one, for all values that were not kept.
    """

    name: str
    numbers: NumberCells | None = None
    words: tuple[str, ...] = ()
    rare: bool = False

    @property
    def missing(self) -> int:
        """The cell of a missing value."""
        return len(self.words) + self.rare if self.numbers is None else len(self.numbers)

    def __len__(self) -> int:
        return self.missing + 1

    def cells(self, column: Column, codes: NDArray[np.int32]) -> NDArray[np.intp]:
        """The cell of each row; a word that is not among the values counts as missing where nothing is rare."""
        if self.numbers is not None:
            of_value = self.numbers.of(column.values.astype(np.float64))
        else:
            known = {word: cell for cell, word in enumerate(self.words)}
            of_value = np.array([known.get(str(word), len(self.words)) for word in column.values], dtype=np.intp)
        return np.append(of_value, self.missing)[np.where(codes == MISSING, len(column.values), codes)]


def domains(table: Table, schema: Schema, meter: Meter, noise: NoiseSource, multiplier: float) -> list[Domain]:
    """The domain of each column.

    Bounds that are not declared are the outermost powers of two with a count that noise alone hardly has; values that
    are not declared are those whose noisy count reaches a threshold. All of it is one table of counts for each such
    column, paid for as one mechanism.

    Args:
        multiplier: The noise multiplier of that mechanism.

    References:
        Wilson et al. (2020), Differentially private SQL with bounded user contribution, section 5.1 (bounds);
        Desfontaines, Voss, Gipson & Mandayam (2022), Differentially private partition selection (thresholds).
    """
    bought = [column for column in table.columns if not _is_declared(column, schema)]
    found: Mapping[str, Domain] = {}
    if bought:
        sigma = sigma_of(multiplier, len(bought))
        words = [column for column in bought if not column.numeric]
        delta = meter.delta / 10 / max(len(words), 1)  # a tenth of all, for all thresholds together
        threshold = 1 + sigma * (2 * np.log(1 / delta)) ** 0.5
        meter.spend(NoisyCounts(purpose=code("column-domains"), sigma=sigma, tables=len(bought)))
        if words:
            purpose = code("occurring-values")
            kept = KeptValues(
                purpose=purpose,
                threshold=float(threshold),
                sigma=sigma,
                tables=len(words),
                delta=delta * len(words),
            )
            meter.spend(kept)
        found = {
            column.name: _bounded(table, column, sigma, noise)
            if column.numeric
            else _kept(table, column, sigma, float(threshold), noise)
            for column in bought
        }
    return [found.get(column.name) or _declared(column, schema) for column in table.columns]


def all_declared(table: Table, schema: Schema) -> bool:
    """Whether no bound and no value has to be bought."""
    return all(_is_declared(column, schema) for column in table.columns)


def public_facts(table: Table, schema: Schema) -> tuple[list[str], list[str]]:
    """What the recipe declares of the columns, and what was inferred from the data without being paid for."""
    public: list[str] = []
    outside: list[str] = []
    for column in table.columns:
        its = schema[column.name]
        (outside if its.kind is None else public).append(code("kind", column.name))
        if _is_declared(column, schema):
            public.append(code("bounds" if column.numeric else "values", column.name))
    return public, outside


def _is_declared(column: Column, schema: Schema) -> bool:
    its = schema[column.name]
    return (its.low is not None and its.high is not None) if column.numeric else its.values is not None


def _declared(column: Column, schema: Schema) -> Domain:
    its = schema[column.name]
    if column.numeric and its.low is not None and its.high is not None:
        return Domain(name=column.name, numbers=number_cells(column.kind, its.low, its.high))
    return Domain(name=column.name, words=tuple(sorted(its.values or ())))


def _bounded(table: Table, column: Column, sigma: float, noise: NoiseSource) -> Domain:
    """Bounds from counts between powers of two."""
    grid = NumberCells(kind="number", edges=MAGNITUDES)
    codes = table.codes[:, table.index(column.name)]
    present = grid.of(column.values.astype(np.float64))[codes[codes != MISSING]]
    noisy = noise.counts(np.bincount(present, minlength=len(grid)), sigma)
    people = np.flatnonzero(noisy > CERTAIN * sigma)
    if not len(people):
        return Domain(name=column.name, numbers=number_cells(column.kind, 0.0, 1.0))
    low, high = grid.edges[people[0]], grid.edges[people[-1] + 1]
    if column.kind != "number":
        low, high = np.floor(low), np.ceil(high)
    return Domain(name=column.name, numbers=number_cells(column.kind, float(low), float(high)))


def _kept(table: Table, column: Column, sigma: float, threshold: float, noise: NoiseSource) -> Domain:
    """The values that occur and whose noisy count reaches the threshold."""
    codes = table.codes[:, table.index(column.name)]
    exact = np.bincount(codes[codes != MISSING], minlength=len(column.values))
    noisy = noise.counts(exact, sigma)
    kept = sorted(str(word) for word, count in zip(column.values, noisy, strict=True) if count >= threshold)
    return Domain(name=column.name, words=tuple(kept), rare=True)


def all_cells(table: Table, domains: Sequence[Domain]) -> NDArray[np.intp]:
    """The cell of every row in every column, shape `(n_rows, n_columns)`."""
    columns = [
        domain.cells(column, table.codes[:, at])
        for at, (column, domain) in enumerate(zip(table.columns, domains, strict=True))
    ]
    return np.column_stack(columns)
