"""`judge`, `render` and `verify`: what can be done with a stored pack, without data."""

import os
import sys
from pathlib import Path

import click

from audit_core import __version__
from audit_core.cli.options import FILE, exit_code, language_option, plugin_options, unknown
from audit_core.errors import PackError, Problem

_PAGES = {"scorecard": "html", "calibration": "calibration-html", "study": "study-html"}


@click.command()
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
    return exit_code(scorecard, "inconclusive")


@click.command()
@click.argument("pack", type=FILE)
@click.option("--format", "name", help="A renderer's name; the page of a scorecard or a calibration without it.")
@click.option("--out", type=FILE, help="A file; standard output without it.")
@plugin_options
@language_option
def render(
    pack: Path, name: str | None, out: Path | None, files: tuple[Path, ...], block: tuple[str, ...], lang: str
) -> None:
    """Render a stored PACK (or its scorecard.json or calibration.json) again."""
    from audit_core import pack as packs
    from audit_core.cache import write_atomically
    from audit_core.registry import discover

    document = packs.read_document(pack)
    kind = packs.kind_of(document)
    renderers = {one: record for one, record in discover(files, block).renderers.items() if record.of == kind}
    name = name or _PAGES[kind]
    if name not in renderers:
        raise unknown(f"renderer of a {kind}", name, renderers)
    data = packs.rendered(document, renderers[name], lang)
    if out is None:
        sys.stdout.buffer.write(data)
    else:
        try:
            write_atomically(out, data)
        except OSError as error:
            what = f"the file cannot be written ({os.strerror(error.errno or 0)})"
            raise PackError(
                Problem(code="pack-not-writable", what=what, where=out.name, fix="Choose another --out")
            ) from None


@click.command()
@click.argument("pack", type=FILE)
@plugin_options
def verify(pack: Path, files: tuple[Path, ...], block: tuple[str, ...]) -> int:
    """Check that a stored PACK is what a run wrote: every byte, figure, verdict and view. Exit code 1 if not."""
    from audit_core.pack import read_document
    from audit_core.registry import discover
    from audit_core.verify import verify as verified

    problems = verified(pack, discover(files, block).renderers)
    for problem in problems:
        click.echo(f"sekisho: {problem}", err=True)
    version = read_document(pack).provenance.sekisho
    if version != __version__:
        click.echo(f"sekisho: written by version {version}; its views were compared by their digests only", err=True)
    click.echo("altered" if problems else "verified")
    return 1 if problems else 0
