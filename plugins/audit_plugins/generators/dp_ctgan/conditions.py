"""Which value of which column a row is made for.

A real row's condition is its own value in a column that is chosen without a look at it; a fake row's is drawn from the
noisy counts. So no row is likelier to be in a batch for what it holds, and the coins of Poisson sampling stay the only
ones: to draw rows by category, as Xu et al. (2019, section 4.3) do, would void the amplification.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from audit_plugins.differential_privacy.noise import NoiseSource
from audit_plugins.generators.dp_ctgan.encoding import Encoding
from audit_plugins.generators.dp_ctgan.networks import spans


@dataclass(frozen=True, slots=True, kw_only=True)
class Conditions:
    """The columns that conditions are about.

    Attributes:
        columns: Their positions: the target alone where there is one, else every category.
        blocks: Start and end of each in a one-hot row.
        chances: For each, the share of each mode, by the noisy counts.
    """

    columns: tuple[int, ...]
    blocks: tuple[tuple[int, int], ...]
    chances: tuple[np.ndarray, ...]

    @property
    def width(self) -> int:
        """Of a condition."""
        return sum(end - start for start, end in self.blocks)

    def real(self, rows: Tensor, noise: NoiseSource) -> Tensor:
        """Each real row's own value in a column drawn for it, shape `(n_rows, width)`.

        Drawn in secret and for each row by itself: by a stream that somebody could repeat, one row more would shift the
        columns of all rows after it, and the stream would tell how many rows there were.
        """
        if not self.columns:
            return rows[:, :0]
        drawn = torch.from_numpy(noise.choices(len(self.columns), len(rows)))
        parts = [rows[:, start:end] * (drawn == at)[:, None] for at, (start, end) in enumerate(self.blocks)]
        return torch.cat(parts, dim=1)

    def fake(self, n: int, rng: np.random.Generator) -> tuple[Tensor, np.ndarray, np.ndarray]:
        """As many conditions, the column that each is about (an index into `columns`), and the mode asked for."""
        condition = torch.zeros((n, self.width))
        if not self.columns:
            return condition, np.zeros(n, dtype=np.intp), np.zeros(n, dtype=np.intp)
        about = rng.integers(len(self.columns), size=n)
        asked = np.empty(n, dtype=np.intp)
        start = 0
        for at, chances in enumerate(self.chances):
            here = np.flatnonzero(about == at)
            asked[here] = rng.choice(len(chances), len(here), p=chances)
            condition[here, start + asked[here]] = 1.0
            start += len(chances)
        return condition, about, asked


def conditions(encoding: Encoding) -> Conditions:
    """The conditions of a table."""
    if encoding.target is not None:
        columns: tuple[int, ...] = (encoding.target,)
        chances: tuple[np.ndarray, ...] = (encoding.groups,)
    else:
        columns = tuple(at for at, column in enumerate(encoding.columns) if column.domain.numbers is None)
        chances = tuple(encoding.columns[at].shares[0] for at in columns)
    every = spans(encoding.ends)
    return Conditions(columns=columns, blocks=tuple(every[at] for at in columns), chances=chances)
