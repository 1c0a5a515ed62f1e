"""A fitted generator as files: weights as safetensors, the rest as JSON, and the ledger of what it cost.

Nothing that runs code when read. The weights' header holds the digests of the other two files, so a ledger that was
changed, or taken from another model, is noticed.
"""

import hashlib
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from audit_core.errors import InputError, Problem
from audit_core.guarantee import Guarantee
from audit_plugins.generators.dp_ctgan.cells import NumberCells
from audit_plugins.generators.dp_ctgan.domain import Domain
from audit_plugins.generators.dp_ctgan.encoding import Encoded, Encoding
from audit_plugins.generators.dp_ctgan.networks import Generator

WEIGHTS, DESCRIPTION, LEDGER = "model.safetensors", "generator.json", "ledger.json"
PLUGIN, VERSION = "dp-ctgan", 1


def save(
    folder: Path,
    generator: Generator,
    encoding: Encoding,
    like: list[tuple[str, str]],
    shape: dict[str, int],
    claim: Guarantee,
) -> None:
    """Writes the three files.

    Args:
        like: Names and kinds of the columns.
        shape: The generator's sizes, by the names of its parameters.
    """
    from safetensors.torch import save_file

    folder.mkdir(parents=True, exist_ok=True)
    ledger = claim.to_json()
    told = {"plugin": PLUGIN, "version": VERSION, "columns": like, "shape": shape, "encoding": described(encoding)}
    description = (json.dumps(told, ensure_ascii=False, sort_keys=True) + "\n").encode()
    (folder / LEDGER).write_bytes(ledger)
    (folder / DESCRIPTION).write_bytes(description)
    weights = {name: value.contiguous() for name, value in generator.state_dict().items()}
    save_file(weights, str(folder / WEIGHTS), metadata={LEDGER: _digest(ledger), DESCRIPTION: _digest(description)})


def load(folder: Path) -> tuple[Generator, Encoding, list[tuple[str, str]], dict[str, int], Guarantee]:
    """Reads what `save` wrote.

    Raises:
        InputError: A file is missing, was changed, or is another model's.
    """
    from safetensors import SafetensorError, safe_open

    try:
        ledger, description = (folder / LEDGER).read_bytes(), (folder / DESCRIPTION).read_bytes()
        with safe_open(str(folder / WEIGHTS), framework="pt") as file:
            told = file.metadata() or {}
            weights = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - it is no dictionary
    except FileNotFoundError as error:
        raise _unusable(f"{Path(str(error.filename or WEIGHTS)).name} is missing", "Copy the whole folder") from None
    except (OSError, SafetensorError):
        raise _unusable(f"{WEIGHTS} cannot be read", "Copy the whole folder, or train again") from None
    if told.get(LEDGER) != _digest(ledger):
        raise _unusable(f"{LEDGER} is not the one that was written with the weights", "Take the folder as it was saved")
    if told.get(DESCRIPTION) != _digest(description):
        raise _unusable(
            f"{DESCRIPTION} is not the one that was written with the weights", "Take the folder as it was saved"
        )
    its = json.loads(description)
    if (its["plugin"], its["version"]) != (PLUGIN, VERSION):
        raise _unusable("the model is of another version or generator", "Train it again")
    encoding = encoding_of(its["encoding"])
    generator = Generator(**its["shape"])
    generator.load_state_dict(weights)
    like = [(str(name), str(kind)) for name, kind in its["columns"]]
    return generator.eval(), encoding, like, its["shape"], Guarantee.from_json(ledger)


def _unusable(what: str, fix: str) -> InputError:
    return InputError(Problem(code="model-unusable", what=what, where="release.generate.load", fix=fix))


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def described(encoding: Encoding) -> dict[str, Any]:
    columns = []
    for column in encoding.columns:
        domain = column.domain
        numbers = (
            None if domain.numbers is None else {"kind": domain.numbers.kind, "edges": domain.numbers.edges.tolist()}
        )
        columns.append(
            {
                "domain": asdict(domain) | {"numbers": numbers},
                "mode": column.mode.tolist(),
                "shares": column.shares.tolist(),
                "weights": column.weights.tolist(),
            }
        )
    return {"columns": columns, "target": encoding.target, "groups": encoding.groups.tolist(), "rows": encoding.rows}


def encoding_of(told: dict[str, Any]) -> Encoding:
    columns = []
    for column in told["columns"]:
        its = column["domain"]
        numbers = its["numbers"]
        if numbers is not None:
            numbers = NumberCells(kind=numbers["kind"], edges=np.array(numbers["edges"]))
        domain = Domain(name=its["name"], numbers=numbers, words=tuple(its["words"]), rare=its["rare"])
        columns.append(
            Encoded(
                domain=domain,
                mode=np.array(column["mode"], dtype=np.intp),
                shares=np.array(column["shares"]),
                weights=np.array(column["weights"]),
            )
        )
    return Encoding(columns=tuple(columns), target=told["target"], groups=np.array(told["groups"]), rows=told["rows"])
