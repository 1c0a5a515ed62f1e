"""Non-members by coin: each record, or each subject with all its records, is set aside before anything is made."""

import json

import numpy as np
from numpy.typing import NDArray

from audit_core.errors import Problem, raise_all
from audit_core.reading.files import TextTable
from audit_core.seeds import stream

Sides = NDArray[np.bool_]
"""For each row of the file whether it is a member, shape `(n_rows,)`."""


def flip(file: TextTable, subject: str | None, share: float, seed: int) -> Sides:
    """The coins of one file and seed: the same bytes fall the same way again.

    A plugin that guessed the seed would still need the order of the rows in the file, which no plugin sees.

    Args:
        subject: The column whose rows share a coin; none of its cells is missing.
        share: The probability with which a row, or subject, is no member.

    Raises:
        InputError: All of them fell on one side.
    """
    units = np.arange(file.n_rows) if subject is None else file.columns[subject].codes
    if subject is not None:  # numbered as they first appear, not as the reader happens to number them
        _, first, inverse = np.unique(units, return_index=True, return_inverse=True)
        units = np.argsort(np.argsort(first))[inverse.reshape(-1)]
    rng = stream(seed, "split", file.digest)
    coins: Sides = (rng.random(int(units.max()) + 1) >= share)[units]
    if coins.all() or not coins.any():
        what = f"of {file.n_rows:,} rows the coins leave no {'non-member' if coins.all() else 'member'}"
        fix = "Use a file of more rows or subjects, another share or another seed"
        raise_all([Problem(code="split-one-sided", what=what, where="non_members.split", fix=fix)])
    return coins


def record(file: TextTable, unit: str, share: float, coins: Sides) -> bytes:
    """The coins as JSON: row numbers of the file, counted from 1, and no value."""
    told = {
        "file": {"name": file.name, "digest": file.digest, "rows": file.n_rows},
        "unit": unit,
        "split": share,
        "members": (np.flatnonzero(coins) + 1).tolist(),
        "non_members": (np.flatnonzero(~coins) + 1).tolist(),
    }
    return (json.dumps(told, sort_keys=True) + "\n").encode()
