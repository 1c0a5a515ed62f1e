"""`study`: one recipe with several settings and seeds, side by side."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from audit_core.cli.options import language_option, pack_options, plugin_options, recipe_options

if TYPE_CHECKING:
    from audit_core.recipe import Recipe


@click.command()
@recipe_options
@click.option(
    "--controls/--no-controls",
    "with_twins",
    default=None,
    help="Try every attack on a leaky and an innocent twin; as the policy asks if left out.",
)
@pack_options("sekisho-study", "study")
@plugin_options
@language_option
def study(
    asked: "Recipe",
    files: tuple[Path, ...],
    block: tuple[str, ...],
    with_twins: bool | None,
    out: Path,
    resume: bool,
    force: bool,
    as_json: bool,
    json_events: bool,
    debug: bool,
    lang: str,
) -> int:
    """Make and audit the release of RECIPE with every setting of its `study`, and set the results side by side.

    Exit code 0 if every audit came to a verdict, whatever it was, else 4.
    """
    from audit_core import grid, pack
    from audit_core.policy import load_policy, policy_yaml
    from audit_core.recipe import recipe_yaml
    from audit_core.registry import discover
    from audit_core.scorecard import Verdict
    from audit_core.terminal import progress, study_summary, study_table

    policy = load_policy(asked.policy)
    registry = discover(files, block, asked.requires_plugins)
    grid.settings(asked, registry)  # before anything is written
    asked.refuse_inputs_in(out)
    with pack.opened(out, resume=resume, force=force) as folder, progress(json_events) as tell:
        done = grid.study(
            asked, policy, registry, folder, resume=resume, progress=tell, debug=debug, with_twins=with_twins
        )
        pack.write(folder, done, recipe_yaml(asked), policy_yaml(policy), registry.renderers)
    study_summary(done, out, lang)
    if as_json:
        click.echo(done.to_json(), nl=False)
    else:
        for line in study_table(done, lang):
            click.echo(line)
    return 4 if any(run.verdict is Verdict.ERROR for variant in done.variants for run in variant.runs) else 0
