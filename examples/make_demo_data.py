"""Makes the data of `sekisho demo` from the raw UCI Adult files.

    python examples/make_demo_data.py FOLDER --out audit_core/demo

FOLDER holds `adult.data` and `adult.test` as published (https://archive.ics.uci.edu/dataset/2/adult, CC BY 4.0).
Training CTGAN needs the `tabular` extra and time (`build.json` says how much it took); `--keep-ctgan` leaves that
release as it stands in the output folder and makes everything else, which takes seconds.

Who is a member is settled before anything is made: every distinct record has one coin of its own, drawn by a seeded
generator and written to `coins.parquet`. Three releases follow, of equal length:

- `release_ctgan.parquet`: drawn from a CTGAN trained on the members.
- `release_leaky.parquet`: every column drawn by itself from the members, and then 2 % of the rows replaced by members.
- `release_fresh.parquet`: real records that are in neither arm. Nothing of the members is in it.
"""

import argparse
import csv
import hashlib
import importlib
import json
import os
import sys
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

SEED = 20260101

COLUMNS = (
    "age",
    "workclass",
    "fnlwgt",
    "education",
    "education-num",
    "marital-status",
    "occupation",
    "relationship",
    "race",
    "sex",
    "capital-gain",
    "capital-loss",
    "hours-per-week",
    "native-country",
    "income",
)
INTEGERS = ("age", "fnlwgt", "education-num", "capital-gain", "capital-loss", "hours-per-week")
SCHEMA = pa.schema([(name, pa.int32() if name in INTEGERS else pa.string()) for name in COLUMNS])

# A coin is one of COIN_SIDES equally likely numbers; an arm owns the numbers up to its limit. Of some 48,800 records
# these shares make about 8,000 members, 5,000 non-members and 8,000 fresh records.
COIN_SIDES = 10_000
ARM_LIMITS = {"members": 1_640, "non_members": 2_665, "fresh": 4_305}
UNUSED = "unused"

LEAKED_SHARE = 0.02

# All other numbers are learned as categories, since a mixture of Gaussians blurs them: the levels of education-num are
# codes of `education`, the capital columns are zero in nine rows of ten, and nearly half of all people work 40 hours.
CTGAN_CONTINUOUS = ("age", "fnlwgt")
CTGAN_DISCRETE = tuple(name for name in COLUMNS if name not in CTGAN_CONTINUOUS)
CTGAN_SETTINGS: dict[str, Any] = {"epochs": 300, "batch_size": 500, "pac": 10}
# What the survey can record at all; a generated number beyond it is brought back to the edge.
CTGAN_RANGES = {"age": (17, 90), "fnlwgt": (1, 2_000_000)}
# The matrices are small: a second thread gains little, and on a busy machine it costs much more than it gains.
CTGAN_THREADS = 1


def generator(seed: int, name: str) -> np.random.Generator:
    """The random numbers of one step, independent of every other step's."""
    return np.random.default_rng([seed, *hashlib.sha256(name.encode()).digest()])


def read_adult(folder: Path) -> tuple[pa.Table, int]:
    """The distinct records of both files, first occurrences in file order, and how many rows were read.

    Spaces around values and the full stop after the test file's labels are dropped; `?` stays, as text.

    Raises:
        ValueError: A line has another number of values than there are columns; names file and line.
    """
    rows: list[tuple[str, ...]] = []
    for name in ("adult.data", "adult.test"):
        with (folder / name).open(encoding="ascii", newline="") as lines:
            for number, cells in enumerate(csv.reader(lines, skipinitialspace=True), start=1):
                if not cells or cells[0].startswith("|"):
                    continue
                if len(cells) != len(COLUMNS):
                    raise ValueError(f"{name}, line {number}: {len(cells)} values, {len(COLUMNS)} expected")
                values = [cell.strip() for cell in cells]
                rows.append((*values[:-1], values[-1].removesuffix(".")))
    distinct = list(dict.fromkeys(rows))
    columns = {
        name: pa.array([int(row[i]) if name in INTEGERS else row[i] for row in distinct], type=SCHEMA.field(name).type)
        for i, name in enumerate(COLUMNS)
    }
    return pa.table(columns, schema=SCHEMA), len(rows)


def toss_coins(records: int, seed: int) -> pa.Table:
    """One coin for each record, independent of all others, and the arm it puts the record in; row i is record i."""
    coins = generator(seed, "coins").integers(COIN_SIDES, size=records)
    arms = np.array([*ARM_LIMITS, UNUSED])
    arm = arms[np.searchsorted(list(ARM_LIMITS.values()), coins, side="right")]
    return pa.table({"coin": pa.array(coins, type=pa.int16()), "arm": pa.array(arm.tolist(), type=pa.string())})


def leaky_release(members: pa.Table, rows: int, seed: int) -> pa.Table:
    """Independent columns, with `LEAKED_SHARE` of the rows replaced by distinct members, in random order."""
    rng = generator(seed, "leaky")
    drawn = [members[name].take(pa.array(rng.integers(len(members), size=rows))) for name in COLUMNS]
    leaked = round(rows * LEAKED_SHARE)
    verbatim = members.take(pa.array(rng.choice(len(members), size=leaked, replace=False)))
    independent = pa.table(drawn, schema=SCHEMA).slice(leaked)
    return pa.concat_tables([verbatim, independent]).take(pa.array(rng.permutation(rows)))


def ctgan_release(members: pa.Table, rows: int, seed: int) -> tuple[pa.Table, dict[str, Any]]:
    """Rows drawn from a CTGAN trained on the members, and how it was trained.

    The result depends on the versions of the libraries and on the processor, so the record names them.
    """
    ctgan: Any = importlib.import_module("ctgan")
    torch: Any = importlib.import_module("torch")
    torch.set_num_threads(CTGAN_THREADS)
    frame = members.to_pandas()
    # As floats: the library gives integers back cut off, not rounded.
    frame[list(CTGAN_CONTINUOUS)] = frame[list(CTGAN_CONTINUOUS)].astype(float)

    model = ctgan.CTGAN(**CTGAN_SETTINGS, enable_gpu=False)
    model.set_random_state(seed)
    started = time.monotonic()
    model.fit(frame, list(CTGAN_DISCRETE))
    minutes = (time.monotonic() - started) / 60
    sample = model.sample(rows)

    columns = {}
    for name in COLUMNS:
        values = sample[name]
        if name in CTGAN_RANGES:
            values = values.round().clip(*CTGAN_RANGES[name])
        if name in INTEGERS:
            values = values.astype("int32")
        columns[name] = pa.array(values, type=SCHEMA.field(name).type, from_pandas=False)
    facts = {
        "settings": CTGAN_SETTINGS,
        "discrete": list(CTGAN_DISCRETE),
        "seed": seed,
        "threads": CTGAN_THREADS,
        "versions": {name: version(name) for name in ("ctgan", "rdt", "torch", "numpy", "pandas", "scikit-learn")},
        "training_minutes": round(minutes, 1),
    }
    return pa.table(columns, schema=SCHEMA), facts


def total_variation(left: pa.Table, right: pa.Table) -> dict[str, float]:
    """Half the summed difference of the two relative frequencies, in [0, 1], for each column.

    Numbers with more than 100 distinct values in `left` are first cut at its twenty-quantiles.
    """
    return {name: round(_variation(left[name], right[name]), 4) for name in COLUMNS}


def _variation(left: pa.ChunkedArray, right: pa.ChunkedArray) -> float:
    one, other = left.to_numpy(), right.to_numpy()
    if left.type == pa.int32() and pc.count_distinct(left).as_py() > 100:
        edges = np.unique(np.quantile(one, np.arange(1, 20) / 20))
        one, other = np.searchsorted(edges, one), np.searchsorted(edges, other)
    values = np.unique(np.concatenate([one, other]))
    return float(np.abs(_frequencies(one, values) - _frequencies(other, values)).sum() / 2)


def _frequencies(cells: NDArray[Any], values: NDArray[Any]) -> NDArray[np.float64]:
    counts = np.bincount(np.searchsorted(values, cells), minlength=len(values))
    return counts / len(cells)


def write(table: pa.Table, path: Path) -> None:
    """Parquet, one row group: the same table and the same pyarrow give the same bytes."""
    pq.write_table(table.combine_chunks(), path, compression="zstd", compression_level=19, row_group_size=len(table))


def make(folder: Path, out: Path, *, keep_ctgan: bool) -> dict[str, Any]:
    """Writes all tables and `build.json` into `out`; returns what `build.json` says."""
    records, read = read_adult(folder)
    coins = toss_coins(len(records), SEED)
    arms = {name: records.filter(pc.equal(coins["arm"], name)) for name in ARM_LIMITS}
    members, rows = arms["members"], len(arms["fresh"])

    if keep_ctgan:
        ctgan = pq.read_table(out / "release_ctgan.parquet", schema=SCHEMA)
        ctgan_facts = json.loads((out / "build.json").read_text(encoding="utf-8"))["ctgan"]
    else:
        ctgan, ctgan_facts = ctgan_release(members, rows, SEED)
    releases = {"ctgan": ctgan, "leaky": leaky_release(members, rows, SEED), "fresh": arms["fresh"]}

    out.mkdir(parents=True, exist_ok=True)
    write(coins, out / "coins.parquet")
    write(members, out / "members.parquet")
    write(arms["non_members"], out / "non_members.parquet")
    for name, release in releases.items():
        write(release, out / f"release_{name}.parquet")
    facts = {
        "seed": SEED,
        "coin_sides": COIN_SIDES,
        "arm_limits": ARM_LIMITS,
        "rows_read": read,
        "duplicates_dropped": read - len(records),
        "rows": {
            **{name: len(arms[name]) for name in ("members", "non_members")},
            **{f"release_{name}": len(release) for name, release in releases.items()},
        },
        "leaked_rows": round(rows * LEAKED_SHARE),
        "total_variation_from_members": {
            name: total_variation(members, table)
            for name, table in {"non_members": arms["non_members"], **releases}.items()
        },
        "ctgan": ctgan_facts,
    }
    (out / "build.json").write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")
    return facts


def main() -> None:
    """Reads the command line, makes the data and prints what was made."""
    parser = argparse.ArgumentParser(description="Make the data of `sekisho demo` from the raw UCI Adult files.")
    parser.add_argument("folder", type=Path, help="the folder of adult.data and adult.test")
    parser.add_argument("--out", type=Path, required=True, help="where the tables go")
    parser.add_argument("--keep-ctgan", action="store_true", help="do not train; keep the CTGAN release in --out")
    arguments = parser.parse_args()
    facts = make(arguments.folder, arguments.out, keep_ctgan=arguments.keep_ctgan)
    sys.stdout.write(json.dumps(facts, indent=1) + os.linesep)


if __name__ == "__main__":
    main()
