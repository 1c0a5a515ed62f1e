"""Attribute disclosure: what does the release tell about a person's hidden value?"""

import numpy as np
from numpy.typing import NDArray

from audit_core.answers import Guesses
from audit_core.questions import HiddenValue
from audit_core.tables import MISSING


class AttributeDisclosure:
    """Guesses the value that the released rows nearest to a person have, the commonest of them where several are.

    An attacker who knows nothing of the release is right as often about members as about non-members: an excess of 0.

    References:
        Giomi, Boenisch, Wehmeyer & Tasnadi (2023), A unified framework for quantifying privacy risk in synthetic data,
        section 4.3.
    """

    def __init__(self, **asked: object) -> None:
        """What is asked is for the core to know."""

    def answer(self, question: HiddenValue, rng: np.random.Generator) -> Guesses:
        """Guesses for every target; deterministic, `rng` is not used."""
        release = question.release
        position = release.index(question.secret)
        column, codes = release.columns[position], release.codes[:, position]
        found = question.neighbours["release"]
        nearest = (found.distance == found.distance[:, :1]) & (found.row >= 0)
        guess = commonest(codes[found.row], nearest, np.bincount(codes + 1, minlength=len(column.values) + 1))
        if column.numeric:
            return Guesses(of=question.secret, values=np.append(column.values.astype(np.float64), np.nan)[guess])
        words = np.array([*column.values, None], dtype=object)
        return Guesses(of=question.secret, values=words[guess])


def commonest(codes: NDArray[np.int32], counted: NDArray[np.bool_], overall: NDArray[np.intp]) -> NDArray[np.int32]:
    """The code that occurs most often in each row, shape `(n_rows,)`; of equals, the one commonest overall.

    Args:
        codes: Shape `(n_rows, k)`.
        counted: Which of them count, shape `(n_rows, k)`.
        overall: How often each code occurs in the whole release, the missing cell's first.
    """
    best = np.full(len(codes), MISSING, dtype=np.int32)
    most = np.full(len(codes), -1.0)
    for candidate in range(codes.shape[1]):
        here = codes[:, candidate]
        votes = ((codes == here[:, None]) & counted).sum(axis=1) + overall[here + 1] / (overall.sum() + 1)
        better = counted[:, candidate] & (votes > most)
        best[better], most[better] = here[better], votes[better]
    return best
