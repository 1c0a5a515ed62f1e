"""A generator that is a program: it reads a CSV file and writes one."""

import json
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np

from audit_core.guarantee import Guarantee
from audit_core.refit import Budget, Schema
from audit_core.table_files import read_csv_as, write_csv
from audit_core.tables import Table


class Program:
    """Runs a command for every sample.

    The words of the command may hold {train}, {release} and {rows}: the file to read, the file to write, and how many
    rows to write; {seed}, a number for its own randomness; {schema}, a JSON file of what is declared of each column;
    and {ledger}, where it may write what it claims (`audit_core.guarantee`).
    """

    def __init__(self, command: Sequence[str], folder: str) -> None:
        """Takes the command's words, and the folder in which it is run."""
        self._command, self._folder = tuple(command), folder

    def fit(self, table: Table, schema: Schema, budget: Budget) -> "FittedProgram":
        """Keeps the table: fitting and sampling are one run of the program."""
        return FittedProgram(self._command, self._folder, table, schema)


class FittedProgram:
    """A program and the table it will read.

    Attributes:
        guarantee: What the program claimed of the last sample; None where it claimed nothing.
    """

    def __init__(self, command: Sequence[str], folder: str, table: Table, schema: Schema) -> None:
        """Takes what `Program` was given, the table and what is declared of its columns."""
        self._command, self._folder, self._table, self._schema = command, folder, table, schema
        self.guarantee: Guarantee | None = None

    def sample(self, n: int, rng: np.random.Generator) -> Table:
        """The rows that the program writes.

        Raises:
            CalledProcessError: It failed.
            InputError: It wrote no table with the table's columns.
            PackError: It wrote a ledger that is none.
            ValueError: It wrote another number of rows.
        """
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            train, release, ledger = folder / "train.csv", folder / "release.csv", folder / "ledger.json"
            write_csv(self._table, train)
            schema = folder / "schema.json"
            kinds = {column.name: column.kind for column in self._table.columns}
            told = {name: asdict(its) | {"kind": kinds[name]} for name, its in self._schema.items()}
            schema.write_text(json.dumps(told, ensure_ascii=False), encoding="utf-8")
            stands_for = {"{train}": train, "{release}": release, "{ledger}": ledger, "{schema}": schema}
            words = list(self._command)
            for placeholder, value in (stands_for | {"{rows}": n, "{seed}": rng.integers(2**31)}).items():
                words = [word.replace(placeholder, str(value)) for word in words]
            subprocess.run(words, cwd=self._folder, check=True, stdin=subprocess.DEVNULL)  # noqa: S603 - the user's own, by --allow-commands
            made = read_csv_as(release, self._table.columns)
            self.guarantee = Guarantee.from_json(ledger.read_bytes()) if ledger.is_file() else None
        if len(made) != n:
            raise ValueError(f"the program wrote {len(made)} rows, wanted {n}")
        return made
