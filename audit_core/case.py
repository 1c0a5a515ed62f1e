"""The case: release, members and non-members, loaded and checked."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePath
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from audit_core.errors import InputError, Problem, raise_all
from audit_core.guarantee import Guarantee
from audit_core.language.canaries import Canaries
from audit_core.language.training import ModelAccess
from audit_core.questions import Neighbours
from audit_core.reading.column_sets import column_problems, unknown_columns
from audit_core.reading.files import TextTable, read_table, rows_of
from audit_core.reading.model_files import model_digest
from audit_core.reading.paths import file_digest
from audit_core.reading.schema import (
    United,
    beyond_bounds,
    decide,
    recoded,
    recoded_problems,
    table_of,
    undeclared_values,
    unite_all,
)
from audit_core.reading.separation import missing_subjects, overlap_problems, same_rows, shared_people
from audit_core.recipe import Arm, Recipe
from audit_core.redact import encodable
from audit_core.refit import Declared, Schema
from audit_core.scorecard import FileFacts, TextCounts
from audit_core.split import Sides, flip
from audit_core.synthesis.regions import coarsened
from audit_core.tables import MISSING, Ids, Table, content_order, rows_alone, with_own_dictionaries
from audit_core.written.recipe import GeneratedSpec, ModelledSpec, SplitSpec
from audit_core.written.strategies import PII

Role = Literal["plain", "identifier", "quasi-identifier", "sensitive", "subject"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleasedModel:
    """A language model that goes out.

    Attributes:
        name: Of its folder.
        access: How to open it.
        digest: "sha256:" and a digest of its files.
        base_digest: The same of the model before it was fine-tuned; None where nobody has it.
        base_name: What the recipe calls that.
    """

    name: str
    access: ModelAccess
    digest: str
    base_digest: str | None
    base_name: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """What is audited. All tables but `published` share one set of columns and dictionaries.

    Rows are in content order, columns in name order: nothing of the files' own order is left.

    Attributes:
        release: The released rows, columns comparable with the members' (no identifier, no subject).
        members: The rows the release was made from.
        non_members: Rows of the same population that were not used, or None.
        published: The released rows with every released column and dictionaries of their own; where columns were
            generalised they are categories here and absent from `release`.
        roles: For every column of any file.
        declared: What the recipe says of a column, where it says anything.
        made: Columns of a release that was made here which no generator made: how they were made instead, "fresh",
            "hash_rekey", "pii_name" or "pii_address".
        released_identifiers, member_identifiers: The identifier and subject columns that both files have, or None;
            rows as in `release` and `members`. Made-up names and addresses are left out: an equal one is a namesake.
        member_subjects, non_member_subjects: The person each row belongs to, shape `(n_rows,)`; None where the unit
            of privacy is the row.
        unit: "row", or the name of the subject column.
        overlap: Non-member rows equal to some member row.
        k_anonymity_min: The k the recipe claims; 0 where it claims none.
        files: By what they are: "release", "members", "non_members".
        member_rows: For each member, its row in the file, counted from 1; the core's own, no plugin sees it.
        guarantee: What is claimed of the release; None where nothing is.
        p_in: The probability with which each row, or person, became a member by a coin of its own; 0 where none fell.
        neighbours: Filled for a check that asked for them: "members>release" are the members' nearest released rows.
        model: The language model that goes out; None where rows do.
        texts: For a model, what is to be known of the members' and the non-members' texts.
        trained_rows, trained_rows_per_unit: For a model, how many texts it learnt from, and the most of one unit: the
            members are those of them that can be targets. None for a table, which was made from all its members.
        canaries: For a model, the made-up texts that a coin each planted among them; None where none were.
    """

    name: str
    release: Table
    members: Table
    non_members: Table | None
    published: Table
    roles: dict[str, Role]
    released_identifiers: Table | None
    member_identifiers: Table | None
    member_subjects: Ids | None
    non_member_subjects: Ids | None
    unit: str
    overlap: int
    generalised: bool
    k_anonymity_min: int
    files: dict[str, FileFacts]
    declared: dict[str, Declared] = field(default_factory=dict)
    made: dict[str, str] = field(default_factory=dict)
    member_rows: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, dtype=np.int64))
    neighbours: dict[str, Neighbours] = field(default_factory=dict)
    guarantee: Guarantee | None = None
    p_in: float = 0.0
    model: ReleasedModel | None = None
    texts: dict[str, TextCounts] = field(default_factory=dict)
    trained_rows: int | None = None
    trained_rows_per_unit: int | None = None
    canaries: Canaries | None = None

    def columns_of(self, role: Role) -> tuple[str, ...]:
        """The names of the columns with one role, in name order."""
        return tuple(sorted(name for name, its in self.roles.items() if its == role))

    @property
    def identifying(self) -> tuple[str, ...]:
        """The declared identifiers, and the subject column: it names a person too."""
        return self.columns_of("identifier") + self.columns_of("subject")

    @property
    def singular(self) -> tuple[str, ...]:
        """Columns that single a person out though nobody declared them: of whole numbers or text, nearly all distinct.

        Fractions are left out: a measured quantity is distinct in everybody and names nobody.
        """
        return tuple(
            column.name
            for position, column in enumerate(self.members.columns)
            if column.kind in ("integer", "category") and _mostly_once(self.members.codes[:, position])
        )

    @property
    def schema(self) -> Schema:
        """What is declared of the comparable columns."""
        return {
            name: replace(self.declared.get(name, Declared()), role=self.roles[name]) for name in self.release.names
        }

    @property
    def facts(self) -> dict[str, int]:
        """What the rules' conditions look at; a truth is 1 or 0, a count is itself."""
        if self.model is not None:
            return {
                "model": 1,
                "base": int(self.model.access.base is not None),
                "guarantee": int(self.guarantee is not None),
                "coins": int(self.p_in > 0),
                "members": len(self.members),
                "non_members": 0 if self.non_members is None else len(self.non_members),
                "subject": int(self.unit != "row"),
                "canaries": 0 if self.canaries is None else int(self.canaries.planted.sum()),
            }
        return {
            "table": 1,
            "guarantee": int(self.guarantee is not None),
            "coins": int(self.p_in > 0),
            "members": len(self.members),
            "non_members": 0 if self.non_members is None else len(self.non_members),
            "released": len(self.published),
            "columns": len(self.release.columns),
            "alone": rows_alone(self.release),
            "generalised": int(self.generalised),
            "k_anonymity_min": self.k_anonymity_min,
            "identifiers": len(self.identifying),
            "quasi_identifiers": len(self.columns_of("quasi-identifier")),
            "sensitive": len(self.columns_of("sensitive")),
            "singular": len(self.singular),
            "subject": int(self.unit != "row"),
        }


def most_rows(case: Case) -> int:
    """The most rows that one unit of privacy has in the data that the release was made from."""
    if case.trained_rows_per_unit is not None:
        return case.trained_rows_per_unit
    if case.member_subjects is None:
        return min(1, len(case.members))
    return int(np.unique(case.member_subjects, return_counts=True)[1].max(initial=0))


def private_rows(case: Case) -> int:
    """How many rows the release was made from; no fewer than the members."""
    return len(case.members) if case.trained_rows is None else case.trained_rows


_SINGULAR = 0.9
"""A column in which so many of the rows hold a value that nobody else has can serve as an identifier."""


def _mostly_once(codes: NDArray[np.int32]) -> bool:
    counts = np.bincount(codes[codes != MISSING], minlength=1)
    return bool((counts == 1).sum() >= _SINGULAR * len(codes) and len(codes) > 1)


ARMS: tuple[Arm, ...] = ("members", "release", "non_members")
_CALLED: dict[Arm, str] = {"members": "members", "release": "release", "non_members": "non-members"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """The files of a recipe, read.

    Attributes:
        files: Members first; without a release where it has yet to be made.
        coins: Which rows of the members' file are members, where it was split.
        kinds: Of the columns, decided before a release was made and before the file was split: a column stays what it
            is whatever rows fall into which part.
        whole: The members' file before it was split.
    """

    files: dict[Arm, TextTable]
    coins: Sides | None = None
    kinds: dict[str, str] = field(default_factory=dict)
    whole: TextTable

    def rehearsed(self) -> "Sources":
        """The members standing in for the release, so that all can be checked that does not depend on it."""
        return self.with_release(self.files["members"])

    def with_release(self, release: TextTable) -> "Sources":
        return replace(self, files={**self.files, "release": release})


def read_sources(recipe: Recipe) -> Sources:
    """Reads the files, and splits the members' where the recipe says so.

    Raises:
        InputError: With every problem that could be found.
    """
    levels = {name: spec.hierarchy for name, spec in recipe.columns.items() if spec.hierarchy is not None}
    files = {arm: coarsened(file, levels) for arm, file in _read(recipe).items()}
    whole = files["members"]
    if not isinstance(recipe.release, GeneratedSpec | ModelledSpec):
        return Sources(files=files, whole=whole)
    kinds = _kinds(recipe, files) if isinstance(recipe.release, GeneratedSpec) else {}
    if not isinstance(recipe.non_members, SplitSpec):
        return Sources(files=files, kinds=kinds, whole=whole)
    if recipe.subject is not None:
        raise_all(unknown_columns([recipe.subject], [whole], "subject"))
        raise_all(missing_subjects(whole, recipe.subject))
    coins = flip(whole, recipe.subject, recipe.non_members.split, recipe.seed)
    members = rows_of(whole, coins, f"members of {whole.label}")
    non_members = rows_of(whole, ~coins, f"non-members of {whole.label}")
    return Sources(files={"members": members, "non_members": non_members}, coins=coins, kinds=kinds, whole=whole)


def _kinds(recipe: Recipe, files: Mapping[Arm, TextTable]) -> dict[str, str]:
    """What the columns are, over the files there are before the release.

    Raises:
        InputError: The files disagree, or with what is declared.
    """
    kinds: dict[str, str] = {}
    problems: list[Problem] = []
    roles = _roles(recipe, files["members"])
    for name in sorted(files["members"].columns):
        having = [file for file in files.values() if name in file.columns]
        spec = recipe.columns.get(name)
        decided = decide(
            name, having, None if spec is None else spec.kind, loose=roles[name] in ("identifier", "subject")
        )
        problems += decided.problems
        kinds[name] = decided.kind
    raise_all(problems)
    return kinds


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
    roles = _roles(recipe, members)
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


def rows_in_file(coins: Sides | None, order: NDArray[np.intp]) -> NDArray[np.int64]:
    """For each row of the members, in the case's order, its row in the file, counted from 1."""
    return order + 1 if coins is None else np.flatnonzero(coins)[order] + 1


def digests_now(recipe: Recipe, made: Path | None = None) -> dict[str, str]:
    """The digests of the recipe's files as they are now, by what they are; "unreadable" for one that is gone.

    Args:
        made: The release, if it was made here.
    """
    digests: dict[str, str] = {}
    for arm in ARMS:
        try:
            path = made if arm == "release" and made is not None else recipe.path(arm)
            if path is not None:
                digests[arm] = model_digest(path) if path.is_dir() and arm == "release" else file_digest(path, arm)
        except InputError:
            digests[arm] = "unreadable"
    return digests


def content_digest(case: Case) -> str:
    """ "sha256:" and a digest of what is in the tables: format, row order and column order of the files are not in it.

    Nobody who lacks the members' rows can compute it.
    """
    digest = hashlib.sha256()

    def add(data: bytes | memoryview) -> None:
        digest.update(len(data).to_bytes(8, "big"))
        digest.update(data)

    for table in (case.release, case.members, case.non_members, case.published):
        if table is None:
            add(b"none")
            continue
        for position, column in enumerate(table.columns):
            add(column.name.encode("utf-8", "surrogatepass"))
            add(column.kind.encode())
            if column.numeric:
                add(column.values.astype("<f8").tobytes())
            else:
                add("\0".join(column.values).encode("utf-8", "surrogatepass"))
            add(np.ascontiguousarray(table.codes[:, position], dtype="<i4").data.cast("B"))
    for subjects in (case.member_subjects, case.non_member_subjects):
        add(b"none" if subjects is None else subjects.astype("<i8").tobytes())
    if case.model is not None:
        add(f"{case.model.digest} {case.model.base_digest}".encode())
    if case.canaries is not None:
        add(case.canaries.to_jsonl())
    return f"sha256:{digest.hexdigest()}"


def _read(recipe: Recipe) -> dict[Arm, TextTable]:
    """The files, members first.

    Raises:
        InputError: Some cannot be read, or two of them are one file.
    """
    files: dict[Arm, TextTable] = {}
    problems: list[Problem] = []
    for arm in ARMS:
        try:
            path, written = recipe.path(arm), recipe.written_path(arm)
            if path is not None and written is not None:
                files[arm] = read_table(
                    path,
                    what=_CALLED[arm],
                    name=encodable(PurePath(written).name),
                    nulls=recipe.nulls,
                    encoding=recipe.encoding,
                    delimiter=recipe.delimiter or "",
                    columns=recipe.columns_of_texts,
                )
        except InputError as error:
            problems += error.problems
    control = files.get("non_members")
    for arm in ("members", "release"):
        other = files.get(arm)
        if control is not None and other is not None and control.digest == other.digest:
            what = f"this is the same file as the {other.label}"
            fix = "Name rows of the same population that were not used for the release"
            problems.append(Problem(code="same-file", what=what, where=control.label, fix=fix))
    raise_all(problems)
    return files


def _roles(recipe: Recipe, members: TextTable) -> dict[str, Role]:
    roles: dict[str, Role] = dict.fromkeys(members.columns, "plain")
    roles.update({name: spec.role for name, spec in recipe.columns.items()})
    if recipe.subject is not None and roles.get(recipe.subject, "plain") == "plain":
        roles[recipe.subject] = "subject"
    return dict(sorted(roles.items()))


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
