"""Times the exact search for nearest rows on UCI Adult, all 15 columns; compares some rows with a full search.

    python benchmarks/nearest_rows.py FOLDER [--members 24000] [--threads 2]

FOLDER holds `adult.data` and `adult.test` as published (archive.ics.uci.edu, dataset 2, CC BY 4.0). Of the two
releases, the fresh sample lies as near to the members as their own kind does, the independent columns lie far off.
"""

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np

from adult_releases import releases
from audit_core.neighbours import nearest, scales
from audit_core.recipe import recipe_of_files
from audit_core.table_case import prepare
from audit_core.tables import Table
from public_tables import ADULT, adult, write

ASKED = (
    ("members", "release", 20),
    ("non_members", "release", 20),
    ("release", "members", 1),
    ("members", "members", 2),
)
CHECKED = 200


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--members", type=int, default=24_000)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    rows = adult(options.folder)
    members, rest = rows[: options.members], rows[options.members :]
    for title in ("independent", "fresh sample"):
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            released = releases(members, rest[8_000:])[title]
            files = {"members": members, "non_members": rest[:8_000], "release": released}
            for arm, its in files.items():
                write(folder / f"{arm}.csv", ADULT, its)
            case = prepare(
                recipe_of_files(
                    release=folder / "release.csv",
                    members=folder / "members.csv",
                    non_members=folder / "non_members.csv",
                )
            )
        assert case.non_members is not None
        tables = {"release": case.release, "members": case.members, "non_members": case.non_members}
        units = scales(*tables.values())
        for left, right, k in ASKED:
            queries, others, same = tables[left], tables[right], left == right
            clock, cpu = time.monotonic(), time.process_time()
            found = nearest(queries, others, units, k=k, leave_self_out=same, threads=options.threads)
            clock, cpu = time.monotonic() - clock, time.process_time() - cpu
            some = np.random.default_rng(0).choice(len(queries), CHECKED, replace=False)
            total = by_definition(queries.take(some), others, units)
            if same:
                total[np.arange(CHECKED), some] = np.inf
            off = float(np.abs(np.sort(total, axis=1)[:, :k] - found.distance[some]).max())
            sizes = f"{len(queries)} x {len(others)}"
            print(f"{title:13} {left:11} > {right:8} {sizes:14} k = {k:2}  {clock:5.2f} s, of all cores {cpu:5.2f} s;")
            print(f"{'':13} largest difference from a full search over {CHECKED} rows: {off:.1g}", flush=True)


def by_definition(queries: Table, rows: Table, units: np.ndarray) -> np.ndarray:
    """Every distance in float64. Adult has no missing cells."""
    total = np.zeros((len(queries), len(rows)))
    for position, column in enumerate(rows.columns):
        x, y = queries.codes[:, position, None], rows.codes[None, :, position]
        if column.numeric:
            total += np.minimum(np.abs(column.values[x] - column.values[y]) / units[position], 1)
        else:
            total += x != y
    return total


if __name__ == "__main__":
    main()
