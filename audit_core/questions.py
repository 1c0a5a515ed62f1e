"""What an attacker is asked, and exactly what that attacker sees.

A question holds nothing else: rows are cut and shuffled, the key stays with the core. Every table of a question
has dictionaries of its own, made from the values in that question.
"""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from audit_core.tables import Table


class Asset(StrEnum):
    """What an attacker may hold besides the targets."""

    RELEASE = "release"
    REFERENCE = "reference"


@dataclass(frozen=True, slots=True, kw_only=True)
class Neighbours:
    """The nearest rows of another table, nearest first, ties by row.

    Attributes:
        distance: Shape `(n_targets, k)`, float32: the mixed distance, the sum over columns of |difference| / scale
            capped at 1 (numeric) or 0/1 (category); between 0 and the number of columns.
        row: Shape `(n_targets, k)`, int32: positions in the other table.
    """

    distance: NDArray[np.float32]
    row: NDArray[np.int32]


@dataclass(frozen=True, slots=True, kw_only=True)
class Membership:
    """Who of the targets was a member?

    Attributes:
        targets: Members and non-members, shuffled.
        release: What goes out, or None where the attack does not see it.
        reference: Rows of the same population, none of them a target, or None where the attack does not see it.
        neighbours: For each asset seen, the targets' nearest rows in it, where the attack asked for them.
    """

    targets: Table
    release: Table | None
    reference: Table | None
    neighbours: dict[Asset, Neighbours]


Question = Membership
