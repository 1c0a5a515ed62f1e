"""The command line: `sekisho`. Answers on standard output, prose and progress on standard error."""

import json
import os
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from audit_core import __version__
from audit_core.errors import AuditError, InputError, Problem
from audit_core.words import LANGUAGES

if TYPE_CHECKING:
    from audit_core.policy import Policy
    from audit_core.recipe import Recipe
    from audit_core.registry import Registry
    from audit_core.scorecard import Scorecard

F = TypeVar("F", bound=Callable[..., Any])

FILE = click.Path(path_type=Path)


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs the command and exits with its code."""
    os.umask(0o077)
    signal.signal(signal.SIGTERM, _terminated)
    try:
        sys.exit(cli.main(arguments, prog_name="sekisho", standalone_mode=False) or 0)
    except AuditError as error:
        for problem in error.problems:
            click.echo(f"sekisho: {problem}", err=True)
        sys.exit(error.exit_code)
    except click.ClickException as error:
        error.show()
        sys.exit(2)
    except (click.Abort, KeyboardInterrupt):
        click.echo("sekisho: interrupted; --resume goes on where this stopped", err=True)
        sys.exit(130)
    except BrokenPipeError:
        # Whoever read our output has gone; the interpreter must not complain about it at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(141)


def _terminated(number: int, frame: object) -> None:
    sys.exit(128 + number)


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="sekisho")
def cli() -> None:
    """The checkpoint: examines a synthetic dataset before it leaves, and says, with evidence, whether it may pass.

    Exit codes: 0 pass, 1 fail, 2 usage or input, 3 inconclusive, 4 error, 130/143 interrupted.
    """


def plugin_options(command: F) -> F:
    for option in (
        click.option("--block", multiple=True, metavar="NAME", help="An entry point not to load."),
        click.option("--plugin", "files", multiple=True, type=FILE, metavar="FILE.py", help="A plugin in one file."),
    ):
        command = option(command)
    return command


def language_option(command: F) -> F:
    return click.option("--lang", type=click.Choice(LANGUAGES), default="en", show_default=True)(command)


def run_options(command: F) -> F:
    for option in reversed(
        (
            click.option("--out", type=FILE, default=Path("sekisho-out"), show_default=True, help="The pack's folder."),
            click.option("--resume", is_flag=True, help="Go on with an unfinished run in --out."),
            click.option("--force", is_flag=True, help="Overwrite what stands in --out."),
            click.option(
                "--fail-on",
                type=click.Choice(["inconclusive", "fail"]),
                default="inconclusive",
                show_default=True,
                help="What is not exit code 0; with `fail`, an inconclusive verdict exits 0.",
            ),
            click.option("--json", "as_json", is_flag=True, help="The scorecard on standard output."),
            click.option("--json-events", is_flag=True, help="Progress as JSON lines on standard error."),
            click.option("--debug", is_flag=True, help="Show what plugins print, tracebacks included."),
        )
    ):
        command = option(command)
    return command


def _names(context: click.Context, parameter: click.Parameter, value: str | None) -> tuple[str, ...]:
    return tuple(name.strip() for name in (value or "").split(",") if name.strip())


@cli.command()
@click.argument("recipe", type=FILE, required=False)
@click.option("--release", type=FILE, help="The table that goes out (CSV or Parquet).")
@click.option("--members", type=FILE, help="The table it was made from.")
@click.option("--non-members", type=FILE, help="Rows of the same population that were not used.")
@click.option("--identifiers", callback=_names, metavar="A,B", help="Columns that name a person.")
@click.option("--quasi-identifiers", callback=_names, metavar="A,B", help="Columns others may know.")
@click.option("--sensitive", callback=_names, metavar="A,B", help="Columns nobody should learn.")
@click.option("--subject", metavar="COLUMN", help="The person, where a person has several rows.")
@click.option("--policy", metavar="NAME|FILE", help="Instead of the recipe's; `sekisho policy list` shows them.")
@click.option("--allow-outside", is_flag=True, help="Let the recipe name files outside its folder.")
@run_options
@plugin_options
@language_option
def audit(
    recipe: Path | None,
    release: Path | None,
    members: Path | None,
    non_members: Path | None,
    identifiers: tuple[str, ...],
    quasi_identifiers: tuple[str, ...],
    sensitive: tuple[str, ...],
    subject: str | None,
    policy: str | None,
    allow_outside: bool,
    files: tuple[Path, ...],
    block: tuple[str, ...],
    lang: str,
    **options: Any,
) -> int:
    """Audit a release: by RECIPE, or by naming the files."""
    from audit_core.recipe import load_recipe, recipe_of_files

    named = {"--release": release, "--members": members, "--non-members": non_members}
    if recipe is not None:
        if used := [name for name, value in named.items() if value is not None]:
            raise click.UsageError(f"name either a recipe or files, not both ({', '.join(used)})")
        asked = load_recipe(recipe, allow_outside=allow_outside)
        if policy is not None:
            asked = asked.model_copy(update={"policy": policy})
    else:
        if release is None or members is None:
            raise click.UsageError("name a RECIPE, or --release and --members (and --non-members where there are any)")
        asked = recipe_of_files(
            release=release,
            members=members,
            non_members=non_members,
            identifiers=identifiers,
            quasi_identifiers=quasi_identifiers,
            sensitive=sensitive,
            subject=subject,
            policy=policy,
        )
    scorecard = _audited(asked, files, block, lang=lang, **options)
    return _exit_code(scorecard, options["fail_on"])


def _audited(
    recipe: "Recipe",
    files: tuple[Path, ...],
    block: tuple[str, ...],
    *,
    out: Path,
    resume: bool,
    force: bool,
    as_json: bool,
    json_events: bool,
    debug: bool,
    lang: str,
    fail_on: str,
) -> "Scorecard":
    """Runs one audit into one pack and says what came out."""
    from audit_core import pack, run
    from audit_core.cache import Cache
    from audit_core.policy import load_policy, policy_yaml
    from audit_core.recipe import recipe_yaml
    from audit_core.registry import discover
    from audit_core.terminal import progress, summary

    registry = discover(files, block, recipe.requires_plugins)
    with pack.opened(out, resume=resume, force=force) as folder, progress(json_events) as tell:
        scorecard = run.audit(recipe, registry, cache=Cache(folder / pack.CACHE), progress=tell, debug=debug)
        policy = policy_yaml(load_policy(recipe.policy))
        pack.write(folder, scorecard, recipe_yaml(recipe), policy, registry.renderers)
    summary(scorecard, out, lang)
    if as_json:
        click.echo(scorecard.to_json(), nl=False)
    return scorecard


def _exit_code(scorecard: "Scorecard", fail_on: str) -> int:
    from audit_core.judge import exit_code
    from audit_core.scorecard import Verdict

    if fail_on == "fail" and scorecard.verdict is Verdict.INCONCLUSIVE:
        return 0
    return exit_code(scorecard.verdict)


@cli.command()
@click.option("--out", type=FILE, default=Path("demo-out"), show_default=True, help="The folder of the three packs.")
@click.option("--force", is_flag=True, help="Overwrite what stands in --out.")
@language_option
def demo(out: Path, force: bool, lang: str) -> int:
    """Audit three releases of one census table side by side: a leaky one, a CTGAN's, and fresh real rows.

    Exit code 0: each came out as it should, or the demo itself is broken.
    """
    from importlib import resources

    from audit_core.recipe import load_recipe
    from audit_core.scorecard import Verdict
    from audit_core.terminal import comparison

    cards: dict[str, Scorecard] = {}
    with resources.as_file(resources.files("audit_core") / "demo") as folder:
        for name in ("leaky", "ctgan", "fresh"):
            recipe = load_recipe(folder / f"{name}.yaml")
            cards[name] = _audited(
                recipe,
                (),
                (),
                out=out / name,
                resume=False,
                force=force,
                as_json=False,
                json_events=False,
                debug=False,
                lang=lang,
                fail_on="inconclusive",
            )
    comparison(cards, out, lang)
    verdicts = {name: card.verdict for name, card in cards.items()}
    right = verdicts["leaky"] is Verdict.FAIL and Verdict.FAIL not in (verdicts["ctgan"], verdicts["fresh"])
    return 0 if right and Verdict.ERROR not in verdicts.values() else 4


@cli.command()
@click.argument("pack", type=FILE)
@click.option("--policy", metavar="NAME|FILE", required=True)
@click.option("--out", type=FILE, help="Write a pack of the new judgement.")
@click.option("--force", is_flag=True, help="Overwrite what stands in --out.")
@click.option("--json", "as_json", is_flag=True, help="The scorecard on standard output.")
@plugin_options
@language_option
def judge(
    pack: Path,
    policy: str,
    out: Path | None,
    force: bool,
    as_json: bool,
    files: tuple[Path, ...],
    block: tuple[str, ...],
    lang: str,
) -> int:
    """Judge a stored PACK by another policy, from its evidence alone."""
    from audit_core import pack as packs
    from audit_core import run
    from audit_core.policy import load_policy, policy_yaml
    from audit_core.registry import discover
    from audit_core.terminal import summary

    rules = load_policy(policy)
    scorecard = run.judged(packs.read_scorecard(pack), rules)
    if out is not None:
        recipe = pack / packs.RECIPE
        with packs.opened(out, force=force) as folder:
            packs.write(
                folder,
                scorecard,
                recipe.read_bytes() if recipe.is_file() else b"",
                policy_yaml(rules),
                discover(files, block).renderers,
            )
    summary(scorecard, out, lang)
    if as_json:
        click.echo(scorecard.to_json(), nl=False)
    return _exit_code(scorecard, "inconclusive")


@cli.command()
@click.argument("pack", type=FILE)
@click.option("--format", "name", default="html", show_default=True, help="A renderer's name.")
@click.option("--out", type=FILE, help="A file; standard output without it.")
@plugin_options
@language_option
def render(pack: Path, name: str, out: Path | None, files: tuple[Path, ...], block: tuple[str, ...], lang: str) -> None:
    """Render a stored PACK (or its scorecard.json) again."""
    from audit_core import pack as packs
    from audit_core.cache import write_atomically
    from audit_core.registry import discover

    registry = discover(files, block)
    if name not in registry.renderers:
        raise _unknown("renderer", name, registry.renderers)
    data = packs.rendered(packs.read_scorecard(pack), registry.renderers[name], lang)
    if out is None:
        sys.stdout.buffer.write(data)
    else:
        write_atomically(out, data)


@cli.command()
@click.argument("pack", type=FILE)
@plugin_options
def verify(pack: Path, files: tuple[Path, ...], block: tuple[str, ...]) -> int:
    """Check that a stored PACK is what a run wrote: every byte, figure, verdict and view. Exit code 1 if not."""
    from audit_core.registry import discover
    from audit_core.verify import verify as verified

    problems = verified(pack, discover(files, block).renderers)
    for problem in problems:
        click.echo(f"sekisho: {problem}", err=True)
    click.echo("altered" if problems else "verified")
    return 1 if problems else 0


@cli.group()
def plugins() -> None:
    """What is installed, and whether it holds what it promises."""


@plugins.command("list")
@click.option("--json", "as_json", is_flag=True)
@plugin_options
@language_option
def plugins_list(as_json: bool, files: tuple[Path, ...], block: tuple[str, ...], lang: str) -> None:
    """Attacks, checks and renderers, where they come from, and plugins that could not be used."""
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
        click.echo(f"{row['kind']:8}  {row['name']:{width}}  {row['title']}  ({row['origin']})")
    for one in refused:
        click.echo(f"refused   {one['origin']}: {one['reason']}")


def _rows(registry: "Registry", language: str) -> list[dict[str, str]]:
    from audit_core.words import say

    kinds = {"attack": registry.attacks, "check": registry.checks, "renderer": registry.renderers}
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
    """What one attack or check assumes, sees, measures and takes as parameters."""
    from audit_core.plugin import AttackPlugin
    from audit_core.registry import discover
    from audit_core.words import say

    registry = discover(files, block)
    records = {**registry.checks, **registry.attacks}
    if name not in records:
        raise _unknown("attack or check", name, records)
    record = records[name]
    sees = ", ".join(sorted(record.sees)) if isinstance(record, AttackPlugin) else "the whole case"
    lines = {
        "name": record.name,
        "title": say(record.title, lang),
        "from": registry.origins[name].name,
        "goal": record.goal,
        "sees": sees,
        "attacker": say(record.assumption, lang),
        "measures": ", ".join(record.measures),
        "parameters": json.dumps(record.params.model_json_schema().get("properties", {}), ensure_ascii=False),
    }
    for key, value in lines.items():
        click.echo(f"{key:10}  {value}")
    for reference in record.references:
        click.echo(f"reference   {reference}")


@plugins.command("check")
@click.argument("name")
@plugin_options
def plugins_check(name: str, files: tuple[Path, ...], block: tuple[str, ...]) -> int:
    """Try one attack or check on small made-up cases: leaky, innocent, awkward. Exit code 1 if it does not hold."""
    from audit_core.registry import discover
    from audit_core.testing import conformance

    registry = discover(files, block)
    records = {**registry.checks, **registry.attacks}
    if name not in records:
        raise _unknown("attack or check", name, records)
    broken = 0
    for trial in conformance(records[name], registry):
        broken += not trial.held
        click.echo(f"{'ok    ' if trial.held else 'BROKEN'}  {trial.name}{'' if trial.held else ': ' + trial.why}")
    return 1 if broken else 0


@cli.group()
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

    measured = {
        f"{record.name}/{name}"
        for record in (*registry.attacks.values(), *registry.checks.values())
        for name in record.measures
    }
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


@cli.command()
@click.argument("what", type=click.Choice(["recipe", "policy", "scorecard"]))
def schema(what: str) -> None:
    """The JSON Schema of a recipe, a policy or a scorecard."""
    from pydantic import TypeAdapter

    from audit_core.policy import policy_schema
    from audit_core.recipe import recipe_schema
    from audit_core.scorecard import Scorecard

    schemas = {
        "recipe": recipe_schema,
        "policy": policy_schema,
        "scorecard": lambda: TypeAdapter(Scorecard).json_schema(),
    }
    click.echo(json.dumps(schemas[what](), ensure_ascii=False, indent=1, sort_keys=True))


@cli.command()
@click.argument("code", required=False)
@language_option
def explain(code: str | None, lang: str) -> None:
    """What a CODE on a card or in an error means, and what to do about it. Without one, all codes."""
    from audit_core.codes import CODES
    from audit_core.words import say

    if code is None:
        for name in sorted(CODES):
            click.echo(name)
        return
    if code not in CODES:
        raise _unknown("code", code, CODES)
    click.echo(say(CODES[code].title, lang))
    click.echo(say(CODES[code].more, lang))


def _unknown(kind: str, name: str, known: Any) -> InputError:
    from audit_core.strict_yaml import closest

    near = closest(name, known)
    return InputError(
        Problem(
            code=f"{kind.split()[0]}-unknown",
            what=f"there is no {kind} named {name!r}" + (f"; did you mean {near!r}?" if near else ""),
            fix="Known: " + ", ".join(sorted(known)) if len(known) < 20 else "",
        )
    )


if __name__ == "__main__":
    main()
