"""Near-duplicates among the texts of two lists: texts that share most of their 13-grams.

The grams are of 13 characters, not of words. A record here is short, some 36 tokens or 200 characters: one word changed
would take up to 13 of its few word 13-grams with it, while it takes about a tenth of its character 13-grams; and
Japanese has no blanks to find words by. 13 characters are two or three English words, or a Japanese phrase: unrelated
texts share next to none. Texts are compared in normal form, with each run of white space as one blank.

MinHash proposes pairs, an exact Jaccard similarity decides, so that no unrelated pair is ever reported; a pair at the
threshold is missed with a probability of at most `MOST_MISSED`. The same texts always give the same answer.

References:
    Broder (1997), On the resemblance and containment of documents, sections 2 and 3.
    Lee et al. (2022), Deduplicating training data makes language models better, section 4.2.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from audit_core.tables import normal_form

GRAM = 13
"""Characters of a gram; a text of fewer is one gram."""

SIMILAR = 0.8
"""Jaccard similarity of the grams from which two texts are near-duplicates (Lee et al. 2022)."""

MOST_MISSED = 1e-6

_HASHES = 240
_CHUNK = 1 << 16  # pairs looked at in one go
_EXACT = 1 << 11  # pairs compared exactly in one go
_DOUBT = 5.0  # standard errors by which the estimate of a pair may fall short before it is looked at exactly
_BLOCK = 1 << 18  # grams hashed in one go, so that they stay in the cache

Words = NDArray[np.uint64]


@dataclass(frozen=True, slots=True, kw_only=True)
class NearDuplicates:
    """Which texts of two lists belong together.

    Attributes:
        left, right: Whether a text's cluster has a text of the other list; shapes `(n_left,)` and `(n_right,)`.
        left_cluster, right_cluster: Ids from 0, the same for texts that a chain of near-duplicates of either list ties
            together: folds by them part no two such texts.
    """

    left: NDArray[np.bool_]
    right: NDArray[np.bool_]
    left_cluster: NDArray[np.int64]
    right_cluster: NDArray[np.int64]


def near_duplicates(left: Sequence[str], right: Sequence[str], *, similar: float = SIMILAR) -> NearDuplicates:
    """Finds exact and near-duplicates within and across the lists.

    Time grows with the number of texts, and with the square of those that are nearly alike without being similar.

    Args:
        similar: The least Jaccard similarity of near-duplicates.

    Raises:
        ValueError: `similar` is not between 0.5 and 1.
    """
    if not 0.5 <= similar <= 1:
        raise ValueError("the similarity of near-duplicates must lie between 0.5 and 1")
    plain = [" ".join(normal_form(text).split()) for text in (*left, *right)]
    numbers: dict[str, int] = {}
    distinct = np.array([numbers.setdefault(text, len(numbers)) for text in plain], dtype=np.int64)
    of_distinct = _clusters(list(numbers), similar)
    _, clusters = np.unique(of_distinct[distinct], return_inverse=True)
    clusters = clusters.reshape(-1).astype(np.int64)
    here, there = clusters[: len(left)], clusters[len(left) :]
    return NearDuplicates(left=np.isin(here, there), right=np.isin(there, here), left_cluster=here, right_cluster=there)


def _clusters(texts: Sequence[str], similar: float) -> NDArray[np.int64]:
    """A cluster id for each of the distinct texts."""
    labels = np.arange(len(texts))
    if len(texts) < 2:
        return labels
    grams, starts = _grams(texts)
    signatures = _signatures(grams, starts)
    short = signatures.astype(np.uint8)  # chance adds 1 in 256 to what agrees, which rules no pair out
    sets = _sets(grams, starts)
    sizes = np.diff(sets.indptr)
    least = _HASHES * similar - _DOUBT * np.sqrt(_HASHES * similar * (1 - similar))
    for band in _bands(signatures, similar):
        for one, other in _pairs(band, labels):
            apart = labels[one] != labels[other]
            one, other = one[apart], other[apart]
            likely = (short[one] == short[other]).sum(axis=1, dtype=np.uint16) >= least
            one, other = one[likely], other[likely]
            for start in range(0, len(one), _EXACT):
                some, others = one[start : start + _EXACT], other[start : start + _EXACT]
                apart = labels[some] != labels[others]  # most of many copies are tied by now
                some, others = some[apart], others[apart]
                common = sets[some].multiply(sets[others]).sum(axis=1)
                same = common >= similar * (sizes[some] + sizes[others] - common) - 1e-9
                labels = _joined(labels, some[same], others[same])
    return labels


def _joined(labels: NDArray[np.int64], one: NDArray[np.int64], other: NDArray[np.int64]) -> NDArray[np.int64]:
    """The labels after each of one and its other came to share theirs."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    if not len(one):
        return labels
    ties = coo_array((np.ones(len(one), dtype=np.int8), (labels[one], labels[other])), shape=(len(labels),) * 2)
    return np.asarray(connected_components(ties, directed=False)[1].astype(np.int64)[labels])


def _grams(texts: Sequence[str]) -> tuple[Words, NDArray[np.int64]]:
    """The hashed grams of the texts, one text's after the other's, and where each begins; at least one each."""
    lengths = np.array([len(text) for text in texts], dtype=np.int64)
    padded = "".join(text.ljust(GRAM, "\0") for text in texts)
    points = np.frombuffer(padded.encode("utf-32-le", "surrogatepass"), dtype=np.uint32).astype(np.uint64)
    hashed = np.zeros(len(points) - GRAM + 1, dtype=np.uint64)
    for offset in range(GRAM):
        hashed = hashed * np.uint64(0x9E3779B97F4A7C15) + points[offset : offset + len(hashed)]
    counts = np.maximum(lengths - GRAM + 1, 1)
    starts = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    begins = np.concatenate([[0], np.cumsum(np.maximum(lengths, GRAM))])[:-1]
    return _mixed(hashed[np.repeat(begins - starts[:-1], counts) + np.arange(starts[-1])]), starts


def _mixed(words: Words) -> Words:
    """Every bit of the result depends on every bit of the word (the finaliser of SplitMix64)."""
    words = (words ^ (words >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    words = (words ^ (words >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return words ^ (words >> np.uint64(31))


def _signatures(grams: Words, starts: NDArray[np.int64]) -> NDArray[np.uint32]:
    """The least value of each of `_HASHES` hash functions over a text's grams, shape `(n_texts, _HASHES)`."""
    rng = np.random.default_rng(13)  # the functions are fixed, so that the same texts give the same answer
    factors = rng.integers(2**32, size=_HASHES, dtype=np.uint32) | np.uint32(1)
    masks = rng.integers(2**32, size=_HASHES, dtype=np.uint32)
    low = grams.astype(np.uint32)
    found = np.empty((_HASHES, len(starts) - 1), dtype=np.uint32)
    first = 0
    while first < len(starts) - 1:
        last = max(first + 1, int(np.searchsorted(starts, starts[first] + _BLOCK, side="right")) - 1)
        some, begins = low[starts[first] : starts[last]], starts[first:last] - starts[first]
        for number in range(_HASHES):
            values = (some ^ masks[number]) * factors[number]
            values ^= values >> np.uint32(15)
            found[number, first:last] = np.minimum.reduceat(values, begins)
        first = last
    return np.ascontiguousarray(found.T)


def _sets(grams: Words, starts: NDArray[np.int64]) -> Any:
    """The distinct grams of each text, as a sparse matrix of ones."""
    from scipy.sparse import csr_array

    distinct, places = np.unique(grams, return_inverse=True)
    matrix = csr_array(
        (np.ones(len(grams), dtype=np.int32), places.reshape(-1), starts), shape=(len(starts) - 1, len(distinct))
    )
    matrix.sum_duplicates()
    matrix.data[:] = 1
    return matrix


def _bands(signatures: NDArray[np.uint32], similar: float) -> Iterator[NDArray[np.int64]]:
    """For each band of hash functions, a number for each text: equal where the whole band agrees.

    A band is as wide as can be, for the fewest pairs in vain, with at most `MOST_MISSED` similar pairs in no band.
    """
    widths = range(1, _HASHES + 1)
    wide = max(width for width in widths if (1 - similar**width) ** (_HASHES // width) <= MOST_MISSED or width == 1)
    for start in range(0, _HASHES - wide + 1, wide):
        band = np.ascontiguousarray(signatures[:, start : start + wide])
        whole = band.view(np.dtype((np.void, band.dtype.itemsize * wide))).reshape(-1)
        yield np.unique(whole, return_inverse=True)[1].reshape(-1).astype(np.int64)


def _pairs(band: NDArray[np.int64], labels: NDArray[np.int64]) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """All pairs of texts with the same number, a bounded many at a time; none of a number that has one label only."""
    order = np.lexsort((labels, band)).astype(np.int64)
    _, first, count = np.unique(band[order], return_index=True, return_counts=True)
    mixed = labels[order[first]] != labels[order[first + count - 1]]
    order = order[np.repeat(mixed, count)]
    count = count[mixed]
    partners = np.repeat(np.cumsum(count), count) - np.arange(len(order)) - 1  # those after a text, with its number
    total = np.concatenate([[0], np.cumsum(partners)])
    at = 0
    while at < len(order):
        until = max(at + 1, int(np.searchsorted(total, total[at] + _CHUNK, side="right")) - 1)
        places = np.repeat(np.arange(at, until), partners[at:until])
        ahead = np.arange(len(places)) - np.repeat(total[at:until] - total[at], partners[at:until]) + 1
        yield order[places], order[places + ahead]
        at = until
