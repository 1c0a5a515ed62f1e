"""From outcomes and scores to the counts and variances that evidence stores.

Nothing here depends on the order of the rows: sums run over integers or over sorted terms, ties are never broken.
"""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Clusters = NDArray[np.int64]

FULL_CORRELATION_WEIGHT = 2.0
"""How many clusters the assumption of full correlation is worth in `design_effect`."""


def design_effect(outcomes: NDArray[np.bool_] | Floats, clusters: Clusters) -> float:
    """By how much clustered rows say less about a rate than as many independent rows.

    The variance of the rate as a ratio of cluster totals, over that of independent rows, is 1 at least: a smaller
    estimate is chance, and would claim more information than there are rows. It is estimated from the clusters that
    hold a hit, and where these are few it is far too small: a hundred persons with ten rows and no hit have not shown
    that rows are independent. So it is shrunk towards the design effect of rows that agree fully within a cluster,
    sum of squared sizes / rows, as if two more clusters had shown full correlation; without a hit, or without a miss,
    it is that value.

    Args:
        outcomes: Shape `(n,)`, 0 or 1.
        clusters: Shape `(n,)`, the cluster (person) of each row.

    Returns:
        At least 1; exactly 1 where every row is a cluster of its own, and where there are no rows.

    References:
        Rao & Scott (1992), A simple method for the analysis of clustered binary data, section 2; Kish (1965).
    """
    rows = len(outcomes)
    sums, sizes = _cluster_sums(np.asarray(outcomes, dtype=np.float64), clusters)
    if rows == len(sizes):
        return 1.0
    if len(sizes) == 1:
        return float(rows)
    agreeing = float((sizes**2).sum() / rows)
    rate = float(sums.sum() / rows)
    informative = float(min((sums > 0).sum(), (sums < sizes).sum()))
    if rate in (0.0, 1.0):
        return agreeing
    estimate = max(1.0, _ratio_variance(sums, sizes) * rows / (rate * (1.0 - rate)))
    # Clusters of unequal size are worth fewer than their number: rows / agreeing.
    weight = informative * (rows / agreeing) / len(sizes)
    shrunk = (weight * estimate + FULL_CORRELATION_WEIGHT * agreeing) / (weight + FULL_CORRELATION_WEIGHT)
    return max(estimate, shrunk)


def repetition_effect(hits: NDArray[np.integer]) -> float:
    """The design effect of hits that repeat: sum of squares over sum of how often each is hit; at least 1.

    Tries that hit one and the same record are one piece of evidence.
    """
    counts = np.unique(hits, return_counts=True)[1]
    return float((counts**2).sum() / counts.sum()) if len(counts) else 1.0


def independent_units(clusters: Clusters) -> int:
    """How many clusters of one size the clusters are worth: rows² / sum of squared sizes, rounded down.

    References:
        Kish (1965), Survey Sampling, section 11.7.
    """
    if len(clusters) == 0:
        return 0
    sizes = np.unique(clusters, return_counts=True)[1].astype(np.int64)
    return int(len(clusters) ** 2 // int((sizes**2).sum()))


def delong(
    members: Floats,
    controls: Floats,
    member_clusters: Clusters | None = None,
    control_clusters: Clusters | None = None,
) -> tuple[float, float]:
    """The area under the ROC curve and its variance, from midranks in O(n log n).

    Args:
        members, controls: Scores, shapes `(n1,)` and `(n0,)`, finite. HIGHER = MORE LIKELY A MEMBER.
        member_clusters, control_clusters: The cluster of each row; no cluster reaches into both arms. None: each row
            by itself, which is DeLong's variance; otherwise Obuchowski's.

    Returns:
        AUC in 0..1 (0.5 where an arm is empty; a blind attacker's 0.5 where all scores are equal), and its variance
        (0 where it cannot be estimated).

    Raises:
        ValueError: A score is not finite.

    References:
        DeLong, DeLong & Clarke-Pearson (1988); Sun & Xu (2014) for midranks; Obuchowski (1997), Nonparametric
        analysis of clustered ROC curve data, equations 3-6.
    """
    ordered_members, ordered_controls = _sorted(members, "members"), _sorted(controls, "controls")
    n1, n0 = len(ordered_members), len(ordered_controls)
    if n1 == 0 or n0 == 0:
        return 0.5, 0.0
    # Twice the number of the other arm's scores below (ties count half): integers, so sums are exact.
    below = _below_twice(members, ordered_controls)
    above = 2.0 * n1 - _below_twice(controls, ordered_members)
    auc = float(below.sum()) / (2.0 * n1 * n0)
    variance = _mean_variance(below, member_clusters) / (2.0 * n0) ** 2
    variance += _mean_variance(above, control_clusters) / (2.0 * n1) ** 2
    return auc, variance


def shuffled_auc(
    scores: Floats, member: NDArray[np.bool_], clusters: Clusters | None, times: int, rng: np.random.Generator
) -> Floats:
    """The AUC of the same scores under labels given out by chance, shape `(times,)`; 0.5 on average.

    Args:
        scores: Of members and controls, shape `(n,)`, finite.
        member: Shape `(n,)`; as many units as here are members each time.
        clusters: Units that share their label, shape `(n,)`; each row by itself if None.
    """
    from scipy.stats import rankdata

    ranks: Floats = rankdata(scores)
    sizes: Floats = np.ones(len(scores))
    labels = member
    if clusters is not None:
        ranks, sizes = _cluster_sums(ranks, clusters)
        labels = member[np.unique(clusters, return_index=True)[1]]
    order = np.lexsort((sizes, ranks))  # so that the rows' own order plays no part
    ranks, sizes, chosen = ranks[order], sizes[order], int(labels.sum())
    areas = np.empty(times)
    for time in range(times):
        some = rng.permutation(len(ranks))[:chosen]
        n1 = float(sizes[some].sum())
        n0 = float(sizes.sum()) - n1
        areas[time] = (ranks[some].sum() - n1 * (n1 + 1) / 2) / (n1 * n0) if n1 and n0 else 0.5
    return areas


def false_positives_allowed(fpr: float, n0: int) -> int:
    """floor(fpr * n0), where 0.29 * 100 is 29 and not the 28.999... of binary arithmetic."""
    return int(np.floor(fpr * n0 + 1e-9))


def tail_hits(members: Floats, controls: Floats, fpr: float) -> float:
    """Members above the threshold that j = floor(fpr * n0) controls exceed: the (j + 1)-th largest control score.

    Where scores are tied at the threshold, members there count with what they give on average over all orders of the
    tie: if s of g tied controls are to lie above the threshold, (s + 1) / (g + 1). So the expected hits are those
    of untied scores, which the bounds rest on; the plain share s / g has too few. No coin is tossed, and no
    order of rows matters.

    Args:
        members, controls: Scores, shapes `(n1,)` and `(n0,)`, finite. HIGHER = MORE LIKELY A MEMBER.

    Returns:
        In 0..n1; n1 (j + 1) / (n0 + 1) for an attacker who gives all the same score, as for one who guesses; 0 where
        there is no control.

    Raises:
        ValueError: A score is not finite, or `fpr` is not between 0 and 1.

    References:
        Carlini et al. (2022), Membership inference attacks from first principles, section II.
    """
    if not 0 < fpr < 1:
        raise ValueError("fpr must lie between 0 and 1")
    ordered_members, ordered_controls = _sorted(members, "members"), _sorted(controls, "controls")
    if len(ordered_controls) == 0:
        return 0.0
    allowed = np.array([false_positives_allowed(fpr, len(ordered_controls))])
    above1, tied1, above0, tied0 = _at_threshold(ordered_members, ordered_controls, allowed)
    return float((above1 + (allowed - above0 + 1) / (tied0 + 1) * tied1)[0])


def roc_points(members: Floats, controls: Floats, grid: Floats) -> Floats:
    """The ROC curve at each false-positive rate of the grid, rounded down to a whole number of controls.

    Tied scores are a straight line on the curve: a share s / g of g tied controls takes the same share of the members.

    Args:
        members, controls: As for `tail_hits`.
        grid: False-positive rates, in 0..1.

    Returns:
        The true-positive rates, shape of `grid`, rising with it; 0 where an arm is empty.

    Raises:
        ValueError: A score is not finite.
    """
    ordered_members, ordered_controls = _sorted(members, "members"), _sorted(controls, "controls")
    n1, n0 = len(ordered_members), len(ordered_controls)
    if n1 == 0 or n0 == 0:
        return np.zeros(len(grid))
    allowed = np.array([false_positives_allowed(float(fpr), n0) for fpr in grid], dtype=np.int64)
    above1, tied1, above0, tied0 = _at_threshold(ordered_members, ordered_controls, allowed)
    return np.where(allowed >= n0, 1.0, (above1 + (allowed - above0) / tied0 * tied1) / n1)


def _at_threshold(
    members: Floats, controls: Floats, allowed: NDArray[np.int64]
) -> tuple[Floats, Floats, Floats, Floats]:
    """Members above and at each threshold, then controls; the scores ascending.

    Each threshold is the control score below which all but `allowed` controls lie, the least score at most.
    """
    threshold = controls[np.maximum(len(controls) - 1 - allowed, 0)]
    return *_above_and_at(members, threshold), *_above_and_at(controls, threshold)


def _above_and_at(ordered: Floats, threshold: Floats) -> tuple[Floats, Floats]:
    left, right = np.searchsorted(ordered, threshold, "left"), np.searchsorted(ordered, threshold, "right")
    return (len(ordered) - right).astype(np.float64), (right - left).astype(np.float64)


def _sorted(scores: Floats, name: str) -> Floats:
    if not np.isfinite(scores).all():
        raise ValueError(f"the scores of the {name} must be finite")
    return np.sort(np.asarray(scores, dtype=np.float64))


def _below_twice(scores: Floats, ordered: Floats) -> Floats:
    """Twice the number of ordered scores below each score, a tie counting half of two; integers."""
    return (np.searchsorted(ordered, scores, "left") + np.searchsorted(ordered, scores, "right")).astype(np.float64)


def _mean_variance(values: Floats, clusters: Clusters | None) -> float:
    """The variance of a mean of (clustered) values; 0 where one cluster is all there is."""
    sums, sizes = (values, np.ones(len(values))) if clusters is None else _cluster_sums(values, clusters)
    return _ratio_variance(sums, sizes) if len(sizes) > 1 else 0.0


def _cluster_sums(values: Floats, clusters: Clusters) -> tuple[Floats, Floats]:
    ids, place = np.unique(clusters, return_inverse=True)
    place = place.reshape(-1)
    sums = np.bincount(place, weights=values, minlength=len(ids)).astype(np.float64)
    return sums, np.bincount(place, minlength=len(ids)).astype(np.float64)


def _ratio_variance(sums: Floats, sizes: Floats) -> float:
    """The variance of sum(sums) / sum(sizes) over independent clusters, linearised; sorted before it is summed."""
    rows, count = sizes.sum(), len(sizes)
    residuals = sums - sums.sum() / rows * sizes
    return float(np.sort(residuals**2).sum() / rows**2 * count / (count - 1))
