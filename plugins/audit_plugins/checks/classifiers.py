"""The two classifiers by which usefulness is measured, on tables with categories and missing cells.

Gradient-boosted trees see what columns do together; logistic regression only what each does by itself.
"""

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from audit_core.tables import MISSING, Table

Model = Literal["gradient-boosting", "logistic-regression"]
MODELS: tuple[Model, ...] = ("gradient-boosting", "logistic-regression")

COMMONEST = 50
"""Values of a category that logistic regression tells apart; all others look like none of them."""


def probabilities(
    model: Model,
    train: Table,
    labels: NDArray[np.intp],
    test: Table,
    classes: int,
    rng: np.random.Generator,
    *,
    trees: int = 100,
) -> NDArray[np.float64]:
    """The probability of each class for each row of `test`, shape `(n_test, classes)`, from one thread.

    Args:
        train, test: With the same columns over the same dictionaries; never the column that is predicted.
        labels: Of the rows of `train`, in 0..classes-1, shape `(n_train,)`.
        trees: Of gradient boosting, over all classes.
    """
    from threadpoolctl import threadpool_limits

    found = np.zeros((len(test), classes))
    there = np.unique(labels)
    if len(there) < 2:  # whoever has seen one class knows one answer
        found[:, there] = 1.0
        return found
    with threadpool_limits(1):
        if model == "gradient-boosting":
            columns = train.features()
            seen = ~np.isnan(columns).all(axis=0)
            fitted, inside, outside = _boosting(trees, len(there), rng), columns[:, seen], test.features()[:, seen]
        else:
            fitted, (inside, outside) = _regression(), _design(train, test)
        if not inside.shape[1]:
            found[:, there] = np.bincount(labels)[there] / len(labels)
            return found
        fitted.fit(inside, labels)
        found[:, there] = fitted.predict_proba(outside)
    return found


def _boosting(trees: int, classes: int, rng: np.random.Generator) -> Any:
    """As scikit-learn has it by default: with more than 10,000 rows it stops by a tenth of them."""
    from sklearn.ensemble import HistGradientBoostingClassifier

    rounds = trees if classes == 2 else max(10, trees // classes)
    return HistGradientBoostingClassifier(max_iter=rounds, random_state=int(rng.integers(2**31)))


def _regression() -> Any:
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression(max_iter=200, tol=1e-3)


def _design(train: Table, test: Table) -> tuple[Any, Any]:
    """Standardised numbers and indicators of missing cells and of common values, as sparse matrices.

    Everything is learnt from the rows of `train`.
    """
    from scipy import sparse

    parts: tuple[list[Any], list[Any]] = ([], [])
    for position, column in enumerate(train.columns):
        codes = [table.codes[:, position] for table in (train, test)]
        missing = [code == MISSING for code in codes]
        if missing[0].any():
            for part, absent in zip(parts, missing, strict=True):
                part.append(sparse.csr_matrix(absent[:, None].astype(np.float64)))
        if column.numeric:
            values = [table.numbers(column.name) for table in (train, test)]
            if missing[0].all():
                continue
            mean, spread = float(np.nanmean(values[0])), float(np.nanstd(values[0]))
            if spread == 0:
                continue
            for part, value in zip(parts, values, strict=True):
                scaled = np.clip(np.nan_to_num((value - mean) / spread, nan=0.0), -10, 10)
                part.append(sparse.csr_matrix(scaled[:, None]))
            continue
        times = np.bincount(codes[0][codes[0] != MISSING], minlength=len(column.values))
        common = np.argsort(-times, kind="stable")[:COMMONEST]
        common = common[times[common] > 0]
        place = np.full(len(column.values) + 1, -1)
        place[common] = np.arange(len(common))
        for part, code in zip(parts, codes, strict=True):
            rows = np.flatnonzero(place[code] >= 0)
            shape = (len(code), len(common))
            part.append(sparse.csr_matrix((np.ones(len(rows)), (rows, place[code[rows]])), shape=shape))
    if not parts[0]:
        return np.empty((len(train), 0)), np.empty((len(test), 0))
    return tuple(sparse.hstack(part, format="csr") for part in parts)
