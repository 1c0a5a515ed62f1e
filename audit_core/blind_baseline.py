"""Can members be told from non-members without looking at the release? Then the two differ in more than membership.

References:
    Das, Zhang & Tramer (2024), Blind baselines beat membership inference attacks for foundation models; Meeus et al.
    (2024), SoK: membership inference attacks on LLMs are rushing nowhere.
"""

import numpy as np
from numpy.typing import NDArray

from audit_core.bench import Bench
from audit_core.cache import key
from audit_core.case import Case
from audit_core.evidence import Ranking
from audit_core.inquiry.pools import held_out
from audit_core.language.text_features import blind_scores
from audit_core.measurement import Measurement, measured
from audit_core.seeds import stream
from audit_core.statistics.estimates import delong, independent_units
from audit_core.tables import Ids, Table, read_only, row_ids

FOLDS = 5
MOST_ROWS = 10_000
"""Rows of each arm that the classifier is shown; more settle nothing that matters here."""

MOST_TEXTS = 5_000
"""Texts of each arm that they are shown."""

FEWEST_PEOPLE = 2 * FOLDS


def blind_baseline(bench: Bench) -> tuple[Measurement, ...]:
    """The AUC of classifiers of members against non-members on people they were not fitted to; 0.5 if they are alike.

    A person's rows, or equal rows, are all in one fold: a classifier that has met a person knows the person's side. Of
    texts there are several, by what they look at; a text stays with those it is a near duplicate of.

    Returns:
        Nothing where there are too few people, or no column to look at.
    """
    case = bench.case
    if case.non_members is None or not case.release.columns:
        return ()
    groups = _groups(bench)
    if min(len(np.unique(group)) for group in groups) < FEWEST_PEOPLE:
        return ()
    name = key("blind baseline", bench.setting.content, bench.setting.seed, _columns(case))
    stored = bench.cache.arrays(name)
    if stored is None:
        rng = stream(bench.setting.seed, "blind baseline", bench.setting.content)
        stored = _of_texts(bench, groups, rng) if case.model is not None else {"all": _ranking(case, groups, rng)}
        bench.cache.keep_arrays(name, stored)
    found = []
    for of, ranking in stored.items():
        auc, variance, n1, n0 = ranking.tolist()
        evidence = Ranking(auc=auc, variance=variance, n1=int(n1), n0=int(n0))
        found.append(measured("blind_auc", evidence, of=of, blind=0.5, confidence=bench.setting.confidence))
    return tuple(found)


def _of_texts(bench: Bench, groups: tuple[Ids, Ids], rng: np.random.Generator) -> dict[str, NDArray[np.float64]]:
    """The rankings of classifiers of texts: by their words, and by their length, figures and the like."""
    case = bench.case
    kept = [np.sort(rng.permutation(len(group))[:MOST_TEXTS]) for group in groups]
    tables = [table.take(rows) for table, rows in zip((case.members, held_out(case)), kept, strict=True)]
    texts = [text for table in tables for text in table.texts("text")]
    member = np.repeat([True, False], [len(rows) for rows in kept])
    group = np.concatenate([group[rows] for group, rows in zip(groups, kept, strict=True)])
    ids, unit = np.unique(group, return_inverse=True)
    fold = rng.permutation(np.arange(len(ids)) % FOLDS)[unit.reshape(-1)]
    extra = None
    if bench.scores is not None and bench.scores.base is not None:
        places = np.concatenate([kept[0], len(case.members) + kept[1]])
        base = bench.scores.base.take(places)
        extra = -base.totals(base.log_prob) / np.maximum(1, base.lengths)
    found = {}
    for of, scores in blind_scores(texts, member, fold, extra).items():
        auc, variance = delong(scores[member], scores[~member], group[member], group[~member])
        units = independent_units(group[member]), independent_units(group[~member])
        found[of] = np.array([auc, variance, *units])
    return found


def _columns(case: Case) -> tuple[str, ...]:
    """A column that is nearly all distinct tells people apart, not the arms."""
    kept = tuple(name for name in case.members.names if name not in case.singular)
    return kept or case.members.names


def _groups(bench: Bench) -> tuple[Ids, Ids]:
    """Which rows must not be parted, by number: those of a subject; else equal rows, in whichever arm they are."""
    case = bench.case
    if case.member_subjects is not None and case.non_member_subjects is not None:
        return case.member_subjects, case.non_member_subjects
    if bench.groups is not None:
        return bench.groups
    columns = _columns(case)
    members, non_members = row_ids(*(table.select(columns).normalised() for table in (case.members, held_out(case))))
    return members, non_members


def _ranking(case: Case, groups: tuple[Ids, Ids], rng: np.random.Generator) -> NDArray[np.float64]:
    """AUC, variance and independent units of the scores that each fold gets from a classifier fitted to the others."""
    from scipy.stats import rankdata
    from sklearn.ensemble import HistGradientBoostingClassifier
    from threadpoolctl import threadpool_limits

    tables, kept = (case.members, held_out(case)), []
    for group in groups:
        rows = np.arange(len(group))
        kept.append(np.sort(rng.choice(rows, MOST_ROWS, replace=False)) if len(rows) > MOST_ROWS else rows)
    some = [table.select(_columns(case)).take(rows) for table, rows in zip(tables, kept, strict=True)]
    features = Table(
        columns=some[0].columns, codes=read_only(np.concatenate([table.codes for table in some]))
    ).features()
    features = features[:, ~np.isnan(features).all(axis=0)]
    member = np.repeat([True, False], [len(rows) for rows in kept])
    group = np.concatenate([group[rows] for group, rows in zip(groups, kept, strict=True)])
    ids, unit = np.unique(group, return_inverse=True)
    fold = rng.permutation(np.arange(len(ids)) % FOLDS)[unit.reshape(-1)]
    scores = np.full(len(member), 0.5)
    for held in range(FOLDS):
        inside, outside = fold != held, fold == held
        if not outside.any() or len(np.unique(member[inside])) < 2 or not features.shape[1]:
            continue
        model = HistGradientBoostingClassifier(
            max_iter=60, early_stopping=False, class_weight="balanced", random_state=int(rng.integers(2**31))
        )
        with threadpool_limits(1):  # on a busy machine OpenMP's threads wait for each other more than they work
            model.fit(features[inside], member[inside])
            said = model.decision_function(features[outside])
        scores[outside] = (rankdata(said) - 0.5) / outside.sum()  # scores of two classifiers have no common scale
    parts = scores[member], scores[~member], group[member], group[~member]
    auc, variance = delong(*parts)
    return np.array([auc, variance, independent_units(parts[2]), independent_units(parts[3])])
