"""What an equivalence class tells about a sensitive column: l-diversity, t-closeness, delta-disclosure.

Notation: q is the share of a value among the rows of one class, p its share among all rows. Only pairs of class and
value that occur are stored and visited, so the cost grows with the rows and not with classes times values.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from audit_core.tables import Codes
from audit_plugins.checks.equivalence_classes import Keys, lengths, refined, runs

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Prior:
    """The distribution of the column over all rows; its m values that occur are ranked 0 .. m - 1 in their order.

    Attributes:
        rows: All rows.
        share: p, shape `(m,)`, all above 0.
        cumulative: P_j, the sum of p up to and with j, shape `(m,)`.
        area: `rows` times the sum of P_i over i < j, shape `(m + 1,)`; whole numbers, so differences are exact.
    """

    rows: int
    share: Floats
    cumulative: Floats
    area: NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ValueCounts:
    """How often each value occurs in each class; pairs are in order of class, then value.

    Attributes:
        first: Position of each class's first pair, shape `(n_classes,)`.
        value: Rank of the value, shape `(n_pairs,)`.
        count: Rows of that class and value, at least 1, shape `(n_pairs,)`.
    """

    first: NDArray[np.int64]
    value: NDArray[np.int32]
    count: NDArray[np.int32]
    prior: Prior


@dataclass(frozen=True, slots=True, kw_only=True)
class Disclosure:
    """The worst class of a column, measure by measure.

    Attributes:
        distinct: Fewest distinct values in a class: the l of distinct l-diversity.
        entropy: Lowest entropy of a class, in nats.
        closeness: Largest distance of a class from all rows: the t of t-closeness, from 0 to 1.
        log_ratio: Largest |ln(q / p)| over classes and the values present in them.
        incomplete: Classes in which some value of the column is absent.
        classes: All classes.
    """

    distinct: int
    entropy: float
    closeness: float
    log_ratio: float
    incomplete: int
    classes: int


def value_counts(keys: Keys, codes: Codes, width: int) -> ValueCounts:
    """Counts pairs of class and value. A missing cell is a value, lower than all others.

    Args:
        keys: Of the classes.
        codes: Of the sensitive column, shape `(n_rows,)`, from -1 (missing) up to below `width - 1`.
    """
    total = np.bincount(codes + 1, minlength=width)
    occurring = total > 0
    ranks = (np.cumsum(occurring) - 1).astype(np.int32)
    total = total[occurring]
    cumulative = np.cumsum(total)
    prior = Prior(
        rows=len(codes),
        share=total / len(codes),
        cumulative=cumulative / len(codes),
        area=np.concatenate([[0], np.cumsum(cumulative)]),
    )
    pairs = refined(keys, codes, width).ids
    pairs.sort()
    starts, count = runs(pairs)
    pairs = pairs[starts]
    classes, values = np.divmod(pairs, width)
    return ValueCounts(first=runs(classes)[0], value=ranks[values], count=count.astype(np.int32), prior=prior)


def parts(counts: ValueCounts, pairs: int) -> Iterator[ValueCounts]:
    """The same classes, a few at a time, so that what is computed on them stays small.

    Args:
        pairs: About how many pairs a part has; a class is never cut.
    """
    ends = np.append(counts.first, len(counts.value))
    cuts = np.unique(np.append(np.searchsorted(ends, np.arange(0, len(counts.value), pairs)), len(counts.first)))
    for start, stop in pairwise(cuts):
        inside = slice(ends[start], ends[stop])
        yield replace(
            counts,
            first=counts.first[start:stop] - ends[start],
            value=counts.value[inside],
            count=counts.count[inside],
        )


def disclosure(counts: ValueCounts, *, ordered: bool, pairs: int = 2**20) -> Disclosure:
    """The worst class by each measure.

    Args:
        ordered: Whether the column's values have an order that a distance should respect.
        pairs: How many pairs of class and value to look at in one go.
    """
    distinct, entropy, closeness, log_ratio, incomplete = [], [], [], [], 0
    for part in parts(counts, pairs):
        values = lengths(part.first, len(part.value))
        q = part.count / np.repeat(np.add.reduceat(part.count, part.first), values)
        distinct.append(values.min())
        entropy.append(entropies(part, q).min())
        closeness.append((ordered_distances(part) if ordered else total_variations(part, q)).max())
        log_ratio.append(log_ratios(part, q).max())
        incomplete += int(np.count_nonzero(values < len(part.prior.share)))
    return Disclosure(
        distinct=int(min(distinct)),
        entropy=float(min(entropy)),
        closeness=float(max(closeness)),
        log_ratio=float(max(log_ratio)),
        incomplete=incomplete,
        classes=len(counts.first),
    )


def entropies(counts: ValueCounts, q: Floats) -> Floats:
    """The entropy of each class in nats, shape `(n_classes,)`; 0 where one value has all rows.

    References:
        Machanavajjhala, Kifer, Gehrke & Venkitasubramaniam (2007), l-diversity (entropy l-diversity).
    """
    return -np.add.reduceat(q * np.log(q), counts.first)


def total_variations(counts: ValueCounts, q: Floats) -> Floats:
    """Half the sum of |q - p| over all values, for each class, shape `(n_classes,)`, from 0 to 1.

    As q - p sums to 0, that is the sum of its positive part, and only values present in the class have one.

    References:
        Li, Li & Venkatasubramanian (2007), t-closeness (EMD for categorical attributes, equal distance).
    """
    return np.add.reduceat(np.maximum(q - counts.prior.share[counts.value], 0.0), counts.first)


def ordered_distances(counts: ValueCounts) -> Floats:
    """The earth mover's distance over ranks, for each class, shape `(n_classes,)`, from 0 to 1.

    It is the sum over j of |Q_j - P_j|, divided by m - 1, with Q and P the cumulative shares. Between two values
    present in the class Q does not move while P rises, so the difference changes its sign at one place at most, which
    a binary search finds, and prefix sums of P give the sums on either side.

    References:
        Li, Li & Venkatasubramanian (2007), t-closeness (EMD for numerical attributes, ordered distance).
    """
    prior, first = counts.prior, counts.first
    m = len(prior.share)
    if m == 1:
        return np.zeros(len(first))
    values = lengths(first, len(counts.value))
    reached = np.cumsum(counts.count, dtype=np.int64)
    before = reached[first] - counts.count[first]
    size = np.add.reduceat(counts.count, first)
    level = (reached - np.repeat(before, values)) / np.repeat(size, values)
    here = counts.value.astype(np.int64)
    following = np.append(here[1:], m)
    following[first[1:] - 1] = m
    turn = np.clip(np.searchsorted(prior.cumulative, level), here, following)
    above = level * (turn - here) - (prior.area[turn] - prior.area[here]) / prior.rows
    below = (prior.area[following] - prior.area[turn]) / prior.rows - level * (following - turn)
    ahead_of_class = prior.area[here[first]] / prior.rows
    moved = np.add.reduceat(above + below, first) + ahead_of_class
    return np.maximum(moved, 0.0) / (m - 1)  # rounding alone can bring a distance of 0 just below


def log_ratios(counts: ValueCounts, q: Floats) -> Floats:
    """The largest |ln(q / p)| over the values present in each class, shape `(n_classes,)`.

    Delta-disclosure privacy is strict: a value that is absent from a class (q = 0) makes it infinite. Here absent
    values are passed over and the result is finite; `Disclosure.incomplete` says in how many classes that happened.

    References:
        Brickell & Shmatikov (2008), The cost of privacy (delta-disclosure privacy).
    """
    return np.maximum.reduceat(np.abs(np.log(q / counts.prior.share[counts.value])), counts.first)
