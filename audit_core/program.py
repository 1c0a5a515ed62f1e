"""A generator that is a program: it reads a CSV file and writes one."""

import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from audit_core.refit import Budget, Schema
from audit_core.table_files import read_csv_as, write_csv
from audit_core.tables import Table


class Program:
    """Runs a command for every sample.

    The words of the command may hold {train}, {release} and {rows}: the file to read, the file to write, and how many
    rows to write; and {seed}, a number for its own randomness.
    """

    guarantee = None

    def __init__(self, command: Sequence[str], folder: str) -> None:
        """Takes the command's words, and the folder in which it is run."""
        self._command, self._folder = tuple(command), folder

    def fit(self, table: Table, schema: Schema, budget: Budget) -> "FittedProgram":
        """Keeps the table: fitting and sampling are one run of the program."""
        return FittedProgram(self._command, self._folder, table)


class FittedProgram:
    """A program and the table it will read."""

    guarantee = None

    def __init__(self, command: Sequence[str], folder: str, table: Table) -> None:
        """Takes what `Program` was given, and the table."""
        self._command, self._folder, self._table = command, folder, table

    def sample(self, n: int, rng: np.random.Generator) -> Table:
        """The rows that the program writes.

        Raises:
            CalledProcessError: It failed.
            InputError: It wrote no table with the table's columns.
            ValueError: It wrote another number of rows.
        """
        with tempfile.TemporaryDirectory() as name:
            train, release = Path(name) / "train.csv", Path(name) / "release.csv"
            write_csv(self._table, train)
            stands_for = {"{train}": train, "{release}": release, "{rows}": n, "{seed}": rng.integers(2**31)}
            words = list(self._command)
            for placeholder, value in stands_for.items():
                words = [word.replace(placeholder, str(value)) for word in words]
            subprocess.run(words, cwd=self._folder, check=True, stdin=subprocess.DEVNULL)  # noqa: S603 - the user's own, by --allow-commands
            made = read_csv_as(release, self._table.columns)
        if len(made) != n:
            raise ValueError(f"the program wrote {len(made)} rows, wanted {n}")
        return made
