"""A fitted generator in a folder: the files its plugin wrote, and a list of their digests."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

from audit_core.errors import InputError, Problem

DESCRIPTION, DIGESTS = "generator.json", "files.json"
MODEL_DESCRIPTION = "model.json"


def digests(files: Mapping[str, bytes]) -> bytes:
    """The list of digests, by file name."""
    found = {name: hashlib.sha256(data).hexdigest() for name, data in files.items()}
    return (json.dumps({"files": found}, sort_keys=True, indent=1) + "\n").encode()


def maker(folder: Path) -> str:
    """The name of the plugin that fitted a generator, once its files were found to be as they were saved.

    Raises:
        InputError: There is no fitted generator, or a file of it was changed, added or lost.
    """
    try:
        listed = json.loads((folder / DIGESTS).read_bytes())["files"]
        files = {path.name: path.read_bytes() for path in folder.iterdir() if path.name != DIGESTS}
        told = json.loads(files[DESCRIPTION])
        name = told["plugin"]
    except (OSError, ValueError, KeyError, TypeError):
        name, listed, files = None, {}, {}
    if not isinstance(name, str):
        what = f"there is no fitted generator: no {DESCRIPTION} that names its plugin, or no {DIGESTS}"
        raise InputError(_problem(what, "Name the folder `model` of a pack that a run left"))
    now = json.loads(digests(files))["files"]
    if changed := sorted(name for name in {*now, *listed} if now.get(name) != listed.get(name)):
        what = f"not as it was saved: {', '.join(changed)}"
        raise InputError(_problem(what, "Take the folder as the run left it; a ledger is no place to edit"))
    return name


def trained_by(folder: Path | None) -> str | None:
    """The name of the backend that fine-tuned a model, where one here did; None where nobody says."""
    try:
        name = json.loads(((folder or Path()) / MODEL_DESCRIPTION).read_bytes())["plugin"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return name if folder is not None and isinstance(name, str) else None


def _problem(what: str, fix: str) -> Problem:
    return Problem(code="model-unusable", what=what, where="release.generate.load", fix=fix)
