"""The case of a language model: which texts it was fine-tuned on, and which it never met.

Texts are rows of one or two columns, "prompt" and "text", so that pools are cut from them as from any table. Nothing
goes out but the model, so the release has no rows.
"""

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from audit_core.case import Case
from audit_core.errors import Problem, raise_all
from audit_core.language.canaries import Canaries
from audit_core.language.near_duplicates import near_duplicates
from audit_core.language.texts import Text, texts_of
from audit_core.reading.column_sets import unknown_columns
from audit_core.reading.files import TextTable
from audit_core.reading.places import quoted
from audit_core.reading.separation import missing_subjects, shared_people
from audit_core.recipe import Recipe
from audit_core.scorecard import FileFacts, TextCounts
from audit_core.sources import Sources, rows_in_file
from audit_core.tables import MISSING, Column, Ids, Table, content_order, normal_form, read_only
from audit_core.written.recipe import SplitSpec

TextArm = Literal["members", "non_members"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TextCase:
    """What the case of a model rests on, before there is a model.

    Attributes:
        case: Its members and non-members are those texts that can be targets: no empty ones, and none that has a near
            duplicate on the other side, so that both sides lose alike.
        trained: All texts that the model is, or was, fine-tuned on, in content order; and after them the planted.
        groups: For each member and each non-member of the case, which texts it must not be parted from in folds.
    """

    case: Case
    trained: tuple[Text, ...]
    groups: tuple[Ids, Ids] | None


def prepare_texts(recipe: Recipe, sources: Sources, canaries: Canaries | None = None) -> TextCase:
    """Checks the files against the recipe and each other, and builds the case.

    Args:
        canaries: To be planted among the texts, or planted already.

    Raises:
        InputError: With every problem that could be found; none quotes a text.
    """
    files: dict[TextArm, TextTable] = {arm: sources.files[arm] for arm in _ARMS if arm in sources.files}
    wanted = recipe.columns_of_texts or ()
    raise_all([problem for file in files.values() for problem in unknown_columns(wanted, [file], file.label)])
    problems: list[Problem] = []
    if recipe.subject is not None:
        problems += [one for file in files.values() for one in missing_subjects(file, recipe.subject)]
    raise_all(problems)
    names = {"text": recipe.text or "", **({} if recipe.prompt is None else {"prompt": recipe.prompt})}
    if recipe.subject is not None:
        names["subject"] = recipe.subject
    tables = _tables(files, names)
    orders = {arm: content_order(table) for arm, table in tables.items()}
    tables = {arm: table.take(orders[arm]) for arm, table in tables.items()}
    if recipe.subject is not None and "non_members" in tables:
        people = [tables[arm].select(["subject"]) for arm in _ARMS]
        raise_all(_renamed(shared_people(people[0], people[1], "subject", files["non_members"].label), recipe.subject))
    texts = {arm: table.texts("text") for arm, table in tables.items()}
    empty = {arm: np.array([not (text or "").strip() for text in some]) for arm, some in texts.items()}
    if empty["members"].all():
        what, fix = "every text is empty", f"Name the column that holds the texts; `text: {recipe.text}` is another"
        raise_all([Problem(code="texts-empty", what=what, where=files["members"].label, fix=fix)])
    near, groups = _near(texts, empty)
    kept = {arm: ~empty[arm] & ~near[arm] for arm in tables}
    shown = ["prompt", "text"] if recipe.prompt is not None else ["text"]
    targets = {arm: table.select(shown).take(kept[arm]) for arm, table in tables.items()}
    subjects = {
        arm: table.codes[kept[arm], table.index("subject")].astype(np.int64) if recipe.subject is not None else None
        for arm, table in tables.items()
    }
    trained = tables["members"].take(~empty["members"])
    learnt = texts_of(trained) + (() if canaries is None else canaries.to_learn)
    case = Case(
        name=recipe.audit,
        release=targets["members"].take(np.empty(0, dtype=np.intp)),
        members=targets["members"],
        non_members=targets.get("non_members"),
        published=targets["members"].take(np.empty(0, dtype=np.intp)),
        roles={},
        released_identifiers=None,
        member_identifiers=None,
        member_subjects=subjects["members"],
        non_member_subjects=subjects.get("non_members"),
        unit="row" if recipe.subject is None else recipe.subject,
        overlap=int(near["non_members"].sum()) if "non_members" in near else 0,
        generalised=False,
        k_anonymity_min=0,
        p_in=1 - recipe.non_members.split if isinstance(recipe.non_members, SplitSpec) else 0.0,
        member_rows=rows_in_file(sources.coins, orders["members"])[kept["members"]],
        files={arm: FileFacts(name=file.name, rows=file.n_rows, digest=file.digest) for arm, file in files.items()},
        texts={arm: _counts(texts[arm], empty[arm], near[arm]) for arm in tables},
        trained_rows=len(learnt),
        trained_rows_per_unit=_most_of_one(trained),
        canaries=canaries,
    )
    own = None if groups is None else (groups[0][kept["members"]], groups[1][kept["non_members"]])
    return TextCase(case=case, trained=learnt, groups=own)


_ARMS: tuple[TextArm, ...] = ("members", "non_members")


def _most_of_one(table: Table) -> int:
    """The most rows of one subject; 1 where each row is its own."""
    if "subject" not in table.names:
        return 1
    return int(np.unique(table.codes[:, table.index("subject")], return_counts=True)[1].max())


def _tables(files: Mapping[TextArm, TextTable], names: Mapping[str, str]) -> dict[TextArm, Table]:
    """The named columns of the files, over one dictionary each, in name order."""
    columns: list[Column] = []
    codes: dict[TextArm, list[NDArray[np.int32]]] = {arm: [] for arm in files}
    for name, written in sorted(names.items()):
        own = {arm: np.array(file.columns[written].texts.to_pylist(), dtype=object) for arm, file in files.items()}
        values = np.array(sorted({value for some in own.values() for value in some}), dtype=object)
        columns.append(Column(name=name, kind="category", values=values))
        place = {value: code for code, value in enumerate(values)}
        for arm, file in files.items():
            renumbered = np.array([*(place[value] for value in own[arm]), MISSING], dtype=np.int32)
            codes[arm].append(renumbered[file.columns[written].codes])
    return {arm: Table(columns=tuple(columns), codes=read_only(np.column_stack(some))) for arm, some in codes.items()}


def _renamed(problems: Sequence[Problem], subject: str) -> list[Problem]:
    """The problems of a column that is called "subject" here, by the name that it has in the file."""
    return [replace(problem, where=problem.where.replace(quoted("subject"), quoted(subject))) for problem in problems]


def _near(
    texts: Mapping[TextArm, NDArray[np.object_]], empty: Mapping[TextArm, NDArray[np.bool_]]
) -> tuple[dict[TextArm, NDArray[np.bool_]], tuple[Ids, Ids] | None]:
    """Which texts have a near duplicate on the other side, and the cluster of each text; none without another side."""
    if "non_members" not in texts:
        return {"members": np.zeros(len(texts["members"]), dtype=bool)}, None
    sides = [["" if none else text for text, none in zip(texts[arm], empty[arm], strict=True)] for arm in _ARMS]
    found = near_duplicates(sides[0], sides[1])
    return (
        {"members": found.left & ~empty["members"], "non_members": found.right & ~empty["non_members"]},
        (found.left_cluster, found.right_cluster),
    )


def _counts(texts: NDArray[np.object_], empty: NDArray[np.bool_], near: NDArray[np.bool_]) -> TextCounts:
    """What is to be known of an arm's texts."""
    said = [text for text, none in zip(texts, empty, strict=True) if not none]
    distinct = len(set(said))
    forms: dict[str, set[str]] = {}
    for text in said:
        forms.setdefault(normal_form(text), set()).add(text)
    recast = sum(len(some) for some in forms.values() if len(some) > 1)
    return TextCounts(
        records=len(texts),
        empty=int(empty.sum()),
        duplicated=len(said) - distinct,
        other_normal_form=sum(unicodedata.normalize("NFC", text) != text for text in said),
        equal_but_for_form=recast,
        near_other_side=int(near.sum()),
    )
