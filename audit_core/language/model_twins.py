"""Twins of a released model: one of which it is known that it leaks nothing, and one that leaks all it can."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from audit_core import __version__, exchange, pack
from audit_core.bench import Bench
from audit_core.cache import key
from audit_core.case import ReleasedModel
from audit_core.chosen import OPENS, FineTuning
from audit_core.inquiry.pools import Rows, held_out
from audit_core.isolation import Failed, Usage
from audit_core.kept import Kept
from audit_core.language.canaries import Canaries
from audit_core.language.model_pass import scored, texts_of_case
from audit_core.language.model_release import trained_in_child
from audit_core.language.texts import texts_of
from audit_core.language.training import ModelAccess, TrainingTask
from audit_core.measurement import Reason
from audit_core.model_folder import DIGESTS
from audit_core.reading.model_files import model_digest
from audit_core.seeds import stream

OVERFITTED_TO = 200
"""Members that the leaky twin learns by heart, at most; it is tried against twice as many non-members."""

OVERFITTED_CANARIES = 50
"""Planted canaries that it learns besides, at most; those that were not planted are all kept."""

OVERFIT = {"rank": 32, "target_modules": ["all-linear"], "epochs": 20, "batch": 10, "learning_rate": 3e-3}
"""How: many times over, quickly, and without privacy."""


def base_released(bench: Bench) -> Bench | Reason:
    """The twin in which the base goes out as it is: it met nobody's text. The reason where nobody has the base."""
    case, model = bench.case, bench.case.model
    if model is None or bench.scores is None or bench.scores.base is None or model.access.base is None:
        return Reason(code="needs-base", args={})
    its = replace(
        model, access=replace(model.access, folder=model.access.base), digest=model.base_digest or model.digest
    )
    return replace(
        bench,
        case=replace(case, model=its, guarantee=None),
        setting=replace(bench.setting, twin="innocent"),
        scores=bench.scores.as_its_base(),
    )


def overfitted(bench: Bench, usage: Usage) -> Bench | Reason:
    """The twin in which a model goes out that knows some members by heart; the reason where there can be none.

    Args:
        usage: What training it takes is added here.
    """
    case, setting = bench.case, bench.setting
    plugin = bench.registry.training_backends.get(OPENS)
    if case.model is None or case.model.access.base is None or plugin is None:
        return Reason(code="needs-base", args={})
    rng = stream(setting.seed, "leaky twin", setting.content)
    rows = [_some(len(case.members), OVERFITTED_TO, rng), _some(len(held_out(case)), 2 * OVERFITTED_TO, rng)]
    twin = replace(
        case,
        guarantee=None,
        members=case.members.take(rows[0]),
        non_members=held_out(case).take(rows[1]),
        member_subjects=None if case.member_subjects is None else case.member_subjects[rows[0]],
        non_member_subjects=None if case.non_member_subjects is None else case.non_member_subjects[rows[1]],
        canaries=None if case.canaries is None else _fewer_planted(case.canaries, rng),
    )
    texts = texts_of(twin.members) + (() if twin.canaries is None else twin.canaries.to_learn)
    place = bench.cache.folder(f"twin-{key(__version__, setting.content, setting.seed, OVERFIT)}")
    access = ModelAccess(
        load=plugin.load,
        file=bench.registry.origins[OPENS].file,
        folder=str(place / pack.MODEL),
        base=case.model.access.base,
    )
    try:
        _learn(bench, TrainingTask(texts=texts, base=Path(case.model.access.base)), place, usage)
        model = ReleasedModel(
            name="over-fitted model",
            access=access,
            digest=model_digest(Path(access.folder)),
            base_digest=case.model.base_digest,
            base_name=case.model.base_name,
        )
        content = f"{setting.content}/leaky"
        scores = scored(
            texts_of_case(twin),
            model,
            content=content,
            cache=bench.cache,
            limits=setting.making,
            usage=usage,
            debug=setting.debug,
        )
    except Failed as failed:
        return failed.reason
    return replace(
        bench,
        case=replace(twin, model=model),
        setting=replace(setting, content=content, twin="leaky"),
        scores=scores,
        groups=None,
    )


def _learn(bench: Bench, task: TrainingTask, folder: Path, usage: Usage) -> None:
    """Trains the twin, unless a run that was cut off had."""
    if (folder / pack.MODEL / DIGESTS).is_file():
        return
    plugin = bench.registry.training_backends[OPENS]
    params = plugin.params.model_validate(OVERFIT).model_dump(mode="json")
    trained_in_child(
        FineTuning(plugin=plugin, params=params, base=task.base),
        task,
        bench.registry,
        seed=bench.setting.seed,
        limits=bench.setting.making,
        usage=usage,
        kept=Kept(folder, folders=exchange.Folders()),
        debug=bench.setting.debug,
    )


def _fewer_planted(canaries: Canaries, rng: np.random.Generator) -> Canaries:
    """Some of the planted, once each, and all that were not."""
    planted = np.flatnonzero(canaries.planted)
    kept = np.union1d(rng.permutation(planted)[:OVERFITTED_CANARIES], np.flatnonzero(~canaries.planted))
    return replace(canaries.take(kept), repeat=1)


def _some(n: int, most: int, rng: np.random.Generator) -> Rows:
    return np.sort(rng.permutation(n)[:most])
