"""Marks answers against the key: the only place where scores and truth meet."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from audit_core.answers import Scores
from audit_core.case import Case
from audit_core.evidence import Ranking, TailHits
from audit_core.measurement import Measurement, RocCurve, measured
from audit_core.pools import Pool, clusters
from audit_core.statistics.estimates import delong, independent_units, roc_points, tail_hits
from audit_core.tables import Ids

FPRS = {"tpr_at_fpr_0_01": 0.01, "tpr_at_fpr_0_001": 0.001}
"""The measurements of the low false-positive tail (Carlini et al. 2022, Membership inference from first principles)."""

_CURVE = tuple(float(f"{fpr:.4g}") for fpr in np.geomspace(1e-4, 1, 61))


def membership(
    case: Case, pools: Sequence[Pool], answers: Sequence[tuple[Scores, ...]], confidence: float
) -> tuple[tuple[Measurement, ...], tuple[RocCurve, ...]]:
    """Marks the answers to all pools of one attack: one set of measurements for each score.

    Scores are comparable within one question only, so each is replaced by its rank in its question (ties share
    their middle rank) before the pools are put together.

    Args:
        answers: For each pool, the same scores.
    """
    member = np.concatenate([pool.member for pool in pools])
    subjects = [clusters(case, pool) for pool in pools]
    subject = None if subjects[0] is None else np.concatenate([each for each in subjects if each is not None])
    measurements: list[Measurement] = []
    curves: list[RocCurve] = []
    for name in (score.of for score in answers[0]):
        values = np.concatenate([_ranks(_score(scores, name)) for scores in answers])
        measurements += _measurements(name, values, member, subject, confidence)
        curves.append(_curve(name, values, member))
    return tuple(measurements), tuple(curves)


def _score(scores: tuple[Scores, ...], name: str) -> NDArray[np.float64]:
    return next(score.values for score in scores if score.of == name)


def _ranks(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Middle ranks over the number of targets, in (0, 1)."""
    from scipy.stats import rankdata

    return (rankdata(values) - 0.5) / len(values)


def _measurements(
    name: str,
    values: NDArray[np.float64],
    member: NDArray[np.bool_],
    subject: Ids | None,
    confidence: float,
) -> list[Measurement]:
    inside, outside = values[member], values[~member]
    if subject is None:
        auc, variance = delong(inside, outside)
        n1, n0 = len(inside), len(outside)
    else:
        auc, variance = delong(inside, outside, subject[member], subject[~member])
        n1, n0 = independent_units(subject[member]), independent_units(subject[~member])
        # The tail's bounds are for independent units, so one row speaks for each subject: the one most like a member.
        inside, outside = _highest(inside, subject[member]), _highest(outside, subject[~member])
    ranking = Ranking(auc=auc, variance=variance, n1=n1, n0=n0)
    tails = {
        tail: TailHits(hits=tail_hits(inside, outside, fpr), n1=len(inside), n0=len(outside), fpr=fpr)
        for tail, fpr in FPRS.items()
    }
    return [
        measured("auc", ranking, of=name, blind=0.5, confidence=confidence),
        *(
            measured(tail, evidence, of=name, blind=evidence.fpr, confidence=confidence)
            for tail, evidence in tails.items()
        ),
    ]


def _highest(values: NDArray[np.float64], subject: Ids) -> NDArray[np.float64]:
    """The highest score of each subject, shape `(n_subjects,)`."""
    order = np.lexsort((values, subject))
    last = np.flatnonzero(np.diff(subject[order], append=-1))
    return values[order][last]


def _curve(name: str, values: NDArray[np.float64], member: NDArray[np.bool_]) -> RocCurve:
    grid = np.array(_CURVE)
    tpr = roc_points(values[member], values[~member], grid)
    return RocCurve(
        of=name,
        fpr=_CURVE,
        tpr=tuple(float(f"{value:.4g}") for value in tpr),
        n1=int(member.sum()),
        n0=int((~member).sum()),
    )
