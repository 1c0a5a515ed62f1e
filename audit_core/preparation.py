"""From a recipe to its case: files read, and the release made where the recipe wants it made."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from audit_core.cache import Cache
from audit_core.case import Case, ReleasedModel, content_digest
from audit_core.chosen import Commission, FineTuning, commission, fine_tuning
from audit_core.generation import generate
from audit_core.isolation import Failed, Usage
from audit_core.language import canaries
from audit_core.language.canaries import Canaries
from audit_core.language.model_pass import Pass, scored, texts_of_case
from audit_core.language.model_release import failure, record_coins, released_model
from audit_core.language.text_case import prepare_texts
from audit_core.language.training import ModelAccess
from audit_core.measurement import Reason
from audit_core.progress import Progress
from audit_core.reading.paths import read_file
from audit_core.recipe import Recipe
from audit_core.registry import Registry
from audit_core.scorecard import FileFacts
from audit_core.sources import Sources, read_sources
from audit_core.table_case import prepare
from audit_core.tables import Ids


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """A case, and how it came about.

    Attributes:
        made_by: What made the release: the plugin's name and its parameters; None where it stood already.
        made: The file of a release that was made here.
        steps: What was done to its rows besides sampling them.
        scores: Where a model goes out, what it makes of the texts.
        groups: Then, for each member and each non-member, which texts it must not be parted from in folds.
        usages: What making it took, by plugin.
    """

    case: Case
    made_by: tuple[str, Mapping[str, object]] | None = None
    made: Path | None = None
    steps: tuple[Reason, ...] = ()
    scores: Pass | None = None
    groups: tuple[Ids, Ids] | None = None
    usages: dict[str, Usage] = field(default_factory=dict)


def prepared(
    recipe: Recipe, registry: Registry, cache: Cache, progress: Progress, folder: Path | None, *, debug: bool = False
) -> Prepared:
    """Reads the files, makes what is to be made, and checks it all.

    Args:
        folder: Of the pack, where a release is written that the recipe wants made.

    Raises:
        InputError: A file or the recipe is not what it should be; every problem found is named.
        RunError: A release could not be made, or a model not be run.
        ValueError: A release is to be made, and no folder is given.
    """
    tuning = fine_tuning(recipe, registry)
    if tuning is not None:
        return _of_model(recipe, tuning, registry, cache, progress, folder, debug)
    to_make = commission(recipe, registry)
    progress("reading", recipe.audit)
    sources = read_sources(recipe)
    if to_make is None:
        return Prepared(case=replace(prepare(recipe, sources), guarantee=recipe.claim()))
    progress("generating", to_make.plugin.name)
    heard = partial(progress, "training", to_make.plugin.name)
    made = generate(recipe, to_make, sources, registry, _needed(folder), cache, heard=heard, debug=debug)
    return Prepared(
        case=replace(prepare(recipe, made.sources), guarantee=made.guarantee),
        made_by=_by(to_make),
        made=made.path,
        steps=made.steps,
        usages={to_make.plugin.name: made.usage},
    )


def rehearsed(recipe: Recipe, registry: Registry) -> Case:
    """The case as far as it is known before anything is made: the members stand in for rows that are yet to be made.

    Raises:
        InputError: A file or the recipe is not what it should be; every problem found is named.
    """
    tuning = fine_tuning(recipe, registry)
    sources = read_sources(recipe)
    if tuning is None:
        return prepare(recipe, sources if "release" in sources.files else sources.rehearsed())
    place = tuning.load or tuning.base or Path()
    access = ModelAccess(
        load=tuning.plugin.load, file=None, folder=str(place), base=None if tuning.base is None else str(tuning.base)
    )
    model = ReleasedModel(name=place.name, access=access, digest="", base_digest=None, base_name=None)
    return replace(prepare_texts(recipe, sources, _canaries(recipe, tuning, sources)).case, model=model)


def _of_model(
    recipe: Recipe,
    tuning: FineTuning,
    registry: Registry,
    cache: Cache,
    progress: Progress,
    folder: Path | None,
    debug: bool,
) -> Prepared:
    progress("reading", recipe.audit)
    sources = read_sources(recipe)
    texts = prepare_texts(recipe, sources, _canaries(recipe, tuning, sources))
    place = _needed(folder)
    record_coins(recipe, sources.whole, texts.case, sources.coins, place)
    if tuning.load is None:
        progress("generating", tuning.plugin.name)
    heard = partial(progress, "training", tuning.plugin.name)
    its = released_model(recipe, tuning, texts, registry, place, cache, heard=heard, debug=debug)
    facts = FileFacts(name=its.model.name, rows=0, digest=its.model.digest)
    case = replace(texts.case, model=its.model, guarantee=its.guarantee, files={"release": facts, **texts.case.files})
    progress("scoring", its.model.name)
    usage = Usage()
    scores = _scores(case, its.model, recipe, cache, usage, debug)
    return Prepared(
        case=_with_lengths(case, scores),
        made_by=None if tuning.load is not None else _by(tuning),
        made=Path(its.model.access.folder),
        scores=scores,
        groups=texts.groups,
        usages={tuning.plugin.name: its.usage, "token-scores": usage},
    )


def _canaries(recipe: Recipe, tuning: FineTuning, sources: Sources) -> Canaries | None:
    """The canaries to plant; or those that a loaded model was trained with.

    Raises:
        InputError: Those of a file are none, or another model's.
    """
    if recipe.canaries is None:
        return None
    file = recipe.canaries_path()
    if file is None or tuning.load is None:
        return canaries.made(recipe.canaries, recipe.seed, sources.whole.digest)
    commitment = tuning.load / canaries.COMMITMENT
    told = commitment.read_bytes() if commitment.is_file() else None
    return canaries.read(read_file(file, "canaries.file"), "canaries.file", told)


def _scores(case: Case, model: ReleasedModel, recipe: Recipe, cache: Cache, usage: Usage, debug: bool) -> Pass:
    try:
        return scored(
            texts_of_case(case),
            model,
            content=content_digest(case),
            cache=cache,
            limits=recipe.generate_limits,
            usage=usage,
            debug=debug,
        )
    except Failed as failed:
        raise failure(failed.reason, "the model could not be run", "its libraries print") from None


def _with_lengths(case: Case, scores: Pass) -> Case:
    """The case, with the counts of texts that are too long or too short for the model."""
    first = len(case.members)
    others = first + (0 if case.non_members is None else len(case.non_members))
    sides = {"members": slice(None, first), "non_members": slice(first, others)}
    counts = {
        arm: replace(
            its,
            too_long=int(scores.model.truncated[sides[arm]].sum()),
            too_short=int((scores.model.lengths[sides[arm]] < 2).sum()),
        )
        for arm, its in case.texts.items()
    }
    return replace(case, texts=counts)


def _by(what: Commission | FineTuning) -> tuple[str, Mapping[str, object]]:
    return what.plugin.name, what.params


def _needed(folder: Path | None) -> Path:
    if folder is None:
        raise ValueError("a release that is made here needs a folder")
    return folder
