"""Greedy decoding of many prefixes."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from audit_plugins.training.chosen_places import said

AT_ONCE, MOST_TOKENS = 64, 8192
"""Prefixes that are decoded side by side, and tokens of which keys and values are kept, at most."""

NOTHING = -1


@torch.inference_mode()
def greedy(
    network: nn.Module, prefixes: Sequence[Sequence[int]], length: int, *, end: int, context: int
) -> NDArray[np.int32]:
    """The most likely token after each prefix, and so on.

    None is filled up, so each is decoded as it would be by itself: side by side, all are read as far as the shortest
    goes, and then each gets its own next token, of its prefix as long as there is one and of its continuation after.

    Args:
        prefixes: Of one token at least.
        end: The token that ends a record.
        context: The most tokens that the network takes.

    Returns:
        Shape `(n_prefixes, length)`; `NOTHING` from the end of a record on, or of the context.
    """
    found = np.full((len(prefixes), length), NOTHING, dtype=np.int32)
    for rows in _batches([len(prefix) for prefix in prefixes], length, context) if length else ():
        found[rows] = _decoded(network, [prefixes[row] for row in rows], length, end, context)
    return found


def _batches(sizes: Sequence[int], length: int, context: int) -> Iterator[list[int]]:
    """Prefixes of like sizes; those that fill the context stay out."""
    rows = list[int]()
    for row in sorted((row for row, size in enumerate(sizes) if size <= context), key=lambda row: sizes[row]):
        longest = sizes[row] + length
        if rows and (
            len(rows) == AT_ONCE
            or (len(rows) + 1) * longest > MOST_TOKENS
            or sizes[row] - sizes[rows[0]] > length  # else more steps were to be made than in two batches
        ):
            yield rows
            rows = []
        rows.append(row)
    if rows:
        yield rows


def _decoded(
    network: nn.Module, prefixes: Sequence[Sequence[int]], length: int, end: int, context: int
) -> NDArray[np.int32]:
    """Side by side, shape `(n_prefixes, length)`."""
    sizes = torch.tensor([len(prefix) for prefix in prefixes])
    shortest, longest = int(sizes.min()), int(sizes.max())
    given = torch.tensor([[*prefix, *[0] * (longest - len(prefix))] for prefix in prefixes], dtype=torch.long)
    allowed = (context + 1 - sizes).clamp(max=length)
    found = torch.full((len(prefixes), length), NOTHING, dtype=torch.int32)
    ended = torch.zeros(len(prefixes), dtype=torch.bool)
    tokens, past = given[:, :shortest], None
    for place in range(shortest, int((sizes + allowed).max())):
        its: Any = said(
            network,
            _last,
            tokens.shape[1],
            input_ids=tokens,
            attention_mask=torch.ones((len(prefixes), place), dtype=torch.long),
            past_key_values=past,
            use_cache=True,
        )
        past, best = its.past_key_values, its.logits[:, -1].argmax(dim=1)
        step = place - sizes
        ended |= (step >= 0) & ((best == end) | (step >= allowed))
        if ended.all():
            break
        says = (step >= 0) & ~ended
        found[says, step[says]] = best[says].to(torch.int32)
        tokens = torch.where(step >= 0, best, given[:, min(place, longest - 1)])[:, None]
    return found.numpy()


def _last(places: Tensor) -> Tensor:
    return places[:, -1:]
