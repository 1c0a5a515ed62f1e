"""What the columns are, decided over all files together: of what kind, with which values.

A column is a number or a date only where it is one in every file. A column that is a number in one file and not in
another is refused: compared as text, no value would match, and a copy would pass.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from audit_core.errors import Problem, raise_all
from audit_core.reading.files import TextTable
from audit_core.reading.kinds import LARGEST, Look, Seen, Values, look_at, values_of
from audit_core.reading.places import place
from audit_core.tables import MISSING, Codes, Column, Kind, Table, read_only
from audit_core.written.recipe import ColumnSpec
from audit_core.written.strategies import as_iso_date

_DECLARED_COARSER = "say so in a recipe: `release: {table: ..., generalised: true}`"

_NOUNS: dict[Look, str] = {
    "number": "numbers",
    "date": "dates without a time zone",
    "zoned date": "times with a time zone",
    "category": "text",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class United:
    """One column over several files.

    Attributes:
        codes: For each file by its label, the code of each of its texts there; shape `(n_texts + 1,)`, the last one
            for the missing cell.
    """

    column: Column
    codes: dict[str, Codes]


@dataclass(frozen=True, slots=True, kw_only=True)
class Decided:
    """The kind of one column, or what stands in its way.

    Attributes:
        seen: For each file by its label.
        generalised: The release has it in another, coarser form.
    """

    kind: Kind
    seen: dict[str, Seen]
    generalised: bool = False
    problems: tuple[Problem, ...] = ()


def decide(
    name: str,
    files: Sequence[TextTable],
    declared: str | None,
    *,
    coarser: TextTable | None = None,
    release: TextTable | None = None,
    loose: bool = False,
) -> Decided:
    """The kind of a column over the files that have it.

    Args:
        files: The members first.
        declared: "integer", "number", "date", "category", or None to infer it.
        coarser: A file (the release) in which the column may have been generalised.
        release: The file that could be declared generalised, for advice.
        loose: Where the files differ, it is a category. For identifiers, which a release may have replaced.
    """
    if declared == "category":
        return Decided(kind="category", seen={})
    if declared is not None:
        return _as_declared(name, files, declared, coarser)
    seen = {file.label: look_at(file.columns[name].texts) for file in files}
    looks = [one.look for one in seen.values() if one.look != "nothing"]
    expected: Look = looks[0] if looks else "category"
    differ = [file for file in files if seen[file.label].look not in ("nothing", expected)]
    generalised = coarser in differ
    strangers = [file for file in differ if file is not coarser]
    if differ and loose:
        return Decided(kind="category", seen={})
    if strangers:
        base = next(file for file in files if seen[file.label].look == expected)
        problems = [_conflict(name, base, expected, file, seen[file.label].look, release) for file in strangers]
        return Decided(kind="category", seen={}, problems=tuple(problems))
    if generalised and coarser is not None:
        seen.pop(coarser.label)
    return Decided(kind=_kind(expected, seen.values()), seen=seen, generalised=generalised)


def unite_all(
    members: TextTable,
    release: TextTable,
    non_members: TextTable | None,
    *,
    declared: Mapping[str, str],
    generalised: bool,
    identifying: Collection[str],
) -> tuple[dict[str, United], frozenset[str]]:
    """Every column of the members by name, in name order, over the files that have it.

    Args:
        declared: Kinds by column.
        generalised: Whether the release may have columns in a coarser form.
        identifying: Columns that a release may lack or have replaced.

    Returns:
        The columns, and which of them are generalised: these are over the release alone.

    Raises:
        InputError: The files disagree on what a column is, or with what is declared of it.
    """
    united: dict[str, United] = {}
    coarse: set[str] = set()
    problems: list[Problem] = []
    for name in sorted(members.columns):
        having = [file for file in (members, release, non_members) if file is not None and name in file.columns]
        loose = name in identifying
        coarser = release if generalised and not loose else None
        decided = decide(name, having, declared.get(name), coarser=coarser, release=release, loose=loose)
        problems += decided.problems
        if decided.problems:
            continue
        if decided.generalised:
            coarse.add(name)
            having = [release]
            decided = decide(name, having, "category")
        united[name] = unite(name, having, decided)
    raise_all(problems)
    return united, frozenset(coarse)


def unite(name: str, files: Sequence[TextTable], decided: Decided) -> United:
    """One dictionary for a column of several files: values ascending, text by code point."""
    texts = {file.label: file.columns[name].texts for file in files}
    values, codes = (
        _united_texts(texts)
        if decided.kind == "category"
        else _united_values({label: _values(decided.seen[label]) for label in texts})
    )
    return United(column=Column(name=name, kind=decided.kind, values=values), codes=codes)


def table_of(file: TextTable, columns: Sequence[United]) -> Table:
    """A file's rows, in the file's order, over united columns."""
    codes = np.empty((file.n_rows, len(columns)), dtype=np.int32, order="F")
    for position, united in enumerate(columns):
        # The missing cell's code -1 wraps around to the last place.
        np.take(united.codes[file.label], file.columns[united.column.name].codes, out=codes[:, position], mode="wrap")
    return Table(columns=tuple(united.column for united in columns), codes=read_only(codes))


def _as_declared(name: str, files: Sequence[TextTable], declared: str, coarser: TextTable | None) -> Decided:
    look: Look = "number"
    if declared == "date":
        looks = [look_at(file.columns[name].texts).look for file in files]
        look = next((one for one in looks if one in ("date", "zoned date")), "date")
    seen, problems, generalised = {}, [], False
    for file in files:
        column = file.columns[name]
        values, fits = values_of(column.texts, look, declared=True, integral=declared == "integer")
        if values is not None:
            seen[file.label] = Seen(look=look, values=values)
        elif file is coarser:
            generalised = True
        else:
            row, count = column.first_row(~fits)
            what = f"{count:,} of {file.n_rows:,} values are not of the declared type {declared}; this row is the first"
            fix = "Correct them, declare `nulls`, or another `type`"
            problems.append(Problem(code="value-not-of-type", what=what, where=place(file.label, name, row), fix=fix))
    kind: Kind = "integer" if declared == "integer" else "date" if declared == "date" else "number"
    return Decided(kind=kind, seen=seen, generalised=generalised, problems=tuple(problems))


def _conflict(
    name: str, base: TextTable, expected: Look, other: TextTable, found: Look, release: TextTable | None
) -> Problem:
    """Two files disagree: names the first row that keeps one of them from being a number or a date."""
    if expected == "category":
        base, expected, other = other, found, base
    column = other.columns[name]
    _, fits = values_of(column.texts, expected)
    row, count = column.first_row(~fits)
    what = (
        f"{count:,} of {other.n_rows:,} values are not {_NOUNS[expected]}, while in {base.label} all are; "
        "this row is the first"
    )
    fix = (
        "If they stand for missing cells, declare them (`nulls` in the recipe, or --nulls '?,NA'); else correct them, "
        "or declare the column's `type`"
    )
    if other is release:
        fix = f"If the values were made coarser on purpose (ranges, say), {_DECLARED_COARSER}. {fix}"
    return Problem(code="kinds-differ", what=what, where=place(other.label, name, row), fix=fix)


def _kind(look: Look, seen: Iterable[Seen]) -> Kind:
    if look == "number":
        integral = all(np.all((v := _values(one)) == np.round(v)) and np.all(np.abs(v) < LARGEST) for one in seen)
        return "integer" if integral else "number"
    return "date" if look in ("date", "zoned date") else "category"


def _values(seen: Seen) -> Values:
    return np.zeros(0) if seen.values is None else seen.values


def _united_values(values: Mapping[str, Values]) -> tuple[Values, dict[str, Codes]]:
    distinct = np.unique(np.concatenate([np.zeros(0), *values.values()]))
    return distinct, {label: _codes(np.searchsorted(distinct, its)) for label, its in values.items()}


def _united_texts(texts: Mapping[str, Any]) -> tuple[Any, dict[str, Codes]]:
    import pyarrow as pa
    import pyarrow.compute as pc

    distinct = pc.unique(pa.concat_arrays([pa.array([], pa.string()), *texts.values()]))
    ordered = distinct.take(pc.array_sort_indices(distinct))  # by UTF-8 bytes, which is by code point
    codes = {
        label: _codes(pc.index_in(its, value_set=ordered).to_numpy(zero_copy_only=False))
        for label, its in texts.items()
    }
    return ordered.to_numpy(zero_copy_only=False), codes


def _codes(positions: Any) -> Codes:
    return np.append(positions, MISSING).astype(np.int32)


def beyond_bounds(table: Table, columns: Mapping[str, ColumnSpec], label: str) -> list[Problem]:
    """A problem for each column of a file that has values below its declared minimum or above its maximum."""
    problems = []
    for name in table.names:
        spec = columns.get(name)
        if spec is None or (spec.min is None and spec.max is None):
            continue
        column = table.columns[table.index(name)]
        if not column.numeric:
            what = "a minimum or maximum is declared for a column that is not numeric"
            problems.append(Problem(code="bounds-not-numeric", what=what, where=place(label, name), fix="Take it out"))
            continue
        values = table.numbers(name)
        low, high = (-np.inf if spec.min is None else spec.min), (np.inf if spec.max is None else spec.max)
        count = int(((values < low) | (values > high)).sum())
        if count:
            first, last = (as_iso_date(each) if column.kind == "date" else f"{each:g}" for each in (low, high))
            what = f"{count:,} of {len(table):,} values lie outside the declared {first} to {last}"
            fix = "Mend the declaration, or the file"
            problems.append(Problem(code="beyond-bounds", what=what, where=place(label, name), fix=fix))
    return problems


def undeclared_values(table: Table, columns: Mapping[str, ColumnSpec], label: str) -> list[Problem]:
    """A problem for each column of a file that has values other than those it is declared to have."""
    problems = []
    for name in table.names:
        spec = columns.get(name)
        if spec is None or spec.values is None:
            continue
        column, codes = table.columns[table.index(name)], table.codes[:, table.index(name)]
        if column.numeric:
            what, fix = (
                "a list of values is declared for a column of numbers",
                "Declare `type: category`, or min and max",
            )
            problems.append(Problem(code="values-of-numbers", what=what, where=place(label, name), fix=fix))
            continue
        known = np.append(np.isin(column.values.astype(str), spec.values), True)  # the last is a missing cell's
        count = int((~known[codes]).sum())
        if count:
            what = f"{count:,} of {len(table):,} cells hold a value that is not among the {len(spec.values):,} declared"
            fix = "Mend the declaration, or the file"
            problems.append(Problem(code="undeclared-values", what=what, where=place(label, name), fix=fix))
    return problems


_FEW = 0.05
"""A released column of which fewer cells than this share hold values that the members have is coded differently."""


def recoded(release: Table, members: Table) -> tuple[str, ...]:
    """Columns whose released values are not the members', although people share their values: coded differently.

    Compared as they are, no row of such a release would match, and every copy would go unseen. A category is looked
    at where most members share theirs with another; a number where the released ones lie outside the members' range.
    """
    found = []
    for position, column in enumerate(members.columns):
        theirs, ours = (codes[codes != MISSING] for codes in (release.codes[:, position], members.codes[:, position]))
        if len(theirs) < 20 or len(ours) < 20:  # too few to tell
            continue
        if column.numeric:
            known = (theirs >= ours.min()) & (theirs <= ours.max())  # values ascend with their codes
        else:
            normal = column.normal_codes
            ours, theirs = normal[ours], normal[theirs]
            if (np.bincount(ours)[ours] > 1).mean() < 0.5:
                continue
            known = np.isin(theirs, ours)
        if known.mean() < _FEW:
            found.append(column.name)
    return tuple(found)


def recoded_problems(names: Iterable[str], label: str) -> list[Problem]:
    """A problem for each recoded column of a release that is not declared generalised."""
    what = "hardly any released value occurs among the members: the column is coded differently"
    fix = "Use one coding in all files, or declare an identifier. If the release is coarser on purpose, "
    fix += _DECLARED_COARSER
    return [Problem(code="values-disjoint", what=what, where=place(label, name), fix=fix) for name in names]
