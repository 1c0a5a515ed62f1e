"""Makes `examples/adult.parquet`, which the recipes `examples/adult-*.yaml` train on, from the raw UCI Adult files.

    PYTHONPATH=examples python examples/make_adult_table.py FOLDER [--rows 32000] [--out examples/adult.parquet]

FOLDER holds `adult.data` and `adult.test` as published (https://archive.ics.uci.edu/dataset/2/adult, CC BY 4.0; see
`audit_core/demo/ATTRIBUTION.md` for its authors and for how the records are cleaned). The rows are distinct records
in a random order that a seed settles.
"""

import argparse
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from make_demo_data import SEED, generator, read_adult


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--rows", type=int, default=32_000)
    parser.add_argument("--out", type=Path, default=Path("examples/adult.parquet"))
    options = parser.parse_args()
    records, _ = read_adult(options.folder)
    drawn = generator(SEED, "adult table").permutation(len(records))[: options.rows]
    pq.write_table(records.take(pa.array(drawn)), options.out, compression="zstd", compression_level=19)


if __name__ == "__main__":
    main()
