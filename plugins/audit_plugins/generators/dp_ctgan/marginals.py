"""How far the rows that the generator makes are from the noisy counts of each column."""

import torch
from torch import Tensor

from audit_plugins.generators.dp_ctgan.encoding import Encoding
from audit_plugins.generators.dp_ctgan.networks import spans

_LEAST = 1e-6


class Marginals:
    """The shares of each column's modes within each group of the target.

    They were paid for already, and to learn from them takes no real row: most of what the discriminator would have to
    find out under noise is known from here.

    References:
        Liu, Vietri & Wu (2021), Iterative methods for private synthetic data: unifying framework and new methods,
        section 4 (generative networks fitted to noisy answers).
    """

    def __init__(self, encoding: Encoding) -> None:
        """Takes the shares."""
        self._blocks = spans(encoding.ends)
        self._target = encoding.target
        self._groups = encoding.groups.tolist()
        self._shares = [torch.tensor(column.shares, dtype=torch.float32) for column in encoding.columns]
        self._known = [(shares * torch.log(shares + _LEAST)).sum(dim=1) for shares in self._shares]

    def loss(self, rows: Tensor) -> Tensor:
        """The mean over columns of the Kullback-Leibler divergence of the rows' shares from the counted ones.

        Args:
            rows: Soft one-hot, shape `(n_rows, width)`; the target's block tells a row's group.
        """
        if self._target is None:
            member = torch.ones((len(rows), 1))
        else:
            start, end = self._blocks[self._target]
            member = rows[:, start:end].detach()
        totals = member.sum(dim=0).clamp(min=1.0)
        means = (member.T @ rows) / totals[:, None]
        loss = torch.zeros(())
        for at, (start, end) in enumerate(self._blocks):
            if at == self._target:
                continue
            cross = (self._shares[at] * torch.log(means[:, start:end] + _LEAST)).sum(dim=1)
            for group, share in enumerate(self._groups):
                loss = loss + share * (self._known[at][group] - cross[group])
        return loss / len(self._blocks)
