"""Options and errors that several commands share."""

from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from audit_core.errors import InputError, Problem
from audit_core.words import LANGUAGES

if TYPE_CHECKING:
    from audit_core.scorecard import Scorecard

F = TypeVar("F", bound=Callable[..., Any])

FILE = click.Path(path_type=Path)


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
    command = click.option(
        "--fail-on",
        type=click.Choice(["inconclusive", "fail"]),
        default="inconclusive",
        show_default=True,
        help="What is not exit code 0; with `fail`, an inconclusive verdict exits 0.",
    )(command)
    return pack_options("sekisho-out", "scorecard")(command)


def pack_options(out: str, document: str) -> Callable[[F], F]:
    """Where a run writes, and what it says.

    Args:
        out: The usual folder.
        document: What is written there.
    """

    def decorate(command: F) -> F:
        for option in reversed(
            (
                click.option("--out", type=FILE, default=Path(out), show_default=True, help="The pack's folder."),
                click.option("--resume", is_flag=True, help="Go on with an unfinished run in --out."),
                click.option("--force", is_flag=True, help="Overwrite what stands in --out."),
                click.option("--json", "as_json", is_flag=True, help=f"The {document} on standard output."),
                click.option("--json-events", is_flag=True, help="Progress as JSON lines on standard error."),
                click.option("--debug", is_flag=True, help="Show what plugins print, tracebacks included."),
            )
        ):
            command = option(command)
        return command

    return decorate


def names(context: click.Context, parameter: click.Parameter, value: str | None) -> tuple[str, ...]:
    return tuple(name.strip() for name in (value or "").split(",") if name.strip())


def recipe_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """What is audited: by a recipe or by naming the files. The command is handed the recipe as `asked`."""

    @wraps(command)
    def with_recipe(
        *,
        recipe: Path | None,
        release: Path | None,
        members: Path | None,
        non_members: Path | None,
        policy: str | None,
        allow_outside: bool,
        allow_commands: bool,
        allow_download: bool,
        identifiers: tuple[str, ...],
        quasi_identifiers: tuple[str, ...],
        sensitive: tuple[str, ...],
        subject: str | None,
        nulls: tuple[str, ...],
        delimiter: str | None,
        encoding: str | None,
        **others: Any,
    ) -> Any:
        from audit_core.recipe import load_recipe, recipe_of_files

        named = {"--release": release, "--members": members, "--non-members": non_members}
        if recipe is not None:
            if used := [name for name, value in named.items() if value is not None]:
                raise click.UsageError(f"name either a recipe or files, not both ({', '.join(used)})")
            asked = load_recipe(
                recipe, allow_outside=allow_outside, allow_commands=allow_commands, allow_download=allow_download
            )
            if policy is not None:
                asked = asked.model_copy(update={"policy": policy})
            return command(asked=asked, **others)
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
            **{"nulls": ["", *nulls]} if nulls else {},
            **{"delimiter": delimiter} if delimiter else {},
            **{"encoding": encoding} if encoding else {},
        )
        return command(asked=asked, **others)

    for option in reversed(
        (
            click.argument("recipe", type=FILE, required=False),
            click.option("--release", type=FILE, help="The table that goes out (CSV, Parquet or JSON lines)."),
            click.option("--members", type=FILE, help="The table it was made from."),
            click.option("--non-members", type=FILE, help="Rows of the same population that were not used."),
            click.option("--identifiers", callback=names, metavar="A,B", help="Columns that name a person."),
            click.option("--quasi-identifiers", callback=names, metavar="A,B", help="Columns others may know."),
            click.option("--sensitive", callback=names, metavar="A,B", help="Columns nobody should learn."),
            click.option("--subject", metavar="COLUMN", help="The person, where a person has several rows."),
            click.option(
                "--nulls",
                callback=names,
                metavar="A,B",
                help="Cells with one of these texts are missing, e.g. '?,NA'.",
            ),
            click.option("--delimiter", help="Of CSV files, where it is not a comma."),
            click.option("--encoding", help="Of CSV files, where it is not UTF-8, e.g. cp932."),
            click.option(
                "--policy", metavar="NAME|FILE", help="Instead of the recipe's; `sekisho policy list` shows them."
            ),
            click.option("--allow-outside", is_flag=True, help="Let the recipe name files outside its folder."),
            click.option("--allow-commands", is_flag=True, help="Let the recipe run programs and use other machines."),
            click.option("--allow-download", is_flag=True, help="Let a language model be fetched from a hub."),
        )
    ):
        with_recipe = option(with_recipe)
    return with_recipe


def exit_code(scorecard: "Scorecard", fail_on: str) -> int:
    from audit_core import judge
    from audit_core.scorecard import Verdict

    if fail_on == "fail" and scorecard.verdict is Verdict.INCONCLUSIVE:
        return 0
    return judge.exit_code(scorecard.verdict)


def unknown(kind: str, name: str, known: Any) -> InputError:
    from audit_core.written.strict_yaml import closest

    near = closest(name, known)
    return InputError(
        Problem(
            code=f"{kind.split()[0].rstrip(',')}-unknown",
            what=f"there is no {kind} named {name!r}" + (f"; did you mean {near!r}?" if near else ""),
            fix="Known: " + ", ".join(sorted(known)) if len(known) < 20 else "",
        )
    )
