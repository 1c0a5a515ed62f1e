"""Greedy decoding of many prefixes."""

from collections.abc import Sequence
from itertools import groupby
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from audit_plugins.training.chosen_places import said

AT_ONCE = 64
"""Prefixes of one length, decoded side by side."""

NOTHING = -1


@torch.inference_mode()
def greedy(
    network: nn.Module, prefixes: Sequence[Sequence[int]], length: int, *, end: int, context: int
) -> NDArray[np.int32]:
    """The most likely token after each prefix, and so on.

    Only prefixes of one length go side by side: none is filled up, so each is decoded as it would be by itself.

    Args:
        prefixes: Of one token at least.
        end: The token that ends a record.
        context: The most tokens that the network takes.

    Returns:
        Shape `(n_prefixes, length)`; `NOTHING` from the end of a record on, or of the context.
    """
    found = np.full((len(prefixes), length), NOTHING, dtype=np.int32)
    order = sorted(range(len(prefixes)), key=lambda row: len(prefixes[row]))
    for size, group in groupby(order, key=lambda row: len(prefixes[row])):
        rows = list(group)
        steps = max(0, min(length, context - size + 1))
        for at in range(0, len(rows), AT_ONCE):
            some = rows[at : at + AT_ONCE]
            if steps:
                found[some, :steps] = _decoded(network, [prefixes[row] for row in some], steps, end)
    return found


def _decoded(network: nn.Module, prefixes: Sequence[Sequence[int]], length: int, end: int) -> NDArray[np.int32]:
    """For prefixes of one length, shape `(n_prefixes, length)`."""
    tokens = torch.tensor([list(prefix) for prefix in prefixes], dtype=torch.long)
    attended = torch.ones_like(tokens)
    past: Any = None
    ended = torch.zeros(len(prefixes), dtype=torch.bool)
    found = torch.full((len(prefixes), length), NOTHING, dtype=torch.int32)
    for step in range(length):
        its = said(
            network,
            _last,
            tokens.shape[1],
            input_ids=tokens,
            attention_mask=attended,
            past_key_values=past,
            use_cache=True,
        )
        past, best = its.past_key_values, its.logits[:, -1].argmax(dim=1)
        ended |= best == end
        if ended.all():
            break
        found[:, step] = torch.where(ended, NOTHING, best).to(torch.int32)
        tokens = best[:, None]
        attended = torch.cat([attended, torch.ones_like(tokens)], dim=1)
    return found.numpy()


def _last(places: Tensor) -> Tensor:
    return places[:, -1:]
