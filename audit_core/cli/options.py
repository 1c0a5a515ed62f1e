"""Options and errors that several commands share."""

from collections.abc import Callable
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


def names(context: click.Context, parameter: click.Parameter, value: str | None) -> tuple[str, ...]:
    return tuple(name.strip() for name in (value or "").split(",") if name.strip())


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
