"""Probes of the training itself, before it looks at data: are gradients one row's own, is there noise, is it counted?

Rows of these probes are made up. Nothing is spent.
"""

import itertools
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from scipy.stats import chi2, norm
from torch.nn import functional

from audit_core.guarantee import NoisyCounts, NoisySteps
from audit_core.refit import Declared
from audit_core.tables import Column, Table, read_only
from audit_plugins.differential_privacy.meter import Meter, Overspent
from audit_plugins.differential_privacy.noise import NoiseSource
from audit_plugins.generators.dp_ctgan.domain import Domain, domains
from audit_plugins.generators.dp_ctgan.networks import discriminator
from audit_plugins.generators.dp_ctgan.training import PrivateStep, Settings

WIDTH, CONDITION = 24, 3
SURE = 1e-6
"""Of a sound training, one probe in a million fails."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """One thing that training must do, and whether it does.

    Attributes:
        why: What was seen instead; empty if it held.
    """

    name: str
    held: bool
    why: str = ""


class UnsoundTraining(Exception):
    """A probe did not hold: what would be claimed would not be so."""


def refuse_unsound(noise: NoiseSource) -> None:
    """Runs all probes.

    Raises:
        UnsoundTraining: One did not hold; the text names it.
    """
    failed = [probe for probe in probes(noise) if not probe.held]
    if failed:
        raise UnsoundTraining("; ".join(f"{probe.name}: {probe.why}" for probe in failed))


def probes(
    noise: NoiseSource,
    step: Callable[..., PrivateStep] = PrivateStep,
    bought: Callable[..., list[Domain]] = domains,
) -> list[Probe]:
    """Every probe.

    Args:
        step: Makes the private step, from its network, settings and noise.
        bought: Finds the domains of columns of which nothing is declared.
    """
    settings = Settings(
        batch=8, steps=3, rate=0.1, noise_multiplier=2.0, clipping_norm=0.05, discriminator_rate=1e-3,
        generator_rate=1e-3, hidden=16, generator_hidden=16, generator_layers=1, fake=8, matching=0.0, averaging=0.0,
    )  # fmt: skip

    def fresh(seed: int) -> PrivateStep:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            network = discriminator(CONDITION, WIDTH, settings.hidden)
        return step(network=network, settings=settings, noise=noise)

    every: list[tuple[str, Callable[[], Probe]]] = [
        ("clipped row by row", lambda: _clipped_one_by_one(fresh(1), 1)),
        ("clipped row by row", lambda: _clipped_one_by_one(fresh(2), 2)),
        ("sensitivity", lambda: _one_more_row(fresh(3))),
        ("noise of steps", lambda: _noise_of_steps(fresh(4))),
        ("empty step", lambda: _empty_step(fresh(5))),
        ("noise of counts", lambda: _noise_of_counts(noise)),
        ("Poisson sampling", lambda: _poisson(noise)),
        ("bounds and values", lambda: _bounds_of_many(noise, bought)),
        ("accounting", _counted),
    ]
    return [_tried(name, probe) for name, probe in every]


def _tried(name: str, probe: Callable[[], Probe]) -> Probe:
    """What raises does not hold either: gradients of a pack of rows, say, have no place among those of rows."""
    try:
        return probe()
    except (RuntimeError, ValueError, IndexError) as error:
        return Probe(name=name, held=False, why=f"it raised {type(error).__name__}")


def _rows(n: int, seed: int, scale: float = 1.0) -> torch.Tensor:
    return scale * torch.randn((n, WIDTH + CONDITION), generator=torch.Generator().manual_seed(seed))


def _flat(parts: list[torch.Tensor]) -> torch.Tensor:
    return torch.cat([part.reshape(-1) for part in parts])


def _clipped_one_by_one(step: PrivateStep, seed: int) -> Probe:
    """The sum of clipped gradients is what a loop over rows gives."""
    rows = _rows(9, seed)
    parameters = list(step.network.parameters())
    expected = torch.zeros(sum(parameter.numel() for parameter in parameters))
    norm_of_all = step.settings.clipping_norm
    for row in rows:
        loss = functional.softplus(-step.network(row[None])).sum()
        own = _flat([part.detach() for part in torch.autograd.grad(loss, parameters)])
        expected += own * min(1.0, norm_of_all / float(own.norm()))
    found = _flat(step.summed(rows))
    error = float((found - expected).norm() / expected.norm())
    return Probe(name="clipped row by row", held=error < 1e-3, why=f"off by a share of {error:.2g}")


def _one_more_row(step: PrivateStep) -> Probe:
    """One more row, however extreme, moves the sum by the clipping norm at most."""
    rows, worst = _rows(6, 7), 0.0
    without = _flat(step.summed(rows))
    for scale in (1e-3, 1.0, 1e3):
        moved = _flat(step.summed(torch.cat([rows, _rows(1, 8, scale)]))) - without
        worst = max(worst, float(moved.norm()) / step.settings.clipping_norm)
    return Probe(name="sensitivity", held=worst <= 1 + 1e-3, why=f"a row moves the sum by {worst:.3g} times the norm")


def _noise_of_steps(step: PrivateStep) -> Probe:
    """With no gradient, what is left has the variance that was planned."""
    zeros = [torch.zeros_like(parameter) for parameter in step.network.parameters()]
    drawn = torch.cat([_flat(step.noised(zeros)) for _ in range(8)]).double().numpy()
    wanted = step.settings.noise_multiplier * step.settings.clipping_norm / step.settings.batch
    return _of_variance("noise of steps", drawn, wanted)


def _empty_step(step: PrivateStep) -> Probe:
    """A step without a row has noise like any other."""
    moved = _flat(step.noised(step.summed(_rows(0, 1))))
    held = bool(torch.isfinite(moved).all() and (moved != 0).all())
    return Probe(name="empty step", held=held, why="it was left out or has no noise")


def _noise_of_counts(noise: NoiseSource) -> Probe:
    """Counts have the noise that was planned, also where nobody is."""
    drawn = noise.counts(np.zeros((40, 50), dtype=np.int64), 20.0).reshape(-1).astype(np.float64)
    if (drawn != np.round(drawn)).any():
        return Probe(name="noise of counts", held=False, why="they are no whole numbers")
    return _of_variance("noise of counts", drawn, 20.0)


def _of_variance(name: str, drawn: np.ndarray, deviation: float) -> Probe:
    """Whether draws have mean 0 and a variance, by chi-squared."""
    squares, n = float((drawn**2).sum() / deviation**2), len(drawn)
    held = chi2.ppf(SURE / 2, n) < squares < chi2.isf(SURE / 2, n)
    mean = float(drawn.mean() / deviation * n**0.5)
    held = bool(held and abs(mean) < norm.isf(SURE / 2))
    return Probe(name=name, held=held, why=f"its deviation is {(squares / n) ** 0.5:.3g} times the planned one")


def _poisson(noise: NoiseSource) -> Probe:
    """Batches differ in size as coins make them; of a shuffled file they would not, and no row would come twice."""
    n, rate, rounds = 400, 0.1, 300
    batches = [noise.poisson_sample(n, rate) for _ in range(rounds)]
    sizes = np.array([len(batch) for batch in batches])
    spread = float(((sizes - n * rate) ** 2).sum() / (n * rate * (1 - rate)))
    held = bool(chi2.ppf(SURE / 2, rounds) < spread < chi2.isf(SURE / 2, rounds))
    both = sum(np.isin(before, after).sum() for before, after in itertools.pairwise(batches))
    wanted = n * rate**2 * (rounds - 1)
    # Two pairs of neighbours share a batch, so they vary together.
    variance = n * (rounds - 1) * (rate**2 * (1 - rate**2) + 2 * rate**3 * (1 - rate))
    held = held and abs(both - wanted) < norm.isf(SURE / 2) * variance**0.5
    return Probe(
        name="Poisson sampling", held=bool(held), why=f"sizes vary {spread / rounds:.3g} times as coins make them"
    )


def _bounds_of_many(noise: NoiseSource, bought: Callable[..., list[Domain]]) -> Probe:
    """One row, however far off, sets no bound and adds no value."""
    numbers = np.append(np.linspace(1.0, 100.0, 999), 1e9)
    words = np.array(["a", "b", "of one row only"], dtype=object)
    codes = np.column_stack([np.arange(1000), np.append(np.arange(999) % 2, 2)]).astype(np.int32)
    columns = (Column(name="number", kind="number", values=numbers), Column(name="word", kind="category", values=words))
    table = Table(columns=columns, codes=read_only(codes))
    schema = {"number": Declared(), "word": Declared()}
    number, word = bought(table, schema, Meter(5.0, 1e-6), noise, 3.0)
    far = number.numbers is not None and float(number.numbers.edges[-1]) > 1e6
    return Probe(
        name="bounds and values", held=not far and "of one row only" not in word.words, why="one row's value is in them"
    )


def _counted() -> Probe:
    """Each step is counted once, and the one beyond the plan is refused."""
    meter = Meter(1.0, 1e-5)
    meter.spend(NoisyCounts(purpose="probe", sigma=50.0, tables=1))
    steps = NoisySteps(
        purpose="probe", noise_multiplier=4.0, sample_rate=0.01, steps=2, clipping_norm=1.0, expected_batch=1.0,
        sampling="poisson",
    )  # fmt: skip
    meter.plan(steps)
    meter.step()
    meter.step()
    (_, counted) = meter.spent
    if not (isinstance(counted, NoisySteps) and counted.steps == 2):
        return Probe(name="accounting", held=False, why="a step was not counted once")
    try:
        meter.step()
    except Overspent:
        return Probe(name="accounting", held=True)
    return Probe(name="accounting", held=False, why="a step beyond the plan was taken")
