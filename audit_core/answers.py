"""What an attack says. It never sees the key, so it marks nothing itself."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Scores:
    """A score for each target of a `Membership` question.

    Attributes:
        of: Name of the score, kebab-case; an attack may give several.
        values: Shape `(n_targets,)`, finite. HIGHER = MORE LIKELY A MEMBER. Only the order within one question
            counts.
    """

    of: str
    values: NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Guesses:
    """A guess at the hidden value of each target of a `HiddenValue` question.

    Attributes:
        of: The name of the hidden column.
        values: Shape `(n_targets,)`. Of a numeric column: float64, NaN for "missing" (a date is days since
            1970-01-01). Of a category: object (str), None for "missing".
    """

    of: str
    values: NDArray[np.float64] | NDArray[np.object_]


@dataclass(frozen=True, slots=True, kw_only=True)
class Links:
    """A link from each row on the left to a row on the right of a `Linkage` question.

    Attributes:
        of: Name of the way the links were found, kebab-case.
        right_of_left: Shape `(n_left,)`, int64: positions on the right; -1 where the attacker links to nobody.
    """

    of: str
    right_of_left: NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """One condition on one column of a row.

    Attributes:
        op: "==" holds for cells equal to the value (a category in normal form), "<=" and ">=" for numbers and dates
            (days since 1970-01-01); a missing cell fulfils only "missing".
        value: A number for a numeric column, text for a category; None with "missing".
    """

    column: str
    op: Literal["==", "<=", ">=", "missing"]
    value: float | str | None


Predicate = tuple[Condition, ...]
"""Conditions that all have to hold."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Predicates:
    """Descriptions that may single out one person, for a `SinglingOut` question.

    Attributes:
        of: Name of the kind of description, kebab-case.
        items: Each of at least one condition. Every one of them counts as a try.
    """

    of: str
    items: tuple[Predicate, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Continuations:
    """How each text of a `Continuation` question goes on.

    Attributes:
        of: Name of the way they were found, kebab-case; an attack may give several.
        tokens: Shape `(n_targets, length)`, int32; -1 where the attacker says nothing more.
    """

    of: str
    tokens: NDArray[np.int32]


Answer = Scores | Guesses | Links | Predicates | Continuations


class Malformed(ValueError):
    """An answer is not what an answer must be. Its text names the field, never a value."""
