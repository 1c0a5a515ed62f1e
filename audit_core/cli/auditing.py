"""`audit` and `demo`: run an audit into a pack."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from audit_core.cli.options import FILE, exit_code, language_option, plugin_options, recipe_options, run_options

if TYPE_CHECKING:
    from audit_core.recipe import Recipe
    from audit_core.scorecard import Scorecard


@click.command()
@recipe_options
@click.option(
    "--controls/--no-controls",
    "with_twins",
    default=None,
    help="Try every attack on a leaky and an innocent twin; as the policy asks if left out.",
)
@click.option(
    "--record-risk",
    type=FILE,
    metavar="FILE.csv",
    help="Write how exposed each member's row is to this file, for your eyes only.",
)
@run_options
@plugin_options
@language_option
def audit(asked: "Recipe", files: tuple[Path, ...], block: tuple[str, ...], lang: str, **options: Any) -> int:
    """Audit a release: by RECIPE, or by naming the files."""
    scorecard = _audited(asked, files, block, lang=lang, **options)
    return exit_code(scorecard, options["fail_on"])


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
    with_twins: bool | None = None,
    record_risk: Path | None = None,
) -> "Scorecard":
    """Runs one audit into one pack and says what came out."""
    from audit_core import pack, run
    from audit_core.cache import Cache
    from audit_core.policy import load_policy, policy_yaml
    from audit_core.recipe import recipe_yaml
    from audit_core.record_risk import refuse_unwritable, write_record_risk
    from audit_core.registry import discover
    from audit_core.terminal import progress, summary, warn
    from audit_core.written.contradictions import warnings

    policy = load_policy(recipe.policy)
    registry = discover(files, block, recipe.requires_plugins)
    if record_risk is not None:
        refuse_unwritable(record_risk, force=force)
    warn(warnings(recipe.columns), lang)
    recipe.refuse_inputs_in(out)
    with pack.opened(out, resume=resume, force=force) as folder, progress(json_events) as tell:
        audited = run.audit(
            recipe,
            policy,
            registry,
            cache=Cache(folder / pack.CACHE),
            progress=tell,
            debug=debug,
            with_twins=with_twins,
            record_risk=record_risk is not None,
            folder=folder,
        )
        scorecard = audited.scorecard
        if record_risk is not None:
            write_record_risk(record_risk, audited.member_rows, audited.record_risk)
        pack.write(folder, scorecard, recipe_yaml(recipe), policy_yaml(policy), registry.renderers)
    summary(scorecard, out, lang)
    if as_json:
        click.echo(scorecard.to_json(), nl=False)
    return scorecard


@dataclass(frozen=True, slots=True, kw_only=True)
class Demo:
    """Releases that are audited side by side, and what is to come of them.

    Attributes:
        folder: Of their recipes, in the package.
        failing: Recipes whose release has to fail.
        others: Recipes whose release must not.
        out: The usual folder of their packs.
        needs: The extra that it needs, and a module of it; None for nothing.
    """

    folder: tuple[str, ...]
    failing: tuple[str, ...]
    others: tuple[str, ...]
    out: str
    needs: tuple[str, str] | None = None


DEMOS = {
    "tables": Demo(folder=("demo",), failing=("leaky",), others=("ctgan", "fresh"), out="demo-out"),
    "text": Demo(
        folder=("demo", "text"),
        failing=("plain",),
        others=("private",),
        out="demo-text-out",
        needs=("language", "transformers"),
    ),
}


@click.command()
@click.argument("what", type=click.Choice(list(DEMOS)), default="tables")
@click.option("--out", type=FILE, help="The folder of the packs; demo-out or demo-text-out if left out.")
@click.option("--force", is_flag=True, help="Overwrite what stands in --out.")
@language_option
def demo(what: str, out: Path | None, force: bool, lang: str) -> int:
    """Audit made-up or public releases side by side; nothing is downloaded.

    `tables` (the default): three releases of one census table: a leaky one, a CTGAN's, and fresh real rows. `text`: a
    small language model, fine-tuned on made-up clinical notes without and with differential privacy.

    Exit code 0: each came out as it should, or the demo itself is broken.
    """
    from importlib import resources

    from audit_core.recipe import load_recipe
    from audit_core.scorecard import Verdict
    from audit_core.terminal import comparison

    its = DEMOS[what]
    _refuse_without(its)
    place = out or Path(its.out)
    cards: dict[str, Scorecard] = {}
    with resources.as_file(resources.files("audit_core").joinpath(*its.folder)) as folder:
        for name in (*its.failing, *its.others):
            recipe = load_recipe(folder / f"{name}.yaml")
            cards[name] = _audited(
                recipe,
                (),
                (),
                out=place / name,
                resume=False,
                force=force,
                as_json=False,
                json_events=False,
                debug=False,
                lang=lang,
                fail_on="inconclusive",
            )
    comparison(cards, place, lang)
    verdicts = {name: card.verdict for name, card in cards.items()}
    right = all(verdicts[name] is Verdict.FAIL for name in its.failing)
    right = right and Verdict.FAIL not in [verdicts[name] for name in its.others]
    return 0 if right and Verdict.ERROR not in verdicts.values() else 4


def _refuse_without(demo: Demo) -> None:
    """Raises InputError where the extra that a demo needs is not installed."""
    from importlib.util import find_spec

    from audit_core.errors import InputError, Problem

    if demo.needs is not None and find_spec(demo.needs[1]) is None:
        what = f"this demo needs {demo.needs[1]}, which is not installed"
        fix = f"Install it with `pip install 'sekisho[{demo.needs[0]}]'`"
        raise InputError(Problem(code="backend-needs-extra", what=what, fix=fix))
