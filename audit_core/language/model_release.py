"""The model that goes out: fine-tuned here in a child process, or somebody else's."""

import hashlib
import shutil
import time
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from audit_core import __version__, exchange, isolation, pack
from audit_core.cache import Cache, key
from audit_core.case import Case, ReleasedModel, most_rows
from audit_core.chosen import FineTuning
from audit_core.codes import sentence
from audit_core.errors import AuditError, InputError, PackError, Problem, RunError
from audit_core.guarantee import Guarantee
from audit_core.isolation import Failed, Job, Limits, Usage, malformed
from audit_core.kept import Kept, forget, ledger_of
from audit_core.language.canaries import COMMITMENT
from audit_core.language.text_case import TextCase
from audit_core.language.texts import Text
from audit_core.language.training import UNFIT, ModelAccess, TrainingTask
from audit_core.measurement import Reason
from audit_core.model_folder import MODEL_DESCRIPTION
from audit_core.pack import write_early
from audit_core.reading.files import TextTable
from audit_core.reading.model_files import model_digest
from audit_core.recipe import Recipe
from audit_core.redact import encodable
from audit_core.refit import Heard, unheard
from audit_core.registry import Registry
from audit_core.seeds import stream
from audit_core.split import Sides, record
from audit_core.written.recipe import ModelledSpec, SplitSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """A model that goes out.

    Attributes:
        guarantee: What is claimed of it; None where nothing is.
    """

    model: ReleasedModel
    guarantee: Guarantee | None = None
    usage: Usage = field(default_factory=Usage)


def released_model(
    recipe: Recipe,
    tuning: FineTuning,
    texts: TextCase,
    registry: Registry,
    folder: Path,
    cache: Cache,
    *,
    heard: Heard = unheard,
    debug: bool = False,
) -> Model:
    """The model of a recipe: opened where it is, or fine-tuned into the pack; a killed run that had it is taken up.

    Args:
        folder: Of the pack.
        heard: Is told how training goes.

    Raises:
        InputError: The base cannot be trained as asked for.
        RunError: The training failed, or what it gave cannot be written.
    """
    base_digest = None if tuning.base is None else model_digest(tuning.base)
    released = partial(_released, recipe, tuning, registry, base_digest=base_digest)
    if tuning.load is not None:
        claim = recipe.claim() or _its_ledger(tuning.load)
        return Model(model=released(tuning.load, digest=model_digest(tuning.load)), guarantee=claim)
    usage, place = Usage(), folder / pack.MODEL
    name = _name(recipe, tuning, texts, registry, base_digest)
    finished, digest = cache.text(name), model_digest(place) if place.is_dir() else ""
    if finished is None or finished != digest.encode():
        started = time.monotonic()
        forget(folder)
        workshop = folder / pack.WORKSHOP
        workshop.mkdir(mode=0o700, exist_ok=True)
        kept = Kept(
            folder,
            folders=exchange.Folders(workshop=workshop.absolute(), recipe=recipe.folder.absolute()),
            besides={} if (its := texts.case.canaries) is None else {COMMITMENT: its.commitment},
        )
        _train(recipe, tuning, texts, registry, usage, kept, heard, debug)
        usage.seconds = time.monotonic() - started
        shutil.rmtree(workshop, ignore_errors=True)  # another training of it would be another look
        digest = model_digest(place)
        cache.keep_text(name, digest.encode())
    return Model(model=released(place, digest=digest), guarantee=ledger_of(folder), usage=usage)


def record_coins(recipe: Recipe, whole: TextTable, case: Case, coins: Sides | None, folder: Path) -> None:
    """Writes down which texts were set aside, and which canaries are planted, before anything is trained."""
    for name in (pack.COINS, pack.CANARIES):  # those of an attempt that asked for others are none of this run's
        (folder / name).unlink(missing_ok=True)
    if coins is not None and isinstance(recipe.non_members, SplitSpec):
        write_early(folder / pack.COINS, record(whole, case.unit, recipe.non_members.split, coins))
    if case.canaries is not None:
        write_early(folder / pack.CANARIES, case.canaries.to_jsonl())


def trained_in_child(
    tuning: FineTuning,
    task: TrainingTask,
    registry: Registry,
    *,
    seed: int,
    limits: Limits,
    usage: Usage,
    kept: Kept,
    heard: Heard = unheard,
    debug: bool = False,
) -> None:
    """Trains in a child process; the model and its claim go where `kept` puts them.

    Raises:
        Failed: It raised, died, ran too long, grew too large, or left no model.
    """
    name = tuning.plugin.name
    job = Job(
        plugin=name,
        role="training",
        load=tuning.plugin.load,
        file=registry.origins[name].file,
        params=dict(tuning.params),
        entropy=tuple(int(word) for word in stream(seed, "training", name).integers(2**32, size=8)),
        debug=debug,
    )
    write = partial(exchange.write_task, task=task, folders=kept.folders)
    isolation.run(job, limits, write, partial(_keep, name, kept=kept), usage, heard, kept.ledger_from)


def _keep(name: str, folder: Path, kept: Kept) -> None:
    try:
        if exchange.read_guarantee(folder) is not None:
            kept.ledger_from(folder)
    except PackError:
        raise Failed(malformed(name, "guarantee")) from None
    if not (folder / exchange.MODEL / MODEL_DESCRIPTION).is_file():
        raise Failed(malformed(name, f"save: no {MODEL_DESCRIPTION}"))
    kept.model_from(folder)


def _train(
    recipe: Recipe,
    tuning: FineTuning,
    texts: TextCase,
    registry: Registry,
    usage: Usage,
    kept: Kept,
    heard: Heard,
    debug: bool,
) -> None:
    if tuning.base is None:
        raise ValueError("nothing to start from")
    task = TrainingTask(
        texts=texts.trained, base=tuning.base, unit=texts.case.unit, rows_per_unit=most_rows(texts.case)
    )
    try:
        trained_in_child(
            tuning,
            task,
            registry,
            seed=recipe.seed,
            limits=recipe.generate_limits,
            usage=usage,
            kept=kept,
            heard=heard,
            debug=debug,
        )
    except Failed as failed:
        raise failure(failed.reason, "no model was trained", "the training prints") from None


def failure(why: Reason, what: str, shown: str) -> AuditError:
    """The error that a child's failure is: of the input, where a model cannot be trained or opened as it is.

    Args:
        what: That came of it.
        shown: What there is for `--debug` to show.
    """
    fix = f"`--debug` shows what {shown}, which may quote records"
    told = f"{what}: {sentence(why, 'en')}"
    if why.code in UNFIT:
        return InputError(Problem(code=why.code, what=told, where="release.model", fix=f"`sekisho explain {why.code}`"))
    return RunError(Problem(code=why.code, what=told, where="release.model", fix=fix))


def _released(
    recipe: Recipe, tuning: FineTuning, registry: Registry, folder: Path, *, digest: str, base_digest: str | None
) -> ReleasedModel:
    if not isinstance(recipe.release, ModelledSpec):
        raise ValueError("no model goes out")
    spec = recipe.release.model
    access = ModelAccess(
        load=tuning.plugin.load,
        file=registry.origins[tuning.plugin.name].file,
        folder=str(folder.absolute()),
        base=None if tuning.base is None else str(tuning.base.absolute()),
    )
    return ReleasedModel(
        name=encodable(folder.name),
        access=access,
        digest=digest,
        base_digest=base_digest,
        base_name=None if spec.base is None else encodable(Path(spec.base).name),
    )


def _its_ledger(folder: Path) -> Guarantee | None:
    """What a model says of itself that was trained here and carries its ledger; None where it carries none."""
    path = folder / exchange.LEDGER
    try:
        return Guarantee.from_json(path.read_bytes()) if path.is_file() else None
    except PackError as error:
        raise InputError(*error.problems) from None


def _name(recipe: Recipe, tuning: FineTuning, texts: TextCase, registry: Registry, base_digest: str | None) -> str:
    """Under which a finished model is remembered."""
    plugin, file = tuning.plugin, registry.origins[tuning.plugin.name].file
    return key(
        "model",
        __version__,
        _digest_of(texts.trained),
        texts.case.unit,
        recipe.seed,
        plugin.name,
        plugin.load,
        registry.origins[plugin.name].name,
        None if file is None else hashlib.sha256(Path(file).read_bytes()).hexdigest(),
        dict(tuning.params),
        base_digest,
        None if (its := texts.case.canaries) is None else its.commitment.decode(),
    )


def _digest_of(texts: tuple[Text, ...]) -> str:
    digest = hashlib.sha256()
    for one in texts:
        for part in (one.prompt, one.text):
            data = part.encode("utf-8", "surrogatepass")
            digest.update(len(data).to_bytes(8, "big") + data)
    return digest.hexdigest()
