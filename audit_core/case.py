"""The case: release, members and non-members, loaded and checked."""

import hashlib
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from audit_core.guarantee import Guarantee
from audit_core.language.canaries import Canaries
from audit_core.language.training import ModelAccess
from audit_core.questions import Neighbours
from audit_core.refit import Declared, Schema
from audit_core.scorecard import FileFacts, TextCounts
from audit_core.tables import MISSING, Ids, Table, rows_alone

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
