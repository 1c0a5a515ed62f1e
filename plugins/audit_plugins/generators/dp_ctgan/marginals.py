"""How far the rows that the generator makes are from the noisy counts of columns and of pairs of them."""

from collections.abc import Sequence

import torch
from torch import Tensor

from audit_plugins.generators.dp_ctgan.dependencies import Dependency
from audit_plugins.generators.dp_ctgan.encoding import Encoding
from audit_plugins.generators.dp_ctgan.networks import spans

_LEAST = 1e-6
_LEAST_OF_PAIR = 1e-4
"""Added to shares in logarithms: a cell that no fake row is in must not weigh without end."""


class Marginals:
    """The shares of modes within each group of the target: of each column, and of the pairs that go together.

    They were paid for already, and to learn from them takes no real row: most of what the discriminator would have to
    find out under noise is known from here.

    References:
        Liu, Vietri & Wu (2021), Iterative methods for private synthetic data: unifying framework and new methods,
        section 4 (generative networks fitted to noisy answers).
    """

    def __init__(self, encoding: Encoding, tree: Sequence[Dependency]) -> None:
        """Takes the shares."""
        self._blocks = spans(encoding.ends)
        self._target = encoding.target
        self._groups = torch.tensor(encoding.groups, dtype=torch.float32)
        self._shares = [torch.tensor(column.shares, dtype=torch.float32) for column in encoding.columns]
        self._known = [(shares * torch.log(shares + _LEAST)).sum(dim=1) for shares in self._shares]
        self._pairs = [(one.left, one.right, torch.tensor(one.shares, dtype=torch.float32)) for one in tree]
        self._known_of_pair = [
            (shares * torch.log(shares + _LEAST_OF_PAIR)).sum(dim=(1, 2)) for *_, shares in self._pairs
        ]

    def loss(self, rows: Tensor) -> Tensor:
        """Two means of Kullback-Leibler divergences of the rows' shares from the counted ones: columns', and pairs'.

        Args:
            rows: Soft one-hot, shape `(n_rows, width)`; the target's block tells a row's group.
        """
        if self._target is None:
            member = torch.ones((len(rows), 1))
        else:
            start, end = self._blocks[self._target]
            member = rows[:, start:end].detach()
        member = member / member.sum(dim=0).clamp(min=1.0)
        means = member.T @ rows
        loss = torch.zeros(())
        for at, (start, end) in enumerate(self._blocks):
            if at != self._target:
                cross = (self._shares[at] * torch.log(means[:, start:end] + _LEAST)).sum(dim=1)
                loss = loss + (self._groups * (self._known[at] - cross)).sum() / len(self._blocks)
        for (left, right, shares), known in zip(self._pairs, self._known_of_pair, strict=True):
            of_left, of_right = (rows[:, slice(*self._blocks[at])] for at in (left, right))
            together = torch.stack([(of_left * weight[:, None]).T @ of_right for weight in member.T])
            cross = (shares * torch.log(together + _LEAST_OF_PAIR)).sum(dim=(1, 2))
            loss = loss + (self._groups * (known - cross)).sum() / len(self._pairs)
        return loss
