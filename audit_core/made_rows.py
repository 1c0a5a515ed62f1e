"""Rows that a generator makes in a child process, none of which is trusted unseen."""

from functools import partial
from pathlib import Path

import numpy as np

from audit_core import exchange, isolation
from audit_core.answers import Malformed
from audit_core.chosen import Commission
from audit_core.errors import PackError
from audit_core.isolation import Failed, Job, Limits, Usage
from audit_core.kept import Kept
from audit_core.measurement import Reason
from audit_core.refit import Heard, Schema, unheard
from audit_core.registry import Registry
from audit_core.seeds import stream
from audit_core.tables import MISSING, Table


def made_in_child(
    commission: Commission,
    table: Table,
    schema: Schema,
    registry: Registry,
    seed: int,
    limits: Limits,
    usage: Usage,
    kept: Kept | None = None,
    heard: Heard = unheard,
    *,
    debug: bool = False,
) -> Table:
    """What a generator makes of a table, in a child process.

    Args:
        kept: Where its claim and the fitted generator are put; nowhere if None.

    Raises:
        Failed: It raised, died, ran too long, grew too large, or made something else than rows like those of the table.
    """
    name = commission.plugin.name
    job = Job(
        plugin=name,
        role="generator",
        load=commission.plugin.load,
        file=registry.origins[name].file,
        params=dict(commission.params),
        entropy=tuple(int(word) for word in stream(seed, "generator", name).integers(2**32, size=8)),
        debug=debug,
    )
    folders = exchange.Folders() if kept is None else kept.folders
    write = partial(exchange.write_commission, table=table, schema=schema, rows=commission.rows, folders=folders)
    read = partial(_read, name, table, commission.rows, kept=kept)
    return isolation.run(job, limits, write, read, usage, heard, None if kept is None else kept.ledger_from)


def _read(name: str, members: Table, rows: int, folder: Path, kept: Kept | None) -> Table:
    """What a child made, trusting none of it."""
    try:
        if exchange.read_guarantee(folder) is not None and kept is not None:
            kept.ledger_from(folder)
        if kept is not None:
            kept.model_from(folder)
        made = exchange.read_table(folder, "made")
        if made is None:
            raise Malformed("sample: no table")
        _check(made, members, rows)
        return made.take(np.arange(rows))  # off the folder, which is about to be deleted
    except Malformed as error:
        reason = Reason(code="malformed-answer", args={"plugin": name, "field": str(error)})
        raise Failed(reason) from None
    except PackError:
        raise Failed(Reason(code="malformed-answer", args={"plugin": name, "field": "guarantee"})) from None
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        reason = Reason(code="malformed-answer", args={"plugin": name, "field": "sample: unreadable"})
        raise Failed(reason) from None


def _check(made: Table, members: Table, rows: int) -> None:
    """Whether a table has the columns of the members, the wanted number of rows, and nothing but values.

    Raises:
        Malformed: It has not.
    """
    if made.codes.shape != (rows, len(members.columns)) or made.codes.dtype != np.int32:
        raise Malformed(f"sample: shape {made.codes.shape}, wanted ({rows}, {len(members.columns)})")
    for position, (column, like) in enumerate(zip(made.columns, members.columns, strict=True)):
        codes, values = made.codes[:, position], column.values
        if (column.name, column.kind) != (like.name, like.kind):
            raise Malformed("sample: the columns are not those of the members, in their order")
        if codes.min() < MISSING or codes.max() >= len(values):
            raise Malformed(f"sample: codes of column {position + 1} out of range")
        if not column.numeric:
            if not all(isinstance(value, str) and _writable(value) for value in values):
                raise Malformed(f"sample: column {position + 1} has values that are no text")
        elif values.ndim != 1 or values.dtype != np.float64 or not np.isfinite(values).all():
            raise Malformed(f"sample: column {position + 1} has values that are no finite numbers")
        elif column.kind == "integer" and (values != np.round(values)).any():
            raise Malformed(f"sample: column {position + 1} has fractions where the members have integers")


def _writable(text: str) -> bool:
    return "\0" not in text and not any("\ud800" <= character <= "\udfff" for character in text)
