"""Can a classifier tell released rows from real ones?"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from audit_core.case import Case
from audit_core.measurement import Measurement, Reason, measured
from audit_core.tables import Ids, Table, read_only, row_ids
from audit_plugins.checks.classifiers import MODELS, Model, probabilities
from audit_plugins.checks.over_seeds import Floats, auc_parts, over_seeds

FOLDS = 5
MOST_CELLS = 80_000
"""Cells of either arm that are looked at: 5,300 rows of 15 columns."""

FEWEST = 5 * FOLDS
"""Rows of either arm."""


class Detection:
    """Tells released rows from as many real ones, each by a model that was fitted to others.

    Measurement, of `gradient-boosting` and of `logistic-regression`; HIGHER = MORE USEFUL:
        indistinguishability: 2 (1 - AUC): 1 where the two cannot be told apart (AUC 0.5), 0 where they always can. By
            chance, and where real rows are copied, it may be above 1.

    Real are the non-members, if there are any: copies of members are no better than other real rows then. Equal rows,
    and where a subject is declared a person's rows, are in one fold. A `Mean` over seeds, each of which deals out the
    folds anew, with the seeds and the rows in the interval.

    References:
        Lopez-Paz & Oquab (2017), Revisiting classifier two-sample tests; Snoke, Raab, Nowok, Dibben & Slavković (2018),
        General and specific utility measures for synthetic data.
    """

    def __init__(self, *, seeds: int) -> None:
        """Takes how many seeds to average over."""
        self._seeds = seeds

    def measure(self, case: Case, rng: np.random.Generator) -> Iterator[Measurement | Reason]:
        """Measures the case; `rng` draws rows and folds, and seeds the models."""
        against = "members" if case.non_members is None else "non_members"
        real = case.members if case.non_members is None else case.non_members
        subjects = case.member_subjects if case.non_members is None else case.non_member_subjects
        most = min(len(case.release), len(real))
        rows = min(most, max(1_000, MOST_CELLS // len(case.release.columns)))
        if rows < FEWEST:
            yield Reason(code="usefulness-too-few", args={})
            return
        if against == "members":
            yield Reason(code="detection-against-members", args={})
        if rows < most:
            yield Reason(code="usefulness-sampled", args={"facts": f"released, {against}", "rows": rows})
        kept = [np.sort(rng.choice(len(table), rows, replace=False)) for table in (case.release, real)]
        release, others = case.release.take(kept[0]), real.take(kept[1])
        both = Table(columns=release.columns, codes=read_only(np.concatenate([release.codes, others.codes])))
        group = _groups(both, rows, None if subjects is None else subjects[kept[1]])
        synthetic = np.arange(2 * rows) < rows
        for model in MODELS:
            values, influence = np.empty(self._seeds), np.zeros(2 * rows)
            for seed in range(self._seeds):
                auc, moves = auc_parts(_scores(model, both, synthetic, group, rng), synthetic)
                values[seed] = 2 * (1 - auc)
                influence -= 2 * moves / self._seeds
            yield measured("indistinguishability", over_seeds(values, influence, group), of=model, blind=0.0)
        yield Reason(code="usefulness-interval", args={})


def _groups(both: Table, released: int, subjects: Ids | None) -> Ids:
    """Which rows must not be parted, by number, shape `(n_rows,)`."""
    (ids,) = row_ids(both)
    if subjects is not None:
        ids = np.concatenate([ids[:released], ids.max() + 1 + np.unique(subjects, return_inverse=True)[1]])
    return np.unique(ids, return_inverse=True)[1].astype(np.int64)


def _scores(model: Model, rows: Table, synthetic: NDArray[np.bool_], group: Ids, rng: np.random.Generator) -> Floats:
    """How synthetic each row looks to a model that was fitted to the other folds, as a rank in its fold."""
    from scipy.stats import rankdata

    fold = rng.permutation(np.arange(int(group.max()) + 1) % FOLDS)[group]
    scores = np.full(len(rows), 0.5)
    for held in range(FOLDS):
        inside, outside = np.flatnonzero(fold != held), np.flatnonzero(fold == held)
        if not len(outside) or not len(inside):
            continue
        labels = synthetic[inside].astype(np.intp)
        said = probabilities(model, rows.take(inside), labels, rows.take(outside), 2, rng, trees=60)[:, 1]
        scores[outside] = (rankdata(said) - 0.5) / len(outside)  # scores of two models have no common scale
    return scores
