"""What a recipe asks for, found among what is installed, with every problem at once."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from audit_core.errors import InputError, PluginError, Problem, raise_all
from audit_core.model_folder import maker, trained_by
from audit_core.plugin import AttackPlugin, CheckPlugin, GeneratorPlugin, TrainingBackendPlugin
from audit_core.questions import Asset
from audit_core.reading.model_files import find, inspect
from audit_core.reading.paths import resolve
from audit_core.recipe import Recipe
from audit_core.registry import Registry
from audit_core.written.recipe import EVERY, GeneratedSpec, ModelledSpec
from audit_core.written.strict_yaml import closest

Params = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Commission:
    """A release to make.

    Attributes:
        params: Of the generator, with its defaults.
        load: The folder of a fitted generator; None where one is to be fitted.
    """

    plugin: GeneratorPlugin
    params: Params
    rows: int
    load: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FineTuning:
    """A language model to train, or to open.

    Attributes:
        plugin: The backend that trains it, or opens it.
        params: Of the backend, with its defaults.
        base: What to start from; None where nobody has that.
        load: The folder of a model that was fine-tuned before; None where one is to be trained.
    """

    plugin: TrainingBackendPlugin
    params: Params
    base: Path | None
    load: Path | None = None


OPENS = "lora"
"""The backend that opens a model of which nobody says which backend trained it."""


def chosen(recipe: Recipe, registry: Registry) -> list[tuple[AttackPlugin | CheckPlugin, Params]]:
    """The attacks and checks to run, checks first, with their parameters: those the recipe names.

    Where it names none, and for the name `*`, those are meant that run without being asked for.

    Raises:
        PluginError: A name or a parameter is not there, of an attack, a check or the release's generator.
    """
    kind = "model" if isinstance(recipe.release, ModelledSpec) else "table"
    plugins = registry.measuring
    by_default: dict[str, Params] = {
        name: {} for name, plugin in plugins.items() if not plugin.opt_in and kind in plugin.audits
    }
    named = {EVERY: {}} if recipe.attacks is None else recipe.attacks
    wanted: dict[str, Params] = {}
    problems = [*_generator_problems(recipe, registry), *_backend_problems(recipe, registry)]
    for name, params in named.items():
        if name == EVERY:
            wanted = by_default | wanted
            if params:
                what = "`*` stands for several attacks and checks, and takes no parameters"
                fix = "Name the attack that they are for"
                problems.append(Problem(code="attack-parameter", what=what, where="attacks.*", fix=fix))
        elif name not in plugins:
            problems.append(_unknown("attack", "attack or check", name, plugins, f"attacks.{name}"))
        elif kind not in plugins[name].audits:
            what = f"{name!r} is not about a {kind} that is released"
            fix = f"Leave it out; `sekisho plugins show {name}` says what it is about"
            problems.append(Problem(code="attack-of-another-kind", what=what, where=f"attacks.{name}", fix=fix))
        else:
            wanted[name] = _with_own(plugins[name], params, recipe)
            problems += _parameter_problems("attack", plugins[name], wanted[name], f"attacks.{name}")
            problems += _handed_over(plugins[name], wanted[name], registry, f"attacks.{name}")
            problems += _not_allowed(plugins[name].params, wanted[name], recipe, f"attacks.{name}")
    raise_all(problems, PluginError)
    return [(plugin, wanted[name]) for name, plugin in plugins.items() if name in wanted]


def commission(recipe: Recipe, registry: Registry) -> Commission | None:
    """The release that the recipe wants made; None where it names a table. `chosen` has found no fault with it."""
    if not isinstance(recipe.release, GeneratedSpec):
        return None
    spec, rows = recipe.release.generate, recipe.release.rows
    if spec.load is not None:
        folder = _model_folder(recipe, spec.load)
        return Commission(plugin=registry.generators[maker(folder)], params={}, rows=rows, load=folder)
    plugin = registry.generators[spec.name or ""]
    params = plugin.params.model_validate(spec.params).model_dump(mode="json")
    return Commission(plugin=plugin, params=params, rows=rows)


def fine_tuning(recipe: Recipe, registry: Registry) -> FineTuning | None:
    """The model that goes out; None where a table does. `chosen` has found no fault with it.

    Raises:
        InputError: The files of the model, or of its base, cannot be used; nothing of them was loaded.
    """
    if not isinstance(recipe.release, ModelledSpec):
        return None
    spec = recipe.release.model
    base, load = (_model_place(recipe, written, key) for key, written in (("base", spec.base), ("load", spec.load)))
    problems = []
    for place, key, its_base in ((base, "base", None), (load, "load", base)):
        if place is not None:
            problems += inspect(place, where=f"release.model.{key}", base=its_base, alone=key == "base")
    raise_all(problems)
    name = spec.train or trained_by(load) or OPENS
    if name not in registry.training_backends:
        where = "release.model.load"
        raise_all([_unknown("backend", "training backend", name, registry.training_backends, where)], PluginError)
    plugin = registry.training_backends[name]
    raise_all(list(_not_installed(plugin, "release.model")), PluginError)
    params = {} if spec.train is None else plugin.params.model_validate(spec.params).model_dump(mode="json")
    return FineTuning(plugin=plugin, params=params, base=base, load=load)


def training_backend(name: str, params: Params | None, registry: Registry) -> tuple[TrainingBackendPlugin, Params]:
    """A training backend by its name, and its parameters with their defaults.

    Args:
        params: Those that are given; None for those that its record names to try it with.

    Raises:
        PluginError: The name or a parameter is not there, or what the backend needs is not installed.
    """
    if params is None and name in registry.training_backends:
        params = registry.training_backends[name].trial
    raise_all(list(_problems_of_backend(name, params or {}, registry)), PluginError)
    plugin = registry.training_backends[name]
    return plugin, plugin.params.model_validate(params or {}).model_dump(mode="json")


def _model_place(recipe: Recipe, written: str | None, key: str) -> Path | None:
    if written is None:
        return None
    return find(
        written,
        recipe.folder,
        where=f"release.model.{key}",
        allow_outside=recipe.allow_outside,
        allow_download=recipe.allow_download,
    )


def _backend_problems(recipe: Recipe, registry: Registry) -> Iterator[Problem]:
    if not isinstance(recipe.release, ModelledSpec) or recipe.release.model.train is None:
        return
    yield from _problems_of_backend(recipe.release.model.train, recipe.release.model.params, registry)


def _problems_of_backend(name: str, params: Params, registry: Registry) -> Iterator[Problem]:
    if name not in registry.training_backends:
        yield _unknown("backend", "training backend", name, registry.training_backends, "release.model.train")
        return
    plugin = registry.training_backends[name]
    yield from _not_installed(plugin, "release.model")
    yield from _parameter_problems("backend", plugin, params, "release.model.params")


def _model_folder(recipe: Recipe, written: str) -> Path:
    where = "release.generate.load"
    return resolve(written, recipe.folder, where=where, allow_outside=recipe.allow_outside)


def _generator_problems(recipe: Recipe, registry: Registry) -> Iterator[Problem]:
    if not isinstance(recipe.release, GeneratedSpec):
        return
    spec = recipe.release.generate
    if spec.load is not None:
        try:
            name = maker(_model_folder(recipe, spec.load))
        except InputError as error:
            yield from error.problems
            return
        if name not in registry.generators:
            yield _unknown("generator", "generator", name, registry.generators, "release.generate.load")
        else:
            yield from _not_installed(registry.generators[name])
        return
    if spec.name is None or spec.name not in registry.generators:
        yield _unknown("generator", "generator", spec.name or "", registry.generators, "release.generate.with")
        return
    plugin, where = registry.generators[spec.name], "release.generate.params"
    yield from _not_installed(plugin)
    yield from _parameter_problems("generator", plugin, spec.params, where)
    yield from _not_allowed(plugin.params, spec.params, recipe, where)


def _not_installed(
    plugin: GeneratorPlugin | TrainingBackendPlugin, where: str = "release.generate"
) -> Iterator[Problem]:
    missing = []
    for name in plugin.requires:
        try:
            version(name)
        except PackageNotFoundError:
            missing.append(name)
    if missing:
        generator = isinstance(plugin, GeneratorPlugin)
        yield Problem(
            code="generator-needs-extra" if generator else "backend-needs-extra",
            what=f"{plugin.name!r} needs {', '.join(missing)}, which is not installed",
            where=where,
            fix=f"Install it with `pip install 'sekisho[{'tabular' if generator else 'language'}]'`, or as the "
            "plugin's own guide says",
        )


def _with_own(plugin: AttackPlugin | CheckPlugin, params: Params, recipe: Recipe) -> Params:
    """The parameters; where an attacker can make the release and no way is named, the way in which it is made."""
    if not isinstance(plugin, AttackPlugin):
        return params
    release = recipe.release
    if Asset.GENERATOR in plugin.sees and isinstance(release, GeneratedSpec) and release.generate.name is not None:
        named, its = {"generator", "command"} & params.keys(), release.generate
        return params if named else {"generator_params": its.params, **params, "generator": its.name}
    if Asset.TRAINING in plugin.sees and isinstance(release, ModelledSpec) and release.model.train is not None:
        model = release.model
        return params if "train" in params else {"train_params": model.params, **params, "train": model.train}
    return params


def _handed_over(
    plugin: AttackPlugin | CheckPlugin, params: Params, registry: Registry, where: str
) -> Iterator[Problem]:
    """What is wrong with the generator, or the training, that an attack is to be handed."""
    if not isinstance(plugin, AttackPlugin):
        return
    for asset, key, kind, known in (
        (Asset.GENERATOR, "generator", "generator", registry.generators),
        (Asset.TRAINING, "train", "training backend", registry.training_backends),
    ):
        name, its = params.get(key), params.get(f"{key}_params", {})
        if asset not in plugin.sees or not isinstance(name, str):
            continue
        code = "generator" if asset is Asset.GENERATOR else "backend"
        if name not in known:
            yield _unknown(code, kind, name, known, f"{where}.{key}")
        elif isinstance(its, dict):
            yield from _not_installed(known[name], where)
            yield from _parameter_problems(code, known[name], its, f"{where}.{key}_params")


def _parameter_problems(
    kind: str, plugin: AttackPlugin | CheckPlugin | GeneratorPlugin | TrainingBackendPlugin, params: Params, where: str
) -> Iterator[Problem]:
    try:
        plugin.params.model_validate(params)
    except ValidationError as error:
        for details in error.errors(include_input=False, include_url=False):
            yield Problem(
                code=f"{kind}-parameter",
                what=f"{details['msg']} ({details['type']})",
                where=".".join([where, *map(str, details["loc"])]),
                fix=f"`sekisho plugins show {plugin.name}` lists its parameters",
            )


def _not_allowed(model: type[BaseModel], params: Params, recipe: Recipe, where: str) -> Iterator[Problem]:
    """Parameters by which a recipe would run programs or use other machines, without leave to do so."""
    for name, field in model.model_fields.items():
        extra = field.json_schema_extra
        needs = extra.get("needs") if isinstance(extra, dict) else None
        if needs == "allow-commands" and params.get(name) and not recipe.allow_commands:
            what = "the recipe wants to run a program or use another machine"
            fix = "Read the recipe; if you trust it, run again with --allow-commands"
            yield Problem(code="commands-not-allowed", what=what, where=f"{where}.{name}", fix=fix)


def _unknown(code: str, kind: str, name: str, known: Mapping[str, object], where: str) -> Problem:
    near = closest(name, known)
    return Problem(
        code=f"{code}-unknown",
        what=f"there is no {kind} named {name!r}" + (f"; did you mean {near!r}?" if near else ""),
        where=where,
        fix="`sekisho plugins list` shows what is installed and what could not be loaded",
    )
