"""What goes wrong and is said to the user: what, where, how to fix it, and a stable code.

A message never quotes a record: it may name a file, a column and a row number.
"""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One thing that is wrong.

    Attributes:
        code: Stable, kebab-case; `sekisho explain CODE` tells more.
        what: What is wrong, one sentence without a full stop.
        where: File, column, row or recipe key; empty if it is everywhere.
        fix: What the user can do about it, in the imperative.
    """

    code: str
    what: str
    where: str = ""
    fix: str = ""

    def __str__(self) -> str:
        place = f"{self.where}: " if self.where else ""
        remedy = f". {self.fix}" if self.fix else ""
        return f"[{self.code}] {place}{self.what}{remedy}"


class AuditError(Exception):
    """The audit cannot go on. Carries every problem found, not only the first.

    Attributes:
        exit_code: What the command exits with.
    """

    exit_code = 2

    def __init__(self, *problems: Problem) -> None:
        if not problems:
            raise ValueError("an AuditError carries at least one problem")
        self.problems: tuple[Problem, ...] = problems
        super().__init__("\n".join(str(problem) for problem in problems))


class InputError(AuditError):
    """A file, a recipe, a policy or an option is not what it should be."""


class PluginError(AuditError):
    """A plugin that was named cannot be used, or two plugins claim one name."""


class PackError(AuditError):
    """A stored pack is not what it was, or a pack stands where another should go."""


class RunError(AuditError):
    """The run itself failed: an input changed under it, or a result could not be written."""

    exit_code = 4


def raise_all(problems: Sequence[Problem], kind: type[AuditError] = InputError) -> None:
    """Raises one error that carries all problems; does nothing when there are none."""
    if problems:
        raise kind(*problems)
