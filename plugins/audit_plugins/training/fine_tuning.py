"""A fine-tuning: what is common to all backends, without a guarantee or with one."""

import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from audit_core.doctor.contract import Record
from audit_core.guarantee import Guarantee, NoisySteps
from audit_core.language.training import TrainingTask
from audit_core.ledger_words import code
from audit_core.refit import Budget
from audit_plugins.differential_privacy.meter import Meter
from audit_plugins.differential_privacy.noise import NoiseSource
from audit_plugins.training import checkpoints, descent, spending
from audit_plugins.training.opening import Base, base_model, encoded
from audit_plugins.training.per_record_gradients import PerRecordGradients
from audit_plugins.training.private_steps import private_descent
from audit_plugins.training.progress import Live
from audit_plugins.training.self_check import refuse_unsound_gradients
from audit_plugins.training.techniques import Technique, trained_parameters
from audit_plugins.training.token_records import record

DESCRIPTION, LEDGER = "model.json", "ledger.json"


class NotFinite(Exception):
    """A loss or a weight is no number any more; nothing is claimed."""


class TrainingStopped(Exception):
    """Training ended before its plan; what was spent stays spent.

    Attributes:
        guarantee: What was spent until then.
    """

    def __init__(self, guarantee: Guarantee) -> None:
        self.guarantee = guarantee
        super().__init__(guarantee.stopped)


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """A backend with its parameters.

    Attributes:
        backend: Its name.
        params: As they were given.
        portion: How many records are looked at at a time, for memory only.
    """

    backend: str
    params: Mapping[str, Any]
    technique: Technique
    portion: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FineTuned:
    """A model that was trained here.

    Attributes:
        guarantee: What is claimed of it; None where nothing is.
    """

    recipe: Recipe
    model: nn.Module
    tokenizer: Any
    base: str
    guarantee: Guarantee | None

    def save(self, folder: Path) -> None:
        """Writes weights, description and ledger."""
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.recipe.technique.save(self.model, self.tokenizer, self.base, folder)
        told = {"plugin": self.recipe.backend, "params": dict(self.recipe.params)}
        (folder / DESCRIPTION).write_text(json.dumps(told, indent=1, sort_keys=True) + "\n", encoding="utf-8")
        if self.guarantee is not None:
            (folder / LEDGER).write_bytes(self.guarantee.to_json())


@dataclass(frozen=True, slots=True, kw_only=True)
class _Started:
    """What a training begins with."""

    base: Base
    model: nn.Module
    trained: dict[str, nn.Parameter]
    records: Sequence[Record]
    seed: int
    name: str


def _started(recipe: Recipe, task: TrainingTask, rng: np.random.Generator, *, private: bool) -> _Started:
    base, seed = base_model(task.base), int(rng.integers(2**62))
    with _seeded(seed):
        model = recipe.technique.put_in(base.network, private=private)
    context = base.context - recipe.technique.room
    records = [
        record(prompt, text, start=base.start, end=base.end, context=context)
        for prompt, text in encoded(base, task.texts)
    ]
    return _Started(
        base=base,
        model=model,
        trained=trained_parameters(model),
        records=records,
        seed=seed,
        name=checkpoints.identity(task, recipe.backend, recipe.params),
    )


def _finished(recipe: Recipe, task: TrainingTask, its: _Started, guarantee: Guarantee | None) -> FineTuned:
    its.model.eval()
    return FineTuned(
        recipe=recipe, model=its.model, tokenizer=its.base.tokenizer, base=task.base.name, guarantee=guarantee
    )


def fine_tuned(
    recipe: Recipe,
    task: TrainingTask,
    budget: Budget,
    phases: Sequence[spending.Phase],
    *,
    by_coins: bool = False,
) -> FineTuned:
    """A model trained without a guarantee.

    Args:
        by_coins: Whether batches are drawn as those of a private training, and divided by their expected size; else
            they are shuffled epochs.

    Raises:
        NotFinite: A loss or a weight is no number any more.
        Unfit: The base cannot be trained in this way.
    """
    its = _started(recipe, task, budget.rng, private=by_coins)
    planned = [
        (phase, rows, over)
        for phase in phases
        for rows, over in _batches(len(its.records), phase, budget.rng, by_coins=by_coins)
    ]
    optimizer = torch.optim.Adam(its.trained.values())
    keeper = checkpoints.Keeper(budget.workshop, its.name, its.trained, optimizer)
    left = keeper.found()
    if left is not None:
        left.apply(its.trained, optimizer)
    taken = 0 if left is None else left.taken
    live = Live(budget.report, len(planned), taken)
    for step, (phase, rows, over) in enumerate(planned[taken:], start=taken + 1):
        _set_rate(optimizer, phase.learning_rate)
        with _seeded(its.seed + step):
            loss = descent.add_gradients(its.model, [its.records[at] for at in rows], over, recipe.portion)
        optimizer.step()
        if not (math.isfinite(loss) and _all_finite(its.trained)):
            keeper.forget()
            raise NotFinite
        live(step, over, loss=round(loss, 4))
        keeper(step)
    return _finished(recipe, task, its, None)


def _batches(
    records: int, phase: spending.Phase, rng: np.random.Generator, *, by_coins: bool
) -> Iterator[tuple[NDArray[np.intp], float]]:
    """The rows of each step, and what their sum is divided by."""
    if by_coins:
        batch = float(min(phase.batch, records))
        steps = max(1, round(phase.epochs * records / batch))
        yield from ((rows, batch) for rows in descent.sampled(records, batch / records, steps, rng))
    else:
        yield from ((rows, float(len(rows))) for rows in descent.shuffled(records, phase.batch, phase.epochs, rng))


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowed:
    """What a private training may spend.

    Attributes:
        count_share: Of epsilon, what the noisy count of the records alone would cost.
    """

    epsilon: float
    delta: float
    clipping_norm: float
    count_share: float
    phases: tuple[spending.Phase, ...]


def privately_fine_tuned(
    recipe: Recipe,
    task: TrainingTask,
    budget: Budget,
    allowed: Allowed,
    refuse_unsound: Callable[[], None],
) -> FineTuned:
    """A model trained with DP-SGD, by Adam on the noisy gradients.

    Args:
        refuse_unsound: Looks at the training itself, before it looks at records.

    Raises:
        TrainingStopped: A weight was no number any more; the exception carries what was spent.
        Overspent: The budget is too small.
        Unfit: The base cannot be trained in this way.
        UnsoundTraining, NotPerRecord: A probe of the training itself did not hold; nothing was spent.
    """
    its, noise = _started(recipe, task, budget.rng, private=True), NoiseSource()
    refuse_unsound()
    vocabulary = len(its.base.network.get_input_embeddings().weight)  # type: ignore[operator]
    refuse_unsound_gradients(its.model, vocabulary, allowed.clipping_norm)
    meter = Meter(allowed.epsilon, allowed.delta)
    optimizer = torch.optim.Adam(its.trained.values())
    left = checkpoints.found(budget.workshop, its.name)
    if left is None:
        rows = spending.counted(len(its.records), allowed.count_share, meter, noise)
        planned = spending.plans(allowed.phases, rows, allowed.clipping_norm, meter)
    else:
        left.restore(meter)
        left.apply(its.trained, optimizer)
        planned = left.planned
    keeper = checkpoints.Keeper(budget.workshop, its.name, its.trained, optimizer, meter, planned)
    live = Live(budget.report, sum(plan.steps for plan in planned), meter.taken, meter)
    with PerRecordGradients(its.model, recipe.portion) as gradients:
        for phase, plan in _left(allowed.phases, planned, meter.taken):
            _set_rate(optimizer, phase.learning_rate)
            for _ in private_descent(gradients, its.records, plan, optimizer, noise, enter=meter.step):
                # Whether a loss is finite hangs on records; whether a weight is, on noisy sums alone.
                if not _all_finite(its.trained):
                    keeper.forget()  # the stop is told, so what led to it is spent and must not be drawn again
                    raise TrainingStopped(spending.claim(task, meter, code("weights-not-finite")))
                live(meter.taken, plan.expected_batch)
                keeper(meter.taken)
    return _finished(recipe, task, its, spending.claim(task, meter))


def _left(
    phases: Sequence[spending.Phase], planned: Sequence[NoisySteps], taken: int
) -> Iterator[tuple[spending.Phase, NoisySteps]]:
    """The phases that are not over yet, with the steps that are left of each."""
    for phase, plan in zip(phases, planned, strict=True):
        if taken < plan.steps:
            yield phase, replace(plan, steps=plan.steps - taken)
        taken = max(0, taken - plan.steps)


def _set_rate(optimizer: torch.optim.Optimizer, rate: float) -> None:
    for group in optimizer.param_groups:
        group["lr"] = rate


def _all_finite(trained: Mapping[str, nn.Parameter]) -> bool:
    return all(bool(torch.isfinite(one).all()) for one in trained.values())


@contextmanager
def _seeded(seed: int) -> Iterator[None]:
    """Chance without a guarantee: first weights, and dropout."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        yield
