"""Finds the plugins, asks each alone, and refuses what is doubled, unknown or of another version.

In this order: blocked names, entry points, `--plugin FILE.py`, doubled names, unknown hooks, what the recipe
requires. Built-in plugins come in by the same entry points as a stranger's.
"""

import importlib.util
import re
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import pluggy

from audit_core import hookspecs
from audit_core.errors import PluginError, Problem, raise_all
from audit_core.measurement import Reason
from audit_core.plugin import (
    API,
    AttackPlugin,
    CheckPlugin,
    GeneratorPlugin,
    RendererPlugin,
    TrainingBackendPlugin,
)
from audit_core.scorecard import Refusal

Record = AttackPlugin | CheckPlugin | GeneratorPlugin | TrainingBackendPlugin | RendererPlugin

_KINDS: dict[str, type[Record]] = {
    "audit_attacks": AttackPlugin,
    "audit_checks": CheckPlugin,
    "audit_generators": GeneratorPlugin,
    "audit_training_backends": TrainingBackendPlugin,
    "audit_renderers": RendererPlugin,
}
_FILENAME = re.compile(r"(?!manifest\.json$|recipe\.|policy\.|\.)[A-Za-z0-9._-]+")
_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where a plugin came from.

    Attributes:
        name: As the card shows it: distribution and version, or the file's name.
        distribution: The distribution's name; empty for a file.
        file: The file's path where the plugin is a single file.
    """

    name: str
    distribution: str = ""
    file: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Registry:
    """The plugins of one run, by name."""

    attacks: dict[str, AttackPlugin] = field(default_factory=dict)
    checks: dict[str, CheckPlugin] = field(default_factory=dict)
    generators: dict[str, GeneratorPlugin] = field(default_factory=dict)
    training_backends: dict[str, TrainingBackendPlugin] = field(default_factory=dict)
    renderers: dict[str, RendererPlugin] = field(default_factory=dict)
    origins: dict[str, Origin] = field(default_factory=dict)
    refusals: tuple[Refusal, ...] = ()

    @property
    def measuring(self) -> dict[str, AttackPlugin | CheckPlugin]:
        """Checks, then attacks: all that yields measurements."""
        return {**self.checks, **self.attacks}


def discover(files: Sequence[Path] = (), blocked: Sequence[str] = (), required: Sequence[str] = ()) -> Registry:
    """Loads the records of all plugins; their code stays unimported until it runs.

    Args:
        files: Plugins that are single files.
        blocked: Entry points not to load.
        required: Distributions, entry points or plugin names that must be there.

    Raises:
        PluginError: A file cannot be loaded, a name is given twice, a required plugin is missing.
    """
    manager = pluggy.PluginManager(hookspecs.PROJECT)
    manager.add_hookspecs(hookspecs)
    origins: dict[str, Origin] = {}
    refusals: list[Refusal] = []
    for point in entry_points(group=hookspecs.PROJECT):
        if point.name in blocked:
            continue
        distribution = point.dist.name if point.dist else point.value
        version = point.dist.version if point.dist else ""
        origin = Origin(name=f"{distribution} {version}".strip(), distribution=distribution)
        try:
            manager.register(point.load(), name=point.name)
        except Exception as error:  # whatever a stranger's import raises
            refusals.append(_refusal(origin, "plugin-import-failed", error=type(error).__name__))
            continue
        origins[point.name] = origin
    for path, file in {file.resolve(): file for file in files}.items():  # one given twice is one
        name = f"file {path}"
        manager.register(_module_of(file), name=name)
        origins[name] = Origin(name=file.name, file=str(path))
    refusals += _unknown_hooks(manager, origins)
    found, more = _ask_all(manager, origins)
    refusals += more
    registry = _by_name(found, refusals)
    _require(required, registry, origins)
    return registry


def _module_of(file: Path) -> Any:
    """Imports a single-file plugin.

    Raises:
        PluginError: There is no such file or it does not import.
    """
    name = f"sekisho_plugin_{file.stem}"
    try:
        spec = importlib.util.spec_from_file_location(name, file)
        if spec is None or spec.loader is None:
            raise ImportError(name)
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        spec.loader.exec_module(module)
    except Exception as error:
        raise PluginError(
            Problem(
                code="plugin-file-unusable",
                what=f"the plugin file does not import ({type(error).__name__})",
                where=file.name,
                fix="Run `python` on the file to see the error",
            )
        ) from None
    return module


def _unknown_hooks(manager: pluggy.PluginManager, origins: dict[str, Origin]) -> list[Refusal]:
    """Unregisters every plugin that implements a hook this version does not have."""
    refusals = []
    for name, plugin in list(manager.list_name_plugin()):
        for caller in manager.get_hookcallers(plugin) or ():
            unknown = not caller.has_spec() and any(
                impl.plugin is plugin and not impl.optionalhook for impl in caller.get_hookimpls()
            )
            if unknown:
                refusals.append(_refusal(origins[name], "plugin-unknown-hook", hook=caller.name))
                manager.unregister(plugin)
                break
    return refusals


def _ask_all(
    manager: pluggy.PluginManager, origins: dict[str, Origin]
) -> tuple[list[tuple[Record, Origin]], list[Refusal]]:
    """Asks each plugin alone: one that fails takes no other with it."""
    found: list[tuple[Record, Origin]] = []
    refusals: list[Refusal] = []
    for hook, kind in _KINDS.items():
        for implementation in getattr(manager.hook, hook).get_hookimpls():
            origin = origins[implementation.plugin_name]
            records, refusal = _ask(implementation.function, kind, origin)
            found += [(record, origin) for record in records]
            refusals += refusal
    return found, refusals


def _ask(
    function: Callable[[], Iterable[Any]], kind: type[Record], origin: Origin
) -> tuple[list[Record], list[Refusal]]:
    try:
        records = list(function())
    except Exception as error:  # whatever a stranger's hook raises
        return [], [_refusal(origin, "plugin-import-failed", error=type(error).__name__)]
    good: list[Record] = []
    refusals: list[Refusal] = []
    for record in records:
        if not isinstance(record, kind):
            refusals.append(_refusal(origin, "plugin-wrong-record", wanted=kind.__name__))
        elif record.api != API:
            refusals.append(_refusal(origin, "plugin-api", plugin=record.name, wants=record.api, has=API))
        elif isinstance(record, RendererPlugin) and not _FILENAME.fullmatch(record.filename.replace("{language}", "")):
            refusals.append(_refusal(origin, "plugin-wrong-record", wanted="a plain file name"))
        elif not _NAME.fullmatch(record.name) or "en" not in record.title:
            refusals.append(_refusal(origin, "plugin-wrong-record", wanted="a kebab-case name and an English title"))
        else:
            good.append(record)
    return good, refusals


def _by_name(found: list[tuple[Record, Origin]], refusals: list[Refusal]) -> Registry:
    """Sorts the records by kind.

    Raises:
        PluginError: Two plugins claim one name; all kinds share their names, as an origin belongs to a name.
    """
    registry = Registry(refusals=tuple(refusals))
    problems = []
    for record, origin in found:
        if record.name in registry.origins:
            first, second = _told_apart(registry.origins[record.name], origin)
            problems.append(
                Problem(
                    code="plugin-name-doubled",
                    what=f"two plugins are named {record.name!r}: of {first} and of {second}",
                    fix="Uninstall or block one of them (--block ENTRY-POINT)",
                )
            )
            continue
        if isinstance(record, AttackPlugin):
            registry.attacks[record.name] = record
        elif isinstance(record, CheckPlugin):
            registry.checks[record.name] = record
        elif isinstance(record, GeneratorPlugin):
            registry.generators[record.name] = record
        elif isinstance(record, TrainingBackendPlugin):
            registry.training_backends[record.name] = record
        else:
            registry.renderers[record.name] = record
        registry.origins[record.name] = origin
    raise_all(problems, PluginError)
    return registry


def _told_apart(one: Origin, other: Origin) -> tuple[str, str]:
    """Two names; files of one name are told apart by their folders."""
    if one.name != other.name or one.file is None or other.file is None:
        return one.name, other.name
    return f"{Path(one.file).parent.name}/{one.name}", f"{Path(other.file).parent.name}/{other.name}"


def _require(required: Sequence[str], registry: Registry, origins: dict[str, Origin]) -> None:
    present = {*origins, *registry.origins, *(origin.distribution for origin in origins.values())}
    raise_all(
        [
            Problem(
                code="plugin-missing",
                what=f"the recipe requires the plugin {name!r}, which is not installed or could not be loaded",
                where="requires-plugins",
                fix=f"Install it (pip install {name}) or see `sekisho plugins list`",
            )
            for name in required
            if name not in present
        ],
        PluginError,
    )


def _refusal(origin: Origin, code: str, **args: str | int | float) -> Refusal:
    return Refusal(origin=origin.name, reason=Reason(code=code, args=args))
