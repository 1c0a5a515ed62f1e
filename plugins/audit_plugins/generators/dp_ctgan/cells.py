"""The cells in which a column's values are counted: drawn up without a look at the data."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from audit_core.tables import Kind

EVERY_NUMBER = 256
"""Whole numbers within so wide a range have a cell each."""

EVEN, HALVINGS = 64, 20

MAGNITUDES = np.concatenate([-(2.0 ** np.arange(40, -21, -1)), [0.0], 2.0 ** np.arange(-20, 41)])
"""Edges between which the bounds of a number are looked for where none are declared."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NumberCells:
    """Intervals `[edges[i], edges[i + 1])` of a number; a value outside counts in the nearest one.

    Attributes:
        edges: Ascending, shape `(n_cells + 1,)`.
    """

    kind: Kind
    edges: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.edges) - 1

    @property
    def whole(self) -> bool:
        """Whether only whole numbers occur."""
        return self.kind != "number"

    def of(self, values: NDArray[np.float64]) -> NDArray[np.intp]:
        """The cell of each value."""
        return np.clip(np.searchsorted(self.edges, values, side="right") - 1, 0, len(self) - 1)

    def draw(self, cells: NDArray[np.intp], rng: np.random.Generator) -> NDArray[np.float64]:
        """A value in each cell, uniformly; rounded to what a person would write."""
        low, high = self.edges[cells], self.edges[cells + 1]
        drawn = low + (high - low) * rng.random(len(cells))
        if self.whole:
            return np.floor(drawn)
        return np.clip(np.round(drawn, self._places), self.edges[0], self.edges[-1])

    @property
    def _places(self) -> int:
        """Decimal places, by the range alone: the data's own would tell something of them."""
        return int(np.clip(4 - np.floor(np.log10(max(self.edges[-1] - self.edges[0], 1e-9))), 0, 9))


def number_cells(kind: Kind, low: float, high: float) -> NumberCells:
    """Cells between two bounds: even ones, and ever finer ones towards both bounds and zero.

    Amounts of money are often zero, and otherwise of every magnitude: even cells alone would put most into one.
    """
    whole = kind != "number"
    if whole and high - low < EVERY_NUMBER:
        return NumberCells(kind=kind, edges=np.arange(np.floor(low), np.floor(high) + 2))
    span = max(high - low, 1.0 if whole else 1e-9)
    fine = span * 2.0 ** -np.arange(1, HALVINGS + 1)
    anchors = [low, high, *([0.0] if low < 0 < high else [])]
    finer = [part for anchor in anchors for part in (anchor - fine, anchor + fine)]
    edges = np.concatenate([np.linspace(low, high, EVEN + 1), *finer])
    edges = edges[(edges >= low) & (edges <= high)]
    if whole:
        return NumberCells(kind=kind, edges=np.unique(np.append(np.round(edges), np.floor(high) + 1)))
    exact = [low, *([0.0] if low <= 0 <= high else [])]  # the values that are likeliest to be repeated exactly
    return NumberCells(kind=kind, edges=np.unique(np.concatenate([edges, exact, np.nextafter([*exact, high], np.inf)])))
