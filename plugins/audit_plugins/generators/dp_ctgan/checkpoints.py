"""A training that was cut off goes on where it stood, with what it had spent.

A checkpoint holds exact weights of the discriminator and what was spent; it stays in the workshop of the run, which is
deleted once the release is there, or once a training was stopped and its stop told. Steps that a killed run took after
its last checkpoint told nobody anything, so they are taken again.
"""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from pydantic import TypeAdapter
from torch import Tensor

from audit_core.guarantee import Mechanism, NoisySteps
from audit_core.refit import Schema
from audit_core.tables import Table
from audit_plugins.differential_privacy.meter import Meter
from audit_plugins.generators.dp_ctgan.dependencies import Dependency, dependencies_of
from audit_plugins.generators.dp_ctgan.dependencies import described as described_tree
from audit_plugins.generators.dp_ctgan.domain import Domain
from audit_plugins.generators.dp_ctgan.encoding import Encoding
from audit_plugins.generators.dp_ctgan.model_files import described, encoding_of
from audit_plugins.generators.dp_ctgan.training import Trainer

WEIGHTS, STATE = "checkpoint.safetensors", "checkpoint.json"
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
    """Writes a checkpoint. Where that is cut off between its two files there is none, and training begins anew.

    Args:
        name: Its identity.
    """
    from safetensors.torch import save

    data = save(_weights(trainer))
    told = {
        "identity": name,
        "weights": hashlib.sha256(data).hexdigest(),
        "encoding": described(trainer.encoding),
        "tree": described_tree(trainer.tree),
        "mechanisms": _MECHANISMS.dump_python(list(trainer.meter.mechanisms), mode="json"),
        "planned": TypeAdapter(NoisySteps).dump_python(planned, mode="json"),
        "taken": trainer.meter.taken,
    }
    _replace(folder / WEIGHTS, data)
    _replace(folder / STATE, json.dumps(told).encode())


def found(folder: Path | None, name: str) -> Checkpoint | None:
    """The checkpoint of this very training; None where there is none, or one that is not whole."""
    from safetensors.torch import load

    if folder is None:
        return None
    try:
        told: dict[str, Any] = json.loads((folder / STATE).read_bytes())
        data = (folder / WEIGHTS).read_bytes()
    except (OSError, ValueError):
        return None
    if told.get("identity") != name or told.get("weights") != hashlib.sha256(data).hexdigest():
        return None
    return Checkpoint(
        encoding=encoding_of(told["encoding"]),
        tree=dependencies_of(told["tree"]),
        mechanisms=tuple(_MECHANISMS.validate_python(told["mechanisms"])),
        planned=TypeAdapter(NoisySteps).validate_python(told["planned"]),
        taken=told["taken"],
        weights=load(data),
    )


def forget(folder: Path | None) -> None:
    """Takes a checkpoint away."""
    if folder is not None:
        for name in (STATE, WEIGHTS):
            (folder / name).unlink(missing_ok=True)


def apply(checkpoint: Checkpoint, trainer: Trainer) -> None:
    """Puts the weights into fresh networks and optimisers."""
    for name, network in _networks(trainer).items():
        mine = f"{name}."
        its = {key.removeprefix(mine): value for key, value in checkpoint.weights.items() if key.startswith(mine)}
        network.load_state_dict(its)
    for name, optimizer in _optimizers(trainer).items():
        state: dict[int, dict[str, Tensor]] = {}
        for key, value in checkpoint.weights.items():
            if key.startswith(f"{name}/"):
                _, at, what = key.split("/")
                state.setdefault(int(at), {})[what] = value
        optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})


def _weights(trainer: Trainer) -> dict[str, Tensor]:
    weights = {
        f"{name}.{key}": value.detach().clone().contiguous()
        for name, network in _networks(trainer).items()
        for key, value in network.state_dict().items()
    }
    for name, optimizer in _optimizers(trainer).items():
        for at, state in optimizer.state_dict()["state"].items():
            weights |= {f"{name}/{at}/{what}": torch.as_tensor(value).clone() for what, value in state.items()}
    return weights


def _networks(trainer: Trainer) -> dict[str, torch.nn.Module]:
    return {"generator": trainer.generator, "averaged": trainer.averaged, "discriminator": trainer.step.network}


def _optimizers(trainer: Trainer) -> dict[str, torch.optim.Optimizer]:
    return {"of-generator": trainer.generator_optimizer, "of-discriminator": trainer.step.optimizer}


def _replace(path: Path, data: bytes) -> None:
    fresh = path.with_suffix(".part")
    fresh.touch(mode=0o600)
    fresh.write_bytes(data)
    fresh.replace(path)
