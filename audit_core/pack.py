"""The pack: the folder a run leaves behind. Folder 0700, files 0600, each whole or absent, a list of digests last.

An audit's holds a scorecard, a calibration's a calibration, a study's a study and the packs of its audits: the
document, and beside it the views of it.
"""

import errno
import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path, PurePath
from typing import Literal

import psutil

from audit_core.cache import copy_atomically, write_atomically
from audit_core.calibration import Calibration
from audit_core.errors import PackError, Problem, RunError
from audit_core.model_folder import file_sha256
from audit_core.plugin import RendererPlugin
from audit_core.scorecard import Scorecard
from audit_core.study import Study
from audit_core.words import LANGUAGES

Document = Scorecard | Calibration | Study
Kind = Literal["scorecard", "calibration", "study"]

SCORECARD, CALIBRATION, STUDY = "scorecard.json", "calibration.json", "study.json"
_FILES: dict[type[Document], tuple[Kind, str]] = {
    Scorecard: ("scorecard", SCORECARD),
    Calibration: ("calibration", CALIBRATION),
    Study: ("study", STUDY),
}
RECIPE, POLICY, MANIFEST = "recipe.resolved.yaml", "policy.resolved.yaml", "manifest.json"
RELEASE, LEDGER, COINS = "release/release.parquet", "release/ledger.json", "coins.json"
"""What a run makes before it audits: the release, what it cost, and how the members' file was split."""

CANARIES = "canaries.jsonl"
"""The made-up texts that a model was trained with, and those alike that it was not."""

STOPPED_LEDGER = "release/stopped-ledger.json"
"""What an earlier attempt spent before its training stopped."""

MODEL, WORKSHOP = "model", "workshop"
"""The fitted generator, where it can be kept; and, while it is fitted, what a run that is cut off goes on from."""

RELEASES = {"parquet": RELEASE, "csv": "release/release.csv"}
"""The release by its format."""

RUNS = "runs"
"""Of a study: the packs of its audits."""

CACHE, _LOCK = "cache", ".lock"


@contextmanager
def opened(folder: Path, *, resume: bool = False, force: bool = False) -> Iterator[Path]:
    """The folder, made if needed and locked against a second run. If nothing is put into it, it is taken away again.

    Raises:
        PackError: A pack or other files stand there (unless `force`, or `resume` of an unfinished run), another run
            is writing there, or it cannot be written to.
    """
    _refuse_occupied(folder, resume, force)
    made = [path for path in (folder, *folder.parents) if not os.path.exists(path)]  # noqa: PTH110 - it never raises
    try:
        _make(folder)
        if not resume:
            for name in (
                *RELEASES.values(),
                LEDGER,
                STOPPED_LEDGER,
                COINS,
                CANARIES,
            ):  # an earlier pack's would be taken for this one's
                (folder / name).unlink(missing_ok=True)
            for name in (MODEL, WORKSHOP, RUNS):
                shutil.rmtree(folder / name, ignore_errors=True)
        try:
            yield folder
        finally:
            (folder / _LOCK).unlink(missing_ok=True)
    finally:
        _remove_empty(made)


def _make(folder: Path) -> None:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.chmod(0o700)
        _lock(folder)
    except OSError as error:
        raise PackError(
            Problem(
                code="pack-not-writable",
                what=f"the output folder cannot be written to ({os.strerror(error.errno or 0)})",
                where=folder.name,
                fix="Choose another with --out",
            )
        ) from None


def _remove_empty(folders: Sequence[Path]) -> None:
    """Removes folders, innermost first, up to one that holds something."""
    with suppress(OSError):
        for folder in folders:
            folder.rmdir()


def _refuse_occupied(folder: Path, resume: bool, force: bool) -> None:
    if force or not folder.exists():
        return
    if not folder.is_dir():
        raise PackError(
            Problem(
                code="pack-not-a-folder", what="the output is a file", where=folder.name, fix="Choose another --out"
            )
        )
    if (owner := _owner(folder / _LOCK)) is not None:
        raise _locked(folder, owner)
    there = {path.name for path in folder.iterdir()} - {_LOCK}
    unfinished = there <= {CACHE, PurePath(RELEASE).parts[0], COINS, CANARIES, MODEL, WORKSHOP, RUNS}
    if there and not (resume and unfinished):
        what = "an unfinished run stands in" if unfinished else "a pack or other files stand in"
        fix = "Add --resume to go on with it" if unfinished else "Choose another --out, or overwrite it with --force"
        raise PackError(Problem(code="pack-occupied", what=f"{what} the output folder", where=folder.name, fix=fix))


def _lock(folder: Path) -> None:
    path = folder / _LOCK
    try:
        handle = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    except FileExistsError:
        owner = _owner(path)
        if owner is not None:
            raise _locked(folder, owner) from None
        path.unlink(missing_ok=True)
        handle = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    with os.fdopen(handle, "w") as file:
        file.write(str(os.getpid()))


def _locked(folder: Path, owner: int) -> PackError:
    what, fix = f"another run (process {owner}) is writing there", "Wait for it, or choose another --out"
    return PackError(Problem(code="pack-locked", what=what, where=folder.name, fix=fix))


def _owner(path: Path) -> int | None:
    """The living process that holds a lock; None where it is gone."""
    try:
        pid = int(path.read_text())
    except (OSError, ValueError):
        return None
    # A container gives each run the same number: our own there was a run's that is gone.
    return pid if pid != os.getpid() and psutil.pid_exists(pid) else None


def write(
    folder: Path, document: Document, recipe: bytes, policy: bytes, renderers: Mapping[str, RendererPlugin]
) -> None:
    """Writes the document, then every view of it, then the list of digests; the cache is gone after.

    What the run made before stands in the folder and is listed with the rest.

    Raises:
        RunError: There is no space, or a view cannot be rendered; what was written before it stands.
    """
    main = file_of(document)
    try:
        files = {main: document.to_json(), RECIPE: recipe, POLICY: policy}
        write_atomically(folder / main, files[main])
        files |= views(document, renderers)
        for name, data in files.items():
            write_atomically(folder / name, data)
        digests = {name: digest(data) for name, data in files.items()}
        write_atomically(folder / MANIFEST, manifest(digests | made_before(folder)))
    except OSError as error:
        what = "no space is left" if error.errno == errno.ENOSPC else os.strerror(error.errno or 0)
        raise RunError(
            Problem(
                code="pack-write-failed",
                what=f"the pack could not be written: {what}",
                where=folder.name,
                fix="Make room or choose another --out; `sekisho render` writes the views again from " + main,
            )
        ) from None
    for name in (CACHE, WORKSHOP):
        shutil.rmtree(folder / name, ignore_errors=True)


def made_before(folder: Path) -> dict[str, str]:
    """The digests of the release, its ledger, the fitted generator and the coins of a pack, by their path in it."""
    names = [
        COINS,
        CANARIES,
        *RELEASES.values(),
        LEDGER,
        STOPPED_LEDGER,
        *sorted(f"{MODEL}/{path.name}" for path in (folder / MODEL).glob("*")),
    ]
    return {name: f"sha256:{file_sha256(folder / name)}" for name in names if (folder / name).is_file()}


def manifest(digests: Mapping[str, str]) -> bytes:
    """The list of digests, by file name."""
    listed = {name: its for name, its in digests.items() if name != MANIFEST}
    return (json.dumps({"files": listed}, sort_keys=True, indent=1) + "\n").encode()


def digest(data: bytes) -> str:
    return "sha256:" + hashlib.sha256(data).hexdigest()


def kind_of(document: Document) -> Kind:
    return _FILES[type(document)][0]


def file_of(document: Document) -> str:
    """The file in a pack that a document itself stands in."""
    return _FILES[type(document)][1]


def views(document: Document, renderers: Mapping[str, RendererPlugin]) -> dict[str, bytes]:
    """Every view by its file name, one for each language where the name has a place for it."""
    files: dict[str, bytes] = {}
    for record in renderers.values():
        if record.of != kind_of(document):
            continue
        for language in LANGUAGES if "{language}" in record.filename else ("en",):
            name = record.filename.format(language=language)
            if name != file_of(document):
                files[name] = rendered(document, record, language)
    return files


def rendered(document: Document, record: RendererPlugin, language: str) -> bytes:
    """One view.

    Raises:
        RunError: The renderer failed.
    """
    from audit_core.loading import load

    try:
        data = load(record.load, None)(document, language)
    except Exception as error:  # whatever a stranger's renderer raises
        raise RunError(
            Problem(
                code="renderer-failed",
                what=f"the renderer {record.name!r} failed ({type(error).__name__})",
                fix=f"{file_of(document)} itself stands; report this to the renderer's author",
            )
        ) from error
    if not isinstance(data, bytes):
        raise RunError(Problem(code="renderer-failed", what=f"the renderer {record.name!r} gave no bytes"))
    return data


def read_document(pack: Path) -> Document:
    """The scorecard, the calibration or the study of a pack; a path to the file itself will do.

    Raises:
        PackError: There is none, or it cannot be read.
    """
    names = [name for _, name in _FILES.values() if (pack / name).is_file()] if pack.is_dir() else [pack.name]
    for kind, (_, name) in _FILES.items():
        if names[:1] == [name]:
            return kind.from_json(_read(pack, name))
    return read_scorecard(pack)


def read_scorecard(pack: Path) -> Scorecard:
    """The scorecard of a pack; a path to the scorecard itself will do.

    Raises:
        PackError: There is none, or it cannot be read.
    """
    return Scorecard.from_json(_read(pack, SCORECARD))


def _read(pack: Path, name: str) -> bytes:
    path = pack / name if pack.is_dir() else pack
    try:
        return path.read_bytes()
    except OSError as error:
        raise PackError(
            Problem(
                code="pack-missing",
                what=f"no {name.removesuffix('.json')} to read ({os.strerror(error.errno or 0)})",
                where=path.name,
                fix="Name the folder a run wrote with --out",
            )
        ) from None


def write_early(path: Path, data: bytes) -> None:
    """Writes a file of a pack before the run is over, whole or not at all.

    Raises:
        RunError: It cannot be written.
    """
    _early(path, lambda: write_atomically(path, data))


def copy_early(source: Path, path: Path) -> None:
    """The same with what is in another file.

    Raises:
        RunError: It cannot be written.
    """
    _early(path, lambda: copy_atomically(source, path))


def _early(path: Path, write: Callable[[], None]) -> None:
    try:
        path.parent.mkdir(mode=0o700, exist_ok=True)
        write()
    except OSError as error:
        what = f"the file could not be written: {os.strerror(error.errno or 0)}"
        fix = "Make room or choose another --out"
        raise RunError(Problem(code="pack-write-failed", what=what, where=path.name, fix=fix)) from None
