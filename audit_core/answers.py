"""What an attack says. It never sees the key, so it marks nothing itself."""

from dataclasses import dataclass

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


Answer = Scores
