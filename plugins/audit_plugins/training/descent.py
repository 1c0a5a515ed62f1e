"""Steps without a guarantee: the gradients of a batch as they are."""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from audit_core.doctor.contract import Record
from audit_plugins.training.token_records import batch_of, losses, portions


def shuffled(records: int, batch: int, epochs: float, rng: np.random.Generator) -> list[NDArray[np.intp]]:
    """The batches of a training: every record once an epoch, in a new order; part of the last epoch where asked."""
    batch = min(batch, records)
    steps = max(1, round(epochs * records / batch))
    order = np.concatenate([rng.permutation(records) for _ in range(-(-steps * batch // records))])
    return [order[at * batch : (at + 1) * batch] for at in range(steps)]


def sampled(records: int, rate: float, steps: int, rng: np.random.Generator) -> list[NDArray[np.intp]]:
    """The batches of a training that draws as a private one does: each record by a coin of its own."""
    return [np.flatnonzero(rng.random(records) < rate) for _ in range(steps)]


def add_gradients(model: nn.Module, records: Sequence[Record], over: float, portion: int) -> float:
    """Leaves in the parameters the gradient of the records' summed losses over a number.

    Args:
        portion: How many records are looked at at a time, for memory only.

    Returns:
        Those losses over that number.
    """
    total = 0.0
    for parameter in model.parameters():
        parameter.grad = torch.zeros_like(parameter) if parameter.requires_grad else None
    for part in portions(records, portion):
        loss = losses(model, batch_of(part)).sum() / over
        torch.autograd.backward(loss)
        total += loss.item()
    return total
