"""A training that was cut off goes on where it stood, with what it had spent.

A checkpoint holds exact weights of the discriminator and what was spent; it stays in the workshop of the run, which is
deleted once the release is there, or once a training was stopped and its stop told. Steps that a killed run took after
its last checkpoint told nobody anything, so they are taken again.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import torch
from pydantic import TypeAdapter
from torch import Tensor

from audit_core.guarantee import Mechanism, NoisySteps
from audit_core.refit import Schema
from audit_core.tables import Table
from audit_plugins.differential_privacy import checkpoint_files
from audit_plugins.differential_privacy.meter import Meter
from audit_plugins.generators.dp_ctgan.dependencies import Dependency, dependencies_of
from audit_plugins.generators.dp_ctgan.dependencies import described as described_tree
from audit_plugins.generators.dp_ctgan.domain import Domain
from audit_plugins.generators.dp_ctgan.encoding import Encoding
from audit_plugins.generators.dp_ctgan.model_files import described, encoding_of
from audit_plugins.generators.dp_ctgan.training import Trainer

_MECHANISMS: TypeAdapter[list[Mechanism]] = TypeAdapter(list[Mechanism])


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """What a cut off training left.

    Attributes:
        mechanisms: Entered before training.
        planned: The steps of the whole training.
        taken: Steps that were taken.
        weights: Of networks and optimisers, by name.
    """

    encoding: Encoding
    tree: tuple[Dependency, ...]
    mechanisms: tuple[Mechanism, ...]
    planned: NoisySteps
    taken: int
    weights: dict[str, Tensor]

    @property
    def domains(self) -> list[Domain]:
        """Of the columns."""
        return [column.domain for column in self.encoding.columns]

    def restore(self, meter: Meter) -> None:
        """Enters what was spent into a fresh meter, and the plan.

        Raises:
            Overspent: It is more than the budget.
        """
        for mechanism in self.mechanisms:
            meter.spend(mechanism)  # type: ignore[arg-type]
        meter.plan(self.planned)
        meter.resume(self.taken)


def identity(table: Table, schema: Schema, params: dict[str, object]) -> str:
    """What a checkpoint must have been made of to be gone on from."""
    digest = hashlib.sha256(repr((sorted(params.items()), sorted(schema.items()))).encode())
    for at, column in enumerate(table.columns):
        digest.update(repr((column.name, column.kind, column.values.tolist())).encode())
        digest.update(table.codes[:, at].tobytes())
    return digest.hexdigest()


def keep(folder: Path, name: str, trainer: Trainer, planned: NoisySteps) -> None:
    """Writes a checkpoint.

    Args:
        name: Its identity.
    """
    told = {
        "encoding": described(trainer.encoding),
        "tree": described_tree(trainer.tree),
        "mechanisms": _MECHANISMS.dump_python(list(trainer.meter.mechanisms), mode="json"),
        "planned": TypeAdapter(NoisySteps).dump_python(planned, mode="json"),
        "taken": trainer.meter.taken,
    }
    checkpoint_files.write(folder, name, _weights(trainer), told)


def found(folder: Path | None, name: str) -> Checkpoint | None:
    """The checkpoint of this very training; None where there is none, or one that is not whole."""
    left = checkpoint_files.read(folder, name)
    if left is None:
        return None
    told, weights = left
    return Checkpoint(
        encoding=encoding_of(told["encoding"]),
        tree=dependencies_of(told["tree"]),
        mechanisms=tuple(_MECHANISMS.validate_python(told["mechanisms"])),
        planned=TypeAdapter(NoisySteps).validate_python(told["planned"]),
        taken=told["taken"],
        weights=weights,
    )


def apply(checkpoint: Checkpoint, trainer: Trainer) -> None:
    """Puts the weights into fresh networks and optimisers."""
    for name, network in _networks(trainer).items():
        mine = f"{name}."
        its = {key.removeprefix(mine): value for key, value in checkpoint.weights.items() if key.startswith(mine)}
        network.load_state_dict(its)
    for name, optimizer in _optimizers(trainer).items():
        checkpoint_files.into_optimizer(name, checkpoint.weights, optimizer)


def _weights(trainer: Trainer) -> dict[str, Tensor]:
    weights = {
        f"{name}.{key}": value.detach().clone().contiguous()
        for name, network in _networks(trainer).items()
        for key, value in network.state_dict().items()
    }
    for name, optimizer in _optimizers(trainer).items():
        weights |= checkpoint_files.of_optimizer(name, optimizer)
    return weights


def _networks(trainer: Trainer) -> dict[str, torch.nn.Module]:
    return {"generator": trainer.generator, "averaged": trainer.averaged, "discriminator": trainer.step.network}


def _optimizers(trainer: Trainer) -> dict[str, torch.optim.Optimizer]:
    return {"of-generator": trainer.generator_optimizer, "of-discriminator": trainer.step.optimizer}
