"""A mean over seeds, with an interval for the seeds and for the rows that were tested on."""

import math

import numpy as np
from numpy.typing import NDArray

from audit_core.evidence import Mean
from audit_core.tables import Ids

Floats = NDArray[np.float64]


def over_seeds(values: Floats, influence: Floats, persons: Ids | None = None) -> Mean:
    """The mean of a measure over seeds.

    Two errors add up: of the mean over the seeds, and of the rows tested on, which all seeds share. Degrees of freedom
    by Satterthwaite. How other training rows would have done is not in it: the release is what it is.

    Args:
        values: The measure for each seed, shape `(n_seeds,)`.
        influence: How much each row tested on moves the measure, averaged over seeds, shape `(n_rows,)`; the variance
            of the measure is that of a mean of these.
        persons: Whose row each is, shape `(n_rows,)`; rows of a person move the measure together.

    References:
        Satterthwaite (1946), An approximate distribution of estimates of variance components; Hampel (1974), The
        influence curve and its role in robust estimation.
    """
    seeds, rows = len(values), len(influence)
    of_seeds = float(values.var(ddof=1)) / seeds if seeds > 1 else 0.0
    sums = influence if persons is None else np.bincount(np.unique(persons, return_inverse=True)[1], influence)
    units = len(sums)
    of_rows = float((sums**2).sum()) / rows**2 * units / max(1, units - 1)
    df = max(1, seeds - 1 if seeds > 1 else units - 1)
    if of_rows > 0:
        spread = of_seeds**2 / max(1, seeds - 1) + of_rows**2 / max(1, units - 1)
        df = max(1, math.floor((of_seeds + of_rows) ** 2 / spread))
    return Mean(mean=float(values.mean()), se=math.sqrt(of_seeds + of_rows), df=df)


def auc_parts(scores: Floats, positive: NDArray[np.bool_]) -> tuple[float, Floats]:
    """The area under the ROC curve, and how much each row moves it, shape `(n_rows,)`.

    0.5 and no influence where a class is empty; who knows nothing scores 0.5.

    References:
        DeLong, DeLong & Clarke-Pearson (1988), Comparing the areas under two or more correlated ROC curves.
    """
    from scipy.stats import rankdata

    n1 = int(positive.sum())
    n0 = len(positive) - n1
    if not n1 or not n0:
        return 0.5, np.zeros(len(scores))
    ranks = rankdata(scores)
    placement = np.empty(len(scores))
    placement[positive] = (ranks[positive] - rankdata(scores[positive])) / n0
    placement[~positive] = 1 - (ranks[~positive] - rankdata(scores[~positive])) / n1
    auc = float(placement[positive].mean())
    return auc, (placement - auc) * len(scores) / np.where(positive, n1, n0)


def f1_parts(said: NDArray[np.bool_], positive: NDArray[np.bool_]) -> tuple[float, Floats]:
    """F1 of the positive class, and how much each row moves it, shape `(n_rows,)`.

    0 where nobody is positive nor said to be.
    """
    both, either = (said & positive).astype(np.float64), said.astype(np.float64) + positive
    if not either.any():
        return 0.0, np.zeros(len(said))
    f1 = float(2 * both.sum() / either.sum())
    return f1, (2 * both - f1 * either) / float(either.mean())
