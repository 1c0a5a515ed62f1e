"""`calibrate`: which planted leaks the attacks find, and from which size on."""

from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import click

from audit_core.cli.options import language_option, pack_options, plugin_options, recipe_options

if TYPE_CHECKING:
    from audit_core.recipe import Recipe


def _doses(context: click.Context, parameter: click.Parameter, value: str) -> tuple[Fraction, ...]:
    from audit_core.written.numbers import probability

    try:
        doses = {probability(text) for text in value.split(",")}
    except ValueError as error:
        raise click.BadParameter(str(error)) from None
    if 0 in doses:
        raise click.BadParameter("a dose of 0; the release itself is always tried")
    return tuple(sorted(doses))


@click.command()
@recipe_options
@click.option(
    "--doses",
    callback=_doses,
    default="1%,2%,5%,10%,20%",
    show_default=True,
    metavar="A,B",
    help="Rows to plant, as shares of the released rows.",
)
@click.option("--repeats", type=click.IntRange(1, 100), default=3, show_default=True, help="Draws of each twin.")
@pack_options("sekisho-calibration", "calibration")
@plugin_options
@language_option
def calibrate(
    asked: "Recipe",
    files: tuple[Path, ...],
    block: tuple[str, ...],
    doses: tuple[Fraction, ...],
    repeats: int,
    out: Path,
    resume: bool,
    force: bool,
    as_json: bool,
    json_events: bool,
    debug: bool,
    lang: str,
) -> int:
    """Plant leaks of many sizes in the release of RECIPE, and see from which size on each attack finds them.

    Exit code 0 if every attack that the policy has a rule for finds the policy's dose and takes no release of fresh
    real rows for a leak, else 3. It says nothing about the release itself.
    """
    from audit_core import pack
    from audit_core.cache import Cache
    from audit_core.dose_response import calibrate as calibrated
    from audit_core.judge import exit_code
    from audit_core.policy import load_policy, policy_yaml
    from audit_core.recipe import recipe_yaml
    from audit_core.registry import discover
    from audit_core.terminal import calibration_summary, calibration_table, progress

    policy = load_policy(asked.policy)
    registry = discover(files, block, asked.requires_plugins)
    asked.refuse_inputs_in(out)
    with pack.opened(out, resume=resume, force=force) as folder, progress(json_events) as tell:
        calibration = calibrated(
            asked,
            policy,
            registry,
            doses=doses,
            repeats=repeats,
            cache=Cache(folder / pack.CACHE),
            progress=tell,
            debug=debug,
        )
        pack.write(folder, calibration, recipe_yaml(asked), policy_yaml(policy), registry.renderers)
    calibration_summary(calibration, out, lang)
    if as_json:
        click.echo(calibration.to_json(), nl=False)
    else:
        for line in calibration_table(calibration, lang):
            click.echo(line)
    return exit_code(calibration.verdict)
