"""What a private training may spend, phase by phase, and what is claimed of it in the end."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from audit_core.guarantee import Guarantee, NoisyCounts, NoisySteps
from audit_core.language.training import TrainingTask
from audit_core.ledger_words import code
from audit_plugins.differential_privacy.meter import LEAST_SIGMA, Meter, noise_for, noise_of_counts
from audit_plugins.differential_privacy.noise import NoiseSource


@dataclass(frozen=True, slots=True, kw_only=True)
class Phase:
    """A part of a training.

    Attributes:
        share: Of epsilon: once the phase is over, its share and those of the phases before are spent.
        epochs: How often a record is in a step of it, on average.
        batch: Records in a step, on average.
    """

    share: float
    epochs: float
    batch: int
    learning_rate: float


def counted(records: int, share: float, meter: Meter, noise: NoiseSource) -> float:
    """The number of records, with noise that was paid for; at least 1.

    Args:
        share: Of epsilon, what the count alone would cost.
    """
    sigma = max(LEAST_SIGMA, noise_of_counts(meter.epsilon * share, meter.delta, 1))
    meter.spend(NoisyCounts(purpose=code("record-count"), sigma=sigma, tables=1))
    return max(1.0, float(noise.counts(np.array([records], dtype=np.int64), sigma)[0]))


def plans(phases: Sequence[Phase], rows: float, clipping_norm: float, meter: Meter) -> tuple[NoisySteps, ...]:
    """The steps of every phase, each with as much noise as its share of the budget needs, entered into the meter.

    Args:
        rows: The number of records, by the noisy count.

    Raises:
        Overspent: The budget is too small.
    """
    found = [_planned(phases, at, rows, clipping_norm, meter) for at in range(len(phases))]
    return tuple(found)


def _planned(phases: Sequence[Phase], at: int, rows: float, clipping_norm: float, meter: Meter) -> NoisySteps:
    phase, spent = phases[at], sum(one.share for one in phases[: at + 1])
    batch = min(float(phase.batch), rows)
    fresh = NoisySteps(
        purpose=code("language-training") if len(phases) == 1 else code("language-training-phase", at + 1),
        noise_multiplier=1.0,
        sample_rate=batch / rows,
        steps=max(1, round(phase.epochs * rows / batch)),
        clipping_norm=clipping_norm,
        expected_batch=batch,
        sampling="poisson",
    )
    # The last share is what is left of all, whatever the shares add up to in floating-point numbers.
    epsilon = meter.epsilon * (1.0 if at == len(phases) - 1 else spent)
    planned = replace(fresh, noise_multiplier=noise_for(epsilon, meter.delta, meter.committed, fresh))
    meter.plan(planned)
    return planned


def claim(task: TrainingTask, meter: Meter, stopped: str | None = None) -> Guarantee:
    """What was spent, and what that rests on."""
    by_rows = task.rows_per_unit == 1
    rows = _rows(meter)
    return Guarantee(
        epsilon=meter.spent_prv,
        epsilon_rdp=meter.spent_rdp,
        delta=meter.delta,
        budget=meter.epsilon,
        unit=task.unit,
        rows_per_unit=task.rows_per_unit,
        units=rows if by_rows else None,
        units_from=code("noisy-counts" if by_rows and rows is not None else "not-told"),
        relation="add-or-remove",
        accountant=meter.accountant,
        mechanisms=meter.spent,
        public=(code("base-model"),),
        derived=tuple(map(code, ("sampling-rate", "number-of-steps"))),
        noise_source=NoiseSource.name,
        floating_point=NoiseSource.floating_point,
        released=(code("final-model"),),
        trust=code("central"),
        tuning=code("fixed-beforehand"),
        pretraining_overlap=code("pretraining-unknown"),
        stopped=stopped,
    )


def _rows(meter: Meter) -> int | None:
    """About how many records there are: what the first steps' rate was worked out from."""
    for one in meter.committed:
        if isinstance(one, NoisySteps):
            return round(one.expected_batch / one.sample_rate)
    return None
