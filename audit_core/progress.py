"""Who is told how an audit goes."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Protocol

NO_NUMBERS: Mapping[str, float] = MappingProxyType({})


class Progress(Protocol):
    """Told what happens."""

    def __call__(self, event: str, about: str, numbers: Mapping[str, float] = NO_NUMBERS, /) -> None:
        """Told of one thing.

        Args:
            event: "reading", "generating", "training", "scoring", "started", "finished", "judging" or "examining".
            about: What it is about.
            numbers: While a generator or a model is trained, how it goes: "step", "steps", "epsilon_spent", "eta_s" and
                the like; of a generator then "rows_sampled", "rows_rejected" by rules and "rows_released".
        """
        ...


def silent(event: str, about: str, numbers: Mapping[str, float] = NO_NUMBERS, /) -> None:
    """Tells nobody."""
