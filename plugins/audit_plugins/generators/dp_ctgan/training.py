"""DP-SGD on the discriminator; the generator learns from it and from noisy counts, and never meets a real row."""

import copy
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from audit_plugins.differential_privacy.meter import Meter
from audit_plugins.differential_privacy.noise import NoiseSource
from audit_plugins.generators.dp_ctgan.conditions import Conditions
from audit_plugins.generators.dp_ctgan.dependencies import Dependency
from audit_plugins.generators.dp_ctgan.encoding import Encoding
from audit_plugins.generators.dp_ctgan.marginals import Marginals
from audit_plugins.generators.dp_ctgan.networks import LATENT, Generator, discriminator, one_hot, soft_rows


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What is fixed before training, without a look at the data.

    Attributes:
        batch: The expected number of rows in a step.
        steps: Of the discriminator, one look at the data each.
        rate: The probability with which a row is in a step.
        noise_multiplier: Of a step.
        clipping_norm: Of a row's gradient.
        fake: How many rows the generator makes to learn from in a step; their shares are compared with the counts.
        matching: The weight of the noisy counts in the generator's loss.
        averaging: Of the generator that is released, over steps: an exponential moving average.
    """

    batch: int
    steps: int
    rate: float
    noise_multiplier: float
    clipping_norm: float
    discriminator_rate: float
    generator_rate: float
    hidden: int
    generator_hidden: int
    generator_layers: int
    fake: int
    matching: float
    averaging: float


class NotFinite(Exception):
    """A loss or a weight is no number any more; what was spent stays spent."""


@dataclass(slots=True, kw_only=True)
class PrivateStep:
    """One step of the discriminator on real and fake rows: clipped and noised where real rows are.

    References:
        Goodfellow (2015), Efficient per-example gradient computations; Li, Tramèr, Liang & Hashimoto (2022), Large
        language models can be strong differentially private learners, section 4 (ghost clipping).
    """

    network: nn.Sequential
    settings: Settings
    noise: NoiseSource
    hooked: nn.Module = field(init=False)
    optimizer: torch.optim.Optimizer = field(init=False)
    _clipped: Callable[..., object] = field(init=False)

    def __post_init__(self) -> None:
        from opacus.grad_sample.grad_sample_module_fast_gradient_clipping import GradSampleModuleFastGradientClipping
        from opacus.optimizers import DPOptimizerFastGradientClipping
        from opacus.utils.fast_gradient_clipping_utils import DPLossFastGradientClipping

        norm = self.settings.clipping_norm
        self.hooked = GradSampleModuleFastGradientClipping(self.network, max_grad_norm=norm, loss_reduction="sum")
        self.optimizer = torch.optim.Adam(
            self.network.parameters(), lr=self.settings.discriminator_rate, betas=(0.5, 0.9)
        )
        # Opacus clips; the noise is ours, so its own is set to none here.
        bare = DPOptimizerFastGradientClipping(
            self.optimizer, noise_multiplier=0.0, max_grad_norm=norm, expected_batch_size=1, loss_reduction="sum"
        )
        self._clipped = DPLossFastGradientClipping(
            self.hooked, bare, nn.BCEWithLogitsLoss(reduction="sum"), loss_reduction="sum"
        )
        self.hooked.disable_hooks()  # type: ignore[operator]

    def summed(self, real: Tensor) -> list[Tensor]:
        """The sum of the rows' clipped gradients, for each parameter; zeros where there is no row.

        Args:
            real: Rows and their conditions.
        """
        parameters = list(self.network.parameters())
        if not len(real):
            return [torch.zeros_like(parameter) for parameter in parameters]
        for parameter in parameters:
            parameter.grad = None
        self.hooked.enable_hooks()  # type: ignore[operator]
        # One loss a row, shape (n_rows,): of another shape, the rows' weights would be spread over all of them.
        loss = self._clipped(self.hooked(real).squeeze(1), torch.ones(len(real)))
        loss.backward()  # type: ignore[attr-defined]
        self.hooked.disable_hooks()  # type: ignore[operator]
        return [torch.zeros_like(one) if one.grad is None else one.grad.detach().clone() for one in parameters]

    def noised(self, summed: list[Tensor]) -> list[Tensor]:
        """The sums with noise, over the expected number of rows: never over how many there were."""
        deviation = self.settings.noise_multiplier * self.settings.clipping_norm
        total = self.noise.normal(sum(one.numel() for one in summed), deviation)
        parts = np.split(total, np.cumsum([one.numel() for one in summed])[:-1])
        # Rounded once, after the sum: noise that is rounded first would leave the sums' low bits as they are.
        return [
            ((one.double() + torch.from_numpy(part).view_as(one)) / self.settings.batch).float()
            for one, part in zip(summed, parts, strict=True)
        ]

    def take(self, real: Tensor, fake: Tensor) -> None:
        """Moves the weights."""
        noisy = self.noised(self.summed(real))
        loss = functional.softplus(self.network(fake)).mean()
        of_fake = torch.autograd.grad(loss, list(self.network.parameters()))
        for parameter, one, other in zip(self.network.parameters(), noisy, of_fake, strict=True):
            parameter.grad = one + other
        self.optimizer.step()


@dataclass(slots=True, kw_only=True)
class Trainer:
    """Both networks in training.

    Attributes:
        rng: For latent noise, conditions of fake rows and first weights: nothing of the guarantee hangs on it.
    """

    modes: np.ndarray
    encoding: Encoding
    tree: tuple[Dependency, ...]
    conditions: Conditions
    settings: Settings
    meter: Meter
    noise: NoiseSource
    rng: np.random.Generator
    generator: Generator = field(init=False)
    averaged: Generator = field(init=False)
    step: PrivateStep = field(init=False)
    generator_optimizer: torch.optim.Optimizer = field(init=False)
    _torch: torch.Generator = field(init=False)
    _rows: Tensor = field(init=False)
    _marginals: Marginals = field(init=False)

    def __post_init__(self) -> None:
        its, width = self.settings, self.encoding.width
        self._torch = torch.Generator().manual_seed(int(self.rng.integers(2**62)))
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(int(self.rng.integers(2**62)))
            self.generator = Generator(self.conditions.width, width, its.generator_hidden, its.generator_layers)
            network = discriminator(self.conditions.width, width, its.hidden)
        self.averaged = copy.deepcopy(self.generator).eval()
        self.step = PrivateStep(network=network, settings=its, noise=self.noise)
        self.generator_optimizer = torch.optim.Adam(
            self.generator.parameters(), lr=its.generator_rate, betas=(0.5, 0.9)
        )
        self._rows = one_hot(torch.from_numpy(self.modes), self.encoding.ends)
        self._marginals = Marginals(self.encoding, self.tree)

    def run(self) -> Iterator[int]:
        """Takes all steps that are left; gives how many were taken after each.

        Raises:
            NotFinite: A weight is no number any more.
            Overspent: A step is not in the plan.
        """
        while self.meter.taken < self.settings.steps:
            self.meter.step()  # before the look at the data, so that a step cut short is paid for too
            self._discriminate()
            self._generate()
            yield self.meter.taken

    def _fake(self, n: int) -> tuple[Tensor, Tensor, np.ndarray, np.ndarray, Tensor]:
        condition, about, asked = self.conditions.fake(n, self.rng)
        latent = torch.randn((n, LATENT), generator=self._torch)
        logits = self.generator(latent, condition)
        return soft_rows(logits, self.encoding.ends, hard=False, rng=self._torch), condition, about, asked, logits

    def _discriminate(self) -> None:
        rows = self._rows[self.noise.poisson_sample(len(self._rows), self.settings.rate)]
        real = torch.cat([rows, self.conditions.real(rows, self.noise)], dim=1)
        with torch.no_grad():
            fake, condition, *_ = self._fake(self.settings.batch)
        self.step.take(real, torch.cat([fake, condition], dim=1))

    def _generate(self) -> None:
        fake, condition, about, asked, logits = self._fake(self.settings.fake)
        verdict = self.step.network(torch.cat([fake, condition], dim=1))
        loss = functional.softplus(-verdict).mean() + self.settings.matching * self._marginals.loss(fake)
        loss = loss + self._missed(logits, about, asked)
        if not math.isfinite(loss.item()):
            raise NotFinite
        self.generator_optimizer.zero_grad()
        torch.autograd.backward(loss)
        self.generator_optimizer.step()
        self._average()

    def _missed(self, logits: Tensor, about: np.ndarray, asked: np.ndarray) -> Tensor:
        """How far the fake rows are from what was asked for; nothing real is in it."""
        loss = torch.zeros(())
        for at, (start, end) in enumerate(self.conditions.blocks):
            here = np.flatnonzero(about == at)
            loss = loss + functional.cross_entropy(
                logits[here, start:end], torch.from_numpy(asked[here]), reduction="sum"
            )
        return loss / len(about)

    def _average(self) -> None:
        """The released generator follows the trained one slowly: its steps are noisy, their mean is less so."""
        keep = min(self.settings.averaging, (self.meter.taken + 1) / (self.meter.taken + 20))
        with torch.no_grad():
            for slow, fast in zip(
                self.averaged.state_dict().values(), self.generator.state_dict().values(), strict=True
            ):
                slow.lerp_(fast, 1 - keep) if slow.is_floating_point() else slow.copy_(fast)


def sampled(
    generator: Generator, encoding: Encoding, asked_for: Conditions, n: int, rng: np.random.Generator
) -> np.ndarray:
    """The modes of new rows, shape `(n, n_columns)`; each has the value that it was made for."""
    seeded = torch.Generator().manual_seed(int(rng.integers(2**62)))
    parts = []
    for start in range(0, n, 8192):
        size = min(8192, n - start)
        condition, about, asked = asked_for.fake(size, rng)
        with torch.no_grad():
            logits = generator(torch.randn((size, LATENT), generator=seeded), condition)
            rows = soft_rows(logits, encoding.ends, hard=True, rng=seeded)
        starts = [0, *encoding.ends[:-1]]
        modes = np.stack(
            [rows[:, a:b].argmax(dim=1).numpy() for a, b in zip(starts, encoding.ends, strict=True)], axis=1
        )
        for at, column in enumerate(asked_for.columns):
            modes[about == at, column] = asked[about == at]
        parts.append(modes)
    return np.concatenate(parts)
