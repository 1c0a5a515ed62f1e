"""The two networks, and what is put into them."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

LATENT = 128
TEMPERATURE = 0.5
"""Of the Gumbel softmax; Jang, Gu & Poole (2017)."""


class Generator(nn.Module):
    """Latent noise and a condition in, a row's logits out.

    It never meets a real row, so its batch normalisation is no business of the guarantee.
    """

    def __init__(self, condition: int, width: int, hidden: int, layers: int) -> None:
        """Takes the widths of the condition, of a row and of the hidden layers, and how many of these there are."""
        super().__init__()
        parts: list[nn.Module] = []
        size = LATENT + condition
        for _ in range(layers):
            parts += [nn.Linear(size, hidden), nn.BatchNorm1d(hidden), nn.LeakyReLU(0.2)]
            size = hidden
        self.layers = nn.Sequential(*parts, nn.Linear(size, width))

    def forward(self, latent: Tensor, condition: Tensor) -> Tensor:
        """Logits, shape `(n_rows, width)`."""
        logits: Tensor = self.layers(torch.cat([latent, condition], dim=1))
        return logits


def discriminator(condition: int, width: int, hidden: int) -> nn.Sequential:
    """A row and its condition in, the logit of "real" out.

    One row at a time (pac = 1) and no normalisation over the batch: else no gradient would be one row's own.
    """
    return nn.Sequential(
        nn.Linear(width + condition, hidden),
        nn.LeakyReLU(0.2),
        nn.Linear(hidden, hidden),
        nn.LeakyReLU(0.2),
        nn.Linear(hidden, 1),
    )


def soft_rows(logits: Tensor, ends: Sequence[int], *, hard: bool, rng: torch.Generator) -> Tensor:
    """A draw from each column's block of logits: nearly one-hot, or exactly so where `hard`."""
    uniform = torch.rand(logits.shape, generator=rng).clamp_(1e-9, 1 - 1e-7)
    noisy = (logits - torch.log(-torch.log(uniform))) / TEMPERATURE
    blocks = [functional.softmax(noisy[:, start:end], dim=1) for start, end in spans(ends)]
    if hard:
        blocks = [functional.one_hot(block.argmax(dim=1), block.shape[1]).float() for block in blocks]
    return torch.cat(blocks, dim=1)


def spans(ends: Sequence[int]) -> list[tuple[int, int]]:
    """Start and end of each column's block."""
    return list(zip([0, *ends[:-1]], ends, strict=True))


def one_hot(modes: Tensor, ends: Sequence[int]) -> Tensor:
    """Rows of modes as one-hot blocks, shape `(n_rows, width)`."""
    starts = torch.tensor([start for start, _ in spans(ends)])
    rows = torch.zeros((len(modes), ends[-1]))
    rows.scatter_(1, modes + starts, 1.0)
    return rows
