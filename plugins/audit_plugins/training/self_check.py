"""Before a private training looks at records: are the gradients of the very model that is trained one record's own?

The records of these probes are made up, and the model is left as it was. Nothing is spent.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from audit_core.doctor.contract import Record
from audit_core.doctor.probes import UnsoundTraining
from audit_plugins.training.per_record_gradients import PerRecordGradients
from audit_plugins.training.techniques import trained_parameters
from audit_plugins.training.token_records import batch_of, losses

LENGTHS = ((1, 1, 12, 5), (9, 2))
"""Tokens of the made-up records of two batches."""


def refuse_unsound_gradients(model: nn.Module, vocabulary: int, clipping_norm: float) -> None:
    """Compares the sums of clipped gradients with those of a loop over single records, on two batches.

    Args:
        vocabulary: How many tokens the model knows.

    Raises:
        UnsoundTraining: They differ.
        NotPerRecord: A parameter has no gradient of each record.
    """
    with torch.random.fork_rng(devices=[]), _disturbed(model):
        torch.manual_seed(1)
        for lengths, norm in zip(LENGTHS, (clipping_norm, clipping_norm / 1000), strict=True):
            records = [_made_up(length, vocabulary) for length in lengths]
            with PerRecordGradients(model, len(records)) as gradients:
                found = torch.cat([one.flatten() for one in gradients.clipped_sum(records, norm)])
            expected = one_by_one(model, records, norm)
            if not float((found - expected).norm()) <= 1e-3 * float(expected.norm()):
                raise UnsoundTraining("the gradients of a batch are not those of its records")


def one_by_one(model: nn.Module, records: list[Record], clipping_norm: float) -> Tensor:
    """The sum of clipped gradients, by a backward pass for each record alone; flat."""
    parameters = list(trained_parameters(model).values())
    total = torch.zeros(sum(parameter.numel() for parameter in parameters))
    for one in records:
        loss = losses(model, batch_of([one])).sum()
        own = torch.cat([part.flatten() for part in torch.autograd.grad(loss, parameters)])
        total += own * min(1.0, clipping_norm / max(float(own.norm()), 1e-30))
    return total


def _made_up(length: int, vocabulary: int) -> Record:
    given, *learnt = torch.randint(vocabulary, (length + 1,)).tolist()
    return [given], learnt


@contextmanager
def _disturbed(model: nn.Module) -> Iterator[None]:
    """Moves what is trained a little: fresh adapters have factors of zero, behind which no gradient shows."""
    trained = trained_parameters(model).values()
    kept = [one.detach().clone() for one in trained]
    with torch.no_grad():
        for one in trained:
            one.add_(0.02 * torch.randn(one.shape, generator=torch.Generator().manual_seed(2)))
    try:
        yield
    finally:
        with torch.no_grad():
            for one, was in zip(trained, kept, strict=True):
                one.copy_(was)
