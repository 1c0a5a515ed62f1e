"""Twins of a case: the same people and attacks, but a release of which it is known whether it leaks.

The innocent twin releases fresh real rows, so an attack that finds members in it finds them everywhere. The leaky twin
is the release with rows of members planted in it, so an attack that finds nothing in it is deaf.
"""

from dataclasses import replace

import numpy as np

from audit_core.bench import Bench, tables_of
from audit_core.case import Case
from audit_core.inquiry.pools import held_out
from audit_core.nearest_rows import CaseRows, PlantedRows, SharingRows
from audit_core.neighbours import scales
from audit_core.scorecard import Plant
from audit_core.seeds import stream
from audit_core.tables import MISSING, Column, Table, content_order, read_only

JITTER = 0.02
"""A jittered number moves by up to this share of the span that 98 % of the values lie in."""

REDRAWN = 0.25
"""With one sensitive column kept true, how many of a planted row's other cells are drawn anew.

With half of them, a planted row is no nearer to its member than a stranger's: nobody could tell whose secret it holds.
"""


def innocent(bench: Bench, repeat: int = 0) -> Bench | None:
    """The twin that releases half of the non-members, the others being the control; None with under four people.

    Args:
        repeat: Which draw of that half.
    """
    case, setting = bench.case, bench.setting
    non_members = held_out(case)
    subjects = case.non_member_subjects
    units = np.arange(len(non_members)) if subjects is None else np.unique(subjects, return_inverse=True)[1].reshape(-1)
    people = int(units.max(initial=-1)) + 1
    if people < 4:
        return None
    name = f"innocent/{repeat}" if repeat else "innocent"
    rng = stream(setting.seed, "innocent twin", *([str(repeat)] if repeat else []), setting.content)
    fresh = (rng.permutation(people) < people // 2)[units]
    twin = replace(
        case,
        p_in=case.p_in / (case.p_in + (1 - case.p_in) * (~fresh).mean()) if case.p_in else 0.0,
        release=non_members.take(fresh),
        non_members=non_members.take(~fresh),
        non_member_subjects=None if subjects is None else subjects[~fresh],
        released_identifiers=None,
    )
    content = f"{setting.content}/{name}"
    base = _rows_of(bench)
    own = CaseRows(tables_of(twin), base.wanted, content, bench.cache, units=base.units)
    return replace(
        bench,
        case=twin,
        setting=replace(setting, content=content, twin=name),
        rows=SharingRows(own, base, frozenset({"members"})),
    )


def leaky(bench: Bench, dose: float, plant: Plant = "verbatim", repeat: int = 0) -> Bench:
    """The twin whose release has rows of members added: a share `dose` of as many rows as it had, one at least.

    Args:
        repeat: Which draw of the planted members.
    """
    case, setting = bench.case, bench.setting
    name = f"leaky/{plant}/{dose:g}/{repeat}"
    rng = stream(setting.seed, name, setting.content)
    count = min(len(case.members), max(1, round(dose * len(case.release))))
    rows = np.sort(rng.choice(len(case.members), count, replace=False))
    plants = planted(case, rows, plant, rng)
    codes = np.concatenate([case.release.codes, plants.codes])
    grown = Table(columns=case.release.columns, codes=read_only(codes))
    order = content_order(grown)
    twin = replace(case, release=grown.take(order), released_identifiers=None)
    return replace(
        bench,
        case=twin,
        setting=replace(setting, twin=name),
        rows=PlantedRows(_rows_of(bench), plants, np.argsort(order)),
    )


def planted(case: Case, rows: np.ndarray, plant: Plant, rng: np.random.Generator) -> Table:
    """Rows of members, as they are or changed; only values that occur in some file come in.

    Args:
        rows: Of the members.
    """
    true = case.members.take(rows)
    if plant == "verbatim":
        return true
    codes = true.codes.copy(order="F")
    kept = kept_true(case)
    for position, column in enumerate(true.columns):
        if plant == "jittered":
            codes[:, position] = _jittered(column, codes[:, position], scales(case.members)[position], rng)
        elif column.name != kept:
            redrawn = rng.random(len(rows)) < REDRAWN
            codes[redrawn, position] = rng.choice(case.release.codes[:, position], int(redrawn.sum()))
    return Table(columns=true.columns, codes=read_only(codes))


def kept_true(case: Case) -> str:
    """The first declared sensitive column, else the last column."""
    declared = [name for name in case.columns_of("sensitive") if name in case.release.names]
    return declared[0] if declared else case.release.names[-1]


def _jittered(column: Column, codes: np.ndarray, unit: float, rng: np.random.Generator) -> np.ndarray:
    """Numbers moved a little, to the nearest value that occurs; categories and missing cells as they are."""
    if not column.numeric or len(column.values) < 2:
        return codes
    values = column.values.astype(np.float64)
    wanted = values[np.maximum(codes, 0)] + rng.uniform(-JITTER, JITTER, len(codes)) * unit
    above = np.clip(np.searchsorted(values, wanted), 1, len(values) - 1)
    nearest = np.where(wanted - values[above - 1] <= values[above] - wanted, above - 1, above)
    return np.where(codes == MISSING, MISSING, nearest).astype(np.int32)


def _rows_of(bench: Bench) -> CaseRows:
    """The case's own neighbours.

    Raises:
        ValueError: The bench is a twin's.
    """
    if not isinstance(bench.rows, CaseRows):
        raise ValueError("a twin of a twin")
    return bench.rows
