"""Runs a study: every setting of the grid with every seed, an audit and a pack each."""

import itertools
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from audit_core import pack, run
from audit_core.cache import Cache
from audit_core.chosen import chosen
from audit_core.errors import AuditError, InputError, PackError, Problem, raise_all
from audit_core.policy import Policy, policy_yaml
from audit_core.progress import NO_NUMBERS, Progress, silent
from audit_core.recipe import Recipe, recipe_yaml
from audit_core.registry import Registry
from audit_core.scorecard import Scorecard, Volatile
from audit_core.study import SCHEMA_VERSION, Study, Variant, run_of, texts_of
from audit_core.written.recipe import GeneratedSpec, ModelledSpec, StudySpec

Params = dict[str, Any]

MOST_RUNS = 500
"""More than this is a slip of the pen."""


def settings(recipe: Recipe, registry: Registry) -> tuple[Params, ...]:
    """Each combination of the grid's values, the last name varying fastest.

    Raises:
        InputError: There is no study in the recipe, or nothing of it can be varied.
        PluginError: A parameter is not there, or a value of it is none.
    """
    spec = _spec(recipe)
    combinations = [dict(zip(spec.grid, values, strict=True)) for values in itertools.product(*spec.grid.values())]
    if len(combinations) * spec.seeds > MOST_RUNS:
        what = f"{len(combinations):,} settings with {spec.seeds} seeds each are more than {MOST_RUNS} audits"
        raise InputError(Problem(code="study-too-large", what=what, where="study", fix="Name fewer values or seeds"))
    problems: list[Problem] = []
    kind: type[AuditError] = InputError
    for params in combinations:
        try:
            chosen(varied(recipe, params, recipe.seed), registry)
        except AuditError as error:
            problems += [one for one in error.problems if one not in problems]
            kind = type(error)
    raise_all(problems, kind)
    return tuple(combinations)


def _spec(recipe: Recipe) -> StudySpec:
    if recipe.study is None:
        what, fix = "the recipe has no study", "Add for example `study: {grid: {epsilon: [1, 3, 8]}, seeds: 3}`"
        raise InputError(Problem(code="study-missing", what=what, where="study", fix=fix))
    if _maker(recipe) is None:
        what = "a study varies the parameters of a generator or a training, and the recipe has none"
        fix = (
            "Let the release be made here: `release: {generate: {with: NAME}, rows: N}`, or `model: {train: NAME, ...}`"
        )
        raise InputError(Problem(code="study-missing", what=what, where="study", fix=fix))
    return recipe.study


def _maker(recipe: Recipe) -> str | None:
    """Whose parameters vary: a generator, or a training backend; None where neither has anything to do."""
    if isinstance(recipe.release, GeneratedSpec):
        return recipe.release.generate.name
    return recipe.release.model.train if isinstance(recipe.release, ModelledSpec) else None


def varied(recipe: Recipe, params: Mapping[str, Any], seed: int) -> Recipe:
    """The recipe of one run: without the study, with its own parameters and seed."""
    release = recipe.release
    if isinstance(release, GeneratedSpec):
        generate = release.generate.model_copy(update={"params": {**release.generate.params, **params}})
        its: BaseModel = release.model_copy(update={"generate": generate})
    elif isinstance(release, ModelledSpec):
        model = release.model.model_copy(update={"params": {**release.model.params, **params}})
        its = release.model_copy(update={"model": model})
    else:
        raise ValueError("the release is not made here")
    return recipe.model_copy(update={"study": None, "seed": seed, "release": its})


def study(
    recipe: Recipe,
    policy: Policy,
    registry: Registry,
    folder: Path,
    *,
    resume: bool = False,
    progress: Progress = silent,
    debug: bool = False,
    with_twins: bool | None = None,
) -> Study:
    """Runs what is not there yet, and gathers all of it.

    Args:
        folder: Of the study's pack; the runs' packs are in it.
        resume: Take the packs of an unfinished study as they are.

    Raises:
        AuditError: As an audit does; runs that were finished stand, and `resume` goes on from there.
    """
    started, clock = datetime.now(UTC), time.monotonic()
    spec, combinations = _spec(recipe), settings(recipe, registry)
    cards: list[Scorecard] = []
    variants = []
    for number, params in enumerate(combinations, start=1):
        runs = []
        for seed in range(recipe.seed, recipe.seed + spec.seeds):
            place = f"{pack.RUNS}/{number:02}-seed-{seed}"
            its = varied(recipe, params, seed)
            told: Progress = partial(_told, progress, number, len(combinations), seed)
            card = _stored(folder / place, its, policy) if resume else None
            if card is None:
                card = _run(its, policy, registry, folder / place, told, debug, with_twins)
            cards.append(card)
            runs.append(run_of(seed, place, card, pack.digest(card.to_json())))
        variants.append(Variant(params=params, runs=tuple(runs)))
    return _gathered(recipe, policy, registry, spec, tuple(variants), cards, run.volatile_of(started, clock, {}))


def _told(
    progress: Progress,
    number: int,
    of: int,
    seed: int,
    event: str,
    about: str,
    numbers: Mapping[str, float] = NO_NUMBERS,
    /,
) -> None:
    progress(event, about, {"setting": number, "settings": of, "seed": seed, **numbers})


def _run(
    recipe: Recipe,
    policy: Policy,
    registry: Registry,
    folder: Path,
    progress: Progress,
    debug: bool,
    with_twins: bool | None,
) -> Scorecard:
    unfinished = folder.is_dir() and not (folder / pack.SCORECARD).exists()
    with pack.opened(folder, resume=unfinished, force=not unfinished) as opened:
        card = run.audit(
            recipe,
            policy,
            registry,
            cache=Cache(opened / pack.CACHE),
            progress=progress,
            debug=debug,
            with_twins=with_twins,
            folder=opened,
        ).scorecard
        pack.write(opened, card, recipe_yaml(recipe), policy_yaml(policy), registry.renderers)
    return card


def _stored(folder: Path, recipe: Recipe, policy: Policy) -> Scorecard | None:
    """The card of a run that was finished, by this very recipe and policy; None where there is none."""
    try:
        card = pack.read_scorecard(folder)
        same = (folder / pack.RECIPE).read_bytes() == recipe_yaml(recipe) and card.policy.digest == policy.digest
    except (PackError, OSError):
        return None
    return card if same and (folder / pack.MANIFEST).is_file() else None


def _gathered(
    recipe: Recipe,
    policy: Policy,
    registry: Registry,
    spec: StudySpec,
    variants: tuple[Variant, ...],
    cards: list[Scorecard],
    volatile: Volatile,
) -> Study:
    return Study(
        schema_version=SCHEMA_VERSION,
        name=recipe.audit,
        generator=_maker(recipe) or "",
        varied=tuple(spec.grid),
        rows=recipe.release.rows if isinstance(recipe.release, GeneratedSpec) else 0,
        variants=variants,
        policy=run.policy_facts(policy),
        provenance=run.provenance(recipe, registry, cards[0].findings + cards[0].usefulness),
        texts=texts_of(cards),
        volatile=volatile,
    )
