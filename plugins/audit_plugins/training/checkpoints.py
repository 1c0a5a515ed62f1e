"""A training that was cut off goes on where it stood, with what it had spent.

A checkpoint holds exact weights of a model in training; it stays in the workshop of the run, which is deleted once the
release is there, or once a training was stopped and its stop told. Steps that a killed run took after its last
checkpoint told nobody anything, so they are taken again.
"""

import hashlib
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from pydantic import TypeAdapter
from torch import Tensor, nn

from audit_core.guarantee import Mechanism, NoisySteps
from audit_core.language.training import TrainingTask
from audit_plugins.differential_privacy import checkpoint_files
from audit_plugins.differential_privacy.meter import Meter

EVERY_S = 30.0
MOST_OF_TIME = 0.05
"""Of the time since the last checkpoint, what one may take: those of large models take seconds."""

_OPTIMIZER = "of-optimizer"
_MECHANISMS: TypeAdapter[list[Mechanism]] = TypeAdapter(list[Mechanism])
_PLANS: TypeAdapter[list[NoisySteps]] = TypeAdapter(list[NoisySteps])


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """What a cut off training left.

    Attributes:
        mechanisms: Entered before training; none where nothing is claimed.
        planned: The steps of the whole training, likewise.
        taken: Steps that were taken.
        weights: Of what is trained and of its optimiser, by name.
    """

    mechanisms: tuple[Mechanism, ...]
    planned: tuple[NoisySteps, ...]
    taken: int
    weights: dict[str, Tensor]

    def restore(self, meter: Meter) -> None:
        """Enters what was spent into a fresh meter, and the plans.

        Raises:
            Overspent: It is more than the budget.
        """
        for mechanism in self.mechanisms:
            meter.spend(mechanism)  # type: ignore[arg-type]
        for plan in self.planned:
            meter.plan(plan)
        meter.resume(self.taken)

    def apply(self, trained: Mapping[str, nn.Parameter], optimizer: torch.optim.Optimizer) -> None:
        """Puts the weights into what is trained, and into a fresh optimiser of it."""
        with torch.no_grad():
            for name, parameter in trained.items():
                parameter.copy_(self.weights[f"of-model/{name}"])
        checkpoint_files.into_optimizer(_OPTIMIZER, self.weights, optimizer)


class Keeper:
    """Keeps checkpoints now and then.

    Attributes:
        folder: None where none are kept.
        name: What the training is, see `identity`.
    """

    def __init__(
        self,
        folder: Path | None,
        name: str,
        trained: Mapping[str, nn.Parameter],
        optimizer: torch.optim.Optimizer,
        meter: Meter | None = None,
        planned: tuple[NoisySteps, ...] = (),
    ) -> None:
        """Takes what is kept."""
        self.folder, self.name = folder, name
        self._trained, self._optimizer, self._meter, self._planned = trained, optimizer, meter, planned
        self._next = time.monotonic() + EVERY_S

    def __call__(self, taken: int) -> None:
        """After each step: keeps a checkpoint where one is due."""
        started = time.monotonic()
        if self.folder is None or started < self._next:
            return
        self._keep(self.folder, taken)
        now = time.monotonic()
        self._next = now + max(EVERY_S, (now - started) / MOST_OF_TIME)

    def _keep(self, folder: Path, taken: int) -> None:
        mechanisms = () if self._meter is None else self._meter.mechanisms
        told = {
            "mechanisms": _MECHANISMS.dump_python(list(mechanisms), mode="json"),
            "planned": _PLANS.dump_python(list(self._planned), mode="json"),
            "taken": taken,
        }
        weights = {f"of-model/{name}": one.detach().clone().contiguous() for name, one in self._trained.items()}
        weights |= checkpoint_files.of_optimizer(_OPTIMIZER, self._optimizer)
        checkpoint_files.write(folder, self.name, weights, told)

    def found(self) -> Checkpoint | None:
        """The checkpoint of this very training; None where there is none, or one that is not whole."""
        return found(self.folder, self.name)

    def forget(self) -> None:
        """Takes a checkpoint away."""
        checkpoint_files.forget(self.folder)


def found(folder: Path | None, name: str) -> Checkpoint | None:
    """The checkpoint of a training; None where there is none, or one that is not whole."""
    left = checkpoint_files.read(folder, name)
    if left is None:
        return None
    told, weights = left
    return Checkpoint(
        mechanisms=tuple(_MECHANISMS.validate_python(told["mechanisms"])),
        planned=tuple(_PLANS.validate_python(told["planned"])),
        taken=told["taken"],
        weights=weights,
    )


def identity(task: TrainingTask, backend: str, params: Mapping[str, object]) -> str:
    """What a checkpoint must have been made of to be gone on from."""
    digest = hashlib.sha256(repr((backend, sorted(params.items()), task.unit, task.rows_per_unit)).encode())
    for text in task.texts:
        digest.update(repr((text.prompt, text.text)).encode())
    files = sorted(task.base.iterdir()) if task.base.is_dir() else [task.base]
    for path in files:
        if path.is_file():
            with path.open("rb") as file:
                digest.update(path.name.encode() + hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()
