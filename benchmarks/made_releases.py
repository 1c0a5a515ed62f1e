"""Releases made of a members' table, honest and not, as rows of text; for the benchmarks.

All take the members' table (content order) and a generator of random numbers, and give a release's rows.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from audit_core.neighbours import nearest, scales
from audit_core.tables import MISSING, Column, Table, as_text
from public_tables import Row

Codes = NDArray[np.int32]
Rng = np.random.Generator
NEIGHBOURS = 5


def rows_of(table: Table, codes: Codes | None = None) -> list[Row]:
    """The rows as text; a missing cell is empty."""
    codes = table.codes if codes is None else codes
    texts = [
        np.array([*(as_text(value, column.kind) for value in column.values), ""], dtype=object)[codes[:, position]]
        for position, column in enumerate(table.columns)
    ]
    return list(zip(*texts, strict=True))


def subsample(members: Table, rng: Rng, share: float) -> list[Row]:
    """Some of the members as they are."""
    return rows_of(members.take(rng.permutation(len(members))[: round(share * len(members))]))


def independent(members: Table, rng: Rng) -> list[Row]:
    """Every column drawn by itself from the members."""
    drawn = [members.codes[rng.integers(len(members), size=len(members)), at] for at in range(len(members.columns))]
    return rows_of(members, np.column_stack(drawn))


def pairwise_network(members: Table, rng: Rng, bins: int = 10) -> list[Row]:
    """A tree over the columns: each given its parent in up to ten bins, then any member's value of that bin.

    References:
        Chow & Liu (1968), Approximating discrete probability distributions with dependence trees.
    """
    binned = [_bins(members, at, bins) for at in range(len(members.columns))]
    count, size = len(binned), len(members)
    drawn: dict[int, NDArray[np.intp]] = {0: binned[0][rng.integers(size, size=size)]}
    while len(drawn) < count:
        _, parent, child = max(
            (_information(binned[one], binned[other]), one, other)
            for one in drawn
            for other in range(count)
            if other not in drawn
        )
        drawn[child] = binned[child][_any_with(binned[parent], drawn[parent], rng)]
    codes = [members.codes[_any_with(binned[at], drawn[at], rng), at] for at in range(count)]
    return rows_of(members, np.column_stack(codes))


def common_people(fresh: Table, rng: Rng) -> list[Row]:
    """Rows of people who are no members, drawn the more often the more people share their categories."""
    columns = [at for at, column in enumerate(fresh.columns) if not column.numeric] or [0]
    _, which, counts = np.unique(fresh.codes[:, columns], axis=0, return_inverse=True, return_counts=True)
    weights = counts[which.reshape(-1)].astype(float)
    return rows_of(fresh, fresh.codes[rng.choice(len(fresh), size=len(fresh), p=weights / weights.sum())])


def swapped_columns(members: Table, rng: Rng, count: int) -> list[Row]:
    """The members with the values of some columns exchanged among all of them."""
    codes = members.codes.copy()
    for at in rng.permutation(codes.shape[1])[:count]:
        codes[:, at] = rng.permutation(codes[:, at])
    return rows_of(members, codes)


def swapped_cells(members: Table, rng: Rng, share: float) -> list[Row]:
    """The members with a share of each column's cells exchanged among themselves."""
    codes = members.codes.copy()
    for at in range(codes.shape[1]):
        rows = np.flatnonzero(rng.random(len(codes)) < share)
        codes[rows, at] = codes[rng.permutation(rows), at]
    return rows_of(members, codes)


def smote(members: Table, rng: Rng, *, majority: bool) -> list[Row]:
    """Rows between a member and one of its five nearest: numbers in proportion, rounded as the column is.

    Args:
        majority: A category is what most of the five have; else that of the nearer of the two.
    """
    normal = members.normalised()
    found = nearest(normal, normal, scales(normal), k=NEIGHBOURS, leave_self_out=True).row
    first = rng.integers(len(members), size=len(members))
    second = found[first, rng.integers(NEIGHBOURS, size=len(first))]
    part = rng.random(len(first))
    columns = []
    for at, column in enumerate(members.columns):
        one, other = members.codes[first, at], members.codes[second, at]
        if column.numeric:
            values = np.append(column.values.astype(float), np.nan)
            columns.append(_written((1 - part) * values[one] + part * values[other], column))
        else:
            codes = _majority(members.codes[found[first], at]) if majority else np.where(part < 0.5, one, other)
            columns.append([column.values[code] if code != MISSING else "" for code in codes])
    return list(zip(*columns, strict=True))


def microaggregated(members: Table, names: Sequence[str], size: int) -> list[Row]:
    """The members with some columns made equal in classes of at least so many: the mean, or the commonest category.

    References:
        LeFevre, DeWitt & Ramakrishnan (2006), Mondrian multidimensional k-anonymity.
    """
    columns: list[list[str]] = [list(column) for column in zip(*rows_of(members), strict=True)]
    classes = _classes(members, names, size)
    for at, column in enumerate(members.columns):
        if column.name not in names:
            continue
        for rows in classes:
            codes = members.codes[rows, at]
            if column.numeric:
                known = column.values[codes[codes != MISSING]].astype(float)
                (text,) = _written(np.array([known.mean() if len(known) else np.nan]), column)
            else:
                code = int(_majority(codes[None, :])[0])
                text = "" if code == MISSING else column.values[code]
            for row in rows:
                columns[at][row] = text
    return list(zip(*columns, strict=True))


def suppressed(members: Table, names: Sequence[str], size: int, *, rows: bool = False) -> list[Row]:
    """The members without the quasi-identifiers of those who share them with fewer than so many.

    Args:
        rows: Leave these people out instead.
    """
    places = [members.index(name) for name in names]
    _, which, counts = np.unique(members.codes[:, places], axis=0, return_inverse=True, return_counts=True)
    few = counts[which.reshape(-1)] < size
    if rows:
        return rows_of(members, members.codes[~few])
    codes = members.codes.copy()
    for at in places:
        codes[few, at] = MISSING
    return rows_of(members, codes)


def numeric(table: Table) -> list[str]:
    return [column.name for column in table.columns if column.numeric]


def _written(values: NDArray[np.float64], column: Column) -> list[str]:
    """Numbers with as many decimals as the column has."""
    texts = [as_text(value, "number") for value in column.values]
    decimals = max((len(text.partition(".")[2]) for text in texts if "e" not in text), default=0)
    return ["" if np.isnan(value) else as_text(round(float(value), decimals), "number") for value in values]


def _majority(codes: Codes) -> Codes:
    """The commonest code of each row, of equally common ones the smallest."""
    ordered = np.sort(codes, axis=1)
    counts = (codes[:, :, None] == ordered[:, None, :]).sum(axis=1)
    return np.asarray(ordered[np.arange(len(codes)), counts.argmax(axis=1)])


def _bins(table: Table, at: int, bins: int) -> NDArray[np.intp]:
    column, codes = table.columns[at], table.codes[:, at]
    if not column.numeric:
        return (codes + 1).astype(np.intp)
    values = np.append(column.values.astype(float), np.nan)[codes]
    edges = np.unique(np.nanquantile(values, np.linspace(0, 1, bins + 1)[1:-1]))
    return np.where(np.isnan(values), len(edges) + 1, np.searchsorted(edges, np.nan_to_num(values)))


def _information(one: NDArray[np.intp], other: NDArray[np.intp]) -> float:
    """Mutual information in nats."""
    width = int(other.max()) + 1
    joint = np.bincount(one * width + other, minlength=(int(one.max()) + 1) * width).reshape(-1, width) / len(one)
    apart = joint.sum(axis=1, keepdims=True) * joint.sum(axis=0, keepdims=True)
    there = joint > 0
    return float((joint[there] * np.log(joint[there] / apart[there])).sum())


def _any_with(values: NDArray[np.intp], wanted: NDArray[np.intp], rng: Rng) -> NDArray[np.intp]:
    """For each wanted value the position of any that equals it."""
    order = np.argsort(values, kind="stable")
    first, last = (np.searchsorted(values[order], wanted, side=side) for side in ("left", "right"))
    return order[first + (rng.random(len(wanted)) * (last - first)).astype(np.intp)]


def _classes(table: Table, names: Sequence[str], size: int) -> list[NDArray[np.intp]]:
    """Halves at the median of the widest column, as long as both halves keep so many rows."""
    places = [table.index(name) for name in names]
    points = np.empty((len(table), len(places)))
    for position, at in enumerate(places):
        column, codes = table.columns[at], table.codes[:, at]
        values = np.append(column.values.astype(float), np.nan)[codes] if column.numeric else codes.astype(float)
        points[:, position] = np.where(np.isnan(values), np.nanmedian(values), values)
    span = np.ptp(points, axis=0)
    span[span == 0] = 1
    waiting, done = [np.arange(len(table))], []
    while waiting:
        rows = waiting.pop()
        halves = _halves(points[rows], span, size)
        if halves is None:
            done.append(rows)
        else:
            waiting += [rows[halves], rows[~halves]]
    return done


def _halves(points: NDArray[np.float64], span: NDArray[np.float64], size: int) -> NDArray[np.bool_] | None:
    for at in np.argsort(-np.ptp(points, axis=0) / span, kind="stable"):
        middle = np.median(points[:, at])
        for lower in (points[:, at] <= middle, points[:, at] < middle):
            if size <= lower.sum() <= len(points) - size:
                return np.asarray(lower)
    return None
