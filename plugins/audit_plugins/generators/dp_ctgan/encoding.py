"""Rows as one-hot modes: categories as they are, numbers by intervals that hold about equally many rows.

The modes come from counts that have noise already, so they cost nothing more. Xu et al. (2019, section 4.2) fit a
Gaussian mixture to each number and learn the place within a mode as well; here the place is drawn from the noisy counts
of the finer cells: a mixture has no place for the value that half of all people have, and a learnt place would take
its share of every clipped gradient.
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from audit_core.guarantee import NoisyCounts
from audit_core.ledger_words import code
from audit_core.tables import MISSING, Codes, Column, Table, coded, read_only
from audit_plugins.differential_privacy.meter import Meter, sigma_of
from audit_plugins.differential_privacy.noise import NoiseSource
from audit_plugins.generators.dp_ctgan.domain import Domain

MODES = 24
"""How many modes a number has at least, where the data have so many."""

LEAST = 3.0
"""Standard deviations of the noise that a missing cell, or one of values not kept, must reach to be there at all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Encoded:
    """One column's modes.

    Attributes:
        domain: Its cells.
        mode: Of each cell, shape `(n_cells,)`; -1 for a cell that is left out.
        shares: For each group of the target (one if there is none) the shares of the modes, shape
            `(n_groups, n_modes)`; rows sum to 1.
        weights: Of each cell, shape `(n_cells,)`, at least 0: how a value within a mode is drawn.
    """

    domain: Domain
    mode: NDArray[np.intp]
    shares: NDArray[np.float64]
    weights: NDArray[np.float64]

    def __len__(self) -> int:
        return int(self.shares.shape[1])


@dataclass(frozen=True, slots=True, kw_only=True)
class Encoding:
    """All columns' modes.

    Attributes:
        columns: In the table's order.
        target: The position of the column whose values are told apart in all counts; None if there is none.
        groups: The share of each of the target's modes, shape `(n_groups,)`.
        rows: How many rows there are, by the noisy counts.
    """

    columns: tuple[Encoded, ...]
    target: int | None
    groups: NDArray[np.float64]
    rows: float

    @property
    def ends(self) -> list[int]:
        """Where each column's one-hot block ends."""
        return list(itertools.accumulate(len(column) for column in self.columns))

    @property
    def width(self) -> int:
        """Of a row, one-hot."""
        return self.ends[-1]

    def modes(self, cells: NDArray[np.intp]) -> NDArray[np.intp]:
        """The mode of every row in every column, shape `(n_rows, n_columns)`; one left out counts as the first."""
        found = [np.maximum(column.mode[cells[:, at]], 0) for at, column in enumerate(self.columns)]
        return np.column_stack(found)

    def decoded(self, modes: NDArray[np.intp], like: Sequence[tuple[str, str]], rng: np.random.Generator) -> Table:
        """Rows with a value drawn in each mode.

        Args:
            like: Names and kinds of the columns.
        """
        columns, parts = [], []
        for at, (encoded, (name, kind)) in enumerate(zip(self.columns, like, strict=True)):
            column, codes = _values(encoded, modes[:, at], name, kind, rng)
            columns.append(column)
            parts.append(codes)
        return Table(columns=tuple(columns), codes=read_only(np.column_stack(parts)))


def encoding(
    cells: NDArray[np.intp],
    domains: Sequence[Domain],
    target: int | None,
    meter: Meter,
    noise: NoiseSource,
    multiplier: float,
) -> Encoding:
    """The modes of all columns, from one table of noisy counts for each column, the target's values told apart.

    Args:
        cells: Of all rows, shape `(n_rows, n_columns)`.
        multiplier: The noise multiplier of all tables together.
    """
    sigma = sigma_of(multiplier, len(domains))
    purpose = code("column-counts") if target is None else code("column-counts-by", domains[target].name)
    meter.spend(NoisyCounts(purpose=purpose, sigma=sigma, tables=len(domains)))
    groups = 1 if target is None else len(domains[target])
    group = np.zeros(len(cells), dtype=np.intp) if target is None else cells[:, target]
    tables = []
    for at, domain in enumerate(domains):
        flat = group * len(domain) + cells[:, at]
        exact = np.bincount(flat, minlength=groups * len(domain)).reshape(groups, len(domain))
        tables.append(noise.counts(exact, sigma).astype(np.float64))
    totals, deviation = _totals(tables, target, sigma)
    if target is None:
        shares = np.ones(1)
        kept = None
    else:
        kept = _present(domains[target], totals, deviation)
        tables = [table[kept] for table in tables]
        shares = np.maximum(totals[kept], 1.0)
        own = np.zeros((len(kept), len(domains[target])))
        own[np.arange(len(kept)), kept] = shares
        tables[target] = own
    rows = max(float(totals.sum()), 1.0)
    columns = tuple(
        _encoded(domain, table, sigma, keep=kept if at == target else None)
        for at, (domain, table) in enumerate(zip(domains, tables, strict=True))
    )
    return Encoding(columns=columns, target=target, groups=shares / shares.sum(), rows=rows)


def _totals(tables: list[NDArray[np.float64]], target: int | None, sigma: float) -> tuple[NDArray[np.float64], float]:
    """How many rows each group has, from all tables, and the standard deviation of that.

    Each table's row sums estimate it, with the noise of as many cells; they are weighed by that. Of the target's own
    table only the cells on the diagonal can have rows.
    """
    sums = [np.diag(table) if at == target else table.sum(axis=1) for at, table in enumerate(tables)]
    weights = np.array([1.0 if at == target else 1 / table.shape[1] for at, table in enumerate(tables)])
    return np.average(sums, axis=0, weights=weights), sigma / float(weights.sum()) ** 0.5


def _present(domain: Domain, counts: NDArray[np.float64], sigma: float) -> NDArray[np.intp]:
    """The cells there are: declared or kept ones always, rare and missing ones where noise hardly explains them."""
    always = len(domain.words) if domain.numbers is None else len(domain.numbers)
    found = np.flatnonzero((np.arange(len(domain)) < always) | (counts > LEAST * sigma))
    return found if len(found) else np.arange(1)


def _encoded(domain: Domain, table: NDArray[np.float64], sigma: float, keep: NDArray[np.intp] | None) -> Encoded:
    counts = np.maximum(table.sum(axis=0), 0.0)
    present = _present(domain, counts, sigma) if keep is None else keep
    mode = np.full(len(domain), -1, dtype=np.intp)
    if domain.numbers is None:
        mode[present] = np.arange(len(present))
    else:
        numbers = present[present < len(domain.numbers)]
        mode[numbers] = _merged(counts[numbers])
        for cell in present[present >= len(domain.numbers)]:
            mode[cell] = mode.max() + 1
    size = int(mode.max()) + 1
    there = mode >= 0
    shares = np.stack([np.bincount(mode[there], group[there], minlength=size) for group in table])
    shares = np.maximum(shares, 0.5)
    return Encoded(domain=domain, mode=mode, shares=shares / shares.sum(axis=1, keepdims=True), weights=counts)


def _merged(counts: NDArray[np.float64]) -> NDArray[np.intp]:
    """The mode of each cell: neighbours together until they hold their share; who holds it alone stays alone."""
    share = counts.sum() / MODES
    mode, current, held = np.zeros(len(counts), dtype=np.intp), 0, 0.0
    for cell, count in enumerate(counts):
        if cell and (held >= share or (count >= share and held > 0)):
            current, held = current + 1, 0.0
        mode[cell] = current
        held += count
    return mode


def _values(
    encoded: Encoded, modes: NDArray[np.intp], name: str, kind: str, rng: np.random.Generator
) -> tuple[Column, Codes]:
    """A value in each mode, the missing ones' missing."""
    cells = np.empty(len(modes), dtype=np.intp)
    for mode in np.unique(modes):
        within = np.flatnonzero(encoded.mode == mode)
        weights = encoded.weights[within]
        chances = weights / weights.sum() if weights.sum() > 0 else None
        here = modes == mode
        cells[here] = rng.choice(within, int(here.sum()), p=chances)
    domain = encoded.domain
    missing = cells == domain.missing
    if domain.numbers is not None:
        values = np.full(len(cells), np.nan)
        values[~missing] = domain.numbers.draw(cells[~missing], rng)
        return coded(name, kind, values)  # type: ignore[arg-type]
    words = np.array(domain.words, dtype=object)
    rare = (cells == len(domain.words)) & ~missing
    if rare.any() and len(words):  # which rare value it was is not known: any that is
        chances = encoded.weights[: len(words)]
        cells[rare] = rng.choice(len(words), int(rare.sum()), p=chances / chances.sum() if chances.sum() > 0 else None)
    elif rare.any():
        missing |= rare
    codes = np.where(missing, MISSING, np.minimum(cells, max(len(words) - 1, 0))).astype(np.int32)
    return Column(name=name, kind="category", values=words), codes
