"""Membership inference on tables: was this record among those the release was made from?

Six scores, each from another idea of what a generator does to the records it was given. All compare the release
with a reference sample of the same population, so that a record which is merely typical gives nothing away.
"""

import numpy as np
from numpy.typing import NDArray

from audit_core.answers import Scores
from audit_core.questions import Asset, Membership, Neighbours
from audit_core.tables import Table

Values = NDArray[np.float64]

_SOFTENING = 0.01  # of a distance of at most 1 a column; keeps the logarithm of an exact copy's distance finite
_BANDWIDTH = 0.1  # between the distance of a copy (0) and of a row that differs in one category (1)
_RADII = (0.01, 0.03, 0.1, 0.3, 1.0)  # from nearly a copy to one differing category, evenly on the log scale
_ITERATIONS = 60


class MembershipInference:
    """Answers a membership question with six scores. HIGHER = MORE LIKELY A MEMBER.

    An attacker who knows nothing scores an AUC of 0.5 and a true-positive rate equal to the false-positive rate.

    References:
        Chen, Yu, Zhang & Fritz (2020), GAN-Leaks: distances calibrated by a reference (`distance-difference`).
        van Breugel, Sun, Qian & van der Schaar (2023), DOMIAS: p(release) / p(reference) (`density-ratio`).
        Houssiau et al. (2022), TAPAS: local neighbourhoods (`local-neighbourhood`).
        Ward, Wang & Cheng (2024), Data Plagiarism Index: whose rows are nearest (`data-plagiarism-index`).
        Ward, Yang, Lin, Wang & Cheng (2025), Gen-LRA: likelihood ratios of released rows (`likelihood-ratio`).
        Hayes, Melis, Danezis & De Cristofaro (2019), LOGAN: a classifier of release against reference (`classifier`).
    """

    def answer(self, question: Membership, rng: np.random.Generator) -> tuple[Scores, ...]:
        """Scores every target.

        Raises:
            ValueError: The question lacks the release or the reference.
        """
        if question.release is None or question.reference is None:
            raise ValueError("membership inference sees the release and a reference")
        release, reference = question.neighbours[Asset.RELEASE], question.neighbours[Asset.REFERENCE]
        sizes = len(question.release), len(question.reference)
        values = {
            "distance-difference": distance_difference(release, reference),
            "density-ratio": density_ratio(release, reference, *sizes),
            "local-neighbourhood": local_neighbourhood(release, reference),
            "data-plagiarism-index": data_plagiarism_index(release, reference, *sizes),
            "likelihood-ratio": likelihood_ratio(release, question.neighbours["release>reference"]),
            "classifier": classifier(question.targets, question.release, question.reference, rng),
        }
        return tuple(Scores(of=name, values=score) for name, score in values.items())


def distance_difference(release: Neighbours, reference: Neighbours) -> Values:
    """How much nearer the nearest released row is than the nearest reference row, in logarithms; `(n_targets,)`."""
    return _log_nearest(reference) - _log_nearest(release)


def _log_nearest(neighbours: Neighbours) -> Values:
    return np.log(neighbours.distance[:, 0].astype(np.float64) + _SOFTENING)


def density_ratio(release: Neighbours, reference: Neighbours, n_release: int, n_reference: int) -> Values:
    """Log ratio of two kernel densities at each target, shape `(n_targets,)`.

    The kernel exp(-distance / h) is a product over columns: Laplace for numbers, Aitchison-Aitken for categories. It
    needs no covariance, so one-hot columns cannot make it singular. Rows beyond the nearest ones add next to nothing.
    """
    return _log_density(release, n_release) - _log_density(reference, n_reference)


def _log_density(neighbours: Neighbours, n: int) -> Values:
    from scipy.special import logsumexp

    return np.asarray(logsumexp(-neighbours.distance.astype(np.float64) / _BANDWIDTH, axis=1) - np.log(n))


def local_neighbourhood(release: Neighbours, reference: Neighbours) -> Values:
    """Log likelihood ratio of how many released and reference rows lie close, over radii; `(n_targets,)`.

    The sizes of the two samples shift every target alike, so they are left out.
    """
    ratios = [np.log(_within(release, radius) + 0.5) - np.log(_within(reference, radius) + 0.5) for radius in _RADII]
    return np.asarray(np.mean(ratios, axis=0), dtype=np.float64)


def _within(neighbours: Neighbours, radius: float) -> Values:
    return _count(neighbours.distance <= radius)


def data_plagiarism_index(release: Neighbours, reference: Neighbours, n_release: int, n_reference: int) -> Values:
    """Log ratio of released to reference rows among the nearest k of both, corrected for their sizes; `(n_targets,)`.

    The k is that of the lists. Rows at the distance of the k-th share the places that are left, in proportion to how
    many each list has there; a list cut short among equal distances may have had more.
    """
    k = release.distance.shape[1]
    both = np.sort(np.hstack([release.distance, reference.distance]), axis=1)
    last = both[:, k - 1 : k]
    inside, boundary = zip(
        *((_count(its.distance < last), _boundary(its, last)) for its in (release, reference)), strict=True
    )
    tied = boundary[0] + boundary[1]
    places = np.minimum(k - inside[0] - inside[1], tied)
    released, referred = (
        inner + places * np.divide(outer, tied, out=np.zeros_like(tied), where=tied > 0)
        for inner, outer in zip(inside, boundary, strict=True)
    )
    return np.asarray(np.log((released + 0.5) / (referred + 0.5)) - np.log(n_release / n_reference), dtype=np.float64)


def _count(rows: NDArray[np.bool_]) -> Values:
    return np.asarray(rows.sum(axis=1), dtype=np.float64)


def _boundary(neighbours: Neighbours, last: NDArray[np.float32]) -> Values:
    """How many rows are as far as the last place; one that is not there, at infinite distance, is none."""
    return _count((neighbours.distance == last) & np.isfinite(last))


def likelihood_ratio(release: Neighbours, of_released: Neighbours) -> Values:
    """How much likelier a target makes the released rows near it, in nats, shape `(n_targets,)`; at least 0.

    With the kernel density p of n reference rows, adding the target x to them turns n p(s) at a released row s into
    n p(s) + K(s, x). So no density is fitted again: the sum over the target's nearest released rows of
    log(1 + K(s, x) / (n p(s))) is the log likelihood ratio but for a constant.

    Args:
        release: The targets' nearest released rows.
        of_released: Every released row's nearest reference rows; those beyond add next to nothing.

    References:
        Ward, Yang, Lin, Wang & Cheng (2025), Privacy auditing synthetic data release through local likelihood attacks.
    """
    from scipy.special import logsumexp

    usual = logsumexp(-of_released.distance.astype(np.float64) / _BANDWIDTH, axis=1)
    gain = np.logaddexp(0, -release.distance.astype(np.float64) / _BANDWIDTH - usual[release.row])
    return np.asarray(np.where(release.row >= 0, gain, 0.0).sum(axis=1), dtype=np.float64)


def classifier(targets: Table, release: Table, reference: Table, rng: np.random.Generator) -> Values:
    """Log odds that a row is a released one rather than a reference row, by boosted trees; shape `(n_targets,)`."""
    from sklearn.ensemble import HistGradientBoostingClassifier

    model = HistGradientBoostingClassifier(
        max_iter=_ITERATIONS,
        early_stopping=False,
        class_weight="balanced",
        random_state=int(rng.integers(2**31)),
    )
    rows = np.vstack([release.features(), reference.features()])
    filled = ~np.isnan(rows).all(axis=0)  # the trees cannot bin a column without a value
    if not filled.any():
        return np.zeros(len(targets))
    model.fit(rows[:, filled], np.repeat([1, 0], [len(release), len(reference)]))
    return np.asarray(model.decision_function(targets.features()[:, filled]), dtype=np.float64)
