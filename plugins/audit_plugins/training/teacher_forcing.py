"""One teacher-forced pass: what a model says of each token of a text, given all before it."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from audit_core.language.token_scores import TOP_K, TokenScores
from audit_plugins.training.chosen_places import said, vocabulary

MOST_LOGITS = 2**24
"""Held at once: 64 MiB in 32-bit floats."""

MOST_TOKENS = 1024
"""In a batch, filled up."""

IN_CACHE = 2**19
"""Logits whose statistics are computed at once, so that they stay near the processor: 2 MiB in 32-bit floats."""

LOWEST, NEGLIGIBLE = -1e4, -80.0
"""Below the largest logit, in nats: what stands for minus infinity, where a model rules a token out; and where a token
adds nothing to any sum in 32-bit floats, but would make the processor slow."""


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
    size = tokens_at_once(network)
    for texts in windows:
        lengths = np.array([one.scored for one in texts], dtype=np.int64)
        starts = np.concatenate([[0], np.cumsum(lengths)])
        found = _Found.empty(int(starts[-1]))
        for rows in batches(texts, size):
            some = [texts[row] for row in rows]
            values = _scored(network, some, size)
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


def tokens_at_once(network: nn.Module) -> int:
    """Of a batch, filled up."""
    return max(1, min(MOST_TOKENS, MOST_LOGITS // vocabulary(network)))


def batches(texts: Sequence[Positions], tokens: int) -> Iterator[list[int]]:
    """Which texts go side by side, the longest first: at most so many tokens, filled up. Texts without one stay out."""
    order = sorted((row for row, one in enumerate(texts) if one.scored), key=lambda row: -len(texts[row].tokens))
    at = 0
    while at < len(order):
        size = max(1, tokens // len(texts[order[at]].tokens))
        yield order[at : at + size]
        at += size


def side_by_side(texts: Sequence[Positions]) -> tuple[Tensor, Tensor, Tensor]:
    """Texts filled up on the right: their tokens, where these are, and the places before the scored ones.

    Returns:
        Three of shape `(n_texts, longest)`: int64, int64 of 0 and 1, bool.
    """
    longest = max(len(one.tokens) for one in texts)
    tokens = torch.zeros((len(texts), longest), dtype=torch.long)
    attended = torch.zeros_like(tokens)
    predicts = torch.zeros((len(texts), longest), dtype=torch.bool)
    for row, one in enumerate(texts):
        end = len(one.tokens)
        tokens[row, :end] = torch.from_numpy(one.tokens)
        attended[row, :end] = 1
        predicts[row, end - one.scored - 1 : end - 1] = True
    return tokens, attended, predicts


@torch.inference_mode()
def _scored(network: nn.Module, texts: Sequence[Positions], most: int) -> Tensor:
    """The statistics of the texts' own tokens, one text after the other; shape `(5, n_tokens)`.

    Args:
        most: A single text of more tokens is read in pieces, each after what is kept of those before it.
    """
    tokens, attended, predicts = side_by_side(texts)
    width = tokens.shape[1] - 1  # nothing is predicted from the last token
    size = most if len(texts) == 1 else width
    found, past = [], None
    for at in range(0, width, size):
        piece = slice(at, min(at + size, width))
        chosen = predicts[:, piece]
        its = said(
            network,
            partial(_of, chosen),
            chosen.shape[1],
            input_ids=tokens[:, piece],
            attention_mask=attended[:, : piece.stop],
            **({"use_cache": False} if size >= width else {"use_cache": True, "past_key_values": past}),
        )
        past = its.past_key_values if size < width else None
        if chosen.any():
            found.append(statistics(its.logits[0], tokens[:, at + 1 : piece.stop + 1][chosen]))
    return torch.cat(found, dim=1)


def _of(chosen: Tensor, places: Tensor) -> Tensor:
    return places[chosen][None]


def statistics(logits: Tensor, token: Tensor) -> Tensor:
    """Five numbers for each token from the logits before it, in 32-bit floats; shape `(5, n_tokens)`.

    log p of the token; the sum of p log p; the square root of the variance of log p under p; log p among the `TOP_K`
    most likely tokens, minus infinity where it is none of them; 1 where it is the most likely one, else 0.

    Args:
        logits: Shape `(n_tokens, vocabulary)`; they are overwritten.
        token: Shape `(n_tokens,)`.
    """
    size = max(1, IN_CACHE // logits.shape[1])
    spare = torch.empty((min(size, len(logits)), logits.shape[1]))
    parts = [_statistics(*both, spare) for both in zip(logits.float().split(size), token.split(size), strict=True)]  # type: ignore[no-untyped-call]
    return torch.cat(parts, dim=1)


def _statistics(below: Tensor, token: Tensor, spare: Tensor) -> Tensor:
    own = below.gather(1, token[:, None])[:, 0]
    kept = min(TOP_K, below.shape[1])
    below.numpy().partition(below.shape[1] - kept, axis=1)  # all that follows are sums, to which order means nothing
    largest = below[:, -kept:].clone()
    cut, peak = own < largest.amin(dim=1), largest.amax(dim=1, keepdim=True)
    own, largest = (own - peak[:, 0]).clamp(min=LOWEST), largest - peak
    below.sub_(peak).clamp_(min=NEGLIGIBLE)  # so that the largest is 0
    weight = torch.exp(below, out=spare[: len(below)])
    total = weight.sum(dim=1)
    first = weight.mul_(below).sum(dim=1) / total
    second = weight.mul_(below).sum(dim=1) / total
    log_total = total.log()
    among = (own - largest.exp().sum(dim=1).log()).masked_fill(cut, -torch.inf)
    return torch.stack(
        [own - log_total, first - log_total, (second - first**2).clamp(min=0).sqrt(), among, (own == 0).float()]
    )
