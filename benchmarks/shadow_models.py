"""What shadow models find of a language model that its ratio to the base does not, on the demo's made-up notes.

The small base of the demo, adapters of rank 16 on all layers, 800 notes of which a coin each keeps half; by turns more
epochs. Every row is an audit of its own, and what is compared is what its card says. At the end the control: a model
that was fine-tuned on other notes, of which nobody is a member.

    python benchmarks/shadow_models.py OUT [--epochs 1,3,8] [--models 8] [--seeds 2]
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import audit_core
from audit_core.measurement import Measurement
from audit_core.scorecard import Scorecard

DEMO = Path(audit_core.__file__).parent / "demo" / "text"
NOTES = 800
SHOWN = (
    ("likelihood-ratio", "per-token"),
    ("membership-panel", "loss"),
    ("lira", "online"),
    ("lira", "offline"),
    ("lira", "rmia"),
)


def prepared(folder: Path) -> None:
    """The notes and the base, where recipes find them."""
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copytree(DEMO / "base", folder / "base", dirs_exist_ok=True)
    notes = (DEMO / "notes.jsonl").read_text(encoding="utf-8").splitlines()
    parts = {"notes": (0, NOTES), "left": (0, NOTES // 2), "right": (NOTES // 2, NOTES), "others": (NOTES, 2 * NOTES)}
    for name, (start, end) in parts.items():
        (folder / f"{name}.jsonl").write_text("\n".join(notes[start:end]) + "\n", encoding="utf-8")


def params(epochs: float) -> dict[str, Any]:
    """Of every training."""
    return {"rank": 16, "target_modules": ["all-linear"], "epochs": epochs, "learning_rate": 3e-3}


def compared(folder: Path, epochs: float, models: int, seed: int) -> tuple[Scorecard, float]:
    """A model and its audit, and the seconds both took."""
    model = {"base": "base", "train": "lora", "params": params(epochs)}
    attacks = {"likelihood-ratio": {}, "membership-panel": {}, "lira": {"models": models}}
    name = f"{epochs:g}-epochs-seed-{seed}"
    return audited(folder, name, model, attacks=attacks, seed=seed, members="notes.jsonl", non_members={"split": 0.5})


def control(folder: Path, epochs: float, models: int) -> tuple[Scorecard, float]:
    """The same questions about a model that learnt none of these notes."""
    model = {"base": "base", "train": "lora", "params": params(epochs)}
    audited(
        folder, "others", model, attacks={"likelihood-ratio": {}}, members="others.jsonl", non_members={"split": 0.5}
    )
    training = {"train": "lora", "train_params": params(epochs)}
    attacks = {"likelihood-ratio": {}, "membership-panel": {}, "lira": {"models": models, **training}}
    loaded = {"base": "base", "load": "others/model"}
    return audited(folder, "control", loaded, attacks=attacks, members="left.jsonl", non_members="right.jsonl")


def audited(folder: Path, name: str, model: dict[str, Any], **asked: Any) -> tuple[Scorecard, float]:
    """One audit, and the seconds it took."""
    recipe = {"audit": name, "release": {"model": model}, "text": "note", **asked}
    (folder / f"{name}.yaml").write_text(json.dumps(recipe), encoding="utf-8")
    command = [sys.executable, "-m", "audit_core", "audit", f"{name}.yaml", "--out", name, "--force"]
    started = time.monotonic()
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode not in (0, 1, 3):
        raise SystemExit(done.stderr)
    return Scorecard.from_json((folder / name / "scorecard.json").read_bytes()), time.monotonic() - started


def said(card: Scorecard, attack: str, of: str) -> Iterator[str]:
    """AUC and TPR at 1 % with their bounds, at 95 % each."""
    found: dict[str, Measurement] = {
        one.name: one
        for finding in card.findings
        if finding.attack == attack
        for one in finding.measurements
        if one.of == of
    }
    for name in ("auc", "tpr_at_fpr_0_01"):
        bounds = found[name].evidence.bounds(0.95)
        yield f"{found[name].value:.3f} ({bounds.low:.3f} to {bounds.high:.3f})"


def main() -> None:
    """Runs it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("--epochs", default="1,3,8")
    parser.add_argument("--models", type=int, default=8)
    parser.add_argument("--seeds", type=int, default=2)
    asked = parser.parse_args()
    os.environ.update(HF_HUB_OFFLINE="1", TRANSFORMERS_OFFLINE="1")
    prepared(asked.out)
    print("| epochs, seed | score | AUC | TPR at FPR 1 % |")
    epochs = [float(one) for one in asked.epochs.split(",")]
    for each in epochs:
        for seed in range(asked.seeds):
            shown(f"{each:g}, {seed}", *compared(asked.out, each, asked.models, seed))
    shown("control", *control(asked.out, epochs[-1], asked.models))


def shown(name: str, card: Scorecard, seconds: float) -> None:
    """Prints the rows of one audit."""
    for attack, of in SHOWN:
        print(f"| {name} | {attack} {of} | {' | '.join(said(card, attack, of))} |")
    print(f"  {seconds:.0f} s", flush=True)


if __name__ == "__main__":
    main()
