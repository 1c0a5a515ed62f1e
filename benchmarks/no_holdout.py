"""Judges releases of public tables with the members alone: what the copy rules notice, and whom they spare.

    PYTHONPATH=.:plugins python benchmarks/no_holdout.py FOLDER [--part kinds|level|curve] [--seeds 3]
        [--tables adult,nist] [--sizes 500,2000]

FOLDER holds the data sets' folders (`adult`, `credit-default`, ...) as `benchmarks/public_tables.py` reads them.

- `kinds`: every kind of release by table and number of members: the measurements (released rate / what chance may
  give, and the mean lower bound at 99 %) and how many of the seeds each rule failed under the policy `starter`.
- `level`: fresh samples of the population, by table and choice of columns: how many of the seeds were failed.
- `curve`: the same kinds under other values of `CLOSER`: how many of the seeds crowding would fail.
"""

import argparse
import random
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

import made_releases as made
from audit_core.case import Case
from audit_core.errors import InputError
from audit_core.evidence import Evidence, Excess
from audit_core.judge import judge
from audit_core.measurement import Measurement, Reason
from audit_core.neighbours import nearest, scales
from audit_core.policy import load_policy
from audit_core.recipe import recipe_of_files
from audit_core.scorecard import Finding, Verdict
from audit_core.table_case import prepare
from audit_core.tables import Table, row_ids
from audit_core.testing import made_up_case
from audit_plugins.checks.copies_without_holdout import crowding, repeats
from audit_plugins.checks.exact_copies import ExactCopies
from public_tables import TABLES, PublicTable, Row, write

SIZES = {
    "adult": (500, 2000, 24_000),
    "credit-default": (2000,),
    "nist": (2000,),
    "breast-cancer": (2000,),
    "penguins": (160,),
    "german-credit": (500,),
    "heart-disease": (150,),
}
CLOSER = (0.02, 0.05, 0.1, 0.15, 0.2, 0.3)
CLASS = 5
LEVEL_ROWS = 1500
FAIL_LEVEL = 0.01 / 3
"""What the smallest of the three p-values of `starter` is compared with."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """What the check and the policy say of one release.

    Attributes:
        evidence: By measurement and what it is of.
        failed: Which of it failed; the copies rule takes both of its measurements together.
        columns: How many columns were allowed to differ.
    """

    evidence: dict[tuple[str, str], Evidence]
    failed: frozenset[tuple[str, str]]
    columns: int | None


def judged(case: Case) -> Judged:
    """The case measured and judged by `starter`."""
    tables = {"release": case.release.normalised(), "members": case.members.normalised()}
    units = scales(*tables.values())
    pairs = (("release", "members", 1), ("members", "members", 2))
    near = {f"{a}>{b}": nearest(tables[a], tables[b], units, k=k, leave_self_out=a == b) for a, b, k in pairs}
    said = list(ExactCopies().measure(replace(case, neighbours=near), np.random.default_rng(0)))
    found = tuple(one for one in said if isinstance(one, Measurement))
    finding = Finding(
        attack="exact-copies", role="check", goal="copies", outcome="measured", reason=None, sees=("case",),
        measurements=found, details=(), caveats=(), references=(), params={}, origin="",
    )  # fmt: skip
    failed = {
        (one.measurement, of)
        for one in judge(load_policy("starter"), (finding,), case.facts).judgements
        if one.verdict is Verdict.FAIL
        for of in one.of.split(" + ")
    }
    open_columns = [one.args["columns"] for one in said if isinstance(one, Reason) and one.code == "agreeing-in-part"]
    return Judged(
        evidence={(one.name, one.of): one.evidence for one in found},
        failed=frozenset(failed),
        columns=int(open_columns[0]) if open_columns else None,
    )


def cased(folder: Path, table: PublicTable, members: Sequence[Row], release: Sequence[Row]) -> Case:
    """The case that a user would have of these files."""
    recipe = recipe_of_files(
        release=write(folder / "release.csv", table.columns, release),
        members=write(folder / "members.csv", table.columns, members),
        nulls=list(table.nulls),
    )
    return prepare(recipe)


Made = Callable[[Table, Table, np.random.Generator], list[Row]]


def kinds(table: PublicTable) -> dict[str, Made]:
    """How each kind of release is made of members, fresh people and a generator of random numbers."""
    their = table.quasi_identifiers
    return {
        "fresh sample": lambda m, f, r: made.rows_of(f),
        "independent columns": lambda m, f, r: made.independent(m, r),
        "pairwise network": lambda m, f, r: made.pairwise_network(m, r),
        "common people": lambda m, f, r: made.common_people(f, r),
        "40 % of the members": lambda m, f, r: made.subsample(m, r, 0.4),
        "1 column swapped": lambda m, f, r: made.swapped_columns(m, r, 1),
        "2 columns swapped": lambda m, f, r: made.swapped_columns(m, r, 2),
        "3 columns swapped": lambda m, f, r: made.swapped_columns(m, r, 3),
        "10 % of cells swapped": lambda m, f, r: made.swapped_cells(m, r, 0.1),
        "SMOTE, majority": lambda m, f, r: made.smote(m, r, majority=True),
        "SMOTE, nearer": lambda m, f, r: made.smote(m, r, majority=False),
        "k-anonymous, averaged": lambda m, f, r: made.microaggregated(m, their, CLASS),
        "k-anonymous, cells out": lambda m, f, r: made.suppressed(m, their, CLASS),
        "k-anonymous, rows out": lambda m, f, r: made.suppressed(m, their, 2, rows=True),
        "all numbers averaged": lambda m, f, r: made.microaggregated(m, made.numeric(m), CLASS),
    }


def splits(
    table: PublicTable, folder: Path, size: int, seeds: int
) -> Iterator[tuple[list[Row], Table, Table, np.random.Generator]]:
    """Members and as many fresh people, as text and as tables, by seed."""
    for seed in range(seeds):
        rows = list(table.rows)
        random.Random(seed).shuffle(rows)
        members, fresh = rows[:size], rows[size : 2 * size]
        case = cased(folder, table, members, fresh)
        yield made.rows_of(case.members), case.members, case.release, np.random.default_rng([seed, size])


def by_names(table: PublicTable, case_table: Table) -> PublicTable:
    """The table with its columns in the order of the case, and missing cells empty."""
    return replace(table, columns=case_table.names, nulls=("",))


SHOWN = (
    ("released_copies_excess", "any"),
    ("released_copies_excess", "once"),
    ("released_near_excess", "distance"),
    ("released_near_excess", "columns"),
    ("released_near_excess", "counts"),
)


def row(title: str, results: Sequence[Judged]) -> str:
    """One line: how many were failed, and for each measurement the means and how often it failed."""
    cells = []
    for key in SHOWN:
        its = [evidence for one in results if isinstance(evidence := one.evidence.get(key), Excess)]
        its = [evidence for evidence in its if evidence.measurable]
        if not its:
            cells.append(f"{'-':>22}")
            continue
        rates = np.mean([(e.k1 / e.n1, e.k0 / e.n0, e.bounds(0.99).low) for e in its], axis=0)
        failed = sum(key in one.failed for one in results)
        cells.append(f"{rates[0]:.3f}/{rates[1]:.3f} {rates[2]:+.3f} {failed:2}F")
    columns = sorted({one.columns for one in results if one.columns is not None})
    allowed = f"{columns[0]}-{columns[-1]}" if columns else ""
    total = sum(bool(one.failed) for one in results)
    return f"  {title:23} {total:3}/{len(results)}  {'  '.join(cells)}  {allowed}"


def print_kinds(table: PublicTable, folder: Path, sizes: Iterable[int], seeds: int) -> None:
    for size in sizes:
        print(f"\n{table.name}, {size:,} members, {len(table.columns)} columns")
        print(f"  {'':23} failed  {'  '.join(f'{of:>22}' for _, of in SHOWN)}  may differ")
        results: dict[str, list[Judged]] = {}
        for members, known, fresh, rng in splits(table, folder, size, seeds):
            mine = by_names(table, known)
            for title, make in kinds(table).items():
                try:
                    results.setdefault(title, []).append(judged(cased(folder, mine, members, make(known, fresh, rng))))
                except InputError as error:
                    results.setdefault(title, [])
                    print(f"  {title:23} refused: {', '.join(problem.code for problem in error.problems)}")
        for title, its in results.items():
            if its:
                print(row(title, its), flush=True)
    for title, release in table.releases.items():
        print(f"\n{table.name}, its own {table.members:,} members")
        print(row(title, [judged(cased(folder, table, table.rows[: table.members], release))]), flush=True)


def choices(names: Sequence[str]) -> dict[str, list[str]]:
    """All columns, and some of them: two choices each of 3, 4, 6 and 9."""
    rng = random.Random(5)
    found = {"all columns": list(names)}
    for count in (3, 4, 6, 9):
        for letter in "ab" if count < len(names) else "":
            found[f"{count} columns, {letter}"] = sorted(rng.sample(list(names), count))
    return found


def print_level(table: PublicTable, folder: Path, sizes: Iterable[int], seeds: int) -> None:
    size = min(LEVEL_ROWS, len(table.rows) // 2)
    case = cased(folder, table, table.rows, table.rows[:2])
    print(f"\n{table.name}, fresh samples, {size:,} members")
    for title, names in choices(case.members.names).items():
        pool = case.members.select(names)
        failed = dict.fromkeys(SHOWN, 0)
        total = 0
        for seed in range(seeds):
            rows = np.random.default_rng([seed, 3]).permutation(len(pool))
            members, release = (pool.take(np.sort(part)) for part in (rows[:size], rows[size : 2 * size]))
            its = judged(
                replace(
                    made_up_case("innocent", rows=4), release=release, published=release, members=members,
                    non_members=None, roles={},
                )
            )  # fmt: skip
            total += bool(its.failed)
            for key in its.failed & set(SHOWN):
                failed[key] += 1
        each = ", ".join(f"{of} {failed[key]}" for key in SHOWN if (of := key[1]))
        print(f"  {title:14} {total:3}/{seeds}  ({each})", flush=True)


def print_curve(table: PublicTable, folder: Path, sizes: Iterable[int], seeds: int) -> None:
    for size in sizes:
        counts: dict[str, np.ndarray] = {}
        for members, known, fresh, rng in splits(table, folder, size, seeds):
            mine = by_names(table, known)
            for title, make in kinds(table).items():
                if "swapped" in title or "%" in title or " out" in title:
                    continue
                case = cased(folder, mine, members, make(known, fresh, rng))
                left, right = case.release.normalised(), case.members.normalised()
                units = scales(left, right)
                found = nearest(left, right, units, k=1), nearest(right, right, units, k=2, leave_self_out=True)
                chance = repeats(right, row_ids(right)[0])
                tests = [crowding(*found, chance, closer) for closer in CLOSER]
                rates = [(float(e.p_value(0.0) < FAIL_LEVEL), e.k1 / e.n1 / seeds, e.k0 / e.n0 / seeds) for e in tests]
                counts[title] = counts.get(title, 0) + np.array(rates)
        print(f"\n{table.name}, {size:,} members: failed (released rate / what chance may give), by CLOSER")
        print(f"  {'':23} {'  '.join(f'{closer:>16}' for closer in CLOSER)}")
        for title, sums in counts.items():
            cells = "  ".join(f"{int(f):3}/{seeds} ({a:.3f}/{c:.3f})" for f, a, c in sums)
            print(f"  {title:23} {cells}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--part", choices=("kinds", "level", "curve"), default="kinds")
    parser.add_argument("--tables", default=",".join(TABLES), help="comma-separated")
    parser.add_argument("--sizes", help="numbers of members, comma-separated")
    parser.add_argument("--seeds", type=int, default=3)
    asked = parser.parse_args()
    prints = {"kinds": print_kinds, "level": print_level, "curve": print_curve}[asked.part]
    with tempfile.TemporaryDirectory() as folder:
        for name in asked.tables.split(","):
            table = TABLES[name](asked.folder)
            sizes = [int(size) for size in asked.sizes.split(",")] if asked.sizes else SIZES.get(name, ())
            prints(table, Path(folder), sizes, asked.seeds)


if __name__ == "__main__":
    main()
