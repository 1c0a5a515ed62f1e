"""The case of a table: the files checked against the recipe and each other."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from audit_core.case import Case
from audit_core.errors import raise_all
from audit_core.reading.column_sets import column_problems, unknown_columns
from audit_core.reading.files import TextTable
from audit_core.reading.schema import (
    United,
    beyond_bounds,
    recoded,
    recoded_problems,
    table_of,
    undeclared_values,
    unite_all,
)
from audit_core.reading.separation import missing_subjects, overlap_problems, same_rows, shared_people
from audit_core.recipe import Arm, Recipe
from audit_core.scorecard import FileFacts
from audit_core.sources import Sources, read_sources, roles_of, rows_in_file
from audit_core.tables import Ids, Table, content_order, with_own_dictionaries
from audit_core.written.recipe import SplitSpec
from audit_core.written.strategies import PII


def prepare(recipe: Recipe, sources: Sources | None = None) -> Case:
    """Reads the files, checks them against the recipe and each other, and builds the case.

    Args:
        sources: The files, if they were read before.

    Raises:
        InputError: With every problem that could be found; none quotes a value.
    """
    sources = sources or read_sources(recipe)
    files = sources.files
    members = files["members"]
    roles = roles_of(recipe, members)
    left_out = {name for name, role in roles.items() if role in ("identifier", "subject")}
    namesakes = recipe.columns_made(*PII)  # two people may have one of these
    problems = unknown_columns(recipe.columns, list(files.values()), "columns")
    if recipe.subject is not None and recipe.subject not in recipe.columns:
        problems += unknown_columns([recipe.subject], list(files.values()), "subject")
    for arm, file in files.items():
        if arm != "members":
            problems += column_problems(file, members, left_out if arm == "release" else ())
    raise_all(problems)
    united, generalised = unite_all(
        files["members"],
        files["release"],
        files.get("non_members"),
        declared=sources.kinds | {name: spec.kind for name, spec in recipe.columns.items() if spec.kind is not None},
        generalised=recipe.generalised,
        identifying=left_out,
    )
    modelled = [name for name in united if name not in left_out and name not in generalised]
    tables = {arm: table_of(file, [united[name] for name in modelled]) for arm, file in files.items()}
    differently = recoded(tables["release"], tables["members"])
    if recipe.generalised:  # a coarser category, which only k can judge
        modelled = [name for name in modelled if name not in differently]
        tables = {arm: table.select(modelled) for arm, table in tables.items()}
    else:
        problems += recoded_problems(differently, files["release"].label)
    aside = {
        arm: table_of(file, [united[name] for name in sorted(left_out) if name in file.columns])
        for arm, file in files.items()
    }
    orders: dict[Arm, NDArray[np.intp]] = {}
    for arm, table in tables.items():
        orders[arm] = order = content_order(table, aside[arm])
        tables[arm], aside[arm] = table.take(order), aside[arm].take(order)
    for arm in ("members", "non_members"):
        if recipe.subject is not None and arm in files:
            problems += missing_subjects(files[arm], recipe.subject)
    overlap = 0
    if "non_members" in files:
        where = files["non_members"].label
        named = [name for name in aside["members"].names if name not in namesakes]
        others = aside["non_members"].select(named)
        problems += shared_people(aside["members"].select(named), others, recipe.subject, where)
        if modelled:
            problems += same_rows(tables["release"], tables["non_members"], where)
            overlap, beyond_chance = overlap_problems(tables["members"], tables["non_members"], where)
            problems += beyond_chance
    for arm, table in tables.items():
        problems += beyond_bounds(table, recipe.columns, files[arm].label)
        problems += undeclared_values(table, recipe.columns, files[arm].label)
    raise_all(problems)
    surviving = sorted((left_out & set(files["release"].columns)) - set(namesakes))
    subject = recipe.subject
    return Case(
        name=recipe.audit,
        release=tables["release"],
        members=tables["members"],
        non_members=tables.get("non_members"),
        published=_published(files["release"], united, tables["release"]),
        roles=roles,
        released_identifiers=aside["release"].select(surviving) if surviving else None,
        member_identifiers=aside["members"].select(surviving) if surviving else None,
        member_subjects=_subjects(aside.get("members"), subject),
        non_member_subjects=_subjects(aside.get("non_members"), subject),
        unit="row" if subject is None else subject,
        overlap=overlap,
        generalised=recipe.generalised,
        k_anonymity_min=recipe.k_anonymity_min,
        declared={name: spec.declared for name, spec in recipe.columns.items()},
        made={name: spec.made for name, spec in sorted(recipe.columns.items()) if spec.made is not None},
        p_in=1 - recipe.non_members.split if isinstance(recipe.non_members, SplitSpec) else 0.0,
        member_rows=rows_in_file(sources.coins, orders["members"]),
        files={arm: FileFacts(name=file.name, rows=file.n_rows, digest=file.digest) for arm, file in files.items()},
    )


def _published(file: TextTable, united: Mapping[str, United], release: Table) -> Table:
    """Every released column over its own values, rows in content order."""
    names = tuple(sorted(file.columns))
    if names != release.names:
        release = table_of(file, [united[name] for name in names])
        release = release.take(content_order(release))
    (published,) = with_own_dictionaries(release)  # keeps the order of values, hence of rows
    return published


def _subjects(aside: Table | None, subject: str | None) -> Ids | None:
    if aside is None or subject is None:
        return None
    subjects: Ids = aside.codes[:, aside.index(subject)].astype(np.int64)
    return subjects
