"""The commonest case: a release and the rows it was made from, and nothing held out."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest

ADVICE = {
    "en": "set a random part of the rows aside before the next release is made; for this one it cannot be made up for",
    "ja": "次のリリースでは、作成する前に行の一部を無作為に取り分けておいてください",
}


def rows_of(path: Path) -> tuple[list[str], list[list[str]]]:
    with path.open(newline="", encoding="utf-8") as file:
        names, *rows = csv.reader(file)
    return names, rows


def card_of(pack: Path) -> dict:
    return json.loads((pack / "scorecard.json").read_text(encoding="utf-8"))


def failed(pack: Path) -> set[str]:
    return {f"{one['rule']} {one['of']}" for one in card_of(pack)["judgements"] if one["verdict"] == "fail"}


def by_itself(files, table, path: Path, **coarser) -> Path:
    """The members' table with some columns written another way."""
    names, rows = rows_of(files.members)
    return table(path, [tuple(coarser.get(n, str)(c) for n, c in zip(names, r, strict=True)) for r in rows], names)


def test_a_subsample_of_the_members_fails(files, sekisho, table, tmp_path) -> None:
    names, rows = rows_of(files.members)
    part = np.random.default_rng(3).permutation(len(rows))[: round(0.4 * len(rows))]
    release = table(tmp_path / "part.csv", [tuple(rows[at]) for at in part], names)
    ran = sekisho("audit", "--release", release, "--members", files.members, "--out", tmp_path / "pack")
    assert ran.code == 1, ran.err
    assert failed(tmp_path / "pack") >= {
        "exact-copies/released_copies_excess any + once",
        "exact-copies/released_near_excess distance",
        "exact-copies/released_near_excess columns",
    }
    assert ADVICE["en"] in ran.err


def test_exchanged_values_fail(files, sekisho, table, tmp_path) -> None:
    names, rows = rows_of(files.members)
    columns = [list(column) for column in zip(*rows, strict=True)]
    for at in (0, 5):  # age and note
        columns[at] = list(np.random.default_rng(at).permutation(columns[at]))
    release = table(tmp_path / "swapped.csv", list(zip(*columns, strict=True)), names)
    ran = sekisho("audit", "--release", release, "--members", files.members, "--out", tmp_path / "pack")
    assert ran.code == 1, ran.err
    assert "exact-copies/released_near_excess columns" in failed(tmp_path / "pack")


def test_independent_columns_are_inconclusive_and_the_card_says_what_is_missing(
    files, sekisho, table, tmp_path
) -> None:
    names, rows = rows_of(files.members)
    rng = np.random.default_rng(4)
    columns = [rng.choice(column, size=len(rows)) for column in zip(*rows, strict=True)]
    release = table(tmp_path / "marginals.csv", list(zip(*columns, strict=True)), names)
    pack = tmp_path / "pack"
    ran = sekisho("audit", "--release", release, "--members", files.members, "--out", pack)
    assert ran.code == 3, ran.err
    card = card_of(pack)
    assert card["missing"] == ["copies", "membership"]
    assert [one["code"] for one in card["reasons"]] == ["goal-not-assessed", "goal-not-assessed", "no-holdout"]
    caveats = {one["code"] for finding in card["findings"] for one in finding["caveats"]}
    assert caveats >= {"agreeing-in-part", "copies-without-holdout"}
    for language, advice in ADVICE.items():
        page = (pack / f"scorecard.{language}.html").read_text(encoding="utf-8")
        assert advice in page
    english = (pack / "scorecard.en.html").read_text(encoding="utf-8")
    for words in ("copies of real rows", "membership inference", "a few copies may go unnoticed", "Not assessed"):
        assert words in english
    assert "少数の複製や、複数の人の平均をとった行は見逃すことがあります" in (pack / "scorecard.ja.html").read_text(
        encoding="utf-8"
    )


@pytest.mark.parametrize(
    ("column", "coarser"), [("age", lambda age: f"{age[0]}0-{age[0]}9"), ("region", lambda region: "north")]
)
def test_ranges_nobody_declared_are_refused_with_the_way_out(files, sekisho, table, tmp_path, column, coarser) -> None:
    release = by_itself(files, table, tmp_path / "coarse.csv", **{column: coarser})
    ran = sekisho("audit", "--release", release, "--members", files.members, "--out", tmp_path / "pack")
    assert ran.code == 2
    said = " ".join(ran.err.split())
    assert "`release: {table: ..., generalised: true}`" in said
    assert f"column '{column}'" in said


def test_declared_generalised_the_columns_left_exact_are_looked_at_and_k_judges_the_rest(
    files, sekisho, table, tmp_path
) -> None:
    coarser = {
        "age": lambda age: "to 56" if int(age) < 57 else "from 57",
        "income": lambda income: "low" if float(income) < 22_000 else "high",
        "visits": lambda visits: "some" if int(visits) < 5 else "many",
        "region": lambda region: "north" if region < "region 5" else "south",
    }
    by_itself(files, table, tmp_path / "coarse.csv", **coarser)
    by_itself(files, table, tmp_path / "members.csv")
    recipe = tmp_path / "audit.yaml"
    written = (
        "audit: coarse\nrelease: {table: coarse.csv, generalised: true}\nmembers: members.csv\ncolumns:\n"
        "  age: {role: quasi-identifier}\n  region: {role: quasi-identifier}\n"
    )
    recipe.write_text(written, encoding="utf-8")
    ran = sekisho("audit", recipe, "--out", tmp_path / "pack")
    assert ran.code == 3, ran.err
    verdicts = {one["rule"]: one["verdict"] for one in card_of(tmp_path / "pack")["judgements"]}
    assert verdicts["k-anonymity/largest_risk"] == "pass"
    # Where an exact column is left that tells people apart, the copies show.
    del coarser["income"]
    by_itself(files, table, tmp_path / "coarse.csv", **coarser)
    ran = sekisho("audit", recipe, "--out", tmp_path / "exact")
    assert ran.code == 1, ran.err
    assert "exact-copies/released_copies_excess any + once" in failed(tmp_path / "exact")
