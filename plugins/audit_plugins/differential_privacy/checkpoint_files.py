"""The two files of a checkpoint: weights as safetensors, the rest as JSON, and which training they are of."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor
    from torch.optim import Optimizer

WEIGHTS, STATE = "checkpoint.safetensors", "checkpoint.json"


def write(folder: Path, identity: str, weights: Mapping[str, "Tensor"], told: Mapping[str, Any]) -> None:
    """Writes a checkpoint. Where that is cut off between its two files there is none, and training begins anew.

    Args:
        identity: Of the training: no other may go on from it.
        told: What JSON can hold.
    """
    from safetensors.torch import save

    data = save(dict(weights))
    of = {"identity": identity, "weights": hashlib.sha256(data).hexdigest()}
    _replace(folder / WEIGHTS, data)
    _replace(folder / STATE, json.dumps({**told, **of}).encode())


def read(folder: Path | None, identity: str) -> tuple[dict[str, Any], dict[str, "Tensor"]] | None:
    """What was told, and the weights; None where there is no whole checkpoint of this very training."""
    from safetensors.torch import load

    if folder is None:
        return None
    try:
        told: dict[str, Any] = json.loads((folder / STATE).read_bytes())
        data = (folder / WEIGHTS).read_bytes()
    except (OSError, ValueError):
        return None
    if told.get("identity") != identity or told.get("weights") != hashlib.sha256(data).hexdigest():
        return None
    return told, load(data)


def forget(folder: Path | None) -> None:
    """Takes a checkpoint away."""
    if folder is not None:
        for name in (STATE, WEIGHTS):
            (folder / name).unlink(missing_ok=True)


def of_optimizer(name: str, optimizer: "Optimizer") -> dict[str, "Tensor"]:
    """What an optimiser remembers, to be kept among the weights under its name."""
    import torch

    return {
        f"{name}/{at}/{what}": torch.as_tensor(value).clone()
        for at, state in optimizer.state_dict()["state"].items()
        for what, value in state.items()
    }


def into_optimizer(name: str, weights: Mapping[str, "Tensor"], optimizer: "Optimizer") -> None:
    """Makes a fresh optimiser remember what was kept under a name."""
    state: dict[int, dict[str, Tensor]] = {}
    for key, value in weights.items():
        if key.startswith(f"{name}/"):
            _, at, what = key.split("/")
            state.setdefault(int(at), {})[what] = value
    optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})


def _replace(path: Path, data: bytes) -> None:
    fresh = path.with_suffix(".part")
    fresh.touch(mode=0o600)
    fresh.write_bytes(data)
    fresh.replace(path)
