"""The generator `dp-ctgan`: rows from a conditional GAN that was trained with differential privacy."""

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np

from audit_core.guarantee import Guarantee, NoisySteps
from audit_core.ledger_words import code
from audit_core.refit import Budget, Schema
from audit_core.tables import Table
from audit_plugins.differential_privacy import checkpoint_files
from audit_plugins.differential_privacy.meter import Meter, noise_for, noise_of_counts
from audit_plugins.differential_privacy.noise import NoiseSource
from audit_plugins.generators.dp_ctgan import checkpoints, model_files
from audit_plugins.generators.dp_ctgan.conditions import conditions
from audit_plugins.generators.dp_ctgan.dependencies import Dependency, dependencies
from audit_plugins.generators.dp_ctgan.domain import all_cells, all_declared, domains, public_facts
from audit_plugins.generators.dp_ctgan.encoding import Encoding, encoding
from audit_plugins.generators.dp_ctgan.networks import Generator
from audit_plugins.generators.dp_ctgan.self_check import refuse_unsound
from audit_plugins.generators.dp_ctgan.training import NotFinite, Settings, Trainer, sampled

FEWEST_STEPS_OF_ALL = 4
"""A step has at most one row in so many: with nearly all rows in each, sampling protects nobody."""

CHECKPOINT_EVERY_S = 30.0


class DpCtgan:
    """Fits a conditional GAN with DP-SGD on the discriminator.

    References:
        Xu, Skoularidou, Cuesta-Infante & Veeramachaneni (2019), Modeling tabular data using conditional GAN, sections
        4.2 to 4.4; Abadi et al. (2016), Deep learning with differential privacy; Xie et al. (2018), Differentially
        private generative adversarial network.
    """

    def __init__(
        self,
        *,
        epsilon: float,
        delta: float,
        target: str | None,
        epochs: int,
        batch: int,
        counts_share: float,
        pairs_share: float,
        clipping_norm: float,
    ) -> None:
        """Takes the parameters; see `DpCtganParams`."""
        self._epsilon, self._delta, self._target = epsilon, delta, target
        self._epochs, self._batch = epochs, batch
        self._counts_share, self._pairs_share = counts_share, pairs_share
        self._clipping_norm = clipping_norm

    def fit(self, table: Table, schema: Schema, budget: Budget) -> "FittedDpCtgan":
        """Trains for the planned steps, or until a weight is no number any more.

        Raises:
            TrainingStopped: The loss was no number; the exception carries what was spent.
            Overspent: The budget is too small for a single step.
            UnsoundTraining: A probe of the training itself did not hold; nothing was spent.
        """
        _target(self._target, table, schema)  # one that cannot be is told before anything is spent
        noise = NoiseSource()
        refuse_unsound(noise)
        meter = Meter(self._epsilon, self._delta)
        name = checkpoints.identity(table, schema, vars(self))
        left = checkpoints.found(budget.workshop, name)
        if left is None:
            its_encoding, tree = self._counted(table, schema, meter, noise)
            planned = self._planned(meter, its_encoding.rows)
        else:
            left.restore(meter)
            its_encoding, tree, planned = left.encoding, left.tree, left.planned
        its_settings, its_conditions = _settings(planned), conditions(its_encoding)
        cells = all_cells(table, [column.domain for column in its_encoding.columns])
        trainer = Trainer(
            modes=its_encoding.modes(cells),
            encoding=its_encoding,
            tree=tree,
            conditions=its_conditions,
            settings=its_settings,
            meter=meter,
            noise=noise,
            rng=budget.rng,
        )
        if left is not None:
            checkpoints.apply(left, trainer)
        public, outside = public_facts(table, schema)
        live, kept = Live(meter, its_settings, budget.report), time.monotonic()
        try:
            for taken in trainer.run():
                live(taken)
                if budget.workshop is not None and time.monotonic() - kept >= CHECKPOINT_EVERY_S:
                    checkpoints.keep(budget.workshop, name, trainer, planned)
                    kept = time.monotonic()
        except NotFinite:
            checkpoint_files.forget(
                budget.workshop
            )  # the stop is told, so what led to it is spent and must not be redrawn
            raise TrainingStopped(_claim(meter, its_encoding.rows, public, outside, code("loss-not-finite"))) from None
        shape = {
            "condition": its_conditions.width,
            "width": its_encoding.width,
            "hidden": its_settings.generator_hidden,
            "layers": its_settings.generator_layers,
        }
        like: list[tuple[str, str]] = [(column.name, column.kind) for column in table.columns]
        claim = _claim(meter, its_encoding.rows, public, outside)
        return FittedDpCtgan(trainer.averaged, its_encoding, like, shape, claim)

    def _counted(
        self, table: Table, schema: Schema, meter: Meter, noise: NoiseSource
    ) -> tuple[Encoding, tuple[Dependency, ...]]:
        """Everything that is counted before training."""
        looks = 1 if all_declared(table, schema) else 2
        multiplier = noise_of_counts(self._epsilon * self._counts_share, self._delta, looks)
        its_domains = domains(table, schema, meter, noise, multiplier)
        target = _target(self._target, table, schema)
        cells = all_cells(table, its_domains)
        found = encoding(cells, its_domains, target, meter, noise, multiplier)
        if not self._pairs_share:
            return found, ()
        multiplier = noise_of_counts(self._epsilon * self._pairs_share, self._delta, 1)
        return found, dependencies(found.modes(cells), found, meter, noise, multiplier)

    def _planned(self, meter: Meter, rows: float) -> NoisySteps:
        """All steps of training, with as much noise as the rest of the budget needs.

        Args:
            rows: How many there are, by the noisy counts.
        """
        batch = max(2, min(self._batch, round(rows / FEWEST_STEPS_OF_ALL)))
        planned = NoisySteps(
            purpose=code("discriminator-training"),
            noise_multiplier=1.0,
            sample_rate=min(1.0, batch / rows),
            steps=max(1, round(self._epochs * rows / batch)),
            clipping_norm=self._clipping_norm,
            expected_batch=batch,
            sampling="poisson",
        )
        planned = replace(planned, noise_multiplier=noise_for(self._epsilon, self._delta, meter.spent, planned))
        meter.plan(planned)
        return planned

    @staticmethod
    def load(folder: Path) -> "FittedDpCtgan":
        """A fitted generator from its files.

        Raises:
            InputError: They are not as they were saved.
        """
        return FittedDpCtgan(*model_files.load(folder))


class FittedDpCtgan:
    """A trained generator.

    Attributes:
        guarantee: What its rows cost, and what that rests on.
    """

    def __init__(
        self,
        generator: Generator,
        encoding: Encoding,
        like: list[tuple[str, str]],
        shape: dict[str, int],
        guarantee: Guarantee,
    ) -> None:
        """Takes the network, its encoding, the columns' names and kinds, the network's sizes and the claim."""
        self._generator, self._encoding, self._like, self._shape = generator, encoding, like, shape
        self.guarantee = guarantee

    def sample(self, n: int, rng: np.random.Generator) -> Table:
        """New rows; as many as one likes, at no further cost."""
        modes = sampled(self._generator, self._encoding, conditions(self._encoding), n, rng)
        return self._encoding.decoded(modes, self._like, rng)

    def save(self, folder: Path) -> None:
        """Writes weights, description and ledger."""
        model_files.save(folder, self._generator, self._encoding, self._like, self._shape, self.guarantee)


def _settings(planned: NoisySteps) -> Settings:
    return Settings(
        batch=round(planned.expected_batch),
        steps=planned.steps,
        rate=planned.sample_rate,
        noise_multiplier=planned.noise_multiplier,
        clipping_norm=planned.clipping_norm,
        discriminator_rate=2e-3,
        generator_rate=1e-3,
        hidden=128,
        generator_hidden=256,
        generator_layers=2,
        fake=4096,
        matching=10.0,
        averaging=0.99,
    )


class TrainingStopped(Exception):
    """Training ended before its plan; what was spent stays spent.

    Attributes:
        guarantee: What was spent until then.
    """

    def __init__(self, guarantee: Guarantee) -> None:
        self.guarantee = guarantee
        super().__init__(guarantee.stopped)


class Live:
    """Tells how training goes, now and then."""

    EVERY_S = 10.0

    def __init__(self, meter: Meter, settings: Settings, report: Callable[[dict[str, float]], None]) -> None:
        """Takes what is told of, and whom to tell."""
        self._meter, self._settings, self._report = meter, settings, report
        self._started = self._told = time.monotonic()

    def __call__(self, taken: int) -> None:
        """After each step."""
        now = time.monotonic()
        if now - self._told < self.EVERY_S and taken < self._settings.steps:
            return
        self._told = now
        elapsed, spent = now - self._started, self._meter.spent_prv
        self._report(
            {
                "step": taken,
                "steps": self._settings.steps,
                "batch": self._settings.batch,
                "epsilon_spent": round(min(spent, self._meter.epsilon), 4),
                "epsilon_left": round(max(self._meter.epsilon - spent, 0.0), 4),
                "rows_per_minute": round(60 * taken * self._settings.batch / max(elapsed, 1e-9)),
                "eta_s": round(elapsed / taken * (self._settings.steps - taken)),
            }
        )


def _claim(meter: Meter, rows: float, public: list[str], outside: list[str], stopped: str | None = None) -> Guarantee:
    return Guarantee(
        epsilon=meter.spent_prv,
        epsilon_rdp=meter.spent_rdp,
        delta=meter.delta,
        budget=meter.epsilon,
        unit="row",
        rows_per_unit=1,
        units=round(rows),
        units_from=code("noisy-counts"),
        relation="add-or-remove",
        accountant=meter.accountant,
        mechanisms=meter.spent,
        public=tuple(public),
        derived=tuple(map(code, ("column-modes", "sampling-rate", "number-of-steps", "generator-loss"))),
        outside=tuple(outside),
        noise_source=NoiseSource.name,
        floating_point=NoiseSource.floating_point,
        released=(code("table"),),
        trust=code("central"),
        tuning=code("fixed-beforehand"),
        pretraining_overlap=code("not-applicable"),
        stopped=stopped,
    )


def _target(named: str | None, table: Table, schema: Schema) -> int | None:
    """The position of the target: the column that is named, else the first sensitive category."""
    if named is not None:
        at = table.index(named)
        if table.columns[at].numeric:
            raise ValueError("the target is a number; it has to be a category")
        return at
    sensitive = [at for at, one in enumerate(table.columns) if not one.numeric and schema[one.name].role == "sensitive"]
    return sensitive[0] if sensitive else None
