"""The likelihood ratio: how much likelier fine-tuning made a text than it was before.

What is likely for every model of the language is likely under both, and cancels; what is left was learnt.
"""

import numpy as np
from numpy.typing import NDArray

from audit_core.answers import Scores
from audit_core.language.token_scores import TokenScores
from audit_core.questions import Membership

Values = NDArray[np.float64]


class LikelihoodRatio:
    """Answers a membership question with S, a sum over a text's tokens, in nats, and with S per token.

    S = sum of l(M) - l(R), where l is the log-probability of a token given all before it, M the released model and R
    the one before it was fine-tuned. HIGHER = MORE LIKELY A MEMBER. An attacker who knows nothing scores an AUC of 0.5.
    The likelihood ratio of the literature, Pr_R(x) / Pr_M(x) with "member if it is below t", is exp(-S). The ratio of
    two mean losses is something else: it weighs a text up that was predictable before.

    References:
        Mireshghallah, Goyal, Uniyal, Berg-Kirkpatrick & Shokri (2022), Quantifying privacy risks of masked language
        models using membership inference attacks, section 3.
        Savine et al. (2025), Memorization in fine-tuned LLMs (arXiv 2507.21009), section 3.
    """

    def __init__(self, **asked: object) -> None:
        """What is asked is for the core to know."""

    def answer(self, question: Membership, rng: np.random.Generator) -> tuple[Scores, ...]:
        """Scores every target.

        Raises:
            ValueError: The question lacks a model, or the two do not score the same tokens.
        """
        model, base = question.under_model, question.under_base
        if model is None or base is None:
            raise ValueError("a likelihood ratio needs the scores of two models")
        total = model.totals(differences(model, base))
        scores = {"per-token": per_token(total, model), "sum": neutral(total, model)}
        return tuple(Scores(of=name, values=values) for name, values in scores.items())


def differences(model: TokenScores, base: TokenScores) -> Values:
    """l(M) - l(R) of every token in nats, shape `(n_tokens,)`.

    Raises:
        ValueError: The two do not score the same tokens: another tokenizer, or another context.
    """
    if not (np.array_equal(model.starts, base.starts) and np.array_equal(model.token, base.token)):
        raise ValueError("the model and its base do not score the same tokens")
    return model.log_prob.astype(np.float64) - base.log_prob.astype(np.float64)


def per_token(totals: Values, scores: TokenScores) -> Values:
    """A sum over each text's tokens as a mean over them, shape `(n_texts,)`."""
    return neutral(totals / np.maximum(scores.lengths, 1), scores)


def neutral(values: Values, scores: TokenScores) -> Values:
    """The values, with that of a text without tokens the median of the others: it says neither yes nor no.

    Returns:
        Shape `(n_texts,)`; all 0 where no text has a token.
    """
    silent = scores.lengths == 0
    if not silent.any():
        return values
    return np.where(silent, 0.0 if silent.all() else np.median(values[~silent]), values)
