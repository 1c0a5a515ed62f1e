"""Prefix extraction: does the released model go on from the beginning of a text as the text itself does?"""

from typing import Any

import numpy as np

from audit_core.answers import Continuations
from audit_core.questions import Continuation


class PrefixExtraction:
    """Answers a question about continuations with what greedy decoding gives.

    Somebody who guesses is as often right about members as about non-members.

    References:
        Carlini, Ippolito, Jagielski, Lee, Tramer & Zhang (2023), Quantifying memorization across neural language
        models, section 3.
    """

    def __init__(self, *, batch: int, **asked: Any) -> None:
        """Takes how many prefixes are continued at a time."""
        self._batch = batch

    def answer(self, question: Continuation, rng: np.random.Generator) -> Continuations:
        """A continuation of every prefix."""
        model, prefixes = question.model.open(), question.prefixes
        tokens = np.full((len(prefixes), question.length), -1, dtype=np.int32)
        order = np.argsort([len(prefix) for prefix in prefixes], kind="stable")  # little padding in a batch
        for start in range(0, len(order), self._batch):
            rows = order[start : start + self._batch]
            tokens[rows] = model.complete([prefixes[row] for row in rows], question.length)
        return Continuations(of="greedy", tokens=tokens)
