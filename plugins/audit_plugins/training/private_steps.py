"""Steps of DP-SGD: the same for real training and for whoever examines it."""

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from audit_core.doctor.contract import Record
from audit_plugins.differential_privacy.noise import NoiseSource
from audit_plugins.training.per_record_gradients import PerRecordGradients


class StepSettings(Protocol):
    """What a private step is made with.

    Attributes:
        clipping_norm: The largest L2 norm of a record's gradient.
        noise_multiplier: The deviation of the noise over it.
        sample_rate: The probability with which each record is in a step, independent of all others.
        steps: How many steps.
        expected_batch: What sums are divided by, however many records are in a step.
    """

    @property
    def clipping_norm(self) -> float: ...
    @property
    def noise_multiplier(self) -> float: ...
    @property
    def sample_rate(self) -> float: ...
    @property
    def steps(self) -> int: ...
    @property
    def expected_batch(self) -> float: ...


def free() -> None:
    """Enters a step that costs nothing: nobody's records are in it."""


def private_descent(
    gradients: PerRecordGradients,
    records: Sequence[Record],
    settings: StepSettings,
    optimizer: torch.optim.Optimizer,
    noise: NoiseSource,
    *,
    enter: Callable[[], None] = free,
) -> Iterator[None]:
    """Takes a step each time it is asked, as many as the settings say; one without a record is a step like any other.

    Args:
        enter: Is called before each look at the records, so that a step cut short is paid for too.

    Raises:
        NotPerRecord: A parameter has no gradient of each record.

    References:
        Abadi et al. (2016), Deep learning with differential privacy, algorithm 1.
    """
    for _ in range(settings.steps):
        enter()
        drawn = noise.poisson_sample(len(records), settings.sample_rate)
        summed = gradients.clipped_sum([records[at] for at in drawn], settings.clipping_norm)
        deviation = settings.noise_multiplier * settings.clipping_norm
        for parameter, one in zip(
            gradients.parameters, noised(summed, deviation, settings.expected_batch, noise), strict=True
        ):
            parameter.grad = one
        optimizer.step()
        yield


def noised(summed: Sequence[Tensor], deviation: float, expected_batch: float, noise: NoiseSource) -> list[Tensor]:
    """The sums with noise, drawn once for all, over the expected number of records: never over how many there were."""
    sizes = [one.numel() for one in summed]
    parts = np.split(noise.normal(sum(sizes), deviation), np.cumsum(sizes)[:-1])
    # Rounded once, after the sum: noise that is rounded first would leave the sums' low bits as they are.
    return [
        ((one.double() + torch.from_numpy(part).view_as(one)) / expected_batch).float()
        for one, part in zip(summed, parts, strict=True)
    ]
