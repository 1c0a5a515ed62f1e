"""Times the check `k-anonymity` on made tables of 6 quasi-identifiers and 2 sensitive columns; prints a table.

    PYTHONPATH=.:plugins python benchmarks/k_anonymity.py [--rows 10000000] [--peer PYTHON [--peer-rows 10000]]

Every line runs in a process of its own; "extra" is what its memory peaked at above the table's own. The table is its
own real population, so k-map is part of the time. `--peer` names the interpreter of another environment in which
pycanon is installed: k, l, t and delta of one sensitive column with few values are then compared on a small table.
"""

import argparse
import csv
import json
import multiprocessing
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from audit_core.case import Case, Role
from audit_core.measurement import Measurement
from audit_core.tables import Column, Table
from audit_plugins.checks.k_anonymity import KAnonymity

GRAINS = {
    "generalised": (8, 2, 5, 7, 4, 3),
    "mixed": (74, 2, 9, 16, 7, 6),
    "fine": (20_000, 2, 1_000, 16, 7, 42),
}
"""Distinct values of each quasi-identifier, by how coarse the table is."""

SENSITIVE = {"income": 1_000, "diagnosis": 12}
SEED = 11

FEW_VALUES = {"diagnosis": 12}
"""The sensitive column of the comparison: the peer's time grows with classes times values."""

PEER = """
import json, sys, time
import pandas
from pycanon import anonymity
frame = pandas.read_csv(sys.argv[1])
names = [name for name in frame.columns if name.startswith("q")]
start = time.perf_counter()
found = {
    "k": anonymity.k_anonymity(frame, names),
    "distinct l": anonymity.l_diversity(frame, names, ["diagnosis"]),
    "entropy l": anonymity.entropy_l_diversity(frame, names, ["diagnosis"]),
    "t": anonymity.t_closeness(frame, names, ["diagnosis"]),
    "delta": anonymity.delta_disclosure(frame, names, ["diagnosis"]),
}
print(json.dumps({"seconds": time.perf_counter() - start, "found": {k: float(v) for k, v in found.items()}}))
"""


def made_table(rows: int, grain: str, sensitive: dict[str, int]) -> Table:
    """Independent columns, values skewed towards the first ones as real ones are."""
    rng = np.random.default_rng(SEED)
    widths = {**{f"q{place}": width for place, width in enumerate(GRAINS[grain])}, **sensitive}
    columns, codes = [], np.empty((rows, len(widths)), dtype=np.int32, order="F")
    for place, (name, width) in enumerate(widths.items()):
        numeric = name != "diagnosis"
        values = np.arange(width, dtype=np.float64) if numeric else np.array([f"d{v:02}" for v in range(width)], object)
        columns.append(Column(name=name, kind="integer" if numeric else "category", values=values))
        skewed = rng.random(rows, dtype=np.float32)
        skewed *= skewed
        skewed *= width
        codes[:, place] = skewed
    return Table(columns=tuple(columns), codes=codes)


def case_of(table: Table) -> Case:
    roles: dict[str, Role] = {name: "sensitive" if name in SENSITIVE else "quasi-identifier" for name in table.names}
    return Case(
        name="benchmark",
        release=table,
        members=table,
        non_members=None,
        published=table,
        roles=roles,
        released_identifiers=None,
        member_identifiers=None,
        member_subjects=None,
        non_member_subjects=None,
        unit="row",
        overlap=0,
        generalised=True,
        k_anonymity_min=0,
        files={},
    )


def peak_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def timed(rows: int, grain: str, sensitive: dict[str, int]) -> dict[str, float]:
    """Seconds, peak memory above the table's, classes, and the values found."""
    table = made_table(rows, grain, sensitive)
    case, before = case_of(table), peak_mib()
    start = time.perf_counter()
    found = list(KAnonymity().measure(case, np.random.default_rng(SEED)))
    seconds = time.perf_counter() - start
    values = {f"{item.name} {item.of}": item.value for item in found if isinstance(item, Measurement)}
    classes = round(values["average_risk quasi-identifiers"] * rows)
    return {"seconds": seconds, "extra": peak_mib() - before, "table": before, "classes": classes, **values}


def apart(rows: int, grain: str, sensitive: dict[str, int]) -> dict[str, float]:
    """The same in a fresh process, so that memory peaks do not mix."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(timed, (rows, grain, sensitive))


def peer(python: str, table: Table) -> tuple[float, dict[str, float]]:
    """The peer's seconds and values; the table is handed over as text outside the timing."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "table.csv"
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(table.names)
            writer.writerows(zip(*(table.texts(name) for name in table.names), strict=True))
        said = subprocess.run(
            [python, "-W", "ignore", "-c", PEER, str(path)], check=True, capture_output=True, text=True
        )
    result = json.loads(said.stdout.splitlines()[-1])
    return result["seconds"], result["found"]


def compare(python: str, rows: int) -> None:
    """Prints both times and both tools' values."""
    ours = apart(rows, "generalised", FEW_VALUES)
    seconds, theirs = peer(python, made_table(rows, "generalised", FEW_VALUES))
    values = {
        "k": 1 / ours["largest_risk quasi-identifiers"],
        "distinct l": 1 / ours["l_distinct_risk diagnosis"],
        "entropy l": 1 / ours["l_entropy_risk diagnosis"],
        "t": ours["t_closeness diagnosis"],
        "delta": ours["delta_disclosure diagnosis"],
    }
    print(f"\n{rows:,} rows, {ours['classes']:,} classes {'ours':>12} {'peer':>12}")
    print(f"{'seconds':26} {ours['seconds']:12.3f} {seconds:12.3f}")
    for name, value in values.items():
        print(f"{name:26} {value:12.6f} {theirs[name]:12.6f}")


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--rows", type=int, default=10_000_000)
    options.add_argument("--peer", metavar="PYTHON", help="interpreter of an environment with pycanon")
    options.add_argument("--peer-rows", type=int, default=10_000)
    asked = options.parse_args()

    print(f"{'table':12} {'rows':>11} {'classes':>11} {'seconds':>8} {'table MiB':>10} {'extra MiB':>10}")
    for grain in GRAINS:
        ours = apart(asked.rows, grain, SENSITIVE)
        print(
            f"{grain:12} {asked.rows:11,} {ours['classes']:11,} {ours['seconds']:8.2f} "
            f"{ours['table']:10.0f} {ours['extra']:10.0f}"
        )
    if asked.peer:
        compare(asked.peer, asked.peer_rows)
    else:
        print("no comparison: name an interpreter with pycanon by --peer", file=sys.stderr)


if __name__ == "__main__":
    main()
