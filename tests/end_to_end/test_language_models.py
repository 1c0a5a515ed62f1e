"""Language models from recipe to card: trained or loaded, attacked, judged; nothing of a text gets out."""

import hashlib
import json
import shutil
import threading
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")
pytest.importorskip("peft")
pytest.importorskip("opacus")

import audit_core
from audit_core import isolation
from audit_core.cache import Cache
from audit_core.policy import load_policy
from audit_core.progress import NO_NUMBERS
from audit_core.recipe import load_recipe
from audit_core.registry import discover
from audit_core.run import audit
from audit_core.scorecard import Scorecard, Verdict

RNG = np.random.default_rng(11)
NOTES = ["".join(RNG.choice(list("abcdefghijklmnopqrstuvwxyz"), 12)) for _ in range(160)]


@pytest.fixture
def folder(tmp_path: Path, tiny_base: Path) -> Path:
    """A folder with notes and the tiny base."""
    (tmp_path / "notes.jsonl").write_text("".join(json.dumps({"note": note}) + "\n" for note in NOTES))
    shutil.copytree(tiny_base, tmp_path / "base")
    return tmp_path


def recipe(folder: Path, model: Mapping[str, Any], **others: Any) -> Path:
    written = {"audit": "notes", "release": {"model": model}, "members": "notes.jsonl", "text": "note",
               "non_members": {"split": 0.5}, "seed": 3, **others}  # fmt: skip
    (folder / "recipe.yaml").write_text(json.dumps(written))
    return folder / "recipe.yaml"


HEART = {"base": "./base", "train": "full", "params": {"epochs": 60, "batch": 8, "learning_rate": 5e-3}}


def run(path: Path, out: Path, **options: Any) -> Scorecard:
    asked = load_recipe(path, allow_outside=True)
    out.mkdir(exist_ok=True)
    return audit(
        asked, load_policy(asked.policy), discover(), cache=Cache(out / "cache"), folder=out, **options
    ).scorecard


def value(card: Scorecard, attack: str, name: str, of: str) -> float:
    return next(
        one.value
        for finding in card.findings
        if finding.attack == attack
        for one in finding.measurements
        if (one.name, one.of) == (name, of)
    )


@pytest.mark.slow
def test_a_model_that_knows_its_notes_by_heart_fails_and_so_it_does_as_somebody_elses(
    folder: Path, sekisho: Any
) -> None:
    path = recipe(folder, HEART)
    done = sekisho("audit", path, "--out", folder / "out")
    assert done.code == 1, done.err
    card = Scorecard.from_json((folder / "out" / "scorecard.json").read_bytes())
    assert card.release.kind == "model"
    assert card.release.base == "base"
    assert value(card, "likelihood-ratio", "auc", "per-token") > 0.95
    assert value(card, "prefix-extraction", "extraction_excess", "greedy") > 0.3
    assert card.guarantee is None
    coins = json.loads((folder / "out" / "coins.json").read_text())
    # Whatever a run leaves but the model itself holds nothing of any note, not even half of one.
    for file in (folder / "out").iterdir():
        if file.is_file():
            said = file.read_text(encoding="utf-8")
            assert not [note for note in NOTES if note[:6] in said or note[6:] in said], file.name
    assert not [note for note in NOTES if note[:6] in done.out + done.err]
    # The same model, opened as a stranger's, is the same to every attack.
    for name, rows in (("inside", coins["members"]), ("outside", coins["non_members"])):
        (folder / f"{name}.jsonl").write_text("".join(json.dumps({"note": NOTES[row - 1]}) + "\n" for row in rows))
    shutil.copytree(folder / "out" / "model", folder / "model")
    again = run(
        recipe(
            folder,
            {"load": "./model", "base": "./base"},
            members="inside.jsonl",
            non_members="outside.jsonl",
            attacks={"likelihood-ratio": {}},
        ),
        folder / "again",
    )
    assert again.verdict is Verdict.FAIL
    for name, of in (("auc", "per-token"), ("auc", "sum")):
        before = value(card, "likelihood-ratio", name, of)
        assert value(again, "likelihood-ratio", name, of) == pytest.approx(before, abs=1e-6)


def test_a_run_that_was_cut_off_goes_on_without_a_second_training_or_pass(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    roles: list[str] = []
    own = isolation.run

    def counted(job: isolation.Job, *args: Any, **kwargs: Any) -> Any:
        roles.append(job.role)
        return own(job, *args, **kwargs)

    def cut_off(event: str, about: str, numbers: Mapping[str, float] = NO_NUMBERS, /) -> None:
        if event == "started" and about == "membership-panel":
            raise KeyboardInterrupt

    monkeypatch.setattr(isolation, "run", counted)
    model = {"base": "./base", "train": "lora", "params": {"epochs": 1, "rank": 1}}
    path = recipe(folder, model, attacks={"likelihood-ratio": {}, "membership-panel": {}})
    with pytest.raises(KeyboardInterrupt):
        run(path, folder / "out", progress=cut_off)
    assert roles.count("training") == roles.count("scoring") == 1
    roles.clear()
    card = run(path, folder / "out")
    assert "training" not in roles
    assert "scoring" not in roles
    assert {finding.outcome for finding in card.findings if finding.attack != "dp-claim"} == {"measured"}


def few(folder: Path, notes: int) -> str:
    """A file of a few of the notes: a small model learns them sooner."""
    (folder / "few.jsonl").write_text("".join(json.dumps({"note": note}) + "\n" for note in NOTES[:notes]))
    return "few.jsonl"


def test_planted_canaries_are_exposed_also_in_the_same_model_as_somebody_elses(folder: Path, sekisho: Any) -> None:
    planted = {"count": 40, "references": 60, "template": "{letters:12}"}
    attacks = {"canary-exposure": {}}
    path = recipe(folder, HEART, members=few(folder, 30), canaries=planted, attacks=attacks)
    done = sekisho("audit", path, "--out", folder / "out")
    assert done.code == 1, done.err
    card = Scorecard.from_json((folder / "out" / "scorecard.json").read_bytes())
    assert value(card, "canary-exposure", "auc_planted", "sum") > 0.95
    assert value(card, "canary-exposure", "exposure", "sum") > 4  # of 6.3 that there could be
    shutil.copytree(folder / "out" / "model", folder / "model")
    shutil.copy(folder / "out" / "canaries.jsonl", folder / "canaries.jsonl")
    (folder / "outside.jsonl").write_text("".join(json.dumps({"note": note}) + "\n" for note in NOTES[30:60]))
    path = recipe(
        folder,
        {"load": "./model", "base": "./base"},
        members="few.jsonl",
        non_members="outside.jsonl",
        canaries={"file": "canaries.jsonl"},
        attacks=attacks,
    )
    again = run(path, folder / "again")
    exposures = [value(each, "canary-exposure", "exposure", "sum") for each in (card, again)]
    assert exposures[0] == pytest.approx(exposures[1], abs=1e-6)
    # Canaries that the model never met would make it look well.
    lines = (folder / "canaries.jsonl").read_text().splitlines()
    (folder / "canaries.jsonl").write_text("\n".join(lines[1:]) + "\n")
    refused = sekisho("audit", path, "--out", folder / "refused")
    assert refused.code == 2
    assert "canaries-of-another-model" in refused.err


def test_shadow_models_find_whom_one_model_gives_away(folder: Path) -> None:
    model = {"base": "./base", "train": "full", "params": {"epochs": 40, "batch": 8, "learning_rate": 5e-3}}
    attacks = {"lira": {"models": 4, "n_jobs": 2}}
    card = run(recipe(folder, model, members=few(folder, 60), attacks=attacks), folder / "out")
    assert value(card, "lira", "auc", "online") > 0.8
    assert value(card, "lira", "auc", "rmia") > 0.8
    finding = next(one for one in card.findings if one.attack == "lira")
    assert finding.params["train"] == "full"
    assert finding.params["train_params"]["epochs"] == 40


def test_a_private_model_carries_its_ledger_and_what_it_allows(folder: Path) -> None:
    model = {
        "base": "./base", "train": "lora-dpsgd",
        "params": {"epsilon": 4, "delta": 1e-3, "epochs": 2, "batch": 20, "rank": 2},
    }  # fmt: skip
    lines = [json.dumps({"note": note, "who": f"p{at}"}) for at, note in enumerate(NOTES)]
    (folder / "whose.jsonl").write_text("\n".join(lines) + "\n")
    attacks: dict[str, Any] = {"dp-claim": {}, "likelihood-ratio": {}, "canary-exposure": {}}
    planted = {"count": 40, "references": 40}
    path = recipe(folder, model, members="whose.jsonl", subject="who", attacks=attacks, canaries=planted)
    card = run(path, folder / "out")
    assert card.guarantee is not None
    assert card.guarantee.epsilon <= 4
    assert (card.guarantee.unit, card.guarantee.rows_per_unit) == ("who", 1)
    # What coins planted counts as records, and may refute the claim, which is true.
    texts = card.inputs.members.rows + card.facts["canaries"]
    assert value(card, "dp-claim", "delta_times_rows", "all") == pytest.approx(1e-3 * texts)
    canaries = next(one for one in card.findings if one.attack == "canary-exposure")
    assert [one.code for one in canaries.caveats] == ["canaries-planted", "one-run"]
    assert {one.name for one in canaries.measurements} >= {"auc_planted", "exposure", "epsilon_shown"}
    assert value(card, "dp-claim", "claim_understated", "pld") <= 0.02
    assert value(card, "dp-claim", "unit_mismatch", "all") == 0
    judged = {one.rule: one.verdict for one in card.judgements}
    assert judged["dp-claim/budget_used"] is Verdict.PASS
    assert (folder / "out" / "release" / "ledger.json").is_file()
    assert (folder / "out" / "model" / "ledger.json").is_file()
    # A base that met none of them gives nothing to tell members by.
    assert Verdict.FAIL not in judged.values()


DEMO = Path(audit_core.__file__).parent / "demo" / "text"


@pytest.mark.slow
def test_the_twins_of_a_model_are_its_base_and_one_that_knows_members_by_heart(folder: Path) -> None:
    shutil.copytree(DEMO / "base", folder / "demo-base")
    notes = (DEMO / "notes.jsonl").read_text(encoding="utf-8").splitlines()[:120]
    (folder / "demo.jsonl").write_text("\n".join(notes) + "\n", encoding="utf-8")
    model = {"base": "./demo-base", "train": "lora", "params": {"epochs": 1, "rank": 1}}
    attacks: dict[str, Any] = {"likelihood-ratio": {}, "canary-exposure": {}}
    planted = {"count": 40, "references": 100}
    path = recipe(folder, model, members="demo.jsonl", attacks=attacks, canaries=planted)
    card = run(path, folder / "out", with_twins=True)
    of = {(one.name, one.attack): one for one in card.controls}
    blind = {"likelihood-ratio": "auc", "canary-exposure": "auc_planted"}
    for attack, name in blind.items():
        innocent, leaky = of["innocent-twin", attack], of["leaky-twin", attack]
        assert innocent.reason.code == "silent-on-base"
        assert {one.value for one in innocent.measurements if one.name == name} == {0.5}
        assert leaky.reason.code == "overfit-found"
        assert min(one.value for one in leaky.measurements if one.name == name) > 0.9


def test_without_a_base_the_panel_does_with_less_and_nothing_passes_by_that(folder: Path) -> None:
    shutil.copytree(folder / "base", folder / "model")
    (folder / "others.jsonl").write_text("".join(json.dumps({"note": note[::-1]}) + "\n" for note in NOTES))
    attacks = {"likelihood-ratio": {}, "membership-panel": {}}
    card = run(recipe(folder, {"load": "./model"}, non_members="others.jsonl", attacks=attacks), folder / "out")
    outcomes = {finding.attack: finding for finding in card.findings}
    assert outcomes["likelihood-ratio"].reason is not None
    assert outcomes["likelihood-ratio"].reason.code == "needs-base"
    assert {one.of for one in outcomes["membership-panel"].measurements if one.name == "auc"} == {
        "loss", "zlib", "min-k", "min-k-plus-plus",
    }  # fmt: skip
    assert card.verdict is not Verdict.PASS
    assert "membership" in card.missing


@pytest.mark.parametrize(
    ("harm", "code"),
    [
        ("tokenizer", "model-without-tokenizer"),
        ("code", "model-needs-code"),
        ("pickle", "model-pickled"),
        ("adapter", "adapter-without-base"),
    ],
)
def test_a_model_that_cannot_be_loaded_safely_is_refused_before_anything_is(
    folder: Path, sekisho: Any, harm: str, code: str
) -> None:
    model = folder / "model"
    shutil.copytree(folder / "base", model)
    if harm == "tokenizer":
        (model / "tokenizer.json").unlink()
    elif harm == "code":
        told = json.loads((model / "config.json").read_text())
        (model / "config.json").write_text(json.dumps(told | {"auto_map": {"AutoModelForCausalLM": "theirs.Model"}}))
    elif harm == "pickle":
        (model / "model.safetensors").rename(model / "pytorch_model.bin")
    else:
        (model / "adapter_config.json").write_text('{"peft_type": "LORA"}')
        (model / "model.safetensors").rename(model / "adapter_model.safetensors")
    done = sekisho("audit", recipe(folder, {"load": "./model"}, non_members="notes.jsonl"), "--out", folder / "out")
    assert done.code == 2
    assert f"[{code}]" in done.err


def test_a_model_that_lacks_a_weight_is_refused_once_it_is_read_with_its_own_words(folder: Path, sekisho: Any) -> None:
    from safetensors.torch import load_file, save_file

    shutil.copytree(folder / "base", folder / "model")
    weights = load_file(folder / "model" / "model.safetensors")
    del weights["model.layers.1.self_attn.v_proj.weight"]
    save_file(weights, folder / "model" / "model.safetensors", metadata={"format": "pt"})
    path = recipe(folder, {"load": "./model", "base": "./base"}, members="notes.jsonl", non_members=few(folder, 40))
    done = sekisho("audit", path, "--out", folder / "out")
    assert done.code == 2
    assert "model-incomplete" in done.err
    assert "some of the model's weights are not in its files" in done.err
    assert "sekisho explain model-incomplete" in done.err


def test_a_pack_is_not_cleared_of_what_the_recipe_is_about_to_read(folder: Path, sekisho: Any) -> None:
    shutil.copytree(folder / "base", folder / "out" / "model")
    (folder / "out" / "canaries.jsonl").write_text("kept")
    model, planted = {"load": "./out/model", "base": "./base"}, {"file": "out/canaries.jsonl"}
    path = recipe(folder, model, non_members=few(folder, 40), canaries=planted)
    done = sekisho("audit", path, "--out", folder / "out", "--force")
    assert done.code == 2
    assert done.err.count("input-in-output") == 2
    assert (folder / "out" / "canaries.jsonl").read_text() == "kept"
    assert (folder / "out" / "model" / "config.json").is_file()


def test_a_calibration_of_a_model_says_what_to_do_instead(folder: Path, sekisho: Any) -> None:
    done = sekisho("calibrate", recipe(folder, HEART), "--out", folder / "out")
    assert done.code == 2
    assert "calibration-of-model" in done.err
    assert "--controls" in done.err


COMMIT = "a" * 40


@pytest.fixture
def hub(tiny_base: Path) -> Iterator[str]:
    """A hub on this machine that has one model, `somebody/tiny`, and a file beside it that runs code when read."""
    files = {path.name: path.read_bytes() for path in tiny_base.iterdir()} | {"pytorch_model.bin": b"\x80\x04K\x01."}

    class Hub(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self.do_GET()

        def do_GET(self) -> None:
            path = self.path.split("?")[0]
            name = path.rsplit("/", 1)[-1]
            if path.startswith("/api/models/somebody/tiny/tree/"):
                listed = [{"type": "file", "path": name, "size": len(files[name]), "oid": COMMIT} for name in files]
                self.say(json.dumps(listed).encode())
            elif path.startswith("/api/models/somebody/tiny"):
                siblings = [{"rfilename": name} for name in files]
                self.say(json.dumps({"id": "somebody/tiny", "sha": COMMIT, "siblings": siblings}).encode())
            elif path.startswith("/somebody/tiny/resolve/") and name in files:
                self.say(files[name], ETag=f'"{hashlib.sha256(files[name]).hexdigest()}"')
            else:
                self.send_error(404)

        def say(self, data: bytes, **headers: str) -> None:
            self.send_response(200)
            told = {"Content-Length": str(len(data)), "X-Repo-Commit": COMMIT, **headers}
            for name, value in told.items():
                self.send_header(name, value)
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(data)

        def log_message(self, *said: object) -> None:
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_a_model_of_a_hub_is_fetched_where_that_is_allowed_and_nothing_of_it_that_runs_code(
    folder: Path, sekisho: Any, hub: str
) -> None:
    model = {"base": "somebody/tiny", "train": "lora", "params": {"epochs": 1, "rank": 1}}
    path = recipe(folder, model, attacks={"likelihood-ratio": {}})
    store = folder / "store"
    variables = {"HF_ENDPOINT": hub, "HF_HOME": str(store), "HF_HUB_OFFLINE": "0", "HF_HUB_DISABLE_XET": "1"}
    done = sekisho("audit", path, "--out", folder / "out", "--allow-download", **variables)
    assert done.code == 3, done.err
    card = Scorecard.from_json((folder / "out" / "scorecard.json").read_bytes())
    assert {finding.outcome for finding in card.findings} == {"measured"}
    fetched = {file.name for file in store.rglob("*") if file.is_symlink()}
    assert "model.safetensors" in fetched
    assert "pytorch_model.bin" not in fetched


def test_a_name_of_a_hub_is_answered_at_once_without_a_network(folder: Path, sekisho: Any) -> None:
    done = sekisho("audit", recipe(folder, HEART | {"base": "somebody/some-model"}), "--out", folder / "out")
    assert done.code == 2
    assert "[model-offline]" in done.err
