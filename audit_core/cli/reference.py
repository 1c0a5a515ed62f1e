"""`policy`, `schema` and `explain`: what limits, files and codes mean."""

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from audit_core.cli.options import language_option, unknown
from audit_core.errors import Problem

if TYPE_CHECKING:
    from audit_core.policy import Policy
    from audit_core.registry import Registry


@click.group()
def policy() -> None:
    """Limits, with their basis and source."""


@policy.command("list")
@language_option
def policy_list(lang: str) -> None:
    """The policies that come with sekisho."""
    from audit_core.policy import load_policy, shipped_policies
    from audit_core.words import say

    for name in shipped_policies():
        rules = load_policy(name)
        click.echo(f"{name:18} v{rules.version}  {say(rules.title, lang)}")


@policy.command("show")
@click.argument("name")
def policy_show(name: str) -> None:
    """The resolved policy as YAML: a start for your own."""
    from audit_core.policy import load_policy, policy_yaml

    click.echo(policy_yaml(load_policy(name)), nl=False)


@policy.command("check")
@click.argument("name")
def policy_check(name: str) -> None:
    """Whether a policy file is sound: exit code 2, and every problem in it, if not."""
    from audit_core.policy import load_policy
    from audit_core.registry import discover

    rules = load_policy(name)
    _refuse_unmeasured(rules, discover())
    click.echo(f"{rules.name} v{rules.version}: {len(rules.rules)} rules, {rules.digest}")


def _refuse_unmeasured(rules: "Policy", registry: "Registry") -> None:
    """Raises for rules on what no installed plugin measures: in an audit they would be inconclusive for ever."""
    from audit_core.errors import raise_all

    measured = {f"{record.name}/{name}" for record in registry.measuring.values() for name in record.measures}
    raise_all(
        [
            Problem(
                code="policy-unmeasured-rule",
                what=f"no installed attack or check measures {rule.name!r}",
                where=rules.name,
                fix="Install the plugin, or take the rule out",
            )
            for rule in rules.rules
            if rule.name not in measured
        ]
    )


@click.command()
@click.argument("what", type=click.Choice(["recipe", "policy", "scorecard", "calibration", "study"]))
def schema(what: str) -> None:
    """The JSON Schema of a recipe, a policy, a scorecard, a calibration or a study."""
    from pydantic import TypeAdapter

    from audit_core.calibration import Calibration
    from audit_core.policy import policy_schema
    from audit_core.recipe import recipe_schema
    from audit_core.scorecard import Scorecard
    from audit_core.study import Study

    schemas: dict[str, Callable[[], dict[str, Any]]] = {
        "recipe": recipe_schema,
        "policy": policy_schema,
        "scorecard": TypeAdapter(Scorecard).json_schema,
        "calibration": TypeAdapter(Calibration).json_schema,
        "study": TypeAdapter(Study).json_schema,
    }
    click.echo(json.dumps(schemas[what](), ensure_ascii=False, indent=1, sort_keys=True))


@click.command()
@click.argument("code", required=False)
@language_option
def explain(code: str | None, lang: str) -> None:
    """What a CODE on a card or in an error means, and what to do about it. Without one, all codes."""
    from audit_core.blanks import unfilled
    from audit_core.codes import CODES

    if code is None:
        for name in sorted(CODES):
            click.echo(name)
        return
    if code not in CODES:
        raise unknown("code", code, CODES)
    click.echo(unfilled(code, CODES[code].title, lang))
    click.echo(unfilled(code, CODES[code].more, lang))
