"""What one teacher-forced pass of a language model over some texts gives: a few numbers for each token.

Everything that is known of a text under a model follows from them: its loss, its likelihood ratio against another
model, whether greedy decoding gives its end.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

TOP_K = 40
"""Of the second sampling scheme: the most likely tokens that are sampled from, renormalised."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenScores:
    """The scored tokens of some texts, one text after the other.

    A text's own tokens are scored, not those of its prompt, each given all before it; of a text beyond the model's
    context the part that fits.

    Attributes:
        starts: Where each text's tokens begin, and after them their number; shape `(n_texts + 1,)`, int64.
        token: Which tokens, shape `(n_tokens,)`, int32, as the model's tokenizer numbers them.
        log_prob: log p(token | all before), in nats, at temperature 1; shape `(n_tokens,)`, float32.
        mean: sum over the vocabulary of p log p; shape `(n_tokens,)`, float32.
        deviation: The square root of sum p (log p)^2 - mean^2; shape `(n_tokens,)`, float32.
        top: Whether the token is the most likely one; shape `(n_tokens,)`, bool.
        log_prob_top_k: As `log_prob`, after all but the `TOP_K` most likely tokens were cut and the rest renormalised;
            minus infinity where the token was cut.
        truncated: Whether a text is longer than the model's context; shape `(n_texts,)`, bool.
    """

    starts: NDArray[np.int64]
    token: NDArray[np.int32]
    log_prob: NDArray[np.float32]
    mean: NDArray[np.float32]
    deviation: NDArray[np.float32]
    top: NDArray[np.bool_]
    log_prob_top_k: NDArray[np.float32]
    truncated: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.starts) - 1

    @property
    def lengths(self) -> NDArray[np.int64]:
        """The scored tokens of each text, shape `(n_texts,)`."""
        return np.diff(self.starts)

    def totals(self, values: NDArray[np.generic]) -> NDArray[np.float64]:
        """The sum of each text's part of something that has a value for each token, shape `(n_texts,)`; 0 for none.

        A text's sum does not depend on the other texts.
        """
        owner = np.repeat(np.arange(len(self)), self.lengths)
        return np.bincount(owner, weights=values, minlength=len(self)).astype(np.float64)

    def take(self, texts: NDArray[np.intp]) -> "TokenScores":
        """Those of the given texts, in the given order."""
        lengths = self.lengths[texts]
        starts = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
        tokens = np.repeat(self.starts[:-1][texts] - starts[:-1], lengths) + np.arange(starts[-1])
        per_token = {name: getattr(self, name)[tokens] for name in PER_TOKEN}
        return TokenScores(starts=starts, truncated=self.truncated[texts], **per_token)

    def arrays(self) -> dict[str, NDArray[np.generic]]:
        """By name, as they are stored."""
        return {field.name: getattr(self, field.name) for field in fields(self)}


PER_TOKEN = ("token", "log_prob", "mean", "deviation", "top", "log_prob_top_k")
"""The arrays that have a place for each token."""


def joined(parts: Sequence[TokenScores]) -> TokenScores:
    """The scores of the texts of all parts, in their order."""
    lengths = np.concatenate([np.zeros(0, dtype=np.int64), *(part.lengths for part in parts)])
    kinds = {"token": np.int32, "top": np.bool_}
    return TokenScores(
        starts=np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64),
        truncated=np.concatenate([np.zeros(0, dtype=np.bool_), *(part.truncated for part in parts)]),
        **{
            name: np.concatenate(
                [np.zeros(0, dtype=kinds.get(name, np.float32)), *(getattr(part, name) for part in parts)]
            )
            for name in PER_TOKEN
        },
    )
