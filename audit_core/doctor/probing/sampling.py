"""Probes of sampling: which records were in a step is read off its sum."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from audit_core.doctor.probing.chance import SURE, coins_are, sizes_are
from audit_core.doctor.probing.finding import Finding, shown
from audit_core.doctor.probing.readings import Examined, Flat
from audit_core.measurement import Reason

RATE = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Runs:
    """How many there are.

    Attributes:
        single: Of one step each. By coins, twelve batches of 12 records are all of 6 once in 5e7; of 32, the exact test
            also sees sizes that vary a fifth as much as they should, or two and a half times.
        double: Of two steps each. By coins, a record is in neither once in four: with every record once a round no
            record is, which six runs of 12 records give by coins once in 1e9; and with the same batch twice, half of
            them are, in 12 runs seven deviations from a quarter.
    """

    single: int
    double: int


THOROUGH, QUICK = Runs(single=32, double=12), Runs(single=12, double=6)


def batches(of: Examined, runs: int, steps: int) -> Flat:
    """How often each record counted in each run; shape `(runs, n_records)`."""
    expected = len(of.records) * RATE
    # Single steps are best read with large ones; two are so slow that both have the same gradients.
    rate = expected if steps == 1 else expected / 1000

    def batch() -> Flat:
        return of.summed(
            of.records,
            clipping_norm=of.norm,
            sample_rate=RATE,
            expected_batch=expected,
            steps=steps,
            learning_rate=rate,
        )

    return np.stack([of.counts(batch()) for _ in range(runs)])


def drawn(counts: Flat) -> NDArray[np.bool_]:
    """Which records were in a step, however much they counted there."""
    return counts > 0.1 * max(1e-9, float(counts.max()))


def poisson(of: Examined, counts: Flat) -> Finding:
    """Each record is in each step by a coin of its own, so that sizes of batches vary as coins make them."""
    were = drawn(counts)
    runs, n = were.shape
    sizes = were.sum(axis=1)
    # A third of the probability each: sizes, all records together, each record by itself.
    held = sizes_are([int(size) for size in sizes], n, RATE, SURE / 3)
    held = held and coins_are(int(were.sum()), were.size, RATE, SURE / 3)
    held = held and all(coins_are(int(one), runs, RATE, SURE / 3 / n) for one in were.sum(axis=0))
    spread = float(((sizes - n * RATE) ** 2).mean()) / (n * RATE * (1 - RATE))
    args: dict[str, str | int | float] = {
        "count": runs,
        "least": int(sizes.min()),
        "most": int(sizes.max()),
        "times": shown(spread),
    }
    return Finding(held=held, seen=Reason(code="doctor-seen-batches", args=args))


def expected_batch(of: Examined, counts: Flat) -> Finding:
    """Sums are divided by one number, however many records are in a step: a record counts once."""
    were = drawn(counts)
    if not were.any():
        return Finding(held=False, seen=Reason(code="doctor-seen-no-batch", args={}))
    low, high = float(counts[were].min()), float(counts[were].max())
    held = low > 0.95 and high < 1.05
    sizes = were.sum(axis=1)
    args: dict[str, str | int | float] = {
        "low": shown(low),
        "high": shown(high),
        "least": int(sizes.min()),
        "most": int(sizes.max()),
    }
    return Finding(held=held, seen=Reason(code="doctor-seen-counted", args=args))


def steps_apart(of: Examined, runs: Runs) -> Finding:
    """A step of the same call draws anew: a record that was in the last one is as likely in the next."""
    were = drawn(batches(of, runs.double, steps=2))
    neither = int((~were).sum())
    held = coins_are(neither, were.size, (1 - RATE) ** 2, SURE)
    args: dict[str, str | int | float] = {
        "count": neither,
        "all": were.size,
        "expected": shown(were.size * (1 - RATE) ** 2),
    }
    return Finding(held=held, seen=Reason(code="doctor-seen-neither", args=args))
