"""What an attacker is asked, and exactly what that attacker sees.

A question holds nothing else: rows are cut and shuffled, the key stays with the core. The tables of a question share
dictionaries made from the values in that question.
"""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from audit_core.language.token_scores import TokenScores
from audit_core.language.training import ModelAccess, Retraining
from audit_core.refit import Refit
from audit_core.tables import Table

QuestionName = Literal["membership", "inclusion", "hidden-value", "linkage", "singling-out", "continuation", "canaries"]


class Asset(StrEnum):
    """What an attacker may hold besides the targets."""

    RELEASE = "release"
    REFERENCE = "reference"
    GENERATOR = "generator"
    MODEL = "model"
    BASE = "base"
    TRAINING = "training"


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
        generator: To run on rows of one's own, or None where the attack does not see it.
        neighbours: Where the attack asked for them: "release" and "reference" are the targets' nearest rows in what it
            sees, "release>reference" the released rows' nearest reference rows.
        under_model: What the released model makes of each target, in their order; None where the attack does not see
            the model.
        under_base: The same of the model before it was fine-tuned; None where the attack does not see it, or nobody
            has it.
        training: To fine-tune the base on texts of one's own, or None where the attack does not see it.
    """

    targets: Table
    release: Table | None
    reference: Table | None
    generator: Refit | None = None
    under_model: TokenScores | None = None
    under_base: TokenScores | None = None
    training: Retraining | None = None
    neighbours: dict[str, Neighbours] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class HiddenValue:
    """What is the hidden value of each target?

    Attributes:
        known: What the attacker knows of the targets, members and non-members, shuffled; without the secret.
        secret: The name of the hidden column.
        release: What goes out, the secret among its columns.
        neighbours: Where the attack asked for them: "release" are the nearest released rows by the known columns.
    """

    known: Table
    secret: str
    release: Table
    neighbours: dict[str, Neighbours] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Linkage:
    """Which row on the right belongs to the same person as each row on the left?

    Attributes:
        left, right: Two files about the same targets, members and non-members, without a column in common and each
            shuffled by itself.
        release: What goes out, the columns of both among its own.
        neighbours: Where the attack asked for them: "release" are the released rows nearest to each row on the left by
            its columns, "release>right" the rows on the right nearest to each released row by theirs.
    """

    left: Table
    right: Table
    release: Table
    neighbours: dict[str, Neighbours] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class SinglingOut:
    """Which descriptions does exactly one person answer to, of all those the release was made from?

    Attributes:
        release: What goes out; all that this attacker has.
    """

    release: Table
    neighbours: dict[str, Neighbours] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Continuation:
    """How does each text go on, of which the attacker knows the beginning?

    Attributes:
        prefixes: The tokens that are known of each target, members and non-members, shuffled; a prompt's included.
        length: How many tokens are asked for; of a text that has fewer left, the first ones count.
        model: What goes out, to be run.
    """

    prefixes: tuple[tuple[int, ...], ...]
    length: int
    model: ModelAccess


Question = Membership | HiddenValue | Linkage | SinglingOut | Continuation
