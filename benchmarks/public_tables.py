"""Public tables as text, for the benchmarks: read from the files as published, in a fixed random order."""

import csv
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

Row = tuple[str, ...]

ADULT = (
    "age", "workclass", "fnlwgt", "education", "education-num", "marital-status", "occupation", "relationship", "race",
    "sex", "capital-gain", "capital-loss", "hours-per-week", "native-country", "income",
)  # fmt: skip
HEART = (
    "age", "sex", "cp", "trestbps", "chol", "fbs", "restecg", "thalach", "exang", "oldpeak", "slope", "ca", "thal",
    "num",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicTable:
    """A table and what a data owner would know of it.

    Attributes:
        nulls: What a missing cell is written as; the first is used where a benchmark takes a value away.
        quasi_identifiers: Columns that somebody outside may know.
        releases: Releases that others made of the first `members` rows, by name.
        members: How many rows those are; 0 where there are none and any rows may be members.
    """

    name: str
    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    nulls: tuple[str, ...]
    quasi_identifiers: tuple[str, ...]
    releases: dict[str, tuple[Row, ...]]
    members: int = 0


def adult(folder: Path) -> list[Row]:
    """All rows of UCI Adult's two files, stripped, in a fixed random order."""
    rows: list[Row] = []
    for name in ("adult.data", "adult.test"):
        with (folder / name).open(newline="") as file:
            rows += [
                (*row[:14], row[14].rstrip(".")) for row in csv.reader(file, skipinitialspace=True) if len(row) == 15
            ]
    random.Random(0).shuffle(rows)
    return rows


def write(path: Path, columns: Sequence[str], rows: Sequence[Row]) -> Path:
    """Writes a CSV file."""
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([columns, *rows])
    return path


def _csv(path: Path) -> tuple[tuple[str, ...], list[Row]]:
    with path.open(newline="", encoding="utf-8-sig") as file:
        header, *rows = (tuple(row) for row in csv.reader(file))
    return header, rows


def _mixed(rows: Sequence[Row]) -> tuple[Row, ...]:
    mixed = list(rows)
    random.Random(0).shuffle(mixed)
    return tuple(mixed)


def adult_table(folder: Path) -> PublicTable:
    return PublicTable(
        name="Adult",
        columns=ADULT,
        rows=tuple(adult(folder / "adult")),
        nulls=("", "?"),
        quasi_identifiers=("age", "education", "marital-status", "race", "sex", "native-country"),
        releases={},
    )


def adult_ctgan(folder: Path) -> PublicTable:
    """Adult without repeated rows, the train split of the published CTGAN release first."""
    columns, control = _csv(folder / "anonymeter-adult" / "adults_control.csv")
    _, made = _csv(folder / "anonymeter-adult" / "adults_syn_ctgan.csv")
    kept = set(control)
    members = tuple(row for row in dict.fromkeys(adult(folder / "adult")) if row not in kept)
    return PublicTable(
        name="Adult, train split of a CTGAN",
        columns=columns,
        rows=(*members, *control),
        nulls=("", "?"),
        quasi_identifiers=("age", "education", "marital", "race", "sex", "country"),
        releases={"CTGAN": tuple(made)},
        members=len(members),
    )


def credit_default(folder: Path) -> PublicTable:
    columns, rows = _csv(folder / "credit-default" / "UCI_Credit_Card.csv")
    return PublicTable(
        name="Credit default",
        columns=columns[1:],  # without the running number
        rows=_mixed([row[1:] for row in rows]),
        nulls=("",),
        quasi_identifiers=("SEX", "EDUCATION", "MARRIAGE", "AGE"),
        releases={},
    )


def nist_massachusetts(folder: Path) -> PublicTable:
    columns, rows = _csv(folder / "nist-acs" / "ma2019.csv")
    return PublicTable(
        name="NIST MA 2019",
        columns=columns,
        rows=_mixed(rows),
        nulls=("", "N"),
        quasi_identifiers=("PUMA", "AGEP", "SEX", "MSP", "RAC1P", "EDU"),
        releases={},
    )


def breast_cancer(folder: Path) -> PublicTable:
    columns, train = _csv(folder / "syntheval" / "breast_cancer_train.csv")
    _, test = _csv(folder / "syntheval" / "breast_cancer_test.csv")
    _, made = _csv(folder / "syntheval" / "breast_cancer_synthpop_syn.csv")
    return PublicTable(
        name="Breast cancer",
        columns=columns,
        rows=(*train, *test),
        nulls=("",),
        quasi_identifiers=("Age", "Race", "Marital Status"),
        releases={"synthpop": tuple(made)},
        members=len(train),
    )


def penguins(folder: Path) -> PublicTable:
    columns, train = _csv(folder / "syntheval" / "penguins_train.csv")
    _, test = _csv(folder / "syntheval" / "penguins_test.csv")
    made = {
        title: tuple(_csv(folder / "syntheval" / f"penguins_{name}.csv")[1])
        for title, name in (("Bayesian network", "BN_syn"), ("noise", "noise_baseline"))
    }
    return PublicTable(
        name="Penguins",
        columns=columns,
        rows=(*train, *test),
        nulls=("", "NA"),
        quasi_identifiers=("species", "island", "sex"),
        releases=made,
        members=len(train),
    )


def german_credit(folder: Path) -> PublicTable:
    lines = (folder / "german-credit" / "german.data").read_text(encoding="ascii").splitlines()
    return PublicTable(
        name="German credit",
        columns=tuple(f"a{number}" for number in range(1, 22)),
        rows=_mixed([tuple(line.split()) for line in lines if line.strip()]),
        nulls=("",),
        quasi_identifiers=("a9", "a13", "a17", "a20"),
        releases={},
    )


def heart_disease(folder: Path) -> PublicTable:
    lines = (folder / "heart-disease" / "processed.cleveland.data").read_text(encoding="ascii").splitlines()
    return PublicTable(
        name="Heart disease",
        columns=HEART,
        rows=_mixed([tuple(line.split(",")) for line in lines if line.strip()]),
        nulls=("", "?"),
        quasi_identifiers=("age", "sex", "cp"),
        releases={},
    )


TABLES: dict[str, Callable[[Path], PublicTable]] = {
    "adult": adult_table,
    "adult-ctgan": adult_ctgan,
    "credit-default": credit_default,
    "nist": nist_massachusetts,
    "breast-cancer": breast_cancer,
    "penguins": penguins,
    "german-credit": german_credit,
    "heart-disease": heart_disease,
}
"""By what a command line calls them; each takes the folder that holds the data sets' folders."""
