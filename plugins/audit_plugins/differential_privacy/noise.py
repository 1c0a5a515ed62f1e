"""The noise of the guarantee: from a cryptographic generator that the operating system keys; it has no seed."""

import os

import numpy as np
from numpy.typing import NDArray

from audit_core.ledger_words import code

SUMMED = 4
"""Normal draws that are summed for one, so that no bit pattern of floating-point numbers tells what was added to."""


class NoiseSource:
    """Noise, and the coins of Poisson sampling.

    References:
        Holohan & Braghin (2021), Secure random sampling in differential privacy, section 5.1; Canonne, Kamath &
        Steinke (2020), The discrete Gaussian for differential privacy.
    """

    name = code("noise-chacha20")
    floating_point = code("summed-draws", SUMMED)

    def __init__(self) -> None:
        """Takes 256 bits from the operating system."""
        from randomgen import ChaCha

        self._rng = np.random.Generator(ChaCha(key=int.from_bytes(os.urandom(32), "little"), rounds=20))

    def normal(self, size: int, deviation: float) -> NDArray[np.float64]:
        """Independent normal noise of mean 0, shape `(size,)`."""
        total: NDArray[np.float64] = self._rng.standard_normal(size)
        for _ in range(SUMMED - 1):
            total += self._rng.standard_normal(size)
        total *= deviation / SUMMED**0.5
        return total

    def counts(self, exact: NDArray[np.int64], sigma: float) -> NDArray[np.int64]:
        """Counts with independent noise of the discrete Gaussian; the shape is kept.

        Args:
            sigma: Of the noise, in rows.
        """
        import opendp.prelude as dp

        dp.enable_features("contrib")
        space = dp.vector_domain(dp.atom_domain(T="i64")), dp.l2_distance(T="f64")
        noisy = dp.m.make_gaussian(*space, scale=float(sigma))(exact.reshape(-1).tolist())
        return np.asarray(noisy, dtype=np.int64).reshape(exact.shape)

    def choices(self, of: int, size: int) -> NDArray[np.int64]:
        """For each of `size` rows one of so many, each as likely and whatever the others have."""
        return self._rng.integers(of, size=size)

    def poisson_sample(self, n: int, rate: float) -> NDArray[np.intp]:
        """The rows of one step: each of `n` with probability `rate`, whatever the others do; often none."""
        return np.flatnonzero(self._rng.random(n) < rate)
