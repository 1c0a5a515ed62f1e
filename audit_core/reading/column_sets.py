"""Whether the files have the same columns, and the recipe names ones that are there."""

import re
from collections.abc import Collection, Iterable, Sequence

from audit_core.errors import Problem
from audit_core.reading.files import TextTable
from audit_core.reading.places import listed, quoted
from audit_core.tables import normal_form
from audit_core.written.strict_yaml import closest


def column_problems(other: TextTable, members: TextTable, may_lack: Collection[str]) -> list[Problem]:
    """Columns that only one of two files has."""
    missing = [name for name in members.columns if name not in other.columns and name not in may_lack]
    extra = [name for name in other.columns if name not in members.columns]
    if not missing and not extra:
        return []
    shared = len(members.columns.keys() & other.columns.keys())
    if shared == 0:
        # Not even the names: without a header row they would be values.
        what = f"no column has the same name as in the {members.label}"
        fix = "Check that both files have a header row, and the delimiter"
        return [Problem(code="columns-none-shared", what=what, where=other.label, fix=fix)]
    show = 2 * shared >= len(members.columns)
    parts = []
    if missing:
        parts.append(f"missing: {_named(missing, members, show=show)}")
    if extra:
        parts.append(f"not in the {members.label}: {_named(extra, other, show=show)}")
    fixes = [f"{quoted(one)} may be {quoted(like)}{why}" for one, like, why in _alike(extra, missing)] if show else []
    fix = "; ".join(fixes) or "Give all files the same columns, in any order"
    return [Problem(code="columns-differ", what="; ".join(parts), where=other.label, fix=fix)]


def unknown_columns(names: Iterable[str], tables: Sequence[TextTable], where: str) -> list[Problem]:
    """Columns that the recipe names and no file has."""
    known = {name for table in tables for name in table.columns}
    problems = []
    for name in names:
        if name not in known:
            like = next((other for other in sorted(known) if normal_form(other) == normal_form(name)), None)
            guess = like or closest(name, sorted(known))
            what = f"unknown column {quoted(name)}" + (
                f", did you mean {quoted(guess)}?" if guess else ": no file has it"
            )
            problems.append(Problem(code="unknown-column", what=what, where=where))
    return problems


def _named(names: Sequence[str], table: TextTable, *, show: bool) -> str:
    """Names; or only positions, where names may be values because the header row is missing."""
    if show and not any(re.fullmatch(r"[\d\s.,:/+-]+", name) for name in names):
        return listed(names)
    positions = [str(position) for position, name in enumerate(table.columns, start=1) if name in names]
    return f"column{'s' * (len(positions) > 1)} {', '.join(positions[:12])} of the {table.label}"


def _alike(extra: Sequence[str], missing: Sequence[str]) -> Iterable[tuple[str, str, str]]:
    """Which of the extra columns may be one of the missing, and why."""
    for name in extra:
        folded = [other for other in missing if _folded(other) == _folded(name)]
        if folded:
            yield name, folded[0], " (they differ in case, spaces or width)"
        elif like := closest(name, missing):
            yield name, like, ""


def _folded(name: str) -> str:
    return re.sub(r"[\s_-]+", "", normal_form(name))
