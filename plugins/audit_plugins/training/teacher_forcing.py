"""One teacher-forced pass: what a model says of each token of a text, given all before it."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from audit_core.token_scores import TOP_K, TokenScores

MOST_LOGITS = 2**25
"""Held at once: 128 MiB in 32-bit floats."""

MOST_TOKENS = 4096
"""In a batch, filled up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Positions:
    """One text as a model meets it.

    Attributes:
        tokens: From the start token on, the prompt and the text, cut where the context ends.
        scored: The last so many of them are the text's own.
        truncated: Whether something was cut.
    """

    tokens: NDArray[np.int64]
    scored: int
    truncated: bool

    @classmethod
    def of(cls, prompt: Sequence[int], text: Sequence[int], *, start: int, context: int) -> Self:
        """A text behind its prompt."""
        tokens = np.array([start, *prompt, *text], dtype=np.int64)
        kept = tokens[:context]
        scored = max(0, len(kept) - 1 - len(prompt))
        return cls(tokens=kept, scored=scored, truncated=len(kept) < len(tokens))


def token_scores(network: nn.Module, windows: Iterable[Sequence[Positions]]) -> Iterator[TokenScores]:
    """The scores of each window's texts, in their order.

    Args:
        network: Whose last logits belong to the tokens it is given; in evaluation mode.
        windows: Some texts each; among these, texts of like lengths are put side by side.
    """
    vocabulary = _vocabulary(network)
    tokens_at_once = max(1, min(MOST_TOKENS, MOST_LOGITS // vocabulary))
    for texts in windows:
        lengths = np.array([one.scored for one in texts], dtype=np.int64)
        starts = np.concatenate([[0], np.cumsum(lengths)])
        found = _Found.empty(int(starts[-1]))
        for rows in _batches(texts, tokens_at_once):
            some = [texts[row] for row in rows]
            values = _scored(network, some)
            places = np.concatenate([np.arange(starts[row], starts[row + 1]) for row in rows])
            found.put(places, values)
        yield TokenScores(
            starts=starts,
            token=np.concatenate(
                [np.zeros(0, dtype=np.int32), *(one.tokens[len(one.tokens) - one.scored :] for one in texts)]
            ).astype(np.int32),
            truncated=np.array([one.truncated for one in texts], dtype=np.bool_),
            log_prob=found.values[0],
            mean=found.values[1],
            deviation=found.values[2],
            log_prob_top_k=found.values[3],
            top=found.values[4] > 0,
        )


@dataclass(frozen=True, slots=True)
class _Found:
    """The rows of `statistics`, at the places of the tokens; shape `(5, n_tokens)`."""

    values: NDArray[np.float32]

    @classmethod
    def empty(cls, tokens: int) -> Self:
        return cls(np.zeros((5, tokens), dtype=np.float32))

    def put(self, places: NDArray[np.int64], values: Tensor) -> None:
        self.values[:, places] = values.numpy()


def _vocabulary(network: Any) -> int:
    inner = getattr(network, "network", network)
    return int(inner.get_input_embeddings().weight.shape[0])


def _batches(texts: Sequence[Positions], tokens: int) -> Iterator[list[int]]:
    """Which texts go side by side, the longest first: at most so many tokens, filled up. Texts without one stay out."""
    order = sorted((row for row, one in enumerate(texts) if one.scored), key=lambda row: -len(texts[row].tokens))
    at = 0
    while at < len(order):
        size = max(1, tokens // len(texts[order[at]].tokens))
        yield order[at : at + size]
        at += size


@torch.inference_mode()
def _scored(network: nn.Module, texts: Sequence[Positions]) -> Tensor:
    """The statistics of the texts' own tokens, one text after the other; shape `(5, n_tokens)`."""
    longest = max(len(one.tokens) for one in texts)
    tokens = torch.zeros((len(texts), longest), dtype=torch.long)
    attended = torch.zeros_like(tokens)
    predicts = torch.zeros((len(texts), longest), dtype=torch.bool)  # the place before each scored token
    for row, one in enumerate(texts):
        end = len(one.tokens)
        tokens[row, :end] = torch.from_numpy(one.tokens)
        attended[row, :end] = 1
        predicts[row, end - one.scored - 1 : end - 1] = True
    logits = network(input_ids=tokens, attention_mask=attended, use_cache=False).logits[:, -longest:]
    return statistics(logits[predicts], tokens.roll(-1, dims=1)[predicts])


def statistics(logits: Tensor, token: Tensor) -> Tensor:
    """Five numbers for each token from the logits before it, in 32-bit floats; shape `(5, n_tokens)`.

    log p of the token; the sum of p log p; the square root of the variance of log p under p; log p among the `TOP_K`
    most likely tokens, minus infinity where it is none of them; 1 where it is the most likely one, else 0.

    Args:
        logits: Shape `(n_tokens, vocabulary)`; they are overwritten.
        token: Shape `(n_tokens,)`.
    """
    below = logits.float()
    below -= below.amax(dim=1, keepdim=True)  # so that the largest is 0
    own = below.gather(1, token[:, None])[:, 0]
    largest = below.topk(min(TOP_K, below.shape[1]), dim=1).values
    weight = below.exp()
    total = weight.sum(dim=1)
    first = torch.linalg.vecdot(weight, below) / total
    weight *= below
    second = torch.linalg.vecdot(weight, below) / total
    log_total = total.log()
    among = own - largest.exp().sum(dim=1).log()
    among[own < largest[:, -1]] = -torch.inf
    return torch.stack(
        [own - log_total, first - log_total, (second - first**2).clamp(min=0).sqrt(), among, (own == 0).float()]
    )
