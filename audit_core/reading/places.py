"""How a file, a column and a row are named in a message: never by a full path, never by a value."""

from collections.abc import Sequence

from audit_core.redact import display

MOST_NAMES = 12
"""A message lists no more names than this."""


def quoted(name: str) -> str:
    """A column's name as shown in a message."""
    return f"'{display(name)}'"


def listed(names: Sequence[str]) -> str:
    """Column names as shown in a message, in the order given."""
    text = ", ".join(quoted(name) for name in names[:MOST_NAMES])
    return f"{text} and {len(names) - MOST_NAMES:,} more" if len(names) > MOST_NAMES else text


def place(file: str, column: str | None = None, row: int | None = None) -> str:
    """File, column and row. Row 1 is the first row of data: a header does not count, nor do blank lines."""
    text = file
    if column is not None:
        text += f", column {quoted(column)}"
    if row is not None:
        text += f", row {row:,}"
    return text
