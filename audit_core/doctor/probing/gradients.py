"""Probes of gradients: a record's own, clipped by itself, summed, and nothing else moved."""

import numpy as np

from audit_core.doctor.contract import Record
from audit_core.doctor.probing import made_up
from audit_core.doctor.probing.finding import Finding, shown
from audit_core.doctor.probing.readings import Examined, Flat, clipped, loss
from audit_core.measurement import Reason

CLOSE = 1e-3
"""Sums are read off weights of single precision, whose rounding is a ten-thousandth of them here at most; a gradient
that is another record's too is off by far more."""


def as_asked(of: Examined) -> Finding:
    """Without noise and with every record in it a step repeats itself, scales by the learning rate, and is counted."""
    n = len(of.records)
    first = of.summed(of.records, clipping_norm=of.norm)
    size = float(np.linalg.norm(first))
    again = of.summed(of.records, clipping_norm=of.norm)
    if not (off := _share(again, first)) <= CLOSE:
        return Finding(held=False, seen=Reason(code="doctor-seen-runs-differ", args={"share": shown(off)}))
    slower = of.summed(of.records, clipping_norm=of.norm, learning_rate=n / 2)
    if not (off := _share(slower, first)) <= CLOSE:
        return Finding(held=False, seen=Reason(code="doctor-seen-learning-rate", args={"share": shown(off)}))
    # So slow that the second gradient is the first one, but for a few hundredths.
    twice = of.summed(of.records, clipping_norm=of.norm, learning_rate=n / 1000, steps=2)
    steps = float(twice @ first) / max(size, 1e-30) ** 2
    held = abs(steps - 2) < 0.2 or size == 0
    return Finding(held=held, seen=Reason(code="doctor-seen-steps", args={"steps": shown(steps)}))


def own_gradients(of: Examined) -> Finding:
    """What a batch sums up is what its records give alone, each clipped: unclipped, half clipped, all clipped."""
    lengths = np.linalg.norm(of.gradients, axis=1)
    worst = 0.0
    for part in (slice(0, 7), slice(7, None)):
        for norm in (2 * float(lengths.max()), float(np.median(lengths)), of.norm):
            expected = clipped(of.gradients[part], norm).sum(axis=0)
            worst = _larger(worst, _share(of.summed(of.records[part], clipping_norm=norm), expected))
    return Finding(held=worst <= CLOSE, seen=Reason(code="doctor-seen-off", args={"share": shown(worst)}))


def stated_loss(of: Examined) -> Finding:
    """What each record gives is the gradient of the mean of -log p over its own tokens to learn."""
    worst = 0.0
    for found, expected in zip(of.gradients, of.references, strict=True):
        worst = _larger(worst, _share(found, expected))
    return Finding(held=worst <= CLOSE, seen=Reason(code="doctor-seen-off", args={"share": shown(worst)}))


def sensitivity(of: Examined) -> Finding:
    """One record more, however long or short, moves the sum by the clipping norm at most."""
    short = made_up.records([(2, 1)] * 6, seed=3)
    long = made_up.records([(4, 50)] * 4, seed=4)
    (one_token, full) = made_up.records([(1, 1), (4, made_up.CONTEXT - 4)], seed=5)
    pairs: list[tuple[list[Record], Record]] = [(short, full), (long, one_token), (of.records, full), ([], full)]
    norm = min(
        of.norm, *(0.8 * float(np.linalg.norm(of.summed([one]))) for one in (short[0], long[0], one_token, full))
    )
    worst = 0.0
    for records, one in pairs:
        n = len(records) + 1  # what the sums are divided by is the same for both
        without = of.summed(records, clipping_norm=norm, expected_batch=n) if records else 0.0
        moved = of.summed([*records, one], clipping_norm=norm, expected_batch=n) - without
        worst = _larger(worst, float(np.linalg.norm(moved)) / norm)
    # An empty step proves nothing here: whether it is taken at all is another probe's matter.
    seen = Reason(code="doctor-seen-sensitivity", args={"times": shown(worst), "count": len(pairs)})
    return Finding(held=worst <= 1 + CLOSE, seen=seen)


def clipping(of: Examined) -> Finding:
    """A gradient above the norm is cut to it, and one below is left as it is."""
    above, below = 0.0, 0.0
    for at in (0, 1, 3):
        length = float(np.linalg.norm(of.gradients[at]))
        cut = of.summed([of.records[at]], clipping_norm=length / 3)
        above = _larger(above, _share(cut, of.gradients[at] / 3))
        left = of.summed([of.records[at]], clipping_norm=length * 3)
        below = _larger(below, _share(left, of.gradients[at]))
    seen = Reason(code="doctor-seen-clipping", args={"above": shown(above), "below": shown(below)})
    return Finding(held=max(above, below) <= CLOSE, seen=seen)


def only_trained(of: Examined) -> Finding:
    """Nothing moves but what is trained, in any of the runs: no frozen weight, no buffer."""
    of.summed(of.records, clipping_norm=1.0, noise_multiplier=1.0, sample_rate=0.5, steps=3)
    seen = Reason(code="doctor-seen-strayed", args={"count": len(of.strayed)})
    return Finding(held=not of.strayed, seen=seen)


def all_trained(of: Examined) -> Finding:
    """Whatever is said to be trained, and has a gradient, moves."""
    expected, found = of.parts(of.references.sum(axis=0)), of.parts(of.gradients.sum(axis=0))
    scale = float(np.linalg.norm(of.references.sum(axis=0)))
    still = [name for name in expected if np.linalg.norm(expected[name]) > 1e-4 * scale and not found[name].any()]
    seen = Reason(code="doctor-seen-still", args={"count": len(still), "all": len(expected)})
    return Finding(held=not still, seen=seen)


def not_finite(of: Examined) -> Finding:
    """A record whose gradient is no number adds next to nothing, and the others stay in the step."""
    bad: Record = ([made_up.START, made_up.OVERFLOWS], [made_up.OVERFLOWS, made_up.END])
    if np.isfinite(float(loss(of.model(overflowing=True), bad).detach())):
        raise ValueError("the record is not what it was made to be")
    n = len(of.records) + 1
    without = of.summed(of.records, overflowing=True, clipping_norm=of.norm, expected_batch=n)
    found = of.summed([*of.records, bad], overflowing=True, clipping_norm=of.norm, expected_batch=n)
    times = float(np.linalg.norm(found - without)) / of.norm
    if not np.isfinite(times):
        return Finding(held=False, seen=Reason(code="doctor-seen-no-number", args={}))
    return Finding(held=times <= 1 + CLOSE, seen=Reason(code="doctor-seen-overflow", args={"times": shown(times)}))


def _share(found: Flat, expected: Flat) -> float:
    """How far off a sum is, as a share of what it should be; 0 where nothing was expected and nothing was found."""
    off, size = float(np.linalg.norm(found - expected)), float(np.linalg.norm(expected))
    return 0.0 if off == 0 else off / max(size, 1e-30)


def _larger(one: float, other: float) -> float:
    """The larger one; no number is larger than any."""
    return one if one >= other else other if other >= one else float("inf")
