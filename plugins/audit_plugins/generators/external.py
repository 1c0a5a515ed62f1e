"""The generator `external`: any program that reads a CSV file and writes one, in an environment of its own."""

from collections.abc import Sequence

from audit_core.program import FittedProgram
from audit_core.refit import Budget, Schema
from audit_core.tables import Table


class External:
    """Runs the recipe's command; what it claims of its rows is the ledger that it writes, if it writes one."""

    def __init__(self, *, command: Sequence[str]) -> None:
        """Takes the command's words; see `audit_core.program.Program` for what may stand in them."""
        self._command = tuple(command)

    def fit(self, table: Table, schema: Schema, budget: Budget) -> FittedProgram:
        """Keeps the table: fitting and sampling are one run of the program, in the recipe's folder."""
        return FittedProgram(self._command, str(budget.folder or "."), table, schema)
