"""A fitted generator in a folder: the files its plugin wrote, and a list of their digests."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

from audit_core.errors import InputError, Problem

DESCRIPTION, DIGESTS = "generator.json", "files.json"


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


def _problem(what: str, fix: str) -> Problem:
    return Problem(code="model-unusable", what=what, where="release.generate.load", fix=fix)
