"""Records as tokens, in batches, and the loss of each record by itself."""

import inspect
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from audit_core.doctor.contract import Record

UNLABELLED = -100


def record(prompt: Sequence[int], text: Sequence[int], *, start: int, end: int, context: int) -> Record:
    """A text's tokens as a record, cut where the model's context ends."""
    given = [start, *prompt][:context]
    return given, [*text, end][: context - len(given)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Some records side by side, filled up on the right.

    Attributes:
        tokens: Shape `(n_records, longest)`.
        attended: 1 where a record is, 0 where it was filled up; the same shape.
        labels: The tokens that are learnt, each at its own place, and `UNLABELLED` elsewhere; the same shape.
    """

    tokens: Tensor
    attended: Tensor
    labels: Tensor


def batch_of(records: Sequence[Record]) -> Batch:
    """Some records side by side."""
    longest = max(len(given) + len(learnt) for given, learnt in records)
    tokens = torch.zeros((len(records), longest), dtype=torch.long)
    attended = torch.zeros_like(tokens)
    labels = torch.full_like(tokens, UNLABELLED)
    for row, (given, learnt) in enumerate(records):
        end = len(given) + len(learnt)
        tokens[row, :end] = torch.tensor([*given, *learnt])
        attended[row, :end] = 1
        labels[row, len(given) : end] = torch.tensor(learnt, dtype=torch.long)
    return Batch(tokens=tokens, attended=attended, labels=labels)


def portions(records: Sequence[Record], size: int) -> Iterator[Sequence[Record]]:
    """All records, at most `size` at a time, those of like lengths together: less is filled up."""
    by_length = sorted(records, key=lambda one: len(one[0]) + len(one[1]))
    for at in range(0, len(by_length), size):
        yield by_length[at : at + size]


def losses(model: nn.Module, batch: Batch) -> Tensor:
    """The mean over each record's own labels of -log p, in nats; shape `(n_records,)`; 0 for a record without a label.

    A mean over the labels of all records would weigh each record by the lengths of the others, and the clipped
    gradient of one would depend on who else is there.
    """
    rows, width = batch.tokens.shape
    arguments: dict[str, Any] = {"input_ids": batch.tokens, "attention_mask": batch.attended, "use_cache": False}
    if _takes_positions(model):  # made by the model itself, they would have no place for each record
        arguments["position_ids"] = torch.arange(width).expand(rows, -1)
    logits = model(**arguments).logits[:, -width:-1]
    labels = batch.labels[:, 1:]
    learnt = labels != UNLABELLED
    each = functional.cross_entropy(logits[learnt].float(), labels[learnt], reduction="none")
    counts = learnt.sum(dim=1).clamp(min=1)
    record_of = torch.arange(rows).unsqueeze(1).expand_as(labels)[learnt]
    return torch.zeros(rows).index_add(0, record_of, each / counts[record_of])


def _takes_positions(model: nn.Module) -> bool:
    network: Any = model.get_base_model() if hasattr(model, "get_base_model") else model  # type: ignore[operator]
    return "position_ids" in inspect.signature(network.forward).parameters
