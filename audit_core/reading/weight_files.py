"""Files of weights by their headers alone: safetensors, their shards, GGUF; nothing of them is loaded."""

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any

from audit_core.errors import Problem
from audit_core.redact import display

WEIGHTS, INDEX = "model.safetensors", "model.safetensors.index.json"

_LARGEST_HEADER = 100_000_000
_LARGEST_JSON = 64 * 2**20
_LFS = b"version https://git-lfs"
_BYTES = {
    **dict.fromkeys(("F64", "I64", "U64"), 8),
    **dict.fromkeys(("F32", "I32", "U32"), 4),
    **dict.fromkeys(("F16", "BF16", "I16", "U16"), 2),
    **dict.fromkeys(("BOOL", "I8", "U8", "F8_E4M3", "F8_E5M2"), 1),
}
"""Of one number, by its type; the size of a type that is not here is not checked."""


@dataclass(frozen=True, slots=True)
class Weights:
    """What headers say.

    Attributes:
        shapes: Of each tensor, by name.
        problems: What is wrong with the files.
    """

    shapes: Mapping[str, tuple[int, ...]]
    problems: tuple[Problem, ...] = ()


def in_folder(folder: Path, where: str) -> Weights | None:
    """The weights of a whole model, in one file or in shards; None where there are none.

    A file of all weights is read before shards are, as the libraries do.
    """
    if (folder / WEIGHTS).is_file():
        return of_safetensors(folder / WEIGHTS, where)
    if not (folder / INDEX).is_file():
        return None
    told = read_json(folder / INDEX)
    placed = None if told is None else told.get("weight_map")
    if not isinstance(placed, dict) or not placed or not all(isinstance(name, str) for name in placed.values()):
        return Weights({}, (unreadable(INDEX, where),))
    parts = [_shard(folder, name, where) for name in sorted(set(placed.values()))]
    shapes = {name: shape for part in parts for name, shape in part.shapes.items()}
    problems = tuple(problem for part in parts for problem in part.problems)
    if not problems and not shapes.keys() >= placed.keys():
        problems = (unreadable(INDEX, where),)
    return Weights(shapes, problems)


def _shard(folder: Path, name: str, where: str) -> Weights:
    if PurePath(name).name != name or not name.endswith(".safetensors"):
        return Weights({}, (unreadable(INDEX, where),))
    if not (folder / name).is_file():
        what = f"the shard {display(name)} is missing"
        return Weights({}, (Problem(code="model-shard-missing", what=what, where=where, fix=AGAIN),))
    return of_safetensors(folder / name, where)


def of_safetensors(path: Path, where: str) -> Weights:
    """The tensors of one file: eight bytes of length, a header in JSON, and the numbers, without a gap."""
    name = display(path.name)
    if is_pointer(path):
        return Weights({}, (pointer(path.name, where),))
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            start = file.read(8)
            length = int.from_bytes(start, "little")
            if len(start) < 8 or not 2 <= length <= _LARGEST_HEADER:
                raise ValueError
            if length > size - 8:
                return Weights({}, (_truncated(name, size, 8 + length, where),))
            header = json.loads(file.read(length))
        shapes = dict(_tensors(header))
        end = 8 + length + _end(header)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return Weights({}, (unreadable(name, where),))
    if end > size:
        return Weights({}, (_truncated(name, size, end, where),))
    return Weights(shapes, () if end == size else (unreadable(name, where),))


def _tensors(header: dict[str, Any]) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Names and shapes.

    Raises:
        ValueError: A tensor has no size, or not the one that its place has.
    """
    for name, its in header.items():
        if name == "__metadata__":
            continue
        shape, (begin, end) = its["shape"], its["data_offsets"]
        if not all(type(one) is int and one >= 0 for one in (*shape, begin, end)) or begin > end:
            raise ValueError
        if (each := _BYTES.get(its["dtype"])) is not None and math.prod(shape) * each != end - begin:
            raise ValueError
        yield name, tuple(shape)


def _end(header: dict[str, Any]) -> int:
    """Where the last tensor ends.

    Raises:
        ValueError: There is a gap, or one lies over another.
    """
    at = 0
    for begin, end in sorted(its["data_offsets"] for name, its in header.items() if name != "__metadata__"):
        if begin != at:
            raise ValueError
        at = end
    return at


def of_gguf(path: Path, where: str) -> Iterator[Problem]:
    """What is wrong with a GGUF file, by its first bytes."""
    try:
        with path.open("rb") as file:
            start = file.read(64)
    except OSError:
        yield unreadable(display(path.name), where)
        return
    if start.startswith(_LFS):
        yield pointer(path.name, where)
    elif not start.startswith(b"GGUF") or path.suffix.lower() != ".gguf":
        what = "this file is no GGUF; a model in another form is a folder"
        yield Problem(code="model-not-gguf", what=what, where=where, fix="Name the model's folder")
    elif len(start) < 24 or int.from_bytes(start[4:8], "little") not in (2, 3):
        yield unreadable(display(path.name), where)


def is_pointer(path: Path) -> bool:
    """Whether Git LFS keeps the file elsewhere."""
    try:
        with path.open("rb") as file:
            return file.read(len(_LFS)) == _LFS
    except OSError:
        return False


def pointer(name: str, where: str) -> Problem:
    """Of a file that Git LFS keeps elsewhere."""
    what = f"{display(name)} is a Git LFS pointer in place of the file"
    return Problem(code="model-lfs-pointer", what=what, where=where, fix="Run `git lfs pull`")


def unreadable(name: str, where: str) -> Problem:
    """Of a file that is not what it is called."""
    what = f"{name} cannot be read for what it should be"
    return Problem(code="model-unreadable", what=what, where=where, fix=AGAIN)


def read_json(path: Path) -> dict[str, Any] | None:
    """The object in a file; None where there is none that can be read."""
    try:
        told = json.loads(path.read_bytes()) if path.stat().st_size <= _LARGEST_JSON else None
    except (OSError, ValueError, RecursionError):
        return None
    return told if isinstance(told, dict) else None


AGAIN = "Fetch or copy the model again"


def _truncated(name: str, size: int, end: int, where: str) -> Problem:
    what = f"{name} is cut off: it has {size:,} bytes and should have {end:,}"
    return Problem(code="model-truncated", what=what, where=where, fix=AGAIN)
