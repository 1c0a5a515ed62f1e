"""Inquiries: for each kind of question, how it is cut from the case, what its key is, and how answers are marked.

The key stays in these objects and in this process. Nothing of it is written to a question's folder.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from audit_core.answers import Answer
from audit_core.measurement import Detail, Measurement, Reason
from audit_core.questions import Question


@dataclass(frozen=True, slots=True, kw_only=True)
class Put:
    """One question to put to an attack.

    Attributes:
        question: Makes it; called once, when it is its turn.
        accepts: What an answer must be.
        n: How many values an answer must have; 0 where that is the attack's choice.
        texts: Whether the values of a guess are words.
        width: Of continuations, how many tokens each must have.
        key: Who the targets are. It never leaves this process.
    """

    question: Callable[[], Question]
    accepts: type[Answer]
    n: int = 0
    texts: bool = False
    width: int = 0
    key: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Marked:
    """What the answers are worth.

    Attributes:
        record_risk: For each score, how each member was ranked: the share of non-members that score at least as high,
            shape `(n_members,)`, NaN for members who were no targets.
    """

    measurements: tuple[Measurement, ...]
    details: tuple[Detail, ...] = ()
    caveats: tuple[Reason, ...] = ()
    record_risk: dict[str, NDArray[np.float64]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Inquiry:
    """All questions of one attack, and how to mark what it says.

    Attributes:
        mark: Takes the answers to each question, in their order.
        caveats: What had to be left out.
    """

    puts: tuple[Put, ...]
    mark: Callable[[Sequence[tuple[Any, ...]]], Marked]
    caveats: tuple[Reason, ...] = ()
