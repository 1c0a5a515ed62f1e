"""Which matrices of a language model remember the texts it was fine-tuned on, and does rank matter?

The claim of Savine et al. (2025), Memorization in fine-tuned LLMs (arXiv 2507.21009), table 3.1, at the size of a
laptop: adapters on the value matrices remember more than adapters on the query matrices. Sentences of PHEE, one of each
article, fall on either side by a coin; each run is an audit of its own, and what is compared is what its card says.


    python benchmarks/phee_memorisation.py PHEE-FOLDER BASE OUT [--records 300] [--seeds 3] [--jobs 2]
"""

import argparse
import itertools
import json
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from audit_core.evidence import Mean
from audit_core.measurement import Measurement
from audit_core.scorecard import Scorecard

TARGETS, RANKS = ("q_proj", "v_proj"), (1, 4)
DELTA = 1e-3
"""Below one over the number of members."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One audit.

    Attributes:
        name: Of its folder.
        train: The training backend.
        seed: Of the coins and of the training.
        params: Of the backend.
    """

    name: str
    train: str
    seed: int
    params: dict[str, Any]


def runs(epochs: float, seeds: int, target_epsilon: float) -> list[Run]:
    """The grid, each setting with every seed, and one private run."""
    plain = {"alpha": 16, "epochs": epochs, "batch": 8, "learning_rate": 1e-3, "physical_batch": 8}
    grid = [
        Run(
            name=f"{target[0]}-rank-{rank}-seed-{seed}",
            train="lora",
            seed=seed,
            params={**plain, "rank": rank, "target_modules": [target]},
        )
        for target, rank, seed in itertools.product(TARGETS, RANKS, range(seeds))
    ]
    private = {
        "rank": 4, "alpha": 16, "target_modules": ["v_proj"], "epsilon": target_epsilon, "delta": DELTA,
        "epochs": epochs, "batch": 30, "learning_rate": 1e-3, "physical_batch": 8,
    }  # fmt: skip
    return [*grid, Run(name="v-rank-4-private", train="lora-dpsgd", seed=0, params=private)]


def sentences(phee: Path, records: int) -> list[str]:
    """One sentence of each article, as many as are asked for, in random but fixed order."""
    first: dict[str, str] = {}
    for line in (phee / "train.json").read_text(encoding="utf-8").splitlines():
        its = json.loads(line)
        first.setdefault(its["id"].partition("_")[0], its["context"])
    order = np.random.default_rng(0).permutation(len(first))[:records]
    texts = list(first.values())
    return [texts[at] for at in order]


def audited(run: Run, base: Path, texts: Path, out: Path) -> tuple[Run, Scorecard, float]:
    """Runs one audit in a process of its own, unless an earlier call has finished it."""
    folder = out / run.name
    recipe = {
        "audit": run.name,
        "release": {"model": {"base": str(base.resolve()), "train": run.train, "params": run.params}},
        "members": texts.name,
        "non_members": {"split": 0.5},
        "text": "sentence",
        "seed": run.seed,
        "limits": {"timeout_s": 3600},
    }
    path = out / f"{run.name}.yaml"
    path.write_text(json.dumps(recipe), encoding="utf-8")  # JSON is YAML
    started = time.monotonic()
    if not (folder / "manifest.json").exists():
        command = [sys.executable, "-m", "audit_core", "audit", str(path), "--out", str(folder), "--allow-outside"]
        done = subprocess.run([*command, "--force"], capture_output=True, text=True, check=False)
        if done.returncode not in (0, 1, 3):
            raise RuntimeError(f"{run.name}: exit code {done.returncode}\n{done.stderr[-2000:]}")
    card = Scorecard.from_json((folder / "scorecard.json").read_bytes())
    return run, card, time.monotonic() - started


def measured(card: Scorecard, attack: str, name: str, of: str) -> Measurement:
    """One measurement of a card."""
    for finding in card.findings:
        for one in finding.measurements:
            if (finding.attack, one.name, one.of) == (attack, name, of):
                return one
    raise LookupError(f"{attack}/{name} ({of})")


def over_seeds(values: list[float]) -> str:
    """Mean and two-sided 90 % interval by Student's t."""
    array = np.array(values)
    if len(array) < 2:
        return f"{array.mean():.3f}"
    evidence = Mean(mean=float(array.mean()), se=float(array.std(ddof=1) / len(array) ** 0.5), df=len(array) - 1)
    bounds = evidence.bounds(0.95)
    return f"{evidence.value:.3f} ({bounds.low:.3f} to {bounds.high:.3f})"


def main() -> None:
    """Prints the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("phee", type=Path)
    parser.add_argument("base", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--records", type=int, default=300)
    parser.add_argument("--epochs", type=float, default=3)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--epsilon", type=float, default=8)
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--only", default="", help="names of runs that begin so")
    asked = parser.parse_args()
    asked.out.mkdir(parents=True, exist_ok=True)
    texts = asked.out / "sentences.jsonl"
    lines = [json.dumps({"sentence": one}) for one in sentences(asked.phee, asked.records)]
    texts.write_text("\n".join(lines) + "\n", encoding="utf-8")
    wanted = [one for one in runs(asked.epochs, asked.seeds, asked.epsilon) if one.name.startswith(asked.only)]
    started = time.monotonic()
    with ThreadPoolExecutor(asked.jobs) as pool:
        done = list(pool.map(lambda one: audited(one, asked.base, texts, asked.out), wanted))
    print(f"{len(done)} audits in {(time.monotonic() - started) / 60:.1f} min, {asked.jobs} at a time\n")
    report(done)


def report(done: list[tuple[Run, Scorecard, float]]) -> None:
    """A row for each setting, then what the claims came to."""

    def values(target: str, rank: int, attack: str, name: str, of: str) -> list[float]:
        start = f"{target[0]}-rank-{rank}-seed-"
        return [measured(card, attack, name, of).value for run, card, _ in done if run.name.startswith(start)]

    print("| matrix, rank | AUC of LR | AUC of EZ | AUC of loss | longest run beyond non-members | minutes a run |")
    print("|---|---|---|---|---|---|")
    for target, rank in itertools.product(TARGETS, RANKS):
        spent = [taken for run, _, taken in done if run.name.startswith(f"{target[0]}-rank-{rank}-seed-")]
        if not spent:
            continue
        cells = [
            over_seeds(values(target, rank, "likelihood-ratio", "auc", "per-token")),
            over_seeds(values(target, rank, "membership-panel", "auc", "ez")),
            over_seeds(values(target, rank, "membership-panel", "auc", "loss")),
            over_seeds(values(target, rank, "prefix-extraction", "ngram_share_excess", "greedy")),
            f"{np.mean(spent) / 60:.1f}",
        ]
        print(f"| {target}, {rank} | " + " | ".join(cells) + " |")
    pairs = {
        "V - Q, AUC of LR": [
            v - q
            for rank in RANKS
            for v, q in zip(
                *(values(target, rank, "likelihood-ratio", "auc", "per-token") for target in reversed(TARGETS)),
                strict=False,
            )
        ],
        "rank 4 - rank 1, AUC of LR": [
            high - low
            for target in TARGETS
            for low, high in zip(
                *(values(target, rank, "likelihood-ratio", "auc", "per-token") for rank in RANKS), strict=False
            )
        ],
        "EZ - LR, AUC": [
            ez - lr
            for target, rank in itertools.product(TARGETS, RANKS)
            for ez, lr in zip(
                values(target, rank, "membership-panel", "auc", "ez"),
                values(target, rank, "likelihood-ratio", "auc", "per-token"),
                strict=True,
            )
        ],
    }
    print("\n| difference | mean over runs (90 % interval) | runs |")
    print("|---|---|---|")
    for name, each in pairs.items():
        if each:
            print(f"| {name} | {over_seeds(each)} | {len(each)} |")
    for run, card, taken in done:
        if run.train == "lora-dpsgd":
            lr = measured(card, "likelihood-ratio", "auc", "per-token")
            epsilon = card.guarantee.epsilon if card.guarantee else float("nan")
            low, high = lr.interval.low, lr.interval.high
            print(f"\nprivate, epsilon {epsilon:.2f}: AUC of LR {lr.value:.3f} ({low:.3f} to {high:.3f}), "
                  f"{taken / 60:.1f} min")  # fmt: skip


if __name__ == "__main__":
    main()
