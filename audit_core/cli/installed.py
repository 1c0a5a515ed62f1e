"""`plugins`: what is installed, and whether it holds what it promises."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from audit_core.cli.options import language_option, plugin_options, unknown

if TYPE_CHECKING:
    from audit_core.registry import Registry


@click.group()
def plugins() -> None:
    """What is installed, and whether it holds what it promises."""


@plugins.command("list")
@click.option("--json", "as_json", is_flag=True)
@plugin_options
@language_option
def plugins_list(as_json: bool, files: tuple[Path, ...], block: tuple[str, ...], lang: str) -> None:
    """All plugins by kind, where they come from, and those that could not be used."""
    from audit_core.codes import sentence
    from audit_core.registry import discover

    registry = discover(files, block)
    rows = _rows(registry, lang)
    refused = [{"origin": one.origin, "reason": sentence(one.reason, lang)} for one in registry.refusals]
    if as_json:
        click.echo(json.dumps({"plugins": rows, "refusals": refused}, ensure_ascii=False, indent=1))
        return
    width = max((len(row["name"]) for row in rows), default=0)
    for row in rows:
        click.echo(f"{row['kind']:9}  {row['name']:{width}}  {row['title']}  ({row['origin']})")
    for one in refused:
        click.echo(f"refused    {one['origin']}: {one['reason']}")


def _rows(registry: "Registry", language: str) -> list[dict[str, str]]:
    from audit_core.words import say

    kinds = {
        "attack": registry.attacks,
        "check": registry.checks,
        "generator": registry.generators,
        "training": registry.training_backends,
        "renderer": registry.renderers,
    }
    return [
        {
            "kind": kind,
            "name": name,
            "title": say(record.title, language),
            "origin": registry.origins[name].name,
        }
        for kind, records in kinds.items()
        for name, record in records.items()  # type: ignore[attr-defined]
    ]


@plugins.command("show")
@click.argument("name")
@plugin_options
@language_option
def plugins_show(name: str, files: tuple[Path, ...], block: tuple[str, ...], lang: str) -> None:
    """What one attack, check, generator or training backend does, sees, measures and takes as parameters."""
    from audit_core.plugin import AttackPlugin, GeneratorPlugin, TrainingBackendPlugin
    from audit_core.registry import discover
    from audit_core.words import say

    registry = discover(files, block)
    records = {**registry.measuring, **registry.generators, **registry.training_backends}
    if name not in records:
        raise unknown("attack, check, generator or training backend", name, records)
    record = records[name]
    lines = {"name": record.name, "title": say(record.title, lang), "from": registry.origins[name].name}
    if isinstance(record, GeneratorPlugin | TrainingBackendPlugin):
        lines |= {"method": say(record.method, lang)}
    else:
        lines |= {
            "goal": record.goal,
            "audits": ", ".join(sorted(record.audits)),
            "sees": ", ".join(sorted(record.sees)) if isinstance(record, AttackPlugin) else "the whole case",
            "attacker": say(record.assumption, lang),
            "measures": ", ".join(record.measures),
            "runs": "only where a recipe names it" if record.opt_in else "unless a recipe names others",
        }
    lines["parameters"] = json.dumps(record.params.model_json_schema().get("properties", {}), ensure_ascii=False)
    for key, value in lines.items():
        click.echo(f"{key:10}  {value}")
    for reference in record.references:
        click.echo(f"reference   {reference}")


@plugins.command("check")
@click.argument("name")
@plugin_options
def plugins_check(name: str, files: tuple[Path, ...], block: tuple[str, ...]) -> int:
    """Try a plugin on small made-up cases: leaky, innocent, awkward. Exit code 1 if it does not hold."""
    from audit_core.registry import discover
    from audit_core.testing import conformance

    registry = discover(files, block)
    records = {**registry.measuring, **registry.generators}
    if name not in records:
        raise unknown("attack, check or generator", name, records)
    broken = 0
    for trial in conformance(records[name], registry):
        broken += not trial.held
        click.echo(f"{'ok    ' if trial.held else 'BROKEN'}  {trial.name}{'' if trial.held else ': ' + trial.why}")
    return 1 if broken else 0
