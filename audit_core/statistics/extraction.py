"""How much of a text's end somebody has told, and how much telling it by chance would take.

Guesses and truths are arrays of tokens of one shape, `(n_texts, length)`, each row filled up with `END` (-1). They hold
what comes after the prefix alone, so that no prompt counts. A guess counts as far as the truth goes. Whatever is
measured is in 0..1, HIGHER = MORE LEAKAGE, 0 where a text has no end to tell, and blind to the numbers of the tokens.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Tokens = NDArray[np.int32]
Floats = NDArray[np.float64]

END = -1
"""Fills rows up; what comes after it is not looked at."""

NEAR = 0.1
"""The share of tokens to be changed up to which a continuation is near-verbatim."""

_NOT_THERE = -2  # stands after the end of a truth, so that two ends are not equal tokens


def rows_of(texts: Sequence[Sequence[int] | Tokens], length: int) -> Tokens:
    """Texts of unequal lengths as one array, shape `(n_texts, length)`; of each the first tokens."""
    rows = np.full((len(texts), length), END, dtype=np.int32)
    for row, text in zip(rows, texts, strict=True):
        some = text[:length]
        row[: len(some)] = some
    return rows


def exact(guess: Tokens, truth: Tokens) -> NDArray[np.bool_]:
    """Whether all of the truth was told, shape `(n_texts,)`."""
    guess, truth, _, lengths = _compared(guess, truth)
    same = (guess == truth) | (truth == _NOT_THERE)
    return np.asarray(same.all(axis=1) & (lengths > 0))


def near(guess: Tokens, truth: Tokens, share: float = NEAR) -> NDArray[np.bool_]:
    """Whether at most that share of the tokens would have to be changed, shape `(n_texts,)`; every exact one is near.

    A change puts a token in, takes one out or replaces one; the share is of the truth's tokens.
    """
    # What is left of 1 after subtraction may be off in the last digit: 0.9 is at least 1 - 0.1.
    return edit_similarity(guess, truth) >= 1 - share - 1e-9


def longest_run(guess: Tokens, truth: Tokens) -> Floats:
    """The longest n-gram that both have, as a share of the truth's tokens; shape `(n_texts,)`.

    References:
        Savine et al. (2025), Memorization in fine-tuned LLMs (arXiv 2507.21009), for the measure; here the denominator
        is the text's end itself, so that it is never above 1.
    """
    guess, truth, _, lengths = _compared(guess, truth)
    run = np.zeros(truth.shape, dtype=np.int32)
    longest = np.zeros(len(truth), dtype=np.int32)
    for token in guess.T:
        before = np.column_stack([np.zeros(len(run), dtype=np.int32), run[:, :-1]])
        run = np.where(token[:, None] == truth, before + 1, 0)
        longest = np.maximum(longest, run.max(axis=1, initial=0))
    return _share(longest, lengths)


def edit_similarity(guess: Tokens, truth: Tokens) -> Floats:
    """1 - edit distance / the truth's tokens, shape `(n_texts,)`; a guess is never the longer of the two.

    References:
        Levenshtein (1966), Binary codes capable of correcting deletions, insertions, and reversals.
    """
    guess, truth, told, lengths = _compared(guess, truth)
    places = np.arange(truth.shape[1] + 1)
    row = np.broadcast_to(places, (len(truth), len(places)))
    rows = np.arange(len(truth))
    distance = lengths.copy()  # where nothing was told
    for number, token in enumerate(guess.T, start=1):
        replaced = row[:, :-1] + (token[:, None] != truth)
        least = np.column_stack([np.full(len(truth), number), np.minimum(replaced, row[:, 1:] + 1)])
        # A token put in costs one more than the place to the left: a running minimum once the slope is taken off.
        row = np.minimum.accumulate(least - places, axis=1) + places
        ends = told == number
        distance[ends] = row[rows[ends], lengths[ends]]
    return _share(lengths - distance, lengths)


def rouge_l(guess: Tokens, truth: Tokens) -> Floats:
    """F1 of the longest common subsequence, 2 LCS / (both lengths), shape `(n_texts,)`.

    References:
        Lin (2004), ROUGE: a package for automatic evaluation of summaries, section 3.
    """
    guess, truth, told, lengths = _compared(guess, truth)
    row = np.zeros((len(truth), truth.shape[1] + 1), dtype=np.int32)
    for token in guess.T:
        taken = np.maximum(row[:, 1:], row[:, :-1] + (token[:, None] == truth))
        row = np.maximum.accumulate(np.column_stack([row[:, :1], taken]), axis=1)
    return _share(2 * row[:, -1], np.where(lengths > 0, told + lengths, 0))


def bleu(guess: Tokens, truth: Tokens) -> Floats:
    """BLEU of up to 4 tokens against the one truth, shape `(n_texts,)`.

    The geometric mean of the shares of the guess's n-grams that the truth has, each as often as the truth has it, times
    exp(1 - truth / guess) where the guess is shorter. From n = 2 on, one is added to both counts of a share, so that a
    text without a common 4-gram still tells something. So a lone right token of a truth of one token is worth 1.

    References:
        Papineni, Roukos, Ward & Zhu (2002), BLEU: a method for automatic evaluation of machine translation.
        Lin & Och (2004), ORANGE: a method for evaluating automatic evaluation metrics for machine translation, section
        4, for the smoothing.
    """
    guess, truth, told, lengths = _compared(guess, truth)
    logs = np.zeros(len(truth))
    for n in range(1, 5):
        common = _common_ngrams(guess, truth, n).astype(np.float64)
        tried = np.maximum(told - n + 1, 0).astype(np.float64)
        added = 0.0 if n == 1 else 1.0
        share = np.divide(common + added, tried + added, out=np.zeros(len(truth)), where=tried + added > 0)
        logs += np.log(share, out=np.full(len(truth), -np.inf), where=share > 0) / 4
    shorter = np.divide(lengths, told, out=np.ones(len(truth)), where=told > 0)
    return np.where(lengths > 0, np.exp(logs + np.minimum(0.0, 1.0 - shorter)), 0.0)


def least_tries(log_p: Floats, p: float) -> Floats:
    """The samples it takes to see a text's end at least once with probability `p`, shape of `log_p`.

    The least n with 1 - (1 - p_z)^n >= p, worked out in logarithms.

    Args:
        log_p: log p_z, the log-probability that the sampling scheme gives all of the end, at most 0; minus infinity
            where the scheme cuts a token of it.

    Returns:
        At least 1; infinite where it is never seen, or not in 1e308 tries.

    Raises:
        ValueError: `p` is not between 0 and 1, or a log-probability is NaN or above 0.

    References:
        Hayes et al. (2025), Measuring memorization in language models via probabilistic extraction (arXiv 2410.19482),
        section 3: (n, p)-discoverable extraction.
    """
    log_p = np.asarray(log_p, dtype=np.float64)
    if not 0 < p < 1:
        raise ValueError("p must lie between 0 and 1")
    if not (log_p <= 0).all():
        raise ValueError("a log-probability is at most 0")
    with np.errstate(divide="ignore", over="ignore"):
        # log(1 - p_z): from exp where p_z is small, from expm1 where it is near 1.
        missed = np.where(log_p > -np.log(2), np.log(-np.expm1(log_p)), np.log1p(-np.exp(log_p)))
        tries = np.where(missed < 0, np.log1p(-p) / missed, np.exp(np.log(-np.log1p(-p)) - log_p))
    # 2 / 1 must not become 3 tries because binary arithmetic makes 2.0000000000000004 of it.
    return np.asarray(np.maximum(1.0, np.ceil(tries * (1 - 1e-12))))


def discoverable(log_p: Floats, n: float, p: float) -> NDArray[np.bool_]:
    """Whether n samples show a text's end with probability `p`; see `least_tries`."""
    return np.asarray(least_tries(log_p, p) <= n)


@dataclass(frozen=True, slots=True, kw_only=True)
class Exposure:
    """How much likelier the model makes each planted text than texts of the same kind that it never met, in bits.

    Attributes:
        by_rank: log2 |R| - log2 rank among the |R| references; shape `(n_planted,)`. Of a text that the model never met
            it is 1.44 on average (1 / ln 2).
        maximum: log2 |R|, which `by_rank` cannot exceed.
        standard_error: Of the mean of `by_rank`, for planted texts and references that are both samples.
    """

    by_rank: Floats
    maximum: float
    standard_error: float


def exposure(planted: Floats, references: Floats) -> Exposure:
    """Ranks planted texts among references.

    Args:
        planted: A score of each planted text, its log-probability say, shape `(n_planted,)`. HIGHER = MORE LIKELY SEEN.
        references: The same of texts drawn like the planted ones and never planted, in any order. The planted ones are
            not among them, however many there are, so that |R| stays the same. Ties share their middle rank.

    Raises:
        ValueError: A score is not finite, or there are not three different references.

    References:
        Carlini, Liu, Erlingsson, Kos & Song (2019), The secret sharer: evaluating and testing unintended memorization
        in neural networks, sections 4.2 to 4.4.
    """
    planted = np.asarray(planted, dtype=np.float64)
    ordered = np.sort(np.asarray(references, dtype=np.float64))
    if not (np.isfinite(planted).all() and np.isfinite(ordered).all()):
        raise ValueError("scores must be finite")
    if len(np.unique(ordered)) < 3:
        raise ValueError("exposure needs at least three different references")
    left, right = (np.searchsorted(ordered, planted, side) for side in ("left", "right"))
    rank = 1 + (len(ordered) - right) + (right - left) / 2
    size = float(np.log2(len(ordered)))
    by_rank = size - np.log2(rank)
    return Exposure(
        by_rank=by_rank,
        maximum=size,
        standard_error=_standard_error(by_rank, rank, left, right, len(ordered)),
    )


def blind_exposure(references: int) -> float:
    """The exposure, in bits, that a text has on average that the model never met.

    Its rank is any of 1 to |R| + 1, each as likely: log2 |R| - log2((|R| + 1)!) / (|R| + 1), up to 1.44 = 1 / ln 2.
    """
    from scipy.special import gammaln

    return float((np.log(references) - gammaln(references + 2) / (references + 1)) / np.log(2))


def _standard_error(
    by_rank: Floats, rank: Floats, left: NDArray[np.intp], right: NDArray[np.intp], references: int
) -> float:
    """Of mean exposure: the planted texts' own spread, and what each reference does to all their ranks (delta method).

    A reference above a planted text lowers its exposure by 1 / (rank ln 2). Samples do not show how far they might have
    spread beyond themselves, so one more text at either end of the scale, and one more reference above all, count for
    the spread: among some that are all exposed to the full there may be rare ones that are not.
    """
    n = len(by_rank)
    if n == 0:
        return float("inf")
    weight = 1 / (rank * np.log(2) * n)
    above = np.zeros(references + 1)  # the sum of the weights of the planted texts that each reference is above
    np.add.at(above, left, weight / 2)
    np.add.at(above, right, weight / 2)
    influence = np.append(np.cumsum(above)[:references], weight.sum())
    mean = by_rank.mean()
    ends = (mean - blind_exposure(references)) ** 2 + (np.log2(references) - mean) ** 2
    own = ((by_rank.var(ddof=1) if n > 1 else 0.0) * n + ends) / n**2
    return float(np.sqrt(own + references * influence.var(ddof=1)))


def extrapolated(planted: Floats, references: Floats) -> Floats:
    """Exposure beyond what ranks can show: - log2 of the probability that a reference scores as high, by a curve.

    The curve is a skew-normal distribution fitted to the references by maximum likelihood. The result has no maximum,
    and rests on a tail in which no reference lies; an interval for it could not be trusted.

    Args:
        planted, references: As of `exposure`.

    Returns:
        Shape `(n_planted,)`.

    Raises:
        ValueError: No curve can be fitted.

    References:
        Carlini, Liu, Erlingsson, Kos & Song (2019), section 4.3.
    """
    losses, ordered = (-np.asarray(one, dtype=np.float64) for one in (planted, np.sort(references)[::-1]))
    pieces = np.split(losses, np.arange(_AT_ONCE, len(losses), _AT_ONCE))
    try:
        fitted = _skew_normal(ordered)
        found = np.concatenate([_log_skew_normal((piece - fitted[1]) / fitted[2], fitted[0]) for piece in pieces])
    except (ValueError, RuntimeError, FloatingPointError) as error:
        raise ValueError("no curve can be fitted") from error
    if not np.isfinite(found).all():
        raise ValueError("no curve can be fitted")
    return np.asarray(-found / np.log(2))


_AT_ONCE = 256
"""Texts whose tails are integrated together; for memory."""


def _skew_normal(references: Floats) -> tuple[float, float, float]:
    """Shape, location and width of the curve fitted to the references."""
    import warnings

    from scipy.stats import skewnorm

    with warnings.catch_warnings(), np.errstate(all="ignore"):
        centre, scale = references.mean(), references.std()
        if not (np.isfinite(scale) and scale > 0):
            raise ValueError("they have no spread that can be worked with")
        warnings.simplefilter("ignore", RuntimeWarning)  # the search passes through shapes without a density
        shape, at, width = skewnorm.fit((references - centre) / scale)
    return float(shape), float(centre + at * scale), float(width * scale)


def _log_skew_normal(z: Floats, shape: float) -> Floats:
    """log F(z) of a skew-normal, also where F is too small to be a number.

    Its density is log-concave: below the mode it falls at least as fast as the exponential that touches it, so the
    integral over 60 of that exponential's lengths is all but e^-60 of the whole.
    """
    from scipy.special import log_ndtr, logsumexp
    from scipy.stats import skewnorm

    def log_density(t: Floats) -> Floats:
        return np.asarray(np.log(2) - t**2 / 2 - np.log(2 * np.pi) / 2 + log_ndtr(shape * t))

    def slope(t: Floats) -> Floats:
        return np.asarray(-t + shape * np.exp(-((shape * t) ** 2) / 2 - np.log(2 * np.pi) / 2 - log_ndtr(shape * t)))

    with np.errstate(divide="ignore"):
        found = np.log(skewnorm.cdf(z, shape))
    tail = (found < np.log(1e-8)) & (slope(z) > 0)
    steps = np.linspace(0, 60, 6001)
    deep = z[tail, None]
    rate = slope(deep)
    weight = np.log(np.diff(steps, append=steps[-1:] + 0.01) / rate)
    weight[:, 0] -= np.log(2)  # the trapezoid's first point counts half; the last is nothing
    found[tail] = logsumexp(log_density(deep - steps / rate) + weight, axis=1)
    return np.asarray(found)


def _compared(guess: Tokens, truth: Tokens) -> tuple[Tokens, Tokens, NDArray[np.int64], NDArray[np.int64]]:
    """Both with what fills them up made different, the guess cut to the truth's length; and their lengths.

    Raises:
        ValueError: Their shapes differ.
    """
    if guess.shape != truth.shape:
        raise ValueError(f"guesses of shape {guess.shape} for truths of shape {truth.shape}")
    lengths = _length(truth)
    told = np.minimum(_length(guess), lengths)
    places = np.arange(truth.shape[1])
    return (
        np.where(places < told[:, None], guess, END),
        np.where(places < lengths[:, None], truth, _NOT_THERE),
        told,
        lengths,
    )


def _length(rows: Tokens) -> NDArray[np.int64]:
    return np.asarray(np.logical_and.accumulate(rows != END, axis=1).sum(axis=1), dtype=np.int64)


def _share(part: NDArray[np.integer], whole: NDArray[np.integer]) -> Floats:
    return np.asarray(np.divide(part, whole, out=np.zeros(len(part)), where=whole > 0))


def _common_ngrams(guess: Tokens, truth: Tokens, n: int) -> NDArray[np.int64]:
    """How many n-grams of each guess the truth has, each as often as the truth has it; shape `(n_texts,)`."""
    ids, count = np.zeros((2, len(truth), max(truth.shape[1] - n + 1, 0)), dtype=np.int64), 1
    both, there = np.stack([guess, truth]), np.ones(ids.shape, dtype=np.bool_)
    _, words = np.unique(both, return_inverse=True)
    words = words.reshape(both.shape)
    for offset in range(n):  # numbered anew at each step, so that the ids stay small
        here = slice(offset, offset + ids.shape[2])
        there &= both[:, :, here] >= 0
        distinct, dense = np.unique(ids * (words.max(initial=0) + 1) + words[:, :, here], return_inverse=True)
        ids, count = dense.reshape(ids.shape), len(distinct)
    text = np.arange(len(truth))[None, :, None]
    counts = [np.unique((text[0] * max(count, 1) + ids[side])[there[side]], return_counts=True) for side in (0, 1)]
    found, one, other = np.intersect1d(counts[0][0], counts[1][0], assume_unique=True, return_indices=True)
    fewer = np.minimum(counts[0][1][one], counts[1][1][other])
    return np.bincount(found // max(count, 1), weights=fewer, minlength=len(truth)).astype(np.int64)
