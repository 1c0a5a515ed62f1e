"""Prefix extraction: every prefix is continued, in its place, whatever the batches."""

from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from audit_core.asked import asked
from audit_core.questions import Continuation
from audit_plugins.attacks.prefix_extraction import PrefixExtraction


class Counting:
    """A model that goes on counting from the last token of a prefix; it notes what it was asked."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []

    def open(self) -> "Counting":
        return self

    def complete(self, prefixes: list[tuple[int, ...]], length: int) -> np.ndarray:
        self.batches.append([len(prefix) for prefix in prefixes])
        last = np.array([prefix[-1] if prefix else 0 for prefix in prefixes], dtype=np.int32)
        return (last[:, None] + np.arange(1, length + 1)).astype(np.int32)


@pytest.mark.parametrize("batch", [1, 3, 100])
def test_each_prefix_is_continued_in_its_place(batch: int) -> None:
    prefixes: tuple[tuple[int, ...], ...] = ((5, 9), (), (1, 2, 3, 40), (7,), (3, 3))
    model: Any = Counting()
    question = Continuation(prefixes=prefixes, length=2, model=model)
    answer = PrefixExtraction(batch=batch, targets=10).answer(question, np.random.default_rng(0))
    assert answer.of == "greedy"
    assert answer.tokens.dtype == np.int32
    assert answer.tokens.tolist() == [[10, 11], [1, 2], [41, 42], [8, 9], [4, 5]]
    assert max(map(len, model.batches)) <= batch
    asked_for = [length for lengths in model.batches for length in lengths]
    assert asked_for == sorted(asked_for), "prefixes of like length go together"


def test_no_prefix_needs_no_answer() -> None:
    model: Any = Counting()
    question = Continuation(prefixes=(), length=4, model=model)
    assert PrefixExtraction(batch=8).answer(question, np.random.default_rng(0)).tokens.shape == (0, 4)


def test_a_prefix_is_a_share_of_the_tokens_or_their_number() -> None:
    settings = asked("continuation", {})
    assert (settings.prefix, settings.suffix, settings.targets) == (0.5, 50, 1000)
    for written in (0.25, 1, 50):
        assert asked("continuation", {"prefix": written}).prefix == written
    for written in (0, 1.0, 1.5, -1, True, "some", float("nan")):
        with pytest.raises(ValidationError):
            asked("continuation", {"prefix": written})
    for wrong in ({"suffix": 0}, {"targets": 0}):
        with pytest.raises(ValidationError):
            asked("continuation", wrong)
