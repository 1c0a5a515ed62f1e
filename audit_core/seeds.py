"""Random numbers by name: a stream depends on what it is for, never on the order of the run."""

import hashlib

import numpy as np


def stream(seed: int, *names: str) -> np.random.Generator:
    """The generator for one purpose.

    Args:
        seed: The run's seed.
        names: The purpose, e.g. `("attack", "membership", "0")`. A name nobody else knows, such as the digest of
            the members' content, makes a stream that nobody else can repeat.
    """
    digest = hashlib.sha256("/".join(names).encode()).digest()
    return np.random.default_rng(np.random.SeedSequence([seed, *digest]))
