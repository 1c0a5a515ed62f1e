"""Shadow models: train the model again, with and without each target, and see which of the two the released is like.

The shadow models are shared: each learns a random half of all targets, so that every target is in half of them and out
of the other half, and one more target costs nothing. What a text is like by itself cancels, since it is compared with
itself only.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from audit_core.answers import Scores
from audit_core.language.texts import Text, texts_of
from audit_core.language.training import Retraining
from audit_core.questions import Membership
from audit_plugins.attacks.likelihood_ratio import Values, neutral, per_token
from audit_plugins.attacks.shadows import Workers, halves

POOLED_BELOW = 64
"""With fewer shadow models all targets share one spread on either side: of a few values none can be told."""

_LEAST_SPREAD = 1e-3  # nats a token: what single precision makes of no spread at all


class ShadowModels:
    """Answers a membership question with three scores. HIGHER = MORE LIKELY A MEMBER.

    An attacker who knows nothing scores an AUC of 0.5. All rest on phi, the mean log-probability of a text's tokens in
    nats: under the released model, and under every shadow model.

    References:
        Carlini, Chien, Nasr, Song, Terzis & Tramèr (2022), Membership inference attacks from first principles, sections
        IV and V (`online`, `offline`).
        Zarifzadeh, Liu & Shokri (2024), Low-cost high-power membership inference attacks, section 3 (`rmia`).
    """

    def __init__(self, *, models: int, n_jobs: int, **asked: Any) -> None:
        """Takes how many shadow models to train, and how many at a time; what is asked is for the core to know."""
        self._models, self._n_jobs = models, n_jobs

    def answer(self, question: Membership, rng: np.random.Generator) -> tuple[Scores, ...]:
        """Scores every target.

        Raises:
            ValueError: The question lacks the released model or a way to train.
        """
        model, training = question.under_model, question.training
        if model is None or training is None:
            raise ValueError("shadow models need the released model's scores and a way to train")
        texts = texts_of(question.targets)
        inside = halves(self._models, len(texts), rng)
        workers = Workers(n_jobs=self._n_jobs, backend="loky" if self._n_jobs > 1 else None)
        work = _work(training, texts, inside, rng)
        shadows = np.stack(workers.each(mean_log_prob, work))
        phi = per_token(model.totals(model.log_prob), model)
        scores = {
            "online": online(phi, shadows, inside),
            "offline": offline(phi, shadows, inside),
            "rmia": relative(phi, shadows, inside),
        }
        return tuple(Scores(of=name, values=neutral(values, model)) for name, values in scores.items())


def _work(
    training: Retraining, texts: Sequence[Text], inside: NDArray[np.bool_], rng: np.random.Generator
) -> Iterator[tuple[Retraining, tuple[Text, ...], Sequence[Text], np.random.Generator]]:
    for some, child in zip(inside, rng.spawn(len(inside)), strict=True):
        yield training, tuple(text for text, is_in in zip(texts, some, strict=True) if is_in), texts, child


def mean_log_prob(training: Retraining, learn: Sequence[Text], of: Sequence[Text], rng: np.random.Generator) -> Values:
    """phi of some texts under one shadow model, shape `(n_texts,)`; 0 for a text without a token."""
    scores = training.scores(learn, of, rng)
    return scores.totals(scores.log_prob) / np.maximum(scores.lengths, 1)


def online(phi: Values, shadows: NDArray[np.float64], inside: NDArray[np.bool_]) -> Values:
    """LiRA: log N(phi; in) - log N(phi; out), shape `(n_targets,)`.

    Args:
        phi: Under the released model, shape `(n_targets,)`.
        shadows: Under the shadow models, shape `(n_models, n_targets)`.
        inside: Which of them each target is in, same shape; in at least one and out of at least one.
    """
    log_density = []
    for some in (inside, ~inside):
        mean, spread = _normal(shadows, some)
        log_density.append(-np.log(spread) - ((phi - mean) / spread) ** 2 / 2)
    return np.asarray(log_density[0] - log_density[1])


def offline(phi: Values, shadows: NDArray[np.float64], inside: NDArray[np.bool_]) -> Values:
    """LiRA by the models without a target alone: how many spreads phi lies above theirs, shape `(n_targets,)`."""
    mean, spread = _normal(shadows, ~inside)
    return np.asarray((phi - mean) / spread)


def relative(phi: Values, shadows: NDArray[np.float64], inside: NDArray[np.bool_]) -> Values:
    """RMIA: the share of the other targets over which a target's likelihood rose, in 0..1, shape `(n_targets,)`.

    Its likelihood p is exp(phi), the geometric mean of its tokens' probabilities; it rose by p under the released model
    over the mean of the means of p over the models with it and over those without it. Since there are both, nothing has
    to be guessed of the one from the other.
    """
    both = [np.mean(np.exp(shadows), axis=0, where=some) for some in (inside, ~inside)]
    rose = np.exp(phi) / ((both[0] + both[1]) / 2)
    return np.asarray(np.searchsorted(np.sort(rose), rose, side="left") / max(1, len(rose) - 1))


def _normal(shadows: NDArray[np.float64], some: NDArray[np.bool_]) -> tuple[Values, Values]:
    """Mean and spread of each target over some models; the spread that of all targets where the models are few."""
    mean = np.mean(shadows, axis=0, where=some)
    n = some.sum(axis=0)
    squares = np.sum((shadows - mean) ** 2, axis=0, where=some)
    if len(shadows) < POOLED_BELOW:
        variance = np.full(len(mean), squares.sum() / max(1, (n - 1).sum()))
    else:
        variance = squares / (n - 1)
    return mean, np.maximum(np.sqrt(variance), _LEAST_SPREAD)
