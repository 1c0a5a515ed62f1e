"""What parent hands child: arrays as .npy, the rest as JSON. Nothing that runs code when read."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Literal

import numpy as np
from pydantic import TypeAdapter

from audit_core.case import Case
from audit_core.doctor.findings import PROBES, Probe
from audit_core.guarantee import Guarantee
from audit_core.isolation import REPORTS
from audit_core.language.texts import Text
from audit_core.language.token_scores import TokenScores, joined
from audit_core.language.training import ModelAccess, Retraining, TrainingTask
from audit_core.questions import Continuation, HiddenValue, Linkage, Membership, Neighbours, Question, SinglingOut
from audit_core.refit import Declared, Heard, Refit, Schema
from audit_core.scorecard import FileFacts
from audit_core.tables import Column, Table

_QUESTIONS = {kind.__name__: kind for kind in (Membership, HiddenValue, Linkage, SinglingOut, Continuation)}
_CASE_TABLES = ("release", "members", "non_members", "published", "released_identifiers", "member_identifiers")
_CASE_ARRAYS = ("member_subjects", "non_member_subjects")
LEDGER, MODEL = "ledger.json", "model"
_SCORES, _TEXTS = ".scores.npz", "texts.jsonl"
_EXAMINATION = "examination.json"
_CASE_PLAIN = (
    *("name", "roles", "unit", "overlap", "generalised", "k_anonymity_min", "made"),
    *("trained_rows", "trained_rows_per_unit"),
)


def write_table(folder: Path, name: str, table: Table | None) -> None:
    """Writes `NAME.json`, `NAME.npy` and the numeric dictionaries; nothing for None."""
    if table is None:
        return
    columns = []
    for position, column in enumerate(table.columns):
        entry: dict[str, Any] = {"name": column.name, "kind": column.kind}
        if column.numeric:
            np.save(folder / f"{name}.{position}.npy", column.values.astype(np.float64))
        else:
            entry["values"] = list(column.values)
        columns.append(entry)
    np.save(folder / f"{name}.npy", table.codes)
    (folder / f"{name}.json").write_text(json.dumps(columns), encoding="utf-8")


def read_table(folder: Path, name: str) -> Table | None:
    """Reads what `write_table` wrote; None where there is no such table. The arrays cannot be written to."""
    path = folder / f"{name}.json"
    if not path.exists():
        return None
    columns = [
        Column(
            name=entry["name"],
            kind=entry["kind"],
            values=np.array(entry["values"], dtype=object)
            if "values" in entry
            else np.load(folder / f"{name}.{position}.npy", allow_pickle=False),
        )
        for position, entry in enumerate(json.loads(path.read_text(encoding="utf-8")))
    ]
    codes = np.load(folder / f"{name}.npy", mmap_mode="r", allow_pickle=False)
    return Table(columns=tuple(columns), codes=codes)


def write_question(folder: Path, question: Question) -> None:
    """Writes the tables and arrays of a question, its neighbours, and its kind and words in `question.json`."""
    plain: dict[str, Any] = {"kind": type(question).__name__}
    for field in fields(question):
        value = getattr(question, field.name)
        if isinstance(value, Table):
            write_table(folder, field.name, value)
        elif isinstance(value, str | int | tuple):
            plain[field.name] = value
        elif isinstance(value, TokenScores):
            np.savez(folder / f"{field.name}{_SCORES}", allow_pickle=False, **value.arrays())
        elif isinstance(value, Refit):
            (folder / f"{field.name}.refit.json").write_text(json.dumps(asdict(value)), encoding="utf-8")
        elif isinstance(value, Retraining):
            (folder / f"{field.name}.retraining.json").write_text(json.dumps(asdict(value)), encoding="utf-8")
        elif isinstance(value, ModelAccess):
            (folder / f"{field.name}.access.json").write_text(json.dumps(asdict(value)), encoding="utf-8")
    (folder / "question.json").write_text(json.dumps(plain), encoding="utf-8")
    if not isinstance(question, Continuation):
        _write_neighbours(folder, question.neighbours)


def read_question(folder: Path) -> Question:
    plain = json.loads((folder / "question.json").read_text(encoding="utf-8"))
    kind: Any = _QUESTIONS[plain.pop("kind")]
    for path in folder.glob("*.refit.json"):
        told = json.loads(path.read_text(encoding="utf-8"))
        plain[path.name.removesuffix(".refit.json")] = Refit(**{**told, "schema": _schema(told["schema"])})
    for path in folder.glob("*.retraining.json"):
        told = json.loads(path.read_text(encoding="utf-8"))
        plain[path.name.removesuffix(".retraining.json")] = Retraining(**told)
    if kind is Continuation:
        access = ModelAccess(**json.loads((folder / "model.access.json").read_text(encoding="utf-8")))
        prefixes = tuple(tuple(prefix) for prefix in plain["prefixes"])
        return Continuation(prefixes=prefixes, length=plain["length"], model=access)
    for path in folder.glob(f"*{_SCORES}"):
        with np.load(path, allow_pickle=False) as stored:
            plain[path.name.removesuffix(_SCORES)] = TokenScores(**{name: stored[name] for name in stored.files})
    tables = [field.name for field in fields(kind) if field.name not in {"neighbours", *plain}]
    return kind(  # type: ignore[no-any-return]
        **plain, **{name: read_table(folder, name) for name in tables}, neighbours=_read_neighbours(folder)
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Folders:
    """Where a generator finds what outlives its process.

    Attributes:
        load: Of a fitted generator; None where one is to be fitted.
        workshop: For checkpoints; None where none are kept.
        recipe: Of the recipe.
    """

    load: Path | None = None
    workshop: Path | None = None
    recipe: Path | None = None


def write_commission(folder: Path, table: Table, schema: Schema, rows: int, folders: Folders) -> None:
    """What a generator is told: the rows to fit to, what is declared of them, and how many to make."""
    write_table(folder, "fitted_to", table)
    told: dict[str, Any] = {"schema": {name: asdict(declared) for name, declared in schema.items()}, "rows": rows}
    told["folders"] = {name: None if path is None else str(path) for name, path in asdict(folders).items()}
    (folder / "commission.json").write_text(json.dumps(told), encoding="utf-8")


def read_commission(folder: Path) -> tuple[Table, Schema, int, Folders]:
    told = json.loads((folder / "commission.json").read_text(encoding="utf-8"))
    table = read_table(folder, "fitted_to")
    if table is None:
        raise FileNotFoundError("fitted_to.json")
    folders = Folders(**{name: None if path is None else Path(path) for name, path in told["folders"].items()})
    return table, _schema(told["schema"]), told["rows"], folders


def write_task(folder: Path, task: TrainingTask, folders: Folders) -> None:
    """What a training backend is told: the texts to learn, and what to start from."""
    _write_texts(folder, task.texts)
    told = {"base": str(task.base), "unit": task.unit, "rows_per_unit": task.rows_per_unit}
    told["folders"] = {name: None if path is None else str(path) for name, path in asdict(folders).items()}
    (folder / "task.json").write_text(json.dumps(told), encoding="utf-8")


def read_task(folder: Path) -> tuple[TrainingTask, Folders]:
    told = json.loads((folder / "task.json").read_text(encoding="utf-8"))
    folders = Folders(**{name: None if path is None else Path(path) for name, path in told.pop("folders").items()})
    return TrainingTask(**told | {"base": Path(told["base"])}, texts=_read_texts(folder)), folders


def write_texts_to_score(folder: Path, texts: Sequence[Text], access: ModelAccess) -> None:
    """What a pass is told: the texts, in their order, and how to open the model."""
    _write_texts(folder, texts)
    (folder / "model.access.json").write_text(json.dumps(asdict(access)), encoding="utf-8")


def read_texts_to_score(folder: Path) -> tuple[tuple[Text, ...], ModelAccess]:
    return _read_texts(folder), ModelAccess(**json.loads((folder / "model.access.json").read_text(encoding="utf-8")))


def write_scores(folder: Path, name: str, chunks: Iterable[TokenScores]) -> None:
    """The scores of a pass, chunk by chunk, so that no more than one is held."""
    for number, chunk in enumerate(chunks):
        np.savez(folder / f"{name}.{number:06}{_SCORES}", allow_pickle=False, **chunk.arrays())


def read_scores(folder: Path, name: str) -> TokenScores:
    """All scores that were written under a name."""
    parts = []
    for path in sorted(folder.glob(f"{name}.*{_SCORES}")):
        with np.load(path, allow_pickle=False) as stored:
            parts.append(TokenScores(**{field: stored[field] for field in stored.files}))
    return joined(parts)


def write_prompt_tokens(folder: Path, prompts: Sequence[Sequence[int]]) -> None:
    """The tokens that stand before each text."""
    (folder / "prompts.json").write_text(json.dumps([list(map(int, prompt)) for prompt in prompts]), encoding="utf-8")


def read_prompt_tokens(folder: Path) -> tuple[tuple[int, ...], ...]:
    return tuple(tuple(prompt) for prompt in json.loads((folder / "prompts.json").read_text(encoding="utf-8")))


def _write_texts(folder: Path, texts: Sequence[Text]) -> None:
    with (folder / _TEXTS).open("w", encoding="utf-8") as lines:
        lines.writelines(json.dumps([one.text, one.prompt]) + "\n" for one in texts)


def _read_texts(folder: Path) -> tuple[Text, ...]:
    with (folder / _TEXTS).open(encoding="utf-8") as lines:
        return tuple(Text(text=text, prompt=prompt) for text, prompt in map(json.loads, lines))


def write_guarantee(folder: Path, guarantee: Guarantee | None) -> None:
    """The ledger; nothing for None."""
    if guarantee is not None:
        (folder / LEDGER).write_bytes(guarantee.to_json())


def read_guarantee(folder: Path) -> Guarantee | None:
    """The ledger; None where there is none.

    Raises:
        PackError: It is no ledger.
    """
    path = folder / LEDGER
    return Guarantee.from_json(path.read_bytes()) if path.is_file() else None


def write_examination(folder: Path, probes: Sequence[Probe], lacking: Sequence[str]) -> None:
    """What an examination found, or which methods there were not to examine."""
    told = {"probes": [asdict(probe) for probe in probes], "lacking": list(lacking)}
    (folder / _EXAMINATION).write_text(json.dumps(told), encoding="utf-8")


def read_examination(folder: Path) -> tuple[tuple[Probe, ...], tuple[str, ...]]:
    """What was found, and what lacks.

    Raises:
        OSError, ValueError: It is not there, or is none.
    """
    told = TypeAdapter(dict[str, Any]).validate_json((folder / _EXAMINATION).read_bytes())
    probes = TypeAdapter(tuple[Probe, ...]).validate_python(told.get("probes"))
    lacking = TypeAdapter(tuple[Literal["prepare", "private_steps"], ...]).validate_python(told.get("lacking"))
    if not lacking and [probe.name for probe in probes] != list(PROBES):
        raise ValueError("not the probes that there are")
    return probes, lacking


def reporting(folder: Path) -> Heard:
    """A function that hands numbers to the parent while the child works."""

    def report(told: Mapping[str, float]) -> None:
        with (folder / REPORTS).open("a", encoding="utf-8") as lines:
            lines.write(json.dumps(dict(told)) + "\n")

    return report


def _schema(told: dict[str, dict[str, Any]]) -> Schema:
    return {
        name: Declared(**its | {"values": None if its["values"] is None else tuple(its["values"])})
        for name, its in told.items()
    }


def _write_neighbours(folder: Path, neighbours: Mapping[str, Neighbours]) -> None:
    (folder / "neighbours.json").write_text(json.dumps(list(neighbours)), encoding="utf-8")
    for position, found in enumerate(neighbours.values()):
        np.save(folder / f"neighbours.{position}.distance.npy", found.distance)
        np.save(folder / f"neighbours.{position}.row.npy", found.row)


def _read_neighbours(folder: Path) -> dict[str, Neighbours]:
    names = json.loads((folder / "neighbours.json").read_text(encoding="utf-8"))
    return {
        name: Neighbours(
            distance=np.load(folder / f"neighbours.{position}.distance.npy", allow_pickle=False),
            row=np.load(folder / f"neighbours.{position}.row.npy", allow_pickle=False),
        )
        for position, name in enumerate(names)
    }


def write_case(folder: Path, case: Case) -> None:
    for name in _CASE_TABLES:
        write_table(folder, name, getattr(case, name))
    for name in _CASE_ARRAYS:
        if (array := getattr(case, name)) is not None:
            np.save(folder / f"{name}.npy", array)
    _write_neighbours(folder, case.neighbours)
    plain = {name: getattr(case, name) for name in _CASE_PLAIN}
    plain["files"] = {name: asdict(facts) for name, facts in case.files.items()}
    (folder / "case.json").write_text(json.dumps(plain), encoding="utf-8")
    write_guarantee(folder, case.guarantee)


def read_case(folder: Path) -> Case:
    plain = json.loads((folder / "case.json").read_text(encoding="utf-8"))
    plain["files"] = {name: FileFacts(**facts) for name, facts in plain["files"].items()}
    arrays = {
        name: np.load(path, allow_pickle=False) if (path := folder / f"{name}.npy").exists() else None
        for name in _CASE_ARRAYS
    }
    tables = {name: read_table(folder, name) for name in _CASE_TABLES}
    return Case(**plain, **arrays, **tables, neighbours=_read_neighbours(folder), guarantee=read_guarantee(folder))  # type: ignore[arg-type]
