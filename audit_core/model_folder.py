"""A fitted generator in a folder: the files its plugin wrote, and a list of their digests."""

import hashlib
import json
from pathlib import Path

from audit_core.errors import InputError, Problem

DESCRIPTION, DIGESTS = "generator.json", "files.json"
MODEL_DESCRIPTION = "model.json"


def listed(folder: Path) -> bytes:
    """What `DIGESTS` says: the digests of all other files of a folder, by name."""
    return (json.dumps({"files": _digests(folder)}, sort_keys=True, indent=1) + "\n").encode()


def _digests(folder: Path) -> dict[str, str]:
    return {path.name: file_sha256(path) for path in folder.iterdir() if path.name != DIGESTS}


def file_sha256(path: Path) -> str:
    """The hex digest of a file, however large that is."""
    with path.open("rb") as data:
        return hashlib.file_digest(data, "sha256").hexdigest()


def maker(folder: Path) -> str:
    """The name of the plugin that fitted a generator, once its files were found to be as they were saved.

    Raises:
        InputError: There is no fitted generator, or a file of it was changed, added or lost.
    """
    try:
        before = json.loads((folder / DIGESTS).read_bytes())["files"]
        name, now = json.loads((folder / DESCRIPTION).read_bytes())["plugin"], _digests(folder)
    except (OSError, ValueError, KeyError, TypeError):
        name, before, now = None, {}, {}
    if not isinstance(name, str):
        what = f"there is no fitted generator: no {DESCRIPTION} that names its plugin, or no {DIGESTS}"
        raise InputError(_problem(what, "Name the folder `model` of a pack that a run left"))
    if changed := sorted(name for name in {*now, *before} if now.get(name) != before.get(name)):
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
