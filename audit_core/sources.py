"""The files of a recipe: read, split by coins where it says so, and looked at again when the audit is over."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePath

import numpy as np
from numpy.typing import NDArray

from audit_core.case import Role
from audit_core.errors import InputError, Problem, raise_all
from audit_core.reading.column_sets import unknown_columns
from audit_core.reading.files import TextTable, read_table, rows_of
from audit_core.reading.model_files import model_digest
from audit_core.reading.paths import file_digest
from audit_core.reading.schema import decide
from audit_core.reading.separation import missing_subjects
from audit_core.recipe import Arm, Recipe
from audit_core.redact import encodable
from audit_core.split import Sides, flip
from audit_core.synthesis.regions import coarsened
from audit_core.written.recipe import GeneratedSpec, ModelledSpec, SplitSpec

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
    roles = roles_of(recipe, files["members"])
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


def roles_of(recipe: Recipe, members: TextTable) -> dict[str, Role]:
    """The role of every column of the members' file, by name order."""
    roles: dict[str, Role] = dict.fromkeys(members.columns, "plain")
    roles.update({name: spec.role for name, spec in recipe.columns.items()})
    if recipe.subject is not None and roles.get(recipe.subject, "plain") == "plain":
        roles[recipe.subject] = "subject"
    return dict(sorted(roles.items()))
