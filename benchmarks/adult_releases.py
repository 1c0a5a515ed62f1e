"""Audits six releases of UCI Adult as a user would, and prints verdict, seconds and memory of each attack.

    python benchmarks/adult_releases.py FOLDER [--members 24000] [--non-members 8000]

FOLDER holds `adult.data` and `adult.test` as published (archive.ics.uci.edu, dataset 2, CC BY 4.0).
"""

import argparse
import json
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from public_tables import ADULT, Row, adult, write

NUMERIC = ("age", "fnlwgt", "capital-gain", "capital-loss", "hours-per-week")


def releases(members: Sequence[Row], rest: Sequence[Row]) -> dict[str, list[Row]]:
    """The six releases."""
    rng = random.Random(1)
    columns = [rng.sample(column, len(column)) for column in zip(*members, strict=True)]
    independent = list(zip(*columns, strict=True))
    copied = rng.sample(list(members), len(members) // 50)
    disguises = (str.upper, lambda text: text + " ", lambda text: text.replace("a", "ａ"))
    disguised = [
        tuple(disguises[at % 3](cell) if cell.isalpha() else cell for cell in row) for at, row in enumerate(copied)
    ]
    jittered = [
        tuple(
            str(int(cell) + rng.choice((-1, 1))) if name in NUMERIC and cell != "0" else cell
            for name, cell in zip(ADULT, row, strict=True)
        )
        for row in rng.sample(list(members), len(members) // 10)
    ]
    kept = independent[len(copied) :]
    return {
        "members, shuffled": rng.sample(list(members), len(members)),
        "2 % verbatim": [*kept, *copied],
        "2 % disguised": [*kept, *disguised],
        "10 % jittered": [*independent[len(jittered) :], *jittered],
        "independent": independent,
        "fresh sample": list(rest),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--members", type=int, default=24_000)
    parser.add_argument("--non-members", type=int, default=8_000)
    options = parser.parse_args()
    rows = adult(options.folder)
    members = rows[: options.members]
    non_members, rest = (rows[options.members :][: options.non_members], rows[options.members + options.non_members :])
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        arms = ["--members", str(write(folder / "members.csv", ADULT, members))]
        arms += ["--non-members", str(write(folder / "non_members.csv", ADULT, non_members))]
        print(f"{'release':18} {'verdict':13} {'seconds':>8} {'core MiB':>9}  seconds and MiB by plugin")
        for title, released in releases(members, rest).items():
            path, out = write(folder / "release.csv", ADULT, released), folder / title
            started = time.monotonic()
            subprocess.run(
                [sys.executable, "-m", "audit_core", "audit", "--release", str(path), *arms, "--out", str(out)],
                capture_output=True,
                check=False,
            )
            seconds = time.monotonic() - started
            card = json.loads((out / "scorecard.json").read_text(encoding="utf-8"))
            used = card["volatile"]
            plugins = ", ".join(
                f"{plugin} {used['seconds'][plugin]:.1f} s {used['peak_mib'][plugin]:.0f}"
                for plugin in used["peak_mib"]
                if plugin != "core" and used["seconds"][plugin]
            )
            print(
                f"{title:18} {card['verdict']:13} {seconds:8.1f} {used['peak_mib']['core']:9.0f}  {plugins}", flush=True
            )


if __name__ == "__main__":
    main()
