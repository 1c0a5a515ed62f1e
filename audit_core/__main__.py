"""`python -m audit_core` is `sekisho`."""

from typing import NoReturn

from audit_core.cli import main
from audit_core.leaving import leave_after


def run() -> NoReturn:
    """Runs the command line and ends the process."""
    leave_after(main)


if __name__ == "__main__":
    run()
