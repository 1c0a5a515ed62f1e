"""What a killed run had finished, kept in the run's folder under the digest of everything it depends on."""

import hashlib
import io
import json
import os
import shutil
import tempfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray


def key(*parts: object) -> str:
    """A name for a result: equal parts give an equal name. The parts must be JSON."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()[:32]


def write_atomically(path: Path, data: bytes) -> None:
    """Writes a whole file or nothing, readable by its owner only: temporary file, fsync, rename."""
    _filled(path, lambda file: file.write(data))


def copy_atomically(source: Path, path: Path) -> None:
    """The same with what is in another file, however large that is."""
    with source.open("rb") as data:
        _filled(path, lambda file: shutil.copyfileobj(data, file, _PIECE))


_PIECE = 2**20


def _filled(path: Path, fill: Callable[[BinaryIO], object]) -> None:
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            fill(file)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


class Cache:
    """Results by name in one folder, made when there is something to keep; without one, kept for this run only."""

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder
        self._temporary: tempfile.TemporaryDirectory[str] | None = None
        self._arrays: dict[str, dict[str, NDArray[Any]]] = {}

    def arrays(self, name: str) -> dict[str, NDArray[Any]] | None:
        """The arrays stored under a name; None if there are none or the file is damaged."""
        if name in self._arrays or self._folder is None:
            return self._arrays.get(name)
        try:
            with (self._folder / f"{name}.npz").open("rb") as file, np.load(file, allow_pickle=False) as stored:
                return {field: stored[field] for field in stored.files}
        except (OSError, ValueError, KeyError, EOFError, BadZipFile, zlib.error):
            return None

    def keep_arrays(self, name: str, arrays: dict[str, NDArray[Any]]) -> None:
        self._arrays[name] = arrays
        if self._folder is not None:
            buffer = io.BytesIO()
            np.savez(buffer, allow_pickle=False, **arrays)
            self._keep(self._folder, f"{name}.npz", buffer.getvalue())

    def text(self, name: str) -> bytes | None:
        """The bytes stored under a name, or None."""
        if self._folder is None:
            return None
        try:
            return (self._folder / f"{name}.json").read_bytes()
        except OSError:
            return None

    def keep_text(self, name: str, data: bytes) -> None:
        if self._folder is not None:
            self._keep(self._folder, f"{name}.json", data)

    def folder(self, name: str) -> Path:
        """A folder for what is no array and no text, such as a model; made where there is none."""
        if self._folder is None and self._temporary is None:
            self._temporary = tempfile.TemporaryDirectory(prefix="sekisho-")
        home = Path(self._temporary.name) if self._temporary is not None else self._folder
        folder = (home or Path()) / name
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return folder

    def _keep(self, folder: Path, filename: str, data: bytes) -> None:
        # Not before: an empty folder would say that a run was cut off, where one was refused.
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_atomically(folder / filename, data)
