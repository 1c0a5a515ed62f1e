"""Who of the targets was a member?

Scores and truth meet here. Besides all targets, those who are remote are marked by themselves: the tenth of them with
the fewest people like them, by a sample that holds none of the targets. Leakage concentrates there, and an average
over all hides it (Meeus, Guepin, Cretu & de Montjoye 2023, Achilles' heels).
"""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from audit_core.answers import Scores
from audit_core.asked import asked
from audit_core.bench import REMOTE_NEIGHBOURS, Bench
from audit_core.case import Case
from audit_core.evidence import Mean, Proportion, Ranking, TailHits
from audit_core.inquiry import Inquiry, Marked, Put
from audit_core.inquiry.neighbourhoods import of_targets
from audit_core.inquiry.pools import Pool, clusters, cut, held_out, targets_of, texts_of_pool
from audit_core.language.training import Retraining
from audit_core.measurement import Measurement, Reason, RocCurve, measured
from audit_core.plugin import AttackPlugin
from audit_core.questions import Asset, Membership, Neighbours
from audit_core.refit import Refit
from audit_core.seeds import stream
from audit_core.statistics.estimates import delong, independent_units, roc_points, shuffled_auc, tail_hits
from audit_core.tables import Ids, with_own_dictionaries

FPRS = {"tpr_at_fpr_0_01": 0.01, "tpr_at_fpr_0_001": 0.001}
"""The measurements of the low false-positive tail (Carlini et al. 2022, Membership inference from first principles)."""

REMOTE_SHARE = 0.1
"""Of the targets, how many count as remote."""

SHUFFLES = 200

VALIDATED_FPR = 0.1
"""What a threshold may cost on the half that it is chosen on."""

_CURVE = tuple(float(f"{fpr:.4g}") for fpr in np.geomspace(1e-4, 1, 61))


def inquiry(plugin: AttackPlugin, params: dict[str, Any], bench: Bench) -> Inquiry:
    """One question or, where the attack sees a reference, one for each of two folds."""
    case, setting = bench.case, bench.setting
    with_reference = Asset.REFERENCE in plugin.sees
    targets = asked("membership", params).targets
    secret = stream(
        setting.seed, "pools", str(with_reference), *([] if targets is None else [str(targets)]), setting.content
    )
    pools = cut(case, with_reference=with_reference, rng=secret, targets=targets)
    remote = [_remote(pool, bench) for pool in pools] if with_reference else None
    return Inquiry(
        puts=tuple(
            Put(question=partial(question, plugin, params, pool, bench), accepts=Scores, n=len(pool.row), key=pool)
            for pool in pools
        ),
        mark=lambda answers: mark(
            case,
            pools,
            answers,
            remote,
            rng=stream(setting.seed, "label permutation", plugin.name, setting.content),
            confidence=setting.confidence,
        ),
        caveats=_sizes(plugin, pools, case),
    )


def question(plugin: AttackPlugin, params: dict[str, Any], pool: Pool, bench: Bench) -> Membership:
    """The question of a pool: its targets and what the attacker sees, in dictionaries of their own."""
    case = bench.case
    tables = {"targets": targets_of(case, pool)}
    if Asset.RELEASE in plugin.sees:
        tables["release"] = case.release
    if Asset.REFERENCE in plugin.sees:
        tables["reference"] = held_out(case).take(pool.reference)
    shown = dict(zip(tables, with_own_dictionaries(*tables.values()), strict=True))
    scores = bench.scores.take(texts_of_pool(case, pool)) if bench.scores and Asset.MODEL in plugin.sees else None
    return Membership(
        targets=shown["targets"],
        release=shown.get("release"),
        reference=shown.get("reference"),
        generator=_generator(params, bench) if Asset.GENERATOR in plugin.sees else None,
        under_model=None if scores is None else scores.model,
        under_base=scores.base if scores is not None and Asset.BASE in plugin.sees else None,
        training=_training(params, bench) if Asset.TRAINING in plugin.sees else None,
        neighbours=_neighbours(plugin, pool, bench),
    )


def _generator(params: dict[str, Any], bench: Bench) -> Refit:
    """What the attack's parameters name: a generator plugin, or a program in the recipe's folder."""
    schema = bench.case.schema
    if params["command"]:
        told = {"command": params["command"], "folder": str(bench.setting.folder.resolve())}
        return Refit(load="audit_core.program:Program", file=None, params=told, schema=schema)
    name = params["generator"]
    plugin = bench.registry.generators[name]
    its = plugin.params.model_validate(params["generator_params"]).model_dump(mode="json")
    return Refit(load=plugin.load, file=bench.registry.origins[name].file, params=its, schema=schema)


def _training(params: dict[str, Any], bench: Bench) -> Retraining | None:
    """What the attack's parameters name, from the base of the released model."""
    model = bench.case.model
    if model is None or model.access.base is None:
        return None
    name = params["train"]
    plugin = bench.registry.training_backends[name]
    its = plugin.params.model_validate(params["train_params"]).model_dump(mode="json")
    file = bench.registry.origins[name].file
    return Retraining(load=plugin.load, file=file, params=its, base=model.access.base)


def _sizes(plugin: AttackPlugin, pools: Sequence[Pool], case: Case) -> tuple[Reason, ...]:
    """That shadow models learn many fewer texts, or more, than the released one did, where that is so."""
    if Asset.TRAINING not in plugin.sees or not case.trained_rows:
        return ()
    each = sum(len(pool.row) for pool in pools) // 2
    if 0.8 <= each / case.trained_rows <= 1.25:
        return ()
    return (Reason(code="shadows-of-another-size", args={"shadow": each, "released": case.trained_rows}),)


def _neighbours(plugin: AttackPlugin, pool: Pool, bench: Bench) -> dict[str, Neighbours]:
    found: dict[str, Neighbours] = {}
    if plugin.neighbours and Asset.RELEASE in plugin.sees:
        found["release"] = of_targets(pool, bench.rows, "release", plugin.neighbours)
    if plugin.neighbours and Asset.REFERENCE in plugin.sees:
        found["reference"] = _first(_of_reference(pool, bench), plugin.neighbours)
    if plugin.release_neighbours and plugin.sees >= {Asset.RELEASE, Asset.REFERENCE}:
        k = plugin.release_neighbours
        found["release>reference"] = bench.rows.between("release", "non_members", k, others=pool.reference)
    return found


def _of_reference(pool: Pool, bench: Bench) -> Neighbours:
    return of_targets(pool, bench.rows, "non_members", bench.reference_neighbours, others=pool.reference)


def _first(neighbours: Neighbours, k: int) -> Neighbours:
    return Neighbours(distance=neighbours.distance[:, :k], row=neighbours.row[:, :k])


def _remote(pool: Pool, bench: Bench) -> NDArray[np.bool_]:
    """The targets farthest from their nearest reference rows, shape `(n_targets,)`; nobody where all are as far.

    Neither the release nor membership plays a part, so members and controls are as likely to be among them.
    """
    distance = _of_reference(pool, bench).distance[:, :REMOTE_NEIGHBOURS].astype(np.float64)
    mean = np.where(np.isfinite(distance).all(axis=1), distance.mean(axis=1), np.inf)
    remote = mean >= np.quantile(mean, 1 - REMOTE_SHARE, method="higher")
    return remote if not remote.all() else np.zeros(len(mean), dtype=bool)


def mark(
    case: Case,
    pools: Sequence[Pool],
    answers: Sequence[tuple[Scores, ...]],
    remote: Sequence[NDArray[np.bool_]] | None,
    *,
    rng: np.random.Generator,
    confidence: float,
) -> Marked:
    """Marks the answers to all pools of one attack: one set of measurements for each score.

    Scores are comparable within one question only, so each is replaced by its rank in its question (ties share
    their middle rank) before the pools are put together.

    Args:
        answers: For each pool, the same scores.
        remote: For each pool, which targets are also marked by themselves.
        rng: For shuffling the labels.
    """
    member = np.concatenate([pool.member for pool in pools])
    row = np.concatenate([pool.row for pool in pools])
    subjects = [clusters(case, pool) for pool in pools]
    subject = None if subjects[0] is None else np.concatenate([each for each in subjects if each is not None])
    few = None if remote is None else np.concatenate(remote)
    measurements: list[Measurement] = []
    curves: list[RocCurve] = []
    risk: dict[str, NDArray[np.float64]] = {}
    for name in (score.of for score in answers[0]):
        values = np.concatenate([_ranks(_score(scores, name)) for scores in answers])
        measurements += _measurements(name, values, member, subject, confidence)
        if few is not None and member[few].any() and not member[few].all():
            some = None if subject is None else subject[few]
            measurements += _of_remote(_measurements(name, values[few], member[few], some, confidence))
        measurements.append(_shuffled(name, values, member, subject, rng, confidence))
        if case.model is not None:
            measurements += _validated(name, values, member, subject, rng, confidence)
        curves.append(curve(name, values, member))
        risk[name] = np.full(len(case.members), np.nan)
        risk[name][row[member]] = _share_above(values[member], values[~member])
    return Marked(measurements=tuple(measurements), details=tuple(curves), record_risk=risk)


def _of_remote(measurements: list[Measurement]) -> list[Measurement]:
    return [replace(one, name=f"{one.name}_remote") for one in measurements if one.name in ("auc", "tpr_at_fpr_0_01")]


def _shuffled(
    name: str,
    values: NDArray[np.float64],
    member: NDArray[np.bool_],
    subject: Ids | None,
    rng: np.random.Generator,
    confidence: float,
) -> Measurement:
    """What the same scores are worth when members and non-members are told apart by chance: a coin's 0.5."""
    areas = shuffled_auc(values, member, subject, SHUFFLES, rng)
    evidence = Mean(mean=areas.mean(), se=areas.std(ddof=1) / np.sqrt(SHUFFLES), df=SHUFFLES - 1)
    return measured("auc_shuffled", evidence, of=name, blind=0.5, confidence=confidence)


def _validated(
    name: str,
    values: NDArray[np.float64],
    member: NDArray[np.bool_],
    subject: Ids | None,
    rng: np.random.Generator,
    confidence: float,
) -> list[Measurement]:
    """Who is recognised, and falsely, by a threshold that keeps 10 % on one half, tried on the other half.

    This is how the papers on memorisation report it; the threshold is never chosen on those it is tried on.

    References:
        Carlini et al. (2022), Membership inference attacks from first principles, section III, on why 10 % says little.
    """
    hits: dict[bool, tuple[int, int]] = {}
    threshold = np.inf
    for side in (False, True):  # the controls set the threshold, so they come first
        its = values[member == side]
        own = its if subject is None else _highest(its, subject[member == side])
        half = rng.permutation(len(own)) < len(own) // 2
        if not side and half.any():
            kept = np.sort(own[half])[::-1]
            threshold = kept[min(int(VALIDATED_FPR * len(kept)), len(kept) - 1)]
        hits[side] = int((own[~half] > threshold).sum()), int((~half).sum())
    return [
        measured(
            "tpr_validated" if side else "fpr_validated",
            Proportion(k=hits[side][0], n=hits[side][1]),
            of=name,
            blind=VALIDATED_FPR,
            confidence=confidence,
        )
        for side in (True, False)
    ]


def _share_above(members: NDArray[np.float64], controls: NDArray[np.float64]) -> NDArray[np.float64]:
    """For each member, the share of controls that score as high or higher: the false positives it is found at."""
    ordered = np.sort(controls)
    return 1 - np.searchsorted(ordered, members, side="left") / len(ordered)


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


def curve(name: str, values: NDArray[np.float64], member: NDArray[np.bool_]) -> RocCurve:
    """The curve of a score, at false-positive rates from 1 in 10,000 up."""
    grid = np.array(_CURVE)
    tpr = roc_points(values[member], values[~member], grid)
    return RocCurve(
        of=name,
        fpr=_CURVE,
        tpr=tuple(float(f"{value:.4g}") for value in tpr),
        n1=int(member.sum()),
        n0=int((~member).sum()),
    )
