"""The command line: `sekisho`. Answers on standard output, prose and progress on standard error."""

import os
import signal
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path

import click

from audit_core import __version__
from audit_core.cli.auditing import audit, demo
from audit_core.cli.calibrating import calibrate
from audit_core.cli.doctoring import doctor
from audit_core.cli.installed import plugins
from audit_core.cli.planning import plan
from audit_core.cli.reference import explain, policy, schema
from audit_core.cli.stored import judge, render, verify
from audit_core.cli.studying import study
from audit_core.errors import AuditError, Problem, RunError


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="sekisho")
def cli() -> None:
    """The checkpoint: examines a synthetic dataset before it leaves, and says, with evidence, whether it may pass.

    Exit codes: 0 pass, 1 fail, 2 usage or input, 3 inconclusive, 4 error, 130/143 interrupted.
    """


for command in (audit, demo, plan, calibrate, study, doctor, judge, render, verify, plugins, policy, schema, explain):
    cli.add_command(command)


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs the command and exits with its code."""
    os.umask(0o077)
    signal.signal(signal.SIGTERM, _terminated)
    try:
        # Not `cli.main`: it exits with 1, our "fail", when the reader of our output has gone.
        with cli.make_context("sekisho", list(sys.argv[1:] if arguments is None else arguments)) as context:
            code = cli.invoke(context)
        sys.stdout.flush()
        sys.exit(code or 0)
    except AuditError as error:
        for problem in error.problems:
            click.echo(f"sekisho: {problem}", err=True)
        sys.exit(error.exit_code)
    except click.exceptions.Exit as error:
        sys.exit(error.exit_code)
    except click.ClickException as error:
        error.show()
        sys.exit(2)
    except (click.Abort, KeyboardInterrupt):
        click.echo("sekisho: interrupted; --resume goes on where this stopped", err=True)
        sys.exit(130)
    except BrokenPipeError:
        # The interpreter must not complain at exit about what it can no longer write.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(141)
    except Exception as error:  # Python's own report would quote values, and exit with 1, our "fail"
        last = traceback.extract_tb(error.__traceback__)[-1]
        place = f"{Path(last.filename).name}:{last.lineno}"
        problem = Problem(
            code="internal-error",
            what=f"sekisho itself failed ({type(error).__name__} at {place}); there is no verdict",
            fix="Report this line to its authors; no value of your data is in it",
        )
        click.echo(f"sekisho: {problem}", err=True)
        sys.exit(RunError.exit_code)


def _terminated(number: int, frame: object) -> None:
    sys.exit(128 + number)
