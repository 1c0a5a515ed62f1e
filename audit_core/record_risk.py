"""The risk of each member's record, in a file of its own: row numbers and ranks, for whoever holds the data anyway."""

import csv
import io
import os
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from audit_core.cache import write_atomically
from audit_core.errors import PackError, Problem


def refuse_unwritable(path: Path, *, force: bool) -> None:
    """Before any work: the file must be new, unless `force`, and its folder there and writable.

    Raises:
        PackError: It is not.
    """
    if path.exists() and not force:
        what, fix = "a file stands there already", "Choose another --record-risk, or overwrite it with --force"
        raise PackError(Problem(code="pack-occupied", what=what, where=path.name, fix=fix))
    if not path.parent.is_dir() or not os.access(path.parent, os.W_OK):
        what, fix = "its folder is not there or cannot be written to", "Choose another --record-risk"
        raise PackError(Problem(code="pack-not-writable", what=what, where=path.name, fix=fix))


def write_record_risk(path: Path, rows: NDArray[np.int64], risk: Mapping[str, NDArray[np.float64]]) -> None:
    """Writes a CSV file that only its owner may read: a line for each member, by its row in the members' file.

    Under each score stands the share of non-members that score as high: at that rate of false positives the attack
    finds this record. Small is bad; a record that nobody can find is as likely to stand anywhere from 0 to 1. A cell is
    empty where a record was no target.

    Args:
        rows: Of the members' file, counted from 1, shape `(n_members,)`.
        risk: For each score, shape `(n_members,)`.

    Raises:
        PackError: The file cannot be written.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["row", *risk])
    for member in np.argsort(rows):
        shares = (values[member] for values in risk.values())
        writer.writerow([int(rows[member]), *("" if np.isnan(share) else f"{share:.6g}" for share in shares)])
    try:
        write_atomically(path, text.getvalue().encode())
    except OSError as error:
        what = f"the file cannot be written ({os.strerror(error.errno or 0)})"
        fix = "Choose another --record-risk"
        raise PackError(Problem(code="pack-not-writable", what=what, where=path.name, fix=fix)) from None
