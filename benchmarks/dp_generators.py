"""How useful the rows of each generator are, what they cost, and how long it took: UCI Adult, income, several seeds.

    python benchmarks/dp_generators.py FOLDER [--generators dp-ctgan,ctgan,independent] [--seeds 3] [--epsilon 3]
        [--external PYTHON] [--table adult|credit-default|german-credit]

FOLDER holds the data sets' folders as `benchmarks/public_tables.py` reads them. Adult is trained on 32,561 rows and
tested on the other 16,281, by whose labels nothing was chosen; the other two are the tables for trying settings.
`--external` names the interpreter of another environment in which dpmm is installed: its MST then runs out of process
(`examples/mst_of_dpmm.py`).

Each line is one audit with the checks `tstr` and `marginals`: F1 of the rarer class by gradient boosting and its share
of what real rows reach, ROC AUC and its share, the fidelity of pairs of columns, epsilon by the ledger and computed
again, wall seconds and the highest resident size of the generator's process. The final epoch is taken.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from public_tables import ADULT, PublicTable, adult, credit_default, german_credit, write

BOUNDS = {
    "age": (17, 90), "fnlwgt": (1, 2_000_000), "education-num": (1, 16), "capital-gain": (0, 99_999),
    "capital-loss": (0, 5_000), "hours-per-week": (1, 99),
}  # fmt: skip
"""What the survey can record, by its description."""

CREDIT = {
    "LIMIT_BAL": (0, 1_000_000), "AGE": (18, 100),
    **{f"BILL_AMT{month}": (-400_000, 2_000_000) for month in range(1, 7)},
    **{f"PAY_AMT{month}": (0, 2_000_000) for month in range(1, 7)},
}  # fmt: skip

GERMAN = {"a2": (0, 100), "a5": (0, 20_000), "a8": (1, 4), "a11": (1, 4), "a13": (18, 80), "a16": (1, 4), "a18": (1, 2)}


def columns(table: PublicTable, bounds: dict[str, tuple[int, int]], target: str) -> dict[str, Any]:
    """Each column as a recipe declares it; for a benchmark the values of a category are those that occur."""
    declared: dict[str, Any] = {}
    for at, name in enumerate(table.columns):
        if name in bounds:
            low, high = bounds[name]
            declared[name] = {"type": "integer", "min": low, "max": high}
        else:
            values = sorted({row[at] for row in table.rows} - set(table.nulls))
            declared[name] = {"type": "category", "values": values}
    declared[target]["role"] = "sensitive"
    return declared


def measured(card: dict[str, Any], name: str, of: str) -> float:
    found = [
        one["value"]
        for finding in card["usefulness"]
        for one in finding["measurements"]
        if one["name"] == name and one["of"].startswith(of)
    ]
    return float(found[0]) if found else float("nan")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--generators", default="dp-ctgan,independent")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--epsilon", type=float, default=3.0)
    parser.add_argument("--epochs", type=int, help="of dp-ctgan and ctgan; their own defaults if left out")
    parser.add_argument("--external", help="interpreter of an environment with dpmm")
    parser.add_argument("--table", choices=["adult", "credit-default", "german-credit"], default="adult")
    options = parser.parse_args()
    if options.table == "adult":
        rows = adult(options.folder / "adult")
        table = PublicTable(
            name="Adult", columns=ADULT, rows=tuple(rows), nulls=("", "?"), quasi_identifiers=(), releases={}
        )
        cut, target, bounds = 32_561, "income", BOUNDS
    elif options.table == "credit-default":
        table = credit_default(options.folder)
        cut, target, bounds = 20_000, "default.payment.next.month", CREDIT
    else:
        table = german_credit(options.folder)
        cut, target, bounds = 700, "a21", GERMAN
    trained = {} if options.epochs is None else {"epochs": options.epochs}
    params: dict[str, dict[str, Any]] = {
        "dp-ctgan": {"epsilon": options.epsilon, "delta": 1e-6, "target": target} | trained,
        "ctgan": trained,
        "independent": {},
        "external": {
            "command": [
                str(options.external), str(Path(__file__).parents[1] / "examples" / "mst_of_dpmm.py"),
                "{train}", "{release}", "{rows}", "{schema}", "{ledger}", str(options.epsilon), "1e-6",
            ]
        },
    }  # fmt: skip
    names = [*options.generators.split(","), *(["external"] if options.external else [])]
    print(f"{'generator':12} seed  F1 (share)    AUC (share)   fidelity  epsilon / again  seconds    MiB")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write(folder / "members.csv", table.columns, table.rows[:cut])
        write(folder / "others.csv", table.columns, table.rows[cut:])
        for generator in names:
            for seed in range(options.seeds):
                recipe = {
                    "audit": generator,
                    "release": {"generate": {"with": generator, "params": params[generator]}, "rows": cut},
                    "members": "members.csv",
                    "non_members": "others.csv",
                    "nulls": list(table.nulls),
                    "columns": columns(table, bounds, target),
                    "seed": seed,
                    "attacks": {"tstr": {"target": target}, "marginals": {}, "dp-claim": {}, "exact-copies": {}},
                }
                (folder / "recipe.yaml").write_text(json.dumps(recipe), encoding="utf-8")
                words = [sys.executable, "-m", "audit_core", "audit", str(folder / "recipe.yaml"), "--allow-commands"]
                out = folder / f"{generator}-{seed}"
                ran = subprocess.run([*words, "--out", str(out)], capture_output=True, text=True, check=False)
                if not (out / "scorecard.json").exists():
                    print(f"{generator:12} {seed:4}  {ran.stderr.strip().splitlines()[-1][:100]}", flush=True)
                    continue
                print(
                    line(generator, seed, json.loads((out / "scorecard.json").read_text(encoding="utf-8"))), flush=True
                )


def line(generator: str, seed: int, card: dict[str, Any]) -> str:
    """One audit's figures."""
    boosted = "gradient-boosting"
    f1, auc = measured(card, "tstr_f1", boosted), measured(card, "tstr_auc", boosted)
    f1_share, auc_share = measured(card, "tstr_f1_share", boosted), measured(card, "tstr_auc_share", boosted)
    claim, again = card["guarantee"], float("nan")
    for finding in card["findings"]:
        for one in finding["measurements"]:
            if (one["name"], one["of"]) == ("epsilon_recomputed", "pld"):
                again = one["value"]
    used, nothing = card["volatile"], float("nan")
    spent = claim["epsilon"] if claim else nothing
    return (
        f"{generator:12} {seed:4}  {f1:.3f} ({f1_share:.3f})  {auc:.3f} ({auc_share:.3f})  "
        f"{measured(card, 'statistical_fidelity', ''):8.3f}  {spent:7.3f} / {again:5.3f}"
        f"  {used['seconds'].get(generator, nothing):7.1f}  {used['peak_mib'].get(generator, nothing):5.0f}"
    )


if __name__ == "__main__":
    main()
