"""A marginal-based generator, MST of dpmm, for `with: external`: it runs in an environment of its own.

    python -m venv MST && MST/bin/pip install dpmm

    release:
      generate:
        with: external
        params:
          command: [MST/bin/python, mst_of_dpmm.py, "{train}", "{release}", "{rows}", "{schema}", "{ledger}", "3",
            "1e-6"]
      rows: 24000

What the recipe declares of the columns is its public domain: bounds of numbers and values of categories, all of which
must be declared. Numbers go into even bins. The ledger is what this program says of itself, and nobody here can add it
up again.

References:
    McKenna, Miklau & Sheldon (2021), Winning the NIST contest: a scalable and general approach to differentially
    private synthetic data.
"""

import json
import sys
from importlib.metadata import version
from pathlib import Path

import pandas as pd

BINS = 20
"""Of each number, all of one width."""


def main(train: str, release: str, rows: str, schema: str, ledger: str, epsilon: str, delta: str) -> None:
    from dpmm.pipelines import MSTPipeline

    declared = json.loads(Path(schema).read_text(encoding="utf-8"))
    numbers = {name for name, its in declared.items() if its["kind"] in ("integer", "number")}
    frame = pd.read_csv(train, dtype={name: str for name in declared if name not in numbers}, keep_default_na=False)
    domain = {}
    for name, its in declared.items():
        if name in numbers:
            frame[name] = pd.to_numeric(frame[name], errors="coerce")
            if its["low"] is not None and its["high"] is not None:
                domain[name] = {"lower": its["low"], "upper": its["high"]}
        else:
            values = [*its["values"], ""] if its["values"] is not None else None
            frame[name] = frame[name].astype(pd.CategoricalDtype(values) if values else "category")
            if values:
                domain[name] = {"categories": values}
    budget = float(epsilon)
    pipeline = MSTPipeline(
        epsilon=budget, delta=float(delta), proc_epsilon=None, binner_type="uniform", n_bins=BINS, n_jobs=1
    )
    pipeline.fit(frame, domain)
    made = pipeline.generate(n_records=int(rows))
    for name in numbers:
        if declared[name]["kind"] == "integer":
            made[name] = made[name].round().astype("Int64")
    made.to_csv(release, index=False)

    def domain_of(name: str) -> str:
        return f"{'bounds' if name in numbers else 'values'}:{name}"

    about = f"dpmm {version('dpmm')}"
    claim = {
        "epsilon": budget,
        "delta": float(delta),
        "budget": budget,
        "unit": "row",
        "rows_per_unit": 1,
        "relation": "add-or-remove",
        "accountant": f"zCDP of {about}",
        "mechanisms": [{"kind": "stated", "purpose": about, "epsilon": budget, "delta": float(delta)}],
        "public": [f"kind:{name}" for name in declared] + [domain_of(name) for name in domain],
        "outside": [domain_of(name) for name in declared if name not in domain],
        "released": ["table"],
        "tuning": "fixed-beforehand",
        "pretraining_overlap": "not-applicable",
        "schema_version": 1,
    }
    Path(ledger).write_text(json.dumps(claim), encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
