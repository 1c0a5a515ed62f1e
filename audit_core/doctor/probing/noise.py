"""Probes of noise: there is as much as was said, everywhere, once a step, and nobody can draw it again."""

import itertools
import random
from functools import partial

import numpy as np
import torch

from audit_core.doctor.contract import PrivateLoop, Record
from audit_core.doctor.probing import made_up
from audit_core.doctor.probing.chance import (
    SURE,
    deviation,
    deviation_is,
    largest_correlation,
    length_may_be,
    normal_is,
)
from audit_core.doctor.probing.finding import Finding, shown
from audit_core.doctor.probing.readings import Examined, Flat
from audit_core.measurement import Reason

MULTIPLIER = 2.0
MANY = 160
"""Records in one step, more than are usually looked at at a time: noise drawn for each part would show."""

_FEW, _DRAWS = 4, 6
_LOUD = 1000.0
_NEVER = 1e-7  # of two records, one is in a step in five million


def draws(of: Examined) -> list[Flat]:
    """The noise of some single steps, each over a few records."""
    without = of.summed(of.records[:_FEW], clipping_norm=of.norm)
    return [_noisy(of, of.loop) - without for _ in range(_DRAWS)]


def noise(of: Examined, drawn: list[Flat]) -> Finding:
    """The noise of a step is normal, of the planned deviation."""
    return _planned(np.stack(drawn), MULTIPLIER * of.norm)


def noise_everywhere(of: Examined, drawn: list[Flat]) -> Finding:
    """Each trained tensor by itself has that noise."""
    each = [of.parts(one) for one in drawn]
    sure, wanted = SURE / len(of.shapes), MULTIPLIER * of.norm
    wrong = [name for name in of.shapes if not deviation_is(np.stack([its[name] for its in each]), wanted, sure)]
    seen = Reason(code="doctor-seen-tensors", args={"count": len(wrong), "all": len(of.shapes)})
    return Finding(held=not wrong, seen=seen)


def noise_once(of: Examined) -> Finding:
    """A step over many records has the noise of one step: none more for each part that is looked at at a time."""
    rng = np.random.default_rng(6)
    many = made_up.records([(1, int(length)) for length in rng.integers(1, 3, MANY)], seed=6)
    return _so_loud(of, many, steps=1, sure=SURE)


def noise_independent(of: Examined, drawn: list[Flat]) -> Finding:
    """Steps and tensors have noise of their own."""
    pairs = list(itertools.pairwise(drawn))
    for one in drawn[:2]:
        parts = list(of.parts(one).values())
        pairs += itertools.combinations(parts, 2)
        for part in parts:
            pairs += [(part.ravel()[0::2], part.ravel()[1::2]), (part[0::2], part[1::2])]
    worst, held = largest_correlation(pairs, SURE / 2)
    seen = Reason(code="doctor-seen-correlation", args={"correlation": shown(worst), "count": len(pairs)})
    if not held:
        return Finding(held=False, seen=seen)
    # Noise that is drawn once in a call, and added in each of four steps, has four times the variance it should have.
    return _so_loud(of, of.records[:_FEW], steps=4, sure=SURE / 2)


def noise_fresh(of: Examined) -> Finding:
    """Another loop made the same way draws other noise."""
    worst, held = largest_correlation([(_of_a_step(of, of.again()), _of_a_step(of, of.again()))], SURE)
    return Finding(held=held, seen=Reason(code="doctor-seen-two-runs", args={"correlation": shown(worst)}))


def no_seed(of: Examined) -> Finding:
    """Nor does whoever knows the seeds of torch, NumPy and Python know the noise, or the batches."""

    def seeded(seed: int) -> PrivateLoop:
        torch.manual_seed(seed)
        np.random.seed(seed)
        random.seed(seed)
        return of.again()

    one, other = (_of_a_step(of, seeded(7)) for _ in range(2))
    worst, held = largest_correlation([(one, other)], SURE)
    if not held:
        return Finding(held=False, seen=Reason(code="doctor-seen-seeded-noise", args={"correlation": shown(worst)}))
    batch = partial(of.summed, of.records, clipping_norm=of.norm, sample_rate=0.5)
    # Two batches of twelve records are the same by chance once in 2^12; twice in a row, once in 2^24.
    same = all(np.allclose(batch(seeded(seed)), batch(seeded(seed)), atol=1e-3 * of.norm) for seed in (8, 9))
    code = "doctor-seen-seeded-batches" if same else "doctor-seen-no-seed"
    return Finding(held=not same, seen=Reason(code=code, args={}))


def empty_step(of: Examined) -> Finding:
    """A step that drew no record is taken, with noise like any other."""
    drawn = of.summed(
        of.records[:2], clipping_norm=of.norm, noise_multiplier=MULTIPLIER, sample_rate=_NEVER, expected_batch=2.0
    )
    return _planned(drawn, MULTIPLIER * of.norm)


def _of_a_step(of: Examined, loop: PrivateLoop) -> Flat:
    """The noise of a step: what is left of its sum without the gradients', which a step without noise gives."""
    return _noisy(of, loop) - of.summed(of.records[:_FEW], clipping_norm=of.norm)


def _noisy(of: Examined, loop: PrivateLoop) -> Flat:
    return of.summed(of.records[:_FEW], loop, clipping_norm=of.norm, noise_multiplier=MULTIPLIER)


def _so_loud(of: Examined, records: list[Record], steps: int, sure: float) -> Finding:
    """Whether the noise of some steps has the planned length, so loud that the gradients need not be known."""
    planned = steps**0.5 * _LOUD * of.norm
    rate = 1e-3 * len(records) / planned  # the weights move by about a thousandth, and are read to a ten-thousandth
    drawn = of.summed(records, clipping_norm=of.norm, noise_multiplier=_LOUD, steps=steps, learning_rate=rate)
    if not drawn.any():
        return Finding(held=False, seen=Reason(code="doctor-seen-no-noise", args={}))
    # All that is known of the gradients is that they are clipped: they add this much at most.
    gradients, length = steps * len(records) * of.norm, float(np.linalg.norm(drawn))
    held = length_may_be(max(0.0, length - gradients), length + gradients, drawn.size, planned, sure)
    code = "doctor-seen-deviation" if steps == 1 else "doctor-seen-four-steps"
    return Finding(held=held, seen=Reason(code=code, args={"times": shown(deviation(drawn) / planned)}))


def _planned(drawn: Flat, wanted: float) -> Finding:
    """Whether draws have the planned deviation, and are normal."""
    if not drawn.any():
        return Finding(held=False, seen=Reason(code="doctor-seen-no-noise", args={}))
    seen = Reason(code="doctor-seen-deviation", args={"times": shown(deviation(drawn) / wanted)})
    if not deviation_is(drawn, wanted, SURE / 2):
        return Finding(held=False, seen=seen)
    if not normal_is(drawn, wanted, SURE / 2):
        return Finding(held=False, seen=Reason(code="doctor-seen-not-normal", args={}))
    return Finding(held=True, seen=seen)
