"""A panel of scores of membership, all from the same pass of the released model and of its base over the texts.

Each rests on another idea of what memorising looks like; none is the best everywhere.
"""

import zlib

import numpy as np
from numpy.typing import NDArray

from audit_core.answers import Scores
from audit_core.language.token_scores import TokenScores
from audit_core.questions import Membership
from audit_plugins.attacks.likelihood_ratio import Values, differences, neutral, per_token

SHARE = 0.2
"""Of a text's tokens, the least likely ones that Min-K% looks at; one at least."""

WIDTHS = (1, 2, 4, 8, 16, 32)
"""Of the windows that vote, in tokens."""

_LEAST_DEVIATION = 1e-3  # nats: above what single precision makes of no deviation at all
_LEAST_CHANGE = 0.01  # nats: less than fine-tuning moves a token that it learns


class MembershipPanel:
    """Answers a membership question with several scores; those that need the base only where there is one.

    HIGHER = MORE LIKELY A MEMBER, throughout. An attacker who knows nothing scores an AUC of 0.5. A text without a
    scored token gets the median of the others. The calibrated form of the loss is `likelihood-ratio`'s per-token score.

    References:
        Yeom, Giacomelli, Fredrikson & Jha (2018), Privacy risk in machine learning, section 3 (`loss`).
        Carlini et al. (2021), Extracting training data from large language models, section 5 (`zlib`).
        Shi et al. (2024), Detecting pretraining data from large language models, section 2 (`min-k`).
        Zhang et al. (2025), Min-K%++: improved baseline for detecting pre-training data (`min-k-plus-plus`).
        Watson, Guo, Cormode & Sablayrolles (2022), On the importance of difficulty calibration in membership
        inference attacks, section 3 (`-calibrated`).
        Ilić, Stanojević & Cvejoski (2026), Powerful training-free membership inference against autoregressive
        language models (arXiv 2601.12104) (`ez`).
        Chen, Du, Zhang, Kundu, Fleming, Ribeiro & Li (2026), Window-based membership inference attacks against
        fine-tuned large language models (arXiv 2601.02751) (`window-votes`).
    """

    def __init__(self, **asked: object) -> None:
        """What is asked is for the core to know."""

    def answer(self, question: Membership, rng: np.random.Generator) -> tuple[Scores, ...]:
        """Scores every target.

        Raises:
            ValueError: The question lacks the released model, or the two models do not score the same tokens.
        """
        model, base = question.under_model, question.under_base
        if model is None:
            raise ValueError("the panel needs what the released model makes of the targets")
        sizes = compressed_sizes(question.targets.texts("text"))
        scores = {
            "loss": log_likelihood(model),
            "zlib": per_compressed_byte(model, sizes),
            "min-k": least_likely(model),
            "min-k-plus-plus": least_likely_standardised(model),
        }
        if base is not None:
            change = differences(model, base)
            scores |= {
                "zlib-calibrated": scores["zlib"] - per_compressed_byte(base, sizes),
                "min-k-calibrated": scores["min-k"] - least_likely(base),
                "min-k-plus-plus-calibrated": scores["min-k-plus-plus"] - least_likely_standardised(base),
                "ez": error_zone(model, change),
                "window-votes": window_votes(model, change),
            }
        return tuple(Scores(of=name, values=neutral(values, model)) for name, values in scores.items())


def log_likelihood(scores: TokenScores) -> Values:
    """The mean of l over each text's tokens, minus its loss, in nats; shape `(n_texts,)`."""
    return per_token(scores.totals(scores.log_prob), scores)


def compressed_sizes(texts: NDArray[np.object_]) -> Values:
    """The bytes that zlib makes of each text in UTF-8, shape `(n_texts,)`; 8 for an empty or missing one."""
    return np.array([len(zlib.compress((text or "").encode())) for text in texts], dtype=np.float64)


def per_compressed_byte(scores: TokenScores, sizes: Values) -> Values:
    """The sum of l over each text's tokens, over the bytes that zlib makes of all of the text; shape `(n_texts,)`.

    Others divide the mean by the bytes, or the bits; that lets long texts look like members.
    """
    return scores.totals(scores.log_prob) / sizes


def least_likely(scores: TokenScores) -> Values:
    """Min-K%: the mean of l over the least likely tokens of each text, shape `(n_texts,)`."""
    return _mean_of_lowest(scores.log_prob.astype(np.float64), scores)


def least_likely_standardised(scores: TokenScores) -> Values:
    """Min-K%++: the same of (l - mean) / deviation, by what all of the vocabulary would have got there."""
    log_prob, mean, deviation = (array.astype(np.float64) for array in (scores.log_prob, scores.mean, scores.deviation))
    return _mean_of_lowest((log_prob - mean) / (deviation + _LEAST_DEVIATION), scores)


def _mean_of_lowest(values: Values, scores: TokenScores) -> Values:
    owner = np.repeat(np.arange(len(scores)), scores.lengths)
    ordered = values[np.lexsort((values, owner))]
    wanted = np.maximum(1, np.floor(SHARE * scores.lengths + 1e-9)).astype(np.int64)
    place = np.arange(len(values)) - scores.starts[:-1][owner]
    return np.asarray(scores.totals(np.where(place < wanted[owner], ordered, 0.0)) / wanted)


def error_zone(model: TokenScores, change: Values) -> Values:
    """EZ: of the tokens the model errs on, how much likelier they became, over how much less likely; `(n_texts,)`.

    The logarithm of (sum of the rises + e) / (sum of the falls + e), over tokens that are not the most likely ones.
    With e, 0.01 nats, on both sides it is finite and rises with every change, also where no token fell: those are the
    surest members. A text with fewer than two errors has next to nothing in this zone because it is known nearly by
    heart, or was always easy to predict: there the sums run over all its tokens, which tells the two apart.

    Args:
        change: l(M) - l(R) of every token, in nats.
    """
    wrong = ~model.top
    few = model.totals(wrong) < 2
    counted = wrong | np.repeat(few, model.lengths)
    rises = model.totals(np.where(counted, np.maximum(change, 0.0), 0.0))
    falls = model.totals(np.where(counted, np.maximum(-change, 0.0), 0.0))
    return np.asarray(np.log(rises + _LEAST_CHANGE) - np.log(falls + _LEAST_CHANGE))


def window_votes(model: TokenScores, change: Values) -> Values:
    """The share of windows of neighbouring tokens that became likelier, mean over widths; in 0..1, `(n_texts,)`.

    Half where nothing changed. Where a text is shorter than a window, all of it is the one window.

    Args:
        change: l(M) - l(R) of every token, in nats.
    """
    owner = np.repeat(np.arange(len(model)), model.lengths)
    left = model.starts[1:][owner] - np.arange(len(change))  # tokens from here to the end of the text
    whole = _vote(model.totals(change))
    votes = np.zeros(len(model))
    sums = change
    for narrower, width in zip((0, *WIDTHS), WIDTHS, strict=False):
        if narrower:  # a window is twice the one before: sums of a text alone, so that no other text can round them
            sums = sums + np.append(sums[narrower:], np.zeros(min(narrower, len(sums))))
        inside = left >= width
        shares = model.totals(np.where(inside, _vote(sums), 0.0)) / np.maximum(model.lengths - width + 1, 1)
        votes += np.where(model.lengths >= width, shares, whole)
    return votes / len(WIDTHS)


def _vote(sums: Values) -> Values:
    return (1.0 + np.sign(sums)) / 2
